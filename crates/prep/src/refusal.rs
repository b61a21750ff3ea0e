//! Whether a mapped record goes on to validation: one rule for the two places that ask.

use crate::mapping::Mapped;

/// The code of the warning that a record carries for which no item wrote a value. It is the record's, not an item's.
pub const NOTHING_WRITTEN: &str = "nothing-written";

/// Why a record fails with its mapping, before anything is validated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("no mapping item wrote a value")]
    NothingWritten,
}

impl Mapped<'_> {
    /// Why the record fails. One for which no item wrote a value goes on as an empty object, with the warning
    /// [`NOTHING_WRITTEN`], unless `fail_unmapped` is set for its flow.
    pub fn refusal(&self, fail_unmapped: bool) -> Option<Refusal> {
        (fail_unmapped && self.written == 0).then_some(Refusal::NothingWritten)
    }
}
