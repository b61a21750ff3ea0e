//! The socket under a connection: bounds on silence, and a JSON body for what hyper answers by itself.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::StatusCode;
use serde_json::json;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// How long, and for how many bytes, a peer whose request was refused may go on sending.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: usize = 256 << 10;

/// An answer that replaces one without a body.
struct Instead {
    answer: Vec<u8>,
    written: usize,
    /// Length of what hyper wrote.
    replaces: usize,
}

impl Instead {
    /// Ours, when the bytes are an error that hyper answers itself: every answer of a handler names its request.
    fn of(data: &[u8]) -> Option<Self> {
        let head = data.strip_prefix(b"HTTP/1.1 ").or_else(|| data.strip_prefix(b"HTTP/1.0 "))?;
        let status = StatusCode::from_bytes(head.get(..3)?).ok().filter(StatusCode::is_client_error)?;
        let text = std::str::from_utf8(data).ok()?.to_ascii_lowercase();
        if !text.ends_with("\r\n\r\n") || text.contains("x-request-id") {
            return None;
        }
        let detail = match status {
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => {
                "the request head is too large or has too many fields"
            }
            StatusCode::URI_TOO_LONG => "the request target is too long",
            _ => "the request is not valid HTTP",
        };
        let title = status.canonical_reason().unwrap_or("Error");
        let number = status.as_u16();
        let body = json!({
            "type": "about:blank", "title": title, "status": number, "detail": detail,
            "report": { "detailed-message": detail }
        })
        .to_string();
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 {number} {title}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
        );
        Some(Self { answer: answer.into_bytes(), written: 0, replaces: data.len() })
    }
}

/// A socket that ends with an error when it makes no progress for `idle`, in the direction that is being waited for.
pub(super) struct Timed<S> {
    stream: S,
    /// An answer of ours that goes out instead of one of hyper's.
    instead: Option<Instead>,
    /// Set once our side is closed: until when, and for how many bytes, the peer is still read.
    linger: Option<(Pin<Box<Sleep>>, usize)>,
    read: Patience,
    write: Patience,
}

/// A bound on one wait after another. The timer is not set anew for each: it is looked at when it fires, and most often the
/// wait that it was set for is long over.
struct Patience {
    limit: Duration,
    since: Option<Instant>,
    timer: Pin<Box<Sleep>>,
}

impl Patience {
    fn new(limit: Duration) -> Self {
        Self { limit, since: None, timer: Box::pin(sleep(limit)) }
    }

    /// There was progress: the wait is over.
    fn end(&mut self) {
        self.since = None;
    }

    /// Waits on; ready when the bound is reached.
    fn wait<T>(&mut self, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        let end = *self.since.get_or_insert_with(Instant::now) + self.limit;
        loop {
            std::task::ready!(self.timer.as_mut().poll(context));
            if self.timer.deadline() >= end {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            self.timer.as_mut().reset(end);
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Timed<S> {
    pub(super) fn new(stream: S, idle: Duration) -> Self {
        Self { stream, instead: None, linger: None, read: Patience::new(idle), write: Patience::new(idle) }
    }

    fn write_instead(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        while let Some(instead) = &mut self.instead {
            let rest = &instead.answer[instead.written..];
            if rest.is_empty() {
                let taken = instead.replaces;
                self.instead = None;
                return Poll::Ready(Ok(taken));
            }
            let polled = Pin::new(&mut self.stream).poll_write(context, rest);
            match self.wait_to_write(polled, context) {
                Poll::Ready(Ok(written)) => {
                    if let Some(instead) = &mut self.instead {
                        instead.written += written;
                    }
                }
                other => return other,
            }
        }
        Poll::Ready(Ok(0))
    }

    fn wait_to_write<T>(
        &mut self,
        polled: Poll<io::Result<T>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            self.write.end();
            return polled;
        }
        self.write.wait(context)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Timed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Poll::Ready(done) = Pin::new(&mut self.stream).poll_read(context, buffer) {
            self.read.end();
            return Poll::Ready(done);
        }
        self.read.wait(context)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Timed<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.instead.is_none() {
            self.instead = Instead::of(data);
        }
        if self.instead.is_some() {
            return self.write_instead(context);
        }
        let polled = Pin::new(&mut self.stream).poll_write(context, data);
        self.wait_to_write(polled, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        // A head is one piece by itself when hyper answers on its own.
        if let [head] = data
            && (self.instead.is_some() || Instead::of(head).is_some())
        {
            return self.poll_write(context, head);
        }
        let polled = Pin::new(&mut self.stream).poll_write_vectored(context, data);
        self.wait_to_write(polled, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_flush(context);
        self.wait_to_write(polled, context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.linger.is_none() {
            std::task::ready!(Pin::new(&mut self.stream).poll_shutdown(context))?;
            self.linger = Some((Box::pin(sleep(LINGER)), LINGER_BYTES));
        }
        // The peer may still be sending what was refused: closing now would take the answer from it again.
        let mut scratch = [0; 4096];
        loop {
            let this = &mut *self;
            let Some((deadline, left)) = &mut this.linger else {
                return Poll::Ready(Ok(()));
            };
            if *left == 0 || deadline.as_mut().poll(context).is_ready() {
                return Poll::Ready(Ok(()));
            }
            let mut buffer = ReadBuf::new(&mut scratch);
            match std::task::ready!(Pin::new(&mut this.stream).poll_read(context, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => *left = left.saturating_sub(buffer.filled().len()),
                _ => return Poll::Ready(Ok(())),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_hyper_answers_itself_is_replaced() {
        for (data, expected) in [
            ("HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\n\r\n", Some("431")),
            ("HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n", Some("400")),
            ("HTTP/1.1 400 Bad Request\r\nx-request-id: a\r\ncontent-length: 0\r\n\r\n", None),
            ("HTTP/1.1 100 Continue\r\n\r\n", None),
            ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", None),
            ("{\"HTTP/1.1 431\"}", None),
        ] {
            let found =
                Instead::of(data.as_bytes()).map(|instead| String::from_utf8(instead.answer).unwrap());
            assert_eq!(found.as_deref().map(|answer| &answer[9..12]), expected, "{data}");
            if let Some(answer) = found {
                let (_, body) = answer.split_once("\r\n\r\n").unwrap();
                assert!(answer.contains(&format!("content-length: {}\r\n", body.len())));
            }
        }
    }
}
