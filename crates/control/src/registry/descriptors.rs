//! Descriptors: what is said about a field of a schema beside its type, such as that it is an identity.

use serde_json::{Map, Value, json};
use store::{StoreError, Tx};
use vocab::random;
use xdm::{FieldPath, Type};

use super::accept::Form;
use super::check::check_composed;
use super::error::{Missing, invalid};
use super::parts::Parts;
use super::query::Query;
use super::{Found, RegistryError, find, ids};
use crate::limits::DESCRIPTORS_MAX;
use crate::{Kind, Saved, Scope, resource};

const IDENTITY: &str = "xdm:descriptorIdentity";
const DEPRECATED: &str = "xdm:descriptorDeprecated";

/// Members that the server computes: what a client sends there is dropped.
const COMPUTED: [&str; 12] = [
    "@id",
    "$id",
    "version",
    "imsOrg",
    "meta:containerId",
    "meta:sandboxId",
    "meta:sandboxType",
    "createdUser",
    "createdClient",
    "updatedUser",
    "created",
    "updated",
];

/// Stores a new descriptor and returns it.
pub async fn create(tx: &mut Tx, scope: &Scope, body: Value) -> Result<Value, RegistryError> {
    let id = random::hex(24);
    let doc = read(body)?;
    if resource::list(tx, scope, Kind::Descriptors).await?.len() >= DESCRIPTORS_MAX {
        return Err(invalid(format!("a sandbox has at most {DESCRIPTORS_MAX} descriptors")));
    }
    let uses = check(tx, scope, &id, &doc).await?;
    let name = text(&doc, "@type").to_owned();
    let new = resource::New { kind: Kind::Descriptors, id, name, state: String::new(), doc, uses };
    Ok(item(&resource::insert(tx, scope, new).await?, scope))
}

/// The descriptor of that `@id`.
pub async fn get(tx: &mut Tx, scope: &Scope, id: &str) -> Result<Value, RegistryError> {
    Ok(item(&saved(tx, scope, id).await?, scope))
}

/// Replaces a descriptor.
pub async fn replace(tx: &mut Tx, scope: &Scope, id: &str, body: Value) -> Result<(), RegistryError> {
    let mut saved = saved(tx, scope, id).await?;
    let doc = read(body)?;
    let uses = check(tx, scope, id, &doc).await?;
    text(&doc, "@type").clone_into(&mut saved.name);
    saved.doc = doc;
    super::save(tx, scope, &mut saved, &uses).await
}

pub async fn delete(tx: &mut Tx, scope: &Scope, id: &str) -> Result<(), RegistryError> {
    let saved = saved(tx, scope, id).await?;
    Ok(resource::delete(tx, scope, &saved).await?)
}

async fn saved(tx: &mut Tx, scope: &Scope, id: &str) -> Result<Saved, RegistryError> {
    let missing =
        || RegistryError::NotFound { kind: Missing::Descriptor, id: id.to_owned(), version: "1".to_owned() };
    resource::get(tx, scope, Kind::Descriptors, id).await?.ok_or_else(missing)
}

/// The list in the form that was asked for: grouped by type, or in the paged envelope.
pub async fn list(
    tx: &mut Tx,
    scope: &Scope,
    query: &Query,
    form: Option<&Form>,
) -> Result<Value, RegistryError> {
    let all = resource::list(tx, scope, Kind::Descriptors).await?;
    let page = query
        .select(all.into_iter().map(|saved| (Found::Tenant(Box::new(saved.clone())), item(&saved, scope))))?;
    let v2 = form.is_none_or(|form| form.v2);
    let (id, link) = form.map_or((false, false), |form| (form.id, form.link));
    let short = |item: &Value| match item.get("@id").and_then(Value::as_str) {
        Some(known) if link => json!(format!("/tenant/descriptors/{known}")),
        Some(known) if id => json!(known),
        _ => item.clone(),
    };
    let items = page.items.iter().map(|(_, item)| item);
    if v2 {
        let results: Vec<Value> = items.map(short).collect();
        let paging = json!({ "orderby": page.order, "next": page.next, "count": results.len() });
        return Ok(json!({ "results": results, "_page": paging, "_links": {} }));
    }
    let mut groups: Map<String, Value> = Map::new();
    for item in items {
        let kind = item.get("@type").and_then(Value::as_str).unwrap_or_default();
        let group = groups.entry(kind).or_insert_with(|| json!([]));
        if let Some(group) = group.as_array_mut() {
            group.push(short(item));
        }
    }
    Ok(Value::Object(groups))
}

/// The descriptors whose source is that resource.
pub(super) async fn of(tx: &mut Tx, scope: &Scope, kind: Kind, id: &str) -> Result<Vec<Saved>, StoreError> {
    let mut found = Vec::new();
    for user in resource::users(tx, scope, Kind::Descriptors, kind, id).await? {
        let saved = resource::get(tx, scope, Kind::Descriptors, &user).await?;
        found.extend(saved.filter(|saved| text(&saved.doc, "xdm:sourceSchema") == id));
    }
    Ok(found)
}

/// The paths of a schema's primary identities: records must have these fields.
pub(super) async fn primary_paths(
    tx: &mut Tx,
    scope: &Scope,
    kind: Kind,
    id: &str,
) -> Result<Vec<FieldPath>, StoreError> {
    if kind != Kind::Schemas {
        return Ok(Vec::new());
    }
    let all = of(tx, scope, kind, id).await?;
    Ok(all.iter().filter(|saved| is_primary(&saved.doc)).flat_map(|saved| paths(&saved.doc)).collect())
}

fn is_primary(doc: &Map<String, Value>) -> bool {
    text(doc, "@type") == IDENTITY && doc.get("xdm:isPrimary") == Some(&Value::Bool(true))
}

fn text<'a>(doc: &'a Map<String, Value>, name: &str) -> &'a str {
    doc.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// The fields that a descriptor is about.
fn paths(doc: &Map<String, Value>) -> Vec<FieldPath> {
    let sent = match doc.get("xdm:sourceProperty") {
        Some(Value::Array(sent)) => sent.as_slice(),
        Some(one) => std::slice::from_ref(one),
        None => &[],
    };
    sent.iter().filter_map(|path| FieldPath::parse(path.as_str()?)).collect()
}

/// A descriptor as it is shown.
pub(super) fn item(saved: &Saved, scope: &Scope) -> Value {
    let mut out = saved.doc.clone();
    for (name, value) in [
        ("@id", json!(saved.id)),
        ("version", json!("1")),
        ("imsOrg", json!(scope.org.as_str())),
        ("meta:containerId", json!("tenant")),
        ("meta:sandboxId", json!(scope.sandbox_id.as_str())),
        ("meta:sandboxType", json!(scope.sandbox_type)),
        ("createdUser", json!(saved.created_by)),
        ("createdClient", json!(saved.created_client)),
        ("updatedUser", json!(saved.updated_by)),
        ("created", json!(saved.created.0)),
        ("updated", json!(saved.updated.0)),
    ] {
        out.insert(name.to_owned(), value);
    }
    Value::Object(out)
}

fn read(body: Value) -> Result<Map<String, Value>, RegistryError> {
    let Value::Object(mut doc) = body else {
        return Err(invalid("the body must be a JSON object"));
    };
    for name in COMPUTED {
        doc.shift_remove(name);
    }
    for name in ["@type", "xdm:sourceSchema"] {
        if text(&doc, name).is_empty() {
            return Err(invalid(format!("a descriptor needs {name}")));
        }
    }
    let sent = match doc.get("xdm:sourceProperty") {
        Some(Value::Array(sent)) => sent.as_slice(),
        Some(one) => std::slice::from_ref(one),
        None => &[],
    };
    for path in sent {
        let path = path.as_str().unwrap_or_default();
        if !path.starts_with('/') || path.ends_with('/') || FieldPath::parse(path).is_none() {
            let text = "must be a path that starts with / and does not end with it";
            return Err(invalid(format!("xdm:sourceProperty {text}: {path}")));
        }
    }
    doc.entry("xdm:sourceVersion").or_insert_with(|| json!(1));
    Ok(doc)
}

/// Checks a descriptor against its source, and returns what it uses.
async fn check(
    tx: &mut Tx,
    scope: &Scope,
    id: &str,
    doc: &Map<String, Value>,
) -> Result<Vec<(Kind, String)>, RegistryError> {
    let mut uses = Vec::new();
    for name in ["xdm:sourceSchema", "xdm:destinationSchema"] {
        let target = text(doc, name);
        if target.is_empty() {
            continue;
        }
        let found = find(tx, scope, target).await?;
        let found = found.ok_or_else(|| invalid(format!("{name}: {target} does not exist")))?;
        if found.id() != target {
            return Err(invalid(format!("{name} must be an $id, not {target}")));
        }
        uses.extend(super::kind_of(&found).and_then(ids::stored_kind).map(|kind| (kind, target.to_owned())));
        if name == "xdm:sourceSchema" && text(doc, "@type") == IDENTITY {
            check_identity(tx, scope, id, doc, &found).await?;
        }
    }
    Ok(uses)
}

async fn check_identity(
    tx: &mut Tx,
    scope: &Scope,
    id: &str,
    doc: &Map<String, Value>,
    source: &Found,
) -> Result<(), RegistryError> {
    if text(doc, "xdm:namespace").is_empty() && !doc.get("xdm:namespace").is_some_and(Value::is_number) {
        return Err(invalid("an identity descriptor needs xdm:namespace"));
    }
    if !["", "xdm:code", "xdm:id"].contains(&text(doc, "xdm:property")) {
        return Err(invalid("xdm:property of an identity descriptor is xdm:code or xdm:id"));
    }
    if doc.get("xdm:isPrimary").is_some_and(|primary| !primary.is_boolean()) {
        return Err(invalid("xdm:isPrimary must be true or false"));
    }
    let [path] =
        paths(doc).try_into().map_err(|_| invalid("an identity descriptor needs one xdm:sourceProperty"))?;
    let kind = super::kind_of(source).and_then(ids::stored_kind);
    let others = match kind {
        Some(kind) => of(tx, scope, kind, source.id()).await?,
        None => Vec::new(),
    };
    if is_primary(doc)
        && let Some(other) = others.iter().find(|other| other.id != id && is_primary(&other.doc))
    {
        return Err(invalid(format!("the schema has a primary identity already: descriptor {}", other.id)));
    }
    let source_doc = source.doc();
    let parts = Parts::of(tx, scope, &source_doc).await?;
    let required: Vec<FieldPath> = is_primary(doc).then(|| path.clone()).into_iter().collect();
    let composed = check_composed(&parts, source.id(), &source_doc, &required)?;
    let schema = xdm::Schema::compile(&composed, &required)?;
    match schema.field(&path).map(|field| &field.ty) {
        Some(Type::String) => Ok(()),
        Some(other) => {
            Err(invalid(format!("an identity is a string, and {path} is of type {}", other.xdm_type())))
        }
        None => Err(invalid(format!("{path} names no field of {}", source.id()))),
    }
}

/// Marks the fields that descriptors deprecate, in a resolved resource.
pub(super) fn mark_deprecated(doc: &mut Value, descriptors: &[Value]) {
    for descriptor in descriptors.iter().filter_map(Value::as_object) {
        if text(descriptor, "@type") != DEPRECATED {
            continue;
        }
        for path in paths(descriptor) {
            if let Some(field) = field_mut(doc, path.steps()) {
                field["meta:status"] = json!("deprecated");
            }
        }
    }
}

fn field_mut<'a>(node: &'a mut Value, steps: &[String]) -> Option<&'a mut Value> {
    let Some((first, rest)) = steps.split_first() else {
        return node.is_object().then_some(node);
    };
    let inner = if node.get("properties").is_some() { node } else { node.get_mut("items")? };
    field_mut(inner.get_mut("properties")?.get_mut(first)?, rest)
}
