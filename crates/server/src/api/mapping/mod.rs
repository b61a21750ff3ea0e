//! Mapping sets of Data Prep over HTTP, under both of their base paths. The rules are in `control::mapping`.

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use control::Kind;
use control::mapping::{self, MappingError, Query, Stored};
use http::StatusCode;
use serde_json::{Map, Value, json};
use store::StoreError;

use crate::api::call::{BodyError, Call};
use crate::app::App;

/// The documented base, and the one that the streaming tutorial posts to.
const BASES: [&str; 2] = ["/data/foundation/conversion", "/data/foundation"];

pub(crate) fn routes() -> Router<App> {
    BASES.into_iter().fold(Router::new(), |router, base| {
        let sets = format!("{base}/mappingSets");
        router
            .route(&sets, get(list).post(create))
            .route(&format!("{sets}/validate"), post(validate))
            .route(&format!("{sets}/preview"), post(preview))
            .route(&format!("{sets}/{{id}}"), get(one).put(replace).delete(delete))
            .route(&format!("{sets}/{{id}}/mappings"), get(mappings))
            .route(&format!("{sets}/{{id}}/mappings/{{mapping}}"), get(one_mapping))
    })
}

/// The service documents no error bodies: the platform's common shape, with the items' errors beside it.
struct Problem(MappingError);

impl From<MappingError> for Problem {
    fn from(error: MappingError) -> Self {
        Problem(error)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Problem(MappingError::Store(error))
    }
}

impl From<BodyError> for Problem {
    fn from(error: BodyError) -> Self {
        Problem(MappingError::Invalid(error.to_string()))
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut detail = self.0.to_string();
        let status = match &self.0 {
            MappingError::Invalid(_) | MappingError::Items(_) => StatusCode::BAD_REQUEST,
            MappingError::NotFound { .. }
            | MappingError::NoVersion { .. }
            | MappingError::NoMapping { .. } => StatusCode::NOT_FOUND,
            MappingError::InUse { .. } | MappingError::Conflict => StatusCode::CONFLICT,
            MappingError::Store(error) => {
                tracing::error!(%error, "the mapping service cannot use the metadata database");
                detail = "an internal error; see the server's log".to_owned();
                StatusCode::INTERNAL_SERVER_ERROR
            }
        };
        let mut body = json!({
            "type": format!("http://ns.adobe.com/aep/errors/DPMAP-1000-{}", status.as_u16()),
            "title": status.canonical_reason().unwrap_or_default(), "status": status.as_u16(),
            "detail": detail, "report": { "detailed-message": detail }
        });
        let errors = self.0.transform_errors();
        if !errors.is_empty() {
            body["errors"] = Value::Array(errors);
        }
        (status, Json(body)).into_response()
    }
}

async fn list(call: Call) -> Result<Json<Value>, Problem> {
    let query = Query::parse(&call.parameters)?;
    let mut tx = call.app.read().await?;
    let found = mapping::list(&mut tx, &call.caller.scope, &query).await?;
    let data: Vec<Value> = found.iter().map(mapping::item).collect();
    Ok(Json(json!({ "_page": { "count": data.len(), "limit": query.limit() }, "data": data })))
}

async fn create(call: Call) -> Result<Json<Value>, Problem> {
    let body = call.object()?;
    let mut tx = call.app.write().await?;
    let set = mapping::create(&mut tx, &call.caller.scope, body).await?;
    call.app.commit(tx, &call.caller.scope, &[(Kind::MappingSets, &set.id)]).await?;
    Ok(Json(mapping::summary(&set)))
}

async fn one(Path(id): Path<String>, call: Call) -> Result<Json<Value>, Problem> {
    Ok(Json(mapping::item(&find(&call, &id).await?)))
}

async fn find(call: &Call, id: &str) -> Result<Stored, Problem> {
    let version = match call.parameter("version") {
        None => None,
        Some(text) => {
            let bad = |_| MappingError::Invalid(format!("version must be a number from 0 on, and is {text}"));
            Some(text.parse().map_err(bad)?)
        }
    };
    let mut tx = call.app.read().await?;
    Ok(mapping::get(&mut tx, &call.caller.scope, id, version).await?)
}

async fn replace(Path(id): Path<String>, call: Call) -> Result<Json<Value>, Problem> {
    let body = call.object()?;
    let mut tx = call.app.write().await?;
    let set = mapping::replace(&mut tx, &call.caller.scope, &id, body).await?;
    call.app.commit(tx, &call.caller.scope, &[(Kind::MappingSets, &id)]).await?;
    Ok(Json(mapping::item(&set)))
}

async fn delete(Path(id): Path<String>, call: Call) -> Result<StatusCode, Problem> {
    let mut tx = call.app.write().await?;
    mapping::delete(&mut tx, &call.caller.scope, &id).await?;
    call.app.commit(tx, &call.caller.scope, &[(Kind::MappingSets, &id)]).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn mappings(Path(id): Path<String>, call: Call) -> Result<Json<Value>, Problem> {
    Ok(Json(Value::Array(find(&call, &id).await?.mappings())))
}

async fn one_mapping(
    Path((id, mapping)): Path<(String, String)>,
    call: Call,
) -> Result<Json<Value>, Problem> {
    let mappings = find(&call, &id).await?.mappings();
    let found = mappings.into_iter().find(|item| item.get("id").and_then(Value::as_str) == Some(&mapping));
    found.map(Json).ok_or(Problem(MappingError::NoMapping { id: mapping }))
}

async fn validate(call: Call) -> Result<Json<Value>, Problem> {
    let body = call.object()?;
    let mut tx = call.app.read().await?;
    let found = mapping::validate(&mut tx, &call.caller.scope, body).await?;
    Ok(Json(json!({ "validationResponse": found })))
}

async fn preview(call: Call) -> Result<Json<Value>, Problem> {
    let mut body: Map<String, Value> = call.object()?;
    let set = match body.remove("mappingSet") {
        Some(Value::Object(set)) => set,
        _ => return Err(Problem(MappingError::Invalid("mappingSet is missing".to_owned()))),
    };
    let data = body.remove("data").unwrap_or_default();
    let mut tx = call.app.read().await?;
    Ok(Json(Value::Array(mapping::preview(&mut tx, &call.caller.scope, &data, set).await?)))
}
