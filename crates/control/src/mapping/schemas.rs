//! Mapper schemas: what the source of a mapping looks like. They are private to Data Prep.

use serde_json::{Map, Value, json};
use store::Tx;
use vocab::random;

use super::error::MappingError;
use super::query::Query;
use super::samples::{self, SERVER_MADE};
use super::sets::Stored;
use crate::limits::{NAME_CHARS_MAX, SAMPLE_RECORDS_MAX};
use crate::resource::New;
use crate::{Kind, Saved, Scope, registry, resource};

/// Creates a schema from one of `jsonSchema`, `sampleId` and `schemaRef`.
pub async fn create(tx: &mut Tx, scope: &Scope, body: Map<String, Value>) -> Result<Stored, MappingError> {
    let mut doc = body;
    doc.retain(|name, _| !SERVER_MADE.contains(&name.as_str()));
    doc.retain(|_, value| !value.is_null());
    let sample = doc.get("sampleId").cloned();
    let reference = doc.get("schemaRef").cloned();
    let json_schema = match (doc.get("jsonSchema"), sample, reference) {
        (Some(schema), None, None) => written(schema)?,
        (None, Some(Value::String(id)), None) => {
            let records = samples::records(tx, scope, &id).await?;
            of_sample(&id, &records)
        }
        (None, None, Some(Value::Object(reference))) => {
            let id = reference.get("id").and_then(Value::as_str).unwrap_or_default();
            let composed = registry::composed(tx, scope, id).await;
            composed.map_err(|error| MappingError::schema(id, error))?
        }
        _ => {
            return Err(MappingError::invalid(
                "a schema is made from one of jsonSchema, sampleId and schemaRef",
            ));
        }
    };
    let name = match doc.get("name") {
        None => json_schema.get("title").and_then(Value::as_str).unwrap_or_default().to_owned(),
        Some(Value::String(name)) if name.chars().count() <= NAME_CHARS_MAX => name.clone(),
        Some(_) => {
            let text = format!("name must be a text of at most {NAME_CHARS_MAX} characters");
            return Err(MappingError::invalid(text));
        }
    };
    doc.insert("jsonSchema".to_owned(), json_schema);
    doc.insert("version".to_owned(), json!(0));
    let new = New {
        kind: Kind::MapperSchemas,
        id: random::hex(16),
        name,
        state: String::new(),
        doc,
        uses: Vec::new(),
    };
    Ok(Stored::of(resource::insert(tx, scope, new).await?))
}

/// Creates a schema from the text of a file: a JSON schema, or data from which a sample is made first.
pub async fn upload(tx: &mut Tx, scope: &Scope, file: &str) -> Result<Stored, MappingError> {
    let bad = |error| MappingError::invalid(format!("the file is not JSON: {error}"));
    let content: Value = serde_json::from_str(file).map_err(bad)?;
    let is_schema = content.get("$schema").is_some_and(Value::is_string)
        || (content.get("type") == Some(&json!("object"))
            && content.get("properties").is_some_and(Value::is_object));
    let body = if is_schema {
        json!({ "jsonSchema": content })
    } else {
        json!({ "sampleId": samples::upload(tx, scope, file).await?.id })
    };
    create(tx, scope, body.as_object().cloned().unwrap_or_default()).await
}

/// A JSON schema that was sent: an object, or its text.
fn written(schema: &Value) -> Result<Value, MappingError> {
    let schema = match schema {
        Value::String(text) => serde_json::from_str(text)
            .map_err(|error| MappingError::invalid(format!("jsonSchema is not JSON: {error}")))?,
        other => other.clone(),
    };
    if !schema.is_object() {
        return Err(MappingError::invalid("jsonSchema must be an object"));
    }
    Ok(schema)
}

pub async fn get(tx: &mut Tx, scope: &Scope, id: &str) -> Result<Stored, MappingError> {
    find(tx, scope, id).await.map(Stored::of)
}

async fn find(tx: &mut Tx, scope: &Scope, id: &str) -> Result<Saved, MappingError> {
    let saved = resource::get(tx, scope, Kind::MapperSchemas, id).await?;
    saved.ok_or_else(|| MappingError::NotFound { what: "schema", id: id.to_owned() })
}

/// The JSON schema of a stored one.
pub(super) async fn json_schema(tx: &mut Tx, scope: &Scope, id: &str) -> Result<Value, MappingError> {
    Ok(find(tx, scope, id).await?.doc.remove("jsonSchema").unwrap_or_default())
}

pub async fn list(tx: &mut Tx, scope: &Scope, query: &Query) -> Result<Vec<Stored>, MappingError> {
    let found = resource::page(tx, scope, Kind::MapperSchemas, &query.page()).await?;
    Ok(found.into_iter().map(Stored::of).collect())
}

pub async fn delete(tx: &mut Tx, scope: &Scope, id: &str) -> Result<(), MappingError> {
    let saved = find(tx, scope, id).await?;
    Ok(resource::delete(tx, scope, &saved).await?)
}

/// The schema of a sample's records.
fn of_sample(id: &str, records: &[Value]) -> Value {
    let mut schema = of_records(records);
    schema["title"] = json!(format!("SampleSchema:{id}"));
    schema
}

/// What the first records have in common, as a JSON schema.
pub(super) fn of_records(records: &[Value]) -> Value {
    let schema = records.iter().take(SAMPLE_RECORDS_MAX).map(of_value).reduce(merged);
    schema.unwrap_or_else(|| json!({ "type": "object", "properties": {} }))
}

fn of_value(value: &Value) -> Value {
    match value {
        Value::Null => json!({ "type": "null" }),
        Value::Bool(_) => json!({ "type": "boolean" }),
        Value::Number(number) if number.is_f64() => json!({ "type": "number" }),
        Value::Number(_) => json!({ "type": "integer" }),
        Value::String(_) => json!({ "type": "string" }),
        Value::Array(items) => {
            let item = items.iter().take(SAMPLE_RECORDS_MAX).map(of_value).reduce(merged);
            json!({ "type": "array", "items": item.unwrap_or_else(|| json!({ "type": "null" })) })
        }
        Value::Object(members) => {
            let titled = |(name, value): (&String, &Value)| {
                let mut schema = json!({ "title": name });
                if let (Value::Object(schema), Value::Object(found)) = (&mut schema, of_value(value)) {
                    schema.extend(found);
                }
                (name.clone(), schema)
            };
            let properties: Map<String, Value> = members.iter().map(titled).collect();
            json!({ "type": "object", "properties": properties })
        }
    }
}

/// A schema for what either describes: all members; the wider type; text where nothing else holds both.
fn merged(one: Value, other: Value) -> Value {
    let types = |schema: &Value| schema["type"].as_str().unwrap_or("string").to_owned();
    let (mut one, mut other) = (one, other);
    match (types(&one).as_str(), types(&other).as_str()) {
        ("object", "object") => {
            if let (Some(Value::Object(known)), Value::Object(found)) =
                (one.get_mut("properties"), other["properties"].take())
            {
                for (name, schema) in found {
                    let schema = match known.get_mut(&name).map(Value::take) {
                        Some(known) => merged(known, schema),
                        None => schema,
                    };
                    known.insert(name, schema);
                }
            }
            one
        }
        ("array", "array") => {
            one["items"] = merged(one["items"].take(), other["items"].take());
            one
        }
        (a, b) if a == b => one,
        (_, "null") | ("number", "integer") => one,
        ("null", _) | ("integer", "number") => other,
        _ => {
            let title = one.get("title").cloned();
            let mut schema = json!({ "type": "string" });
            if let Some(title) = title {
                schema["title"] = title;
            }
            schema
        }
    }
}
