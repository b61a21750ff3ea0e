//! Schemas: compose them of their parts, compile them, validate a record, build Arrow columns.
//!
//! Pure: no IO, no clock, no panic. A resource of the registry is a `serde_json::Value` in the registry's own form;
//! [`compose`] resolves it into one tree, [`Schema::compile`] turns the tree into what runs for every record. The standard
//! library lies in `standard/` as data. Start with [`Schema`].

mod columns;
mod compile;
mod compose;
mod dates;
mod infer;
pub mod java;
pub mod library;
pub mod limits;
mod names;
mod pattern;
mod public;
#[cfg(test)]
mod reference;
mod sample;
mod types;
mod validate;

#[cfg(test)]
mod tests;

pub use columns::Columns;
pub use compile::{CompileError, Schema};
pub use compose::{ComposeError, Lookup, TypeError, annotate, compose, to_xdm_names, without_text};
pub use dates::{parse_date, parse_date_time};
pub use infer::{Inference, Inferred};
pub use names::{FieldPath, alt_id};
pub use pattern::{Mismatch, Pattern};
pub use public::{from_public, ingestion_names, is_public, kind_of, state_extends};
pub use sample::{SampleError, sample};
pub use types::{Behavior, Bound, Constraints, Field, ObjectType, Type};
pub use validate::{Category, Violation, Violations, streaming_validation};
