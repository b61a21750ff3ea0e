//! A new snapshot of a table: its files in a manifest, the manifests in a list, the list in new metadata.

use std::collections::HashMap;
use std::sync::Arc;

use iceberg::spec::{
    DataFile, MAIN_BRANCH, ManifestFile, ManifestListWriter, ManifestWriterBuilder, Operation, Schema,
    Snapshot, Summary, TableMetadata,
};
use vocab::random;

use crate::limits::MANIFESTS_MERGED;
use crate::schema::{conform, grown};
use crate::table::{Key, TableState, version_of, write_metadata};
use crate::{Inner, LakeError, data_files};

/// Property and summary entry: the next journal offset by partition, as JSON.
pub(crate) const OFFSETS: &str = "log.offsets";

/// Summary entry: the commit that made the snapshot.
pub(crate) const COMMIT: &str = "tributary.commit";

/// A table's next version, written and stable, to which no pointer leads yet.
pub(crate) struct Prepared {
    pub(crate) key: Key,
    pub(crate) from: String,
    pub(crate) state: TableState,
    pub(crate) snapshot_id: i64,
    /// (path, rows, bytes) of each new file.
    pub(crate) files: Vec<(String, u64, u64)>,
}

impl Prepared {
    pub(crate) fn bytes(&self) -> u64 {
        self.files.iter().map(|(_, _, bytes)| bytes).sum()
    }
}

/// Writes the batch's files and the version of the table that has them.
pub(crate) async fn append(
    lake: &Inner,
    key: Key,
    table: &TableState,
    batch: &arrow_array::RecordBatch,
    commit: &str,
    offsets: &str,
) -> Result<Prepared, LakeError> {
    let current = table.metadata.current_schema();
    let grown = grown(current, table.metadata.last_column_id(), &batch.schema())?;
    let mut builder = table.metadata.clone().into_builder(Some(table.location.clone()));
    if let Some(schema) = &grown {
        builder = builder.add_current_schema(schema.clone())?;
    }
    // The builder gives the new schema its id; the files must carry the same field ids.
    let with_schema = builder.build()?.metadata;
    let schema: Arc<Schema> = with_schema.current_schema().clone();
    let batch = conform(batch, &schema)?;
    let files = data_files::write(lake, &with_schema, &schema, &batch, commit).await?;
    let written = files
        .iter()
        .map(|file| (file.file_path().to_owned(), file.record_count(), file.file_size_in_bytes()))
        .collect();

    let snapshot_id = new_snapshot_id(&with_schema);
    let sequence_number = with_schema.last_sequence_number() + 1;
    let parent = with_schema.current_snapshot().map(|snapshot| snapshot.snapshot_id());
    let summary = summary(&with_schema, &files, commit, offsets);
    let mut manifests = vec![write_manifest(lake, &with_schema, snapshot_id, files, commit).await?];
    manifests.extend(table.manifests.iter().cloned());
    merge(lake, &with_schema, snapshot_id, &mut manifests, commit).await?;
    let list = format!("{}/metadata/snap-{snapshot_id}-{commit}.avro", with_schema.location());
    let output = lake.files.new_output(&list)?;
    let mut writer = ManifestListWriter::v2(output.writer().await?, snapshot_id, parent, sequence_number);
    writer.add_manifests(manifests.clone().into_iter())?;
    writer.close().await?;
    for manifest in &mut manifests {
        // What the list writer does for those of this snapshot, done for the copy in memory.
        if manifest.added_snapshot_id == snapshot_id {
            manifest.sequence_number = sequence_number;
            manifest.min_sequence_number = manifest.min_sequence_number.min(sequence_number);
            if manifest.min_sequence_number < 0 {
                manifest.min_sequence_number = sequence_number;
            }
        }
    }

    let snapshot = Snapshot::builder()
        .with_snapshot_id(snapshot_id)
        .with_parent_snapshot_id(parent)
        .with_sequence_number(sequence_number)
        .with_timestamp_ms(lake.clock.now().0.max(with_schema.last_updated_ms()))
        .with_manifest_list(list)
        .with_summary(summary)
        .with_schema_id(schema.schema_id())
        .build();
    // Begun again from the table's own metadata, so that its log names the version that readers may hold.
    let mut builder = table.metadata.clone().into_builder(Some(table.location.clone()));
    if let Some(schema) = grown {
        builder = builder.add_current_schema(schema)?;
    }
    let mut builder = builder
        .set_properties(HashMap::from([(OFFSETS.to_owned(), offsets.to_owned())]))?
        .set_branch_snapshot(snapshot, MAIN_BRANCH)?;
    let expired = expired(&with_schema, lake.settings.snapshots_kept.saturating_sub(1));
    if !expired.is_empty() {
        builder = builder.remove_snapshots(&expired);
    }
    let metadata = builder.build()?.metadata;
    let location = write_metadata(lake, version_of(&table.location) + 1, &metadata).await?;
    Ok(Prepared {
        key,
        from: table.location.clone(),
        state: TableState { location, metadata, manifests },
        snapshot_id,
        files: written,
    })
}

fn new_snapshot_id(metadata: &TableMetadata) -> i64 {
    loop {
        let id = i64::from_be_bytes(random::bytes()) & i64::MAX;
        if id != 0 && metadata.snapshot_by_id(id).is_none() {
            return id;
        }
    }
}

/// The oldest snapshots beyond those that are kept.
fn expired(metadata: &TableMetadata, kept: usize) -> Vec<i64> {
    let mut snapshots: Vec<_> =
        metadata.snapshots().map(|snapshot| (snapshot.sequence_number(), snapshot.snapshot_id())).collect();
    snapshots.sort_unstable();
    let expired = snapshots.len().saturating_sub(kept);
    snapshots[..expired].iter().map(|(_, id)| *id).collect()
}

/// What the snapshot adds, and the totals carried forward from its parent.
fn summary(metadata: &TableMetadata, files: &[DataFile], commit: &str, offsets: &str) -> Summary {
    let parent = metadata.current_snapshot().map(|snapshot| &snapshot.summary().additional_properties);
    let before = |name: &str| {
        parent
            .and_then(|properties| properties.get(name))
            .and_then(|text| text.parse::<u64>().ok())
            .unwrap_or(0)
    };
    let rows: u64 = files.iter().map(DataFile::record_count).sum();
    let bytes: u64 = files.iter().map(DataFile::file_size_in_bytes).sum();
    let count = files.len() as u64;
    let mut properties =
        HashMap::from([(COMMIT.to_owned(), commit.to_owned()), (OFFSETS.to_owned(), offsets.to_owned())]);
    let figures = [
        ("added-data-files", count),
        ("added-records", rows),
        ("added-files-size", bytes),
        ("total-data-files", before("total-data-files") + count),
        ("total-records", before("total-records") + rows),
        ("total-files-size", before("total-files-size") + bytes),
        ("total-delete-files", 0),
        ("total-position-deletes", 0),
        ("total-equality-deletes", 0),
    ];
    properties.extend(figures.map(|(name, figure)| (name.to_owned(), figure.to_string())));
    Summary { operation: Operation::Append, additional_properties: properties }
}

async fn write_manifest(
    lake: &Inner,
    metadata: &TableMetadata,
    snapshot_id: i64,
    files: Vec<DataFile>,
    commit: &str,
) -> Result<ManifestFile, LakeError> {
    let location = format!("{}/metadata/{commit}-m0.avro", metadata.location());
    let mut writer = ManifestWriterBuilder::new(
        lake.files.new_output(&location)?,
        Some(snapshot_id),
        metadata.current_schema().clone(),
        (**metadata.default_partition_spec()).clone(),
    )
    .build_v2_data();
    for file in files {
        // The sequence number is inherited from the snapshot.
        writer.add_file(file, -1)?;
    }
    Ok(writer.write_manifest_file().await?)
}

/// Merges manifests of one order of size once there are many: the list stays short, and each entry is rewritten only once
/// for each order.
async fn merge(
    lake: &Inner,
    metadata: &TableMetadata,
    snapshot_id: i64,
    manifests: &mut Vec<ManifestFile>,
    commit: &str,
) -> Result<(), LakeError> {
    let order = |manifest: &ManifestFile| {
        let entries = manifest.added_files_count.unwrap_or(0) + manifest.existing_files_count.unwrap_or(0);
        entries.max(1).ilog(MANIFESTS_MERGED as u32)
    };
    for merged_order in 0..4 {
        let old = |manifest: &&ManifestFile| {
            order(manifest) == merged_order && manifest.added_snapshot_id != snapshot_id
        };
        if manifests.iter().filter(old).count() < MANIFESTS_MERGED {
            continue;
        }
        let location = format!("{}/metadata/{commit}-m{}.avro", metadata.location(), merged_order + 1);
        let mut writer = ManifestWriterBuilder::new(
            lake.files.new_output(&location)?,
            Some(snapshot_id),
            metadata.current_schema().clone(),
            (**metadata.default_partition_spec()).clone(),
        )
        .build_v2_data();
        for manifest in manifests.iter().filter(old) {
            let read = manifest.load_manifest(&lake.files).await?;
            for entry in read.entries().iter().filter(|entry| entry.is_alive()) {
                writer.add_existing_file(
                    entry.data_file().clone(),
                    entry.snapshot_id().unwrap_or(manifest.added_snapshot_id),
                    entry.sequence_number().unwrap_or(manifest.sequence_number),
                    entry.file_sequence_number.or(Some(manifest.sequence_number)),
                )?;
            }
        }
        let merged = writer.write_manifest_file().await?;
        manifests.retain(|manifest| !old(&manifest));
        manifests.push(merged);
    }
    Ok(())
}
