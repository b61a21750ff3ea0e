//! What a tenant has in the registry: counts, what was made and changed last, which class is used by which schema.

use serde_json::{Map, Value, json};
use store::Tx;
use vocab::Millis;
use xdm::library::ResourceKind;

use super::ids::{resource_kind, stored_kinds, word};
use super::parts::{Parts, all_of};
use super::{Found, RegistryError, evolve, find, item};
use crate::{Saved, Scope, resource};

/// How many resources the lists of the latest ones hold.
const LATEST: usize = 10;

/// The statistics of a sandbox; the edge renders times.
#[derive(Clone, Debug, Default)]
pub struct Stats {
    /// By the word for the kind.
    pub counts: Map<String, Value>,
    /// With the time at which each was made, latest first.
    pub created: Vec<(Value, Millis)>,
    /// With the time of the last change, latest first.
    pub updated: Vec<(Value, Millis)>,
    /// The schemas of each class.
    pub class_usage: Map<String, Value>,
}

/// Counts what the sandbox has.
pub async fn stats(tx: &mut Tx, scope: &Scope) -> Result<Stats, RegistryError> {
    let mut stats = Stats::default();
    let mut all: Vec<(Saved, Option<String>)> = Vec::new();
    let mut unions: Vec<String> = Vec::new();
    for kind in stored_kinds() {
        let saved = resource::list(tx, scope, kind).await?;
        let name = resource_kind(kind).map_or("", word);
        stats.counts.insert(name.to_owned(), json!(saved.len()));
        for saved in saved {
            let class = class(tx, scope, &saved).await?;
            if let Some(class) = &class {
                let users = stats.class_usage.entry(class.clone()).or_insert_with(|| json!([]));
                if let Some(users) = users.as_array_mut() {
                    users.push(described(&saved, &["$id", "title", "description"]));
                }
                if evolve::has_tag(&saved.doc, "union") && !unions.contains(class) {
                    unions.push(class.clone());
                }
            }
            all.push((saved, class));
        }
    }
    stats.counts.insert("unions".to_owned(), json!(unions.len()));
    all.sort_by_key(|(saved, _)| std::cmp::Reverse((saved.created, saved.no)));
    let members = ["$id", "title", "description", "meta:resourceType", "version"];
    stats.created =
        all.iter().take(LATEST).map(|(saved, _)| (described(saved, &members), saved.created)).collect();
    all.sort_by_key(|(saved, _)| std::cmp::Reverse((saved.updated, saved.no)));
    for (saved, class) in all.iter().take(LATEST) {
        let mut entry = described(saved, &members);
        if let Some(class) = class {
            entry["meta:class"] = json!(class);
            entry["meta:classTitle"] = json!(class_title(tx, scope, class).await?);
        }
        stats.updated.push((entry, saved.updated));
    }
    Ok(stats)
}

/// The class of a schema.
async fn class(tx: &mut Tx, scope: &Scope, saved: &Saved) -> Result<Option<String>, RegistryError> {
    if resource_kind(saved.kind) != Some(ResourceKind::Schemas) {
        return Ok(None);
    }
    let doc = Value::Object(saved.doc.clone());
    let parts = Parts::of(tx, scope, &doc).await?;
    let found = all_of(&doc).find(|id| parts.kind_of(scope, id) == Some(ResourceKind::Classes));
    Ok(found.map(str::to_owned))
}

async fn class_title(tx: &mut Tx, scope: &Scope, id: &str) -> Result<Option<String>, RegistryError> {
    Ok(match find(tx, scope, id).await? {
        Some(Found::Tenant(saved)) => Some(saved.name),
        Some(Found::Standard(standard)) => {
            standard.doc.get("title").and_then(Value::as_str).map(str::to_owned)
        }
        Some(Found::Union(union)) => Some(union.title),
        None => None,
    })
}

/// Some members of a resource.
fn described(saved: &Saved, members: &[&str]) -> Value {
    let mut out = Map::new();
    for name in members {
        let value = match *name {
            "$id" => json!(saved.id),
            "version" => json!(item::version(saved)),
            "meta:resourceType" => json!(resource_kind(saved.kind).map(word)),
            name => saved.doc.get(name).cloned().unwrap_or_else(|| json!("")),
        };
        out.insert((*name).to_owned(), value);
    }
    Value::Object(out)
}
