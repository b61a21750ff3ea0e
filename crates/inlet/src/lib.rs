//! The inlet: what happens to a record before the journal. The hot path.
//!
//! [`Collector`] looks the inlet up, authorises, checks each message, resolves its flow and dataset, appends it to the
//! journal and says what to answer. It reads a [`Plan`] that the control plane swaps in, and nothing else: this crate does
//! not know the metadata database, so it answers while that is locked or down. It knows no HTTP either; the edge turns a
//! [`Refusal`] or a [`Rejection`] into a status and a body.
//!
//! Start with [`Collector`]. `scan` is the checked walk over JSON text, `envelope` what a message is made of, `check` the
//! rules for one message, `pressure` what happens when the log cannot take records.

mod check;
mod collector;
mod envelope;
pub mod inflate;
pub mod limits;
mod outcome;
mod plan;
mod pressure;
mod scan;
#[cfg(test)]
mod testing;

pub use collector::{Admitted, AuthError, Authorizer, Call, Collector};
pub use inflate::inflate;
pub use limits::Limits;
pub use outcome::{Batch, Invalid, One, Refusal, Rejection, Validated};
pub use plan::{DataType, Dataset, Flow, Inlet, Plan};
pub use pressure::Reservation;
pub use scan::{Fault, Syntax};
