//! The tree of a compiled schema.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;

use crate::names::FieldPath;
use crate::pattern::Pattern;

/// What a schema describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behavior {
    Record,
    TimeSeries,
    Adhoc,
}

/// The type of a value.
#[derive(Clone, Debug)]
pub enum Type {
    String,
    Boolean,
    /// Stored as an int.
    Byte,
    /// Stored as an int.
    Short,
    Int,
    Long,
    Double,
    Date,
    DateTime,
    /// An object without known fields: stored as JSON text.
    Json,
    Object(Box<ObjectType>),
    /// The field of each item; its name is `element`.
    Array(Box<Field>),
    /// The field of each value; its name is `value`. Keys are strings.
    Map(Box<Field>),
}

/// The fields of an object, in schema order.
#[derive(Clone, Debug, Default)]
pub struct ObjectType {
    pub fields: Vec<Field>,
    /// The positions of fields that must be there, in the order of the schema's list.
    pub required: Vec<usize>,
    /// Whether the schema itself says `additionalProperties: false`. Ingestion takes every object so.
    pub closed: bool,
    index: HashMap<String, usize, foldhash::fast::FixedState>,
    /// What came behind each field in the first record that had it, and at its place zero what came first.
    followers: Vec<Follower>,
}

/// A position, or none as yet: a schema has far fewer fields. Any thread may set it, and what it says is only tried.
#[derive(Debug)]
struct Follower(AtomicU32);

impl Follower {
    const UNKNOWN: u32 = u32::MAX;
}

impl Default for Follower {
    fn default() -> Self {
        Self(AtomicU32::new(Self::UNKNOWN))
    }
}

impl Clone for Follower {
    fn clone(&self) -> Self {
        Self(AtomicU32::new(self.0.load(Ordering::Relaxed)))
    }
}

/// A field of an object, the item of an array, or the value of a map.
#[derive(Clone, Debug)]
pub struct Field {
    pub name: String,
    pub ty: Type,
    /// `None` when there are none, as of most fields: a walk over a wide schema then touches little memory.
    pub constraints: Option<Box<Constraints>>,
}

/// What a value must satisfy beyond its type.
#[derive(Clone, Debug, Default)]
pub struct Constraints {
    /// The values that are allowed; `None` for any.
    pub allowed: Option<Vec<Value>>,
    pub pattern: Option<Pattern>,
    /// A format that is checked but has no storage type of its own.
    pub format: Option<String>,
    pub minimum: Option<Bound>,
    pub maximum: Option<Bound>,
    pub min_length: Option<usize>,
    pub max_length: Option<usize>,
    pub min_items: Option<usize>,
    pub max_items: Option<usize>,
    pub unique_items: bool,
    /// Whether the empty string is refused: identifiers (xdm guide: empty strings are no values).
    pub not_empty: bool,
}

/// An end of a range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bound {
    pub value: f64,
    pub exclusive: bool,
}

impl Constraints {
    /// Whether everything is allowed.
    pub fn is_empty(&self) -> bool {
        matches!(
            self,
            Constraints {
                allowed: None,
                pattern: None,
                format: None,
                minimum: None,
                maximum: None,
                min_length: None,
                max_length: None,
                min_items: None,
                max_items: None,
                unique_items: false,
                not_empty: false,
            }
        )
    }
}

impl ObjectType {
    /// `required` names fields that must be there; what is no field is left out.
    pub fn new(fields: Vec<Field>, required: &[String], closed: bool) -> Self {
        let index = fields.iter().enumerate().map(|(at, field)| (field.name.clone(), at)).collect();
        let followers = vec![Follower::default(); fields.len() + 1];
        let mut object = Self { fields, required: Vec::new(), closed, index, followers };
        required.iter().for_each(|name| object.require(name));
        object
    }

    /// Makes a field one that must be there.
    pub fn require(&mut self, name: &str) {
        if let Some(at) = self.index.get(name)
            && !self.required.contains(at)
        {
            self.required.push(*at);
        }
    }

    /// The names of the fields that must be there.
    pub fn required_names(&self) -> Vec<&str> {
        self.required.iter().map(|at| self.fields[*at].name.as_str()).collect()
    }

    /// The field of that name.
    pub fn get(&self, name: &str) -> Option<&Field> {
        self.index.get(name).map(|at| &self.fields[*at])
    }

    /// Position and field of that name.
    pub fn find(&self, name: &str) -> Option<(usize, &Field)> {
        self.index.get(name).map(|at| (*at, &self.fields[*at]))
    }

    /// The same for the next member of a record; `before` is the position of the last one. Records of one source keep their
    /// order, so what came there the first time is tried before the name is looked up.
    #[inline]
    pub(crate) fn find_after(&self, before: Option<usize>, name: &str) -> Option<(usize, &Field)> {
        let follower = self.followers.get(before.map_or(0, |at| at + 1))?;
        let expected = follower.0.load(Ordering::Relaxed) as usize;
        if let Some(field) = self.fields.get(expected)
            && field.name == name
        {
            return Some((expected, field));
        }
        let (at, field) = self.find(name)?;
        if expected == Follower::UNKNOWN as usize {
            follower.0.store(at as u32, Ordering::Relaxed);
        }
        Some((at, field))
    }

    /// The field at the end of a path; arrays are stepped into, maps are not.
    pub fn field(&self, path: &FieldPath) -> Option<&Field> {
        let (last, parents) = path.steps().split_last()?;
        let mut object = self;
        for step in parents {
            object = object.get(step)?.ty.object()?;
        }
        object.get(last)
    }
}

impl Type {
    /// The fields of an object, or of the objects in an array.
    pub fn object(&self) -> Option<&ObjectType> {
        match self {
            Type::Object(object) => Some(object),
            Type::Array(item) => item.ty.object(),
            _ => None,
        }
    }

    /// The word of `meta:xdmType`.
    pub fn xdm_type(&self) -> &'static str {
        match self {
            Type::String => "string",
            Type::Boolean => "boolean",
            Type::Byte => "byte",
            Type::Short => "short",
            Type::Int => "int",
            Type::Long => "long",
            Type::Double => "number",
            Type::Date => "date",
            Type::DateTime => "date-time",
            Type::Json | Type::Object(_) => "object",
            Type::Array(_) => "array",
            Type::Map(_) => "map",
        }
    }

    /// The integers that the type stores, when it is an integer type.
    pub fn integer_range(&self) -> Option<(i64, i64)> {
        match self {
            Type::Byte => Some((i8::MIN.into(), i8::MAX.into())),
            Type::Short => Some((i16::MIN.into(), i16::MAX.into())),
            Type::Int => Some((i32::MIN.into(), i32::MAX.into())),
            Type::Long => Some((i64::MIN, i64::MAX)),
            _ => None,
        }
    }
}
