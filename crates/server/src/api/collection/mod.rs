//! Data collection: the two POST routes of an inlet, and the same two under the gateway.
//!
//! Order of a request: inlet and token, content type and encoding, body, then the inlet crate. What is refused before the
//! body was read is answered at once; the body is taken off the wire in the background, so that a client that sends before
//! it listens gets to read the answer.

mod answer;
mod body;
mod problem;
mod request;
#[cfg(test)]
mod tests;

use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use axum::routing::post;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, ALLOW, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use inlet::{Admitted, Call, Collector};

use crate::api::REQUEST_ID;
use crate::app::App;
use crate::listen::TARGET_BYTES_MAX;
use body::Received;
use problem::Problem;
use request::Wishes;

/// What an inlet can be asked to do.
const METHODS: HeaderValue = HeaderValue::from_static("POST, OPTIONS");

/// What a browser may send when it does not say what it would like to.
const HEADERS: HeaderValue = HeaderValue::from_static(
    "authorization, content-type, content-encoding, x-adobe-flow-id, x-adobe-dataset-id",
);

/// A browser may remember the preflight's answer for a day: it never changes.
const PREFLIGHT_SECONDS: HeaderValue = HeaderValue::from_static("86400");

/// The two things that are posted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Single,
    Batch,
}

pub(crate) fn routes() -> Router<App> {
    routes_of()
}

impl AsRef<Collector> for App {
    fn as_ref(&self) -> &Collector {
        &self.collector
    }
}

/// The routes need a collector and nothing else of the server.
fn routes_of<S: AsRef<Collector> + Clone + Send + Sync + 'static>() -> Router<S> {
    let single = post(single::<S>).options(preflight).fallback(not_allowed);
    let batch = post(batch::<S>).options(preflight).fallback(not_allowed);
    Router::new()
        .route("/collection/{inlet_id}", single.clone())
        .route("/collection/batch/{inlet_id}", batch.clone())
        // The alias that the published Postman collections use.
        .route("/data/foundation/import/collection/{inlet_id}", single)
        .route("/data/foundation/import/collection/batch/{inlet_id}", batch)
}

/// A post to the path of an inlet that needs no decoding: what the router would find for it.
pub(crate) struct Direct {
    form: Form,
    inlet: String,
}

pub(crate) fn direct(request: &Request, path: &str) -> Option<Direct> {
    let rest = path.strip_prefix("/collection/").filter(|_| request.method() == Method::POST)?;
    let (form, inlet) =
        rest.strip_prefix("batch/").map_or((Form::Single, rest), |inlet| (Form::Batch, inlet));
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    let direct =
        !inlet.is_empty() && inlet != "batch" && target <= TARGET_BYTES_MAX && inlet.bytes().all(plain);
    direct.then(|| Direct { form, inlet: inlet.to_owned() })
}

impl Direct {
    pub(crate) async fn collect(self, collector: &Collector, request: Request) -> Response {
        collect(collector, self.form, Some(&self.inlet), request).await
    }
}

type InletId = Result<Path<String>, PathRejection>;

async fn single<S: AsRef<Collector>>(State(state): State<S>, inlet: InletId, request: Request) -> Response {
    collect(state.as_ref(), Form::Single, name(&inlet), request).await
}

async fn batch<S: AsRef<Collector>>(State(state): State<S>, inlet: InletId, request: Request) -> Response {
    collect(state.as_ref(), Form::Batch, name(&inlet), request).await
}

fn name(inlet: &InletId) -> Option<&str> {
    inlet.as_ref().ok().map(|path| path.0.as_str())
}

async fn preflight(headers: HeaderMap) -> Response {
    let mut response = answer::empty(StatusCode::NO_CONTENT);
    let wanted = headers.get(ACCESS_CONTROL_REQUEST_HEADERS).cloned().unwrap_or(HEADERS);
    let answer = response.headers_mut();
    answer.insert(ALLOW, METHODS);
    answer.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    answer.insert(ACCESS_CONTROL_ALLOW_HEADERS, wanted);
    answer.insert(ACCESS_CONTROL_MAX_AGE, PREFLIGHT_SECONDS);
    let origin = headers.get(ORIGIN).cloned();
    share(response, origin)
}

async fn not_allowed(headers: HeaderMap) -> Response {
    let mut response = answer::problem(&Problem::MethodNotAllowed);
    response.headers_mut().insert(ALLOW, METHODS);
    let origin = headers.get(ORIGIN).cloned();
    share(response, origin)
}

/// Lets a page of any origin read the answer. An inlet knows no cookies, so a page can do nothing here that any other
/// sender cannot; credentials are allowed since `sendBeacon` always announces them.
fn share(mut response: Response, origin: Option<HeaderValue>) -> Response {
    let headers = response.headers_mut();
    match origin {
        Some(origin) => {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
            headers.insert(VARY, HeaderValue::from_static("origin"));
        }
        None => {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        }
    }
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("x-request-id, retry-after"));
    response
}

/// Answers a POST. `inlet` is the path segment, `None` when it is no UTF-8.
async fn collect(collector: &Collector, form: Form, inlet: Option<&str>, request: Request) -> Response {
    let origin = request.headers().get(ORIGIN).cloned();
    let id = request.headers().get(REQUEST_ID).cloned();
    let response = match taken_in(collector, form, inlet, request).await {
        Ok(response) => response,
        Err(problem) => {
            problem.log(id.as_ref().and_then(|id| id.to_str().ok()));
            answer::problem(&problem)
        }
    };
    share(response, origin)
}

async fn taken_in(
    collector: &Collector,
    form: Form,
    inlet: Option<&str>,
    request: Request,
) -> Result<Response, Problem> {
    let (head, unread) = request.into_parts();
    let admitted = inlet
        .ok_or(Problem::Refused(inlet::Refusal::NotFound))
        .and_then(|inlet| {
            collector.admit(inlet, request::authorization(&head.headers)).map_err(Problem::Refused)
        })
        .and_then(|admitted| Ok((admitted, request::encoding(&head.headers)?)));
    let (admitted, encoding) = match admitted {
        Ok(admitted) => admitted,
        Err(problem) => {
            body::linger(&head.headers, unread);
            return Err(problem);
        }
    };
    let wishes = Wishes::of(&head, &admitted);
    // Room for the body is held until the answer is made.
    let Received { body, room: _room } = body::receive(collector, &head.headers, unread, encoding).await?;
    let call = call(admitted, wishes, body);
    match form {
        Form::Single => collector.one(call).await.map(answer::one),
        Form::Batch => collector.batch(call).await.map(answer::batch),
    }
    .map_err(Problem::Refused)
}

fn call(admitted: Admitted, wishes: Wishes, body: bytes::Bytes) -> Call {
    let Wishes { flow, dataset, sync_validation } = wishes;
    Call { admitted, flow, dataset, sync_validation, body }
}
