//! What mappings could not do: the warnings of records, counted in the commit that lands them.
//!
//! A row of the count is one code of one item of one version of a mapping set, in one hour of a flow, with the newest few
//! records that have it. Rows are bounded in number for each hour, and in age.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use serde_json::{Value, json};
use store::{StoreError, Tx, values};
use vocab::Millis;

use crate::land::Landing;
use crate::limits::{WARNING_ROWS_MAX, WARNING_SAMPLES, WARNINGS_KEPT};

/// Something that a mapping could not do with one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The position of the item in the mapping set; none for what concerns the record as a whole.
    pub item: Option<u32>,
    /// A stable word: `coercion`, `bad-date`, …
    pub code: &'static str,
    /// The item's source.
    pub source: String,
    /// The item's destination, down to the part that is concerned.
    pub destination: String,
    pub message: String,
}

/// Records of a flow with the same warning, by the hour of their receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WarningCount {
    /// The flow's id.
    pub flow: Arc<str>,
    pub hour: Millis,
    /// Id and version of the mapping set.
    pub mapping_set: (String, u32),
    pub item: Option<u32>,
    pub code: &'static str,
    pub records: u64,
    /// The newest of them, oldest first; at most [`WARNING_SAMPLES`].
    pub samples: Vec<WarningSample>,
}

impl WarningCount {
    /// What one of the records has, in a line.
    pub(crate) fn text(&self) -> String {
        match self.samples.last().map(|sample| &sample.warning) {
            Some(warning) if warning.destination.is_empty() => warning.message.clone(),
            Some(warning) => format!("{}: {}", warning.destination, warning.message),
            None => String::new(),
        }
    }
}

/// One record with a warning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WarningSample {
    /// The record's place in the log, in the form of a receipt.
    pub xaction_id: String,
    /// Its position in the request.
    pub index: u32,
    pub warning: Warning,
}

impl WarningSample {
    fn json(&self) -> Value {
        let Warning { source, destination, message, .. } = &self.warning;
        json!({
            "xactionId": self.xaction_id, "index": self.index,
            "source": source, "destination": destination, "message": message
        })
    }
}

/// The item of a row that is of no single item.
const NO_ITEM: i64 = -1;

/// Adds the landing's warnings to the counts, as a part of its transaction.
pub(crate) async fn insert(tx: &mut Tx, landing: &Landing, now: Millis) -> Result<(), StoreError> {
    let sandbox = landing.table.sandbox;
    let oldest = now.0 - i64::try_from(WARNINGS_KEPT.as_millis()).unwrap_or(i64::MAX);
    let mut pruned: Option<&str> = None;
    let mut rows: BTreeMap<(&str, Millis), u64> = BTreeMap::new();
    for count in &landing.warnings {
        let flow = &*count.flow;
        // Counts come flow by flow.
        if pruned.replace(flow) != Some(flow) {
            let sql = "DELETE FROM mapping_warning WHERE sandbox = $1 AND flow_id = $2 AND hour_ms < $3";
            tx.execute(sql, values![sandbox, flow, oldest]).await?;
        }
        let sql = "SELECT samples FROM mapping_warning WHERE sandbox = $1 AND flow_id = $2 AND hour_ms = $3
                     AND mapping_set = $4 AND version = $5 AND item = $6 AND code = $7";
        let (set, version) = (count.mapping_set.0.as_str(), count.mapping_set.1);
        let item = count.item.map_or(NO_ITEM, i64::from);
        let key = values![sandbox, flow, count.hour, set, version, item, count.code];
        let mut samples: Vec<Value> = match tx.row(sql, key).await? {
            Some(row) => serde_json::from_str(row.text(0)?).unwrap_or_default(),
            None => {
                let rows = match rows.entry((flow, count.hour)) {
                    Entry::Occupied(known) => known.into_mut(),
                    Entry::Vacant(entry) => entry.insert(count_rows(tx, landing, flow, count.hour).await?),
                };
                if *rows >= WARNING_ROWS_MAX {
                    add(tx, landing, count, ("", 0, NO_ITEM), &[]).await?;
                    continue;
                }
                *rows += 1;
                Vec::new()
            }
        };
        samples.extend(count.samples.iter().map(WarningSample::json));
        let newest = &samples[samples.len().saturating_sub(WARNING_SAMPLES)..];
        add(tx, landing, count, (set, version, item), newest).await?;
    }
    Ok(())
}

async fn count_rows(tx: &mut Tx, landing: &Landing, flow: &str, hour: Millis) -> Result<u64, StoreError> {
    let sql = "SELECT count(*) FROM mapping_warning WHERE sandbox = $1 AND flow_id = $2 AND hour_ms = $3";
    tx.row(sql, values![landing.table.sandbox, flow, hour]).await?.map_or(Ok(0), |row| row.count(0))
}

/// Adds to a row: that of the item, or the one of all items for which there was no more room.
async fn add(
    tx: &mut Tx,
    landing: &Landing,
    count: &WarningCount,
    (set, version, item): (&str, u32, i64),
    samples: &[Value],
) -> Result<(), StoreError> {
    let sql = "INSERT INTO mapping_warning
                 (sandbox, flow_id, hour_ms, mapping_set, version, item, code, records, samples)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
               ON CONFLICT (sandbox, flow_id, hour_ms, mapping_set, version, item, code)
               DO UPDATE SET records = records + excluded.records, samples = excluded.samples";
    let values = values![
        landing.table.sandbox,
        &*count.flow,
        count.hour,
        set,
        version,
        item,
        count.code,
        count.records,
        json!(samples).to_string(),
    ];
    tx.execute(sql, values).await?;
    Ok(())
}
