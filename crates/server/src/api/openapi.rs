//! The OpenAPI document at `/openapi.json`: one row for each route, and the shapes of their answers.
//!
//! The rows stand beside the routers, not in them; a test asks every route which methods it has and compares.

use std::sync::LazyLock;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Map, Value, json};

use crate::app::App;

mod rows;
mod shapes;

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/openapi.json", get(document))
}

async fn document(State(app): State<App>) -> Response {
    let mut document = DOCUMENT.clone();
    document["servers"] = json!([{ "url": app.base_url() }]);
    ([(CONTENT_TYPE, "application/json")], Json(document)).into_response()
}

static DOCUMENT: LazyLock<Value> = LazyLock::new(build);

/// The routes of one service, and what they have in common.
struct Service {
    tag: &'static str,
    about: &'static str,
    base: &'static str,
    /// What the caller shows, if anything.
    caller: Caller,
    /// The shape of its errors.
    problem: &'static str,
    /// The media types of its answers.
    media: &'static [&'static str],
    rows: &'static [Row],
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Caller {
    Nobody,
    /// Token, key, org and sandbox.
    Gateway,
    /// The token alone, where the inlet or the warehouse asks for one.
    Token,
}

/// One operation: method, path below the base, its sentence, query parameters, body, answer.
struct Row {
    method: &'static str,
    path: &'static str,
    about: &'static str,
    query: &'static [&'static str],
    /// The shape of the JSON body; a form for the token routes and for files.
    body: Option<&'static str>,
    /// The statuses of success, each with the shape of its body; none when it is empty.
    answers: &'static [(u16, &'static str)],
}

/// Statuses that any call of a service can have beside success.
const REFUSALS: &[(u16, &str)] = &[
    (400, "The request cannot be understood or breaks a rule."),
    (401, "The token is not valid."),
    (403, "A header is missing, or the caller may not do this."),
    (404, "There is no such resource."),
    (405, "The route has no such method."),
    (406, "No media type that is accepted can be given."),
    (409, "It is there already, or in use."),
    (412, "It was changed by somebody else."),
    (413, "The body is too large."),
    (414, "The address is too long."),
    (415, "The body's media type cannot be read."),
    (421, "The server does not answer to this host name."),
    (422, "A record breaks its schema."),
    (429, "Too many requests."),
    (431, "The headers are too large."),
    (500, "The server failed; its log says why."),
    (503, "The server cannot answer now."),
];

fn build() -> Value {
    let (mut paths, mut tags) = (Map::new(), Vec::new());
    for service in rows::SERVICES {
        tags.push(json!({ "name": service.tag, "description": service.about }));
        for row in service.rows {
            let path = format!("{}{}", service.base, row.path);
            let item = paths.entry(path).or_insert_with(|| json!({}));
            item[row.method.to_ascii_lowercase()] = operation(service, row);
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Tributary",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Streaming data ingestion into Iceberg tables, speaking the API of Adobe Experience Platform."
        },
        "tags": tags,
        "paths": paths,
        "components": {
            "schemas": shapes::shapes(),
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } }
        }
    })
}

fn operation(service: &Service, row: &Row) -> Value {
    let mut parameters: Vec<Value> =
        names(service.base).chain(names(row.path)).map(|name| parameter("path", name, true)).collect();
    parameters.extend(row.query.iter().map(|name| parameter("query", name, false)));
    if service.caller == Caller::Gateway {
        parameters.push(parameter("header", "x-api-key", true));
        parameters.push(parameter("header", "x-gw-ims-org-id", true));
        parameters.push(parameter("header", "x-sandbox-name", false));
    }
    let mut answers = Map::new();
    for (status, shape) in row.answers {
        let mut answer = json!({ "description": "Done." });
        if !shape.is_empty() {
            answer["content"] = content(service.media, &json!({ "$ref": reference(shape) }));
        }
        answer["headers"] = json!({ "x-request-id": { "schema": { "type": "string" } } });
        answers.insert(status.to_string(), answer);
    }
    let problem = match service.caller {
        Caller::Gateway => {
            json!({ "anyOf": [{ "$ref": reference(service.problem) }, { "$ref": reference("GatewayError") }] })
        }
        _ => json!({ "$ref": reference(service.problem) }),
    };
    for (status, about) in REFUSALS {
        if row.answers.iter().any(|(success, _)| success == status) {
            continue;
        }
        let media = &["application/json"];
        let answer = json!({ "description": about, "content": content(media, &problem) });
        answers.insert(status.to_string(), answer);
    }
    let mut operation = json!({
        "tags": [service.tag],
        "summary": row.about,
        "operationId": operation_id(service, row),
        "parameters": parameters,
        "responses": answers,
    });
    if let Some(shape) = row.body {
        let media = match shape {
            "FileForm" => "multipart/form-data",
            shape if shape.starts_with("Token") => "application/x-www-form-urlencoded",
            _ => "application/json",
        };
        operation["requestBody"] =
            json!({ "required": true, "content": content(&[media], &json!({ "$ref": reference(shape) })) });
    }
    if service.caller != Caller::Nobody {
        operation["security"] = json!([{ "token": [] }]);
    }
    operation
}

/// Such as `patchFlowserviceConnectionsId`.
fn operation_id(service: &Service, row: &Row) -> String {
    let path = format!("{}{}", service.base, row.path);
    let words = path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let capital = |word: &str| format!("{}{}", word[..1].to_ascii_uppercase(), &word[1..]);
    row.method.to_ascii_lowercase() + &words.map(capital).collect::<String>()
}

/// The names in braces of a path.
fn names(path: &str) -> impl Iterator<Item = &str> {
    path.split('{').skip(1).filter_map(|part| part.split('}').next())
}

fn parameter(place: &str, name: &str, required: bool) -> Value {
    let schema = match name {
        "limit" | "start" | "offset" | "page" => json!({ "type": "integer" }),
        "count"
        | "validationOnly"
        | "explain"
        | "syncValidation"
        | "synchronousValidation"
        | "excludeUnmapped" => {
            json!({ "type": "boolean" })
        }
        "op" => json!({ "type": "string", "enum": ["enable", "disable", "publish"] }),
        "mode" => json!({ "type": "string", "enum": ["draft"] }),
        "property" => json!({ "type": "array", "items": { "type": "string" } }),
        _ => json!({ "type": "string" }),
    };
    json!({ "in": place, "name": name, "required": required, "schema": schema })
}

fn content(media: &[&str], schema: &Value) -> Value {
    media.iter().map(|media| ((*media).to_owned(), json!({ "schema": schema }))).collect::<Map<_, _>>().into()
}

fn reference(shape: &str) -> String {
    format!("#/components/schemas/{shape}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_that_is_named_exists() {
        let text = DOCUMENT.to_string();
        let shapes = DOCUMENT["components"]["schemas"].as_object().unwrap();
        for part in text.split("#/components/schemas/").skip(1) {
            let name = part.split('"').next().unwrap();
            assert!(shapes.contains_key(name), "{name}");
        }
        for name in shapes.keys() {
            assert!(text.contains(&reference(name)), "nothing refers to {name}");
        }
    }

    #[test]
    fn operations_have_names_of_their_own() {
        let mut ids: Vec<_> = rows::SERVICES
            .iter()
            .flat_map(|service| service.rows.iter().map(|row| operation_id(service, row)))
            .collect();
        let count = ids.len();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), count);
    }
}
