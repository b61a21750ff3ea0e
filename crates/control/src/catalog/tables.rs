//! Names of tables, and tags as clients send them.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

/// The tag that holds the name of a dataset's table.
pub(super) const TABLE_TAG: &str = "adobe/pqs/table";

/// The tag that holds the format of a dataset's table.
pub(super) const FORMAT_TAG: &str = "adobe/siphon/table/format";

/// Longest table name; engines take more, people do not.
const TABLE_CHARS_MAX: usize = 96;

/// The table's name: the dataset's in lower case, letters, digits and single underscores.
fn slug(name: &str) -> String {
    let mut slug = String::new();
    for c in name.to_lowercase().chars() {
        if c.is_ascii_alphanumeric() {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('_') {
            slug.push('_');
        }
    }
    slug.truncate(TABLE_CHARS_MAX);
    let slug = slug.trim_end_matches('_');
    match slug.chars().next() {
        None => "dataset".to_owned(),
        // An unquoted name of SQL does not begin with a digit.
        Some(first) if first.is_ascii_digit() => format!("t_{slug}"),
        Some(_) => slug.to_owned(),
    }
}

/// A name that is not taken: the slug, else `_2`, `_3`, ….
pub(super) fn free_name(name: &str, taken: &HashSet<String>) -> String {
    let slug = slug(name);
    if !taken.contains(&slug) {
        return slug;
    }
    let mut number: u64 = 2;
    loop {
        let next = format!("{slug}_{number}");
        if !taken.contains(&next) {
            return next;
        }
        number += 1;
    }
}

/// Tags as arrays of texts: a bare text, boolean or number is one value.
pub(super) fn normal_tags(tags: &Value) -> Option<Map<String, Value>> {
    let text = |value: &Value| match value {
        Value::String(text) => Some(json!(text)),
        Value::Bool(_) | Value::Number(_) => Some(json!(value.to_string())),
        _ => None,
    };
    let mut normal = Map::new();
    for (name, value) in tags.as_object()? {
        let values = match value {
            Value::Array(values) => values.iter().map(text).collect::<Option<Vec<_>>>()?,
            Value::Null => continue,
            one => vec![text(one)?],
        };
        normal.insert(name.clone(), Value::Array(values));
    }
    Some(normal)
}

/// Whether a tag says `enabled:true`; blanks around the colon are common.
pub(super) fn is_enabled(tags: &Map<String, Value>, name: &str) -> bool {
    let values = tags.get(name).and_then(Value::as_array);
    values.into_iter().flatten().filter_map(Value::as_str).any(|value| {
        value.split_once(':').is_some_and(|(key, value)| key.trim() == "enabled" && value.trim() == "true")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_names() {
        for (name, expected) in [
            ("Loyalty Members", "loyalty_members"),
            ("  Web – Events (v2)! ", "web_events_v2"),
            ("2024 sales", "t_2024_sales"),
            ("数据", "dataset"),
            ("", "dataset"),
            ("a__b", "a_b"),
        ] {
            assert_eq!(free_name(name, &HashSet::new()), expected, "{name}");
        }
        let taken = ["visits", "visits_2"].map(str::to_owned).into();
        assert_eq!(free_name("Visits", &taken), "visits_3");
    }

    #[test]
    fn tags_become_arrays_of_texts() {
        let tags = json!({"a": "x", "b": ["y", true], "c": true, "d": null});
        let normal = normal_tags(&tags).unwrap();
        assert_eq!(Value::Object(normal), json!({"a": ["x"], "b": ["y", "true"], "c": ["true"]}));
        assert!(normal_tags(&json!({"a": {"b": 1}})).is_none());
        assert!(normal_tags(&json!("a")).is_none());
    }

    #[test]
    fn enabled_tags() {
        for (value, expected) in [
            (json!(["enabled:true"]), true),
            (json!(["isUpsert:true", "enabled: true"]), true),
            (json!(["enabled:false"]), false),
            (json!([]), false),
        ] {
            let tags = json!({ "unifiedProfile": value });
            assert_eq!(is_enabled(tags.as_object().unwrap(), "unifiedProfile"), expected, "{value}");
        }
    }
}
