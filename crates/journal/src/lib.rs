//! The durable log: records go in, are synced, are read in order, and are forgotten once the lake has them.
//!
//! Start with [`Journal`]. `frame` is the codec of one record, `group` the unit of writing and of recovery, `segment`
//! the files, `writer` the one thread that writes. All disk access goes through [`Disk`], all time through
//! [`vocab::Clock`], so that faults and time can be played.

pub mod disk;
#[cfg(any(test, feature = "fakes"))]
pub mod fake;
mod faults;
pub mod frame;
mod group;
mod ids;
mod journal;
pub mod limits;
mod segment;
#[cfg(test)]
mod tests;
mod writer;

pub use disk::{Disk, DiskFile, Filling, RealDisk};
pub use frame::{Form, Frame, FrameHeader, NewFrame, Operation};
pub use ids::{batch_uuid, parse_batch_uuid, xaction_id};
pub use journal::{AppendError, Appended, HandOver, Journal, OpenError, ReadError, Settings, State};
