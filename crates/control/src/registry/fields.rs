//! Rules for the fields of a tenant's resource: their names, maps, and the namespace that they lie under.

use std::collections::HashSet;

use serde_json::{Map, Value};
use xdm::FieldPath;

use super::RegistryError;
use super::error::invalid;
use super::keywords::check_keywords;

/// Names of the standard model that start with an underscore.
const STANDARD_NAMES: [&str; 12] = [
    "_channels",
    "_dc",
    "_experience",
    "_id",
    "_iptc4xmpExt",
    "_links",
    "_page",
    "_photoshop",
    "_repo",
    "_schema",
    "_type",
    "_xmpDM",
];

/// Checks every field of a resource: its form, its name, and what a map may hold. `namespaces` are the names with an
/// underscore that the resource may use beside the standard ones.
pub(super) fn check_fields(doc: &Value, namespaces: &[&str]) -> Result<(), RegistryError> {
    let definitions = doc.get("definitions").and_then(Value::as_object).into_iter().flatten();
    for (name, definition) in definitions {
        check_node(definition, &format!("/definitions/{name}"), namespaces, false)?;
    }
    for member in doc.get("allOf").and_then(Value::as_array).into_iter().flatten() {
        check_node(member, "", namespaces, false)?;
    }
    check_node(doc, "", namespaces, false)
}

fn check_node(node: &Value, path: &str, namespaces: &[&str], is_field: bool) -> Result<(), RegistryError> {
    let Value::Object(members) = node else {
        return Err(invalid(format!("{path} must be a JSON object")));
    };
    check_keywords(members, path)?;
    for key in ["items", "additionalProperties"] {
        if let Some(inner) = members.get(key).filter(|inner| inner.is_object()) {
            check_node(inner, path, namespaces, true)?;
        }
    }
    if is_field {
        check_map(members, path)?;
    }
    let properties = match members.get("properties") {
        None => return Ok(()),
        Some(Value::Object(properties)) => properties,
        Some(_) => return Err(invalid(format!("properties of {path} must be a JSON object"))),
    };
    let is_root = path.is_empty() || (path.starts_with("/definitions/") && path.matches('/').count() == 2);
    for (name, field) in properties {
        let path = format!("{path}/{name}");
        if is_root && is_namespace(name) && !is_name(name, namespaces) {
            let namespace = (*namespaces.first().unwrap_or(&"")).to_owned();
            return Err(RegistryError::Namespace { namespace, path });
        }
        if !is_name(name, namespaces) {
            let text = "a field name has letters, digits, - and _, and does not start with _";
            return Err(invalid(format!("the field name of {path} cannot be used: {text}")));
        }
        check_node(field, &path, namespaces, true)?;
    }
    Ok(())
}

fn is_name(name: &str, namespaces: &[&str]) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let known = || STANDARD_NAMES.contains(&name) || namespaces.contains(&name);
    !name.is_empty() && name.bytes().all(plain) && (!name.starts_with('_') || known())
}

/// Whether a name looks like a tenant's namespace: it may be another's.
fn is_namespace(name: &str) -> bool {
    name.strip_prefix('_').is_some_and(|tenant| !tenant.is_empty() && !tenant.starts_with('_'))
}

/// A map of a tenant's holds strings or integers.
fn check_map(field: &Map<String, Value>, path: &str) -> Result<(), RegistryError> {
    if field.contains_key("properties") || field.contains_key("$ref") {
        return Ok(());
    }
    let values = field.get("additionalProperties").filter(|values| values.is_object());
    let Some(values) = values else {
        let declared = field.get("meta:xdmType").is_some_and(|kind| kind == "map");
        let text = format!("the map {path} needs additionalProperties with the type of its values");
        return if declared { Err(invalid(text)) } else { Ok(()) };
    };
    let simple = values.get("type").is_some_and(|kind| kind == "string" || kind == "integer");
    if simple { Ok(()) } else { Err(invalid(format!("the map {path} can hold strings or integers only"))) }
}

/// Checks that what a class or a field group adds to the standard fields (`base`, resolved) lies under a namespace. The
/// first one is the tenant's own.
pub(super) fn check_namespace(doc: &Value, base: &Value, namespaces: &[&str]) -> Result<(), RegistryError> {
    let mut seen: HashSet<&str> = HashSet::new();
    let mut open = vec![doc];
    while let Some(node) = open.pop() {
        check_added(node, base, "", namespaces)?;
        for member in node.get("allOf").and_then(Value::as_array).into_iter().flatten() {
            open.push(member);
        }
        let local = node.get("$ref").and_then(Value::as_str).and_then(|target| target.strip_prefix('#'));
        if let Some(pointer) = local.filter(|pointer| seen.insert(pointer)) {
            open.extend(doc.pointer(pointer));
        }
    }
    Ok(())
}

fn check_added(node: &Value, base: &Value, path: &str, namespaces: &[&str]) -> Result<(), RegistryError> {
    if let (Some(items), Some(base)) = (node.get("items"), base.get("items")) {
        check_added(items, base, path, namespaces)?;
    }
    for (name, field) in node.get("properties").and_then(Value::as_object).into_iter().flatten() {
        if namespaces.contains(&name.as_str()) {
            continue;
        }
        let path = format!("{path}/{name}");
        match base.get("properties").and_then(|known| known.get(name)) {
            Some(known) => check_added(field, known, &path, namespaces)?,
            None => {
                let namespace = (*namespaces.first().unwrap_or(&"")).to_owned();
                return Err(RegistryError::Namespace { namespace, path });
            }
        }
    }
    Ok(())
}

/// The field at a path of a resolved resource, and whether it is required where it lies. Items of arrays are stepped into;
/// a step into a map is one of its keys.
pub(super) fn field_at<'a>(resolved: &'a Value, path: &FieldPath) -> Option<(&'a Value, bool)> {
    let mut node = resolved;
    let mut required = false;
    for step in path.steps() {
        while let Some(items) = node.get("items") {
            node = items;
        }
        let names = node.get("required").and_then(Value::as_array).into_iter().flatten();
        let mut names = names.filter_map(Value::as_str).filter_map(FieldPath::parse);
        required = names.any(|name| name.steps() == std::slice::from_ref(step));
        let field = node.get("properties").and_then(|fields| fields.get(step));
        node = field.or_else(|| node.get("additionalProperties").filter(|values| values.is_object()))?;
    }
    Some((node, required))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(result: Result<(), RegistryError>, expected: &str) {
        match result {
            Ok(()) => assert_eq!(expected, ""),
            Err(error) => assert!(!expected.is_empty() && error.to_string().contains(expected), "{error}"),
        }
    }

    #[test]
    fn names_and_maps() {
        let map = |values: Value| json!({"type": "object", "additionalProperties": values});
        for (field, expected) in [
            (json!({"a-B_9": {"type": "string"}}), ""),
            (json!({"_id": {"type": "string"}}), ""),
            (json!({"_acme": {"properties": {"x": {"type": "string"}}}}), ""),
            (json!({"_other": {"type": "string"}}), "a top-level field named _acme. Found: /_other"),
            (json!({"a": {"properties": {"_other": {"type": "string"}}}}), "the field name of /a/_other"),
            (json!({"a b": {"type": "string"}}), "/a b"),
            (json!({"a.b": {"type": "string"}}), "/a.b"),
            (json!({"": {"type": "string"}}), "cannot be used"),
            (json!({"a": {"properties": {"é": {"type": "string"}}}}), "/a/é"),
            (json!({"a": {"items": {"properties": {"$x": {"type": "string"}}}}}), "/a/$x"),
            (json!({"a": 7}), "/a must be a JSON object"),
            (json!({"a": {"properties": []}}), "properties of /a"),
            (json!({"m": map(json!({"type": "string"}))}), ""),
            (json!({"m": map(json!({"type": "integer"}))}), ""),
            (json!({"m": map(json!({"type": "object"}))}), "strings or integers"),
            (json!({"m": map(json!({"$ref": "x"}))}), "strings or integers"),
            (json!({"m": {"type": "object", "meta:xdmType": "map"}}), "needs additionalProperties"),
        ] {
            check(check_fields(&json!({"properties": field}), &["_acme"]), expected);
            check(check_fields(&json!({"allOf": [{"properties": field}]}), &["_acme"]), expected);
        }
        let defined = json!({"definitions": {"d": {"properties": {"a b": {}}}}});
        check(check_fields(&defined, &["_acme"]), "/definitions/d/a b");
    }

    #[test]
    fn namespaces() {
        let base = json!({"properties": {"person": {"properties": {"name": {"properties": {}}}}, "_id": {}}});
        let own = json!({"_acme": {"properties": {"x": {}}}});
        let local = |target: &str| json!([{"$ref": format!("#/definitions/{target}")}]);
        for (doc, expected) in [
            (json!({"properties": own}), ""),
            (json!({"allOf": [{"properties": own}, {"$ref": "https://elsewhere"}]}), ""),
            (json!({"definitions": {"d": {"properties": own}}, "allOf": local("d")}), ""),
            (json!({"properties": {"_id": {}, "person": {"properties": {"name": {"properties": own}}}}}), ""),
            (json!({"properties": {"loyalty": {}}}), "Found: /loyalty"),
            (json!({"definitions": {"d": {"properties": {"x": {}}}}, "allOf": local("d")}), "Found: /x"),
            (json!({"properties": {"person": {"properties": {"nick": {}}}}}), "Found: /person/nick"),
            (json!({"definitions": {"d": {"allOf": local("d")}}, "allOf": local("d")}), ""),
        ] {
            check(check_namespace(&doc, &base, &["_acme"]), expected);
        }
    }
}
