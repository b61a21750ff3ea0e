//! Destinations: a path checked against the schema when the set is saved, then a place to write to in each record.

use std::borrow::Cow;

use vocab::Json;
use vocab::json::Object;
use xdm::{ObjectType, Type};

use crate::budget::Budget;
use crate::failure::Failure;
use crate::fault::{ExpressionError, Hint};
use crate::limits;
use crate::path::{self, Step};

/// A destination of the schema.
#[derive(Clone, Debug)]
pub(crate) struct Destination {
    pub(crate) slots: Vec<Slot>,
    pub(crate) ty: Type,
    /// Whether any value may stand there, as it is, whatever `ty` says.
    pub(crate) free: bool,
    /// How many `[*]` there are.
    pub(crate) wildcards: usize,
}

/// One step towards the place to write to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    Member(String),
    Element(usize),
    /// Each element in turn; whether they are objects.
    Each {
        objects: bool,
    },
}

/// A destination that cannot be written to.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(crate) enum DestinationError {
    #[error("{0}")]
    Path(#[from] ExpressionError),
    #[error("the schema has no field {path}{hint}")]
    Unknown { path: String, hint: Hint },
    #[error("{path} is of type {ty}, which has no fields")]
    NoFields { path: String, ty: &'static str },
    #[error("{path} is of type {ty} and no array")]
    NoArray { path: String, ty: &'static str },
    #[error("the index {index} is above {max}", max = limits::DESTINATION_INDEX_MAX)]
    Index { index: usize },
}

impl DestinationError {
    pub(crate) fn code(&self) -> &'static str {
        match self {
            DestinationError::Path(error) => error.code(),
            DestinationError::Unknown { .. } => "unknown-destination",
            DestinationError::NoFields { .. }
            | DestinationError::NoArray { .. }
            | DestinationError::Index { .. } => "bad-destination",
        }
    }
}

enum At<'t> {
    Root(&'t ObjectType),
    Type(&'t Type),
}

impl<'t> At<'t> {
    fn object(&self) -> Option<&'t ObjectType> {
        match self {
            At::Root(object) => Some(object),
            At::Type(Type::Object(object)) => Some(object),
            At::Type(_) => None,
        }
    }

    fn word(&self) -> &'static str {
        match self {
            At::Root(_) => "object",
            At::Type(ty) => ty.xdm_type(),
        }
    }
}

impl Destination {
    /// Finds a path in a schema. A field of the objects in an array may be named without `[*]`.
    pub(crate) fn resolve(text: &str, root: &ObjectType) -> Result<Self, DestinationError> {
        let steps = path::steps(text.trim())?;
        let mut slots = Vec::with_capacity(steps.len());
        let mut at = At::Root(root);
        for (done, step) in steps.iter().enumerate() {
            let here = || path::spelling(&steps[..done]);
            let no_array = || DestinationError::NoArray { path: here(), ty: at.word() };
            at = match step {
                Step::Name(name) => {
                    while let At::Type(Type::Array(item)) = at {
                        slots.push(each(&item.ty));
                        at = At::Type(&item.ty);
                    }
                    slots.push(Slot::Member(name.clone()));
                    match (&at, at.object()) {
                        (_, Some(object)) => {
                            At::Type(&member(object, name, || path::spelling(&steps[..=done]))?.ty)
                        }
                        (At::Type(Type::Map(value)), _) => At::Type(&value.ty),
                        _ => return Err(DestinationError::NoFields { path: here(), ty: at.word() }),
                    }
                }
                Step::Index(index) if *index > limits::DESTINATION_INDEX_MAX => {
                    return Err(DestinationError::Index { index: *index });
                }
                Step::Index(_) | Step::Each => {
                    let At::Type(Type::Array(item)) = at else {
                        return Err(no_array());
                    };
                    slots.push(if let Step::Index(index) = step {
                        Slot::Element(*index)
                    } else {
                        each(&item.ty)
                    });
                    At::Type(&item.ty)
                }
            };
        }
        let ty = match at {
            At::Type(ty) => ty.clone(),
            // A path has at least one name, so it has left the root.
            At::Root(object) => Type::Object(Box::new(object.clone())),
        };
        let wildcards = slots.iter().filter(|slot| matches!(slot, Slot::Each { .. })).count();
        Ok(Self { slots, ty, free: false, wildcards })
    }

    /// Where nothing is written.
    pub(crate) fn nowhere() -> Self {
        Self { slots: Vec::new(), ty: Type::Json, free: true, wildcards: 0 }
    }

    /// A destination outside any schema: with a type of its own, or none.
    pub(crate) fn without_schema(text: &str, ty: Option<&Type>) -> Result<Self, DestinationError> {
        let steps = path::steps(text.trim())?;
        let mut slots = Vec::with_capacity(steps.len());
        for (at, step) in steps.iter().enumerate() {
            slots.push(match step {
                Step::Name(name) => Slot::Member(name.clone()),
                Step::Index(index) if *index > limits::DESTINATION_INDEX_MAX => {
                    return Err(DestinationError::Index { index: *index });
                }
                Step::Index(index) => Slot::Element(*index),
                Step::Each => Slot::Each { objects: matches!(steps.get(at + 1), Some(Step::Name(_))) },
            });
        }
        let wildcards = slots.iter().filter(|slot| matches!(slot, Slot::Each { .. })).count();
        Ok(Self { slots, ty: ty.cloned().unwrap_or(Type::Json), free: ty.is_none(), wildcards })
    }
}

impl Slot {
    fn name(&self) -> Option<&str> {
        match self {
            Slot::Member(name) => Some(name),
            Slot::Element(_) | Slot::Each { .. } => None,
        }
    }

    /// About how many bytes of a mapped record the step takes by itself.
    pub(crate) fn bytes(&self) -> usize {
        self.name().map_or(0, |name| name.len() + 4)
    }
}

impl Destination {
    /// The names with which the destination begins.
    pub(crate) fn names(&self) -> Vec<&str> {
        self.slots.iter().map_while(Slot::name).collect()
    }

    /// The destination as text with the elements that its wildcards mean.
    pub(crate) fn spelling(&self, indices: &[usize]) -> String {
        let mut indices = indices.iter();
        let steps = self.slots.iter().map(|slot| match slot {
            Slot::Member(name) => Step::Name(name.clone()),
            Slot::Element(index) => Step::Index(*index),
            Slot::Each { .. } => indices.next().map_or(Step::Each, |index| Step::Index(*index)),
        });
        path::spelling(&steps.collect::<Vec<_>>())
    }
}

fn each(item: &Type) -> Slot {
    Slot::Each { objects: matches!(item, Type::Object(_)) }
}

fn member<'t>(
    object: &'t ObjectType,
    name: &str,
    path: impl Fn() -> String,
) -> Result<&'t xdm::Field, DestinationError> {
    object.get(name).ok_or_else(|| DestinationError::Unknown {
        path: path(),
        hint: Hint::nearest(name, object.fields.iter().map(|field| field.name.as_str())),
    })
}

/// The way to the place of a value, and whether what already stands there stays.
#[derive(Clone, Copy)]
pub(crate) struct Way<'a> {
    pub(crate) slots: &'a [Slot],
    pub(crate) completes: bool,
}

/// Writes a value into a record, parents made as needed. `indices` are the elements meant by the wildcards, in order.
pub(crate) fn write<'a>(
    record: &mut Json<'a>,
    way: Way<'a>,
    indices: &[usize],
    value: Json<'a>,
    budget: &Budget,
) -> Result<(), Failure> {
    let Some((slot, rest)) = way.slots.split_first() else {
        if way.completes {
            return fill(record, value, budget);
        }
        *record = value;
        return Ok(());
    };
    let mut indices = indices;
    let next = match slot {
        Slot::Member(name) => {
            budget.room(slot.bytes())?;
            member_of(record, name)
        }
        Slot::Element(index) => element_of(record, *index, || Json::Null, budget)?,
        Slot::Each { objects } => {
            let Some((index, after)) = indices.split_first() else {
                return Ok(());
            };
            indices = after;
            let empty = || if *objects { Json::Object(Object::default()) } else { Json::Null };
            element_of(record, *index, empty, budget)?
        }
    };
    write(next, Way { slots: rest, ..way }, indices, value, budget)
}

fn member_of<'r, 'a>(json: &'r mut Json<'a>, name: &'a str) -> &'r mut Json<'a> {
    if !matches!(json, Json::Object(_)) {
        *json = Json::Object(Object::default());
    }
    let Json::Object(object) = json else {
        // It was made an object above.
        return json;
    };
    let at = match object.0.iter().position(|(key, _)| key == name) {
        Some(at) => at,
        None => {
            object.0.push((Cow::Borrowed(name), Json::Null));
            object.0.len() - 1
        }
    };
    &mut object.0[at].1
}

fn element_of<'r, 'a>(
    json: &'r mut Json<'a>,
    index: usize,
    empty: impl Fn() -> Json<'a>,
    budget: &Budget,
) -> Result<&'r mut Json<'a>, Failure> {
    if !matches!(json, Json::Array(_)) {
        *json = Json::Array(Vec::new());
    }
    let Json::Array(items) = json else {
        // It was made an array above.
        return Ok(json);
    };
    if items.len() <= index {
        budget.room((index + 1 - items.len()) * 4)?;
        items.resize_with(index + 1, empty);
    }
    Ok(&mut items[index])
}

fn merge<'a>(old: &mut Json<'a>, new: Json<'a>, budget: &Budget) -> Result<(), Failure> {
    match (old, new) {
        (Json::Object(old), Json::Object(new)) => {
            for (name, value) in new.0 {
                budget.touch(old.len())?;
                match old.get_mut(&name) {
                    Some(old) => fill(old, value, budget)?,
                    None => old.0.push((name, value)),
                }
            }
        }
        (Json::Array(old), Json::Array(new)) => {
            for (at, value) in new.into_iter().enumerate() {
                match old.get_mut(at) {
                    Some(old) => fill(old, value, budget)?,
                    None => old.push(value),
                }
            }
        }
        _ => {}
    }
    Ok(())
}

/// Adds what is missing: what another item wrote stays.
fn fill<'a>(old: &mut Json<'a>, new: Json<'a>, budget: &Budget) -> Result<(), Failure> {
    match old {
        Json::Null => *old = new,
        Json::Object(_) | Json::Array(_) => merge(old, new, budget)?,
        _ => {}
    }
    Ok(())
}

/// How many elements stand where the first wildcard behind these indices points.
pub(crate) fn elements(record: &Json<'_>, slots: &[Slot], indices: &[usize]) -> usize {
    let mut at = record;
    let mut indices = indices.iter();
    for slot in slots {
        let next = match slot {
            Slot::Member(name) => at.get(name),
            Slot::Element(index) => at.as_array().and_then(|items| items.get(*index)),
            Slot::Each { .. } => match indices.next() {
                Some(index) => at.as_array().and_then(|items| items.get(*index)),
                None => return at.as_array().map_or(0, <[_]>::len),
            },
        };
        match next {
            Some(next) => at = next,
            None => return 0,
        }
    }
    0
}
