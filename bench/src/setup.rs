//! Makes what a benchmark posts to, through the API of a running server, and writes the bodies.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::{Outcome, corpus, load};

pub(crate) const STREAMING_CONNECTION: &str = "bc7b00d6-623a-4dfc-9fdb-f1240aeadaeb";
pub(crate) const DATA_LAKE: &str = "c604ff05-7f1a-43c0-8e18-33bf874cb11c";
const AS_IS: &str = "d8a6f005-7eaf-4153-983e-e8574508b877";

pub(crate) struct Client {
    facts: Vec<(String, String)>,
    token: String,
    agent: ureq::Agent,
}

impl Client {
    fn fact(&self, name: &str) -> &str {
        self.facts
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
            .unwrap_or_default()
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Outcome<Value> {
        let request = self.with_headers(self.agent.post(self.url(path)));
        Ok(request.send_json(body)?.body_mut().read_json()?)
    }

    pub(crate) fn get(&self, path: &str) -> Outcome<Value> {
        let request = self.with_headers(self.agent.get(self.url(path)));
        Ok(request.call()?.body_mut().read_json()?)
    }

    fn url(&self, path: &str) -> String {
        format!("{}/data/foundation/{path}", self.fact("TRIBUTARY_URL"))
    }

    fn with_headers<B>(&self, request: ureq::RequestBuilder<B>) -> ureq::RequestBuilder<B> {
        request
            .header("authorization", format!("Bearer {}", self.token))
            .header("x-api-key", self.fact("TRIBUTARY_API_KEY"))
            .header("x-gw-ims-org-id", self.fact("TRIBUTARY_ORG"))
            .header("x-sandbox-name", self.fact("TRIBUTARY_SANDBOX"))
            .header("accept", "application/vnd.adobe.xed-full+json;version=1")
    }

    pub(crate) fn id(&self, path: &str, body: &Value) -> Outcome<String> {
        let answer = self.post(path, body)?;
        Ok(answer["id"].as_str().ok_or("an answer without id")?.to_owned())
    }

    /// Takes a token from the server whose ready-file it is.
    pub(crate) fn connect(ready: &Path) -> Outcome<Self> {
        let text = fs::read_to_string(ready)?;
        let pairs = text.lines().filter_map(|line| line.split_once('='));
        let facts = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let mut client = Client { facts, token: String::new(), agent: ureq::Agent::new_with_defaults() };
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", client.fact("TRIBUTARY_API_KEY")),
            ("client_secret", client.fact("TRIBUTARY_CLIENT_SECRET")),
        ];
        let url = format!("{}/ims/token/v3", client.fact("TRIBUTARY_URL"));
        let token: Value = client.agent.post(url).send_form(form)?.body_mut().read_json()?;
        client.token = token["access_token"].as_str().ok_or("no token")?.to_owned();
        Ok(client)
    }
}

/// Makes the schema and a dataset of it: the reference to the one, the id of the other.
pub(crate) fn dataset(client: &Client) -> Outcome<(Value, String)> {
    let mut schema = corpus::schema();
    schema["title"] = json!("Benchmark");
    for made in ["$id", "meta:extends"] {
        schema.as_object_mut().ok_or("a schema is an object")?.remove(made);
    }
    let schema = client.post("schemaregistry/tenant/schemas", &schema)?;
    let reference =
        json!({ "id": schema["$id"], "contentType": "application/vnd.adobe.xed-full+json;version=1" });
    let dataset = client.post("catalog/dataSets", &json!({ "name": "Benchmark", "schemaRef": reference }))?;
    let dataset = dataset[0].as_str().and_then(|text| text.rsplit('/').next()).ok_or("no dataset")?;
    Ok((reference, dataset.to_owned()))
}

pub(crate) fn run(ready: &Path, dir: &Path) -> Outcome {
    let client = Client::connect(ready)?;
    let (reference, dataset) = dataset(&client)?;
    let connection = client.id(
        "flowservice/connections",
        &json!({ "name": "Benchmark", "connectionSpec": { "id": STREAMING_CONNECTION, "version": "1.0" },
            "auth": { "specName": "Streaming Connection", "params": { "dataType": "xdm", "name": "Benchmark" } } }),
    )?;
    let source = client.id(
        "flowservice/sourceConnections",
        &json!({ "name": "Benchmark", "baseConnectionId": connection,
            "connectionSpec": { "id": STREAMING_CONNECTION, "version": "1.0" } }),
    )?;
    let target = client.id(
        "flowservice/targetConnections",
        &json!({ "name": "Benchmark", "connectionSpec": { "id": DATA_LAKE, "version": "1.0" },
            "data": { "schema": { "id": reference["id"], "version": reference["contentType"] } },
            "params": { "dataSetId": dataset } }),
    )?;
    let flow = client.id(
        "flowservice/flows",
        &json!({ "name": "Benchmark", "flowSpec": { "id": AS_IS, "version": "1.0" },
            "sourceConnectionIds": [source], "targetConnectionIds": [target] }),
    )?;
    let header = json!({ "schemaRef": reference, "datasetId": dataset, "flowId": flow });
    corpus::write(dir, Some(&header.to_string()))?;
    load::print(&json!({ "inlet": connection, "flow": flow }))
}
