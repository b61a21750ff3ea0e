//! The API page: whole, and from nowhere else.

use std::collections::BTreeMap;
use std::io::Read as _;

use flate2::read::GzDecoder;
use serde_json::Value;

use crate::support::{Server, exchange, raw};

#[test]
fn the_api_page_needs_no_other_host() {
    let (server, _home) = Server::start();
    let get = |path: &str| {
        let url = format!("{}{path}", server.url());
        let (status, headers, text) = exchange(&url, "GET", &BTreeMap::new(), String::new());
        assert_eq!(status, 200, "{path}");
        let kind = headers["content-type"].to_str().unwrap().to_owned();
        (kind, headers, text)
    };
    for path in ["/docs", "/docs/"] {
        let (kind, headers, page) = get(path);
        assert!(kind.starts_with("text/html"), "{kind}");
        assert!(!page.contains("://"), "{page}");
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
        assert!(!policy.contains("http"), "{policy}");
        // Whatever the page names is there, and is what it is loaded as.
        let mut parts = 0;
        for part in page.split(['"']).filter(|part| part.starts_with('/')) {
            let (kind, _, text) = get(part);
            let expected = match part.rsplit('.').next().unwrap() {
                "js" => "text/javascript",
                "css" => "text/css",
                _ => "application/json",
            };
            assert!(kind.starts_with(expected) && text.len() > 100, "{part}: {kind}");
            parts += 1;
        }
        assert_eq!(parts, 4);
    }
    let (_, _, script) = get("/docs/page.js");
    assert!(script.contains("/openapi.json") && !script.contains("://"), "{script}");
    let (_, _, document) = get("/openapi.json");
    assert_eq!(serde_json::from_str::<Value>(&document).unwrap()["openapi"], "3.1.0");
    // A browser takes the files as they lie here.
    let (_, _, plain) = get("/docs/swagger-ui.css");
    let headers = [("accept-encoding".to_owned(), "gzip".to_owned())].into();
    let url = format!("{}/docs/swagger-ui.css", server.url());
    let (_, headers, _) = exchange(&url, "HEAD", &headers, String::new());
    assert_eq!(headers["content-encoding"], "gzip");
    let packed = std::fs::read("assets/swagger-ui/swagger-ui.css.gz").unwrap();
    assert_eq!(headers["content-length"].to_str().unwrap(), packed.len().to_string());
    let mut text = String::new();
    GzDecoder::new(packed.as_slice()).read_to_string(&mut text).unwrap();
    assert_eq!(text, plain);
    let answer = raw(server.url(), b"GET /docs HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 421"), "{answer}");
}
