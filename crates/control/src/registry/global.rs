//! The global container: the built-in library, and what was imported beside it.
//!
//! Imported resources are one for the whole server. They are kept in memory under the mark of the import that wrote them,
//! so that a request costs one small query.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use store::{StoreError, Tx, values};
use vocab::random;
use xdm::library::{self, Library, Resource, ResourceKind};

use super::error::invalid;
use super::evolve::{breakage, is_in_use};
use super::parts::Parts;
use super::{RegistryError, composed, descriptors, kind_of};
use crate::limits::GLOBAL_RESOURCES_MAX;
use crate::{Kind, Scope, resource};

/// The library that was read last, and its mark.
static KNOWN: Mutex<Option<(String, Arc<Library>)>> = Mutex::new(None);

/// Everything in the global container.
pub async fn library(tx: &mut Tx) -> Result<Arc<Library>, StoreError> {
    let Some(row) = tx.row("SELECT mark FROM global_library", values![]).await? else {
        return Ok(library::standard().clone());
    };
    let mark = row.text(0)?.to_owned();
    let known = || KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, library)) = known().as_ref().filter(|(known, _)| *known == mark) {
        return Ok(library.clone());
    }
    let mut imported = Vec::new();
    for row in tx.rows("SELECT kind, doc FROM global_resource ORDER BY id", values![]).await? {
        // The rows were written from values of these types.
        if let (Some(kind), Ok(doc)) =
            (ResourceKind::from_name(row.text(0)?), serde_json::from_str(row.text(1)?))
        {
            imported.push(Resource::stored(kind, doc));
        }
    }
    let library = Arc::new(library::standard().with(imported));
    *known() = Some((mark, library.clone()));
    Ok(library)
}

/// What an import did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    pub added: usize,
    pub changed: usize,
    pub unchanged: usize,
    /// The resources in the global container now.
    pub total: usize,
}

/// Resources that may be imported.
#[derive(Debug)]
pub struct Checked {
    /// Those that compose and compile, with the built-in ones and each other.
    pub(super) resources: Vec<Resource>,
    /// The `$id` of each of the others, and what is wrong with it.
    pub refused: Vec<(String, String)>,
}

/// Reads `[{"kind", "doc"}]`, each document in the registry's own form. Composes all of them, which takes a while.
pub fn check(known: &Library, resources: &[Value]) -> Result<Checked, RegistryError> {
    if resources.len() > GLOBAL_RESOURCES_MAX {
        return Err(invalid(format!("an import has at most {GLOBAL_RESOURCES_MAX} resources")));
    }
    let mut seen = HashSet::new();
    let mut checked = Checked { resources: Vec::with_capacity(resources.len()), refused: Vec::new() };
    for entry in resources {
        match read(entry) {
            Ok(resource) if !seen.insert(resource.id.clone()) || !seen.insert(resource.alt_id.clone()) => {
                checked.refused.push((resource.id, "another resource has its $id or meta:altId".to_owned()));
            }
            Ok(resource) => checked.resources.push(resource),
            Err(reason) => {
                let id = entry.pointer("/doc/$id").and_then(Value::as_str).unwrap_or_default();
                checked.refused.push((id.to_owned(), reason));
            }
        }
    }
    // What is made of a refused resource falls with it, in the next round when not in the same.
    let mut refused = usize::MAX;
    while refused > 0 {
        let library = known.with(checked.resources.iter().cloned());
        let find = |id: &str| library.get(id).map(|found| found.doc.clone());
        let mut good = Vec::with_capacity(checked.resources.len());
        let before = checked.refused.len();
        for resource in checked.resources {
            match composes(&resource, &find) {
                Ok(()) => good.push(resource),
                Err(reason) => checked.refused.push((resource.id, reason)),
            }
        }
        checked.resources = good;
        refused = checked.refused.len() - before;
    }
    Ok(checked)
}

fn read(entry: &Value) -> Result<Resource, String> {
    let kind = entry.get("kind").and_then(Value::as_str).and_then(ResourceKind::from_name);
    let kind = kind.ok_or("its kind is none of the global container")?;
    let doc = entry.get("doc").filter(|doc| doc.is_object()).ok_or("it is no JSON object")?;
    let id = doc.get("$id").and_then(Value::as_str).ok_or("it has no $id")?;
    if !id.starts_with("http://") && !id.starts_with("https://") {
        return Err(format!("its $id {id} is no absolute URI"));
    }
    Resource::new(kind, doc.clone()).map_err(|error| error.to_string())
}

fn composes(resource: &Resource, find: &xdm::Lookup<'_>) -> Result<(), String> {
    let resolved = xdm::compose(&resource.doc, find).map_err(|error| error.to_string())?;
    xdm::Schema::compile(&resolved, &[]).map(drop).map_err(|error| error.to_string())
}

/// Stores checked resources, all or none. Refused when a tenant's resource would no longer compose, or a schema in use
/// would break.
pub async fn import(tx: &mut Tx, scopes: &[Scope], checked: Checked) -> Result<Imported, RegistryError> {
    let before = library(tx).await?;
    let mut report = Imported::default();
    let mut changed = Vec::new();
    for resource in checked.resources {
        match before.get(&resource.id) {
            Some(known) if known.kind == resource.kind && known.doc == resource.doc => {
                report.unchanged += 1;
                continue;
            }
            Some(_) => report.changed += 1,
            None => report.added += 1,
        }
        changed.push(resource);
    }
    let after = Arc::new(before.with(changed.iter().cloned()));
    report.total = after.len();
    if changed.is_empty() {
        return Ok(report);
    }
    for scope in scopes {
        check_tenant(tx, scope, &before, &after).await?;
    }
    for resource in &changed {
        let sql = "INSERT INTO global_resource (id, kind, doc) VALUES ($1, $2, $3)
                   ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, doc = excluded.doc";
        tx.execute(sql, values![resource.id.as_str(), resource.kind.name(), resource.doc.to_string()])
            .await?;
    }
    let sql = "INSERT INTO global_library (one, mark) VALUES (1, $1) ON CONFLICT (one) DO UPDATE SET mark = excluded.mark";
    tx.execute(sql, values![random::uuid()]).await?;
    Ok(report)
}

/// What must hold for a tenant's resources before the library under them changes.
async fn check_tenant(
    tx: &mut Tx,
    scope: &Scope,
    before: &Arc<Library>,
    after: &Arc<Library>,
) -> Result<(), RegistryError> {
    for saved in resource::list(tx, scope, Kind::Schemas).await? {
        let doc = super::check::with_id(&saved.id, &Value::Object(saved.doc.clone()));
        let mut parts = Parts::of(tx, scope, &doc).await?;
        parts.library = before.clone();
        let known = parts.compose(&doc).ok();
        parts.library = after.clone();
        let required = descriptors::primary_paths(tx, scope, Kind::Schemas, &saved.id).await?;
        let composed = super::check::check_composed(&parts, &saved.id, &doc, &required)
            .map_err(|error| invalid(format!("the schema {}: {error}", saved.id)))?;
        if is_in_use(tx, scope, &saved).await?
            && let Some((path, change)) = known.and_then(|known| breakage(&known, &composed, ""))
        {
            return Err(RegistryError::Breaking { schema: saved.id, path, change });
        }
    }
    Ok(())
}

/// A resource of any kind with all references resolved, and the paths that its records must have: of the global container,
/// or of whichever of these sandboxes has it.
pub async fn resolved(
    tx: &mut Tx,
    scopes: &[Scope],
    id: &str,
) -> Result<(Value, Vec<xdm::FieldPath>), RegistryError> {
    let library = library(tx).await?;
    if let Some(found) = library.get(id) {
        let find = |id: &str| library.get(id).map(|found| found.doc.clone());
        return Ok((xdm::compose(&found.doc, &find)?, Vec::new()));
    }
    for scope in scopes {
        if let Some(found) = super::find(tx, scope, id).await? {
            let kind = kind_of(&found).and_then(super::ids::stored_kind).unwrap_or(Kind::Schemas);
            let required = descriptors::primary_paths(tx, scope, kind, found.id()).await?;
            return Ok((composed(tx, scope, found.id()).await?, required));
        }
    }
    Err(RegistryError::not_found(ResourceKind::Schemas, id))
}

/// A document that is not stored, with all references resolved: to the global container, and to one of these sandboxes.
pub async fn resolved_doc(tx: &mut Tx, scopes: &[Scope], doc: &Value) -> Result<Value, RegistryError> {
    let mut parts = Parts::default();
    parts.library = library(tx).await?;
    let mut result = parts.compose(doc);
    for scope in scopes {
        if result.is_ok() {
            break;
        }
        if let Ok(resolved) = Parts::of(tx, scope, doc).await?.compose(doc) {
            result = Ok(resolved);
        }
    }
    Ok(result?)
}
