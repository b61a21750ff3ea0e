//! What the bodies of all collections have in common.

use serde_json::{Map, Value};

use super::FlowError;
use super::specs::{Spec, SpecKind};

/// Members that the server makes; a client's are dropped.
const SERVER_MEMBERS: [&str; 19] = [
    "id",
    "createdAt",
    "updatedAt",
    "createdBy",
    "updatedBy",
    "createdClient",
    "updatedClient",
    "sandboxId",
    "sandboxName",
    "imsOrgId",
    "state",
    "version",
    "etag",
    "inheritedAttributes",
    "runs",
    "lastOperation",
    "lastRunDetails",
    "inletUrl",
    RESOLVED,
];

/// Member of a stored flow that no client sees: what the flow resolved to; see [`super::Wiring`].
pub(super) const RESOLVED: &str = "_resolved";

/// The body without what the server makes.
pub(super) fn clean(mut body: Map<String, Value>) -> Map<String, Value> {
    for member in SERVER_MEMBERS {
        body.shift_remove(member);
    }
    body
}

/// Checks `name` (text, required) and `description` (text); returns the name.
pub(super) fn check_texts(doc: &Map<String, Value>) -> Result<String, FlowError> {
    if !matches!(doc.get("description"), None | Some(Value::Null | Value::String(_))) {
        return Err(invalid("description must be a string"));
    }
    match doc.get("name") {
        Some(Value::String(name)) if !name.trim().is_empty() => Ok(name.clone()),
        _ => Err(invalid("name is required and must be a string that is not empty")),
    }
}

/// The spec that `member` names (`{"id", "version"?}`); the version is filled in when it is absent.
pub(super) fn spec(
    doc: &mut Map<String, Value>,
    member: &str,
    kind: SpecKind,
) -> Result<&'static Spec, FlowError> {
    let unknown = |id: &str| FlowError::UnknownSpec { collection: kind.collection(), id: id.to_owned() };
    let sent = doc.get_mut(member).and_then(Value::as_object_mut).ok_or_else(|| unknown(""))?;
    let id = sent.get("id").and_then(Value::as_str).unwrap_or_default();
    let spec = kind.find(id).ok_or_else(|| unknown(id))?;
    let version = match sent.get("version") {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(text.clone()),
        Some(other) => Some(other.to_string()),
    };
    let major = |version: &str| version.split('.').next().unwrap_or_default().trim().to_owned();
    if version.is_some_and(|version| major(&version) != major(spec.version())) {
        return Err(unknown(&format!("{id} in that version")));
    }
    sent.insert("version".to_owned(), spec.version().into());
    Ok(spec)
}

/// `{"id", "version"}` of the spec that `member` names, for `inheritedAttributes`.
pub(super) fn spec_ref(doc: &Map<String, Value>, member: &str) -> Value {
    let part = |name: &str| doc.get(member).and_then(|spec| spec.get(name)).cloned().unwrap_or_default();
    serde_json::json!({ "id": part("id"), "version": part("version") })
}

/// Fills `member` with an empty object when it is absent; anything but an object is refused.
pub(super) fn object<'a>(
    doc: &'a mut Map<String, Value>,
    member: &str,
) -> Result<&'a mut Map<String, Value>, FlowError> {
    let value = doc.entry(member).or_insert(Value::Null);
    if value.is_null() {
        *value = Value::Object(Map::new());
    }
    value.as_object_mut().ok_or_else(|| invalid(&format!("{member} must be an object")))
}

pub(super) fn invalid(text: &str) -> FlowError {
    FlowError::Invalid(text.to_owned())
}
