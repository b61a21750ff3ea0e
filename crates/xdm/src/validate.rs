//! Validation of a record, with the texts that clients of the vendor's validator parse.
//!
//! Objects are closed: a key that the schema does not know is a violation. A member that is null counts as missing. The
//! texts for unknown keys, wrong types and dates are documented; the others follow the same validator's style.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt::{self, Write as _};

use serde_json::{Value, json};
use vocab::{Json, Look, Read};

use crate::columns::{Cell, Items, Row};
use crate::compile::Schema;
use crate::dates::{parse_date, parse_date_time};
use crate::limits::QUOTED_CHARS_MAX;
use crate::pattern::Mismatch;
use crate::types::{Bound, Constraints, Field, ObjectType, Type};

/// How a date is written, as the vendor's validator tells it.
const DATES: &str = "yyyy-MM-dd";

/// How a date and time is written, as that tells it.
const DATE_TIMES: &str = "yyyy-MM-dd'T'HH:mm:ssZ, yyyy-MM-dd'T'HH:mm:ss.[0-9]{1,9}Z, yyyy-MM-dd'T'HH:mm:ss[+-]HH:mm, \
     yyyy-MM-dd'T'HH:mm:ss.[0-9]{1,9}[+-]HH:mm";

/// What kind of rule was broken, as the metrics of the vendor count them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Category {
    Type,
    Range,
    Format,
    Pattern,
    Presence,
    Enum,
    Unclassified,
}

impl Category {
    pub fn name(self) -> &'static str {
        match self {
            Category::Type => "type",
            Category::Range => "range",
            Category::Format => "format",
            Category::Pattern => "pattern",
            Category::Presence => "presence",
            Category::Enum => "enum",
            Category::Unclassified => "unclassified",
        }
    }

    /// The code of a failed record. 1104, 1105, 1106 and 1111 are the vendor's; the others are neighbours of ours.
    pub fn code(self) -> &'static str {
        match self {
            Category::Type => "DCVS-1104-400",
            Category::Format => "DCVS-1105-400",
            Category::Enum => "DCVS-1106-400",
            Category::Pattern => "DCVS-1107-400",
            Category::Range => "DCVS-1108-400",
            Category::Unclassified => "DCVS-1109-400",
            Category::Presence => "DCVS-1111-400",
        }
    }
}

/// One broken rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    pub category: Category,
    /// See [`Category::code`].
    pub code: &'static str,
    /// The keyword of the schema, such as `required`.
    pub keyword: &'static str,
    pub message: String,
    /// Where in the record: `#/a/b`.
    pub pointer: String,
    /// Where in the schema: `#/properties/a/properties/b`.
    pub schema_location: String,
}

/// The broken rules of a record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Violations {
    pub list: Vec<Violation>,
    /// Whether there were more than were asked for.
    pub truncated: bool,
}

impl Violations {
    pub fn is_empty(&self) -> bool {
        self.list.is_empty() && !self.truncated
    }
}

impl Schema {
    /// Checks a record; stops after `limit` violations.
    pub fn validate<'t, N: Read<'t>>(&self, record: N, limit: usize) -> Violations {
        self.check(record, limit, false)
    }

    /// The same with keys that the schema does not know allowed, unless it says itself that there are no others: how plain
    /// JSON Schema reads it.
    pub fn validate_open<'t, N: Read<'t>>(&self, record: N, limit: usize) -> Violations {
        self.check(record, limit, true)
    }

    fn check<'t, N: Read<'t>>(&self, record: N, limit: usize, open: bool) -> Violations {
        let mut walk = Walk::new(limit, open);
        walk.record(record, self.root(), None);
        // Of a key that is there twice the last counts: a tree has it alone.
        let again = !N::DISTINCT && (walk.repeated || !walk.found.is_empty());
        if again { self.check(&record.to_json(), limit, open) } else { walk.found }
    }
}

/// One step from the root to the value at hand, and those before it.
#[derive(Clone, Copy)]
struct Place<'p> {
    step: Step<'p>,
    parent: Option<&'p Place<'p>>,
}

#[derive(Clone, Copy)]
enum Step<'p> {
    Root,
    Member(&'p str),
    /// A key of a map: data, not a field.
    Key(&'p str),
    Item(usize),
}

impl<'p> Place<'p> {
    const ROOT: Self = Self { step: Step::Root, parent: None };

    fn then(&'p self, step: Step<'p>) -> Self {
        Self { step, parent: Some(self) }
    }

    /// The pointer into the record, and the one into the schema.
    fn pointers(&self) -> (String, String) {
        let (mut pointer, mut schema) = match self.parent {
            Some(parent) => parent.pointers(),
            None => ("#".to_owned(), "#".to_owned()),
        };
        // Writing to a string does not fail.
        let _ = match self.step {
            Step::Root => Ok(()),
            Step::Member(name) => {
                let _ = write!(schema, "/properties/{}", escaped(name));
                write!(pointer, "/{}", escaped(name))
            }
            Step::Key(key) => {
                schema.push_str("/additionalProperties");
                write!(pointer, "/{}", escaped(key))
            }
            Step::Item(at) => {
                schema.push_str("/items");
                write!(pointer, "/{at}")
            }
        };
        (pointer, schema)
    }
}

/// 64 numbers each.
const WORDS: usize = 4;

/// A set of small numbers, on the stack while they are.
#[derive(Default)]
struct Set {
    first: [u64; WORDS],
    others: Vec<u64>,
}

impl Set {
    /// Whether it was not there before.
    #[inline]
    fn insert(&mut self, at: usize) -> bool {
        let word = match self.first.get_mut(at / 64) {
            Some(word) => word,
            None => self.other(at / 64 - WORDS),
        };
        let before = *word;
        *word |= 1 << (at % 64);
        *word != before
    }

    #[cold]
    fn other(&mut self, word: usize) -> &mut u64 {
        if self.others.len() <= word {
            self.others.resize(word + 1, 0);
        }
        &mut self.others[word]
    }

    #[inline]
    fn has(&self, at: usize) -> bool {
        let word = self.first.get(at / 64).or_else(|| self.others.get(at / 64 - WORDS));
        word.is_some_and(|word| word >> (at % 64) & 1 == 1)
    }
}

/// The one walk over a record: checks each value, and sets its cell when there are columns to fill.
pub(crate) struct Walk {
    pub(crate) found: Violations,
    /// Whether an object had a field twice. Only the first was looked at.
    pub(crate) repeated: bool,
    /// About how many bytes the cells take that were set.
    pub(crate) bytes: usize,
    limit: usize,
    /// Whether unknown keys are allowed.
    open: bool,
}

impl Walk {
    pub(crate) fn new(limit: usize, open: bool) -> Self {
        Self { found: Violations::default(), repeated: false, bytes: 0, limit, open }
    }

    pub(crate) fn record<'t, N: Read<'t>>(&mut self, record: N, ty: &ObjectType, row: Option<Row<'_>>) {
        match record.look() {
            Look::Object(members) => self.object::<N>(members, ty, &Place::ROOT, row),
            _ => self.wrong_type("JSONObject", record, &Place::ROOT),
        }
    }

    fn object<'t, N: Read<'t>>(
        &mut self,
        members: N::Members,
        ty: &ObjectType,
        place: &Place<'_>,
        mut row: Option<Row<'_>>,
    ) {
        // The fields that were named, and of these the ones that have no value: null is none.
        let (mut named, mut nulls) = (Set::default(), Set::default());
        let mut before = None;
        for (name, value) in members {
            if self.found.truncated {
                return;
            }
            match ty.find_after(before, name) {
                None if self.open && !ty.closed => {}
                None => {
                    let text = format!("extraneous key [{}] is not permitted", quoted(name));
                    self.report(Category::Unclassified, "additionalProperties", text, place);
                }
                Some((at, field)) => {
                    before = Some(at);
                    if !named.insert(at) {
                        // Whoever asked looks again at the tree, in which it is there once.
                        self.repeated = true;
                    } else if value.is_null() {
                        nulls.insert(at);
                    } else {
                        let cell = row.as_mut().map(|row| row.cell(at));
                        self.value(value, field, &place.then(Step::Member(&field.name)), cell);
                    }
                }
            }
        }
        for at in &ty.required {
            if !named.has(*at) || nulls.has(*at) {
                let text = format!("required key [{}] not found", ty.fields[*at].name);
                self.report(Category::Presence, "required", text, place);
            }
        }
    }

    #[inline]
    fn value<'t, N: Read<'t>>(&mut self, value: N, field: &Field, place: &Place<'_>, cell: Option<Cell<'_>>) {
        let constraints = field.constraints.as_deref();
        self.bytes += 8;
        let fits = match &field.ty {
            Type::String => self.string(value, constraints, place, cell),
            Type::Date | Type::DateTime => self.time(value, &field.ty, place, cell),
            Type::Boolean => match value.look() {
                Look::Bool(value) => {
                    if let Some(cell) = cell {
                        cell.boolean(value);
                    }
                    true
                }
                _ => false,
            },
            Type::Json => self.json(value, cell),
            Type::Object(ty) => match value.look() {
                Look::Object(members) => {
                    self.object::<N>(members, ty, place, cell.and_then(Cell::object));
                    true
                }
                _ => false,
            },
            Type::Array(item) => match value.look() {
                Look::Array(items) => {
                    self.array::<N>(value, items, item, constraints, place, cell.and_then(Cell::list));
                    true
                }
                _ => false,
            },
            Type::Map(ty) => match value.look() {
                Look::Object(members) => {
                    self.map::<N>(members, ty, place, cell.and_then(Cell::map));
                    true
                }
                _ => false,
            },
            ty @ (Type::Byte | Type::Short | Type::Int | Type::Long | Type::Double) => {
                match Number::of(value) {
                    Some(number) => {
                        self.number(number, ty, constraints, place, cell);
                        true
                    }
                    None => false,
                }
            }
        };
        if !fits {
            return self.wrong_type(expected(&field.ty), value, place);
        }
        if let Some(allowed) = constraints.and_then(|constraints| constraints.allowed.as_ref()) {
            self.allowed(value, allowed, place);
        }
    }

    /// Whether the value is a text.
    #[inline]
    fn string<'t, N: Read<'t>>(
        &mut self,
        value: N,
        constraints: Option<&Constraints>,
        place: &Place<'_>,
        cell: Option<Cell<'_>>,
    ) -> bool {
        let Some(text) = value.as_str() else { return false };
        self.bytes += text.len();
        if let Some(constraints) = constraints {
            self.text(text, constraints, place);
        }
        if let Some(cell) = cell {
            cell.text(text);
        }
        true
    }

    /// Whether the value is a text, which is to be a date or a date-time.
    fn time<'t, N: Read<'t>>(
        &mut self,
        value: N,
        ty: &Type,
        place: &Place<'_>,
        cell: Option<Cell<'_>>,
    ) -> bool {
        let Some(text) = value.as_str() else { return false };
        if let Type::Date = ty {
            match (parse_date(text), cell) {
                (Some(days), Some(cell)) => cell.date(days),
                (Some(_), None) => {}
                (None, _) => self.wrong_format(text, "date", DATES, place),
            }
        } else {
            match (parse_date_time(text), cell) {
                (Some(micros), Some(cell)) => cell.date_time(micros),
                (Some(_), None) => {}
                (None, _) => self.wrong_format(text, "date-time", DATE_TIMES, place),
            }
        }
        true
    }

    /// Whether the value is an object, which is kept as text.
    fn json<'t, N: Read<'t>>(&mut self, value: N, cell: Option<Cell<'_>>) -> bool {
        if !value.is_object() {
            return false;
        }
        if let Some(cell) = cell {
            let text = value.to_json().to_string();
            self.bytes += text.len();
            cell.text(&text);
        }
        true
    }

    fn text(&mut self, text: &str, constraints: &Constraints, place: &Place<'_>) {
        // A text has no more characters than bytes, and no fewer than a quarter of them.
        if constraints.min_length.is_some_and(|least| text.len() / 4 < least)
            || constraints.max_length.is_some_and(|most| text.len() > most)
        {
            let length = text.chars().count();
            if let Some(least) = constraints.min_length.filter(|least| length < *least) {
                let text = format!("expected minLength: {least}, actual: {length}");
                self.report(Category::Range, "minLength", text, place);
            }
            if let Some(most) = constraints.max_length.filter(|most| length > *most) {
                let text = format!("expected maxLength: {most}, actual: {length}");
                self.report(Category::Range, "maxLength", text, place);
            }
        }
        if constraints.not_empty && text.is_empty() {
            self.report(Category::Range, "minLength", "expected minLength: 1, actual: 0".to_owned(), place);
        }
        if let Some(pattern) = &constraints.pattern
            && let Err(mismatch) = pattern.find_in(text)
        {
            let why = match mismatch {
                Mismatch::Other => String::new(),
                Mismatch::TooLong(longest) => format!(", which is tried on {longest} bytes at most"),
                Mismatch::TooHard => ", which takes too many steps on it".to_owned(),
            };
            let text = format!("string [{}] does not match pattern {}{why}", quoted(text), pattern.text);
            self.report(Category::Pattern, "pattern", text, place);
        }
        if let Some(format) = &constraints.format
            && !has_format(text, format)
        {
            let text = format!("[{}] is not a valid {format}", quoted(text));
            self.report(Category::Format, "format", text, place);
        }
    }

    fn number(
        &mut self,
        number: Number,
        ty: &Type,
        constraints: Option<&Constraints>,
        place: &Place<'_>,
        cell: Option<Cell<'_>>,
    ) {
        let Some(range) = ty.integer_range() else {
            self.range(number, constraints, place);
            if let Some(cell) = cell {
                cell.double(number.to_f64());
            }
            return;
        };
        let Some(integer) = self.integer(number, range, place) else { return };
        self.range(number, constraints, place);
        if let Some(cell) = cell {
            cell.integer(integer);
        }
    }

    /// The integer, when the type can hold it.
    fn integer(&mut self, number: Number, (low, high): (i64, i64), place: &Place<'_>) -> Option<i64> {
        let too_low = |number: String| format!("{number} is not greater or equal to {low}");
        let too_high = |number: String| format!("{number} is not less or equal to {high}");
        let integer = match number {
            Number::Int(integer) => integer,
            // `5.0` is an integer.
            Number::Float(float) if float.fract() == 0.0 && float.abs() < 9.2e18 => float as i64,
            Number::Float(float) if float.fract() != 0.0 => {
                self.report_type("Integer", "Double", place);
                return None;
            }
            Number::Float(float) if float < 0.0 => {
                self.report(Category::Range, "minimum", too_low(number.to_string()), place);
                return None;
            }
            Number::Float(_) => {
                self.report(Category::Range, "maximum", too_high(number.to_string()), place);
                return None;
            }
        };
        if integer < low {
            self.report(Category::Range, "minimum", too_low(integer.to_string()), place);
            return None;
        }
        if integer > high {
            self.report(Category::Range, "maximum", too_high(integer.to_string()), place);
            return None;
        }
        Some(integer)
    }

    fn range(&mut self, value: Number, constraints: Option<&Constraints>, place: &Place<'_>) {
        let Some(constraints) = constraints else { return };
        let number = value.to_f64();
        if let Some(Bound { value: low, exclusive }) = constraints.minimum
            && (number < low || (exclusive && number <= low))
        {
            let (keyword, relation) = if exclusive {
                ("exclusiveMinimum", "greater than")
            } else {
                ("minimum", "greater or equal to")
            };
            let text = format!("{value} is not {relation} {}", plain(low));
            self.report(Category::Range, keyword, text, place);
        }
        if let Some(Bound { value: high, exclusive }) = constraints.maximum
            && (number > high || (exclusive && number >= high))
        {
            let (keyword, relation) =
                if exclusive { ("exclusiveMaximum", "less than") } else { ("maximum", "less or equal to") };
            let text = format!("{value} is not {relation} {}", plain(high));
            self.report(Category::Range, keyword, text, place);
        }
    }

    fn array<'t, N: Read<'t>>(
        &mut self,
        list: N,
        items: N::Items,
        item: &Field,
        constraints: Option<&Constraints>,
        place: &Place<'_>,
        mut cells: Option<Items<'_>>,
    ) {
        if let Some(constraints) = constraints {
            self.items(list, items.len(), constraints, place);
        }
        for (at, value) in items.enumerate() {
            if self.found.truncated {
                return;
            }
            let cell = cells.as_mut().map(Items::item);
            // A hole in an array is a missing value, as a null member is.
            if !value.is_null() {
                self.value(value, item, &place.then(Step::Item(at)), cell);
            }
        }
    }

    fn items<'t, N: Read<'t>>(
        &mut self,
        list: N,
        count: usize,
        constraints: &Constraints,
        place: &Place<'_>,
    ) {
        if let Some(least) = constraints.min_items.filter(|least| count < *least) {
            let text = format!("expected minimum item count: {least}, found: {count}");
            self.report(Category::Range, "minItems", text, place);
        }
        if let Some(most) = constraints.max_items.filter(|most| count > *most) {
            let text = format!("expected maximum item count: {most}, found: {count}");
            self.report(Category::Range, "maxItems", text, place);
        }
        if constraints.unique_items && has_equal(&list.to_json()) {
            let text = "array items are not unique".to_owned();
            self.report(Category::Unclassified, "uniqueItems", text, place);
        }
    }

    fn map<'t, N: Read<'t>>(
        &mut self,
        members: N::Members,
        ty: &Field,
        place: &Place<'_>,
        mut cells: Option<Items<'_>>,
    ) {
        // Keys are data here: there is no list of fields that would show one that is there twice.
        let mut keys = Keys::default();
        for (key, value) in members {
            if self.found.truncated {
                return;
            }
            self.repeated |= !N::DISTINCT && !keys.insert(key);
            if !value.is_null() {
                self.bytes += key.len() + 4;
                let cell = cells.as_mut().map(|cells| cells.entry(key));
                self.value(value, ty, &place.then(Step::Key(key)), cell);
            }
        }
    }

    fn allowed<'t, N: Read<'t>>(&mut self, value: N, allowed: &[Value], place: &Place<'_>) {
        let known = match value.look() {
            Look::String(text) => allowed.iter().any(|known| known == text),
            _ => {
                let value = value.to_json();
                allowed.iter().any(|known| equal(known, &value))
            }
        };
        if !known {
            let shown = match value.look() {
                Look::String(text) => quoted(text),
                _ => quoted(&value.to_json().to_string()),
            };
            self.report(Category::Enum, "enum", format!("{shown} is not a valid enum value"), place);
        }
    }

    #[cold]
    fn wrong_type<'t, N: Read<'t>>(&mut self, expected: &str, found: N, place: &Place<'_>) {
        let found = match found.look() {
            Look::Null => "Null",
            Look::Bool(_) => "Boolean",
            Look::Int(_) => "Long",
            Look::Float(_) => "Double",
            Look::String(_) => "String",
            Look::Array(_) => "JSONArray",
            Look::Object(_) => "JSONObject",
        };
        self.report_type(expected, found, place);
    }

    #[cold]
    fn wrong_format(&mut self, text: &str, format: &str, expected: &str, place: &Place<'_>) {
        let text = format!("[{}] is not a valid {format}. Expected [{expected}]", quoted(text));
        self.report(Category::Format, "format", text, place);
    }

    #[cold]
    fn report_type(&mut self, expected: &str, found: &str, place: &Place<'_>) {
        let text = format!("expected type: {expected}, found: {found}");
        self.report(Category::Type, "type", text, place);
    }

    #[cold]
    fn report(&mut self, category: Category, keyword: &'static str, message: String, place: &Place<'_>) {
        if self.found.list.len() >= self.limit {
            self.found.truncated = true;
            return;
        }
        let (pointer, schema_location) = place.pointers();
        let code = category.code();
        self.found.list.push(Violation { category, code, keyword, message, pointer, schema_location });
    }
}

/// A number as it was written: its text is part of what is reported.
#[derive(Clone, Copy)]
enum Number {
    Int(i64),
    Float(f64),
}

impl Number {
    #[inline]
    fn of<'t, N: Read<'t>>(value: N) -> Option<Self> {
        match value.look() {
            Look::Int(number) => Some(Number::Int(number)),
            Look::Float(number) => Some(Number::Float(number)),
            _ => None,
        }
    }

    fn to_f64(self) -> f64 {
        match self {
            Number::Int(value) => value as f64,
            Number::Float(value) => value,
        }
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Number::Int(value) => Json::Int(*value).fmt(f),
            Number::Float(value) => Json::Float(*value).fmt(f),
        }
    }
}

/// Keys that were seen; the first few are kept without memory of their own.
#[derive(Default)]
struct Keys<'t> {
    first: [Option<&'t str>; 4],
    others: HashSet<&'t str>,
}

impl<'t> Keys<'t> {
    /// Whether it was not there before.
    fn insert(&mut self, key: &'t str) -> bool {
        for known in &mut self.first {
            match known {
                Some(known) if *known == key => return false,
                Some(_) => {}
                None => {
                    *known = Some(key);
                    return true;
                }
            }
        }
        self.others.insert(key)
    }
}

/// The name that the vendor's validator has for a type: those of Java.
fn expected(ty: &Type) -> &'static str {
    match ty {
        Type::String | Type::Date | Type::DateTime => "String",
        Type::Boolean => "Boolean",
        Type::Byte | Type::Short | Type::Int | Type::Long => "Integer",
        Type::Double => "Number",
        Type::Json | Type::Object(_) | Type::Map(_) => "JSONObject",
        Type::Array(_) => "JSONArray",
    }
}

fn has_format(text: &str, format: &str) -> bool {
    match format {
        "email" => text.split_once('@').is_some_and(|(user, host)| {
            !user.is_empty() && !host.is_empty() && !host.contains('@') && !text.contains(char::is_whitespace)
        }),
        "ipv4" => text.parse::<std::net::Ipv4Addr>().is_ok(),
        "ipv6" => text.parse::<std::net::Ipv6Addr>().is_ok(),
        // A scheme, a colon, and no blanks; relative references are anything without blanks.
        "uri" => text.split_once(':').is_some_and(|(scheme, rest)| {
            scheme.starts_with(|first: char| first.is_ascii_alphabetic())
                && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
                && !rest.contains(char::is_whitespace)
        }),
        "uri-reference" => !text.contains(char::is_whitespace),
        _ => true,
    }
}

fn equal(known: &Value, value: &Json<'_>) -> bool {
    match (known, value) {
        (Value::String(known), Json::String(text)) => known == text,
        (Value::Bool(known), Json::Bool(value)) => known == value,
        (Value::Number(known), Json::Int(value)) => known.as_f64() == Some(*value as f64),
        (Value::Number(known), Json::Float(value)) => known.as_f64() == Some(*value),
        (Value::Array(known), Json::Array(items)) => {
            known.len() == items.len() && known.iter().zip(items).all(|(known, item)| equal(known, item))
        }
        (Value::Object(known), Json::Object(members)) => {
            known.len() == members.len()
                && members
                    .iter()
                    .all(|(name, value)| known.get(name).is_some_and(|known| equal(known, value)))
        }
        _ => false,
    }
}

/// Whether two items of a list are the same: by their text, so that long lists stay cheap, with numbers and the members of
/// objects in one form.
fn has_equal(list: &Json<'_>) -> bool {
    let mut seen = HashSet::new();
    list.as_array().is_some_and(|items| items.iter().any(|item| !seen.insert(canonical(item).to_string())))
}

/// The same value with numbers as floats and members in order.
fn canonical<'j>(value: &'j Json<'_>) -> Json<'j> {
    match value {
        Json::Int(value) if value.unsigned_abs() < 1 << 53 => Json::Float(*value as f64),
        Json::Array(items) => Json::Array(items.iter().map(canonical).collect()),
        Json::Object(object) => {
            let mut members: Vec<_> =
                object.iter().map(|(name, value)| (Cow::Borrowed(name), canonical(value))).collect();
            members.sort_by(|(a, _), (b, _)| a.cmp(b));
            Json::Object(vocab::json::Object(members))
        }
        other => other.clone(),
    }
}

/// A number without a fraction that says nothing.
fn plain(number: f64) -> String {
    if number.fract() == 0.0 && number.abs() < 1e15 {
        format!("{}", number as i64)
    } else {
        number.to_string()
    }
}

/// The beginning of a client's text; a violation does not repeat a whole record.
fn quoted(text: &str) -> String {
    match text.char_indices().nth(QUOTED_CHARS_MAX) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

fn escaped(step: &str) -> String {
    if step.contains(['~', '/']) { step.replace('~', "~0").replace('/', "~1") } else { step.to_owned() }
}

/// The documented shape of violations: the array under `_streamingValidation`. Several share a parent without a keyword; a
/// single one stands alone.
pub fn streaming_validation(violations: &[Violation]) -> Value {
    let node = |violation: &Violation| {
        json!({
            "schemaLocation": violation.schema_location,
            "pointerToViolation": violation.pointer,
            "causingExceptions": [],
            "keyword": violation.keyword,
            "message": violation.message
        })
    };
    match violations {
        [] => json!([]),
        [one] => json!([node(one)]),
        many => json!([{
            "schemaLocation": "#",
            "pointerToViolation": "#",
            "causingExceptions": many.iter().map(node).collect::<Vec<_>>(),
            "message": format!("{} schema violations found", many.len())
        }]),
    }
}
