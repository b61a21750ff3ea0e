//! The Iceberg REST catalogue, read side: what query engines need to find, load and scan the tables of a sandbox.
//!
//! The warehouse of a reader is a sandbox, by name; its prefix is `{tenant}.{sandbox}`. Data files are read from where the
//! metadata says: no storage keys are handed out. Source: the REST catalogue specification of Apache Iceberg.

use axum::extract::{FromRequestParts, Path, Query, RawQuery, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use bytes::Bytes;
use control::ims::{Need, Role};
use control::{Actor, Scope, sandbox};
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use lake::LakeError;
use serde::Deserialize;
use serde_json::{Value, json};
use store::StoreError;

use crate::api::gateway::bearer;
use crate::api::ims;
use crate::app::App;
use crate::tokens::Verified;

/// The routes as `GET /v1/config` lists them, so that engines ask for nothing else.
const ENDPOINTS: [&str; 7] = [
    "GET /v1/{prefix}/namespaces",
    "GET /v1/{prefix}/namespaces/{namespace}",
    "HEAD /v1/{prefix}/namespaces/{namespace}",
    "GET /v1/{prefix}/namespaces/{namespace}/tables",
    "GET /v1/{prefix}/namespaces/{namespace}/tables/{table}",
    "HEAD /v1/{prefix}/namespaces/{namespace}/tables/{table}",
    "POST /v1/{prefix}/namespaces/{namespace}/tables/{table}/metrics",
];

/// Separates the levels of a namespace in a path.
const LEVEL: char = '\u{1f}';

pub(crate) fn routes() -> Router<App> {
    let namespace = "/iceberg/v1/{prefix}/namespaces/{namespace}";
    Router::new()
        .route("/iceberg/v1/config", get(config))
        .route("/iceberg/v1/oauth/tokens", post(token))
        .route("/iceberg/v1/{prefix}/namespaces", get(namespaces))
        .route(namespace, get(one_namespace))
        .route(&format!("{namespace}/tables"), get(tables))
        .route(&format!("{namespace}/tables/{{table}}"), get(table))
        // Engines report how a scan went; nothing here depends on it.
        .route(&format!("{namespace}/tables/{{table}}/metrics"), post(async || StatusCode::NO_CONTENT))
}

/// Why there is no answer, in the error model of the specification.
#[derive(Debug)]
enum Problem {
    Unauthorized,
    Forbidden(Role),
    Warehouse(String),
    Namespace(String),
    Table(String),
    Internal,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, kind, message) = match self {
            Problem::Unauthorized => (
                StatusCode::UNAUTHORIZED,
                "NotAuthorizedException",
                "the access token is missing or not valid".to_owned(),
            ),
            Problem::Forbidden(role) => (
                StatusCode::FORBIDDEN,
                "ForbiddenException",
                format!("the role {role} of this credential may not read tables"),
            ),
            Problem::Warehouse(name) => {
                (StatusCode::NOT_FOUND, "NoSuchWarehouseException", format!("there is no sandbox {name}"))
            }
            Problem::Namespace(name) => {
                (StatusCode::NOT_FOUND, "NoSuchNamespaceException", format!("there is no namespace {name}"))
            }
            Problem::Table(name) => {
                (StatusCode::NOT_FOUND, "NoSuchTableException", format!("there is no table {name}"))
            }
            Problem::Internal => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "InternalServerError",
                "an internal error; see the server's log".to_owned(),
            ),
        };
        let body = json!({ "error": { "message": message, "type": kind, "code": status.as_u16() } });
        (status, Json(body)).into_response()
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "the lake's catalogue cannot be read");
        Problem::Internal
    }
}

impl From<LakeError> for Problem {
    fn from(error: LakeError) -> Self {
        tracing::error!(%error, "the lake's catalogue cannot be read");
        Problem::Internal
    }
}

/// Who reads: the token names the org, so that readers need no other header.
struct Reader(Verified);

impl FromRequestParts<App> for Reader {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let token = bearer(&parts.headers).ok_or(Problem::Unauthorized)?;
        let verified = app.tokens.verify(token).map_err(|_| Problem::Unauthorized)?;
        if !verified.role.may(Need::LakeRead) {
            return Err(Problem::Forbidden(verified.role));
        }
        Ok(Self(Verified::clone(&verified)))
    }
}

impl Reader {
    /// The sandbox of that name, or the default one.
    async fn warehouse(&self, app: &App, name: Option<&str>) -> Result<Scope, Problem> {
        let Verified { org, client_id, account, sandbox: only, .. } = &self.0;
        let actor = Actor { user: account.clone(), client: client_id.clone() };
        let wanted = name.or(only.as_deref());
        let mut tx = app.read().await?;
        let found = sandbox::scope(&mut tx, org, wanted, actor, app.clock.now()).await?;
        found
            .filter(|scope| only.as_ref().is_none_or(|only| *only == scope.sandbox_name))
            .ok_or_else(|| Problem::Warehouse(wanted.unwrap_or_default().to_owned()))
    }

    /// The catalogue that a prefix names, when it is one of the reader's org.
    async fn catalog(&self, app: &App, prefix: &str) -> Result<String, Problem> {
        let unknown = || Problem::Warehouse(prefix.to_owned());
        let (_, name) = prefix.split_once('.').ok_or_else(unknown)?;
        let scope = self.warehouse(app, Some(name)).await?;
        if scope.catalog() == prefix { Ok(prefix.to_owned()) } else { Err(unknown()) }
    }
}

#[derive(Deserialize)]
struct ConfigQuery {
    warehouse: Option<String>,
}

async fn config(
    State(app): State<App>,
    reader: Reader,
    Query(query): Query<ConfigQuery>,
) -> Result<Json<Value>, Problem> {
    let name = query.warehouse.as_deref().filter(|name| !name.is_empty());
    let scope = reader.warehouse(&app, name).await?;
    Ok(Json(json!({ "defaults": {}, "overrides": { "prefix": scope.catalog() }, "endpoints": ENDPOINTS })))
}

/// A token for readers that only speak OAuth 2.0. It is the same access token as of the token service.
async fn token(
    State(app): State<App>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, ims::Refusal> {
    let (access_token, expires_in) =
        ims::grant(&app, query.as_deref().unwrap_or_default(), &headers, &body).await?;
    let body = json!({
        "access_token": access_token, "token_type": "bearer", "expires_in": expires_in,
        "issued_token_type": "urn:ietf:params:oauth:token-type:access_token"
    });
    Ok(Json(body).into_response())
}

async fn namespaces(
    State(app): State<App>,
    reader: Reader,
    Path(prefix): Path<String>,
    Query(query): Query<ParentQuery>,
) -> Result<Json<Value>, Problem> {
    reader.catalog(&app, &prefix).await?;
    // Namespaces have one level: under a parent there is nothing.
    let names: Vec<[&str; 1]> = match query.parent.filter(|parent| !parent.is_empty()) {
        Some(parent) => {
            known(&app, &parent)?;
            Vec::new()
        }
        None => app.lake.namespaces().map(|name| [name]).to_vec(),
    };
    Ok(Json(json!({ "namespaces": names })))
}

#[derive(Deserialize)]
struct ParentQuery {
    parent: Option<String>,
}

async fn one_namespace(
    State(app): State<App>,
    reader: Reader,
    Path((prefix, namespace)): Path<(String, String)>,
) -> Result<Json<Value>, Problem> {
    reader.catalog(&app, &prefix).await?;
    let name = known(&app, &namespace)?;
    Ok(Json(json!({ "namespace": [name], "properties": {} })))
}

async fn tables(
    State(app): State<App>,
    reader: Reader,
    Path((prefix, namespace)): Path<(String, String)>,
) -> Result<Json<Value>, Problem> {
    let catalog = reader.catalog(&app, &prefix).await?;
    let namespace = known(&app, &namespace)?;
    let names = app.lake.tables(&catalog, namespace).await?;
    let identifiers: Vec<Value> =
        names.iter().map(|name| json!({ "namespace": [namespace], "name": name })).collect();
    Ok(Json(json!({ "identifiers": identifiers })))
}

async fn table(
    State(app): State<App>,
    reader: Reader,
    Path((prefix, namespace, name)): Path<(String, String, String)>,
) -> Result<Json<Value>, Problem> {
    let catalog = reader.catalog(&app, &prefix).await?;
    let namespace = known(&app, &namespace)?;
    let unknown = || Problem::Table(format!("{namespace}.{name}"));
    let (location, metadata) = app.lake.load(&catalog, namespace, &name).await?.ok_or_else(unknown)?;
    Ok(Json(json!({ "metadata-location": location, "metadata": metadata, "config": {} })))
}

/// The namespace of that name.
fn known(app: &App, namespace: &str) -> Result<&'static str, Problem> {
    let found = app.lake.namespaces().into_iter().find(|name| *name == namespace);
    found.ok_or_else(|| Problem::Namespace(namespace.replace(LEVEL, ".")))
}
