//! What the mapping service refuses.

use prep::ItemError;
use serde_json::{Value, json};
use store::StoreError;

use crate::registry::RegistryError;

/// Why a request to the mapping service has no result. The service publishes no texts of its own.
#[derive(Debug, thiserror::Error)]
pub enum MappingError {
    #[error("{0}")]
    Invalid(String),
    /// Items that do not compile, and how the client wrote them.
    #[error("{}", first(.0))]
    Items(Vec<(ItemError, Value)>),
    #[error("there is no {what} {id}")]
    NotFound { what: &'static str, id: String },
    #[error("the mapping set {id} has no version {version}")]
    NoVersion { id: String, version: u32 },
    #[error("there is no mapping {id} in the mapping set")]
    NoMapping { id: String },
    #[error("the mapping set {id} is used by the flows {}", flows.join(", "))]
    InUse { id: String, flows: Vec<String> },
    #[error("it was changed at the same time; try again")]
    Conflict,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl MappingError {
    pub(super) fn invalid(text: impl Into<String>) -> Self {
        MappingError::Invalid(text.into())
    }

    /// The schema that a set writes to cannot be used.
    pub(super) fn schema(id: &str, error: RegistryError) -> Self {
        match error {
            RegistryError::Store(error) => MappingError::Store(error),
            other => MappingError::invalid(format!("the output schema {id} cannot be used: {other}")),
        }
    }
}

fn first(errors: &[(ItemError, Value)]) -> String {
    match errors {
        [] => "the mappings cannot be used".to_owned(),
        [(one, _)] => one.to_string(),
        [(one, _), rest @ ..] => format!("{one} (and {} more)", rest.len()),
    }
}

/// An item's error in the documented shape, with our code and place beside it.
pub(super) fn transform_error(error: &ItemError, sent: &Value) -> Value {
    let text = |name: &str| sent.get(name).and_then(Value::as_str).unwrap_or_default();
    let mut shown = json!({
        "source": text("source"), "sourceType": text("sourceType"), "destination": text("destination"),
        "exception": error.message, "columnName": text("destination"), "code": error.code, "severity": "ERROR"
    });
    if let Some((start, end)) = error.span {
        shown["span"] = json!({ "start": start, "end": end });
    }
    shown
}
