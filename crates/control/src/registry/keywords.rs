//! The form of the keywords that a value is held against. A validator would pass over one that says nothing; it is refused when it is sent, so that
//! nobody relies on a bound that is none.

use serde_json::{Map, Value};

use super::RegistryError;
use super::error::invalid;

/// What a keyword takes, and how a message says so.
struct Form {
    keywords: &'static [&'static str],
    takes: fn(&Value) -> bool,
    text: &'static str,
}

const FORMS: [Form; 7] = [
    Form {
        keywords: &["$ref", "format", "meta:xdmType", "pattern"],
        takes: Value::is_string,
        text: "a string",
    },
    Form { keywords: &["maximum", "minimum", "multipleOf"], takes: Value::is_number, text: "a number" },
    Form {
        keywords: &["exclusiveMaximum", "exclusiveMinimum"],
        takes: |value| value.is_number() || value.is_boolean(),
        text: "a number, or true beside a bound",
    },
    Form {
        keywords: &["maxItems", "maxLength", "minItems", "minLength"],
        takes: Value::is_u64,
        text: "a whole number and not negative",
    },
    Form { keywords: &["uniqueItems"], takes: Value::is_boolean, text: "true or false" },
    Form {
        keywords: &["enum"],
        takes: |value| value.as_array().is_some_and(|values| !values.is_empty()),
        text: "a list of one value or more",
    },
    Form {
        keywords: &["required"],
        takes: |value| value.as_array().is_some_and(|names| names.iter().all(Value::is_string)),
        text: "a list of field names",
    },
];

/// Lower and upper ends of what a value may be.
const RANGES: [(&str, &str); 3] =
    [("minimum", "maximum"), ("minLength", "maxLength"), ("minItems", "maxItems")];

/// Checks the keywords of one node of a resource.
pub(super) fn check_keywords(node: &Map<String, Value>, path: &str) -> Result<(), RegistryError> {
    let place = if path.is_empty() { "the resource" } else { path };
    for form in &FORMS {
        for keyword in form.keywords {
            if let Some(value) = node.get(*keyword).filter(|value| !(form.takes)(value)) {
                return Err(invalid(format!("{keyword} of {place} must be {}: {value}", form.text)));
            }
        }
    }
    for (low, high) in RANGES {
        let bound = |keyword: &str| node.get(keyword).and_then(Value::as_f64);
        if let (Some(least), Some(most)) = (bound(low), bound(high))
            && least > most
        {
            let text = format!("no value of {place} can be valid: {low} {least} is above {high} {most}");
            return Err(invalid(text));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keywords_say_what_they_can() {
        for (node, expected) in [
            (json!({"type": "string", "minLength": 1, "maxLength": 1, "pattern": "^a$"}), None),
            (
                json!({"type": "number", "minimum": -1.5, "exclusiveMaximum": 4, "exclusiveMinimum": true}),
                None,
            ),
            (json!({"minLength": -1}), Some("minLength of /a must be a whole number and not negative: -1")),
            (json!({"maxLength": 1.5}), Some("maxLength of /a")),
            (json!({"minItems": "1"}), Some("minItems of /a")),
            (json!({"minimum": "1"}), Some("minimum of /a must be a number: \"1\"")),
            (json!({"exclusiveMinimum": "1"}), Some("exclusiveMinimum of /a")),
            (json!({"pattern": 7}), Some("pattern of /a must be a string: 7")),
            (json!({"format": ["date"]}), Some("format of /a")),
            (json!({"uniqueItems": "yes"}), Some("uniqueItems of /a")),
            (json!({"enum": []}), Some("enum of /a must be a list of one value or more: []")),
            (json!({"enum": "a"}), Some("enum of /a")),
            (json!({"required": "a"}), Some("required of /a must be a list of field names: \"a\"")),
            (json!({"required": [1]}), Some("required of /a")),
            // What only describes is kept as it is sent.
            (json!({"title": null, "description": 7, "meta:enum": ["a"]}), None),
            (json!({"minimum": 2, "maximum": 1}), Some("minimum 2 is above maximum 1")),
            (json!({"minLength": 2, "maxLength": 1}), Some("no value of /a can be valid")),
        ] {
            let Value::Object(members) = &node else { panic!("{node}") };
            let found = check_keywords(members, "/a").err().map(|error| error.to_string());
            match (&found, expected) {
                (None, None) => {}
                (Some(found), Some(expected)) => assert!(found.contains(expected), "{found}"),
                _ => panic!("{node}: {found:?}"),
            }
        }
    }
}
