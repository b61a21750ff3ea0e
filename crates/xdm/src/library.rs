//! The standard library: behaviours, classes, field groups and data types that every tenant has, as the registry names them.
//!
//! The data lies in `standard/`, a resource per line, in the notation of ingestion: names, types and constraints of the
//! public model, with `meta:xdmField` where the standard notation differs.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use serde_json::{Value, json};

use crate::compose::annotate;
use crate::names::alt_id;

const FILES: [(ResourceKind, &str); 4] = [
    (ResourceKind::Behaviors, include_str!("../standard/behaviors.json")),
    (ResourceKind::Classes, include_str!("../standard/classes.json")),
    (ResourceKind::FieldGroups, include_str!("../standard/fieldgroups.json")),
    (ResourceKind::DataTypes, include_str!("../standard/datatypes.json")),
];

static STANDARD: LazyLock<Library> = LazyLock::new(Library::read);

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
#[derive(Debug)]
pub struct Library {
    resources: Vec<Resource>,
    /// By `$id` and by `meta:altId`.
    index: HashMap<String, usize>,
}

/// The standard library, read on first use.
pub fn standard() -> &'static Library {
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

    fn read() -> Self {
        let mut library = Self { resources: Vec::new(), index: HashMap::new() };
        for (kind, text) in FILES {
            // The files are part of the program, and a test reads them all.
            let docs: Vec<Value> = serde_json::from_str(text).unwrap_or_default();
            docs.into_iter().for_each(|doc| library.add(kind, doc));
        }
        library
    }

    fn add(&mut self, kind: ResourceKind, mut doc: Value) {
        let id = doc.get("$id").and_then(Value::as_str).unwrap_or_default().to_owned();
        let alt_id = alt_id(&id);
        // Types are computed as for a tenant's resource; a test shows that none is refused.
        let annotated = annotate(&mut doc);
        debug_assert!(annotated.is_ok(), "{id}: {annotated:?}");
        doc["meta:altId"] = json!(alt_id);
        self.index.insert(id.clone(), self.resources.len());
        self.index.insert(alt_id.clone(), self.resources.len());
        self.resources.push(Resource { id, alt_id, kind, doc: Arc::new(doc) });
    }
}
