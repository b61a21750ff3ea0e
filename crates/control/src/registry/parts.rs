//! What resources are made of: the tenant's parts, loaded before composition, which cannot wait for the database.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde_json::Value;
use store::{StoreError, Tx};
use xdm::library::{self, Library, ResourceKind};

use super::global;
use super::ids::{resource_kind, tenant_kind};
use crate::{Scope, resource};

/// The tenant's resources that some others refer to, directly or through others, by `$id`.
#[derive(Clone, Debug)]
pub(super) struct Parts {
    docs: HashMap<String, Arc<Value>>,
    /// The global container.
    pub(super) library: Arc<Library>,
}

impl Default for Parts {
    fn default() -> Self {
        Self { docs: HashMap::new(), library: library::standard().clone() }
    }
}

impl Parts {
    /// Everything that a resource refers to.
    pub(super) async fn of(tx: &mut Tx, scope: &Scope, doc: &Value) -> Result<Self, StoreError> {
        let mut parts = Self::default();
        parts.add(tx, scope, doc).await?;
        Ok(parts)
    }

    /// Adds everything that a resource refers to.
    pub(super) async fn add(&mut self, tx: &mut Tx, scope: &Scope, doc: &Value) -> Result<(), StoreError> {
        self.library = global::library(tx).await?;
        let mut wanted = references(doc);
        while let Some(id) = wanted.pop() {
            if self.docs.contains_key(&id) {
                continue;
            }
            let Some(kind) = tenant_kind(scope, &id) else { continue };
            if let Some(saved) = resource::get(tx, scope, kind, &id).await? {
                let doc = Value::Object(saved.doc);
                wanted.extend(references(&doc));
                self.docs.insert(id, Arc::new(doc));
            }
        }
        Ok(())
    }

    /// The ids of the tenant's parts.
    pub(super) fn ids(&self) -> impl Iterator<Item = &str> {
        self.docs.keys().map(String::as_str)
    }

    /// A part that stands in for the stored one.
    pub(super) fn put(&mut self, id: &str, doc: Arc<Value>) {
        self.docs.insert(id.to_owned(), doc);
    }

    /// Adds the parts that are not there yet.
    pub(super) fn complete(&mut self, others: Self) {
        for (id, doc) in others.docs {
            self.docs.entry(id).or_insert(doc);
        }
    }

    /// The tenant's resource of that `$id`.
    pub(super) fn get(&self, id: &str) -> Option<Arc<Value>> {
        self.docs.get(id).cloned()
    }

    /// The tenant's or the library's resource.
    fn find(&self, id: &str) -> Option<Arc<Value>> {
        self.get(id).or_else(|| self.library.get(id).map(|found| found.doc.clone()))
    }

    /// The kind of a resource that is there.
    pub(super) fn kind_of(&self, scope: &Scope, id: &str) -> Option<ResourceKind> {
        if self.docs.contains_key(id) {
            return resource_kind(tenant_kind(scope, id)?);
        }
        self.library.get(id).map(|found| found.kind)
    }

    /// The classes that a field group is for; empty for all.
    pub(super) fn intended(&self, id: &str) -> Vec<String> {
        let doc = self.find(id);
        let classes = doc.as_ref().and_then(|doc| doc.get("meta:intendedToExtend")?.as_array());
        classes.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// The title of a resource that is there.
    pub(super) fn title(&self, id: &str) -> Option<String> {
        self.find(id)?.get("title")?.as_str().map(str::to_owned)
    }

    /// One tree of a resource and all its parts.
    pub(super) fn compose(&self, doc: &Value) -> Result<Value, xdm::ComposeError> {
        xdm::compose(doc, &|id| self.find(id))
    }

    /// The resources that a resource extends: those in its `allOf`, and what these extend. Each once, nearest first.
    pub(super) fn extended(&self, doc: &Value) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        let mut seen: HashSet<String> = HashSet::new();
        let mut open: Vec<String> = all_of(doc).map(str::to_owned).collect();
        open.reverse();
        while let Some(id) = open.pop() {
            if !seen.insert(id.clone()) {
                continue;
            }
            if let Some(part) = self.find(&id) {
                let mut next: Vec<String> = all_of(&part).map(str::to_owned).collect();
                // What a part of the library says it extends is more than its `allOf`.
                let stated = part.get("meta:extends").and_then(Value::as_array).into_iter().flatten();
                next.extend(stated.filter_map(Value::as_str).map(str::to_owned));
                open.extend(next.into_iter().rev());
            }
            found.push(id);
        }
        found
    }
}

/// The resources in the `allOf` of a resource, without those inside it.
pub(super) fn all_of(doc: &Value) -> impl Iterator<Item = &str> {
    let members = doc.get("allOf").and_then(Value::as_array).into_iter().flatten();
    let targets = members.filter_map(|member| member.get("$ref")?.as_str());
    targets.map(|target| target.split('#').next().unwrap_or(target)).filter(|id| !id.is_empty())
}

/// The resources that a resource refers to anywhere, each once.
pub(super) fn references(doc: &Value) -> Vec<String> {
    let mut found = Vec::new();
    collect(doc, &mut found);
    found.sort_unstable();
    found.dedup();
    found
}

fn collect(node: &Value, found: &mut Vec<String>) {
    match node {
        Value::Object(members) => {
            if let Some(Value::String(target)) = members.get("$ref") {
                let id = target.split('#').next().unwrap_or(target);
                if !id.is_empty() {
                    found.push(id.to_owned());
                }
            }
            members.values().for_each(|value| collect(value, found));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_resource_refers_to() {
        let doc = json!({
            "allOf": [{"$ref": "b"}, {"$ref": "#/definitions/own"}, {"$ref": "a#/definitions/x"}],
            "definitions": {"own": {"properties": {"f": {"items": {"$ref": "c"}}, "g": {"$ref": "b"}}}},
        });
        assert_eq!(references(&doc), ["a", "b", "c"]);
        assert_eq!(all_of(&doc).collect::<Vec<_>>(), ["b", "a"]);
    }

    #[test]
    fn what_a_resource_extends() {
        let mut parts = Parts::default();
        let profile = "https://ns.adobe.com/xdm/context/profile";
        parts.put("group", Arc::new(json!({"allOf": [{"$ref": "base"}, {"$ref": "#/definitions/own"}]})));
        // A circle ends.
        parts.put("base", Arc::new(json!({"allOf": [{"$ref": "group"}]})));
        let schema = json!({"allOf": [{"$ref": profile}, {"$ref": "group"}]});
        let expected = [
            profile,
            "https://ns.adobe.com/xdm/common/auditable",
            "http://ns.adobe.com/adobecloud/core/1.0",
            "https://ns.adobe.com/xdm/data/record",
            "group",
            "base",
        ];
        assert_eq!(parts.extended(&schema), expected);
    }
}
