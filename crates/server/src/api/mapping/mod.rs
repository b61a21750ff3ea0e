//! Data Prep over HTTP: mapping sets, under both of their base paths, and what they are made with. The rules are in
//! `control::mapping`.

mod conversions;
mod inputs;
mod upload;

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use control::Kind;
use control::mapping::{self, MappingError, Query, Source, Stored, language};
use http::StatusCode;
use serde_json::{Map, Value, json};
use store::{StoreError, Tx};

use crate::api::call::{BodyError, Call};
use crate::app::App;

/// The bases of mapping sets: the documented one, and the one that the streaming tutorial posts to.
const BASES: [&str; 2] = [BASE, "/data/foundation"];

const BASE: &str = "/data/foundation/conversion";

pub(crate) fn routes() -> Router<App> {
    let router = Router::new().merge(inputs::routes()).merge(conversions::routes());
    let router = router
        .route(&format!("{BASE}/languages/el/validate"), post(validate_expression))
        .route(&format!("{BASE}/languages/el/functions"), get(functions))
        .route(&format!("{BASE}/languages/el/operators"), get(operators));
    BASES.into_iter().fold(router, |router, base| {
        let sets = format!("{base}/mappingSets");
        router
            .route(&sets, get(list).post(create))
            .route(&format!("{sets}/validate"), post(validate))
            .route(&format!("{sets}/preview"), post(preview))
            .route(&format!("{sets}/suggestion"), get(suggest))
            .route(&format!("{sets}/{{id}}"), get(one).put(replace).delete(delete))
            .route(&format!("{sets}/{{id}}/mappings"), get(mappings).post(add_mapping))
            .route(
                &format!("{sets}/{{id}}/mappings/{{mapping}}"),
                get(one_mapping).put(replace_mapping).delete(remove_mapping),
            )
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
    let mut data = Vec::with_capacity(found.len());
    for set in &found {
        data.push(shown(&call, &mut tx, set).await?);
    }
    Ok(page(&query, data))
}

fn page(query: &Query, data: Vec<Value>) -> Json<Value> {
    Json(json!({ "_page": { "count": data.len(), "limit": query.limit() }, "data": data }))
}

/// A set, with the schema in full when that is asked for.
async fn shown(call: &Call, tx: &mut Tx, set: &Stored) -> Result<Value, Problem> {
    if flag(call, "expandSchema", false) {
        return Ok(mapping::expanded(tx, &call.caller.scope, set).await?);
    }
    Ok(mapping::item(set))
}

/// A parameter that is true or false. Python clients write it with a capital.
fn flag(call: &Call, name: &str, default: bool) -> bool {
    call.parameter(name).map_or(default, |value| value.eq_ignore_ascii_case("true"))
}

async fn create(call: Call) -> Result<Json<Value>, Problem> {
    let body = call.object()?;
    let mut tx = call.app.write().await?;
    let set = mapping::create(&mut tx, &call.caller.scope, body).await?;
    call.app.commit(tx, &call.caller.scope, &[(Kind::MappingSets, &set.id)]).await?;
    Ok(Json(mapping::summary(&set)))
}

async fn one(Path(id): Path<String>, call: Call) -> Result<Json<Value>, Problem> {
    let mut tx = call.app.read().await?;
    let set = find(&call, &mut tx, &id).await?;
    Ok(Json(shown(&call, &mut tx, &set).await?))
}

/// The set, in the version that is asked for.
async fn find(call: &Call, tx: &mut Tx, id: &str) -> Result<Stored, Problem> {
    let version = match call.parameter("version") {
        None => None,
        Some(text) => {
            let bad = |_| MappingError::Invalid(format!("version must be a number from 0 on, and is {text}"));
            Some(text.parse().map_err(bad)?)
        }
    };
    Ok(mapping::get(tx, &call.caller.scope, id, version).await?)
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
    let mut tx = call.app.read().await?;
    Ok(Json(Value::Array(find(&call, &mut tx, &id).await?.mappings())))
}

async fn one_mapping(
    Path((id, mapping)): Path<(String, String)>,
    call: Call,
) -> Result<Json<Value>, Problem> {
    let mut tx = call.app.read().await?;
    Ok(Json(find(&call, &mut tx, &id).await?.mapping(&mapping)?))
}

async fn add_mapping(Path(id): Path<String>, call: Call) -> Result<Json<Value>, Problem> {
    let body = Value::Object(call.object()?);
    let mut tx = call.app.write().await?;
    let (_, made) = mapping::add_mapping(&mut tx, &call.caller.scope, &id, &body).await?;
    call.app.commit(tx, &call.caller.scope, &[(Kind::MappingSets, &id)]).await?;
    Ok(Json(mapping::summary_of(&made)))
}

async fn replace_mapping(
    Path((id, mapping)): Path<(String, String)>,
    call: Call,
) -> Result<Json<Value>, Problem> {
    let body = Value::Object(call.object()?);
    let mut tx = call.app.write().await?;
    let (_, changed) = mapping::replace_mapping(&mut tx, &call.caller.scope, &id, &mapping, &body).await?;
    call.app.commit(tx, &call.caller.scope, &[(Kind::MappingSets, &id)]).await?;
    Ok(Json(changed))
}

async fn remove_mapping(
    Path((id, mapping)): Path<(String, String)>,
    call: Call,
) -> Result<Json<Value>, Problem> {
    let mut tx = call.app.write().await?;
    let (_, removed) = mapping::remove_mapping(&mut tx, &call.caller.scope, &id, &mapping).await?;
    call.app.commit(tx, &call.caller.scope, &[(Kind::MappingSets, &id)]).await?;
    Ok(Json(mapping::summary_of(&removed)))
}

/// Besides the documented batch, a sample or a mapper schema may be the source.
async fn suggest(call: Call) -> Result<Json<Value>, Problem> {
    let text = |name: &str| call.parameter(name).map(str::to_owned);
    let missing = |what: &str| Problem(MappingError::Invalid(format!("{what} is missing")));
    let dataset = text("datasetId").ok_or_else(|| missing("datasetId"))?;
    let source = text("batchId")
        .map(Source::Batch)
        .or_else(|| text("sampleId").map(Source::Sample))
        .or_else(|| text("schemaId").map(Source::Schema))
        .ok_or_else(|| missing("batchId (or sampleId, or the schemaId of a mapper schema)"))?;
    let exclude = flag(&call, "excludeUnmapped", true);
    let mut tx = call.app.read().await?;
    Ok(Json(mapping::suggest(&mut tx, &call.caller.scope, &dataset, &source, exclude).await?))
}

async fn validate_expression(call: Call) -> Result<Json<Value>, Problem> {
    let body = call.object()?;
    let mut tx = call.app.read().await?;
    Ok(Json(language::validate(&mut tx, &call.caller.scope, &body).await?))
}

async fn functions(_: Call) -> Json<Value> {
    Json(Value::Array(language::functions()))
}

async fn operators(_: Call) -> Json<Value> {
    Json(Value::Array(language::operators()))
}

async fn validate(call: Call) -> Result<Json<Value>, Problem> {
    let body = call.object()?;
    let mut tx = call.app.read().await?;
    let (found, warnings) = mapping::validate(&mut tx, &call.caller.scope, body).await?;
    let mut answer = json!({ "validationResponse": found });
    if !warnings.is_empty() {
        answer["warnings"] = Value::Array(warnings);
    }
    Ok(Json(answer))
}

async fn preview(call: Call) -> Result<Json<Value>, Problem> {
    let mut body: Map<String, Value> = call.object()?;
    let set = match body.remove("mappingSet") {
        Some(Value::Object(set)) => set,
        _ => return Err(Problem(MappingError::Invalid("mappingSet is missing".to_owned()))),
    };
    let data = body.remove("data").unwrap_or_default();
    let explain = flag(&call, "explain", false);
    let mut tx = call.app.read().await?;
    Ok(Json(Value::Array(mapping::preview(&mut tx, &call.caller.scope, &data, set, explain).await?)))
}
