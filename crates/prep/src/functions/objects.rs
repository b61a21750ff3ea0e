//! The group Hierarchies - Objects.

use std::borrow::Cow;

use super::{Function, Kind, Nulls, ex, on};
use crate::arity::{arg, optional, repeated};
use crate::eval::Args;
use crate::failure::Failure;
use crate::path::{Found, SourcePath};
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
        nulls: Nulls::Keep,
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
        nulls: Nulls::Keep,
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
        nulls: Nulls::Keep,
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
];

/// The arguments as keys and values.
pub(super) fn pairs<'e>(a: &mut Args<'_, 'e>) -> Result<Members<'e>, Failure> {
    (0..a.len()).step_by(2).map(|position| Ok((a.text(position)?, a.value(position + 1)?))).collect()
}

/// The members of an argument that is an object.
fn members<'e>(a: &mut Args<'_, 'e>, position: usize) -> Result<Members<'e>, Failure> {
    let value = a.value(position)?;
    members_of(&value, a, position)
}

/// The members of what an argument yielded, if it is an object.
pub(super) fn members_of<'e>(
    value: &Value<'e>,
    a: &Args<'_, 'e>,
    position: usize,
) -> Result<Members<'e>, Failure> {
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

fn exists(found: &Found<'_, '_>) -> bool {
    match found {
        Found::Missing => false,
        Found::One(_) => true,
        Found::Each(items) => items.iter().any(exists),
    }
}
