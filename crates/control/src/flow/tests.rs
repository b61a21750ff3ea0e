//! The rules of Flow Service, over an empty store with one dataset and one mapping set.

use serde_json::{Map, Value, json};
use store::{Store, Tx, values};

use super::flows::Action;
use super::*;
use crate::resource::{self, New};
use crate::testing;

const SCHEMA: &str = "https://ns.adobe.com/acme/schemas/0123";
const FULL: &str = "application/vnd.adobe.xed-full+json;version=1";
const DATASET: &str = "5f7187bac6d00f194fb937c0";
const MAPPING: &str = "00112233445566778899aabbccddeeff";
const PLAIN: &str = "d8a6f005-7eaf-4153-983e-e8574508b877";
const MAPPED: &str = "c1a19761-d2c7-4702-b9fa-fe91f0613e81";
const OPTIONAL: &str = "d69717ba-71b4-4313-b654-49f9cf126d7a";
const URL: &str = "http://127.0.0.1:8080";

/// A store with an org whose sandbox has a dataset, a dataset of another schema, and a mapping set in versions 0 to 2.
struct World {
    tx: Tx,
    scope: Scope,
    _store: Store,
    _dir: tempfile::TempDir,
}

impl World {
    async fn new() -> Self {
        let (store, dir) = testing::store().await;
        let mut tx = store.write().await.unwrap();
        let scope = testing::scope(&mut tx, "acme").await;
        add_data(&mut tx, &scope, DATASET, MAPPING).await;
        Self { tx, scope, _store: store, _dir: dir }
    }

    async fn connection(&mut self, data_type: &str) -> String {
        let body = connection_body(json!({"dataType": data_type}));
        connections::create(&mut self.tx, &self.scope, body, Mode::Complete).await.unwrap().id
    }

    async fn source(&mut self, connection: &str) -> String {
        let body = source_body(connection);
        source_connections::create(&mut self.tx, &self.scope, body, Mode::Complete).await.unwrap().id
    }

    async fn target(&mut self) -> String {
        let body = target_body(json!({"format": "parquet_xdm"}), json!({"dataSetId": DATASET}));
        target_connections::create(&mut self.tx, &self.scope, body, Mode::Complete).await.unwrap().id
    }

    /// A new connection with a source connection, and a target connection.
    async fn ends(&mut self) -> (String, String, String) {
        let connection = self.connection("raw").await;
        let source = self.source(&connection).await;
        (connection, source, self.target().await)
    }

    async fn flow(&mut self, body: Value) -> Result<Saved, FlowError> {
        flows::create(&mut self.tx, &self.scope, members(body), Mode::Complete).await
    }

    /// A good flow with a mapping; the ids of its connection, source and target before it.
    async fn mapped_flow(&mut self) -> (String, String, String, Saved) {
        let (connection, source, target) = self.ends().await;
        let transformations =
            json!([{"name": "Mapping", "params": {"mappingId": MAPPING, "mappingVersion": 0}}]);
        let flow = self.flow(flow_body(MAPPED, &source, &target, transformations)).await.unwrap();
        (connection, source, target, flow)
    }

    async fn item(&mut self, kind: Kind, id: &str) -> Value {
        let saved = get(&mut self.tx, &self.scope, kind, id).await.unwrap();
        item(&saved, &View { scope: &self.scope, collect_url: URL })
    }

    async fn patch(&mut self, kind: Kind, id: &str, patch: Value) -> Result<Saved, FlowError> {
        let saved = get(&mut self.tx, &self.scope, kind, id).await.unwrap();
        let etag = etag(&saved);
        let (tx, scope, etag) = (&mut self.tx, &self.scope, Some(etag.as_str()));
        match kind {
            Kind::Connections => connections::patch(tx, scope, id, etag, &patch).await,
            Kind::SourceConnections => source_connections::patch(tx, scope, id, etag, &patch).await,
            Kind::TargetConnections => target_connections::patch(tx, scope, id, etag, &patch).await,
            _ => flows::patch(tx, scope, id, etag, &patch).await,
        }
    }

    async fn act(&mut self, id: &str, action: Action) -> Result<Saved, FlowError> {
        flows::act(&mut self.tx, &self.scope, id, None, action).await
    }
}

async fn add_data(tx: &mut Tx, scope: &Scope, dataset: &str, mapping: &str) {
    let add = |kind, id: &str, doc: Value| New {
        kind,
        id: id.to_owned(),
        name: id.to_owned(),
        state: "active".to_owned(),
        doc: members(doc),
        uses: Vec::new(),
    };
    let doc = json!({"schemaRef": {"id": SCHEMA, "contentType": FULL}});
    resource::insert(tx, scope, add(Kind::DataSets, dataset, doc)).await.unwrap();
    let other = json!({"schemaRef": {"id": format!("{SCHEMA}45"), "contentType": FULL}});
    resource::insert(tx, scope, add(Kind::DataSets, &format!("{dataset}2"), other)).await.unwrap();
    let version = |n: u32, schema: &str| json!({"version": n, "outputSchema": {"schemaRef": {"id": schema, "contentType": FULL}}});
    resource::insert(tx, scope, add(Kind::MappingSets, mapping, version(2, SCHEMA))).await.unwrap();
    for (n, schema) in [(0, SCHEMA), (1, "https://ns.adobe.com/acme/schemas/other")] {
        let sql = "INSERT INTO revision (sandbox, kind, id, version, created_ms, doc) VALUES ($1, $2, $3, $4, 0, $5)";
        let doc = version(n, schema).to_string();
        tx.execute(sql, values![scope.sandbox, "mappingSets", mapping, n, doc]).await.unwrap();
    }
}

fn members(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        other => panic!("{other} is no object"),
    }
}

fn connection_body(params: Value) -> Map<String, Value> {
    members(json!({
        "name": "ACME streaming",
        "connectionSpec": {"id": specs::STREAMING, "version": "1.0"},
        "auth": {"specName": "Streaming Connection", "params": params},
    }))
}

fn source_body(connection: &str) -> Map<String, Value> {
    members(json!({
        "name": "source", "baseConnectionId": connection,
        "connectionSpec": {"id": specs::STREAMING, "version": "1.0"},
    }))
}

fn target_body(data: Value, params: Value) -> Map<String, Value> {
    members(json!({
        "name": "target", "data": data, "params": params,
        "connectionSpec": {"id": specs::DATA_LAKE, "version": "1.0"},
    }))
}

fn flow_body(spec: &str, source: &str, target: &str, transformations: Value) -> Value {
    json!({
        "name": "flow", "flowSpec": {"id": spec, "version": "1.0"},
        "sourceConnectionIds": [source], "targetConnectionIds": [target], "transformations": transformations,
    })
}

/// The name of the error's variant.
fn refusal<T>(result: Result<T, FlowError>) -> String {
    let text = format!("{:?}", result.err());
    text.trim_start_matches("Some(").split(['(', ' ', ')']).next().unwrap_or_default().to_owned()
}

/// `body` with the member at a dotted path replaced, or taken out by null.
fn with(body: &Map<String, Value>, path: &str, value: Value) -> Map<String, Value> {
    let mut body = Value::Object(body.clone());
    let (parent, last) = path.rsplit_once('.').unwrap_or(("", path));
    let pointer = if parent.is_empty() { String::new() } else { format!("/{}", parent.replace('.', "/")) };
    let members = body.pointer_mut(&pointer).unwrap().as_object_mut().unwrap();
    if value.is_null() {
        members.shift_remove(last);
    } else {
        members.insert(last.to_owned(), value);
    }
    self::members(body)
}

#[tokio::test]
async fn a_connection_comes_back_with_its_inlet() {
    let mut world = World::new().await;
    let mut body = connection_body(json!({"dataType": "xdm", "custom": 1}));
    body.insert("providerId".to_owned(), "521eee4d-8cbe-4906-bb48-fb6bd4450033".into());
    body.insert("unknown".to_owned(), json!({"kept": true}));
    // What the server makes is the server's.
    for made in ["id", "createdAt", "etag", "sandboxId", "state", "_resolved"] {
        body.insert(made.to_owned(), "mine".into());
    }
    let saved = connections::create(&mut world.tx, &world.scope, body, Mode::Complete).await.unwrap();
    let item = world.item(Kind::Connections, &saved.id).await;
    let inlet = item["auth"]["params"]["inletId"].as_str().unwrap().to_owned();
    assert_eq!((inlet.len(), inlet.chars().all(|c| c.is_ascii_hexdigit() && !c.is_uppercase())), (64, true));
    let etag = "\"00000001-0000-0200-0000-6553f1000000\"";
    let expected = json!({
        "id": saved.id, "createdAt": 1_700_000_000_000i64, "updatedAt": 1_700_000_000_000i64,
        "createdBy": "tester@techacct.adobe.com", "updatedBy": "tester@techacct.adobe.com",
        "createdClient": "client", "updatedClient": "client",
        "sandboxId": world.scope.sandbox_id.as_str(), "sandboxName": "prod", "imsOrgId": world.scope.org.as_str(),
        "name": "ACME streaming", "connectionSpec": {"id": specs::STREAMING, "version": "1.0"},
        "auth": {"specName": "Streaming Connection", "params": {
            "dataType": "xdm", "custom": 1, "authenticationRequired": false, "sourceId": "ACME streaming",
            "name": "ACME streaming", "inletId": inlet, "inletUrl": format!("{URL}/collection/{inlet}"),
        }},
        "providerId": "521eee4d-8cbe-4906-bb48-fb6bd4450033", "unknown": {"kept": true},
        "state": "enabled", "version": etag, "etag": etag,
    });
    assert_eq!(item, expected);
}

#[tokio::test]
async fn connections_that_are_refused() {
    let mut world = World::new().await;
    let good = connection_body(json!({"dataType": "xdm", "authenticationRequired": true}));
    for (path, value, expected) in [
        ("name", Value::Null, "Invalid"),
        ("name", json!(""), "Invalid"),
        ("name", json!(7), "Invalid"),
        ("description", json!(7), "Invalid"),
        ("connectionSpec", Value::Null, "UnknownSpec"),
        ("connectionSpec.id", json!("0000"), "UnknownSpec"),
        ("connectionSpec.version", json!("2.0"), "UnknownSpec"),
        ("connectionSpec.version", Value::Null, "None"),
        ("connectionSpec.version", json!(1), "None"),
        ("auth", Value::Null, "Invalid"),
        ("auth", json!("x"), "UnknownAuthSpec"),
        ("auth.specName", Value::Null, "UnknownAuthSpec"),
        ("auth.specName", json!("Basic"), "UnknownAuthSpec"),
        ("auth.params", Value::Null, "Invalid"),
        ("auth.params", json!([]), "Invalid"),
        ("auth.params.dataType", Value::Null, "Invalid"),
        ("auth.params.dataType", json!(1), "Invalid"),
        ("auth.params.dataType", json!("json"), "None"),
        ("auth.params.authenticationRequired", json!("maybe"), "Invalid"),
        ("auth.params.authenticationRequired", json!(1), "Invalid"),
        ("auth.params.sourceId", json!({}), "Invalid"),
        ("auth.params.sourceId", json!("dup"), "None"),
        ("auth.params.sourceId", json!("dup"), "None"),
    ] {
        let body = with(&good, path, value.clone());
        let made = connections::create(&mut world.tx, &world.scope, body, Mode::Complete).await;
        assert_eq!(refusal(made), expected, "{path} = {value}");
    }
    // A spec without auth specs needs no auth.
    let profile =
        members(json!({"name": "p", "connectionSpec": {"id": "8a9c3494-9708-43d7-ae3f-cda01e5030e1"}}));
    assert!(connections::create(&mut world.tx, &world.scope, profile, Mode::Complete).await.is_ok());
}

#[tokio::test]
async fn patches_of_a_connection() {
    let mut world = World::new().await;
    let body = connection_body(json!({"dataType": "xdm", "authenticationRequired": true, "sourceId": "s"}));
    let made = connections::create(&mut world.tx, &world.scope, body, Mode::Complete).await.unwrap();
    let inlet = made.doc["auth"]["params"]["inletId"].clone();
    let kind = Kind::Connections;
    for (patch, expected) in [
        (json!([]), "EmptyBody"),
        (json!({"op": "replace", "path": "/name", "value": ""}), "Invalid"),
        (json!({"op": "copy", "from": "/name", "path": "/description"}), "PatchOperation"),
        (json!({"op": "replace", "path": "/connectionSpec/id", "value": "x"}), "SpecChange"),
        (json!({"op": "replace", "path": "/id", "value": "x"}), "Patch"),
        (json!({"op": "add", "path": "/etag", "value": "x"}), "Patch"),
        (json!({"op": "add", "path": "/custom", "value": "x"}), "Patch"),
        (json!({"op": "replace", "path": "/auth/params/inletId", "value": "x"}), "Patch"),
        (json!({"op": "replace", "path": "/auth/specName", "value": "x"}), "Patch"),
        (json!({"op": "replace", "path": "/description", "value": "not there yet"}), "Patch"),
        (json!({"op": "replace", "path": "/state", "value": "asleep"}), "StateValue"),
        (json!({"op": "remove", "path": "/state"}), "StateValue"),
        (json!({"op": "replace", "path": "/auth/params/authenticationRequired", "value": 7}), "Invalid"),
        (
            json!([{"op": "replace", "path": "/name", "value": "new"}, {"op": "remove", "path": "/description"}]),
            "Patch",
        ),
    ] {
        assert_eq!(refusal(world.patch(kind, &made.id, patch.clone()).await), expected, "{patch}");
    }
    assert_eq!(
        get(&mut world.tx, &world.scope, kind, &made.id).await.unwrap(),
        made,
        "all operations or none"
    );

    // Replacing the parameters keeps the inlet and does not open it.
    let replace = json!({"op": "Replace", "path": "/auth/params", "value": {"name": "n", "inletId": "mine"}});
    let saved = world.patch(kind, &made.id, replace).await.unwrap();
    let expected = json!({"name": "n", "inletId": inlet, "dataType": "xdm", "authenticationRequired": true});
    assert_eq!(saved.doc["auth"]["params"], expected);
    let open = json!({"op": "replace", "path": "/auth/params/authenticationRequired", "value": false});
    let saved = world.patch(kind, &made.id, open).await.unwrap();
    assert_eq!(saved.doc["auth"]["params"]["authenticationRequired"], false);
    let disable = json!([{"op": "add", "path": "/state", "value": "disabled"},
                         {"op": "add", "path": "/description", "value": "closed"}]);
    let saved = world.patch(kind, &made.id, disable).await.unwrap();
    assert_eq!(
        (saved.state.as_str(), saved.rev, &saved.doc["description"]),
        ("disabled", 4, &json!("closed"))
    );
    assert!(!saved.doc.contains_key("state"));
}

#[tokio::test]
async fn the_version_must_match() {
    let mut world = World::new().await;
    let id = world.connection("xdm").await;
    let saved = get(&mut world.tx, &world.scope, Kind::Connections, &id).await.unwrap();
    let etag = etag(&saved);
    let bare = etag.trim_matches('"').to_owned();
    for (if_match, good) in [
        (etag.clone(), true),
        (bare.clone(), true),
        (format!("W/{etag}"), true),
        ("*".to_owned(), true),
        (format!("\"x\", {etag}"), true),
        (bare.to_uppercase(), true),
        (String::new(), false),
        ("\"\"".to_owned(), false),
        (bare.replacen('1', "2", 1), false),
        (bare[..bare.len() - 1].to_owned(), false),
    ] {
        assert_eq!(etag::matches(&saved, &if_match), good, "{if_match}");
    }
    let patch = json!({"op": "replace", "path": "/name", "value": "n"});
    let (tx, scope) = (&mut world.tx, &world.scope);
    assert_eq!(refusal(connections::patch(tx, scope, &id, None, &patch).await), "IfMatchMissing");
    let changed = connections::patch(tx, scope, &id, Some(&etag), &patch).await.unwrap();
    assert_ne!(self::etag(&changed), etag);
    assert_eq!(refusal(connections::patch(tx, scope, &id, Some(&etag), &patch).await), "VersionMismatch");
}

#[tokio::test]
async fn source_connections_and_their_base() {
    let mut world = World::new().await;
    let connection = world.connection("raw").await;
    let source = world.source(&connection).await;
    let item = world.item(Kind::SourceConnections, &source).await;
    let streaming = json!({"id": specs::STREAMING, "version": "1.0"});
    assert_eq!(item["params"], json!({}));
    assert_eq!(
        item["inheritedAttributes"],
        json!({"baseConnection": {"id": connection, "connectionSpec": streaming}})
    );
    let good = source_body(&connection);
    let lake = json!({"id": specs::DATA_LAKE});
    for (path, value, expected) in [
        ("name", Value::Null, "Invalid"),
        ("baseConnectionId", Value::Null, "Invalid"),
        ("baseConnectionId", json!(7), "Invalid"),
        ("baseConnectionId", json!("nope"), "ReferenceNotFound"),
        ("connectionSpec", lake, "Invalid"),
        ("connectionSpec.id", json!("nope"), "UnknownSpec"),
        ("data", json!("x"), "Invalid"),
        ("data", json!({"format": "delimited"}), "None"),
        ("params", json!(1), "Invalid"),
        ("params", json!({"a": 1}), "None"),
    ] {
        let body = with(&good, path, value.clone());
        let made = source_connections::create(&mut world.tx, &world.scope, body, Mode::Complete).await;
        assert_eq!(refusal(made), expected, "{path} = {value}");
    }
    for (patch, expected) in [
        (json!({"op": "replace", "path": "/params", "value": {"x": 1}}), "None"),
        (json!({"op": "add", "path": "/params/y", "value": 2}), "None"),
        (json!({"op": "add", "path": "/data", "value": {"format": "json"}}), "None"),
        (json!({"op": "replace", "path": "/params", "value": 1}), "Invalid"),
        (json!({"op": "replace", "path": "/baseConnectionId", "value": "x"}), "Patch"),
        (json!({"op": "replace", "path": "/inheritedAttributes", "value": {}}), "Patch"),
        (json!({"op": "replace", "path": "/connectionSpec", "value": {}}), "SpecChange"),
    ] {
        assert_eq!(
            refusal(world.patch(Kind::SourceConnections, &source, patch.clone()).await),
            expected,
            "{patch}"
        );
    }
}

#[tokio::test]
async fn target_connections_and_their_dataset() {
    let mut world = World::new().await;
    let schema = |id: &str, version: &str| json!({"schema": {"id": id, "version": version}});
    let here = json!({"dataSetId": DATASET});
    let xed = "application/vnd.adobe.xed-full+json;version=1.0";
    for (data, params, expected) in [
        (json!({"format": "parquet_xdm"}), here.clone(), "None"),
        (json!({}), here.clone(), "None"),
        (schema(SCHEMA, xed), here.clone(), "None"),
        (schema(SCHEMA, "application/vnd.adobe.xed-full-notext+json; version=1"), here.clone(), "None"),
        (schema(SCHEMA, "application/vnd.adobe.xed-full+json;version=2"), here.clone(), "Invalid"),
        (schema("https://ns.adobe.com/acme/schemas/other", xed), here.clone(), "Invalid"),
        (json!({"schema": {"schemaId": "https://ns.adobe.com/acme/schemas/other"}}), here.clone(), "Invalid"),
        (json!({"schema": {"schemaId": SCHEMA}}), here.clone(), "None"),
        (json!({"schema": "x"}), here.clone(), "Invalid"),
        (Value::Null, here, "Invalid"),
        (json!({}), json!({"datasetId": DATASET}), "None"),
        (json!({}), json!({"dataSetId": "nope"}), "Invalid"),
        (json!({}), json!({}), "Invalid"),
        (json!({}), Value::Null, "Invalid"),
        (json!({}), json!("x"), "Invalid"),
    ] {
        let body = target_body(data.clone(), params.clone());
        let made = target_connections::create(&mut world.tx, &world.scope, body, Mode::Complete).await;
        assert_eq!(refusal(made), expected, "{data} {params}");
    }
    let body = target_body(json!({"format": "json"}), json!({"datasetId": DATASET}));
    let made = target_connections::create(&mut world.tx, &world.scope, body, Mode::Complete).await.unwrap();
    let item = world.item(Kind::TargetConnections, &made.id).await;
    assert_eq!(item["params"], json!({"datasetId": DATASET, "dataSetId": DATASET}));
    assert_eq!(item["data"], json!({"format": "json", "schema": {"id": SCHEMA, "version": FULL}}));
    assert_eq!(item["inheritedAttributes"], json!({}));
    let kind = Kind::TargetConnections;
    let elsewhere = json!({"op": "replace", "path": "/params/dataSetId", "value": "nope"});
    assert_eq!(refusal(world.patch(kind, &made.id, elsewhere).await), "Invalid");
    // The other dataset has another schema than the one that the connection names.
    let other = json!({"op": "replace", "path": "/params/dataSetId", "value": format!("{DATASET}2")});
    assert_eq!(refusal(world.patch(kind, &made.id, other.clone()).await), "Invalid");
    let both = json!([other, {"op": "remove", "path": "/data/schema"}]);
    let moved = world.patch(kind, &made.id, both).await.unwrap();
    assert_eq!(moved.doc["data"]["schema"]["id"], format!("{SCHEMA}45"));
    let used = format!("{DATASET}2");
    let users = resource::users(&mut world.tx, &world.scope, kind, Kind::DataSets, &used).await.unwrap();
    assert_eq!(users, [made.id]);
}

#[tokio::test]
async fn a_flow_comes_back_with_what_it_inherits() {
    let mut world = World::new().await;
    let (connection, source, target, flow) = world.mapped_flow().await;
    let item = world.item(Kind::Flows, &flow.id).await;
    let inlet = world.item(Kind::Connections, &connection).await["auth"]["params"]["inletUrl"].clone();
    let streaming = json!({"id": specs::STREAMING, "version": "1.0"});
    let etag = "\"00000001-0000-0200-0000-6553f1000000\"";
    let expected = json!({
        "id": flow.id, "createdAt": 1_700_000_000_000i64, "updatedAt": 1_700_000_000_000i64,
        "createdBy": "tester@techacct.adobe.com", "updatedBy": "tester@techacct.adobe.com",
        "createdClient": "client", "updatedClient": "client",
        "sandboxId": world.scope.sandbox_id.as_str(), "sandboxName": "prod", "imsOrgId": world.scope.org.as_str(),
        "name": "flow", "flowSpec": {"id": MAPPED, "version": "1.0"}, "state": "enabled",
        "version": etag, "etag": etag,
        "sourceConnectionIds": [source], "targetConnectionIds": [target],
        "inheritedAttributes": {
            "properties": {"isSourceFlow": true, "isDestinationFlow": false},
            "sourceConnections": [{"id": source, "connectionSpec": streaming,
                "baseConnection": {"id": connection, "connectionSpec": streaming}}],
            "targetConnections": [{"id": target, "connectionSpec": {"id": specs::DATA_LAKE, "version": "1.0"}}],
        },
        "transformations": [{"name": "Mapping", "params": {"mappingId": MAPPING, "mappingVersion": 0}}],
        "runs": format!("/runs?property=flowId=={}", flow.id), "inletUrl": inlet,
        "lastOperation": {
            "started": 1_700_000_000_000i64, "updated": 1_700_000_000_000i64, "percentCompleted": 100.0,
            "status": {"value": "completed", "errors": []}, "ops": [], "operation": "create",
        },
    });
    assert_eq!(item, expected);
    let wiring = Wiring::of(&flow.doc).unwrap();
    assert_eq!((wiring.connection, wiring.dataset.as_str()), (connection, DATASET));
    assert_eq!(wiring.mapping.map(|mapping| (mapping.id, mapping.version)), Some((MAPPING.to_owned(), 0)));
}

#[tokio::test]
async fn flows_that_are_refused() {
    let mut world = World::new().await;
    let (_, source, target) = world.ends().await;
    let good = members(flow_body(PLAIN, &source, &target, json!([])));
    for (path, value, expected) in [
        ("name", Value::Null, "Invalid"),
        ("state", json!("enabled"), "StateInCreate"),
        ("flowSpec", Value::Null, "UnknownSpec"),
        ("flowSpec.id", json!(specs::STREAMING), "UnknownSpec"),
        ("flowSpec.version", json!("3.0"), "UnknownSpec"),
        ("sourceConnectionIds", Value::Null, "Invalid"),
        ("sourceConnectionIds", json!([]), "Invalid"),
        ("sourceConnectionIds", json!("x"), "Invalid"),
        ("sourceConnectionIds", json!([7]), "Invalid"),
        ("sourceConnectionIds", json!([source, source]), "Invalid"),
        ("sourceConnectionIds", json!(["nope"]), "ReferenceNotFound"),
        ("sourceConnectionIds", json!([target]), "ReferenceNotFound"),
        ("targetConnectionIds", Value::Null, "Invalid"),
        ("targetConnectionIds", json!(["nope"]), "ReferenceNotFound"),
        ("transformations", json!("x"), "Invalid"),
        ("transformations", json!([{"name": null}]), "None"),
        (
            "scheduleParams",
            json!({"frequency": "minute", "interval": "15", "foldernameTemplate": "%"}),
            "None",
        ),
        ("options", json!({"partialIngestionPercent": 5}), "None"),
    ] {
        let body = Value::Object(with(&good, path, value.clone()));
        assert_eq!(refusal(world.flow(body).await), expected, "{path} = {value}");
    }
    // A source connection whose base connection is gone stays, but feeds no new flow.
    let connection = world.connection("xdm").await;
    let orphan = world.source(&connection).await;
    delete(&mut world.tx, &world.scope, Kind::Connections, &connection).await.unwrap();
    let body = flow_body(PLAIN, &orphan, &target, json!([]));
    assert_eq!(refusal(world.flow(body).await), "ReferenceNotFound");
}

#[tokio::test]
async fn mappings_of_flows() {
    let mut world = World::new().await;
    let (_, source, target) = world.ends().await;
    let mapping = |params: Value| json!([{"name": "Mapping", "params": params}]);
    let newest = mapping(json!({"mappingId": MAPPING}));
    for (spec, transformations, expected) in [
        (MAPPED, mapping(json!({"mappingId": MAPPING, "mappingVersion": 0})), Ok(Some(0))),
        (MAPPED, mapping(json!({"mappingId": MAPPING, "mappingVersion": "2"})), Ok(Some(2))),
        (MAPPED, newest.clone(), Ok(Some(2))),
        (MAPPED, json!([{"name": null, "params": {"mappingId": MAPPING, "mappingVersion": 0}}]), Ok(Some(0))),
        (MAPPED, mapping(json!({"mappingId": MAPPING, "mappingVersion": 1})), Err("MappingSchema")),
        (MAPPED, mapping(json!({"mappingId": MAPPING, "mappingVersion": 3})), Err("MappingVersion")),
        (MAPPED, mapping(json!({"mappingId": MAPPING, "mappingVersion": "x"})), Err("MappingVersion")),
        (MAPPED, mapping(json!({"mappingId": "nope", "mappingVersion": 0})), Err("Mapping")),
        (MAPPED, mapping(json!({"mappingId": MAPPING, "failUnmapped": null})), Ok(Some(2))),
        (MAPPED, mapping(json!({"mappingId": MAPPING, "failUnmapped": "true"})), Err("Mapping")),
        (MAPPED, mapping(json!({"mappingId": MAPPING, "failUnmapped": 1})), Err("Mapping")),
        (MAPPED, mapping(json!({})), Err("Mapping")),
        (MAPPED, json!([{"name": "Mapping"}]), Err("Mapping")),
        (MAPPED, json!([{"name": "mapping", "params": {"mappingId": MAPPING}}]), Err("Mapping")),
        (MAPPED, json!([newest[0], newest[0]]), Err("Mapping")),
        (MAPPED, json!([]), Err("Mapping")),
        (MAPPED, Value::Null, Err("Mapping")),
        (OPTIONAL, json!([]), Ok(None)),
        (OPTIONAL, mapping(json!({})), Ok(None)),
        (OPTIONAL, newest.clone(), Ok(Some(2))),
        (OPTIONAL, mapping(json!({"mappingId": "nope"})), Err("Mapping")),
        (PLAIN, newest.clone(), Ok(None)),
        (PLAIN, mapping(json!({"mappingId": "nope"})), Ok(None)),
    ] {
        let made = world.flow(flow_body(spec, &source, &target, transformations.clone())).await;
        let pinned = match &made {
            Ok(flow) => Ok(Wiring::of(&flow.doc).unwrap().mapping.map(|mapping| mapping.version)),
            Err(_) => Err(()),
        };
        match expected {
            Ok(version) => assert_eq!(pinned, Ok(version), "{transformations}: {made:?}"),
            Err(name) => assert_eq!(refusal(made), name, "{transformations}"),
        }
    }
    // The version that runs is shown when none was sent.
    let flow = world.flow(flow_body(MAPPED, &source, &target, newest)).await.unwrap();
    assert_eq!(flow.doc["transformations"][0]["params"], json!({"mappingId": MAPPING, "mappingVersion": 2}));
}

#[tokio::test]
async fn the_switch_of_records_without_a_value_stays() {
    let mut world = World::new().await;
    let (_, _, _, flow) = world.mapped_flow().await;
    let fails = |flow: &Saved| Wiring::of(&flow.doc).unwrap().mapping.unwrap().fail_unmapped;
    assert!(!fails(&flow));
    let set = json!({"op": "add", "path": "/transformations/0/params/failUnmapped", "value": true});
    assert!(fails(&world.patch(Kind::Flows, &flow.id, set).await.unwrap()));
    let rename = json!({"op": "replace", "path": "/name", "value": "renamed"});
    assert!(fails(&world.patch(Kind::Flows, &flow.id, rename).await.unwrap()));
    let disabled = flows::act(&mut world.tx, &world.scope, &flow.id, None, Action::Disable).await.unwrap();
    assert!(fails(&disabled));
    let unset = json!({"op": "remove", "path": "/transformations/0/params/failUnmapped"});
    assert!(!fails(&world.patch(Kind::Flows, &flow.id, unset).await.unwrap()));
}

#[tokio::test]
async fn patches_and_actions_of_a_flow() {
    let mut world = World::new().await;
    let (_, _, target, flow) = world.mapped_flow().await;
    let id = flow.id.as_str();
    for (patch, expected) in [
        (json!({"op": "replace", "path": "/state", "value": "disabled"}), "Patch"),
        (json!({"op": "replace", "path": "/flowSpec/id", "value": PLAIN}), "Patch"),
        (json!({"op": "replace", "path": "/sourceConnectionIds", "value": []}), "Patch"),
        (json!({"op": "add", "path": "/_resolved", "value": {}}), "Patch"),
        (json!({"op": "add", "path": "/lastOperation", "value": {}}), "Patch"),
        (json!({"op": "replace", "path": "/transformations", "value": []}), "Mapping"),
        (
            json!({"op": "replace", "path": "/transformations/0/params/mappingVersion", "value": 7}),
            "MappingVersion",
        ),
        (json!({"op": "replace", "path": "/transformations/1", "value": {}}), "Patch"),
        (json!({"op": "add", "path": "/policy", "value": {"enforcementRefs": []}}), "None"),
        (json!({"op": "add", "path": "/scheduleParams", "value": {"interval": 1}}), "None"),
        (json!({"op": "replace", "path": "/scheduleParams/interval", "value": 2}), "None"),
    ] {
        assert_eq!(refusal(world.patch(Kind::Flows, id, patch.clone()).await), expected, "{patch}");
    }
    let whole = json!([{"op": "Replace", "path": "/transformations/0",
        "value": {"name": "Mapping", "params": {"mappingId": MAPPING, "mappingVersion": 2}}}]);
    let changed = world.patch(Kind::Flows, id, whole.clone()).await.unwrap();
    assert_eq!(Wiring::of(&changed.doc).unwrap().mapping.unwrap().version, 2);
    assert_eq!(changed.doc["lastOperation"]["operation"], "update");
    assert_eq!(changed.doc["lastOperation"]["ops"], whole);

    // The flow keeps its dataset when its target moves, until it is itself changed.
    let schema = format!("{SCHEMA}45");
    let doc = json!([{"op": "replace", "path": "/params/dataSetId", "value": format!("{DATASET}2")},
                     {"op": "replace", "path": "/data/schema/id", "value": schema}]);
    world.patch(Kind::TargetConnections, &target, doc).await.unwrap();
    let kept = get(&mut world.tx, &world.scope, Kind::Flows, id).await.unwrap();
    assert_eq!(Wiring::of(&kept.doc).unwrap().dataset, DATASET);
    // A new name is no reason to refuse, though the mapping no longer fits the target.
    let renamed = json!({"op": "replace", "path": "/name", "value": "renamed"});
    let renamed = world.patch(Kind::Flows, id, renamed).await.unwrap();
    assert_eq!(
        (renamed.name.as_str(), Wiring::of(&renamed.doc).unwrap().dataset.as_str()),
        ("renamed", DATASET)
    );
    assert_eq!(refusal(world.patch(Kind::Flows, id, whole).await), "MappingSchema");

    assert_eq!(refusal(world.act(id, Action::Publish).await), "Transition");
    let same = world.act(id, Action::Enable).await.unwrap();
    assert_eq!(same.rev, renamed.rev, "nothing changed");
    let disabled = world.act(id, Action::Disable).await.unwrap();
    assert_eq!((disabled.state.as_str(), disabled.rev), ("disabled", renamed.rev + 1));
    assert_eq!(disabled.doc["lastOperation"]["operation"], "disable");
    let old = etag(&renamed);
    let stale = flows::act(&mut world.tx, &world.scope, id, Some(&old), Action::Enable).await;
    assert_eq!(refusal(stale), "VersionMismatch");
    let enabled = world.act(id, Action::Enable).await.unwrap();
    assert_eq!(
        (enabled.state.as_str(), &enabled.doc["lastOperation"]["operation"]),
        ("enabled", &json!("enable"))
    );
    delete(&mut world.tx, &world.scope, Kind::Flows, id).await.unwrap();
    assert_eq!(refusal(get(&mut world.tx, &world.scope, Kind::Flows, id).await), "NotFound");
}

#[tokio::test]
async fn drafts() {
    let mut world = World::new().await;
    let (_, source, target) = world.ends().await;
    let bare = members(json!({"name": "draft", "flowSpec": {"id": MAPPED}}));
    let draft = flows::create(&mut world.tx, &world.scope, bare, Mode::Draft).await.unwrap();
    assert_eq!((draft.state.as_str(), Wiring::of(&draft.doc)), ("draft", None));
    let item = world.item(Kind::Flows, &draft.id).await;
    assert_eq!(item["inheritedAttributes"]["targetConnections"][0]["connectionSpec"]["id"], specs::DATA_LAKE);
    assert_eq!(refusal(world.act(&draft.id, Action::Enable).await), "Transition");
    assert_eq!(refusal(world.act(&draft.id, Action::Disable).await), "Transition");
    assert_eq!(refusal(world.act(&draft.id, Action::Publish).await), "Invalid");
    let ends = json!([{"op": "add", "path": "/sourceConnectionIds", "value": [source]},
                      {"op": "add", "path": "/targetConnectionIds", "value": [target]}]);
    let changed = world.patch(Kind::Flows, &draft.id, ends).await.unwrap();
    assert_eq!(Wiring::of(&changed.doc), None, "the mapping is missing");
    assert_eq!(refusal(world.act(&draft.id, Action::Publish).await), "Mapping");
    let mapping = json!([{"op": "add", "path": "/transformations",
                          "value": [{"name": "Mapping", "params": {"mappingId": MAPPING}}]}]);
    world.patch(Kind::Flows, &draft.id, mapping).await.unwrap();
    let published = world.act(&draft.id, Action::Publish).await.unwrap();
    assert_eq!(published.state, "enabled");
    assert!(Wiring::of(&published.doc).is_some());

    // A flow cannot stand on a draft.
    let body = connection_body(json!({"dataType": "raw"}));
    let connection = connections::create(&mut world.tx, &world.scope, body, Mode::Draft).await.unwrap();
    let source = world.source(&connection.id).await;
    let body = flow_body(PLAIN, &source, &target, json!([]));
    assert_eq!(refusal(world.flow(body.clone()).await), "Invalid");
    let enable = json!({"op": "replace", "path": "/state", "value": "enabled"});
    assert_eq!(refusal(world.patch(Kind::Connections, &connection.id, enable).await), "WrongState");
    connections::publish(&mut world.tx, &world.scope, &connection.id, None).await.unwrap();
    let again = connections::publish(&mut world.tx, &world.scope, &connection.id, None).await;
    assert_eq!(refusal(again), "Transition");
    assert!(world.flow(body).await.is_ok());
}

#[tokio::test]
async fn what_is_used_stays() {
    let mut world = World::new().await;
    let (connection, source, target, flow) = world.mapped_flow().await;
    let kinds = [
        (Kind::Connections, connection, "ConnectionUsed"),
        (Kind::SourceConnections, source, "UsedByFlows"),
        (Kind::TargetConnections, target, "UsedByFlows"),
    ];
    world.act(&flow.id, Action::Disable).await.unwrap();
    for (kind, id, expected) in &kinds {
        let refused = delete(&mut world.tx, &world.scope, *kind, id).await;
        assert!(refused.as_ref().is_err_and(|error| error.to_string().contains(&flow.id)));
        assert_eq!(refusal(refused), *expected);
    }
    let raw = json!({"op": "replace", "path": "/auth/params/dataType", "value": "xdm"});
    assert_eq!(refusal(world.patch(Kind::Connections, &kinds[0].1, raw.clone()).await), "Invalid");
    let mapping =
        resource::users(&mut world.tx, &world.scope, Kind::Flows, Kind::MappingSets, MAPPING).await.unwrap();
    assert_eq!(mapping, [flow.id.as_str()]);
    delete(&mut world.tx, &world.scope, Kind::Flows, &flow.id).await.unwrap();
    world.patch(Kind::Connections, &kinds[0].1, raw).await.unwrap();
    for (kind, id, _) in &kinds {
        delete(&mut world.tx, &world.scope, *kind, id).await.unwrap();
        assert_eq!(refusal(delete(&mut world.tx, &world.scope, *kind, id).await), "NotFound");
    }
}

/// Another org's, and another sandbox's, objects are not there: in every operation, list and count.
#[tokio::test]
async fn scoped() {
    let mut world = World::new().await;
    let (connection, source, target, flow) = world.mapped_flow().await;
    let theirs = testing::scope(&mut world.tx, "umbrella").await;
    let dev = crate::sandbox::NewSandbox {
        name: "dev".to_owned(),
        title: "Dev".to_owned(),
        sandbox_type: crate::sandbox::SandboxType::Development,
        is_default: false,
    };
    let org = world.scope.org.clone();
    crate::sandbox::create(&mut world.tx, &org, dev, "u", testing::NOW).await.unwrap();
    let dev = crate::sandbox::scope(&mut world.tx, &org, Some("dev"), testing::actor(), testing::NOW)
        .await
        .unwrap()
        .unwrap();
    let patch = json!({"op": "replace", "path": "/name", "value": "mine"});
    let count = Query::parse(&[("count".to_owned(), "true".to_owned())]).unwrap();
    for scope in [theirs, dev] {
        let tx = &mut world.tx;
        for (kind, id) in [
            (Kind::Connections, &connection),
            (Kind::SourceConnections, &source),
            (Kind::TargetConnections, &target),
            (Kind::Flows, &flow.id),
        ] {
            assert_eq!(refusal(get(tx, &scope, kind, id).await), "NotFound");
            assert_eq!(refusal(delete(tx, &scope, kind, id).await), "NotFound");
            let listed = list(tx, &scope, kind, &Query::default(), URL).await.unwrap();
            assert_eq!(listed, Listed::Page { items: vec![], next: None });
            assert_eq!(list(tx, &scope, kind, &count, URL).await.unwrap(), Listed::Count(0));
        }
        let any = Some("*");
        assert_eq!(refusal(connections::patch(tx, &scope, &connection, any, &patch).await), "NotFound");
        assert_eq!(refusal(connections::publish(tx, &scope, &connection, any).await), "NotFound");
        assert_eq!(refusal(source_connections::patch(tx, &scope, &source, any, &patch).await), "NotFound");
        assert_eq!(refusal(source_connections::publish(tx, &scope, &source, any).await), "NotFound");
        assert_eq!(refusal(target_connections::patch(tx, &scope, &target, any, &patch).await), "NotFound");
        assert_eq!(refusal(target_connections::publish(tx, &scope, &target, any).await), "NotFound");
        assert_eq!(refusal(flows::patch(tx, &scope, &flow.id, any, &patch).await), "NotFound");
        assert_eq!(refusal(flows::act(tx, &scope, &flow.id, any, Action::Disable).await), "NotFound");
        // Nor can they be referred to.
        let stolen = source_connections::create(tx, &scope, source_body(&connection), Mode::Complete).await;
        assert_eq!(refusal(stolen), "ReferenceNotFound");
        let body = target_body(json!({}), json!({"dataSetId": DATASET}));
        assert_eq!(refusal(target_connections::create(tx, &scope, body, Mode::Complete).await), "Invalid");
        let body = members(flow_body(PLAIN, &source, &target, json!([])));
        assert_eq!(
            refusal(flows::create(tx, &scope, body.clone(), Mode::Complete).await),
            "ReferenceNotFound"
        );
        let draft = flows::create(tx, &scope, body, Mode::Draft).await.unwrap();
        assert_eq!(Wiring::of(&draft.doc), None);
        let users = resource::users(tx, &scope, Kind::Flows, Kind::SourceConnections, &source).await.unwrap();
        assert!(users.is_empty(), "a draft does not hold on to what it may not see");
        delete(tx, &scope, Kind::Flows, &draft.id).await.unwrap();
        // With everything else of its own, a flow still finds no mapping set of others.
        let dataset = format!("{}{}", &DATASET[..20], scope.sandbox);
        let own_mapping = format!("own{}", scope.sandbox);
        add_data(tx, &scope, &dataset, &own_mapping).await;
        let body = connection_body(json!({"dataType": "raw"}));
        let own = connections::create(tx, &scope, body, Mode::Complete).await.unwrap();
        let own = source_connections::create(tx, &scope, source_body(&own.id), Mode::Complete).await.unwrap();
        let body = target_body(json!({}), json!({"dataSetId": dataset}));
        let to = target_connections::create(tx, &scope, body, Mode::Complete).await.unwrap();
        let foreign = json!([{"name": "Mapping", "params": {"mappingId": MAPPING, "mappingVersion": 0}}]);
        let body = members(flow_body(MAPPED, &own.id, &to.id, foreign));
        assert_eq!(refusal(flows::create(tx, &scope, body, Mode::Complete).await), "Mapping");
    }
    assert_eq!(list(&mut world.tx, &world.scope, Kind::Flows, &count, URL).await.unwrap(), Listed::Count(1));
    let kept = get(&mut world.tx, &world.scope, Kind::Flows, &flow.id).await.unwrap();
    assert_eq!(kept, flow);
}

#[tokio::test]
async fn lists_are_filtered_by_what_items_show() {
    let mut world = World::new().await;
    let (connection, source, _, flow) = world.mapped_flow().await;
    let mut count = async |kind, filters: &[&str]| {
        let parameters: Vec<_> = filters.iter().map(|f| ("property".to_owned(), (*f).to_owned())).collect();
        match list(&mut world.tx, &world.scope, kind, &Query::parse(&parameters).unwrap(), URL).await.unwrap()
        {
            Listed::Page { items, .. } => items.len(),
            Listed::Count(count) => count,
        }
    };
    let kind = Kind::Flows;
    assert_eq!(count(kind, &["inheritedAttributes.properties.isSourceFlow==true"]).await, 1);
    assert_eq!(count(kind, &["inheritedAttributes.properties.isDestinationFlow==true"]).await, 0);
    assert_eq!(count(kind, &[&format!("transformations[].params.mappingId=={MAPPING}")]).await, 1);
    assert_eq!(count(kind, &[&format!("sourceConnectionIds[]=={source},x"), "state==enabled"]).await, 1);
    assert_eq!(count(kind, &[&format!("id!={}", flow.id)]).await, 0);
    let base = format!("inheritedAttributes.sourceConnections[].baseConnection.id=={connection}");
    assert_eq!(count(kind, &[&base]).await, 1);
    assert_eq!(count(Kind::Connections, &["auth.params.dataType==raw", "createdAt>1"]).await, 1);
    assert_eq!(count(kind, &["_resolved.dataset!=x"]).await, 0, "what is not shown cannot be asked for");
}

/// Some resources that share names, states and times, so that every rule of a list has something to decide.
async fn many(tx: &mut Tx, scope: &Scope, count: u32) {
    for at in 0..count {
        let now = vocab::Millis(1000 + i64::from(at / 3 % 7));
        let scope = Scope { now, ..scope.clone() };
        let name = ["a", "b", "B", "ä", "10", "a,b"][at as usize % 6];
        let state = ["enabled", "disabled", "draft"][at as usize % 3];
        let mut doc = members(json!({"name": name, "nested": {"number": at % 5}}));
        let new = resource::New {
            kind: Kind::SourceConnections,
            id: format!("{:02x}", at * 37 % 251),
            name: name.to_owned(),
            state: state.to_owned(),
            doc: doc.clone(),
            uses: Vec::new(),
        };
        let mut saved = resource::insert(tx, &scope, new).await.unwrap();
        if at % 4 == 0 {
            doc.insert("name".to_owned(), "changed".into());
            (saved.name, saved.doc) = ("changed".to_owned(), doc);
            let later = Scope { now: vocab::Millis(2000 + i64::from(at % 8)), ..scope };
            assert!(resource::update(tx, &later, &mut saved, None).await.unwrap());
        }
    }
}

#[tokio::test]
async fn the_database_lists_what_the_rule_says() {
    let (store, _dir) = testing::store().await;
    let mut tx = store.write().await.unwrap();
    let scope = testing::scope(&mut tx, "acme").await;
    many(&mut tx, &scope, 40).await;
    let kind = Kind::SourceConnections;
    let all = resource::list(&mut tx, &scope, kind).await.unwrap();
    let view = View { scope: &scope, collect_url: URL };
    let ids: Vec<String> = (0..300).map(|id| format!("{id:02x}")).collect();
    let ids = format!("id=={}", ids.join(","));
    let filters: &[&[&str]] = &[
        &[],
        &["name==a"],
        &["name==a,ä,10"],
        &["name!=a,b"],
        &["name==\"a,b\""],
        &["name==10", "state==enabled"],
        &["name>5"],
        &["name==it's; --"],
        &["id==00"],
        &["id==00,25,nope"],
        &["id!=00"],
        &[&ids],
        &["state==enabled"],
        &["state==enabled,draft", "createdAt>1002"],
        &["state!=draft"],
        &["createdAt>=1001.5", "createdAt<1e3000"],
        &["createdAt==1001,1002,x"],
        &["createdAt==1001,1002"],
        &["createdAt!=1001"],
        &["createdAt>NaN"],
        &["updatedAt<=2004", "updatedAt>1003"],
        &["nested.number==3"],
        &["nested.number>1", "state==disabled"],
        &["name[]==a"],
        &["sandboxName==prod"],
        &["nope!=1"],
    ];
    let orders =
        ["", "id", "-id", "name", "-name", "state", "-state", "createdAt", "-updatedAt", "updatedAt"];
    for filters in filters {
        for order in orders {
            for limit in ["9", "100"] {
                let mut parameters: Vec<_> =
                    filters.iter().map(|filter| ("property".to_owned(), (*filter).to_owned())).collect();
                parameters.push(("limit".to_owned(), limit.to_owned()));
                parameters
                    .push(("projectionFields".to_owned(), "id,name,state,createdAt,updatedAt".to_owned()));
                if !order.is_empty() {
                    parameters.push(("orderby".to_owned(), order.to_owned()));
                }
                for _ in 0..4 {
                    let query = Query::parse(&parameters).unwrap();
                    let found = list(&mut tx, &scope, kind, &query, URL).await.unwrap();
                    let expected = query.select(all.clone(), |saved| item(saved, &view));
                    assert_eq!(found, expected, "{parameters:?}");
                    let counted: Vec<_> =
                        parameters.iter().cloned().chain([("count".to_owned(), "true".to_owned())]).collect();
                    let query = Query::parse(&counted).unwrap();
                    let count = list(&mut tx, &scope, kind, &query, URL).await.unwrap();
                    assert_eq!(count, query.select(all.clone(), |saved| item(saved, &view)), "{counted:?}");
                    let Listed::Page { next: Some(next), .. } = found else { break };
                    parameters = vec![("continuationToken".to_owned(), next)];
                }
            }
        }
    }
}

#[tokio::test]
async fn what_filters_pass_over_is_looked_through_in_parts() {
    let (store, _dir) = testing::store().await;
    let mut tx = store.write().await.unwrap();
    let scope = testing::scope(&mut tx, "acme").await;
    let more = crate::limits::SCANNED_ROWS * 2 + 1;
    for at in 0..more {
        let new = resource::New {
            kind: Kind::TargetConnections,
            id: format!("{at:05}"),
            name: "x".to_owned(),
            state: "enabled".to_owned(),
            doc: members(json!({"name": "x", "edge": at == 0 || at == more - 1})),
            uses: Vec::new(),
        };
        resource::insert(&mut tx, &scope, new).await.unwrap();
    }
    let mut listed = async |parameters: &[(&str, &str)]| {
        let parameters: Vec<_> =
            parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        list(&mut tx, &scope, Kind::TargetConnections, &Query::parse(&parameters).unwrap(), URL)
            .await
            .unwrap()
    };
    let filter = ("property", "edge==true");
    assert_eq!(listed(&[filter, ("count", "true")]).await, Listed::Count(2));
    assert_eq!(listed(&[("count", "true")]).await, Listed::Count(more));
    let Listed::Page { items, next: Some(next) } = listed(&[filter, ("limit", "1")]).await else { panic!() };
    assert_eq!(items[0]["id"], format!("{:05}", more - 1));
    let Listed::Page { items, next: None } = listed(&[("continuationToken", &next)]).await else { panic!() };
    assert_eq!(items[0]["id"], "00000");
}

#[tokio::test]
async fn a_token_of_another_order_is_refused() {
    use base64::Engine as _;
    let token = |key: serde_json::Value| {
        let token = json!({"after": {"key": key, "no": 1}, "order": {"field": "name", "descending": false},
            "limit": 20, "filters": [], "projection": []});
        let token = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(token.to_string());
        Query::parse(&[("continuationToken".to_owned(), token)])
    };
    assert!(token(json!("a")).is_ok());
    assert_eq!(refusal(token(json!(5))), "Invalid");
}
