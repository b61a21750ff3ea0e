//! Flow Service: base connections (each owns an inlet), source and target connections, flows, and their fixed specs.
//!
//! Each collection has its module with `create`, `patch` and the actions it knows; [`get`], [`list`] and [`item`] serve
//! all four. What a flow resolves to is [`Wiring`]; what became of its records, [`runs`] and [`warnings`]. Not here: HTTP, error bodies.

mod body;
pub mod connections;
mod error;
mod etag;
pub mod flows;
mod item;
mod mapping;
mod patch;
mod query;
pub mod runs;
pub mod source_connections;
pub mod specs;
pub mod target_connections;
pub mod warnings;
mod wiring;

use store::Tx;

use crate::{Kind, Saved, Scope, resource};

pub use error::FlowError;
pub use etag::etag;
pub use item::{View, item};
pub use query::{Listed, Query};
pub use wiring::Wiring;

/// Whether a resource must be complete when it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Every rule holds.
    Complete,
    /// `mode=draft`: parts may be missing, no data flows until it is published.
    Draft,
}

/// The resource of that kind and id.
pub async fn get(tx: &mut Tx, scope: &Scope, kind: Kind, id: &str) -> Result<Saved, FlowError> {
    let found = resource::get(tx, scope, kind, id).await?;
    found.ok_or_else(|| FlowError::NotFound { collection: kind.name(), id: id.to_owned() })
}

/// One page of a collection, or the number of its resources.
pub async fn list(
    tx: &mut Tx,
    scope: &Scope,
    kind: Kind,
    query: &Query,
    collect_url: &str,
) -> Result<Listed, FlowError> {
    let view = View { scope, collect_url };
    Ok(query.read(tx, scope, kind, |saved| item(saved, &view)).await?)
}

/// Deletes a resource. What still uses it is told by the error.
pub async fn delete(tx: &mut Tx, scope: &Scope, kind: Kind, id: &str) -> Result<(), FlowError> {
    let saved = get(tx, scope, kind, id).await?;
    match kind {
        Kind::Connections => connections::check_unused(tx, scope, id).await?,
        Kind::SourceConnections | Kind::TargetConnections => {
            let flows = resource::users(tx, scope, Kind::Flows, kind, id).await?;
            if !flows.is_empty() {
                return Err(FlowError::UsedByFlows { id: id.to_owned(), flows });
            }
        }
        _ => {}
    }
    Ok(resource::delete(tx, scope, &saved).await?)
}

/// Makes a draft source or target connection effective.
async fn publish_draft(tx: &mut Tx, scope: &Scope, saved: &mut Saved) -> Result<(), FlowError> {
    check_draft(saved)?;
    "enabled".clone_into(&mut saved.state);
    save(tx, scope, saved, None).await
}

fn check_draft(saved: &Saved) -> Result<(), FlowError> {
    if saved.state == "draft" {
        return Ok(());
    }
    Err(FlowError::Transition { action: "publish", state: saved.state.clone() })
}

/// Stores a changed resource. The transaction holds the only right to write, so the revision cannot have moved.
async fn save(
    tx: &mut Tx,
    scope: &Scope,
    saved: &mut Saved,
    uses: Option<&[(Kind, String)]>,
) -> Result<(), FlowError> {
    if resource::update(tx, scope, saved, uses).await? {
        return Ok(());
    }
    Err(FlowError::VersionMismatch { current: etag(saved) })
}

/// The state of a resource made in that mode.
fn first_state(mode: Mode) -> String {
    match mode {
        Mode::Complete => "enabled".to_owned(),
        Mode::Draft => "draft".to_owned(),
    }
}

#[cfg(test)]
mod tests;
