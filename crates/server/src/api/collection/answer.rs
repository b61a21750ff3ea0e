//! The bodies of answers. Written straight to text: no tree of JSON is built on the way of a record.

use std::convert::Infallible;
use std::fmt;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use inlet::{Batch, Inlet, One, Rejection, Validated};
use serde::{Serialize, Serializer};

use super::problem::Problem;

/// Bytes of an answer that are made at a time. A batch of tiny messages has an answer many times its size, which is never
/// in memory as a whole.
const CHUNK_BYTES: usize = 64 << 10;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OneBody<'a> {
    inlet_id: &'a str,
    xaction_id: &'a str,
    received_time_ms: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    sync_validation: Option<SyncValidation>,
}

/// What became of synchronous validation.
#[derive(Serialize)]
#[serde(untagged)]
enum SyncValidation {
    Status { status: &'static str },
    Skipped { skipped: bool },
}

/// An entry of a batch's answer that was logged. No status here: the Kafka sink takes any for a failure.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Logged<'a> {
    xaction_id: &'a str,
}

/// One that was not: documentation has `statusCode`, the Kafka sink reads `status`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rejected<'a> {
    status_code: u16,
    status: u16,
    xaction_id: &'a str,
    message: Message<'a>,
}

/// What is said of a message, with the ids that documented texts begin with.
pub(super) struct Message<'a>(pub(super) &'a Inlet, pub(super) &'a Rejection);

impl fmt::Display for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1 {
            Rejection::HeaderMissing => self.1.fmt(f),
            rejection => Tail(self.0, rejection).fmt(f),
        }
    }
}

impl Serialize for Message<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// `inletId: […] imsOrgId: […]` and a text. The UUID of a connection is answered with its inlet id, as documented.
pub(super) struct Tail<'a, T>(pub(super) &'a Inlet, pub(super) T);

impl<T: fmt::Display> fmt::Display for Tail<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "inletId: [{}] imsOrgId: [{}] {}", self.0.id, self.0.org, self.1)
    }
}

pub(super) fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

fn json(status: StatusCode, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// 200: one message is on stable storage.
pub(super) fn one(one: One) -> Response {
    let sync_validation = match one.validated {
        Validated::Unasked => None,
        Validated::Skipped => Some(SyncValidation::Skipped { skipped: true }),
        Validated::Passed => Some(SyncValidation::Status { status: "pass" }),
    };
    let body = OneBody {
        inlet_id: one.inlet.id.as_str(),
        xaction_id: &one.xaction_id,
        received_time_ms: one.received.0,
        sync_validation,
    };
    json(StatusCode::OK, text(&body).into())
}

/// 207, whatever became of the messages: each has its entry.
pub(super) fn batch(batch: Batch) -> Response {
    let mut entries = Entries { batch, next: 0, ended: false };
    let first = entries.next().unwrap_or_default();
    let body = if entries.ended {
        Body::from(first)
    } else {
        Body::from_stream(stream::iter(std::iter::once(first).chain(entries).map(Ok::<_, Infallible>)))
    };
    json(StatusCode::MULTI_STATUS, body)
}

pub(super) fn problem(problem: &Problem) -> Response {
    let mut response = json(problem.status(), problem.body().into());
    let headers = response.headers_mut();
    if let Some(after) = problem.retry_after() {
        headers.insert(RETRY_AFTER, HeaderValue::from(after.as_secs().max(1)));
    }
    if problem.status() == StatusCode::UNAUTHORIZED {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

/// Strings and numbers always serialise.
pub(super) fn text(body: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(body).unwrap_or_default()
}

/// The text of a batch's answer, piece by piece.
struct Entries {
    batch: Batch,
    next: usize,
    ended: bool,
}

impl Iterator for Entries {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        if self.ended {
            return None;
        }
        let mut piece = Vec::with_capacity(self.guess());
        if self.next == 0 {
            self.begin(&mut piece);
        }
        while self.next < self.batch.outcomes.len() && piece.len() < CHUNK_BYTES {
            self.entry(&mut piece);
        }
        if self.next == self.batch.outcomes.len() {
            piece.extend_from_slice(b"]}");
            self.ended = true;
        }
        Some(piece.into())
    }
}

impl Entries {
    /// Bytes of the next piece, roughly: an entry that was logged has about 60.
    fn guess(&self) -> usize {
        (200 + 64 * (self.batch.outcomes.len() - self.next)).min(CHUNK_BYTES + 512)
    }

    fn begin(&self, piece: &mut Vec<u8>) {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Head<'a> {
            inlet_id: &'a str,
            batch_id: &'a str,
            received_time_ms: i64,
        }
        let batch = &self.batch;
        let head = Head {
            inlet_id: batch.inlet.id.as_str(),
            batch_id: &batch.batch_id,
            received_time_ms: batch.received.0,
        };
        piece.extend_from_slice(&text(&head));
        piece.pop();
        piece.extend_from_slice(b",\"responses\":[");
    }

    fn entry(&mut self, piece: &mut Vec<u8>) {
        if self.next > 0 {
            piece.push(b',');
        }
        let id = format!("{}-{}", self.batch.batch_id, self.next);
        // Writing to memory does not fail.
        let _ = match &self.batch.outcomes[self.next] {
            None => serde_json::to_writer(piece, &Logged { xaction_id: &id }),
            Some(rejection) => {
                let message = Message(&self.batch.inlet, rejection);
                let status = StatusCode::BAD_REQUEST.as_u16();
                serde_json::to_writer(
                    piece,
                    &Rejected { status_code: status, status, xaction_id: &id, message },
                )
            }
        };
        self.next += 1;
    }
}
