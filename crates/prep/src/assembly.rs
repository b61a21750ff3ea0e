//! What the items of one mapping set share while they are compiled.

use std::cell::RefCell;

use crate::budget::{Budget, Patterns};
use crate::fields::Fields;
use crate::output::{Shape, Target};
use crate::path::SourcePath;
use crate::switches::Switches;

/// The fields that are read, what constant patterns may take, and the work of computing constants ahead.
pub(crate) struct Assembly {
    pub(crate) patterns: Patterns,
    fields: RefCell<Fields>,
    folding: Budget,
    /// Whether nothing is done ahead: every path is followed by itself, and every part is computed for every record.
    naive: bool,
}

impl Assembly {
    pub(crate) fn new(switches: Switches) -> Self {
        Self {
            patterns: Patterns::new(),
            fields: RefCell::default(),
            folding: Budget::new(switches),
            naive: false,
        }
    }

    /// For the tests that hold the compiled plan against the plainest reading of the rules.
    #[cfg(test)]
    pub(crate) fn naive(switches: Switches) -> Self {
        Self { naive: true, ..Self::new(switches) }
    }

    /// The shape of what the set writes, for destinations that begin with these names.
    pub(crate) fn shape(&self, destinations: &[Vec<&str>]) -> (Shape, Vec<Target>) {
        if self.naive { Shape::flat(destinations) } else { Shape::new(destinations) }
    }

    pub(crate) fn switches(&self) -> &Switches {
        &self.folding.switches
    }

    /// The path with its places among the fields of the set.
    pub(crate) fn place(&self, path: SourcePath) -> SourcePath {
        if self.naive { path } else { path.placed(&mut self.fields.borrow_mut()) }
    }

    /// What may be spent on constants.
    pub(crate) fn folding(&self) -> Option<&Budget> {
        (!self.naive).then_some(&self.folding)
    }

    pub(crate) fn into_fields(self) -> Fields {
        self.fields.into_inner()
    }
}
