//! The schema that a dataset names: found, compiled, and written by its `$id`.

use serde_json::{Map, Value, json};
use store::Tx;

use super::error::CatalogError;
use crate::{Scope, registry};

/// The content type of a schema reference that came without.
const CONTENT_TYPE: &str = "application/vnd.adobe.xed+json;version=1";

/// A schema reference that holds.
pub(super) struct SchemaRef {
    /// The schema's `$id`, whichever of its names the client wrote: the registry knows by it what is in use.
    pub(super) id: String,
    pub(super) content_type: String,
    pub(super) behavior: &'static str,
}

impl SchemaRef {
    pub(super) fn value(&self) -> Value {
        json!({ "id": self.id, "contentType": self.content_type })
    }
}

/// The `schemaRef` of a dataset as sent.
pub(super) async fn find(
    tx: &mut Tx,
    scope: &Scope,
    doc: &Map<String, Value>,
) -> Result<SchemaRef, CatalogError> {
    let reference = doc.get("schemaRef").and_then(Value::as_object);
    let reference =
        reference.ok_or_else(|| CatalogError::invalid("schemaRef is missing: {\"id\", \"contentType\"}"))?;
    let sent = reference.get("id").and_then(Value::as_str).filter(|id| !id.is_empty());
    let sent = sent.ok_or_else(|| CatalogError::invalid("schemaRef.id is missing"))?;
    let content_type = match reference.get("contentType") {
        None | Some(Value::Null) => CONTENT_TYPE.to_owned(),
        Some(Value::String(content_type)) => content_type.clone(),
        Some(_) => return Err(CatalogError::invalid("schemaRef.contentType must be a text")),
    };
    let found = registry::lookup(tx, scope, sent).await?;
    let found = found.ok_or_else(|| unusable(sent, "there is no such schema"))?;
    if !is_schema(&found) {
        return Err(unusable(sent, "it is a part of schemas, not a schema"));
    }
    let id = found.get("$id").and_then(Value::as_str).unwrap_or(sent).to_owned();
    let compiled = registry::compiled(tx, scope, &id).await.map_err(|error| match error {
        registry::RegistryError::Store(error) => CatalogError::Store(error),
        other => unusable(sent, &other.to_string()),
    })?;
    let behavior = match compiled.behavior() {
        xdm::Behavior::Record => "record",
        xdm::Behavior::TimeSeries => "time-series",
        xdm::Behavior::Adhoc => "adhoc",
    };
    Ok(SchemaRef { id, content_type, behavior })
}

/// A schema, or a standard class, which never changes and so stands for the schema of it alone. Of the tenant's own
/// resources only schemas are kept from changes that their tables do not survive.
fn is_schema(resource: &Value) -> bool {
    let standard = resource.get("meta:containerId").is_some_and(|container| container == "global");
    match resource.get("meta:resourceType").and_then(Value::as_str) {
        // A union is made of schemas that are in one, and only grows.
        Some("schemas" | "unions") => true,
        Some("classes") => standard,
        _ => false,
    }
}

fn unusable(id: &str, reason: &str) -> CatalogError {
    CatalogError::invalid(format!("the schema {id} cannot be used: {reason}"))
}
