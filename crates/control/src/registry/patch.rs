//! JSON Patch on a resource, with what clients get wrong about it.

use serde_json::{Value, json};

use super::RegistryError;
use crate::json_patch;

/// The resource after the patch.
pub(super) fn apply(resource: &Value, patch: &Value) -> Result<Value, RegistryError> {
    let mut doc = resource.clone();
    let mut copied = 0;
    for sent in json_patch::operations(patch)? {
        // What an `add` means depends on what is there by then.
        let operation = json_patch::parse(&lenient(sent, &doc))?;
        json_patch::apply_bounded(&mut doc, &operation, &mut copied)?;
    }
    json_patch::check_depth(&doc)?;
    Ok(doc)
}

/// The operation as it was meant: a path begins with a slash, `name-` is `name/-`, and adding something to an array
/// that is there appends it.
fn lenient(sent: &Value, current: &Value) -> Value {
    let mut operation = sent.clone();
    if !operation.is_object() {
        return operation;
    }
    for member in ["path", "from"] {
        if let Some(path) = sent.get(member).and_then(Value::as_str).filter(|path| !path.is_empty()) {
            let mut path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
            if let Some(name) = path.strip_suffix('-').filter(|name| !name.ends_with('/'))
                && current.pointer(name).is_some_and(Value::is_array)
            {
                path = format!("{name}/-");
            }
            operation[member] = json!(path);
        }
    }
    let is_add = operation.get("op").and_then(Value::as_str).is_some_and(|op| op.eq_ignore_ascii_case("add"));
    let path = operation.get("path").and_then(Value::as_str).unwrap_or_default().to_owned();
    let single = operation.get("value").is_some_and(|value| !value.is_array() && !value.is_null());
    if is_add && single && current.pointer(&path).is_some_and(Value::is_array) {
        operation["path"] = json!(format!("{path}/-"));
    }
    operation
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(patch: Value, expected: Result<Value, &str>) {
        let doc = json!({"title": "t", "tags": ["a"], "a-": 1});
        match (apply(&doc, &patch), expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{patch}"),
            (Err(error), Err(text)) => assert!(error.to_string().contains(text), "{patch}: {error}"),
            (found, _) => panic!("{patch}: {found:?}"),
        }
    }

    #[test]
    fn what_clients_send() {
        let add = |path: &str, value: Value| json!({"op": "add", "path": path, "value": value});
        let with_tags = |tags: Value| Ok(json!({"title": "t", "tags": tags, "a-": 1}));
        check(json!([add("/tags/-", json!("b"))]), with_tags(json!(["a", "b"])));
        check(add("/tags/-", json!("b")), with_tags(json!(["a", "b"])));
        check(add("tags/0", json!("b")), with_tags(json!(["b", "a"])));
        check(add("/tags", json!("b")), with_tags(json!(["a", "b"])));
        check(add("/tags", json!({"$ref": "x"})), with_tags(json!(["a", {"$ref": "x"}])));
        check(add("/tags", json!(["b"])), with_tags(json!(["b"])));
        check(add("/tags-", json!("b")), with_tags(json!(["a", "b"])));
        check(add("/a-", json!(2)), Ok(json!({"title": "t", "tags": ["a"], "a-": 2})));
        let both = json!([add("/new", json!([])), add("/new", json!("x"))]);
        check(both, Ok(json!({"title": "t", "tags": ["a"], "a-": 1, "new": ["x"]})));
        check(json!({"op": "replace", "path": "/tags/0", "value": "b"}), with_tags(json!(["b"])));
        check(json!({"op": "remove", "path": "/none"}), Err("nothing at /none"));
        check(json!("x"), Err("op and path"));
        check(json!([7]), Err("op and path"));
        check(json!([]), Err("no operations"));
    }
}
