//! The connection specs and flow specs: the same for every org, with fixed ids, from the files in `specs/`.

use std::sync::LazyLock;

use serde_json::Value;

use super::{FlowError, Query};

/// The streaming HTTP source: its base connections own inlets.
pub const STREAMING: &str = "bc7b00d6-623a-4dfc-9fdb-f1240aeadaeb";

/// The data lake, as a target.
pub const DATA_LAKE: &str = "c604ff05-7f1a-43c0-8e18-33bf874cb11c";

static CONNECTION_SPECS: LazyLock<Vec<Spec>> = LazyLock::new(|| {
    parse(&[
        include_str!("../../specs/connection-streaming.json"),
        include_str!("../../specs/connection-datalake.json"),
        include_str!("../../specs/connection-profile.json"),
    ])
});

static FLOW_SPECS: LazyLock<Vec<Spec>> = LazyLock::new(|| {
    parse(&[
        include_str!("../../specs/flow-stream.json"),
        include_str!("../../specs/flow-stream-with-mapping.json"),
        include_str!("../../specs/flow-stream-optional-mapping.json"),
    ])
});

/// The two kinds of spec.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpecKind {
    Connection,
    Flow,
}

/// A spec as the API shows it, and the other names it answers to.
#[derive(Debug)]
pub struct Spec {
    item: Value,
    aliases: Vec<String>,
}

/// Whether the flows of a spec map their records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mapped {
    Never,
    Maybe,
    Always,
}

impl SpecKind {
    /// The name in paths and error bodies.
    pub fn collection(self) -> &'static str {
        match self {
            SpecKind::Connection => "connectionSpecs",
            SpecKind::Flow => "flowSpecs",
        }
    }

    fn all(self) -> &'static [Spec] {
        match self {
            SpecKind::Connection => &CONNECTION_SPECS,
            SpecKind::Flow => &FLOW_SPECS,
        }
    }

    /// The spec of that id.
    pub fn find(self, id: &str) -> Option<&'static Spec> {
        self.all().iter().find(|spec| spec.id() == id)
    }

    /// The item of that id, as the API shows it.
    pub fn get(self, id: &str) -> Result<&'static Value, FlowError> {
        let found = self.find(id).map(|spec| &spec.item);
        found.ok_or_else(|| FlowError::NotFound { collection: self.collection(), id: id.to_owned() })
    }

    /// All items that the query's filters let through; specs are not paged.
    pub fn list(self, query: &Query) -> Vec<&'static Value> {
        self.all().iter().filter(|spec| spec.passes(query)).map(|spec| &spec.item).collect()
    }
}

impl Spec {
    pub fn id(&self) -> &str {
        self.text("id")
    }

    pub fn version(&self) -> &str {
        self.text("version")
    }

    /// Whether source connections of that connection spec may feed flows of this flow spec.
    pub(super) fn takes_source(&self, connection_spec: &str) -> bool {
        self.ids("sourceConnectionSpecIds").any(|id| id == connection_spec)
    }

    /// The same for targets.
    pub(super) fn takes_target(&self, connection_spec: &str) -> bool {
        self.ids("targetConnectionSpecIds").any(|id| id == connection_spec)
    }

    /// The connection spec that targets of this flow spec usually have.
    pub(super) fn usual_target(&self) -> &str {
        self.ids("targetConnectionSpecIds").find(|id| *id == DATA_LAKE).unwrap_or_default()
    }

    /// What this flow spec says about mappings.
    pub(super) fn mapped(&self) -> Mapped {
        match self.item.pointer("/transformationSpecs/0/spec") {
            None => Mapped::Never,
            Some(spec) if spec.get("required").is_some() => Mapped::Always,
            Some(_) => Mapped::Maybe,
        }
    }

    /// The names of this connection spec's auth specs; without any, connections need no `auth`.
    pub(super) fn auth_specs(&self) -> impl Iterator<Item = &str> {
        let specs = self.item.get("authSpec").and_then(Value::as_array).into_iter().flatten();
        specs.filter_map(|spec| spec.get("name")?.as_str())
    }

    fn passes(&self, query: &Query) -> bool {
        if query.passes(&self.item) {
            return true;
        }
        self.aliases.iter().any(|alias| {
            let mut item = self.item.clone();
            item["name"] = alias.as_str().into();
            query.passes(&item)
        })
    }

    fn text(&self, member: &str) -> &str {
        self.item.get(member).and_then(Value::as_str).unwrap_or_default()
    }

    fn ids(&self, member: &str) -> impl Iterator<Item = &str> {
        self.item.get(member).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
    }
}

/// Reads the files; `aliases` in a file is ours and not shown. A test reads every one of them.
fn parse(files: &[&str]) -> Vec<Spec> {
    files
        .iter()
        .filter_map(|text| serde_json::from_str::<Value>(text).ok())
        .map(|mut item| {
            let aliases = item.as_object_mut().and_then(|members| members.shift_remove("aliases"));
            let aliases =
                aliases.and_then(|aliases| serde_json::from_value(aliases).ok()).unwrap_or_default();
            Spec { item, aliases }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(kind: SpecKind, filter: &str) -> Vec<&'static str> {
        let query = Query::parse(&[("property".to_owned(), filter.to_owned())]).unwrap();
        kind.list(&query).into_iter().filter_map(|item| item["name"].as_str()).collect()
    }

    #[test]
    fn every_file_is_read() {
        assert_eq!(CONNECTION_SPECS.len(), 3);
        assert_eq!(FLOW_SPECS.len(), 3);
        for spec in CONNECTION_SPECS.iter().chain(FLOW_SPECS.iter()) {
            assert_eq!(spec.id().len(), 36);
            assert_eq!(spec.version(), "1.0");
            for member in ["name", "providerId", "attributes", "permissionsInfo"] {
                assert!(spec.item.get(member).is_some(), "{}: {member}", spec.id());
            }
            assert!(spec.item.get("aliases").is_none());
        }
        for spec in FLOW_SPECS.iter() {
            assert!(spec.takes_source(STREAMING) && spec.takes_target(DATA_LAKE));
            assert_eq!(spec.usual_target(), DATA_LAKE);
        }
    }

    #[test]
    fn what_flow_specs_say_about_mappings() {
        for (id, expected) in [
            ("d8a6f005-7eaf-4153-983e-e8574508b877", Mapped::Never),
            ("c1a19761-d2c7-4702-b9fa-fe91f0613e81", Mapped::Always),
            ("d69717ba-71b4-4313-b654-49f9cf126d7a", Mapped::Maybe),
        ] {
            assert_eq!(SpecKind::Flow.find(id).unwrap().mapped(), expected);
        }
    }

    #[test]
    fn specs_are_found_by_filters() {
        assert_eq!(names(SpecKind::Connection, "name==datalake"), ["datalake"]);
        assert_eq!(names(SpecKind::Connection, "attributes.isSource==true"), ["Streaming Connection"]);
        assert_eq!(names(SpecKind::Flow, "name==\"Steam data with transformation\"").len(), 1);
        // The vendor's name lacks a letter; who corrects it finds the same spec.
        let found = names(SpecKind::Flow, "name==Stream data with transformation");
        assert_eq!(found, ["Steam data with transformation"]);
        assert!(names(SpecKind::Flow, "name==nope").is_empty());
        assert!(SpecKind::Flow.get(STREAMING).is_err());
    }
}
