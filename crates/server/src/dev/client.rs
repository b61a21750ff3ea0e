//! A small client of our own public API, for the sample objects and for `apply`.

use std::time::Duration;

use serde_json::{Value, json};

use super::Credentials;

/// Longest wait for one answer.
const TIMEOUT: Duration = Duration::from_secs(30);

pub(crate) struct Client {
    agent: ureq::Agent,
    url: String,
    headers: Vec<(&'static str, String)>,
}

impl Client {
    /// Gets a token, as any client does first.
    pub(crate) fn connect(url: &str, known: &Credentials) -> Result<Self, String> {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(TIMEOUT))
            .build()
            .into();
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", known.api_key.as_str()),
            ("client_secret", known.client_secret.as_str()),
            ("scope", "openid,AdobeID,read_organizations"),
        ];
        let endpoint = format!("{url}/ims/token/v3");
        let mut answer =
            agent.post(&endpoint).send_form(form).map_err(|error| format!("{endpoint}: {error}"))?;
        let token: Value = answer.body_mut().read_json().map_err(|error| format!("{endpoint}: {error}"))?;
        let token = token["access_token"].as_str().ok_or_else(|| format!("{endpoint}: {token}"))?;
        let headers = vec![
            ("authorization", format!("Bearer {token}")),
            ("x-api-key", known.api_key.clone()),
            ("x-gw-ims-org-id", known.org.clone()),
            ("x-sandbox-name", known.sandbox.clone()),
        ];
        Ok(Self { agent, url: url.to_owned(), headers })
    }

    pub(crate) fn get(&self, path: &str) -> Result<Value, String> {
        let mut request = self.agent.get(format!("{}{path}", self.url));
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        if path.contains("/schemaregistry/") {
            request = request.header("accept", "application/vnd.adobe.xed+json");
        }
        let answer = request.call().map_err(|error| format!("GET {path}: {error}"))?;
        read("GET", path, answer)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Result<Value, String> {
        let mut request = self.agent.post(format!("{}{path}", self.url));
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let answer = request.send_json(body).map_err(|error| format!("POST {path}: {error}"))?;
        read("POST", path, answer)
    }

    /// Any call: further headers, and a body or none.
    pub(crate) fn call(
        &self,
        method: &str,
        path: &str,
        extra: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Value, String> {
        let failed = |error: &dyn std::fmt::Display| format!("{method} {path}: {error}");
        let mut request = http::Request::builder().method(method).uri(format!("{}{path}", self.url));
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        for (name, value) in extra {
            request = request.header(*name, *value);
        }
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let text = body.map(Value::to_string).unwrap_or_default();
        let request = request.body(text).map_err(|error| failed(&error))?;
        let answer = self.agent.run(request).map_err(|error| failed(&error))?;
        read(method, path, answer)
    }

    /// Posts one record to an open inlet.
    pub(crate) fn collect(&self, inlet_url: &str, flow: &str, record: &Value) -> Result<Value, String> {
        let answer = self
            .agent
            .post(inlet_url)
            .header("x-adobe-flow-id", flow)
            .send_json(record)
            .map_err(|error| format!("POST {inlet_url}: {error}"))?;
        read("POST", inlet_url, answer)
    }
}

fn read(method: &str, path: &str, mut answer: http::Response<ureq::Body>) -> Result<Value, String> {
    let status = answer.status().as_u16();
    let value: Value = answer.body_mut().read_json().unwrap_or(json!(null));
    if status >= 400 { Err(format!("{method} {path}: status {status}: {value}")) } else { Ok(value) }
}
