//! What the inlet decided. The edge turns each into a status and a body.

use std::sync::Arc;
use std::time::Duration;

use vocab::Millis;

use crate::plan::Inlet;
use crate::scan::{Fault, Syntax};

/// One message was logged.
#[derive(Clone)]
pub struct One {
    pub inlet: Arc<Inlet>,
    /// `{receivedMs}:{partition}:{offset}`.
    pub xaction_id: String,
    pub received: Millis,
    pub validated: Validated,
}

/// What became of the wish for synchronous validation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validated {
    /// The client said nothing of it.
    Unasked,
    /// The client said no.
    Skipped,
    Passed,
}

/// A batch was read; each of its messages was logged or rejected.
#[derive(Clone)]
pub struct Batch {
    pub inlet: Arc<Inlet>,
    /// A UUID. The id of an entry is this, a hyphen and its index. It carries the position in the log (see
    /// [`journal::batch_uuid`]) unless no message was logged.
    pub batch_id: String,
    pub received: Millis,
    /// One for each message, in the order of the request; `None` stands for logged.
    pub outcomes: Vec<Option<Rejection>>,
}

/// Why one message was not logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// JSON by its grammar, but not what a record may hold.
    #[error("Invalid JSON: {0}")]
    Fault(Fault),
    /// A scalar or an array where a raw inlet takes objects.
    #[error("Message is not a JSON object")]
    NotAnObject,
    /// No `header`, or one that is no object.
    // The newer wording, which stands without the usual beginning. Source: a fixture of the Kafka sink.
    #[error("The 'header' field is mandatory. Provide a valid 'header' value and try again.")]
    HeaderMissing,
    #[error("Message has an absent or wrong ims org in the header")]
    WrongOrg,
    /// The schema is missing, unknown, contradictory or not the dataset's; or the body is missing.
    #[error("Message has unknown xdm format")]
    UnknownFormat,
    /// The flow is missing, unknown, a draft, disabled, or fed by another inlet.
    #[error("Message has unknown flow id")]
    UnknownFlow,
    #[error("Message has unknown dataset id")]
    UnknownDataset,
    #[error("Message has invalid operations in the header")]
    InvalidOperations,
}

/// Why a whole request was refused. Nothing of it was logged.
#[derive(Clone)]
pub enum Refusal {
    /// No inlet of that id, or a disabled one.
    NotFound,
    /// The inlet wants a token and there is none.
    TokenMissing,
    /// The inlet wants a token and this one is malformed, forged, expired or revoked.
    TokenInvalid,
    /// A valid token of somebody who may not write here.
    Forbidden,
    /// The text is no JSON.
    Syntax(Arc<Inlet>, Syntax),
    /// A batch has no array of messages, or an empty one.
    NoMessages(Arc<Inlet>),
    /// A batch has more messages than [`crate::limits::MESSAGES_MAX`].
    TooManyMessages(Arc<Inlet>),
    /// The message, or the text around a batch's messages, cannot be taken.
    Rejected(Arc<Inlet>, Rejection),
    /// Synchronous validation failed.
    Invalid(Arc<Inlet>, Invalid),
    /// The log's queue, or the memory for requests, stayed full for as long as a request is held.
    Busy { retry_after: Duration },
    /// The log is at its bound or the disk is full, and stayed so for as long as a request is held.
    Full,
    /// The log could not be written, or a defect of ours stopped the request.
    Failed,
    /// The server is shutting down.
    Closed { retry_after: Duration },
}

/// Why synchronous validation failed.
#[derive(Clone, Debug)]
pub enum Invalid {
    /// There is no `body.xdmEntity`.
    EntityMissing,
    /// The mapping wrote nothing.
    NothingMapped,
    /// The mapping gave a warning, which its set does not allow.
    Mapping(String),
    /// At most [`crate::limits::SYNC_VIOLATIONS_MAX`].
    Violations(Vec<xdm::Violation>),
}
