//! The control plane: resources of the services and their rules, as async functions over a transaction.
//!
//! No HTTP and no lake: an operation takes [`store::Tx`] and a [`Scope`] and can be called from a test without a
//! server. Start with [`resource`], which every service is built on.

pub mod catalog;
pub mod flow;
pub mod identity;
pub mod ims;
mod json_patch;
pub mod limits;
pub mod mapping;
pub mod registry;
pub mod resource;
pub mod sandbox;
mod scope;
#[cfg(test)]
mod testing;

pub use json_patch::PatchError;
pub use resource::{Kind, Saved};
pub use scope::{Actor, Scope};
