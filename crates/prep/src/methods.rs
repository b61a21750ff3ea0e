//! Methods on values as data: the members of Java's types that mappings call, and nothing else.
//!
//! A method of null is null; the evaluator sees to that.

use std::borrow::Cow;

use crate::arithmetic::{equal, has_key, integer, number, order};
use crate::arity::{Parameter, arg, optional};
use crate::date;
use crate::eval::{Args, Outcome};
use crate::failure::Failure;
use crate::functions::{Example, Kind, ex, on};
use crate::limits;
use crate::switches::TextUnits;
use crate::value::Value;

/// One method.
pub struct Method {
    pub names: &'static [&'static str],
    pub args: &'static [Parameter],
    pub returns: Kind,
    pub doc: &'static str,
    pub examples: &'static [Example],
    pub(crate) eval: for<'e> fn(Value<'e>, &mut Args<'_, 'e>) -> Outcome<'e>,
}

impl std::fmt::Debug for Method {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.names[0])
    }
}

/// Every name of every method.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    METHODS.iter().flat_map(|method| method.names.iter().copied())
}

pub(crate) fn find(name: &str) -> Option<&'static Method> {
    METHODS.iter().find(|method| method.names.contains(&name))
}

/// The methods, by the type that has them.
pub static METHODS: &[Method] = &[
    Method {
        names: &["equals"],
        args: &[arg("other", Kind::Any)],
        returns: Kind::Boolean,
        doc: "Whether two values are equal; of texts, in the same case.",
        examples: &[ex(r#""Q".equals("q")"#, "false"), ex(r#"missing.equals("q")"#, "null")],
        eval: |value, a| {
            let other = a.value(0)?;
            // In Java a text never equals a number.
            let same = matches!(value, Value::Text(_)) == matches!(other, Value::Text(_));
            Ok((same && equal(&value, &other, a.budget())?).into())
        },
    },
    Method {
        names: &["equalsIgnoreCase"],
        args: &[arg("other", Kind::String)],
        returns: Kind::Boolean,
        doc: "Whether two texts are equal in any case.",
        examples: &[ex(r#""Q".equalsIgnoreCase("q")"#, "true")],
        eval: |value, a| {
            let (text, other) = (text(value, a)?, a.text_or_null(0)?);
            Ok(other.is_some_and(|other| text.to_lowercase() == other.to_lowercase()).into())
        },
    },
    Method {
        names: &["compareTo"],
        args: &[arg("other", Kind::Any)],
        returns: Kind::Integer,
        doc: "Below, at or above zero: the order of two values. Of texts it is the distance of the first characters that differ, or of the lengths.",
        examples: &[ex(r#""a".compareTo("c")"#, "-2"), ex("(3).compareTo(2)", "1")],
        eval: |value, a| {
            let other = a.value(0)?;
            if other.is_null() {
                return Err(a.bad("null has no order"));
            }
            if let (Value::Text(text), Value::Text(other)) = (&value, &other) {
                return Ok(distance(text, other).into());
            }
            Ok((order(&value, &other, a.switches())? as i64).into())
        },
    },
    Method {
        names: &["length"],
        args: &[],
        returns: Kind::Integer,
        doc: "The characters of a text.",
        examples: &[ex(r#""abc".length()"#, "3")],
        eval: |value, a| Ok(a.switches().text_units.length(&text(value, a)?).into()),
    },
    Method {
        names: &["size"],
        args: &[],
        returns: Kind::Integer,
        doc: "The elements of an array or the members of an object.",
        examples: &[ex("[1, 2].size()", "2")],
        eval: |value, a| a.switches().text_units.size(&value).map(Value::from).ok_or_else(|| none(a, &value)),
    },
    Method {
        names: &["isEmpty"],
        args: &[],
        returns: Kind::Boolean,
        doc: "Whether a text, array or object has no content.",
        examples: &[ex(r#""".isEmpty()"#, "true")],
        eval: |value, a| value.size().map(|size| (size == 0).into()).ok_or_else(|| none(a, &value)),
    },
    Method {
        names: &["contains"],
        args: &[arg("part", Kind::Any)],
        returns: Kind::Boolean,
        doc: "Whether a text has a part, or an array an element.",
        examples: &[ex(r#""abc".contains("b")"#, "true"), ex("[1, 2].contains(3)", "false")],
        eval: |value, a| match value.elements(a.budget())? {
            Some(items) => Ok(position(items, a)?.is_some().into()),
            None => {
                let (text, part) = (text(value, a)?, a.text(0)?);
                Ok(text.contains(part.as_ref()).into())
            }
        },
    },
    Method {
        names: &["startsWith"],
        args: &[arg("part", Kind::String)],
        returns: Kind::Boolean,
        doc: "Whether a text starts with another.",
        examples: &[ex(r#""abc".startsWith("ab")"#, "true")],
        eval: |value, a| {
            let (text, part) = (text(value, a)?, a.text(0)?);
            Ok(text.starts_with(part.as_ref()).into())
        },
    },
    Method {
        names: &["endsWith"],
        args: &[arg("part", Kind::String)],
        returns: Kind::Boolean,
        doc: "Whether a text ends with another.",
        examples: &[ex(r#""abc".endsWith("bc")"#, "true")],
        eval: |value, a| {
            let (text, part) = (text(value, a)?, a.text(0)?);
            Ok(text.ends_with(part.as_ref()).into())
        },
    },
    Method {
        names: &["indexOf"],
        args: &[arg("part", Kind::Any)],
        returns: Kind::Integer,
        doc: "The position, from 0, of a part in a text or of an element in an array, or -1.",
        examples: &[ex(r#""banana".indexOf("an")"#, "1"), ex(r#"["a", "b"].indexOf("b")"#, "1")],
        eval: |value, a| match value.elements(a.budget())? {
            Some(items) => Ok(position(items, a)?.map_or(Value::Integer(-1), Value::from)),
            None => {
                let (text, part) = (text(value, a)?, a.text(0)?);
                Ok(place(text.find(part.as_ref()), &text, a))
            }
        },
    },
    Method {
        names: &["lastIndexOf"],
        args: &[arg("part", Kind::String)],
        returns: Kind::Integer,
        doc: "The last position, from 0, of a part in a text, or -1.",
        examples: &[ex(r#""banana".lastIndexOf("an")"#, "3")],
        eval: |value, a| {
            let (text, part) = (text(value, a)?, a.text(0)?);
            Ok(place(text.rfind(part.as_ref()), &text, a))
        },
    },
    Method {
        names: &["substring"],
        args: &[arg("start", Kind::Integer), optional("end", Kind::Integer)],
        returns: Kind::String,
        doc: "The part of a text from a position to before another, both counted from 0.",
        examples: &[ex(r#""abcdef".substring(2, 4)"#, r#""cd""#), ex(r#""abc".substring(1)"#, r#""bc""#)],
        eval: |value, a| {
            let (text, start, end) = (text(value, a)?, a.integer(0)?, a.integer_or(1, i64::MAX)?);
            let units = a.switches().text_units;
            let length = i64::try_from(units.length(&text)).unwrap_or(i64::MAX);
            let end = if end == i64::MAX { length } else { end };
            if start < 0 || end > length || start > end {
                return Err(a.bad(format!("the text has no part from {start} to {end}")));
            }
            Ok(units.slice(text, start, end - start).into())
        },
    },
    Method {
        names: &["charAt"],
        args: &[arg("position", Kind::Integer)],
        returns: Kind::String,
        doc: "The character at a position, from 0.",
        examples: &[ex(r#""abc".charAt(1)"#, r#""b""#)],
        eval: |value, a| {
            let (text, at) = (text(value, a)?, a.integer(0)?);
            let found = a.switches().text_units.slice(text, at, 1);
            if at < 0 || found.is_empty() {
                return Err(a.bad(format!("the text has no character {at}")));
            }
            Ok(found.into())
        },
    },
    Method {
        names: &["replace"],
        args: &[arg("find", Kind::String), arg("replacement", Kind::String)],
        returns: Kind::String,
        doc: "The text with every occurrence of another replaced.",
        examples: &[ex(r#""a-b-c".replace("-", "+")"#, r#""a+b+c""#)],
        eval: |value, a| {
            let (text, find, replacement) = (text(value, a)?, a.text(0)?, a.text(1)?);
            let places = text.matches(find.as_ref()).count();
            bounded(text.len().saturating_add(places.saturating_mul(replacement.len())))?;
            Ok(text.replace(find.as_ref(), &replacement).into())
        },
    },
    Method {
        names: &["replaceAll"],
        args: &[arg("regex", Kind::Regex), arg("replacement", Kind::String)],
        returns: Kind::String,
        doc: "The text with every match of a regular expression replaced. `$1` in the replacement is the first group.",
        examples: &[
            ex(r##""a1b22".replaceAll("\d+", "#")"##, r##""a#b#""##),
            ex(r#""ab".replaceAll("(a)(b)", "$2$1")"#, r#""ba""#),
        ],
        eval: |value, a| replace_matches(value, a, usize::MAX),
    },
    Method {
        names: &["replaceFirst"],
        args: &[arg("regex", Kind::Regex), arg("replacement", Kind::String)],
        returns: Kind::String,
        doc: "The text with the first match of a regular expression replaced.",
        examples: &[ex(r#""a1b2".replaceFirst("\d", "")"#, r#""ab2""#)],
        eval: |value, a| replace_matches(value, a, 1),
    },
    Method {
        names: &["matches"],
        args: &[arg("regex", Kind::WholeRegex)],
        returns: Kind::Boolean,
        doc: "Whether a regular expression matches the whole text.",
        examples: &[ex(r#""ab12".matches("[a-z]+\d+")"#, "true")],
        eval: |value, a| {
            let text = text(value, a)?;
            Ok(a.regex(0, true)?.is_match(&text, a.budget())?.into())
        },
    },
    Method {
        names: &["split"],
        args: &[arg("regex", Kind::Regex)],
        returns: Kind::Array,
        doc: "The parts of a text between the matches of a regular expression; empty ones at the end are dropped.",
        examples: &[ex(r#""a,,b,".split(",")"#, r#"["a","","b"]"#)],
        eval: |value, a| {
            let text = text(value, a)?;
            let regex = a.regex(0, false)?;
            let parts = regex.split(&text, false, a.budget())?.into_iter();
            Ok(Value::array(parts.map(|part| Value::Text(Cow::Owned(part.to_owned()))).collect()))
        },
    },
    Method {
        names: &["toLowerCase"],
        args: &[],
        returns: Kind::String,
        doc: "The text in lower case.",
        examples: &[ex(r#""Ab".toLowerCase()"#, r#""ab""#)],
        eval: |value, a| Ok(text(value, a)?.to_lowercase().into()),
    },
    Method {
        names: &["toUpperCase"],
        args: &[],
        returns: Kind::String,
        doc: "The text in upper case.",
        examples: &[ex(r#""Ab".toUpperCase()"#, r#""AB""#)],
        eval: |value, a| Ok(text(value, a)?.to_uppercase().into()),
    },
    Method {
        names: &["trim"],
        args: &[],
        returns: Kind::String,
        doc: "The text without white space at its ends.",
        examples: &[ex(r#"" a ".trim()"#, r#""a""#)],
        eval: |value, a| Ok(text(value, a)?.trim().to_owned().into()),
    },
    Method {
        names: &["concat"],
        args: &[arg("other", Kind::String)],
        returns: Kind::String,
        doc: "The text with another behind it.",
        examples: &[ex(r#""a".concat("b")"#, r#""ab""#)],
        eval: |value, a| {
            let (text, other) = (text(value, a)?, a.text(0)?);
            bounded(text.len() + other.len())?;
            Ok((text.into_owned() + &other).into())
        },
    },
    Method {
        names: &["get"],
        args: &[arg("key", Kind::Any)],
        returns: Kind::Any,
        doc: "The value of a key of an object, or the element of an array at a position.",
        examples: &[on(r#"{"o":{"k":5}}"#, r#"o.get("k")"#, "5"), ex("[4, 5].get(1)", "5")],
        eval: |value, a| {
            let key = a.value(0)?;
            if value.is_array() {
                return Ok(integer(&key).map_or(Value::Null, |at| value.element(at)));
            }
            let name = key.into_text().ok_or_else(|| a.bad("a key is a text"))?;
            if !value.is_object() {
                return Err(none(a, &value));
            }
            value.member(&name, a.budget())
        },
    },
    Method {
        names: &["containsKey"],
        args: &[arg("key", Kind::String)],
        returns: Kind::Boolean,
        doc: "Whether an object has a key.",
        examples: &[on(r#"{"o":{"k":5}}"#, r#"o.containsKey("k")"#, "true")],
        eval: |value, a| {
            let key = a.text(0)?;
            Ok(has_key(&value, &key, a.budget())?.into())
        },
    },
    Method {
        names: &["keySet"],
        args: &[],
        returns: Kind::Array,
        doc: "The keys of an object.",
        examples: &[on(r#"{"o":{"k":5}}"#, "o.keySet()", r#"["k"]"#)],
        eval: |value, a| {
            let members = value.members(a.budget())?.ok_or_else(|| none(a, &value))?;
            Ok(Value::array(members.into_iter().map(|(key, _)| Value::Text(key)).collect()))
        },
    },
    Method {
        names: &["values"],
        args: &[],
        returns: Kind::Array,
        doc: "The values of an object.",
        examples: &[on(r#"{"o":{"k":5}}"#, "o.values()", "[5]")],
        eval: |value, a| {
            let members = value.members(a.budget())?.ok_or_else(|| none(a, &value))?;
            Ok(Value::array(members.into_iter().map(|(_, value)| value).collect()))
        },
    },
    Method {
        names: &["toString"],
        args: &[],
        returns: Kind::String,
        doc: "The value as text.",
        examples: &[ex("(1 + 2).toString()", r#""3""#), ex("true.toString()", r#""true""#)],
        eval: |value, a| match value {
            Value::Array(_) | Value::Object(_) | Value::Json(_) => {
                Ok(value.into_json(a.budget())?.to_string().into())
            }
            scalar => Ok(scalar.into_text().map_or(Value::Null, Value::Text)),
        },
    },
    Method {
        names: &["intValue", "longValue"],
        args: &[],
        returns: Kind::Integer,
        doc: "The whole part of a number.",
        examples: &[ex("(7.9).intValue()", "7")],
        eval: |value, a| match value {
            Value::Decimal(decimal) if decimal.abs() < 9e18 => Ok((decimal.trunc() as i64).into()),
            value => integer(&value).map(Value::from).ok_or_else(|| none(a, &value)),
        },
    },
    Method {
        names: &["doubleValue"],
        args: &[],
        returns: Kind::Number,
        doc: "The number as a decimal.",
        examples: &[ex("(7).doubleValue()", "7.0")],
        eval: |value, a| number(&value).map(|number| number.decimal().into()).ok_or_else(|| none(a, &value)),
    },
    Method {
        names: &["getYear"],
        args: &[],
        returns: Kind::Integer,
        doc: "The year of a date.",
        examples: &[ex(r#"date("2024-02-03").getYear()"#, "2024")],
        eval: |value, a| of_date(value, a, |date| date.year().into()),
    },
    Method {
        names: &["getMonthValue"],
        args: &[],
        returns: Kind::Integer,
        doc: "The month of a date, from 1.",
        examples: &[ex(r#"date("2024-02-03").getMonthValue()"#, "2")],
        eval: |value, a| of_date(value, a, |date| date.month().into()),
    },
    Method {
        names: &["getDayOfMonth"],
        args: &[],
        returns: Kind::Integer,
        doc: "The day of a date in its month.",
        examples: &[ex(r#"date("2024-02-03").getDayOfMonth()"#, "3")],
        eval: |value, a| of_date(value, a, |date| date.day().into()),
    },
    Method {
        names: &["getHour"],
        args: &[],
        returns: Kind::Integer,
        doc: "The hour of a date, from 0.",
        examples: &[ex(r#"date("2024-02-03T04:05:06Z").getHour()"#, "4")],
        eval: |value, a| of_date(value, a, |date| date.hour().into()),
    },
    Method {
        names: &["getMinute"],
        args: &[],
        returns: Kind::Integer,
        doc: "The minute of a date.",
        examples: &[ex(r#"date("2024-02-03T04:05:06Z").getMinute()"#, "5")],
        eval: |value, a| of_date(value, a, |date| date.minute().into()),
    },
    Method {
        names: &["getSecond"],
        args: &[],
        returns: Kind::Integer,
        doc: "The second of a date.",
        examples: &[ex(r#"date("2024-02-03T04:05:06Z").getSecond()"#, "6")],
        eval: |value, a| of_date(value, a, |date| date.second().into()),
    },
    Method {
        names: &["toInstant"],
        args: &[],
        returns: Kind::Date,
        doc: "The same instant in UTC.",
        examples: &[ex(r#"date("2024-02-03T04:05:06+01:00").toInstant()"#, r#""2024-02-03T03:05:06Z""#)],
        eval: |value, a| match &value {
            Value::Date(date) => Ok(Value::date(date::to_utc(date))),
            _ => Err(none(a, &value)),
        },
    },
];

fn none(a: &Args<'_, '_>, value: &Value<'_>) -> Failure {
    a.bad(format!("{} has no such method", value.kind()))
}

/// The text on which a method is called; other scalars are written out.
fn text<'e>(value: Value<'e>, a: &Args<'_, '_>) -> Result<Cow<'e, str>, Failure> {
    let failure = none(a, &value);
    let text = value.into_text().ok_or(failure)?;
    a.budget().touch(text.len())?;
    Ok(text)
}

fn bounded(bytes: usize) -> Result<(), Failure> {
    if bytes > limits::TEXT_BYTES_MAX {
        Err(Failure::ValueTooLarge { max: limits::TEXT_BYTES_MAX })
    } else {
        Ok(())
    }
}

/// The position of a part of a text that was perhaps found at a byte.
fn place<'e>(found: Option<usize>, text: &str, a: &Args<'_, '_>) -> Value<'e> {
    found.map_or(Value::Integer(-1), |at| a.switches().text_units.length(&text[..at]).into())
}

/// How far apart two texts are in the order of Java, which compares UTF-16 units.
fn distance(one: &str, other: &str) -> i64 {
    let mut units = one.encode_utf16().zip(other.encode_utf16());
    match units.find(|(one, other)| one != other) {
        Some((one, other)) => i64::from(one) - i64::from(other),
        None => {
            let length = |text: &str| i64::try_from(TextUnits::Utf16.length(text)).unwrap_or(i64::MAX);
            length(one) - length(other)
        }
    }
}

/// Where the first argument stands in an array.
fn position(items: Vec<Value<'_>>, a: &mut Args<'_, '_>) -> Result<Option<usize>, Failure> {
    let wanted = a.value(0)?;
    for (at, item) in items.iter().enumerate() {
        if equal(item, &wanted, a.budget())? {
            return Ok(Some(at));
        }
    }
    Ok(None)
}

fn of_date<'e>(
    value: Value<'e>,
    a: &Args<'_, '_>,
    part: impl Fn(&jiff::ZonedDateTime) -> i64,
) -> Outcome<'e> {
    match &value {
        Value::Date(date) => Ok(part(date).into()),
        _ => Err(none(a, &value)),
    }
}

fn replace_matches<'e>(value: Value<'e>, a: &mut Args<'_, 'e>, most: usize) -> Outcome<'e> {
    let text = text(value, a)?;
    let regex = a.regex(0, false)?;
    let replacement = a.text(1)?;
    let mut out = String::new();
    let mut copied = 0;
    for groups in regex.all_groups(&text, most, a.budget())? {
        let Some(Some(whole)) = groups.first().cloned() else {
            continue;
        };
        out.push_str(&text[copied..whole.start]);
        copied = whole.end;
        let group = |at: usize| groups.get(at).cloned().flatten().map_or("", |place| &text[place]);
        expand(&mut out, &replacement, group);
        bounded(out.len())?;
    }
    out.push_str(&text[copied..]);
    Ok(out.into())
}

/// Writes a replacement in Java's spelling: `$1` is a group, a backslash takes the next character as it is.
fn expand<'t>(out: &mut String, replacement: &str, group: impl Fn(usize) -> &'t str) {
    let mut chars = replacement.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => out.extend(chars.next()),
            '$' => match chars.clone().next().and_then(|digit| digit.to_digit(10)) {
                Some(digit) => {
                    let _ = chars.next();
                    out.push_str(group(usize::try_from(digit).unwrap_or(0)));
                }
                None => out.push('$'),
            },
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use vocab::{Millis, Tape};

    use super::*;
    use crate::{Context, Expression};

    #[test]
    fn every_example_of_every_method() {
        for method in METHODS {
            assert!(!method.examples.is_empty(), "{method:?} has no example");
            for Example { record, expression, result, .. } in method.examples {
                let record = if record.is_empty() { "{}" } else { record };
                let record = Tape::of(record.as_bytes()).expect(expression);
                let compiled =
                    Expression::parse(expression).unwrap_or_else(|error| panic!("{expression}: {error}"));
                let found = compiled.evaluate(record.root(), &Context { now: Millis(0), seed: 0 });
                let found = found.unwrap_or_else(|warning| panic!("{expression}: {}", warning.message));
                assert_eq!(&found.to_string(), result, "{expression}");
            }
        }
    }
}
