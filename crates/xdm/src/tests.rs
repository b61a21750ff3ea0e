//! Composition, validation and columns over the standard library and over schemas made for a case.

use std::sync::Arc;

use arrow_array::Array as _;
use arrow_array::cast::AsArray as _;
use arrow_array::types::{Int32Type, TimestampMicrosecondType};
use proptest::prelude::*;
use serde_json::{Value, json};
use vocab::{Json, Tape};

use crate::library::{ResourceKind, standard};
use crate::{Behavior, FieldPath, Schema, Type, compose, streaming_validation};

mod limits;
mod public;
mod samples;

const PROFILE: &str = "https://ns.adobe.com/xdm/context/profile";
const EVENT: &str = "https://ns.adobe.com/xdm/context/experienceevent";

fn none(_: &str) -> Option<Arc<Value>> {
    None
}

/// A schema of a class and field groups, with fields of its own.
fn schema(parts: &[&str], own: &Value) -> Arc<Schema> {
    let mut members: Vec<Value> = parts.iter().map(|id| json!({ "$ref": id })).collect();
    members.push(json!({ "properties": own }));
    let doc = json!({ "$id": "https://ns.adobe.com/acme/schemas/1", "type": "object", "allOf": members,
        "meta:class": parts.first(), "meta:extends": parts });
    let mut resolved = compose(&doc, &none).unwrap();
    let class =
        parts.first().and_then(|id| standard().get(id)).map(|class| class.doc["meta:extends"].clone());
    resolved["meta:extends"] = class.unwrap_or_default();
    Arc::new(Schema::compile(&resolved, &[]).unwrap())
}

/// The violations of a record under one field `f`, as `keyword pointer: message`.
fn violations(field: Value, value: &str) -> Vec<String> {
    let schema = schema(&[], &json!({ "f": field }));
    let text = format!("{{\"f\":{value}}}");
    let found = schema.validate(&Json::parse(text.as_bytes()).unwrap(), 5);
    found.list.iter().map(|one| format!("{} {}: {}", one.keyword, one.pointer, one.message)).collect()
}

#[test]
fn every_standard_resource_composes_and_compiles() {
    let mut count = 0;
    for kind in
        [ResourceKind::Behaviors, ResourceKind::Classes, ResourceKind::FieldGroups, ResourceKind::DataTypes]
    {
        for resource in standard().list(kind) {
            let resolved =
                compose(&resource.doc, &none).unwrap_or_else(|error| panic!("{}: {error}", resource.id));
            Schema::compile(&resolved, &[]).unwrap_or_else(|error| panic!("{}: {error}", resource.id));
            assert_eq!(standard().get(&resource.alt_id).unwrap().id, resource.id);
            count += 1;
        }
    }
    assert!(count > 100, "{count}");
}

#[test]
fn standard_classes_have_their_behaviours_and_fields() {
    let profile = schema(&[PROFILE, "https://ns.adobe.com/xdm/context/profile-person-details"], &json!({}));
    assert_eq!(profile.behavior(), Behavior::Record);
    let event = schema(&[EVENT, "https://ns.adobe.com/xdm/context/experienceevent-commerce"], &json!({}));
    assert_eq!(event.behavior(), Behavior::TimeSeries);
    let at = |schema: &Schema, path: &str| {
        let path = FieldPath::parse(path).unwrap();
        schema.field(&path).map(|field| field.ty.xdm_type()).unwrap_or("none")
    };
    for (schema, path, expected) in [
        (&profile, "_id", "string"),
        (&profile, "person/name/firstName", "string"),
        (&profile, "person/birthDate", "date"),
        (&profile, "_repo/createDate", "date-time"),
        (&profile, "web", "none"),
        (&event, "timestamp", "date-time"),
        (&event, "identityMap", "map"),
        (&event, "commerce/purchases/value", "number"),
        (&event, "productListItems/quantity", "int"),
        (&event, "person", "none"),
    ] {
        assert_eq!(at(schema, path), expected, "{path}");
    }
    assert_eq!(event.root().required_names(), ["_id", "timestamp"]);
}

#[test]
fn each_rule_has_its_text() {
    let string = || json!({"type": "string"});
    for (field, value, expected) in [
        (string(), "1", "type #/f: expected type: String, found: Long"),
        (string(), "1.5", "type #/f: expected type: String, found: Double"),
        (string(), "[]", "type #/f: expected type: String, found: JSONArray"),
        (string(), "{}", "type #/f: expected type: String, found: JSONObject"),
        (json!({"type": "boolean"}), "\"x\"", "type #/f: expected type: Boolean, found: String"),
        (json!({"type": "integer"}), "1.5", "type #/f: expected type: Integer, found: Double"),
        (json!({"type": "integer", "maximum": 5}), "6", "maximum #/f: 6 is not less or equal to 5"),
        (json!({"type": "integer", "minimum": 0}), "-1", "minimum #/f: -1 is not greater or equal to 0"),
        (
            json!({"type": "number", "exclusiveMinimum": 0}),
            "0",
            "exclusiveMinimum #/f: 0 is not greater than 0",
        ),
        (json!({"type": "string", "enum": ["a"]}), "\"b\"", "enum #/f: b is not a valid enum value"),
        (
            json!({"type": "string", "pattern": "^a$"}),
            "\"b\"",
            "pattern #/f: string [b] does not match pattern ^a$",
        ),
        (
            json!({"type": "string", "minLength": 2}),
            "\"a\"",
            "minLength #/f: expected minLength: 2, actual: 1",
        ),
        (
            json!({"type": "string", "maxLength": 1}),
            "\"ab\"",
            "maxLength #/f: expected maxLength: 1, actual: 2",
        ),
        (json!({"type": "string", "format": "email"}), "\"ab\"", "format #/f: [ab] is not a valid email"),
        (
            json!({"type": "string", "format": "date"}),
            "\"1.2.2024\"",
            "format #/f: [1.2.2024] is not a valid date. Expected [yyyy-MM-dd]",
        ),
        (
            json!({"type": "array", "items": {"type": "string"}}),
            "[\"a\",1]",
            "type #/f/1: expected type: String, found: Long",
        ),
        (
            json!({"type": "object", "properties": {"a": {"type": "string"}}}),
            "{\"b\":1}",
            "additionalProperties #/f: extraneous key [b] is not permitted",
        ),
        (
            json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}),
            "{}",
            "required #/f: required key [a] not found",
        ),
        (
            json!({"type": "object", "additionalProperties": {"type": "integer"}}),
            "{\"k\":\"v\"}",
            "type #/f/k: expected type: Integer, found: String",
        ),
    ] {
        assert_eq!(violations(field.clone(), value), [expected], "{field} {value}");
    }
}

#[test]
fn what_is_good_has_no_violation() {
    for (field, value) in [
        (json!({"type": "string"}), "\"\""),
        (json!({"type": "string"}), "null"),
        (json!({"type": "integer"}), "5.0"),
        (json!({"type": "number"}), "5"),
        (json!({"type": "string", "format": "date-time"}), "\"2024-02-29T01:02:03.123456789+05:30\""),
        (json!({"type": "string", "format": "date-time"}), "\"2024-02-29T01:02:03\""),
        (json!({"type": "array", "items": {"type": "string"}}), "[]"),
        (json!({"type": "object"}), "{\"any\":[1,{}]}"),
        (json!({"type": "array", "items": {"type": "string"}, "enum": [["a"], ["a", "b"]]}), "[\"a\",\"b\"]"),
        (json!({"type": "object", "properties": {"a": {"type": "string"}}}), "{\"a\":null}"),
    ] {
        assert_eq!(violations(field.clone(), value), Vec::<String>::new(), "{field} {value}");
    }
}

#[test]
fn violations_stop_at_the_limit() {
    let schema = schema(&[], &json!({ "a": {"type": "string"} }));
    let record = br#"{"b":1,"c":1,"d":1,"e":1,"f":1,"g":1}"#;
    let found = schema.validate(&Json::parse(record).unwrap(), 5);
    assert_eq!((found.list.len(), found.truncated), (5, true));
    let all = schema.validate(&Json::parse(record).unwrap(), 6);
    assert_eq!((all.list.len(), all.truncated), (6, false));
    let shown = streaming_validation(&all.list);
    assert_eq!(shown[0]["message"], "6 schema violations found");
    assert_eq!(shown[0]["causingExceptions"][5]["pointerToViolation"], "#");
}

#[test]
fn a_required_path_is_required_at_every_step() {
    let doc = json!({"type": "object", "properties": {"_acme": {"type": "object",
        "properties": {"crmId": {"type": "string"}}}}});
    let resolved = compose(&doc, &none).unwrap();
    let schema = Schema::compile(&resolved, &[FieldPath::parse("/_acme/crmId").unwrap()]).unwrap();
    for (record, expected) in [
        ("{}", Some("required key [_acme] not found")),
        (r#"{"_acme":{}}"#, Some("required key [crmId] not found")),
        (r#"{"_acme":{"crmId":"1"}}"#, None),
    ] {
        let found = schema.validate(&Json::parse(record.as_bytes()).unwrap(), 5);
        assert_eq!(found.list.first().map(|one| one.message.as_str()), expected, "{record}");
    }
}

#[test]
fn parts_that_disagree_on_a_type_are_refused() {
    let doc = json!({"allOf": [
        {"properties": {"a": {"type": "string"}}}, {"properties": {"a": {"type": "integer"}}}
    ]});
    let error = compose(&doc, &none).unwrap_err().to_string();
    assert!(error.contains("/a") && error.contains("string") && error.contains("int"), "{error}");
}

#[test]
fn columns_hold_what_the_record_holds() {
    let schema = schema(
        &[EVENT],
        &json!({
            "n": {"type": "integer"},
            "list": {"type": "array", "items": {"type": "object", "properties": {"s": {"type": "string"}}}},
            "free": {"type": "object"}
        }),
    );
    let mut columns = schema.columns();
    let first = br#"{"_id":"1","timestamp":"1970-01-01T00:00:01.5Z","n":7,"free":{"x":1},
        "list":[{"s":"a"},null,{}],"identityMap":{"ECID":[{"id":"e","primary":true}]}}"#;
    assert!(columns.take(&Json::parse(first).unwrap(), 5).is_empty());
    assert_eq!(columns.take(&Json::parse(b"{}").unwrap(), 5).list.len(), 2);
    let second = br#"{"_id":"2","timestamp":"1970-01-01T00:00:01Z"}"#;
    assert!(columns.take(&Json::parse(second).unwrap(), 5).is_empty());
    let batch = columns.finish();
    assert_eq!(batch.num_rows(), 2);
    assert_eq!(columns.rows(), 0);
    let column = |name: &str| batch.column_by_name(name).unwrap().clone();
    assert_eq!(column("_id").as_string::<i32>().value(0), "1");
    assert!(column("n").is_null(1));
    assert_eq!(column("timestamp").as_primitive::<TimestampMicrosecondType>().value(0), 1_500_000);
    assert_eq!(column("n").as_primitive::<Int32Type>().value(0), 7);
    assert_eq!(column("free").as_string::<i32>().value(0), r#"{"x":1}"#);
    let list = column("list").as_list::<i32>().value(0);
    let texts = list.as_struct().column_by_name("s").unwrap().as_string::<i32>().clone();
    assert_eq!((texts.len(), texts.value(0), texts.is_null(1)), (3, "a", true));
    let map = column("identityMap");
    assert_eq!(map.as_map().value(0).column(0).as_string::<i32>().value(0), "ECID");
    assert!(map.is_null(1));
}

/// Arbitrary JSON text, small.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-z0-9:TZ.-]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec(("(_id|timestamp|identityMap|web|person|name|[a-c])", inner), 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    /// Named for the invariant: a schema and a record go in, violations and columns come out, whatever the record is.
    #[test]
    fn pure_core(value in any_json()) {
        let schema = schema(&[EVENT, "https://ns.adobe.com/xdm/context/experienceevent-web"], &json!({"a": {"type": "integer"}}));
        let text = value.to_string();
        let record = Json::parse(text.as_bytes()).unwrap();
        let first = schema.validate(&record, 5);
        prop_assert_eq!(&first, &schema.validate(&record, 5));
        let mut columns = schema.columns();
        prop_assert_eq!(&first, &columns.take(&record, 5));
        let (tape, _) = Tape::default().parse(text.as_bytes());
        prop_assert_eq!(&first, &columns.take(tape.root(), 5));
        prop_assert_eq!(columns.finish().num_rows(), if first.is_empty() { 2 } else { 0 });
    }

    /// A tree of schema text of any shape composes and compiles, or is refused with a reason.
    #[test]
    fn any_schema_is_compiled_or_refused(value in any_json()) {
        let doc = json!({"properties": {"f": value}, "allOf": [{"$ref": EVENT}]});
        if let Ok(resolved) = compose(&doc, &none) {
            let _ = Schema::compile(&resolved, &[]);
        }
    }
}

#[test]
fn integers_take_the_smallest_type() {
    for (range, expected) in [
        (json!({"type": "integer"}), "int"),
        (json!({"type": "integer", "minimum": -128, "maximum": 127}), "byte"),
        (json!({"type": "integer", "minimum": -32768, "maximum": 32767}), "short"),
        (
            json!({"type": "integer", "maximum": 9_007_199_254_740_991_i64, "minimum": -9_007_199_254_740_991_i64}),
            "long",
        ),
    ] {
        let schema = schema(&[], &json!({ "f": range }));
        let ty = &schema.root().get("f").unwrap().ty;
        assert_eq!(ty.xdm_type(), expected);
        assert!(!matches!(ty, Type::Double));
    }
}
