//! The audit log under `/admin/v1/audit`: a list in pages, and an export as JSON lines. Nothing here changes it.
//!
//! Whoever holds the admin token reads all of it; a credential with the role `admin` reads what concerns its org, and
//! its sandboxes alone when it is bound to some.

use axum::body::Body;
use axum::extract::{FromRequestParts, RawQuery, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use control::audit::{self, Filter, Page};
use control::ims::Need;
use control::limits::AUDIT_PAGE_MAX;
use futures_util::stream;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use serde_json::{Value, json};
use store::{Store, StoreError};
use vocab::Millis;

use crate::api::admin::{check_place, has_admin_token, problem, unauthorized};
use crate::api::gateway;
use crate::app::App;
use crate::cli::Failure;
use crate::data_dir::DataDir;

/// Where the list is.
pub(crate) const LIST: &str = "/admin/v1/audit";

/// Entries on a page when the client says nothing.
const LIMIT_DEFAULT: usize = 100;

pub(crate) fn routes() -> Router<App> {
    Router::new().route(LIST, get(list)).route(&format!("{LIST}/export"), get(export))
}

/// A caller who may read the log, and what of it.
struct Auditor(Filter);

impl FromRequestParts<App> for Auditor {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let local = check_place(parts, app).map_err(IntoResponse::into_response)?;
        if has_admin_token(parts, app) {
            return Ok(Self(Filter::default()));
        }
        let token = gateway::bearer(&parts.headers).unwrap_or_default();
        let Ok(verified) = app.tokens.verify(token) else {
            return Err(unauthorized(app, local));
        };
        if !verified.role.may(Need::ReadAudit) {
            let detail = format!("The role {} of this credential gives no right to this.", verified.role);
            return Err(problem(StatusCode::FORBIDDEN, &detail));
        }
        let sandboxes = verified.sandboxes.names().map(<[String]>::to_vec);
        Ok(Self(Filter { org: Some(verified.org.0.clone()), sandboxes, ..Filter::default() }))
    }
}

/// What a request asks for.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    filter: Filter,
    oldest_first: bool,
    start: Option<i64>,
    limit: usize,
}

impl Question {
    /// Reads the query's parameters; `within` holds what the caller may see.
    pub(crate) fn parse(query: &str, within: Filter) -> Result<Self, String> {
        let mut question = Self { filter: within, oldest_first: false, start: None, limit: LIMIT_DEFAULT };
        let pairs: Vec<(String, String)> =
            serde_urlencoded::from_str(query).map_err(|error| error.to_string())?;
        for (name, value) in pairs.into_iter().filter(|(_, value)| !value.is_empty()) {
            question.set(&name, value)?;
        }
        Ok(question)
    }

    fn set(&mut self, name: &str, value: String) -> Result<(), String> {
        let filter = &mut self.filter;
        let slot = match name {
            "kind" => &mut filter.kind,
            "id" => &mut filter.id,
            "actor" => &mut filter.actor,
            "action" => &mut filter.action,
            // A caller of one org sees that one, whichever it names.
            "org" if filter.org.as_ref().is_none_or(|org| *org == value) => &mut filter.org,
            "org" => return Err("org must be the org of the credential".to_owned()),
            "from" => return time(name, &value).map(|time| filter.from = Some(time)),
            "to" => return time(name, &value).map(|time| filter.to = Some(time)),
            "order" => {
                self.oldest_first = match value.as_str() {
                    "asc" => true,
                    "desc" => false,
                    _ => return Err("order must be asc or desc".to_owned()),
                };
                return Ok(());
            }
            "start" => {
                let start = value.parse().map_err(|_| "start must be the next of an earlier page")?;
                self.start = Some(start);
                return Ok(());
            }
            "limit" => {
                let limit = value.parse().ok().filter(|limit| (1..=AUDIT_PAGE_MAX).contains(limit));
                self.limit = limit.ok_or_else(|| format!("limit must lie between 1 and {AUDIT_PAGE_MAX}"))?;
                return Ok(());
            }
            _ => return Err(format!("there is no parameter {name}")),
        };
        *slot = Some(value);
        Ok(())
    }

    async fn page(&self, store: &Store) -> Result<Page, StoreError> {
        let mut tx = store.read().await?;
        audit::page(&mut tx, &self.filter, self.oldest_first, self.start, self.limit).await
    }
}

/// Milliseconds since 1970, or an RFC 3339 time.
fn time(name: &str, value: &str) -> Result<Millis, String> {
    let parsed = value.parse().ok().map(Millis).or_else(|| {
        let time: jiff::Timestamp = value.parse().ok()?;
        Some(Millis(time.as_millisecond()))
    });
    parsed.ok_or_else(|| format!("{name} must be a time such as 2026-01-31T12:00:00Z, or milliseconds"))
}

fn shown(page: Page) -> Value {
    json!({ "entries": page.entries, "next": page.next.map(|next| next.to_string()) })
}

async fn list(State(app): State<App>, Auditor(within): Auditor, RawQuery(query): RawQuery) -> Response {
    let question = match Question::parse(&query.unwrap_or_default(), within) {
        Ok(question) => question,
        Err(detail) => return problem(StatusCode::BAD_REQUEST, &detail),
    };
    match question.page(&app.store).await {
        Ok(page) => Json(shown(page)).into_response(),
        Err(error) => failed(&error),
    }
}

fn failed(error: &StoreError) -> Response {
    tracing::error!(%error, "cannot read the audit log");
    problem(StatusCode::INTERNAL_SERVER_ERROR, "an internal error; see the server's log")
}

/// All entries that fit, the oldest first, one on each line; a page at a time is in memory.
async fn export(State(app): State<App>, Auditor(within): Auditor, RawQuery(query): RawQuery) -> Response {
    let question = match Question::parse(&query.unwrap_or_default(), within) {
        Ok(question) => Question { oldest_first: true, limit: AUDIT_PAGE_MAX, ..question },
        Err(detail) => return problem(StatusCode::BAD_REQUEST, &detail),
    };
    let pages = stream::try_unfold(Some(question), move |question| {
        let store = app.store.clone();
        async move {
            let Some(mut question) = question else { return Ok::<_, StoreError>(None) };
            let page = question.page(&store).await?;
            question.start = page.next;
            let next = page.next.is_some().then_some(question);
            Ok(Some((lines(&page.entries), next)))
        }
    });
    ([(CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(pages)).into_response()
}

fn lines(entries: &[Value]) -> String {
    entries.iter().map(|entry| format!("{entry}\n")).collect()
}

/// A page without a running server: the caller holds the data folder's lock.
pub(crate) async fn offline(data: &DataDir, query: &str) -> Result<Value, Failure> {
    let question = Question::parse(query, Filter::default()).map_err(Failure::Usage)?;
    let cannot = |error: StoreError| Failure::internal("cannot use the metadata database", error);
    let store = Store::open(&data.database_path()).await.map_err(cannot)?;
    let page = question.page(&store).await.map_err(cannot)?;
    store.close().await;
    Ok(shown(page))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions() {
        let of_acme = || Filter { org: Some("acme".to_owned()), ..Filter::default() };
        for (query, good) in [
            ("", true),
            ("kind=flows&id=a&actor=b&action=patch&limit=1000&start=7&order=asc", true),
            ("from=2026-01-31T12:00:00Z&to=1700000000000", true),
            ("org=acme", true),
            ("org=umbrella", false),
            ("from=yesterday", false),
            ("limit=0", false),
            ("limit=1001", false),
            ("start=x", false),
            ("order=up", false),
            ("kinds=flows", false),
        ] {
            assert_eq!(Question::parse(query, of_acme()).is_ok(), good, "{query}");
        }
        let parsed = Question::parse("from=1970-01-01T00:00:01Z", of_acme()).unwrap();
        assert_eq!(parsed.filter.from, Some(Millis(1000)));
    }
}
