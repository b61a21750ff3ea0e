//! The routes that are calls rather than collections: samples, export, import, the audit log.
//!
//! Clients send any `Accept` and `Content-Type` here; only the major version of the first counts.

use axum::Json;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use control::registry::{self, Form, Notation, RegistryError};
use serde_json::Value;

use super::call::json;
use super::operations::finish;
use crate::api::call::Call;
use crate::api::gateway;

/// The documented answer has standard names whatever `Accept` says; `?notation=xed` gives those that ingestion takes.
pub(super) async fn sample(Path(id): Path<String>, call: Call) -> Response {
    let made = async {
        let notation = match call.parameter("notation") {
            Some(name) if name.eq_ignore_ascii_case("xed") => Notation::Xed,
            _ => Notation::Xdm,
        };
        let form = Form::parse(gateway::text(&call.headers, "accept")).unwrap_or_default();
        let mut tx = call.app.read().await?;
        let shown = registry::sample(&mut tx, &call.caller.scope, &id, form.as_ref(), notation).await?;
        Ok(Json(shown).into_response())
    };
    finish(made.await, &call)
}

pub(super) async fn export(Path(id): Path<String>, call: Call) -> Response {
    let exported = async {
        let mut tx = call.app.read().await?;
        Ok(Json(registry::export(&mut tx, &call.caller.scope, &id).await?).into_response())
    };
    finish(exported.await, &call)
}

pub(super) async fn import(call: Call) -> Response {
    let imported = async {
        let body = json(&call)?;
        let mut tx = call.app.write().await?;
        let imported = registry::import(&mut tx, &call.caller.scope, body).await?;
        // A change to any one part makes the record path compile the sandbox anew.
        let changed = imported.changed.as_ref().map(|(kind, id)| (*kind, id.as_str()));
        call.app.commit(tx, &call.caller.scope, changed.as_slice()).await?;
        Ok(Json(Value::Array(imported.shown)).into_response())
    };
    finish(imported.await, &call)
}

pub(super) async fn audit_log(Path(id): Path<String>, call: Call) -> Response {
    let read = async {
        let mut tx = call.app.read().await?;
        Ok(Json(registry::audit_log(&mut tx, &call.caller.scope, &id).await?).into_response())
    };
    finish(read.await, &call)
}

/// Ingestion has no use for it.
pub(super) async fn csv_to_schema(call: Call) -> Response {
    finish(Err(RegistryError::NotOffered("csv2schema")), &call)
}
