//! Schema Registry: classes, field groups, data types, schemas and descriptors of a tenant beside the standard library.
//!
//! A resource is stored as its client sent it, with types filled in, under its `$id`; what the server computes is added
//! when it is shown ([`Form`]). Other services ask for [`compiled`] schemas. Not here: HTTP and error bodies.

mod accept;
mod audit;
mod body;
mod check;
pub mod descriptors;
mod error;
mod evolve;
mod fields;
mod flat;
pub mod global;
mod ids;
pub(crate) mod item;
mod keywords;
mod parts;
mod patch;
mod query;
mod resources;
mod rules;
mod sample;
mod stats;
mod transfer;
pub mod unions;

use std::sync::Arc;

use serde_json::Value;
use store::{StoreError, Tx};
use xdm::library::ResourceKind;

use self::ids::{id_of_path, stored_kind, tenant_kind};
use self::parts::Parts;
use crate::{Kind, Saved, Scope, resource};

pub use accept::{Form, Notation, Reading};
pub use audit::log as audit_log;
pub use error::{Missing, RegistryError};
pub use evolve::schemas_with;
pub use item::Found;
pub use query::Query;
pub use resources::{Listed, create, delete, get, list, patch, replace};
pub use sample::sample;
pub use stats::{Stats, stats};
pub use transfer::{Imported, export, import};

/// Where a resource is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Container {
    /// The tenant's own; a lookup goes on in the standard library.
    Tenant,
    /// The standard library.
    Global,
}

/// A schema ready to validate records: the tenant's or a standard one, with its primary identities required.
pub async fn compiled(
    tx: &mut Tx,
    scope: &Scope,
    schema_id: &str,
) -> Result<Arc<xdm::Schema>, RegistryError> {
    let composed = composed(tx, scope, schema_id).await?;
    let required = descriptors::primary_paths(tx, scope, Kind::Schemas, schema_id).await?;
    Ok(Arc::new(xdm::Schema::compile(&composed, &required)?))
}

/// A resource with all references resolved.
pub async fn composed(tx: &mut Tx, scope: &Scope, id: &str) -> Result<Value, RegistryError> {
    let found =
        find(tx, scope, id).await?.ok_or_else(|| RegistryError::not_found(ResourceKind::Schemas, id))?;
    let parts = Parts::of(tx, scope, &found.doc()).await?;
    item::composed(&found, scope, &parts)
}

/// A resource in its own form, the tenant's or a standard one.
pub async fn lookup(tx: &mut Tx, scope: &Scope, id: &str) -> Result<Option<Arc<Value>>, StoreError> {
    let Some(found) = find(tx, scope, id).await? else {
        return Ok(None);
    };
    let parts = Parts::of(tx, scope, &found.doc()).await?;
    Ok(Some(Arc::new(item::raw(&found, scope, &parts))))
}

/// The version of a resource, such as `1.3`; empty when there is no such resource.
pub async fn version(tx: &mut Tx, scope: &Scope, id: &str) -> Result<String, StoreError> {
    Ok(match find(tx, scope, id).await? {
        Some(Found::Tenant(saved)) => item::version(&saved),
        Some(Found::Standard(standard)) => {
            standard.doc.get("version").and_then(Value::as_str).unwrap_or_default().to_owned()
        }
        Some(Found::Union(_)) => "1.0".to_owned(),
        None => String::new(),
    })
}

/// The resource of that `$id` or `meta:altId`, whatever its kind.
async fn find(tx: &mut Tx, scope: &Scope, id: &str) -> Result<Option<Found>, StoreError> {
    if id.ends_with(unions::SUFFIX) {
        return Ok(unions::find(tx, scope, id).await?.map(|union| Found::Union(Box::new(union))));
    }
    let id = id_of_path(scope, ResourceKind::Schemas, id);
    if let Some(kind) = tenant_kind(scope, &id) {
        return Ok(resource::get(tx, scope, kind, &id).await?.map(|saved| Found::Tenant(Box::new(saved))));
    }
    Ok(global::library(tx).await?.get(&id).map(|found| Found::Standard(Box::new(found.clone()))))
}

/// The resource of a kind that a path names.
async fn find_of_kind(
    tx: &mut Tx,
    scope: &Scope,
    container: Container,
    kind: ResourceKind,
    text: &str,
) -> Result<Found, RegistryError> {
    let id = id_of_path(scope, kind, text);
    if container == Container::Tenant
        && let Some(stored) = stored_kind(kind)
        && let Some(saved) = resource::get(tx, scope, stored, &id).await?
    {
        return Ok(Found::Tenant(Box::new(saved)));
    }
    // A union answers among the schemas too.
    if container == Container::Tenant
        && kind == ResourceKind::Schemas
        && let Some(union) = unions::find(tx, scope, text).await?
    {
        return Ok(Found::Union(Box::new(union)));
    }
    let library = global::library(tx).await?;
    let standard = library.get(&id).filter(|found| found.kind == kind).cloned();
    standard.map(|found| Found::Standard(Box::new(found))).ok_or_else(|| RegistryError::not_found(kind, text))
}

fn kind_of(found: &Found) -> Option<ResourceKind> {
    match found {
        Found::Tenant(saved) => ids::resource_kind(saved.kind),
        Found::Standard(standard) => Some(standard.kind),
        Found::Union(_) => None,
    }
}

/// Stores a changed resource. The transaction holds the only right to write, so the revision cannot have moved.
async fn save(
    tx: &mut Tx,
    scope: &Scope,
    saved: &mut Saved,
    uses: &[(Kind, String)],
) -> Result<(), RegistryError> {
    if resource::update(tx, scope, saved, Some(uses)).await? {
        return Ok(());
    }
    Err(RegistryError::Store(StoreError::Conflict))
}

#[cfg(test)]
mod tests;
