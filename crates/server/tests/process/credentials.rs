//! Credentials: roles, rotation, revocation, and tokens that clients sign themselves.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::support::{Client, FLOWS, Server, Setup, binary, checked, collect, exchange, token};

const ROLES: [&str; 5] = ["admin", "editor", "ingest", "lake-read", "viewer"];

/// `tributary credentials …` on the server's folder; what it prints as JSON.
fn credentials(home: &Path, arguments: &[&str]) -> Value {
    let output = Command::new(binary())
        .arg("credentials")
        .args(arguments)
        .args(["--output", "json", "--data"])
        .arg(home.join("data"))
        .output()
        .unwrap();
    serde_json::from_str(&checked(output)).unwrap()
}

fn client(server: &Server, made: &Value) -> Client {
    let text = |name: &str| made[name].as_str().unwrap();
    Client::connect(server.url(), text("org"), text("api_key"), text("client_secret"))
}

/// What a role may do, told apart by route and method.
fn may(role: &str, method: &str, path: &str) -> bool {
    let asks = ["/search", "/validate", "/preview", "/samples/parse"].iter().any(|end| path.ends_with(end));
    match role {
        "admin" => true,
        "editor" => method == "GET" || !path.contains("/sandbox-management"),
        "viewer" => method == "GET" || asks,
        _ => false,
    }
}

#[test]
fn each_role_may_do_what_it_is_for() {
    let (server, home) = Server::start();
    let org = server.fact("TRIBUTARY_ORG");
    let (_, _, text) =
        exchange(&format!("{}/openapi.json", server.url()), "GET", &BTreeMap::new(), String::new());
    let document: Value = serde_json::from_str(&text).unwrap();
    let mut asked = 0;
    for role in ROLES {
        let made = credentials(home.path(), &["create", "--org", org, "--role", role]);
        let client = client(&server, &made);
        for (path, item) in document["paths"].as_object().unwrap() {
            if !path.starts_with("/data/") {
                continue;
            }
            let path = path.replace(['{', '}'], "");
            for method in item.as_object().unwrap().keys().map(|method| method.to_uppercase()) {
                let (status, body) = client.call(&method, &path, &[], None);
                let refused = status == 403 && body.to_string().contains("gives no right");
                assert_eq!(!refused, may(role, &method, &path), "{role} {method} {path}: {status} {body}");
                asked += 1;
            }
        }
        let (status, _) = client.call("GET", "/iceberg/v1/config", &[], None);
        let reads = ["admin", "editor", "lake-read", "viewer"].contains(&role);
        assert_eq!(status, if reads { 200 } else { 403 }, "{role}");
    }
    eprintln!("{asked} calls by 5 roles");
}

#[test]
fn a_revoked_credential_stops_working_at_once() {
    let (server, home) = Server::start();
    let admin = server.client();
    let setup = Setup::profile(&admin, server.tenant(), "Revoked");
    let mapping = setup.mapping(&admin, &[("ATTRIBUTE", "id", "_id")]);
    let inlet = setup.inlet(&admin, "raw", true, Some(&mapping));
    let org = server.fact("TRIBUTARY_ORG");
    let post = |client: &Client| {
        let bearer = format!("Bearer {}", client.token);
        let headers = [("authorization", bearer.as_str()), ("x-adobe-flow-id", &inlet.flow)];
        collect(&inlet.url, &headers, br#"{"id": "a"}"#).0
    };
    for (role, expected) in [("viewer", 403), ("lake-read", 403), ("editor", 200), ("ingest", 200)] {
        let made = credentials(home.path(), &["create", "--org", org, "--role", role]);
        let sender = client(&server, &made);
        assert_eq!(post(&sender), expected, "{role}");
        let id = made["api_key"].as_str().unwrap();
        credentials(home.path(), &["revoke", "--client-id", id]);
        assert_eq!(post(&sender), 401, "{role}: revoked");
        assert_eq!(sender.call("GET", &format!("{FLOWS}/flows"), &[], None).0, 403, "its key is unknown");
        let (status, body) = token(server.url(), id, made["client_secret"].as_str().unwrap());
        assert_eq!((status, &body["error"]), (400, &json!("invalid_client")));
    }
}

#[test]
fn secrets_are_rotated_without_a_gap() {
    let (server, home) = Server::start();
    let org = server.fact("TRIBUTARY_ORG");
    let made = credentials(home.path(), &["create", "--org", org]);
    let id = made["api_key"].as_str().unwrap();
    let rotated = credentials(home.path(), &["rotate", "--client-id", id]);
    let [old, new] = [&made, &rotated].map(|one| one["client_secret"].as_str().unwrap());
    assert_eq!([old, new].map(|secret| token(server.url(), id, secret).0), [200, 200]);
    assert_eq!(credentials(home.path(), &["retire", "--client-id", id])["retired"], 1);
    assert_eq!([old, new].map(|secret| token(server.url(), id, secret).0), [400, 200]);
    let listed = credentials(home.path(), &["list"]);
    let listed = listed["credentials"].as_array().unwrap();
    assert!(listed.iter().any(|one| one["api_key"] == id && one["secrets"] == 1), "{listed:?}");
    assert!(!listed.iter().any(|one| one.to_string().contains("client_secret")), "{listed:?}");
}

/// A token in the form that the vendor documents, signed with a key of openssl's.
fn signed(home: &Path, claims: &Value, key: &Path) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", part(&json!({ "alg": "RS256", "typ": "JWT" })), part(claims));
    let input = home.join("claims");
    fs::write(&input, &text).unwrap();
    let output = Command::new("openssl").args(["dgst", "-sha256", "-sign"]).arg(key).arg(&input).output();
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(output.unwrap().stdout))
}

#[test]
fn a_client_signs_its_own_token() {
    let (server, home) = Server::start();
    let home = home.path();
    let key = |name: &str| {
        let (private, public) = (home.join(name), home.join(format!("{name}.pub")));
        let made = Command::new("openssl").args(["genrsa", "-out"]).arg(&private).arg("2048").output();
        made.ok().filter(|made| made.status.success())?;
        let public_key = Command::new("openssl")
            .args(["rsa", "-pubout", "-in"])
            .arg(&private)
            .arg("-out")
            .arg(&public)
            .output();
        public_key.ok().filter(|made| made.status.success())?;
        Some((private, public))
    };
    let (Some((ours, public)), Some((theirs, _))) = (key("ours"), key("theirs")) else {
        return eprintln!("skipped: openssl is not installed");
    };
    let org = server.fact("TRIBUTARY_ORG");
    let made = credentials(home, &["create", "--org", org]);
    let (id, secret) = (made["api_key"].as_str().unwrap(), made["client_secret"].as_str().unwrap());
    let claims = json!({
        "iss": org, "sub": "0@techacct.adobe.com", "aud": format!("{}/c/{id}", server.url()),
        "exp": 4_000_000_000_u64, format!("{}/s/ent_dataservices_sdk", server.url()): true
    });
    let send = |jwt: &str| {
        // The sink's form begins with a stray separator, its path ends with a slash.
        let form = format!("&client_id={id}&client_secret={secret}&jwt_token={jwt}");
        let headers = [("content-type", "application/x-www-form-urlencoded")]
            .map(|(k, v)| (k.to_owned(), v.to_owned()));
        let url = format!("{}/ims/exchange/jwt/", server.url());
        let (status, _, text) = exchange(&url, "POST", &headers.into(), form);
        (status, serde_json::from_str::<Value>(&text).unwrap())
    };
    assert_eq!(send(&signed(home, &claims, &theirs)).0, 200, "no key is registered");
    let public = public.to_str().unwrap();
    assert_eq!(credentials(home, &["add-key", "--client-id", id, "--file", public])["keys"], 1);
    let (status, body) = send(&signed(home, &claims, &ours));
    assert_eq!(status, 200, "{body}");
    assert!(body["expires_in"].as_u64().unwrap() > 80_000_000, "milliseconds: {body}");
    let (status, body) = send(&signed(home, &claims, &theirs));
    assert_eq!(status, 400);
    let expected = json!({
        "error": "invalid_token",
        "error_description": "Could not match JWT signature to any of the bindings"
    });
    assert_eq!(body, expected);
    let jwt = signed(home, &claims, &ours);
    let boundary = "xyz";
    let parts =
        [("client_id", id), ("client_secret", secret), ("jwt_token", jwt.as_str())].map(|(name, value)| {
            format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        });
    let headers = [("content-type", format!("multipart/form-data; boundary={boundary}"))];
    let headers = headers.map(|(name, value)| (name.to_owned(), value)).into();
    let url = format!("{}/ims/exchange/jwt", server.url());
    let (status, _, text) = exchange(&url, "POST", &headers, format!("{}--{boundary}--\r\n", parts.concat()));
    assert_eq!(status, 200, "{text}");
}
