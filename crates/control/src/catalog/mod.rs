//! Catalog: datasets, and the batches that land in them. Not here: HTTP, error bodies, Data Access, labels.

pub mod batches;
pub mod datasets;
mod error;
mod query;
mod schema_ref;
mod tables;

#[cfg(test)]
mod tests;

pub use datasets::{Facts, facts};
pub use error::CatalogError;
pub use query::Query;
