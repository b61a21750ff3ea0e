//! A server as a child process, a client, and the objects that most tests need.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) const FLOWS: &str = "/data/foundation/flowservice";
pub(crate) const REGISTRY: &str = "/data/foundation/schemaregistry/tenant";
pub(crate) const FULL: &str = "application/vnd.adobe.xed-full+json;version=1";
pub(crate) const STREAMING: &str = "bc7b00d6-623a-4dfc-9fdb-f1240aeadaeb";
pub(crate) const DATA_LAKE: &str = "c604ff05-7f1a-43c0-8e18-33bf874cb11c";
pub(crate) const AS_IS: &str = "d8a6f005-7eaf-4153-983e-e8574508b877";
pub(crate) const MAPPED: &str = "c1a19761-d2c7-4702-b9fa-fe91f0613e81";

/// Polls for this long before a test gives up. Nothing is asserted about how long a thing took.
const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(20);

/// The binary under test.
pub(crate) fn binary() -> &'static str {
    env!("CARGO_BIN_EXE_tributary")
}

/// A build with planted faults, when the caller made one.
pub(crate) fn faulty_binary() -> Option<String> {
    std::env::var("TRIBUTARY_TEST_FAULTS").ok()
}

/// A Python that has the lake readers, when the caller made one.
pub(crate) fn python() -> Option<String> {
    std::env::var("TRIBUTARY_TEST_PYTHON").ok()
}

/// Waits until `probe` gives something.
pub(crate) fn wait_for<T>(what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let mut waited = Duration::ZERO;
    loop {
        if let Some(found) = probe() {
            return found;
        }
        assert!(waited < PATIENCE, "gave up waiting for {what}");
        std::thread::sleep(POLL);
        waited += POLL;
    }
}

/// A `tributary dev` without samples on a folder of its own.
pub(crate) struct Server {
    child: Child,
    facts: Vec<(String, String)>,
}

/// How a server is started.
pub(crate) struct Start<'a> {
    pub(crate) binary: &'a str,
    pub(crate) home: &'a Path,
    pub(crate) environment: Vec<(&'a str, String)>,
    /// The configuration file of a `tributary serve`; `tributary dev` when empty.
    pub(crate) settings: &'a str,
}

impl<'a> Start<'a> {
    pub(crate) fn on(home: &'a Path) -> Self {
        Self { binary: binary(), home, environment: Vec::new(), settings: "" }
    }

    /// Starts without waiting.
    pub(crate) fn spawn(&self) -> Child {
        let _ = fs::remove_file(self.home.join("ready"));
        let log =
            fs::OpenOptions::new().create(true).append(true).open(self.home.join("server.log")).unwrap();
        let mut command = Command::new(self.binary);
        if self.settings.is_empty() {
            command.args(["dev", "--no-samples"]);
        } else {
            let config = self.home.join("tributary.toml");
            fs::write(&config, self.settings).unwrap();
            command.arg("serve").arg("--config").arg(config);
        }
        command
            .args(["--listen", "127.0.0.1:0", "--data"])
            .arg(self.home.join("data"))
            .arg("--ready-file")
            .arg(self.home.join("ready"))
            .envs(self.environment.iter().map(|(key, value)| (*key, value.as_str())))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap()
    }

    /// Starts and waits until it is ready.
    pub(crate) fn ready(&self) -> Server {
        self.try_ready().unwrap_or_else(|status| panic!("the server ended with {status}:\n{}", self.log()))
    }

    /// Starts and waits until it is ready or has ended.
    pub(crate) fn try_ready(&self) -> Result<Server, ExitStatus> {
        let mut child = self.spawn();
        let text = wait_for("the ready-file", || match child.try_wait().unwrap() {
            Some(status) => Some(Err(status)),
            None => fs::read_to_string(self.home.join("ready")).ok().map(Ok),
        })?;
        let facts = text.lines().filter_map(|line| line.split_once('='));
        let mut facts: Vec<_> = facts.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        if !self.settings.is_empty() {
            facts.extend(self.credential());
        }
        Ok(Server { child, facts })
    }

    /// What the servers on this folder have said.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.home.join("server.log")).unwrap_or_default()
    }

    /// What `tributary serve` does not say of itself: a credential, made once for the folder.
    fn credential(&self) -> Vec<(String, String)> {
        let path = self.home.join("credential.json");
        if !path.exists() {
            let data = self.home.join("data");
            let output = Command::new(binary())
                .args(["credentials", "create", "--org", "0123456789ABCDEF01234567@AdobeOrg"])
                .args(["--output", "json", "--data", data.to_str().unwrap()])
                .output()
                .unwrap();
            fs::write(&path, checked(output)).unwrap();
        }
        let made: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        [
            ("TRIBUTARY_ORG", "org"),
            ("TRIBUTARY_API_KEY", "api_key"),
            ("TRIBUTARY_CLIENT_SECRET", "client_secret"),
            ("TRIBUTARY_TENANT", "tenant"),
        ]
        .map(|(fact, key)| (fact.to_owned(), made[key].as_str().unwrap().to_owned()))
        .to_vec()
    }
}

impl Server {
    pub(crate) fn start() -> (Self, TempDir) {
        let home = tempfile::tempdir().unwrap();
        (Start::on(home.path()).ready(), home)
    }

    /// A line of the ready-file.
    pub(crate) fn fact(&self, key: &str) -> &str {
        let found = self.facts.iter().find(|(name, _)| name == key);
        &found.unwrap_or_else(|| panic!("{key} is not in the ready-file")).1
    }

    pub(crate) fn url(&self) -> &str {
        self.fact("TRIBUTARY_URL")
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// How it ended; waits for that.
    pub(crate) fn ended(mut self) -> ExitStatus {
        wait_for("the server to end", || self.child.try_wait().unwrap())
    }

    /// SIGTERM; the exit code.
    pub(crate) fn terminate(mut self) -> Option<i32> {
        let pid = rustix::process::Pid::from_raw(self.child.id().try_into().unwrap()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        self.child.wait().unwrap().code()
    }

    pub(crate) fn client(&self) -> Client {
        Client::connect(
            self.url(),
            self.fact("TRIBUTARY_ORG"),
            self.fact("TRIBUTARY_API_KEY"),
            self.fact("TRIBUTARY_CLIENT_SECRET"),
        )
    }

    pub(crate) fn tenant(&self) -> &str {
        self.fact("TRIBUTARY_TENANT")
    }

    /// Waits until no record is pending, for as long as they become fewer: what a load left may take a busy machine long.
    pub(crate) fn settle(&self) {
        let (mut fewest, mut waited) = (f64::INFINITY, Duration::ZERO);
        loop {
            let pending = self.pending();
            match pending {
                Some(0.0) => return,
                Some(pending) if pending < fewest => (fewest, waited) = (pending, Duration::ZERO),
                _ => waited += POLL,
            }
            assert!(waited < PATIENCE, "the lake does not catch up: {pending:?} records are pending");
            std::thread::sleep(POLL);
        }
    }

    fn pending(&self) -> Option<f64> {
        let (status, text) = get_text(&format!("{}/metrics", self.url()));
        assert_eq!(status, 200, "{text}");
        let line = text.lines().find(|line| line.starts_with("tributary_records_pending"))?;
        line.rsplit(' ').next()?.parse().ok()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(30)))
        .build()
        .into()
}

fn get_text(url: &str) -> (u16, String) {
    let mut answer = agent().get(url).call().unwrap();
    (answer.status().as_u16(), answer.body_mut().read_to_string().unwrap_or_default())
}

/// A client of the gateway with a token.
#[derive(Clone)]
pub(crate) struct Client {
    agent: ureq::Agent,
    pub(crate) url: String,
    pub(crate) org: String,
    pub(crate) api_key: String,
    pub(crate) token: String,
    pub(crate) sandbox: String,
    /// What was made: the path of each POST that was answered, and the answer.
    pub(crate) made: Arc<Mutex<Vec<(String, Value)>>>,
}

impl Client {
    pub(crate) fn connect(url: &str, org: &str, api_key: &str, secret: &str) -> Self {
        let (status, token) = token(url, api_key, secret);
        assert_eq!(status, 200, "{token}");
        Self {
            agent: agent(),
            url: url.to_owned(),
            org: org.to_owned(),
            api_key: api_key.to_owned(),
            token: token["access_token"].as_str().unwrap().to_owned(),
            sandbox: "prod".to_owned(),
            made: Arc::default(),
        }
    }

    /// The same caller in another sandbox.
    pub(crate) fn in_sandbox(&self, name: &str) -> Self {
        Self { sandbox: name.to_owned(), made: Arc::default(), ..self.clone() }
    }

    /// Any call with the gateway's headers; an empty body reads as null.
    pub(crate) fn call(
        &self,
        method: &str,
        path: &str,
        extra: &[(&str, &str)],
        body: Option<&Value>,
    ) -> (u16, Value) {
        let mut request = http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url))
            .header("authorization", format!("Bearer {}", self.token))
            .header("x-api-key", &self.api_key)
            .header("x-gw-ims-org-id", &self.org)
            .header("x-sandbox-name", &self.sandbox);
        for (name, value) in extra {
            request = request.header(*name, *value);
        }
        let text = body.map(Value::to_string).unwrap_or_default();
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let mut answer = self.agent.run(request.body(text).unwrap()).unwrap();
        let status = answer.status().as_u16();
        (status, serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap_or(Value::Null))
    }

    pub(crate) fn get(&self, path: &str) -> Value {
        let accept = [("accept", "application/vnd.adobe.xed+json;version=1")];
        let extra: &[_] = if path.contains("schemaregistry") { &accept } else { &[] };
        let (status, body) = self.call("GET", path, extra, None);
        assert_eq!(status, 200, "GET {path}: {body}");
        body
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Value {
        let (status, answer) = self.call("POST", path, &[], Some(body));
        assert!(status < 300, "POST {path}: {status} {answer}");
        self.made.lock().unwrap().push((path.to_owned(), answer.clone()));
        answer
    }
}

/// The path that shows what a POST made.
pub(crate) fn shown_at(path: &str, answer: &Value) -> String {
    let id = [&answer["$id"], &answer["id"], &answer["@id"], &answer[0]]
        .into_iter()
        .find_map(Value::as_str)
        .unwrap();
    let id = id.trim_start_matches("@/dataSets/").replace(':', "%3A").replace('/', "%2F");
    format!("{path}/{id}")
}

/// Asks for a token: status and body.
pub(crate) fn token(url: &str, api_key: &str, secret: &str) -> (u16, Value) {
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", api_key),
        ("client_secret", secret),
        ("scope", "a,b"),
    ];
    let mut answer = agent().post(format!("{url}/ims/token/v3")).send_form(form).unwrap();
    (answer.status().as_u16(), answer.body_mut().read_json().unwrap())
}

/// One request with just these headers: status, headers and text of the answer.
pub(crate) fn exchange(
    url: &str,
    method: &str,
    headers: &BTreeMap<String, String>,
    body: String,
) -> (u16, http::HeaderMap, String) {
    let mut request = http::Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let mut answer = agent().run(request.body(body).unwrap()).unwrap();
    let text = answer.body_mut().read_to_string().unwrap_or_default();
    (answer.status().as_u16(), answer.headers().clone(), text)
}

/// Posts a text to an inlet; extra headers as given.
pub(crate) fn collect(url: &str, extra: &[(&str, &str)], body: &[u8]) -> (u16, Value) {
    let mut request = http::Request::builder().method("POST").uri(url);
    if !extra.iter().any(|(name, _)| *name == "content-type") {
        request = request.header("content-type", "application/json");
    }
    for (name, value) in extra {
        request = request.header(*name, *value);
    }
    let mut answer = agent().run(request.body(body.to_vec()).unwrap()).unwrap();
    (answer.status().as_u16(), answer.body_mut().read_json().unwrap_or(Value::Null))
}

/// One request over a raw socket; everything the server sends until it closes.
pub(crate) fn raw(url: &str, request: &[u8]) -> String {
    let address = url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let _ = stream.write_all(request);
    let _ = stream.shutdown(Shutdown::Write);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

/// A schema, its dataset, and inlets that feed it.
pub(crate) struct Setup {
    pub(crate) schema: String,
    pub(crate) dataset: String,
    pub(crate) table: String,
    pub(crate) tenant: String,
}

/// An inlet and its flow.
#[derive(Clone)]
pub(crate) struct Inlet {
    pub(crate) connection: String,
    pub(crate) id: String,
    pub(crate) url: String,
    pub(crate) flow: String,
}

impl Inlet {
    pub(crate) fn batch_url(&self) -> String {
        self.url.replace("/collection/", "/collection/batch/")
    }
}

impl Setup {
    /// A profile schema with custom fields under the tenant's key, and its dataset.
    pub(crate) fn profile(client: &Client, tenant: &str, name: &str) -> Self {
        let key = format!("_{tenant}");
        let group = client.post(
            &format!("{REGISTRY}/fieldgroups"),
            &json!({
                "type": "object", "title": format!("{name} fields"),
                "meta:intendedToExtend": ["https://ns.adobe.com/xdm/context/profile"],
                "definitions": { "customFields": { "properties": { key: { "type": "object", "properties": {
                    "number": { "type": "integer" },
                    "level": { "type": "string", "enum": ["low", "high"] },
                    "seen": { "type": "string", "format": "date-time" },
                    "tags": { "type": "array", "items": { "type": "string" } }
                } } } } },
                "allOf": [{ "$ref": "#/definitions/customFields" }]
            }),
        );
        let schema = client.post(
            &format!("{REGISTRY}/schemas"),
            &json!({
                "type": "object", "title": name,
                "allOf": [
                    { "$ref": "https://ns.adobe.com/xdm/context/profile" },
                    { "$ref": "https://ns.adobe.com/xdm/context/profile-person-details" },
                    { "$ref": group["$id"] }
                ]
            }),
        );
        let schema = schema["$id"].as_str().unwrap().to_owned();
        Self::on_schema(client, tenant, name, &schema)
    }

    pub(crate) fn on_schema(client: &Client, tenant: &str, name: &str, schema: &str) -> Self {
        let made = client.post(
            "/data/foundation/catalog/dataSets",
            &json!({ "name": name, "schemaRef": { "id": schema, "contentType": FULL } }),
        );
        let dataset = made[0].as_str().unwrap().trim_start_matches("@/dataSets/").to_owned();
        let found = client.get(&format!("/data/foundation/catalog/dataSets/{dataset}"));
        let table = found[&dataset]["tags"]["adobe/pqs/table"][0].as_str().unwrap().to_owned();
        Self { schema: schema.to_owned(), dataset, table, tenant: tenant.to_owned() }
    }

    /// A streaming connection and a flow into this dataset; with a mapping when one is given.
    pub(crate) fn inlet(
        &self,
        client: &Client,
        data_type: &str,
        authenticated: bool,
        mapping: Option<&str>,
    ) -> Inlet {
        let connection = client.post(
            &format!("{FLOWS}/connections"),
            &json!({
                "name": "test", "connectionSpec": { "id": STREAMING, "version": "1.0" },
                "auth": { "specName": "Streaming Connection",
                    "params": { "dataType": data_type, "authenticationRequired": authenticated } }
            }),
        );
        let connection = connection["id"].as_str().unwrap().to_owned();
        let source = client.post(
            &format!("{FLOWS}/sourceConnections"),
            &json!({
                "name": "test", "baseConnectionId": connection,
                "connectionSpec": { "id": STREAMING, "version": "1.0" }
            }),
        );
        let target = client.post(
            &format!("{FLOWS}/targetConnections"),
            &json!({
                "name": "test", "connectionSpec": { "id": DATA_LAKE, "version": "1.0" },
                "data": { "schema": { "id": self.schema, "version": FULL } },
                "params": { "dataSetId": self.dataset }
            }),
        );
        let mut flow = json!({
            "name": "test", "flowSpec": { "id": AS_IS, "version": "1.0" },
            "sourceConnectionIds": [source["id"]], "targetConnectionIds": [target["id"]]
        });
        if let Some(mapping) = mapping {
            flow["flowSpec"]["id"] = json!(MAPPED);
            flow["transformations"] = json!([{ "name": "Mapping", "params": { "mappingId": mapping } }]);
        }
        let flow = client.post(&format!("{FLOWS}/flows"), &flow);
        let found = client.get(&format!("{FLOWS}/connections/{connection}"));
        let params = &found["items"][0]["auth"]["params"];
        Inlet {
            connection,
            id: params["inletId"].as_str().unwrap().to_owned(),
            url: params["inletUrl"].as_str().unwrap().to_owned(),
            flow: flow["id"].as_str().unwrap().to_owned(),
        }
    }

    /// A mapping set into this schema: (source type, source, destination).
    pub(crate) fn mapping(&self, client: &Client, items: &[(&str, &str, &str)]) -> String {
        let items = items.iter().map(|(kind, source, destination)| {
            json!({ "sourceType": kind, "source": source, "destination": destination })
        });
        let made = client.post(
            "/data/foundation/conversion/mappingSets",
            &json!({
                "outputSchema": { "schemaRef": { "id": self.schema, "contentType": FULL } },
                "mappings": items.collect::<Vec<_>>()
            }),
        );
        made["id"].as_str().unwrap().to_owned()
    }

    /// An XDM message that carries the entity.
    pub(crate) fn message(&self, client: &Client, inlet: &Inlet, entity: Value) -> Value {
        let schema_ref = json!({ "id": self.schema, "contentType": FULL });
        json!({
            "header": { "schemaRef": schema_ref, "imsOrgId": client.org, "datasetId": self.dataset, "flowId": inlet.flow },
            "body": { "xdmMeta": { "schemaRef": schema_ref }, "xdmEntity": entity }
        })
    }
}

/// Runs one of `tests/readers` with the pinned readers; `None` (and a printed reason) when there is no Python for it.
pub(crate) fn reader(script: &str, arguments: &[&str]) -> Option<String> {
    let Some(python) = python() else {
        eprintln!("skipped: TRIBUTARY_TEST_PYTHON is not set (`cargo xtask test` sets it)");
        return None;
    };
    let script = Path::new("../../tests/readers").join(script);
    let output = Command::new(python).arg(script).args(arguments).output().unwrap();
    Some(checked(output))
}

pub(crate) fn checked(output: Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// The arguments by which a reader finds a table through the REST catalogue.
pub(crate) fn rest<'a>(server: &'a Server, table: &'a str) -> Vec<&'a str> {
    vec![
        server.fact("TRIBUTARY_ICEBERG_URL"),
        server.fact("TRIBUTARY_WAREHOUSE"),
        server.fact("TRIBUTARY_API_KEY"),
        server.fact("TRIBUTARY_CLIENT_SECRET"),
        table,
    ]
}
