//! The accept loop: connections with limits from the first byte, hyper underneath, one [`Edge`] on top.
//!
//! A connection gets a slot or waits in the kernel's backlog. It must send its first byte and its request head within
//! `header_read`, a body within `body_read`, and may never be silent for longer than `idle`; a peer that does not read
//! its answer is cut off by the same bound.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::response::Response;
use bytes::Bytes;
use http::HeaderValue;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Sleep, sleep, timeout};
use tokio_rustls::TlsAcceptor;

mod socket;

use self::socket::Timed;
use crate::api::Edge;
use crate::config::Limits;

/// Most header fields in one request.
const HEADER_FIELDS_MAX: usize = 100;

/// Bytes of a request's target; longer ones are answered 414.
pub(crate) const TARGET_BYTES_MAX: usize = 16 << 10;

/// After a failed accept (no file descriptors left), before the next.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Bounds of every connection.
#[derive(Clone)]
pub(crate) struct Bounds {
    slots: Arc<Semaphore>,
    header_read: Duration,
    body_read: Duration,
    idle: Duration,
    header_bytes: usize,
}

impl Bounds {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            slots: Arc::new(Semaphore::new(limits.connections)),
            header_read: Duration::from_millis(limits.header_read_ms),
            body_read: Duration::from_millis(limits.body_read_ms),
            idle: Duration::from_millis(limits.idle_ms),
            header_bytes: limits.header_bytes,
        }
    }
}

/// Serves one socket until `stop` turns true; then answers what is in flight and returns.
pub(crate) async fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    edge: Edge,
    bounds: Bounds,
    mut stop: watch::Receiver<bool>,
) {
    let mut connections = JoinSet::new();
    let mut stopped = stop.clone();
    while !*stop.borrow() {
        let slot = tokio::select! {
            slot = bounds.slots.clone().acquire_owned() => slot,
            _ = stop.changed() => break,
        };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopped.changed() => break,
        };
        while connections.try_join_next().is_some() {}
        match accepted {
            Ok((stream, peer)) => {
                let (edge, bounds, stop) = (edge.clone(), bounds.clone(), stop.clone());
                let tls = tls.clone();
                connections.spawn(async move {
                    connection(stream, tls, peer, edge, bounds, stop).await;
                    drop(slot);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn connection(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    peer: SocketAddr,
    edge: Edge,
    bounds: Bounds,
    mut stop: watch::Receiver<bool>,
) {
    let _ = stream.set_nodelay(true);
    // hyper's own head time-out starts with the first byte: a silent connection is ours to close.
    let first_byte = async {
        tokio::select! {
            ready = timeout(bounds.header_read, stream.readable()) => matches!(ready, Ok(Ok(()))),
            _ = stop.changed() => false,
        }
    };
    if !first_byte.await {
        return;
    }
    let Some(tls) = tls else {
        return exchange(stream, peer, edge, bounds, stop).await;
    };
    let shaken = tokio::select! {
        shaken = timeout(bounds.header_read, tls.accept(stream)) => shaken,
        _ = stop.changed() => return,
    };
    match shaken {
        Ok(Ok(stream)) => exchange(stream, peer, edge, bounds, stop).await,
        Ok(Err(error)) => tracing::debug!(%error, %peer, "no TLS"),
        Err(_) => tracing::debug!(%peer, "no TLS in time"),
    }
}

/// Requests and answers on one connection, whatever carries them.
async fn exchange<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    peer: SocketAddr,
    edge: Edge,
    bounds: Bounds,
    mut stop: watch::Receiver<bool>,
) {
    let body_read = bounds.body_read;
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let mut request: Request = request.map(|body| Body::new(TimedBody::new(body, body_read)));
        request.extensions_mut().insert(ConnectInfo(peer));
        let edge = edge.clone();
        async move { Ok::<Response, std::convert::Infallible>(answer(edge, request).await) }
    });
    let io = TokioIo::new(Timed::new(stream, bounds.idle));
    let connection = http1::Builder::new()
        // A client may close its side once it has sent all, and still wait for the answer.
        .half_close(true)
        .timer(TokioTimer::new())
        .header_read_timeout(bounds.header_read.max(Duration::from_millis(1)))
        .max_buf_size(bounds.header_bytes.max(8192))
        .max_headers(HEADER_FIELDS_MAX)
        .serve_connection(io, service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        _ = stop.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, %peer, "connection ended");
    }
}

async fn answer(edge: Edge, request: Request) -> Response {
    let close = request.version() == http::Version::HTTP_10;
    let mut response = edge.handle(request).await;
    if close {
        response.headers_mut().insert(http::header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// A request body that must be complete within a time.
struct TimedBody {
    inner: Incoming,
    limit: Duration,
    deadline: Option<Pin<Box<Sleep>>>,
}

impl TimedBody {
    fn new(inner: Incoming, limit: Duration) -> Self {
        Self { inner, limit, deadline: None }
    }
}

/// The request body did not come in time.
#[derive(Debug, thiserror::Error)]
#[error("the request body did not arrive within {} seconds", .0.as_secs())]
pub(crate) struct BodyTimeout(pub(crate) Duration);

impl HttpBody for TimedBody {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.inner).poll_frame(context) {
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let limit = self.limit;
        let deadline = self.deadline.get_or_insert_with(|| Box::pin(sleep(limit)));
        match deadline.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Some(Err(BodyTimeout(limit).into()))),
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
