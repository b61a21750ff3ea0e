//! The group Hierarchies - Arrays. The four functions that the vendor has for destinations only work everywhere here.

use super::{Function, Kind, Nulls, ex, on};
use crate::arity::{arg, optional, repeated, rest};
use crate::budget::Budget;
use crate::eval::Args;
use crate::failure::Failure;
use crate::limits;
use crate::value::Value;

pub(super) static FUNCTIONS: &[Function] = &[
    Function {
        names: &["coalesce"],
        args: &[repeated("values", Kind::Any)],
        returns: Kind::Any,
        nulls: Nulls::Keep,
        doc: "The first value that is not null. Of a single array, its first element that is not null.",
        examples: &[
            ex("coalesce(null, [], 3)", "[]"),
            ex(r#"coalesce(missing, "b")"#, r#""b""#),
            on(r#"{"l":[{"x":null},{"x":7}]}"#, "coalesce(l.x)", "7"),
        ],
        eval: |a| {
            if a.len() == 1 {
                return Ok(a.spread(0)?.into_iter().find(|value| !value.is_null()).unwrap_or(Value::Null));
            }
            for position in 0..a.len() {
                let value = a.value(position)?;
                if !value.is_null() {
                    return Ok(value);
                }
            }
            Ok(Value::Null)
        },
    },
    Function {
        names: &["first"],
        args: &[repeated("values", Kind::Any)],
        returns: Kind::Any,
        nulls: Nulls::Keep,
        doc: "The first element of an array, or the first argument of several.",
        examples: &[
            ex("first([4, 5])", "4"),
            ex("first(1, 2)", "1"),
            ex("first([])", "null"),
            ex("first(null)", "null"),
        ],
        eval: |a| Ok(a.spread(0)?.into_iter().next().unwrap_or(Value::Null)),
    },
    Function {
        names: &["last"],
        args: &[repeated("values", Kind::Any)],
        returns: Kind::Any,
        nulls: Nulls::Keep,
        doc: "The last element of an array, or the last argument of several.",
        examples: &[ex("last([4, 5])", "5"), ex("last(1, 2)", "2"), ex("last([])", "null")],
        eval: |a| Ok(a.spread(0)?.into_iter().next_back().unwrap_or(Value::Null)),
    },
    Function {
        names: &["add_to_array"],
        args: &[arg("array", Kind::Array), rest("values", Kind::Any)],
        returns: Kind::Array,
        nulls: Nulls::Keep,
        doc: "The array with values added at its end. Null counts as an empty array.",
        examples: &[ex("add_to_array([1], 2, 3)", "[1,2,3]"), ex("add_to_array(null, 1)", "[1]")],
        eval: |a| {
            let mut items = a.array(0)?.unwrap_or_default();
            items.extend(a.values(1)?);
            bounded(items)
        },
    },
    Function {
        names: &["join_arrays"],
        args: &[arg("array", Kind::Array), rest("arrays", Kind::Array)],
        returns: Kind::Array,
        nulls: Nulls::Keep,
        doc: "One array of the elements of several.",
        examples: &[ex("join_arrays([1], [2], [3])", "[1,2,3]"), ex("join_arrays([1], null)", "[1]")],
        eval: |a| {
            let mut items = Vec::new();
            for position in 0..a.len() {
                items.extend(a.array(position)?.unwrap_or_default());
            }
            bounded(items)
        },
    },
    Function {
        names: &["to_array"],
        args: &[arg("includeNulls", Kind::Boolean), rest("values", Kind::Any)],
        returns: Kind::Array,
        nulls: Nulls::Keep,
        doc: "An array of the values; with false, without those that are null.",
        examples: &[ex("to_array(true, 1, null)", "[1,null]"), ex("to_array(false, 1, null)", "[1]")],
        eval: |a| {
            let include_nulls = a.truth(0)?;
            let values = a.values(1)?;
            Ok(Value::array(values.into_iter().filter(|value| include_nulls || !value.is_null()).collect()))
        },
    },
    Function {
        names: &["size_of"],
        args: &[arg("value", Kind::Any)],
        returns: Kind::Integer,
        nulls: Nulls::Keep,
        doc: "Elements of an array, members of an object, characters of a text; 0 for null.",
        examples: &[ex("size_of([null, 1])", "2"), ex(r#"size_of("abc")"#, "3"), ex("size_of(missing)", "0")],
        eval: |a| {
            let value = a.value(0)?;
            a.switches()
                .text_units
                .size(&value)
                .map(Value::from)
                .ok_or_else(|| a.bad(format!("{} has no size", value.kind())))
        },
    },
    Function {
        names: &["upsert_array_append"],
        args: &[arg("array", Kind::Array)],
        returns: Kind::Array,
        nulls: Nulls::Pass,
        doc: "In a merge the array is appended to the stored one. A record that is created has the array itself.",
        examples: &[ex("upsert_array_append([1])", "[1]")],
        eval: |a| Ok(a.array(0)?.map_or(Value::Null, Value::array)),
    },
    Function {
        names: &["upsert_array_replace"],
        args: &[arg("array", Kind::Array), optional("index", Kind::Integer)],
        returns: Kind::Array,
        nulls: Nulls::Pass,
        doc: "In a merge the array replaces elements of the stored one, from an index on. A record that is created has the array itself.",
        examples: &[ex("upsert_array_replace([1])", "[1]"), ex("upsert_array_replace([1, 2], 1)", "[1,2]")],
        eval: |a| {
            if a.integer_or(1, 0)? < 0 {
                return Err(a.bad("an index is not negative"));
            }
            Ok(a.array(0)?.map_or(Value::Null, Value::array))
        },
    },
    Function {
        names: &["array_to_string"],
        args: &[arg("separator", Kind::String), arg("array", Kind::Array)],
        returns: Kind::String,
        nulls: Nulls::Pass,
        doc: "The elements of an array, inner arrays included, with a separator between them. Objects are written as JSON with single quotes, dates as milliseconds since 1970.",
        examples: &[
            ex(r#"array_to_string("-", [[1], [2]])"#, r#""1-2""#),
            ex(r#"array_to_string(",", [{"a": "x"}])"#, r#""{'a':'x'}""#),
            ex(r#"array_to_string(",", [date("1970-01-02")])"#, r#""86400000""#),
        ],
        eval: array_to_string,
    },
    Function {
        names: &["filterArray"],
        args: &[arg("array", Kind::Array), arg("condition", Kind::Lambda)],
        returns: Kind::Array,
        nulls: Nulls::Pass,
        doc: "The elements for which a condition holds.",
        examples: &[
            ex("filterArray([1, 2], x -> x == 2)", "[2]"),
            on(
                r#"{"l":[{"t":"a","v":1},{"t":"b","v":2}]}"#,
                r#"filterArray(l, e -> e.t == "b")"#,
                r#"[{"t":"b","v":2}]"#,
            ),
        ],
        eval: |a| {
            let mut kept = Vec::new();
            for item in a.array(0)?.unwrap_or_default() {
                if a.apply(1, item.clone())?.truth() {
                    kept.push(item);
                }
            }
            Ok(Value::array(kept))
        },
    },
    Function {
        names: &["transformArray"],
        args: &[arg("array", Kind::Array), arg("change", Kind::Lambda)],
        returns: Kind::Array,
        nulls: Nulls::Pass,
        doc: "The results of a lambda for each element.",
        examples: &[
            ex("transformArray([1], x -> x * 5)", "[5]"),
            on(r#"{"l":["a","b"],"p":"-"}"#, "transformArray(l, x -> concat(p, x))", r#"["-a","-b"]"#),
        ],
        eval: |a| {
            let items = a.array(0)?.unwrap_or_default();
            items.into_iter().map(|item| a.apply(1, item)).collect::<Result<_, _>>().map(Value::array)
        },
    },
    Function {
        names: &["flattenArray"],
        args: &[arg("array", Kind::Array)],
        returns: Kind::Array,
        nulls: Nulls::Pass,
        doc: "The elements of an array with those of inner arrays in their place, at every level.",
        examples: &[ex("flattenArray([[1, [2]]])", "[1,2]"), ex("flattenArray([1, [], [null]])", "[1,null]")],
        eval: |a| {
            let mut flat = Vec::new();
            flatten(a.array(0)?.unwrap_or_default(), &mut flat, a.budget())?;
            bounded(flat)
        },
    },
];

fn bounded(items: Vec<Value<'_>>) -> Result<Value<'_>, Failure> {
    if items.len() > limits::ELEMENTS_MAX {
        return Err(Failure::ValueTooLarge { max: limits::ELEMENTS_MAX });
    }
    Ok(Value::array(items))
}

fn flatten<'e>(items: Vec<Value<'e>>, flat: &mut Vec<Value<'e>>, budget: &Budget) -> Result<(), Failure> {
    for item in items {
        match item.elements(budget)? {
            Some(inner) => flatten(inner, flat, budget)?,
            None => flat.push(item),
        }
    }
    Ok(())
}

fn array_to_string<'e>(a: &mut Args<'_, 'e>) -> Result<Value<'e>, Failure> {
    let separator = a.text(0)?;
    let Some(items) = a.array(1)? else {
        return Ok(Value::Null);
    };
    let mut flat = Vec::new();
    flatten(items, &mut flat, a.budget())?;
    let mut text = String::new();
    for (at, item) in flat.into_iter().enumerate() {
        if at > 0 {
            text.push_str(&separator);
        }
        match item {
            Value::Date(date) => text.push_str(&date.timestamp().as_millisecond().to_string()),
            Value::Object(_) | Value::Json(_) => {
                text.push_str(&item.into_json(a.budget())?.to_string().replace('"', "'"));
            }
            scalar => text.push_str(&scalar.into_text().unwrap_or_default()),
        }
        a.budget().touch(separator.len())?;
        if text.len() > limits::TEXT_BYTES_MAX {
            return Err(Failure::ValueTooLarge { max: limits::TEXT_BYTES_MAX });
        }
    }
    Ok(text.into())
}
