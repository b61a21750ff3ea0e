//! Whole mappings: paths, expressions, conversions, arrays, limits; and that nothing makes the language panic.

use serde_json::{Value, json};
use vocab::{Json, Millis, Tape};

use crate::{Context, Item, ItemError, MappingSet, SourceType, Warning};

mod arrays;
mod budget;
mod check;
mod coercion;
mod explain;
mod functions;
mod language;
mod naive;
mod pure;
mod refused;
mod rules;
mod switches;

const NOW: Context = Context { now: Millis(1_706_933_106_789), seed: 0 };

fn schema() -> xdm::Schema {
    let doc = json!({ "properties": {
        "_id": {"type": "string"},
        "timestamp": {"type": "string", "format": "date-time"},
        "day": {"type": "string", "format": "date"},
        "count": {"type": "integer"},
        "small": {"type": "integer", "minimum": -128, "maximum": 127},
        "long": {"type": "integer", "meta:xdmType": "long"},
        "price": {"type": "number"},
        "member": {"type": "boolean"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "person": {"type": "object", "properties": {
            "name": {"type": "object", "properties": {
                "firstName": {"type": "string"}, "lastName": {"type": "string"}
            }}
        }},
        "items": {"type": "array", "items": {"type": "object", "properties": {
            "sku": {"type": "string"}, "quantity": {"type": "integer"}
        }}},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        "matrix": {"type": "array", "items": {"type": "array", "items": {"type": "string"}}},
        "groups": {"type": "array", "items": {"type": "object", "properties": {
            "name": {"type": "string"},
            "members": {"type": "array", "items": {"type": "object", "properties": {"id": {"type": "string"}}}}
        }}},
        "address": {"type": "object", "properties": {
            "street": {"type": "string"}, "postalCode": {"type": "string"},
            "geo": {"type": "object", "properties": {"lat": {"type": "number"}, "lon": {"type": "number"}}},
            "lines": {"type": "array", "items": {"type": "string"}}
        }}
    }});
    xdm::Schema::compile(&xdm::compose(&doc, &|_| None).unwrap(), &[]).unwrap()
}

fn item(source: &str, destination: &str) -> Item {
    let source_type = match source.strip_prefix("static:") {
        Some(_) => SourceType::Static,
        None => SourceType::of(source),
    };
    let source = source.trim_start_matches("static:").to_owned();
    Item { source_type, source, destination: destination.to_owned() }
}

fn compile(items: &[(&str, &str)]) -> Result<MappingSet, Vec<ItemError>> {
    let items: Vec<Item> = items.iter().map(|(source, destination)| item(source, destination)).collect();
    MappingSet::compile(&items, &schema())
}

/// The mapped record, and the codes of the warnings.
fn map(items: &[(&str, &str)], record: &str) -> (Value, Vec<&'static str>, usize) {
    let set = compile(items).unwrap_or_else(|errors| panic!("{items:?}: {errors:?}"));
    let record = Tape::of(record.as_bytes()).unwrap();
    let mapped = set.apply(record.root(), &NOW);
    let codes = mapped.warnings.iter().map(|warning| warning.code).collect();
    (serde_json::from_str(&mapped.to_json().to_string()).unwrap(), codes, mapped.written)
}

#[track_caller]
fn check(items: &[(&str, &str)], record: &str, expected: Value) {
    let (mapped, codes, _) = map(items, record);
    assert_eq!((mapped, codes), (expected, Vec::<&str>::new()), "{items:?} of {record}");
}

#[test]
fn paths_are_copied() {
    check(&[("a", "_id")], r#"{"a":"x"}"#, json!({"_id": "x"}));
    check(
        &[("a.b.c", "person.name.firstName")],
        r#"{"a":{"b":{"c":"x"}}}"#,
        json!({"person": {"name": {"firstName": "x"}}}),
    );
    check(
        &[("f", "person.name.firstName"), ("l", "person.name.lastName")],
        r#"{"f":"Ada","l":"Byron"}"#,
        json!({"person": {"name": {"firstName": "Ada", "lastName": "Byron"}}}),
    );
    check(&[("missing", "_id"), ("a", "count")], r#"{"a":1}"#, json!({"count": 1}));
    check(&[("a", "_id")], r#"{"a":null}"#, json!({}));
    check(&[("list[1]", "_id")], r#"{"list":["a","b"]}"#, json!({"_id": "b"}));
}

#[test]
fn arrays_are_mapped_by_element() {
    check(
        &[("lines[*].code", "items[*].sku"), ("lines[*].n", "items[*].quantity")],
        r#"{"lines":[{"code":"a","n":1},{"code":"b","n":2}]}"#,
        json!({"items": [{"sku": "a", "quantity": 1}, {"sku": "b", "quantity": 2}]}),
    );
    check(&[("t", "tags")], r#"{"t":["x","y"]}"#, json!({"tags": ["x", "y"]}));
}

#[test]
fn values_take_the_type_of_their_destination() {
    for (value, destination, expected) in [
        ("7", "_id", json!("7")),
        ("true", "_id", json!("true")),
        ("\"7\"", "count", json!(7)),
        ("\"7.5\"", "price", json!(7.5)),
        ("\"true\"", "member", json!(true)),
        ("\"2024-05-01\"", "day", json!("2024-05-01")),
        ("\"2024-05-01T10:00:00Z\"", "timestamp", json!("2024-05-01T10:00:00Z")),
    ] {
        let name = destination;
        let mut wanted = json!({});
        wanted[name] = expected;
        check(&[("a", destination)], &format!("{{\"a\":{value}}}"), wanted);
    }
}

#[test]
fn what_cannot_be_converted_is_a_warning_and_an_absent_field() {
    for (value, destination) in [
        ("\"x\"", "count"),
        ("300", "small"),
        ("\"soon\"", "timestamp"),
        ("\"maybe\"", "member"),
        ("[1]", "count"),
    ] {
        let record = format!("{{\"a\":{value},\"b\":\"kept\"}}");
        let (mapped, codes, written) = map(&[("a", destination), ("b", "_id")], &record);
        assert_eq!(
            (mapped, codes.len(), written),
            (json!({"_id": "kept"}), 1, 1),
            "{value} to {destination}: {codes:?}"
        );
    }
}

#[test]
fn expressions_and_constants_are_written() {
    check(&[("concat(f, \" \", l)", "_id")], r#"{"f":"a","l":"b"}"#, json!({"_id": "a b"}));
    check(&[("n + 1", "count")], r#"{"n":41}"#, json!({"count": 42}));
    check(&[("iif(n > 3, \"many\", \"few\")", "_id")], r#"{"n":4}"#, json!({"_id": "many"}));
    check(&[("static:web", "_id"), ("static:12", "count")], "{}", json!({"_id": "web", "count": 12}));
    let (mapped, codes, _) = map(&[("1 / n", "price"), ("\"ok\"", "_id")], r#"{"n":0}"#);
    assert_eq!((mapped, codes), (json!({"_id": "ok"}), vec!["division-by-zero"]));
}

/// The raw message of the vendor's streaming tutorial, against a mapping of two fields that it does not have.
#[test]
fn a_record_that_no_item_reads_writes_nothing() {
    let items = [("firstName", "person.name.firstName"), ("lastName", "person.name.lastName")];
    let record = r#"{"name":"Johnson Smith","location":{"city":"Seattle","country":"United State of America","address":"3692 Main Street"},
        "gender":"Male","birthday":{"year":1984,"month":6,"day":9}}"#;
    let (mapped, codes, written) = map(&items, record);
    assert_eq!((mapped, codes, written), (json!({}), Vec::<&str>::new(), 0));
}

/// The code of each refused item, and where in its source.
#[track_caller]
fn refused(items: &[(&str, &str)], expected: &[(usize, &str)]) {
    let errors = compile(items).expect_err("refused");
    let found: Vec<(usize, &str)> = errors.iter().map(|error| (error.index, error.code)).collect();
    assert_eq!(found, expected, "{items:?} {errors:?}");
}

#[test]
fn items_that_cannot_work_are_refused_when_the_set_is_saved() {
    refused(&[("a", "nothing")], &[(0, "unknown-destination")]);
    refused(
        &[("a", "_id"), ("nofunction(a)", "count"), ("b", "person.none")],
        &[(1, "unknown-function"), (2, "unknown-destination")],
    );
    refused(&[("a", "_id"), ("b", "_id")], &[(1, "duplicate-destination")]);
    let errors = compile(&[("concat(a, upper(b)", "_id")]).expect_err("refused");
    let (start, end) = errors[0].span.expect("a place");
    assert!(start <= end && end <= "concat(a, upper(b)".len(), "{errors:?}");
    let deep = format!("{}1{}", "(".repeat(200), ")".repeat(200));
    assert!(compile(&[(&deep, "count")]).is_err());
    let long = format!("concat({})", vec!["a"; 5000].join(","));
    assert!(compile(&[(&long, "_id")]).is_err());
}
