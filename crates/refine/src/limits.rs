//! Bounds of refining, each with its reason.

use std::time::Duration;

/// Bytes of frames read from the journal at once: large enough to read files in long runs, small enough that a stop is
/// noticed soon.
pub const READ_BYTES: usize = 4 * 1024 * 1024;

/// Reasons kept with a failed record; a record of thousands of wrong values does not make a row of megabytes.
pub const REASONS_MAX: usize = 100;

/// Bytes kept of each text of a warning: a value of the record may stand in it.
pub const WARNING_TEXT_BYTES_MAX: usize = 1024;

/// Bytes of the explanation that is kept with a failed record.
pub const EXPLAIN_BYTES_MAX: usize = 64 * 1024;

/// Records in one buffer; a commit stays short, and offsets of rows fit the columns' 32-bit offsets with room to spare.
pub const BUFFER_RECORDS_MAX: usize = 500_000;

/// Of one core's time, how much commits may take: one part in this many.
pub const COMMIT_SHARE: u32 = 5;

/// First and longest pause before a dataset that could not land is tried again.
pub const RETRY_FIRST: Duration = Duration::from_millis(250);
pub const RETRY_LONGEST: Duration = Duration::from_secs(30);

/// How often the low water is stored. A crash costs reading again what was committed since, and skipping it.
pub const LOW_WATER_EVERY: Duration = Duration::from_secs(5);

/// Landings at a time: each waits for the disk more than it computes, and the machine may be small.
pub const LANDINGS_MAX: usize = 4;
