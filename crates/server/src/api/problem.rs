//! The error bodies of requests that reach no service: unknown routes, wrong methods, unreadable paths.
//!
//! Each service has a shape of its own; the path tells which one a client parses.

use axum::Json;
use axum::body::to_bytes;
use axum::response::{IntoResponse as _, Response};
use http::header::{ALLOW, CONNECTION};
use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};

/// Longest text of the framework's that is repeated in a body.
const TEXT_BYTES_MAX: usize = 4096;

/// An error in the shape of the service that the path belongs to.
pub(crate) fn generic(path: &str, request_id: &HeaderValue, status: StatusCode, detail: &str) -> Response {
    let request_id = request_id.to_str().unwrap_or_default();
    (status, Json(body(path, request_id, status, detail))).into_response()
}

/// The framework's own answer (404, 405, 413, …) with a body that a client of the service can parse.
pub(crate) async fn of_framework(path: &str, request_id: &HeaderValue, response: Response) -> Response {
    let status = response.status();
    let allow = response.headers().get(ALLOW).cloned();
    let text = to_bytes(response.into_body(), TEXT_BYTES_MAX).await.unwrap_or_default();
    let detail = match (status, std::str::from_utf8(&text)) {
        (StatusCode::NOT_FOUND, _) => format!("there is no resource at {path}"),
        (StatusCode::METHOD_NOT_ALLOWED, _) => format!("this method is not available at {path}"),
        (_, Ok(text)) if !text.is_empty() => text.to_owned(),
        _ => status.canonical_reason().unwrap_or("the request cannot be answered").to_owned(),
    };
    let mut answer = generic(path, request_id, status, &detail);
    if let Some(allow) = allow {
        answer.headers_mut().insert(ALLOW, allow);
    }
    // What is left of a body that was refused is not read.
    if status == StatusCode::PAYLOAD_TOO_LARGE {
        answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    answer
}

fn body(path: &str, request_id: &str, status: StatusCode, detail: &str) -> Value {
    let title = status.canonical_reason().unwrap_or("Error");
    let number = status.as_u16();
    if path.starts_with("/collection") || path.starts_with("/data/foundation/import/collection") {
        return json!({
            "type": "http://ns.adobe.com/adobecloud/problem/data-collection-service/inlet",
            "status": number, "title": title, "report": { "message": detail }
        });
    }
    if path.starts_with("/ims") {
        return json!({ "error": "invalid_request", "error_description": detail });
    }
    if path.starts_with("/iceberg") {
        let kind = if number == 404 { "NotFoundException" } else { "BadRequestException" };
        return json!({ "error": { "message": detail, "type": kind, "code": number } });
    }
    if path.starts_with("/data/foundation/flowservice") {
        let code = if number == 404 { "1439-404".to_owned() } else { format!("1100-{number}") };
        return json!({
            "type": format!("https://ns.adobe.com/aep/errors/FLOW-{code}"), "title": title, "status": number,
            "report": { "detailed-message": detail, "request-id": request_id }, "errorMessage": detail, "errorDetails": detail
        });
    }
    if path.starts_with("/data/foundation/sandbox-management") {
        let kind = format!("http://ns.adobe.com/aep/errors/SMS-1000-{number}");
        return json!({ "status": number, "title": detail, "type": kind });
    }
    let id =
        if path.starts_with("/data/foundation/schemaregistry") { "registryRequestId" } else { "request-id" };
    json!({
        "type": "about:blank", "title": title, "status": number, "detail": detail,
        "report": { "detailed-message": detail, id: request_id }
    })
}
