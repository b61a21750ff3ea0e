//! The group Hierarchies - Map, with the map functions that the vendor lists under objects.

use super::objects::{members_of, pairs};
use super::{Function, Kind, Nulls, ex, on};
use crate::arithmetic::has_key;
use crate::arity::{arg, repeated};
use crate::value::Value;

pub(super) static FUNCTIONS: &[Function] = &[
    Function {
        names: &["to_map"],
        args: &[repeated("key", Kind::String), repeated("value", Kind::Any)],
        returns: Kind::Object,
        nulls: Nulls::Keep,
        doc: "A map of keys and values, in their order.",
        examples: &[ex(r#"to_map("a", 1)"#, r#"{"a":1}"#)],
        eval: |a| pairs(a).map(Value::object),
    },
    Function {
        names: &["map_get_values"],
        args: &[arg("map", Kind::Object), arg("key", Kind::Any)],
        returns: Kind::Any,
        nulls: Nulls::Pass,
        doc: "The value of a key, or for an array of keys the array of their values, each key once.",
        examples: &[
            on(r#"{"m":{"k":5}}"#, r#"map_get_values(m, "k")"#, "5"),
            on(r#"{"m":{"k":5,"j":6}}"#, r#"map_get_values(m, ["j", "k", "j"])"#, "[6,5]"),
        ],
        eval: |a| {
            let map = a.value(0)?;
            let key = a.value(1)?;
            let Some(keys) = key.elements(a.budget())? else {
                let name = key.into_text().ok_or_else(|| a.bad("a key is a text"))?;
                return map.member(&name, a.budget());
            };
            let mut seen = std::collections::HashSet::new();
            let mut values = Vec::new();
            for key in keys {
                let name = key.into_text().ok_or_else(|| a.bad("a key is a text"))?;
                if !seen.contains(&name) {
                    values.push(map.member(&name, a.budget())?);
                    seen.insert(name);
                }
            }
            Ok(Value::array(values))
        },
    },
    Function {
        names: &["map_has_keys"],
        args: &[arg("map", Kind::Object), arg("key", Kind::Any)],
        returns: Kind::Boolean,
        nulls: Nulls::Pass,
        doc: "Whether a map has a key, or any key of an array.",
        examples: &[
            on(r#"{"m":{"k":5}}"#, r#"map_has_keys(m, ["z", "k"])"#, "true"),
            on(r#"{"m":{"k":5}}"#, r#"map_has_keys(m, "z")"#, "false"),
        ],
        eval: |a| {
            let map = a.value(0)?;
            let key = a.value(1)?;
            for key in key.elements(a.budget())?.unwrap_or_else(|| vec![key]) {
                let name = key.into_text().ok_or_else(|| a.bad("a key is a text"))?;
                if has_key(&map, &name, a.budget())? {
                    return Ok(true.into());
                }
            }
            Ok(false.into())
        },
    },
    Function {
        names: &["add_to_map"],
        args: &[repeated("maps", Kind::Object)],
        returns: Kind::Object,
        nulls: Nulls::Keep,
        doc: "One map of several. Of equal keys the first counts.",
        examples: &[ex(r#"add_to_map({"a": 1}, {"a": 2, "b": 3})"#, r#"{"a":1,"b":3}"#)],
        eval: |a| {
            let mut all = Vec::new();
            for position in 0..a.len() {
                let map = a.value(position)?;
                if !map.is_null() {
                    all.extend(members_of(&map, a, position)?);
                }
            }
            let mut seen = std::collections::HashSet::new();
            all.retain(|(key, _)| seen.insert(key.clone()));
            Ok(Value::object(all))
        },
    },
];
