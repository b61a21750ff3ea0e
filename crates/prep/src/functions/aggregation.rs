//! The group Aggregation.

use std::cmp::Ordering;

use super::{Function, Kind, Nulls, ex};
use crate::arithmetic::order;
use crate::arity::repeated;
use crate::eval::Args;
use crate::failure::Failure;
use crate::value::Value;

pub(super) static FUNCTIONS: &[Function] = &[
    Function {
        names: &["min"],
        args: &[repeated("values", Kind::Any)],
        returns: Kind::Any,
        nulls: Nulls::Keep,
        doc: "The least of several values, or of the elements of one array. Nulls are skipped; values of different kinds are an error.",
        examples: &[
            ex("min(3, 1, 2)", "1"),
            ex(r#"min(["b", "a"])"#, r#""a""#),
            ex("min(null, 2.5, 3)", "2.5"),
        ],
        eval: |a| extreme(a, Ordering::Less),
    },
    Function {
        names: &["max"],
        args: &[repeated("values", Kind::Any)],
        returns: Kind::Any,
        nulls: Nulls::Keep,
        doc: "The greatest of several values, or of the elements of one array. Nulls are skipped; values of different kinds are an error.",
        examples: &[ex(r#"max("a", "b")"#, r#""b""#), ex("max([1, 20, 3])", "20"), ex("max(null)", "null")],
        eval: |a| extreme(a, Ordering::Greater),
    },
];

fn extreme<'e>(a: &mut Args<'_, 'e>, wanted: Ordering) -> Result<Value<'e>, Failure> {
    let mut best = Value::Null;
    for value in a.spread(0)?.into_iter().filter(|value| !value.is_null()) {
        let better = best.is_null() || {
            // A text that spells a number is in order with numbers elsewhere, and so is a boolean; not here.
            let kind = |value: &Value<'_>| match value {
                Value::Integer(_) | Value::Big(_) | Value::Decimal(_) | Value::Exact(_) => "a number",
                other => other.kind(),
            };
            if kind(&value) != kind(&best) {
                return Err(a.bad(format!("{} and {} have no order", best.kind(), value.kind())));
            }
            order(&value, &best, a.switches())? == wanted
        };
        if better {
            best = value;
        }
    }
    Ok(best)
}
