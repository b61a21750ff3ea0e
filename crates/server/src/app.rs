//! What every handler shares: store, lake, clock, tokens, plans, collector.

use std::ops::Deref;
use std::sync::Arc;

use control::sandbox::{self, ChangeSandboxError, Sandbox, Wipe};
use control::{Kind, Scope};
use inlet::Collector;
use journal::Journal;
use lake::Lake;
use metrics_exporter_prometheus::PrometheusHandle;
use refine::Refiner;
use store::{Store, StoreError, Tx};
use vocab::Clock;

use crate::config::Config;
use crate::plans::Plans;
use crate::tokens::Tokens;

/// The running server, as its handlers see it. Cheap to clone.
#[derive(Clone)]
pub(crate) struct App(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) config: Config,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) store: Store,
    pub(crate) lake: Lake,
    pub(crate) journal: Journal,
    pub(crate) refiner: Refiner,
    pub(crate) tokens: Arc<Tokens>,
    pub(crate) plans: Plans,
    pub(crate) collector: Collector,
    pub(crate) prometheus: PrometheusHandle,
    /// What clients prefix to every path; no trailing slash.
    pub(crate) base_url: String,
    /// Known to this start alone; see `run.json`.
    pub(crate) admin_token: String,
}

impl Deref for App {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl App {
    pub(crate) fn new(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }

    pub(crate) fn base_url(&self) -> &str {
        &self.base_url
    }

    /// A transaction that sees one state and cannot write.
    pub(crate) async fn read(&self) -> Result<Tx, StoreError> {
        self.store.read().await
    }

    /// The transaction that writes; changes are kept by [`App::commit`] alone.
    pub(crate) async fn write(&self) -> Result<Tx, StoreError> {
        self.store.write().await
    }

    /// Commits, and lets the record path know what changed before it returns: a client with the answer in hand can post
    /// the next moment.
    ///
    /// A request that began before its sandbox was emptied is a conflict.
    pub(crate) async fn commit(
        &self,
        mut tx: Tx,
        scope: &Scope,
        changed: &[(Kind, &str)],
    ) -> Result<(), StoreError> {
        if !sandbox::is_current(&mut tx, scope).await? {
            return Err(StoreError::Conflict);
        }
        tx.commit().await?;
        self.plans.publish(&self.store, &self.lake, scope, changed).await
    }

    /// Empties a sandbox, its objects and its data. When it returns, its inlets are unknown and its tables are gone.
    pub(crate) async fn wipe(
        &self,
        found: &Sandbox,
        tenant: &str,
        wipe: Wipe,
        user: &str,
    ) -> Result<Sandbox, ChangeSandboxError> {
        // Plans first, then the store, as everybody takes them.
        let mut plans = self.plans.change().await;
        let mut tx = self.write().await?;
        let found = sandbox::get(&mut tx, &found.org, found.id.as_str()).await?;
        let found = found.ok_or(ChangeSandboxError::Deleted)?;
        let wiped = sandbox::wipe(&mut tx, &found, wipe, user, self.clock.now()).await?;
        let catalog = Scope::catalog_of(tenant, &found.name);
        let datasets = wiped.datasets.iter().map(|(_, id)| id.clone());
        self.lake.wipe(&mut tx, &catalog, found.no, datasets).await?;
        tx.commit().await?;
        plans.forget(&wiped, &catalog);
        // The sandbox is empty, whether its folder goes now or is tried again later.
        if let Err(error) = crate::plans::settle(&self.store, &self.lake).await {
            tracing::warn!(%error, "cannot say that a sandbox is empty; trying again later");
        }
        let mut tx = self.read().await?;
        Ok(sandbox::get(&mut tx, &found.org, found.id.as_str()).await?.unwrap_or(wiped.sandbox))
    }

    /// Takes in credentials that were made or revoked.
    pub(crate) async fn reload_credentials(&self) -> Result<(), StoreError> {
        let mut tx = self.read().await?;
        self.tokens.set_credentials(&control::ims::all_credentials(&mut tx).await?);
        Ok(())
    }
}
