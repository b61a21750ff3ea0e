//! Sandbox management, the part that reads: lists, one sandbox, the types.

use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use control::flow::Query;
use control::sandbox::{self, Sandbox, SandboxType};
use http::StatusCode;
use serde_json::{Value, json};
use store::StoreError;
use vocab::Millis;

use crate::api::gateway::Caller;
use crate::app::App;

const BASE: &str = "/data/foundation/sandbox-management";

/// Sandboxes on a page when the client says nothing.
const LIMIT_DEFAULT: usize = 50;

/// Most sandboxes on a page.
const LIMIT_MAX: usize = 1000;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route(BASE, get(usable))
        .route(&format!("{BASE}/sandboxes"), get(all))
        .route(&format!("{BASE}/sandboxes/{{name}}"), get(one))
        .route(&format!("{BASE}/sandboxTypes"), get(types))
}

/// Why there is no answer. The numbers are ours: the vendor documents only those of reset refusals.
#[derive(Debug)]
enum Problem {
    Query(String),
    Unknown(String),
    Store(StoreError),
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, code, title) = match self {
            Problem::Query(title) => (StatusCode::BAD_REQUEST, "SMS-1000-400", title),
            Problem::Unknown(name) => {
                (StatusCode::NOT_FOUND, "SMS-1001-404", format!("There is no sandbox {name}"))
            }
            Problem::Store(error) => {
                tracing::error!(%error, "cannot read the sandboxes");
                let title = "An internal error; see the server's log".to_owned();
                (StatusCode::INTERNAL_SERVER_ERROR, "SMS-1002-500", title)
            }
        };
        let kind = format!("http://ns.adobe.com/aep/errors/{code}");
        (status, Json(json!({ "status": status.as_u16(), "title": title, "type": kind }))).into_response()
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Problem::Store(error)
    }
}

/// The sandboxes that the caller may use: active ones, and one alone when its credential is for that one.
async fn usable(
    State(app): State<App>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let mut tx = app.read().await?;
    let credential = control::ims::find_credential(&mut tx, &caller.scope.actor.client).await?;
    let only = credential.and_then(|credential| credential.sandbox);
    let mut found = sandbox::list(&mut tx, &caller.scope.org).await?;
    found.retain(|sandbox| {
        sandbox.state == "active" && only.as_ref().is_none_or(|only| *only == sandbox.name)
    });
    page(&app, &found, BASE, query.as_deref())
}

async fn all(State(app): State<App>, caller: Caller, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    let mut tx = app.read().await?;
    let found = sandbox::list(&mut tx, &caller.scope.org).await?;
    page(&app, &found, &format!("{BASE}/sandboxes"), query.as_deref())
}

async fn one(State(app): State<App>, caller: Caller, Path(name): Path<String>) -> Result<Response, Problem> {
    let mut tx = app.read().await?;
    match sandbox::get(&mut tx, &caller.scope.org, &name).await? {
        Some(found) => Ok(Json(item(&found)).into_response()),
        None => Err(Problem::Unknown(name)),
    }
}

async fn types(_: Caller) -> Response {
    let types = SandboxType::ALL.map(|one| json!({ "id": one.id(), "title": one.title() }));
    Json(json!({ "sandboxTypes": types })).into_response()
}

/// A sandbox as the API shows it. `eTag` and `etag`: the guide has one, the OpenAPI file the other.
fn item(sandbox: &Sandbox) -> Value {
    json!({
        "id": sandbox.id.as_str(),
        "name": sandbox.name,
        "title": sandbox.title,
        "state": sandbox.state,
        "type": sandbox.sandbox_type,
        "region": "VA7",
        "isDefault": sandbox.is_default,
        "eTag": sandbox.rev,
        "etag": sandbox.rev,
        "createdDate": date(sandbox.created),
        "lastModifiedDate": date(sandbox.updated),
        "createdBy": sandbox.created_by,
        "modifiedBy": sandbox.updated_by,
    })
}

/// `yyyy-MM-dd HH:mm:ss` in UTC, the guide's form.
fn date(time: Millis) -> String {
    let time = jiff::Timestamp::from_millisecond(time.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    time.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

fn page(app: &App, found: &[Sandbox], path: &str, query: Option<&str>) -> Result<Response, Problem> {
    let request = ListRequest::parse(query.unwrap_or_default())?;
    let items: Vec<Value> = found.iter().map(item).collect();
    Ok(Json(list(items, &request, &format!("{}{path}", app.base_url()))).into_response())
}

/// What a list request asks for.
#[derive(Debug)]
struct ListRequest {
    filter: Query,
    /// Fields and whether their order is turned round.
    order: Vec<String>,
    descending: bool,
    limit: usize,
    offset: usize,
}

impl ListRequest {
    /// Reads `limit` and `offset`, which come together or not at all, `orderBy=asc:a,b` and `property=a==b`.
    fn parse(query: &str) -> Result<Self, Problem> {
        let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query).unwrap_or_default();
        let find = |name: &str| {
            let found = pairs.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.as_str())
        };
        let number = |name: &str| match find(name).map(|text| text.trim().parse::<usize>()) {
            None => Ok(None),
            Some(Ok(number)) => Ok(Some(number)),
            Some(Err(_)) => Err(Problem::Query(format!("{name} must be a number that is not negative"))),
        };
        let (limit, offset) = match (number("limit")?, number("offset")?) {
            (None, None) => (LIMIT_DEFAULT, 0),
            (Some(0), _) => return Err(Problem::Query("limit must be at least 1".to_owned())),
            (Some(limit), Some(offset)) => (limit.min(LIMIT_MAX), offset),
            _ => return Err(Problem::Query("limit and offset must be given together".to_owned())),
        };
        let filters: Vec<_> = pairs.iter().filter(|(key, _)| key == "property").cloned().collect();
        let filter = Query::parse(&filters).map_err(|error| Problem::Query(error.to_string()))?;
        let (descending, fields) = match find("orderBy").map(str::trim) {
            None | Some("") => (false, ""),
            Some(text) => match text.split_once(':') {
                Some(("asc", fields)) => (false, fields),
                Some(("desc", fields)) => (true, fields),
                _ => return Err(Problem::Query("orderBy must be asc: or desc: and field names".to_owned())),
            },
        };
        let order =
            fields.split(',').map(|field| field.trim().to_owned()).filter(|f| !f.is_empty()).collect();
        Ok(Self { filter, order, descending, limit, offset })
    }
}

/// Filters, orders and cuts, and wraps what is left.
fn list(mut items: Vec<Value>, request: &ListRequest, address: &str) -> Value {
    items.retain(|item| request.filter.passes(item));
    let key = |item: &Value, field: &str| item.get(field).map(Value::to_string).unwrap_or_default();
    items.sort_by(|a, b| {
        let order = request.order.iter().map(|field| key(a, field).cmp(&key(b, field)));
        let order = order.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then);
        if request.descending { order.reverse() } else { order }
    });
    let total = items.len();
    let items: Vec<Value> = items.into_iter().skip(request.offset).take(request.limit).collect();
    let link = |offset: usize| {
        let href = format!("{address}?limit={}&offset={offset}", request.limit);
        json!({ "href": href, "templated": false })
    };
    let mut links = json!({
        "page": { "href": format!("{address}?limit={{limit}}&offset={{offset}}"), "templated": true }
    });
    let next = request.offset.saturating_add(request.limit);
    if next < total {
        links["next"] = link(next);
    }
    if request.offset > 0 {
        links["prev"] = link(request.offset.saturating_sub(request.limit));
    }
    json!({
        "_page": { "limit": request.limit, "count": items.len() },
        "_links": links,
        "sandboxes": items,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(query: &str) -> Result<(Vec<String>, Value), String> {
        let items =
            ["prod", "beta", "alpha"].map(|name| json!({ "name": name, "type": "development" })).to_vec();
        let request = ListRequest::parse(query).map_err(|problem| format!("{problem:?}"))?;
        let page = list(items, &request, "http://h/sandboxes");
        let names = page["sandboxes"].as_array().unwrap().iter();
        let names = names.map(|item| item["name"].as_str().unwrap().to_owned()).collect();
        assert_eq!(page["_page"]["count"], page["sandboxes"].as_array().unwrap().len());
        Ok((names, page["_links"].clone()))
    }

    #[track_caller]
    fn check(query: &str, expected: &[&str]) {
        assert_eq!(names(query).unwrap().0, expected, "{query}");
    }

    #[test]
    fn lists() {
        check("", &["prod", "beta", "alpha"]);
        check("limit=2&offset=0", &["prod", "beta"]);
        check("limit=2&offset=2", &["alpha"]);
        check("limit=2&offset=9", &[]);
        check("orderBy=asc:name", &["alpha", "beta", "prod"]);
        check("orderBy=desc:type,name", &["prod", "beta", "alpha"]);
        check("property=name==beta", &["beta"]);
        for bad in
            ["limit=2", "offset=2", "limit=x&offset=0", "limit=0&offset=0", "orderBy=name", "property=name~x"]
        {
            assert!(names(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn links() {
        let links = names("limit=1&offset=1").unwrap().1;
        assert_eq!(links["next"], json!({"href": "http://h/sandboxes?limit=1&offset=2", "templated": false}));
        assert_eq!(links["prev"], json!({"href": "http://h/sandboxes?limit=1&offset=0", "templated": false}));
        assert_eq!(names("").unwrap().1.as_object().unwrap().len(), 1);
    }

    #[test]
    fn dates() {
        assert_eq!(date(Millis(1_567_573_044_123)), "2019-09-04 04:57:24");
    }
}
