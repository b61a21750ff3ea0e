//! What the command line asks of a running server: `/admin/v1`, for this machine alone unless configured otherwise, with
//! the token that this start wrote into `run.json`.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, FromRequestParts, Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use bytes::Bytes;
use control::ims::{ImsError, Role};
use http::StatusCode;
use http::request::Parts;
use serde_json::{Value, json};
use store::Store;
use subtle::ConstantTimeEq as _;
use vocab::{Clock as _, SystemClock};

use crate::api::gateway;
use crate::app::App;
use crate::cli::Failure;
use crate::credentials::{Operation, OperationError};
use crate::data_dir::{DataDir, RunFile};

pub(crate) fn routes() -> Router<App> {
    let credential = "/admin/v1/credentials/{client_id}";
    Router::new()
        .route("/admin/v1/ping", get(ping))
        .route("/admin/v1/credentials", get(list).post(create))
        .route(credential, delete(revoke))
        .route(&format!("{credential}/secrets"), post(rotate).delete(retire))
        .route(&format!("{credential}/keys"), post(add_key))
}

/// A caller who holds this start's admin token.
pub(crate) struct Admin;

impl FromRequestParts<App> for Admin {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let local =
            parts.extensions.get::<ConnectInfo<SocketAddr>>().is_some_and(|peer| peer.0.ip().is_loopback());
        if !local && !app.config.listen.admin_from_anywhere {
            return Err(problem(StatusCode::FORBIDDEN, "/admin answers this machine alone"));
        }
        let token = gateway::bearer(&parts.headers).unwrap_or_default();
        if bool::from(token.as_bytes().ct_eq(app.admin_token.as_bytes())) {
            Ok(Admin)
        } else {
            Err(unauthorized(app, local))
        }
    }
}

pub(crate) fn problem(status: StatusCode, detail: &str) -> Response {
    let body = json!({
        "type": "about:blank", "title": status.canonical_reason(), "status": status.as_u16(), "detail": detail
    });
    (status, Json(body)).into_response()
}

/// Says to this machine where the token lies: whoever may read that file may use it.
fn unauthorized(app: &App, local: bool) -> Response {
    let status = StatusCode::UNAUTHORIZED;
    let mut body = json!({
        "type": "about:blank", "title": status.canonical_reason(), "status": status.as_u16(),
        "detail": "the admin token is missing or wrong"
    });
    if let Some(folder) = std::path::absolute(&app.config.data).ok().filter(|_| local) {
        body["runFile"] = json!(RunFile::path(&folder));
    }
    (status, Json(body)).into_response()
}

async fn ping(_: Admin) -> Response {
    Json(json!({ "pid": std::process::id() })).into_response()
}

async fn create(_: Admin, State(app): State<App>, body: Bytes) -> Response {
    let request = gateway::json_body(&body).map_err(|error| OperationError::Invalid(error.to_string()));
    answer(&app, request.and_then(|request| Operation::create(&request)), StatusCode::CREATED).await
}

async fn list(_: Admin, State(app): State<App>) -> Response {
    answer(&app, Ok(Operation::List), StatusCode::OK).await
}

async fn rotate(_: Admin, State(app): State<App>, Path(client_id): Path<String>) -> Response {
    answer(&app, Ok(Operation::Rotate { client_id }), StatusCode::CREATED).await
}

async fn retire(_: Admin, State(app): State<App>, Path(client_id): Path<String>) -> Response {
    answer(&app, Ok(Operation::Retire { client_id }), StatusCode::OK).await
}

async fn revoke(_: Admin, State(app): State<App>, Path(client_id): Path<String>) -> Response {
    answer(&app, Ok(Operation::Revoke { client_id }), StatusCode::OK).await
}

async fn add_key(_: Admin, State(app): State<App>, Path(client_id): Path<String>, body: Bytes) -> Response {
    let request = gateway::json_body(&body).map_err(|error| OperationError::Invalid(error.to_string()));
    let operation = request.map(|request| {
        let pem = request["pem"].as_str().unwrap_or_default().to_owned();
        Operation::AddKey { client_id, pem }
    });
    answer(&app, operation, StatusCode::CREATED).await
}

/// Does an operation; when it is answered, the inlets and the gateway know of it.
async fn run(app: &App, operation: &Operation) -> Result<Value, OperationError> {
    let mut tx = app.write().await?;
    let shown = operation.run(&mut tx, app.clock.now()).await?;
    tx.commit().await?;
    app.reload_credentials().await?;
    Ok(shown)
}

async fn answer(app: &App, operation: Result<Operation, OperationError>, done: StatusCode) -> Response {
    let shown = match operation {
        Ok(operation) => run(app, &operation).await,
        Err(error) => Err(error),
    };
    match shown {
        Ok(shown) => (done, Json(shown)).into_response(),
        Err(OperationError::Ims(ImsError::UnknownCredential(client_id))) => {
            problem(StatusCode::NOT_FOUND, &format!("there is no credential {client_id}, or it was revoked"))
        }
        Err(OperationError::Ims(ImsError::Store(error))) => {
            tracing::error!(%error, "cannot use the credentials");
            problem(StatusCode::INTERNAL_SERVER_ERROR, "an internal error; see the server's log")
        }
        Err(error) => problem(StatusCode::BAD_REQUEST, &error.to_string()),
    }
}

/// The first credential of a dev server, with an org of its own.
pub(crate) async fn first_credential(app: &App) -> Result<Value, OperationError> {
    run(app, &Operation::Create { org: None, sandbox: None, role: Role::Admin }).await
}

/// An operation without a running server: the caller holds the data folder's lock.
pub(crate) async fn offline(data: &DataDir, operation: &Operation) -> Result<Value, Failure> {
    let cannot = |error: store::StoreError| Failure::internal("cannot use the metadata database", error);
    let store = Store::open(&data.database_path()).await.map_err(cannot)?;
    let mut tx = store.write().await.map_err(cannot)?;
    let now = SystemClock::new().now();
    let shown = operation.run(&mut tx, now).await.map_err(|error| Failure::usage(error.to_string()))?;
    tx.commit().await.map_err(cannot)?;
    store.close().await;
    Ok(shown)
}
