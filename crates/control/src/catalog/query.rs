//! List requests: filters, order, page and projection over objects as they are shown.

use std::cmp::Ordering;

use serde_json::{Map, Value};

use super::error::CatalogError;
use crate::limits::{FILTERS_MAX, PAGE_ITEMS_DEFAULT, PAGE_ITEMS_MAX};

/// What a list is asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    pub(super) limit: usize,
    pub(super) start: usize,
    /// Property, and whether descending.
    pub(super) order: Vec<(String, bool)>,
    properties: Option<Vec<String>>,
    filters: Vec<Filter>,
}

#[derive(Clone, Debug, PartialEq)]
enum Filter {
    Exists(String),
    Absent(String),
    Compare(String, Comparison, String),
    AnyOf(String, Vec<String>),
    NoneOf(String, Vec<String>),
    Tag(String, String),
    /// A time in milliseconds: later than, or before.
    Time(&'static str, bool, i64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Matches,
}

/// The longer ones first: `<=` is not `<`.
const COMPARISONS: [(&str, Comparison); 7] = [
    ("==", Comparison::Equal),
    ("!=", Comparison::NotEqual),
    ("<=", Comparison::LessOrEqual),
    (">=", Comparison::GreaterOrEqual),
    ("<", Comparison::Less),
    (">", Comparison::Greater),
    ("~", Comparison::Matches),
];

const TIMES: [(&str, &str, bool); 6] = [
    ("createdAfter", "created", true),
    ("createdBefore", "created", false),
    ("startAfter", "started", true),
    ("startBefore", "started", false),
    ("endAfter", "completed", true),
    ("endBefore", "completed", false),
];

/// Parameters that filter nothing.
const IGNORED: [&str; 5] = ["requestDataSource", "aggregate", "count", "expansion", "includeDeleted"];

impl Query {
    pub fn parse(parameters: &[(String, String)]) -> Result<Self, CatalogError> {
        let mut query = Query {
            limit: PAGE_ITEMS_DEFAULT,
            start: 0,
            order: Vec::new(),
            properties: None,
            filters: Vec::new(),
        };
        for (name, value) in parameters {
            query.parameter(name, value)?;
        }
        if query.filters.len() > FILTERS_MAX {
            return Err(CatalogError::invalid(format!("a list takes at most {FILTERS_MAX} filters")));
        }
        Ok(query)
    }

    fn parameter(&mut self, name: &str, value: &str) -> Result<(), CatalogError> {
        match name {
            "limit" => {
                let limit: usize = value.parse().map_err(|_| bad_limit(value))?;
                if limit == 0 {
                    return Err(bad_limit(value));
                }
                self.limit = limit.min(PAGE_ITEMS_MAX);
            }
            "start" | "offset" => {
                let bad =
                    |_| CatalogError::invalid(format!("{name} must be a number from 0 on, and is {value}"));
                self.start = value.parse().map_err(bad)?;
            }
            "orderBy" | "orderby" | "sort" => self.order = order(value),
            "properties" => self.properties = Some(list(value)),
            "property" => self.filters.push(expression(value)?),
            "tags" => {
                for tag in list(value) {
                    let bad = || CatalogError::invalid(format!("a tag filter is name:value, and not {tag}"));
                    let (name, wanted) = tag.split_once(':').ok_or_else(bad)?;
                    self.filters.push(Filter::Tag(name.trim().to_owned(), wanted.trim().to_owned()));
                }
            }
            _ if IGNORED.contains(&name) => {}
            _ => match TIMES.iter().find(|(time, _, _)| *time == name) {
                Some((_, field, after)) => {
                    let bad = |_| CatalogError::invalid(format!("{name} must be milliseconds since 1970"));
                    self.filters.push(Filter::Time(field, *after, value.parse().map_err(bad)?));
                }
                None => self.filters.push(simple(name, value)),
            },
        }
        Ok(())
    }

    /// Whether an object is asked for.
    pub fn passes(&self, item: &Value) -> bool {
        self.filters.iter().all(|filter| filter.passes(item))
    }

    /// The values of a filter `{name}={v1},{v2}`, for a source that can select by them itself.
    pub(super) fn any_of(&self, name: &str) -> Option<&[String]> {
        self.filters.iter().find_map(|filter| match filter {
            Filter::AnyOf(field, values) if field == name => Some(values.as_slice()),
            _ => None,
        })
    }

    /// The page of the objects that pass, in order, keyed by id.
    pub fn select(&self, items: Vec<(String, Value)>) -> Map<String, Value> {
        let mut found: Vec<(String, Value)> =
            items.into_iter().filter(|(_, item)| self.passes(item)).collect();
        self.sort(&mut found);
        self.page(found, self.start)
    }

    /// Puts objects in the order that is asked for; without one they stay as they are.
    pub(super) fn sort(&self, items: &mut [(String, Value)]) {
        if !self.order.is_empty() {
            items.sort_by(|(_, left), (_, right)| self.compare(left, right));
        }
    }

    /// One page of objects that passed, behind those that are skipped.
    pub(super) fn page(&self, items: Vec<(String, Value)>, skip: usize) -> Map<String, Value> {
        let page = items.into_iter().skip(skip).take(self.limit);
        page.map(|(id, item)| (id, self.project(item))).collect()
    }

    /// The members that are asked for.
    pub fn project(&self, item: Value) -> Value {
        match (&self.properties, item) {
            (Some(names), Value::Object(mut item)) => {
                item.retain(|name, _| names.contains(name));
                Value::Object(item)
            }
            (_, item) => item,
        }
    }

    fn compare(&self, left: &Value, right: &Value) -> Ordering {
        let one = |(name, descending): &(String, bool)| {
            let ordering = compare_values(left.get(name), right.get(name));
            if *descending { ordering.reverse() } else { ordering }
        };
        self.order.iter().map(one).find(|ordering| ordering.is_ne()).unwrap_or(Ordering::Equal)
    }
}

impl Filter {
    fn passes(&self, item: &Value) -> bool {
        match self {
            Filter::Exists(name) => field(item, name).is_some(),
            Filter::Absent(name) => field(item, name).is_none(),
            Filter::Compare(name, comparison, wanted) => {
                field(item, name).is_some_and(|found| match comparison {
                    Comparison::Equal => texts(found).iter().any(|text| matches(text, wanted)),
                    Comparison::NotEqual => !texts(found).iter().any(|text| matches(text, wanted)),
                    Comparison::Matches => {
                        let regex = fancy_regex::RegexBuilder::new(wanted).backtrack_limit(10_000).build();
                        regex.is_ok_and(|regex| {
                            texts(found).iter().any(|text| regex.is_match(text).unwrap_or(false))
                        })
                    }
                    Comparison::Less => order_of(found, wanted).is_lt(),
                    Comparison::LessOrEqual => order_of(found, wanted).is_le(),
                    Comparison::Greater => order_of(found, wanted).is_gt(),
                    Comparison::GreaterOrEqual => order_of(found, wanted).is_ge(),
                })
            }
            Filter::AnyOf(name, wanted) => is_one_of(item, name, wanted),
            Filter::NoneOf(name, wanted) => !is_one_of(item, name, wanted),
            Filter::Tag(name, wanted) => {
                let found = item.get("tags").and_then(|tags| tags.get(name));
                found.is_some_and(|found| texts(found).iter().any(|text| matches(text, wanted)))
            }
            Filter::Time(name, after, time) => {
                let found = item.get(*name).and_then(Value::as_i64);
                found.is_some_and(|found| if *after { found > *time } else { found < *time })
            }
        }
    }
}

fn bad_limit(value: &str) -> CatalogError {
    CatalogError::invalid(format!("limit must be from 1 to {PAGE_ITEMS_MAX}, and is {value}"))
}

fn list(value: &str) -> Vec<String> {
    value.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// `prop`, `asc:prop` or `desc:prop`, several with commas; a direction carries on to those without one.
fn order(value: &str) -> Vec<(String, bool)> {
    let mut descending = false;
    let one = |part: String| {
        let (direction, name) = part.split_once(':').unwrap_or(("", &part));
        match direction {
            "desc" => descending = true,
            "asc" => descending = false,
            _ => {}
        }
        (name.to_owned(), descending)
    };
    list(value).into_iter().map(one).collect()
}

/// The filter of `property=`.
fn expression(text: &str) -> Result<Filter, CatalogError> {
    let at = text.find(['=', '!', '<', '>', '~']);
    match at {
        None => Ok(Filter::Exists(text.trim().to_owned())),
        Some(0) if text.starts_with('!') && !text[1..].contains(['=', '<', '>', '~']) => {
            Ok(Filter::Absent(text[1..].trim().to_owned()))
        }
        Some(at) => {
            let (name, rest) = text.split_at(at);
            // One equals sign is meant as two by some.
            let found = COMPARISONS
                .iter()
                .chain(&[("=", Comparison::Equal)])
                .find(|(sign, _)| rest.starts_with(sign));
            let bad = || CatalogError::invalid(format!("the property filter {text} cannot be read"));
            let (sign, comparison) = found.filter(|_| !name.trim().is_empty()).ok_or_else(bad)?;
            Ok(Filter::Compare(name.trim().to_owned(), *comparison, rest[sign.len()..].trim().to_owned()))
        }
    }
}

/// `{name}={v1},{v2}`, or `{name}=!{v1},{v2}`.
fn simple(name: &str, value: &str) -> Filter {
    match value.strip_prefix('!') {
        Some(values) => Filter::NoneOf(name.to_owned(), list(values)),
        None => Filter::AnyOf(name.to_owned(), list(value)),
    }
}

/// A member, or one of the names under which batches are filtered by what they hold deeper.
fn field<'a>(item: &'a Value, name: &str) -> Option<&'a Value> {
    let metric = |name: &str| item.get("metrics")?.get(name);
    match name {
        "dataSet" | "dataSetId" => {
            item.get("relatedObjects").map(|related| &related[0]["id"]).or_else(|| item.get("dataSetId"))
        }
        "batch" if item.get("relatedObjects").is_some() => item.get("id"),
        "recordCount" => metric("recordsWritten"),
        "failedRecordCount" => metric("recordsFailed"),
        "size" => metric("outputByteSize").or_else(|| item.get("size")),
        _ => item.get(name),
    }
}

fn is_one_of(item: &Value, name: &str, wanted: &[String]) -> bool {
    let Some(found) = field(item, name) else {
        return false;
    };
    let found = texts(found);
    wanted.iter().any(|wanted| found.iter().any(|text| matches(text, status_synonym(name, wanted))))
}

/// Two words of the status are used for the same by clients.
fn status_synonym<'a>(name: &str, wanted: &'a str) -> &'a str {
    match (name, wanted) {
        ("status", "active") => "success",
        ("status", "failure") => "failed",
        (_, other) => other,
    }
}

/// What a value is compared as: its text, or that of each of its items.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(values) => values.iter().flat_map(texts).collect(),
        other => vec![other.to_string()],
    }
}

/// A wanted text may hold `*` for anything, and `**` for a star.
fn matches(text: &str, wanted: &str) -> bool {
    let mut parts = Vec::new();
    let mut part = String::new();
    let mut rest = wanted.chars().peekable();
    while let Some(c) = rest.next() {
        if c != '*' {
            part.push(c);
        } else if rest.next_if_eq(&'*').is_some() {
            part.push('*');
        } else {
            parts.push(std::mem::take(&mut part));
        }
    }
    parts.push(part);
    let [first, middle @ .., last] = parts.as_slice() else {
        return text == parts.concat();
    };
    let Some(mut rest) = text.strip_prefix(first.as_str()).and_then(|rest| rest.strip_suffix(last.as_str()))
    else {
        return false;
    };
    for part in middle {
        match rest.find(part.as_str()) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    true
}

fn order_of(found: &Value, wanted: &str) -> Ordering {
    match (found.as_f64(), wanted.parse::<f64>()) {
        (Some(found), Ok(wanted)) => found.total_cmp(&wanted),
        _ => texts(found).join(",").as_str().cmp(wanted),
    }
}

fn compare_values(left: Option<&Value>, right: Option<&Value>) -> Ordering {
    match (left, right) {
        (Some(Value::Number(left)), Some(Value::Number(right))) => {
            left.as_f64().unwrap_or(0.0).total_cmp(&right.as_f64().unwrap_or(0.0))
        }
        (Some(left), Some(right)) => texts(left).join(",").cmp(&texts(right).join(",")),
        (left, right) => left.is_some().cmp(&right.is_some()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn items() -> Vec<(String, Value)> {
        let item = |id: &str, name: &str, created: i64, tags: Value| {
            (id.to_owned(), json!({"name": name, "created": created, "tags": tags, "n": created * 2}))
        };
        vec![
            item("a", "Visits", 1, json!({"k": ["v1"]})),
            item("b", "Orders", 2, json!({"k": ["v2"], "x*y": ["1"]})),
            item("c", "Order lines", 3, json!({})),
        ]
    }

    /// The ids that a query string finds.
    #[track_caller]
    fn check(query: &[(&str, &str)], expected: &str) {
        let parameters: Vec<_> = query.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let found = Query::parse(&parameters).unwrap().select(items());
        assert_eq!(found.keys().cloned().collect::<String>(), expected, "{query:?}");
    }

    #[test]
    fn lists() {
        check(&[], "abc");
        check(&[("limit", "2")], "ab");
        check(&[("limit", "1000"), ("start", "1")], "bc");
        check(&[("offset", "5")], "");
        check(&[("orderBy", "desc:created")], "cba");
        check(&[("orderBy", "name")], "cba");
        check(&[("orderBy", "desc:name,created")], "abc");
        check(&[("name", "Orders")], "b");
        check(&[("name", "Orders,Visits")], "ab");
        check(&[("name", "!Orders,Visits")], "c");
        check(&[("property", "name==Order*")], "bc");
        check(&[("property", "name!=Order*")], "a");
        check(&[("property", "name~^Order")], "bc");
        check(&[("property", "created>=2"), ("property", "created<3")], "b");
        check(&[("property", "n>4")], "c");
        check(&[("property", "name")], "abc");
        check(&[("property", "!name")], "");
        check(&[("property", "missing")], "");
        check(&[("tags", "k:v*")], "ab");
        check(&[("tags", "k:v1,x:1")], "");
        check(&[("createdAfter", "1"), ("createdBefore", "3")], "b");
        check(&[("requestDataSource", "true")], "abc");
        check(&[("property", "name~(")], "");
    }

    #[test]
    fn wildcards() {
        for (text, wanted, expected) in [
            ("abc", "abc", true),
            ("abc", "a*c", true),
            ("abc", "*", true),
            ("a*c", "a**c", true),
            ("abc", "a**c", false),
            ("abcabc", "a*b*c", true),
            ("ab", "ab*b", false),
            ("", "*", true),
        ] {
            assert_eq!(matches(text, wanted), expected, "{text} {wanted}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for (name, value) in [
            ("limit", "0"),
            ("limit", "x"),
            ("start", "-1"),
            ("tags", "k"),
            ("createdAfter", "y"),
            ("property", "==1"),
        ] {
            assert!(Query::parse(&[(name.to_owned(), value.to_owned())]).is_err(), "{name}={value}");
        }
    }

    #[test]
    fn projection_keeps_what_is_asked_for() {
        let query = Query::parse(&[("properties".to_owned(), "name,none".to_owned())]).unwrap();
        assert_eq!(query.project(json!({"name": "a", "created": 1})), json!({"name": "a"}));
    }
}
