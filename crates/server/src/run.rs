//! Assembling the server from its parts, and taking it down in order.

use std::future::Future;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use inlet::Collector;
use journal::{HandOver, Journal};
use lake::Lake;
use metrics_exporter_prometheus::PrometheusBuilder;
use refine::Refiner;
use store::Store;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tracing_subscriber::EnvFilter;
use vocab::{Clock, Millis, SystemClock, random};

use crate::api;
use crate::api::host::Hosts;
use crate::app::{App, Inner};
use crate::cli::Failure;
use crate::config::{Config, LogFormat, Telemetry};
use crate::data_dir::{DataDir, RunFile};
use crate::listen::{self, Bounds};
use crate::plans::Plans;
use crate::tls::Authority;
use crate::tokens::{InletAuthorizer, Tokens};

/// From the signal to the last answer: what takes longer is cut off.
const DRAIN: Duration = Duration::from_secs(4);

/// From the last answer to the end: what the lake has not taken by then stays in the log.
const FLUSH: Duration = Duration::from_secs(5);

/// Between attempts to create tables that could not be created with their dataset.
const TABLE_RETRY: Duration = Duration::from_secs(5);

/// From the runtime's threads to the log. A process has one of each.
static HAND_OVER: LazyLock<HandOver> = LazyLock::new(HandOver::default);

/// A running server.
pub(crate) struct Server {
    app: App,
    /// Held until the end: it carries the lock.
    data: DataDir,
    run_file: RunFile,
    secure: Option<Secure>,
    stop: watch::Sender<bool>,
    listeners: Vec<JoinHandle<()>>,
    /// True from the first SIGTERM or interrupt on.
    signalled: watch::Receiver<bool>,
}

/// Where TLS is served, and the certificate by which clients trust it.
#[derive(Clone, Debug)]
pub(crate) struct Secure {
    pub(crate) address: SocketAddr,
    pub(crate) authority: PathBuf,
}

impl Secure {
    /// What local clients call.
    pub(crate) fn url(&self) -> String {
        format!("https://localhost:{}", self.address.port())
    }
}

/// Runs a future to its end on a new runtime.
pub(crate) fn block_on<T>(future: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .on_thread_park(|| HAND_OVER.idle())
        .build()
        .map_err(|error| Failure::internal("cannot start", error))?;
    let result = runtime.block_on(future);
    runtime.shutdown_timeout(Duration::from_secs(1));
    result
}

/// Starts logging to standard error.
pub(crate) fn start_telemetry(settings: &Telemetry) {
    let filter = EnvFilter::try_new(&settings.level).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let _ = match settings.format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
}

impl Server {
    /// Binds, opens, recovers, and begins to serve.
    ///
    /// With an address for TLS, what is there for clients is served there too, for the names of [`tls::HOSTS`].
    pub(crate) async fn start(
        config: Config,
        data: DataDir,
        tls: Option<SocketAddr>,
    ) -> Result<Self, Failure> {
        // A signal that comes while the server starts is not lost: it stops as soon as it has started.
        let signalled = listen_for_signals()?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let mut bound = bind_all(&config).await?;
        let secure = match tls {
            Some(address) => Some(bound.add_tls(address, data.path(), clock.now()).await?),
            None => None,
        };
        let store = Store::open(&data.database_path())
            .await
            .map_err(|error| Failure::internal("cannot open the metadata database", error))?;
        let warehouse = absolute(&if config.lake.warehouse.as_os_str().is_empty() {
            data.path().join("warehouse")
        } else {
            config.warehouse()
        })?;
        let settings = lake::Settings {
            snapshots_kept: config.lake.snapshots_kept,
            ..lake::Settings::new(warehouse.clone())
        };
        let lake = Lake::open(store.clone(), clock.clone(), settings)
            .await
            .map_err(|error| Failure::internal("cannot open the lake", error))?;
        let journal = open_journal(&config, &data, &clock)?;
        let tokens =
            Arc::new(Tokens::open(&data.key_path(), clock.clone(), config.token_seconds, &config.oidc)?);
        let plans = Plans::new(config.prep.parsed().map_err(Failure::Usage)?);
        plans
            .load(&store, &lake, clock.now())
            .await
            .map_err(|error| Failure::internal("cannot read the stored objects", error))?;
        let refiner = Refiner::start(
            journal.clone(),
            lake.clone(),
            plans.refine.clone(),
            clock.clone(),
            refine::Settings {
                commit_interval: Duration::from_millis(config.lake.commit_interval_ms),
                paused: config.lake.paused,
                memory_bytes: usize::try_from(memory_bytes(config.limits.memory_bytes)).unwrap_or(usize::MAX),
            },
        )
        .await
        .map_err(|error| Failure::internal("cannot start refining", error))?;
        let collector = Collector::new(
            journal.clone(),
            plans.inlet.clone(),
            Arc::new(InletAuthorizer(tokens.clone())),
            clock.clone(),
        );
        let recorder = PrometheusBuilder::new().build_recorder();
        let prometheus = recorder.handle();
        let _ = metrics::set_global_recorder(recorder);
        let control_address = bound.control_address();
        let base_url = if config.public_url.is_empty() {
            format!("http://{}", bound.collect_address())
        } else {
            config.public_url.trim_end_matches('/').to_owned()
        };
        let admin_token = random::hex(32);
        let run_file = RunFile {
            url: base_url.clone(),
            admin_url: format!("http://{}", reachable(bound.ops_address())),
            pid: std::process::id(),
            admin_token: admin_token.clone(),
            warehouse,
        };
        let limits = config.limits.clone();
        let app = App::new(Inner {
            hosts: Hosts::new(&config),
            config,
            clock,
            store,
            lake,
            journal,
            refiner,
            tokens,
            token_slots: tokio::sync::Semaphore::new(limits.token_requests),
            plans,
            collector,
            prometheus,
            base_url,
            admin_token,
        });
        app.reload_credentials()
            .await
            .map_err(|error| Failure::internal("cannot read the credentials", error))?;
        tracing::debug!(%control_address, "listening");
        let (stop, stopped) = watch::channel(false);
        let listeners = bound.serve(&app, &Bounds::new(&limits), &stopped);
        run_file
            .write(data.path())
            .map_err(|error| Failure::usage(format!("cannot write to {}: {error}", data.path().display())))?;
        tokio::spawn(retry_tables(app.clone(), stopped));
        Ok(Self { app, data, run_file, secure, stop, listeners, signalled })
    }

    pub(crate) fn app(&self) -> &App {
        &self.app
    }

    pub(crate) fn secure(&self) -> Option<&Secure> {
        self.secure.as_ref()
    }

    pub(crate) fn run_file(&self) -> &RunFile {
        &self.run_file
    }

    /// Serves until SIGTERM or an interrupt, then shuts down.
    pub(crate) async fn until_stopped(mut self) -> Result<(), Failure> {
        // An error would mean that nobody listens for signals any more.
        let _ = self.signalled.wait_for(|signalled| *signalled).await;
        self.shut_down().await
    }

    /// Stops accepting, answers what is in flight, lands what is synced, closes.
    pub(crate) async fn shut_down(self) -> Result<(), Failure> {
        tracing::info!("shutting down");
        let _ = self.stop.send(true);
        let aborts: Vec<_> = self.listeners.iter().map(JoinHandle::abort_handle).collect();
        let drained = async {
            for listener in self.listeners {
                let _ = listener.await;
            }
        };
        if tokio::time::timeout(DRAIN, drained).await.is_err() {
            aborts.iter().for_each(tokio::task::AbortHandle::abort);
        }
        if tokio::time::timeout(FLUSH, self.app.refiner.stop()).await.is_err() {
            tracing::warn!("some records are still in the log; they land after the next start");
        }
        self.app.journal.close().await;
        self.app.store.close().await;
        let _ = std::fs::remove_file(RunFile::path(self.data.path()));
        tracing::info!("stopped");
        Ok(())
    }
}

/// The sockets, by what they serve; those of one address are one socket.
struct Bound {
    sockets: Vec<(TcpListener, SocketAddr, api::Surfaces)>,
    secure: Option<(TcpListener, TlsAcceptor)>,
}

async fn bind_all(config: &Config) -> Result<Bound, Failure> {
    let listen = &config.listen;
    let mut wanted: Vec<(SocketAddr, api::Surfaces)> = Vec::new();
    for (address, surface) in [
        (listen.collect, api::Surfaces::COLLECT),
        (listen.control, api::Surfaces::CONTROL),
        (listen.ops, api::Surfaces::OPS),
    ] {
        match wanted.iter_mut().find(|(known, _)| *known == address) {
            Some((_, surfaces)) => *surfaces = surfaces.and(surface),
            None => wanted.push((address, surface)),
        }
    }
    let mut sockets = Vec::new();
    for (address, surfaces) in wanted {
        let socket = TcpListener::bind(address).await.map_err(|error| cannot_listen(address, &error))?;
        let actual = socket.local_addr().map_err(|error| cannot_listen(address, &error))?;
        sockets.push((socket, actual, surfaces));
    }
    Ok(Bound { sockets, secure: None })
}

fn cannot_listen(address: SocketAddr, error: &std::io::Error) -> Failure {
    if error.kind() == std::io::ErrorKind::AddrInUse {
        Failure::usage(format!("{address} is in use by another program; choose another with --listen"))
    } else {
        Failure::usage(format!("cannot listen on {address}: {error}"))
    }
}

impl Bound {
    /// Binds a socket for TLS, with the authority of the data folder.
    async fn add_tls(&mut self, address: SocketAddr, data: &Path, now: Millis) -> Result<Secure, Failure> {
        let authority = Authority::open(data, now)?;
        let acceptor = authority.acceptor(now)?;
        let cannot = |error: std::io::Error| {
            if error.kind() == std::io::ErrorKind::AddrInUse {
                Failure::usage(format!(
                    "{address} is in use by another program; choose another with --tls-listen"
                ))
            } else {
                Failure::usage(format!("cannot listen on {address}: {error}"))
            }
        };
        let socket = TcpListener::bind(address).await.map_err(cannot)?;
        let address = socket.local_addr().map_err(cannot)?;
        self.secure = Some((socket, acceptor));
        Ok(Secure { address, authority: authority.path })
    }

    fn address(&self, has: impl Fn(&api::Surfaces) -> bool) -> SocketAddr {
        // Each surface was given to one socket when they were bound.
        self.sockets
            .iter()
            .find(|(_, _, surfaces)| has(surfaces))
            .map_or(self.sockets[0].1, |socket| socket.1)
    }

    fn collect_address(&self) -> SocketAddr {
        self.address(|surfaces| surfaces.collect)
    }

    fn control_address(&self) -> SocketAddr {
        self.address(|surfaces| surfaces.control)
    }

    fn ops_address(&self) -> SocketAddr {
        self.address(|surfaces| surfaces.ops)
    }

    fn serve(self, app: &App, bounds: &Bounds, stopped: &watch::Receiver<bool>) -> Vec<JoinHandle<()>> {
        let plain = self.sockets.into_iter().map(|(socket, _, surfaces)| (socket, None, surfaces));
        let for_clients = api::Surfaces::COLLECT.and(api::Surfaces::CONTROL);
        let secure = self.secure.into_iter().map(|(socket, tls)| (socket, Some(tls), for_clients));
        plain
            .chain(secure)
            .map(|(socket, tls, surfaces)| {
                let edge = api::Edge::new(app.clone(), surfaces);
                tokio::spawn(listen::serve(socket, tls, edge, bounds.clone(), stopped.clone()))
            })
            .collect()
    }
}

/// An address that this machine can call: a listener on every address is called on loopback.
pub(crate) fn reachable(address: SocketAddr) -> SocketAddr {
    if !address.ip().is_unspecified() {
        return address;
    }
    let loopback = match address {
        SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
        SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
    };
    SocketAddr::new(loopback, address.port())
}

fn open_journal(config: &Config, data: &DataDir, clock: &Arc<dyn Clock>) -> Result<Journal, Failure> {
    let settings = journal::Settings {
        segment_bytes: config.log.segment_bytes,
        log_bytes_max: config.log.bytes_max,
        hand_over: Some(HAND_OVER.clone()),
        ..journal::Settings::new(data.log_path())
    };
    Journal::open(Arc::new(journal::RealDisk), clock.clone(), settings)
        .map_err(|error| Failure::internal("cannot open the log", error))
}

fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    let cannot = |error: std::io::Error| Failure::usage(format!("cannot use {}: {error}", path.display()));
    std::fs::create_dir_all(path).map_err(cannot)?;
    path.canonicalize().map_err(cannot)
}

/// The configured bound, else a quarter of the machine's memory (or of the cgroup's limit when that is lower).
fn memory_bytes(configured: u64) -> u64 {
    if configured > 0 {
        return configured;
    }
    let read = |path: &str| std::fs::read_to_string(path).ok();
    let machine = read("/proc/meminfo").and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("MemTotal:"))?;
        line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib * 1024)
    });
    let group = read("/sys/fs/cgroup/memory.max").and_then(|text| text.trim().parse::<u64>().ok());
    machine.into_iter().chain(group).min().unwrap_or(4 << 30) / 4
}

async fn retry_tables(app: App, mut stopped: watch::Receiver<bool>) {
    while tokio::time::timeout(TABLE_RETRY, stopped.changed()).await.is_err() {
        app.plans.retry(&app.store, &app.lake).await;
    }
}

/// Listens for SIGTERM and interrupts from now on; the first one shows in the channel. A second one ends the process at
/// once: as safe as a kill, since nothing is acknowledged before it is synced.
fn listen_for_signals() -> Result<watch::Receiver<bool>, Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let cannot = |error: std::io::Error| Failure::internal("cannot wait for signals", error);
    let mut terminate = signal(SignalKind::terminate()).map_err(cannot)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(cannot)?;
    let (sender, signalled) = watch::channel(false);
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if sender.send_replace(true) {
                std::process::exit(130);
            }
        }
    });
    Ok(signalled)
}
