//! What happens to a record after the journal: mapped, validated, made into columns, landed, counted.
//!
//! One worker reads synced frames in order and sorts them into a buffer per dataset. A buffer that is due lands as one
//! commit; the offset it ends at is in the same commit, so that a record has one outcome however often the process dies
//! (`one-outcome`). What cannot land is read again from the journal later: nothing is kept that the journal does not hold.
//! Start with `worker`.

mod buffer;
mod explain;
mod faults;
pub mod limits;
mod plan;
mod record;
mod status;
mod warnings;
mod worker;

#[cfg(test)]
mod tests;

pub use plan::{Dataset, Flow, Mapping, Plan};
pub use status::{DatasetStatus, Status};
pub use worker::{Refiner, Settings, StartError};
