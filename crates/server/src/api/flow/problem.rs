//! The error bodies of Flow Service: which code and title each refusal has.

use axum::Json;
use axum::response::{IntoResponse as _, Response};
use control::flow::FlowError;
use http::StatusCode;
use serde_json::json;

/// What the refused request was about.
pub(super) struct Subject<'a> {
    pub(super) collection: &'static str,
    pub(super) id: Option<&'a str>,
    pub(super) request_id: &'a str,
}

/// The body that satisfies every client: the problem form, and the two members of the older form.
pub(super) fn response(error: &FlowError, subject: &Subject<'_>) -> Response {
    let (code, title) = code(error);
    let detail = match error {
        FlowError::Store(inner) => {
            tracing::error!(error = %inner, request_id = subject.request_id, "Flow Service cannot use its database");
            "an internal error; see the server's log".to_owned()
        }
        known => known.to_string(),
    };
    // The number after the hyphen is the HTTP status, for every code of this service.
    let status = code.rsplit('-').next().and_then(|digits| digits.parse().ok());
    let status = status.and_then(|status| StatusCode::from_u16(status).ok());
    let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let (collection, id) = match error {
        FlowError::NotFound { collection, id } => (*collection, Some(id.as_str())),
        _ => (subject.collection, subject.id),
    };
    let mut report = json!({
        "detailed-message": detail, "request-id": subject.request_id, "type": collection
    });
    if let Some(id) = id {
        report["id"] = id.into();
    }
    let body = json!({
        "type": format!("https://ns.adobe.com/aep/errors/FLOW-{code}"),
        "title": title,
        "status": status.as_u16(),
        "report": report,
        "errorMessage": detail,
        "errorDetails": detail,
    });
    (status, Json(body)).into_response()
}

/// Code and title. Source: the service's table of error codes; where it prints 400 and the sample body shows 404, 404.
fn code(error: &FlowError) -> (&'static str, &'static str) {
    const INVALID: &str = "Invalid request";
    match error {
        FlowError::NotFound { .. } => ("1439-404", "Resource not found"),
        FlowError::ReferenceNotFound { .. } => ("1101-404", "Resource not found"),
        FlowError::Invalid(_) => ("1100-400", INVALID),
        FlowError::ProviderOnly(_) => ("1402-400", INVALID),
        FlowError::IfMatchMissing => ("1403-400", "Header is missing"),
        FlowError::VersionMismatch { .. } => ("1404-412", "Version not matching"),
        FlowError::EmptyBody => ("1405-400", INVALID),
        FlowError::StateInCreate => ("1410-400", INVALID),
        FlowError::MappingVersion(_) => ("1412-400", INVALID),
        FlowError::UnknownSpec { .. } => ("1413-400", INVALID),
        FlowError::SpecChange => ("1414-400", INVALID),
        FlowError::UnknownAuthSpec(_) => ("1415-400", INVALID),
        FlowError::WrongState(_) => ("1416-400", INVALID),
        FlowError::ConnectionUsed { .. } => ("1418-400", INVALID),
        FlowError::Mapping(_) => ("1419-400", INVALID),
        FlowError::Transition { .. } => ("1422-400", INVALID),
        FlowError::MappingSchema { .. } => ("1425-400", INVALID),
        FlowError::SpecsFixed(_) => ("1426-400", INVALID),
        FlowError::RunOfUnknownFlow(_) => ("1430-400", INVALID),
        FlowError::OrderField(_) => ("1432-400", INVALID),
        FlowError::OrderForm => ("1433-400", INVALID),
        FlowError::PatchOperation(_) => ("1434-400", INVALID),
        FlowError::ProgressWithEnable => ("1436-400", INVALID),
        FlowError::FilterTilde(_) => ("1440-400", INVALID),
        FlowError::FilterList(_) => ("1443-400", INVALID),
        FlowError::UsedByFlows { .. } => ("1447-400", INVALID),
        FlowError::FilterOrdering(_) => ("1448-400", INVALID),
        FlowError::FilterOperator(_) => ("1450-400", INVALID),
        FlowError::FilterValue(_) => ("1453-400", INVALID),
        FlowError::Patch(_) => ("1455-400", INVALID),
        FlowError::StateValue(_) => ("1456-400", INVALID),
        FlowError::Store(_) => ("1400-500", "Internal Error"),
    }
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use serde_json::Value;

    use super::*;

    async fn body(error: FlowError) -> (u16, Value) {
        let subject = Subject { collection: "flows", id: None, request_id: "r" };
        let response = response(&error, &subject);
        let status = response.status().as_u16();
        let bytes = to_bytes(response.into_body(), 10_000).await.unwrap();
        (status, serde_json::from_slice(&bytes).unwrap())
    }

    #[tokio::test]
    async fn the_documented_body() {
        let (status, body) =
            body(FlowError::NotFound { collection: "connections", id: "x".to_owned() }).await;
        let text = "there is no resource with the id x in connections";
        let expected = json!({
            "type": "https://ns.adobe.com/aep/errors/FLOW-1439-404", "title": "Resource not found", "status": 404,
            "report": {"detailed-message": text, "request-id": "r", "id": "x", "type": "connections"},
            "errorMessage": text, "errorDetails": text,
        });
        assert_eq!((status, body), (404, expected));
    }

    #[tokio::test]
    async fn statuses_follow_the_code() {
        for (error, expected) in [
            (FlowError::VersionMismatch { current: String::new() }, 412),
            (FlowError::IfMatchMissing, 400),
            (FlowError::Store(store::StoreError::Conflict), 500),
        ] {
            let (status, body) = body(error).await;
            assert_eq!((status, &body["status"]), (expected, &json!(expected)));
        }
        let (_, body) = body(FlowError::Store(store::StoreError::Conflict)).await;
        assert!(!body.to_string().contains("row with that key"), "what the database says stays inside");
    }
}
