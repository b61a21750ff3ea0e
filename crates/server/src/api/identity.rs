//! Identity namespaces: the lists, one, and making or renaming the sandbox's own.

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use control::Kind;
use control::identity::{self, IdentityError};
use http::StatusCode;
use serde_json::{Value, json};
use store::Tx;

use crate::api::call::Call;
use crate::app::App;

const BASE: &str = "/data/core/idnamespace";

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route(&format!("{BASE}/identities"), get(list).post(create))
        .route(&format!("{BASE}/identities/{{id}}"), get(one).put(replace))
        .route(&format!("{BASE}/orgs/{{org}}/identities"), get(of_org))
}

/// A bare array, as documented.
async fn list(call: Call) -> Response {
    let listed = async {
        let mut tx = call.app.read().await?;
        Ok(Json(identity::list(&mut tx, &call.caller.scope).await?).into_response())
    };
    finish(listed.await, &call)
}

/// The same list; the caller's org is the only one that it sees.
async fn of_org(Path(org): Path<String>, call: Call) -> Response {
    if org == call.caller.scope.org.as_str() {
        return list(call).await;
    }
    finish(Err(IdentityError::NotFound(org)), &call)
}

async fn one(Path(id): Path<String>, call: Call) -> Response {
    let found = async {
        let mut tx = call.app.read().await?;
        Ok(Json(identity::get(&mut tx, &call.caller.scope, &id).await?).into_response())
    };
    finish(found.await, &call)
}

async fn create(call: Call) -> Response {
    let made = async {
        let body = call.object().map_err(|error| IdentityError::Invalid(error.to_string()))?;
        let mut tx = call.app.write().await?;
        let shown = identity::create(&mut tx, &call.caller.scope, &body).await?;
        commit(&call, tx, &shown).await?;
        Ok((StatusCode::CREATED, Json(shown)).into_response())
    };
    finish(made.await, &call)
}

async fn replace(Path(id): Path<String>, call: Call) -> Response {
    let changed = async {
        let body = call.object().map_err(|error| IdentityError::Invalid(error.to_string()))?;
        let mut tx = call.app.write().await?;
        let shown = identity::replace(&mut tx, &call.caller.scope, &id, &body).await?;
        commit(&call, tx, &shown).await?;
        Ok(Json(shown).into_response())
    };
    finish(changed.await, &call)
}

async fn commit(call: &Call, tx: Tx, shown: &Value) -> Result<(), IdentityError> {
    let code = shown.get("code").and_then(Value::as_str).unwrap_or_default();
    Ok(call.app.commit(tx, &call.caller.scope, &[(Kind::Namespaces, code)]).await?)
}

/// The documented body has neither `type` nor `report`.
fn finish(result: Result<Response, IdentityError>, call: &Call) -> Response {
    let error = match result {
        Ok(response) => return response,
        Err(error) => error,
    };
    let (status, title) = match error {
        IdentityError::NotFound(_) => (StatusCode::NOT_FOUND, "NotFound"),
        IdentityError::Invalid(_) => (StatusCode::BAD_REQUEST, "InvalidInput"),
        IdentityError::Store(_) => (StatusCode::INTERNAL_SERVER_ERROR, "InternalError"),
    };
    let detail = match &error {
        IdentityError::Store(inner) => {
            let request_id = &call.caller.request_id;
            tracing::error!(error = %inner, request_id, "the namespaces cannot be read or written");
            "an internal error; see the server's log".to_owned()
        }
        known => known.to_string(),
    };
    (status, Json(json!({ "title": title, "status": status.as_u16(), "detail": detail }))).into_response()
}
