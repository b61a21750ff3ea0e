//! The error bodies of the Schema Registry: which code, status and title each refusal has.

use axum::Json;
use axum::response::{IntoResponse as _, Response};
use control::registry::{Missing, RegistryError};
use http::StatusCode;
use serde_json::json;
use vocab::Millis;
use xdm::library::ResourceKind;

use crate::api::gateway::Caller;

/// The documented body of today; the older one is not sent.
pub(super) fn response(error: &RegistryError, caller: &Caller) -> Response {
    let (status, code, title) = code(error);
    let request_id = &caller.request_id;
    let detail = match error {
        RegistryError::Store(inner) => {
            tracing::error!(error = %inner, request_id, "the Schema Registry cannot use its database");
            "an internal error; see the server's log".to_owned()
        }
        known => known.to_string(),
    };
    // The codes of other refusals are not documented, and none of the vendor's is made up for them.
    let kind = match code {
        Some(code) => format!("http://ns.adobe.com/aep/errors/XDM-{code}-{}", status.as_u16()),
        None => "about:blank".to_owned(),
    };
    let body = json!({
        "type": kind,
        "title": title,
        "status": status.as_u16(),
        "report": {
            "registryRequestId": request_id,
            "timestamp": timestamp(caller.scope.now),
            "detailed-message": detail,
            "sub-errors": [],
        },
        "detail": detail,
    });
    (status, Json(body)).into_response()
}

/// `MM-DD-YYYY HH:MM:SS` in UTC.
fn timestamp(time: Millis) -> String {
    let time = jiff::Timestamp::from_millisecond(time.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    time.strftime("%m-%d-%Y %H:%M:%S").to_string()
}

fn code(error: &RegistryError) -> (StatusCode, Option<u16>, &'static str) {
    const REFUSED: StatusCode = StatusCode::BAD_REQUEST;
    match error {
        RegistryError::NotFound { kind, .. } => {
            (StatusCode::NOT_FOUND, Some(missing(*kind)), "Resource not found")
        }
        RegistryError::TitleTaken { .. } => (REFUSED, Some(1521), "Title not unique"),
        RegistryError::Namespace { .. } => (REFUSED, Some(1021), "Namespace validation error"),
        RegistryError::Accept { .. } => (REFUSED, Some(1006), "Accept header invalid"),
        RegistryError::AcceptMissing { .. } => (REFUSED, Some(1007), "Accept header invalid"),
        RegistryError::VersionMissing { .. } => (REFUSED, Some(1008), "Accept header invalid"),
        RegistryError::Incompatible(_) => (REFUSED, Some(1413), "Merge Schema Error"),
        RegistryError::ReferenceMissing { .. } => (REFUSED, Some(1526), "Union descriptor validation error"),
        RegistryError::RelationshipMissing { .. } => {
            (REFUSED, Some(1527), "Union descriptor validation error")
        }
        RegistryError::IdentityMissing { .. } => (REFUSED, Some(1528), "Union descriptor validation error"),
        RegistryError::NotOffered(_) => (StatusCode::NOT_IMPLEMENTED, None, "Not Implemented"),
        RegistryError::ReadOnly => (StatusCode::METHOD_NOT_ALLOWED, None, "Method Not Allowed"),
        RegistryError::Breaking { .. }
        | RegistryError::InUse { .. }
        | RegistryError::Invalid(_)
        | RegistryError::Patch(_) => (REFUSED, None, "BadRequestError"),
        RegistryError::Store(_) => (StatusCode::INTERNAL_SERVER_ERROR, None, "Internal Server Error"),
    }
}

/// One code for each kind. That of classes is documented, the order of the others is ours.
fn missing(kind: Missing) -> u16 {
    match kind {
        Missing::Resource(ResourceKind::Classes) => 1010,
        Missing::Resource(ResourceKind::FieldGroups) => 1011,
        Missing::Resource(ResourceKind::DataTypes) => 1012,
        Missing::Resource(ResourceKind::Schemas) => 1013,
        Missing::Descriptor => 1014,
        Missing::Union => 1015,
        Missing::Resource(ResourceKind::Behaviors) => 1016,
        Missing::Any => 1017,
    }
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use control::{Actor, Scope};
    use serde_json::Value;
    use vocab::{OrgId, SandboxId, SandboxNo};

    use super::*;

    fn caller() -> Caller {
        let scope = Scope {
            org: OrgId::from("A@AdobeOrg"),
            tenant: "acme".to_owned(),
            sandbox: SandboxNo(1),
            sandbox_id: SandboxId::from("s"),
            sandbox_name: "prod".to_owned(),
            sandbox_type: "production".to_owned(),
            generation: 0,
            request: control::Request::default(),
            actor: Actor { user: "u".to_owned(), client: "c".to_owned() },
            now: Millis(1_622_520_251_000),
            switches: prep::Switches::default(),
        };
        Caller { scope, request_id: "r".to_owned() }
    }

    async fn body(error: RegistryError) -> (u16, Value) {
        let response = response(&error, &caller());
        let status = response.status().as_u16();
        let bytes = to_bytes(response.into_body(), 10_000).await.unwrap();
        (status, serde_json::from_slice(&bytes).unwrap())
    }

    #[tokio::test]
    async fn the_documented_body() {
        let error = RegistryError::NotFound {
            kind: Missing::Resource(ResourceKind::Classes),
            id: "x".to_owned(),
            version: "1".to_owned(),
        };
        let text = "The requested class resource x with version 1 is not found.";
        let expected = json!({
            "type": "http://ns.adobe.com/aep/errors/XDM-1010-404", "title": "Resource not found", "status": 404,
            "report": {"registryRequestId": "r", "timestamp": "06-01-2021 04:04:11", "detailed-message": text,
                       "sub-errors": []},
            "detail": text,
        });
        assert_eq!(body(error).await, (404, expected));
    }

    #[tokio::test]
    async fn statuses_and_codes() {
        let id = || "x".to_owned();
        let coded = |code: &str| format!("http://ns.adobe.com/aep/errors/XDM-{code}");
        for (error, status, kind) in [
            (RegistryError::TitleTaken { id: id() }, 400, coded("1521-400")),
            (RegistryError::Incompatible(id()), 400, coded("1413-400")),
            (RegistryError::ReferenceMissing { id: id(), path: id() }, 400, coded("1526-400")),
            (RegistryError::RelationshipMissing { id: id(), path: id() }, 400, coded("1527-400")),
            (RegistryError::IdentityMissing { id: id() }, 400, coded("1528-400")),
            (RegistryError::VersionMissing { value: id() }, 400, coded("1008-400")),
            (RegistryError::NotOffered("x"), 501, "about:blank".to_owned()),
            (RegistryError::Invalid(id()), 400, "about:blank".to_owned()),
            (RegistryError::ReadOnly, 405, "about:blank".to_owned()),
            (RegistryError::Store(store::StoreError::Conflict), 500, "about:blank".to_owned()),
        ] {
            let (found, body) = body(error).await;
            assert_eq!((found, &body["status"], &body["type"]), (status, &json!(status), &json!(kind)));
        }
        let (_, body) = body(RegistryError::Store(store::StoreError::Conflict)).await;
        assert!(!body.to_string().contains("row with that key"), "what the database says stays inside");
    }
}
