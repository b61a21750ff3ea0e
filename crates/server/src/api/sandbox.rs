//! Sandbox management: lists, one sandbox, the types, and what makes, changes, resets and deletes sandboxes.
//!
//! These calls choose no sandbox by a header: their path names it. A reset is done when it is answered.

use axum::extract::{FromRequest, FromRequestParts as _, Path, RawQuery, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use bytes::Bytes;
use control::flow::Query;
use control::ims::find_org;
use control::sandbox::{
    self, ChangeSandboxError, CreateSandboxError, NewSandbox, Sandbox, SandboxType, Wipe,
};
use http::StatusCode;
use serde_json::{Map, Value, json};
use store::StoreError;
use vocab::Millis;

use crate::api::gateway::{self, OrgCaller};
use crate::app::App;

const BASE: &str = "/data/foundation/sandbox-management";

/// Sandboxes on a page when the client says nothing.
const LIMIT_DEFAULT: usize = 50;

/// Most sandboxes on a page.
const LIMIT_MAX: usize = 1000;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route(BASE, get(usable))
        .route(&format!("{BASE}/sandboxes"), get(all).post(create))
        .route(&format!("{BASE}/sandboxes/{{name}}"), get(one).patch(rename).put(act).delete(delete))
        .route(&format!("{BASE}/sandboxTypes"), get(types))
}

/// Why there is no answer. The numbers are ours: the vendor documents only those of reset refusals.
#[derive(Debug)]
enum Problem {
    Invalid(String),
    Unknown(String),
    Exists(String),
    /// The credential is for one sandbox, and this is about another one or about all.
    Limited(String),
    Store(StoreError),
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, code, title) = match self {
            Problem::Invalid(title) => (StatusCode::BAD_REQUEST, "SMS-1000-400", title),
            Problem::Unknown(name) => {
                (StatusCode::NOT_FOUND, "SMS-1001-404", format!("There is no sandbox {name}"))
            }
            Problem::Exists(name) => {
                let title = format!("The organization has or had a sandbox {name}");
                (StatusCode::CONFLICT, "SMS-1003-409", title)
            }
            Problem::Limited(only) => {
                let title = format!("The credential is limited to the sandbox {only}");
                (StatusCode::FORBIDDEN, "SMS-1004-403", title)
            }
            Problem::Store(error) => {
                tracing::error!(%error, "cannot use the sandboxes");
                let title = "An internal error; see the server's log".to_owned();
                (StatusCode::INTERNAL_SERVER_ERROR, "SMS-1002-500", title)
            }
        };
        let kind = format!("http://ns.adobe.com/aep/errors/{code}");
        (status, Json(json!({ "status": status.as_u16(), "title": title, "type": kind }))).into_response()
    }
}

impl Problem {
    fn invalid(text: &str) -> Self {
        Problem::Invalid(text.to_owned())
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Problem::Store(error)
    }
}

impl From<ChangeSandboxError> for Problem {
    fn from(error: ChangeSandboxError) -> Self {
        match error {
            ChangeSandboxError::Store(error) => Problem::Store(error),
            refused => Problem::Invalid(refused.to_string()),
        }
    }
}

/// One request: who calls, with which query and which body.
struct Call {
    app: App,
    caller: OrgCaller,
    query: String,
    body: Bytes,
}

impl FromRequest<App> for Call {
    type Rejection = Response;

    async fn from_request(request: Request, app: &App) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let caller = OrgCaller::from_request_parts(&mut parts, app).await.map_err(|no| no.into_response())?;
        let (method, headers) = (parts.method.clone(), parts.headers.clone());
        let query = parts.uri.query().unwrap_or_default().to_owned();
        let request = Request::from_parts(parts, body);
        let body = Bytes::from_request(request, app).await.map_err(|no| no.into_response())?;
        gateway::check_content_type(&method, &headers, &body).map_err(|no| no.into_response())?;
        Ok(Self { app: app.clone(), caller, query, body })
    }
}

impl Call {
    fn object(&self) -> Result<Map<String, Value>, Problem> {
        match gateway::json_body(&self.body) {
            Ok(Value::Object(members)) => Ok(members),
            Ok(_) => Err(Problem::invalid("the body must be a JSON object")),
            Err(error) => Err(Problem::Invalid(format!("the body is not JSON: {error}"))),
        }
    }

    /// A flag of the query string; clients write booleans in any case.
    fn flag(&self, name: &str) -> bool {
        let pairs: Vec<(String, String)> = serde_urlencoded::from_str(&self.query).unwrap_or_default();
        pairs.iter().any(|(key, value)| key.eq_ignore_ascii_case(name) && value.eq_ignore_ascii_case("true"))
    }

    /// The sandbox that the path names, when the caller may change it.
    async fn find(&self, name: &str) -> Result<Sandbox, Problem> {
        let mut tx = self.app.read().await?;
        let found = sandbox::get(&mut tx, &self.caller.org, name).await?;
        let found = found.ok_or_else(|| Problem::Unknown(name.to_owned()))?;
        match &self.caller.only {
            Some(only) if *only != found.name => Err(Problem::Limited(only.clone())),
            _ => Ok(found),
        }
    }

    async fn wipe(&self, found: &Sandbox, wipe: Wipe) -> Result<Response, Problem> {
        sandbox::check_wipe(found, wipe)?;
        if self.flag("validationOnly") {
            return Ok(accepted(found));
        }
        let mut tx = self.app.read().await?;
        let org = find_org(&mut tx, &self.caller.org).await?;
        drop(tx);
        let tenant = org.map(|org| org.tenant).unwrap_or_default();
        let wiped = self.app.wipe(found, &tenant, wipe, &self.caller.actor.user).await?;
        Ok(accepted(&wiped))
    }
}

/// The answer of what may take its time: here it is done already.
fn accepted(sandbox: &Sandbox) -> Response {
    (StatusCode::ACCEPTED, Json(item(sandbox))).into_response()
}

/// The sandboxes that the caller may use: active ones, and one alone when its credential is for that one.
async fn usable(
    State(app): State<App>,
    caller: OrgCaller,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let mut tx = app.read().await?;
    let mut found = sandbox::list(&mut tx, &caller.org).await?;
    found.retain(|sandbox| {
        sandbox.state == "active" && caller.only.as_ref().is_none_or(|only| *only == sandbox.name)
    });
    page(&app, &found, BASE, query.as_deref())
}

async fn all(
    State(app): State<App>,
    caller: OrgCaller,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let mut tx = app.read().await?;
    let found = sandbox::list(&mut tx, &caller.org).await?;
    page(&app, &found, &format!("{BASE}/sandboxes"), query.as_deref())
}

async fn one(
    State(app): State<App>,
    caller: OrgCaller,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    let mut tx = app.read().await?;
    match sandbox::get(&mut tx, &caller.org, &name).await? {
        Some(found) => Ok(Json(item(&found)).into_response()),
        None => Err(Problem::Unknown(name)),
    }
}

async fn types(_: OrgCaller) -> Response {
    let types = SandboxType::ALL.map(|one| json!({ "id": one.id(), "title": one.title() }));
    Json(json!({ "sandboxTypes": types })).into_response()
}

async fn create(call: Call) -> Result<Response, Problem> {
    if let Some(only) = &call.caller.only {
        return Err(Problem::Limited(only.clone()));
    }
    let body = call.object()?;
    let text = |name: &str| match body.get(name).and_then(Value::as_str) {
        Some(text) => Ok(text.to_owned()),
        None => Err(Problem::Invalid(format!("{name} is required, and must be a text"))),
    };
    let (name, title, kind) = (text("name")?, text("title")?, text("type")?);
    let sandbox_type = SandboxType::from_id(&kind)
        .ok_or_else(|| Problem::invalid("type must be development or production"))?;
    let new = NewSandbox { name: name.clone(), title, sandbox_type, is_default: false };
    let mut tx = call.app.write().await?;
    let OrgCaller { org, actor, .. } = &call.caller;
    let made = sandbox::create(&mut tx, org, new, &actor.user, call.app.clock.now()).await;
    let made = made.map_err(|error| match error {
        CreateSandboxError::Exists => Problem::Exists(name),
        CreateSandboxError::Store(error) => Problem::Store(error),
        refused => Problem::Invalid(refused.to_string()),
    })?;
    tx.commit().await?;
    Ok(accepted(&made))
}

/// `PATCH`: the title may change. Other members may be there as they are.
async fn rename(Path(name): Path<String>, call: Call) -> Result<Response, Problem> {
    let found = call.find(&name).await?;
    let body = call.object()?;
    let shown = item(&found);
    if let Some((member, _)) =
        body.iter().find(|(name, value)| *name != "title" && shown.get(*name) != Some(*value))
    {
        return Err(Problem::Invalid(format!("{member} cannot be changed: only title can")));
    }
    let title = body.get("title").and_then(Value::as_str);
    let title = title.ok_or_else(|| Problem::invalid("title is required, and must be a text"))?;
    let mut tx = call.app.write().await?;
    let user = &call.caller.actor.user;
    let changed = sandbox::rename(&mut tx, &found, title, user, call.app.clock.now()).await?;
    tx.commit().await?;
    Ok(Json(item(&changed)).into_response())
}

/// `PUT` with `{"action": "reset"}`; `?validationOnly=true` only says whether it could be done.
async fn act(Path(name): Path<String>, call: Call) -> Result<Response, Problem> {
    let found = call.find(&name).await?;
    match call.object()?.get("action").and_then(Value::as_str) {
        Some("reset") => call.wipe(&found, Wipe::Reset).await,
        _ => Err(Problem::invalid("action is required, and must be reset")),
    }
}

async fn delete(Path(name): Path<String>, call: Call) -> Result<Response, Problem> {
    let found = call.find(&name).await?;
    call.wipe(&found, Wipe::Delete).await
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
            Some(Err(_)) => Err(Problem::Invalid(format!("{name} must be a number that is not negative"))),
        };
        let (limit, offset) = match (number("limit")?, number("offset")?) {
            (None, None) => (LIMIT_DEFAULT, 0),
            (Some(0), _) => return Err(Problem::Invalid("limit must be at least 1".to_owned())),
            (Some(limit), Some(offset)) => (limit.min(LIMIT_MAX), offset),
            _ => return Err(Problem::Invalid("limit and offset must be given together".to_owned())),
        };
        let filters: Vec<_> = pairs.iter().filter(|(key, _)| key == "property").cloned().collect();
        let filter = Query::parse(&filters).map_err(|error| Problem::Invalid(error.to_string()))?;
        let (descending, fields) = match find("orderBy").map(str::trim) {
            None | Some("") => (false, ""),
            Some(text) => match text.split_once(':') {
                Some(("asc", fields)) => (false, fields),
                Some(("desc", fields)) => (true, fields),
                _ => {
                    return Err(Problem::Invalid("orderBy must be asc: or desc: and field names".to_owned()));
                }
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
