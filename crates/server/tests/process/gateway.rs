//! The gateway's rules at the HTTP level: headers in their order, bodies, slashes, encoded ids, request ids.

use serde_json::{Value, json};

use crate::support::{Server, Start, raw};

const FLOWS: &str = "/data/foundation/flowservice/flows";

/// A request written out, and its answer taken apart.
struct Request {
    method: &'static str,
    path: String,
    headers: Vec<(String, String)>,
    body: String,
}

struct Answer {
    status: u16,
    head: String,
    body: Value,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

impl Request {
    /// With the gateway's headers.
    fn new(server: &Server, method: &'static str, path: &str) -> Self {
        let client = server.client();
        let headers = [
            ("authorization", format!("Bearer {}", client.token)),
            ("x-api-key", client.api_key),
            ("x-gw-ims-org-id", client.org),
            ("x-sandbox-name", "prod".to_owned()),
        ];
        let headers = headers.map(|(name, value)| (name.to_owned(), value)).to_vec();
        Self { method, path: path.to_owned(), headers, body: String::new() }
    }

    fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self
    }

    fn with(self, name: &str, value: &str) -> Self {
        let mut request = self.without(name);
        request.headers.push((name.to_owned(), value.to_owned()));
        request
    }

    fn body(mut self, kind: &str, body: &str) -> Self {
        body.clone_into(&mut self.body);
        if kind.is_empty() { self } else { self.with("content-type", kind) }
    }

    fn send(&self, server: &Server) -> Answer {
        let headers: String =
            self.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let text = format!(
            "{} {} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}content-length: {}\r\n\r\n{}",
            self.method,
            self.path,
            self.body.len(),
            self.body
        );
        let answer = raw(server.url(), text.as_bytes());
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{text}: {answer}"));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap();
        Answer { status, head: head.to_owned(), body: serde_json::from_str(body).unwrap_or(Value::Null) }
    }
}

#[test]
fn headers_are_checked_in_the_documented_order() {
    let (server, _home) = Server::start();
    let get = || Request::new(&server, "GET", FLOWS);
    assert_eq!(get().send(&server).status, 200);
    let coded = |request: Request, status: u16, code: &str, message: &str| {
        let answer = request.send(&server);
        let expected = json!({ "error_code": code, "message": message });
        assert_eq!((answer.status, answer.body), (status, expected));
    };
    // Each request has also what the next ones refuse: the first check in the order decides.
    let bad = || {
        get()
            .with("authorization", "Bearer nonsense")
            .with("x-api-key", "nobody")
            .with("x-gw-ims-org-id", "nowhere")
            .with("x-sandbox-name", "nope")
    };
    let client = server.client();
    let good_key = |request: Request| request.with("x-api-key", &client.api_key);
    let good_token = |request: Request| request.with("authorization", &format!("bearer {}", client.token));
    coded(bad().without("authorization"), 403, "403010", "Oauth token is missing.");
    coded(bad().with("authorization", "Bearer "), 403, "403010", "Oauth token is missing.");
    coded(bad().without("x-api-key"), 403, "403000", "Api Key is required");
    coded(bad(), 403, "403003", "Api Key is invalid");
    for token in ["Bearer nonsense", "Basic YTpi", "Bearer a.b.c", &client.token[1..]] {
        coded(good_key(bad()).with("authorization", token), 401, "401013", "Oauth token is not valid");
    }
    let signed_in = || good_token(good_key(bad()));
    coded(signed_in().without("x-gw-ims-org-id"), 400, "400003", "Missing header");
    for org in ["nowhere", "000000000000000000000000@AdobeOrg"] {
        coded(signed_in().with("x-gw-ims-org-id", org), 403, "403027", "User region is missing");
    }
    // The sandbox comes after the org, the content type after the sandbox.
    let at_home = || {
        let mut request = signed_in().with("x-gw-ims-org-id", &client.org).body("text/plain", "{}");
        request.method = "POST";
        request
    };
    let answer = at_home().send(&server);
    assert_eq!(answer.status, 404, "{}", answer.body);
    assert_eq!(answer.body["type"], "https://ns.adobe.com/aep/errors/FLOW-2100-404");
    assert_eq!(answer.body["report"]["request-id"], answer.header("x-request-id").unwrap());
    let answer = at_home().with("x-sandbox-name", "prod").send(&server);
    let expected = json!({ "type": "/placeholder/type/uri", "status": 400, "title": "BadRequestError",
        "detail": "A valid content-type must be specified" });
    assert_eq!((answer.status, answer.body), (400, expected));
    let answer = at_home().with("x-sandbox-name", "prod").body("application/json", "{}").send(&server);
    assert_eq!(answer.body["status"], 400, "the service's own refusal");
    assert_ne!(answer.body["type"], "/placeholder/type/uri");
}

#[test]
fn sandboxes_are_chosen_by_name_or_id() {
    let (server, _home) = Server::start();
    let get = || Request::new(&server, "GET", FLOWS).without("x-sandbox-name");
    let base = "/data/foundation/sandbox-management/sandboxes";
    let body = json!({ "name": "dev", "title": "Dev", "type": "development" });
    let (status, dev) = server.client().call("POST", base, &[], Some(&body));
    assert_eq!(status, 202);
    let prod = server.client().get(&format!("{base}/prod"));
    let (dev, prod) = (dev["id"].as_str().unwrap(), prod["id"].as_str().unwrap());
    for (name, id, expected) in [
        ("", "", 200),
        ("prod", "", 200),
        ("dev", "", 200),
        ("", dev, 200),
        ("dev", dev, 200),
        ("prod", prod, 200),
        ("prod", dev, 404),
        ("dev", "00000000-0000-0000-0000-000000000000", 404),
        ("", "00000000-0000-0000-0000-000000000000", 404),
        ("nope", "", 404),
        ("*", "", 404),
        ("DEV", "", 404),
    ] {
        let mut request = get();
        if !name.is_empty() {
            request = request.with("x-sandbox-name", name);
        }
        if !id.is_empty() {
            request = request.with("X-Sandbox-ID", id);
        }
        let answer = request.send(&server);
        assert_eq!(answer.status, expected, "{name} {id}: {}", answer.body);
        if expected == 404 {
            let code = if name.is_empty() || id.is_empty() { "2100" } else { "2103" };
            assert_eq!(answer.body["type"], format!("https://ns.adobe.com/aep/errors/FLOW-{code}-404"));
        }
    }
    // Their own management asks for no sandbox, and takes any.
    let answer = Request::new(&server, "GET", base).with("x-sandbox-name", "nope").send(&server);
    assert_eq!(answer.status, 200);
}

#[test]
fn every_answer_names_its_request_and_has_a_body_that_its_client_can_read() {
    let home = tempfile::tempdir().unwrap();
    let environment = vec![("TRIBUTARY__TELEMETRY__LEVEL", "debug".to_owned())];
    let start = Start { environment, ..Start::on(home.path()) };
    let server = start.ready();
    for (method, path, status, member) in [
        ("GET", "/nothing/here", 404, "/title"),
        ("GET", "/data/foundation/flowservice/nothing", 404, "/report/request-id"),
        ("DELETE", FLOWS, 405, "/errorMessage"),
        ("GET", "/data/foundation/schemaregistry/nothing", 404, "/report/registryRequestId"),
        ("PATCH", "/data/foundation/sandbox-management/sandboxes", 405, "/type"),
        ("GET", "/data/foundation/catalog/nothing", 404, "/detail"),
        ("GET", "/collection/nothing", 405, "/report/message"),
        ("POST", "/collection/nothing", 404, "/report/message"),
        ("GET", "/ims/nothing", 404, "/error_description"),
        ("GET", "/iceberg/nothing", 404, "/error/message"),
        ("GET", "/data/foundation/sandbox-management/sandboxes/nope", 404, "/title"),
        ("GET", FLOWS, 200, "/items"),
    ] {
        let id = format!("mine-{status}-{}", path.len());
        let answer = Request::new(&server, method, path).with("X-Request-Id", &id).send(&server);
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.body);
        assert_eq!(answer.header("x-request-id"), Some(id.as_str()), "{method} {path}");
        assert!(answer.body.pointer(member).is_some(), "{method} {path}: {}", answer.body);
        assert!(answer.header("content-type").unwrap().starts_with("application/"), "{method} {path}");
        if status == 405 {
            assert!(answer.header("allow").is_some(), "{method} {path}");
        }
        assert!(start.log().contains(&id), "{method} {path}");
        // One that cannot be repeated is replaced.
        let strange = Request::new(&server, method, path).with("x-request-id", "a b").send(&server);
        assert_eq!(strange.header("x-request-id").unwrap().len(), 36);
    }
}

#[test]
fn slashes_at_the_end_and_encoded_ids() {
    let (server, _home) = Server::start();
    let registry = "/data/foundation/schemaregistry";
    let accept = "application/vnd.adobe.xed+json;version=1";
    for path in [
        FLOWS,
        "/data/foundation/flowservice/connections",
        "/data/foundation/sandbox-management",
        "/data/foundation/sandbox-management/sandboxes/prod",
        "/data/foundation/catalog/dataSets",
        "/data/foundation/conversion/mappingSets",
        "/data/foundation/schemaregistry/stats",
        "/data/foundation/schemaregistry/global/classes/https%3A%2F%2Fns.adobe.com%2Fxdm%2Fcontext%2Fprofile",
        "/data/foundation/schemaregistry/tenant/classes/_xdm.context.profile",
    ] {
        let plain = Request::new(&server, "GET", path).with("accept", accept).send(&server);
        assert_eq!(plain.status, 200, "{path}: {}", plain.body);
        for ending in ["/", "//", "/?limit=5&offset=0", "/?x=a/"] {
            let target = format!("{path}{ending}");
            let answer = Request::new(&server, "GET", &target).with("accept", accept).send(&server);
            assert_eq!(answer.status, 200, "{target}: {}", answer.body);
        }
    }
    // An id's own slashes are part of it: unencoded they are other segments.
    let bare = format!("{registry}/global/classes/https://ns.adobe.com/xdm/context/profile");
    assert_eq!(Request::new(&server, "GET", &bare).with("accept", accept).send(&server).status, 404);
    let encoded = "https%3A%2F%2Fns.adobe.com%2Fnobody%2Fschemas%2F00";
    let answer = Request::new(&server, "GET", &format!("{registry}/tenant/schemas/{encoded}/"))
        .with("accept", accept)
        .send(&server);
    assert_eq!(answer.status, 404);
    assert!(answer.body["detail"].as_str().unwrap().contains("https://ns.adobe.com/nobody/schemas/00"));
    // What is no text is refused, not a crash.
    let answer = Request::new(&server, "GET", &format!("{FLOWS}/%ff%fe")).send(&server);
    assert!((400..500).contains(&answer.status), "{}", answer.status);
}

#[test]
fn what_a_client_accepts_matters_to_the_registry_alone() {
    let (server, _home) = Server::start();
    let java = "text/html, image/gif, image/jpeg, */*; q=0.2";
    for accept in [java, "text/html", "image/png", "application/json"] {
        for path in [FLOWS, "/data/foundation/catalog/dataSets", "/data/foundation/sandbox-management"] {
            let answer = Request::new(&server, "GET", path).with("accept", accept).send(&server);
            assert_eq!(answer.status, 200, "{path} {accept}");
        }
    }
    let token = Request::new(&server, "POST", "/ims/token/v3")
        .with("accept", "image/png")
        .body("application/x-www-form-urlencoded", "grant_type=client_credentials")
        .send(&server);
    assert_eq!(token.status, 400, "{}", token.body);
    let schemas = "/data/foundation/schemaregistry/tenant/schemas";
    let answer = Request::new(&server, "GET", schemas).with("accept", "image/png").send(&server);
    assert_eq!(answer.status, 400);
    assert_eq!(answer.body["type"], "http://ns.adobe.com/aep/errors/XDM-1006-400");
}
