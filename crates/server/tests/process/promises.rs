//! Invariants that only a whole process can show, each by its name in `docs/ARCHITECTURE.md`.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::json;

use crate::support::{
    Client, FLOWS, Server, Setup, Start, collect, hold_database, reader, release_database, rest,
};

/// `hot-path-alone`: the inlet answers while another process holds the metadata database.
#[test]
fn hot_path_alone() {
    let (server, home) = Server::start();
    let client = server.client();
    let setup = Setup::profile(&client, server.tenant(), "Hot path");
    let inlet =
        setup.inlet(&client, "raw", true, Some(&setup.mapping(&client, &[("ATTRIBUTE", "id", "_id")])));
    let mut holder = hold_database(home.path());
    let bearer = format!("Bearer {}", client.token);
    for id in 0..20 {
        let body = json!({ "id": format!("h-{id}") }).to_string();
        let (status, body) = collect(&inlet.url, &[("authorization", &bearer)], body.as_bytes());
        assert_eq!(status, 200, "{body}");
    }
    release_database(&mut holder);
    server.settle();
    let table = format!("data.{}", setup.table);
    let mut arguments = vec!["pyiceberg-rest"];
    arguments.extend(rest(&server, &table));
    if let Some(rows) = reader("read.py", &arguments) {
        assert_eq!(rows.lines().count(), 20);
    }
}

/// `scoped`, R11: what one org made does not exist for another.
#[test]
fn scoped() {
    let (server, home) = Server::start();
    let client = server.client();
    let setup = Setup::profile(&client, server.tenant(), "Scoped");
    let inlet = setup.inlet(&client, "xdm", true, None);
    let mapping = setup.mapping(&client, &[("ATTRIBUTE", "id", "_id")]);
    let org = "AAAAAAAAAAAAAAAAAAAAAAAA@AdobeOrg";
    let output = Command::new(crate::support::binary())
        .args(["credentials", "create", "--org", org, "--output", "json", "--data"])
        .arg(home.path().join("data"))
        .output()
        .unwrap();
    let made: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let other = Client::connect(
        server.url(),
        org,
        made["api_key"].as_str().unwrap(),
        made["client_secret"].as_str().unwrap(),
    );
    let schema = setup.schema.replace(':', "%3A").replace('/', "%2F");
    for path in [
        format!("{FLOWS}/connections/{}", inlet.connection),
        format!("{FLOWS}/flows/{}", inlet.flow),
        format!("/data/foundation/catalog/dataSets/{}", setup.dataset),
        format!("/data/foundation/conversion/mappingSets/{mapping}"),
        format!("/data/foundation/schemaregistry/tenant/schemas/{schema}"),
    ] {
        let accept = [("accept", "application/vnd.adobe.xed+json;version=1")];
        assert_eq!(client.call("GET", &path, &accept, None).0, 200, "{path}");
        let (status, body) = other.call("GET", &path, &accept, None);
        assert_eq!(status, 404, "{path}: {body}");
        assert!(body.is_object(), "{path}");
    }
    assert_eq!(other.get(&format!("{FLOWS}/flows"))["items"], json!([]));
    assert_eq!(other.get("/data/foundation/catalog/dataSets"), json!({}));
    // Its token is valid, and not for this inlet.
    let message = setup.message(&client, &inlet, json!({ "_id": "x" })).to_string();
    let bearer = format!("Bearer {}", other.token);
    let (status, body) = collect(&inlet.url, &[("authorization", &bearer)], message.as_bytes());
    assert_eq!(status, 403, "{body}");
    // The catalogue of the lake does not show it either.
    let url = format!("{}/iceberg/v1/{}.prod/namespaces", server.url(), setup.tenant);
    let (status, _) = other.call("GET", url.trim_start_matches(server.url()), &[], None);
    assert!(matches!(status, 403 | 404), "{status}");
}

/// R19: SIGTERM under load ends with code 0, and every record that was acknowledged is there.
#[test]
fn r19_shutdown_under_load() {
    let (server, home) = Server::start();
    let client = server.client();
    let setup = Setup::profile(&client, server.tenant(), "Shutdown");
    let inlet =
        setup.inlet(&client, "raw", false, Some(&setup.mapping(&client, &[("ATTRIBUTE", "id", "_id")])));
    let (acknowledged, stop) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let senders: Vec<_> = (0..4)
        .map(|sender| {
            let (inlet, acknowledged, stop) = (inlet.clone(), acknowledged.clone(), stop.clone());
            std::thread::spawn(move || {
                let agent: ureq::Agent =
                    ureq::Agent::config_builder().http_status_as_error(false).build().into();
                for at in 0.. {
                    let answer =
                        agent.post(&inlet.url).send_json(json!({ "id": format!("s-{sender}-{at}") }));
                    match answer.and_then(|mut answer| {
                        Ok((answer.status().as_u16(), answer.body_mut().read_to_string()?))
                    }) {
                        Ok((200, _)) => acknowledged.fetch_add(1, Ordering::SeqCst),
                        _ => return,
                    };
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                }
            })
        })
        .collect();
    crate::support::wait_for("some records", || (acknowledged.load(Ordering::SeqCst) > 200).then_some(()));
    assert_eq!(server.terminate(), Some(0));
    stop.store(true, Ordering::Relaxed);
    senders.into_iter().for_each(|sender| sender.join().unwrap());
    let again = Start::on(home.path()).ready();
    again.settle();
    let table = format!("data.{}", setup.table);
    let mut arguments = vec!["pyiceberg-rest"];
    arguments.extend(rest(&again, &table));
    arguments.push("_id");
    if let Some(rows) = reader("read.py", &arguments) {
        let ids: std::collections::HashSet<_> = rows.lines().collect();
        assert_eq!(ids.len(), rows.lines().count(), "no row twice");
        assert!(ids.len() >= acknowledged.load(Ordering::SeqCst));
    }
}

/// R13: no secret stands in a log, in the data folder's database, or in an error body.
#[test]
fn r13_secrets_are_not_written_down() {
    let (server, home) = Server::start();
    let client = server.client();
    let secret = server.fact("TRIBUTARY_CLIENT_SECRET").to_owned();
    let (_, refused) = crate::support::token(server.url(), &client.api_key, "not-the-secret");
    assert!(!refused.to_string().contains("not-the-secret"));
    let token = client.token.clone();
    assert_eq!(server.terminate(), Some(0));
    for name in ["data/metadata.db", "server.log"] {
        let bytes = std::fs::read(home.path().join(name)).unwrap();
        for needle in [&secret, &token] {
            let found = bytes.windows(needle.len()).any(|window| window == needle.as_bytes());
            assert!(!found, "a secret stands in {name}");
        }
    }
}
