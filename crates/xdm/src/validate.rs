//! Validation of a record, with the texts that clients of the vendor's validator parse.
//!
//! Objects are closed: a key that the schema does not know is a violation. A member that is null counts as missing. The
//! texts for unknown keys, wrong types and dates are documented; the others follow the same validator's style.

use std::fmt::Write as _;

use serde_json::{Value, json};
use vocab::Json;

use crate::compile::Schema;
use crate::dates::{parse_date, parse_date_time};
use crate::limits::QUOTED_CHARS_MAX;
use crate::types::{Bound, Constraints, Field, ObjectType, Type};

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
        self.list.is_empty()
    }
}

impl Schema {
    /// Checks a record; stops after `limit` violations.
    pub fn validate(&self, record: &Json<'_>, limit: usize) -> Violations {
        self.check(record, limit, false)
    }

    /// The same with keys that the schema does not know allowed, unless it says itself that there are no others: how plain
    /// JSON Schema reads it.
    pub fn validate_open(&self, record: &Json<'_>, limit: usize) -> Violations {
        self.check(record, limit, true)
    }

    fn check(&self, record: &Json<'_>, limit: usize, open: bool) -> Violations {
        let mut walk = Walk { found: Violations::default(), limit, open, place: Vec::new() };
        match record {
            Json::Object(object) => walk.object(object, self.root()),
            other => walk.wrong_type("JSONObject", other),
        }
        walk.found
    }
}

/// One step from the root to the value at hand.
enum Step<'a> {
    Member(&'a str),
    /// A key of a map: data, not a field.
    Key(&'a str),
    Item(usize),
}

struct Walk<'a> {
    found: Violations,
    limit: usize,
    /// Whether unknown keys are allowed.
    open: bool,
    place: Vec<Step<'a>>,
}

impl<'a> Walk<'a> {
    fn object(&mut self, object: &'a vocab::json::Object<'_>, ty: &'a ObjectType) {
        for (name, value) in object.iter() {
            if self.found.truncated {
                return;
            }
            match ty.get(name) {
                None if self.open && !ty.closed => {}
                None => {
                    let text = format!("extraneous key [{}] is not permitted", quoted(name));
                    self.report(Category::Unclassified, "additionalProperties", text);
                }
                Some(_) if value.is_null() => {}
                Some(field) => {
                    self.place.push(Step::Member(&field.name));
                    self.value(value, field);
                    self.place.pop();
                }
            }
        }
        for name in &ty.required {
            if object.get(name).is_none_or(Json::is_null) {
                self.report(Category::Presence, "required", format!("required key [{name}] not found"));
            }
        }
    }

    fn value(&mut self, value: &'a Json<'_>, field: &'a Field) {
        let constraints = &field.constraints;
        match (&field.ty, value) {
            (Type::String, Json::String(text)) => self.text(text, constraints),
            (Type::Date, Json::String(text)) => {
                if parse_date(text).is_none() {
                    let text = format!("[{}] is not a valid date. Expected [yyyy-MM-dd]", quoted(text));
                    self.report(Category::Format, "format", text);
                }
            }
            (Type::DateTime, Json::String(text)) => {
                if parse_date_time(text).is_none() {
                    let text = format!(
                        "[{}] is not a valid date-time. Expected [yyyy-MM-dd'T'HH:mm:ssZ, \
                         yyyy-MM-dd'T'HH:mm:ss.[0-9]{{1,9}}Z, yyyy-MM-dd'T'HH:mm:ss[+-]HH:mm, \
                         yyyy-MM-dd'T'HH:mm:ss.[0-9]{{1,9}}[+-]HH:mm]",
                        quoted(text)
                    );
                    self.report(Category::Format, "format", text);
                }
            }
            (Type::Boolean, Json::Bool(_)) | (Type::Json, Json::Object(_)) => {}
            (Type::Double, Json::Int(_) | Json::Float(_)) => self.range(value, constraints),
            (ty, Json::Int(_) | Json::Float(_)) if ty.integer_range().is_some() => {
                self.integer(value, ty.integer_range(), constraints);
            }
            (Type::Object(ty), Json::Object(object)) => self.object(object, ty),
            (Type::Array(item), Json::Array(items)) => self.array(items, item, constraints),
            (Type::Map(ty), Json::Object(object)) => {
                for (key, value) in object.iter().filter(|(_, value)| !value.is_null()) {
                    self.place.push(Step::Key(key));
                    self.value(value, ty);
                    self.place.pop();
                }
            }
            (ty, other) => return self.wrong_type(expected(ty), other),
        }
        self.allowed(value, constraints);
    }

    fn text(&mut self, text: &str, constraints: &Constraints) {
        if constraints.min_length.is_some() || constraints.max_length.is_some() {
            let length = text.chars().count();
            if let Some(least) = constraints.min_length.filter(|least| length < *least) {
                let text = format!("expected minLength: {least}, actual: {length}");
                self.report(Category::Range, "minLength", text);
            }
            if let Some(most) = constraints.max_length.filter(|most| length > *most) {
                let text = format!("expected maxLength: {most}, actual: {length}");
                self.report(Category::Range, "maxLength", text);
            }
        }
        if constraints.not_empty && text.is_empty() {
            self.report(Category::Range, "minLength", "expected minLength: 1, actual: 0".to_owned());
        }
        // A pattern that takes too many steps on a value does not match it.
        if let Some(pattern) = &constraints.pattern
            && !pattern.regex.is_match(text).unwrap_or(false)
        {
            let text = format!("string [{}] does not match pattern {}", quoted(text), pattern.text);
            self.report(Category::Pattern, "pattern", text);
        }
        if let Some(format) = &constraints.format
            && !has_format(text, format)
        {
            self.report(Category::Format, "format", format!("[{}] is not a valid {format}", quoted(text)));
        }
    }

    fn integer(&mut self, value: &Json<'_>, range: Option<(i64, i64)>, constraints: &Constraints) {
        let (low, high) = range.unwrap_or((i64::MIN, i64::MAX));
        let number = match value {
            Json::Int(number) => Some(*number),
            // `5.0` is an integer.
            Json::Float(number) if number.fract() == 0.0 && number.abs() < 9.2e18 => Some(*number as i64),
            Json::Float(number) if number.fract() != 0.0 => return self.wrong_type("Integer", value),
            _ => None,
        };
        match number {
            Some(number) if number < low => {
                self.report(Category::Range, "minimum", format!("{number} is not greater or equal to {low}"));
            }
            Some(number) if number > high => {
                self.report(Category::Range, "maximum", format!("{number} is not less or equal to {high}"));
            }
            Some(_) => self.range(value, constraints),
            None => {
                self.report(Category::Range, "maximum", format!("{value} is not less or equal to {high}"))
            }
        }
    }

    fn range(&mut self, value: &Json<'_>, constraints: &Constraints) {
        let number = match value {
            Json::Int(number) => *number as f64,
            Json::Float(number) => *number,
            _ => return,
        };
        if let Some(Bound { value: low, exclusive }) = constraints.minimum
            && (number < low || (exclusive && number <= low))
        {
            let (keyword, relation) = if exclusive {
                ("exclusiveMinimum", "greater than")
            } else {
                ("minimum", "greater or equal to")
            };
            self.report(Category::Range, keyword, format!("{value} is not {relation} {}", plain(low)));
        }
        if let Some(Bound { value: high, exclusive }) = constraints.maximum
            && (number > high || (exclusive && number >= high))
        {
            let (keyword, relation) =
                if exclusive { ("exclusiveMaximum", "less than") } else { ("maximum", "less or equal to") };
            self.report(Category::Range, keyword, format!("{value} is not {relation} {}", plain(high)));
        }
    }

    fn array(&mut self, items: &'a [Json<'_>], item: &'a Field, constraints: &Constraints) {
        let count = items.len();
        if let Some(least) = constraints.min_items.filter(|least| count < *least) {
            let text = format!("expected minimum item count: {least}, found: {count}");
            self.report(Category::Range, "minItems", text);
        }
        if let Some(most) = constraints.max_items.filter(|most| count > *most) {
            let text = format!("expected maximum item count: {most}, found: {count}");
            self.report(Category::Range, "maxItems", text);
        }
        if constraints.unique_items && has_equal(items) {
            self.report(Category::Unclassified, "uniqueItems", "array items are not unique".to_owned());
        }
        for (at, value) in items.iter().enumerate() {
            if self.found.truncated {
                return;
            }
            self.place.push(Step::Item(at));
            // A hole in an array is a missing value, as a null member is.
            if !value.is_null() {
                self.value(value, item);
            }
            self.place.pop();
        }
    }

    fn allowed(&mut self, value: &Json<'_>, constraints: &Constraints) {
        if let Some(allowed) = &constraints.allowed
            && !allowed.iter().any(|known| equal(known, value))
        {
            let shown = match value {
                Json::String(text) => quoted(text),
                other => quoted(&other.to_string()),
            };
            self.report(Category::Enum, "enum", format!("{shown} is not a valid enum value"));
        }
    }

    fn wrong_type(&mut self, expected: &str, found: &Json<'_>) {
        let found = match found {
            Json::Null => "Null",
            Json::Bool(_) => "Boolean",
            Json::Int(_) => "Long",
            Json::Float(_) => "Double",
            Json::String(_) => "String",
            Json::Array(_) => "JSONArray",
            Json::Object(_) => "JSONObject",
        };
        self.report(Category::Type, "type", format!("expected type: {expected}, found: {found}"));
    }

    fn report(&mut self, category: Category, keyword: &'static str, message: String) {
        if self.found.list.len() >= self.limit {
            self.found.truncated = true;
            return;
        }
        let (mut pointer, mut schema_location) = ("#".to_owned(), "#".to_owned());
        for step in &self.place {
            // Writing to a string does not fail.
            let _ = match step {
                Step::Member(name) => {
                    let _ = write!(schema_location, "/properties/{}", escaped(name));
                    write!(pointer, "/{}", escaped(name))
                }
                Step::Key(key) => {
                    schema_location.push_str("/additionalProperties");
                    write!(pointer, "/{}", escaped(key))
                }
                Step::Item(at) => {
                    schema_location.push_str("/items");
                    write!(pointer, "/{at}")
                }
            };
        }
        let code = category.code();
        self.found.list.push(Violation { category, code, keyword, message, pointer, schema_location });
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

/// Whether two items are the same; by their text, so that long arrays stay cheap.
fn has_equal(items: &[Json<'_>]) -> bool {
    let mut seen = std::collections::HashSet::new();
    items.iter().any(|item| !seen.insert(item.to_string()))
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
