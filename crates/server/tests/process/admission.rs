//! R10, R12, R15: bad input gets its documented answer with a JSON body, the process is unharmed, and the next good
//! record is accepted.

use serde_json::{Value, json};

use crate::support::{Inlet, Server, Setup, collect, raw};

struct World {
    server: Server,
    _home: tempfile::TempDir,
    client: crate::support::Client,
    setup: Setup,
    xdm: Inlet,
    raw: Inlet,
}

fn world() -> World {
    let (server, home) = Server::start();
    let client = server.client();
    let setup = Setup::profile(&client, server.tenant(), "Bad input");
    let xdm = setup.inlet(&client, "xdm", false, None);
    let mapping = setup.mapping(&client, &[("ATTRIBUTE", "id", "_id")]);
    let raw = setup.inlet(&client, "raw", false, Some(&mapping));
    World { server, _home: home, client, setup, xdm, raw }
}

impl World {
    fn good(&self) -> Value {
        self.setup.message(&self.client, &self.xdm, json!({ "_id": "good" }))
    }

    fn still_accepts(&self) {
        let (status, body) = collect(&self.xdm.url, &[], self.good().to_string().as_bytes());
        assert_eq!(status, 200, "{body}");
    }
}

#[test]
fn malformed_json_is_400_and_harms_nobody() {
    let world = world();
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let digits = format!("{{\"id\":{}}}", "9".repeat(100_000));
    let bodies: Vec<&[u8]> = vec![
        b"",
        b"{",
        b"}",
        b"nul",
        b"{\"a\":}",
        b"{\"a\" 1}",
        b"{a:1}",
        b"{'a':1}",
        b"[1,2",
        b"{} {}",
        b"{\"a\":1,}",
        b"\xff\xfe",
        b"{\"a\":\"\xff\"}",
        b"{\"a\":\"\\ud800\"}",
        b"{\"a\":\"\\x\"}",
        b"{\"a\":01}",
        b"{\"a\":+1}",
        b"{\"a\":1e999}",
        b"\"text\"",
        b"1",
        b"null",
        b"[]",
        b"\0",
        b"{\"a\":\"\n\"}",
        deep.as_bytes(),
        digits.as_bytes(),
    ];
    for url in [&world.xdm.url, &world.raw.url] {
        for body in &bodies {
            let (status, answer) = collect(url, &[], body);
            let shown = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
            assert_eq!(status, 400, "{shown}: {answer}");
            assert!(answer["report"]["message"].is_string(), "{shown}: {answer}");
        }
        world.still_accepts();
    }
    assert_eq!(collect(&world.raw.batch_url(), &[], b"{\"messages\":[]}").0, 400);
    assert_eq!(collect(&world.raw.batch_url(), &[], b"{}").0, 400);
}

#[test]
fn wrong_envelopes_are_400_with_the_documented_text() {
    let world = world();
    let change = |pointer: &str, value: Value| {
        let mut message = world.good();
        *message.pointer_mut(pointer).unwrap() = value;
        message
    };
    let without = |parent: &str, key: &str| {
        let mut message = world.good();
        message.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(key);
        message
    };
    let cases = [
        (
            change("/header/imsOrgId", json!("F@AdobeOrg")),
            "Message has an absent or wrong ims org in the header",
        ),
        (
            change("/header/schemaRef/id", json!("https://ns.adobe.com/x/schemas/y")),
            "Message has unknown xdm format",
        ),
        (change("/body/xdmMeta/schemaRef/id", json!("https://x/y")), "Message has unknown xdm format"),
        (without("", "body"), "Message has unknown xdm format"),
        (without("/body", "xdmMeta"), "Message has unknown xdm format"),
        (
            without("", "header"),
            "The 'header' field is mandatory. Provide a valid 'header' value and try again.",
        ),
        (
            change("/header/flowId", json!("00000000-0000-0000-0000-000000000000")),
            "Message has unknown flow id",
        ),
    ];
    for (message, tail) in cases {
        let (status, body) = collect(&world.xdm.url, &[], message.to_string().as_bytes());
        assert_eq!(status, 400, "{message}: {body}");
        let text = body["report"]["message"].as_str().unwrap();
        assert!(text.ends_with(tail), "{message}: {text}");
        assert_eq!(body["type"], "http://ns.adobe.com/adobecloud/problem/data-collection-service/inlet");
        assert_eq!(body["status"], 400);
    }
    world.still_accepts();
}

#[test]
fn r12_an_authenticated_inlet_wants_a_token() {
    let world = world();
    let inlet = world.setup.inlet(&world.client, "xdm", true, None);
    let message = world.setup.message(&world.client, &inlet, json!({ "_id": "a" })).to_string();
    let documented = json!({
        "type": "https://ns.adobe.com/adobecloud/problem/data-collection-service-authorization",
        "status": "401", "title": "Authorization", "report": { "message": "[id] Ims service token is empty" }
    });
    assert_eq!(collect(&inlet.url, &[], message.as_bytes()), (401, documented));
    let (status, body) = collect(&inlet.url, &[("authorization", "Bearer nonsense")], message.as_bytes());
    assert_eq!((status, &body["report"]["message"]), (401, &json!("[id] Ims service token is invalid")));
    for value in [
        format!("Bearer {}", world.client.token),
        format!("bearer {}", world.client.token),
        world.client.token.clone(),
    ] {
        assert_eq!(collect(&inlet.url, &[("authorization", &value)], message.as_bytes()).0, 200);
    }
    // An open inlet takes the record whatever the token is worth.
    assert_eq!(
        collect(&world.xdm.url, &[("authorization", "Bearer nonsense")], world.good().to_string().as_bytes())
            .0,
        200
    );
}

#[test]
fn r15_limits_at_the_door() {
    let world = world();
    let big = json!({ "id": "x".repeat((1 << 20) + 1) }).to_string();
    let (status, body) = collect(&world.raw.url, &[], big.as_bytes());
    assert_eq!((status, body["status"].as_u64()), (413, Some(413)));
    let (status, _) = collect(&world.raw.url, &[("content-type", "image/png")], b"{}");
    assert_eq!(status, 400);
    let unknown = format!("{}/collection/{}", world.server.url(), "0".repeat(64));
    let (status, body) = collect(&unknown, &[], b"{}");
    assert_eq!((status, body["title"].as_str()), (404, Some("Inlet not found")));
    let answer = raw(
        world.server.url(),
        b"GET /collection/x HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n",
    );
    assert!(answer.starts_with("HTTP/1.1 405"), "{answer}");
    assert!(answer.to_lowercase().contains("\r\nallow: post, options\r\n"), "{answer}");
    let target = "a".repeat(17 << 10);
    let answer = raw(
        world.server.url(),
        format!("GET /{target} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").as_bytes(),
    );
    assert!(answer.starts_with("HTTP/1.1 414"), "{}", &answer[..answer.len().min(200)]);
    let flood: String = (0..2000).map(|at| format!("x-{at}: y\r\n")).collect();
    for (request, status) in [
        (format!("GET / HTTP/1.1\r\nhost: localhost\r\n{flood}\r\n"), "431"),
        (format!("GET / HTTP/1.1\r\nhost: localhost\r\nx-a: {}\r\n\r\n", "y".repeat(200_000)), "431"),
        (
            "POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n{}"
                .to_owned(),
            "400",
        ),
        ("POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: -1\r\n\r\n{}".to_owned(), "400"),
        ("\u{16}\u{3}\u{1} nonsense\r\n\r\n".to_owned(), "400"),
    ] {
        let answer = raw(world.server.url(), request.as_bytes());
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        let body: Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["status"].to_string(), status);
    }
    let answer =
        raw(world.server.url(), b"GET /nowhere HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 404") && answer.contains("application/json"), "{answer}");
    world.still_accepts();
}

#[test]
fn synchronous_validation_reports_and_drops() {
    let world = world();
    let key = format!("_{}", world.setup.tenant);
    let entity = json!({ "_id": 7, "workEmail": "x", &key: { "level": "middling" } });
    let message = world.setup.message(&world.client, &world.xdm, entity).to_string();
    let (status, body) = collect(&format!("{}?syncValidation=True", world.xdm.url), &[], message.as_bytes());
    assert_eq!(status, 400, "{body}");
    let violations = &body["report"]["cause"]["_streamingValidation"][0];
    assert_eq!(violations["message"], "3 schema violations found");
    let texts: Vec<_> =
        violations["causingExceptions"].as_array().unwrap().iter().map(|v| v["message"].clone()).collect();
    assert!(texts.contains(&json!("extraneous key [workEmail] is not permitted")), "{texts:?}");
    assert!(texts.contains(&json!("expected type: String, found: Long")), "{texts:?}");
    let good = format!("{}?synchronousValidation=true", world.xdm.url);
    let (status, body) = collect(&good, &[], world.good().to_string().as_bytes());
    assert_eq!((status, &body["syncValidation"]), (200, &json!({ "status": "pass" })));
}

#[test]
fn a_batch_answers_each_message() {
    let world = world();
    let mut wrong = world.good();
    wrong["header"]["imsOrgId"] = json!("F@AdobeOrg");
    let body = json!({ "messages": [world.good(), wrong, world.good()] }).to_string();
    let (status, answer) = collect(&world.xdm.batch_url(), &[], body.as_bytes());
    assert_eq!(status, 207, "{answer}");
    let responses = answer["responses"].as_array().unwrap();
    assert_eq!(responses.len(), 3);
    let batch = answer["batchId"].as_str().unwrap();
    for (at, response) in responses.iter().enumerate() {
        assert_eq!(response["xactionId"], format!("{batch}-{at}"));
        assert_eq!(response.get("status").is_some(), at == 1, "{response}");
    }
    assert_eq!((&responses[1]["status"], &responses[1]["statusCode"]), (&json!(400), &json!(400)));
}

#[test]
fn the_gateway_answers_in_its_documented_order() {
    let world = world();
    let path = "/data/foundation/flowservice/flows";
    let bearer = format!("Bearer {}", world.client.token);
    let call = |headers: &[(&str, &str)]| -> (u16, Value) {
        let head: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let answer = raw(
            &world.client.url,
            format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{head}\r\n").as_bytes(),
        );
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        (status, serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap())
    };
    let (key, org) = (world.client.api_key.as_str(), world.client.org.as_str());
    type Case<'a> = (&'a [(&'a str, &'a str)], u16, &'a str, &'a str);
    let cases: [Case<'_>; 6] = [
        (&[], 403, "403010", "Oauth token is missing."),
        (&[("authorization", &bearer)], 403, "403000", "Api Key is required"),
        (&[("authorization", &bearer), ("x-api-key", "nobody")], 403, "403003", "Api Key is invalid"),
        (&[("authorization", "Bearer x"), ("x-api-key", key)], 401, "401013", "Oauth token is not valid"),
        (&[("authorization", &bearer), ("x-api-key", key)], 400, "400003", "Missing header"),
        (
            &[("authorization", &bearer), ("x-api-key", key), ("x-gw-ims-org-id", "F@AdobeOrg")],
            403,
            "403027",
            "User region is missing",
        ),
    ];
    for (headers, status, code, message) in cases {
        let expected = json!({ "error_code": code, "message": message });
        assert_eq!(call(headers), (status, expected), "{headers:?}");
    }
    let (status, body) = call(&[
        ("authorization", &bearer),
        ("x-api-key", key),
        ("x-gw-ims-org-id", org),
        ("x-sandbox-name", "nowhere"),
    ]);
    assert_eq!((status, body["type"].as_str()), (404, Some("https://ns.adobe.com/aep/errors/FLOW-2100-404")));
}
