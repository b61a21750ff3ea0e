//! Reading a request's body within its bounds, and letting one go by that is not wanted.

use std::error::Error;
use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::{CONTENT_LENGTH, EXPECT};
use http_body_util::BodyExt as _;
use inlet::inflate::InflateError;
use inlet::limits::SMALL_BODY_BYTES;
use inlet::{Collector, Reservation, inflate};

use super::problem::Problem;
use super::request::Encoding;
use crate::listen::BodyTimeout;

/// Longest time, and most bytes, that an unwanted body is taken off the wire for. A client that sends all before it listens
/// would otherwise find its connection reset instead of an answer.
const LINGER: Duration = Duration::from_secs(5);
const LINGER_BYTES_MAX: u64 = 128 << 20;

/// A body, inflated, and the room that it takes.
pub(super) struct Received {
    pub(super) body: Bytes,
    pub(super) room: Option<Reservation>,
}

/// Reads the whole body.
pub(super) async fn receive(
    collector: &Collector,
    headers: &HeaderMap,
    mut unread: Body,
    encoding: Encoding,
) -> Result<Received, Problem> {
    match read(collector, headers, &mut unread, encoding).await {
        Ok(received) => Ok(received),
        Err(problem) => {
            linger(headers, unread);
            Err(problem)
        }
    }
}

async fn read(
    collector: &Collector,
    headers: &HeaderMap,
    unread: &mut Body,
    encoding: Encoding,
) -> Result<Received, Problem> {
    let bytes_max = collector.limits().body_bytes;
    let declared = declared(headers).unwrap_or(0);
    if declared > bytes_max as u64 {
        return Err(Problem::TooLarge { bytes_max });
    }
    let declared = declared as usize;
    let mut room = match encoding {
        // As sent and inflated are in memory together.
        Encoding::Gzip => Some(collector.reserve(2 * bytes_max).await.map_err(Problem::Refused)?),
        Encoding::Identity if declared > SMALL_BODY_BYTES => {
            Some(collector.reserve(declared).await.map_err(Problem::Refused)?)
        }
        Encoding::Identity => None,
    };
    let Some(mut body) = next(unread).await? else {
        return Ok(Received { body: Bytes::new(), room });
    };
    // Most bodies come in one piece, which is then used as it is.
    let complete = unread.is_end_stream() || (declared > 0 && body.len() >= declared);
    if !complete || body.len() > bytes_max {
        let mut whole = BytesMut::with_capacity(declared.max(body.len()).min(bytes_max));
        let mut piece = Some(body);
        while let Some(bytes) = piece {
            if whole.len() + bytes.len() > bytes_max {
                return Err(Problem::TooLarge { bytes_max });
            }
            if room.is_none() && whole.len() + bytes.len() > SMALL_BODY_BYTES {
                room = Some(collector.reserve(bytes_max).await.map_err(Problem::Refused)?);
            }
            whole.extend_from_slice(&bytes);
            piece = next(unread).await?;
        }
        body = whole.freeze();
    }
    if encoding == Encoding::Gzip {
        body = inflate(&body, bytes_max).map_err(|error| match error {
            InflateError::Malformed => Problem::NotGzip,
            InflateError::TooLarge => Problem::TooLarge { bytes_max },
        })?;
    }
    Ok(Received { body, room })
}

/// The next piece of the body; `None` at its end.
async fn next(unread: &mut Body) -> Result<Option<Bytes>, Problem> {
    while let Some(frame) = unread.frame().await {
        match frame.map(hyper::body::Frame::into_data) {
            Ok(Ok(bytes)) if bytes.is_empty() => {}
            Ok(Ok(bytes)) => return Ok(Some(bytes)),
            // Trailers say nothing that we read.
            Ok(Err(_)) => {}
            Err(error) if is_timeout(&error) => return Err(Problem::BodyTimeout),
            Err(_) => return Err(Problem::BodyCut),
        }
    }
    Ok(None)
}

fn is_timeout(error: &axum::Error) -> bool {
    let mut source: Option<&(dyn Error + 'static)> = error.source();
    while let Some(error) = source {
        if error.is::<BodyTimeout>() {
            return true;
        }
        source = error.source();
    }
    false
}

fn declared(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Takes an unwanted body off the wire in the background, within bounds, and forgets it.
pub(super) fn linger(headers: &HeaderMap, mut unread: Body) {
    // A client that asked first whether to send has its answer; one that declares too much is cut off.
    let hopeless = declared(headers).is_some_and(|declared| declared > LINGER_BYTES_MAX);
    if unread.is_end_stream() || headers.contains_key(EXPECT) || hopeless {
        return;
    }
    tokio::spawn(tokio::time::timeout(LINGER, async move {
        let mut taken = 0;
        while let Ok(Some(bytes)) = next(&mut unread).await {
            taken += bytes.len() as u64;
            if taken > LINGER_BYTES_MAX {
                break;
            }
        }
    }));
}
