//! Schemas and records that mean harm, or are just large: refused with a reason, in bounded time.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use vocab::Json;

use super::{none, violations};
use crate::limits::{COMPOSE_STEPS_MAX, FIELD_DEPTH_MAX};
use crate::{Schema, compose};

fn refusal(doc: &Value) -> String {
    match compose(doc, &none) {
        Err(error) => error.to_string(),
        Ok(resolved) => {
            Schema::compile(&resolved, &[]).err().map(|error| error.to_string()).unwrap_or_default()
        }
    }
}

#[test]
fn references_to_nothing_are_named() {
    for (target, expected) in [
        ("https://ns.adobe.com/xdm/nothing", "https://ns.adobe.com/xdm/nothing does not exist"),
        ("#/definitions/nothing", "#/definitions/nothing does not exist"),
        (
            "https://ns.adobe.com/xdm/context/profile#/definitions/nothing",
            "#/definitions/nothing does not exist",
        ),
        ("", ""),
        ("#", ""),
    ] {
        for doc in [
            json!({ "$id": "own", "allOf": [{ "$ref": target }] }),
            json!({ "$id": "own", "properties": { "f": { "$ref": target } } }),
            json!({ "$id": "own", "properties": { "f": { "type": "array", "items": { "$ref": target } } } }),
        ] {
            let found = refusal(&doc);
            assert!(found.contains(expected), "{doc}: {found}");
        }
    }
}

#[test]
fn rings_end() {
    let ring = |id: &str| {
        let next = match id {
            "a" => "b",
            "b" => "a",
            "self" => "self",
            _ => return None,
        };
        Some(Arc::new(
            json!({ "$id": id, "type": "object", "properties": { "next": { "$ref": next }, id: { "type": "string" } },
            "allOf": [{ "$ref": next }] }),
        ))
    };
    for id in ["a", "self"] {
        let doc = json!({ "$id": "own", "properties": { "f": { "$ref": id } }, "allOf": [{ "$ref": id }] });
        let resolved = compose(&doc, &ring).unwrap();
        Schema::compile(&resolved, &[]).unwrap();
        assert!(resolved.pointer(&format!("/properties/f/properties/{id}")).is_some(), "{resolved}");
    }
    let own = json!({ "$id": "own", "definitions": { "d": { "properties": { "d": { "$ref": "#/definitions/d" } } } },
        "allOf": [{ "$ref": "#/definitions/d" }] });
    assert_eq!(refusal(&own), "");
}

/// Parts that each refer to the next twice are 2^30 fields.
#[test]
fn references_that_multiply_are_refused() {
    let next = |id: &str| {
        let at: u32 = id.parse().ok()?;
        let to = if at < 30 { json!({ "$ref": (at + 1).to_string() }) } else { json!({ "type": "string" }) };
        Some(Arc::new(json!({ "$id": id, "type": "object", "properties": { "a": to, "b": to } })))
    };
    let doc = json!({ "$id": "own", "allOf": [{ "$ref": "0" }] });
    let error = compose(&doc, &next).unwrap_err().to_string();
    assert!(error.contains("more than"), "{error} ({COMPOSE_STEPS_MAX})");
    // Empty parts do not multiply either.
    let empty = |id: &str| {
        let at: u32 = id.parse().ok()?;
        let to = if at < 30 { json!({ "$ref": (at + 1).to_string() }) } else { json!({}) };
        Some(Arc::new(json!({ "$id": id, "allOf": [to, to] })))
    };
    for doc in [doc, json!({ "$id": "own", "properties": { "f": { "$ref": "0" } } })] {
        let error = compose(&doc, &empty).unwrap_err().to_string();
        assert!(error.contains("more than"), "{error}");
    }
}

#[test]
fn ten_thousand_fields() {
    let flat = |count: usize| {
        let fields: Map<String, Value> =
            (0..count).map(|at| (format!("f{at}"), json!({ "type": "string" }))).collect();
        json!({ "$id": "own", "properties": fields })
    };
    assert_eq!(refusal(&flat(10_000)), "");
    assert_eq!(refusal(&flat(20_001)), "the schema has more than 20000 fields");
    let same_but_case =
        json!({ "$id": "own", "properties": { "a": { "type": "string" }, "A": { "type": "string" } } });
    assert_eq!(refusal(&same_but_case), "the fields /A and /a differ in case only");
}

#[test]
fn nesting_to_the_bound() {
    let nested = |depth: usize| {
        let inner = (1..depth).fold(
            json!({ "type": "string" }),
            |inner, _| json!({ "type": "object", "properties": { "f": inner } }),
        );
        json!({ "$id": "own", "properties": { "f": inner } })
    };
    assert_eq!(refusal(&nested(FIELD_DEPTH_MAX)), "");
    assert_eq!(refusal(&nested(FIELD_DEPTH_MAX + 1)), "the schema is nested deeper than 40 levels");
    for (depth, expected) in
        [(FIELD_DEPTH_MAX, ""), (FIELD_DEPTH_MAX + 1, "deeper than 40"), (100, "deeper than 64")]
    {
        let arrays = (1..depth)
            .fold(json!({ "type": "string" }), |inner, _| json!({ "type": "array", "items": inner }));
        let found = refusal(&json!({ "properties": { "f": arrays } }));
        assert!(found.contains(expected) && found.is_empty() == expected.is_empty(), "{depth}: {found}");
    }
}

#[test]
fn hostile_patterns() {
    let field = |pattern: &str| json!({ "type": "string", "pattern": pattern });
    let value = format!("\"{}!\"", "a".repeat(5000));
    for pattern in
        ["^(a+)+$", "^(a|aa)+$", "^(?=(a+)+$).*", "(a*)*b", "^(([a-z])+.)+[A-Z]([a-z])+$", "^(a+)\\1+$"]
    {
        let found = violations(field(pattern), &value);
        assert!(found.len() == 1 && found[0].contains("does not match pattern"), "{pattern}: {found:?}");
    }
    let long = "a".repeat(5000);
    for pattern in ["(", "a{99999999}", "((a{1000}){1000}){1000}", "\\", long.as_str()] {
        let refused = refusal(&json!({ "properties": { "f": field(pattern) } }));
        assert!(refused.starts_with("the pattern of /f cannot be used"), "{refused}");
    }
}

#[test]
fn numbers_beyond_64_bits() {
    let integer = || json!({ "type": "integer" });
    let long =
        || json!({ "type": "integer", "meta:xdmType": "long", "minimum": i64::MIN, "maximum": i64::MAX });
    for (field, value, expected) in [
        (integer(), "3000000000", "maximum #/f: 3000000000 is not less or equal to 2147483647"),
        (long(), "9223372036854775807", ""),
        (long(), "9223372036854775808", "maximum #/f"),
        (long(), "-99999999999999999999999", "m"),
        (long(), "1e300", "maximum #/f"),
        (json!({ "type": "number" }), "99999999999999999999999", ""),
    ] {
        let found = violations(field, value);
        assert!(found.is_empty() == expected.is_empty(), "{value}: {found:?}");
        assert!(found.first().is_none_or(|text| text.starts_with(expected)), "{value}: {found:?}");
    }
    assert!(Json::parse(b"{\"f\":1e400}").is_err());
    let bounds: Value =
        serde_json::from_str(r#"{"type":"integer","minimum":-1e300,"maximum":99999999999999999999999}"#)
            .unwrap();
    assert_eq!(violations(bounds, "5"), Vec::<String>::new());
}
