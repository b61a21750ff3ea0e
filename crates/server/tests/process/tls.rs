//! `tributary dev --tls`, called by curl and by a client of ours; and the names that the control plane answers to.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use crate::support::{FLOWS, Server, Setup, binary, checked, raw, wait_for};

/// A running `tributary dev --tls`.
pub(crate) struct Secure {
    child: Child,
    facts: Vec<(String, String)>,
}

impl Secure {
    pub(crate) fn start(home: &Path) -> Self {
        let _ = fs::remove_file(home.join("ready"));
        let child = Command::new(binary())
            .args(["dev", "--no-samples", "--listen", "127.0.0.1:0", "--tls", "--tls-listen", "127.0.0.1:0"])
            .arg("--data")
            .arg(home.join("data"))
            .arg("--ready-file")
            .arg(home.join("ready"))
            .stdin(Stdio::null())
            .stdout(fs::File::create(home.join("printed")).unwrap())
            .spawn()
            .unwrap();
        let text = wait_for("the ready-file", || fs::read_to_string(home.join("ready")).ok());
        let facts = text.lines().filter_map(|line| line.split_once('='));
        Self { child, facts: facts.map(|(key, value)| (key.to_owned(), value.to_owned())).collect() }
    }

    pub(crate) fn fact(&self, key: &str) -> &str {
        &self.facts.iter().find(|(known, _)| known == key).unwrap_or_else(|| panic!("{key}")).1
    }

    fn address(&self) -> String {
        format!("127.0.0.1:{}", self.fact("TRIBUTARY_TLS_URL").rsplit(':').next().unwrap())
    }

    /// `curl` as if all hosts were here; status and body.
    fn curl(&self, arguments: &[&str]) -> Result<(u16, Value), String> {
        let connect = format!("::{}", self.address());
        let output = Command::new("curl")
            .args(["-s", "-S", "--connect-to", &connect, "--cacert", self.fact("TRIBUTARY_TLS_CA")])
            .args(["--write-out", "\n%{http_code}"])
            .args(arguments)
            .output()
            .unwrap();
        if !output.status.success() {
            return Err(String::from_utf8(output.stderr).unwrap());
        }
        let text = String::from_utf8(output.stdout).unwrap();
        let (body, status) = text.rsplit_once('\n').unwrap();
        Ok((status.parse().unwrap(), serde_json::from_str(body).unwrap_or(Value::Null)))
    }
}

impl Drop for Secure {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn has_curl() -> bool {
    let found = Command::new("curl").arg("--version").output().is_ok();
    if !found {
        eprintln!("skipped: curl is not installed");
    }
    found
}

#[test]
fn clients_find_the_names_that_they_have_built_in() {
    if !has_curl() {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let server = Secure::start(home.path());
    let form = format!(
        "grant_type=client_credentials&client_id={}&client_secret={}&scope=openid",
        server.fact("TRIBUTARY_API_KEY"),
        server.fact("TRIBUTARY_CLIENT_SECRET")
    );
    let (status, body) = server.curl(&["https://ims-na1.adobelogin.com/ims/token/v3", "-d", &form]).unwrap();
    assert_eq!(status, 200, "{body}");
    let bearer = format!("authorization: Bearer {}", body["access_token"].as_str().unwrap());
    let key = format!("x-api-key: {}", server.fact("TRIBUTARY_API_KEY"));
    let org = format!("x-gw-ims-org-id: {}", server.fact("TRIBUTARY_ORG"));
    for host in ["platform.adobe.io", "localhost", "127.0.0.1"] {
        let url = format!("https://{host}{FLOWS}/flows");
        let (status, body) = server.curl(&[&url, "-H", &bearer, "-H", &key, "-H", &org]).unwrap();
        assert_eq!((status, &body["items"]), (200, &json!([])), "{host}");
    }
    let (status, body) = server.curl(&["https://dcs.adobedc.net/collection/nowhere", "-d", "{}"]).unwrap();
    assert!((400..500).contains(&status), "{status} {body}");
    // TLS 1.2 too: some clients have nothing newer.
    let old = ["--tls-max", "1.2", "https://localhost/openapi.json"];
    assert_eq!(server.curl(&old).unwrap().0, 200);
    // No other name, nor a client that does not trust the authority, nor one without TLS.
    for other in ["https://example.org/openapi.json", "https://adobe.io/openapi.json"] {
        assert!(server.curl(&[other]).is_err(), "{other}");
        assert!(server.curl(&["-k", other]).is_err(), "{other}: the handshake ends");
    }
    let untrusting = Command::new("curl")
        .args(["-s", &format!("{}/openapi.json", server.fact("TRIBUTARY_TLS_URL"))])
        .output()
        .unwrap();
    assert!(!untrusting.status.success());
    let mut plain = TcpStream::connect(server.address()).unwrap();
    plain.write_all(b"GET /openapi.json HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP/"));
    // What the server's own machine needs is not there.
    assert_eq!(server.curl(&["https://localhost/admin/v1/ping"]).unwrap().0, 404);
    assert_eq!(server.curl(&["https://localhost/metrics"]).unwrap().0, 404);
}

#[test]
fn what_is_printed_works_as_pasted_and_the_authority_is_kept() {
    if !has_curl() {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let server = Secure::start(home.path());
    let authority = fs::read(server.fact("TRIBUTARY_TLS_CA")).unwrap();
    let key = home.path().join("data/tls/ca-key.pem");
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    let printed = fs::read_to_string(home.path().join("printed")).unwrap();
    let line = printed.lines().find(|line| line.trim().starts_with("curl -s --cacert")).unwrap();
    let output = Command::new("sh").args(["-c", line]).output().unwrap();
    let body: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(body["token_type"], "bearer", "{line}");
    for part in ["aepp.configure(", "PLATFORM_GATEWAY=", "aep.endpoint=", "keytool -importcert"] {
        assert!(printed.contains(part), "{part}: {printed}");
    }
    if let Some(python) = std::env::var_os("TRIBUTARY_TEST_CLIENTS") {
        let (_, lines) = printed.split_once("aepp:\n\n").unwrap();
        let (lines, _) = lines.split_once("\n\n").unwrap();
        let script = format!(
            "{lines}\nfrom aepp import sandboxes\nprint([one['name'] for one in sandboxes.Sandboxes().getSandboxes()])"
        );
        let output = Command::new(python).args(["-c", &script]).current_dir(home.path()).output().unwrap();
        assert_eq!(checked(output).lines().last(), Some("['prod']"), "{script}");
    } else {
        eprintln!("skipped: TRIBUTARY_TEST_CLIENTS is not set (`cargo xtask test` sets it)");
    }
    if Command::new("keytool").arg("-help").output().is_ok() {
        let line = printed.lines().find(|line| line.trim().starts_with("keytool ")).unwrap();
        assert!(Command::new("sh").args(["-c", line]).output().unwrap().status.success(), "{line}");
    }
    drop(server);
    let again = Secure::start(home.path());
    assert_eq!(fs::read(again.fact("TRIBUTARY_TLS_CA")).unwrap(), authority);
    // A client of ours that trusts it, and nothing else.
    let trusted = RootCerts::new_with_certs(&[Certificate::from_pem(&authority).unwrap()]);
    let tls = TlsConfig::builder().root_certs(trusted).build();
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .tls_config(tls)
        .timeout_global(Some(Duration::from_secs(30)))
        .build()
        .into();
    let url = format!("{}/openapi.json", again.fact("TRIBUTARY_TLS_URL"));
    assert_eq!(agent.get(&url).call().unwrap().status(), 200);
}

#[test]
fn the_control_plane_answers_to_its_own_names_alone() {
    let (server, home) = Server::start();
    let client = server.client();
    let setup = Setup::profile(&client, server.tenant(), "Names");
    let mapping = setup.mapping(&client, &[("ATTRIBUTE", "id", "_id")]);
    let inlet = setup.inlet(&client, "raw", false, Some(&mapping));
    let inlet_path = format!("/collection/{}", inlet.id);
    let run: Value = serde_json::from_slice(&fs::read(home.path().join("data/run.json")).unwrap()).unwrap();
    let admin = run["admin_token"].as_str().unwrap();
    let send = |method: &str, path: &str, host: &str| {
        let token = if path.starts_with("/admin") { admin } else { &client.token };
        let body = if method == "POST" { r#"{"id": "a"}"# } else { "" };
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {host}\r\norigin: http://{host}\r\nconnection: close\r\n\
             authorization: Bearer {token}\r\nx-api-key: {}\r\nx-gw-ims-org-id: {}\r\nx-adobe-flow-id: {}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            client.api_key,
            client.org,
            inlet.flow,
            body.len()
        );
        let answer = raw(server.url(), request.as_bytes());
        let status: u16 = answer.split(' ').nth(1).unwrap().parse().unwrap();
        (status, answer.to_ascii_lowercase())
    };
    for path in [
        format!("{FLOWS}/flows"),
        "/data/foundation/catalog/dataSets".to_owned(),
        "/data/foundation/sandbox-management/sandboxes".to_owned(),
        "/data/foundation/schemaregistry/stats".to_owned(),
        "/data/foundation/conversion/mappingSets".to_owned(),
        "/ims/keys".to_owned(),
        "/iceberg/v1/config".to_owned(),
        "/openapi.json".to_owned(),
        "/admin/v1/ping".to_owned(),
        "/admin/v1/audit".to_owned(),
    ] {
        for host in ["evil.example", "localhost.evil.example:80", "x"] {
            let (status, answer) = send("GET", &path, host);
            assert_eq!(status, 421, "{host} {path}: {answer}");
            assert!(answer.contains("listen.hosts") && answer.contains("application/json"), "{answer}");
        }
        for host in ["localhost", "127.0.0.1:1", "[::1]", "platform.adobe.io"] {
            let (status, answer) = send("GET", &path, host);
            assert!(status < 400 || path.ends_with("stats"), "{host} {path}: {answer}");
            assert!(!answer.contains("access-control-"), "{path}: {answer}");
        }
        let (_, answer) = send("OPTIONS", &path, "localhost");
        assert!(!answer.contains("access-control-"), "{path}: {answer}");
    }
    // Pages of strangers send records, and read the answers.
    let (status, answer) = send("POST", &inlet_path, "shop.example");
    assert_eq!(status, 200, "{answer}");
    assert!(answer.contains("access-control-allow-origin: http://shop.example"), "{answer}");
}
