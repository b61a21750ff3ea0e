//! Unions: for each class one view of all its schemas that carry the tag `union`. Nothing of it is stored.

use serde_json::{Map, Value, json};
use store::{StoreError, Tx};
use xdm::library::ResourceKind;

use super::accept::Form;
use super::error::Missing;
use super::evolve::has_tag;
use super::ids::id_of_path;
use super::item::{raw, show};
use super::parts::{Parts, all_of};
use super::query::Query;
use super::{Container, Found, Listed, RegistryError};
use crate::{Kind, Saved, Scope, resource};

/// What a union's id has after that of its class.
pub(super) const SUFFIX: &str = "__union";

/// What every union of a record class holds beside the fields of its schemas.
const OF_RECORDS: [&str; 3] = [
    "https://ns.adobe.com/xdm/context/identitymap",
    "https://ns.adobe.com/xdm/data/record-timeseries-events",
    "https://ns.adobe.com/xdm/context/profile-segmentation",
];

const RECORD: &str = "https://ns.adobe.com/xdm/data/record";

/// The union of a class.
#[derive(Clone, Debug)]
pub struct Union {
    pub(super) id: String,
    pub(super) title: String,
    class: String,
    /// The class, then the field groups of all members.
    doc: Map<String, Value>,
}

impl Union {
    pub(super) fn doc(&self) -> Value {
        Value::Object(self.doc.clone())
    }

    /// The whole union in its own form.
    pub(super) fn raw(&self, scope: &Scope, parts: &Parts) -> Value {
        let mut out = Map::new();
        for (name, value) in [
            ("$id", json!(self.id)),
            ("meta:altId", json!(xdm::alt_id(&self.id))),
            ("meta:resourceType", json!("unions")),
            ("version", json!("1.0")),
            ("title", json!(self.title)),
            ("description", json!(format!("Union view of all schemas that extend {}", self.class))),
            ("type", json!("object")),
            ("allOf", self.doc.get("allOf").cloned().unwrap_or_default()),
            ("imsOrg", json!(scope.org.as_str())),
            ("meta:class", json!(self.class)),
            ("meta:extends", json!(parts.extended(&self.doc()))),
            ("meta:extensible", json!(false)),
            ("meta:abstract", json!(false)),
            ("meta:xdmType", json!("object")),
            ("meta:containerId", json!("tenant")),
            ("meta:sandboxId", json!(scope.sandbox_id.as_str())),
            ("meta:sandboxType", json!(scope.sandbox_type)),
            ("meta:tenantNamespace", json!(super::ids::namespace(scope))),
            ("meta:registryMetadata", json!({})),
        ] {
            out.insert(name.to_owned(), value);
        }
        Value::Object(out)
    }

    /// What the resolved form is composed of: a record's identities, events and segments come on top.
    pub(super) fn whole(raw: &Value) -> Value {
        let mut whole = raw.clone();
        let extends = raw.get("meta:extends").and_then(Value::as_array);
        if extends.is_some_and(|ids| ids.iter().any(|id| id == RECORD))
            && let Some(Value::Array(members)) = whole.get_mut("allOf")
        {
            members.extend(OF_RECORDS.map(|id| json!({ "$ref": id })));
        }
        whole
    }

    /// The short form of lists.
    pub(super) fn short(&self) -> Value {
        json!({
            "$id": self.id, "meta:altId": xdm::alt_id(&self.id), "version": "1", "title": self.title,
        })
    }
}

/// The schemas with the tag, each with its class.
pub(super) async fn members(tx: &mut Tx, scope: &Scope) -> Result<(Vec<(Saved, String)>, Parts), StoreError> {
    let mut parts = Parts::default();
    let mut found = Vec::new();
    for saved in resource::list(tx, scope, Kind::Schemas).await? {
        if !has_tag(&saved.doc, "union") {
            continue;
        }
        let doc = Value::Object(saved.doc.clone());
        parts.add(tx, scope, &doc).await?;
        if let Some(class) = class_of(scope, &parts, &doc) {
            found.push((saved, class));
        }
    }
    Ok((found, parts))
}

/// The class that a schema names.
pub(super) fn class_of(scope: &Scope, parts: &Parts, doc: &Value) -> Option<String> {
    all_of(doc).find(|id| parts.kind_of(scope, id) == Some(ResourceKind::Classes)).map(str::to_owned)
}

/// The members of `allOf` of several schemas as one, each once. A field group that one schema takes as a whole is taken
/// as a whole.
pub(super) fn joined<'a>(docs: impl Iterator<Item = &'a Map<String, Value>>) -> Vec<Value> {
    let mut joined: Vec<Map<String, Value>> = Vec::new();
    for member in docs.filter_map(|doc| doc.get("allOf")?.as_array()).flatten().filter_map(Value::as_object) {
        let Some(target) = member.get("$ref") else { continue };
        match joined.iter_mut().find(|known| known.get("$ref") == Some(target)) {
            None => joined.push(member.clone()),
            Some(known) => join_taken(known, member),
        }
    }
    joined.into_iter().map(Value::Object).collect()
}

/// The fields that two references to one field group take together.
fn join_taken(known: &mut Map<String, Value>, other: &Map<String, Value>) {
    let more = other.get("meta:refProperty").and_then(Value::as_array);
    match (known.get_mut("meta:refProperty"), more) {
        (Some(Value::Array(paths)), Some(more)) => {
            let new: Vec<Value> = more.iter().filter(|path| !paths.contains(path)).cloned().collect();
            paths.extend(new);
        }
        _ => {
            known.shift_remove("meta:refProperty");
        }
    }
}

/// All unions, by the id of their class.
async fn all(tx: &mut Tx, scope: &Scope) -> Result<(Vec<Union>, Parts), StoreError> {
    let (members, parts) = members(tx, scope).await?;
    let mut classes: Vec<&String> = members.iter().map(|(_, class)| class).collect();
    classes.sort_unstable();
    classes.dedup();
    let mut unions = Vec::new();
    for class in classes {
        let docs = members.iter().filter(|(_, of)| of == class).map(|(saved, _)| &saved.doc);
        let mut all_of = joined(docs);
        // The class first.
        all_of.sort_by_key(|member| member.get("$ref").and_then(Value::as_str) != Some(class));
        let mut doc = Map::new();
        doc.insert("allOf".to_owned(), Value::Array(all_of));
        let title = parts.title(class);
        let title = format!("Union object for {}", title.as_deref().unwrap_or(class));
        unions.push(Union { id: format!("{class}{SUFFIX}"), title, class: class.clone(), doc });
    }
    Ok((unions, parts))
}

/// The union that a text names by its `$id` or `meta:altId`; `None` when the text is not of that form, or when no schema
/// of the class has the tag.
pub(super) async fn find(tx: &mut Tx, scope: &Scope, text: &str) -> Result<Option<Union>, StoreError> {
    let Some(class) = text.strip_suffix(SUFFIX) else {
        return Ok(None);
    };
    let class = id_of_path(scope, ResourceKind::Classes, class);
    let (unions, _) = all(tx, scope).await?;
    Ok(unions.into_iter().find(|union| union.class == class))
}

/// A union in the form that was asked for.
pub async fn get(
    tx: &mut Tx,
    scope: &Scope,
    container: Container,
    id: &str,
    form: Option<&Form>,
) -> Result<Value, RegistryError> {
    let plain = Form::default();
    let form = form.unwrap_or(&plain);
    form.check_major(Missing::Union, id)?;
    let found = match container {
        Container::Tenant => find(tx, scope, id).await?,
        Container::Global => None,
    };
    let missing =
        || RegistryError::NotFound { kind: Missing::Union, id: id.to_owned(), version: "1".to_owned() };
    let found = found.ok_or_else(missing)?;
    let parts = Parts::of(tx, scope, &found.doc()).await?;
    show(&Found::Union(Box::new(found)), form, scope, &parts, &[])
}

/// The unions of a container; the global one has none.
pub async fn list(
    tx: &mut Tx,
    scope: &Scope,
    container: Container,
    query: &Query,
    form: Option<&Form>,
) -> Result<Listed, RegistryError> {
    let short = Form { id: true, ..Form::default() };
    let form = form.unwrap_or(&short);
    form.check_list()?;
    let (unions, parts) = match container {
        Container::Tenant => all(tx, scope).await?,
        Container::Global => (Vec::new(), Parts::default()),
    };
    let page = query.select(unions.into_iter().map(|union| {
        let found = Found::Union(Box::new(union));
        let item = raw(&found, scope, &parts);
        (found, item)
    }))?;
    let in_form = |(found, _): &(Found, Value)| show(found, form, scope, &parts, &[]);
    let results = page.items.iter().map(in_form).collect::<Result<_, _>>()?;
    Ok(Listed { results, next: page.next, order: page.order })
}
