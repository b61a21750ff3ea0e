//! The API page at `/docs`: Swagger UI over `/openapi.json`, from files that are a part of this program.
//!
//! The page may load nothing from elsewhere: its content security policy says so to the browser.

use std::io::Read as _;

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use flate2::read::GzDecoder;
use http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY,
    VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, StatusCode};

use crate::app::App;

const PAGE: &[u8] = include_bytes!("../../assets/docs.html");
const SCRIPT: &[u8] = include_bytes!("../../assets/docs.js");

/// Files of swagger-ui-dist, compressed; its version and licence lie beside them.
const BUNDLE: &[u8] = include_bytes!("../../assets/swagger-ui/swagger-ui-bundle.js.gz");
const STYLE: &[u8] = include_bytes!("../../assets/swagger-ui/swagger-ui.css.gz");

const HTML: &str = "text/html; charset=utf-8";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";

/// Swagger UI sets styles on its elements, and has its icons in `data:` addresses.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// A new version of the program may have other files.
const FOR_AN_HOUR: HeaderValue = HeaderValue::from_static("max-age=3600");

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/docs", get(async || file(HTML, PAGE)))
        .route("/docs/page.js", get(async || file(JAVASCRIPT, SCRIPT)))
        .route(
            "/docs/swagger-ui-bundle.js",
            get(async |headers: HeaderMap| packed(&headers, JAVASCRIPT, BUNDLE)),
        )
        .route("/docs/swagger-ui.css", get(async |headers: HeaderMap| packed(&headers, CSS, STYLE)))
}

fn file(kind: &'static str, body: impl IntoResponse) -> Response {
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CONTENT_SECURITY_POLICY, POLICY);
    headers.insert(CACHE_CONTROL, FOR_AN_HOUR);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

/// A compressed file: as it is for who takes it so, unpacked for others.
fn packed(headers: &HeaderMap, kind: &'static str, bytes: &'static [u8]) -> Response {
    let mut response = if takes_gzip(headers) {
        let mut response = file(kind, bytes);
        response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        response
    } else {
        let mut text = Vec::new();
        match GzDecoder::new(bytes).read_to_end(&mut text) {
            Ok(_) => file(kind, text),
            Err(error) => {
                tracing::error!(%error, "a file of the API page cannot be unpacked");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    };
    response.headers_mut().insert(VARY, HeaderValue::from_static("accept-encoding"));
    response
}

fn takes_gzip(headers: &HeaderMap) -> bool {
    let wanted = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    wanted.flat_map(|value| value.split(',')).any(|one| {
        let (name, weight) = one.split_once(';').unwrap_or((one, ""));
        let weight: String = weight.split_whitespace().collect();
        let refused = weight.strip_prefix("q=").is_some_and(|weight| weight.parse() == Ok(0.0));
        name.trim().eq_ignore_ascii_case("gzip") && !refused
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings() {
        for (value, expected) in [
            ("gzip", true),
            ("br, GZIP;q=0.5", true),
            ("gzip; q=0", false),
            ("gzip;q=0.000", false),
            ("identity", false),
            ("*", false),
            ("", false),
        ] {
            let headers = HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static(value))]);
            assert_eq!(takes_gzip(&headers), expected, "{value}");
        }
        assert!(!takes_gzip(&HeaderMap::new()));
    }
}
