//! The lake: Iceberg tables of Parquet files, our own catalogue over the metadata database, and the one door through which
//! rows come in.
//!
//! A [`Landing`] carries the good and the failed records of a range of one dataset's journal offsets. Its files are written
//! and synced first; then table pointers, batch rows, outcome counts and the next offset change in one store transaction
//! ([`Lake::land`]). The `iceberg` crate gives the types of the format, metadata and manifests; its own transactions are
//! not used, since they have no room for our rows and repeat appends blindly. Start with `land`.

mod clean;
mod data_files;
mod failed;
mod faults;
mod land;
pub mod limits;
mod schema;
mod snapshot;
mod storage;
mod table;
mod warnings;

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use iceberg::io::{FileIO, FileIOBuilder};
use serde_json::Value;
use store::{Store, StoreError, Tx, values};
use vocab::{Clock, DatasetId, DatasetNo, SandboxNo};

pub use failed::{FailedRow, Reason};
pub use land::{LandError, Landed, Landing, Outcome, OutcomeCount, Provenance, Rows};
use table::{Key, TableState};
pub use warnings::{Warning, WarningCount, WarningSample};

/// Namespace of the tables of delivered records.
pub const DATA: &str = "data";

/// Namespace of the tables of failed records, by the same table names.
pub const FAILED: &str = "failed";

/// How the lake is kept.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The folder of all tables; absolute.
    pub warehouse: PathBuf,
    /// Snapshots kept in each table.
    pub snapshots_kept: usize,
    /// Files of metadata that nothing refers to are deleted when they are older than this.
    pub unreferenced_kept: Duration,
}

impl Settings {
    pub fn new(warehouse: impl Into<PathBuf>) -> Self {
        Self {
            warehouse: warehouse.into(),
            snapshots_kept: limits::SNAPSHOTS_KEPT,
            unreferenced_kept: limits::UNREFERENCED_KEPT,
        }
    }
}

/// The tables of a dataset: `data.{table}` and `failed.{table}` in one catalogue.
#[derive(Clone, Debug)]
pub struct TableSpec {
    /// `{tenant}.{sandbox}`.
    pub catalog: String,
    pub table: String,
    pub dataset_id: DatasetId,
    pub dataset: DatasetNo,
    pub sandbox: SandboxNo,
    /// The columns of the data, without `_tributary`.
    pub schema: arrow_schema::SchemaRef,
    /// Partitioned by the day of `timestamp`.
    pub time_series: bool,
}

/// What went wrong in the lake.
#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    #[error("metadata database")]
    Store(#[from] StoreError),
    #[error("table format")]
    Iceberg(#[from] iceberg::Error),
    #[error("columns")]
    Arrow(#[from] arrow_schema::ArrowError),
    #[error("warehouse")]
    Io(#[from] std::io::Error),
    #[error("{0}")]
    Schema(String),
}

/// The lake. Cheap to clone.
#[derive(Clone)]
pub struct Lake(Arc<Inner>);

struct Inner {
    store: Store,
    clock: Arc<dyn Clock>,
    settings: Settings,
    files: FileIO,
    /// The tables as this process last wrote them; the store says whether that is still so.
    tables: Mutex<HashMap<Key, Arc<TableState>>>,
    /// Datasets whose tables were dropped: a landing that was under way must not make them again.
    dropped: Mutex<HashSet<DatasetId>>,
    #[cfg(feature = "fakes")]
    lose_answer: std::sync::atomic::AtomicBool,
}

impl Lake {
    /// Opens the lake over a store that has its tables.
    pub async fn open(store: Store, clock: Arc<dyn Clock>, settings: Settings) -> Result<Self, LakeError> {
        storage::create_dir(&settings.warehouse)?;
        let files = FileIOBuilder::new(Arc::new(storage::SyncedFilesFactory)).build();
        Ok(Self(Arc::new(Inner {
            store,
            clock,
            settings,
            files,
            tables: Mutex::default(),
            dropped: Mutex::default(),
            #[cfg(feature = "fakes")]
            lose_answer: Default::default(),
        })))
    }

    /// Creates the tables of a dataset where they are missing.
    pub async fn ensure(&self, spec: &TableSpec) -> Result<(), LakeError> {
        table::create(&self.0, spec, DATA).await?;
        table::create(&self.0, spec, FAILED).await
    }

    /// Drops the tables of a dataset. Their folders go to `.trash` in the warehouse.
    pub async fn drop_tables(&self, spec: &TableSpec) -> Result<(), LakeError> {
        table::drop_tables(&self.0, spec).await
    }

    /// Forgets all tables, batches and counts of a sandbox, as a part of the caller's transaction. From here on no table of
    /// these datasets is made again; their files go with [`Lake::trash`].
    pub async fn wipe(
        &self,
        tx: &mut Tx,
        catalog: &str,
        sandbox: SandboxNo,
        datasets: impl IntoIterator<Item = DatasetId>,
    ) -> Result<(), StoreError> {
        table::wipe(&self.0, tx, catalog, sandbox, datasets).await
    }

    /// Moves the folder of a catalogue without tables to `.trash` in the warehouse.
    pub fn trash(&self, catalog: &str) -> std::io::Result<()> {
        table::trash(&self.0, catalog)
    }

    /// Lands a range of a dataset's records: all of it or nothing.
    pub async fn land(&self, landing: Landing) -> Result<Landed, LandError> {
        land::land(&self.0, landing).await
    }

    /// The next landing happens, and reports that it failed.
    #[cfg(feature = "fakes")]
    pub fn lose_next_answer(&self) {
        self.0.lose_answer.store(true, std::sync::atomic::Ordering::SeqCst);
    }

    /// The next offset of each dataset and partition.
    pub async fn applied(&self) -> Result<HashMap<(DatasetNo, u32), u64>, LakeError> {
        let mut tx = self.0.store.read().await?;
        let rows = tx.rows("SELECT dataset, partition, next_offset FROM applied", values![]).await?;
        let mut applied = HashMap::new();
        for row in rows {
            applied.insert((DatasetNo(row.number(0)?), row.number(1)?), row.count(2)?);
        }
        Ok(applied)
    }

    /// The epoch of a partition's log and the first offset that some dataset has yet to commit, as last stored.
    pub async fn low_water(&self, partition: u32) -> Result<Option<(u64, u64)>, LakeError> {
        let mut tx = self.0.store.read().await?;
        let row = tx.row("SELECT epoch, low_water FROM log WHERE partition = $1", values![partition]).await?;
        Ok(row.map(|row| Ok::<_, StoreError>((row.count(0)?, row.count(1)?))).transpose()?)
    }

    /// Stores the low water of a partition's log. It never goes back within an epoch.
    pub async fn set_low_water(&self, partition: u32, epoch: u64, offset: u64) -> Result<(), LakeError> {
        let mut tx = self.0.store.write().await?;
        let sql = "INSERT INTO log (partition, epoch, low_water) VALUES ($1, $2, $3)
                   ON CONFLICT (partition) DO UPDATE SET low_water = max(low_water, excluded.low_water)
                   WHERE epoch = excluded.epoch";
        tx.execute(sql, values![partition, epoch, offset]).await?;
        Ok(tx.commit().await?)
    }

    /// The namespaces of a catalogue that have tables, or would have.
    pub fn namespaces(&self) -> [&'static str; 2] {
        [DATA, FAILED]
    }

    /// The tables of a namespace, by name.
    pub async fn tables(&self, catalog: &str, namespace: &str) -> Result<Vec<String>, LakeError> {
        let mut tx = self.0.store.read().await?;
        let sql = "SELECT table_name FROM iceberg_tables WHERE catalog_name = $1 AND table_namespace = $2
                   ORDER BY table_name";
        let rows = tx.rows(sql, values![catalog, namespace]).await?;
        Ok(rows.iter().map(|row| row.text(0).map(str::to_owned)).collect::<Result<_, _>>()?)
    }

    /// Where a table's current metadata lies, and what it says; `None` when there is no such table.
    pub async fn load(
        &self,
        catalog: &str,
        namespace: &str,
        name: &str,
    ) -> Result<Option<(String, Value)>, LakeError> {
        let key = Key::new(catalog, namespace, name);
        let mut tx = self.0.store.read().await?;
        let Some(location) = table::pointer(&mut tx, &key).await? else {
            return Ok(None);
        };
        drop(tx);
        let bytes = self.0.files.new_input(&location)?.read().await?;
        let metadata = serde_json::from_slice(&bytes)
            .map_err(|error| LakeError::Schema(format!("{location}: {error}")))?;
        Ok(Some((location, metadata)))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // Values are replaced whole, so a panic elsewhere leaves none half-made.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
