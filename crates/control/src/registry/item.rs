//! How a resource is shown: what the server computes beside what the client sent, and the forms of the `Accept` header.

use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use vocab::random;
use xdm::library::{self, ResourceKind};

use super::accept::{Form, Notation};
use super::ids::{namespace, resource_kind, word};
use super::parts::Parts;
use super::unions::Union;
use super::{RegistryError, flat};
use crate::{Saved, Scope};

/// The release of the public model that the standard library was made of.
const LIBRARY_VERSION: &str = "1.9.5";

/// Members that the server computes: what a client sends there is dropped.
pub(super) const COMPUTED: [&str; 21] = [
    "$id",
    "@id",
    "meta:altId",
    "meta:resourceType",
    "version",
    "imsOrg",
    "meta:class",
    "meta:extends",
    "meta:extensible",
    "meta:abstract",
    "meta:xdmType",
    "meta:containerId",
    "meta:sandboxId",
    "meta:sandboxType",
    "meta:tenantNamespace",
    "meta:datasetNamespace",
    "meta:registryMetadata",
    "meta:allFieldAccess",
    "meta:descriptorStatus",
    "meta:descriptors",
    "refs",
];

/// A resource of the tenant or of the global container.
#[derive(Clone, Debug)]
pub enum Found {
    Tenant(Box<Saved>),
    Standard(Box<library::Resource>),
    Union(Box<Union>),
}

impl Found {
    pub fn id(&self) -> &str {
        match self {
            Found::Tenant(saved) => &saved.id,
            Found::Standard(standard) => &standard.id,
            Found::Union(union) => &union.id,
        }
    }

    pub(super) fn updated(&self) -> i64 {
        match self {
            Found::Tenant(saved) => saved.updated.0,
            Found::Standard(_) | Found::Union(_) => 0,
        }
    }

    pub(super) fn created(&self) -> i64 {
        match self {
            Found::Tenant(saved) => saved.created.0,
            Found::Standard(_) | Found::Union(_) => 0,
        }
    }

    /// The resource as stored.
    pub(super) fn doc(&self) -> Value {
        match self {
            Found::Tenant(saved) => Value::Object(saved.doc.clone()),
            Found::Standard(standard) => (*standard.doc).clone(),
            Found::Union(union) => union.doc(),
        }
    }
}

/// `1.0` for a new resource; the minor version grows with each change.
pub(super) fn version(saved: &Saved) -> String {
    format!("1.{}", saved.rev.saturating_sub(1))
}

/// The whole resource in its own form: references stay.
pub(super) fn raw(found: &Found, scope: &Scope, parts: &Parts) -> Value {
    match found {
        Found::Tenant(saved) => Value::Object(tenant(saved, scope, parts)),
        Found::Standard(standard) => {
            let mut doc = (*standard.doc).clone();
            doc["meta:resourceType"] = json!(word(standard.kind));
            doc["meta:containerId"] = json!("global");
            doc
        }
        Found::Union(union) => union.raw(scope, parts),
    }
}

fn tenant(saved: &Saved, scope: &Scope, parts: &Parts) -> Map<String, Value> {
    let kind = resource_kind(saved.kind).unwrap_or(ResourceKind::Schemas);
    let mut out = Map::new();
    let mut put = |name: &str, value: Value| out.insert(name.to_owned(), value);
    put("$id", json!(saved.id));
    put("meta:altId", json!(xdm::alt_id(&saved.id)));
    put("meta:resourceType", json!(word(kind)));
    put("version", json!(version(saved)));
    put("title", json!(saved.name));
    for (name, value) in &saved.doc {
        put(name, value.clone());
    }
    put("imsOrg", json!(scope.org.as_str()));
    let open = kind != ResourceKind::Schemas;
    put("meta:extensible", json!(open));
    put("meta:abstract", json!(open));
    let extended = parts.extended(&Value::Object(saved.doc.clone()));
    if let Some(class) = class_of(kind, &extended, scope, parts) {
        put("meta:class", json!(class));
    }
    put("meta:extends", json!(extended));
    put("meta:xdmType", json!("object"));
    put("meta:containerId", json!("tenant"));
    put("meta:sandboxId", json!(scope.sandbox_id.as_str()));
    put("meta:sandboxType", json!(scope.sandbox_type));
    put("meta:tenantNamespace", json!(namespace(scope)));
    put("meta:registryMetadata", metadata(saved));
    out
}

/// The class of a schema.
fn class_of<'a>(
    kind: ResourceKind,
    extended: &'a [String],
    scope: &Scope,
    parts: &Parts,
) -> Option<&'a String> {
    let is_class = |id: &&String| parts.kind_of(scope, id) == Some(ResourceKind::Classes);
    if kind == ResourceKind::Schemas { extended.iter().find(is_class) } else { None }
}

fn metadata(saved: &Saved) -> Value {
    let text = serde_json::to_string(&saved.doc).unwrap_or_default();
    let digest = Sha256::digest(format!("{}\n{}\n{text}", saved.id, saved.rev));
    json!({
        "repo:createdDate": saved.created.0,
        "repo:lastModifiedDate": saved.updated.0,
        "xdm:createdClientId": saved.created_client,
        "xdm:lastModifiedClientId": saved.updated_client,
        "xdm:createdUserId": saved.created_by,
        "xdm:lastModifiedUserId": saved.updated_by,
        "eTag": random::to_hex(&digest),
        "meta:globalLibVersion": LIBRARY_VERSION,
    })
}

/// The short form of lists.
pub(super) fn short(found: &Found) -> Value {
    match found {
        Found::Tenant(saved) => json!({
            "$id": saved.id,
            "meta:altId": xdm::alt_id(&saved.id),
            "version": version(saved),
            "title": saved.name,
        }),
        Found::Standard(standard) => json!({
            "$id": standard.id,
            "meta:altId": standard.alt_id,
            "version": standard.doc.get("version"),
            "title": standard.doc.get("title"),
        }),
        Found::Union(union) => union.short(),
    }
}

/// A resource with all references resolved.
pub(super) fn composed(found: &Found, scope: &Scope, parts: &Parts) -> Result<Value, RegistryError> {
    let doc = raw(found, scope, parts);
    Ok(match found {
        Found::Union(_) => parts.compose(&Union::whole(&doc))?,
        Found::Tenant(_) | Found::Standard(_) => parts.compose(&doc)?,
    })
}

/// A resource in the form that was asked for. `descriptors` are those of the resource.
pub(super) fn show(
    found: &Found,
    form: &Form,
    scope: &Scope,
    parts: &Parts,
    descriptors: &[Value],
) -> Result<Value, RegistryError> {
    if form.id || form.link {
        return Ok(short(found));
    }
    let mut doc = if form.full { composed(found, scope, parts)? } else { raw(found, scope, parts) };
    if form.deprecated {
        super::descriptors::mark_deprecated(&mut doc, descriptors);
    }
    if form.no_text {
        xdm::without_text(&mut doc);
    }
    if form.notation == Notation::Xdm {
        doc = in_standard_names(doc);
    }
    if form.flat {
        flat::flatten(&mut doc);
    }
    if form.descriptors {
        doc["meta:descriptors"] = json!(descriptors);
    }
    Ok(doc)
}

/// The standard names, in a resource whose references are or are not resolved.
fn in_standard_names(doc: Value) -> Value {
    let mut doc = xdm::to_xdm_names(&doc);
    if let Some(Value::Object(definitions)) = doc.get_mut("definitions") {
        definitions.values_mut().for_each(|definition| *definition = xdm::to_xdm_names(definition));
    }
    if let Some(Value::Array(members)) = doc.get_mut("allOf") {
        members.iter_mut().for_each(|member| *member = xdm::to_xdm_names(member));
    }
    doc
}
