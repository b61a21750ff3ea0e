//! The group String. Positions and lengths count Unicode characters.

use std::borrow::Cow;

use super::{Function, Kind, Nulls, ex, on};
use crate::arity::{arg, optional, repeated};
use crate::date;
use crate::eval::Args;
use crate::failure::Failure;
use crate::limits;
use crate::switches::{ConcatDates, ExplodeTrailing};
use crate::value::Value;

pub(super) static FUNCTIONS: &[Function] = &[
    Function {
        names: &["concat"],
        args: &[repeated("values", Kind::String)],
        returns: Kind::String,
        nulls: Nulls::Keep,
        doc: "Puts texts together. Null counts as the empty text; numbers and dates are written out.",
        examples: &[
            ex(r#"concat("a", 1, "b")"#, r#""a1b""#),
            ex(r#"concat("a", null)"#, r#""a""#),
            on(r#"{"first":"Ada","last":"Byron"}"#, r#"concat(${first}, " ", ${last})"#, r#""Ada Byron""#),
        ],
        eval: |a| {
            let mut text = String::new();
            let java_dates = a.switches().concat_dates == ConcatDates::Java;
            for position in 0..a.len() {
                match a.scalar(position)? {
                    Value::Date(date) if java_dates => text.push_str(&date::java_text(&date)),
                    scalar => text.push_str(&scalar.into_text().unwrap_or_default()),
                }
                bounded(text.len())?;
            }
            Ok(text.into())
        },
    },
    Function {
        names: &["explode"],
        args: &[arg("text", Kind::String), optional("regex", Kind::Regex)],
        returns: Kind::Array,
        nulls: Nulls::Pass,
        doc: "Splits a text at each match of a regular expression, a comma by default. Empty parts are kept, except at the end.",
        examples: &[
            ex(r#"explode("a..b", "\.")"#, r#"["a","","b"]"#),
            ex(r#"explode("a,b,")"#, r#"["a","b"]"#),
        ],
        eval: |a| {
            let text = a.text(0)?;
            let keeps = a.switches().explode_trailing == ExplodeTrailing::Keep;
            let parts: Vec<Value<'_>> = if !a.value(1)?.is_null() {
                let regex = a.regex(1, false)?;
                regex.split(&text, keeps, a.budget())?.into_iter().map(owned).collect()
            } else {
                let mut parts: Vec<&str> = text.split(',').collect();
                // A text without a comma is its own only part; one of commas alone has none.
                let drops = !keeps && parts.len() > 1;
                while drops && parts.last().is_some_and(|part| part.is_empty()) {
                    parts.pop();
                }
                parts.into_iter().map(owned).collect()
            };
            a.budget().work(parts.len())?;
            Ok(Value::array(parts))
        },
    },
    Function {
        names: &["instr"],
        args: &[
            arg("text", Kind::String),
            arg("part", Kind::String),
            optional("start", Kind::Integer),
            optional("occurrence", Kind::Integer),
        ],
        returns: Kind::Integer,
        nulls: Nulls::Pass,
        doc: "The position, from 0, at which a part occurs in a text, or -1. The search starts at a position and can ask for a later occurrence.",
        examples: &[
            ex(r#"instr("banana", "an", 0, 2)"#, "3"),
            ex(r#"instr("banana", "an", 2)"#, "3"),
            ex(r#"instr("banana", "x")"#, "-1"),
        ],
        eval: instr,
    },
    Function {
        names: &["replacestr"],
        args: &[arg("text", Kind::String), arg("find", Kind::String), arg("replacement", Kind::String)],
        returns: Kind::String,
        nulls: Nulls::Pass,
        doc: "Replaces every occurrence of a text, taken literally. With null in place of one of the two the text stays as it is.",
        examples: &[
            ex(r#"replacestr("a-b-c", "-", "+")"#, r#""a+b+c""#),
            ex(r#"replacestr("a.b", ".", "")"#, r#""ab""#),
            ex(r#"replacestr("ab", "", "x")"#, r#""ab""#),
        ],
        eval: |a| {
            let (text, find) = (a.text(0)?, a.text(1)?);
            let Some(replacement) = a.text_or_null(2)?.filter(|_| !find.is_empty()) else {
                return Ok(text.into());
            };
            let places = text.matches(find.as_ref()).count();
            bounded(text.len().saturating_add(places.saturating_mul(replacement.len())))?;
            Ok(text.replace(find.as_ref(), &replacement).into())
        },
    },
    Function {
        names: &["substr"],
        args: &[arg("text", Kind::String), arg("start", Kind::Integer), arg("length", Kind::Integer)],
        returns: Kind::String,
        nulls: Nulls::Pass,
        doc: "The part of a text from a position, counted from 0, with at most so many characters.",
        examples: &[
            ex(r#"substr("abcdef", 2, 3)"#, r#""cde""#),
            ex(r#"substr("abc", 2, 9)"#, r#""c""#),
            ex(r#"substr("abc", 7, 1)"#, r#""""#),
        ],
        eval: |a| {
            let (text, start, length) = (a.text(0)?, a.integer(1)?, a.integer(2)?);
            if start < 0 {
                return Err(a.bad("the start is negative"));
            }
            Ok(a.switches().text_units.slice(text, start, length).into())
        },
    },
    Function {
        names: &["lower", "lcase"],
        args: &[arg("text", Kind::String)],
        returns: Kind::String,
        nulls: Nulls::Pass,
        doc: "Converts a text to lower case.",
        examples: &[ex(r#"lcase("ÀB")"#, r#""àb""#), ex(r#"lower("X1")"#, r#""x1""#)],
        eval: |a| Ok(a.text(0)?.to_lowercase().into()),
    },
    Function {
        names: &["upper", "ucase"],
        args: &[arg("text", Kind::String)],
        returns: Kind::String,
        nulls: Nulls::Pass,
        doc: "Converts a text to upper case.",
        examples: &[ex(r#"upper("acme")"#, r#""ACME""#), ex(r#"ucase("x1")"#, r#""X1""#)],
        eval: |a| Ok(a.text(0)?.to_uppercase().into()),
    },
    Function {
        names: &["split"],
        args: &[arg("text", Kind::String), arg("separators", Kind::String)],
        returns: Kind::Array,
        nulls: Nulls::Pass,
        doc: "Splits a text at each of the given characters. Several in a row count once; there are no empty parts. Null stands for white space.",
        examples: &[
            ex(r#"split("a,;b;", ",;")"#, r#"["a","b"]"#),
            ex(r#"split("a b", " ")"#, r#"["a","b"]"#),
            ex(r#"split("", ",")"#, "[]"),
        ],
        eval: |a| {
            let text = a.text(0)?;
            let parts: Vec<Value<'_>> = match a.text_or_null(1)? {
                None => text.split_whitespace().map(owned).collect(),
                Some(separators) => {
                    // A backslash is the one character that needs another before it.
                    let separators = separators.replace("\\\\", "\\");
                    // Each character is sought among the separators.
                    a.budget().touch(text.len().saturating_mul(separators.len()))?;
                    let parts = text.split(|c| separators.contains(c));
                    parts.filter(|part| !part.is_empty()).map(owned).collect()
                }
            };
            a.budget().work(parts.len())?;
            Ok(Value::array(parts))
        },
    },
    Function {
        names: &["join"],
        args: &[arg("separator", Kind::String), arg("values", Kind::Array)],
        returns: Kind::String,
        nulls: Nulls::Pass,
        doc: "Puts the elements of an array together with a separator between them. A null element is empty.",
        examples: &[
            ex(r#"join("/", ["x", 2])"#, r#""x/2""#),
            ex(r#"join(",", ["a", null, "b"])"#, r#""a,,b""#),
            ex(r#"join(" ", null)"#, "null"),
        ],
        eval: |a| {
            let separator = a.text(0)?;
            let Some(items) = a.array(1)? else {
                return Ok(Value::Null);
            };
            let mut text = String::new();
            for (at, item) in items.into_iter().enumerate() {
                let kind = item.kind();
                if at > 0 {
                    text.push_str(&separator);
                }
                match item.into_text() {
                    Some(part) => text.push_str(&part),
                    None => return Err(a.bad(format!("an element is {kind}"))),
                }
                bounded(text.len())?;
            }
            Ok(text.into())
        },
    },
    Function {
        names: &["lpad"],
        args: &[arg("text", Kind::String), arg("length", Kind::Integer), arg("padding", Kind::String)],
        returns: Kind::String,
        nulls: Nulls::Pass,
        doc: "Lengthens a text on the left to so many characters. The padding is repeated and cut to fit; a blank by default.",
        examples: &[
            ex(r#"lpad("7", 3, "0")"#, r#""007""#),
            ex(r#"lpad("7", 4, "ab")"#, r#""aba7""#),
            ex(r#"lpad("long", 2, "x")"#, r#""long""#),
        ],
        eval: |a| {
            let text = a.text(0)?;
            Ok((padding(a, &text)? + &text).into())
        },
    },
    Function {
        names: &["rpad"],
        args: &[arg("text", Kind::String), arg("length", Kind::Integer), arg("padding", Kind::String)],
        returns: Kind::String,
        nulls: Nulls::Pass,
        doc: "Lengthens a text on the right to so many characters. The padding is repeated and cut to fit; a blank by default.",
        examples: &[ex(r#"rpad("7", 4, "ab")"#, r#""7aba""#), ex(r#"rpad("7", 3, "")"#, r#""7  ""#)],
        eval: |a| {
            let text = a.text(0)?;
            let padding = padding(a, &text)?;
            Ok((text.into_owned() + &padding).into())
        },
    },
    Function {
        names: &["left"],
        args: &[arg("text", Kind::String), arg("count", Kind::Integer)],
        returns: Kind::String,
        nulls: Nulls::Pass,
        doc: "The first characters of a text.",
        examples: &[
            ex(r#"left("xyz", 2)"#, r#""xy""#),
            ex(r#"left("xyz", 9)"#, r#""xyz""#),
            ex(r#"left("xyz", -1)"#, r#""""#),
        ],
        eval: |a| {
            let (text, count) = (a.text(0)?, a.integer(1)?);
            Ok(a.switches().text_units.slice(text, 0, count).into())
        },
    },
    Function {
        names: &["right"],
        args: &[arg("text", Kind::String), arg("count", Kind::Integer)],
        returns: Kind::String,
        nulls: Nulls::Pass,
        doc: "The last characters of a text.",
        examples: &[
            ex(r#"right("xyz", 1)"#, r#""z""#),
            ex(r#"right("xyz", 9)"#, r#""xyz""#),
            ex(r#"right("xyz", 0)"#, r#""""#),
        ],
        eval: |a| {
            let (text, count) = (a.text(0)?, a.integer(1)?);
            let units = a.switches().text_units;
            let length = i64::try_from(units.length(&text)).unwrap_or(i64::MAX);
            Ok(units.slice(text, length.saturating_sub(count.max(0)).max(0), count).into())
        },
    },
    Function {
        names: &["ltrim"],
        args: &[arg("text", Kind::String)],
        returns: Kind::String,
        nulls: Nulls::Pass,
        doc: "Removes white space on the left.",
        examples: &[ex(r#"ltrim(" a ")"#, r#""a ""#)],
        eval: |a| Ok(trimmed(a.text(0)?, str::trim_start).into()),
    },
    Function {
        names: &["rtrim"],
        args: &[arg("text", Kind::String)],
        returns: Kind::String,
        nulls: Nulls::Pass,
        doc: "Removes white space on the right.",
        examples: &[ex(r#"rtrim(" a ")"#, r#"" a""#)],
        eval: |a| Ok(trimmed(a.text(0)?, str::trim_end).into()),
    },
    Function {
        names: &["trim"],
        args: &[arg("text", Kind::String)],
        returns: Kind::String,
        nulls: Nulls::Pass,
        doc: "Removes white space on both sides.",
        examples: &[ex(r#"trim(" a ")"#, r#""a""#)],
        eval: |a| Ok(trimmed(a.text(0)?, str::trim).into()),
    },
];

fn owned<'e>(text: &str) -> Value<'e> {
    Value::Text(Cow::Owned(text.to_owned()))
}

/// Refuses a text before it is made.
fn bounded(bytes: usize) -> Result<(), Failure> {
    if bytes > limits::TEXT_BYTES_MAX {
        Err(Failure::ValueTooLarge { max: limits::TEXT_BYTES_MAX })
    } else {
        Ok(())
    }
}

fn instr<'e>(a: &mut Args<'_, 'e>) -> Result<Value<'e>, Failure> {
    let (text, part) = (a.text(0)?, a.text(1)?);
    let (start, nth) = (a.integer_or(2, 0)?, a.integer_or(3, 1)?);
    if start < 0 || nth < 1 {
        return Err(a.bad("the start is at least 0 and the occurrence at least 1"));
    }
    let units = a.switches().text_units;
    let Some(offset) = units.offset(&text, start) else {
        return Ok(Value::Integer(-1));
    };
    let mut from = offset;
    for _ in 1..nth {
        // An occurrence may overlap the one before.
        match text[from..].find(part.as_ref()) {
            Some(at) => from += at + text[from + at..].chars().next().map_or(0, char::len_utf8),
            None => return Ok(Value::Integer(-1)),
        }
        if from >= text.len() {
            return Ok(Value::Integer(-1));
        }
        // Each search prepares itself by reading the part.
        a.budget().touch(limits::BYTES_PER_FUEL + part.len())?;
    }
    Ok(match text[from..].find(part.as_ref()) {
        Some(at) => units.length(&text[..from + at]).into(),
        None => Value::Integer(-1),
    })
}

fn trimmed<'e>(text: Cow<'e, str>, trim: fn(&str) -> &str) -> Cow<'e, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(trim(text)),
        Cow::Owned(text) => Cow::Owned(trim(&text).to_owned()),
    }
}

/// What `lpad` and `rpad` add to a text.
fn padding(a: &mut Args<'_, '_>, text: &str) -> Result<String, Failure> {
    let units = a.switches().text_units;
    let (length, padding) = (a.integer(1)?, a.text(2)?);
    let padding = if padding.is_empty() { Cow::Borrowed(" ") } else { padding };
    let missing = usize::try_from(length).unwrap_or(0).saturating_sub(units.length(text));
    bounded(missing)?;
    let made = units.repeat(&padding, missing);
    a.budget().touch(made.len())?;
    Ok(made)
}
