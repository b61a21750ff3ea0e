//! Catalog over HTTP: datasets and batches. Types are matched in any case, as clients spell them; answers are objects keyed
//! by id. The rules are in `control::catalog`.

mod batches;
mod datasets;

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use control::catalog::{CatalogError, Query};
use http::{HeaderValue, StatusCode};
use serde_json::{Map, Value, json};
use store::StoreError;

use crate::api::call::{BodyError, Call};
use crate::app::App;

const BASE: &str = "/data/foundation/catalog";

pub(crate) fn routes() -> Router<App> {
    let many = get(list).post(create);
    let one = get(find).put(replace).patch(patch).delete(delete);
    Router::new()
        .route(&format!("{BASE}/{{type}}"), many)
        .route(&format!("{BASE}/{{type}}/{{id}}"), one)
        .route(&format!("{BASE}/{{version}}/{{type}}/{{id}}"), axum::routing::patch(patch_deep).get(views))
}

/// The types that are served, by their spelling in lower case.
enum Type {
    DataSets,
    Batches,
    LastBatches,
    /// Types of a time before Flow Service: always empty.
    Superseded,
}

impl Type {
    fn of(name: &str) -> Result<Self, Problem> {
        match name.to_ascii_lowercase().as_str() {
            "datasets" => Ok(Type::DataSets),
            "batches" => Ok(Type::Batches),
            "lastbatches" => Ok(Type::LastBatches),
            "accounts" | "connections" | "connectors" => Ok(Type::Superseded),
            _ => Err(Problem(StatusCode::NOT_FOUND, format!("Catalog has no objects of the type {name}"))),
        }
    }
}

/// A status and what to say.
struct Problem(StatusCode, String);

impl From<CatalogError> for Problem {
    fn from(error: CatalogError) -> Self {
        let text = error.to_string();
        match error {
            CatalogError::Invalid(_) => Problem(StatusCode::BAD_REQUEST, text),
            CatalogError::NotFound { .. } => Problem(StatusCode::NOT_FOUND, text),
            CatalogError::VersionMismatch { .. } => Problem(StatusCode::PRECONDITION_FAILED, text),
            CatalogError::Store(error) => error.into(),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "Catalog cannot use the metadata database");
        Problem(StatusCode::INTERNAL_SERVER_ERROR, "an internal error; see the server's log".to_owned())
    }
}

impl From<BodyError> for Problem {
    fn from(error: BodyError) -> Self {
        Problem(StatusCode::BAD_REQUEST, error.to_string())
    }
}

/// Catalog publishes no error body of its own: the platform's common shape, and a code in the style of its siblings.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Problem(status, detail) = self;
        let code = format!("http://ns.adobe.com/aep/errors/CATALOG-1000-{}", status.as_u16());
        let body = json!({
            "type": code, "title": status.canonical_reason().unwrap_or_default(), "status": status.as_u16(),
            "detail": detail, "report": { "detailed-message": detail }
        });
        (status, Json(body)).into_response()
    }
}

fn not_allowed(name: &str) -> Problem {
    Problem(StatusCode::METHOD_NOT_ALLOWED, format!("{name} cannot be changed here"))
}

/// What every change answers: references to what was changed.
fn references(status: StatusCode, ids: &[&str]) -> Response {
    let references: Vec<String> = ids.iter().map(|id| format!("@/dataSets/{id}")).collect();
    (status, Json(references)).into_response()
}

async fn list(Path(kind): Path<String>, call: Call) -> Result<Response, Problem> {
    let query = Query::parse(&call.parameters)?;
    let found = match Type::of(&kind)? {
        Type::DataSets => datasets::list(&call, &query).await?,
        Type::Batches => batches::list(&call, &query).await?,
        Type::LastBatches => batches::newest(&call, &query).await?,
        Type::Superseded => Map::new(),
    };
    Ok(Json(found).into_response())
}

/// One object, or several when ids are joined with commas; either way keyed by id.
async fn find(Path((kind, ids)): Path<(String, String)>, call: Call) -> Result<Response, Problem> {
    let kind = Type::of(&kind)?;
    let query = Query::parse(&call.parameters)?;
    let mut found = Map::new();
    let ids: Vec<&str> = ids.split(',').filter(|id| !id.is_empty()).collect();
    for id in &ids {
        let item = match kind {
            Type::DataSets => datasets::one(&call, id).await,
            Type::Batches | Type::LastBatches => batches::one(&call, id).await,
            Type::Superseded => Err(Problem(StatusCode::NOT_FOUND, format!("there is no object {id}"))),
        };
        match item {
            Ok(item) => {
                found.insert((*id).to_owned(), item);
            }
            // Of several, those that are there.
            Err(Problem(StatusCode::NOT_FOUND, _)) if ids.len() > 1 => {}
            Err(problem) => return Err(problem),
        }
    }
    let version = found.values().next().and_then(|item| item.get("version")?.as_str()).map(str::to_owned);
    let found: Map<String, Value> = found.into_iter().map(|(id, item)| (id, query.project(item))).collect();
    let mut response = Json(found).into_response();
    if ids.len() == 1
        && let Some(value) = version.and_then(|version| HeaderValue::from_str(&version).ok())
    {
        // The documentation spells it with a hyphen; HTTP does not.
        response.headers_mut().insert("e-tag", value.clone());
        response.headers_mut().insert(http::header::ETAG, value);
    }
    Ok(response)
}

async fn create(Path(kind): Path<String>, call: Call) -> Result<Response, Problem> {
    match Type::of(&kind)? {
        Type::DataSets => datasets::create(&call).await,
        _ => Err(not_allowed(&kind)),
    }
}

async fn replace(Path((kind, id)): Path<(String, String)>, call: Call) -> Result<Response, Problem> {
    match Type::of(&kind)? {
        Type::DataSets => datasets::replace(&call, &id).await,
        _ => Err(not_allowed(&kind)),
    }
}

async fn patch(Path((kind, id)): Path<(String, String)>, call: Call) -> Result<Response, Problem> {
    match Type::of(&kind)? {
        Type::DataSets => datasets::patch(&call, &id, control::catalog::datasets::Merge::Shallow).await,
        _ => Err(not_allowed(&kind)),
    }
}

/// `PATCH /v2/dataSets/{id}`: RFC 7386.
async fn patch_deep(
    Path((version, kind, id)): Path<(String, String, String)>,
    call: Call,
) -> Result<Response, Problem> {
    match Type::of(&kind) {
        Ok(Type::DataSets) if version.eq_ignore_ascii_case("v2") => {
            datasets::patch(&call, &id, control::catalog::datasets::Merge::Deep).await
        }
        _ => Err(not_allowed(&kind)),
    }
}

/// `GET /dataSets/{id}/views`: the one view that a dataset has. Also `GET /v2/dataSets/{id}`.
async fn views(
    Path((first, second, third)): Path<(String, String, String)>,
    call: Call,
) -> Result<Response, Problem> {
    if first.eq_ignore_ascii_case("v2") {
        return find(Path((second, third)), call).await;
    }
    match Type::of(&first)? {
        Type::DataSets if third.eq_ignore_ascii_case("views") => datasets::views(&call, &second).await,
        _ => Err(Problem(StatusCode::NOT_FOUND, format!("there is nothing at {first}/{second}/{third}"))),
    }
}

async fn delete(Path((kind, id)): Path<(String, String)>, call: Call) -> Result<Response, Problem> {
    match Type::of(&kind)? {
        Type::DataSets => datasets::delete(&call, &id).await,
        _ => Err(not_allowed(&kind)),
    }
}
