//! A table in the catalogue: its pointer, its metadata, its making and its end.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use iceberg::TableCreation;
use iceberg::spec::{
    FormatVersion, ManifestFile, ManifestList, PrimitiveType, Schema, SortOrder, TableMetadata,
    TableMetadataBuilder, Transform, Type, UnboundPartitionSpec,
};
use store::{StoreError, Tx, values};
use vocab::{DatasetId, SandboxNo, random};

use crate::failed::failed_columns;
use crate::schema::{first, with_provenance};
use crate::storage::{create_dir, path_of, sync_dir};
use crate::{DATA, Inner, LakeError, TableSpec, lock};

/// Properties that every table carries.
const PROPERTIES: [(&str, &str); 3] = [
    ("write.format.default", "parquet"),
    ("write.parquet.compression-codec", "zstd"),
    ("write.metadata.previous-versions-max", "20"),
];

/// A table by its names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) catalog: String,
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl Key {
    pub(crate) fn new(catalog: &str, namespace: &str, name: &str) -> Self {
        Self { catalog: catalog.to_owned(), namespace: namespace.to_owned(), name: name.to_owned() }
    }
}

/// A table at one version of its metadata.
#[derive(Debug)]
pub(crate) struct TableState {
    /// Where the metadata lies.
    pub(crate) location: String,
    pub(crate) metadata: TableMetadata,
    /// What the current snapshot's list holds.
    pub(crate) manifests: Vec<ManifestFile>,
}

/// Where the current metadata lies; `None` when there is no such table.
pub(crate) async fn pointer(tx: &mut Tx, key: &Key) -> Result<Option<String>, StoreError> {
    let sql = "SELECT metadata_location FROM iceberg_tables
               WHERE catalog_name = $1 AND table_namespace = $2 AND table_name = $3";
    let row = tx.row(sql, values![&key.catalog, &key.namespace, &key.name]).await?;
    row.map(|row| row.text(0).map(str::to_owned)).transpose()
}

/// Moves the pointer if it still is where the caller saw it.
pub(crate) async fn swap_pointer(tx: &mut Tx, key: &Key, from: &str, to: &str) -> Result<bool, StoreError> {
    let sql = "UPDATE iceberg_tables SET metadata_location = $1, previous_metadata_location = $2
               WHERE catalog_name = $3 AND table_namespace = $4 AND table_name = $5 AND metadata_location = $2";
    Ok(tx.execute(sql, values![to, from, &key.catalog, &key.namespace, &key.name]).await? == 1)
}

/// The table as the store says it is now; from memory when nobody else has moved its pointer.
pub(crate) async fn current(lake: &Inner, key: &Key) -> Result<Option<Arc<TableState>>, LakeError> {
    let mut tx = lake.store.read().await?;
    let Some(location) = pointer(&mut tx, key).await? else {
        return Ok(None);
    };
    drop(tx);
    if let Some(known) = lock(&lake.tables).get(key).filter(|known| known.location == location) {
        return Ok(Some(known.clone()));
    }
    let bytes = lake.files.new_input(&location)?.read().await?;
    let metadata: TableMetadata =
        serde_json::from_slice(&bytes).map_err(|error| LakeError::Schema(format!("{location}: {error}")))?;
    let manifests = match metadata.current_snapshot() {
        Some(snapshot) => read_list(lake, snapshot.manifest_list()).await?,
        None => Vec::new(),
    };
    let state = Arc::new(TableState { location, metadata, manifests });
    lock(&lake.tables).insert(key.clone(), state.clone());
    Ok(Some(state))
}

pub(crate) async fn read_list(lake: &Inner, location: &str) -> Result<Vec<ManifestFile>, LakeError> {
    let bytes = lake.files.new_input(location)?.read().await?;
    let list = ManifestList::parse_with_version(&bytes, FormatVersion::V2)?;
    Ok(list.consume_entries().into_iter().collect())
}

/// Writes a version of a table's metadata; returns where it lies.
pub(crate) async fn write_metadata(
    lake: &Inner,
    version: usize,
    metadata: &TableMetadata,
) -> Result<String, LakeError> {
    let location = format!("{}/metadata/{version:05}-{}.metadata.json", metadata.location(), random::uuid());
    let text = serde_json::to_vec(metadata).map_err(|error| LakeError::Schema(error.to_string()))?;
    lake.files.new_output(&location)?.write(text.into()).await?;
    Ok(location)
}

/// The number that a metadata file's name begins with.
pub(crate) fn version_of(location: &str) -> usize {
    let name = location.rsplit('/').next().unwrap_or_default();
    name.split('-').next().and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

/// Creates a table of a dataset in one namespace unless it is there.
pub(crate) async fn create(lake: &Inner, spec: &TableSpec, namespace: &str) -> Result<(), LakeError> {
    let key = Key::new(&spec.catalog, namespace, &spec.table);
    let mut tx = lake.store.read().await?;
    if pointer(&mut tx, &key).await?.is_some() {
        return Ok(());
    }
    drop(tx);
    let time_series = spec.time_series && namespace == DATA;
    let columns = if namespace == DATA { with_provenance(&spec.schema) } else { failed_columns() };
    let schema = first(&columns)?;
    let folder = catalog_folder(lake, &spec.catalog).join(namespace).join(folder_name(spec));
    create_dir(&folder.join("metadata"))?;
    create_dir(&folder.join("data"))?;
    let creation = TableCreation::builder()
        .name(spec.table.clone())
        .location(format!("file://{}", folder.display()))
        .partition_spec_opt(if time_series { Some(by_day(&schema)?) } else { None })
        .sort_order(SortOrder::unsorted_order())
        .schema(schema)
        .properties(PROPERTIES.map(|(key, value)| (key.to_owned(), value.to_owned())))
        .build();
    let metadata = TableMetadataBuilder::from_table_creation(creation)?.build()?.metadata;
    let location = write_metadata(lake, 0, &metadata).await?;
    let mut tx = lake.store.write().await?;
    // Asked while nobody else can write: a dataset that was dropped meanwhile stays without tables.
    if lock(&lake.dropped).contains(&spec.dataset_id) {
        return Ok(());
    }
    let sql = "INSERT INTO iceberg_tables (catalog_name, table_namespace, table_name, metadata_location)
               VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";
    tx.execute(sql, values![&key.catalog, namespace, &key.name, &location]).await?;
    Ok(tx.commit().await?)
}

/// `{warehouse}/{tenant}/{sandbox}`.
fn catalog_folder(lake: &Inner, catalog: &str) -> PathBuf {
    let (tenant, sandbox) = catalog.split_once('.').unwrap_or((catalog, "prod"));
    lake.settings.warehouse.join(tenant).join(sandbox)
}

/// The folder of a dataset's table: its name belongs to that dataset alone.
fn folder_name(spec: &TableSpec) -> String {
    format!("{}-{}", spec.table, spec.dataset_id)
}

/// Whether a table is that dataset's, and not one of a later dataset with the same table name.
pub(crate) fn is_of(state: &TableState, spec: &TableSpec) -> bool {
    state.metadata.location().rsplit('/').next() == Some(&folder_name(spec))
}

/// By the day of `timestamp`.
fn by_day(schema: &Schema) -> Result<UnboundPartitionSpec, LakeError> {
    let field = schema
        .field_by_name("timestamp")
        .filter(|field| matches!(*field.field_type, Type::Primitive(PrimitiveType::Timestamptz)))
        .ok_or_else(|| {
            LakeError::Schema("a time-series table has no column timestamp of a date-time".to_owned())
        })?;
    Ok(UnboundPartitionSpec::builder()
        .add_partition_field(field.id, "timestamp_day", Transform::Day)?
        .build())
}

/// Drops both tables of a dataset: pointers in one transaction, then the folders into the trash.
pub(crate) async fn drop_tables(lake: &Inner, spec: &TableSpec) -> Result<(), LakeError> {
    let (catalog, name) = (spec.catalog.as_str(), spec.table.as_str());
    lock(&lake.dropped).insert(spec.dataset_id.clone());
    let mut tx = lake.store.write().await?;
    let sql =
        "DELETE FROM iceberg_tables WHERE catalog_name = $1 AND table_name = $2 RETURNING metadata_location";
    let rows = tx.rows(sql, values![catalog, name]).await?;
    tx.commit().await?;
    lock(&lake.tables).retain(|key, _| key.catalog != catalog || key.name != name);
    for row in rows {
        // {table}/metadata/{file}
        let file = path_of(row.text(0)?);
        if let Some(folder) = file.parent().and_then(|metadata| metadata.parent()) {
            to_trash(lake, folder)?;
        }
    }
    Ok(())
}

/// The rows of a sandbox: pointers, batches, counts. What was landing for these datasets finds no pointer to move.
pub(crate) async fn wipe(
    lake: &Inner,
    tx: &mut Tx,
    catalog: &str,
    sandbox: SandboxNo,
    datasets: impl IntoIterator<Item = DatasetId>,
) -> Result<(), StoreError> {
    lock(&lake.dropped).extend(datasets);
    tx.execute("DELETE FROM iceberg_tables WHERE catalog_name = $1", values![catalog]).await?;
    tx.execute("DELETE FROM batch WHERE sandbox = $1", values![sandbox]).await?;
    tx.execute("DELETE FROM outcome WHERE sandbox = $1", values![sandbox]).await?;
    tx.execute("DELETE FROM outcome_reason WHERE sandbox = $1", values![sandbox]).await?;
    tx.execute("DELETE FROM mapping_warning WHERE sandbox = $1", values![sandbox]).await?;
    Ok(())
}

/// Moves the folder of a catalogue into the trash, where it is.
pub(crate) fn trash(lake: &Inner, catalog: &str) -> io::Result<()> {
    lock(&lake.tables).retain(|key, _| key.catalog != catalog);
    match to_trash(lake, &catalog_folder(lake, catalog)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        moved => moved,
    }
}

fn to_trash(lake: &Inner, folder: &Path) -> io::Result<()> {
    let trash = lake.settings.warehouse.join(".trash");
    create_dir(&trash)?;
    fs::rename(folder, trash.join(random::ulid(lake.clock.now())))?;
    folder.parent().map_or(Ok(()), sync_dir)
}
