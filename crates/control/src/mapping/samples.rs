//! Samples: JSON documents that schemas and suggestions are made from.

use serde_json::{Map, Value, json};
use store::Tx;
use vocab::random;

use super::error::MappingError;
use super::query::Query;
use super::sets::{Stored, version_of};
use crate::limits::SAMPLE_BYTES_MAX;
use crate::resource::New;
use crate::{Kind, Saved, Scope, resource};

/// Members that the server makes.
pub(super) const SERVER_MADE: [&str; 6] =
    ["id", "version", "createdDate", "modifiedDate", "createdBy", "modifiedBy"];

/// Creates a sample in version 0.
pub async fn create(tx: &mut Tx, scope: &Scope, body: Map<String, Value>) -> Result<Stored, MappingError> {
    let mut doc = normalise(body)?;
    doc.insert("version".to_owned(), json!(0));
    let new = New {
        kind: Kind::MapperSamples,
        id: random::hex(16),
        name: String::new(),
        state: String::new(),
        doc,
        uses: Vec::new(),
    };
    Ok(Stored::of(resource::insert(tx, scope, new).await?))
}

/// Creates a sample from the text of a file.
pub async fn upload(tx: &mut Tx, scope: &Scope, file: &str) -> Result<Stored, MappingError> {
    let body = json!({ "sampleData": file, "sampleType": "JSON" });
    create(tx, scope, body.as_object().cloned().unwrap_or_default()).await
}

fn normalise(body: Map<String, Value>) -> Result<Map<String, Value>, MappingError> {
    let mut doc = body;
    doc.retain(|name, _| !SERVER_MADE.contains(&name.as_str()));
    let text = match doc.get("sampleData") {
        Some(Value::String(text)) => text.clone(),
        // The document itself is as good as its text.
        Some(data @ (Value::Object(_) | Value::Array(_))) => data.to_string(),
        _ => return Err(MappingError::invalid("sampleData must be the text of a JSON document")),
    };
    read(&text)?;
    let sample_type = match doc.get("sampleType") {
        None | Some(Value::Null) => "JSON",
        Some(Value::String(text)) if text.eq_ignore_ascii_case("JSON") => "JSON",
        Some(other) => {
            return Err(MappingError::invalid(format!("the sampleType {other} is not known: it is JSON")));
        }
    };
    doc.insert("sampleData".to_owned(), json!(text));
    doc.insert("sampleType".to_owned(), json!(sample_type));
    Ok(doc)
}

/// The records of a sample's text: one object, or an array of them.
pub(super) fn read(text: &str) -> Result<Vec<Value>, MappingError> {
    if text.len() > SAMPLE_BYTES_MAX {
        return Err(MappingError::invalid(format!("a sample has at most {SAMPLE_BYTES_MAX} bytes")));
    }
    let bad = |error| MappingError::invalid(format!("the sample is not JSON: {error}"));
    let records = match serde_json::from_str(text).map_err(bad)? {
        Value::Array(records) => records,
        one => vec![one],
    };
    if records.is_empty() || !records.iter().all(Value::is_object) {
        return Err(MappingError::invalid("a sample is a JSON object or an array of them"));
    }
    Ok(records)
}

/// Replaces a sample: the next version.
pub async fn replace(
    tx: &mut Tx,
    scope: &Scope,
    id: &str,
    body: Map<String, Value>,
) -> Result<Stored, MappingError> {
    let mut saved = find(tx, scope, id).await?;
    let mut doc = normalise(body)?;
    doc.insert("version".to_owned(), json!(version_of(&saved.doc) + 1));
    saved.doc = doc;
    if !resource::update(tx, scope, &mut saved, None).await? {
        return Err(MappingError::Conflict);
    }
    Ok(Stored::of(saved))
}

pub async fn get(tx: &mut Tx, scope: &Scope, id: &str) -> Result<Stored, MappingError> {
    find(tx, scope, id).await.map(Stored::of)
}

async fn find(tx: &mut Tx, scope: &Scope, id: &str) -> Result<Saved, MappingError> {
    let saved = resource::get(tx, scope, Kind::MapperSamples, id).await?;
    saved.ok_or_else(|| MappingError::NotFound { what: "sample", id: id.to_owned() })
}

/// The records of a stored sample.
pub(super) async fn records(tx: &mut Tx, scope: &Scope, id: &str) -> Result<Vec<Value>, MappingError> {
    let saved = find(tx, scope, id).await?;
    read(saved.doc.get("sampleData").and_then(Value::as_str).unwrap_or_default())
}

pub async fn list(tx: &mut Tx, scope: &Scope, query: &Query) -> Result<Vec<Stored>, MappingError> {
    let found = resource::page(tx, scope, Kind::MapperSamples, &query.page()).await?;
    Ok(found.into_iter().map(Stored::of).collect())
}

/// Deletes a sample. Schemas that were made from it stay as they are.
pub async fn delete(tx: &mut Tx, scope: &Scope, id: &str) -> Result<(), MappingError> {
    let saved = find(tx, scope, id).await?;
    Ok(resource::delete(tx, scope, &saved).await?)
}
