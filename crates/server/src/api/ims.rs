//! Token endpoints: `client_credentials` in, access token out. No other grant yet.
//!
//! What arrives here is never logged: clients put the secret into the query string.

use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use control::ims::{self, VerifyError};
use http::header::CACHE_CONTROL;
use http::{HeaderMap, StatusCode};
use serde_json::json;
use store::StoreError;

use crate::app::App;

pub(crate) fn routes() -> Router<App> {
    // v2 differs in nothing that clients were seen to send or read.
    Router::new().route("/ims/token/v3", post(token)).route("/ims/token/v2", post(token))
}

/// What a token request says, from its query string and its form body.
#[derive(Debug, Default, PartialEq, Eq)]
struct TokenRequest {
    grant_type: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
    scope: Option<String>,
}

/// Why there is no token. Each has a body in the style of OAuth 2.0.
#[derive(Debug)]
pub(crate) enum Refusal {
    Missing(&'static str),
    GrantType,
    ClientId,
    ClientSecret,
    Store(StoreError),
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        // Clients branch on these texts and on status 400; 401 makes one of them stop for good.
        let (status, error, description) = match self {
            Refusal::Missing(name) => {
                (StatusCode::BAD_REQUEST, "invalid_request", format!("missing {name} parameter"))
            }
            Refusal::GrantType => {
                let description = "grant_type must be client_credentials".to_owned();
                (StatusCode::BAD_REQUEST, "unsupported_grant_type", description)
            }
            Refusal::ClientId => {
                (StatusCode::BAD_REQUEST, "invalid_client", "invalid client_id parameter".to_owned())
            }
            Refusal::ClientSecret => {
                (StatusCode::BAD_REQUEST, "invalid_client", "invalid client_secret parameter".to_owned())
            }
            Refusal::Store(error) => {
                tracing::error!(%error, "cannot read the credentials");
                let description = "an internal error; see the server's log".to_owned();
                (StatusCode::INTERNAL_SERVER_ERROR, "server_error", description)
            }
        };
        (status, Json(json!({ "error": error, "error_description": description }))).into_response()
    }
}

async fn token(
    State(app): State<App>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    let (access_token, expires_in) =
        grant(&app, query.as_deref().unwrap_or_default(), &headers, &body).await?;
    let body = json!({ "access_token": access_token, "token_type": "bearer", "expires_in": expires_in });
    Ok(([(CACHE_CONTROL, "no-store")], Json(body)).into_response())
}

/// The access token that a request asks for, and for how many seconds it is good.
pub(crate) async fn grant(
    app: &App,
    query: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<(String, u64), Refusal> {
    let mut request = TokenRequest::read(query.as_bytes(), body);
    // OAuth 2.0 lets a client name itself in a header; the body wins.
    if let Some((client_id, secret)) = basic(headers) {
        request.client_id.get_or_insert(client_id);
        request.client_secret.get_or_insert(secret);
    }
    match request.grant_type.as_deref() {
        None => return Err(Refusal::Missing("grant_type")),
        Some("client_credentials") => {}
        Some(_) => return Err(Refusal::GrantType),
    }
    let client_id = request.client_id.ok_or(Refusal::Missing("client_id"))?;
    let secret = request.client_secret.ok_or(Refusal::Missing("client_secret"))?;
    let mut tx = app.read().await.map_err(Refusal::Store)?;
    let credential = ims::verify_secret(&mut tx, &client_id, &secret).await.map_err(|error| match error {
        VerifyError::UnknownClient => Refusal::ClientId,
        VerifyError::WrongSecret => Refusal::ClientSecret,
        VerifyError::Store(error) => Refusal::Store(error),
    })?;
    // The scope is documented as required, but nothing depends on it: a client without one gets its token too.
    Ok(app.tokens.issue(&credential, &request.scope.unwrap_or_default()))
}

/// Client id and secret of `Authorization: Basic …`.
fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let value = crate::api::gateway::text(headers, "authorization")?;
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (client_id, secret) = text.split_once(':')?;
    Some((client_id.to_owned(), secret.to_owned()))
}

impl TokenRequest {
    /// Parameters may be in the query string, in the form body or split between them; the body wins.
    fn read(query: &[u8], body: &[u8]) -> Self {
        let mut request = Self::default();
        for part in [query, body] {
            // Values that were not percent-encoded are taken as they are; empty pairs are skipped.
            let pairs: Vec<(String, String)> = serde_urlencoded::from_bytes(part).unwrap_or_default();
            for (name, value) in pairs.into_iter().filter(|(_, value)| !value.is_empty()) {
                match name.as_str() {
                    "grant_type" => request.grant_type = Some(value),
                    "client_id" => request.client_id = Some(value),
                    "client_secret" => request.client_secret = Some(value),
                    // One table of the documentation calls it `scopes`.
                    "scope" | "scopes" => request.scope = Some(scope(&value)),
                    _ => {}
                }
            }
        }
        request
    }
}

/// A list of scopes, whether separated by commas, spaces or both, separated by commas.
fn scope(text: &str) -> String {
    let scopes: Vec<&str> = text.split([',', ' ']).filter(|scope| !scope.is_empty()).collect();
    scopes.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(query: &str, body: &str, expected: [Option<&str>; 4]) {
        let [grant_type, client_id, client_secret, scope] = expected.map(|value| value.map(str::to_owned));
        let expected = TokenRequest { grant_type, client_id, client_secret, scope };
        assert_eq!(TokenRequest::read(query.as_bytes(), body.as_bytes()), expected, "{query} {body}");
    }

    #[test]
    fn parameters_come_from_query_and_body() {
        let all = "grant_type=client_credentials&client_id=c&client_secret=s&scope=openid,AdobeID";
        let read = [Some("client_credentials"), Some("c"), Some("s"), Some("openid,AdobeID")];
        check(all, "", read);
        check("", all, read);
        check("client_id=c", "grant_type=client_credentials&client_secret=s&scope=openid,AdobeID", read);
        check("client_id=other&scope=x", all, read);
        check("", &format!("&{all}&&"), read);
        check("", "grant_type=client_credentials&client_id=c&client_secret=s&scopes=openid+AdobeID", read);
        check("", "grant_type=client_credentials&client_id=c&client_secret=s&scope=openid%2CAdobeID", read);
        check("", "scope=openid, AdobeID&client_id=c", [None, Some("c"), None, Some("openid,AdobeID")]);
        check("client_secret=", "client_id=", [None, None, None, None]);
        check("", "client_secret=a=b%zz", [None, None, Some("a=b%zz"), None]);
        check("", "{\"client_id\":\"c\"}", [None, None, None, None]);
    }
}
