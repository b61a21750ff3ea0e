//! The group Type Conversions.

use super::{Function, Kind, Nulls, ex};
use crate::arithmetic::{Number, number};
use crate::arity::arg;
use crate::eval::Args;
use crate::failure::{Failure, excerpt};
use crate::value::Value;

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

fn parsed(a: &mut Args<'_, '_>) -> Result<Number, Failure> {
    let value = a.value(0)?;
    if let Some(number) = number(&value).filter(|_| !matches!(value, Value::Boolean(_))) {
        return Ok(number);
    }
    let kind = value.kind();
    Err(match value {
        Value::Text(text) => Failure::NotANumber { text: excerpt(&text) },
        _ => a.bad(format!("{kind} is not a number")),
    })
}
