//! Whether a mapped record goes on to validation: one rule for the places that ask.

use crate::mapping::{Mapped, MappingSet, Warning};

/// The code of the warning that a record carries for which no item wrote a value. It is the record's, not an item's.
pub const NOTHING_WRITTEN: &str = "nothing-written";

/// Why a record fails with its mapping, before anything is validated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("no mapping item wrote a value")]
    NothingWritten,
    /// The first of the warnings that a strict set does not allow.
    #[error("the mapping set is strict: {0}")]
    Strict(String),
}

impl MappingSet {
    /// Why a record fails that was mapped as this. A strict set allows no warning. A record for which no item wrote a value
    /// goes on as an empty object, with the warning [`NOTHING_WRITTEN`], unless `fail_unmapped` is set for its flow.
    pub fn refusal(&self, mapped: &Mapped<'_>, fail_unmapped: bool) -> Option<Refusal> {
        if self.options().strict && !mapped.warnings.is_empty() {
            return Some(Refusal::Strict(shown(&mapped.warnings)));
        }
        (fail_unmapped && mapped.written == 0).then_some(Refusal::NothingWritten)
    }
}

fn shown(warnings: &[Warning]) -> String {
    const SHOWN: usize = 3;
    let mut text: Vec<String> = warnings.iter().take(SHOWN).map(Warning::to_string).collect();
    if let Some(more) = warnings.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        text.push(format!("and {more} more"));
    }
    text.join("; ")
}
