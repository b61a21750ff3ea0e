//! Export and import: a resource with all that it is made of, in a form that no tenant owns.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::Value;
use store::Tx;
use xdm::library::ResourceKind;

use super::error::invalid;
use super::ids::{HOST, generate, id_of_path, stored_kind, tenant_kind, tenant_of};
use super::item::raw;
use super::parts::{Parts, references};
use super::{RegistryError, descriptors, find, resources};
use crate::limits::IMPORT_ITEMS_MAX;
use crate::{Kind, Scope, resource};

/// What stands for a tenant id in an export.
const PLACEHOLDER: &str = "<XDM_TENANTID_PLACEHOLDER>";

/// What an export leaves out: it belongs to where the resource was.
const LOCAL: [&str; 7] = [
    "imsOrg",
    "meta:registryMetadata",
    "meta:containerId",
    "meta:sandboxId",
    "meta:sandboxType",
    "meta:tenantNamespace",
    "refs",
];

/// Texts in which a tenant id is the author's own word.
const PROSE: [&str; 2] = ["title", "description"];

/// What an import stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Imported {
    /// The resources as shown, in the order of the request.
    pub shown: Vec<Value>,
    /// One of those that are new or changed.
    pub changed: Option<(Kind, String)>,
}

/// A resource and the tenant's resources that it is made of, these first. What is standard is everywhere, and is left out.
pub async fn export(tx: &mut Tx, scope: &Scope, id: &str) -> Result<Vec<Value>, RegistryError> {
    let found = find(tx, scope, id).await?.ok_or_else(|| RegistryError::unknown(id))?;
    let parts = Parts::of(tx, scope, &found.doc()).await?;
    let order = in_order(found.id(), found.doc(), &parts);
    let mut exported = Vec::new();
    for id in order.iter().filter(|id| tenant_kind(scope, id).is_some()) {
        let Some(part) = find(tx, scope, id).await? else { continue };
        let mut doc = raw(&part, scope, &parts);
        for name in LOCAL {
            doc.as_object_mut().map(|doc| doc.shift_remove(name));
        }
        replace(&mut doc, &scope.tenant, PLACEHOLDER);
        exported.push(doc);
    }
    Ok(exported)
}

/// The ids of a resource and its parts, each behind those that it refers to.
fn in_order(id: &str, doc: Value, parts: &Parts) -> Vec<String> {
    let mut order = Vec::new();
    let mut seen = HashSet::new();
    // `None` stands for a resource whose parts are all before it by now.
    let mut open = vec![(id.to_owned(), Some(Arc::new(doc)))];
    while let Some((id, doc)) = open.pop() {
        let Some(doc) = doc else {
            order.push(id);
            continue;
        };
        if seen.insert(id.clone()) {
            open.push((id, None));
            let targets = references(&doc).into_iter();
            open.extend(targets.filter_map(|target| Some((target.clone(), Some(parts.get(&target)?)))));
        }
    }
    order
}

/// Stores resources that an export made, under their old ids; one that is there already is changed. Descriptors may come
/// with them. Either all are stored or none.
pub async fn import(tx: &mut Tx, scope: &Scope, body: Value) -> Result<Imported, RegistryError> {
    let mut sent = match body {
        Value::Array(sent) => sent,
        one @ Value::Object(_) => vec![one],
        _ => return Err(invalid("the body must be an array of resources")),
    };
    if sent.len() > IMPORT_ITEMS_MAX {
        return Err(invalid(format!("an import has at most {IMPORT_ITEMS_MAX} resources")));
    }
    // An export keeps the placeholder; other tools leave the tenant id of where a resource was.
    let mut tenants: Vec<String> =
        sent.iter().filter_map(|item| tenant_of(item.get("$id")?.as_str()?)).map(str::to_owned).collect();
    tenants.push(PLACEHOLDER.to_owned());
    tenants.sort_unstable();
    tenants.dedup();
    for tenant in tenants.iter().filter(|tenant| **tenant != scope.tenant) {
        sent.iter_mut().for_each(|item| replace(item, tenant, &scope.tenant));
    }
    let mut order: Vec<(Rank, usize)> = Vec::new();
    for (at, item) in sent.iter().enumerate() {
        order.push((rank(item)?, at));
    }
    order.sort_unstable();
    let mut imported = Imported { shown: vec![Value::Null; sent.len()], changed: None };
    for (rank, at) in order {
        let item = sent[at].take();
        let (shown, changed) = match rank.kind() {
            Some(kind) => store(tx, scope, kind, item).await?,
            None => {
                let shown = descriptors::import(tx, scope, item).await?;
                let id = shown.get("@id").and_then(Value::as_str).unwrap_or_default().to_owned();
                (shown, Some((Kind::Descriptors, id)))
            }
        };
        imported.shown[at] = shown;
        imported.changed = imported.changed.or(changed);
    }
    Ok(imported)
}

/// The order in which resources can refer to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    DataType,
    FieldGroup,
    Class,
    Schema,
    Descriptor,
}

impl Rank {
    fn kind(self) -> Option<ResourceKind> {
        match self {
            Rank::DataType => Some(ResourceKind::DataTypes),
            Rank::FieldGroup => Some(ResourceKind::FieldGroups),
            Rank::Class => Some(ResourceKind::Classes),
            Rank::Schema => Some(ResourceKind::Schemas),
            Rank::Descriptor => None,
        }
    }
}

/// What an entry says it is, or else what its id says.
fn rank(item: &Value) -> Result<Rank, RegistryError> {
    let text = |name: &str| item.get(name).and_then(Value::as_str).unwrap_or_default();
    let of_id = text("$id").strip_prefix(HOST).and_then(|path| path.split('/').nth(1)).unwrap_or_default();
    let kind = if text("meta:resourceType").is_empty() { of_id } else { text("meta:resourceType") };
    match kind {
        "datatypes" => Ok(Rank::DataType),
        "mixins" | "fieldgroups" => Ok(Rank::FieldGroup),
        "classes" => Ok(Rank::Class),
        "schemas" => Ok(Rank::Schema),
        "descriptors" => Ok(Rank::Descriptor),
        _ if text("@type").starts_with("xdm:") => Ok(Rank::Descriptor),
        other => Err(invalid(format!("meta:resourceType {other} cannot be imported"))),
    }
}

async fn store(
    tx: &mut Tx,
    scope: &Scope,
    kind: ResourceKind,
    item: Value,
) -> Result<(Value, Option<(Kind, String)>), RegistryError> {
    let stored = stored_kind(kind).ok_or(RegistryError::ReadOnly)?;
    let id = match item.get("$id").or_else(|| item.get("meta:altId")).and_then(Value::as_str) {
        None => generate(scope, kind),
        Some(text) => id_of_path(scope, kind, text),
    };
    if tenant_kind(scope, &id) != Some(stored) {
        return Err(invalid(format!("{id} is not the id of one of the {} of this tenant", kind.name())));
    }
    let (saved, shown) = match resource::get(tx, scope, stored, &id).await? {
        None => resources::insert(tx, scope, kind, id, item).await?,
        Some(saved) => {
            let rev = saved.rev;
            let (saved, shown) = resources::change(tx, scope, kind, saved, item, true).await?;
            if saved.rev == rev {
                return Ok((shown, None));
            }
            (saved, shown)
        }
    };
    Ok((shown, Some((saved.kind, saved.id))))
}

/// Puts one tenant's id in the place of another's: in ids, in field names and in paths.
fn replace(node: &mut Value, from: &str, to: &str) {
    match node {
        Value::String(text) => {
            if let Some(changed) = replaced(text, from, to) {
                *text = changed;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, from, to)),
        Value::Object(members) => {
            let own = format!("_{from}");
            let old = std::mem::take(members);
            for (name, mut value) in old {
                if !(PROSE.contains(&name.as_str()) && value.is_string()) {
                    replace(&mut value, from, to);
                }
                let name = if name == own { format!("_{to}") } else { name };
                members.insert(name, value);
            }
        }
        _ => {}
    }
}

/// A text with the other tenant's id in it; `None` when it holds none.
fn replaced(text: &str, from: &str, to: &str) -> Option<String> {
    let host = format!("{HOST}{from}/");
    if text.contains(&host) {
        return Some(text.replace(&host, &format!("{HOST}{to}/")));
    }
    let own = format!("_{from}");
    if let Some(rest) = text.strip_prefix(&own) {
        return (rest.is_empty() || rest.starts_with('.')).then(|| format!("_{to}{rest}"));
    }
    let is_path = text.starts_with('/') && text.split('/').any(|step| step == own);
    let step = |step| if step == own { format!("_{to}") } else { String::from(step) };
    is_path.then(|| text.split('/').map(step).collect::<Vec<_>>().join("/"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn tenants_in_texts() {
        for (text, expected) in [
            ("https://ns.adobe.com/acme/mixins/0a", Some("https://ns.adobe.com/b/mixins/0a")),
            ("https://ns.adobe.com/acmeteam/mixins/0a", None),
            ("_acme", Some("_b")),
            ("_acme.mixins.0a", Some("_b.mixins.0a")),
            ("_acmeteam", None),
            ("/person/_acme/nick", Some("/person/_b/nick")),
            ("/person/_acmeteam/nick", None),
            ("of the /_acme/", None),
            ("string", None),
        ] {
            assert_eq!(replaced(text, "acme", "b").as_deref(), expected, "{text}");
        }
        let mut doc =
            json!({"title": "_acme", "properties": {"_acme": {"title": "t"}, "title": {"x": ["_acme"]}}});
        replace(&mut doc, "acme", "b");
        let expected =
            json!({"title": "_acme", "properties": {"_b": {"title": "t"}, "title": {"x": ["_b"]}}});
        assert_eq!(doc, expected);
    }
}
