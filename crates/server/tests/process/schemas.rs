//! Schemas as nobody should write them: refused with a reason when they are made, or good for whatever comes.

use serde_json::{Map, Value, json};

use crate::support::{Client, REGISTRY, Server, Setup, collect, reader, rest};

const PROFILE: &str = "https://ns.adobe.com/xdm/context/profile";

/// Asks for a field group for profiles with those fields under the tenant's key.
fn group(client: &Client, tenant: &str, title: &str, fields: Value) -> (u16, Value) {
    let mut own = Map::new();
    own.insert(format!("_{tenant}"), json!({ "type": "object", "properties": fields }));
    let body = json!({
        "title": title, "type": "object", "meta:intendedToExtend": [PROFILE], "properties": own
    });
    client.call("POST", &format!("{REGISTRY}/fieldgroups"), &[], Some(&body))
}

/// A dataset of profiles with those fields.
fn dataset(client: &Client, tenant: &str, title: &str, fields: Value) -> Setup {
    let (status, made) = group(client, tenant, &format!("{title} fields"), fields);
    assert_eq!(status, 201, "{made}");
    let schema = json!({
        "title": title, "type": "object", "allOf": [{ "$ref": PROFILE }, { "$ref": made["$id"] }]
    });
    let schema = client.post(&format!("{REGISTRY}/schemas"), &schema)["$id"].as_str().unwrap().to_owned();
    Setup::on_schema(client, tenant, title, &schema)
}

/// Fields one in another, that many deep, a text in the last.
fn nested(depth: usize) -> Value {
    (1..depth).fold(
        json!({ "d": { "type": "string" } }),
        |inner, _| json!({ "d": { "type": "object", "properties": inner } }),
    )
}

#[test]
fn what_cannot_be_is_refused_when_it_is_made() {
    let (server, _home) = Server::start();
    let (client, tenant) = (server.client(), server.tenant());
    let text = |more: Value| {
        let mut field = json!({ "type": "string" });
        field.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "a": field })
    };
    let many: Map<String, Value> =
        (0..20_001).map(|at| (format!("f{at}"), json!({ "type": "boolean" }))).collect();
    for (what, fields, part) in [
        ("too many fields", Value::Object(many), "20000 fields"),
        ("too deep", nested(45), "40 levels"),
        ("too deep to be read", nested(70), "recursion limit"),
        ("a pattern that is none", text(json!({ "pattern": "[z-a]" })), "pattern"),
        ("a pattern that grows", text(json!({ "pattern": "((a{100}){100}){100}" })), "pattern"),
        ("a pattern of 5,000 bytes", text(json!({ "pattern": "a".repeat(5000) })), "4096"),
        ("a pattern that is no text", text(json!({ "pattern": 7 })), "pattern"),
        ("a length below nothing", text(json!({ "minLength": -1 })), "minLength"),
        ("a range without values", text(json!({ "minLength": 5, "maxLength": 4 })), "no value"),
        ("no value allowed", text(json!({ "enum": [] })), "enum"),
        ("a type that is none", json!({ "a": { "type": "text" } }), "text"),
        (
            "another tenant's type",
            json!({ "a": { "$ref": "https://ns.adobe.com/other/datatypes/0f" } }),
            "other",
        ),
        ("a name with a dot", json!({ "a.b": { "type": "string" } }), "a.b"),
        ("a field that is none", json!({ "a": 7 }), "JSON object"),
    ] {
        let (status, answer) = group(&client, tenant, what, fields);
        assert_eq!(status, 400, "{what}: {answer}");
        let told = answer["report"]["detailed-message"].as_str().unwrap();
        assert!(told.contains(part) && told.len() < 2000, "{what}: {told}");
    }
    assert_eq!(client.get(&format!("{REGISTRY}/fieldgroups"))["results"], json!([]));
}

/// The records of a hostile schema have an outcome, each of them, and rows are read by another's reader.
#[test]
fn what_can_be_takes_whatever_comes() {
    let (server, _home) = Server::start();
    let (client, tenant) = (server.client(), server.tenant().to_owned());
    let mut fields: Map<String, Value> =
        (0..10_000).map(|at| (format!("f{at}"), json!({ "type": "integer" }))).collect();
    // To the bound of 40: the tenant's object and this field come on top.
    fields.insert("deep".to_owned(), json!({ "type": "object", "properties": nested(38) }));
    fields.insert("hard".to_owned(), json!({ "type": "string", "pattern": "^(a*)*\\1b$" }));
    fields.insert("wide".to_owned(), json!({ "type": "string", "pattern": "(a+)+$" }));
    fields.insert("n".to_owned(), json!({ "type": "integer", "meta:xdmType": "long" }));
    fields.insert("day".to_owned(), json!({ "type": "string", "format": "date" }));
    fields.insert("x".to_owned(), json!({ "type": "number" }));
    let setup = dataset(&client, &tenant, "Hostile", Value::Object(fields));
    let inlet = setup.inlet(&client, "xdm", false, None);
    let deep = (0..38).fold(json!("bottom"), |inner, _| json!({ "d": inner }));
    let own = |text: &str| format!("{{\"_{tenant}\":{text}}}");
    let post = |entity: &str| {
        let message = setup.message(&client, &inlet, json!("entity")).to_string();
        let message = message.replace("\"entity\"", entity);
        collect(&format!("{}?synchronousValidation=true", inlet.url), &[], message.as_bytes())
    };
    let many: Vec<String> = (0..10_000).map(|at| format!("\"f{at}\":{at}")).collect();
    let long = "a".repeat(200_000);
    let rows = [
        format!("{{{}}}", many.join(",")),
        format!("{{\"deep\":{deep}}}"),
        // Of a key that is there twice the last counts.
        "{\"n\":\"no number\",\"n\":7}".to_owned(),
        "{\"n\":9223372036854775807,\"x\":1e300}".to_owned(),
        format!("{{\"wide\":\"{long}\"}}"),
    ];
    for row in &rows {
        let (status, answer) = post(&own(row));
        assert_eq!(status, 200, "{answer}");
    }
    for (row, part) in [
        ("{\"n\":9223372036854775808}", "9223372036854775807"),
        ("{\"n\":-1e30}", "-9223372036854775808"),
        ("{\"day\":\"2026-02-30\"}", "2026-02-30"),
        ("{\"n\":7,\"n\":\"no number\"}", "String"),
        (&format!("{{\"hard\":\"{}\"}}", "a".repeat(2000)), "does not match pattern"),
        (&format!("{{\"hard\":\"{long}\"}}"), "2048 bytes"),
        (&format!("{{\"wide\":\"{long}!\"}}"), "does not match pattern"),
        ("{\"f10000\":1}", "f10000"),
    ] {
        let (status, answer) = post(&own(row));
        assert!((400..500).contains(&status), "{row}: {status} {answer}");
        assert!(answer.to_string().contains(part), "{answer}");
    }
    server.settle();
    let table = format!("data.{}", setup.table);
    let mut arguments = vec!["pyiceberg-rest"];
    arguments.extend(rest(&server, &table));
    let Some(text) = reader("read.py", &arguments) else { return };
    let read: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(read.len(), rows.len());
    let column = |name: &str| -> Vec<Value> {
        let of_row = |row: &Value| row[format!("_{tenant}")][name].clone();
        read.iter().map(of_row).filter(|value| !value.is_null()).collect()
    };
    assert_eq!(column("f9999"), [json!(9999)]);
    let mut numbers: Vec<i64> = column("n").iter().filter_map(Value::as_i64).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [7, i64::MAX]);
    assert_eq!(column("wide"), [json!(long)]);
    assert!(column("deep")[0].to_string().contains("bottom"));
}
