//! The configuration: one struct, each setting with its default and its description in one place.
//!
//! A file is overridden by the environment (`TRIBUTARY__SECTION__KEY`), and that by flags. The reference page is
//! generated from here.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use control::ims::Role;
use figment::Figment;
use figment::providers::{Env, Format as _, Serialized, Toml};
use prep::Switches;
use serde::{Deserialize, Serialize};

/// Defines a section: a struct, its defaults, and the rows of the reference page.
macro_rules! section {
    ($(#[$doc:meta])* $name:ident { $($(#[doc = $about:literal])+ $field:ident : $type:ty = $default:expr,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Serialize, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub(crate) struct $name {
            $($(#[doc = $about])+ pub(crate) $field: $type,)*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }

        impl $name {
            /// Key, default and description of each setting.
            fn rows() -> Vec<(&'static str, String, String)> {
                let defaults = Self::default();
                vec![$((
                    stringify!($field),
                    serde_json::to_string(&defaults.$field).unwrap_or_default(),
                    [$($about),+].concat().trim().to_owned(),
                ),)*]
            }
        }
    };
}

section! {
    /// Where the three listeners are. Those that share an address share a socket.
    Listen {
        /// Data collection: `/collection/…`.
        collect: SocketAddr = loopback(8080),
        /// The control plane: `/ims`, `/data` and `/iceberg`. Keep it private.
        control: SocketAddr = loopback(8080),
        /// Health and metrics. Keep it private.
        ops: SocketAddr = loopback(8080),
        /// Names beside loopback and that of `public_url` to which the control plane answers, as clients write them.
        hosts: Vec<String> = Vec::new(),
        /// Answer `/admin` to other machines than this one.
        admin_from_anywhere: bool = false,
    }
}

section! {
    /// The durable log in front of the lake.
    Log {
        /// Size of a segment file, bytes.
        segment_bytes: u64 = 128 << 20,
        /// Most bytes the log may hold; when it is full, new records are refused and nothing is lost.
        bytes_max: u64 = 16 << 30,
    }
}

section! {
    /// The tables.
    Lake {
        /// Longest time a record waits before it is committed, milliseconds.
        commit_interval_ms: u64 = 15_000,
        /// Leaves records in the log: nothing lands until a start without this. For upkeep and measurements.
        paused: bool = false,
        /// Folder of the warehouse; `warehouse` in the data folder when empty.
        warehouse: PathBuf = PathBuf::new(),
        /// Snapshots kept in each table.
        snapshots_kept: usize = 100,
    }
}

section! {
    /// Bounds at the door.
    Limits {
        /// Connections open at one time, over all listeners.
        connections: usize = 4096,
        /// Longest wait for the first byte of a request and for its head, milliseconds.
        header_read_ms: u64 = 10_000,
        /// Longest time for a whole request body, milliseconds.
        body_read_ms: u64 = 30_000,
        /// Longest time without a byte on a connection, milliseconds.
        idle_ms: u64 = 60_000,
        /// Most bytes of a request's head.
        header_bytes: usize = 64 << 10,
        /// Most bytes of a request body on the control listener.
        control_body_bytes: usize = 4 << 20,
        /// Token requests that are worked on at one time; more are told to come again (503).
        token_requests: usize = 32,
        /// Memory for records that wait for their commit, bytes; a quarter of the machine's when 0.
        memory_bytes: u64 = 0,
    }
}

section! {
    /// The Schema Registry.
    Registry {
        /// Refuse an `Accept` header that is missing, names no version on a lookup, or names one on a list.
        strict_accept: bool = false,
    }
}

section! {
    /// An OpenID Connect issuer whose access tokens are good here beside our own.
    Oidc {
        /// The issuer as its tokens name it in `iss`, such as `https://login.example.org/realms/acme`; none when empty.
        issuer: String = String::new(),
        /// What a token must have in `aud`.
        audience: String = String::new(),
        /// Where the issuer's keys are (a JWKS); what `/.well-known/openid-configuration` of the issuer says when empty.
        jwks_url: String = String::new(),
        /// Certificates in PEM form by which the issuer's own is trusted; the public authorities when empty.
        ca_file: PathBuf = PathBuf::new(),
        /// The claim that names the org; a path such as `tributary.org` leads into objects.
        org_claim: String = "org".to_owned(),
        /// The claim that names the role, as a text or in a list of texts; `role` holds for every token when empty.
        role_claim: String = String::new(),
        /// The role of every token when no claim names it.
        role: String = "viewer".to_owned(),
        /// The claim that lists the sandboxes in which a token is good; all of them when empty.
        sandbox_claim: String = String::new(),
    }
}

section! {
    /// The mapping language.
    Prep {
        /// Sides of the language's switches by their names, such as `{ integer-division = "decimal" }`; the table is in
        /// [the language's reference](functions.md#switches).
        switches: BTreeMap<String, String> = BTreeMap::new(),
    }
}

section! {
    /// Logs of the process.
    Telemetry {
        /// What to log: a level or a filter such as `info,tributary=debug`.
        level: String = "info".to_owned(),
        /// `text` or `json`.
        format: LogFormat = LogFormat::Text,
    }
}

section! {
    /// The settings outside any section.
    Config {
        /// Folder for all data.
        data: PathBuf = PathBuf::from("/var/lib/tributary"),
        /// The address that clients use, such as `https://ingest.example.org`; the listen address when empty.
        public_url: String = String::new(),
        /// Life of an access token, seconds.
        token_seconds: u64 = 86_399,
        /// Listeners.
        listen: Listen = Listen::default(),
        /// Log.
        log: Log = Log::default(),
        /// Lake.
        lake: Lake = Lake::default(),
        /// Limits.
        limits: Limits = Limits::default(),
        /// Outside issuer.
        oidc: Oidc = Oidc::default(),
        /// Mapping language.
        prep: Prep = Prep::default(),
        /// Schema Registry.
        registry: Registry = Registry::default(),
        /// Telemetry.
        telemetry: Telemetry = Telemetry::default(),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    Text,
    Json,
}

/// The settings, after those of the environment.
fn with_environment(settings: Figment) -> Result<Config, String> {
    settings.merge(Env::prefixed("TRIBUTARY__").split("__")).extract().map_err(|error| error.to_string())
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

impl Config {
    /// Reads file < environment < flags.
    pub(crate) fn load(
        path: &Path,
        data: Option<PathBuf>,
        listen: Option<SocketAddr>,
    ) -> Result<Self, String> {
        let settings = Figment::from(Serialized::defaults(Config::default())).merge(Toml::file_exact(path));
        let mut config = with_environment(settings)?;
        if let Some(data) = data {
            config.data = data;
        }
        if let Some(address) = listen {
            config.listen = Listen { collect: address, control: address, ops: address, ..config.listen };
        }
        Ok(config)
    }

    /// What `tributary dev` runs with: loopback, quick commits, then the environment, then flags.
    pub(crate) fn dev(data: PathBuf, address: SocketAddr) -> Result<Self, String> {
        let defaults = Config {
            lake: Lake { commit_interval_ms: 1000, ..Lake::default() },
            telemetry: Telemetry { level: "warn".to_owned(), ..Telemetry::default() },
            ..Config::default()
        };
        let mut config = with_environment(Figment::from(Serialized::defaults(defaults)))?;
        config.data = data;
        config.listen = Listen { collect: address, control: address, ops: address, ..config.listen };
        config.check()?;
        Ok(config)
    }

    /// Refuses settings under which the promises cannot be kept.
    pub(crate) fn check(&self) -> Result<(), String> {
        let refuse = |bad: bool, text: &str| if bad { Err(text.to_owned()) } else { Ok(()) };
        let url = self.public_url.as_str();
        refuse(
            !url.is_empty() && !url.starts_with("http://") && !url.starts_with("https://"),
            "public_url must begin with http:// or https://",
        )?;
        refuse(url.contains("/collection/"), "public_url must not contain /collection/: clients replace it")?;
        refuse(
            self.token_seconds < 600,
            "token_seconds must be at least 600: clients renew 500 seconds early",
        )?;
        refuse(self.log.segment_bytes < 4 << 20, "log.segment_bytes must be at least 4194304")?;
        refuse(
            self.log.bytes_max < 2 * self.log.segment_bytes,
            "log.bytes_max must hold at least two segments (log.segment_bytes)",
        )?;
        refuse(self.lake.commit_interval_ms == 0, "lake.commit_interval_ms must be above 0")?;
        refuse(self.lake.snapshots_kept == 0, "lake.snapshots_kept must be above 0")?;
        refuse(self.limits.connections == 0, "limits.connections must be above 0")?;
        refuse(self.limits.token_requests == 0, "limits.token_requests must be above 0")?;
        refuse(
            self.limits.header_read_ms == 0 || self.limits.body_read_ms == 0 || self.limits.idle_ms == 0,
            "limits: a time-out of 0 would let one client hold a connection for ever",
        )?;
        refuse(
            self.limits.header_bytes < 8192 || self.limits.header_bytes > 1 << 20,
            "limits.header_bytes must lie between 8192 and 1048576",
        )?;
        refuse(
            self.limits.control_body_bytes > 64 << 20,
            "limits.control_body_bytes must be at most 67108864: bodies are held in memory",
        )?;
        self.prep.parsed()?;
        self.oidc.check()
    }

    /// What is allowed but deserves a look.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        for (name, address) in [("control", self.listen.control), ("ops", self.listen.ops)] {
            if !is_private(address.ip()) {
                warnings
                    .push(format!("listen.{name} = {address} can be reached from outside; keep it private"));
            }
        }
        warnings
    }

    pub(crate) fn warehouse(&self) -> PathBuf {
        if self.lake.warehouse.as_os_str().is_empty() {
            self.data.join("warehouse")
        } else {
            self.lake.warehouse.clone()
        }
    }
}

impl Prep {
    /// How the switches stand.
    pub(crate) fn parsed(&self) -> Result<Switches, String> {
        let mut switches = Switches::default();
        for (name, side) in &self.switches {
            switches.set(name, side).map_err(|error| format!("prep.switches: {error}"))?;
        }
        Ok(switches)
    }
}

impl Oidc {
    fn check(&self) -> Result<(), String> {
        if self.issuer.is_empty() {
            return Ok(());
        }
        let refuse = |bad: bool, text: &str| if bad { Err(text.to_owned()) } else { Ok(()) };
        refuse(
            self.audience.is_empty(),
            "oidc.audience must be set: a token for somebody else is not for us",
        )?;
        refuse(self.org_claim.is_empty(), "oidc.org_claim must be set: every caller belongs to an org")?;
        let role = self.role.parse::<Role>().map(drop);
        role.map_err(|error| format!("oidc.role: {error}"))?;
        let urls = [&self.issuer, &self.jwks_url];
        refuse(
            urls.into_iter().any(|url| !url.is_empty() && !is_fetched_safely(url)),
            "oidc.issuer and oidc.jwks_url must begin with https://, but for loopback",
        )
    }
}

/// Whether what is fetched there comes from whom the address names: https, or this machine.
pub(crate) fn is_fetched_safely(url: &str) -> bool {
    let Ok(uri) = url.parse::<http::Uri>() else { return false };
    match (uri.scheme_str(), uri.host()) {
        (Some("https"), Some(_)) => true,
        (Some("http"), Some(host)) => {
            let host = host.trim_matches(['[', ']']);
            host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
        }
        _ => false,
    }
}

pub(crate) fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || (v6.segments()[0] & 0xfe00) == 0xfc00,
    }
}

/// All settings as a Markdown page.
pub(crate) fn reference() -> String {
    let mut page = String::from(
        "# Settings\n\nGenerated from the program by `cargo xtask golden`. A file given with `tributary serve --config` is\n\
         overridden by the environment (`TRIBUTARY__SECTION__KEY`, for example `TRIBUTARY__LAKE__COMMIT_INTERVAL_MS`), and\n\
         that by flags.\n",
    );
    let sections = [
        ("", Config::rows()),
        ("listen", Listen::rows()),
        ("log", Log::rows()),
        ("lake", Lake::rows()),
        ("limits", Limits::rows()),
        ("oidc", Oidc::rows()),
        ("prep", Prep::rows()),
        ("registry", Registry::rows()),
        ("telemetry", Telemetry::rows()),
    ];
    for (name, rows) in sections {
        page.push_str(&if name.is_empty() {
            "\n## Top level\n".to_owned()
        } else {
            format!("\n## `[{name}]`\n")
        });
        page.push_str("\n| key | default | meaning |\n| --- | --- | --- |\n");
        // Sections have a table of their own; a map without entries is no section.
        let is_key = |default: &str| default == "{}" || !default.starts_with('{');
        for (key, default, about) in rows.into_iter().filter(|(_, default, _)| is_key(default)) {
            page.push_str(&format!("| `{key}` | `{default}` | {about} |\n"));
        }
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(toml: &str) -> Result<Config, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tributary.toml");
        std::fs::write(&path, toml).unwrap();
        let config = Config::load(&path, None, None)?;
        config.check()?;
        Ok(config)
    }

    #[test]
    fn weak_settings_are_refused() {
        for (toml, part) in [
            ("public_url = \"ftp://x\"", "public_url"),
            ("token_seconds = 60", "token_seconds"),
            ("[limits]\nheader_read_ms = 0", "time-out"),
            ("[log]\nbytes_max = 1", "two segments"),
            ("[lake]\ncommit_interval_ms = 0", "commit_interval_ms"),
            ("[oidc]\nissuer = \"https://x\"", "oidc.audience"),
            ("[oidc]\nissuer = \"http://x\"\naudience = \"a\"", "https://"),
            ("[oidc]\nissuer = \"https://x\"\naudience = \"a\"\nrole = \"king\"", "oidc.role"),
            ("[lake]\ncommit_intervall_ms = 5", "commit_intervall_ms"),
            ("[prep.switches]\ninteger-divison = \"decimal\"", "did you mean integer-division?"),
            ("[prep.switches]\ninteger-division = \"round\"", "truncate or decimal"),
        ] {
            let error = parse(toml).unwrap_err();
            assert!(error.contains(part), "{toml}: {error}");
        }
        assert_eq!(parse("[lake]\ncommit_interval_ms = 500").unwrap().lake.commit_interval_ms, 500);
        let set =
            parse("[prep]\nswitches = { integer-division = \"decimal\" }").unwrap().prep.parsed().unwrap();
        assert_eq!(set.integer_division, prep::IntegerDivision::Decimal);
    }

    #[test]
    fn the_reference_page_is_up_to_date() {
        let page = "../../docs/reference/settings.md";
        let stored = std::fs::read_to_string(page).unwrap_or_default();
        assert!(stored == reference(), "run `cargo xtask golden`");
    }

    #[test]
    fn public_listeners_are_warned_about() {
        let config = parse("[listen]\ncontrol = \"0.0.0.0:80\"").unwrap();
        assert_eq!(config.warnings().len(), 1);
    }
}
