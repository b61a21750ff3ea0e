//! Descriptors: what is said about a field of a schema beside its type, such as that it is an identity.

use serde_json::{Map, Value, json};
use store::{StoreError, Tx};
use vocab::random;
use xdm::FieldPath;

use super::accept::Form;
use super::error::{Missing, invalid};
use super::query::Query;
use super::rules::{DEPRECATED, check, check_primary_stays};
use super::{Container, Found, RegistryError};
use crate::limits::DESCRIPTORS_MAX;
use crate::{Kind, Saved, Scope, resource};

pub(super) const IDENTITY: &str = "xdm:descriptorIdentity";

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
    check_primary_stays(tx, scope, &saved, Some(&doc)).await?;
    let uses = check(tx, scope, id, &doc).await?;
    text(&doc, "@type").clone_into(&mut saved.name);
    saved.doc = doc;
    super::save(tx, scope, &mut saved, &uses).await
}

pub async fn delete(tx: &mut Tx, scope: &Scope, id: &str) -> Result<(), RegistryError> {
    let saved = saved(tx, scope, id).await?;
    check_primary_stays(tx, scope, &saved, None).await?;
    Ok(resource::delete(tx, scope, &saved).await?)
}

/// Stores a descriptor that comes with imported resources, in the place of one that says the same of the same fields.
pub(super) async fn import(tx: &mut Tx, scope: &Scope, body: Value) -> Result<Value, RegistryError> {
    let doc = read(body.clone())?;
    let about = |doc: &Map<String, Value>| {
        (text(doc, "@type").to_owned(), text(doc, "xdm:sourceSchema").to_owned(), paths(doc))
    };
    for kind in super::ids::stored_kinds() {
        for known in of(tx, scope, kind, text(&doc, "xdm:sourceSchema")).await? {
            if about(&known.doc) == about(&doc) {
                replace(tx, scope, &known.id, body).await?;
                return get(tx, scope, &known.id).await;
            }
        }
    }
    create(tx, scope, body).await
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
    container: Container,
    query: &Query,
    form: Option<&Form>,
) -> Result<Value, RegistryError> {
    let all = match container {
        Container::Tenant => resource::list(tx, scope, Kind::Descriptors).await?,
        Container::Global => Vec::new(),
    };
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

pub(super) fn is_primary(doc: &Map<String, Value>) -> bool {
    text(doc, "@type") == IDENTITY && doc.get("xdm:isPrimary") == Some(&Value::Bool(true))
}

pub(super) fn text<'a>(doc: &'a Map<String, Value>, name: &str) -> &'a str {
    doc.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// The fields that a descriptor is about.
pub(super) fn paths(doc: &Map<String, Value>) -> Vec<FieldPath> {
    sent_paths(doc).iter().filter_map(|sent| path(sent.as_str()?)).collect()
}

/// A path as clients write it: dots may stand for slashes, since no field's name has one.
pub(super) fn path(text: &str) -> Option<FieldPath> {
    FieldPath::parse(&text.replace('.', "/"))
}

fn sent_paths(doc: &Map<String, Value>) -> &[Value] {
    match doc.get("xdm:sourceProperty") {
        Some(Value::Array(sent)) => sent.as_slice(),
        None | Some(Value::Null) => &[],
        Some(one) => std::slice::from_ref(one),
    }
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
    for sent in sent_paths(&doc) {
        let sent = sent.as_str().unwrap_or_default();
        if !sent.starts_with('/') || sent.ends_with('/') || path(sent).is_none() {
            let text = "must be a path that starts with / and does not end with it";
            return Err(invalid(format!("xdm:sourceProperty {text}: {sent}")));
        }
    }
    doc.entry("xdm:sourceVersion").or_insert_with(|| json!(1));
    Ok(doc)
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
