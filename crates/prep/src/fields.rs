//! The fields of the record that a mapping set reads, all found in one walk.
//!
//! The names with which the paths of a set begin make a tree, in which each name has a place. When a record is opened, each
//! of its objects that the tree knows is walked once, and the value at every place is noted: a path that several items read
//! is looked up once, and a thousand paths cost no more than the record has members.

use std::collections::HashMap;

use vocab::{Look, Read};

use crate::budget::Budget;
use crate::limits;
use crate::value::Raw;

/// The tree of names.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields {
    /// The record itself has none, so that a place is a position here.
    places: Vec<Names>,
    top: Names,
}

/// The names below a place, each with its own.
type Names = HashMap<String, usize, foldhash::fast::FixedState>;

/// What is at a place.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reach<'e> {
    Nothing,
    Value(Raw<'e>),
    /// On the way there is an array, behind so many names.
    Array {
        raw: Raw<'e>,
        names: usize,
    },
}

/// A record in which the fields of a set were found.
pub(crate) struct Record<'e> {
    pub(crate) raw: Raw<'e>,
    reached: Vec<Reach<'e>>,
}

impl<'e> Record<'e> {
    pub(crate) fn reach(&self, place: usize) -> Reach<'e> {
        self.reached.get(place).copied().unwrap_or(Reach::Nothing)
    }
}

impl Fields {
    /// The place of the last of these names; none when there are none or too many.
    pub(crate) fn place(&mut self, names: &[&str]) -> Option<usize> {
        let mut at = None;
        for name in names {
            let next = self.places.len();
            let below = match at {
                None => &mut self.top,
                Some(at) => &mut self.places[at],
            };
            at = Some(match below.get(*name) {
                Some(place) => *place,
                None if next >= limits::FIELDS_MAX => return None,
                None => {
                    below.insert((*name).to_owned(), next);
                    self.places.push(Names::default());
                    next
                }
            });
        }
        at
    }

    /// Finds the fields in a record.
    pub(crate) fn open<'e>(&self, raw: Raw<'e>, budget: &Budget) -> Record<'e> {
        let mut reached = vec![Reach::Nothing; self.places.len()];
        let seen = self.find(&self.top, 0, raw, &mut reached);
        // Who has nothing left is told when it does the next step.
        let _ = budget.touch(seen);
        Record { raw, reached }
    }

    /// Notes the fields below a value that so many names lead to. How many members it saw.
    fn find<'e>(&self, below: &Names, names: usize, raw: Raw<'e>, reached: &mut [Reach<'e>]) -> usize {
        if below.is_empty() {
            return 0;
        }
        let mut seen = 0;
        match raw.look() {
            Look::Object(members) => {
                for (name, value) in members {
                    seen += 1;
                    // Of a name that is there twice the last counts.
                    if let Some(place) = below.get(name) {
                        reached[*place] = Reach::Value(value);
                    }
                }
                for place in below.values() {
                    if let Reach::Value(value) = reached[*place] {
                        seen += self.find(&self.places[*place], names + 1, value, reached);
                    }
                }
            }
            Look::Array(_) => self.behind(below, Reach::Array { raw, names }, reached),
            _ => {}
        }
        seen
    }

    /// Notes an array for all fields behind it.
    fn behind<'e>(&self, below: &Names, array: Reach<'e>, reached: &mut [Reach<'e>]) {
        for place in below.values() {
            reached[*place] = array;
            self.behind(&self.places[*place], array, reached);
        }
    }
}

#[cfg(test)]
mod tests {
    use vocab::Tape;

    use super::*;

    #[test]
    fn each_place_has_what_its_names_lead_to() {
        let mut fields = Fields::default();
        let places: Vec<usize> = [&["a"][..], &["a", "b"], &["c", "d", "e"], &["c"], &["z"]]
            .into_iter()
            .map(|names| fields.place(names).unwrap())
            .collect();
        assert_eq!(fields.place(&["a", "b"]), Some(places[1]));
        let text = br#"{"a":{"b":1},"c":{"d":[{"e":2}]},"other":[],"a":{"x":0,"b":3}}"#;
        let (tape, read) = Tape::default().parse(text);
        read.unwrap();
        let record = fields.open(tape.root(), &Budget::new(Default::default()));
        let found = |at: usize| format!("{:?}", record.reach(places[at]));
        assert!(found(0).contains("\"x\""), "the last of two counts: {}", found(0));
        assert_eq!(found(1), "Value(Int(3))");
        assert!(matches!(record.reach(places[2]), Reach::Array { names: 2, .. }));
        assert!(matches!(record.reach(places[4]), Reach::Nothing));
    }

    #[test]
    fn there_are_only_so_many() {
        let mut fields = Fields::default();
        let names: Vec<String> = (0..limits::FIELDS_MAX + 1).map(|at| at.to_string()).collect();
        let placed = names.iter().filter(|name| fields.place(&[name.as_str()]).is_some()).count();
        assert_eq!(placed, limits::FIELDS_MAX);
    }
}
