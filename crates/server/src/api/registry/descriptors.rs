//! The operations on descriptors.

use axum::Json;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use control::Kind;
use control::registry::{Container, Reading, RegistryError, descriptors};
use http::StatusCode;
use serde_json::{Value, json};
use store::Tx;

use super::call::{form, json, query};
use super::problem;
use crate::api::call::Call;

pub(super) async fn create(call: Call) -> Response {
    let made = async {
        let body = json(&call)?;
        let mut tx = call.app.write().await?;
        let shown = descriptors::create(&mut tx, &call.caller.scope, body).await?;
        let id = shown.get("@id").and_then(Value::as_str).unwrap_or_default();
        commit(&call, tx, id).await?;
        Ok((StatusCode::CREATED, Json(&shown)).into_response())
    };
    finish(made.await, &call)
}

/// A lookup shows the whole descriptor, whatever form is asked for.
pub(super) async fn get(Path(id): Path<String>, call: Call) -> Response {
    let found = async {
        let mut tx = call.app.read().await?;
        Ok(Json(descriptors::get(&mut tx, &call.caller.scope, &id).await?).into_response())
    };
    finish(found.await, &call)
}

pub(super) async fn list(call: Call) -> Response {
    list_in(call, Container::Tenant).await
}

/// The standard library has none.
pub(super) async fn list_global(call: Call) -> Response {
    list_in(call, Container::Global).await
}

async fn list_in(call: Call, container: Container) -> Response {
    let listed = async {
        let (form, query) = (form(&call, Reading::Descriptors)?, query(&call)?);
        let mut tx = call.app.read().await?;
        let scope = &call.caller.scope;
        Ok(Json(descriptors::list(&mut tx, scope, container, &query, form.as_ref()).await?).into_response())
    };
    finish(listed.await, &call)
}

/// The documented answer is 201 with the id alone.
pub(super) async fn replace(Path(id): Path<String>, call: Call) -> Response {
    let changed = async {
        let body = json(&call)?;
        let mut tx = call.app.write().await?;
        descriptors::replace(&mut tx, &call.caller.scope, &id, body).await?;
        commit(&call, tx, &id).await?;
        Ok((StatusCode::CREATED, Json(json!({ "@id": id }))).into_response())
    };
    finish(changed.await, &call)
}

pub(super) async fn delete(Path(id): Path<String>, call: Call) -> Response {
    let deleted = async {
        let mut tx = call.app.write().await?;
        descriptors::delete(&mut tx, &call.caller.scope, &id).await?;
        commit(&call, tx, &id).await?;
        Ok(StatusCode::NO_CONTENT.into_response())
    };
    finish(deleted.await, &call)
}

async fn commit(call: &Call, tx: Tx, id: &str) -> Result<(), RegistryError> {
    Ok(call.app.commit(tx, &call.caller.scope, &[(Kind::Descriptors, id)]).await?)
}

fn finish(result: Result<Response, RegistryError>, call: &Call) -> Response {
    result.unwrap_or_else(|error| problem::response(&error, &call.caller))
}
