//! Connection specs and flow specs: fixed, the same for every org, never paged.

use axum::Json;
use axum::response::{IntoResponse, Response};
use control::flow::specs::SpecKind;
use control::flow::{FlowError, Query};
use serde_json::json;

use super::problem::{self, Subject};
use crate::api::call::Call;

pub(super) async fn list(call: Call, kind: SpecKind) -> Response {
    finish(Query::parse(&call.parameters).map(|query| items(kind, &query)), &call, kind, None)
}

pub(super) async fn search(call: Call) -> Response {
    let kind = SpecKind::Flow;
    finish(call.search().map(|query| items(kind, &query)), &call, kind, None)
}

pub(super) async fn get(call: Call, kind: SpecKind, id: String) -> Response {
    let found = kind.get(&id).map(|item| Json(json!({ "items": [item] })).into_response());
    finish(found, &call, kind, Some(&id))
}

/// Making and changing specs needs a provider's token; there is none here.
pub(super) async fn refuse(call: Call, kind: SpecKind) -> Response {
    finish(Err(FlowError::SpecsFixed(kind.collection())), &call, kind, None)
}

fn items(kind: SpecKind, query: &Query) -> Response {
    Json(json!({ "items": kind.list(query), "_links": {} })).into_response()
}

fn finish(result: Result<Response, FlowError>, call: &Call, kind: SpecKind, id: Option<&str>) -> Response {
    result.unwrap_or_else(|error| {
        let subject = Subject { collection: kind.collection(), id, request_id: &call.caller.request_id };
        problem::response(&error, &subject)
    })
}
