//! The global container as the command line sees it: an import for the whole server, and schemas of any sandbox.
//!
//! Under `/admin/v1` like all that is asked for every org at once. Without a running server the same operations go to the
//! data folder.

use axum::extract::{DefaultBodyLimit, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use bytes::Bytes;
use control::registry::RegistryError;
use control::registry::global;
use control::{Actor, Kind, Scope, sandbox};
use http::StatusCode;
use serde_json::{Value, json};
use store::{Store, StoreError, Tx};
use vocab::{Clock as _, Millis, SystemClock};

use crate::api::admin::{Admin, problem};
use crate::api::gateway;
use crate::app::App;
use crate::cli::Failure;
use crate::data_dir::DataDir;

/// Where resources are sent, and where a schema is asked for.
pub(crate) const IMPORT: &str = "/admin/v1/library/import";
pub(crate) const SCHEMA: &str = "/admin/v1/library/schema";

/// Body of an import; the public model takes 5 MB.
const IMPORT_BYTES_MAX: usize = 64 << 20;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route(IMPORT, post(import).layer(DefaultBodyLimit::max(IMPORT_BYTES_MAX)))
        .route(SCHEMA, post(schema))
}

async fn import(_: Admin, State(app): State<App>, body: Bytes) -> Response {
    let done = async {
        let request = gateway::json_body(&body).map_err(|error| error.to_string())?;
        let now = app.clock.now();
        let (report, scopes) = import_into(&app.store, now, request).await?;
        // Schemas of every sandbox may be made of what has changed.
        for scope in &scopes {
            let published = app.plans.publish(&app.store, &app.lake, scope, &[(Kind::Schemas, "")]).await;
            published.map_err(|error| error.to_string())?;
        }
        Ok(report)
    };
    answer(done.await)
}

async fn schema(_: Admin, State(app): State<App>, body: Bytes) -> Response {
    let done = async {
        let request = gateway::json_body(&body).map_err(|error| error.to_string())?;
        schema_in(&app.store, app.clock.now(), &request).await
    };
    answer(done.await)
}

fn answer(done: Result<Value, String>) -> Response {
    match done {
        Ok(body) => Json(body).into_response(),
        Err(detail) => problem(StatusCode::BAD_REQUEST, &detail),
    }
}

/// Who imports for all orgs.
fn operator() -> Actor {
    Actor { user: "system".to_owned(), client: "system".to_owned() }
}

async fn all_scopes(tx: &mut Tx, now: Millis) -> Result<Vec<Scope>, StoreError> {
    sandbox::all_scopes(tx, &operator(), now).await
}

/// Imports `{"resources": [{"kind", "doc"}]}`; all that compose, in one transaction.
async fn import_into(store: &Store, now: Millis, request: Value) -> Result<(Value, Vec<Scope>), String> {
    let text = |error: StoreError| error.to_string();
    let mut tx = store.read().await.map_err(text)?;
    let known = global::library(&mut tx).await.map_err(text)?;
    drop(tx);
    let checked = tokio::task::spawn_blocking(move || {
        let resources = request.get("resources").and_then(Value::as_array);
        global::check(&known, resources.map_or(&[], Vec::as_slice))
    });
    let mut checked = checked
        .await
        .map_err(|error| error.to_string())?
        .map_err(|error: RegistryError| error.to_string())?;
    let refused = std::mem::take(&mut checked.refused);
    let mut tx = store.write().await.map_err(text)?;
    let scopes = all_scopes(&mut tx, now).await.map_err(text)?;
    let report = global::import(&mut tx, &scopes, checked).await.map_err(|error| error.to_string())?;
    tx.commit().await.map_err(text)?;
    let refused: Vec<Value> =
        refused.iter().map(|(id, reason)| json!({ "$id": id, "reason": reason })).collect();
    let report = json!({
        "added": report.added, "changed": report.changed, "unchanged": report.unchanged, "total": report.total,
        "refused": refused
    });
    Ok((report, scopes))
}

/// The schema of `{"id"}`, or the document of `{"doc"}`, in one tree without texts; and the paths that it makes mandatory.
async fn schema_in(store: &Store, now: Millis, request: &Value) -> Result<Value, String> {
    let text = |error: StoreError| error.to_string();
    let mut tx = store.read().await.map_err(text)?;
    let scopes = all_scopes(&mut tx, now).await.map_err(text)?;
    let found = match (request.get("id").and_then(Value::as_str), request.get("doc")) {
        (Some(id), _) => global::resolved(&mut tx, &scopes, id).await,
        (None, Some(doc)) => global::resolved_doc(&mut tx, &scopes, doc).await.map(|doc| (doc, Vec::new())),
        (None, None) => return Err("the request names no schema".to_owned()),
    };
    let (mut schema, required) = found.map_err(|error| error.to_string())?;
    xdm::without_text(&mut schema);
    let required: Vec<String> = required.iter().map(ToString::to_string).collect();
    Ok(json!({ "schema": schema, "required": required }))
}

/// The same without a running server: the caller holds the data folder's lock.
pub(crate) async fn offline(data: &DataDir, path: &str, request: Value) -> Result<Value, Failure> {
    let store = Store::open(&data.database_path())
        .await
        .map_err(|error| Failure::internal("cannot use the metadata database", error))?;
    let now = SystemClock::new().now();
    let done = match path {
        IMPORT => import_into(&store, now, request).await.map(|(report, _)| report),
        _ => schema_in(&store, now, &request).await,
    };
    store.close().await;
    done.map_err(Failure::Usage)
}
