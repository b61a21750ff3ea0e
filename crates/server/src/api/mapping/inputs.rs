//! Samples and mapper schemas: what mapping sets are made with.

use axum::extract::Path;
use axum::routing::{get, post};
use axum::{Json, Router};
use control::Kind;
use control::mapping::{self, Query, Stored, samples, schemas};
use http::StatusCode;
use serde_json::Value;

use super::{BASE, Problem, page, upload};
use crate::api::call::{Call, UPLOAD};
use crate::app::App;

pub(super) fn routes() -> Router<App> {
    let (samples, schemas) = (format!("{BASE}/samples"), format!("{BASE}/schemas"));
    Router::new()
        .route(&samples, get(list_samples).post(create_sample))
        .route(&format!("{samples}{UPLOAD}"), post(upload_sample))
        .route(&format!("{samples}/{{id}}"), get(one_sample).put(replace_sample).delete(delete_sample))
        .route(&schemas, get(list_schemas).post(create_schema))
        .route(&format!("{schemas}{UPLOAD}"), post(upload_schema))
        .route(&format!("{schemas}/{{id}}"), get(one_schema).delete(delete_schema))
}

async fn list_samples(call: Call) -> Result<Json<Value>, Problem> {
    let query = Query::parse(&call.parameters)?;
    let mut tx = call.app.read().await?;
    let found = samples::list(&mut tx, &call.caller.scope, &query).await?;
    Ok(page(&query, found.iter().map(mapping::sample).collect()))
}

async fn create_sample(call: Call) -> Result<Json<Value>, Problem> {
    let body = call.object()?;
    let mut tx = call.app.write().await?;
    let made = samples::create(&mut tx, &call.caller.scope, body).await?;
    call.app.commit(tx, &call.caller.scope, &[(Kind::MapperSamples, &made.id)]).await?;
    Ok(Json(mapping::sample(&made)))
}

async fn upload_sample(call: Call) -> Result<Json<Value>, Problem> {
    let file = upload::file(&call).await?;
    let mut tx = call.app.write().await?;
    let made = samples::upload(&mut tx, &call.caller.scope, &file).await?;
    call.app.commit(tx, &call.caller.scope, &[(Kind::MapperSamples, &made.id)]).await?;
    Ok(Json(mapping::sample(&made)))
}

async fn one_sample(Path(id): Path<String>, call: Call) -> Result<Json<Value>, Problem> {
    let mut tx = call.app.read().await?;
    Ok(Json(mapping::sample(&samples::get(&mut tx, &call.caller.scope, &id).await?)))
}

async fn replace_sample(Path(id): Path<String>, call: Call) -> Result<Json<Value>, Problem> {
    let body = call.object()?;
    let mut tx = call.app.write().await?;
    let changed = samples::replace(&mut tx, &call.caller.scope, &id, body).await?;
    call.app.commit(tx, &call.caller.scope, &[(Kind::MapperSamples, &id)]).await?;
    Ok(Json(mapping::sample(&changed)))
}

async fn delete_sample(Path(id): Path<String>, call: Call) -> Result<StatusCode, Problem> {
    let mut tx = call.app.write().await?;
    samples::delete(&mut tx, &call.caller.scope, &id).await?;
    call.app.commit(tx, &call.caller.scope, &[(Kind::MapperSamples, &id)]).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn list_schemas(call: Call) -> Result<Json<Value>, Problem> {
    let query = Query::parse(&call.parameters)?;
    let mut tx = call.app.read().await?;
    let found = schemas::list(&mut tx, &call.caller.scope, &query).await?;
    Ok(page(&query, found.iter().map(mapping::schema).collect()))
}

async fn create_schema(call: Call) -> Result<Json<Value>, Problem> {
    let body = call.object()?;
    let mut tx = call.app.write().await?;
    let made = schemas::create(&mut tx, &call.caller.scope, body).await?;
    kept_schema(call, tx, made).await
}

async fn upload_schema(call: Call) -> Result<Json<Value>, Problem> {
    let file = upload::file(&call).await?;
    let mut tx = call.app.write().await?;
    let made = schemas::upload(&mut tx, &call.caller.scope, &file).await?;
    kept_schema(call, tx, made).await
}

async fn kept_schema(call: Call, tx: store::Tx, made: Stored) -> Result<Json<Value>, Problem> {
    call.app.commit(tx, &call.caller.scope, &[(Kind::MapperSchemas, &made.id)]).await?;
    Ok(Json(mapping::schema(&made)))
}

async fn one_schema(Path(id): Path<String>, call: Call) -> Result<Json<Value>, Problem> {
    let mut tx = call.app.read().await?;
    Ok(Json(mapping::schema(&schemas::get(&mut tx, &call.caller.scope, &id).await?)))
}

async fn delete_schema(Path(id): Path<String>, call: Call) -> Result<StatusCode, Problem> {
    let mut tx = call.app.write().await?;
    schemas::delete(&mut tx, &call.caller.scope, &id).await?;
    call.app.commit(tx, &call.caller.scope, &[(Kind::MapperSchemas, &id)]).await?;
    Ok(StatusCode::NO_CONTENT)
}
