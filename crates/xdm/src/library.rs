//! The standard library: behaviours, classes, field groups and data types that every tenant has, as the registry names them.
//!
//! The data lies in `standard/`, a resource per line, in the notation of ingestion: names, types and constraints of the
//! public model, with `meta:xdmField` where the standard notation differs.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use serde_json::{Value, json};

use crate::compose::{TypeError, annotate};
use crate::names::alt_id;

const FILES: [(ResourceKind, &str); 4] = [
    (ResourceKind::Behaviors, include_str!("../standard/behaviors.json")),
    (ResourceKind::Classes, include_str!("../standard/classes.json")),
    (ResourceKind::FieldGroups, include_str!("../standard/fieldgroups.json")),
    (ResourceKind::DataTypes, include_str!("../standard/datatypes.json")),
];

static STANDARD: LazyLock<Arc<Library>> = LazyLock::new(|| Arc::new(Library::read()));

/// The collections of the registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ResourceKind {
    Behaviors,
    Classes,
    FieldGroups,
    DataTypes,
    Schemas,
}

impl ResourceKind {
    pub const ALL: [Self; 5] =
        [Self::Behaviors, Self::Classes, Self::FieldGroups, Self::DataTypes, Self::Schemas];

    /// The kind of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The collection's name in URLs and in `meta:resourceType`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Behaviors => "behaviors",
            Self::Classes => "classes",
            Self::FieldGroups => "fieldgroups",
            Self::DataTypes => "datatypes",
            Self::Schemas => "schemas",
        }
    }
}

/// A resource of the library.
#[derive(Clone, Debug)]
pub struct Resource {
    /// Its `$id`.
    pub id: String,
    /// Its `meta:altId`.
    pub alt_id: String,
    pub kind: ResourceKind,
    /// As stored: `allOf`, `definitions`, `$ref`, with `meta:xdmType` on each field.
    pub doc: Arc<Value>,
}

/// All standard resources, in the order of their ids within each kind.
#[derive(Clone, Debug)]
pub struct Library {
    resources: Vec<Resource>,
    /// By `$id` and by `meta:altId`.
    index: HashMap<String, usize>,
}

/// The standard library, read on first use.
pub fn standard() -> &'static Arc<Library> {
    &STANDARD
}

impl Library {
    /// The resource of that `$id` or `meta:altId`.
    pub fn get(&self, id: &str) -> Option<&Resource> {
        self.index.get(id).map(|at| &self.resources[*at])
    }

    pub fn list(&self, kind: ResourceKind) -> impl Iterator<Item = &Resource> {
        self.resources.iter().filter(move |resource| resource.kind == kind)
    }

    /// This library and others' resources; those replace its own of the same `$id`.
    pub fn with(&self, resources: impl IntoIterator<Item = Resource>) -> Self {
        let mut library = self.clone();
        resources.into_iter().for_each(|resource| library.put(resource));
        library.resources.sort_by(|a, b| a.id.cmp(&b.id));
        library.index.clear();
        for (at, resource) in library.resources.iter().enumerate() {
            library.index.insert(resource.id.clone(), at);
            library.index.insert(resource.alt_id.clone(), at);
        }
        library
    }

    pub fn len(&self) -> usize {
        self.resources.len()
    }

    pub fn is_empty(&self) -> bool {
        self.resources.is_empty()
    }

    fn put(&mut self, resource: Resource) {
        match self.index.get(&resource.id) {
            Some(at) => self.resources[*at] = resource,
            None => {
                self.index.insert(resource.id.clone(), self.resources.len());
                self.index.insert(resource.alt_id.clone(), self.resources.len());
                self.resources.push(resource);
            }
        }
    }

    fn read() -> Self {
        let mut library = Self { resources: Vec::new(), index: HashMap::new() };
        for (kind, text) in FILES {
            // The files are part of the program, and a test reads them all.
            let docs: Vec<Value> = serde_json::from_str(text).unwrap_or_default();
            docs.into_iter().for_each(|doc| library.add(kind, doc));
        }
        library
    }

    fn add(&mut self, kind: ResourceKind, doc: Value) {
        // Types are computed as for a tenant's resource; a test shows that none is refused.
        match Resource::new(kind, doc) {
            Ok(resource) => self.put(resource),
            Err(error) => debug_assert!(false, "{error}"),
        }
    }
}

impl Resource {
    /// A resource with the type of each field computed.
    pub fn new(kind: ResourceKind, mut doc: Value) -> Result<Self, TypeError> {
        let id = doc.get("$id").and_then(Value::as_str).unwrap_or_default().to_owned();
        annotate(&mut doc)?;
        let alt_id = alt_id(&id);
        doc["meta:altId"] = json!(alt_id);
        Ok(Self { id, alt_id, kind, doc: Arc::new(doc) })
    }

    /// A resource whose document [`Resource::new`] made.
    pub fn stored(kind: ResourceKind, doc: Value) -> Self {
        let id = doc.get("$id").and_then(Value::as_str).unwrap_or_default().to_owned();
        Self { alt_id: alt_id(&id), id, kind, doc: Arc::new(doc) }
    }
}
