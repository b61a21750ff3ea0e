//! An outside OpenID Connect issuer, played by a socket on loopback: whose tokens are good, and whose are not.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use crate::support::{Client, FLOWS, Server, Setup, Start, collect, wait_for};
use crate::tls::Secure;

const AUDIENCE: &str = "tributary";

/// Serves what it is told to, and counts.
#[derive(Clone)]
struct Issuer {
    url: String,
    pages: Arc<Mutex<HashMap<String, String>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Issuer {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let issuer = Self { url: url.clone(), pages: Arc::default(), asked: Arc::default() };
        issuer.set(
            "/.well-known/openid-configuration",
            &json!({ "issuer": url, "jwks_uri": format!("{url}/keys") }),
        );
        let serving = issuer.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let mut first = String::new();
                let _ = reader.read_line(&mut first);
                let mut line = String::new();
                while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
                    line.clear();
                }
                let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
                let page = serving.pages.lock().unwrap().get(&path).cloned();
                serving.asked.lock().unwrap().push(path);
                let (status, body) = page.map_or(("404 Not Found", String::new()), |page| ("200 OK", page));
                let length = body.len();
                let _ = write!(
                    stream,
                    "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
                );
            }
        });
        issuer
    }

    fn set(&self, path: &str, page: &Value) {
        self.pages.lock().unwrap().insert(path.to_owned(), page.to_string());
    }

    fn fetches(&self) -> usize {
        self.asked.lock().unwrap().iter().filter(|path| *path == "/keys").count()
    }
}

/// A private key of openssl's, and its public half as a JSON Web Key.
struct Key {
    pem: Vec<u8>,
    jwk: Value,
}

fn openssl(arguments: &[&str], path: &Path) -> Option<Vec<u8>> {
    let output = Command::new("openssl").args(arguments).arg(path).output().ok()?;
    assert!(output.status.success(), "{arguments:?}");
    Some(output.stdout)
}

impl Key {
    fn rsa(home: &Path, kid: &str) -> Option<Self> {
        let path = Self::make(home, kid, &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"])?;
        let text = openssl(&["rsa", "-noout", "-modulus", "-in"], &path)?;
        let hex = String::from_utf8(text).unwrap();
        let hex = hex.trim().split_once('=').unwrap().1.to_owned();
        let modulus: Vec<u8> =
            (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()).collect();
        let jwk = json!({
            "kty": "RSA", "use": "sig", "kid": kid, "n": URL_SAFE_NO_PAD.encode(modulus), "e": "AQAB"
        });
        Some(Self { pem: std::fs::read(path).unwrap(), jwk })
    }

    fn ec(home: &Path, kid: &str) -> Option<Self> {
        let path = Self::make(home, kid, &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"])?;
        let der = openssl(&["ec", "-pubout", "-outform", "DER", "-in"], &path)?;
        let point = &der[der.len() - 64..];
        let [x, y] = [&point[..32], &point[32..]].map(|half| URL_SAFE_NO_PAD.encode(half));
        let jwk = json!({ "kty": "EC", "crv": "P-256", "alg": "ES256", "kid": kid, "x": x, "y": y });
        Some(Self { pem: std::fs::read(path).unwrap(), jwk })
    }

    fn make(home: &Path, kid: &str, kind: &[&str]) -> Option<PathBuf> {
        let path = home.join(format!("{kid}.pem"));
        let made = Command::new("openssl").arg("genpkey").args(kind).arg("-out").arg(&path).output().ok()?;
        made.status.success().then_some(path)
    }

    fn encoding(&self, algorithm: Algorithm) -> EncodingKey {
        match algorithm {
            Algorithm::ES256 => EncodingKey::from_ec_pem(&self.pem).unwrap(),
            _ => EncodingKey::from_rsa_pem(&self.pem).unwrap(),
        }
    }

    fn sign(&self, kid: Option<&str>, algorithm: Algorithm, claims: &Value) -> String {
        let header = Header { kid: kid.map(str::to_owned), ..Header::new(algorithm) };
        encode(&header, claims, &self.encoding(algorithm)).unwrap()
    }
}

/// A server that takes the issuer's tokens.
fn start(home: &Path, issuer: &Issuer) -> Server {
    let mut start = Start::on(home);
    start.environment = [
        ("TRIBUTARY__OIDC__ISSUER", issuer.url.as_str()),
        ("TRIBUTARY__OIDC__AUDIENCE", AUDIENCE),
        ("TRIBUTARY__OIDC__ORG_CLAIM", "tributary.org"),
        ("TRIBUTARY__OIDC__ROLE_CLAIM", "realm_access.roles"),
        ("TRIBUTARY__OIDC__SANDBOX_CLAIM", "sandboxes"),
    ]
    .map(|(key, value)| (key, value.to_owned()))
    .to_vec();
    start.ready()
}

fn claims(issuer: &Issuer, server: &Server, role: &str) -> Value {
    json!({
        "iss": issuer.url, "aud": ["other", AUDIENCE], "sub": "user-1", "azp": "their-client",
        "exp": 4_000_000_000_u64, "iat": 1_700_000_000,
        "tributary": { "org": server.fact("TRIBUTARY_ORG") },
        "realm_access": { "roles": ["offline_access", role] }, "sandboxes": ["prod"]
    })
}

/// A client that shows a token of the issuer's.
fn with_token(server: &Server, token: &str) -> Client {
    let mut client = server.client();
    token.clone_into(&mut client.token);
    "their-client".clone_into(&mut client.api_key);
    client
}

fn status(server: &Server, token: &str) -> (u16, Value) {
    with_token(server, token).call("GET", &format!("{FLOWS}/flows"), &[], None)
}

#[test]
fn tokens_of_the_issuer_are_good_once_they_are_checked() {
    let home = tempfile::tempdir().unwrap();
    let issuer = Issuer::start();
    let home = home.path();
    let (Some(rsa), Some(ec), Some(other)) =
        (Key::rsa(home, "rsa-1"), Key::ec(home, "ec-1"), Key::rsa(home, "rsa-2"))
    else {
        return eprintln!("skipped: openssl is not installed");
    };
    // Keys of kinds that are not known, and secrets, are passed over.
    let secret =
        json!({ "kty": "oct", "kid": "shared", "alg": "HS256", "k": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0" });
    let encrypts = json!({ "kty": "RSA", "use": "enc", "kid": "enc", "n": other.jwk["n"], "e": "AQAB" });
    let odd = json!({ "kty": "new", "kid": "odd" });
    let only_rs256 = json!({ "kty": "RSA", "alg": "RS256", "kid": "rs256", "n": rsa.jwk["n"], "e": "AQAB" });
    issuer.set("/keys", &json!({ "keys": [odd, secret, encrypts, only_rs256, rsa.jwk, ec.jwk] }));
    let server = start(home, &issuer);
    let good = claims(&issuer, &server, "editor");
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        claims
    };
    let without = |name: &str| {
        let mut claims = good.clone();
        claims.as_object_mut().unwrap().remove(name);
        claims
    };
    for (key, kid, algorithm) in [
        (&rsa, "rsa-1", Algorithm::RS256),
        (&rsa, "rsa-1", Algorithm::RS512),
        (&rsa, "rsa-1", Algorithm::PS256),
        (&ec, "ec-1", Algorithm::ES256),
    ] {
        let (status, body) = status(&server, &key.sign(Some(kid), algorithm, &good));
        assert_eq!(status, 200, "{algorithm:?}: {body}");
    }
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let unsigned =
        |algorithm: &str| format!("{}.{}.", part(&json!({ "alg": algorithm, "kid": "rsa-1" })), part(&good));
    let shared = |kid: &str, secret: &[u8]| {
        let header = Header { kid: Some(kid.to_owned()), ..Header::new(Algorithm::HS256) };
        encode(&header, &good, &EncodingKey::from_secret(secret)).unwrap()
    };
    let sign = |claims: &Value| rsa.sign(Some("rsa-1"), Algorithm::RS256, claims);
    let tampered = {
        let token = sign(&good);
        let parts: Vec<_> = token.split('.').collect();
        format!("{}.{}.{}", parts[0], part(&with("sub", json!("root"))), parts[2])
    };
    let public = openssl(&["rsa", "-pubout", "-in"], &home.join("rsa-1.pem")).unwrap();
    for (what, token) in [
        ("another issuer", sign(&with("iss", json!("http://127.0.0.1:1")))),
        ("no issuer", sign(&without("iss"))),
        ("another audience", sign(&with("aud", json!(["other"])))),
        ("no audience", sign(&without("aud"))),
        ("expired", sign(&with("exp", json!(1_700_000_000)))),
        ("no expiry", sign(&without("exp"))),
        ("expiry as a text", sign(&with("exp", json!("4000000000")))),
        ("not yet", sign(&with("nbf", json!(3_999_999_999_u64)))),
        ("no subject", sign(&without("sub"))),
        ("no org", sign(&without("tributary"))),
        ("another key", other.sign(Some("rsa-1"), Algorithm::RS256, &good)),
        ("an unknown key", other.sign(Some("rsa-2"), Algorithm::RS256, &good)),
        ("a key that encrypts", other.sign(Some("enc"), Algorithm::RS256, &good)),
        ("a key for one algorithm", rsa.sign(Some("rs256"), Algorithm::PS256, &good)),
        ("a key of another kind", rsa.sign(Some("ec-1"), Algorithm::RS256, &good)),
        ("which of two keys", rsa.sign(None, Algorithm::RS256, &good)),
        ("the public key as a secret", shared("rsa-1", &public)),
        ("the modulus as a secret", shared("rsa-1", rsa.jwk["n"].as_str().unwrap().as_bytes())),
        ("a shared secret", shared("shared", b"secretsecretsecretsecret")),
        ("no signature", unsigned("none")),
        ("no signature, in capitals", unsigned("NONE")),
        ("an empty signature", unsigned("RS256")),
        ("a changed claim", tampered),
    ] {
        assert!([401, 403].contains(&status(&server, &token).0), "{what}");
        // With a key that is known, it is the token alone that is wrong.
        let mut client = server.client();
        client.token = token;
        let (status, body) = client.call("GET", &format!("{FLOWS}/flows"), &[], None);
        assert_eq!((status, &body["error_code"]), (401, &json!("401013")), "{what}: {body}");
    }
    // A client may make up as many keys as it likes: the issuer is asked now and then.
    for at in 0..50 {
        let token = other.sign(Some(&format!("made-up-{at}")), Algorithm::RS256, &good);
        assert_eq!(status(&server, &token).0, 401);
    }
    assert!(issuer.fetches() <= 3, "{}", issuer.fetches());

    // Org, key, role and sandbox hold as for our own credentials.
    let editor = with_token(&server, &sign(&good));
    let mut stranger = with_token(&server, &sign(&good));
    "AAAAAAAAAAAAAAAAAAAAAAAA@AdobeOrg".clone_into(&mut stranger.org);
    assert_eq!(stranger.call("GET", &format!("{FLOWS}/flows"), &[], None).1["error_code"], "403027");
    let mut keyless = with_token(&server, &sign(&good));
    "somebody".clone_into(&mut keyless.api_key);
    assert_eq!(keyless.call("GET", &format!("{FLOWS}/flows"), &[], None).1["error_code"], "403003");
    let namespace = |code: &str| json!({ "name": code, "code": code, "idType": "CROSS_DEVICE" });
    let namespaces = "/data/core/idnamespace/identities";
    for (role, sandboxes, expected) in [
        ("editor", json!(["prod"]), 201),
        ("editor", json!("prod"), 201),
        ("editor", json!(["dev"]), 403),
        ("editor", json!([]), 403),
        ("viewer", json!(["prod"]), 403),
        ("nobody", json!(["prod"]), 403),
    ] {
        let mut claims = claims(&issuer, &server, role);
        claims["sandboxes"] = sandboxes.clone();
        let client = with_token(&server, &sign(&claims));
        let code = format!("c{}", sandboxes.as_array().map_or(0, Vec::len));
        let (status, body) = client.call("POST", namespaces, &[], Some(&namespace(&code)));
        assert_eq!(status, expected, "{role} {sandboxes}: {body}");
        if status == 201 {
            let (_, listed) = editor.call("GET", namespaces, &[], None);
            let made = listed
                .as_array()
                .unwrap()
                .iter()
                .find(|one| one["code"] == json!(code.to_uppercase()) || one["code"] == json!(code));
            assert!(made.is_some(), "{listed}");
        }
    }
    // Inlets, and readers of tables.
    let admin = server.client();
    let setup = Setup::profile(&admin, server.tenant(), "Outside");
    let mapping = setup.mapping(&admin, &[("ATTRIBUTE", "id", "_id")]);
    let inlet = setup.inlet(&admin, "raw", true, Some(&mapping));
    for (role, expected) in [("ingest", 200), ("viewer", 403)] {
        let bearer = format!("Bearer {}", sign(&claims(&issuer, &server, role)));
        let headers = [("authorization", bearer.as_str()), ("x-adobe-flow-id", &inlet.flow)];
        let (status, body) = collect(&inlet.url, &headers, br#"{"id": "a"}"#);
        assert_eq!(status, expected, "{role}: {body}");
        let reader = with_token(&server, bearer.trim_start_matches("Bearer "));
        let (status, _) = reader.call("GET", "/iceberg/v1/config", &[], None);
        assert_eq!(status, if role == "viewer" { 200 } else { 403 }, "{role}");
    }
}

#[test]
fn the_issuers_keys_change() {
    let home = tempfile::tempdir().unwrap();
    let issuer = Issuer::start();
    let home = home.path();
    let (Some(old), Some(new)) = (Key::ec(home, "old"), Key::ec(home, "new")) else {
        return eprintln!("skipped: openssl is not installed");
    };
    // The issuer is down when the server starts: our own tokens are good all the same.
    let server = start(home, &issuer);
    let good = claims(&issuer, &server, "viewer");
    let sign = |key: &Key, kid: &str| key.sign(Some(kid), Algorithm::ES256, &good);
    assert_eq!(status(&server, &sign(&old, "old")).0, 401);
    server.client().get(&format!("{FLOWS}/flows"));
    issuer.set("/keys", &json!({ "keys": [old.jwk] }));
    wait_for("the issuer's keys", || (status(&server, &sign(&old, "old")).0 == 200).then_some(()));
    issuer.set("/keys", &json!({ "keys": [new.jwk] }));
    wait_for("the issuer's new key", || (status(&server, &sign(&new, "new")).0 == 200).then_some(()));
    assert_eq!(status(&server, &sign(&old, "old")).0, 401, "the issuer took it back");
    issuer.set("/keys", &json!("nonsense"));
    assert_eq!(status(&server, &sign(&new, "unknown")).0, 401);
    assert_eq!(status(&server, &sign(&new, "new")).0, 200, "what is known stays good");
}

/// Another of our servers plays the issuer: its keys come by https, for whoever trusts its authority.
#[test]
fn the_issuers_keys_come_from_whom_the_address_names() {
    let [home, ours, theirs] = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let issuer = Secure::start(theirs.path());
    let other = Secure::start(ours.path());
    let url = issuer.fact("TRIBUTARY_TLS_URL");
    let key = std::fs::read(theirs.path().join("data/keys/token-signing.pem")).unwrap();
    let keys = ureq::get(format!("{}/ims/keys", issuer.fact("TRIBUTARY_URL"))).call().unwrap();
    let keys: Value = keys.into_body().read_json().unwrap();
    let kid = keys["keys"][0]["kid"].as_str().unwrap();
    for (authority, expected) in
        [(issuer.fact("TRIBUTARY_TLS_CA"), 200), (other.fact("TRIBUTARY_TLS_CA"), 401)]
    {
        let home = home.path().join(expected.to_string());
        std::fs::create_dir(&home).unwrap();
        let mut start = Start::on(&home);
        start.environment = [
            ("TRIBUTARY__OIDC__ISSUER", url.to_owned()),
            ("TRIBUTARY__OIDC__AUDIENCE", AUDIENCE.to_owned()),
            ("TRIBUTARY__OIDC__JWKS_URL", format!("{url}/ims/keys")),
            ("TRIBUTARY__OIDC__CA_FILE", authority.to_owned()),
        ]
        .to_vec();
        let server = start.ready();
        let claims = json!({
            "iss": url, "aud": AUDIENCE, "sub": "user-1", "client_id": "their-client",
            "exp": 4_000_000_000_u64, "org": server.fact("TRIBUTARY_ORG")
        });
        let header = Header { kid: Some(kid.to_owned()), ..Header::new(Algorithm::EdDSA) };
        let token = encode(&header, &claims, &EncodingKey::from_ed_pem(&key).unwrap()).unwrap();
        let (status, body) = status(&server, &token);
        assert_eq!(status, expected, "{body}");
    }
}

#[test]
fn an_issuer_that_does_not_answer_harms_nobody_else() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let Some(key) = Key::ec(home, "any") else {
        return eprintln!("skipped: openssl is not installed");
    };
    // Connections are taken in by the kernel, and nobody reads them.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let issuer = Issuer { url, pages: Arc::default(), asked: Arc::default() };
    let server = start(home, &issuer);
    let token = key.sign(Some("any"), Algorithm::ES256, &claims(&issuer, &server, "viewer"));
    let client = server.client();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| status(&server, &token).0);
        for _ in 0..20 {
            client.get(&format!("{FLOWS}/flows"));
        }
        assert!(!waiting.is_finished(), "the issuer is still asked");
        assert_eq!(waiting.join().unwrap(), 401);
    });
}
