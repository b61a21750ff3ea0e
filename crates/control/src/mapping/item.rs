//! Mapping sets and their items as they are shown: with the names of both generations.

use prep::{SourceType, source_paths};
use serde_json::{Map, Value, json};

use super::sets::Stored;

/// A mapping set as it is shown.
pub fn item(set: &Stored) -> Value {
    let mut shown = summary(set);
    let Value::Object(members) = &mut shown else {
        return shown;
    };
    let reference =
        set.doc.get("outputSchema").and_then(|output| output.get("schemaRef")).cloned().unwrap_or_default();
    for (name, value) in [
        ("name", json!("")),
        ("supportVersion", json!("1.1")),
        ("status", json!("PUBLISHED")),
        ("strictMapping", json!(false)),
        ("allowNullValues", json!(false)),
        ("tags", json!([])),
    ] {
        members.insert(name.to_owned(), value);
    }
    members.extend(
        set.doc
            .iter()
            .filter(|(name, _)| *name != "version")
            .map(|(name, value)| (name.clone(), value.clone())),
    );
    members.insert("mappings".to_owned(), Value::Array(mappings(set)));
    members.insert("xdmSchema".to_owned(), reference["id"].clone());
    members.insert("xdmVersion".to_owned(), reference["contentType"].clone());
    members.insert("schemaRef".to_owned(), reference);
    shown
}

/// A sample as it is shown.
pub fn sample(sample: &Stored) -> Value {
    with_rest(sample)
}

/// A mapper schema as it is shown.
pub fn schema(schema: &Stored) -> Value {
    with_rest(schema)
}

fn with_rest(stored: &Stored) -> Value {
    let mut shown = summary(stored);
    if let Value::Object(shown) = &mut shown {
        shown.extend(stored.doc.iter().map(|(name, value)| (name.clone(), value.clone())));
    }
    shown
}

/// What a change of a single item answers.
pub fn summary_of(mapping: &Value) -> Value {
    let members = ["id", "version", "createdDate", "modifiedDate", "createdBy", "modifiedBy"];
    members.into_iter().map(|name| (name.to_owned(), mapping[name].clone())).collect()
}

/// What a change answers.
pub fn summary(set: &Stored) -> Value {
    let mut shown = json!({ "id": set.id, "version": set.version });
    if let Value::Object(shown) = &mut shown {
        shown.extend(audit(set));
    }
    shown
}

fn audit(set: &Stored) -> Map<String, Value> {
    let audit = json!({
        "createdDate": set.created.0, "modifiedDate": set.modified.0,
        "createdBy": set.created_by, "modifiedBy": set.modified_by
    });
    audit.as_object().cloned().unwrap_or_default()
}

/// The items of a set as they are shown.
pub(super) fn mappings(set: &Stored) -> Vec<Value> {
    let stored = set.doc.get("mappings").and_then(Value::as_array).into_iter().flatten();
    stored.map(|stored| mapping(stored, set)).collect()
}

fn mapping(stored: &Value, set: &Stored) -> Value {
    let text = |name: &str| stored.get(name).and_then(Value::as_str).unwrap_or_default();
    let (source, destination) = (text("source"), text("destination"));
    let mut shown = json!({
        "id": stored["id"], "version": 0, "identity": false, "primaryIdentity": false, "matchScore": 0.0,
        "functionVersion": 1
    });
    let Value::Object(members) = &mut shown else {
        return shown;
    };
    members.extend(audit(set));
    members.extend(stored.as_object().cloned().unwrap_or_default());
    if let Some(SourceType::Expression) = SourceType::parse(text("sourceType"), source) {
        let paths = source_paths(SourceType::Expression, source);
        members.insert("expressionAttributes".to_owned(), json!(paths));
    }
    members.insert("sourceAttribute".to_owned(), json!(source));
    members.insert("destinationXdmPath".to_owned(), json!(destination));
    shown
}
