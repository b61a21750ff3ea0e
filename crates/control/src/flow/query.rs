//! Listing: property filters, order, paging and counting. The grammar is the vendor's, with its tolerances.

use std::cmp::Ordering;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use vocab::Millis;

use super::FlowError;
use super::body::invalid;
use crate::Saved;
use crate::limits::{PAGE_ITEMS_DEFAULT, PAGE_ITEMS_MAX};

/// What a list request asks for.
#[derive(Clone, Debug)]
pub struct Query {
    filters: Vec<Filter>,
    order: Order,
    limit: usize,
    count: bool,
    projection: Vec<String>,
    after: Option<Place>,
}

/// What a list can be ordered by.
pub(super) trait Listable {
    fn id(&self) -> &str;
    fn name(&self) -> &str;
    fn state(&self) -> &str;
    fn created(&self) -> Millis;
    fn updated(&self) -> Millis;
    /// Tells apart what is otherwise equal.
    fn no(&self) -> u32;
}

impl Listable for Saved {
    fn id(&self) -> &str {
        &self.id
    }
    fn name(&self) -> &str {
        &self.name
    }
    fn state(&self) -> &str {
        &self.state
    }
    fn created(&self) -> Millis {
        self.created
    }
    fn updated(&self) -> Millis {
        self.updated
    }
    fn no(&self) -> u32 {
        self.no
    }
}

/// The answer to a list request.
#[derive(Clone, Debug, PartialEq)]
pub enum Listed {
    /// `count=true`: how many resources pass the filters.
    Count(usize),
    /// One page, and the token of the next one when there is one.
    Page { items: Vec<Value>, next: Option<String> },
}

/// One `property=` expression.
#[derive(Clone, Debug, PartialEq)]
struct Filter {
    path: Vec<String>,
    operator: Operator,
    values: Vec<String>,
    /// As sent, for the continuation token.
    text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Order {
    field: String,
    descending: bool,
}

/// Where a page ends: the sort key and the number of its last resource.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Place {
    key: Key,
    no: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
enum Key {
    Time(i64),
    Text(String),
}

/// What a continuation token holds: all that the next page needs, since its link carries nothing else.
#[derive(Serialize, Deserialize)]
struct Token {
    after: Place,
    order: Order,
    limit: usize,
    filters: Vec<String>,
    projection: Vec<String>,
}

impl Default for Query {
    fn default() -> Self {
        Self {
            filters: Vec::new(),
            order: Order { field: "createdAt".to_owned(), descending: true },
            limit: PAGE_ITEMS_DEFAULT,
            count: false,
            projection: Vec::new(),
            after: None,
        }
    }
}

impl Query {
    /// Reads the query parameters `property` (repeatable), `orderby`, `limit`, `count`, `continuationToken` and
    /// `projectionFields`. Others are ignored. Names are compared without regard to case.
    pub fn parse(parameters: &[(String, String)]) -> Result<Self, FlowError> {
        let all = |name: &str| {
            let wanted = name.to_owned();
            parameters
                .iter()
                .filter(move |(key, _)| key.eq_ignore_ascii_case(&wanted))
                .map(|(_, value)| value.as_str())
        };
        // A token stands for the whole request that it continues; what the client repeats beside it is the same.
        let mut query = match all("continuationToken").next_back() {
            Some(token) => Self::continued(token)?,
            None => {
                let filters = all("property").map(Filter::parse).collect::<Result<_, _>>()?;
                let mut query = Self { filters, ..Self::default() };
                if let Some(order) = all("orderby").next_back() {
                    query.order = Order::parse(order)?;
                }
                let fields = all("projectionFields").flat_map(|list| list.split(','));
                query.projection =
                    fields.map(|field| field.trim().to_owned()).filter(|f| !f.is_empty()).collect();
                query
            }
        };
        if let Some(limit) = all("limit").next_back() {
            query.limit = parse_limit(limit)?;
        }
        query.count = all("count").any(|value| value.eq_ignore_ascii_case("true"));
        Ok(query)
    }

    fn continued(token: &str) -> Result<Self, FlowError> {
        let wrong = || invalid("the continuationToken is not one that this service made");
        let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| wrong())?;
        let token: Token = serde_json::from_slice(&bytes).map_err(|_| wrong())?;
        Ok(Self {
            filters: token.filters.iter().map(|text| Filter::parse(text)).collect::<Result<_, _>>()?,
            order: token.order.known()?,
            limit: token.limit.clamp(1, PAGE_ITEMS_MAX),
            count: false,
            projection: token.projection,
            after: Some(token.after),
        })
    }

    /// Whether an item, as the API shows it, passes all filters.
    pub fn passes(&self, item: &Value) -> bool {
        self.filters.iter().all(|filter| filter.passes(item))
    }

    /// The values that a filter asks of one member with `==`.
    pub(super) fn only(&self, member: &str) -> Option<&[String]> {
        let is = |filter: &&Filter| filter.operator == Operator::Equal && filter.path == [member];
        self.filters.iter().find(is).map(|filter| filter.values.as_slice())
    }

    /// Whether something else than that member is asked for.
    pub(super) fn has_filters_beside(&self, member: &str) -> bool {
        self.filters.len() > usize::from(self.only(member).is_some())
    }

    /// Filters, orders and cuts; `show` makes the item of a resource.
    pub(super) fn select(&self, mut all: Vec<Saved>, show: impl Fn(&Saved) -> Value) -> Listed {
        if !self.filters.is_empty() {
            all.retain(|saved| self.passes(&show(saved)));
        }
        match self.cut(all) {
            Err(count) => Listed::Count(count),
            Ok((page, next)) => {
                Listed::Page { items: page.iter().map(|saved| self.project(show(saved))).collect(), next }
            }
        }
    }

    /// Orders what has passed the filters and cuts the page, with the token of the next one; the number when that is
    /// what is asked for.
    pub(super) fn cut<T: Listable>(&self, all: Vec<T>) -> Result<(Vec<T>, Option<String>), usize> {
        // Clients send `limit` with `count=true`, though the vendor's list of codes forbids it.
        if self.count {
            return Err(all.len());
        }
        let mut placed: Vec<(Place, T)> = all.into_iter().map(|one| (self.order.place(&one), one)).collect();
        placed.sort_by(|a, b| self.order.compare(&a.0, &b.0));
        if let Some(after) = &self.after {
            placed.retain(|(place, _)| self.order.compare(place, after) == Ordering::Greater);
        }
        let more = placed.len() > self.limit;
        placed.truncate(self.limit);
        let next = placed.last().filter(|_| more).map(|(place, _)| self.token(place));
        Ok((placed.into_iter().map(|(_, one)| one).collect(), next))
    }

    fn token(&self, after: &Place) -> String {
        let token = Token {
            after: after.clone(),
            order: self.order.clone(),
            limit: self.limit,
            filters: self.filters.iter().map(|filter| filter.text.clone()).collect(),
            projection: self.projection.clone(),
        };
        // Strings and numbers always serialise.
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(&token).unwrap_or_default())
    }

    /// The top-level members that were asked for.
    pub(super) fn project(&self, item: Value) -> Value {
        if self.projection.is_empty() {
            return item;
        }
        let wanted =
            |name: &str| self.projection.iter().any(|field| field.split(['.', '[']).next() == Some(name));
        match item {
            Value::Object(members) => {
                Value::Object(members.into_iter().filter(|(name, _)| wanted(name)).collect())
            }
            other => other,
        }
    }
}

fn parse_limit(text: &str) -> Result<usize, FlowError> {
    match text.trim().parse::<u64>() {
        Ok(limit) if limit > 0 => Ok(usize::try_from(limit).unwrap_or(usize::MAX).min(PAGE_ITEMS_MAX)),
        _ => Err(invalid("limit must be a positive integer")),
    }
}

impl Order {
    /// `name`, `+name` or `-name`; an undecoded `+` arrives as a space.
    fn parse(text: &str) -> Result<Self, FlowError> {
        let (descending, field) = match text.strip_prefix('-') {
            Some(field) => (true, field),
            None => (false, text.strip_prefix(['+', ' ']).unwrap_or(text)),
        };
        if field.is_empty() || !field.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            return Err(FlowError::OrderForm);
        }
        Self { field: field.to_owned(), descending }.known()
    }

    fn known(self) -> Result<Self, FlowError> {
        match self.field.as_str() {
            "id" | "name" | "state" | "createdAt" | "updatedAt" => Ok(self),
            _ => Err(FlowError::OrderField(self.field)),
        }
    }

    fn place(&self, one: &impl Listable) -> Place {
        let key = match self.field.as_str() {
            "id" => Key::Text(one.id().to_owned()),
            "name" => Key::Text(one.name().to_owned()),
            "state" => Key::Text(one.state().to_owned()),
            "updatedAt" => Key::Time(one.updated().0),
            _ => Key::Time(one.created().0),
        };
        Place { key, no: one.no() }
    }

    fn compare(&self, a: &Place, b: &Place) -> Ordering {
        let order = a.key.cmp(&b.key).then(a.no.cmp(&b.no));
        if self.descending { order.reverse() } else { order }
    }
}

impl Filter {
    /// `path operator value[,value…]`. A single `=` stands for `==`; values may be in double quotes.
    fn parse(text: &str) -> Result<Self, FlowError> {
        let sent = || text.to_owned();
        let at = text.find(['=', '!', '<', '>', '~']).ok_or_else(|| FlowError::FilterOperator(sent()))?;
        let path = text[..at].trim();
        let rest = &text[at..];
        let end = rest.find(|c| !"=!<>~".contains(c)).unwrap_or(rest.len());
        let operator = match &rest[..end] {
            "=" | "==" => Operator::Equal,
            "!=" => Operator::NotEqual,
            ">" => Operator::Greater,
            ">=" => Operator::GreaterOrEqual,
            "<" => Operator::Less,
            "<=" => Operator::LessOrEqual,
            other if other.contains('~') => return Err(FlowError::FilterTilde(sent())),
            _ => return Err(FlowError::FilterOperator(sent())),
        };
        if path.is_empty() {
            return Err(FlowError::FilterOperator(sent()));
        }
        let values = split_values(rest[end..].trim());
        if values.iter().any(String::is_empty) {
            return Err(FlowError::FilterValue(sent()));
        }
        if !matches!(operator, Operator::Equal | Operator::NotEqual) {
            if values.len() > 1 {
                return Err(FlowError::FilterList(sent()));
            }
            // Ids and texts have no order.
            let last = path.rsplit('.').next().unwrap_or_default().trim_end_matches("[]");
            let is_id = last == "id" || last.ends_with("Id") || last.ends_with("Ids");
            if is_id || values[0].parse::<f64>().is_err() {
                return Err(FlowError::FilterOrdering(sent()));
            }
        }
        let path = path.split('.').map(|step| step.trim_end_matches("[]").to_owned()).collect();
        Ok(Self { path, operator, values, text: sent() })
    }

    /// Whether some value at the path fits; without a value there nothing does.
    fn passes(&self, item: &Value) -> bool {
        let mut found = Vec::new();
        collect(item, &self.path, &mut found);
        match self.operator {
            Operator::Equal => found.iter().any(|value| self.is_one_of(value)),
            Operator::NotEqual => !found.is_empty() && !found.iter().any(|value| self.is_one_of(value)),
            _ => found.iter().any(|value| self.compares(value)),
        }
    }

    fn is_one_of(&self, value: &Value) -> bool {
        self.values.iter().any(|wanted| match value {
            // Clients and guide disagree on the case of a run's status.
            Value::String(text) if self.path.last().is_some_and(|last| last == "status") => {
                text.eq_ignore_ascii_case(wanted)
            }
            Value::String(text) => text == wanted,
            Value::Bool(flag) => wanted.eq_ignore_ascii_case(if *flag { "true" } else { "false" }),
            Value::Number(number) => {
                wanted.parse::<f64>().is_ok_and(|wanted| number.as_f64() == Some(wanted))
            }
            _ => false,
        })
    }

    fn compares(&self, value: &Value) -> bool {
        let number = match value {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        let order = number.and_then(|number| number.partial_cmp(&self.values[0].parse::<f64>().ok()?));
        match self.operator {
            Operator::Greater => order == Some(Ordering::Greater),
            Operator::GreaterOrEqual => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
            Operator::Less => order == Some(Ordering::Less),
            Operator::LessOrEqual => matches!(order, Some(Ordering::Less | Ordering::Equal)),
            Operator::Equal | Operator::NotEqual => false,
        }
    }
}

/// The values at a path; arrays are stepped through wherever they stand, with `[]` or without.
fn collect<'a>(value: &'a Value, path: &[String], found: &mut Vec<&'a Value>) {
    match (value, path.split_first()) {
        (Value::Array(items), _) => items.iter().for_each(|item| collect(item, path, found)),
        (Value::Object(members), Some((step, rest))) => {
            if let Some(member) = members.get(step) {
                collect(member, rest, found);
            }
        }
        (Value::Null, _) | (_, Some(_)) => {}
        (value, None) => found.push(value),
    }
}

/// Splits at commas outside double quotes and takes the quotes off.
fn split_values(text: &str) -> Vec<String> {
    let mut values = vec![String::new()];
    let mut quoted = false;
    for c in text.chars() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => values.push(String::new()),
            // There is always a last value.
            c => values.last_mut().into_iter().for_each(|last| last.push(c)),
        }
    }
    values.into_iter().map(|value| value.trim().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};
    use vocab::Millis;

    use super::*;
    use crate::Kind;

    fn query(parameters: &[(&str, &str)]) -> Result<Query, FlowError> {
        let owned: Vec<_> = parameters.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Query::parse(&owned)
    }

    fn item() -> Value {
        json!({
            "id": "a-1", "name": "Acme, Inc", "createdAt": 1000, "state": "enabled",
            "sourceConnectionIds": ["s-1", "s-2"],
            "inheritedAttributes": {"properties": {"isSourceFlow": true}},
            "transformations": [{"name": "Mapping", "params": {"mappingId": "m-1", "mappingVersion": "2"}}]
        })
    }

    #[track_caller]
    fn check(filter: &str, expected: bool) {
        let query = query(&[("property", filter)]).unwrap();
        assert_eq!(query.passes(&item()), expected, "{filter}");
    }

    #[test]
    fn filters() {
        check("id==a-1", true);
        check("id=a-1", true);
        check("id==a-2", false);
        check("id==a-2,a-1", true);
        check("id!=a-1", false);
        check("id!=a-2", true);
        check("id!=a-2,a-1", false);
        check("name==\"Acme, Inc\"", true);
        check("name==Acme", false);
        check("state==\"enabled\"", true);
        check("createdAt>999", true);
        check("createdAt>1000", false);
        check("createdAt>=1000", true);
        check("createdAt<1000", false);
        check("createdAt<=1000", true);
        check("createdAt==1000", true);
        check("sourceConnectionIds[]==s-2", true);
        check("sourceConnectionIds[]==s-3,s-1", true);
        check("sourceConnectionIds==s-1", true);
        check("sourceConnectionIds[]!=s-1", false);
        check("inheritedAttributes.properties.isSourceFlow==true", true);
        check("inheritedAttributes.properties.isSourceFlow==True", true);
        check("inheritedAttributes.properties.isSourceFlow==false", false);
        check("transformations[].params.mappingId==m-1", true);
        check("transformations[].params.mappingVersion>1", true);
        // A field that is not there matches nothing.
        check("nope==1", false);
        check("nope!=1", false);
        check("id.nope==1", false);
        check("transformations==m-1", false);
    }

    #[track_caller]
    fn refused(parameters: &[(&str, &str)], expected: &str) {
        let error = query(parameters).unwrap_err();
        assert!(format!("{error:?}").starts_with(expected), "{parameters:?}: {error:?}");
    }

    #[test]
    fn bad_queries() {
        refused(&[("property", "name~x")], "FilterTilde");
        refused(&[("property", "name=~x")], "FilterTilde");
        refused(&[("property", "createdAt>1,2")], "FilterList");
        refused(&[("property", "name>abc")], "FilterOrdering");
        refused(&[("property", "id>5")], "FilterOrdering");
        refused(&[("property", "sourceConnectionIds[]<5")], "FilterOrdering");
        refused(&[("property", "name")], "FilterOperator");
        refused(&[("property", "")], "FilterOperator");
        refused(&[("property", "==x")], "FilterOperator");
        refused(&[("property", "name=>x")], "FilterOperator");
        refused(&[("property", "name==")], "FilterValue");
        refused(&[("property", "name==a,")], "FilterValue");
        refused(&[("property", "name==\"\"")], "FilterValue");
        refused(&[("orderby", "nope")], "OrderField");
        refused(&[("orderby", "")], "OrderForm");
        refused(&[("orderby", "-")], "OrderForm");
        refused(&[("orderby", "name,id")], "OrderForm");
        refused(&[("limit", "0")], "Invalid");
        refused(&[("limit", "-1")], "Invalid");
        refused(&[("limit", "x")], "Invalid");
        refused(&[("continuationToken", "x")], "Invalid");
        refused(&[("continuationToken", "e30")], "Invalid");
        assert!(query(&[("unknown", "x")]).is_ok());
    }

    fn saved(no: u32, name: &str) -> Saved {
        Saved {
            kind: Kind::Flows,
            id: format!("id-{no}"),
            no,
            name: name.to_owned(),
            state: "enabled".to_owned(),
            rev: 1,
            // Two at a time, so that the number decides between them.
            created: Millis(i64::from(no / 2)),
            updated: Millis(0),
            created_by: String::new(),
            updated_by: String::new(),
            created_client: String::new(),
            updated_client: String::new(),
            doc: Map::new(),
        }
    }

    fn show(saved: &Saved) -> Value {
        json!({"no": saved.no, "name": saved.name})
    }

    /// The numbers of all resources, page by page, as a client that knows only the token sees them.
    fn pages(all: &[Saved], parameters: &[(&str, &str)]) -> Vec<Vec<u64>> {
        let mut query = query(parameters).unwrap();
        let mut pages = Vec::new();
        loop {
            let Listed::Page { items, next } = query.select(all.to_vec(), show) else { panic!("a count") };
            pages.push(items.iter().map(|item| item["no"].as_u64().unwrap()).collect());
            let Some(token) = next else { return pages };
            assert!(!token.contains('='), "{token}");
            query = self::query(&[("continuationToken", &token)]).unwrap();
        }
    }

    #[test]
    fn paging() {
        let all: Vec<Saved> = (0..5).map(|no| saved(no, ["e", "d", "c", "b", "a"][no as usize])).collect();
        assert_eq!(pages(&all, &[]), [vec![4, 3, 2, 1, 0]]);
        assert_eq!(pages(&all, &[("limit", "2")]), [vec![4, 3], vec![2, 1], vec![0]]);
        assert_eq!(pages(&all, &[("limit", "5")]), [vec![4, 3, 2, 1, 0]]);
        assert_eq!(pages(&all, &[("limit", "3"), ("orderby", "name")]), [vec![4, 3, 2], vec![1, 0]]);
        assert_eq!(pages(&all, &[("limit", "3"), ("orderby", " name")]), [vec![4, 3, 2], vec![1, 0]]);
        assert_eq!(pages(&all, &[("limit", "3"), ("orderBy", "-name")]), [vec![0, 1, 2], vec![3, 4]]);
        assert_eq!(
            pages(&all, &[("limit", "1"), ("property", "name!=c"), ("property", "name!=a")]),
            [[3], [1], [0]]
        );
        assert_eq!(pages(&[], &[]), [Vec::<u64>::new()]);
    }

    #[test]
    fn a_page_goes_on_where_it_ended_though_things_changed() {
        let mut all: Vec<Saved> = (0..6).map(|no| saved(no, "x")).collect();
        let Listed::Page { next, .. } = query(&[("limit", "3")]).unwrap().select(all.clone(), show) else {
            panic!()
        };
        let next =
            query(&[("continuationToken", &next.unwrap()), ("limit", "3"), ("count", "False")]).unwrap();
        // The last one shown goes away, a new one comes.
        all.remove(3);
        all.push(saved(9, "x"));
        let Listed::Page { items, next } = next.select(all, show) else { panic!() };
        assert_eq!(items.iter().map(|item| item["no"].as_u64().unwrap()).collect::<Vec<_>>(), [2, 1, 0]);
        assert_eq!(next, None);
    }

    #[test]
    fn counts_limits_and_projections() {
        let all: Vec<Saved> = (0..150).map(|no| saved(no, if no < 30 { "few" } else { "many" })).collect();
        let count = |parameters: &[(&str, &str)]| query(parameters).unwrap().select(all.clone(), show);
        assert_eq!(count(&[("count", "true")]), Listed::Count(150));
        assert_eq!(
            count(&[("count", "True"), ("limit", "20"), ("property", "name==few")]),
            Listed::Count(30)
        );
        let size = |parameters: &[(&str, &str)]| match count(parameters) {
            Listed::Page { items, .. } => items.len(),
            Listed::Count(_) => 0,
        };
        assert_eq!(size(&[]), 20);
        assert_eq!(size(&[("limit", "1000")]), 100);
        assert_eq!(size(&[("count", "False"), ("limit", "7")]), 7);
        let Listed::Page { items, .. } = count(&[("projectionFields", "name"), ("limit", "1")]) else {
            panic!()
        };
        assert_eq!(items, [json!({"name": "many"})]);
    }
}
