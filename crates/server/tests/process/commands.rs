//! The command line: exit codes, credentials, restart.

use std::fs;
use std::net::TcpListener;
use std::process::{Command, Output};

use serde_json::Value;

use crate::support::{Client, Server, Start, binary, wait_for};

fn tributary(arguments: &[&str]) -> Output {
    Command::new(binary()).args(arguments).output().unwrap()
}

/// Exit code 2 and one line that says what to do.
fn refused(output: &Output, part: &str) {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert_eq!(errors.trim_end().lines().count(), 1, "{errors}");
    assert!(errors.contains(part), "{errors}");
}

#[test]
fn what_the_caller_can_put_right_is_one_line_and_code_2() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let data = data.to_str().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    refused(&tributary(&["dev", "--data", data, "--listen", &address]), &address);

    let file = home.path().join("file");
    fs::write(&file, "").unwrap();
    refused(
        &tributary(&["dev", "--data", file.join("data").to_str().unwrap(), "--listen", "127.0.0.1:0"]),
        "cannot create",
    );

    refused(&tributary(&["env", "--data", data]), "no running server");
    refused(&tributary(&["config", "check", "--config", data]), "no such file");
    let config = home.path().join("weak.toml");
    fs::write(&config, "token_seconds = 1\n").unwrap();
    refused(&tributary(&["config", "check", "--config", config.to_str().unwrap()]), "token_seconds");
}

#[test]
fn a_data_folder_has_one_process() {
    let (server, home) = Server::start();
    let data = home.path().join("data");
    let output = tributary(&["dev", "--data", data.to_str().unwrap(), "--listen", "127.0.0.1:0"]);
    refused(&output, &format!("(pid {})", server.pid()));
    refused(&output, "is in use by another tributary process");
}

#[test]
fn a_restart_has_the_same_credentials_and_env_prints_the_ready_file() {
    let (server, home) = Server::start();
    let key = server.fact("TRIBUTARY_CLIENT_SECRET").to_owned();
    assert_eq!(server.terminate(), Some(0));
    let again = Start::on(home.path()).ready();
    assert_eq!(again.fact("TRIBUTARY_CLIENT_SECRET"), key);
    let data = home.path().join("data");
    let output = tributary(&["env", "--data", data.to_str().unwrap()]);
    assert!(output.status.success());
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        fs::read_to_string(home.path().join("ready")).unwrap()
    );
}

#[test]
fn a_dev_folder_is_refused_in_production() {
    let (server, home) = Server::start();
    server.kill();
    let config = home.path().join("tributary.toml");
    fs::write(&config, format!("data = {:?}\n", home.path().join("data"))).unwrap();
    let output = tributary(&["serve", "--config", config.to_str().unwrap(), "--listen", "127.0.0.1:0"]);
    refused(&output, "tributary dev");
}

#[test]
fn serve_starts_from_a_file_and_stops_on_sigterm() {
    let home = tempfile::tempdir().unwrap();
    let config = home.path().join("tributary.toml");
    let ready = home.path().join("ready");
    fs::write(&config, format!("data = {:?}\n[lake]\ncommit_interval_ms = 500\n", home.path().join("data")))
        .unwrap();
    let mut child = Command::new(binary())
        .args(["serve", "--listen", "127.0.0.1:0", "--config"])
        .arg(&config)
        .arg("--ready-file")
        .arg(&ready)
        .env("TRIBUTARY__TELEMETRY__FORMAT", "json")
        .spawn()
        .unwrap();
    wait_for("the ready-file", || fs::read_to_string(&ready).ok());
    let pid = rustix::process::Pid::from_raw(child.id().try_into().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn credentials_take_effect_at_once_and_belong_to_their_org() {
    let (server, home) = Server::start();
    let data = home.path().join("data");
    let create = |org: &str| -> Value {
        let arguments =
            ["credentials", "create", "--org", org, "--output", "json", "--data", data.to_str().unwrap()];
        let output = tributary(&arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let org = "0123456789ABCDEF01234567@AdobeOrg";
    let made = create(org);
    let text = |key: &str| made[key].as_str().unwrap().to_owned();
    let other = Client::connect(server.url(), org, &text("api_key"), &text("client_secret"));
    let stats = other.get("/data/foundation/schemaregistry/stats");
    assert_eq!(stats["imsOrg"], org);
    assert_ne!(stats["tenantId"], server.tenant());
    // A second credential of the same org has the same tenant.
    assert_eq!(create(org)["tenant"], made["tenant"]);
    // Another org's header is refused.
    let mut wrong = other.clone();
    wrong.org = server.fact("TRIBUTARY_ORG").to_owned();
    let (status, body) = wrong.call("GET", "/data/foundation/flowservice/flows", &[], None);
    assert_eq!((status, body["error_code"].as_str()), (403, Some("403025")));
}
