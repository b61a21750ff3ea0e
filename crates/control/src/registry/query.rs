//! Listing: property filters, order and paging, as the registry documents them and as clients use them.

use std::cmp::Ordering;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::error::invalid;
use super::{Found, RegistryError};
use crate::limits::REGISTRY_PAGE_ITEMS_MAX;

/// The order when none is asked for, as answers name it.
const DEFAULT_ORDER: &str = "updated";

/// What a list request asks for.
#[derive(Clone, Debug, Default)]
pub struct Query {
    filters: Vec<Filter>,
    order: Vec<SortKey>,
    /// The order as sent.
    order_text: Option<String>,
    limit: Option<usize>,
    /// A value of the first sort key, or the token of a page without an order.
    start: Option<String>,
}

/// One page of a list.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) items: Vec<(Found, Value)>,
    /// What `start` takes to go on; null at the end.
    pub(super) next: Value,
    pub(super) order: String,
}

#[derive(Clone, Debug, PartialEq)]
struct SortKey {
    name: String,
    descending: bool,
}

#[derive(Clone, Debug, PartialEq)]
struct Filter {
    name: String,
    /// `None` asks whether the attribute is there.
    condition: Option<(Operator, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

const OPERATORS: [(&str, Operator); 6] = [
    ("==", Operator::Equal),
    ("!=", Operator::NotEqual),
    ("<=", Operator::LessOrEqual),
    (">=", Operator::GreaterOrEqual),
    ("<", Operator::Less),
    (">", Operator::Greater),
];

impl Query {
    /// Reads the query parameters `property` (repeatable), `orderby`, `start` and `limit`. Others are ignored; names are
    /// compared without regard to case.
    pub fn parse(parameters: &[(String, String)]) -> Result<Self, RegistryError> {
        let mut query = Self::default();
        for (name, value) in parameters {
            let value = value.trim();
            match name.to_ascii_lowercase().as_str() {
                "property" => query.filters.extend(filters(value)),
                "orderby" if !value.is_empty() => {
                    query.order = value.split(',').map(SortKey::parse).collect();
                    query.order_text = Some(value.to_owned());
                }
                "start" if !value.is_empty() => query.start = Some(value.to_owned()),
                "limit" if !value.is_empty() => {
                    let limit: usize =
                        value.parse().map_err(|_| invalid(format!("limit {value} is no number")))?;
                    // Zero is as good as nothing, and the limit is a hint.
                    query.limit =
                        Some(limit).filter(|limit| *limit > 0).map(|l| l.min(REGISTRY_PAGE_ITEMS_MAX));
                }
                _ => {}
            }
        }
        Ok(query)
    }

    /// The same request with the server's page size when it names none.
    pub(super) fn paged(mut self) -> Self {
        self.limit.get_or_insert(REGISTRY_PAGE_ITEMS_MAX);
        self
    }

    /// One page of what passes the filters. Equal values of the first sort key stay on one page, since the next page
    /// starts after that value.
    pub(super) fn select(&self, all: impl Iterator<Item = (Found, Value)>) -> Result<Page, RegistryError> {
        let mut items: Vec<(Found, Value)> =
            all.filter(|(_, item)| self.filters.iter().all(|filter| filter.passes(item))).collect();
        let order = self.order_text.clone().unwrap_or_else(|| DEFAULT_ORDER.to_owned());
        let first = match self.order.first() {
            Some(first) => {
                items.sort_by(|a, b| self.compare(a, b));
                if let Some(start) = &self.start {
                    items.retain(|item| first.compare_start(item, start) == Ordering::Greater);
                }
                first
            }
            None => return self.by_change(items, order),
        };
        let mut end = self.limit.unwrap_or(items.len()).min(items.len());
        while end > 0 && end < items.len() && first.compare(&items[end - 1], &items[end]) == Ordering::Equal {
            end += 1;
        }
        let next = if end < items.len() { first.value(&items[end - 1]) } else { None };
        items.truncate(end);
        Ok(Page { items, next: next.unwrap_or(Value::Null), order })
    }

    /// A page in the order of the last change; its token is opaque.
    fn by_change(&self, mut items: Vec<(Found, Value)>, order: String) -> Result<Page, RegistryError> {
        let place = |item: &(Found, Value)| (item.0.updated(), item.0.id().to_owned());
        items.sort_by_cached_key(place);
        // A published client begins with start=0.
        if let Some(start) = self.start.as_deref().filter(|start| *start != "0") {
            let after = read_token(start)?;
            items.retain(|item| place(item) > after);
        }
        let end = self.limit.unwrap_or(items.len()).min(items.len());
        let next =
            if end > 0 && end < items.len() { json!(token(&place(&items[end - 1]))) } else { Value::Null };
        items.truncate(end);
        Ok(Page { items, next, order })
    }

    fn compare(&self, a: &(Found, Value), b: &(Found, Value)) -> Ordering {
        let by_keys = self.order.iter().map(|key| key.compare(a, b)).find(|order| order.is_ne());
        by_keys.unwrap_or_else(|| a.0.id().cmp(b.0.id()))
    }
}

fn token(place: &(i64, String)) -> String {
    URL_SAFE_NO_PAD.encode(json!(place).to_string())
}

fn read_token(text: &str) -> Result<(i64, String), RegistryError> {
    let wrong =
        || invalid("start is not one that this service made; with orderby it is a value of that property");
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| wrong())?;
    serde_json::from_slice(&bytes).map_err(|_| wrong())
}

impl SortKey {
    fn parse(text: &str) -> Self {
        let text = text.trim();
        match text.strip_prefix('-') {
            Some(name) => Self { name: name.to_owned(), descending: true },
            None => Self { name: text.trim_start_matches('+').to_owned(), descending: false },
        }
    }

    fn value(&self, item: &(Found, Value)) -> Option<Value> {
        let found = attribute(&item.1, &self.name).filter(|value| value.is_string() || value.is_number());
        found.cloned().or_else(|| match self.name.as_str() {
            "updated" => Some(json!(item.0.updated())),
            "created" => Some(json!(item.0.created())),
            _ => None,
        })
    }

    /// Where an item comes relative to another; one without the property comes last.
    fn compare(&self, a: &(Found, Value), b: &(Found, Value)) -> Ordering {
        match (self.value(a), self.value(b)) {
            (Some(a), Some(b)) => self.directed(compare_values(&a, &b)),
            (a, b) => a.is_none().cmp(&b.is_none()),
        }
    }

    /// Whether an item comes after a value of this key.
    fn compare_start(&self, item: &(Found, Value), start: &str) -> Ordering {
        self.value(item).map_or(Ordering::Greater, |value| self.directed(compare_text(&value, start)))
    }

    fn directed(&self, order: Ordering) -> Ordering {
        if self.descending { order.reverse() } else { order }
    }
}

fn compare_values(a: &Value, b: &Value) -> Ordering {
    match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => a.total_cmp(&b),
        _ => a.as_str().unwrap_or_default().cmp(b.as_str().unwrap_or_default()),
    }
}

/// A value against text of a client's: as numbers when both are.
fn compare_text(value: &Value, text: &str) -> Ordering {
    match value {
        Value::String(value) => value.as_str().cmp(text),
        Value::Bool(value) => value.to_string().as_str().cmp(text),
        other => match (other.as_f64(), text.trim().parse::<f64>()) {
            (Some(value), Ok(number)) => value.total_cmp(&number),
            _ => other.to_string().as_str().cmp(text),
        },
    }
}

/// A member by its name, or by a path with slashes or dots.
fn attribute<'a>(item: &'a Value, name: &str) -> Option<&'a Value> {
    let along = |separator: char| name.split(separator).try_fold(item, |node, step| node.get(step));
    item.get(name).or_else(|| along('/')).or_else(|| along('.'))
}

/// The conditions of one parameter. A comma separates two of them when what follows it has an operator, since values
/// hold commas too.
fn filters(text: &str) -> Vec<Filter> {
    let mut parts: Vec<String> = Vec::new();
    for part in text.split(',') {
        match parts.last_mut() {
            Some(last) if operator(part).is_none() && operator(last).is_some() => {
                last.push(',');
                last.push_str(part);
            }
            _ => parts.push(part.to_owned()),
        }
    }
    parts.iter().map(|part| Filter::parse(part)).filter(|filter| !filter.name.is_empty()).collect()
}

/// The first operator in a text and where it stands.
fn operator(text: &str) -> Option<(usize, &'static str, Operator)> {
    let found = OPERATORS.iter().filter_map(|(word, operator)| Some((text.find(word)?, *word, *operator)));
    // Of two at one place the longer one, which comes first in the table.
    found.min_by_key(|(at, ..)| *at)
}

impl Filter {
    fn parse(text: &str) -> Self {
        match operator(text) {
            Some((at, word, operator)) => Self {
                name: text[..at].trim().to_owned(),
                condition: Some((operator, text[at + word.len()..].trim().to_owned())),
            },
            None => Self { name: text.trim().to_owned(), condition: None },
        }
    }

    fn passes(&self, item: &Value) -> bool {
        let value = attribute(item, &self.name);
        let Some((operator, wanted)) = &self.condition else {
            return value.is_some();
        };
        let equal = || value.is_some_and(|value| holds(value, wanted));
        let order =
            || value.filter(|value| !value.is_object() && !value.is_array()).map(|v| compare_text(v, wanted));
        match operator {
            Operator::Equal => equal(),
            Operator::NotEqual => !equal(),
            Operator::Less => order().is_some_and(Ordering::is_lt),
            Operator::LessOrEqual => order().is_some_and(Ordering::is_le),
            Operator::Greater => order().is_some_and(Ordering::is_gt),
            Operator::GreaterOrEqual => order().is_some_and(Ordering::is_ge),
        }
    }
}

/// Whether a value is the text, or an array that holds it.
fn holds(value: &Value, text: &str) -> bool {
    match value {
        Value::Array(items) => items.iter().any(|item| holds(item, text)),
        Value::Object(_) => false,
        other => compare_text(other, text).is_eq(),
    }
}
