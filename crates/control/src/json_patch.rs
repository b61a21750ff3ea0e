//! JSON Patch (RFC 6902), as the services share it. Each says itself which operations and paths it takes, and renders
//! what is refused.

use serde_json::{Map, Value};

use crate::limits::{DOCUMENT_DEPTH_MAX, PATCH_COPIED_VALUES_MAX, PATCH_OPERATIONS_MAX};

/// Why a patch is no patch, or does not fit the document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatchError {
    #[error("the patch has no operations")]
    Empty,
    #[error("a patch has at most {PATCH_OPERATIONS_MAX} operations")]
    TooLong,
    #[error("an operation needs op and path")]
    Incomplete,
    #[error("the patch operation {0} is not supported")]
    Unknown(String),
    #[error("the path {0} must start with /")]
    Path(String),
    #[error("{op} of {path} needs a value")]
    ValueMissing { op: String, path: String },
    #[error("there is nothing at {0}")]
    NothingThere(String),
    #[error("the value at {0} is another one")]
    TestFailed(String),
    #[error("{0} cannot be moved into itself")]
    IntoItself(String),
    #[error("the document becomes deeper than {DOCUMENT_DEPTH_MAX} levels")]
    TooDeep,
    #[error("the patch copies more than {PATCH_COPIED_VALUES_MAX} values")]
    TooLarge,
}

/// One operation, parsed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Operation {
    pub(crate) action: Action,
    /// The pointer as sent, for messages.
    pub(crate) path: String,
    /// Its steps, unescaped; at least one.
    pub(crate) steps: Vec<String>,
}

/// What an operation does at its path.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Action {
    Add(Value),
    Replace(Value),
    Remove,
    /// From where.
    Move(Vec<String>),
    Copy(Vec<String>),
    Test(Value),
}

/// The operations of a patch: an array, or one bare object.
pub(crate) fn operations(body: &Value) -> Result<&[Value], PatchError> {
    let sent: &[Value] = match body {
        Value::Array(operations) => operations,
        one => std::slice::from_ref(one),
    };
    match sent.len() {
        0 => Err(PatchError::Empty),
        _ if body.is_null() => Err(PatchError::Empty),
        1..=PATCH_OPERATIONS_MAX => Ok(sent),
        _ => Err(PatchError::TooLong),
    }
}

/// Reads one operation; `op` in any case.
pub(crate) fn parse(operation: &Value) -> Result<Operation, PatchError> {
    let text = |member: &str| operation.get(member).and_then(Value::as_str);
    let op = text("op").ok_or(PatchError::Incomplete)?;
    let path = text("path");
    let value = || {
        let missing =
            || PatchError::ValueMissing { op: op.to_owned(), path: path.unwrap_or_default().to_owned() };
        operation.get("value").cloned().ok_or_else(missing)
    };
    let from = || steps(text("from").ok_or(PatchError::Incomplete)?);
    let action = match op.to_ascii_lowercase().as_str() {
        "add" => Action::Add(value()?),
        "replace" => Action::Replace(value()?),
        "remove" => Action::Remove,
        "move" => Action::Move(from()?),
        "copy" => Action::Copy(from()?),
        "test" => Action::Test(value()?),
        _ => return Err(PatchError::Unknown(op.to_owned())),
    };
    let path = path.ok_or(PatchError::Incomplete)?;
    Ok(Operation { action, path: path.to_owned(), steps: steps(path)? })
}

fn steps(path: &str) -> Result<Vec<String>, PatchError> {
    let steps = path.strip_prefix('/').ok_or_else(|| PatchError::Path(path.to_owned()))?;
    Ok(steps.split('/').map(|step| step.replace("~1", "/").replace("~0", "~")).collect())
}

fn apply(root: &mut Value, operation: &Operation) -> Result<(), PatchError> {
    let unknown = || PatchError::NothingThere(operation.path.clone());
    let steps = &operation.steps;
    let done = match &operation.action {
        Action::Add(value) => add(root, steps, value.clone()),
        Action::Replace(value) => find(root, steps).map(|found| *found = value.clone()),
        Action::Remove => remove(root, steps).map(drop),
        Action::Copy(from) => {
            find(root, from).map(|found| found.clone()).and_then(|found| add(root, steps, found))
        }
        Action::Move(from) => {
            if steps.len() > from.len() && steps.starts_with(from) {
                return Err(PatchError::IntoItself(operation.path.clone()));
            }
            remove(root, from).and_then(|found| add(root, steps, found))
        }
        Action::Test(value) => {
            let found = find(root, steps).ok_or_else(unknown)?;
            return if found == value { Ok(()) } else { Err(PatchError::TestFailed(operation.path.clone())) };
        }
    };
    done.ok_or_else(unknown)
}

/// What is at the end of a path.
fn find<'a>(root: &'a mut Value, steps: &[String]) -> Option<&'a mut Value> {
    steps.iter().try_fold(root, |parent, step| match parent {
        Value::Object(members) => members.get_mut(step),
        Value::Array(items) => index(step, items.len()).and_then(|at| items.get_mut(at)),
        _ => None,
    })
}

fn add(root: &mut Value, steps: &[String], value: Value) -> Option<()> {
    let (last, parents) = steps.split_last()?;
    match find(root, parents)? {
        Value::Object(members) => {
            members.insert(last.clone(), value);
        }
        Value::Array(items) => {
            let at = if last == "-" { items.len() } else { index(last, items.len() + 1)? };
            items.insert(at, value);
        }
        _ => return None,
    }
    Some(())
}

fn remove(root: &mut Value, steps: &[String]) -> Option<Value> {
    let (last, parents) = steps.split_last()?;
    match find(root, parents)? {
        Value::Object(members) => members.shift_remove(last),
        Value::Array(items) => index(last, items.len()).map(|at| items.remove(at)),
        _ => None,
    }
}

/// An array index below `length`, without leading zeros (RFC 6901).
fn index(step: &str, length: usize) -> Option<usize> {
    let plain = step == "0" || (!step.starts_with('0') && step.bytes().all(|byte| byte.is_ascii_digit()));
    step.parse().ok().filter(|at| plain && *at < length)
}

/// The document after all operations; the given one is left as it is.
pub(crate) fn apply_all(
    doc: &Map<String, Value>,
    patch: &[Operation],
) -> Result<Map<String, Value>, PatchError> {
    let mut changed = Value::Object(doc.clone());
    let mut copied = 0;
    for operation in patch {
        apply_bounded(&mut changed, operation, &mut copied)?;
    }
    check_depth(&changed)?;
    match changed {
        Value::Object(doc) => Ok(doc),
        // Every path has a first step, so the root stays an object.
        _ => Err(PatchError::NothingThere(String::new())),
    }
}

/// Does one operation of a patch that has copied that many values so far: copies do not multiply without end. When it
/// fails, the document may be changed in part.
pub(crate) fn apply_bounded(
    doc: &mut Value,
    operation: &Operation,
    copied: &mut usize,
) -> Result<(), PatchError> {
    if operation.steps.len() > DOCUMENT_DEPTH_MAX {
        return Err(PatchError::TooDeep);
    }
    if let Action::Copy(from) | Action::Move(from) = &operation.action
        && let Some(found) = find(doc, from)
    {
        *copied += measure(found, DOCUMENT_DEPTH_MAX).ok_or(PatchError::TooDeep)?;
    }
    if *copied > PATCH_COPIED_VALUES_MAX {
        return Err(PatchError::TooLarge);
    }
    apply(doc, operation)
}

/// Refuses a document that is deeper than can be read back.
pub(crate) fn check_depth(doc: &Value) -> Result<(), PatchError> {
    measure(doc, DOCUMENT_DEPTH_MAX).map(drop).ok_or(PatchError::TooDeep)
}

/// How many values a value consists of; `None` when it is deeper than that many levels.
fn measure(value: &Value, levels: usize) -> Option<usize> {
    let levels = levels.checked_sub(1)?;
    let inner = |sum: usize, value| Some(sum + measure(value, levels)?);
    match value {
        Value::Object(members) => members.values().try_fold(1, inner),
        Value::Array(items) => items.iter().try_fold(1, inner),
        _ => Some(1),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn patched(doc: &Value, patch: &Value) -> Result<Value, PatchError> {
        let patch: Vec<Operation> = operations(patch)?.iter().map(parse).collect::<Result<_, _>>()?;
        apply_all(doc.as_object().unwrap(), &patch).map(Value::Object)
    }

    #[track_caller]
    fn check(patch: Value, expected: Result<Value, PatchError>) {
        let doc = json!({"a": 1, "list": [1, 2], "in": {"x/y": 1}});
        assert_eq!(patched(&doc, &patch), expected, "{patch}");
    }

    #[test]
    fn copies_moves_and_tests() {
        let nothing = |path: &str| Err(PatchError::NothingThere(path.to_owned()));
        let copied = json!({"a": 1, "list": [1, 2, 1], "in": {"x/y": 1}});
        check(json!({"op": "copy", "from": "/in/x~1y", "path": "/list/-"}), Ok(copied));
        let moved = json!({"a": 1, "list": [2], "in": {"x/y": 1, "z": 1}});
        check(json!([{"op": "move", "from": "/list/0", "path": "/in/z"}]), Ok(moved));
        check(
            json!({"op": "move", "from": "/in", "path": "/in/z"}),
            Err(PatchError::IntoItself("/in/z".to_owned())),
        );
        check(json!({"op": "copy", "from": "/no", "path": "/z"}), nothing("/z"));
        let same = json!({"a": 1, "list": [1, 2], "in": {"x/y": 1}});
        check(json!({"op": "test", "path": "/list", "value": [1, 2]}), Ok(same));
        check(json!({"op": "test", "path": "/a", "value": 2}), Err(PatchError::TestFailed("/a".to_owned())));
        check(json!({"op": "copy", "path": "/z"}), Err(PatchError::Incomplete));
        check(json!({"op": "merge", "path": "/z"}), Err(PatchError::Unknown("merge".to_owned())));
        check(json!([]), Err(PatchError::Empty));
        check(json!(null), Err(PatchError::Empty));
    }

    #[test]
    fn growth_is_bounded() {
        let double = json!({"op": "copy", "from": "/list", "path": "/list/-"});
        assert_eq!(patched(&json!({"list": []}), &json!(vec![double; 500])), Err(PatchError::TooLarge));
        let wide = json!({"op": "copy", "from": "/one", "path": "/all/-"});
        let one: Vec<u32> = (0..10_000).collect();
        assert_eq!(
            patched(&json!({"one": one, "all": []}), &json!(vec![wide; 500])),
            Err(PatchError::TooLarge)
        );
        let deeper: Vec<Value> =
            (1..200).map(|n| json!({"op": "add", "path": "/x".repeat(n), "value": {}})).collect();
        assert_eq!(patched(&json!({}), &json!(deeper)), Err(PatchError::TooDeep));
        let many = vec![json!({"op": "add", "path": "/x", "value": 1}); 1001];
        assert_eq!(patched(&json!({}), &json!(many)), Err(PatchError::TooLong));
    }
}
