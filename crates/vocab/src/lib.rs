//! Nouns that every crate shares: typed ids, interned numbers, time, randomness, JSON values, schema references.
//!
//! No IO beyond reading the clock and the random source, which no other crate may name. Start with [`id`].

pub mod clock;
pub mod id;
pub mod json;
mod parse;
pub mod random;
pub mod schema_ref;
pub mod tape;

pub use clock::{Clock, ManualClock, Millis, SystemClock};
pub use id::*;
pub use json::{Json, Look, Read};
pub use parse::plain_end;
pub use schema_ref::SchemaRef;
pub use tape::{Node, Tape};
