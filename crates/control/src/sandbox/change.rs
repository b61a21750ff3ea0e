//! What changes a sandbox: a new title, a reset, its end.
//!
//! A reset empties a sandbox in one transaction: its objects here, its tables, batches and counts by `lake` in the same
//! one. The generation grows, so that records which came in before are discarded wherever they wait. Deleting does the
//! same and closes the sandbox; its row stays, and its name is never given again.

use store::{StoreError, Tx, values};
use vocab::{DatasetId, DatasetNo, Millis, SandboxNo};

use super::{Sandbox, read, state};
use crate::Kind;

/// Longest title of a sandbox, in characters.
const TITLE_CHARS_MAX: usize = 256;

/// Why a sandbox was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeSandboxError {
    #[error("a title is a text of 1 to {TITLE_CHARS_MAX} characters")]
    BadTitle,
    #[error("the default sandbox cannot be deleted")]
    Default,
    #[error("the sandbox is deleted")]
    Deleted,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// An emptied sandbox, and the datasets that it had: records of theirs may still be in the log.
#[derive(Clone, Debug)]
pub struct Wiped {
    pub sandbox: Sandbox,
    pub datasets: Vec<(DatasetNo, DatasetId)>,
}

/// What becomes of a sandbox that is emptied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wipe {
    Reset,
    Delete,
}

/// Whether a title may be given to a sandbox.
pub fn is_title(title: &str) -> bool {
    !title.trim().is_empty() && title.chars().count() <= TITLE_CHARS_MAX
}

/// Gives a sandbox another title.
pub async fn rename(
    tx: &mut Tx,
    sandbox: &Sandbox,
    title: &str,
    user: &str,
    now: Millis,
) -> Result<Sandbox, ChangeSandboxError> {
    check_there(sandbox)?;
    if !is_title(title) {
        return Err(ChangeSandboxError::BadTitle);
    }
    let sql = "UPDATE sandbox SET title = $1, rev = rev + 1, updated_ms = $2, updated_by = $3 WHERE no = $4
               RETURNING no, id, org, name, title, type, state, is_default, generation, rev, created_ms, updated_ms,
                 created_by, updated_by";
    let row = tx.row(sql, values![title, now, user, sandbox.no]).await?;
    row.as_ref().map(read).transpose()?.ok_or(ChangeSandboxError::Deleted)
}

/// Whether a sandbox may be emptied; for a dry run, and before it is done.
pub fn check_wipe(sandbox: &Sandbox, wipe: Wipe) -> Result<(), ChangeSandboxError> {
    check_there(sandbox)?;
    if wipe == Wipe::Delete && sandbox.is_default { Err(ChangeSandboxError::Default) } else { Ok(()) }
}

fn check_there(sandbox: &Sandbox) -> Result<(), ChangeSandboxError> {
    if sandbox.is_gone() { Err(ChangeSandboxError::Deleted) } else { Ok(()) }
}

/// Deletes every object of a sandbox. It is `resetting` or `deleting` until [`settle`] is told that its files are gone.
pub async fn wipe(
    tx: &mut Tx,
    sandbox: &Sandbox,
    wipe: Wipe,
    user: &str,
    now: Millis,
) -> Result<Wiped, ChangeSandboxError> {
    check_wipe(sandbox, wipe)?;
    let no = sandbox.no;
    // Of what is gone the record path needs to know the datasets alone: their records are discarded and counted.
    let datasets = Kind::DataSets.name();
    let sql = "DELETE FROM retired WHERE sandbox = $1 AND kind <> $2";
    tx.execute(sql, values![no, datasets]).await?;
    let sql = "INSERT INTO retired (no, sandbox, kind, id, deleted_ms, doc)
               SELECT no, sandbox, kind, id, $3, '{}' FROM resource WHERE sandbox = $1 AND kind = $2
               ON CONFLICT (no) DO NOTHING";
    tx.execute(sql, values![no, datasets, now]).await?;
    for sql in [
        "DELETE FROM resource WHERE sandbox = $1",
        "DELETE FROM reference WHERE sandbox = $1",
        "DELETE FROM revision WHERE sandbox = $1",
    ] {
        tx.execute(sql, values![no]).await?;
    }
    let next = match wipe {
        Wipe::Reset => state::RESETTING,
        Wipe::Delete => state::DELETING,
    };
    let sql = "UPDATE sandbox SET state = $1, generation = generation + 1, rev = rev + 1, updated_ms = $2,
                 updated_by = $3
               WHERE no = $4
               RETURNING no, id, org, name, title, type, state, is_default, generation, rev, created_ms, updated_ms,
                 created_by, updated_by";
    let row = tx.row(sql, values![next, now, user, no]).await?.ok_or(ChangeSandboxError::Deleted)?;
    let sql = "SELECT no, id FROM retired WHERE sandbox = $1 AND kind = $2";
    let gone = tx.rows(sql, values![no, datasets]).await?;
    let gone = gone.iter().map(|row| Ok((DatasetNo(row.number(0)?), row.text(1)?.into())));
    Ok(Wiped { sandbox: read(&row)?, datasets: gone.collect::<Result<_, StoreError>>()? })
}

/// The sandboxes whose files are yet to go, with their org's tenant ids.
pub async fn unsettled(tx: &mut Tx) -> Result<Vec<(Sandbox, String)>, StoreError> {
    let sql = "SELECT s.no, s.id, s.org, s.name, s.title, s.type, s.state, s.is_default, s.generation, s.rev,
                 s.created_ms, s.updated_ms, s.created_by, s.updated_by, o.tenant
               FROM sandbox s JOIN org o ON o.id = s.org WHERE s.state IN ($1, $2) ORDER BY s.no";
    let rows = tx.rows(sql, values![state::RESETTING, state::DELETING]).await?;
    rows.iter().map(|row| Ok((read(row)?, row.text(14)?.to_owned()))).collect()
}

/// The files of an emptied sandbox are gone: it is `active` again, or `deleted`.
pub async fn settle(tx: &mut Tx, sandbox: SandboxNo) -> Result<(), StoreError> {
    for (from, to) in [(state::RESETTING, state::ACTIVE), (state::DELETING, state::DELETED)] {
        let sql = "UPDATE sandbox SET state = $1 WHERE no = $2 AND state = $3";
        tx.execute(sql, values![to, sandbox, from]).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::{Map, json};

    use super::*;
    use crate::resource::{self, New};
    use crate::sandbox::{self, NewSandbox, SandboxType};
    use crate::testing::{NOW, actor, org, store};
    use crate::{Scope, mapping};

    async fn with_dataset(tx: &mut Tx, scope: &Scope, id: &str) {
        let doc: Map<_, _> = json!({ "name": id }).as_object().cloned().unwrap();
        for kind in [Kind::DataSets, Kind::Flows, Kind::MappingSets] {
            let new = New {
                kind,
                id: id.to_owned(),
                name: id.to_owned(),
                state: "enabled".to_owned(),
                doc: doc.clone(),
                uses: vec![(Kind::Schemas, "schema".to_owned())],
            };
            let saved = resource::insert(tx, scope, new).await.unwrap();
            if kind == Kind::Flows {
                resource::delete(tx, scope, &saved).await.unwrap();
            }
        }
    }

    async fn count(tx: &mut Tx, sandbox: SandboxNo) -> [u64; 4] {
        let mut counts = [0; 4];
        for (at, sql) in [
            "SELECT count(*) FROM resource WHERE sandbox = $1",
            "SELECT count(*) FROM reference WHERE sandbox = $1",
            "SELECT count(*) FROM revision WHERE sandbox = $1",
            "SELECT count(*) FROM retired WHERE sandbox = $1",
        ]
        .into_iter()
        .enumerate()
        {
            counts[at] = tx.row(sql, values![sandbox]).await.unwrap().unwrap().count(0).unwrap();
        }
        counts
    }

    #[tokio::test]
    async fn a_wipe_takes_one_sandbox_and_all_of_it() {
        let (store, _dir) = store().await;
        let mut tx = store.write().await.unwrap();
        let org = org(&mut tx, "acme").await;
        let new = NewSandbox {
            name: "dev".to_owned(),
            title: "Dev".to_owned(),
            sandbox_type: SandboxType::Development,
            is_default: false,
        };
        let dev = sandbox::create(&mut tx, &org, new, "u", NOW).await.unwrap();
        let there = sandbox::scope(&mut tx, &org, Some("dev"), actor(), NOW).await.unwrap().unwrap();
        let here = sandbox::scope(&mut tx, &org, None, actor(), NOW).await.unwrap().unwrap();
        with_dataset(&mut tx, &there, "a").await;
        with_dataset(&mut tx, &here, "b").await;
        let before = count(&mut tx, here.sandbox).await;

        let wiped = wipe(&mut tx, &dev, Wipe::Reset, "u", NOW).await.unwrap();
        assert_eq!(wiped.sandbox.generation, dev.generation + 1);
        assert_eq!(wiped.sandbox.state, "resetting");
        assert_eq!(wiped.datasets.iter().map(|(_, id)| id.as_str()).collect::<Vec<_>>(), ["a"]);
        // The dataset's number stays: its records are in the log.
        assert_eq!(count(&mut tx, dev.no).await, [0, 0, 0, 1]);
        assert_eq!(count(&mut tx, here.sandbox).await, before);
        assert!(!sandbox::is_current(&mut tx, &there).await.unwrap(), "what began before cannot be stored");
        assert!(sandbox::is_current(&mut tx, &here).await.unwrap());
        assert!(mapping::get(&mut tx, &there, "a", None).await.is_err());
        assert_eq!(
            sandbox::scope(&mut tx, &org, Some("dev"), actor(), NOW).await.unwrap(),
            None,
            "not open yet"
        );

        settle(&mut tx, dev.no).await.unwrap();
        let dev = sandbox::get(&mut tx, &org, "dev").await.unwrap().unwrap();
        assert_eq!((dev.state.as_str(), dev.rev), ("active", wiped.sandbox.rev));
        // A second time there is less to do, and the datasets of the first are still known.
        let again = wipe(&mut tx, &dev, Wipe::Delete, "u", NOW).await.unwrap();
        assert_eq!(again.datasets, wiped.datasets);
        assert_eq!(unsettled(&mut tx).await.unwrap().len(), 1);
        settle(&mut tx, dev.no).await.unwrap();
        assert!(unsettled(&mut tx).await.unwrap().is_empty());
        let gone = sandbox::get(&mut tx, &org, "dev").await.unwrap().unwrap();
        assert_eq!(gone.state, "deleted");
        assert_eq!(sandbox::scope(&mut tx, &org, Some("dev"), actor(), NOW).await.unwrap(), None);
        for refused in [
            wipe(&mut tx, &gone, Wipe::Reset, "u", NOW).await.err().unwrap(),
            rename(&mut tx, &gone, "T", "u", NOW).await.err().unwrap(),
        ] {
            assert!(matches!(refused, ChangeSandboxError::Deleted), "{refused:?}");
        }
        let prod = sandbox::get(&mut tx, &org, "prod").await.unwrap().unwrap();
        let refused = wipe(&mut tx, &prod, Wipe::Delete, "u", NOW).await.err().unwrap();
        assert!(matches!(refused, ChangeSandboxError::Default));
    }

    #[tokio::test]
    async fn titles() {
        let (store, _dir) = store().await;
        let mut tx = store.write().await.unwrap();
        let org = org(&mut tx, "acme").await;
        let prod = sandbox::get(&mut tx, &org, "prod").await.unwrap().unwrap();
        for (title, good) in
            [("New", true), ("", false), ("  ", false), (&"x".repeat(257), false), ("数据", true)]
        {
            assert_eq!(rename(&mut tx, &prod, title, "u2", NOW).await.is_ok(), good, "{title}");
        }
        let changed = sandbox::get(&mut tx, &org, "prod").await.unwrap().unwrap();
        assert_eq!((changed.title.as_str(), changed.rev, changed.updated_by.as_str()), ("数据", 3, "u2"));
    }

    /// A table that gets a column `sandbox` is emptied by a wipe, or stands here with those that are not.
    #[tokio::test]
    async fn every_table_of_a_sandbox_is_accounted_for() {
        let (store, _dir) = store().await;
        let mut tx = store.read().await.unwrap();
        let sql = "SELECT m.name FROM sqlite_master m JOIN pragma_table_info(m.name) c
                   WHERE m.type = 'table' AND c.name = 'sandbox'";
        let rows = tx.rows(sql, values![]).await.unwrap();
        let found: BTreeSet<&str> = rows.iter().map(|row| row.text(0).unwrap()).collect();
        let here = ["resource", "reference", "revision"];
        let by_lake = ["batch", "outcome", "outcome_reason", "mapping_warning"];
        let kept = ["audit", "retired", "credential"];
        assert_eq!(found, here.into_iter().chain(by_lake).chain(kept).collect());
    }
}
