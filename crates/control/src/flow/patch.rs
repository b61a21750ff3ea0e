//! JSON Patch as Flow Service takes it: `add`, `replace` and `remove`, in any case, as an array or one bare object.

use serde_json::{Map, Value};

use super::{FlowError, etag};
use crate::json_patch::{self, Action, Operation, PatchError};
use crate::{Kind, Saved};

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
        let sent = json_patch::operations(body)?;
        let operations: Vec<Operation> = sent.iter().map(parse).collect::<Result<_, _>>()?;
        for operation in &operations {
            check_path(saved, operation)?;
        }
        Ok(Self { operations, shown: Value::Array(sent.to_vec()) })
    }

    /// The resource's members after all operations. Nothing is changed when one of them fails.
    pub(super) fn apply(&self, doc: &Map<String, Value>) -> Result<Map<String, Value>, FlowError> {
        Ok(json_patch::apply_all(doc, &self.operations)?)
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

/// The three operations that the service knows.
fn parse(operation: &Value) -> Result<Operation, FlowError> {
    let parsed = json_patch::parse(operation)?;
    match parsed.action {
        Action::Add(_) | Action::Replace(_) | Action::Remove => Ok(parsed),
        Action::Move(_) | Action::Copy(_) | Action::Test(_) => {
            let op = operation.get("op").and_then(Value::as_str).unwrap_or_default();
            Err(FlowError::PatchOperation(op.to_owned()))
        }
    }
}

impl From<PatchError> for FlowError {
    fn from(error: PatchError) -> Self {
        match error {
            PatchError::Empty => FlowError::EmptyBody,
            PatchError::Unknown(op) => FlowError::PatchOperation(op),
            other => FlowError::Patch(other.to_string()),
        }
    }
}

/// The members that clients may change, by collection. The vendor's lists.
fn check_path(saved: &Saved, operation: &Operation) -> Result<(), FlowError> {
    let steps: Vec<&str> = operation.steps.iter().map(String::as_str).collect();
    let draft = saved.state == "draft";
    match (saved.kind, steps.as_slice()) {
        (_, ["name"] | ["description"])
        | (Kind::Connections, ["state"] | ["auth", "params"])
        | (Kind::SourceConnections | Kind::TargetConnections, ["params" | "data", ..])
        | (Kind::Flows, ["transformations" | "scheduleParams" | "labels" | "policy" | "options", ..]) => {
            Ok(())
        }
        (Kind::Connections, ["auth", "params", param]) if !["inletId", "inletUrl"].contains(param) => Ok(()),
        // A draft may lack them, and there is no other way to complete it.
        (Kind::Flows, ["sourceConnectionIds" | "targetConnectionIds", ..]) if draft => Ok(()),
        (_, ["connectionSpec", ..]) => Err(FlowError::SpecChange),
        _ => Err(wrong(&format!("the path {} cannot be changed", operation.path))),
    }
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
            let patch: Vec<Operation> = sent.iter().map(parse).collect::<Result<_, _>>()?;
            let doc = doc.as_object().cloned().unwrap_or_default();
            Ok::<_, FlowError>(Value::Object(json_patch::apply_all(&doc, &patch)?))
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
