//! The Data Prep mapping language: from a raw record to a record of a schema.
//!
//! Pure: no IO, no clock, no randomness, no panic. [`MappingSet::compile`] parses every item once and checks it against
//! the schema; [`MappingSet::apply`] maps a record, borrowing from it what it can. Trouble with one field on one record
//! is a [`Warning`] and leaves that field absent.
//!
//! The way of an expression: `lexer` → `parser` (`syntax`) → `tree` → `eval`. Functions, methods and operators are data:
//! see `functions/`, `methods`, `operators`. So is every choice between two readings of the documents: see `switches`.

mod arithmetic;
mod arity;
mod assembly;
mod budget;
mod check;
mod coerce;
mod date;
mod destination;
mod ecid;
mod eval;
mod explain;
mod expression;
mod failure;
mod fault;
mod fields;
mod functions;
mod lexer;
pub mod limits;
mod mapping;
mod methods;
mod operators;
mod output;
mod parser;
mod path;
mod reference;
mod regexes;
mod source;
mod switches;
mod syntax;
mod text;
mod tree;
mod user_agent;
mod value;

#[cfg(test)]
mod tests;

pub use arity::{Need, Parameter};
pub use check::{Finding, Severity};
pub use expression::{EvaluationError, Expression};
pub use fault::{ExpressionError, Fault, Hint, Span};
pub use functions::{CATEGORIES, Category, Example, Function, Kind, Nulls, functions};
pub use mapping::{Item, ItemError, Mapped, MappingSet, Warning};
pub use methods::{METHODS, Method};
pub use operators::{OPERATORS, Operator};
pub use output::Written;
pub use reference::reference;
pub use source::{SourceType, is_path, source_paths};
pub use switches::*;
pub use tree::Remark;

use vocab::Millis;

/// What an evaluation may know beside the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context {
    /// The instant of `now()` and `timestamp()`, the same for every item of a record.
    pub now: Millis,
    /// What `uuid()` draws from: another for every record, the same when a record is mapped again.
    pub seed: u128,
}
