//! From what a source yields to what the destination's type holds.
//!
//! A failure inside an object or array is confined to the field or element in which it happens. Patterns, ranges and
//! the like are not looked at: validation does that afterwards.

use std::borrow::Cow;

use vocab::Json;
use vocab::json::Object;
use xdm::{Field, ObjectType, Type};

use crate::budget::Budget;
use crate::date;
use crate::failure::{Failure, excerpt};
use crate::switches::{BooleanSpellings, ScalarIntoObject, Switches};
use crate::value::{Value, parse_number};

/// Where inside the destination a value goes.
#[derive(Clone, Copy)]
pub(crate) enum Place<'p> {
    Top,
    Member(&'p Place<'p>, &'p str),
    Element(&'p Place<'p>, usize),
}

impl Place<'_> {
    /// The way from the destination to here: `.a[2]`.
    fn write(&self, out: &mut String) {
        match self {
            Place::Top => {}
            Place::Member(parent, name) => {
                parent.write(out);
                out.push('.');
                out.push_str(name);
            }
            Place::Element(parent, at) => {
                parent.write(out);
                out.push_str(&format!("[{at}]"));
            }
        }
    }
}

/// Something to report about a part of the destination.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Note {
    /// Which elements the wildcards of the destination meant, as far as one is concerned.
    pub(crate) at: Vec<usize>,
    /// The way from the destination to the part; empty for the destination itself.
    pub(crate) below: String,
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

/// One conversion and what it has to report.
pub(crate) struct Coercion<'c> {
    pub(crate) budget: &'c Budget,
    pub(crate) notes: Vec<Note>,
    /// The name of the source's last field: where the destination is an object, a scalar goes below that name.
    pub(crate) leaf: Option<&'c str>,
    /// Which elements the wildcards of the destination mean just now.
    pub(crate) at: Vec<usize>,
    /// How many notes may still be made.
    pub(crate) notes_left: usize,
    /// Whether every value is taken as it is.
    pub(crate) free: bool,
    /// Whether a null is written rather than left out.
    pub(crate) nulls: bool,
}

type Coerced<'a> = Result<Option<Json<'a>>, Failure>;

impl<'c> Coercion<'c> {
    pub(crate) fn new(budget: &'c Budget, leaf: Option<&'c str>, notes_left: usize) -> Self {
        Self { budget, notes: Vec::new(), leaf, at: Vec::new(), notes_left, free: false, nulls: false }
    }

    pub(crate) fn note(&mut self, place: &Place<'_>, code: &'static str, message: String) {
        if self.notes.len() < self.notes_left {
            let mut below = String::new();
            place.write(&mut below);
            self.notes.push(Note { at: self.at.clone(), below, code, message });
        }
    }

    /// Converts a value; none when there is nothing to write.
    pub(crate) fn convert<'a>(&mut self, given: Value<'a>, ty: &Type, place: &Place<'_>) -> Coerced<'a> {
        if given.is_null() {
            return Ok(self.nulls.then_some(Json::Null));
        }
        self.budget.room(1)?;
        match ty {
            _ if self.free => self.whole(given),
            Type::String => self.string(given),
            Type::Boolean => boolean(&given, &self.budget.switches).map(Some),
            Type::Byte | Type::Short | Type::Int | Type::Long => integer(&given, ty).map(Some),
            Type::Double => double(&given).map(Some),
            Type::DateTime => self.date_time(given),
            Type::Date => self.date(&given),
            // An object of which the schema names no fields is taken as it is.
            Type::Json if given.is_object() => self.whole(given),
            Type::Json => Err(failed(&given, "an object", "")),
            Type::Object(object) => self.object(given, object, place),
            Type::Array(item) => self.array(given, item, place),
            Type::Map(value) => self.map(given, value, place),
        }
    }

    fn whole<'a>(&mut self, given: Value<'a>) -> Coerced<'a> {
        let json = given.into_json(self.budget)?;
        self.budget.room(size(&json))?;
        Ok(Some(json))
    }

    fn text<'a>(&mut self, text: Cow<'a, str>) -> Coerced<'a> {
        self.budget.room(text.len())?;
        Ok(Some(Json::String(text)))
    }

    fn string<'a>(&mut self, given: Value<'a>) -> Coerced<'a> {
        if given.is_array() || given.is_object() {
            return Err(failed(&given, "a string", ": use join or array_to_string"));
        }
        self.text(given.into_text().unwrap_or_default())
    }

    fn date_time<'a>(&mut self, given: Value<'a>) -> Coerced<'a> {
        let found = match &given {
            Value::Text(text) if date::is_canonical_utc(text) => return self.string(given),
            Value::Text(text) => date::read(text, &self.budget.switches)?,
            Value::Date(date) => date.as_ref().clone(),
            Value::Integer(millis) => date::from_millis(*millis)?,
            Value::Decimal(value) if value.fract() == 0.0 && value.abs() < 9e15 => {
                date::from_millis(*value as i64)?
            }
            other => return Err(failed(other, "a date and time", "")),
        };
        let found = date::to_utc(&found);
        if !(1..=9999).contains(&found.year()) {
            return Err(failed(&given, "a date and time", ": it is outside the years 1 to 9999"));
        }
        self.text(Cow::Owned(date::canonical(&found)))
    }

    fn date<'a>(&mut self, given: &Value<'a>) -> Coerced<'a> {
        let day = match given {
            Value::Text(text) => date::calendar(&date::read(text, &self.budget.switches)?),
            Value::Date(date) => date::calendar(date),
            other => return Err(failed(other, "a date", "")),
        };
        self.text(Cow::Owned(day))
    }

    /// Object copy: every member that the schema knows by the same name, at every level.
    fn object<'a>(&mut self, given: Value<'a>, object: &ObjectType, place: &Place<'_>) -> Coerced<'a> {
        let Some(members) = given.members(self.budget)? else {
            return self.below_leaf(given, object, place);
        };
        let mut made = Vec::new();
        for (name, value) in members {
            let Some(field) = object.get(&name) else {
                continue;
            };
            let below = Place::Member(place, &name);
            if let Some(value) = self.confined(value, &field.ty, &below)? {
                self.budget.room(name.len())?;
                made.push((name, value));
            }
        }
        Ok(Some(Json::Object(Object(made))))
    }

    /// A scalar into an object goes below the name that it had in the source.
    fn below_leaf<'a>(&mut self, given: Value<'a>, object: &ObjectType, place: &Place<'_>) -> Coerced<'a> {
        let nests = !given.is_array() && self.budget.switches.scalar_into_object == ScalarIntoObject::Nest;
        let Some(field) = self.leaf.filter(|_| nests).and_then(|leaf| object.get(leaf)) else {
            return Err(failed(&given, "an object", ""));
        };
        let below = Place::Member(place, &field.name);
        let value = self.convert(given, &field.ty, &below)?;
        Ok(value.map(|value| Json::Object(Object(vec![(Cow::Owned(field.name.clone()), value)]))))
    }

    fn array<'a>(&mut self, given: Value<'a>, item: &Field, place: &Place<'_>) -> Coerced<'a> {
        let Some(items) = given.elements(self.budget)? else {
            let only = self.convert(given, &item.ty, &Place::Element(place, 0))?;
            if only.is_some() {
                self.note(
                    place,
                    "single-into-array",
                    "a single value was put into an array of its own".to_owned(),
                );
            }
            return Ok(only.map(|only| Json::Array(vec![only])));
        };
        let mut made = Vec::with_capacity(items.len());
        for (at, value) in items.into_iter().enumerate() {
            if value.is_null() {
                self.budget.room(1)?;
                made.push(Json::Null);
            } else if let Some(value) = self.element(value, &item.ty, &Place::Element(place, at))? {
                made.push(value);
            }
        }
        Ok(Some(Json::Array(made)))
    }

    fn map<'a>(&mut self, given: Value<'a>, value_field: &Field, place: &Place<'_>) -> Coerced<'a> {
        let Some(members) = given.members(self.budget)? else {
            return Err(failed(&given, "a map", ""));
        };
        let mut made = Vec::new();
        for (name, value) in members {
            if let Some(value) = self.confined(value, &value_field.ty, &Place::Member(place, &name))? {
                self.budget.room(name.len())?;
                made.push((name, value));
            }
        }
        Ok(Some(Json::Object(Object(made))))
    }

    /// Converts a member; a failure is noted and leaves the member out. An object of which nothing was copied is left
    /// out too.
    fn confined<'a>(&mut self, value: Value<'a>, ty: &Type, place: &Place<'_>) -> Coerced<'a> {
        Ok(self.element(value, ty, place)?.filter(|made| !is_hollow(made, ty)))
    }

    /// Converts an element; a failure is noted and leaves the element out.
    fn element<'a>(&mut self, value: Value<'a>, ty: &Type, place: &Place<'_>) -> Coerced<'a> {
        match self.convert(value, ty, place) {
            Ok(made) => Ok(made),
            // What is spent is spent for all fields alike.
            Err(failure @ (Failure::Fuel | Failure::RecordTooLarge)) => Err(failure),
            Err(failure) => {
                self.note(place, failure.code(), failure.to_string());
                Ok(None)
            }
        }
    }
}

/// Whether this is an object with known fields and none of them.
pub(crate) fn is_hollow(made: &Json<'_>, ty: &Type) -> bool {
    matches!(ty, Type::Object(_)) && made.as_object().is_some_and(Object::is_empty)
}

/// Bytes of a value's JSON, roughly.
pub(crate) fn size(json: &Json<'_>) -> usize {
    match json {
        Json::String(text) => 2 + text.len(),
        Json::Array(items) => items.iter().map(|item| 1 + size(item)).sum(),
        Json::Object(object) => object.iter().map(|(key, value)| 4 + key.len() + size(value)).sum(),
        _ => 1,
    }
}

fn failed(found: &Value<'_>, wanted: &'static str, detail: &str) -> Failure {
    let found = match found {
        Value::Null | Value::Nullify => "null".to_owned(),
        Value::Text(text) => excerpt(text),
        other if other.is_array() || other.is_object() => other.kind().to_owned(),
        scalar => scalar.clone().into_text().unwrap_or_default().into_owned(),
    };
    Failure::Coercion { found, wanted, detail: detail.to_owned() }
}

/// The documented spellings and no others, unless a switch lets them be written in any case.
fn boolean<'a>(given: &Value<'_>, switches: &Switches) -> Result<Json<'a>, Failure> {
    const TRUE: &[&str] = &["y", "yes", "Y", "YES", "on", "ON", "true", "TRUE"];
    const FALSE: &[&str] = &["n", "N", "no", "NO", "off", "OFF", "false", "FALSE"];
    let is = |known: &[&str], text: &str| match switches.boolean_spellings {
        BooleanSpellings::Documented => known.contains(&text),
        BooleanSpellings::AnyCase => known.iter().any(|known| known.eq_ignore_ascii_case(text)),
    };
    match given {
        Value::Boolean(value) => Ok(Json::Bool(*value)),
        Value::Integer(value @ (0 | 1)) => Ok(Json::Bool(*value == 1)),
        Value::Decimal(value) if *value == 0.0 || *value == 1.0 => Ok(Json::Bool(*value == 1.0)),
        Value::Text(text) if is(TRUE, text) => Ok(Json::Bool(true)),
        Value::Text(text) if is(FALSE, text) => Ok(Json::Bool(false)),
        other => Err(failed(other, "a boolean", "")),
    }
}

fn integer<'a>(given: &Value<'_>, ty: &Type) -> Result<Json<'a>, Failure> {
    let value = match given {
        Value::Text(text) => parse_number(whole_part(text.trim())),
        Value::Exact(digits) => parse_number(whole_part(digits)),
        other => Some(other.clone()),
    };
    let value = match value {
        Some(Value::Integer(value)) => Some(i128::from(value)),
        Some(Value::Big(value)) => Some(value),
        Some(Value::Decimal(value)) => whole(value),
        _ => None,
    };
    let value = value.ok_or_else(|| failed(given, "an integer", ""))?;
    let (low, high) = ty.integer_range().unwrap_or((i64::MIN, i64::MAX));
    match i64::try_from(value) {
        Ok(value) if (low..=high).contains(&value) => Ok(Json::Int(value)),
        _ => Err(failed(given, "an integer", &format!(": it is outside {low} to {high}"))),
    }
}

/// A number without its fraction when that is zero, so that digits beyond a decimal's precision stay.
fn whole_part(text: &str) -> &str {
    match text.split_once('.') {
        Some((whole, fraction))
            if !whole.is_empty() && !fraction.is_empty() && fraction.bytes().all(|b| b == b'0') =>
        {
            whole
        }
        _ => text,
    }
}

fn whole(value: f64) -> Option<i128> {
    (value.fract() == 0.0 && value.abs() < 1e30).then_some(value as i128)
}

fn double<'a>(given: &Value<'_>) -> Result<Json<'a>, Failure> {
    let value = match given {
        Value::Text(text) => parse_number(text),
        Value::Exact(digits) => digits.parse().ok().map(Value::Decimal),
        other => Some(other.clone()),
    };
    match value {
        Some(Value::Integer(value)) => Ok(Json::Int(value)),
        Some(Value::Big(value)) => Ok(Json::Float(value as f64)),
        Some(Value::Decimal(value)) => Ok(Json::Float(value)),
        _ => Err(failed(given, "a number", "")),
    }
}
