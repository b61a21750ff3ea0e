//! Calls about batches.

use control::catalog::{Query, batches};
use serde_json::{Map, Value};

use super::Problem;
use crate::api::call::Call;

pub(super) async fn list(call: &Call, query: &Query) -> Result<Map<String, Value>, Problem> {
    let mut tx = call.app.read().await?;
    Ok(batches::list(&mut tx, &call.caller.scope, query).await?)
}

pub(super) async fn newest(call: &Call, query: &Query) -> Result<Map<String, Value>, Problem> {
    let mut tx = call.app.read().await?;
    Ok(batches::newest(&mut tx, &call.caller.scope, query).await?)
}

pub(super) async fn one(call: &Call, id: &str) -> Result<Value, Problem> {
    let mut tx = call.app.read().await?;
    Ok(batches::get(&mut tx, &call.caller.scope, id).await?)
}
