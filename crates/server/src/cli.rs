//! The command line: what can be asked of the binary, and the exit codes.
//!
//! 0 for success, 2 for what the caller can put right (a port in use, a folder that cannot be written, a wrong
//! setting), 1 for everything else and for what a check found.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, CommandFactory as _, Parser, Subcommand, ValueEnum};
use control::ims::{Sandboxes, UnknownRole};
use serde_json::Value;

use crate::apply::{self, ApplyArgs, Task};
use crate::config::{self, Config};
use crate::credentials::Operation;
use crate::data_dir::{DataDir, RunFile};
use crate::{dev, run};

mod audit;
mod prep;
mod xdm;

/// Why a command ended without success.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The caller can put it right: exit code 2.
    Usage(String),
    /// Something else went wrong: exit code 1.
    Internal(String),
    /// A check was made and found something: exit code 1.
    Findings(String),
}

impl Failure {
    pub(crate) fn usage(text: impl Into<String>) -> Self {
        Failure::Usage(text.into())
    }

    pub(crate) fn internal(what: &str, error: impl std::error::Error) -> Self {
        let mut text = format!("{what}: {error}");
        let mut source = error.source();
        while let Some(cause) = source {
            text.push_str(&format!(": {cause}"));
            source = cause.source();
        }
        Failure::Internal(text)
    }
}

/// Streaming data ingestion into Iceberg tables that you own, speaking the API of Adobe Experience Platform.
#[derive(Parser)]
#[command(name = "tributary", version, propagate_version = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run everything in one process on this machine, with credentials and sample objects.
    Dev(DevArgs),
    /// Run in production mode from a configuration file.
    Serve(ServeArgs),
    /// Print the addresses and credentials of a running `tributary dev`.
    Env(DataArgs),
    /// Make a sandbox have what a folder of files says.
    Apply(ApplyArgs),
    /// Print what `apply` would do.
    Diff(ApplyArgs),
    /// Write the objects of a sandbox into a folder, for `apply`.
    Export(ApplyArgs),
    /// Manage the machine credentials of orgs.
    #[command(subcommand)]
    Credentials(CredentialsCommand),
    /// Read the audit log: who changed which object and who used which credential.
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Work with configuration files.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Work with schemas and records of the data model.
    #[command(subcommand)]
    Xdm(xdm::XdmCommand),
    /// Try the mapping language.
    #[command(subcommand)]
    Prep(prep::PrepCommand),
    /// Print a completion script for a shell.
    Completions { shell: clap_complete::Shell },
}

#[derive(Args)]
pub(crate) struct DevArgs {
    /// Folder for all data.
    #[arg(long, default_value = ".tributary")]
    pub(crate) data: PathBuf,
    /// Address to listen on; port 0 picks a free one.
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDR:PORT")]
    pub(crate) listen: SocketAddr,
    /// Serve TLS too, for this machine and for the names of the platform that clients have built in.
    #[arg(long)]
    pub(crate) tls: bool,
    /// Address of TLS; port 0 picks a free one.
    #[arg(long, default_value = "127.0.0.1:8443", value_name = "ADDR:PORT", requires = "tls")]
    pub(crate) tls_listen: SocketAddr,
    /// Write addresses and credentials to this file, atomically, once ready.
    #[arg(long, value_name = "FILE")]
    pub(crate) ready_file: Option<PathBuf>,
    /// Make no sample objects and post no sample records.
    #[arg(long)]
    pub(crate) no_samples: bool,
}

#[derive(Args)]
struct ServeArgs {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Folder for all data; wins over the file and the environment.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Address for all three listeners; wins over the file and the environment.
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<SocketAddr>,
    /// Write addresses to this file, atomically, once ready.
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
}

#[derive(Args)]
struct DataArgs {
    /// Folder that the server was started on.
    #[arg(long, default_value = ".tributary")]
    data: PathBuf,
}

#[derive(Subcommand)]
enum CredentialsCommand {
    /// Make a client id and secret for an org; the org is created when it is new. Takes effect at once.
    Create(CreateCredential),
    /// List the credentials that are good.
    List(Place),
    /// Give a credential a second secret; both are good until the older one is retired.
    Rotate(ClientArgs),
    /// End all secrets of a credential but the newest.
    Retire(ClientArgs),
    /// End a credential, its tokens included. Takes effect at once.
    Revoke(ClientArgs),
    /// Register the public RSA key, or a certificate of it, with which a client signs its own tokens.
    AddKey {
        #[command(flatten)]
        client: ClientArgs,
        /// The key in PEM form.
        #[arg(long, value_name = "FILE")]
        file: PathBuf,
    },
}

#[derive(Args)]
struct ClientArgs {
    /// The client id, which is the API key.
    #[arg(long, value_name = "ID")]
    client_id: String,
    #[command(flatten)]
    place: Place,
}

/// Which server, and how to print.
#[derive(Args)]
struct Place {
    /// Folder that the server was started on.
    #[arg(long, default_value = ".tributary")]
    data: PathBuf,
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

#[derive(Args)]
struct CreateCredential {
    /// The org: 24 upper-case hex digits and `@AdobeOrg`.
    #[arg(long)]
    org: String,
    /// Let the credential act in this sandbox only; may be given several times.
    #[arg(long)]
    sandbox: Vec<String>,
    /// What it may do: admin, editor, ingest, lake-read or viewer.
    #[arg(long, default_value = "admin")]
    role: String,
    #[command(flatten)]
    place: Place,
}

#[derive(Clone, Copy, ValueEnum)]
enum Output {
    Text,
    Json,
}

#[derive(Subcommand)]
enum ConfigCommand {
    /// Read a configuration as `serve` would, and say what is wrong with it.
    Check {
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Print every setting with its default, as Markdown.
    Reference,
}

/// Runs the command line; what goes wrong is one line on standard error.
pub(crate) fn main() -> ExitCode {
    let cli = Cli::parse();
    match dispatch(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Usage(text)) => fail(&text, 2),
        Err(Failure::Internal(text) | Failure::Findings(text)) => fail(&text, 1),
    }
}

fn fail(text: &str, code: u8) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "tributary: {text}");
    ExitCode::from(code)
}

/// Writes a line to standard output. A closed pipe is the reader's business, not an error.
pub(crate) fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}");
    let _ = out.flush();
}

fn dispatch(command: Command) -> Result<(), Failure> {
    match command {
        Command::Dev(args) => dev::dev(args),
        Command::Serve(args) => serve(args),
        Command::Env(args) => env(&args.data),
        Command::Apply(args) => apply::run(&args, Task::Apply),
        Command::Diff(args) => apply::run(&args, Task::Diff),
        Command::Export(args) => apply::run(&args, Task::Export),
        Command::Credentials(command) => credentials(command),
        Command::Audit(command) => audit::run(command),
        Command::Config(ConfigCommand::Check { config }) => {
            let config = load(&config, None, None)?;
            for warning in config.warnings() {
                print(&format!("warning: {warning}"));
            }
            print("the configuration is good");
            Ok(())
        }
        Command::Config(ConfigCommand::Reference) => {
            print(config::reference().trim_end());
            Ok(())
        }
        Command::Xdm(command) => xdm::run(command),
        Command::Prep(command) => prep::run(command),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "tributary", &mut std::io::stdout());
            Ok(())
        }
    }
}

fn serve(args: ServeArgs) -> Result<(), Failure> {
    let config = load(&args.config, args.data, args.listen)?;
    run::start_telemetry(&config.telemetry);
    for warning in config.warnings() {
        tracing::warn!("{warning}");
    }
    let data = DataDir::open(&config.data).map_err(Failure::usage)?;
    if data.dev_credentials_path().exists() {
        return Err(Failure::usage(format!(
            "{} was made by `tributary dev` and holds a readable credential: `serve` wants a folder of its own",
            config.data.display()
        )));
    }
    run::block_on(async move {
        let server = run::Server::start(config, data, None).await?;
        let facts = server.run_file().facts(None);
        if let Some(path) = &args.ready_file {
            crate::data_dir::write_atomically(path, &facts, 0o600)
                .map_err(|error| Failure::usage(format!("cannot write {}: {error}", path.display())))?;
        }
        tracing::info!(url = server.app().base_url(), "ready");
        server.until_stopped().await
    })
}

fn load(path: &Path, data: Option<PathBuf>, listen: Option<SocketAddr>) -> Result<Config, Failure> {
    if !path.is_file() {
        return Err(Failure::usage(format!("{}: no such file", path.display())));
    }
    let config = Config::load(path, data, listen)
        .map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
    config.check().map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
    Ok(config)
}

fn env(data: &Path) -> Result<(), Failure> {
    let running = RunFile::read(data).ok_or_else(|| not_running(data))?;
    running.call_admin("GET", "/admin/v1/ping", None).map_err(|_| not_running(data))?;
    let credentials = dev::Credentials::read(data)
        .ok_or_else(|| Failure::usage(format!("{}: not a data folder of `tributary dev`", data.display())))?;
    print(running.facts(Some(&credentials)).trim_end());
    Ok(())
}

fn not_running(data: &Path) -> Failure {
    Failure::usage(format!("no running server on {}; start one with `tributary dev`", data.display()))
}

fn credentials(command: CredentialsCommand) -> Result<(), Failure> {
    let (operation, place) = match command {
        CredentialsCommand::Create(args) => {
            let role = args.role.parse().map_err(|error: UnknownRole| Failure::usage(error.to_string()))?;
            let sandboxes = match args.sandbox.as_slice() {
                [] => Sandboxes::All,
                names => Sandboxes::only(names.iter().map(String::as_str)),
            };
            (Operation::Create { org: Some(args.org), sandboxes, role }, args.place)
        }
        CredentialsCommand::List(place) => (Operation::List, place),
        CredentialsCommand::Rotate(args) => (Operation::Rotate { client_id: args.client_id }, args.place),
        CredentialsCommand::Retire(args) => (Operation::Retire { client_id: args.client_id }, args.place),
        CredentialsCommand::Revoke(args) => (Operation::Revoke { client_id: args.client_id }, args.place),
        CredentialsCommand::AddKey { client, file } => {
            let pem = std::fs::read_to_string(&file)
                .map_err(|error| Failure::usage(format!("cannot read {}: {error}", file.display())))?;
            (Operation::AddKey { client_id: client.client_id, pem }, client.place)
        }
    };
    let shown = match RunFile::read(&place.data) {
        Some(running) if running.call_admin("GET", "/admin/v1/ping", None).is_ok() => {
            let (method, path, body) = operation.request();
            running.call_admin(method, &path, body.as_ref()).map_err(Failure::usage)?
        }
        _ => {
            let data = DataDir::open(&place.data).map_err(Failure::usage)?;
            run::block_on(async { crate::api::admin::offline(&data, &operation).await })?
        }
    };
    let lines = |one: &Value| -> String {
        let members = one.as_object().into_iter().flatten();
        let line = |(key, value): (&String, &Value)| match value {
            Value::String(text) => format!("{key}={text}"),
            other => format!("{key}={other}"),
        };
        members.map(line).collect::<Vec<_>>().join("\n")
    };
    let text = match (place.output, shown["credentials"].as_array()) {
        (Output::Json, _) => shown.to_string(),
        (Output::Text, Some(listed)) => listed.iter().map(lines).collect::<Vec<_>>().join("\n\n"),
        (Output::Text, None) => lines(&shown),
    };
    print(&text);
    Ok(())
}
