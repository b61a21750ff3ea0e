//! What mappings could not do is seen: in the row, in the flow's counts and samples, in its run, in the metrics and in what
//! `tributary dev` prints; and a record for which no item wrote a value has the fate that its flow says.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::support::{
    Client, FLOWS, Inlet, Server, Setup, Start, binary, collect, exchange, reader, rest, wait_for,
};

const ROUNDS: usize = 6;

/// A dataset, and a raw inlet whose flow maps `id` and `n`.
fn mapped(client: &Client, tenant: &str, name: &str) -> (Setup, Inlet) {
    let setup = Setup::profile(client, tenant, name);
    let number = format!("_{}.number", setup.tenant);
    let mapping = setup.mapping(client, &[("ATTRIBUTE", "id", "_id"), ("ATTRIBUTE", "n", &number)]);
    let inlet = setup.inlet(client, "raw", false, Some(&mapping));
    (setup, inlet)
}

/// Posts a record, also through a server that listens elsewhere than the one that made the inlet.
fn post(server: &Server, inlet: &Inlet, query: &str, record: &Value) -> (u16, Value) {
    let url = format!("{}/collection/{}{query}", server.url(), inlet.id);
    collect(&url, &[("x-adobe-flow-id", &inlet.flow)], record.to_string().as_bytes())
}

fn warnings(client: &Client, inlet: &Inlet) -> Value {
    client.get(&format!("{FLOWS}/flows/{}/warnings", inlet.flow))
}

/// Records by code, of a list with `code` and `recordCount`.
fn by_code(list: &Value) -> Vec<(String, u64)> {
    let one =
        |item: &Value| (item["code"].as_str().unwrap().to_owned(), item["recordCount"].as_u64().unwrap());
    let mut found: Vec<(String, u64)> = list.as_array().unwrap().iter().map(one).collect();
    found.sort();
    found
}

fn column(server: &Server, setup: &Setup, namespace: &str, column: &str) -> Option<String> {
    let table = format!("{namespace}.{}", setup.table);
    let mut arguments = vec!["pyiceberg-rest"];
    arguments.extend(rest(server, &table));
    arguments.push(column);
    reader("read.py", &arguments)
}

/// `commit-once` for the counts: a server that is killed again and again counts each record's warnings once.
#[test]
fn warnings_are_counted_once_whenever_the_server_dies() {
    let home = tempfile::tempdir().unwrap();
    let server = Start::on(home.path()).ready();
    let client = server.client();
    let (setup, inlet) = mapped(&client, server.tenant(), "Warned");
    drop(server);
    let (mut coerced, mut empty) = (0, 0);
    for round in 0..ROUNDS {
        let server = Start::on(home.path()).ready();
        for record in 0..20 {
            let body = match record % 4 {
                0 => json!({ "id": format!("{round}-{record}"), "n": "many" }),
                1 => json!({ "other": record }),
                _ => json!({ "id": format!("{round}-{record}"), "n": record }),
            };
            let (status, answer) = post(&server, &inlet, "", &body);
            assert_eq!(status, 200, "{answer}");
            coerced += u64::from(record % 4 == 0);
            empty += u64::from(record % 4 == 1);
            // A few instants of a commit: before it, in it, after it.
            if record == round * 3 {
                std::thread::sleep(std::time::Duration::from_millis(150 * round as u64));
            }
        }
        server.kill();
    }
    let server = Start::on(home.path()).ready();
    server.settle();
    let client = server.client();
    let expected = vec![("coercion".to_owned(), coerced), ("nothing-written".to_owned(), empty)];
    let found = warnings(&client, &inlet);
    assert_eq!(by_code(&found["codes"]), expected, "{found}");
    assert_eq!(by_code(&found["items"]), expected, "{found}");
    assert_eq!(found["recordCount"], coerced + empty, "{found}");
    let item = |code: &str| {
        let items = found["items"].as_array().unwrap();
        items.iter().find(|item| item["code"] == code).unwrap().clone()
    };
    let item_of_n = item("coercion");
    assert_eq!((&item_of_n["mapping"], &item_of_n["mappingVersion"]), (&json!(1), &json!(0)), "{item_of_n}");
    let samples = item_of_n["samples"].as_array().unwrap();
    assert!((1..=3).contains(&samples.len()), "{item_of_n}");
    for sample in samples {
        assert_eq!(sample["xactionId"].as_str().unwrap().split(':').count(), 3, "{sample}");
        assert_eq!((&sample["source"], &sample["index"]), (&json!("n"), &json!(0)), "{sample}");
        assert!(sample["message"].as_str().unwrap().contains("many"), "{sample}");
    }
    assert_eq!(item("nothing-written")["mapping"], Value::Null);

    // Of the hours of its runs, of which there may be two.
    let runs = client.get(&format!("{FLOWS}/flows/{}/runs", inlet.flow));
    let runs = runs["items"].as_array().unwrap();
    let summed = |pointer: &str| -> u64 {
        runs.iter().map(|run| run.pointer(pointer).and_then(Value::as_u64).unwrap()).sum()
    };
    assert_eq!(summed("/metrics/recordSummary/warningRecordCount"), coerced + empty);
    assert_eq!(summed("/metrics/recordSummary/outputRecordCount"), 20 * ROUNDS as u64);
    let summary = &runs[0]["metrics"]["warningSummary"];
    assert_eq!(by_code(&summary["codes"]).len(), 2, "{summary}");
    let warning = &summary["warnings"].as_array().unwrap().iter().find(|one| one["code"] == "coercion");
    assert_eq!(
        (&warning.unwrap()["source"], &warning.unwrap()["mapping"]),
        (&json!("n"), &json!(1)),
        "{summary}"
    );

    // What this start has landed, by code.
    assert_eq!(post(&server, &inlet, "", &json!({ "id": "last", "n": {} })).0, 200);
    server.settle();
    let (_, _, metrics) =
        exchange(&format!("{}/metrics", server.url()), "GET", &Default::default(), String::new());
    assert!(metrics.contains("tributary_record_warnings_total{code=\"coercion\"}"), "{metrics}");

    if let Some(rows) = column(&server, &setup, "data", "_tributary") {
        let count =
            |code: &str| rows.lines().filter(|row| row.contains(&format!("'warnings': ['{code}']"))).count();
        assert_eq!(count("coercion") as u64, coerced + 1, "{rows}");
        assert_eq!(count("nothing-written") as u64, empty, "{rows}");
    }
}

#[test]
fn a_flow_says_what_becomes_of_a_record_without_a_value() {
    let (server, home) = Server::start();
    let client = server.client();
    let (setup, inlet) = mapped(&client, server.tenant(), "Unmapped");
    let flow = format!("{FLOWS}/flows/{}", inlet.flow);
    let patch = |path: &str, value: Value| {
        let etag = client.get(&flow)["items"][0]["etag"].as_str().unwrap().to_owned();
        let body = json!([{ "op": "add", "path": path, "value": value }]);
        client.call("PATCH", &flow, &[("if-match", &etag)], Some(&body))
    };
    let switch = "/transformations/0/params/failUnmapped";
    let nothing = json!({ "other": 1 });
    let outcomes = |server: &Server| {
        server.settle();
        let runs = server.client().get(&format!("{flow}/runs"));
        let sum = |name: &str| -> u64 {
            let runs = runs["items"].as_array().unwrap().iter();
            runs.map(|run| run["metrics"]["recordSummary"][name].as_u64().unwrap()).sum()
        };
        (sum("outputRecordCount"), sum("failedRecordCount"))
    };
    assert_eq!(post(&server, &inlet, "?syncValidation=true", &nothing).0, 200);
    assert_eq!(post(&server, &inlet, "", &nothing).0, 200);
    assert_eq!(outcomes(&server), (2, 0));

    for bad in [json!("true"), json!(1), json!({}), json!([true])] {
        let (status, body) = patch(switch, bad);
        assert_eq!(status, 400, "{body}");
        assert!(body["type"].as_str().unwrap().ends_with("FLOW-1419-400"), "{body}");
    }
    assert_eq!(patch(switch, json!(true)).0, 200);
    assert_eq!(patch("/name", json!("renamed")).0, 200);
    let check_strict = |server: &Server, failed: u64| {
        let (status, body) = post(server, &inlet, "?syncValidation=true", &nothing);
        assert_eq!(status, 400, "{body}");
        assert!(body.to_string().contains("no mapping item wrote a value"), "{body}");
        assert_eq!(post(server, &inlet, "", &nothing).0, 200);
        assert_eq!(outcomes(server), (2, failed));
    };
    check_strict(&server, 1);
    let shown = client.get(&flow);
    assert_eq!(shown["items"][0]["transformations"][0]["params"]["failUnmapped"], true, "{shown}");
    server.kill();
    let server = Start::on(home.path()).ready();
    check_strict(&server, 2);
    if let Some(reasons) = column(&server, &setup, "failed", "reasons") {
        assert_eq!(reasons.matches("MAPPER-3700-400").count(), 2, "{reasons}");
    }
}

/// A failed record stands beside what its mapping could not do.
#[test]
fn a_failed_record_keeps_its_warnings() {
    let (server, _home) = Server::start();
    let client = server.client();
    let setup = Setup::profile(&client, server.tenant(), "Failed with warnings");
    let of = |name: &str| format!("_{}.{name}", setup.tenant);
    let (number, level) = (of("number"), of("level"));
    let mapping = setup.mapping(&client, &[("ATTRIBUTE", "n", &number), ("ATTRIBUTE", "level", &level)]);
    let inlet = setup.inlet(&client, "raw", false, Some(&mapping));
    assert_eq!(post(&server, &inlet, "", &json!({ "n": "many", "level": "middling" })).0, 200);
    server.settle();
    let (Some(full), Some(codes), Some(explain)) = (
        column(&server, &setup, "failed", "warnings"),
        column(&server, &setup, "failed", "_tributary"),
        column(&server, &setup, "failed", "explain"),
    ) else {
        return;
    };
    for part in ["'code': 'coercion'", "'mapping': 0", &format!("'destination': '{number}'"), "many"] {
        assert!(full.contains(part), "{part} is not in {full}");
    }
    assert!(codes.contains("'warnings': ['coercion']"), "{codes}");
    let explain: Value = serde_json::from_str(explain.trim()).unwrap();
    let code = &explain[0]["warnings"][0]["code"];
    assert_eq!((&explain[0]["source"], code), (&json!("n"), &json!("coercion")), "{explain}");
    assert_eq!(explain[1]["writes"][0]["value"], "middling", "{explain}");
}

#[test]
fn only_flows_that_there_are_have_warnings() {
    let (server, _home) = Server::start();
    let client = server.client();
    let (_, inlet) = mapped(&client, server.tenant(), "No warnings");
    assert_eq!(warnings(&client, &inlet), json!({ "items": [], "recordCount": 0, "codes": [] }));
    let (status, body) = client.call("GET", &format!("{FLOWS}/flows/nope/warnings"), &[], None);
    assert_eq!(status, 404);
    assert!(body["type"].as_str().unwrap().ends_with("FLOW-1439-404"), "{body}");
}

/// `tributary dev` with its samples, and what it prints.
fn dev(home: &Path) -> (Child, String) {
    let (ready, printed) = (home.join("ready"), home.join("printed"));
    let _ = fs::remove_file(&ready);
    let child = Command::new(binary())
        .args(["dev", "--listen", "127.0.0.1:0", "--data"])
        .arg(home.join("data"))
        .arg("--ready-file")
        .arg(&ready)
        .stdin(Stdio::null())
        .stdout(fs::File::create(&printed).unwrap())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_for("the ready-file", || fs::read_to_string(&ready).ok());
    (child, fs::read_to_string(printed).unwrap())
}

#[test]
fn what_dev_prints_names_the_warnings() {
    let home = tempfile::tempdir().unwrap();
    let (mut child, printed) = dev(home.path());
    assert!(!printed.contains("with warnings"), "{printed}");
    let word = |before: &str| {
        let rest = printed.split(before).nth(1).unwrap();
        rest.split(['\n', '\'']).next().unwrap().trim().to_owned()
    };
    let (url, flow) = (word("Raw inlet"), word("x-adobe-flow-id:"));
    for record in [json!({ "member": "m-1", "points": "lots" }), json!({ "name": "nobody" })] {
        let (status, body) = collect(&url, &[("x-adobe-flow-id", &flow)], record.to_string().as_bytes());
        assert_eq!(status, 200, "{body}");
    }
    // A stop lands what was taken in.
    let pid = rustix::process::Pid::from_raw(child.id().try_into().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    child.wait().unwrap();
    let (mut child, printed) = dev(home.path());
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(printed.contains("2 records with warnings: coercion x1, nothing-written x1"), "{printed}");
}
