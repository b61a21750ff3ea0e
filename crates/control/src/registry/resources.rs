//! The operations on classes, field groups, data types and schemas.

use serde_json::{Map, Value};
use store::Tx;
use xdm::library::ResourceKind;

use super::accept::Form;
use super::error::invalid;
use super::ids::{generate, stored_kind, stored_kinds};
use super::item::{raw, show};
use super::parts::Parts;
use super::query::Query;
use super::{
    Container, Found, RegistryError, audit, body, check, descriptors, evolve, find_of_kind, global,
    patch as json_patch, rules, save,
};
use crate::{Kind, Saved, Scope, resource};

/// The answer to a list request.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    pub results: Vec<Value>,
    /// What `start` takes to go on; null at the end.
    pub next: Value,
    /// The order that the list has.
    pub order: String,
}

/// A resource in the form that was asked for. A tenant's lookup finds what is standard too.
pub async fn get(
    tx: &mut Tx,
    scope: &Scope,
    container: Container,
    kind: ResourceKind,
    id: &str,
    form: Option<&Form>,
) -> Result<Value, RegistryError> {
    let plain = Form::default();
    let form = form.unwrap_or(&plain);
    form.check_major(super::Missing::Resource(kind), id)?;
    let found = find_of_kind(tx, scope, container, kind, id).await?;
    let parts = Parts::of(tx, scope, &found.doc()).await?;
    let mut said = Vec::new();
    if let Some(stored) = stored_kind(kind).filter(|_| form.descriptors || form.deprecated) {
        let all = descriptors::of(tx, scope, stored, found.id()).await?;
        said.extend(all.iter().map(|saved| descriptors::item(saved, scope)));
    }
    show(&found, form, scope, &parts, &said)
}

/// One page of a container's resources of a kind. Lists are short or raw; nothing is resolved.
pub async fn list(
    tx: &mut Tx,
    scope: &Scope,
    container: Container,
    kind: ResourceKind,
    query: Query,
    form: Option<&Form>,
) -> Result<Listed, RegistryError> {
    let short_form = Form { id: true, ..Form::default() };
    let form = form.unwrap_or(&short_form);
    form.check_list()?;
    let all = match container {
        Container::Global => {
            let library = global::library(tx).await?;
            library.list(kind).map(|found| Found::Standard(Box::new(found.clone()))).collect()
        }
        Container::Tenant => stored(tx, scope, kind).await?,
    };
    let mut parts = Parts::default();
    // What is global refers to nothing of a tenant's.
    for found in all.iter().filter(|_| container == Container::Tenant) {
        parts.add(tx, scope, &found.doc()).await?;
    }
    // A published client asks for data types without ever asking for a second page.
    let query = if kind == ResourceKind::DataTypes { query } else { query.paged() };
    let page = query.select(all.into_iter().map(|found| {
        let item = raw(&found, scope, &parts);
        (found, item)
    }))?;
    let in_form = |(found, _): &(Found, Value)| show(found, form, scope, &parts, &[]);
    let results = page.items.iter().map(in_form).collect::<Result<_, _>>()?;
    Ok(Listed { results, next: page.next, order: page.order })
}

async fn stored(tx: &mut Tx, scope: &Scope, kind: ResourceKind) -> Result<Vec<Found>, RegistryError> {
    Ok(match stored_kind(kind) {
        Some(kind) => resource::list(tx, scope, kind)
            .await?
            .into_iter()
            .map(|saved| Found::Tenant(Box::new(saved)))
            .collect(),
        None => Vec::new(),
    })
}

/// Stores a new resource. Returns it as stored, and as shown.
pub async fn create(
    tx: &mut Tx,
    scope: &Scope,
    kind: ResourceKind,
    body: Value,
) -> Result<(Saved, Value), RegistryError> {
    stored_kind(kind).ok_or(RegistryError::ReadOnly)?;
    insert(tx, scope, kind, generate(scope, kind), body).await
}

/// Stores a new resource under an id that is free.
pub(super) async fn insert(
    tx: &mut Tx,
    scope: &Scope,
    kind: ResourceKind,
    id: String,
    body: Value,
) -> Result<(Saved, Value), RegistryError> {
    let stored = stored_kind(kind).ok_or(RegistryError::ReadOnly)?;
    let doc = body::read(kind, body)?;
    let checked = check::check(tx, scope, kind, &id, doc, &[]).await?;
    let name = title(&checked.doc);
    check::check_title(tx, scope, &id, &name).await?;
    if kind == ResourceKind::Schemas {
        check::check_union(tx, scope, &id, &checked.doc, &checked.parts).await?;
    }
    let new =
        resource::New { kind: stored, id, name, state: String::new(), doc: checked.doc, uses: checked.uses };
    let saved = resource::insert(tx, scope, new).await?;
    audit::record(tx, scope, &Map::new(), &saved).await?;
    let shown = raw(&Found::Tenant(Box::new(saved.clone())), scope, &checked.parts);
    Ok((saved, shown))
}

/// Replaces a resource: the body holds all that creating it would need.
pub async fn replace(
    tx: &mut Tx,
    scope: &Scope,
    kind: ResourceKind,
    id: &str,
    body: Value,
) -> Result<(Saved, Value), RegistryError> {
    let saved = own(tx, scope, kind, id).await?;
    change(tx, scope, kind, saved, body, false).await
}

/// Changes a resource by a JSON Patch on what a lookup shows.
pub async fn patch(
    tx: &mut Tx,
    scope: &Scope,
    kind: ResourceKind,
    id: &str,
    patch: &Value,
) -> Result<(Saved, Value), RegistryError> {
    let saved = own(tx, scope, kind, id).await?;
    let parts = Parts::of(tx, scope, &Value::Object(saved.doc.clone())).await?;
    let shown = raw(&Found::Tenant(Box::new(saved.clone())), scope, &parts);
    let patched = json_patch::apply(&shown, patch)?;
    change(tx, scope, kind, saved, patched, false).await
}

/// Stores a resource's new content. With `if_new`, content that is the same changes nothing, not even the version.
pub(super) async fn change(
    tx: &mut Tx,
    scope: &Scope,
    kind: ResourceKind,
    mut saved: Saved,
    body: Value,
    if_new: bool,
) -> Result<(Saved, Value), RegistryError> {
    let doc = body::read(kind, body)?;
    let required = descriptors::primary_paths(tx, scope, saved.kind, &saved.id).await?;
    let checked = check::check(tx, scope, kind, &saved.id, doc, &required).await?;
    if if_new && checked.doc == saved.doc {
        let shown = raw(&Found::Tenant(Box::new(saved.clone())), scope, &checked.parts);
        return Ok((saved, shown));
    }
    let name = title(&checked.doc);
    check::check_title(tx, scope, &saved.id, &name).await?;
    check_tags(&saved.doc, &checked.doc)?;
    if kind == ResourceKind::Schemas && !evolve::has_tag(&saved.doc, "union") {
        check::check_identity(&saved.id, &checked, &required)?;
        if evolve::has_tag(&checked.doc, "union") {
            rules::check_partners(tx, scope, &saved.id).await?;
        }
    }
    evolve::check_dependants(tx, scope, &saved, &checked.doc, &checked.parts).await?;
    saved.name = name;
    let before = std::mem::replace(&mut saved.doc, checked.doc);
    save(tx, scope, &mut saved, &checked.uses).await?;
    audit::record(tx, scope, &before, &saved).await?;
    let shown = raw(&Found::Tenant(Box::new(saved.clone())), scope, &checked.parts);
    Ok((saved, shown))
}

/// Immutable tags stay.
fn check_tags(old: &Map<String, Value>, new: &Map<String, Value>) -> Result<(), RegistryError> {
    let tags = old.get("meta:immutableTags").and_then(Value::as_array).into_iter().flatten();
    match tags.filter_map(Value::as_str).find(|tag| !evolve::has_tag(new, tag)) {
        Some(tag) => Err(invalid(format!("the tag {tag} of meta:immutableTags cannot be removed"))),
        None => Ok(()),
    }
}

/// Deletes a resource that nothing else uses. What was said about it goes with it. Returns what was stored.
pub async fn delete(
    tx: &mut Tx,
    scope: &Scope,
    kind: ResourceKind,
    id: &str,
) -> Result<Saved, RegistryError> {
    let saved = own(tx, scope, kind, id).await?;
    if evolve::has_tag(&saved.doc, "union") {
        return Err(invalid(format!("{} is part of a union and cannot be deleted", saved.id)));
    }
    let mut users = Vec::new();
    for from in stored_kinds().chain([Kind::DataSets]) {
        users.extend(resource::users(tx, scope, from, saved.kind, &saved.id).await?);
    }
    let said = descriptors::of(tx, scope, saved.kind, &saved.id).await?;
    let pointing = resource::users(tx, scope, Kind::Descriptors, saved.kind, &saved.id).await?;
    users.extend(pointing.into_iter().filter(|id| said.iter().all(|descriptor| descriptor.id != *id)));
    if !users.is_empty() {
        return Err(RegistryError::InUse { id: saved.id, users });
    }
    for descriptor in &said {
        resource::delete(tx, scope, descriptor).await?;
    }
    audit::forget(tx, scope, &saved).await?;
    resource::delete(tx, scope, &saved).await?;
    Ok(saved)
}

/// The tenant's resource that is to be changed.
async fn own(tx: &mut Tx, scope: &Scope, kind: ResourceKind, id: &str) -> Result<Saved, RegistryError> {
    match find_of_kind(tx, scope, Container::Tenant, kind, id).await? {
        Found::Tenant(saved) => Ok(*saved),
        Found::Standard(_) | Found::Union(_) => Err(RegistryError::ReadOnly),
    }
}

fn title(doc: &Map<String, Value>) -> String {
    doc.get("title").and_then(Value::as_str).unwrap_or_default().to_owned()
}
