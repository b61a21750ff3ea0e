//! What the command line asks of a running server: `/admin/v1`, for this machine alone unless configured otherwise, with
//! the token that this start wrote into `run.json`.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use bytes::Bytes;
use control::ims::{self, ImsError};
use http::StatusCode;
use http::request::Parts;
use serde_json::{Value, json};
use store::{Store, Tx};
use subtle::ConstantTimeEq as _;
use vocab::{Clock as _, Millis, OrgId, SystemClock};

use crate::api::gateway;
use crate::app::App;
use crate::cli::Failure;
use crate::data_dir::{DataDir, RunFile};

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/admin/v1/ping", get(ping)).route("/admin/v1/credentials", post(create_credential))
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

async fn create_credential(_: Admin, State(app): State<App>, body: Bytes) -> Response {
    let made = async {
        let request = gateway::json_body(&body).map_err(|error| error.to_string())?;
        let mut tx = app.write().await.map_err(|error| error.to_string())?;
        let made = create(&mut tx, app.clock.now(), &request).await.map_err(|error| error.to_string())?;
        tx.commit().await.map_err(|error| error.to_string())?;
        app.reload_credentials().await.map_err(|error| error.to_string())?;
        Ok(made)
    };
    match made.await {
        Ok(made) => (StatusCode::CREATED, Json(to_json(&made))).into_response(),
        Err(detail) => {
            let detail: String = detail;
            problem(StatusCode::BAD_REQUEST, &detail)
        }
    }
}

/// A credential as it is shown once.
pub(crate) struct Made {
    pub(crate) org: OrgId,
    pub(crate) tenant: String,
    pub(crate) sandbox: Option<String>,
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
}

fn to_json(made: &Made) -> Value {
    let mut body = json!({
        "org": made.org, "tenant": made.tenant,
        "api_key": made.client_id, "client_secret": made.client_secret
    });
    if let Some(sandbox) = &made.sandbox {
        body["sandbox"] = json!(sandbox);
    }
    body
}

/// Makes a credential for `{"org", "sandbox"?}`; the org, with a tenant id and the sandbox `prod`, when it is new.
async fn create(tx: &mut Tx, now: Millis, request: &Value) -> Result<Made, ImsError> {
    let org = request["org"].as_str();
    let found = match org {
        Some(org) => ims::find_org(tx, &OrgId::from(org)).await?,
        None => None,
    };
    let org = match found {
        Some(org) => org,
        None => ims::create_org(tx, now, org, None).await?,
    };
    let sandbox = request["sandbox"].as_str();
    let (client_id, client_secret) = ims::create_credential(tx, now, &org.id, sandbox).await?;
    Ok(Made {
        org: org.id,
        tenant: org.tenant,
        sandbox: sandbox.map(str::to_owned),
        client_id,
        client_secret,
    })
}

/// The first credential of a dev server, with an org of its own.
pub(crate) async fn first_credential(app: &App) -> Result<Made, ImsError> {
    let mut tx = app.write().await?;
    let made = create(&mut tx, app.clock.now(), &json!({})).await?;
    tx.commit().await?;
    app.reload_credentials().await?;
    Ok(made)
}

/// The same without a running server: the caller holds the data folder's lock.
pub(crate) async fn create_credential_offline(data: &DataDir, request: &Value) -> Result<Value, Failure> {
    let cannot = |error: store::StoreError| Failure::internal("cannot use the metadata database", error);
    let store = Store::open(&data.database_path()).await.map_err(cannot)?;
    let mut tx = store.write().await.map_err(cannot)?;
    let clock = Arc::new(SystemClock::new());
    let made =
        create(&mut tx, clock.now(), request).await.map_err(|error| Failure::usage(error.to_string()))?;
    tx.commit().await.map_err(cannot)?;
    store.close().await;
    Ok(to_json(&made))
}
