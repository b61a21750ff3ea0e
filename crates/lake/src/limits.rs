//! Bounds of the lake, each with its reason.

use std::time::Duration;

/// Snapshots kept in a table: enough to look back over, few enough that its metadata stays small.
pub const SNAPSHOTS_KEPT: usize = 100;

/// Manifests of one order of size that are merged into one, so that the list of manifests stays short.
pub const MANIFESTS_MERGED: usize = 100;

/// Days of `timestamp` in one landing: each becomes a file, and a client chooses the timestamps.
pub const DAYS_MAX: usize = 256;

/// Lists and manifests that nothing refers to are kept this long: a reader may be planning a scan by a version that did.
pub const UNREFERENCED_KEPT: Duration = Duration::from_secs(5 * 60);

/// Old versions of a table's metadata are kept this long. They are the largest files, and a reader opens one once: at the
/// moment when it learned the name.
pub const VERSIONS_KEPT: Duration = Duration::from_secs(60);

/// Commits between two clean-ups of a table's metadata folder.
pub const COMMITS_BETWEEN_CLEANING: i64 = 50;

/// Rows in one row group of a Parquet file.
pub const ROW_GROUP_ROWS: usize = 128 * 1024;

/// Records that are kept as samples of one warning: enough to see what they have in common.
pub const WARNING_SAMPLES: usize = 3;

/// Rows of warning counts of one flow and hour: a mapping set may have thousands of items, and who mends it looks at the
/// most frequent ones. What is beyond is counted by code.
pub const WARNING_ROWS_MAX: u64 = 1000;

/// Warning counts are kept this long by item, as the vendor keeps its diagnostics; by code they are kept with the runs.
pub const WARNINGS_KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);
