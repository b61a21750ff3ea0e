//! Datasets: what is stored, what is shown, and how it changes.

use std::collections::HashSet;

use serde_json::{Map, Value, json};
use store::Tx;
use vocab::schema_ref::major_version;
use vocab::{Millis, SchemaId, random};

use super::error::CatalogError;
use super::schema_ref;
use super::tables::{FORMAT_TAG, TABLE_TAG, free_name, is_enabled, normal_tags};
use crate::json_patch;
use crate::limits::NAME_CHARS_MAX;
use crate::resource::New;
use crate::{Kind, Saved, Scope, resource};

/// How the records of the dataset's schema behave; kept with the dataset, never shown by that name.
const BEHAVIOR: &str = "_behavior";

/// Members that the server makes: what a client sends under these names is left out.
const SERVER_MADE: [&str; 16] = [
    "id",
    "@id",
    "state",
    "imsOrg",
    "sandboxId",
    "version",
    "created",
    "updated",
    "createdClient",
    "createdUser",
    "updatedUser",
    "classification",
    "viewId",
    "files",
    "extensions",
    BEHAVIOR,
];

/// What the record path needs to know of a dataset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The name of its tables in the lake.
    pub table: String,
    pub schema_id: SchemaId,
    /// The major version that the schema reference names; 1 when it names none.
    pub schema_major: u16,
    /// Whether its records feed customer profiles.
    pub profile: bool,
}

/// The facts of a stored dataset.
pub fn facts(saved: &Saved) -> Option<Facts> {
    let tags = saved.doc.get("tags")?.as_object()?;
    let reference = saved.doc.get("schemaRef")?;
    Some(Facts {
        table: tags.get(TABLE_TAG)?.get(0)?.as_str()?.to_owned(),
        schema_id: SchemaId::from(reference.get("id")?.as_str()?),
        schema_major: major_version(reference.get("contentType").and_then(Value::as_str).unwrap_or_default())
            .and_then(|major| u16::try_from(major).ok())
            .unwrap_or(1),
        profile: is_enabled(tags, "unifiedProfile"),
    })
}

/// Creates a dataset. With `validate_only` nothing is stored.
pub async fn create(
    tx: &mut Tx,
    scope: &Scope,
    body: Map<String, Value>,
    validate_only: bool,
) -> Result<String, CatalogError> {
    let id = random::hex(12);
    let mut doc = body;
    doc.retain(|name, _| !SERVER_MADE.contains(&name.as_str()));
    let schema = normalise(tx, scope, &id, &mut doc).await?;
    let name = text(&doc, "name").to_owned();
    let taken = table_names(tx, scope).await?;
    set_table_tags(&mut doc, &free_name(&name, &taken));
    if !validate_only {
        let uses = vec![(Kind::Schemas, schema)];
        let new = New { kind: Kind::DataSets, id: id.clone(), name, state: "ACTIVE".to_owned(), doc, uses };
        resource::insert(tx, scope, new).await?;
    }
    Ok(id)
}

/// Replaces a dataset; its table stays.
pub async fn replace(
    tx: &mut Tx,
    scope: &Scope,
    id: &str,
    if_match: Option<&str>,
    body: Map<String, Value>,
) -> Result<(), CatalogError> {
    let saved = get(tx, scope, id).await?;
    save(tx, scope, saved, if_match, body).await
}

/// How the body of a PATCH is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merge {
    /// Top-level members are replaced as a whole.
    Shallow,
    /// RFC 7386: objects are merged, null removes.
    Deep,
}

/// Changes a dataset by a JSON Patch (an array, whatever its content type says) or by an object.
pub async fn patch(
    tx: &mut Tx,
    scope: &Scope,
    id: &str,
    if_match: Option<&str>,
    body: Value,
    merge: Merge,
) -> Result<(), CatalogError> {
    let saved = get(tx, scope, id).await?;
    let mut doc = saved.doc.clone();
    match (body, merge) {
        (sent @ Value::Array(_), _) => {
            let operations: Vec<_> =
                json_patch::operations(&sent)?.iter().map(lenient).collect::<Result<_, _>>()?;
            doc = json_patch::apply_all(&doc, &operations)?;
        }
        (Value::Object(members), Merge::Shallow) => doc.extend(members),
        (Value::Object(members), Merge::Deep) => merge_into(&mut doc, members),
        _ => return Err(CatalogError::invalid("the body must be a JSON object or a JSON Patch")),
    }
    save(tx, scope, saved, if_match, doc).await
}

/// Clients replace members that are not there yet: that adds them.
fn lenient(operation: &Value) -> Result<json_patch::Operation, json_patch::PatchError> {
    let mut operation = json_patch::parse(operation)?;
    if let json_patch::Action::Replace(value) = operation.action {
        operation.action = json_patch::Action::Add(value);
    }
    Ok(operation)
}

fn merge_into(doc: &mut Map<String, Value>, members: Map<String, Value>) {
    for (name, value) in members {
        match (value, doc.get_mut(&name)) {
            (Value::Null, _) => {
                doc.shift_remove(&name);
            }
            (Value::Object(inner), Some(Value::Object(known))) => merge_into(known, inner),
            (value, _) => {
                doc.insert(name, value);
            }
        }
    }
}

/// Deletes a dataset; `false` when there is none. Flows to it stay, and posts to them are refused.
pub async fn delete(tx: &mut Tx, scope: &Scope, id: &str) -> Result<bool, CatalogError> {
    match resource::get(tx, scope, Kind::DataSets, id).await? {
        Some(saved) => {
            resource::delete(tx, scope, &saved).await?;
            Ok(true)
        }
        None => Ok(false),
    }
}

/// The dataset of that id.
pub async fn get(tx: &mut Tx, scope: &Scope, id: &str) -> Result<Saved, CatalogError> {
    let found = resource::get(tx, scope, Kind::DataSets, id).await?;
    found.ok_or_else(|| CatalogError::NotFound { kind: "dataset", id: id.to_owned() })
}

/// All datasets as they are shown, oldest first.
pub async fn items(tx: &mut Tx, scope: &Scope) -> Result<Vec<(String, Value)>, CatalogError> {
    let all = resource::list(tx, scope, Kind::DataSets).await?;
    Ok(all.into_iter().map(|saved| (saved.id.clone(), item(&saved, scope))).collect())
}

/// The version that is shown, and compared with `If-Match`.
pub fn version(saved: &Saved) -> String {
    format!("1.0.{}", saved.rev - 1)
}

/// A dataset as it is shown.
pub fn item(saved: &Saved, scope: &Scope) -> Value {
    let mut item = saved.doc.clone();
    let behavior = item.shift_remove(BEHAVIOR).unwrap_or_else(|| json!("record"));
    let made = json!({
        "state": saved.state,
        "imsOrg": scope.org.as_str(),
        "sandboxId": scope.sandbox_id.as_str(),
        "extensions": { "adobe_lakeHouse": {}, "adobe_unifiedProfile": {} },
        "version": version(saved),
        "created": saved.created.0,
        "updated": saved.updated.0,
        "createdClient": saved.created_client,
        "createdUser": saved.created_by,
        "updatedUser": saved.updated_by,
        "classification": { "dataBehavior": behavior, "managedBy": "CUSTOMER" },
        "viewId": view_id(&saved.id),
        "files": format!("@/dataSetFiles?dataSetId={}", saved.id)
    });
    if let Value::Object(made) = made {
        item.extend(made);
    }
    Value::Object(item)
}

/// The one view that a dataset has: an id next to the dataset's own.
pub(super) fn view_id(id: &str) -> String {
    match u128::from_str_radix(id, 16) {
        Ok(number) => format!("{:024x}", number.wrapping_add(1) & ((1 << 96) - 1)),
        Err(_) => id.to_owned(),
    }
}

async fn save(
    tx: &mut Tx,
    scope: &Scope,
    mut saved: Saved,
    if_match: Option<&str>,
    mut doc: Map<String, Value>,
) -> Result<(), CatalogError> {
    let current = version(&saved);
    if if_match.is_some_and(|wanted| !names(wanted, &current)) {
        return Err(CatalogError::VersionMismatch { current });
    }
    doc.retain(|name, _| !SERVER_MADE.contains(&name.as_str()));
    let known = facts(&saved);
    let schema = normalise(tx, scope, &saved.id, &mut doc).await?;
    // A table only grows: records of another schema might never fit into its columns, and would wait for ever.
    if let Some(known) = known.as_ref().filter(|known| known.schema_id.as_str() != schema) {
        return Err(CatalogError::invalid(format!(
            "the schema of a dataset cannot be changed: it is {}",
            known.schema_id
        )));
    }
    // The table was named when the dataset was made, and is never renamed.
    set_table_tags(&mut doc, &known.map(|known| known.table).unwrap_or_default());
    saved.name = text(&doc, "name").to_owned();
    saved.doc = doc;
    if resource::update(tx, scope, &mut saved, Some(&[(Kind::Schemas, schema)])).await? {
        Ok(())
    } else {
        Err(CatalogError::VersionMismatch { current })
    }
}

/// Checks what a client sent and completes it; the schema's id comes back.
async fn normalise(
    tx: &mut Tx,
    scope: &Scope,
    id: &str,
    doc: &mut Map<String, Value>,
) -> Result<String, CatalogError> {
    match doc.get("name") {
        None | Some(Value::Null) => {
            doc.insert("name".to_owned(), json!(format!("Dataset {id}")));
        }
        Some(Value::String(name)) if !name.trim().is_empty() && name.chars().count() <= NAME_CHARS_MAX => {}
        Some(_) => {
            return Err(CatalogError::invalid(format!(
                "name must be a text of 1 to {NAME_CHARS_MAX} characters"
            )));
        }
    }
    let schema = schema_ref::find(tx, scope, doc).await?;
    let tags = normal_tags(doc.get("tags").unwrap_or(&json!({})))
        .ok_or_else(|| CatalogError::invalid("tags must be an object of arrays of texts"))?;
    let defaults =
        [("enableErrorDiagnostics", json!(false)), ("fileDescription", json!({ "format": "parquet" }))];
    for (name, value) in defaults {
        if doc.get(name).is_none_or(Value::is_null) {
            doc.insert(name.to_owned(), value);
        }
    }
    doc.insert("schemaRef".to_owned(), schema.value());
    doc.insert("tags".to_owned(), Value::Object(dated(tags, scope.now)));
    doc.insert(BEHAVIOR.to_owned(), json!(schema.behavior));
    Ok(schema.id)
}

/// The time at which Profile was turned on stands beside the tag's other values.
fn dated(mut tags: Map<String, Value>, now: Millis) -> Map<String, Value> {
    let enabled = is_enabled(&tags, "unifiedProfile");
    if let Some(Value::Array(values)) = tags.get_mut("unifiedProfile") {
        let is_date = |value: &Value| value.as_str().is_some_and(|text| text.starts_with("enabledAt"));
        if enabled && !values.iter().any(is_date) {
            values.push(json!(format!("enabledAt:{}", utc_text(now))));
        }
        if !enabled {
            values.retain(|value| !is_date(value));
        }
    }
    tags
}

/// `2024-11-05 12:33:59`, in UTC.
fn utc_text(time: Millis) -> String {
    jiff::Timestamp::from_millisecond(time.0).unwrap_or_default().strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// The tables of all datasets.
async fn table_names(tx: &mut Tx, scope: &Scope) -> Result<HashSet<String>, CatalogError> {
    let all = resource::list(tx, scope, Kind::DataSets).await?;
    Ok(all.iter().filter_map(facts).map(|facts| facts.table).collect())
}

/// The tags about the table, which are the server's own.
fn set_table_tags(doc: &mut Map<String, Value>, table: &str) {
    if let Some(Value::Object(tags)) = doc.get_mut("tags") {
        tags.insert(TABLE_TAG.to_owned(), json!([table]));
        tags.insert(FORMAT_TAG.to_owned(), json!(["iceberg"]));
    }
}

/// Whether an `If-Match` names a version: a list of etags, or a star for any.
fn names(if_match: &str, version: &str) -> bool {
    if_match
        .split(',')
        .map(str::trim)
        .any(|etag| etag == "*" || etag.strip_prefix("W/").unwrap_or(etag).trim_matches('"') == version)
}

fn text<'a>(doc: &'a Map<String, Value>, name: &str) -> &'a str {
    doc.get(name).and_then(Value::as_str).unwrap_or_default()
}
