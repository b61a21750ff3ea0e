//! Programs that are not ours against the real binary: the vendor's own clients, unchanged, and a fuzzer that reads the
//! OpenAPI document. `cargo xtask test` sets `TRIBUTARY_TEST_CLIENTS`, a Python that has them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::support::{Server, checked, exchange};

/// Requests that the fuzzer makes up for each operation.
const EXAMPLES: &str = "15";

fn python() -> Option<PathBuf> {
    let python = std::env::var_os("TRIBUTARY_TEST_CLIENTS").map(PathBuf::from);
    if python.is_none() {
        eprintln!("skipped: TRIBUTARY_TEST_CLIENTS is not set (`cargo xtask test` sets it)");
    }
    python
}

/// Runs one of `tests/clients` against a new server; prints what it said.
fn run(script: &str) {
    let Some(python) = python() else { return };
    let (_server, home) = Server::start();
    let output = Command::new(python)
        .arg(script)
        .arg(home.path().join("ready"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .current_dir("../../tests/clients")
        .output()
        .unwrap();
    eprintln!("{script}: {}", checked(output).lines().last().unwrap_or_default());
}

#[test]
fn aepp_drives_the_flow_service() {
    run("flow_service.py");
}

#[test]
fn aepp_drives_the_schema_registry() {
    run("schemas.py");
}

#[test]
fn aepp_drives_data_prep() {
    run("data_prep.py");
}

/// No server error, and no answer that the document does not foresee. Left out: whether made-up data is accepted or refused
/// as the shapes say, since rules between members and the ids of other objects are no part of a shape.
#[test]
fn a_fuzzer_finds_the_document_kept() {
    let Some(python) = python() else { return };
    let (server, home) = Server::start();
    let client = server.client();
    let checks = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,\
                  response_schema_conformance,use_after_free";
    let output = Command::new(python.with_file_name("schemathesis"))
        .args(["run", &format!("{}/openapi.json", server.url()), "--no-color", "--continue-on-failure"])
        .args(["--checks", checks, "--max-examples", EXAMPLES])
        .args(["-H", &format!("Authorization: Bearer {}", client.token)])
        .args(["-H", &format!("x-api-key: {}", client.api_key)])
        .args(["-H", &format!("x-gw-ims-org-id: {}", client.org)])
        .current_dir(home.path())
        .output()
        .unwrap();
    let text = checked(output);
    eprintln!("{}", text.lines().filter(|line| line.contains("generated,")).collect::<String>());
}

/// The rows of the document stand beside the routers: each method that it names is one that the route has.
#[test]
fn the_document_names_the_routes() {
    let (server, _home) = Server::start();
    let (status, _, text) =
        exchange(&format!("{}/openapi.json", server.url()), "GET", &BTreeMap::new(), String::new());
    assert_eq!(status, 200);
    let document: Value = serde_json::from_str(&text).unwrap();
    let paths = document["paths"].as_object().unwrap();
    assert!(paths.len() > 50);
    for (path, item) in paths {
        let url = format!("{}{}", server.url(), path.replace(['{', '}'], ""));
        let (status, headers, _) = exchange(&url, "TRACE", &BTreeMap::new(), String::new());
        let allowed =
            headers.get("allow").map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
        for method in item.as_object().unwrap().keys() {
            let has = allowed.split(',').any(|one| one.trim().eq_ignore_ascii_case(method));
            assert!(has, "{method} {path}: {status}, allowed is {allowed}");
        }
    }
}
