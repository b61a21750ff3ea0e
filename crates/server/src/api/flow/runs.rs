//! Runs over HTTP, and the warnings of a flow. They are figures, so they are read; what would start or change one is
//! refused.

use axum::extract::Path;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use control::Kind;
use control::flow::runs::{self, COLLECTION};
use control::flow::{self, FlowError, Query, warnings};
use serde_json::json;

use super::BASE;
use super::operations::listed;
use super::problem::{self, Subject};
use crate::api::call::Call;
use crate::app::App;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route(&format!("{BASE}/runs"), get(list).post(create))
        .route(&format!("{BASE}/runs/{{id}}"), get(one).put(replace))
        .route(&format!("{BASE}/runs/{{id}}/action"), post(act))
        .route(&format!("{BASE}/flows/{{id}}/runs"), get(of_flow))
        .route(&format!("{BASE}/flows/{{id}}/warnings"), get(warnings_of))
}

async fn list(call: Call) -> Response {
    let found = async {
        let query = Query::parse(&call.parameters)?;
        page(&call, &query, COLLECTION).await
    };
    finish(found.await, &call, None)
}

/// The other form of a flow's link to its runs.
async fn of_flow(Path(id): Path<String>, mut call: Call) -> Response {
    call.parameters.push(("property".to_owned(), format!("flowId==\"{id}\"")));
    let found = async {
        let query = Query::parse(&call.parameters)?;
        let mut tx = call.app.read().await?;
        flow::get(&mut tx, &call.caller.scope, Kind::Flows, &id).await?;
        drop(tx);
        page(&call, &query, COLLECTION).await
    };
    finish(found.await, &call, Some(&id))
}

/// What the mapping of a flow could not do, which is ours: counts by item and code, with samples.
async fn warnings_of(Path(id): Path<String>, call: Call) -> Response {
    let found = async {
        let mut tx = call.app.read().await?;
        Ok(Json(warnings::of_flow(&mut tx, &call.caller.scope, &id).await?).into_response())
    };
    finish(found.await, &call, Some(&id))
}

async fn page(call: &Call, query: &Query, path: &str) -> Result<Response, FlowError> {
    let mut tx = call.app.read().await?;
    let found = runs::list(&mut tx, &call.caller.scope, &call.app.journal.received(), query).await?;
    Ok(listed(found, path))
}

async fn one(Path(id): Path<String>, call: Call) -> Response {
    let found = async {
        let mut tx = call.app.read().await?;
        let run = runs::get(&mut tx, &call.caller.scope, &call.app.journal.received(), &id).await?;
        Ok(Json(json!({ "items": [run] })).into_response())
    };
    finish(found.await, &call, Some(&id))
}

async fn create(call: Call) -> Response {
    let refused = async {
        let request = call.object()?;
        let mut tx = call.app.read().await?;
        match runs::create(&mut tx, &call.caller.scope, &request).await? {}
    };
    finish(refused.await, &call, None)
}

async fn replace(Path(id): Path<String>, call: Call) -> Response {
    let refused = async {
        let mut tx = call.app.read().await?;
        runs::get(&mut tx, &call.caller.scope, &call.app.journal.received(), &id).await?;
        call.if_match().ok_or(FlowError::IfMatchMissing)?;
        Err(FlowError::ProviderOnly("changing a run".to_owned()))
    };
    finish(refused.await, &call, Some(&id))
}

async fn act(Path(id): Path<String>, call: Call) -> Response {
    let refused = async {
        let mut tx = call.app.read().await?;
        runs::get(&mut tx, &call.caller.scope, &call.app.journal.received(), &id).await?;
        let text = "a streaming flow runs all the time: there is nothing to run again";
        Err(FlowError::Invalid(text.to_owned()))
    };
    finish(refused.await, &call, Some(&id))
}

fn finish(result: Result<Response, FlowError>, call: &Call, id: Option<&str>) -> Response {
    result.unwrap_or_else(|error| {
        let subject = Subject { collection: COLLECTION, id, request_id: &call.caller.request_id };
        problem::response(&error, &subject)
    })
}
