//! Bounds of the inlet, each with its reason.

use std::time::Duration;

/// Largest request body, bytes, as sent and inflated. Documented as 1 MB; read as 2^20, so that what fits the vendor's
/// limit in either reading fits ours.
pub const BODY_BYTES_MAX: usize = 1 << 20;

/// Bodies up to this many bytes are read without a reservation: the cap on connections bounds them.
pub const SMALL_BODY_BYTES: usize = 64 << 10;

/// Bytes of all larger bodies that are held at one time; further ones wait for their turn.
pub const LARGE_BODIES_BYTES_MAX: usize = 128 << 20;

/// Most messages in one batch. The documentation names no count; each message costs an answer of its own, and without a
/// bound a body of empty objects would be answered with a hundred times its size. Also below what one group of the log holds.
pub const MESSAGES_MAX: usize = 32_768;

/// Deepest nesting of a message: what the parser of the record path takes ([`vocab::Json::parse`]).
pub const DEPTH_MAX: usize = 127;

/// Longest time a request waits while the log cannot take it. Clients wait: the Kafka sink reads for 60 s.
pub const HOLD: Duration = Duration::from_secs(20);

/// Requests that wait for the log at one time; further ones are refused at once.
pub const HOLD_REQUESTS_MAX: usize = 2048;

/// Bytes of the requests that wait for the log at one time.
pub const HOLD_BYTES_MAX: usize = 128 << 20;

/// First and longest pause between two attempts at appending.
pub const HOLD_PAUSE_MIN: Duration = Duration::from_millis(10);
pub const HOLD_PAUSE_MAX: Duration = Duration::from_millis(200);

/// What a refused client is told to wait.
pub const RETRY_AFTER: Duration = Duration::from_secs(5);

/// Synchronous validations that run at one time: each holds a tree of its record.
pub const SYNC_VALIDATIONS_MAX: usize = 4;

/// Violations after which synchronous validation of a message stops. Documented.
pub const SYNC_VIOLATIONS_MAX: usize = 5;

/// Longest token that is looked at, bytes.
pub const TOKEN_BYTES_MAX: usize = 16 << 10;

/// The bounds that a test or an operator may want otherwise.
#[derive(Clone, Debug)]
pub struct Limits {
    pub body_bytes: usize,
    pub large_bodies_bytes: usize,
    pub hold: Duration,
    pub hold_requests: usize,
    pub hold_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: BODY_BYTES_MAX,
            large_bodies_bytes: LARGE_BODIES_BYTES_MAX,
            hold: HOLD,
            hold_requests: HOLD_REQUESTS_MAX,
            hold_bytes: HOLD_BYTES_MAX,
        }
    }
}
