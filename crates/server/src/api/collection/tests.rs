//! The edge as a client sees it, over a collector of its own.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::body::{Body, to_bytes};
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::stream;
use http::{HeaderMap, Method};
use inlet::{AuthError, Authorizer, DataType, Dataset, Flow, Inlet, Limits, Plan};
use journal::{Journal, RealDisk};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt as _;
use vocab::{DatasetNo, FlowId, FlowNo, InletNo, SandboxNo, SchemaNo, SystemClock};

use super::*;
use crate::listen::BodyTimeout;

const OPEN: &str = "1111111111111111111111111111111111111111111111111111111111111111";
const CLOSED: &str = "2222222222222222222222222222222222222222222222222222222222222222";
const INLET: &str = "http://ns.adobe.com/adobecloud/problem/data-collection-service/inlet";
const INVALID: &str = "Invalid XDM Message Format";

struct OneToken;

impl Authorizer for OneToken {
    fn authorize(&self, token: &str, _: &Inlet) -> Result<(), AuthError> {
        match token {
            "good" => Ok(()),
            "foreign" => Err(AuthError::Forbidden),
            _ => Err(AuthError::Invalid),
        }
    }
}

struct Bench {
    router: Router,
    journal: Journal,
    _dir: TempDir,
}

/// A raw inlet `OPEN` with one flow, and the same behind a token, `CLOSED`.
fn bench() -> Bench {
    bench_with(Limits::default())
}

fn bench_with(limits: Limits) -> Bench {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(SystemClock::new());
    let settings =
        journal::Settings { segment_bytes: 8 << 20, ..journal::Settings::new(dir.path().join("log")) };
    let journal = Journal::open(Arc::new(RealDisk), clock.clone(), settings).unwrap();
    let plan = Arc::new(ArcSwap::from_pointee(plan()));
    let collector = Collector::with_limits(journal.clone(), plan, Arc::new(OneToken), clock, limits);
    Bench { router: routes_of().with_state(Arc::new(collector)), journal, _dir: dir }
}

fn plan() -> Plan {
    let schema = json!({
        "$id": "https://ns.adobe.com/acme/schemas/s", "title": "Test", "type": "object", "meta:xdmType": "object",
        "version": "1.0", "meta:class": "https://ns.adobe.com/xdm/context/profile",
        "meta:extends": ["https://ns.adobe.com/xdm/context/profile", "https://ns.adobe.com/xdm/data/record"],
        "properties": { "a": { "type": "string", "meta:xdmType": "string" } }
    });
    let dataset = Dataset {
        no: DatasetNo(1),
        id: "dataset".into(),
        sandbox: SandboxNo(1),
        schema_id: "https://ns.adobe.com/acme/schemas/s".into(),
        schema_no: SchemaNo(1),
        schema_major: 1,
        schema: Arc::new(xdm::Schema::compile(&schema, &[]).unwrap()),
    };
    let flow = Flow {
        no: FlowNo(1),
        id: FlowId::from("flow"),
        enabled: true,
        dataset: "dataset".into(),
        mapping: None,
        fail_unmapped: false,
    };
    let mut plan = Plan::default();
    for (no, id, authentication_required) in [(1, OPEN, false), (2, CLOSED, true)] {
        let inlet = Inlet {
            no: InletNo(no),
            id: id.into(),
            connection: format!("connection-{no}").into(),
            org: "A@AdobeOrg".into(),
            sandbox: SandboxNo(1),
            generation: 0,
            sandbox_name: "prod".to_owned(),
            data_type: DataType::Raw,
            authentication_required,
            source_name: "test".to_owned(),
            enabled: true,
            flows: [(flow.id.clone(), Arc::new(flow.clone()))].into_iter().collect(),
        };
        plan.inlets.insert(format!("connection-{no}"), Arc::new(inlet.clone()));
        plan.inlets.insert(id.to_owned(), Arc::new(inlet));
    }
    plan.datasets.insert((SandboxNo(1), "dataset".into()), Arc::new(dataset));
    plan
}

/// One answer: status, headers, body.
struct Answer(u16, HeaderMap, Value);

impl Bench {
    async fn send(&self, request: http::Request<Body>) -> Answer {
        let (head, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        let body = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap() };
        Answer(head.status.as_u16(), head.headers, body)
    }

    async fn post(&self, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
        let mut request = http::Request::post(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(body.into()).unwrap()).await
    }

    /// Posts a body and checks status and problem.
    async fn refused(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
        status: u16,
        title: &str,
    ) {
        let Answer(actual, headers, problem) = self.post(path, headers, body).await;
        assert_eq!((actual, problem["title"].as_str()), (status, Some(title)), "{path}: {problem}");
        assert_eq!(
            (problem["type"].as_str(), problem["status"].as_u64()),
            (Some(INLET), Some(status.into()))
        );
        assert!(problem["report"]["message"].is_string(), "{problem}");
        assert_eq!(headers["content-type"], "application/json");
        assert!(headers.contains_key("access-control-allow-origin"));
    }

    /// Serves on a socket.
    async fn listen(&self) -> std::net::SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = self.router.clone();
        tokio::spawn(async move { axum::serve(listener, router).await });
        address
    }
}

fn single(inlet: &str) -> String {
    format!("/collection/{inlet}")
}

fn batch_path(inlet: &str) -> String {
    format!("/collection/batch/{inlet}")
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

/// A body without a declared length, in pieces.
fn chunked(pieces: Vec<Vec<u8>>) -> Body {
    Body::from_stream(stream::iter(pieces.into_iter().map(Ok::<_, std::io::Error>)))
}

#[tokio::test]
async fn one_message() {
    let bench = bench();
    for path in [single(OPEN), format!("/data/foundation/import/collection/{OPEN}"), single("connection-1")] {
        let Answer(status, headers, body) = bench.post(&path, &[], r#"{"a":"b"}"#).await;
        assert_eq!((status, &headers["content-type"]), (200, &HeaderValue::from_static("application/json")));
        let keys: Vec<_> = body.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["inletId", "xactionId", "receivedTimeMs"]);
        assert_eq!(body["inletId"], OPEN, "the hex id, whatever the path has");
        let received = body["receivedTimeMs"].as_i64().unwrap();
        assert!(body["xactionId"].as_str().unwrap().starts_with(&format!("{received}:0:")));
    }
    assert_eq!(bench.journal.synced(), 3);
}

#[tokio::test]
async fn synchronous_validation() {
    let bench = bench();
    let path = |query: &str| format!("{}?{query}", single(OPEN));
    let Answer(_, _, body) = bench.post(&path("syncValidation=True"), &[], r#"{"a":"b"}"#).await;
    assert_eq!(body["syncValidation"], json!({ "status": "pass" }));
    let Answer(_, _, body) = bench.post(&path("syncValidation=False"), &[], r#"{"x":1}"#).await;
    assert_eq!(body["syncValidation"], json!({ "skipped": true }));
    let query = path("syncValidation=false&synchronousValidation=true");
    let Answer(status, _, body) = bench.post(&query, &[], r#"{"x":1}"#).await;
    assert_eq!((status, &body["type"], &body["title"]), (400, &json!(INLET), &json!(INVALID)));
    let message = format!("inletId: [{OPEN}] imsOrgId: [A@AdobeOrg] Message is invalid");
    assert_eq!(body["report"]["message"], message);
    assert!(body["report"]["cause"]["_streamingValidation"].is_array());
    let Answer(status, _, body) =
        bench.post(&format!("{}?syncValidation=True", batch_path(OPEN)), &[], r#"[{"x":1}]"#).await;
    assert_eq!((status, body["responses"][0].get("status"), body.get("syncValidation")), (207, None, None));
    assert_eq!(bench.journal.synced(), 3);
}

#[tokio::test]
async fn a_batch() {
    let bench = bench();
    for path in [batch_path(OPEN), format!("/data/foundation/import/collection/batch/{OPEN}")] {
        let body = r#"{"messages":[{"a":"1"},7,{"header":{"flowId":"x"},"body":{}},{"a":"2"}]}"#;
        let Answer(status, _, body) = bench.post(&path, &[], body).await;
        assert_eq!(status, 207);
        let keys: Vec<_> = body.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["inletId", "batchId", "receivedTimeMs", "responses"]);
        let id = body["batchId"].as_str().unwrap();
        let prefix = format!("inletId: [{OPEN}] imsOrgId: [A@AdobeOrg]");
        let failed = |index: usize, tail: &str| json!({ "statusCode": 400, "status": 400, "xactionId": format!("{id}-{index}"), "message": format!("{prefix} {tail}") });
        let expected = json!([
            { "xactionId": format!("{id}-0") },
            failed(1, "Message is not a JSON object"),
            failed(2, "Message has unknown flow id"),
            { "xactionId": format!("{id}-3") },
        ]);
        assert_eq!(body["responses"], expected);
    }
    let Answer(status, _, body) = bench.post(&batch_path(OPEN), &[], "[7,8]").await;
    assert_eq!((status, body["responses"].as_array().unwrap().len()), (207, 2), "207 even when all fail");
    assert_eq!(bench.journal.synced(), 4);
}

#[tokio::test]
async fn bounded_answers_of_large_batches() {
    let bench = bench();
    for messages in [1, 100, 1000, 20_000] {
        let body = format!("[{}]", vec!["7"; messages].join(","));
        let Answer(status, _, body) = bench.post(&batch_path(OPEN), &[], body).await;
        assert_eq!(status, 207);
        let responses = body["responses"].as_array().unwrap();
        assert_eq!(responses.len(), messages);
        for (index, response) in responses.iter().enumerate() {
            assert!(response["xactionId"].as_str().unwrap().ends_with(&format!("-{index}")));
        }
    }
    let body = format!("[{}]", vec!["7"; 40_000].join(","));
    bench.refused(&batch_path(OPEN), &[], body, 413, "Payload too large").await;
}

#[tokio::test]
async fn tokens() {
    let bench = bench();
    let unauthorized = |text: &str| {
        format!(
            r#"{{"type":"https://ns.adobe.com/adobecloud/problem/data-collection-service-authorization","status":"401","title":"Authorization","report":{{"message":"[id] Ims service token is {text}"}}}}"#
        )
    };
    for (token, text) in [(None, "empty"), (Some(""), "empty"), (Some("Bearer bad"), "invalid")] {
        for path in [single(CLOSED), batch_path(CLOSED)] {
            let mut request = http::Request::post(&path);
            if let Some(token) = token {
                request = request.header("authorization", token);
            }
            // Not JSON, not a known type, too long: the token is looked at first.
            let request = request.header("content-type", "image/png").header("content-length", "99999999");
            let response =
                bench.router.clone().oneshot(request.body(Body::from("{")).unwrap()).await.unwrap();
            assert_eq!(response.status(), 401);
            let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
            assert_eq!(body, unauthorized(text).as_bytes());
        }
    }
    let Answer(status, _, body) =
        bench.post(&single(CLOSED), &[("authorization", "Bearer foreign")], "{}").await;
    assert_eq!((status, body["status"].as_u64()), (403, Some(403)));
    let Answer(status, ..) = bench.post(&single(CLOSED), &[("authorization", "bearer good")], "{}").await;
    assert_eq!(status, 200);
    let Answer(status, ..) = bench.post(&single(OPEN), &[("authorization", "Bearer bad")], "{}").await;
    assert_eq!(status, 200, "no error on an open inlet");
    assert_eq!(bench.journal.synced(), 2);
}

#[tokio::test]
async fn problems() {
    let bench = bench();
    let (one, many) = (single(OPEN), batch_path(OPEN));
    for inlet in ["0".repeat(64).as_str(), "batch", "%00", "%ff", "..%2f", "x%2Fy", "connection-9"] {
        bench.refused(&single(inlet), &[], "{}", 404, "Inlet not found").await;
        bench.refused(&batch_path(inlet), &[], "{}", 404, "Inlet not found").await;
    }
    for text in ["", "{", "[1,]", "\u{feff}{}", "{}{}", "{\"a\":1e999}"] {
        bench.refused(&one, &[], text, 400, "Invalid JSON").await;
    }
    bench.refused(&one, &[], &b"{\"a\":\"\xff\"}"[..], 400, "Invalid JSON").await;
    bench.refused(&many, &[], "{", 400, "Invalid JSON").await;
    for text in ["7", "null", "[]", "[{}]", "\"x\""] {
        bench.refused(&one, &[], text, 400, INVALID).await;
    }
    for text in ["{}", "[]", "7", "{\"messages\":[]}", "{\"messages\":7}"] {
        bench.refused(&many, &[], text, 400, INVALID).await;
    }
    bench.refused(&one, &[("x-adobe-flow-id", "x")], "{}", 400, INVALID).await;
    bench.refused(&one, &[("x-adobe-dataset-id", "x")], "{}", 400, INVALID).await;
    for kind in ["application/xml", "application/x-www-form-urlencoded", "application/x-jackson-smile"] {
        bench.refused(&one, &[("content-type", kind)], "{}", 400, "BadRequestError").await;
    }
    bench.refused(&one, &[("content-encoding", "br")], "{}", 400, "BadRequestError").await;
    assert_eq!(bench.journal.synced(), 0);
}

#[tokio::test]
async fn headers_that_are_taken() {
    let bench = bench();
    for headers in [
        &[("content-type", "application/json; charset=utf-8")][..],
        &[("content-type", "text/plain;charset=UTF-8")],
        &[("x-adobe-flow-id", " flow; ")],
        &[("x-adobe-dataset-id", "dataset"), ("x-sandbox-name", "other"), ("sandbox-name", "x")],
        &[("accept", "text/html, image/gif, image/jpeg, */*; q=0.2"), ("cache-control", "no-cache")],
    ] {
        let Answer(status, ..) = bench.post(&single(OPEN), headers, "{}").await;
        assert_eq!(status, 200, "{headers:?}");
    }
    let Answer(status, ..) =
        bench.post(&format!("{}?x-adobe-flow-id=flow%3B", single(OPEN)), &[], "{}").await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn other_methods() {
    let bench = bench();
    for path in [
        single(OPEN),
        batch_path(OPEN),
        single("unknown"),
        format!("/data/foundation/import/collection/{OPEN}"),
    ] {
        for method in [Method::GET, Method::HEAD, Method::PUT, Method::DELETE, Method::PATCH, Method::TRACE] {
            let request = http::Request::builder().method(&method).uri(&path).body(Body::empty()).unwrap();
            let Answer(status, headers, body) = bench.send(request).await;
            assert_eq!((status, &headers["allow"]), (405, &METHODS), "{method} {path}");
            // The framework takes the body off an answer to HEAD.
            assert_eq!(body["status"], if method == Method::HEAD { Value::Null } else { json!(405) });
        }
        let request = http::Request::options(&path)
            .header("origin", "https://shop.example")
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "content-type,x-adobe-flow-id,x-mine");
        let Answer(status, headers, _) = bench.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(status, 204);
        assert_eq!(headers["access-control-allow-origin"], "https://shop.example");
        assert_eq!(headers["access-control-allow-methods"], "POST, OPTIONS");
        assert_eq!(headers["access-control-allow-headers"], "content-type,x-adobe-flow-id,x-mine");
    }
    let Answer(_, headers, _) = bench.post(&single(OPEN), &[("origin", "https://shop.example")], "{}").await;
    assert_eq!(headers["access-control-allow-origin"], "https://shop.example");
    let Answer(_, headers, _) = bench.post(&single(OPEN), &[], "{}").await;
    assert_eq!(headers["access-control-allow-origin"], "*");
}

#[tokio::test]
async fn bounded_bodies() {
    let bench = bench();
    let path = single(OPEN);
    let text = |bytes: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(bytes - 8)).into_bytes();
    let limit = inlet::limits::BODY_BYTES_MAX;
    let Answer(status, ..) = bench.post(&path, &[], text(limit)).await;
    assert_eq!(status, 200);
    bench.refused(&path, &[], text(limit + 1), 413, "Payload too large").await;
    bench.refused(&path, &[("content-length", "1048577")], "{}", 413, "Payload too large").await;
    let pieces = |bytes: usize| chunked(text(bytes).chunks(10_000).map(<[u8]>::to_vec).collect());
    let Answer(status, ..) = bench.post(&path, &[], pieces(limit)).await;
    assert_eq!(status, 200);
    bench.refused(&path, &[], pieces(limit + 1), 413, "Payload too large").await;
    let gzipped = [("content-encoding", "gzip")];
    let Answer(status, ..) = bench.post(&path, &gzipped, gzip(&text(limit))).await;
    assert_eq!(status, 200);
    bench.refused(&path, &gzipped, gzip(&text(limit + 1)), 413, "Payload too large").await;
    bench.refused(&path, &gzipped, gzip(&vec![0; 64 << 20]), 413, "Payload too large").await;
    bench.refused(&path, &gzipped, "{}", 400, "BadRequestError").await;
    assert_eq!(bench.journal.synced(), 3);
}

#[tokio::test]
async fn bounded_room_for_large_bodies() {
    let limits = Limits { large_bodies_bytes: 1 << 20, hold: Duration::from_millis(50), ..Limits::default() };
    let bench = bench_with(limits);
    let (router, path) = (bench.router.clone(), single(OPEN));
    let stalled = Body::from_stream(stream::pending::<Result<Vec<u8>, std::io::Error>>());
    let request = http::Request::post(&path).header("content-length", "1048576").body(stalled).unwrap();
    let stalled = tokio::spawn(router.oneshot(request));
    tokio::time::sleep(Duration::from_millis(20)).await;
    let large = format!("{{\"a\":\"{}\"}}", "x".repeat(200_000));
    let large_length = large.len().to_string();
    let Answer(status, headers, _) = bench.post(&path, &[("content-length", &large_length)], large).await;
    assert_eq!((status, headers.contains_key("retry-after")), (503, true));
    let Answer(status, ..) = bench.post(&path, &[], "{}").await;
    assert_eq!(status, 200, "small ones go by");
    stalled.abort();
}

#[tokio::test]
async fn bodies_that_do_not_come() {
    let bench = bench();
    let failing = |error: Box<dyn std::error::Error + Send + Sync>| {
        Body::from_stream(stream::iter([Ok("{".to_owned()), Err(error)]))
    };
    let late = failing(Box::new(BodyTimeout(Duration::from_secs(30))));
    bench.refused(&single(OPEN), &[], late, 408, "Request timeout").await;
    bench.refused(&single(OPEN), &[], failing("gone".into()), 400, "BadRequestError").await;
}

/// Sends a request as a simple client does: all of it, then reads the answer.
async fn exchange(stream: &mut TcpStream, head: &str, body: &[u8]) -> String {
    stream.write_all(head.as_bytes()).await.unwrap();
    for piece in body.chunks(64 << 10) {
        stream.write_all(piece).await.unwrap();
    }
    let mut answer = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&answer).into_owned();
        let length =
            text.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next()?.parse().ok());
        if let (Some(length), Some((_, body))) = (length, text.split_once("\r\n\r\n"))
            && body.len() >= length
        {
            return text;
        }
        let mut buffer = [0; 4096];
        let read = stream.read(&mut buffer).await.unwrap();
        assert!(read > 0, "closed after: {text}");
        answer.extend_from_slice(&buffer[..read]);
    }
}

#[tokio::test]
async fn clients_that_send_all_before_they_listen_get_their_answer() {
    let bench = bench();
    let address = bench.listen().await;
    for (inlet, bytes, expected) in
        [(OPEN, 100 << 20, "413"), (OPEN, 2 << 20, "413"), (CLOSED, 900 << 10, "401"), ("x", 3 << 20, "404")]
    {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head = format!("POST /collection/{inlet} HTTP/1.1\r\nhost: x\r\ncontent-length: {bytes}\r\n\r\n");
        let answer = exchange(&mut stream, &head, &vec![b'x'; bytes]).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {expected}")), "{answer}");
        // The connection is still good.
        let head = format!("POST /collection/{OPEN} HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n");
        assert!(exchange(&mut stream, &head, b"{}").await.starts_with("HTTP/1.1 200"));
        let head =
            format!("POST /collection/{OPEN} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n");
        assert!(
            exchange(&mut stream, &head, b"1\r\n{\r\n1\r\n}\r\n0\r\n\r\n").await.starts_with("HTTP/1.1 200")
        );
    }
}

#[tokio::test]
async fn a_client_that_asks_first_is_told_before_it_sends() {
    let bench = bench();
    let address = bench.listen().await;
    for (inlet, length, expected) in [(OPEN, 2 << 20, "413"), (CLOSED, 100, "401"), (OPEN, 2, "100")] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head = format!(
            "POST /collection/{inlet} HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: {length}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut buffer = [0; 4096];
        let read = stream.read(&mut buffer).await.unwrap();
        let answer = String::from_utf8_lossy(&buffer[..read]).into_owned();
        assert!(answer.starts_with(&format!("HTTP/1.1 {expected}")), "{answer}");
    }
}
