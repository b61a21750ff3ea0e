//! The group Hierarchies - Map. Most functions for maps stand with those for objects, as in the vendor's reference.

use super::objects::{keyed, pairs};
use super::{Function, Kind, Nulls, ex};
use crate::arity::{arg, repeated};
use crate::value::Value;

pub(super) static FUNCTIONS: &[Function] = &[
    Function {
        names: &["array_to_map"],
        args: &[arg("objects", Kind::Array), arg("key", Kind::Any)],
        returns: Kind::Object,
        nulls: Nulls::Pass,
        doc: "A map of the objects in an array, each under the value of one of its attributes, which is named as a text or bare. Of equal keys the first counts; an object without the attribute is left out.",
        examples: &[
            ex(
                r#"array_to_map([{"t": "x", "v": 1}, {"t": "x", "v": 2}, {"t": 3}], "t")"#,
                r#"{"x":{"t":"x","v":1},"3":{"t":3}}"#,
            ),
            ex(r#"array_to_map([{"t": "x"}], t)"#, r#"{"x":{"t":"x"}}"#),
        ],
        eval: keyed,
    },
    Function {
        names: &["to_map"],
        args: &[repeated("key", Kind::String), repeated("value", Kind::Any)],
        returns: Kind::Object,
        nulls: Nulls::Pass,
        doc: "A map of keys and values, in their order.",
        examples: &[ex(r#"to_map("a", 1)"#, r#"{"a":1}"#)],
        eval: |a| pairs(a).map(Value::object),
    },
];
