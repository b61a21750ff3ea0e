//! The HTTP edge: one module per service, all routes in [`router`], and what every answer has in common.
//!
//! Handlers turn HTTP into a call and back; rules live in `control`, `inlet`, `refine` and `lake`.

pub(crate) mod admin;
pub(crate) mod call;
pub(crate) mod catalog;
pub(crate) mod collection;
pub(crate) mod flow;
pub(crate) mod gateway;
pub(crate) mod iceberg;
pub(crate) mod identity;
pub(crate) mod ims;
pub(crate) mod library;
pub(crate) mod mapping;
pub(crate) mod openapi;
pub(crate) mod ops;
pub(crate) mod problem;
pub(crate) mod registry;
pub(crate) mod sandbox;

use std::panic::AssertUnwindSafe;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::response::Response;
use futures_util::FutureExt as _;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, StatusCode, Uri};
use tower::ServiceExt as _;
use tracing::Instrument as _;
use vocab::random;

use crate::app::App;
use crate::listen::TARGET_BYTES_MAX;

/// Names one request through answers and logs.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longest request id that is taken from a client.
const REQUEST_ID_BYTES_MAX: usize = 128;

/// Which routes a listener has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Surfaces {
    pub(crate) collect: bool,
    pub(crate) control: bool,
    pub(crate) ops: bool,
}

impl Surfaces {
    pub(crate) const COLLECT: Self = Self { collect: true, control: false, ops: false };
    pub(crate) const CONTROL: Self = Self { collect: false, control: true, ops: false };
    pub(crate) const OPS: Self = Self { collect: false, control: false, ops: true };

    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            collect: self.collect || other.collect,
            control: self.control || other.control,
            ops: self.ops || other.ops,
        }
    }
}

/// All routes of a listener.
pub(crate) fn router(app: App, surfaces: Surfaces) -> Router {
    let mut router = Router::new();
    if surfaces.collect {
        router = router.merge(collection::routes());
    }
    if surfaces.control {
        let control = Router::new()
            .merge(ims::routes())
            .merge(sandbox::routes())
            .merge(registry::routes())
            .merge(identity::routes())
            .merge(catalog::routes())
            .merge(flow::routes())
            .merge(mapping::routes())
            .merge(iceberg::routes())
            .merge(openapi::routes())
            .layer(DefaultBodyLimit::max(app.config.limits.control_body_bytes));
        router = router.merge(control);
    }
    if surfaces.ops {
        router = router.merge(ops::routes()).merge(admin::routes()).merge(library::routes());
    }
    router.with_state(app)
}

/// Answers one request: gives it an id, takes a trailing slash off, and sees to it that every error has a JSON body.
pub(crate) async fn handle(router: Router, mut request: Request) -> Response {
    let request_id = request_id(&request);
    request.headers_mut().insert(REQUEST_ID, request_id.clone());
    let path = request.uri().path().to_owned();
    // Every line that is logged on the way names the request.
    let span = tracing::error_span!("request", id = request_id.to_str().unwrap_or_default());
    let mut response = answer(router, request, &path, &request_id).instrument(span).await;
    response.headers_mut().insert(REQUEST_ID, request_id);
    response
}

async fn answer(router: Router, mut request: Request, path: &str, request_id: &HeaderValue) -> Response {
    if let Some(uri) = without_trailing_slash(request.uri()) {
        *request.uri_mut() = uri;
    }
    let too_long =
        request.uri().path_and_query().is_some_and(|target| target.as_str().len() > TARGET_BYTES_MAX);
    let mut response = if too_long {
        problem::generic(path, request_id, StatusCode::URI_TOO_LONG, "the request target is too long")
    } else {
        // A defect in one handler must not take the connection's other requests with it.
        match AssertUnwindSafe(router.oneshot(request)).catch_unwind().await {
            Ok(Ok(response)) => response,
            Ok(Err(never)) => match never {},
            Err(_) => {
                tracing::error!(path, "a handler panicked");
                problem::generic(
                    path,
                    request_id,
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "an internal error; see the server's log",
                )
            }
        }
    };
    if is_bare_error(&response) {
        response = problem::of_framework(path, request_id, response).await;
    }
    tracing::debug!(path, status = response.status().as_u16(), "answered");
    response
}

fn request_id(request: &Request) -> HeaderValue {
    let sent = request.headers().get(&REQUEST_ID).filter(|value| {
        !value.is_empty()
            && value.len() <= REQUEST_ID_BYTES_MAX
            && value.as_bytes().iter().all(u8::is_ascii_graphic)
    });
    // A UUID is made of ASCII digits, letters and hyphens.
    sent.cloned().unwrap_or_else(|| {
        HeaderValue::from_str(&random::uuid()).unwrap_or_else(|_| HeaderValue::from_static("unknown"))
    })
}

fn without_trailing_slash(uri: &Uri) -> Option<Uri> {
    let path = uri.path();
    let trimmed = path.trim_end_matches('/');
    if trimmed.len() == path.len() || trimmed.is_empty() {
        return None;
    }
    let target = uri.query().map_or_else(|| trimmed.to_owned(), |query| format!("{trimmed}?{query}"));
    target.parse().ok()
}

/// An error that the framework answered itself: it has no JSON body.
fn is_bare_error(response: &Response) -> bool {
    let status = response.status();
    let json = response
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"application/"));
    (status.is_client_error() || status.is_server_error()) && !json
}
