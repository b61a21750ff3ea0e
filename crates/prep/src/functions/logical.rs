//! The group Logical Operators. Only the argument that is chosen is evaluated.

use super::{Function, Kind, Nulls, ex, on};
use crate::arithmetic::equal;
use crate::arity::{arg, optional, repeated};
use crate::value::Value;

pub(super) static FUNCTIONS: &[Function] = &[
    Function {
        names: &["decode"],
        args: &[
            arg("value", Kind::Any),
            repeated("key", Kind::Any),
            repeated("result", Kind::Any),
            optional("default", Kind::Any),
        ],
        returns: Kind::Any,
        nulls: Nulls::Keep,
        doc: "The result beside the first key that equals the value; else the default, or null.",
        examples: &[
            ex(r#"decode(2, 1, "a", 2, "b", "z")"#, r#""b""#),
            ex(r#"decode(3, 1, "a", 2, "b", "z")"#, r#""z""#),
            ex(r#"decode(3, 1, "a")"#, "null"),
            on(
                r#"{"gender":"F"}"#,
                r#"decode(gender, "F", "female", "M", "male", "not_specified")"#,
                r#""female""#,
            ),
        ],
        eval: |a| {
            let value = a.value(0)?;
            let mut position = 1;
            while position + 1 < a.len() {
                if equal(&value, &a.value(position)?, a.budget())? {
                    return a.value(position + 1);
                }
                position += 2;
            }
            if position < a.len() { a.value(position) } else { Ok(Value::Null) }
        },
    },
    Function {
        names: &["iif"],
        args: &[arg("condition", Kind::Boolean), arg("then", Kind::Any), arg("otherwise", Kind::Any)],
        returns: Kind::Any,
        nulls: Nulls::Keep,
        doc: "One of two values, by a condition. Null counts as false.",
        examples: &[
            ex(r#"iif(1 < 2, "y", "n")"#, r#""y""#),
            ex(r#"iif(missing.equals("a"), "p", "q")"#, r#""q""#),
            ex("iif(true, 1, 1 / 0)", "1"),
        ],
        eval: |a| if a.truth(0)? { a.value(1) } else { a.value(2) },
    },
];
