//! From a request's body to what is stored: computed members go, defaults and types are filled in.

use serde_json::{Map, Value, json};
use xdm::library::ResourceKind;

use super::RegistryError;
use super::error::invalid;
use super::ids::hash_of;
use super::item::COMPUTED;

/// The behaviour of tables that no class describes.
pub(super) const ADHOC: &str = "https://ns.adobe.com/xdm/data/adhoc";

/// How a client names the namespace of an ad hoc class, which has its id only when it is stored.
const ADHOC_NAMESPACE: &str = "_adhoc";

/// Reads a body. What the server computes is dropped, what it does not know is kept.
pub(super) fn read(kind: ResourceKind, body: Value) -> Result<Map<String, Value>, RegistryError> {
    let Value::Object(mut doc) = body else {
        return Err(invalid("the body must be a JSON object"));
    };
    for name in COMPUTED {
        doc.shift_remove(name);
    }
    match doc.get("title") {
        Some(Value::String(title)) if !title.trim().is_empty() => {}
        _ => return Err(invalid("a resource needs a title")),
    }
    match doc.get("type") {
        None | Some(Value::Null) => {
            doc.insert("type".to_owned(), json!("object"));
        }
        Some(kind) if kind == "object" => {}
        Some(_) => return Err(invalid("the type of a resource is object")),
    }
    for name in ["properties", "definitions"] {
        if doc.get(name).is_some_and(|value| !value.is_object()) {
            return Err(invalid(format!("{name} must be a JSON object")));
        }
    }
    fill_members(kind, &mut doc)?;
    Ok(doc)
}

/// `allOf` as an array of objects, each with its type.
fn fill_members(kind: ResourceKind, doc: &mut Map<String, Value>) -> Result<(), RegistryError> {
    // Definitions that nothing refers to would be no fields at all.
    if kind != ResourceKind::Schemas && !doc.contains_key("allOf") && !doc.contains_key("properties") {
        let definitions = doc.get("definitions").and_then(Value::as_object).into_iter().flatten();
        let pointer = |name: &str| name.replace('~', "~0").replace('/', "~1");
        let members =
            definitions.map(|(name, _)| json!({ "$ref": format!("#/definitions/{}", pointer(name)) }));
        let members: Vec<Value> = members.collect();
        if !members.is_empty() {
            doc.insert("allOf".to_owned(), Value::Array(members));
        }
    }
    let members = match doc.get_mut("allOf") {
        None => return Ok(()),
        Some(Value::Array(members)) => members,
        Some(_) => return Err(invalid("allOf must be an array")),
    };
    for member in members {
        let Value::Object(member) = member else {
            return Err(invalid("each member of allOf must be a JSON object"));
        };
        if member.get("$ref").is_some_and(|target| !target.is_string()) {
            return Err(invalid("$ref must be a string"));
        }
        for name in ["type", "meta:xdmType"] {
            member.entry(name).or_insert_with(|| json!("object"));
        }
    }
    Ok(())
}

/// Gives the fields of an ad hoc class the namespace of their own that comes with its id.
pub(super) fn rename_adhoc(doc: &mut Map<String, Value>, id: &str) {
    let namespace = format!("_{}", hash_of(id));
    if let Some(properties) = doc.get_mut("properties") {
        rename(properties, &namespace);
    }
    for definition in doc.get_mut("definitions").and_then(Value::as_object_mut).into_iter().flatten() {
        if let Some(properties) = definition.1.get_mut("properties") {
            rename(properties, &namespace);
        }
    }
    for member in doc.get_mut("allOf").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(properties) = member.get_mut("properties") {
            rename(properties, &namespace);
        }
    }
    doc.insert("meta:datasetNamespace".to_owned(), json!(namespace));
}

fn rename(properties: &mut Value, namespace: &str) {
    if let Some(properties) = properties.as_object_mut()
        && let Some(field) = properties.shift_remove(ADHOC_NAMESPACE)
    {
        properties.insert(namespace.to_owned(), field);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(body: Value, expected: Result<Value, &str>) {
        let found = read(ResourceKind::FieldGroups, body.clone());
        match (found, expected) {
            (Ok(doc), Ok(expected)) => assert_eq!(Value::Object(doc), expected),
            (Err(error), Err(text)) => assert!(error.to_string().contains(text), "{body}: {error}"),
            (found, _) => panic!("{body}: {found:?}"),
        }
    }

    #[test]
    fn bodies() {
        let plain = json!({"title": "t", "x": [1], "type": "object"});
        check(json!({"title": "t", "x": [1], "$id": "i", "version": "9", "meta:extends": ["x"]}), Ok(plain));
        let member = |target: &str| json!({"$ref": target, "type": "object", "meta:xdmType": "object"});
        let filled = json!({"title": "t", "allOf": [member("a")], "type": "object"});
        check(json!({"title": "t", "allOf": [{"$ref": "a"}]}), Ok(filled));
        let array =
            json!({"title": "t", "allOf": [{"type": "array", "meta:xdmType": "array"}], "type": "object"});
        check(array.clone(), Ok(array));
        let definitions = json!({"a/b": {}});
        let referred = json!({
            "title": "t", "definitions": definitions, "type": "object", "allOf": [member("#/definitions/a~1b")]
        });
        check(json!({"title": "t", "definitions": definitions}), Ok(referred));
        for (body, text) in [
            (json!([]), "JSON object"),
            (json!({}), "title"),
            (json!({"title": " "}), "title"),
            (json!({"title": 7}), "title"),
            (json!({"title": "t", "type": "array"}), "type"),
            (json!({"title": "t", "allOf": {}}), "allOf"),
            (json!({"title": "t", "allOf": ["x"]}), "allOf"),
            (json!({"title": "t", "allOf": [{"$ref": 7}]}), "$ref"),
            (json!({"title": "t", "properties": []}), "properties"),
            (json!({"title": "t", "definitions": "x"}), "definitions"),
        ] {
            check(body, Err(text));
        }
    }

    #[test]
    fn ad_hoc_namespaces() {
        let mut doc = json!({
            "properties": {"_adhoc": 1}, "allOf": [{"properties": {"_adhoc": 2}}],
            "definitions": {"d": {"properties": {"_adhoc": 3, "x": 4}}}
        });
        rename_adhoc(doc.as_object_mut().unwrap(), "https://ns.adobe.com/acme/classes/0a");
        let expected = json!({
            "properties": {"_0a": 1}, "allOf": [{"properties": {"_0a": 2}}],
            "definitions": {"d": {"properties": {"x": 4, "_0a": 3}}}, "meta:datasetNamespace": "_0a"
        });
        assert_eq!(doc, expected);
    }
}
