//! What stands before every service of the gateway: token, API key, org, sandbox and content type, in the documented order.

use axum::Json;
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use control::ims::{Need, Role, Sandboxes};
use control::{Actor, Request, Scope, sandbox};
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};
use store::StoreError;
use vocab::OrgId;

use crate::api::REQUEST_ID;
use crate::app::App;

/// A caller before a sandbox is chosen: the management of sandboxes looks at no sandbox header.
#[derive(Clone, Debug)]
pub(crate) struct OrgCaller {
    pub(crate) org: OrgId,
    pub(crate) actor: Actor,
    /// The sandboxes in which its credential may act.
    pub(crate) sandboxes: Sandboxes,
    pub(crate) request: Request,
}

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
    /// The credential's role gives no right to this.
    RoleMissing {
        path: String,
        role: Role,
        request_id: String,
    },
    /// The credential is for other sandboxes.
    SandboxForbidden {
        path: String,
        sandbox: String,
        request_id: String,
    },
    ContentType,
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
            Refusal::RoleMissing { path, role, request_id } => {
                let detail = format!("The role {role} of this credential gives no right to this.");
                second_line(&path, "2118-403", 403, "Forbidden", &detail, &request_id)
            }
            Refusal::SandboxForbidden { path, sandbox, request_id } => {
                let detail = format!("This credential gives no right to the sandbox {sandbox}.");
                second_line(&path, "2118-403", 403, "Forbidden", &detail, &request_id)
            }
            Refusal::ContentType => {
                let body = json!({
                    "type": "/placeholder/type/uri", "status": 400, "title": "BadRequestError",
                    "detail": "A valid content-type must be specified"
                });
                (StatusCode::BAD_REQUEST, Json(body)).into_response()
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

/// What a request behind the gateway needs. Searches, validations and previews are questions, though they are posted.
fn need(method: &Method, path: &str) -> Need {
    let asks = ["/search", "/validate", "/preview", "/samples/parse"].iter().any(|end| path.ends_with(end));
    match *method {
        Method::GET | Method::HEAD => Need::Read,
        Method::POST if asks => Need::Read,
        _ if path.starts_with("/data/foundation/sandbox-management") => Need::ManageSandboxes,
        _ => Need::Write,
    }
}

impl FromRequestParts<App> for OrgCaller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refusal> {
        let headers = &parts.headers;
        let token = token(headers).ok_or(Refusal::TokenMissing)?;
        let key = text(headers, "x-api-key").ok_or(Refusal::KeyMissing)?;
        let verified = app.tokens.verify(token).map_err(|_| Refusal::TokenInvalid);
        // Clients of an outside issuer are known by their tokens alone: an expired one must not read as a wrong key.
        let known = app.tokens.knows_client(key)
            || (app.tokens.is_outside(token)
                && verified.as_ref().map_or(true, |verified| verified.client_id == key));
        if !known {
            return Err(Refusal::KeyUnknown);
        }
        let verified = verified?;
        let org = OrgId::from(text(headers, "x-gw-ims-org-id").ok_or(Refusal::OrgMissing)?);
        if org != verified.org {
            let mut tx = app.read().await.map_err(Refusal::Store)?;
            let known = control::ims::find_org(&mut tx, &org).await.map_err(Refusal::Store)?.is_some();
            return Err(if known { Refusal::NotEntitled } else { Refusal::OrgUnknown });
        }
        let (role, path) = (verified.role, parts.uri.path());
        let request = request(&parts.method, headers);
        if !role.may(need(&parts.method, path)) {
            let request_id = request.id;
            return Err(Refusal::RoleMissing { path: path.to_owned(), role, request_id });
        }
        Ok(Self {
            org,
            actor: Actor { user: verified.account.clone(), client: verified.client_id.clone() },
            sandboxes: verified.sandboxes.clone(),
            request,
        })
    }
}

impl FromRequestParts<App> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refusal> {
        let OrgCaller { org, actor, sandboxes, request } = OrgCaller::from_request_parts(parts, app).await?;
        let request_id = request.id.clone();
        let headers = &parts.headers;
        let mut tx = app.read().await.map_err(Refusal::Store)?;
        // Without a header it is the org's default sandbox.
        let name = text(headers, "x-sandbox-name").or_else(|| text(headers, "sandbox-name"));
        let id = text(headers, "x-sandbox-id");
        let wanted = name.or(id);
        let found =
            sandbox::scope(&mut tx, &org, wanted, actor, app.clock.now()).await.map_err(Refusal::Store)?;
        let path = parts.uri.path().to_owned();
        // Whether a sandbox is there is not told to a credential that is for others.
        let named = found.as_ref().map_or(wanted.unwrap_or_default(), |scope| &scope.sandbox_name);
        if !sandboxes.allow(named) {
            let sandbox = wanted.unwrap_or(named).to_owned();
            return Err(Refusal::SandboxForbidden { path, sandbox, request_id });
        }
        let Some(mut scope) = found else {
            let sandbox = wanted.unwrap_or_default().to_owned();
            return Err(Refusal::SandboxUnknown { path, sandbox, request_id });
        };
        let is_same = |id: &str| id == scope.sandbox_id.as_str() || id == scope.sandbox_name;
        if name.is_some() && id.is_some_and(|id| !is_same(id)) {
            return Err(Refusal::SandboxMismatch { path, request_id });
        }
        scope.request = request;
        scope.switches = app.plans.switches;
        Ok(Caller { scope, request_id })
    }
}

/// A request as the audit log names it.
pub(crate) fn request(method: &Method, headers: &HeaderMap) -> Request {
    let id = text(headers, REQUEST_ID.as_str()).unwrap_or_default().to_owned();
    Request { id, method: method.to_string() }
}

/// Whether a body's content type is a JSON one. Where it is missing, or the one that command line clients send by
/// default, the text decides: several published samples leave the header out.
pub(crate) fn check_content_type(method: &Method, headers: &HeaderMap, body: &[u8]) -> Result<(), Refusal> {
    let body = body.trim_ascii();
    if ![Method::POST, Method::PUT, Method::PATCH].contains(method) || body.is_empty() {
        return Ok(());
    }
    let media = text(headers, "content-type").map(|value| {
        let media = value.split(';').next().unwrap_or_default();
        media.trim().to_ascii_lowercase()
    });
    let good = match media.as_deref() {
        None | Some("application/x-www-form-urlencoded") => {
            serde_json::from_slice::<serde::de::IgnoredAny>(body).is_ok()
        }
        Some(media) => {
            let subtype = media.strip_prefix("application/").or_else(|| media.strip_prefix("text/"));
            subtype.is_some_and(|subtype| subtype == "json" || subtype.ends_with("+json"))
        }
    };
    if good { Ok(()) } else { Err(Refusal::ContentType) }
}

/// Whether a content type is that of a form with files.
pub(crate) fn is_form(content_type: &str) -> bool {
    let media = content_type.split(';').next().unwrap_or_default();
    media.trim().eq_ignore_ascii_case("multipart/form-data")
}

/// A text that no valid header has: it stands for one that cannot be read.
const UNREADABLE: &str = "\u{fffd}";

/// A header's text, trimmed; empty is as good as absent.
pub(crate) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    Some(headers.get(name)?.to_str().unwrap_or(UNREADABLE).trim()).filter(|value| !value.is_empty())
}

/// What stands for a token in `Authorization`. Another scheme's credentials are a token that is not valid, not a missing
/// one.
fn token(headers: &HeaderMap) -> Option<&str> {
    let value = text(headers, "authorization")?;
    if value.eq_ignore_ascii_case("bearer") { None } else { bearer(headers).or(Some(value)) }
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

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(name: &'static str, value: &[u8]) -> HeaderMap {
        HeaderMap::from_iter([(http::HeaderName::from_static(name), HeaderValue::from_bytes(value).unwrap())])
    }

    #[test]
    fn tokens() {
        for (value, expected) in [
            ("Bearer abc", Some("abc")),
            ("bearer   abc ", Some("abc")),
            ("abc", Some("abc")),
            ("Basic YTpi", Some("Basic YTpi")),
            ("Bearer", None),
            ("Bearer  ", None),
            ("", None),
        ] {
            assert_eq!(token(&headers("authorization", value.as_bytes())), expected, "{value}");
        }
        assert_eq!(token(&HeaderMap::new()), None);
        assert!(token(&headers("authorization", b"Bearer \xff")).is_some(), "malformed is not missing");
    }

    #[test]
    fn content_types() {
        let check = |method: Method, kind: &'static str, body: &str, good: bool| {
            let headers =
                if kind.is_empty() { HeaderMap::new() } else { headers("content-type", kind.as_bytes()) };
            let found = check_content_type(&method, &headers, body.as_bytes());
            assert_eq!(found.is_ok(), good, "{method} {kind} {body}");
        };
        for kind in [
            "application/json",
            "Application/JSON; charset=utf-8",
            "application/json-patch+json",
            "application/vnd.adobe.xed+json; version=1",
            "text/json",
        ] {
            check(Method::POST, kind, "{", true);
        }
        for (kind, body, good) in [
            ("", "{}", true),
            ("", "a=b", false),
            ("application/x-www-form-urlencoded", "[1]", true),
            ("application/x-www-form-urlencoded", "a=b", false),
            ("text/plain", "{}", false),
            ("application/xml", "{}", false),
            ("multipart/form-data; boundary=x", "--x--", false),
            ("nonsense", "{}", false),
            ("text/plain", " \r\n", true),
        ] {
            check(Method::PATCH, kind, body, good);
            check(Method::GET, kind, body, true);
            check(Method::DELETE, kind, body, true);
        }
    }
}
