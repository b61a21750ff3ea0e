//! One request to a service behind the gateway: who calls, with which parameters and which body.

use axum::extract::{FromRequest, FromRequestParts as _, Request};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::HeaderMap;
use serde_json::{Map, Value};

use crate::api::gateway::{self, Caller};
use crate::app::App;

pub(crate) struct Call {
    pub(crate) app: App,
    pub(crate) caller: Caller,
    /// The query string, decoded, in its order.
    pub(crate) parameters: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// How the paths of the routes end that take a file in a form beside a JSON body.
pub(crate) const UPLOAD: &str = "/upload";

impl FromRequest<App> for Call {
    type Rejection = Response;

    async fn from_request(request: Request, app: &App) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        // The gateway decides before a byte of the body is read.
        let caller =
            Caller::from_request_parts(&mut parts, app).await.map_err(|refusal| refusal.into_response())?;
        let query = parts.uri.query().unwrap_or_default();
        let parameters = serde_urlencoded::from_str(query).unwrap_or_default();
        let (method, headers) = (parts.method.clone(), parts.headers.clone());
        let takes_form = parts.uri.path().ends_with(UPLOAD);
        let request = Request::from_parts(parts, body);
        let body = Bytes::from_request(request, app).await.map_err(|rejection| rejection.into_response())?;
        if !(takes_form && gateway::text(&headers, "content-type").is_some_and(gateway::is_form)) {
            gateway::check_content_type(&method, &headers, &body)
                .map_err(|refusal| refusal.into_response())?;
        }
        Ok(Self { app: app.clone(), caller, parameters, headers, body })
    }
}

impl Call {
    /// A query parameter; its name in any case.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.parameters.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
    }

    /// The etag that must match. One published collection sends it as a query parameter.
    pub(crate) fn if_match(&self) -> Option<&str> {
        gateway::text(&self.headers, "if-match").or_else(|| self.parameter("if-match"))
    }

    /// Whether there is no body, or blanks alone.
    pub(crate) fn is_empty(&self) -> bool {
        self.body.trim_ascii().is_empty()
    }
}

/// Why a body cannot be used, in words for any service's error.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BodyError {
    #[error("the body is empty")]
    Empty,
    #[error("the body is not JSON: {0}")]
    NotJson(String),
    #[error("the body must be a JSON object")]
    NotObject,
}

impl Call {
    /// The body. Content types differ among clients, so the text decides.
    pub(crate) fn json(&self) -> Result<Value, BodyError> {
        if self.is_empty() {
            return Err(BodyError::Empty);
        }
        serde_json::from_slice(&self.body).map_err(|error| BodyError::NotJson(error.to_string()))
    }

    pub(crate) fn object(&self) -> Result<Map<String, Value>, BodyError> {
        match self.json()? {
            Value::Object(members) => Ok(members),
            _ => Err(BodyError::NotObject),
        }
    }
}
