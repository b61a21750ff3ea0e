//! What must hold for a resource before it is stored: what it may refer to, its fields, and that it composes.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use store::{Tx, values};
use xdm::FieldPath;
use xdm::library::ResourceKind;

use super::RegistryError;
use super::body::{ADHOC, rename_adhoc};
use super::error::invalid;
use super::evolve::has_tag;
use super::fields::{check_fields, check_namespace, field_at};
use super::ids::{hash_of, namespace, stored_kinds, tenant_kind};
use super::parts::{Parts, all_of, references};
use super::unions;
use crate::{Kind, Scope};

/// A resource that may be stored.
pub(super) struct Checked {
    pub(super) doc: Map<String, Value>,
    /// What it is made of.
    pub(super) parts: Parts,
    /// The tenant's resources that it refers to.
    pub(super) uses: Vec<(Kind, String)>,
}

/// Checks a resource that is to have that id. `required` are the paths of its primary identities.
pub(super) async fn check(
    tx: &mut Tx,
    scope: &Scope,
    kind: ResourceKind,
    id: &str,
    mut doc: Map<String, Value>,
    required: &[FieldPath],
) -> Result<Checked, RegistryError> {
    let own = namespace(scope);
    let mut namespaces = vec![own.clone()];
    if kind == ResourceKind::Classes && all_of(&json!(doc)).any(|target| target == ADHOC) {
        rename_adhoc(&mut doc, id);
        namespaces.push(format!("_{}", hash_of(id)));
    }
    let namespaces: Vec<&str> = namespaces.iter().map(String::as_str).collect();
    let mut value = Value::Object(doc);
    check_fields(&value, &namespaces)?;
    xdm::annotate(&mut value)?;
    let mut parts = Parts::of(tx, scope, &value).await?;
    check_references(scope, &value)?;
    check_no_ring(&parts, id)?;
    match kind {
        ResourceKind::Schemas => check_schema(scope, &value, &parts)?,
        ResourceKind::Classes => check_class(scope, &value, &parts)?,
        ResourceKind::FieldGroups => check_field_group(scope, &value, &parts)?,
        ResourceKind::DataTypes => {
            check_members(scope, &value, &parts, &[ResourceKind::DataTypes, ResourceKind::FieldGroups])?;
        }
        ResourceKind::Behaviors => return Err(RegistryError::ReadOnly),
    }
    if matches!(kind, ResourceKind::Classes | ResourceKind::FieldGroups) {
        let base = parts.compose(&json!({ "$id": id, "allOf": external(&value) }))?;
        check_namespace(&value, &base, &namespaces)?;
    }
    parts.put(id, Arc::new(value.clone()));
    check_composed(&parts, id, &value, required)?;
    let uses = uses(scope, id, &value);
    match value {
        Value::Object(doc) => Ok(Checked { doc, parts, uses }),
        _ => Err(invalid("the body must be a JSON object")),
    }
}

/// Whether a resource and its parts make one tree that records can be validated against.
pub(super) fn check_composed(
    parts: &Parts,
    id: &str,
    doc: &Value,
    required: &[FieldPath],
) -> Result<Value, RegistryError> {
    let composed = parts.compose(&with_id(id, doc))?;
    xdm::Schema::compile(&composed, required)?;
    Ok(composed)
}

/// Refuses a schema that gives a path another type than a schema of the same class in the same union does.
pub(super) async fn check_union(
    tx: &mut Tx,
    scope: &Scope,
    id: &str,
    doc: &Map<String, Value>,
    parts: &Parts,
) -> Result<(), RegistryError> {
    if !has_tag(doc, "union") {
        return Ok(());
    }
    let own = unions::class_of(scope, parts, &Value::Object(doc.clone()));
    let (members, known) = unions::members(tx, scope).await?;
    let mut parts = parts.clone();
    parts.complete(known);
    let others = members.iter().filter(|(other, class)| other.id != id && Some(class) == own.as_ref());
    let docs = std::iter::once(doc).chain(others.map(|(other, _)| &other.doc));
    parts.compose(&json!({ "$id": id, "allOf": unions::joined(docs) }))?;
    Ok(())
}

/// Refuses to put a schema into a union when nothing says whose its records are.
pub(super) fn check_identity(
    id: &str,
    checked: &Checked,
    primary: &[FieldPath],
) -> Result<(), RegistryError> {
    if !has_tag(&checked.doc, "union") || !primary.is_empty() {
        return Ok(());
    }
    let composed = checked.parts.compose(&with_id(id, &Value::Object(checked.doc.clone())))?;
    if composed.pointer("/properties/identityMap").is_some() {
        return Ok(());
    }
    Err(RegistryError::IdentityMissing { id: id.to_owned() })
}

/// The resource with its id in it, as composition names it in messages.
pub(super) fn with_id(id: &str, doc: &Value) -> Value {
    let mut doc = doc.clone();
    doc["$id"] = json!(id);
    doc
}

/// Refuses a title that another resource of the sandbox has, of whatever kind.
pub(super) async fn check_title(
    tx: &mut Tx,
    scope: &Scope,
    id: &str,
    title: &str,
) -> Result<(), RegistryError> {
    for kind in stored_kinds() {
        let sql = "SELECT id FROM resource WHERE sandbox = $1 AND kind = $2 AND name = $3 AND id <> $4";
        if let Some(row) = tx.row(sql, values![scope.sandbox, kind.name(), title, id]).await? {
            return Err(RegistryError::TitleTaken { id: row.text(0)?.to_owned() });
        }
    }
    Ok(())
}

fn uses(scope: &Scope, id: &str, doc: &Value) -> Vec<(Kind, String)> {
    let others = references(doc).into_iter().filter(|target| target != id);
    others.filter_map(|target| Some((tenant_kind(scope, &target)?, target))).collect()
}

/// Refuses a resource that is made of itself: a field in such a ring would have no end, and so no type. Only the standard
/// library has one, which is cut where it comes round.
fn check_no_ring(parts: &Parts, id: &str) -> Result<(), RegistryError> {
    if parts.get(id).is_none() {
        return Ok(());
    }
    let through = parts.ids().filter(|part| *part != id);
    let through = through
        .filter(|part| parts.get(part).is_some_and(|doc| references(&doc).iter().any(|target| target == id)));
    let mut through: Vec<&str> = through.collect();
    through.sort_unstable();
    let through = through.first().map(|part| format!(" through {part}")).unwrap_or_default();
    Err(invalid(format!("{id} refers to itself{through}: a resource cannot be a part of itself")))
}

fn check_references(scope: &Scope, doc: &Value) -> Result<(), RegistryError> {
    for id in references(doc) {
        if id.ends_with("__union") || tenant_kind(scope, &id) == Some(Kind::Schemas) {
            return Err(invalid(format!("$ref to {id}: a schema or a union cannot be referred to")));
        }
    }
    Ok(())
}

/// The members of `allOf` that are resources of their own.
fn external(doc: &Value) -> Vec<Value> {
    all_of(doc).map(|id| json!({ "$ref": id })).collect()
}

/// The ids in `allOf` with their kinds; each must be there and of one of the kinds.
fn check_members<'a>(
    scope: &Scope,
    doc: &'a Value,
    parts: &Parts,
    allowed: &[ResourceKind],
) -> Result<Vec<(&'a str, ResourceKind)>, RegistryError> {
    let mut members = Vec::new();
    for id in all_of(doc) {
        let kind = parts.kind_of(scope, id).ok_or_else(|| invalid(format!("{id} does not exist")))?;
        // Some parts of the standard library count as data types and are used like field groups.
        let common = kind == ResourceKind::DataTypes && tenant_kind(scope, id).is_none();
        if !allowed.contains(&kind) && !common {
            return Err(invalid(format!(
                "{id} is one of the {}, which cannot stand in this allOf",
                kind.name()
            )));
        }
        members.push((id, kind));
    }
    Ok(members)
}

/// The only member of that kind.
fn single<'a>(
    members: &[(&'a str, ResourceKind)],
    kind: ResourceKind,
    text: &str,
) -> Result<&'a str, RegistryError> {
    let mut found = members.iter().filter(|(_, known)| *known == kind).map(|(id, _)| *id);
    match (found.next(), found.next()) {
        (Some(id), None) => Ok(id),
        (None, _) => Err(invalid(format!("{text}: there is none"))),
        (Some(first), Some(second)) => Err(invalid(format!("{text}: there are {first} and {second}"))),
    }
}

fn check_schema(scope: &Scope, doc: &Value, parts: &Parts) -> Result<(), RegistryError> {
    let own_fields = |node: &Value, name: &str| {
        node.get(name).and_then(Value::as_object).is_some_and(|members| !members.is_empty())
    };
    let inline = doc.get("allOf").and_then(Value::as_array).into_iter().flatten();
    let inline = inline.into_iter().any(|member| own_fields(member, "properties"));
    if own_fields(doc, "properties") || own_fields(doc, "definitions") || inline {
        return Err(invalid("a schema has no fields of its own: put them in a field group"));
    }
    let members = check_members(scope, doc, parts, &[ResourceKind::Classes, ResourceKind::FieldGroups])?;
    check_taken(doc, parts)?;
    let class = single(&members, ResourceKind::Classes, "allOf of a schema refers to exactly one class")?;
    let mut extended = parts.extended(&json!({ "allOf": [{ "$ref": class }] }));
    extended.push(class.to_owned());
    for (group, _) in members.iter().filter(|(_, kind)| *kind == ResourceKind::FieldGroups) {
        let intended = parts.intended(group);
        if !intended.is_empty() && !intended.iter().any(|id| extended.contains(id)) {
            let classes = intended.join(", ");
            return Err(invalid(format!(
                "the field group {group} is for {classes}, not for the class {class}"
            )));
        }
    }
    Ok(())
}

/// Checks that what a schema takes of its field groups is there.
fn check_taken(doc: &Value, parts: &Parts) -> Result<(), RegistryError> {
    for member in doc.get("allOf").and_then(Value::as_array).into_iter().flatten() {
        let Some(taken) = member.get("meta:refProperty") else { continue };
        let wrong = || invalid(format!("meta:refProperty must be a list of paths: {taken}"));
        let whole = parts.compose(&json!({ "allOf": [{ "$ref": member.get("$ref") }] }))?;
        for path in taken.as_array().ok_or_else(wrong)? {
            let path = path.as_str().and_then(FieldPath::parse).ok_or_else(wrong)?;
            if field_at(&whole, &path).is_none() {
                return Err(invalid(format!("meta:refProperty {path} names no field of that field group")));
            }
        }
    }
    Ok(())
}

fn check_class(scope: &Scope, doc: &Value, parts: &Parts) -> Result<(), RegistryError> {
    let members = check_members(scope, doc, parts, &[ResourceKind::Behaviors, ResourceKind::FieldGroups])?;
    single(&members, ResourceKind::Behaviors, "allOf of a class refers to exactly one behavior").map(drop)
}

fn check_field_group(scope: &Scope, doc: &Value, parts: &Parts) -> Result<(), RegistryError> {
    check_members(scope, doc, parts, &[ResourceKind::FieldGroups])?;
    let classes = doc.get("meta:intendedToExtend").and_then(Value::as_array);
    let classes = classes.ok_or_else(|| invalid("meta:intendedToExtend must be a list of classes"))?;
    if classes.iter().all(Value::is_string) {
        return Ok(());
    }
    Err(invalid("meta:intendedToExtend must be a list of the $id of classes"))
}
