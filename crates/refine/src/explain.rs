//! How a mapping came to what it made of a record, for those that read failed records.

use vocab::{Json, Node};

use crate::limits::EXPLAIN_BYTES_MAX;
use crate::plan::Mapping;

/// What became of each item, as JSON. The record is mapped once more for it, which only failed records are.
pub(crate) fn explain<'t>(
    mapping: &'t Mapping,
    record: Node<'t, 't>,
    context: &prep::Context,
) -> Option<String> {
    let (_, told) = mapping.set.explain(record, context);
    let items = told.as_array().unwrap_or_default().iter().map(Json::to_string);
    Some(bounded(items))
}

/// The list as text: the first of its members that have room, then that there were more.
fn bounded(items: impl Iterator<Item = String>) -> String {
    let more = r#"{"truncated":true}"#;
    let mut text = String::from("[");
    for (at, item) in items.enumerate() {
        let comma = if at == 0 { "" } else { "," };
        if text.len() + item.len() + more.len() + 3 > EXPLAIN_BYTES_MAX {
            text = text + comma + more;
            break;
        }
        text = text + comma + &item;
    }
    text + "]"
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn bounded(items: Vec<Value>) -> String {
        super::bounded(items.iter().map(Value::to_string))
    }

    #[test]
    fn what_has_no_room_is_cut_between_members() {
        assert_eq!(bounded(Vec::new()), "[]");
        let some: Vec<Value> = (0..3).map(|at| json!({ "mapping": at })).collect();
        assert_eq!(bounded(some.clone()), json!(some).to_string());
        let long: Vec<Value> = (0..100).map(|_| json!({ "message": "x".repeat(1000) })).collect();
        let text = bounded(long);
        assert!(text.len() <= EXPLAIN_BYTES_MAX, "{}", text.len());
        let kept: Vec<Value> = serde_json::from_str(&text).unwrap();
        assert_eq!(kept.last(), Some(&json!({ "truncated": true })));
        assert!(kept.len() > 60, "{}", kept.len());
        assert_eq!(bounded(vec![json!("x".repeat(EXPLAIN_BYTES_MAX))]), r#"[{"truncated":true}]"#);
    }
}
