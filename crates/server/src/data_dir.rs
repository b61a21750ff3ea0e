//! The data folder: who may use it, what lies where, and how a running server is found.
//!
//! The folder is 0700 and its files 0600. One process holds `lock`; `run.json` says where it listens.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::dev::Credentials;

/// A data folder that this process alone uses, until dropped.
#[derive(Debug)]
pub(crate) struct DataDir {
    path: PathBuf,
    _lock: File,
}

impl DataDir {
    /// Makes the folder if need be and takes its lock. The error is one line for the caller.
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
        let cannot = |what: &str, error: io::Error| format!("cannot {what} {}: {error}", path.display());
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(|error| cannot("create", error))?;
        let path = path.canonicalize().map_err(|error| cannot("open", error))?;
        // A folder that was there with files of somebody else's keeps its mode.
        let ours = fs::read_dir(&path).map_err(|error| cannot("read", error))?.next().is_none();
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(path.join("lock"))
            .map_err(|error| format!("cannot write to {}: {error}", path.display()))?;
        if ours {
            fs::set_permissions(&path, fs::Permissions::from_mode(0o700))
                .map_err(|error| cannot("close", error))?;
        }
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { path, _lock: lock }),
            Err(_) => {
                let pid = RunFile::read(&path).map(|run| format!(" (pid {})", run.pid)).unwrap_or_default();
                Err(format!("{} is in use by another tributary process{pid}", path.display()))
            }
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn database_path(&self) -> PathBuf {
        self.path.join("metadata.db")
    }

    pub(crate) fn log_path(&self) -> PathBuf {
        self.path.join("log")
    }

    pub(crate) fn key_path(&self) -> PathBuf {
        self.path.join("keys").join("token-signing.pem")
    }

    pub(crate) fn dev_credentials_path(&self) -> PathBuf {
        self.path.join("dev-credentials")
    }
}

/// What `run.json` says of a running server.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct RunFile {
    pub(crate) url: String,
    pub(crate) admin_url: String,
    pub(crate) pid: u32,
    pub(crate) admin_token: String,
    pub(crate) warehouse: PathBuf,
}

impl RunFile {
    pub(crate) fn path(data: &Path) -> PathBuf {
        data.join("run.json")
    }

    /// The file of the server on that folder; it may be stale.
    pub(crate) fn read(data: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(Self::path(data)).ok()?).ok()
    }

    /// The file of the server at an address, which says where it is to callers on the same machine. The error is one line
    /// for the caller.
    pub(crate) fn of_server(url: &str) -> Result<Self, String> {
        let url = url.trim_end_matches('/');
        let answer = agent().get(format!("{url}/admin/v1/ping")).call();
        let answer = answer.and_then(|mut answer| answer.body_mut().read_json::<Value>());
        let answer = answer.map_err(|error| format!("{url}: {error}"))?;
        let path = answer.get("runFile").and_then(Value::as_str).map(PathBuf::from);
        let path = path
            .ok_or_else(|| format!("{url} is not the ops address of a tributary server on this machine"))?;
        let text = fs::read(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        let run: Self =
            serde_json::from_slice(&text).map_err(|error| format!("{}: {error}", path.display()))?;
        // The token goes to nobody else than the server that wrote it.
        let port = |url: &str| url.parse::<http::Uri>().ok().and_then(|uri| uri.port_u16());
        if port(url).is_some() && [port(&run.url), port(&run.admin_url)].contains(&port(url)) {
            Ok(run)
        } else {
            Err(format!("{} is of another server than {url}", path.display()))
        }
    }

    pub(crate) fn write(&self, data: &Path) -> io::Result<()> {
        write_atomically(&Self::path(data), &serde_json::to_string_pretty(self)?, 0o600)
    }

    /// The lines of the ready-file. Credentials are known for `dev` alone.
    pub(crate) fn facts(&self, credentials: Option<&Credentials>) -> String {
        let mut lines = vec![("TRIBUTARY_URL", self.url.clone())];
        if let Some(known) = credentials {
            lines.extend([
                ("TRIBUTARY_ORG", known.org.clone()),
                ("TRIBUTARY_API_KEY", known.api_key.clone()),
                ("TRIBUTARY_CLIENT_SECRET", known.client_secret.clone()),
                ("TRIBUTARY_SANDBOX", known.sandbox.clone()),
                ("TRIBUTARY_TENANT", known.tenant.clone()),
            ]);
        }
        lines.push(("TRIBUTARY_ICEBERG_URL", format!("{}/iceberg", self.url)));
        lines.push((
            "TRIBUTARY_WAREHOUSE",
            credentials.map_or("prod".to_owned(), |known| known.sandbox.clone()),
        ));
        lines.push(("TRIBUTARY_WAREHOUSE_DIR", self.warehouse.display().to_string()));
        lines.push(("TRIBUTARY_PID", self.pid.to_string()));
        lines.iter().map(|(key, value)| format!("{key}={value}\n")).collect()
    }

    /// Calls the server's admin API. The error is one line for the caller.
    pub(crate) fn call_admin(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value, String> {
        let agent = agent();
        let url = format!("{}{path}", self.admin_url);
        let bearer = format!("Bearer {}", self.admin_token);
        let answer = match (method, body) {
            ("POST", Some(body)) => agent.post(&url).header("authorization", &bearer).send_json(body),
            ("DELETE", _) => agent.delete(&url).header("authorization", &bearer).call(),
            _ => agent.get(&url).header("authorization", &bearer).call(),
        };
        let mut answer = answer.map_err(|error| format!("{url}: {error}"))?;
        let status = answer.status().as_u16();
        let body = answer.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_json();
        let value: Value = body.map_err(|error| format!("{url}: {error}"))?;
        if status >= 400 {
            let text = value.get("detail").or_else(|| value.get("title")).and_then(Value::as_str);
            return Err(text.map_or_else(|| format!("{url}: status {status}"), str::to_owned));
        }
        Ok(value)
    }
}

/// Longest answer of the admin API that is read; the largest schema of the public model is a tenth of it.
const ANSWER_BYTES_MAX: u64 = 64 << 20;

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(std::time::Duration::from_secs(120)))
        .build()
        .into()
}

/// Replaces a file so that a reader sees the old or the new content whole, also after a power cut.
pub(crate) fn write_atomically(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_string_lossy();
    let temporary = path.with_file_name(format!(".{name}.{}", std::process::id()));
    let mut file = OpenOptions::new().create(true).write(true).truncate(true).mode(mode).open(&temporary)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}
