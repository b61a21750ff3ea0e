//! Token endpoints: `client_credentials`, an authorization code or a client's own signed token in, access token out.
//!
//! What arrives here is never logged: clients put the secret into the query string.

use axum::extract::{FromRequest as _, Multipart, RawQuery, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use control::ims::{self, Credential, VerifyError};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};
use serde_json::json;
use store::StoreError;

use crate::app::App;
use crate::client_jwt;

pub(crate) fn routes() -> Router<App> {
    // v2 differs in nothing that clients were seen to send or read.
    Router::new()
        .route("/ims/token/v3", post(token))
        .route("/ims/token/v2", post(token))
        .route("/ims/token/v1", post(code))
        .route("/ims/exchange/jwt", post(exchange))
        .route("/ims/keys", get(keys))
}

/// What a token request says, from its query string and its form body.
#[derive(Debug, Default, PartialEq, Eq)]
struct TokenRequest {
    grant_type: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
    scope: Option<String>,
    code: Option<String>,
    jwt_token: Option<String>,
}

/// Why there is no token. Each has a body in the style of OAuth 2.0.
#[derive(Debug)]
pub(crate) enum Refusal {
    Missing(&'static str),
    GrantType,
    ClientId,
    ClientSecret,
    /// What is wrong with a client's own token.
    Jwt(&'static str),
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
                let description = "this grant_type is not supported here".to_owned();
                (StatusCode::BAD_REQUEST, "unsupported_grant_type", description)
            }
            Refusal::ClientId => {
                (StatusCode::BAD_REQUEST, "invalid_client", "invalid client_id parameter".to_owned())
            }
            Refusal::ClientSecret => {
                (StatusCode::BAD_REQUEST, "invalid_client", "invalid client_secret parameter".to_owned())
            }
            Refusal::Jwt(what) => (StatusCode::BAD_REQUEST, "invalid_token", what.to_owned()),
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
    let issued = grant(&app, query.as_deref().unwrap_or_default(), &headers, &body).await?;
    Ok(answer(issued.0, issued.1))
}

fn answer(access_token: String, expires_in: u64) -> Response {
    let body = json!({ "access_token": access_token, "token_type": "bearer", "expires_in": expires_in });
    ([(CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

/// `POST /ims/token/v1`: an authorization code. Nobody logs in here, so any code of a client that knows its secret is
/// good. The life is in milliseconds: the client that reads it so would else ask for a token with every call.
async fn code(
    State(app): State<App>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    let request = TokenRequest::read(query.unwrap_or_default().as_bytes(), &body).or_basic(&headers);
    match request.grant_type.as_deref() {
        None => return Err(Refusal::Missing("grant_type")),
        Some("authorization_code") => {}
        Some(_) => return Err(Refusal::GrantType),
    }
    request.code.as_ref().ok_or(Refusal::Missing("code"))?;
    let credential = request.credential(&app).await?;
    let (token, seconds) = app.tokens.issue(&credential, &request.scope.unwrap_or_default());
    Ok(answer(token, seconds * 1000))
}

/// `POST /ims/exchange/jwt`: a token that the client signed itself. While its credential has public keys, the signature
/// must be of one of them. The life is in milliseconds, as documented.
async fn exchange(State(app): State<App>, request: Request) -> Result<Response, Refusal> {
    let request = TokenRequest::of_form(request, &app).await?;
    let jwt = request.jwt_token.clone().ok_or(Refusal::Missing("jwt_token"))?;
    let credential = request.credential(&app).await?;
    let mut tx = app.read().await.map_err(Refusal::Store)?;
    let keys = ims::keys(&mut tx, &credential.client_id).await.map_err(Refusal::Store)?;
    let scope = client_jwt::check(&jwt, &credential, &keys, app.clock.now()).map_err(Refusal::Jwt)?;
    let (token, seconds) = app.tokens.issue(&credential, &scope);
    Ok(answer(token, seconds * 1000))
}

/// `GET /ims/keys`: with which key access tokens can be verified.
async fn keys(State(app): State<App>) -> Response {
    Json(app.tokens.key_set()).into_response()
}

/// The access token that a request asks for, and for how many seconds it is good.
pub(crate) async fn grant(
    app: &App,
    query: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<(String, u64), Refusal> {
    let request = TokenRequest::read(query.as_bytes(), body).or_basic(headers);
    match request.grant_type.as_deref() {
        None => return Err(Refusal::Missing("grant_type")),
        Some("client_credentials") => {}
        Some(_) => return Err(Refusal::GrantType),
    }
    let credential = request.credential(app).await?;
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
    /// OAuth 2.0 lets a client name itself in a header; the body wins.
    fn or_basic(mut self, headers: &HeaderMap) -> Self {
        if let Some((client_id, secret)) = basic(headers) {
            self.client_id.get_or_insert(client_id);
            self.client_secret.get_or_insert(secret);
        }
        self
    }

    /// The credential whose secret the client knows.
    async fn credential(&self, app: &App) -> Result<Credential, Refusal> {
        let client_id = self.client_id.as_deref().ok_or(Refusal::Missing("client_id"))?;
        let secret = self.client_secret.as_deref().ok_or(Refusal::Missing("client_secret"))?;
        let mut tx = app.read().await.map_err(Refusal::Store)?;
        ims::verify_secret(&mut tx, client_id, secret).await.map_err(|error| match error {
            VerifyError::UnknownClient => Refusal::ClientId,
            VerifyError::WrongSecret => Refusal::ClientSecret,
            VerifyError::Store(error) => Refusal::Store(error),
        })
    }

    /// A form in either of its encodings: clients of the exchange send both.
    async fn of_form(request: Request, app: &App) -> Result<Self, Refusal> {
        const FORM: Refusal = Refusal::Missing("form");
        let query = request.uri().query().unwrap_or_default().to_owned();
        let media = request.headers().get(CONTENT_TYPE).map(|value| value.as_bytes().to_ascii_lowercase());
        if !media.is_some_and(|media| media.starts_with(b"multipart/form-data")) {
            let body = Bytes::from_request(request, app).await.map_err(|_| FORM)?;
            return Ok(Self::read(query.as_bytes(), &body));
        }
        let mut read = Self::read(query.as_bytes(), &[]);
        let mut parts = Multipart::from_request(request, app).await.map_err(|_| FORM)?;
        while let Some(part) = parts.next_field().await.map_err(|_| FORM)? {
            let name = part.name().unwrap_or_default().to_owned();
            let value = part.text().await.map_err(|_| FORM)?;
            read.set(&name, value);
        }
        Ok(read)
    }

    /// Parameters may be in the query string, in the form body or split between them; the body wins.
    fn read(query: &[u8], body: &[u8]) -> Self {
        let mut request = Self::default();
        for part in [query, body] {
            // Values that were not percent-encoded are taken as they are; empty pairs are skipped.
            let pairs: Vec<(String, String)> = serde_urlencoded::from_bytes(part).unwrap_or_default();
            for (name, value) in pairs {
                request.set(&name, value);
            }
        }
        request
    }

    fn set(&mut self, name: &str, value: String) {
        if value.is_empty() {
            return;
        }
        match name {
            "grant_type" => self.grant_type = Some(value),
            "client_id" => self.client_id = Some(value),
            "client_secret" => self.client_secret = Some(value),
            // One table of the documentation calls it `scopes`.
            "scope" | "scopes" => self.scope = Some(scope(&value)),
            "code" => self.code = Some(value),
            "jwt_token" => self.jwt_token = Some(value),
            _ => {}
        }
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
        let expected =
            TokenRequest { grant_type, client_id, client_secret, scope, ..TokenRequest::default() };
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
