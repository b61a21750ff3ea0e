//! Bounds of the log, each with its reason.

use std::time::Duration;

/// Default size of a segment: large enough that creating one is rare, small enough that retention is prompt.
pub const SEGMENT_BYTES: u64 = 128 << 20;

/// Smallest segment that is tried when the disk has no room for one of the usual size.
pub const SEGMENT_BYTES_MIN: u64 = 4 << 20;

/// The next segment is filled ahead once this part of the current one is written: a log that is hardly used takes no more
/// room than it needs.
pub const FILL_AT: u64 = 4;

/// Bytes that are filled with one write.
pub const FILL_BYTES: usize = 1 << 20;

/// Unit of the page cache. What is written ends with a whole page, so that nothing is read from the disk to complete it.
pub const PAGE_BYTES: usize = 4096;

/// What was written last stays in memory, where a reader that keeps up finds it. Beyond that the log's memory would grow
/// with every record, at the cost of whatever else the machine does; where memory is lent by a host, new pages are dear.
pub const KEPT_BYTES: u64 = 64 << 20;

/// Bytes that are let go of with one call.
pub const LET_GO_BYTES: u64 = 8 << 20;

/// Default bound of all segments together.
pub const LOG_BYTES_MAX: u64 = 16 << 30;

/// Bytes that may wait for the writer. Beyond it callers are told to wait, so memory stays bounded.
pub const QUEUE_BYTES_MAX: usize = 64 << 20;

/// Bytes of one group: what one write and one sync carry. A larger group would make its callers wait for others' bytes.
pub const GROUP_BYTES_MAX: usize = 8 << 20;

/// Records of one group.
pub const GROUP_RECORDS_MAX: usize = 65_536;

/// Requests for which a sync is worth it. Measured: fewer spend more on syncs than they save in waiting, more leave the disk
/// idle while they are gathered.
pub const GATHER_REQUESTS: usize = 32;

/// Bytes for which a sync is worth it.
pub const GATHER_BYTES: usize = 1 << 20;

/// Longest wait for others to share a sync with, about the time that two syncs take.
pub const GATHER_WAIT_MAX: Duration = Duration::from_micros(400);

/// Distance between entries of the index of a segment: a read scans at most this far, and one group, before its record.
pub const INDEX_BYTES: u64 = 64 << 10;

/// A failed disk is tried again this often before the waiting records are refused.
pub const NEW_SEGMENT_TRIES: u32 = 20;

/// Between these tries.
pub const NEW_SEGMENT_PAUSE: Duration = Duration::from_millis(100);
