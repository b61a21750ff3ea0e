//! Composition: a resource and all that it refers to become one tree; and the forms in which a resource is shown.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::library;
use crate::limits::{COMPOSE_STEPS_MAX, SCHEMA_DEPTH_MAX, SCHEMA_FIELDS_MAX};
use crate::names::{FieldPath, field_name};

/// Finds a resource of the tenant by its `$id`; the standard library is asked when it gives nothing.
pub type Lookup<'a> = dyn Fn(&str) -> Option<Arc<Value>> + 'a;

/// Keywords of a resource that composition resolves and drops.
const RESOLVED: [&str; 4] = ["allOf", "definitions", "$ref", "refs"];

/// Keywords of a part that say what it is on its own, and nothing of the whole.
const OF_PART: [&str; 16] = [
    "$id",
    "$schema",
    "meta:altId",
    "meta:resourceType",
    "version",
    "title",
    "description",
    "imsOrg",
    "meta:class",
    "meta:extends",
    "meta:extensible",
    "meta:abstract",
    "meta:intendedToExtend",
    "meta:containerId",
    "meta:registryMetadata",
    "meta:status",
];

/// JSON-LD's own definitions, never shown as a field.
const JSON_LD_CONTEXT: &str = "https://ns.adobe.com/xdm/common/extensible#/definitions/@context";

/// Why a resource does not compose.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ComposeError {
    #[error("{reference} does not exist")]
    UnknownReference { reference: String },
    #[error(
        "Cannot merge incompatible data types. The path {path} has already been defined in schema (id={schema}) using a \
         different data type. Types: {first}, {second}"
    )]
    Incompatible { path: String, schema: String, first: String, second: String },
    #[error("the schema is nested deeper than {SCHEMA_DEPTH_MAX} levels")]
    TooDeep,
    #[error("the schema has more than {SCHEMA_FIELDS_MAX} fields")]
    TooLarge,
    #[error("{0}")]
    Type(TypeError),
}

/// Why a field's `meta:xdmType` cannot be computed or kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TypeError {
    #[error("{path} has neither type nor $ref")]
    Missing { path: String },
    #[error("{path} has the unknown type {found}")]
    Unknown { path: String, found: String },
    #[error("meta:xdmType of {path} is {stated}, and its type, format and range make it {computed}")]
    Mismatch { path: String, stated: String, computed: String },
}

/// Resolves a resource into one `properties` tree (the `-full` form).
pub fn compose(resource: &Value, lookup: &Lookup<'_>) -> Result<Value, ComposeError> {
    let mut composer = Composer { lookup, fields: 0, steps: 0, stack: Vec::new() };
    let own_id = id_of(resource).to_owned();
    let mut out = Map::new();
    for (key, value) in resource.as_object().into_iter().flatten() {
        if !RESOLVED.contains(&key.as_str()) && key != "properties" && key != "required" {
            out.insert(key.clone(), value.clone());
        }
    }
    out.insert("type".to_owned(), json!("object"));
    let mut out = Value::Object(out);
    composer.merge_into(&mut out, resource, resource, &own_id, "", 0)?;
    if let Some(object) = out.as_object_mut() {
        object.entry("properties").or_insert_with(|| json!({}));
        object.insert("meta:xdmType".to_owned(), json!("object"));
    }
    annotate(&mut out).map_err(ComposeError::Type)?;
    Ok(out)
}

struct Composer<'a> {
    lookup: &'a Lookup<'a>,
    fields: usize,
    /// Fields and references looked at so far: parts that refer to each other many times over multiply.
    steps: usize,
    /// The references that are being resolved, against cycles.
    stack: Vec<String>,
}

fn id_of(resource: &Value) -> &str {
    resource.get("$id").and_then(Value::as_str).unwrap_or_default()
}

impl Composer<'_> {
    /// Merges what `node` (a part of the resource `home`) defines into `out`.
    fn merge_into(
        &mut self,
        out: &mut Value,
        node: &Value,
        home: &Value,
        source: &str,
        path: &str,
        depth: usize,
    ) -> Result<(), ComposeError> {
        if depth > SCHEMA_DEPTH_MAX {
            return Err(ComposeError::TooDeep);
        }
        if let Some(reference) = node.get("$ref").and_then(Value::as_str) {
            self.follow(out, reference, home, source, path, depth)?;
        }
        for member in node.get("allOf").and_then(Value::as_array).into_iter().flatten() {
            match taken(member) {
                None => self.merge_into(out, member, home, source, path, depth + 1)?,
                Some(paths) => self.merge_taken(out, member, &paths, home, source, path, depth + 1)?,
            }
        }
        if let Some(required) = node.get("required").and_then(Value::as_array) {
            add_required(out, required);
        }
        for (name, property) in node.get("properties").and_then(Value::as_object).into_iter().flatten() {
            self.property(out, name, property, home, source, path, depth + 1)?;
        }
        Ok(())
    }

    /// Merges those fields of a member of `allOf` that its `meta:refProperty` names.
    #[expect(clippy::too_many_arguments, reason = "one step of a recursive walk, private")]
    fn merge_taken(
        &mut self,
        out: &mut Value,
        member: &Value,
        paths: &[FieldPath],
        home: &Value,
        source: &str,
        path: &str,
        depth: usize,
    ) -> Result<(), ComposeError> {
        let mut part = json!({});
        self.merge_into(&mut part, member, home, source, path, depth)?;
        let steps: Vec<&[String]> = paths.iter().map(FieldPath::steps).collect();
        keep(&mut part, &steps);
        part["type"] = json!("object");
        out["type"] = json!("object");
        merge(out, part, path, source)
    }

    fn follow(
        &mut self,
        out: &mut Value,
        reference: &str,
        home: &Value,
        source: &str,
        path: &str,
        depth: usize,
    ) -> Result<(), ComposeError> {
        let Some(target) = self.enter(reference, home, source)? else {
            return Ok(());
        };
        let merged =
            self.merge_into(out, target.node(home), target.home(home), &target.source, path, depth + 1);
        self.stack.pop();
        merged
    }

    /// Finds what a reference leads to and notes that it is being resolved; `None` where nothing is to be had: for JSON-LD's
    /// own definitions, and in a circle.
    fn enter(&mut self, reference: &str, home: &Value, source: &str) -> Result<Option<Target>, ComposeError> {
        let unknown = || ComposeError::UnknownReference { reference: reference.to_owned() };
        self.step()?;
        if reference == JSON_LD_CONTEXT {
            return Ok(None);
        }
        let (id, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        let absolute = if id.is_empty() { format!("{source}{reference}") } else { reference.to_owned() };
        // A type that refers to itself ends in an empty object.
        if self.stack.contains(&absolute) {
            return Ok(None);
        }
        let document = if id.is_empty() { None } else { Some(self.find(id).ok_or_else(unknown)?) };
        let source = if id.is_empty() { source.to_owned() } else { id.to_owned() };
        let target = Target { document, pointer: fragment.to_owned(), source };
        if target.home(home).pointer(&target.pointer).is_none() {
            return Err(unknown());
        }
        self.stack.push(absolute);
        Ok(Some(target))
    }

    fn step(&mut self) -> Result<(), ComposeError> {
        self.steps += 1;
        if self.steps > COMPOSE_STEPS_MAX { Err(ComposeError::TooLarge) } else { Ok(()) }
    }

    fn find(&self, id: &str) -> Option<Arc<Value>> {
        (self.lookup)(id).or_else(|| library::standard().get(id).map(|resource| resource.doc.clone()))
    }

    #[expect(clippy::too_many_arguments, reason = "one step of a recursive walk, private")]
    fn property(
        &mut self,
        out: &mut Value,
        name: &str,
        property: &Value,
        home: &Value,
        source: &str,
        path: &str,
        depth: usize,
    ) -> Result<(), ComposeError> {
        self.step()?;
        let path = format!("{path}/{name}");
        let resolved = self.resolve(property, home, source, &path, depth)?;
        let Some(properties) = out.as_object_mut() else {
            return Ok(());
        };
        let properties = properties.entry("properties").or_insert_with(|| json!({}));
        match properties.get_mut(name) {
            None => {
                self.fields += 1;
                if self.fields > SCHEMA_FIELDS_MAX {
                    return Err(ComposeError::TooLarge);
                }
                properties[name] = resolved;
                Ok(())
            }
            Some(existing) => merge(existing, resolved, &path, source),
        }
    }

    /// A field with its references resolved.
    fn resolve(
        &mut self,
        node: &Value,
        home: &Value,
        source: &str,
        path: &str,
        depth: usize,
    ) -> Result<Value, ComposeError> {
        if depth > SCHEMA_DEPTH_MAX {
            return Err(ComposeError::TooDeep);
        }
        let mut out = Map::new();
        self.keywords(&mut out, node, home, source, path, depth)?;
        let mut out = Value::Object(out);
        self.merge_into(&mut out, node, home, source, path, depth)?;
        // What a circle of references has cut off is an object.
        if out.get("type").is_none() && (out.get("properties").is_some() || node.get("$ref").is_some()) {
            out["type"] = json!("object");
        }
        Ok(out)
    }

    /// Everything that a field says of itself but its fields: what it refers to and the members of its `allOf` come first,
    /// its own words win. A title and the like of another resource or definition are not the field's.
    fn keywords(
        &mut self,
        out: &mut Map<String, Value>,
        node: &Value,
        home: &Value,
        source: &str,
        path: &str,
        depth: usize,
    ) -> Result<(), ComposeError> {
        if depth > SCHEMA_DEPTH_MAX {
            return Err(ComposeError::TooDeep);
        }
        let mut inherited = Map::new();
        if let Some(reference) = node.get("$ref").and_then(Value::as_str) {
            if let Some(target) = self.enter(reference, home, source)? {
                let copied = self.keywords(
                    &mut inherited,
                    target.node(home),
                    target.home(home),
                    &target.source,
                    path,
                    depth + 1,
                );
                self.stack.pop();
                copied?;
            }
            if let Some(id) = reference.split('#').next().filter(|id| !id.is_empty()) {
                inherited.insert("meta:referencedFrom".to_owned(), json!(id));
                inherited.entry("type").or_insert_with(|| json!("object"));
            }
        }
        for member in node.get("allOf").and_then(Value::as_array).into_iter().flatten() {
            self.keywords(&mut inherited, member, home, source, path, depth + 1)?;
        }
        for (key, value) in inherited {
            if !OF_PART.contains(&key.as_str()) && !key.starts_with("meta:tenant") {
                out.insert(key, value);
            }
        }
        for (key, value) in node.as_object().into_iter().flatten() {
            if RESOLVED.contains(&key.as_str()) || key == "properties" || key == "required" {
                continue;
            }
            let value = match key.as_str() {
                "items" | "additionalProperties" if value.is_object() => {
                    self.resolve(value, home, source, path, depth + 1)?
                }
                _ => value.clone(),
            };
            out.insert(key.clone(), value);
        }
        Ok(())
    }
}

/// Where a reference leads.
struct Target {
    /// The other resource; `None` within the same.
    document: Option<Arc<Value>>,
    pointer: String,
    /// The `$id` of the resource that it lies in.
    source: String,
}

impl Target {
    fn home<'a>(&'a self, home: &'a Value) -> &'a Value {
        self.document.as_deref().unwrap_or(home)
    }

    fn node<'a>(&'a self, home: &'a Value) -> &'a Value {
        self.home(home).pointer(&self.pointer).unwrap_or(&Value::Null)
    }
}

/// The fields that a member of `allOf` is limited to; `None` for all.
fn taken(member: &Value) -> Option<Vec<FieldPath>> {
    let paths = member.get("meta:refProperty")?.as_array().filter(|paths| !paths.is_empty())?;
    Some(paths.iter().filter_map(|path| FieldPath::parse(path.as_str()?)).collect())
}

/// Takes away the fields below a node to which none of the paths leads.
fn keep(node: &mut Value, paths: &[&[String]]) {
    if paths.iter().any(|path| path.is_empty()) {
        return;
    }
    for key in ["items", "additionalProperties"] {
        if let Some(inner) = node.get_mut(key).filter(|inner| inner.is_object()) {
            keep(inner, paths);
        }
    }
    let kept = |name: &str| paths.iter().any(|path| path.first().is_some_and(|step| step == name));
    if let Some(Value::Object(properties)) = node.get_mut("properties") {
        properties.retain(|name, _| kept(name));
        for (name, field) in properties {
            let below: Vec<&[String]> =
                paths.iter().filter(|path| path.first() == Some(name)).map(|path| &path[1..]).collect();
            keep(field, &below);
        }
    }
    if let Some(Value::Array(required)) = node.get_mut("required") {
        required.retain(|name| name.as_str().is_some_and(|name| kept(&field_name(name))));
    }
}

fn add_required(out: &mut Value, more: &[Value]) {
    let mut names: Vec<Value> = out.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
    for name in more {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    out["required"] = Value::Array(names);
}

/// Merges a second definition of a field into the first. Their types and formats must agree.
fn merge(existing: &mut Value, other: Value, path: &str, source: &str) -> Result<(), ComposeError> {
    let kind = |node: &Value| {
        let xdm = xdm_type(node).map(str::to_owned);
        xdm.unwrap_or_else(|_| node.get("type").and_then(Value::as_str).unwrap_or("object").to_owned())
    };
    let (first, second) = (kind(existing), kind(&other));
    if first != second {
        return Err(ComposeError::Incompatible {
            path: path.to_owned(),
            schema: source.to_owned(),
            first,
            second,
        });
    }
    let Value::Object(other) = other else {
        return Ok(());
    };
    for (key, value) in other {
        match (key.as_str(), existing.get_mut(&key)) {
            ("properties", Some(known)) => {
                let Value::Object(fields) = value else { continue };
                for (name, field) in fields {
                    match known.get_mut(&name) {
                        Some(known) => merge(known, field, &format!("{path}/{name}"), source)?,
                        None => known[name] = field,
                    }
                }
            }
            ("items" | "additionalProperties", Some(known)) if known.is_object() => {
                merge(known, value, path, source)?
            }
            ("required", Some(_)) => {
                if let Value::Array(names) = value {
                    add_required(existing, &names);
                }
            }
            (_, Some(_)) => {}
            (_, None) => existing[key] = value,
        }
    }
    Ok(())
}

/// The `meta:xdmType` of a field by its type, format and range (XDM guide, field types).
pub(crate) fn xdm_type(node: &Value) -> Result<&'static str, TypeError> {
    const KNOWN: [&str; 12] = [
        "string",
        "boolean",
        "number",
        "array",
        "date",
        "date-time",
        "byte",
        "short",
        "int",
        "long",
        "object",
        "map",
    ];
    let text = |key: &str| node.get(key).and_then(Value::as_str);
    let kind = match node.get("type") {
        Some(Value::String(kind)) => kind.as_str(),
        // One type and null: the field may be left out anyway.
        Some(Value::Array(kinds)) => {
            kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null").unwrap_or("string")
        }
        _ if node.get("properties").is_some() => "object",
        _ if node.get("items").is_some() => "array",
        _ if node.get("enum").is_some() || node.get("const").is_some() => "string",
        _ => match text("meta:xdmType") {
            Some(stated) => return word(stated, &KNOWN),
            None => return Err(TypeError::Missing { path: String::new() }),
        },
    };
    let computed = match kind {
        "string" => match text("format") {
            Some("date") => "date",
            Some("date-time") => "date-time",
            _ => "string",
        },
        "integer" => smallest_integer(node),
        "object" => match node.get("additionalProperties") {
            Some(Value::Object(_)) if node.get("properties").is_none() => "map",
            _ => "object",
        },
        other => word(other, &["boolean", "number", "array"])?,
    };
    match text("meta:xdmType") {
        None => Ok(computed),
        Some(stated) => {
            let stated = word(stated, &KNOWN)?;
            // An explicit integer type may be wider than the range needs, and `object` may stand where a map was meant.
            let fits = stated == computed
                || (kind == "integer" && matches!(stated, "byte" | "short" | "int" | "long"))
                || (kind == "object" && matches!(stated, "object" | "map"));
            if fits {
                Ok(if kind == "object" { computed } else { stated })
            } else {
                Err(TypeError::Mismatch {
                    path: String::new(),
                    stated: stated.to_owned(),
                    computed: computed.to_owned(),
                })
            }
        }
    }
}

fn word(text: &str, known: &[&'static str]) -> Result<&'static str, TypeError> {
    let unknown = || TypeError::Unknown { path: String::new(), found: text.to_owned() };
    known.iter().copied().find(|word| *word == text).ok_or_else(unknown)
}

/// The smallest type that holds the range; a maximum of 2^7, 2^15, 2^31 still belongs to byte, short, int, since the guide's
/// sample bounds are one past the signed range.
fn smallest_integer(node: &Value) -> &'static str {
    let bound = |key: &str| node.get(key).and_then(Value::as_f64);
    let within = |limit: f64| {
        bound("minimum").is_some_and(|low| low >= -limit)
            && bound("maximum").is_some_and(|high| high <= limit)
    };
    if within(128.0) {
        "byte"
    } else if within(32_768.0) {
        "short"
    } else if bound("minimum").is_some_and(|low| low < -2_147_483_648.0)
        || bound("maximum").is_some_and(|high| high > 2_147_483_648.0)
    {
        "long"
    } else {
        "int"
    }
}

/// Gives every field of a resource its `meta:xdmType`, and checks those that are stated.
pub fn annotate(resource: &mut Value) -> Result<(), TypeError> {
    if let Some(Value::Object(definitions)) = resource.get_mut("definitions") {
        for definition in definitions.values_mut() {
            annotate(definition)?;
        }
    }
    if let Some(Value::Array(members)) = resource.get_mut("allOf") {
        for member in members {
            annotate(member)?;
        }
    }
    annotate_fields(resource, "", 0)
}

fn annotate_fields(node: &mut Value, path: &str, depth: usize) -> Result<(), TypeError> {
    // Deeper trees are refused when they are composed.
    if depth > SCHEMA_DEPTH_MAX {
        return Ok(());
    }
    if let Some(Value::Object(properties)) = node.get_mut("properties") {
        for (name, field) in properties {
            annotate_field(field, &format!("{path}/{name}"), depth + 1)?;
        }
    }
    Ok(())
}

fn annotate_field(field: &mut Value, path: &str, depth: usize) -> Result<(), TypeError> {
    for key in ["items", "additionalProperties"] {
        if let Some(inner) = field.get_mut(key).filter(|inner| inner.is_object()) {
            annotate_field(inner, path, depth + 1)?;
        }
    }
    annotate_fields(field, path, depth)?;
    // A definition inside a resource may be of any type; composition finds it.
    if field.get("$ref").and_then(Value::as_str).is_some_and(|target| target.contains('#'))
        && field.get("type").is_none()
    {
        return Ok(());
    }
    let kind = match xdm_type(field) {
        Ok(kind) => kind,
        // What refers to a data type has its type from there.
        Err(TypeError::Missing { .. }) if field.get("$ref").is_some() || field.get("allOf").is_some() => {
            "object"
        }
        Err(error) => return Err(at(error, path)),
    };
    if let Some(field) = field.as_object_mut() {
        field.entry("type").or_insert_with(|| json!("object"));
        field.insert("meta:xdmType".to_owned(), json!(kind));
    }
    Ok(())
}

fn at(error: TypeError, place: &str) -> TypeError {
    let place = place.to_owned();
    match error {
        TypeError::Missing { .. } => TypeError::Missing { path: place },
        TypeError::Unknown { found, .. } => TypeError::Unknown { path: place, found },
        TypeError::Mismatch { stated, computed, .. } => TypeError::Mismatch { path: place, stated, computed },
    }
}

/// Takes titles and descriptions off a resource, at every level (the `-notext` form).
pub fn without_text(resource: &mut Value) {
    match resource {
        Value::Object(node) => {
            for key in ["title", "description"] {
                if node.get(key).is_some_and(Value::is_string) {
                    node.shift_remove(key);
                }
            }
            for (key, value) in node.iter_mut() {
                // Under `properties` and `definitions` the keys are names: `title` may be a field.
                if matches!(key.as_str(), "properties" | "definitions") {
                    value.as_object_mut().into_iter().flatten().for_each(|(_, field)| without_text(field));
                } else {
                    without_text(value);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(without_text),
        _ => {}
    }
}

/// A resolved resource in standard names (the `xdm` forms): each field by its `meta:xdmField`.
pub fn to_xdm_names(resolved: &Value) -> Value {
    let mut out = resolved.clone();
    rename(&mut out, false, 0);
    out
}

/// Whether an object stands for the beginning of its fields' standard names, as `_repo` does for `repo:createDate`, and
/// has no name of its own there.
fn is_prefix(field: &Value) -> bool {
    let fields = field.get("properties").and_then(Value::as_object).filter(|fields| !fields.is_empty());
    let prefixed = |field: &Value| match field.get("meta:xdmField").and_then(Value::as_str) {
        Some(standard) => standard.contains(':') && !standard.starts_with("xdm:"),
        None => is_prefix(field),
    };
    field.get("meta:xdmField").is_none() && fields.is_some_and(|fields| fields.values().all(prefixed))
}

/// Moves the fields of an object that is a prefix, already renamed, up to where they belong; returns those that are
/// required.
fn lift(field: &mut Value, properties: &mut Map<String, Value>) -> Vec<Value> {
    let inner = field.get_mut("properties").and_then(Value::as_object_mut).map(std::mem::take);
    properties.extend(inner.into_iter().flatten());
    field.get("required").and_then(Value::as_array).cloned().unwrap_or_default()
}

fn rename(node: &mut Value, in_prefix: bool, depth: usize) {
    if depth > SCHEMA_DEPTH_MAX {
        return;
    }
    let Some(node) = node.as_object_mut() else {
        return;
    };
    for key in ["items", "additionalProperties"] {
        if let Some(inner) = node.get_mut(key) {
            rename(inner, false, depth + 1);
        }
    }
    let mut renamed: Vec<(String, String)> = Vec::new();
    let mut lifted: Vec<(String, Vec<Value>)> = Vec::new();
    if let Some(Value::Object(properties)) = node.get_mut("properties") {
        let old = std::mem::take(properties);
        for (name, mut field) in old {
            let prefix = (in_prefix || name.starts_with('_')) && is_prefix(&field);
            rename(&mut field, prefix, depth + 1);
            if prefix {
                lifted.push((name, lift(&mut field, properties)));
                continue;
            }
            match field.get("meta:xdmField").and_then(Value::as_str) {
                Some(standard) => {
                    renamed.push((name, standard.to_owned()));
                    properties.insert(standard.to_owned(), field.clone());
                }
                None => {
                    properties.insert(name, field);
                }
            }
        }
    }
    if let Some(Value::Array(required)) = node.get_mut("required") {
        for (prefix, names) in lifted {
            if let Some(at) = required.iter().position(|name| *name == prefix) {
                required.remove(at);
                required.extend(names);
            }
        }
        let names: BTreeSet<(String, String)> = renamed.into_iter().collect();
        for name in required {
            if let Some((_, standard)) = names.iter().find(|(old, _)| name == old) {
                *name = json!(standard);
            }
        }
    }
}
