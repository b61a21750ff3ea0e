//! Values of expressions. What the record holds is borrowed from it; arrays and objects of the record stay as they are
//! until somebody takes them apart.

use std::borrow::Cow;
use std::collections::HashMap;
use std::rc::Rc;

use jiff::ZonedDateTime;
use vocab::json::{Distinct, Object};
use vocab::{Json, Look, Read};

use crate::budget::Budget;
use crate::date;
use crate::failure::Failure;
use crate::limits;
use crate::path::Found;
use crate::syntax::Literal;

/// A value of the record, where it lies on the tape that the record was read to.
pub(crate) type Raw<'e> = vocab::Node<'e, 'e>;

/// The members of an object that an expression made, keys distinct.
pub(crate) type Members<'e> = Vec<(Cow<'e, str>, Value<'e>)>;

#[derive(Clone, Debug)]
pub(crate) enum Value<'e> {
    Null,
    Boolean(bool),
    Integer(i64),
    /// An integer that outgrew 64 bits.
    Big(i128),
    Decimal(f64),
    /// The digits of a number that neither an integer nor a decimal holds exactly.
    Exact(Rc<str>),
    Text(Cow<'e, str>),
    Date(Box<ZonedDateTime>),
    Array(Rc<Vec<Value<'e>>>),
    Object(Rc<Members<'e>>),
    /// An array or object of the record; never a scalar.
    Json(Raw<'e>),
    /// The marker of `nullify()`: do not carry this field.
    Nullify,
}

impl<'e> Value<'e> {
    pub(crate) fn from_raw(raw: Raw<'e>) -> Self {
        match raw.look() {
            Look::Null => Value::Null,
            Look::Bool(value) => Value::Boolean(value),
            Look::Int(value) => Value::Integer(value),
            Look::Float(value) => Value::Decimal(value),
            Look::String(text) => Value::Text(Cow::Borrowed(text)),
            Look::Array(_) | Look::Object(_) => Value::Json(raw),
        }
    }

    /// A value that a set holds.
    pub(crate) fn from_json(json: &'e Json<'static>) -> Self {
        match json {
            Json::Null => Value::Null,
            Json::Bool(value) => Value::Boolean(*value),
            Json::Int(value) => Value::Integer(*value),
            Json::Float(value) => Value::Decimal(*value),
            Json::String(text) => Value::Text(Cow::Borrowed(text)),
            Json::Array(items) => Value::array(items.iter().map(Value::from_json).collect()),
            Json::Object(object) => {
                Value::object(object.iter().map(|(key, value)| (Cow::Borrowed(key), Value::from_json(value))))
            }
        }
    }

    pub(crate) fn from_literal(literal: &'e Literal) -> Self {
        match literal {
            Literal::Null => Value::Null,
            Literal::Boolean(value) => Value::Boolean(*value),
            Literal::Integer(value) => Value::Integer(*value),
            Literal::Big(value) => Value::Big(*value),
            Literal::Decimal(value) => Value::Decimal(*value),
            Literal::Text(text) => Value::Text(Cow::Borrowed(text)),
            Literal::Date(date) => Value::Date(date.clone()),
        }
    }

    /// A scalar as part of an expression; none for what an expression cannot hold.
    pub(crate) fn into_literal(self) -> Option<Literal> {
        Some(match self {
            Value::Null => Literal::Null,
            Value::Boolean(value) => Literal::Boolean(value),
            Value::Integer(value) => Literal::Integer(value),
            Value::Big(value) => Literal::Big(value),
            Value::Decimal(value) => Literal::Decimal(value),
            Value::Text(text) => Literal::Text(text.into_owned()),
            Value::Date(date) => Literal::Date(date),
            Value::Exact(_) | Value::Array(_) | Value::Object(_) | Value::Json(_) | Value::Nullify => {
                return None;
            }
        })
    }

    /// What a path found: what it found in the elements of an array becomes an array, null where it found nothing.
    pub(crate) fn from_found(found: Found<'e>) -> Self {
        match found {
            Found::Missing => Value::Null,
            Found::One(value) => value,
            Found::Each(items) => Value::array(items.into_iter().map(Value::from_found).collect()),
        }
    }

    pub(crate) fn array(items: Vec<Value<'e>>) -> Self {
        Value::Array(Rc::new(items))
    }

    /// An object of pairs; of equal keys the first keeps its place and the last its value.
    pub(crate) fn object(pairs: impl IntoIterator<Item = (Cow<'e, str>, Value<'e>)>) -> Self {
        let mut members: Members<'e> = Vec::new();
        let mut places: HashMap<Cow<'e, str>, usize> = HashMap::new();
        for (key, value) in pairs {
            match places.get(&key) {
                Some(at) => members[*at].1 = value,
                None => {
                    places.insert(key.clone(), members.len());
                    members.push((key, value));
                }
            }
        }
        Value::Object(Rc::new(members))
    }

    pub(crate) fn date(date: ZonedDateTime) -> Self {
        Value::Date(Box::new(date))
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Value::Null | Value::Nullify)
    }

    /// The word for this kind of value in messages.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Value::Null | Value::Nullify => "null",
            Value::Boolean(_) => "a boolean",
            Value::Integer(_) | Value::Big(_) => "an integer",
            Value::Decimal(_) | Value::Exact(_) => "a number",
            Value::Text(_) => "a text",
            Value::Date(_) => "a date",
            other if other.is_array() => "an array",
            _ => "an object",
        }
    }

    /// What counts as true: all but null, false, zero, not-a-number, the empty text and the text `false`.
    pub(crate) fn truth(&self) -> bool {
        match self {
            Value::Null | Value::Nullify => false,
            Value::Boolean(value) => *value,
            Value::Integer(value) => *value != 0,
            Value::Big(value) => *value != 0,
            Value::Decimal(value) => *value != 0.0 && !value.is_nan(),
            Value::Exact(digits) => digits.bytes().any(|b| matches!(b, b'1'..=b'9')),
            Value::Text(text) => !text.is_empty() && text != "false",
            Value::Date(_) | Value::Array(_) | Value::Object(_) | Value::Json(_) => true,
        }
    }

    /// Elements, members or characters; none for other values.
    pub(crate) fn size(&self) -> Option<usize> {
        match self {
            Value::Null | Value::Nullify => Some(0),
            Value::Text(text) => Some(text.chars().count()),
            Value::Array(items) => Some(items.len()),
            Value::Object(members) => Some(members.len()),
            Value::Json(raw) => Some(match raw.look() {
                Look::Array(items) => items.len(),
                _ => distinct(*raw).len(),
            }),
            _ => None,
        }
    }

    /// Whether this is null, or a text, array or object without content.
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Value::Text(text) => text.is_empty(),
            Value::Json(raw) => match raw.look() {
                Look::Object(mut members) => members.next().is_none(),
                _ => self.size() == Some(0),
            },
            other => other.size() == Some(0),
        }
    }

    /// A scalar as text: none for arrays and objects; null is the empty text.
    pub(crate) fn into_text(self) -> Option<Cow<'e, str>> {
        Some(match self {
            Value::Null | Value::Nullify => Cow::Borrowed(""),
            Value::Boolean(true) => Cow::Borrowed("true"),
            Value::Boolean(false) => Cow::Borrowed("false"),
            Value::Integer(value) => Cow::Owned(value.to_string()),
            Value::Big(value) => Cow::Owned(value.to_string()),
            Value::Decimal(value) => Cow::Owned(decimal_text(value)),
            Value::Exact(digits) => Cow::Owned(digits.as_ref().to_owned()),
            Value::Text(text) => text,
            Value::Date(date) => Cow::Owned(date::canonical(&date)),
            Value::Array(_) | Value::Object(_) | Value::Json(_) => return None,
        })
    }

    pub(crate) fn is_array(&self) -> bool {
        match self {
            Value::Array(_) => true,
            Value::Json(raw) => raw.is_array(),
            _ => false,
        }
    }

    pub(crate) fn is_object(&self) -> bool {
        match self {
            Value::Object(_) => true,
            Value::Json(raw) => raw.is_object(),
            _ => false,
        }
    }

    /// The elements of an array, paid for with the texts among them; none for other values.
    pub(crate) fn elements(&self, budget: &Budget) -> Result<Option<Vec<Value<'e>>>, Failure> {
        let items = match self {
            Value::Array(items) => {
                // Texts that an expression made are copied, so they are paid for first.
                budget.work(items.iter().map(Value::weight).sum())?;
                return Ok(Some(items.as_ref().clone()));
            }
            Value::Json(raw) => match raw.look() {
                Look::Array(items) => items,
                _ => return Ok(None),
            },
            _ => return Ok(None),
        };
        let items: Vec<Value<'e>> = items.map(Value::from_raw).collect();
        budget.work(items.iter().map(Value::weight).sum())?;
        Ok(Some(items))
    }

    /// The members of an object, paid for with their names and the texts among them; none for other values.
    pub(crate) fn members(&self, budget: &Budget) -> Result<Option<Members<'e>>, Failure> {
        let weight = |key: &str, value: &Value<'_>| key.len() / limits::BYTES_PER_FUEL + value.weight();
        let raw = match self {
            Value::Object(members) => {
                budget.work(members.iter().map(|(key, value)| weight(key, value)).sum())?;
                return Ok(Some(members.as_ref().clone()));
            }
            Value::Json(raw) if raw.is_object() => *raw,
            _ => return Ok(None),
        };
        let members: Members<'e> =
            distinct(raw).into_iter().map(|(key, value)| (key, Value::from_raw(value))).collect();
        budget.work(members.iter().map(|(key, value)| weight(key, value)).sum())?;
        Ok(Some(members))
    }

    /// What it costs to take up this value, in steps: arrays and objects are shared, texts are read or copied.
    pub(crate) fn weight(&self) -> usize {
        match self {
            Value::Text(text) => 1 + text.len() / limits::BYTES_PER_FUEL,
            _ => 1,
        }
    }

    /// A member of an object, or of every object in an array; null where there is none.
    pub(crate) fn member(&self, name: &str, budget: &Budget) -> Result<Value<'e>, Failure> {
        budget.touch(self.size().unwrap_or(0))?;
        Ok(match self {
            Value::Object(members) => {
                members.iter().find(|(key, _)| key == name).map_or(Value::Null, |(_, value)| value.clone())
            }
            Value::Json(raw) if raw.is_object() => raw.get(name).map_or(Value::Null, Value::from_raw),
            Value::Array(_) | Value::Json(_) => {
                let items = self.elements(budget)?.unwrap_or_default();
                Value::array(items.iter().map(|item| item.member(name, budget)).collect::<Result<_, _>>()?)
            }
            _ => Value::Null,
        })
    }

    /// An element of an array; null where there is none.
    pub(crate) fn element(&self, index: i64) -> Value<'e> {
        let Ok(index) = usize::try_from(index) else {
            return Value::Null;
        };
        match self {
            Value::Array(items) => items.get(index).cloned().unwrap_or(Value::Null),
            Value::Json(raw) => match raw.look() {
                Look::Array(mut items) => items.nth(index).map_or(Value::Null, Value::from_raw),
                _ => Value::Null,
            },
            _ => Value::Null,
        }
    }

    /// The value as JSON. A date becomes its canonical text, a number that neither 64-bit kind holds exactly the nearest
    /// decimal.
    pub(crate) fn into_json(self, budget: &Budget) -> Result<Json<'e>, Failure> {
        budget.work(1)?;
        Ok(match self {
            Value::Null | Value::Nullify => Json::Null,
            Value::Boolean(value) => Json::Bool(value),
            Value::Integer(value) => Json::Int(value),
            Value::Big(value) => i64::try_from(value).map_or(Json::Float(value as f64), Json::Int),
            Value::Decimal(value) => Json::Float(value),
            Value::Exact(digits) => Json::Float(digits.parse().unwrap_or_default()),
            Value::Text(text) => {
                budget.touch(text.len())?;
                Json::String(text)
            }
            Value::Date(date) => Json::String(Cow::Owned(date::canonical(&date))),
            Value::Array(items) => {
                let items = Rc::unwrap_or_clone(items);
                Json::Array(items.into_iter().map(|item| item.into_json(budget)).collect::<Result<_, _>>()?)
            }
            Value::Object(members) => {
                let members = Rc::unwrap_or_clone(members).into_iter();
                let members = members.map(|(key, value)| Ok((key, value.into_json(budget)?)));
                Json::Object(Object(members.collect::<Result<_, Failure>>()?))
            }
            Value::Json(raw) => {
                budget.work(nodes(raw))?;
                raw.to_json()
            }
        })
    }
}

/// The members of an object of the record, each key once.
fn distinct(object: Raw<'_>) -> Vec<(Cow<'_, str>, Raw<'_>)> {
    match object.look() {
        Look::Object(members) => {
            let members = members.map(|(key, value)| (Cow::Borrowed(key), value));
            members.collect::<Distinct<'_, _>>().into_members()
        }
        _ => Vec::new(),
    }
}

/// How much there is to copy in a value of the record, in steps.
fn nodes(raw: Raw<'_>) -> usize {
    match raw.look() {
        Look::Array(items) => 1 + items.map(nodes).sum::<usize>(),
        Look::Object(members) => 1 + members.map(|(_, value)| 1 + nodes(value)).sum::<usize>(),
        Look::String(text) => 1 + text.len() / limits::BYTES_PER_FUEL,
        _ => 1,
    }
}

impl From<bool> for Value<'_> {
    fn from(value: bool) -> Self {
        Value::Boolean(value)
    }
}

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Value::Integer(value)
    }
}

impl From<usize> for Value<'_> {
    fn from(value: usize) -> Self {
        Value::Integer(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

impl From<f64> for Value<'_> {
    fn from(value: f64) -> Self {
        Value::Decimal(value)
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Value::Text(Cow::Owned(text))
    }
}

impl<'e> From<Cow<'e, str>> for Value<'e> {
    fn from(text: Cow<'e, str>) -> Self {
        Value::Text(text)
    }
}

/// A decimal as its shortest text: `1`, `0.1`, `1e300`.
pub(crate) fn decimal_text(value: f64) -> String {
    let size = value.abs();
    if size == 0.0 {
        "0".to_owned()
    } else if (1e-7..1e21).contains(&size) || !value.is_finite() {
        format!("{value}")
    } else {
        format!("{value:e}")
    }
}

/// A number that a text spells: an integer if it has neither point nor exponent. Blanks around it are skipped.
pub(crate) fn parse_number(text: &str) -> Option<Value<'static>> {
    let text = text.trim();
    // Rust also reads `inf`, `nan` and the like.
    if !text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E')) {
        return None;
    }
    if let Ok(value) = text.parse::<i64>() {
        return Some(Value::Integer(value));
    }
    if let Ok(value) = text.parse::<i128>() {
        return Some(Value::Big(value));
    }
    text.parse::<f64>().ok().filter(|value| value.is_finite()).map(Value::Decimal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_as_text() {
        let check = |value: f64, expected: &str| assert_eq!(decimal_text(value), expected);
        check(1.0, "1");
        check(-0.0, "0");
        check(0.1, "0.1");
        check(-2.5, "-2.5");
        check(1e300, "1e300");
        check(1e20, "100000000000000000000");
        check(1.5e-9, "1.5e-9");
    }

    #[test]
    fn texts_as_numbers() {
        let check =
            |text: &str, expected: &str| assert_eq!(format!("{:?}", parse_number(text)), expected, "{text}");
        check("5", "Some(Integer(5))");
        check(" -5 ", "Some(Integer(-5))");
        check("5.0", "Some(Decimal(5.0))");
        check("1e3", "Some(Decimal(1000.0))");
        check("9223372036854775808", "Some(Big(9223372036854775808))");
        for text in ["", "x", "5x", "inf", "NaN", "1e999", "0x1F", "1,5", "--5", "."] {
            check(text, "None");
        }
    }
}
