//! The one door through which rows come in.
//!
//! Files first, stable; then one store transaction moves the table pointers and writes batches, outcome counts and the next
//! offset. The offset is compared before it is set, so landing a range twice changes nothing (`commit-once`). After an error
//! of the commit itself the outcome is unknown: the stored offset says which it was, and no file is deleted.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::builder::{ListBuilder, StringBuilder};
use arrow_array::{
    ArrayRef, BooleanArray, Int32Array, Int64Array, RecordBatch, StringArray, StructArray,
    TimestampMicrosecondArray,
};
use arrow_schema::{DataType, Field, Fields};
use serde_json::{Map, Value, json};
use store::{StoreError, Tx, values};
use vocab::{BatchId, DatasetNo, FlowNo, Millis, random};

use crate::failed::{FailedRow, Reason, failed_batch};
use crate::faults::fail_point;
use crate::limits::DAYS_MAX;
use crate::schema::{PROVENANCE, provenance_type, with_provenance};
use crate::snapshot::{self, Prepared};
use crate::table::{self, Key, swap_pointer};
use crate::warnings::{self, WarningCount};
use crate::{DATA, FAILED, Inner, LakeError, TableSpec, clean, data_files, lock};

/// A range of one dataset's journal offsets, refined.
#[derive(Clone, Debug)]
pub struct Landing {
    pub table: Arc<TableSpec>,
    pub partition: u32,
    /// The applied offset that this landing follows; 0 when there is none.
    pub expected: u64,
    pub first_offset: u64,
    /// The offset after the last one of the range.
    pub next_offset: u64,
    pub rows: Option<Rows>,
    pub failed: Vec<FailedRow>,
    pub outcomes: Vec<OutcomeCount>,
    /// By flow, so that those of one flow follow one another.
    pub warnings: Vec<WarningCount>,
    pub started: Millis,
    /// Bytes of the records as they came.
    pub input_bytes: u64,
    /// Members for the batches' documents: flows, mapping versions.
    pub doc: Map<String, Value>,
}

impl Landing {
    /// Where its records come from, the delivered ones and the failed ones.
    pub fn provenance(&self) -> impl Iterator<Item = &Provenance> {
        let delivered = self.rows.iter().flat_map(|rows| &rows.provenance);
        delivered.chain(self.failed.iter().map(|row| &row.provenance))
    }
}

/// Delivered records: their columns, and where each comes from.
#[derive(Clone, Debug)]
pub struct Rows {
    pub columns: RecordBatch,
    pub provenance: Vec<Provenance>,
}

/// Where a row comes from.
#[derive(Clone, Debug)]
pub struct Provenance {
    pub offset: u64,
    /// Position in its request.
    pub index: u32,
    pub received: Millis,
    /// The flow's id; empty for a record that came without one.
    pub flow: Arc<str>,
    pub authenticated: bool,
    /// The codes of its warnings: each once, in the order of the items.
    pub warnings: Vec<&'static str>,
}

/// What becomes of a record. The last four are the reasons of a skip.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    Delivered,
    Failed,
    Duplicate,
    ProfileOnly,
    ReplayRepeat,
    Discarded,
}

impl Outcome {
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Delivered => "delivered",
            Outcome::Failed => "failed",
            Outcome::Duplicate => "duplicate",
            Outcome::ProfileOnly => "profile-only",
            Outcome::ReplayRepeat => "replay-repeat",
            Outcome::Discarded => "discarded",
        }
    }
}

/// Records of a flow with the same outcome, by the hour of their receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutcomeCount {
    pub flow: FlowNo,
    pub hour: Millis,
    pub outcome: Outcome,
    pub records: u64,
    pub bytes: u64,
}

/// What a landing made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Landed {
    /// The Catalog batch of the delivered records.
    pub batch: Option<BatchId>,
    /// The Catalog batch of the failed ones.
    pub failed_batch: Option<BatchId>,
}

/// Why a landing did not happen.
#[derive(Debug, thiserror::Error)]
pub enum LandError {
    /// The range, or a part of it, was landed before: go on from there.
    #[error("offsets below {applied} have landed already")]
    AlreadyApplied { applied: u64 },
    /// Another process changed a table meanwhile: try again.
    #[error("the table was changed by another process")]
    Conflict,
    /// More days of `timestamp` than one commit may touch: land a smaller range.
    #[error("the rows are of {days} days, and one commit takes {DAYS_MAX}")]
    TooManyDays { days: usize },
    #[error("the table does not exist")]
    NoTable,
    #[error(transparent)]
    Lake(#[from] LakeError),
}

impl From<StoreError> for LandError {
    fn from(error: StoreError) -> Self {
        LandError::Lake(LakeError::Store(error))
    }
}

pub(crate) async fn land(lake: &Arc<Inner>, landing: Landing) -> Result<Landed, LandError> {
    let applied = applied(lake, landing.table.dataset, landing.partition).await?;
    if applied != landing.expected {
        return Err(LandError::AlreadyApplied { applied });
    }
    let commit = random::ulid(lake.clock.now());
    let offsets = json!({ landing.partition.to_string(): landing.next_offset }).to_string();
    let mut prepared = Vec::new();
    if let Some(rows) = landing.rows.as_ref().filter(|rows| rows.columns.num_rows() > 0) {
        let batch = with_provenance_column(rows, landing.partition).map_err(LakeError::from)?;
        let days = data_files::by_day(&batch, landing.table.time_series).len();
        if days > DAYS_MAX {
            return Err(LandError::TooManyDays { days });
        }
        prepared.push(prepare(lake, &landing.table, DATA, &batch, &commit, &offsets).await?);
    }
    if !landing.failed.is_empty() {
        let batch = failed_batch(&landing.failed, landing.partition)?;
        prepared.push(prepare(lake, &landing.table, FAILED, &batch, &commit, &offsets).await?);
    }
    fail_point("lake.after_files");
    let landed = commit_all(lake, &landing, &prepared).await?;
    fail_point("lake.after_commit");
    #[cfg(feature = "fakes")]
    if lake.lose_answer.swap(false, std::sync::atomic::Ordering::SeqCst) {
        return Err(LandError::Lake(LakeError::Schema("the answer is lost".to_owned())));
    }
    for table in prepared {
        let sequence = table.state.metadata.last_sequence_number();
        let state = Arc::new(table.state);
        lock(&lake.tables).insert(table.key, state.clone());
        clean::now_and_then(lake, &state, sequence).await;
    }
    Ok(landed)
}

async fn prepare(
    lake: &Inner,
    spec: &TableSpec,
    namespace: &str,
    batch: &RecordBatch,
    commit: &str,
    offsets: &str,
) -> Result<Prepared, LandError> {
    let key = Key::new(&spec.catalog, namespace, &spec.table);
    let state = match table::current(lake, &key).await? {
        Some(state) if table::is_of(&state, spec) => state,
        Some(_) => return Err(LandError::NoTable),
        None if lock(&lake.dropped).contains(&spec.dataset_id) => return Err(LandError::NoTable),
        // It could not be created with its dataset.
        None => {
            table::create(lake, spec, namespace).await?;
            table::current(lake, &key).await?.ok_or(LandError::NoTable)?
        }
    };
    Ok(snapshot::append(lake, key, &state, batch, commit, offsets).await?)
}

async fn applied(lake: &Inner, dataset: DatasetNo, partition: u32) -> Result<u64, StoreError> {
    let mut tx = lake.store.read().await?;
    applied_in(&mut tx, dataset, partition).await
}

async fn applied_in(tx: &mut Tx, dataset: DatasetNo, partition: u32) -> Result<u64, StoreError> {
    let sql = "SELECT next_offset FROM applied WHERE dataset = $1 AND partition = $2";
    tx.row(sql, values![dataset, partition]).await?.map_or(Ok(0), |row| row.count(0))
}

/// The transaction: all of it or nothing.
async fn commit_all(lake: &Inner, landing: &Landing, prepared: &[Prepared]) -> Result<Landed, LandError> {
    let mut tx = lake.store.write().await?;
    let applied = applied_in(&mut tx, landing.table.dataset, landing.partition).await?;
    if applied != landing.expected {
        return Err(LandError::AlreadyApplied { applied });
    }
    for table in prepared {
        if !swap_pointer(&mut tx, &table.key, &table.from, &table.state.location).await? {
            return Err(LandError::Conflict);
        }
    }
    let now = lake.clock.now();
    let find = |namespace: &str| prepared.iter().find(|table| table.key.namespace == namespace);
    let batch = match find(DATA) {
        Some(table) => Some(insert_batch(&mut tx, landing, table, now, "success").await?),
        None => None,
    };
    let failed_batch = match find(FAILED) {
        Some(table) => Some(insert_batch(&mut tx, landing, table, now, "failed").await?),
        None => None,
    };
    insert_outcomes(&mut tx, landing, now).await?;
    insert_reasons(&mut tx, landing).await?;
    warnings::insert(&mut tx, landing, now).await?;
    let sql = "INSERT INTO applied (dataset, partition, next_offset) VALUES ($1, $2, $3)
               ON CONFLICT (dataset, partition) DO UPDATE SET next_offset = excluded.next_offset";
    tx.execute(sql, values![landing.table.dataset, landing.partition, landing.next_offset]).await?;
    fail_point("lake.before_commit");
    if let Err(error) = tx.commit().await {
        // Unknown: it may have become durable before the error.
        let applied = self::applied(lake, landing.table.dataset, landing.partition).await?;
        if applied != landing.next_offset {
            return Err(error.into());
        }
        tracing::warn!(%error, "the commit reported an error and is there all the same");
    }
    Ok(Landed { batch, failed_batch })
}

async fn insert_batch(
    tx: &mut Tx,
    landing: &Landing,
    table: &Prepared,
    now: Millis,
    status: &str,
) -> Result<BatchId, StoreError> {
    let id = random::ulid(now);
    let success = status == "success";
    let failed_bytes: u64 = landing.failed.iter().map(|row| row.original.len() as u64).sum();
    let records: u64 = table.files.iter().map(|(_, rows, _)| rows).sum();
    let mut doc = landing.doc.clone();
    doc.insert("errors".to_owned(), if success { json!([]) } else { errors(&landing.failed) });
    let files =
        table.files.iter().map(|(path, rows, bytes)| json!({ "path": path, "records": rows, "size": bytes }));
    doc.insert("files".to_owned(), files.collect());
    doc.insert("table".to_owned(), json!(format!("{}.{}", table.key.namespace, table.key.name)));
    let sql = "INSERT INTO batch (id, sandbox, dataset, dataset_id, status, partition, first_offset, next_offset, read,
                 written, failed, input_bytes, output_bytes, snapshot, started_ms, completed_ms, doc)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)";
    let values = values![
        &id,
        landing.table.sandbox,
        landing.table.dataset,
        landing.table.dataset_id.as_str(),
        status,
        landing.partition,
        landing.first_offset,
        landing.next_offset,
        records,
        if success { records } else { 0 },
        if success { 0 } else { records },
        if success { landing.input_bytes.saturating_sub(failed_bytes) } else { failed_bytes },
        table.bytes(),
        table.snapshot_id,
        landing.started,
        now,
        Value::Object(doc).to_string(),
    ];
    tx.execute(sql, values).await?;
    Ok(BatchId(id))
}

/// The reasons by code: the first text of each, and how many records it touched.
fn errors(failed: &[FailedRow]) -> Value {
    let mut by_code: BTreeMap<&str, (String, u64)> = BTreeMap::new();
    for row in failed {
        let mut seen: Vec<&str> = Vec::new();
        for reason in row.reasons.iter() {
            if seen.contains(&reason.code.as_str()) {
                continue;
            }
            seen.push(&reason.code);
            let text = || match reason.pointer.as_str() {
                "" | "#" => reason.message.clone(),
                pointer => format!("{pointer}: {}", reason.message),
            };
            by_code.entry(&reason.code).or_insert_with(|| (text(), 0)).1 += 1;
        }
    }
    by_code
        .into_iter()
        .map(|(code, (description, count))| json!({ "code": code, "description": description, "recordCount": count, "rows": [] }))
        .collect()
}

async fn insert_outcomes(tx: &mut Tx, landing: &Landing, now: Millis) -> Result<(), StoreError> {
    let sql = "INSERT INTO outcome (sandbox, flow, dataset, hour_ms, outcome, records, bytes, updated_ms)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
               ON CONFLICT (sandbox, flow, dataset, hour_ms, outcome)
               DO UPDATE SET records = records + excluded.records, bytes = bytes + excluded.bytes,
                 updated_ms = excluded.updated_ms";
    for count in &landing.outcomes {
        let values = values![
            landing.table.sandbox,
            count.flow,
            landing.table.dataset,
            count.hour,
            count.outcome.name(),
            count.records,
            count.bytes,
            now,
        ];
        tx.execute(sql, values).await?;
    }
    Ok(())
}

/// Why records failed or were remarked on, by flow and hour: the first text of each code, and how many records it touched.
async fn insert_reasons(tx: &mut Tx, landing: &Landing) -> Result<(), StoreError> {
    let mut found: BTreeMap<(&str, i64, &str, &str), (&str, u64)> = BTreeMap::new();
    let texts: BTreeMap<(&str, i64, &str), String> = landing
        .warnings
        .iter()
        .map(|count| ((&*count.flow, count.hour.0, count.code), count.text()))
        .collect();
    for one in landing.provenance() {
        let any = (!one.warnings.is_empty()).then_some("");
        for code in one.warnings.iter().copied().chain(any) {
            let text = texts.get(&(&*one.flow, hour(one), code)).map(String::as_str).unwrap_or_default();
            found.entry((&*one.flow, hour(one), "warned", code)).or_insert((text, 0)).1 += 1;
        }
    }
    for row in &landing.failed {
        let one = &row.provenance;
        let mut reasons: Vec<&Reason> = row.reasons.iter().collect();
        reasons.sort_by_key(|reason| &reason.code);
        reasons.dedup_by_key(|reason| &reason.code);
        for reason in reasons {
            found.entry((&*one.flow, hour(one), "failed", &reason.code)).or_insert((&reason.message, 0)).1 +=
                1;
        }
    }
    let sql = "INSERT INTO outcome_reason (sandbox, flow_id, hour_ms, outcome, code, text, records)
               VALUES ($1, $2, $3, $4, $5, $6, $7)
               ON CONFLICT (sandbox, flow_id, hour_ms, outcome, code)
               DO UPDATE SET records = records + excluded.records";
    for ((flow, hour, outcome, code), (text, records)) in found {
        let values = values![landing.table.sandbox, flow, hour, outcome, code, text, records];
        tx.execute(sql, values).await?;
    }
    Ok(())
}

/// The hour in which it was received.
fn hour(one: &Provenance) -> i64 {
    one.received.0 - one.received.0.rem_euclid(3_600_000)
}

fn with_provenance_column(rows: &Rows, partition: u32) -> Result<RecordBatch, arrow_schema::ArrowError> {
    let provenance: Vec<&Provenance> = rows.provenance.iter().collect();
    let mut columns = rows.columns.columns().to_vec();
    columns.push(provenance_column(&provenance, partition)?);
    RecordBatch::try_new(Arc::new(with_provenance(&rows.columns.schema())), columns)
}

/// The column [`PROVENANCE`].
pub(crate) fn provenance_column(
    rows: &[&Provenance],
    partition: u32,
) -> Result<ArrayRef, arrow_schema::ArrowError> {
    let DataType::Struct(fields) = provenance_type() else {
        return Err(arrow_schema::ArrowError::SchemaError(format!("{PROVENANCE} is a struct")));
    };
    let fields: Fields = fields;
    let mut warnings =
        ListBuilder::new(StringBuilder::new()).with_field(Field::new("element", DataType::Utf8, true));
    for row in rows {
        // No list for the many rows without a warning.
        if row.warnings.is_empty() {
            warnings.append_null();
        } else {
            row.warnings.iter().for_each(|warning| warnings.values().append_value(warning));
            warnings.append(true);
        }
    }
    let received = TimestampMicrosecondArray::from_iter_values(rows.iter().map(|row| row.received.0 * 1000));
    let flow = |row: &&Provenance| Some(row.flow.to_string()).filter(|flow| !flow.is_empty());
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int32Array::from_value(partition as i32, rows.len())),
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.offset as i64))),
        Arc::new(Int32Array::from_iter_values(rows.iter().map(|row| row.index as i32))),
        Arc::new(received.with_timezone("UTC")),
        Arc::new(StringArray::from_iter(rows.iter().map(flow))),
        Arc::new(BooleanArray::from_iter(rows.iter().map(|row| Some(row.authenticated)))),
        Arc::new(warnings.finish()),
    ];
    Ok(Arc::new(StructArray::try_new(fields, columns, None)?))
}
