//! The kinds of objects in files: where the API has them, and what of them the server makes.

use prep::SourceType;
use serde_json::{Map, Value, json};

use super::folder::rename;

pub(super) const REGISTRY: &str = "/data/foundation/schemaregistry/tenant";
pub(super) const CATALOG: &str = "/data/foundation/catalog/dataSets";
pub(super) const MAPPINGS: &str = "/data/foundation/conversion/mappingSets";
pub(super) const FLOWS: &str = "/data/foundation/flowservice";
pub(super) const SANDBOXES: &str = "/data/foundation/sandbox-management/sandboxes";

/// A kind of objects. In the order in which objects are made when nothing else decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Kind {
    Sandbox,
    DataType,
    FieldGroup,
    Class,
    Schema,
    DataSet,
    MappingSet,
    Connection,
    SourceConnection,
    TargetConnection,
    Flow,
}

impl Kind {
    /// Those that live in a sandbox.
    pub(super) const IN_SANDBOX: [Kind; 10] = [
        Kind::DataType,
        Kind::FieldGroup,
        Kind::Class,
        Kind::Schema,
        Kind::DataSet,
        Kind::MappingSet,
        Kind::Connection,
        Kind::SourceConnection,
        Kind::TargetConnection,
        Kind::Flow,
    ];

    /// The word in files and references.
    pub(super) fn word(self) -> &'static str {
        match self {
            Kind::Sandbox => "sandbox",
            Kind::DataType => "datatype",
            Kind::FieldGroup => "fieldgroup",
            Kind::Class => "class",
            Kind::Schema => "schema",
            Kind::DataSet => "dataset",
            Kind::MappingSet => "mappingSet",
            Kind::Connection => "connection",
            Kind::SourceConnection => "sourceConnection",
            Kind::TargetConnection => "targetConnection",
            Kind::Flow => "flow",
        }
    }

    pub(super) fn of_word(word: &str) -> Option<Self> {
        std::iter::once(Kind::Sandbox).chain(Self::IN_SANDBOX).find(|kind| kind.word() == word)
    }

    /// Its collection in the API.
    pub(super) fn path(self) -> String {
        match self {
            Kind::Sandbox => SANDBOXES.to_owned(),
            Kind::DataType => format!("{REGISTRY}/datatypes"),
            Kind::FieldGroup => format!("{REGISTRY}/fieldgroups"),
            Kind::Class => format!("{REGISTRY}/classes"),
            Kind::Schema => format!("{REGISTRY}/schemas"),
            Kind::DataSet => CATALOG.to_owned(),
            Kind::MappingSet => MAPPINGS.to_owned(),
            Kind::Connection => format!("{FLOWS}/connections"),
            Kind::SourceConnection => format!("{FLOWS}/sourceConnections"),
            Kind::TargetConnection => format!("{FLOWS}/targetConnections"),
            Kind::Flow => format!("{FLOWS}/flows"),
        }
    }

    pub(super) fn is_registry(self) -> bool {
        matches!(self, Kind::DataType | Kind::FieldGroup | Kind::Class | Kind::Schema)
    }

    pub(super) fn is_flow_service(self) -> bool {
        matches!(self, Kind::Connection | Kind::SourceConnection | Kind::TargetConnection | Kind::Flow)
    }

    /// The member that names an object.
    pub(super) fn name_member(self) -> &'static str {
        if self.is_registry() { "title" } else { "name" }
    }

    /// Members that the server makes, and that no file has.
    fn server_made(self) -> &'static [&'static str] {
        match self {
            Kind::Sandbox => &[],
            _ if self.is_registry() => &[
                "$id",
                "@id",
                "meta:altId",
                "meta:resourceType",
                "version",
                "imsOrg",
                "meta:class",
                "meta:extends",
                "meta:extensible",
                "meta:abstract",
                "meta:xdmType",
                "meta:containerId",
                "meta:sandboxId",
                "meta:sandboxType",
                "meta:tenantNamespace",
                "meta:datasetNamespace",
                "meta:registryMetadata",
                "meta:allFieldAccess",
                "meta:descriptorStatus",
                "meta:descriptors",
                "refs",
            ],
            Kind::DataSet => &[
                "id",
                "@id",
                "state",
                "imsOrg",
                "sandboxId",
                "version",
                "created",
                "updated",
                "createdClient",
                "createdUser",
                "updatedUser",
                "classification",
                "viewId",
                "files",
                "extensions",
            ],
            Kind::MappingSet => &[
                "id",
                "version",
                "createdDate",
                "modifiedDate",
                "createdBy",
                "modifiedBy",
                "supportVersion",
                "status",
                "xdmSchema",
                "xdmVersion",
            ],
            _ => &[
                "id",
                "createdAt",
                "updatedAt",
                "createdBy",
                "updatedBy",
                "createdClient",
                "updatedClient",
                "sandboxId",
                "sandboxName",
                "imsOrgId",
                "version",
                "etag",
                "inheritedAttributes",
                "runs",
                "lastOperation",
                "lastRunDetails",
                "inletUrl",
            ],
        }
    }
}

/// Members of a descriptor that the server makes, and its schema, under which it stands.
const DESCRIPTOR_MADE: [&str; 12] = [
    "@id",
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
    "xdm:sourceSchema",
];

/// Members of a mapping that the server makes.
const MAPPING_MADE: [&str; 12] = [
    "id",
    "version",
    "identity",
    "primaryIdentity",
    "matchScore",
    "functionVersion",
    "createdDate",
    "modifiedDate",
    "createdBy",
    "modifiedBy",
    "sourceAttribute",
    "destinationXdmPath",
];

/// How a client names the namespace of an ad hoc class.
const ADHOC: &str = "_adhoc";

/// What an object of the API comes to in a file.
pub(super) fn clean(kind: Kind, shown: &Map<String, Value>) -> Map<String, Value> {
    let mut body = shown.clone();
    for name in kind.server_made() {
        body.shift_remove(*name);
    }
    // The fields of an ad hoc class stand in a namespace that is made of its id.
    if let Some(own) = shown.get("meta:datasetNamespace").and_then(Value::as_str) {
        let renamed = rename(Value::Object(body), &|text| if text == own { ADHOC } else { text }.to_owned());
        body = renamed.as_object().cloned().unwrap_or_default();
    }
    match kind {
        Kind::DataSet => clean_tags(&mut body),
        Kind::Connection => {
            let params = body.get_mut("auth").and_then(|auth| auth.get_mut("params"));
            if let Some(Value::Object(params)) = params {
                params.shift_remove("inletId");
                params.shift_remove("inletUrl");
            }
        }
        _ => {}
    }
    if kind.is_flow_service() && body.get("state").is_some_and(|state| state == "enabled") {
        body.shift_remove("state");
    }
    normal(kind, &mut body);
    body
}

/// The table of a dataset, and since when Profile is on, are told, not asked for.
fn clean_tags(body: &mut Map<String, Value>) {
    let Some(Value::Object(tags)) = body.get_mut("tags") else { return };
    tags.retain(|name, _| !["adobe/pqs/table", "adobe/siphon/table/format"].contains(&name.as_str()));
    for values in tags.values_mut().filter_map(Value::as_array_mut) {
        values.retain(|value| !value.as_str().is_some_and(|text| text.starts_with("enabledAt")));
    }
    if tags.is_empty() {
        body.shift_remove("tags");
    }
}

/// Brings what has several spellings into the one that is shown.
pub(super) fn normal(kind: Kind, body: &mut Map<String, Value>) {
    match kind {
        Kind::MappingSet => {
            for item in body.get_mut("mappings").and_then(Value::as_array_mut).into_iter().flatten() {
                if let Value::Object(item) = item {
                    normal_mapping(item);
                }
            }
        }
        Kind::DataSet => {
            for values in body.get_mut("tags").and_then(Value::as_object_mut).into_iter().flatten() {
                if !values.1.is_array() {
                    let text = values.1.as_str().map_or_else(|| values.1.to_string(), str::to_owned);
                    *values.1 = json!([text]);
                }
            }
        }
        _ => {}
    }
}

fn normal_mapping(item: &mut Map<String, Value>) {
    for (old, new) in [("sourceAttribute", "source"), ("destinationXdmPath", "destination")] {
        if let Some(value) = item.get(old).filter(|_| !item.contains_key(new)).cloned() {
            item.insert(new.to_owned(), value);
        }
    }
    for name in MAPPING_MADE {
        item.shift_remove(name);
    }
    let source = item.get("source").and_then(Value::as_str).unwrap_or_default();
    let known = match item.get("sourceType").and_then(Value::as_str) {
        Some(text) => SourceType::parse(text, source),
        None => Some(SourceType::of(source)),
    };
    if let Some(known) = known {
        item.insert("sourceType".to_owned(), known.echo(&prep::Switches::default()).into());
    }
}

/// A descriptor as it stands under its schema.
pub(super) fn clean_descriptor(shown: &Map<String, Value>) -> Map<String, Value> {
    let mut body = shown.clone();
    body.retain(|name, _| !DESCRIPTOR_MADE.contains(&name.as_str()));
    body
}

/// Which descriptor of a schema it is: its type, and the field that it is about.
pub(super) fn descriptor_key(descriptor: &Value) -> (String, String) {
    let text = |name: &str| descriptor.get(name).map(Value::to_string).unwrap_or_default();
    (text("@type"), text("xdm:sourceProperty"))
}

/// Where a file says something else than the object that is there. What a file does not say is left as it is.
pub(super) fn differences(wanted: &Value, found: &Value, at: &str, into: &mut Vec<String>) {
    let is_tag = at.starts_with("tags/");
    match (wanted, found) {
        (Value::Object(wanted), Value::Object(found)) => {
            for (name, value) in wanted {
                let at = if at.is_empty() { name.clone() } else { format!("{at}/{name}") };
                differences(value, found.get(name).unwrap_or(&Value::Null), &at, into);
            }
        }
        (Value::Array(wanted), Value::Array(found)) if is_tag => {
            if wanted.iter().any(|value| !found.contains(value)) {
                into.push(at.to_owned());
            }
        }
        (Value::Array(wanted), Value::Array(found)) if wanted.len() == found.len() => {
            for (index, (wanted, found)) in wanted.iter().zip(found).enumerate() {
                differences(wanted, found, &format!("{at}/{index}"), into);
            }
        }
        // Empty is as good as absent: the server fills in or leaves out.
        (Value::Array(list), Value::Null) if list.is_empty() => {}
        (Value::Object(table), Value::Null) if table.is_empty() => {}
        (Value::Number(wanted), Value::Number(found)) if wanted.as_f64() == found.as_f64() => {}
        (wanted, found) if wanted == found => {}
        _ => into.push(at.to_owned()),
    }
}

/// What is there, changed by what a file says.
pub(super) fn merged(wanted: &Value, found: &Value) -> Value {
    match (wanted, found) {
        (Value::Object(wanted), Value::Object(found)) => {
            let mut merged = found.clone();
            for (name, value) in wanted {
                let value = self::merged(value, found.get(name).unwrap_or(&Value::Null));
                merged.insert(name.clone(), value);
            }
            Value::Object(merged)
        }
        _ => wanted.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(wanted: Value, found: Value, expected: &[&str]) {
        let mut differences = Vec::new();
        super::differences(&wanted, &found, "", &mut differences);
        assert_eq!(differences, expected, "{wanted} {found}");
    }

    #[test]
    fn files_say_what_must_be_there() {
        check(json!({"a": 1}), json!({"a": 1.0, "b": 2}), &[]);
        check(json!({"a": {"b": 1, "c": null}}), json!({"a": {"b": 2}}), &["a/b"]);
        check(json!({"a": [{"b": 1}]}), json!({"a": [{"b": 1, "c": 2}]}), &[]);
        check(json!({"a": [1]}), json!({"a": [1, 2]}), &["a"]);
        check(json!({"a": [1, 3]}), json!({"a": [1, 2]}), &["a/1"]);
        check(json!({"tags": {"p": ["x"]}}), json!({"tags": {"p": ["y", "x"]}}), &[]);
        check(json!({"tags": {"p": ["z"]}}), json!({"tags": {"p": ["x"]}}), &["tags/p"]);
        check(json!({"x": [], "y": {}}), json!({}), &[]);
        check(json!({"x": "1"}), json!({"x": 1}), &["x"]);
        let both = merged(&json!({"a": {"b": 1}, "l": [1]}), &json!({"a": {"c": 2}, "l": [2, 3], "d": 4}));
        assert_eq!(both, json!({"a": {"c": 2, "b": 1}, "l": [1], "d": 4}));
    }

    #[test]
    fn spellings() {
        let mut set = json!({ "mappings": [
            { "sourceType": "ATTRIBUTE", "sourceAttribute": "a", "destinationXdmPath": "b" },
            { "sourceType": "text/x.aep-xl", "source": "lower(a)", "destination": "b", "id": "x" },
            { "source": "upper(a)", "destination": "c" }
        ] });
        normal(Kind::MappingSet, set.as_object_mut().unwrap());
        assert_eq!(
            set["mappings"][0],
            json!({ "source": "a", "destination": "b", "sourceType": "text/x.schema-path" })
        );
        assert_eq!(set["mappings"][1]["sourceType"], "text/x.aep-xl");
        assert_eq!(set["mappings"][2]["sourceType"], "text/x.aep-xl");
        let mut dataset = json!({ "tags": { "unifiedProfile": "enabled:true", "n": 1 } });
        normal(Kind::DataSet, dataset.as_object_mut().unwrap());
        assert_eq!(dataset["tags"], json!({ "unifiedProfile": ["enabled:true"], "n": ["1"] }));
    }

    #[test]
    fn words() {
        for kind in Kind::IN_SANDBOX {
            assert_eq!(Kind::of_word(kind.word()), Some(kind));
        }
        assert_eq!(Kind::of_word("schemas"), None);
    }
}
