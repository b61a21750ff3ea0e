//! Sandboxes: how they are managed, that one cannot see another, and that a reset leaves nothing.

use std::time::Duration;

use serde_json::{Value, json};
use vocab::{Clock as _, SystemClock};

use crate::support::{Client, FLOWS, Inlet, REGISTRY, Server, Setup, Start, collect, shown_at, wait_for};

const BASE: &str = "/data/foundation/sandbox-management";
const CATALOG: &str = "/data/foundation/catalog";
const MAPPINGS: &str = "/data/foundation/conversion/mappingSets";

fn create(client: &Client, name: &str) -> Client {
    let body = json!({ "name": name, "title": format!("Sandbox {name}"), "type": "development" });
    let (status, made) = client.call("POST", &format!("{BASE}/sandboxes"), &[], Some(&body));
    assert_eq!((status, &made["name"], &made["state"]), (202, &json!(name), &json!("active")), "{made}");
    client.in_sandbox(name)
}

fn reset(client: &Client, name: &str) -> (u16, Value) {
    client.call("PUT", &format!("{BASE}/sandboxes/{name}"), &[], Some(&json!({ "action": "reset" })))
}

#[test]
fn sandboxes_are_made_changed_and_deleted() {
    let (server, home) = Server::start();
    let client = server.client();
    create(&client, "dev");
    let call = |method: &str, path: &str, body: Option<Value>| {
        client.call(method, &format!("{BASE}{path}"), &[], body.as_ref())
    };
    let good = json!({ "name": "dev", "title": "T", "type": "development" });
    let (status, again) = call("POST", "/sandboxes", Some(good.clone()));
    assert_eq!((status, &again["status"]), (409, &json!(409)), "{again}");
    assert!(again["type"].as_str().unwrap().starts_with("http://ns.adobe.com/aep/errors/SMS-"), "{again}");
    for (member, value) in [
        ("name", json!("Dev Two")),
        ("name", json!(7)),
        ("name", json!("")),
        ("title", json!("")),
        ("title", json!(null)),
        ("type", json!("staging")),
        ("type", json!([])),
    ] {
        let mut body = good.clone();
        body["name"] = json!("other");
        body[member] = value;
        assert_eq!(call("POST", "/sandboxes", Some(body.clone())).0, 400, "{body}");
    }
    for body in [json!([]), json!({}), json!("dev")] {
        assert_eq!(call("POST", "/sandboxes", Some(body)).0, 400);
    }

    let (status, before) = call("GET", "/sandboxes/dev", None);
    assert_eq!(status, 200);
    assert_eq!(
        (&before["isDefault"], &before["eTag"], &before["etag"]),
        (&json!(false), &json!(1), &json!(1))
    );
    let (status, renamed) =
        call("PATCH", "/sandboxes/dev", Some(json!({ "title": "New", "type": "development" })));
    assert_eq!((status, &renamed["title"], &renamed["eTag"]), (200, &json!("New"), &json!(2)));
    for body in [
        json!({ "title": "X", "type": "production" }),
        json!({ "name": "x" }),
        json!({}),
        json!({ "title": 1 }),
    ] {
        assert_eq!(call("PATCH", "/sandboxes/dev", Some(body.clone())).0, 400, "{body}");
    }
    for (method, body) in
        [("PATCH", Some(good)), ("PUT", Some(json!({ "action": "reset" }))), ("DELETE", None)]
    {
        assert_eq!(call(method, "/sandboxes/nope", body).0, 404, "{method}");
    }

    // A dry run changes nothing.
    for (method, path) in
        [("PUT", "/sandboxes/dev?validationOnly=true"), ("DELETE", "/sandboxes/dev?validationonly=True")]
    {
        let (status, dry) = call(method, path, (method == "PUT").then(|| json!({ "action": "reset" })));
        assert_eq!((status, &dry["eTag"]), (202, &json!(2)), "{dry}");
    }
    assert_eq!(call("PUT", "/sandboxes/dev", Some(json!({ "action": "explode" }))).0, 400);
    assert_eq!(call("DELETE", "/sandboxes/prod", None).0, 400, "the default one stays");

    let (status, gone) = call("DELETE", "/sandboxes/dev", None);
    assert_eq!((status, &gone["state"]), (202, &json!("deleted")), "{gone}");
    assert_eq!(call("GET", "/sandboxes/dev", None).1["state"], "deleted", "it is still told of");
    assert_eq!(call("GET", "", None).1["sandboxes"].as_array().unwrap().len(), 1);
    assert_eq!(call("GET", "/sandboxes", None).1["sandboxes"].as_array().unwrap().len(), 2);
    let dev = client.in_sandbox("dev");
    assert_eq!(dev.call("GET", &format!("{FLOWS}/flows"), &[], None).0, 404);
    assert_eq!(reset(&client, "dev").0, 400);
    let types = call("GET", "/sandboxTypes", None).1;
    assert_eq!(types["sandboxTypes"][0]["id"], "development");

    // A credential of one sandbox manages no other.
    create(&client, "own");
    let arguments =
        ["credentials", "create", "--sandbox", "own", "--output", "json", "--org", &client.org, "--data"];
    let output = std::process::Command::new(crate::support::binary())
        .args(arguments)
        .arg(home.path().join("data"))
        .output()
        .unwrap();
    let made: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |key: &str| made[key].as_str().unwrap().to_owned();
    let limited = Client::connect(server.url(), &client.org, &text("api_key"), &text("client_secret"));
    assert_eq!(limited.get(BASE)["sandboxes"][0]["name"], "own");
    assert_eq!(reset(&limited, "prod").0, 403);
    assert_eq!(limited.call("DELETE", &format!("{BASE}/sandboxes/prod"), &[], None).0, 403);
    let new = json!({ "name": "third", "title": "T", "type": "development" });
    assert_eq!(limited.call("POST", &format!("{BASE}/sandboxes"), &[], Some(&new)).0, 403);
    assert_eq!(reset(&limited, "own").0, 202);
}

/// Objects of every kind, and some records that have landed.
fn fill(server: &Server, client: &Client, name: &str) -> (Setup, Inlet) {
    let setup = Setup::profile(client, server.tenant(), name);
    client.post(
        &format!("{REGISTRY}/descriptors"),
        &json!({ "@type": "xdm:descriptorIdentity", "xdm:sourceSchema": setup.schema, "xdm:sourceVersion": 1,
            "xdm:sourceProperty": format!("/_{}/level", server.tenant()), "xdm:namespace": "CRMID",
            "xdm:property": "xdm:code", "xdm:isPrimary": false }),
    );
    let mapping = setup.mapping(client, &[("ATTRIBUTE", "id", "_id")]);
    let inlet = setup.inlet(client, "raw", false, Some(&mapping));
    for at in 0..5 {
        assert_eq!(post(&inlet, at).0, 200);
    }
    server.settle();
    (setup, inlet)
}

fn post(inlet: &Inlet, at: usize) -> (u16, Value) {
    collect(&inlet.url, &[], json!({ "id": format!("r-{at}") }).to_string().as_bytes())
}

/// What each list of the API shows, by its path: the number of objects.
fn lists(client: &Client) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    let registry = ["schemas", "classes", "fieldgroups", "datatypes", "descriptors"];
    let registry = registry.map(|kind| format!("{REGISTRY}/{kind}"));
    let flows = ["connections", "sourceConnections", "targetConnections", "flows"];
    let flows = flows.map(|kind| format!("{FLOWS}/{kind}?limit=100"));
    let others = [
        format!("{CATALOG}/dataSets?limit=100"),
        format!("{CATALOG}/batches?limit=100"),
        format!("{CATALOG}/lastBatches?limit=100"),
        format!("{MAPPINGS}?limit=100"),
    ];
    for path in registry.into_iter().chain(flows).chain(others) {
        let extra: &[_] = if path.ends_with("descriptors") {
            &[("accept", "application/vnd.adobe.xdm-v2+json")]
        } else {
            &[]
        };
        let (status, body) = client.call("GET", &path, extra, None);
        assert_eq!(status, 200, "{path}: {body}");
        let many =
            ["results", "items", "data"].iter().find_map(|member| body[*member].as_array().map(Vec::len));
        found.push((path, many.unwrap_or_else(|| body.as_object().unwrap().len())));
    }
    found
}

/// `scoped`: no operation of one sandbox finds an object of another, by whatever id.
#[test]
fn one_sandbox_cannot_see_or_touch_another() {
    let (server, _home) = Server::start();
    let prod = server.client();
    let dev = create(&prod, "dev");
    fill(&server, &prod, "Ours");
    let empty = lists(&dev);
    assert!(empty.iter().all(|(_, count)| *count == 0), "{empty:?}");
    let (theirs, _) = fill(&server, &dev, "Theirs");
    let before = (lists(&prod), lists(&dev));

    let made = dev.made.lock().unwrap().clone();
    assert!(made.len() >= 8, "{}", made.len());
    for (path, answer) in &made {
        let shown = shown_at(path, answer);
        let accept = [("accept", "application/vnd.adobe.xed+json;version=1")];
        let (status, own) = dev.call("GET", &shown, &accept, None);
        assert_eq!(status, 200, "GET {shown}: {own}");
        let patch = json!([{ "op": "replace", "path": "/name", "value": "stolen" }]);
        let any = [("if-match", "*"), accept[0]];
        for (method, body) in [("GET", None), ("PATCH", Some(&patch)), ("PUT", Some(&own)), ("DELETE", None)]
        {
            let (status, answer) = prod.call(method, &shown, &any, body);
            // A method that a collection does not have is refused before anything is looked for. Deleting a dataset that
            // is not there is no error of Catalog's: it deletes nothing.
            let nothing = method == "DELETE" && status == 200 && answer == json!([]);
            assert!(matches!(status, 404 | 405) || nothing, "{method} {shown}: {status} {answer}");
            if status == 405 {
                let (own, _) = dev.call(method, &shown, &any, body);
                assert_eq!(own, 405, "{method} {shown}");
            }
            assert!(!answer.to_string().contains("Theirs"), "{method} {shown}: {answer}");
        }
        if shown.contains("/flows/") || shown.contains("onnections/") {
            let action = format!("{shown}/action?op=publish");
            assert_eq!(prod.call("POST", &action, &any, None).0, 404, "{action}");
        }
    }
    // Nor can new objects be built on another sandbox's.
    let id = |kind: &str| {
        let found = made.iter().find(|(path, _)| path.ends_with(kind)).unwrap();
        found.1["id"].as_str().or(found.1["$id"].as_str()).unwrap().to_owned()
    };
    let spec = |id: &str| json!({ "id": id, "version": "1.0" });
    let streaming = spec(crate::support::STREAMING);
    let lake = spec(crate::support::DATA_LAKE);
    for (path, body) in [
        (format!("{CATALOG}/dataSets"), json!({ "name": "x", "schemaRef": { "id": theirs.schema } })),
        (
            MAPPINGS.to_owned(),
            json!({ "outputSchema": { "schemaRef": { "id": theirs.schema } }, "mappings": [] }),
        ),
        (
            format!("{FLOWS}/sourceConnections"),
            json!({ "name": "x", "baseConnectionId": id("/connections"), "connectionSpec": streaming }),
        ),
        (
            format!("{FLOWS}/targetConnections"),
            json!({ "name": "x", "connectionSpec": lake, "data": {}, "params": { "dataSetId": theirs.dataset } }),
        ),
        (
            format!("{FLOWS}/flows"),
            json!({ "name": "x", "flowSpec": spec(crate::support::AS_IS),
                "sourceConnectionIds": [id("/sourceConnections")], "targetConnectionIds": [id("/targetConnections")] }),
        ),
        (
            format!("{REGISTRY}/schemas"),
            json!({ "type": "object", "title": "x", "allOf": [
                { "$ref": "https://ns.adobe.com/xdm/context/profile" }, { "$ref": id("/fieldgroups") }] }),
        ),
        (
            format!("{REGISTRY}/descriptors"),
            json!({ "@type": "xdm:descriptorLabel", "xdm:sourceSchema": theirs.schema, "xdm:sourceVersion": 1,
                "xdm:sourceProperty": "/_id", "xdm:labels": ["C1"] }),
        ),
    ] {
        let (status, answer) = prod.call("POST", &path, &[], Some(&body));
        assert!((400..500).contains(&status), "POST {path}: {status} {answer}");
    }
    // Batches and tables.
    let batches = dev.get(&format!("{CATALOG}/batches"));
    for batch in batches.as_object().unwrap().keys() {
        assert_eq!(prod.call("GET", &format!("{CATALOG}/batches/{batch}"), &[], None).0, 404);
    }
    let table = |sandbox: &str, name: &str| {
        let path = format!("/iceberg/v1/{}.{sandbox}/namespaces/data/tables/{name}", server.tenant());
        prod.call("GET", &path, &[], None).0
    };
    assert_eq!((table("dev", &theirs.table), table("prod", &theirs.table)), (200, 404));
    assert_eq!((lists(&prod), lists(&dev)), before, "nothing was changed by any of this");
}

#[test]
fn a_reset_leaves_nothing_and_takes_no_time() {
    let (server, home) = Server::start();
    let prod = server.client();
    let dev = create(&prod, "dev");
    let (_, ours) = fill(&server, &prod, "Ours");
    let (theirs, inlet) = fill(&server, &dev, "Theirs");
    let before = lists(&prod);

    let clock = SystemClock::new();
    let started = clock.elapsed();
    let (status, answer) = reset(&prod, "dev");
    let took = clock.elapsed() - started;
    assert_eq!((status, &answer["state"]), (202, &json!("active")), "{answer}");
    assert!(took < Duration::from_secs(1), "{took:?}");
    assert_eq!(post(&inlet, 9).0, 404, "unknown at once");
    let left = lists(&dev);
    assert!(left.iter().all(|(_, count)| *count == 0), "{left:?}");
    assert_eq!(lists(&prod), before);
    assert_eq!(post(&ours, 9).0, 200);
    let folder = home.path().join("data/warehouse").join(server.tenant());
    assert!(!folder.join("dev").exists());
    assert!(folder.join("prod").exists());
    let path = format!("/iceberg/v1/{}.dev/namespaces/data/tables", server.tenant());
    assert_eq!(prod.get(&path)["identifiers"], json!([]));

    // The sandbox can be used again, under the same names.
    let (again, inlet) = fill(&server, &dev, "Theirs");
    assert_eq!(again.table, theirs.table);
    let batches = dev.get(&format!("{CATALOG}/batches"));
    let written: u64 = batches
        .as_object()
        .unwrap()
        .values()
        .map(|batch| batch["metrics"]["outputRecordCount"].as_u64().unwrap_or(0))
        .sum();
    assert_eq!(written, 5, "{batches}");
    assert_eq!(post(&inlet, 9).0, 200);
    server.settle();
}

/// Records of a wiped sandbox that wait in the log are discarded: they hold up nobody, across a restart too.
#[test]
fn records_of_a_wiped_sandbox_do_not_stall_the_log() {
    let home = tempfile::tempdir().unwrap();
    let paused =
        Start { environment: vec![("TRIBUTARY__LAKE__PAUSED", "true".to_owned())], ..Start::on(home.path()) };
    let server = paused.ready();
    let prod = server.client();
    let dev = create(&prod, "dev");
    let inlet_of = |client: &Client, name: &str| {
        let setup = Setup::profile(client, server.tenant(), name);
        let mapping = setup.mapping(client, &[("ATTRIBUTE", "id", "_id")]);
        (setup.inlet(client, "raw", false, Some(&mapping)), setup)
    };
    let (theirs, _) = inlet_of(&dev, "Theirs");
    let (ours, setup) = inlet_of(&prod, "Ours");
    for at in 0..20 {
        assert_eq!((post(&theirs, at).0, post(&ours, at).0), (200, 200));
    }
    assert_eq!(reset(&prod, "dev").0, 202);
    assert_eq!(server.terminate(), Some(0));

    let server = Start::on(home.path()).ready();
    server.settle();
    let prod = server.client();
    let batches = prod.get(&format!("{CATALOG}/batches?dataSet={}", setup.dataset));
    let written: u64 = batches
        .as_object()
        .unwrap()
        .values()
        .map(|batch| batch["metrics"]["outputRecordCount"].as_u64().unwrap_or(0))
        .sum();
    assert_eq!(written, 20);
    let dev = prod.in_sandbox("dev");
    assert!(dev.get(&format!("{CATALOG}/batches")).as_object().unwrap().is_empty());
    let theirs = Inlet { url: format!("{}/collection/{}", server.url(), theirs.id), ..theirs };
    assert_eq!(post(&theirs, 0).0, 404);

    // While it lands: what came in just before the reset is gone or discarded, and what follows lands.
    for round in 0..3 {
        let setup = Setup::profile(&dev, server.tenant(), "Busy");
        let mapping = setup.mapping(&dev, &[("ATTRIBUTE", "id", "_id")]);
        let inlet = setup.inlet(&dev, "raw", false, Some(&mapping));
        for at in 0..50 {
            assert_eq!(post(&inlet, at).0, 200, "{round}");
        }
        assert_eq!(reset(&dev, "dev").0, 202);
    }
    server.settle();
    wait_for("the sandbox to be empty", || {
        dev.get(&format!("{CATALOG}/batches")).as_object().unwrap().is_empty().then_some(())
    });
}

/// When its files cannot be moved away the sandbox is empty all the same, and closed until they are: what is made in it
/// could go with them.
#[test]
fn a_reset_that_the_disk_refuses_is_finished_later() {
    let (server, home) = Server::start();
    let prod = server.client();
    let dev = create(&prod, "dev");
    let (_, inlet) = fill(&server, &dev, "Theirs");
    let trash = home.path().join("data/warehouse/.trash");
    std::fs::write(&trash, "in the way").unwrap();
    let (status, answer) = reset(&prod, "dev");
    assert_eq!((status, &answer["state"]), (202, &json!("resetting")), "{answer}");
    assert_eq!(post(&inlet, 9).0, 404);
    assert_eq!(dev.call("GET", &format!("{FLOWS}/flows"), &[], None).0, 404);
    let folder = home.path().join("data/warehouse").join(server.tenant()).join("dev");
    assert!(folder.exists());
    // A crash in between changes nothing: the next start finishes it.
    std::fs::remove_file(&trash).unwrap();
    server.kill();
    let server = Start::on(home.path()).ready();
    assert!(!folder.exists());
    let prod = server.client();
    let dev = prod.in_sandbox("dev");
    assert_eq!(prod.get(&format!("{BASE}/sandboxes/dev"))["state"], "active");
    assert!(lists(&dev).iter().all(|(_, count)| *count == 0));
    assert_eq!(reset(&prod, "prod").0, 202, "the default sandbox can be reset too");
    fill(&server, &dev, "Theirs");
}
