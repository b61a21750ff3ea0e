//! The public repository's JSON Schema files, and records in its notation, in the notation of ingestion.
//!
//! A file names fields as JSON-LD does (`xdm:birthDate`, `repo:createDate`, whole URIs); here they become names and
//! objects that rows can have. References stay: composition resolves them.

use std::borrow::Cow;
use std::collections::HashSet;
use std::path::{Component, Path};

use serde_json::{Map, Value, json};
use vocab::Json;

use crate::library::ResourceKind;
use crate::names::field_steps;

/// Keywords that say nothing of a field: translations, licence, and those that rows cannot follow.
const DROPPED: [&str; 12] = [
    "$schema",
    "$comment",
    "meta:license",
    "meta:titleId",
    "meta:titleI",
    "meta:descriptionId",
    "patternProperties",
    "propertyNames",
    "dependencies",
    "minProperties",
    "maxProperties",
    "not",
];

/// The definition that stands for all of JSON-LD's keywords.
const JSON_LD_CONTEXT: &str = "@context";

/// Whether a document is in the notation of the public repository rather than in the registry's own.
pub fn is_public(doc: &Value) -> bool {
    match doc {
        Value::Object(node) => node.iter().any(|(key, value)| match key.as_str() {
            "properties" => {
                let names = value.as_object();
                names.is_some_and(|names| {
                    names.iter().any(|(name, field)| is_standard_name(name) || is_public(field))
                })
            }
            "meta:license" => true,
            _ => is_public(value),
        }),
        Value::Array(items) => items.iter().any(is_public),
        _ => false,
    }
}

fn is_standard_name(name: &str) -> bool {
    name.contains(':') || name.starts_with('@')
}

/// What kind of resource a file is, by its path in the checkout: by folder for the components; elsewhere a resource that
/// names the classes it is for is a field group, and an extension of a behaviour is a class.
pub fn kind_of(path: &Path, doc: &Value) -> ResourceKind {
    let folders: Vec<&str> = path
        .components()
        .filter_map(|step| match step {
            Component::Normal(name) => name.to_str(),
            _ => None,
        })
        .collect();
    let stated = folders.iter().rev().skip(1).find_map(|folder| match *folder {
        "behaviors" => Some(ResourceKind::Behaviors),
        "classes" => Some(ResourceKind::Classes),
        "fieldgroups" => Some(ResourceKind::FieldGroups),
        "datatypes" | "common" => Some(ResourceKind::DataTypes),
        _ => None,
    });
    let extends = doc.get("meta:extends").and_then(Value::as_array).into_iter().flatten();
    let behaviour = |id: &Value| {
        matches!(
            id.as_str(),
            Some("https://ns.adobe.com/xdm/data/record" | "https://ns.adobe.com/xdm/data/time-series")
        )
    };
    if let Some(kind) = stated.filter(|_| folders.first() != Some(&"schemas")) {
        kind
    } else if doc.get("meta:intendedToExtend").is_some() {
        ResourceKind::FieldGroups
    } else if folders.first() == Some(&"schemas") {
        ResourceKind::Schemas
    } else if extends.into_iter().any(behaviour) {
        ResourceKind::Classes
    } else {
        ResourceKind::DataTypes
    }
}

/// A file of the public repository in the registry's own form.
pub fn from_public(doc: &Value) -> Value {
    let mut out = node(doc);
    if let Some(Value::Object(definitions)) = out.get_mut("definitions")
        && let Some(context) = definitions.get_mut(JSON_LD_CONTEXT)
    {
        *context = json!({});
    }
    out
}

/// Says in a schema of the library what it extends, as the registry says it of a tenant's: everything in its `allOf`,
/// and what that extends. `find` gives a resource by its `$id`, with its kind.
pub fn state_extends(doc: &mut Value, find: &dyn Fn(&str) -> Option<(ResourceKind, Value)>) {
    let mut found: Vec<String> = Vec::new();
    let mut seen: HashSet<String> = HashSet::new();
    let mut open = extended(doc);
    let mut class = None;
    while let Some(id) = open.pop() {
        if !seen.insert(id.clone()) {
            continue;
        }
        if let Some((kind, part)) = find(&id) {
            open.extend(extended(&part));
            if kind == ResourceKind::Classes && class.is_none() {
                class = Some(id.clone());
            }
            found.push(id);
        }
    }
    doc["meta:extends"] = json!(found);
    if let Some(class) = class {
        doc["meta:class"] = json!(class);
    }
}

/// The resources in `allOf` and `meta:extends`.
fn extended(doc: &Value) -> Vec<String> {
    let members = doc.get("allOf").and_then(Value::as_array).into_iter().flatten();
    let targets = members.filter_map(|member| member.get("$ref")?.as_str());
    let stated = doc.get("meta:extends").and_then(Value::as_array).into_iter().flatten();
    let ids = targets.chain(stated.filter_map(Value::as_str));
    ids.map(|id| id.split('#').next().unwrap_or(id).to_owned()).filter(|id| !id.is_empty()).collect()
}

/// A node of a schema: a document, a definition, a field.
fn node(from: &Value) -> Value {
    let Value::Object(from) = from else {
        return json!({});
    };
    let mut out = Map::new();
    for (key, value) in from {
        match key.as_str() {
            "properties" | "required" | "oneOf" | "anyOf" => {}
            key if DROPPED.contains(&key) => {}
            // Some files hold a field where its keywords stand; it is out of reach there.
            key if key.starts_with("xdm:") || key.starts_with("http") => {}
            "$ref" => {
                out.insert(key.clone(), reference(value));
            }
            "definitions" => {
                let converted = value.as_object().into_iter().flatten();
                let converted: Map<String, Value> =
                    converted.map(|(name, definition)| (name.clone(), node(definition))).collect();
                out.insert(key.clone(), Value::Object(converted));
            }
            "allOf" => {
                let members = value.as_array().into_iter().flatten().map(node);
                out.insert(key.clone(), members.collect());
            }
            "items" | "additionalProperties" if value.is_object() => {
                out.insert(key.clone(), node(value));
            }
            // Null is no value in a row: such a field is text like its like.
            "const" if value.is_null() => {
                out.entry("type").or_insert_with(|| json!("string"));
            }
            // What every object is anyway.
            "additionalProperties" if *value == Value::Bool(true) => {}
            _ => {
                out.insert(key.clone(), value.clone());
            }
        }
    }
    let mut out = Value::Object(out);
    for (name, field) in from.get("properties").and_then(Value::as_object).into_iter().flatten() {
        put(&mut out, &field_steps(name), name, node(field));
    }
    for branches in ["oneOf", "anyOf"] {
        merge_branches(&mut out, from.get(branches).and_then(Value::as_array));
    }
    for name in from.get("required").and_then(Value::as_array).into_iter().flatten() {
        if let Some(name) = name.as_str() {
            require(&mut out, &field_steps(name));
        }
    }
    give_type(&mut out);
    out
}

/// Puts a field at its place, with the objects that lead there.
fn put(out: &mut Value, steps: &[String], name: &str, mut field: Value) {
    let Some((first, rest)) = steps.split_first() else {
        return;
    };
    let fields = &mut out["properties"];
    if fields.is_null() {
        *fields = json!({});
    }
    if !rest.is_empty() {
        return put(container(fields, first), rest, name, field);
    }
    if first != name {
        field["meta:xdmField"] = json!(name);
    }
    match fields.get_mut(first) {
        None => fields[first] = field,
        // An object that other names had made already.
        Some(known) => {
            let inner = field.get_mut("properties").and_then(Value::as_object_mut).map(std::mem::take);
            for (key, value) in
                field.as_object().into_iter().flatten().filter(|(key, _)| *key != "properties")
            {
                known[key] = value.clone();
            }
            for (name, field) in inner.into_iter().flatten() {
                known["properties"][name] = field;
            }
        }
    }
}

/// The object of that name among fields, made when it is not there.
fn container<'a>(fields: &'a mut Value, name: &str) -> &'a mut Value {
    let found = &mut fields[name];
    if found.is_null() {
        *found = json!({ "type": "object", "meta:xdmType": "object", "properties": {} });
    }
    found
}

/// Makes a field mandatory, and the objects that lead to it.
fn require(out: &mut Value, steps: &[String]) {
    let Some((first, rest)) = steps.split_first() else {
        return;
    };
    match out.get_mut("required").and_then(Value::as_array_mut) {
        Some(names) if names.iter().any(|name| name == first) => {}
        Some(names) => names.push(json!(first)),
        None => out["required"] = json!([first]),
    }
    if !rest.is_empty() {
        let fields = &mut out["properties"];
        if fields.is_null() {
            *fields = json!({});
        }
        require(container(fields, first), rest);
    }
}

/// A row has one type for each field: it gets the fields of all branches, none of them required. Branches that refer
/// elsewhere are left out, since they would multiply; without any fields the value is text.
fn merge_branches(out: &mut Value, branches: Option<&Vec<Value>>) {
    for branch in branches.into_iter().flatten() {
        let mut branch = node(branch);
        let fields = branch.get_mut("properties").and_then(Value::as_object_mut).map(std::mem::take);
        for (name, field) in fields.into_iter().flatten() {
            let known = &mut out["properties"];
            if known.is_null() {
                *known = json!({});
            }
            if known.get(&name).is_none() {
                known[name] = field;
            }
        }
    }
    let untyped = ["type", "$ref", "allOf", "properties"].iter().all(|key| out.get(key).is_none());
    let choice = |branch: &Value| branch.get("type").is_some() || branch.get("format").is_some();
    if untyped && branches.is_some_and(|branches| branches.iter().all(choice)) {
        out["type"] = json!("string");
    }
}

/// The type of a field that states its values alone.
fn give_type(out: &mut Value) {
    if out.get("type").is_some() || out.get("$ref").is_some() {
        return;
    }
    let values = out.get("enum").and_then(Value::as_array);
    let Some(first) = values.and_then(|values| values.first()).or_else(|| out.get("const")) else {
        return;
    };
    out["type"] = match first {
        Value::Number(number) if number.is_f64() => json!("number"),
        Value::Number(_) => json!("integer"),
        Value::Bool(_) => json!("boolean"),
        _ => json!("string"),
    };
}

/// A reference whose pointer goes through fields follows them to where they are now.
fn reference(value: &Value) -> Value {
    let Some((id, pointer)) = value.as_str().and_then(|text| text.split_once('#')) else {
        return value.clone();
    };
    let mut steps: Vec<String> = Vec::new();
    for step in pointer.split('/') {
        if steps.last().is_some_and(|last| last == "properties") {
            steps.push(field_steps(&step.replace("~1", "/")).join("/properties/"));
        } else {
            steps.push(step.to_owned());
        }
    }
    json!(format!("{id}#{}", steps.join("/")))
}

/// A record with each field under its name of ingestion, where the composed schema has such a field. Keys of maps are
/// data; keys that the schema does not know stay as they are. A record is in one notation: beside standard names, those of
/// ingestion mean nothing and are left out.
pub fn ingestion_names<'a>(record: Json<'a>, resolved: &Value) -> Json<'a> {
    let standard =
        record.as_object().is_some_and(|members| members.iter().any(|(name, _)| is_standard_name(name)));
    rename(record, resolved, standard)
}

fn rename<'a>(value: Json<'a>, ty: &Value, standard: bool) -> Json<'a> {
    match value {
        Json::Object(members) => {
            let mut out = Json::Object(vocab::json::Object::default());
            for (name, value) in members.0 {
                rename_member(&mut out, name, value, ty, standard);
            }
            out
        }
        Json::Array(items) => {
            let ty = ty.get("items").unwrap_or(&Value::Null);
            Json::Array(items.into_iter().map(|item| rename(item, ty, standard)).collect())
        }
        other => other,
    }
}

fn rename_member<'a>(out: &mut Json<'a>, name: Cow<'a, str>, value: Json<'a>, ty: &Value, standard: bool) {
    let Some(fields) = ty.get("properties").and_then(Value::as_object) else {
        // The value of a map, or something that the schema leaves open.
        let inner = ty.get("additionalProperties").unwrap_or(&Value::Null);
        return insert(out, name, rename(value, inner, standard));
    };
    if let Some(field) = fields.get(name.as_ref()) {
        if !standard || field.get("meta:xdmField").is_none() {
            insert(out, name, rename(value, field, standard));
        }
        return;
    }
    let steps = field_steps(&name);
    let field = steps.iter().try_fold(ty, |node, step| node.get("properties")?.get(step));
    match (field, steps.split_last()) {
        (Some(field), Some((last, parents))) => {
            let value = rename(value, field, standard);
            let mut place = out;
            for step in parents {
                place = object_at(place, step);
            }
            insert(place, last.clone().into(), value);
        }
        _ => insert(out, name, value),
    }
}

/// Adds a member; an object joins the one that other names had made already.
fn insert<'a>(out: &mut Json<'a>, name: Cow<'a, str>, value: Json<'a>) {
    let Json::Object(members) = out else {
        return;
    };
    match (members.get_mut(&name), value) {
        (Some(Json::Object(known)), Json::Object(more)) => {
            more.0.into_iter().for_each(|(name, value)| known.insert(name, value));
        }
        (_, value) => members.insert(name, value),
    }
}

fn object_at<'b, 'a>(out: &'b mut Json<'a>, name: &str) -> &'b mut Json<'a> {
    if !matches!(out, Json::Object(_)) {
        *out = Json::Object(vocab::json::Object::default());
    }
    let Json::Object(members) = out else {
        return out;
    };
    let at = members.0.iter().position(|(key, _)| key == name).unwrap_or_else(|| {
        members.0.push((name.to_owned().into(), Json::Object(vocab::json::Object::default())));
        members.0.len() - 1
    });
    &mut members.0[at].1
}
