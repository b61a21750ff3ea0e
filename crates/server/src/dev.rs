//! `tributary dev`: everything in one process, with credentials, sample objects and a summary to start from.
//!
//! The sample objects are made through the public API, as any client would make them.

pub(crate) mod client;
mod samples;
mod summary;

use std::fs;
use std::path::Path;

use crate::api::admin;
use crate::cli::{DevArgs, Failure, print};
use crate::config::Config;
use crate::data_dir::{DataDir, write_atomically};
use crate::run::{self, Server};

/// The one credential of a dev server, kept readable so that a restart has the same.
#[derive(Clone, Debug)]
pub(crate) struct Credentials {
    pub(crate) org: String,
    pub(crate) api_key: String,
    pub(crate) client_secret: String,
    pub(crate) sandbox: String,
    pub(crate) tenant: String,
}

impl Credentials {
    const FILE: &str = "dev-credentials";

    /// The credentials of a dev data folder, if it has any.
    pub(crate) fn read(data: &Path) -> Option<Self> {
        let text = fs::read_to_string(data.join(Self::FILE)).ok()?;
        let value = |key: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='))?;
            Some(line.to_owned())
        };
        Some(Self {
            org: value("org")?,
            api_key: value("api_key")?,
            client_secret: value("client_secret")?,
            sandbox: value("sandbox")?,
            tenant: value("tenant")?,
        })
    }

    fn write(&self, data: &Path) -> std::io::Result<()> {
        let Self { org, api_key, client_secret, sandbox, tenant } = self;
        let text = format!(
            "org={org}\napi_key={api_key}\nclient_secret={client_secret}\nsandbox={sandbox}\ntenant={tenant}\n"
        );
        write_atomically(&data.join(Self::FILE), &text, 0o600)
    }
}

pub(crate) fn dev(args: DevArgs) -> Result<(), Failure> {
    let data = DataDir::open(&args.data).map_err(Failure::usage)?;
    let config = Config::dev(data.path().to_owned(), args.listen).map_err(Failure::usage)?;
    run::start_telemetry(&config.telemetry);
    run::block_on(async move {
        let folder = data.path().to_owned();
        let server = Server::start(config, data).await?;
        let credentials = match Credentials::read(&folder) {
            Some(credentials) => credentials,
            None => first_credentials(&server, &folder).await?,
        };
        let url = server.app().base_url().to_owned();
        if args.no_samples {
            print(&summary::ready(&url, &credentials));
        } else {
            let warehouse = server.run_file().warehouse.clone();
            let known = credentials.clone();
            let made = tokio::task::spawn_blocking(move || samples::make(&url, &known, &warehouse));
            match made.await.map_err(|error| Failure::internal("making the sample objects", error))? {
                Ok(samples) => print(&summary::with_samples(server.app().base_url(), &credentials, &samples)),
                // The server is as good without them.
                Err(error) => {
                    tracing::error!("the sample objects could not be made: {error}");
                    print(&summary::ready(server.app().base_url(), &credentials));
                }
            }
        }
        if let Some(path) = &args.ready_file {
            write_atomically(path, &server.run_file().facts(Some(&credentials)), 0o600)
                .map_err(|error| Failure::usage(format!("cannot write {}: {error}", path.display())))?;
        }
        server.until_stopped().await
    })
}

async fn first_credentials(server: &Server, folder: &Path) -> Result<Credentials, Failure> {
    let made = admin::first_credential(server.app())
        .await
        .map_err(|error| Failure::Internal(format!("cannot make the first credential: {error}")))?;
    let text = |name: &str| made[name].as_str().unwrap_or_default().to_owned();
    let credentials = Credentials {
        org: text("org"),
        api_key: text("api_key"),
        client_secret: text("client_secret"),
        sandbox: "prod".to_owned(),
        tenant: text("tenant"),
    };
    credentials
        .write(folder)
        .map_err(|error| Failure::usage(format!("cannot write to {}: {error}", folder.display())))?;
    Ok(credentials)
}
