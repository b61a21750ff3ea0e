//! Data Prep: mapping sets. A change makes a new version; flows pin one, so the old ones stay.
//!
//! A set is stored with its items in the newer form; an item is shown in both. Not here: HTTP, the language itself (`prep`).

mod body;
mod error;
mod item;
mod sets;

#[cfg(test)]
mod tests;

pub use error::MappingError;
pub use item::{item, summary};
pub use sets::{
    Query, Stored, compiled, compiled_with, create, delete, get, list, preview, replace, validate,
};
