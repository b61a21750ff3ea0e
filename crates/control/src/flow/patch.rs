//! JSON Patch as Flow Service takes it: `add`, `replace` and `remove`, in any case, as an array or one bare object.

use serde_json::{Map, Value};

use super::{FlowError, etag};
use crate::limits::PATCH_OPERATIONS_MAX;
use crate::{Kind, Saved};

/// One operation, parsed.
pub(super) struct Operation {
    action: Action,
    /// The pointer as sent, for messages.
    path: String,
    /// Its steps, unescaped; at least one.
    steps: Vec<String>,
    /// What is added; a `remove` has none, whatever the client sent.
    value: Value,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Action {
    Add,
    Replace,
    Remove,
}

/// A patch whose version matches and whose paths may be changed.
pub(super) struct Patch {
    operations: Vec<Operation>,
    /// The operations as they are shown in `lastOperation`.
    pub(super) shown: Value,
}

impl Patch {
    /// Checks `If-Match` and the body against the resource that is to be changed.
    pub(super) fn check(saved: &Saved, if_match: Option<&str>, body: &Value) -> Result<Self, FlowError> {
        let if_match = if_match.ok_or(FlowError::IfMatchMissing)?;
        check_version(saved, if_match)?;
        let sent: &[Value] = match body {
            Value::Array(operations) => operations,
            one => std::slice::from_ref(one),
        };
        if sent.is_empty() || body.is_null() {
            return Err(FlowError::EmptyBody);
        }
        if sent.len() > PATCH_OPERATIONS_MAX {
            return Err(FlowError::Patch(format!("a patch has at most {PATCH_OPERATIONS_MAX} operations")));
        }
        let operations: Vec<Operation> = sent.iter().map(parse).collect::<Result<_, _>>()?;
        for operation in &operations {
            check_path(saved, operation)?;
        }
        Ok(Self { operations, shown: Value::Array(sent.to_vec()) })
    }

    /// The resource's members after all operations. Nothing is changed when one of them fails.
    pub(super) fn apply(&self, doc: &Map<String, Value>) -> Result<Map<String, Value>, FlowError> {
        let mut changed = Value::Object(doc.clone());
        for operation in &self.operations {
            apply(&mut changed, operation)?;
        }
        match changed {
            Value::Object(doc) => Ok(doc),
            // Every path has a first step, so the root stays an object.
            _ => Err(FlowError::Patch("the patch replaces the whole resource".to_owned())),
        }
    }

    /// Whether an operation is about this member.
    pub(super) fn touches(&self, member: &str) -> bool {
        self.operations.iter().any(|operation| operation.steps[0] == member)
    }
}

/// Whether the sent etag is the current one.
pub(super) fn check_version(saved: &Saved, if_match: &str) -> Result<(), FlowError> {
    if etag::matches(saved, if_match) {
        return Ok(());
    }
    Err(FlowError::VersionMismatch { current: etag::etag(saved) })
}

fn parse(operation: &Value) -> Result<Operation, FlowError> {
    let text = |member: &str| operation.get(member).and_then(Value::as_str);
    let op = text("op").ok_or_else(|| wrong("an operation needs op and path"))?;
    let action = match op.to_ascii_lowercase().as_str() {
        "add" => Action::Add,
        "replace" => Action::Replace,
        "remove" => Action::Remove,
        _ => return Err(FlowError::PatchOperation(op.to_owned())),
    };
    let path = text("path").ok_or_else(|| wrong("an operation needs op and path"))?;
    let steps = path.strip_prefix('/').ok_or_else(|| wrong(&format!("the path {path} must start with /")))?;
    let steps = steps.split('/').map(|step| step.replace("~1", "/").replace("~0", "~")).collect();
    let value = match (action, operation.get("value")) {
        (Action::Remove, _) => Value::Null,
        (_, Some(value)) => value.clone(),
        (_, None) => return Err(wrong(&format!("{op} of {path} needs a value"))),
    };
    Ok(Operation { action, path: path.to_owned(), steps, value })
}

/// The members that clients may change, by collection. The vendor's lists.
fn check_path(saved: &Saved, operation: &Operation) -> Result<(), FlowError> {
    let steps: Vec<&str> = operation.steps.iter().map(String::as_str).collect();
    let draft = saved.state == "draft";
    match (saved.kind, steps.as_slice()) {
        (_, ["name"] | ["description"])
        | (Kind::Connections, ["state"] | ["auth", "params"])
        | (Kind::SourceConnections | Kind::TargetConnections, ["params" | "data", ..])
        | (Kind::Flows, ["transformations" | "scheduleParams" | "labels" | "policy" | "options", ..]) => Ok(()),
        (Kind::Connections, ["auth", "params", param]) if !["inletId", "inletUrl"].contains(param) => Ok(()),
        // A draft may lack them, and there is no other way to complete it.
        (Kind::Flows, ["sourceConnectionIds" | "targetConnectionIds", ..]) if draft => Ok(()),
        (_, ["connectionSpec", ..]) => Err(FlowError::SpecChange),
        _ => Err(wrong(&format!("the path {} cannot be changed", operation.path))),
    }
}

fn apply(root: &mut Value, operation: &Operation) -> Result<(), FlowError> {
    let unknown = || wrong(&format!("there is nothing at {}", operation.path));
    let (last, parents) = operation.steps.split_last().ok_or_else(unknown)?;
    let mut parent = root;
    for step in parents {
        parent = match parent {
            Value::Object(members) => members.get_mut(step),
            Value::Array(items) => index(step, items.len()).and_then(|at| items.get_mut(at)),
            _ => None,
        }
        .ok_or_else(unknown)?;
    }
    let done = match parent {
        Value::Object(members) => change_member(members, last, operation),
        Value::Array(items) => change_item(items, last, operation),
        _ => None,
    };
    done.ok_or_else(unknown)
}

fn change_member(members: &mut Map<String, Value>, name: &str, operation: &Operation) -> Option<()> {
    match operation.action {
        Action::Add => {
            members.insert(name.to_owned(), operation.value.clone());
        }
        Action::Replace => *members.get_mut(name)? = operation.value.clone(),
        Action::Remove => {
            members.shift_remove(name)?;
        }
    }
    Some(())
}

fn change_item(items: &mut Vec<Value>, step: &str, operation: &Operation) -> Option<()> {
    match operation.action {
        Action::Add => {
            let at = if step == "-" { items.len() } else { index(step, items.len() + 1)? };
            items.insert(at, operation.value.clone());
        }
        Action::Replace => *items.get_mut(index(step, items.len())?)? = operation.value.clone(),
        Action::Remove => {
            items.remove(index(step, items.len())?);
        }
    }
    Some(())
}

/// An array index below `length`, without leading zeros (RFC 6901).
fn index(step: &str, length: usize) -> Option<usize> {
    let plain = step == "0" || (!step.starts_with('0') && step.bytes().all(|byte| byte.is_ascii_digit()));
    step.parse().ok().filter(|at| plain && *at < length)
}

fn wrong(text: &str) -> FlowError {
    FlowError::Patch(text.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(doc: Value, patch: Value, expected: Result<Value, &str>) {
        let result = (|| {
            let sent = patch.as_array().cloned().unwrap_or_else(|| vec![patch.clone()]);
            let mut doc = doc;
            for operation in &sent {
                apply(&mut doc, &parse(operation)?)?;
            }
            Ok::<_, FlowError>(doc)
        })();
        match (result, expected) {
            (Ok(changed), Ok(expected)) => assert_eq!(changed, expected, "{patch}"),
            (Err(error), Err(text)) => assert!(error.to_string().contains(text), "{patch}: {error}"),
            (result, _) => panic!("{patch}: {result:?}"),
        }
    }

    #[test]
    fn operations() {
        let doc = || json!({"name": "a", "list": [1, 2], "params": {"a/b": 1}});
        let replaced = json!({"name": "b", "list": [1, 2], "params": {"a/b": 1}});
        check(doc(), json!({"op": "replace", "path": "/name", "value": "b"}), Ok(replaced.clone()));
        check(doc(), json!([{"op": "Replace", "path": "/name", "value": "b"}]), Ok(replaced.clone()));
        check(doc(), json!([{"op": "ADD", "path": "/name", "value": "b"}]), Ok(replaced));
        let added = json!({"name": "a", "list": [1, 2, 3], "params": {"a/b": 1}});
        check(doc(), json!({"op": "add", "path": "/list/-", "value": 3}), Ok(added.clone()));
        check(doc(), json!({"op": "add", "path": "/list/2", "value": 3}), Ok(added));
        let removed = json!({"name": "a", "list": [2], "params": {}});
        let both = json!([{"op": "remove", "path": "/list/0", "value": {"ignored": true}},
                          {"op": "remove", "path": "/params/a~1b"}]);
        check(doc(), both, Ok(removed));
        check(doc(), json!({"op": "replace", "path": "/nope", "value": 1}), Err("nothing at /nope"));
        check(doc(), json!({"op": "remove", "path": "/nope"}), Err("nothing at /nope"));
        check(doc(), json!({"op": "add", "path": "/no/pe", "value": 1}), Err("nothing at /no/pe"));
        check(doc(), json!({"op": "add", "path": "/name/x", "value": 1}), Err("nothing at"));
        check(doc(), json!({"op": "replace", "path": "/list/2", "value": 1}), Err("nothing at"));
        check(doc(), json!({"op": "replace", "path": "/list/00", "value": 1}), Err("nothing at"));
        check(doc(), json!({"op": "replace", "path": "/list/-", "value": 1}), Err("nothing at"));
        check(doc(), json!({"op": "add", "path": "/list/4", "value": 1}), Err("nothing at"));
        check(doc(), json!({"op": "add", "path": "/name"}), Err("needs a value"));
        check(doc(), json!({"op": "add", "path": "name", "value": 1}), Err("start with /"));
        check(doc(), json!({"op": "move", "from": "/name", "path": "/x"}), Err("move is not supported"));
        check(doc(), json!({"path": "/name"}), Err("needs op"));
        check(doc(), json!("replace"), Err("needs op"));
    }
}
