//! Upkeep of a table's metadata folder: versions, lists and manifests that nothing refers to any more are deleted once they
//! are old enough. Data files are not touched here.

use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::limits::{COMMITS_BETWEEN_CLEANING, VERSIONS_KEPT};
use crate::storage::path_of;
use crate::table::{TableState, read_list};
use crate::{Inner, LakeError};

/// Cleans up after every so many commits. What goes wrong is logged: a table that was committed stays committed.
pub(crate) async fn now_and_then(lake: &Arc<Inner>, table: &Arc<TableState>, sequence: i64) {
    if sequence % COMMITS_BETWEEN_CLEANING != 0 {
        return;
    }
    match clean(lake, table).await {
        Ok(deleted) => tracing::debug!(deleted, table = table.metadata.location(), "cleaned up metadata"),
        Err(error) => tracing::warn!(%error, table = table.metadata.location(), "cannot clean up metadata"),
    }
}

async fn clean(lake: &Inner, table: &TableState) -> Result<usize, LakeError> {
    let mut kept: HashSet<PathBuf> = HashSet::from([path_of(&table.location)]);
    kept.extend(table.metadata.metadata_log().iter().map(|entry| path_of(&entry.metadata_file)));
    for snapshot in table.metadata.snapshots() {
        kept.insert(path_of(snapshot.manifest_list()));
        let manifests = read_list(lake, snapshot.manifest_list()).await?;
        kept.extend(manifests.iter().map(|manifest| path_of(&manifest.manifest_path)));
    }
    let folder = path_of(table.metadata.location()).join("metadata");
    let mut deleted = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        // By the file system's own clock on both sides; a clock that jumped keeps files longer, never shorter.
        let age = entry.metadata()?.modified()?.elapsed().unwrap_or(Duration::ZERO);
        let is_version = entry.file_name().to_string_lossy().ends_with(".metadata.json");
        let kept_for = if is_version {
            lake.settings.unreferenced_kept.min(VERSIONS_KEPT)
        } else {
            lake.settings.unreferenced_kept
        };
        if !kept.contains(&entry.path()) && age >= kept_for {
            fs::remove_file(entry.path())?;
            deleted += 1;
        }
    }
    Ok(deleted)
}
