//! The audit log: each write leaves one entry, a refused one none, and nobody changes what is there.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::{Client, FLOWS, REGISTRY, STREAMING, Server, binary, checked, exchange, token};

/// What `tributary …` prints, on the server's folder.
fn tributary(home: &Path, arguments: &[&str]) -> String {
    let output =
        Command::new(binary()).args(arguments).arg("--data").arg(home.join("data")).output().unwrap();
    checked(output)
}

/// All entries, the oldest first.
fn export(home: &Path, filter: &[&str]) -> Vec<Value> {
    let text = tributary(home, &[&["audit", "export"], filter].concat());
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Calls the admin API as it is.
fn admin(home: &Path, token: Option<&str>, method: &str, path: &str) -> (u16, String) {
    let run: Value = serde_json::from_slice(&std::fs::read(home.join("data/run.json")).unwrap()).unwrap();
    let token = token.unwrap_or_else(|| run["admin_token"].as_str().unwrap());
    let headers = BTreeMap::from([("authorization".to_owned(), format!("Bearer {token}"))]);
    let url = format!("{}{path}", run["admin_url"].as_str().unwrap());
    let (status, _, text) = exchange(&url, method, &headers, String::new());
    (status, text)
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or("-")
}

/// A write, with a request id of its own; the entries that it left.
struct Recorder<'a> {
    home: &'a Path,
    client: Client,
    seen: usize,
}

impl Recorder<'_> {
    #[track_caller]
    fn check(
        &mut self,
        (method, path): (&str, &str),
        headers: &[(&str, &str)],
        body: Option<&Value>,
        expected: &[(&str, &str)],
    ) -> Value {
        let request_id = format!("request-{}", self.seen);
        let headers = [headers, &[("x-request-id", request_id.as_str())]].concat();
        let (status, answer) = self.client.call(method, path, &headers, body);
        assert_eq!(status < 400, !expected.is_empty(), "{method} {path}: {status} {answer}");
        let entries = export(self.home, &[]);
        let new: Vec<_> =
            entries[self.seen..].iter().map(|one| (text(one, "action"), text(one, "kind"))).collect();
        assert_eq!(new, expected, "{method} {path}: {answer}");
        for entry in &entries[self.seen..] {
            assert_eq!(text(entry, "requestId"), request_id, "{entry}");
            assert_eq!(text(entry, "method"), method, "{entry}");
            assert_eq!(text(entry, "client"), self.client.api_key, "{entry}");
            assert_eq!(text(entry, "org"), self.client.org, "{entry}");
        }
        self.seen = entries.len();
        entries.last().cloned().map_or(answer.clone(), |entry| json!({ "answer": answer, "entry": entry }))
    }
}

#[test]
fn each_write_leaves_one_entry_and_a_refused_one_none() {
    let (server, home) = Server::start();
    let home = home.path();
    let client = server.client();
    let seen = export(home, &[]).len();
    let mut log = Recorder { home, client, seen };

    // Registry, Catalog, Data Prep.
    let class = "https://ns.adobe.com/xdm/context/profile";
    let schema = json!({ "title": "Audited", "type": "object", "allOf": [{ "$ref": class }] });
    let schemas = format!("{REGISTRY}/schemas");
    log.check(("POST", &schemas), &[], Some(&json!({ "title": 1 })), &[]);
    let made = log.check(("POST", &schemas), &[], Some(&schema), &[("create", "schemas")]);
    let schema_id = made["answer"]["$id"].as_str().unwrap().to_owned();
    assert_eq!(made["entry"]["id"], json!(schema_id));
    let at = format!("{schemas}/{}", schema_id.replace(':', "%3A").replace('/', "%2F"));
    let patch = json!([{ "op": "replace", "path": "/title", "value": "Audited twice" }]);
    let patched = log.check(("PATCH", &at), &[], Some(&patch), &[("patch", "schemas")]);
    assert_eq!((text(&patched["entry"], "etagBefore"), text(&patched["entry"], "etagAfter")), ("1.0", "1.1"));
    log.check(("PUT", &at), &[], Some(&schema), &[("replace", "schemas")]);
    let content_type = "application/vnd.adobe.xed-full+json;version=1";
    let schema_ref = json!({ "id": schema_id, "contentType": content_type });
    let sets = "/data/foundation/catalog/dataSets";
    let body = json!({ "name": "Audited", "schemaRef": schema_ref });
    let validate = [("pragma", "validate-only")];
    let (status, _) = log.client.call("POST", sets, &validate, Some(&body));
    assert_eq!(status, 201);
    assert_eq!(export(home, &[]).len(), log.seen, "a check is no write");
    let made = log.check(("POST", sets), &[], Some(&body), &[("create", "dataSets")]);
    let dataset = made["answer"][0].as_str().unwrap().trim_start_matches("@/dataSets/").to_owned();
    log.check(
        ("PATCH", &format!("{sets}/{dataset}")),
        &[],
        Some(&json!({ "description": "x" })),
        &[("patch", "dataSets")],
    );
    let mappings = "/data/foundation/conversion/mappingSets";
    let set = json!({
        "outputSchema": { "schemaRef": schema_ref },
        "mappings": [{ "sourceType": "ATTRIBUTE", "source": "id", "destination": "_id" }]
    });
    let made = log.check(("POST", mappings), &[], Some(&set), &[("create", "mappingSets")]);
    let mapping = format!("{mappings}/{}", made["answer"]["id"].as_str().unwrap());
    log.check(("DELETE", &mapping), &[], None, &[("delete", "mappingSets")]);
    log.check(("DELETE", &mapping), &[], None, &[]);

    // Flow Service.
    let connections = format!("{FLOWS}/connections");
    let body = json!({
        "name": "audited", "connectionSpec": { "id": STREAMING, "version": "1.0" },
        "auth": { "specName": "Streaming Connection", "params": { "dataType": "raw" } }
    });
    let made = log.check(("POST", &connections), &[], Some(&body), &[("create", "connections")]);
    let (id, etag) = (text(&made["answer"], "id").to_owned(), text(&made["answer"], "etag").to_owned());
    assert_eq!(text(&made["entry"], "etagAfter"), etag);
    let connection = format!("{connections}/{id}");
    let patch = json!([{ "op": "replace", "path": "/name", "value": "audited twice" }]);
    log.check(("PATCH", &connection), &[], Some(&patch), &[]);
    let stale = [("if-match", "\"00000009-0000-0200-0000-000000000000\"")];
    log.check(("PATCH", &connection), &stale, Some(&patch), &[]);
    let changed =
        log.check(("PATCH", &connection), &[("if-match", &etag)], Some(&patch), &[("patch", "connections")]);
    assert_eq!(text(&changed["entry"], "etagBefore"), etag);
    assert_eq!(text(&changed["entry"], "etagAfter"), text(&changed["answer"], "etag"));
    log.check(("DELETE", &connection), &[], None, &[("delete", "connections")]);

    // Identity and sandboxes.
    let namespace = json!({ "name": "Audited", "code": "audited", "idType": "CROSS_DEVICE" });
    let namespaces = "/data/core/idnamespace/identities";
    log.check(("POST", namespaces), &[], Some(&namespace), &[("create", "namespaces")]);
    log.check(("POST", namespaces), &[], Some(&namespace), &[]);
    let sandboxes = "/data/foundation/sandbox-management/sandboxes";
    let dev = json!({ "name": "dev", "title": "Dev", "type": "development" });
    log.check(("POST", sandboxes), &[], Some(&dev), &[("create", "sandboxes")]);
    log.check(("POST", sandboxes), &[], Some(&dev), &[]);
    let at = format!("{sandboxes}/dev");
    log.check(("PATCH", &at), &[], Some(&json!({ "title": "Development" })), &[("patch", "sandboxes")]);
    log.check(("PUT", &at), &[], Some(&json!({ "action": "reset" })), &[("reset", "sandboxes")]);
    let (status, _) = log.client.call("DELETE", &format!("{at}?validationOnly=true"), &[], None);
    assert_eq!(status, 202);
    log.check(("DELETE", &at), &[], None, &[("delete", "sandboxes")]);
    log.check(("DELETE", &format!("{sandboxes}/prod")), &[], None, &[]);

    // What a reset or a delete takes away leaves its entries.
    let of_flow = export(home, &["--id", &id]);
    let actions: Vec<_> = of_flow.iter().map(|one| text(one, "action")).collect();
    assert_eq!(actions, ["create", "patch", "delete"]);
}

#[test]
fn credentials_and_tokens_leave_entries() {
    let (server, home) = Server::start();
    let home = home.path();
    let org = server.fact("TRIBUTARY_ORG");
    let made =
        tributary(home, &["credentials", "create", "--org", org, "--role", "viewer", "--output", "json"]);
    let made: Value = serde_json::from_str(&made).unwrap();
    let (id, secret) = (text(&made, "api_key"), text(&made, "client_secret"));
    assert_eq!(token(server.url(), id, secret).0, 200);
    assert_eq!(token(server.url(), id, "wrong").0, 400);
    for command in ["rotate", "retire", "revoke"] {
        tributary(home, &["credentials", command, "--client-id", id]);
    }
    let output = Command::new(binary())
        .args(["credentials", "revoke", "--client-id", id, "--data"])
        .arg(home.join("data"))
        .output();
    assert!(!output.unwrap().status.success(), "it is revoked already");
    let entries = export(home, &["--kind", "credentials", "--id", id]);
    let actions: Vec<_> = entries.iter().map(|one| text(one, "action")).collect();
    assert_eq!(actions, ["create", "token", "rotate", "retire", "revoke"]);
    assert_eq!((text(&entries[0], "client"), text(&entries[0], "user")), ("admin-api", "operator"));
    assert_eq!(text(&entries[1], "client"), id);
    assert!(!format!("{entries:?}").contains(secret));
    server.terminate();
    // Without a server the log is read, and written, all the same.
    tributary(home, &["credentials", "create", "--org", "AAAAAAAAAAAAAAAAAAAAAAAA@AdobeOrg"]);
    let entries = export(home, &["--org", "AAAAAAAAAAAAAAAAAAAAAAAA@AdobeOrg"]);
    let kinds: Vec<_> = entries.iter().map(|one| (text(one, "kind"), text(one, "client"))).collect();
    assert_eq!(kinds, [("orgs", "command-line"), ("credentials", "command-line")]);
}

#[test]
fn admins_read_the_log_and_nobody_changes_it() {
    let (server, home) = Server::start();
    let home = home.path();
    let org = server.fact("TRIBUTARY_ORG");
    for name in ["one", "two"] {
        server.client().post(
            "/data/foundation/sandbox-management/sandboxes",
            &json!({ "name": name, "title": name, "type": "development" }),
        );
    }
    let all = export(home, &[]);
    let path = "/admin/v1/audit";
    // Pages, newest first.
    let (mut found, mut start) = (Vec::new(), String::new());
    loop {
        let (status, page) = admin(home, None, "GET", &format!("{path}?limit=2&start={start}"));
        assert_eq!(status, 200, "{page}");
        let page: Value = serde_json::from_str(&page).unwrap();
        let entries = page["entries"].as_array().unwrap();
        assert!(entries.len() <= 2);
        found.extend(entries.iter().cloned());
        match page["next"].as_str() {
            Some(next) => next.clone_into(&mut start),
            None => break,
        }
    }
    found.reverse();
    assert_eq!(found, all);
    let (status, lines) = admin(home, None, "GET", &format!("{path}/export?kind=sandboxes"));
    assert_eq!((status, lines.lines().count()), (200, 2), "{lines}");
    assert_eq!(admin(home, None, "GET", &format!("{path}?limit=none")).0, 400);
    for method in ["POST", "PUT", "PATCH", "DELETE"] {
        for path in [path.to_owned(), format!("{path}/export"), format!("{path}/1")] {
            let (status, _) = admin(home, None, method, &path);
            assert!([404, 405].contains(&status), "{method} {path}: {status}");
        }
    }
    // Roles: the org's admin reads what concerns the org.
    let other = "AAAAAAAAAAAAAAAAAAAAAAAA@AdobeOrg";
    for (org, role, expected) in [
        (org, "admin", 200),
        (other, "admin", 200),
        (org, "editor", 403),
        (org, "viewer", 403),
        (org, "ingest", 403),
        (org, "lake-read", 403),
    ] {
        let made =
            tributary(home, &["credentials", "create", "--org", org, "--role", role, "--output", "json"]);
        let made: Value = serde_json::from_str(&made).unwrap();
        let client = Client::connect(server.url(), org, text(&made, "api_key"), text(&made, "client_secret"));
        let (status, body) = admin(home, Some(&client.token), "GET", &format!("{path}/export"));
        assert_eq!(status, expected, "{role}: {body}");
        if status == 200 {
            let entries: Vec<Value> = body.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            assert!(!entries.is_empty() && entries.iter().all(|one| text(one, "org") == org), "{body}");
        }
    }
    assert_eq!(admin(home, Some("nonsense"), "GET", path).0, 401);
    assert_eq!(export(home, &[])[..all.len()], all, "nothing that was there has changed");
}
