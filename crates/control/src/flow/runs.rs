//! Flow runs. A streaming flow runs all the time, so a run is one hour of one flow, and its figures are the outcomes that
//! were counted in the commits that landed its records. Nothing is stored for a run itself.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use store::{Row, StoreError, Tx, values};
use vocab::{FlowNo, Millis, random};

use super::error::FlowError;
use super::query::{Listable, Listed, Query};
use super::{Wiring, body, warnings};
use crate::limits::{RUN_BATCHES_MAX, RUN_ROWS_MAX};
use crate::{Kind, Saved, Scope, resource};

pub const COLLECTION: &str = "runs";

const HOUR_MS: i64 = 3_600_000;

/// What the log has received since it began, by flow: what has no outcome yet is pending.
pub type Received = BTreeMap<FlowNo, u64>;

/// One hour of one flow.
#[derive(Clone, Debug)]
pub struct Run {
    id: String,
    flow: String,
    flow_no: u32,
    hour: Millis,
    updated: Millis,
    delivered: u64,
    failed: u64,
    skipped: u64,
    pending: u64,
    input_bytes: u64,
    delivered_bytes: u64,
}

impl Listable for Run {
    fn id(&self) -> &str {
        &self.id
    }
    fn name(&self) -> &str {
        &self.flow
    }
    fn state(&self) -> &str {
        self.status()
    }
    fn created(&self) -> Millis {
        self.hour
    }
    fn updated(&self) -> Millis {
        self.updated
    }
    fn no(&self) -> u32 {
        self.flow_no
    }
}

impl Run {
    fn new(flow: &str, flow_no: u32, hour: Millis) -> Self {
        let (flow, id) = (flow.to_owned(), id(flow, flow_no, hour));
        Self {
            id,
            flow,
            flow_no,
            hour,
            updated: hour,
            delivered: 0,
            failed: 0,
            skipped: 0,
            pending: 0,
            input_bytes: 0,
            delivered_bytes: 0,
        }
    }

    fn add(&mut self, outcome: &str, records: u64, bytes: u64, updated: Millis) {
        match outcome {
            "delivered" => {
                self.delivered += records;
                self.delivered_bytes += bytes;
            }
            "failed" => self.failed += records,
            _ => self.skipped += records,
        }
        self.input_bytes += bytes;
        self.updated = self.updated.max(updated);
    }

    /// `inProgress` while records are on their way to the lake, `failed` when none of those that came could be delivered.
    fn status(&self) -> &'static str {
        match self {
            run if run.pending > 0 => "inProgress",
            run if run.failed > 0 && run.delivered == 0 => "failed",
            _ => "success",
        }
    }

    fn received(&self) -> u64 {
        self.delivered + self.failed + self.skipped + self.pending
    }

    /// In the form of the other etags: the records with an outcome and the time of the last one.
    fn etag(&self) -> String {
        let seconds = u32::try_from(self.updated.seconds()).unwrap_or(u32::MAX);
        let counted = (self.received() - self.pending) & u64::from(u32::MAX);
        format!("\"{counted:08x}-0000-0200-0000-{seconds:08x}0000\"")
    }
}

/// A UUID that holds the hour and the flow's number, so that a run is found by it, and a digest that no other flow's has.
fn id(flow: &str, flow_no: u32, hour: Millis) -> String {
    let hours = u32::try_from(hour.0 / HOUR_MS).unwrap_or_default();
    let mut digest = Sha256::new();
    digest.update(flow.as_bytes());
    digest.update(hour.0.to_be_bytes());
    let digest = digest.finalize();
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&hours.to_be_bytes());
    bytes[4..12].copy_from_slice(&digest[..8]);
    bytes[12..].copy_from_slice(&flow_no.to_be_bytes());
    random::uuid_text(bytes, 8)
}

/// The hour and the flow's number of an id.
fn parts(id: &str) -> Option<(Millis, u32)> {
    let hours = u32::from_str_radix(id.get(..8)?, 16).ok()?;
    let no = u32::from_str_radix(id.get(28..36)?, 16).ok()?;
    (id.len() == 36).then_some((Millis(i64::from(hours) * HOUR_MS), no))
}

/// The run of that id, as it is shown.
pub async fn get(tx: &mut Tx, scope: &Scope, received: &Received, id: &str) -> Result<Value, FlowError> {
    let unknown = || FlowError::NotFound { collection: COLLECTION, id: id.to_owned() };
    let (_, no) = parts(id).ok_or_else(unknown)?;
    let runs = of_flow(tx, scope, received, no).await?;
    let run = runs.into_iter().find(|run| run.id.eq_ignore_ascii_case(id)).ok_or_else(unknown)?;
    Ok(shown(tx, scope, &run).await?)
}

/// One page of runs, newest first unless it is ordered otherwise, or their number.
pub async fn list(
    tx: &mut Tx,
    scope: &Scope,
    received: &Received,
    query: &Query,
) -> Result<Listed, FlowError> {
    let mut runs = match query.only("flowId") {
        Some(ids) => {
            let mut runs = Vec::new();
            for id in ids {
                if let Some(no) = number(tx, scope, id).await? {
                    runs.extend(of_flow(tx, scope, received, no).await?);
                }
            }
            runs
        }
        None => newest(tx, scope, received).await?,
    };
    // Most of a run is read for those alone that are looked at.
    let mut items = BTreeMap::new();
    if query.has_filters_beside("flowId") {
        for run in &runs {
            items.insert(run.id.clone(), shown(tx, scope, run).await?);
        }
        runs.retain(|run| items.get(&run.id).is_some_and(|item| query.passes(item)));
    }
    let listed = query.cut(runs);
    let (runs, next) = match listed {
        Err(count) => return Ok(Listed::Count(count)),
        Ok(page) => page,
    };
    let mut page = Vec::with_capacity(runs.len());
    for run in &runs {
        let item = match items.remove(&run.id) {
            Some(item) => item,
            None => shown(tx, scope, run).await?,
        };
        page.push(query.project(item));
    }
    Ok(Listed::Page { items: page, next })
}

/// What a flow's item says of its last run; nothing when there was none.
pub async fn last(
    tx: &mut Tx,
    scope: &Scope,
    received: &Received,
    flow: &Saved,
) -> Result<Option<Value>, FlowError> {
    let runs = of_flow(tx, scope, received, flow.no).await?;
    Ok(runs.into_iter().max_by_key(|run| run.hour).map(|run| {
        json!({
            "id": run.id, "state": run.status(), "startedAtUTC": run.hour.0, "completedAtUTC": run.updated.0
        })
    }))
}

/// Starting a run by hand is for flows that run once.
pub async fn create(
    tx: &mut Tx,
    scope: &Scope,
    request: &Map<String, Value>,
) -> Result<std::convert::Infallible, FlowError> {
    let id = request.get("flowId").and_then(Value::as_str).filter(|id| !id.is_empty());
    let id = id.ok_or_else(|| body::invalid("flowId is required"))?;
    if resource::get(tx, scope, Kind::Flows, id).await?.is_none() {
        return Err(FlowError::RunOfUnknownFlow(id.to_owned()));
    }
    Err(body::invalid("a streaming flow runs all the time: it cannot be started by hand"))
}

/// The number of a flow, also of a deleted one.
async fn number(tx: &mut Tx, scope: &Scope, id: &str) -> Result<Option<u32>, StoreError> {
    let sql = "SELECT no FROM resource WHERE sandbox = $1 AND kind = 'flows' AND id = $2
               UNION ALL SELECT no FROM retired WHERE sandbox = $1 AND kind = 'flows' AND id = $2";
    tx.row(sql, values![scope.sandbox, id]).await?.map(|row| row.number(0)).transpose()
}

/// The id of a flow, also of a deleted one.
async fn id_of(tx: &mut Tx, scope: &Scope, no: u32) -> Result<Option<String>, StoreError> {
    let sql = "SELECT id FROM resource WHERE sandbox = $1 AND kind = 'flows' AND no = $2
               UNION ALL SELECT id FROM retired WHERE sandbox = $1 AND kind = 'flows' AND no = $2";
    tx.row(sql, values![scope.sandbox, no]).await?.map(|row| Ok(row.text(0)?.to_owned())).transpose()
}

/// All runs of a flow; what is pending belongs to the hour that it is now.
async fn of_flow(tx: &mut Tx, scope: &Scope, received: &Received, no: u32) -> Result<Vec<Run>, StoreError> {
    let Some(flow) = id_of(tx, scope, no).await? else { return Ok(Vec::new()) };
    let sql = "SELECT hour_ms, outcome, sum(records), sum(bytes), max(updated_ms) FROM outcome
               WHERE sandbox = $1 AND flow = $2 GROUP BY hour_ms, outcome ORDER BY hour_ms DESC";
    let rows = tx.rows(sql, values![scope.sandbox, no]).await?;
    let mut runs: BTreeMap<i64, Run> = BTreeMap::new();
    for row in &rows {
        let hour = row.int(0)?;
        let run = runs.entry(hour).or_insert_with(|| Run::new(&flow, no, Millis(hour)));
        run.add(row.text(1)?, row.count(2)?, row.count(3)?, Millis(row.int(4)?));
    }
    let counted: u64 = runs.values().map(Run::received).sum();
    let pending = received.get(&FlowNo(no)).copied().unwrap_or_default().saturating_sub(counted);
    if pending > 0 {
        let hour = scope.now.0 - scope.now.0.rem_euclid(HOUR_MS);
        runs.entry(hour).or_insert_with(|| Run::new(&flow, no, Millis(hour))).pending = pending;
    }
    Ok(runs.into_values().collect())
}

/// The runs of the newest hours of all flows.
async fn newest(tx: &mut Tx, scope: &Scope, received: &Received) -> Result<Vec<Run>, StoreError> {
    let sql = "SELECT DISTINCT flow FROM outcome WHERE sandbox = $1 AND hour_ms >=
                 (SELECT coalesce(min(hour_ms), 0) FROM
                   (SELECT hour_ms FROM outcome WHERE sandbox = $1 ORDER BY hour_ms DESC LIMIT $2))";
    let rows: Vec<Row> = tx.rows(sql, values![scope.sandbox, RUN_ROWS_MAX]).await?;
    let mut flows = rows.iter().map(|row| row.number(0)).collect::<Result<Vec<u32>, _>>()?;
    flows.extend(received.keys().map(|flow| flow.0));
    flows.sort_unstable();
    flows.dedup();
    let mut runs = Vec::new();
    for no in flows {
        runs.extend(of_flow(tx, scope, received, no).await?);
    }
    Ok(runs)
}

/// The full item of a run.
async fn shown(tx: &mut Tx, scope: &Scope, run: &Run) -> Result<Value, StoreError> {
    let flow = resource::get(tx, scope, Kind::Flows, &run.flow).await?;
    let reasons = reasons(tx, scope, run).await?;
    let by_item = warnings::of_hour(tx, scope, &run.flow, run.hour).await?;
    let of = |outcome: &'static str| reasons.iter().filter(move |reason| reason.outcome == outcome);
    let codes = || of("warned").filter(|reason| !reason.code.is_empty());
    let errors: Vec<Value> = of("failed")
        .chain(codes())
        .map(|reason| json!({ "code": reason.code, "message": reason.text, "recordCount": reason.records }))
        .collect();
    let warned: u64 = of("warned").filter(|reason| reason.code.is_empty()).map(|reason| reason.records).sum();
    let duration = json!({ "startedAtUTC": run.hour.0, "completedAtUTC": run.updated.0 });
    let size = json!({ "inputBytes": run.input_bytes, "outputBytes": run.delivered_bytes });
    let record = json!({
        "inputRecordCount": run.received(), "outputRecordCount": run.delivered,
        "failedRecordCount": run.failed, "createdRecordCount": run.delivered,
        "warningRecordCount": warned, "skippedRecordCount": run.skipped, "pendingRecordCount": run.pending
    });
    let (status, activity) = (run.status(), "streamingIngestion");
    let list = |name: &str| {
        flow.as_ref()
            .and_then(|flow| flow.doc.get(name))
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default()
    };
    let refer = |ids: Vec<Value>, kind: &str| -> Vec<Value> {
        ids.into_iter().map(|id| json!({ "id": id, "type": kind })).collect()
    };
    let mut targets = refer(list("targetConnectionIds"), "TargetConnection");
    if let (Some(first), Some(flow)) = (targets.first_mut(), &flow)
        && let Some(wiring) = Wiring::of(&flow.doc)
    {
        let ids = batches(tx, scope, run, &wiring.dataset).await?;
        first["reference"] = json!({ "type": "Batch", "ids": ids });
    }
    let text = |choose: fn(&Saved) -> &str| flow.as_ref().map(choose).unwrap_or_default();
    Ok(json!({
        "id": run.id,
        "createdAt": run.hour.0, "updatedAt": run.updated.0,
        "createdBy": text(|flow| &flow.created_by), "updatedBy": text(|flow| &flow.created_by),
        "createdClient": text(|flow| &flow.created_client), "updatedClient": text(|flow| &flow.created_client),
        "sandboxId": scope.sandbox_id.as_str(), "sandboxName": scope.sandbox_name,
        "imsOrgId": scope.org.as_str(),
        "flowId": run.flow,
        "flowSpec": flow.as_ref().and_then(|flow| flow.doc.get("flowSpec")).cloned().unwrap_or_else(|| json!({})),
        "etag": run.etag(),
        "metrics": {
            "durationSummary": duration, "sizeSummary": size, "recordSummary": record,
            "warningSummary": {
                "codes": codes()
                    .map(|reason| json!({ "code": reason.code, "recordCount": reason.records }))
                    .collect::<Vec<_>>(),
                "warnings": by_item, "activityRefs": [activity]
            },
            "fileSummary": { "inputFileCount": 0, "outputFileCount": 0, "activityRefs": [activity] },
            "statusSummary": { "status": status, "errors": errors, "activityRefs": [activity] }
        },
        "activities": [{
            "id": activity, "name": "Streaming ingestion", "updatedAtUTC": run.updated.0,
            "durationSummary": duration, "sizeSummary": size, "recordSummary": record, "fileSummary": {},
            "statusSummary": { "status": status, "extensions": { "errors": errors } },
            "sourceInfo": refer(list("sourceConnectionIds"), "SourceConnection"),
            "targetInfo": targets
        }]
    }))
}

struct Reason {
    outcome: String,
    code: String,
    text: String,
    records: u64,
}

async fn reasons(tx: &mut Tx, scope: &Scope, run: &Run) -> Result<Vec<Reason>, StoreError> {
    let sql = "SELECT outcome, code, text, records FROM outcome_reason
               WHERE sandbox = $1 AND flow_id = $2 AND hour_ms = $3 ORDER BY outcome, code";
    let rows = tx.rows(sql, values![scope.sandbox, &run.flow, run.hour]).await?;
    let read = |row: &Row| {
        Ok(Reason {
            outcome: row.text(0)?.to_owned(),
            code: row.text(1)?.to_owned(),
            text: row.text(2)?.to_owned(),
            records: row.count(3)?,
        })
    };
    rows.iter().map(read).collect()
}

/// The newest batches that hold records of the run: commits of its time that name its flow.
async fn batches(tx: &mut Tx, scope: &Scope, run: &Run, dataset: &str) -> Result<Vec<String>, StoreError> {
    let sql =
        "SELECT id, doc FROM batch WHERE sandbox = $1 AND dataset_id = $2 AND completed_ms BETWEEN $3 AND $4
               ORDER BY completed_ms DESC LIMIT $5";
    let values = values![scope.sandbox, dataset, run.hour, run.updated, RUN_BATCHES_MAX];
    let mut ids = Vec::new();
    for row in tx.rows(sql, values).await? {
        let doc: Value = serde_json::from_str(row.text(1)?).unwrap_or_default();
        let flows = doc.get("flowIds").and_then(Value::as_array);
        if flows.is_some_and(|flows| flows.iter().any(|flow| *flow == run.flow)) {
            ids.push(row.text(0)?.to_owned());
        }
    }
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_hold_the_hour_and_the_flow() {
        let hour = Millis(495_000 * HOUR_MS);
        let made = id("a-flow", 70_000, hour);
        assert_eq!(parts(&made), Some((hour, 70_000)));
        assert_ne!(made, id("b-flow", 70_000, hour));
        for bad in
            ["", "x", "00000000-0000-0000-0000-00000000000", "zzzzzzzz-0000-0000-0000-000000000000", "ü"]
        {
            assert_eq!(parts(bad), None, "{bad}");
        }
    }
}
