//! Change without breakage: what a change means for the schemas that are made of the changed resource.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::{Map, Value};
use store::{StoreError, Tx};

use super::check::{check_composed, check_union, with_id};
use super::ids::stored_kinds;
use super::parts::Parts;
use super::unions::class_of;
use super::{RegistryError, descriptors};
use crate::{Kind, Saved, Scope, resource};

/// Keywords that say the least a value must be: higher is narrower.
const LOWER_BOUNDS: [&str; 4] = ["minimum", "exclusiveMinimum", "minLength", "minItems"];

/// Keywords that say the most a value may be: lower is narrower.
const UPPER_BOUNDS: [&str; 4] = ["maximum", "exclusiveMaximum", "maxLength", "maxItems"];

/// Checks that everything that is made of a changed resource still composes, and that no schema in use breaks.
pub(super) async fn check_dependants(
    tx: &mut Tx,
    scope: &Scope,
    old: &Saved,
    new: &Map<String, Value>,
    parts: &Parts,
) -> Result<(), RegistryError> {
    let new = Arc::new(Value::Object(new.clone()));
    let mut unions = HashSet::new();
    for user in dependants(tx, scope, old).await? {
        let doc = Value::Object(user.doc.clone());
        let mut before = Parts::of(tx, scope, &doc).await?;
        let mut after = parts.clone();
        after.add(tx, scope, &doc).await?;
        before.put(&old.id, Arc::new(Value::Object(old.doc.clone())));
        after.put(&old.id, new.clone());
        let doc = if user.id == old.id { &*new } else { &doc };
        let required = descriptors::primary_paths(tx, scope, user.kind, &user.id).await?;
        let composed = check_composed(&after, &user.id, doc, &required)?;
        if let Some(tagged) = doc.as_object().filter(|doc| has_tag(doc, "union"))
            && unions.insert(class_of(scope, &after, doc))
        {
            check_union(tx, scope, &user.id, tagged, &after).await?;
        }
        if user.kind == Kind::Schemas && is_in_use(tx, scope, &user).await? {
            let known = before.compose(&with_id(&user.id, &Value::Object(user.doc.clone())))?;
            if let Some((path, change)) = breakage(&known, &composed, "") {
                return Err(RegistryError::Breaking { schema: user.id, path, change });
            }
        }
    }
    Ok(())
}

/// The resource itself and all that refer to it, directly or through others.
async fn dependants(tx: &mut Tx, scope: &Scope, saved: &Saved) -> Result<Vec<Saved>, StoreError> {
    let mut found = vec![saved.clone()];
    let mut seen: HashSet<String> = HashSet::from([saved.id.clone()]);
    let mut next = 0;
    while let Some((kind, id)) = found.get(next).map(|user: &Saved| (user.kind, user.id.clone())) {
        next += 1;
        for from in stored_kinds() {
            for user in resource::users(tx, scope, from, kind, &id).await? {
                if seen.insert(user.clone()) {
                    found.extend(resource::get(tx, scope, from, &user).await?);
                }
            }
        }
    }
    Ok(found)
}

/// Whether a schema may only grow: a dataset has it, and with that a table, or it is part of a union.
pub(super) async fn is_in_use(tx: &mut Tx, scope: &Scope, schema: &Saved) -> Result<bool, StoreError> {
    let datasets = resource::users(tx, scope, Kind::DataSets, Kind::Schemas, &schema.id).await?;
    Ok(!datasets.is_empty() || has_tag(&schema.doc, "union"))
}

/// Whether a schema carries an immutable tag.
pub(super) fn has_tag(doc: &Map<String, Value>, tag: &str) -> bool {
    let tags = doc.get("meta:immutableTags").and_then(Value::as_array);
    tags.is_some_and(|tags| tags.iter().any(|known| known == tag))
}

/// The first change that data of the old form may not survive: its path and what it is.
pub(super) fn breakage(old: &Value, new: &Value, path: &str) -> Option<(String, String)> {
    let broken = |change: String| Some((if path.is_empty() { "/" } else { path }.to_owned(), change));
    for key in ["type", "meta:xdmType", "format"] {
        if old.get(key) != new.get(key) {
            let word = |node: &Value| node.get(key).and_then(Value::as_str).unwrap_or("none").to_owned();
            return broken(format!("{key} cannot change from {} to {}", word(old), word(new)));
        }
    }
    if let Some(change) = narrowing(old, new) {
        return broken(change);
    }
    for key in ["items", "additionalProperties"] {
        if let Some(inner) = old.get(key).filter(|inner| inner.is_object()) {
            let found = breakage(inner, new.get(key).unwrap_or(&Value::Null), &format!("{path}/*"));
            if found.is_some() {
                return found;
            }
        }
    }
    for (name, field) in old.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let path = format!("{path}/{name}");
        match new.get("properties").and_then(|properties| properties.get(name)) {
            None => return Some((path, "a field cannot be removed".to_owned())),
            Some(changed) => {
                if let Some(found) = breakage(field, changed, &path) {
                    return Some(found);
                }
            }
        }
    }
    None
}

/// How a field accepts less than before.
fn narrowing(old: &Value, new: &Value) -> Option<String> {
    let number = |node: &Value, key: &str| node.get(key).and_then(Value::as_f64);
    for key in LOWER_BOUNDS {
        if number(new, key).is_some_and(|bound| number(old, key).is_none_or(|known| bound > known)) {
            return Some(format!("{key} cannot grow"));
        }
    }
    for key in UPPER_BOUNDS {
        if number(new, key).is_some_and(|bound| number(old, key).is_none_or(|known| bound < known)) {
            return Some(format!("{key} cannot shrink"));
        }
    }
    for key in ["pattern", "const"] {
        if new.get(key).is_some() && new.get(key) != old.get(key) {
            return Some(format!("{key} cannot change"));
        }
    }
    let values = |node: &Value| node.get("enum").and_then(Value::as_array).cloned();
    match (values(old), values(new)) {
        (Some(old), Some(new)) if old.iter().any(|value| !new.contains(value)) => {
            Some("a value of enum cannot be removed".to_owned())
        }
        (None, Some(_)) => Some("enum cannot be added".to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(old: Value, new: Value, expected: &str) {
        let node = |field: Value| json!({"type": "object", "properties": {"f": field}});
        let found = breakage(&node(old.clone()), &node(new.clone()), "");
        let found = found.map(|(path, change)| format!("{path} {change}")).unwrap_or_default();
        assert!(found.contains(expected) && found.is_empty() == expected.is_empty(), "{old} {new}: {found}");
    }

    #[test]
    fn changes_of_a_field() {
        let typed = |kind: &str| json!({"type": kind, "meta:xdmType": kind});
        let with = |key: &str, value: Value| json!({"type": "string", key: value});
        let plain = || json!({"type": "string"});
        check(plain(), plain(), "");
        check(typed("string"), typed("number"), "/f type cannot change from string to number");
        check(with("meta:xdmType", json!("int")), with("meta:xdmType", json!("long")), "meta:xdmType");
        check(plain(), with("format", json!("date")), "format");
        check(with("title", json!("a")), with("title", json!("b")), "");
        check(with("maxLength", json!(5)), with("maxLength", json!(6)), "");
        check(with("maxLength", json!(5)), with("maxLength", json!(4)), "maxLength cannot shrink");
        check(plain(), with("maximum", json!(4)), "maximum cannot shrink");
        check(with("minimum", json!(1)), with("minimum", json!(2)), "minimum cannot grow");
        check(with("minimum", json!(1)), plain(), "");
        check(with("pattern", json!("a")), with("pattern", json!("b")), "pattern");
        check(with("pattern", json!("a")), plain(), "");
        check(with("enum", json!(["a"])), with("enum", json!(["a", "b"])), "");
        check(with("enum", json!(["a", "b"])), with("enum", json!(["a"])), "enum");
        check(plain(), with("enum", json!(["a"])), "enum");
        check(with("meta:enum", json!({"a": "A"})), with("meta:enum", json!({})), "");
        check(with("meta:status", json!("deprecated")), plain(), "");
    }

    #[test]
    fn changes_of_the_tree() {
        let object = |fields: Value| json!({"type": "object", "properties": fields});
        let field = || json!({"type": "string"});
        check(object(json!({"a": field()})), object(json!({"a": field(), "b": field()})), "");
        check(object(json!({"a": field(), "b": field()})), object(json!({"a": field()})), "/f/b a field");
        let array = |items: Value| json!({"type": "array", "items": items});
        check(array(object(json!({"a": field()}))), array(object(json!({}))), "/f/*/a a field");
        let map = |values: Value| json!({"type": "object", "additionalProperties": values});
        check(map(field()), map(json!({"type": "integer"})), "/f/* type");
        check(map(field()), object(json!({})), "/f/* type");
    }
}
