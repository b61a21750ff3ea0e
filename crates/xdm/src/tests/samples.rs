//! Random records: valid, and the same for the same seed; and schemas inferred from records.

use std::sync::Arc;

use serde_json::{Value, json};
use vocab::Json;

use super::{EVENT, none, schema};
use crate::library::{ResourceKind, standard};
use crate::{Inference, Schema, compose, sample};

#[test]
fn samples_of_every_standard_resource_are_valid() {
    for kind in ResourceKind::ALL {
        for resource in standard().list(kind) {
            let schema = Schema::compile(&compose(&resource.doc, &none).unwrap(), &[]).unwrap();
            for seed in 0..3 {
                let record = sample(&schema, seed).unwrap_or_else(|error| panic!("{}: {error}", resource.id));
                assert!(record.is_object());
            }
        }
    }
}

#[test]
fn a_seed_gives_one_record() {
    let schema = schema(&[EVENT, "https://ns.adobe.com/xdm/context/experienceevent-commerce"], &json!({}));
    let records: Vec<Value> = (0..5).map(|seed| sample(&schema, seed).unwrap()).collect();
    assert_eq!(records[3], sample(&schema, 3).unwrap());
    assert!(records.windows(2).all(|pair| pair[0] != pair[1]));
    assert!(records.iter().all(|record| record.get("_id").is_some() && record.get("timestamp").is_some()));
}

#[test]
fn samples_keep_to_constraints_or_say_why_not() {
    let one = |field: Value| {
        let doc = json!({ "$id": "own", "properties": { "f": field }, "required": ["f"] });
        let schema = Schema::compile(&compose(&doc, &none).unwrap(), &[]).unwrap();
        (0..20)
            .map(|seed| sample(&schema, seed))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| error.to_string())
    };
    for field in [
        json!({ "type": "string", "pattern": "^[A-Z]{2}-\\d{4,6}(x|yz)?$" }),
        json!({ "type": "string", "pattern": "b", "minLength": 1 }),
        json!({ "type": "string", "minLength": 20, "maxLength": 20 }),
        json!({ "type": "string", "enum": ["a", "b"] }),
        json!({ "type": "integer", "minimum": -5, "maximum": -3 }),
        json!({ "type": "integer", "exclusiveMinimum": 7, "maximum": 8 }),
        json!({ "type": "number", "exclusiveMinimum": 0, "maximum": 0.001 }),
        json!({ "type": "array", "items": { "type": "integer" }, "minItems": 5, "uniqueItems": true }),
        json!({ "type": "string", "format": "ipv6" }),
        json!({ "type": "object", "additionalProperties": { "type": "string", "format": "date" } }),
    ] {
        assert_eq!(one(field.clone()).map(|records| records.len()), Ok(20), "{field}");
    }
    for (field, expected) in [
        (json!({ "type": "string", "pattern": "^(?!)$" }), "no text matches"),
        (json!({ "type": "string", "pattern": "^a$", "minLength": 2 }), "no text matches"),
        (json!({ "type": "string", "minLength": 4_000_000_000_u64 }), "no text matches"),
        (json!({ "type": "integer", "minimum": 5, "maximum": 4 }), "its range is empty"),
        (
            json!({ "type": "array", "items": { "type": "boolean" }, "minItems": 3, "uniqueItems": true }),
            "cannot all be different",
        ),
        (
            json!({ "type": "array", "items": { "type": "string" }, "minItems": 4_000_000_000_u64 }),
            "minItems is too large",
        ),
        (json!({ "type": "string", "enum": [] }), "its enum is empty"),
    ] {
        let error = one(field.clone()).unwrap_err();
        assert!(error.contains("/f") && error.contains(expected), "{field}: {error}");
    }
}

/// What records were made of fits what is inferred from them.
#[test]
fn records_fit_what_is_inferred_from_them() {
    let schema = schema(
        &[EVENT, "https://ns.adobe.com/xdm/context/experienceevent-web"],
        &json!({ "n": {"type": "number"} }),
    );
    let texts: Vec<String> = (0..40).map(|seed| sample(&schema, seed).unwrap().to_string()).collect();
    let records = || texts.iter().map(|text| Json::parse(text.as_bytes()).unwrap());
    let mut inference = Inference::default();
    records().for_each(|record| inference.add(&record));
    let found = inference.finish();
    assert_eq!((found.records, found.notes.clone()), (40, vec![]));
    let doc = json!({ "$id": "own", "type": "object", "properties": found.properties });
    let inferred = Arc::new(Schema::compile(&compose(&doc, &none).unwrap(), &[]).unwrap());
    for record in records() {
        assert_eq!(inferred.validate(&record, 5).list, vec![], "{record}");
    }
    assert_eq!(doc["properties"]["timestamp"]["format"], "date-time");
}
