//! What Flow Service reads from a request beside the body.

use control::flow::{FlowError, Mode, Query};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use crate::api::call::{BodyError, Call};

impl From<BodyError> for FlowError {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::Empty => FlowError::EmptyBody,
            other => FlowError::Invalid(other.to_string()),
        }
    }
}

impl Call {
    pub(super) fn mode(&self) -> Mode {
        match self.parameter("mode") {
            Some(mode) if mode.eq_ignore_ascii_case("draft") => Mode::Draft,
            _ => Mode::Complete,
        }
    }

    /// The list request in the body of a search; a continuation token is in the query string. The body may be missing.
    pub(super) fn search(&self) -> Result<Query, FlowError> {
        let mut parameters = self.parameters.clone();
        if !self.is_empty() {
            parameters.extend(search_parameters(&self.object()?));
        }
        Query::parse(&parameters)
    }
}

/// `{"queryString", "limit", "orderby", "count", "projectionFields"}` as query parameters.
fn search_parameters(body: &Map<String, Value>) -> Vec<(String, String)> {
    let mut parameters = Vec::new();
    for name in ["limit", "orderby", "count", "projectionFields"] {
        let value = match body.get(name) {
            None | Some(Value::Null) => continue,
            Some(Value::String(text)) => text.clone(),
            Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(","),
            Some(other) => other.to_string(),
        };
        parameters.push((name.to_owned(), value));
    }
    let text = body.get("queryString").and_then(Value::as_str).unwrap_or_default();
    for part in text.trim_start_matches('?').split('&').filter(|part| !part.is_empty()) {
        parameters.push(search_part(part));
    }
    parameters
}

/// One part of a query string: a known parameter, else a property expression by itself.
fn search_part(part: &str) -> (String, String) {
    let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    match part.split_once('=') {
        Some((name @ ("property" | "limit" | "orderby" | "count"), value)) => {
            (name.to_owned(), decode(value))
        }
        _ => ("property".to_owned(), decode(part)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(body: Value, expected: &[(&str, &str)]) {
        let expected: Vec<_> = expected.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        assert_eq!(search_parameters(body.as_object().unwrap()), expected, "{body}");
    }

    #[test]
    fn search_bodies() {
        check(json!({}), &[]);
        check(json!({"limit": 5, "count": true}), &[("limit", "5"), ("count", "true")]);
        check(json!({"orderby": "+name", "limit": null}), &[("orderby", "+name")]);
        check(json!({"projectionFields": ["id", "name"]}), &[("projectionFields", "id,name")]);
        let both = [("property", "name==a b"), ("property", "state==enabled")];
        check(json!({"queryString": "property=name==a b&property=state==enabled"}), &both);
        check(json!({"queryString": "?property=name%3D%3Da%20b&state==enabled"}), &both);
        check(json!({"queryString": "name==x"}), &[("property", "name==x")]);
        check(json!({"queryString": 7}), &[]);
    }
}
