//! What readers that are not ours see: the same rows and types through the catalogue and from the metadata file.

use serde_json::{Value, json};

use crate::support::{REGISTRY, Server, Setup, collect, reader, rest};

const ENGINES: [&str; 4] = ["pyiceberg-rest", "pyiceberg-file", "duckdb-rest", "duckdb-file"];
const COMMITS: usize = 50;
const VERSIONS: usize = 20;

#[test]
fn readers_agree_after_many_commits() {
    let (server, _home) = Server::start();
    let client = server.client();
    let setup = Setup::profile(&client, server.tenant(), "Reader agreement");
    let inlet = setup.inlet(&client, "xdm", false, None);
    let key = format!("_{}", setup.tenant);
    for commit in 0..COMMITS {
        let entity = json!({
            "_id": format!("r-{commit}"),
            "person": { "name": { "firstName": "Ada", "lastName": format!("B{commit} \"quoted\" \u{e9}\u{1f600}") } },
            &key: { "number": commit, "level": "high", "seen": format!("2024-02-29T23:59:{:02}.125+02:00", commit % 60),
                    "tags": ["a", format!("t{commit}")] }
        });
        let (status, body) =
            collect(&inlet.url, &[], setup.message(&client, &inlet, entity).to_string().as_bytes());
        assert_eq!(status, 200, "{body}");
        server.settle();
    }
    let bad = json!({ "_id": "r-bad", &key: { "level": "middling", "number": "many" } });
    assert_eq!(collect(&inlet.url, &[], setup.message(&client, &inlet, bad).to_string().as_bytes()).0, 200);
    server.settle();

    let table = format!("data.{}", setup.table);
    let failed = format!("failed.{}", setup.table);
    let read = |engine: &str, table: &str| {
        let mut arguments = vec![engine];
        arguments.extend(rest(&server, table));
        reader("read.py", &arguments)
    };
    let Some(expected) = read(ENGINES[0], &table) else {
        return;
    };
    assert_eq!(expected.lines().count(), COMMITS);
    let row: Value = serde_json::from_str(expected.lines().next().unwrap()).unwrap();
    assert!(row["_tributary"]["offset"].is_number(), "{row}");
    assert!(row[&key]["seen"].as_str().unwrap().starts_with("2024-02-29T21:59:"), "{row}");
    let rejected = read(ENGINES[0], &failed).unwrap();
    assert_eq!(rejected.lines().count(), 1, "{rejected}");
    for part in ["DCVS-1106-400", "DCVS-1104-400", "#/", "enum", "middling"] {
        assert!(rejected.contains(part), "{part} is not in {rejected}");
    }
    for engine in &ENGINES[1..] {
        assert_eq!(read(engine, &table).unwrap(), expected, "{engine}");
        assert_eq!(read(engine, &failed).unwrap(), rejected, "{engine}");
    }
    let types = read("types", &table).unwrap();
    assert!(types.contains("seen: optional timestamptz"), "{types}");
}

/// Each version of the schema adds a field: a leaf, or one deeper, in an object, in the objects of a list, in the objects of
/// their lists. A record that is posted right after the change has it; files of before are read with nulls for it.
#[test]
fn a_table_follows_its_schema_through_twenty_versions() {
    let (server, _home) = Server::start();
    let client = server.client();
    let key = format!("_{}", server.tenant());
    let part = json!({ "type": "object", "properties": { "name": { "type": "string" } } });
    let line = json!({ "type": "object", "properties": {
        "sku": { "type": "string" }, "parts": { "type": "array", "items": part }
    } });
    let group = client.post(
        &format!("{REGISTRY}/fieldgroups"),
        &json!({
            "type": "object", "title": "Growing fields",
            "meta:intendedToExtend": ["https://ns.adobe.com/xdm/context/profile"],
            "definitions": { "customFields": { "properties": { &key: { "type": "object", "properties": {
                "lines": { "type": "array", "items": line },
                "inner": { "type": "object", "properties": { "first": { "type": "integer" } } }
            } } } } },
            "allOf": [{ "$ref": "#/definitions/customFields" }]
        }),
    );
    let schema = client.post(
        &format!("{REGISTRY}/schemas"),
        &json!({
            "type": "object", "title": "Growing",
            "allOf": [{ "$ref": "https://ns.adobe.com/xdm/context/profile" }, { "$ref": group["$id"] }]
        }),
    );
    let setup = Setup::on_schema(&client, server.tenant(), "Growing", schema["$id"].as_str().unwrap());
    let inlet = setup.inlet(&client, "xdm", false, None);
    let kinds = [
        (json!({ "type": "string" }), json!("text")),
        (json!({ "type": "integer" }), json!(7)),
        (json!({ "type": "number" }), json!(0.1)),
        (json!({ "type": "string", "format": "date" }), json!("2024-02-29")),
        (json!({ "type": "array", "items": { "type": "string" } }), json!(["a", "b"])),
    ];
    let mut expected = Vec::new();
    for version in 0..=VERSIONS {
        // A list that is null within another is an empty one to PyIceberg: each line has its parts here.
        let mut own = json!({
            "lines": [{ "sku": "s", "parts": [{ "name": "p" }] }, { "sku": "t", "parts": [{}] }], "inner": { "first": version }
        });
        if version > 0 {
            let (place, pointer) = [
                ("", ""),
                ("inner/properties/", "/inner"),
                ("lines/items/properties/", "/lines/0"),
                ("lines/items/properties/parts/items/properties/", "/lines/0/parts/0"),
            ][version % 4];
            let (field, value) = &kinds[version % kinds.len()];
            let path = format!("/definitions/customFields/properties/{key}/properties/{place}f{version}");
            let group = group["meta:altId"].as_str().unwrap();
            let patch = json!([{ "op": "add", "path": path, "value": field }]);
            let changed = client.call("PATCH", &format!("{REGISTRY}/fieldgroups/{group}"), &[], Some(&patch));
            assert_eq!(changed.0, 200, "{}", changed.1);
            own.pointer_mut(pointer).unwrap()[format!("f{version}")] = value.clone();
        }
        let entity = json!({ "_id": format!("v-{version:02}"), &key: own });
        let message = setup.message(&client, &inlet, entity).to_string();
        let url = format!("{}?syncValidation=true", inlet.url);
        let (status, body) = collect(&url, &[], message.as_bytes());
        assert_eq!(status, 200, "version {version}: {body}");
        server.settle();
        expected.push((format!("v-{version:02}"), own));
    }
    let table = format!("data.{}", setup.table);
    for engine in ENGINES {
        let mut arguments = vec![engine];
        arguments.extend(rest(&server, &table));
        let Some(found) = reader("read.py", &arguments) else { return };
        let rows: Vec<Value> = found.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let mut read: Vec<(String, Value)> = rows
            .into_iter()
            .map(|mut row| (row["_id"].as_str().unwrap().to_owned(), without_nulls(row[&key].take())))
            .collect();
        read.sort_by(|(a, _), (b, _)| a.cmp(b));
        assert_eq!(read, expected, "{engine}");
    }
}

/// A row without what is null in it.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(members) => members
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name, without_nulls(value)))
            .collect(),
        Value::Array(items) => items.into_iter().map(without_nulls).collect(),
        other => other,
    }
}
