//! What stands before every service of the gateway: token, API key, org and sandbox, in the documented order.

use axum::Json;
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use control::{Actor, Scope, sandbox};
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use store::StoreError;
use vocab::OrgId;

use crate::api::REQUEST_ID;
use crate::app::App;

/// A caller who passed the gateway: for whom it acts, and the id of its request.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) scope: Scope,
    pub(crate) request_id: String,
}

/// Why the gateway refused. The first three digits of a code are the HTTP status.
/// Source: the platform's table of gateway errors; a missing token is 403, an invalid one 401.
#[derive(Debug)]
pub(crate) enum Refusal {
    TokenMissing,
    TokenInvalid,
    KeyMissing,
    KeyUnknown,
    OrgMissing,
    OrgUnknown,
    NotEntitled,
    /// Second line: the service, not the gateway, knows its sandboxes. Holds path and request id.
    SandboxUnknown {
        path: String,
        sandbox: String,
        request_id: String,
    },
    SandboxMismatch {
        path: String,
        request_id: String,
    },
    Store(StoreError),
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Refusal::TokenMissing => coded("403010", "Oauth token is missing."),
            Refusal::TokenInvalid => coded("401013", "Oauth token is not valid"),
            Refusal::KeyMissing => coded("403000", "Api Key is required"),
            Refusal::KeyUnknown => coded("403003", "Api Key is invalid"),
            Refusal::OrgMissing => coded("400003", "Missing header"),
            Refusal::OrgUnknown => coded("403027", "User region is missing"),
            Refusal::NotEntitled => coded("403025", "Profile is not valid"),
            Refusal::SandboxUnknown { path, sandbox, request_id } => {
                let detail = format!("There is no sandbox {sandbox} in this organization.");
                second_line(&path, "2100-404", 404, "Sandbox not found", &detail, &request_id)
            }
            Refusal::SandboxMismatch { path, request_id } => {
                let detail = "The headers x-sandbox-name and x-sandbox-id name different sandboxes.";
                second_line(&path, "2103-404", 404, "Sandbox not found", detail, &request_id)
            }
            Refusal::Store(error) => {
                tracing::error!(%error, "the gateway cannot read the metadata database");
                coded("503000", "The service is temporarily unavailable")
            }
        }
    }
}

fn coded(code: &str, message: &str) -> Response {
    let status = code[..3].parse().ok().and_then(|code: u16| StatusCode::from_u16(code).ok());
    let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, Json(json!({ "error_code": code, "message": message }))).into_response()
}

fn second_line(path: &str, code: &str, status: u16, title: &str, detail: &str, request_id: &str) -> Response {
    let mut body = json!({
        "title": title, "status": status, "detail": detail,
        "report": { "detailed-message": detail, "request-id": request_id }
    });
    if path.starts_with("/data/foundation/flowservice") {
        body["type"] = json!(format!("https://ns.adobe.com/aep/errors/FLOW-{code}"));
        body["errorMessage"] = json!(detail);
        body["errorDetails"] = json!(detail);
    } else {
        body["type"] = json!("about:blank");
    }
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::NOT_FOUND);
    (status, Json(body)).into_response()
}

impl FromRequestParts<App> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refusal> {
        let headers = &parts.headers;
        let request_id = text(headers, REQUEST_ID.as_str()).unwrap_or_default().to_owned();
        let token = bearer(headers).ok_or(Refusal::TokenMissing)?;
        let key = text(headers, "x-api-key").ok_or(Refusal::KeyMissing)?;
        if !app.tokens.knows_client(key) {
            return Err(Refusal::KeyUnknown);
        }
        let verified = app.tokens.verify(token).map_err(|_| Refusal::TokenInvalid)?;
        let org = OrgId::from(text(headers, "x-gw-ims-org-id").ok_or(Refusal::OrgMissing)?);
        let mut tx = app.read().await.map_err(Refusal::Store)?;
        if org != verified.org {
            let known = control::ims::find_org(&mut tx, &org).await.map_err(Refusal::Store)?.is_some();
            return Err(if known { Refusal::NotEntitled } else { Refusal::OrgUnknown });
        }
        // A service that lists sandboxes is asked before one is chosen, so a missing header means the default sandbox.
        let name = text(headers, "x-sandbox-name").or_else(|| text(headers, "sandbox-name"));
        let id = text(headers, "x-sandbox-id");
        let actor = Actor { user: verified.account.clone(), client: verified.client_id.clone() };
        let wanted = name.or(id);
        let found =
            sandbox::scope(&mut tx, &org, wanted, actor, app.clock.now()).await.map_err(Refusal::Store)?;
        let path = parts.uri.path().to_owned();
        let Some(scope) = found else {
            let sandbox = wanted.unwrap_or_default().to_owned();
            return Err(Refusal::SandboxUnknown { path, sandbox, request_id });
        };
        if name.is_some() && id.is_some_and(|id| id != scope.sandbox_id.as_str()) {
            return Err(Refusal::SandboxMismatch { path, request_id });
        }
        if verified.sandbox.as_ref().is_some_and(|only| *only != scope.sandbox_name) {
            return Err(Refusal::SandboxUnknown { path, sandbox: scope.sandbox_name, request_id });
        }
        Ok(Caller { scope, request_id })
    }
}

/// A header's text, trimmed; empty is as good as absent.
pub(crate) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim).filter(|value| !value.is_empty())
}

/// The token of `Authorization: Bearer …`; the scheme is compared without regard to case, as clients differ.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = text(headers, "authorization")?;
    let (scheme, token) = value.split_once(' ').unwrap_or(("bearer", value));
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim()).filter(|token| !token.is_empty())
}

/// A request body as JSON. Content types differ among clients, so the text decides.
pub(crate) fn json_body(body: &[u8]) -> Result<Value, serde_json::Error> {
    serde_json::from_slice(body)
}
