//! What a mapping set writes: a place for each destination, filled anew for each record.
//!
//! Where the destinations of a set lie in objects, those objects are known before any record is seen. Only what lies at their
//! ends, values and arrays, is made for a record; [`Written`] shows both as one, so that the validator and the columns
//! read a mapped record of which no tree was built.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::slice;

use vocab::json::Object;
use vocab::{Json, Look, Read};

/// The objects that a set writes, and at their ends the places of its values.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Shape {
    /// The first is the record.
    objects: Vec<Vec<(String, Part)>>,
    values: usize,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Part {
    Object(usize),
    Value(usize),
}

/// Where an item writes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Target {
    /// The place of the value that holds its destination.
    pub(crate) value: usize,
    /// How many names lead to that place.
    pub(crate) names: usize,
}

impl Shape {
    /// The shape for destinations that begin with these names, and where each is written. Where one lies in another, both
    /// are written to the place of the outer one.
    pub(crate) fn new(destinations: &[Vec<&str>]) -> (Self, Vec<Target>) {
        let all: HashSet<&[&str]> = destinations.iter().map(Vec::as_slice).collect();
        let mut shape = Self { objects: vec![Vec::new()], values: 0 };
        let mut known: HashMap<(usize, &str), Part> = HashMap::new();
        let targets = destinations.iter().map(|names| {
            let outer =
                (1..names.len()).find(|length| all.contains(&names[..*length])).unwrap_or(names.len());
            let mut at = 0;
            for (depth, name) in names[..outer].iter().enumerate() {
                let last = depth + 1 == outer;
                let part = *known.entry((at, name)).or_insert_with(|| {
                    let part =
                        if last { Part::Value(shape.values) } else { Part::Object(shape.objects.len()) };
                    match part {
                        Part::Value(_) => shape.values += 1,
                        Part::Object(_) => shape.objects.push(Vec::new()),
                    }
                    shape.objects[at].push(((*name).to_owned(), part));
                    part
                });
                match part {
                    Part::Object(object) => at = object,
                    Part::Value(value) => return Target { value, names: outer },
                }
            }
            // Only what is written nowhere has no name.
            Target::default()
        });
        let targets = targets.collect();
        (shape, targets)
    }

    /// The shape of which every value is made for the record: one tree below each name of the record.
    pub(crate) fn flat(destinations: &[Vec<&str>]) -> (Self, Vec<Target>) {
        Self::new(
            &destinations.iter().map(|names| names.iter().take(1).copied().collect()).collect::<Vec<_>>(),
        )
    }
}

/// The values that were written for one record.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Output<'a> {
    shape: &'a Shape,
    /// None where nothing was written.
    values: Vec<Option<Json<'a>>>,
}

impl<'a> Output<'a> {
    pub(crate) fn new(shape: &'a Shape) -> Self {
        Self { shape, values: vec![None; shape.values] }
    }

    pub(crate) fn value(&self, target: Target) -> Option<&Json<'a>> {
        self.values.get(target.value).and_then(Option::as_ref)
    }

    pub(crate) fn value_mut(&mut self, target: Target) -> &mut Option<Json<'a>> {
        &mut self.values[target.value]
    }

    pub(crate) fn record(&self) -> Written<'_, 'a> {
        Written(Inner::Made(self, 0))
    }

    fn has(&self, part: Part) -> bool {
        match part {
            Part::Value(value) => self.values[value].is_some(),
            Part::Object(object) => self.shape.objects[object].iter().any(|(_, part)| self.has(*part)),
        }
    }

    fn part(&self, part: Part) -> Option<Written<'_, 'a>> {
        match part {
            Part::Value(value) => self.values[value].as_ref().map(|json| Written(Inner::Tree(json))),
            Part::Object(object) => self.has(part).then_some(Written(Inner::Made(self, object))),
        }
    }
}

/// A mapped record, or a value in it.
#[derive(Clone, Copy, Debug)]
pub struct Written<'t, 'a>(Inner<'t, 'a>);

#[derive(Clone, Copy, Debug)]
enum Inner<'t, 'a> {
    Made(&'t Output<'a>, usize),
    Tree(&'t Json<'a>),
}

impl<'t, 'a> Read<'t> for Written<'t, 'a> {
    type Items = Items<'t, 'a>;
    type Members = Members<'t, 'a>;

    const DISTINCT: bool = true;

    fn look(self) -> Look<'t, Self> {
        let json = match self.0 {
            Inner::Made(output, object) => {
                let members = MembersOf::Made(output, output.shape.objects[object].iter());
                return Look::Object(Members(members));
            }
            Inner::Tree(json) => json,
        };
        match json {
            Json::Null => Look::Null,
            Json::Bool(value) => Look::Bool(*value),
            Json::Int(value) => Look::Int(*value),
            Json::Float(value) => Look::Float(*value),
            Json::String(text) => Look::String(text),
            Json::Array(items) => Look::Array(Items(items.iter())),
            Json::Object(object) => Look::Object(Members(MembersOf::Tree(object.0.iter()))),
        }
    }

    fn to_json(self) -> Json<'t> {
        match self.0 {
            Inner::Tree(json) => json.clone(),
            Inner::Made(output, object) => {
                let members = MembersOf::Made(output, output.shape.objects[object].iter());
                let members = Members(members).map(|(name, value)| (Cow::Borrowed(name), value.to_json()));
                Json::Object(Object(members.collect()))
            }
        }
    }
}

/// The items of an array that was written.
pub struct Items<'t, 'a>(slice::Iter<'t, Json<'a>>);

impl<'t, 'a> Iterator for Items<'t, 'a> {
    type Item = Written<'t, 'a>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|item| Written(Inner::Tree(item)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl ExactSizeIterator for Items<'_, '_> {}

/// The members of an object that was written.
pub struct Members<'t, 'a>(MembersOf<'t, 'a>);

enum MembersOf<'t, 'a> {
    Made(&'t Output<'a>, slice::Iter<'t, (String, Part)>),
    Tree(slice::Iter<'t, (Cow<'a, str>, Json<'a>)>),
}

impl<'t, 'a> Iterator for Members<'t, 'a> {
    type Item = (&'t str, Written<'t, 'a>);

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            MembersOf::Made(output, parts) => {
                let output = *output;
                parts.find_map(|(name, part)| Some((name.as_str(), output.part(*part)?)))
            }
            MembersOf::Tree(members) => {
                members.next().map(|(name, value)| (name.as_ref(), Written(Inner::Tree(value))))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destinations_share_objects_and_outer_places() {
        let (shape, targets) = Shape::new(&[
            vec!["a", "b", "c"],
            vec!["d"],
            vec!["a", "b", "e"],
            vec!["d", "x", "y"],
            vec!["d"],
        ]);
        let target = |value, names| Target { value, names };
        assert_eq!(targets, [target(0, 3), target(1, 1), target(2, 3), target(1, 1), target(1, 1)]);
        let mut output = Output::new(&shape);
        assert_eq!(output.record().to_json().to_string(), "{}");
        *output.value_mut(targets[2]) = Some(Json::Int(1));
        *output.value_mut(targets[1]) = Some(Json::parse(br#"[{"z":null}]"#).unwrap());
        assert_eq!(output.record().to_json().to_string(), r#"{"a":{"b":{"e":1}},"d":[{"z":null}]}"#);
        let seen = output.record().get("a").and_then(|a| a.get("b")).and_then(|b| b.get("e"));
        assert!(matches!(seen.map(Read::look), Some(Look::Int(1))));
        assert!(output.record().get("a").and_then(|a| a.get("b")).and_then(|b| b.get("c")).is_none());
    }
}
