//! The group Type Conversions.

use super::{Function, Kind, Nulls, ex};
use crate::arithmetic::{Number, number};
use crate::arity::arg;
use crate::eval::Args;
use crate::failure::{Failure, excerpt};
use crate::switches::ToBigintFraction;
use crate::value::{Value, parse_number};

pub(super) static FUNCTIONS: &[Function] = &[
    Function {
        names: &["to_integer"],
        args: &[arg("value", Kind::String)],
        returns: Kind::Integer,
        nulls: Nulls::Pass,
        doc: "A text as an integer of 32 bits. A fraction is an error.",
        examples: &[ex(r#"to_integer("-3")"#, "-3"), ex("to_integer(4.0)", "4")],
        eval: |a| match parsed(a)? {
            Number::Integer(value) => {
                i32::try_from(value).map(|value| i64::from(value).into()).map_err(|_| Failure::Overflow)
            }
            Number::Decimal(value) if value.fract() != 0.0 => Err(a.bad(format!("{value} has a fraction"))),
            Number::Decimal(value) if value.abs() > f64::from(i32::MAX) => Err(Failure::Overflow),
            Number::Decimal(value) => Ok((value as i64).into()),
        },
    },
    Function {
        names: &["to_bigint"],
        args: &[arg("value", Kind::String)],
        returns: Kind::Number,
        nulls: Nulls::Pass,
        doc: "A text as a number of any length with all its digits. A fraction is kept.",
        examples: &[
            ex(r#"to_bigint("1000000.34")"#, "1000000.34"),
            ex(
                r#"concat(to_bigint("123456789012345678901234567890123456789012345"))"#,
                r#""123456789012345678901234567890123456789012345""#,
            ),
        ],
        eval: |a| {
            let truncates = a.switches().to_bigint_fraction == ToBigintFraction::Truncate;
            let value = a.value(0)?;
            let digits = match &value {
                Value::Text(text) => Some(text.trim()).filter(|text| is_plain(text)).map(canonical),
                _ => None,
            };
            let Some(digits) = digits else {
                return parsed_value(value, a).map(|number| match number {
                    Number::Decimal(value) if truncates => Value::Decimal(value.trunc()),
                    number => number.into_value(),
                });
            };
            let digits = match digits.split_once('.') {
                // A number without its fraction may be zero, which has no sign.
                Some((whole, _)) if truncates => canonical(whole),
                _ => digits,
            };
            if digits.len() > DIGITS_MAX {
                return Err(Failure::Overflow);
            }
            // What a common number holds exactly is one.
            Ok(parse_number(&digits)
                .filter(|number| matches!(number, Value::Integer(_) | Value::Big(_)))
                .unwrap_or_else(|| Value::Exact(digits.into())))
        },
    },
    Function {
        names: &["to_decimal"],
        args: &[arg("value", Kind::String)],
        returns: Kind::Number,
        nulls: Nulls::Pass,
        doc: "A text as a decimal number of 64 bits.",
        examples: &[ex(r#"to_decimal("1.5")"#, "1.5"), ex(r#"to_decimal("1e3")"#, "1000.0")],
        eval: |a| match parsed(a)? {
            Number::Integer(value) => Ok((value as f64).into()),
            Number::Decimal(value) => Ok(value.into()),
        },
    },
    Function {
        names: &["to_float"],
        args: &[arg("value", Kind::String)],
        returns: Kind::Number,
        nulls: Nulls::Pass,
        doc: "A text as a decimal number of 32 bits, as its shortest decimal.",
        examples: &[ex(r#"to_float("0.1")"#, "0.1"), ex(r#"to_float("16777217")"#, "16777216.0")],
        eval: |a| {
            let value = match parsed(a)? {
                Number::Integer(value) => value as f32,
                Number::Decimal(value) => value as f32,
            };
            // The shortest text of the narrow number, read as a wide one: 0.1 stays 0.1.
            value
                .to_string()
                .parse()
                .ok()
                .filter(|wide: &f64| wide.is_finite())
                .map(Value::Decimal)
                .ok_or(Failure::Overflow)
        },
    },
];

/// Most digits of an exact number: what is longer would be beyond a decimal.
const DIGITS_MAX: usize = 300;

/// Whether a text is digits with perhaps a sign and a point.
fn is_plain(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let all = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    all(whole) && all(fraction)
}

/// A plain number without plus sign, leading zeros and a fraction of zero.
fn canonical(text: &str) -> String {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let whole = match whole.trim_start_matches('0') {
        "" => "0",
        digits => digits,
    };
    if fraction.bytes().all(|b| b == b'0') {
        format!("{sign}{whole}")
    } else {
        format!("{sign}{whole}.{fraction}")
    }
}

fn parsed(a: &mut Args<'_, '_>) -> Result<Number, Failure> {
    let value = a.value(0)?;
    parsed_value(value, a)
}

fn parsed_value(value: Value<'_>, a: &Args<'_, '_>) -> Result<Number, Failure> {
    if let Some(number) = number(&value).filter(|_| !matches!(value, Value::Boolean(_))) {
        return Ok(number);
    }
    let kind = value.kind();
    Err(match value {
        Value::Text(text) => Failure::NotANumber { text: excerpt(&text) },
        _ => a.bad(format!("{kind} is not a number")),
    })
}
