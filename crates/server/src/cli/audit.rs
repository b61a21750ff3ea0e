//! `tributary audit`: the audit log, of a running server or of a data folder.

use clap::{Args, Subcommand};
use serde_json::Value;

use super::{Failure, Output, Place, print};
use crate::api::audit;
use crate::data_dir::{DataDir, RunFile};
use crate::run;

#[derive(Subcommand)]
pub(super) enum AuditCommand {
    /// Print the latest entries, the newest first.
    List {
        #[command(flatten)]
        filter: FilterArgs,
        /// Most entries.
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=1000))]
        limit: u64,
        #[command(flatten)]
        place: Place,
    },
    /// Print all entries as JSON, one on each line, the oldest first.
    Export {
        #[command(flatten)]
        filter: FilterArgs,
        /// Folder that the server was started on.
        #[arg(long, default_value = ".tributary")]
        data: std::path::PathBuf,
    },
}

/// Which entries.
#[derive(Args)]
pub(super) struct FilterArgs {
    /// Of objects of this kind, such as flows, schemas, sandboxes or credentials.
    #[arg(long)]
    kind: Option<String>,
    /// Of the object with this id.
    #[arg(long)]
    id: Option<String>,
    /// Of this user or client id.
    #[arg(long)]
    actor: Option<String>,
    /// Such as create, patch, replace, delete, action, reset or token.
    #[arg(long)]
    action: Option<String>,
    /// Of this org.
    #[arg(long)]
    org: Option<String>,
    /// From this time on, such as 2026-01-31T12:00:00Z.
    #[arg(long)]
    from: Option<String>,
    /// Before this time.
    #[arg(long)]
    to: Option<String>,
}

impl FilterArgs {
    fn query(&self) -> Vec<(&'static str, String)> {
        let Self { kind, id, actor, action, org, from, to } = self;
        let named = [
            ("kind", kind),
            ("id", id),
            ("actor", actor),
            ("action", action),
            ("org", org),
            ("from", from),
            ("to", to),
        ];
        named.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))).collect()
    }
}

pub(super) fn run(command: AuditCommand) -> Result<(), Failure> {
    match command {
        AuditCommand::List { filter, limit, place } => {
            let mut query = filter.query();
            query.push(("limit", limit.to_string()));
            let page = Log::of(&place.data)?.page(&query)?;
            match place.output {
                Output::Json => print(&page.to_string()),
                Output::Text => entries(&page).iter().for_each(|entry| print(&line(entry))),
            }
            Ok(())
        }
        AuditCommand::Export { filter, data } => {
            let log = Log::of(&data)?;
            let mut start = Some(String::new());
            while let Some(from) = start {
                let mut query = filter.query();
                query.extend([("order", "asc".to_owned()), ("limit", "1000".to_owned()), ("start", from)]);
                let page = log.page(&query)?;
                entries(&page).iter().for_each(|entry| print(&entry.to_string()));
                start = page["next"].as_str().map(str::to_owned);
            }
            Ok(())
        }
    }
}

/// Where the log is read.
enum Log {
    Running(RunFile),
    Folder(DataDir),
}

impl Log {
    fn of(data: &std::path::Path) -> Result<Self, Failure> {
        match RunFile::read(data) {
            Some(running) if running.call_admin("GET", "/admin/v1/ping", None).is_ok() => {
                Ok(Log::Running(running))
            }
            _ => DataDir::open(data).map(Log::Folder).map_err(Failure::Usage),
        }
    }

    fn page(&self, query: &[(&str, String)]) -> Result<Value, Failure> {
        let query = serde_urlencoded::to_string(query).map_err(|error| Failure::usage(error.to_string()))?;
        match self {
            Log::Running(running) => {
                running.call_admin("GET", &format!("{}?{query}", audit::LIST), None).map_err(Failure::usage)
            }
            Log::Folder(data) => run::block_on(audit::offline(data, &query)),
        }
    }
}

fn entries(page: &Value) -> &[Value] {
    page["entries"].as_array().map_or(&[], Vec::as_slice)
}

/// One entry for people: when, who, what, and the etags.
fn line(entry: &Value) -> String {
    let text = |name: &str| entry[name].as_str().unwrap_or("-").to_owned();
    format!(
        "{}  {}  {} {} {}  {} -> {}  {}",
        text("time"),
        text("client"),
        text("action"),
        text("kind"),
        text("id"),
        text("etagBefore"),
        text("etagAfter"),
        text("requestId"),
    )
}
