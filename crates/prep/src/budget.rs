//! The bounded work and size of one record's mapping.

use std::cell::Cell;

use crate::failure::Failure;
use crate::limits;
use crate::switches::Switches;

/// What is left for the record at hand. Nothing is given back when an item fails, so the whole record is bounded.
///
/// It is asked wherever a value is made, and so it also says how the switches stand.
pub(crate) struct Budget {
    pub(crate) switches: Switches,
    fuel: Cell<u64>,
    bytes: Cell<usize>,
    draws: Cell<u64>,
}

impl Budget {
    pub(crate) fn new(switches: Switches) -> Self {
        Self {
            switches,
            fuel: Cell::new(limits::FUEL_PER_RECORD),
            bytes: Cell::new(limits::RECORD_BYTES_MAX),
            draws: Cell::new(0),
        }
    }

    /// The number of a random draw within the record.
    pub(crate) fn draw(&self) -> u64 {
        self.draws.replace(self.draws.get() + 1)
    }

    /// Pays for some steps of work.
    pub(crate) fn work(&self, steps: usize) -> Result<(), Failure> {
        let left = self.fuel.get().checked_sub(steps as u64);
        self.fuel.set(left.unwrap_or(0));
        left.map(|_| ()).ok_or(Failure::Fuel)
    }

    /// Pays for text made or members searched.
    pub(crate) fn touch(&self, bytes: usize) -> Result<(), Failure> {
        self.work(bytes / limits::BYTES_PER_FUEL)
    }

    /// Takes room in the mapped record.
    pub(crate) fn room(&self, bytes: usize) -> Result<(), Failure> {
        // What does not fit takes no room, so that one oversized value does not cost the record its other fields.
        let left = self.bytes.get().checked_sub(bytes).ok_or(Failure::RecordTooLarge)?;
        self.bytes.set(left);
        Ok(())
    }
}

/// What is left for the constant patterns of a mapping set, which live as long as the set.
pub(crate) struct Patterns(Cell<usize>);

impl Patterns {
    pub(crate) fn new() -> Self {
        Self(Cell::new(limits::PATTERNS_BYTES_MAX))
    }

    pub(crate) fn take(&self, bytes: usize) -> Result<(), Failure> {
        let left = self.0.get().checked_sub(bytes);
        self.0.set(left.unwrap_or(0));
        left.map(|_| ()).ok_or(Failure::Patterns)
    }
}
