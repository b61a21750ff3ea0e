//! Calls about datasets.

use axum::Json;
use axum::response::{IntoResponse, Response};
use control::Kind;
use control::catalog::Query;
use control::catalog::datasets::{self, Merge};
use http::StatusCode;
use serde_json::{Map, Value, json};

use super::{Problem, references};
use crate::api::call::Call;
use crate::api::gateway;

pub(super) async fn list(call: &Call, query: &Query) -> Result<Map<String, Value>, Problem> {
    let mut tx = call.app.read().await?;
    Ok(query.select(datasets::items(&mut tx, &call.caller.scope).await?))
}

pub(super) async fn one(call: &Call, id: &str) -> Result<Value, Problem> {
    let mut tx = call.app.read().await?;
    let saved = datasets::get(&mut tx, &call.caller.scope, id).await?;
    Ok(datasets::item(&saved, &call.caller.scope))
}

pub(super) async fn views(call: &Call, id: &str) -> Result<Response, Problem> {
    let item = one(call, id).await?;
    let view = item.get("viewId").and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut views = Map::new();
    views.insert(view, json!({ "dataSetId": id, "created": item["created"], "updated": item["updated"] }));
    Ok(Json(views).into_response())
}

/// `Pragma: validate-only`: everything is checked and nothing kept.
fn is_validate_only(call: &Call) -> bool {
    let pragma = gateway::text(&call.headers, "pragma");
    pragma.is_some_and(|pragma| pragma.eq_ignore_ascii_case("validate-only"))
}

pub(super) async fn create(call: &Call) -> Result<Response, Problem> {
    let body = call.object()?;
    let validate_only = is_validate_only(call);
    let mut tx = call.app.write().await?;
    let id = datasets::create(&mut tx, &call.caller.scope, body, validate_only).await?;
    if !validate_only {
        call.app.commit(tx, &call.caller.scope, &[(Kind::DataSets, &id)]).await?;
    }
    Ok(references(StatusCode::CREATED, &[&id]))
}

pub(super) async fn replace(call: &Call, id: &str) -> Result<Response, Problem> {
    let body = call.object()?;
    let mut tx = call.app.write().await?;
    datasets::replace(&mut tx, &call.caller.scope, id, call.if_match(), body).await?;
    if !is_validate_only(call) {
        call.app.commit(tx, &call.caller.scope, &[(Kind::DataSets, id)]).await?;
    }
    Ok(references(StatusCode::OK, &[id]))
}

pub(super) async fn patch(call: &Call, id: &str, merge: Merge) -> Result<Response, Problem> {
    let body = call.json()?;
    let mut tx = call.app.write().await?;
    datasets::patch(&mut tx, &call.caller.scope, id, call.if_match(), body, merge).await?;
    call.app.commit(tx, &call.caller.scope, &[(Kind::DataSets, id)]).await?;
    Ok(references(StatusCode::OK, &[id]))
}

/// An unknown id is no error: nothing was deleted.
pub(super) async fn delete(call: &Call, id: &str) -> Result<Response, Problem> {
    let mut tx = call.app.write().await?;
    if !datasets::delete(&mut tx, &call.caller.scope, id).await? {
        return Ok(references(StatusCode::OK, &[]));
    }
    call.app.commit(tx, &call.caller.scope, &[(Kind::DataSets, id)]).await?;
    Ok(references(StatusCode::OK, &[id]))
}
