//! What a flow resolved to when it was last changed: the one thing the record path needs to know about it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::body::RESOLVED;

/// The ends of a complete flow. It is kept with the flow: a later change of its source or target connection does not
/// move the flow until the flow itself is changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wiring {
    /// The base connection that feeds the flow.
    pub connection: String,
    /// That connection's inlet, 64 hex digits.
    pub inlet: String,
    /// The dataset that it writes.
    pub dataset: String,
    /// The mapping set and the pinned version; `None` for a flow that maps nothing.
    pub mapping: Option<PinnedMapping>,
}

/// A mapping set in one version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinnedMapping {
    pub id: String,
    pub version: u32,
    /// A record for which no item writes a value fails, rather than going on with a warning.
    #[serde(default)]
    pub fail_unmapped: bool,
}

impl Wiring {
    /// The wiring of a stored flow, read from its document; `None` for a draft that is not complete.
    pub fn of(doc: &Map<String, Value>) -> Option<Wiring> {
        Wiring::deserialize(doc.get(RESOLVED)?).ok()
    }

    /// Puts the wiring into a flow's document, or takes it out.
    pub(super) fn store(wiring: Option<&Wiring>, doc: &mut Map<String, Value>) {
        doc.shift_remove(RESOLVED);
        // Texts and numbers always serialise.
        if let Some(value) = wiring.and_then(|wiring| serde_json::to_value(wiring).ok()) {
            doc.insert(RESOLVED.to_owned(), value);
        }
    }
}
