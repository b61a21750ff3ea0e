//! Data Prep: mapping sets. A change makes a new version; flows pin one, so the old ones stay. Beside them what sets are
//! made with: samples, schemas of sources, suggestions, and the language by itself.
//!
//! A set is stored with its items in the newer form; an item is shown in both. Not here: HTTP, the engine itself (`prep`).

mod body;
mod error;
mod item;
pub mod language;
mod query;
pub mod samples;
pub mod schemas;
mod sets;
mod suggest;

#[cfg(test)]
mod tests;

pub use error::MappingError;
pub use item::{item, sample, schema, summary, summary_of};
pub use query::Query;
pub use sets::{
    Stored, add_mapping, compiled, compiled_with, create, delete, expanded, get, list, preview,
    remove_mapping, replace, replace_mapping, validate,
};
pub use suggest::{Source, suggest};
