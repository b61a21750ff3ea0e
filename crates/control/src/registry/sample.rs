//! Sample data: one object with a filler for every field, as documented.

use serde_json::{Map, Value, json};
use store::Tx;

use super::accept::Notation;
use super::error::Missing;
use super::parts::Parts;
use super::{Form, Found, RegistryError, find, item};
use crate::Scope;
use crate::limits::SAMPLE_VALUES_MAX;

/// A sample for a resource, in standard names unless those of ingestion are asked for.
pub async fn sample(
    tx: &mut Tx,
    scope: &Scope,
    id: &str,
    form: Option<&Form>,
    notation: Notation,
) -> Result<Value, RegistryError> {
    if let Some(form) = form {
        form.check_major(Missing::Any, id)?;
    }
    let found: Found = find(tx, scope, id).await?.ok_or_else(|| RegistryError::unknown(id))?;
    let parts = Parts::of(tx, scope, &found.doc()).await?;
    let mut tree = item::composed(&found, scope, &parts)?;
    if notation == Notation::Xdm {
        tree = xdm::to_xdm_names(&tree);
    }
    let mut left = SAMPLE_VALUES_MAX;
    Ok(filler(&tree, &mut left))
}

/// A value for a field. When there are no more values to give, objects end empty.
fn filler(field: &Value, left: &mut usize) -> Value {
    *left = left.saturating_sub(1);
    let text = |key: &str| field.get(key).and_then(Value::as_str).unwrap_or_default();
    if let Some(first) = field.get("enum").and_then(Value::as_array).and_then(|values| values.first()) {
        return first.clone();
    }
    if let Some(only) = field.get("const") {
        return only.clone();
    }
    match text("meta:xdmType") {
        "boolean" => json!(false),
        "number" => json!(number(field)),
        "byte" | "short" | "int" | "long" => json!(integer(field)),
        "date" => json!("2018-01-12"),
        "date-time" => json!("2004-10-23T12:00:00-06:00"),
        "array" => match field.get("items").filter(|items| items.is_object()) {
            Some(items) if *left > 0 => json!([filler(items, left)]),
            _ => json!([]),
        },
        "map" => match field.get("additionalProperties").filter(|values| values.is_object()) {
            Some(values) if *left > 0 => json!({ "key": filler(values, left) }),
            _ => json!({}),
        },
        "object" => {
            let mut out = Map::new();
            for (name, field) in field.get("properties").and_then(Value::as_object).into_iter().flatten() {
                if *left == 0 {
                    break;
                }
                out.insert(name.clone(), filler(field, left));
            }
            Value::Object(out)
        }
        _ => json!(match text("format") {
            "uri-reference" => "/uri-reference",
            "uri" | "url" => "http://www.example.com/",
            "email" => "john.smith@abc.com",
            "ipv4" => "192.0.2.1",
            "ipv6" => "2001:db8::1",
            "time" => "12:00:00Z",
            _ => "string",
        }),
    }
}

/// A number in the range of a field.
fn number(field: &Value) -> f64 {
    let bound = |key: &str| field.get(key).and_then(Value::as_f64);
    let low = bound("minimum").or(bound("exclusiveMinimum").map(|low| low + 0.5));
    let high = bound("maximum").or(bound("exclusiveMaximum").map(|high| high - 0.5));
    match (low, high) {
        (Some(low), Some(high)) => f64::midpoint(low, high),
        (Some(low), None) => low.max(100.0),
        (None, Some(high)) => high.min(100.0),
        (None, None) => 100.0,
    }
}

fn integer(field: &Value) -> i64 {
    let bound = |key: &str| field.get(key).and_then(Value::as_f64);
    let low = bound("minimum").or(bound("exclusiveMinimum").map(|low| low + 1.0));
    let high = bound("maximum").or(bound("exclusiveMaximum").map(|high| high - 1.0));
    let value = 100_f64.max(low.unwrap_or(f64::MIN)).min(high.unwrap_or(f64::MAX));
    // Bounds of a long fit, and others are cut to it.
    value.ceil() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(field: Value, expected: Value) {
        assert_eq!(filler(&field, &mut 100), expected, "{field}");
    }

    #[test]
    fn fillers() {
        let typed = |kind: &str| json!({ "meta:xdmType": kind });
        check(typed("string"), json!("string"));
        check(json!({"meta:xdmType": "string", "format": "email"}), json!("john.smith@abc.com"));
        check(json!({"meta:xdmType": "string", "format": "uri-reference"}), json!("/uri-reference"));
        check(json!({"meta:xdmType": "string", "enum": ["b", "a"]}), json!("b"));
        check(typed("boolean"), json!(false));
        check(typed("date"), json!("2018-01-12"));
        check(typed("date-time"), json!("2004-10-23T12:00:00-06:00"));
        check(json!({"meta:xdmType": "byte", "minimum": -128, "maximum": 7}), json!(7));
        check(json!({"meta:xdmType": "int", "exclusiveMinimum": 200}), json!(201));
        check(json!({"meta:xdmType": "number", "minimum": 0, "maximum": 1}), json!(0.5));
        check(json!({"meta:xdmType": "array", "items": typed("int")}), json!([100]));
        check(
            json!({"meta:xdmType": "map", "additionalProperties": typed("string")}),
            json!({"key": "string"}),
        );
        let object =
            json!({"meta:xdmType": "object", "properties": {"a": typed("int"), "b": typed("object")}});
        check(object.clone(), json!({"a": 100, "b": {}}));
        assert_eq!(filler(&object, &mut 2), json!({"a": 100}));
    }
}
