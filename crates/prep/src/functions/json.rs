//! The group JSON.

use vocab::Json;

use super::{Function, Kind, Nulls, ex};
use crate::arity::arg;
use crate::budget::Budget;
use crate::failure::Failure;
use crate::value::Value;

pub(super) static FUNCTIONS: &[Function] = &[Function {
    names: &["json_to_object"],
    args: &[arg("text", Kind::String)],
    returns: Kind::Any,
    nulls: Nulls::Pass,
    doc: "Reads a text as JSON: an object or an array.",
    examples: &[
        ex(r#"json_to_object('{"a":[1]}')"#, r#"{"a":[1]}"#),
        ex(r#"json_to_object('{"a":{"b":"c"}}').a.b"#, r#""c""#),
    ],
    eval: |a| {
        let text = a.text(0)?;
        a.budget().touch(text.len())?;
        match Json::parse(text.as_bytes()) {
            Ok(json @ (Json::Array(_) | Json::Object(_))) => own(json, a.budget()),
            Ok(_) => Err(a.bad("the text holds neither an object nor an array")),
            Err(_) => Err(a.bad("the text is not JSON")),
        }
    },
}];

/// A parsed value with no borrow of its text.
fn own<'e>(json: Json<'_>, budget: &Budget) -> Result<Value<'e>, Failure> {
    budget.work(1)?;
    Ok(match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Boolean(value),
        Json::Int(value) => Value::Integer(value),
        Json::Float(value) => Value::Decimal(value),
        Json::String(text) => text.into_owned().into(),
        Json::Array(items) => {
            Value::array(items.into_iter().map(|item| own(item, budget)).collect::<Result<_, _>>()?)
        }
        Json::Object(object) => {
            let members =
                object.0.into_iter().map(|(key, value)| Ok((key.into_owned().into(), own(value, budget)?)));
            Value::object(members.collect::<Result<Vec<_>, Failure>>()?)
        }
    })
}
