//! Health and metrics.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use serde_json::json;

use crate::api::gateway;
use crate::app::App;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/health/live", get(live))
        .route("/health/ready", get(ready))
        .route("/metrics", get(metrics))
}

async fn live() -> Response {
    Json(json!({ "status": "live" })).into_response()
}

/// Ready when the log takes records and the metadata database answers. A lake that lags is shown, not failed on: records
/// are safe in the log.
async fn ready(State(app): State<App>) -> Response {
    let database = app.read().await.is_ok();
    let log = app.journal.state();
    let open = matches!(log, journal::State::Open);
    let refine = app.refiner.status();
    let status = if database && open { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let failing: Vec<_> = refine
        .datasets
        .iter()
        .filter_map(|dataset| Some(json!({ "dataset": dataset.id, "error": dataset.error.as_ref()? })))
        .collect();
    let body = json!({
        "status": if status == StatusCode::OK { "ready" } else { "not ready" },
        "checks": {
            "database": if database { "ok" } else { "does not answer" },
            "log": format!("{log:?}").to_lowercase(),
            "lake": if failing.is_empty() { json!("ok") } else { json!(failing) },
        },
        "log": { "bytes": app.journal.bytes(), "next_offset": app.journal.synced(), "low_water": refine.low_water },
    });
    (status, Json(body)).into_response()
}

/// Prometheus text. Open where the ops listener is private, else for a token.
async fn metrics(State(app): State<App>, headers: HeaderMap) -> Response {
    let private = crate::config::is_private(app.config.listen.ops.ip());
    let allowed = private || gateway::bearer(&headers).is_some_and(|token| app.tokens.verify(token).is_ok());
    if !allowed {
        return gateway::Refusal::TokenInvalid.into_response();
    }
    let refine = app.refiner.status();
    metrics::gauge!("tributary_log_bytes").set(app.journal.bytes() as f64);
    metrics::gauge!("tributary_log_next_offset").set(app.journal.synced() as f64);
    metrics::gauge!("tributary_log_low_water").set(refine.low_water as f64);
    for (outcome, records) in refine.totals() {
        metrics::counter!("tributary_records_total", "outcome" => outcome).absolute(records);
    }
    for (code, records) in refine.warnings() {
        metrics::counter!("tributary_record_warnings_total", "code" => code).absolute(records);
    }
    metrics::gauge!("tributary_records_pending").set(refine.pending() as f64);
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], app.prometheus.render()).into_response()
}
