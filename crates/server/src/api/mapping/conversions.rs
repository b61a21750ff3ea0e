//! Batch conversions, a service of a time before flows: there never is one.

use axum::extract::Path;
use axum::routing::get;
use axum::{Json, Router};
use control::mapping::{MappingError, Query};
use serde_json::Value;

use super::{BASE, Problem, page};
use crate::api::call::Call;
use crate::app::App;

pub(super) fn routes() -> Router<App> {
    let conversions = format!("{BASE}/xdmBatchConversions");
    Router::new()
        .route(&conversions, get(none).post(create))
        .route(&format!("{conversions}/{{id}}"), get(one))
        .route(&format!("{conversions}/{{id}}/activities"), get(none))
        .route(&format!("{conversions}/{{id}}/activities/{{activity}}"), get(activity))
}

/// Older clients also ask for a conversion in this way, and take the page for the answer.
async fn none(call: Call) -> Result<Json<Value>, Problem> {
    Ok(page(&Query::parse(&call.parameters)?, Vec::new()))
}

async fn create(_: Call) -> Problem {
    Problem(MappingError::Invalid(
        "batches are not converted: a flow maps records as they come in".to_owned(),
    ))
}

async fn one(Path(id): Path<String>, _: Call) -> Problem {
    Problem(MappingError::NotFound { what: "batch conversion", id })
}

async fn activity(Path((_, id)): Path<(String, String)>, _: Call) -> Problem {
    Problem(MappingError::NotFound { what: "activity", id })
}
