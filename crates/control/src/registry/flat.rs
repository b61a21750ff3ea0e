//! The flat form: all fields on one level, keyed by their path.

use serde_json::{Map, Value};

/// Replaces the tree of fields by one level: `person/name/firstName`. `*` stands for the items of an array and for the
/// values of a map. Objects that have fields are shown by these alone.
pub(super) fn flatten(doc: &mut Value) {
    let Some(Value::Object(properties)) = doc.get_mut("properties").map(Value::take) else {
        return;
    };
    let mut fields = Map::new();
    for (name, field) in properties {
        add(&mut fields, name, field);
    }
    doc["properties"] = Value::Object(fields);
}

fn add(fields: &mut Map<String, Value>, path: String, mut field: Value) {
    for key in ["items", "additionalProperties"] {
        if field.get(key).is_some_and(has_fields) {
            let inner = field[key].take();
            return add(fields, format!("{path}/*"), inner);
        }
    }
    if !has_fields(&field) {
        fields.insert(path, field);
        return;
    }
    if let Some(Value::Object(properties)) = field.get_mut("properties").map(Value::take) {
        for (name, inner) in properties {
            add(fields, format!("{path}/{name}"), inner);
        }
    }
}

/// Whether fields lie below a node, however deep.
fn has_fields(node: &Value) -> bool {
    ["items", "additionalProperties"].iter().any(|key| node.get(key).is_some_and(has_fields))
        || node.get("properties").and_then(Value::as_object).is_some_and(|properties| !properties.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn one_level() {
        let leaf = json!({"type": "string"});
        let mut doc = json!({"title": "t", "properties": {
            "a": leaf,
            "b": {"type": "object", "properties": {"c": leaf, "d": {"type": "object", "properties": {}}}},
            "e": {"type": "array", "items": {"type": "object", "properties": {"f": leaf}}},
            "g": {"type": "array", "items": leaf},
            "h": {"type": "object", "additionalProperties": {"type": "array", "items": {"properties": {"i": leaf}}}},
        }});
        flatten(&mut doc);
        let expected = json!({"title": "t", "properties": {
            "a": leaf,
            "b/c": leaf,
            "b/d": {"type": "object", "properties": {}},
            "e/*/f": leaf,
            "g": {"type": "array", "items": leaf},
            "h/*/*/i": leaf,
        }});
        assert_eq!(doc, expected);
        let mut none = json!({"title": "t"});
        flatten(&mut none);
        assert_eq!(none, json!({"title": "t"}));
    }
}
