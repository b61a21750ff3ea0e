//! What every handler shares: store, lake, clock, tokens, plans, collector.

use std::ops::Deref;
use std::sync::Arc;

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
    pub(crate) async fn commit(
        &self,
        tx: Tx,
        scope: &Scope,
        changed: &[(Kind, &str)],
    ) -> Result<(), StoreError> {
        tx.commit().await?;
        self.plans.publish(&self.store, &self.lake, scope, changed).await
    }

    /// Takes in credentials that were made or revoked.
    pub(crate) async fn reload_credentials(&self) -> Result<(), StoreError> {
        let mut tx = self.read().await?;
        self.tokens.set_credentials(&control::ims::all_credentials(&mut tx).await?);
        Ok(())
    }
}
