//! The group Hierarchies - Objects.

use std::borrow::Cow;

use super::{Function, Kind, Nulls, ex, on};
use crate::arithmetic::has_key;
use crate::arity::{arg, optional, repeated, rest};
use crate::budget::Budget;
use crate::eval::Args;
use crate::failure::Failure;
use crate::path::{Found, SourcePath};
use crate::switches::MapGetValues;
use crate::value::{Members, Value};

pub(super) static FUNCTIONS: &[Function] = &[
    Function {
        names: &["is_empty"],
        args: &[arg("value", Kind::Any)],
        returns: Kind::Boolean,
        nulls: Nulls::Keep,
        doc: "True for null and for an empty text, array or object.",
        examples: &[
            ex("is_empty([])", "true"),
            ex(r#"is_empty(" ")"#, "false"),
            ex("is_empty(missing)", "true"),
        ],
        eval: |a| Ok(a.value(0)?.is_empty().into()),
    },
    Function {
        names: &["arrays_to_object", "arrays_to_objects"],
        args: &[repeated("key", Kind::String), repeated("values", Kind::Array)],
        returns: Kind::Array,
        nulls: Nulls::Pass,
        doc: "An array of objects; the first takes the first element of each array, and so on. Where an array is shorter its key is absent.",
        examples: &[
            ex(r#"arrays_to_objects("a", [1, 2], "b", ["x", "y"])"#, r#"[{"a":1,"b":"x"},{"a":2,"b":"y"}]"#),
            ex(r#"arrays_to_objects("a", [1, 2], "b", ["x"])"#, r#"[{"a":1,"b":"x"},{"a":2}]"#),
        ],
        eval: |a| {
            let mut objects: Vec<Vec<(Cow<'_, str>, Value<'_>)>> = Vec::new();
            for position in (0..a.len()).step_by(2) {
                let key = a.text(position)?;
                for (at, item) in a.array(position + 1)?.unwrap_or_default().into_iter().enumerate() {
                    if at == objects.len() {
                        objects.push(Vec::new());
                    }
                    a.budget().touch(key.len())?;
                    objects[at].push((key.clone(), item));
                }
            }
            Ok(Value::array(objects.into_iter().map(Value::object).collect()))
        },
    },
    Function {
        names: &["to_object"],
        args: &[repeated("key", Kind::String), repeated("value", Kind::Any)],
        returns: Kind::Object,
        nulls: Nulls::Pass,
        doc: "An object of keys and values, in their order.",
        examples: &[
            ex(r#"to_object("a", 1)"#, r#"{"a":1}"#),
            on(
                r#"{"custNo":"C-1"}"#,
                r#"to_object("CRM", to_array(false, to_object("id", custNo, "primary", true)))"#,
                r#"{"CRM":[{"id":"C-1","primary":true}]}"#,
            ),
        ],
        eval: |a| pairs(a).map(Value::object),
    },
    Function {
        names: &["str_to_object"],
        args: &[
            arg("text", Kind::String),
            optional("valueDelimiter", Kind::String),
            optional("fieldDelimiter", Kind::String),
        ],
        returns: Kind::Object,
        nulls: Nulls::Pass,
        doc: "An object of the fields in a text such as `a:1, b:2`. Keys and values are trimmed; a part without the value delimiter is skipped.",
        examples: &[
            ex(r#"str_to_object("a:1, b:2")"#, r#"{"a":"1","b":"2"}"#),
            ex(r#"str_to_object("a=1;b=x=y;c", "=", ";")"#, r#"{"a":"1","b":"x=y"}"#),
            ex(r#"str_to_object("a:1").get("a")"#, r#""1""#),
        ],
        eval: |a| {
            let (text, value_delimiter, field_delimiter) = (a.text(0)?, a.text(1)?, a.text(2)?);
            Ok(Value::object(
                fields(&text, &value_delimiter, &field_delimiter).map(|(key, value)| {
                    (Cow::Owned(key.to_owned()), Value::Text(Cow::Owned(value.to_owned())))
                }),
            ))
        },
    },
    Function {
        names: &["contains_key", "is_set"],
        args: &[arg("path", Kind::String)],
        returns: Kind::Boolean,
        nulls: Nulls::Pass,
        doc: "Whether the record has a field of that path, be it null. `is_set` is its deprecated name.",
        examples: &[
            on(r#"{"a":{"b":1}}"#, r#"contains_key("a.b")"#, "true"),
            on(r#"{"a":{"b":null}}"#, r#"contains_key("a.b")"#, "true"),
            on(r#"{"a":{"b":1}}"#, r#"is_set("a.c")"#, "false"),
        ],
        eval: |a| {
            let text = a.text(0)?;
            let path = SourcePath::parse(&text).map_err(|error| a.bad(error.to_string()))?;
            a.budget().work(path.steps.len())?;
            Ok(exists(&path.read(a.record(), a.budget())?).into())
        },
    },
    Function {
        names: &["nullify"],
        args: &[],
        returns: Kind::Any,
        nulls: Nulls::Keep,
        doc: "Marks a field that is not to be carried: nothing is written to it.",
        examples: &[ex("nullify()", "null"), ex(r#"iif(true, nullify(), "x")"#, "null")],
        eval: |_| Ok(Value::Nullify),
    },
    Function {
        names: &["get_keys"],
        args: &[arg("object", Kind::Object)],
        returns: Kind::Array,
        nulls: Nulls::Pass,
        doc: "The keys of an object, in its order.",
        examples: &[on(r#"{"o":{"x":1,"y":2}}"#, "get_keys(o)", r#"["x","y"]"#)],
        eval: |a| Ok(Value::array(members(a, 0)?.into_iter().map(|(key, _)| Value::Text(key)).collect())),
    },
    Function {
        names: &["get_values"],
        args: &[
            arg("text", Kind::String),
            arg("key", Kind::String),
            arg("valueDelimiter", Kind::String),
            optional("fieldDelimiter", Kind::String),
        ],
        returns: Kind::String,
        nulls: Nulls::Pass,
        doc: "The value of one key in a text such as `a:1;b:2`. Null or empty delimiters are `:` and `,`.",
        examples: &[
            ex(r#"get_values("a:1;b:2", "b", ":", ";")"#, r#""2""#),
            ex(r#"get_values("a:1", "z", ":")"#, "null"),
        ],
        eval: |a| {
            let (text, key, value_delimiter, field_delimiter) =
                (a.text(0)?, a.text(1)?, a.text(2)?, a.text(3)?);
            // As in an object of these fields, the last of equal keys counts.
            let found =
                fields(&text, &value_delimiter, &field_delimiter).filter(|(name, _)| *name == key).last();
            Ok(found.map_or(Value::Null, |(_, value)| Value::Text(Cow::Owned(value.to_owned()))))
        },
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
                if a.switches().map_get_values == MapGetValues::Map {
                    let found = has_key(&map, &name, a.budget())?;
                    let value = map.member(&name, a.budget())?;
                    return Ok(Value::object(found.then_some((name, value))));
                }
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
    Function {
        names: &["object_to_map"],
        args: &[arg("value", Kind::Any), rest("more", Kind::Any)],
        returns: Kind::Object,
        nulls: Nulls::Pass,
        doc: "A map of keys and values, of one object, or of the objects in an array, each under the value of one of its attributes, which is named as a text or bare.",
        examples: &[
            ex(r#"object_to_map([{"t": "x", "v": 1}], "t")"#, r#"{"x":{"t":"x","v":1}}"#),
            ex(r#"object_to_map({"a": 1})"#, r#"{"a":1}"#),
            ex(r#"object_to_map("a", 1, 2, "b")"#, r#"{"a":1,"2":"b"}"#),
        ],
        eval: |a| match a.len() {
            1 => members(a, 0).map(Value::object),
            2 if a.first_is_array()? => keyed(a),
            count if count % 2 == 0 => pairs(a).map(Value::object),
            _ => Err(a.bad("keys and values come in pairs")),
        },
    },
];

/// The arguments as keys and values.
pub(super) fn pairs<'e>(a: &mut Args<'_, 'e>) -> Result<Members<'e>, Failure> {
    (0..a.len()).step_by(2).map(|position| Ok((a.text(position)?, a.value(position + 1)?))).collect()
}

/// The objects in the first argument under the value of the attribute that the second names.
pub(super) fn keyed<'e>(a: &mut Args<'_, 'e>) -> Result<Value<'e>, Failure> {
    let objects = a.array(0)?.unwrap_or_default();
    let name = match a.bare_name(1) {
        Some(name) if any_has(&objects, name, a.budget())? => Cow::Borrowed(name),
        bare => match a.text_or_null(1)? {
            Some(name) => name,
            None if bare.is_some() => return Ok(Value::object([])),
            None => return Err(a.bad("the key has no name")),
        },
    };
    let mut seen = std::collections::HashSet::new();
    let mut members: Members<'e> = Vec::new();
    for object in objects {
        if !object.is_object() {
            return Err(a.bad(format!("the array holds objects, not {}", object.kind())));
        }
        let key = object.member(&name, a.budget())?;
        if key.is_null() {
            continue;
        }
        let key = key.into_text().ok_or_else(|| a.bad("a key is a text"))?;
        if seen.insert(key.clone()) {
            members.push((key, object));
        }
    }
    Ok(Value::object(members))
}

fn any_has(objects: &[Value<'_>], name: &str, budget: &Budget) -> Result<bool, Failure> {
    for object in objects {
        if has_key(object, name, budget)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The members of an argument that is an object.
fn members<'e>(a: &mut Args<'_, 'e>, position: usize) -> Result<Members<'e>, Failure> {
    let value = a.value(position)?;
    members_of(&value, a, position)
}

/// The members of what an argument yielded, if it is an object.
fn members_of<'e>(value: &Value<'e>, a: &Args<'_, 'e>, position: usize) -> Result<Members<'e>, Failure> {
    value
        .members(a.budget())?
        .ok_or_else(|| a.bad(format!("argument {} must be an object, not {}", position + 1, value.kind())))
}

fn fields<'t>(
    text: &'t str,
    value_delimiter: &str,
    field_delimiter: &str,
) -> impl Iterator<Item = (&'t str, &'t str)> {
    let or =
        |given: &str, default: &str| if given.is_empty() { default.to_owned() } else { given.to_owned() };
    let (value_delimiter, field_delimiter) = (or(value_delimiter, ":"), or(field_delimiter, ","));
    let parts: Vec<&str> = text.split(field_delimiter.as_str()).collect();
    parts.into_iter().filter_map(move |part| {
        let (key, value) = part.split_once(value_delimiter.as_str())?;
        Some((key.trim(), value.trim()))
    })
}

fn exists(found: &Found<'_>) -> bool {
    match found {
        Found::Missing => false,
        Found::One(_) => true,
        Found::Each(items) => items.iter().any(exists),
    }
}
