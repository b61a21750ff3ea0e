//! How far refining is, for health, metrics and people.

use std::collections::BTreeMap;

/// Where the worker stands.
#[derive(Clone, Debug, Default)]
pub struct Status {
    /// Every frame below it has landed.
    pub low_water: u64,
    /// Records read from the log and not landed, and those not read yet.
    pub pending: u64,
    /// Datasets that took part since the start.
    pub datasets: Vec<DatasetStatus>,
    /// The first offset that the worker has not read.
    pub(crate) cursor: u64,
    /// Records that it has read and that have not landed.
    pub(crate) held: u64,
    pub(crate) totals: BTreeMap<&'static str, u64>,
    pub(crate) warnings: BTreeMap<&'static str, u64>,
}

/// How one dataset fares.
#[derive(Clone, Debug)]
pub struct DatasetStatus {
    /// Its id, or its number when it is not known (any more).
    pub id: String,
    /// Why its records do not land at the moment.
    pub error: Option<String>,
}

impl Status {
    /// Records of each outcome since the start.
    pub fn totals(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.totals.iter().map(|(outcome, records)| (*outcome, *records))
    }

    /// Records with each warning code since the start.
    pub fn warnings(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.warnings.iter().map(|(code, records)| (*code, *records))
    }

    pub fn pending(&self) -> u64 {
        self.pending
    }
}
