//! The records of one dataset that await their commit.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use journal::Frame;
use lake::limits::DAYS_MAX;
use lake::{FailedRow, Landing, Outcome, OutcomeCount, Provenance, Rows, Warning};
use serde_json::{Map, Value, json};
use vocab::{FlowNo, Millis};
use xdm::Columns;

use crate::faults::{Fault, planted};
use crate::limits::BUFFER_RECORDS_MAX;
use crate::plan::{Dataset, Flow, Plan};
use crate::record::{Refined, Scratch, refine};
use crate::warnings::{self, Warnings};

const HOUR_MS: i64 = 3_600_000;
const DAY_MICROS: i64 = 86_400_000_000;

/// Bytes that a row takes beside its columns: provenance, offsets, counts.
const ROW_OVERHEAD: usize = 96;

/// A range of one dataset's frames, refined. It is bound to the dataset as it was when the buffer was begun.
pub(crate) struct Buffer {
    dataset: Arc<Dataset>,
    columns: Columns,
    provenance: Vec<Provenance>,
    failed: Vec<FailedRow>,
    counts: BTreeMap<(FlowNo, Millis, Outcome), (u64, u64)>,
    warnings: Warnings,
    days: HashSet<i64>,
    flows: BTreeSet<String>,
    mappings: BTreeSet<(String, u32)>,
    /// Of the log that the records come from.
    epoch: u64,
    first_offset: u64,
    next_offset: u64,
    input_bytes: u64,
    failed_bytes: usize,
    records: u64,
    pub(crate) started: Millis,
    fault: Option<Fault>,
}

impl Buffer {
    pub(crate) fn new(dataset: Arc<Dataset>, epoch: u64, first_offset: u64, now: Millis) -> Self {
        Self {
            epoch,
            columns: dataset.schema.columns(),
            dataset,
            provenance: Vec::new(),
            failed: Vec::new(),
            counts: BTreeMap::new(),
            warnings: Warnings::default(),
            days: HashSet::new(),
            flows: BTreeSet::new(),
            mappings: BTreeSet::new(),
            first_offset,
            next_offset: first_offset,
            input_bytes: 0,
            failed_bytes: 0,
            records: 0,
            started: now,
            fault: planted(),
        }
    }

    /// Whether the buffer belongs to this version of the dataset.
    pub(crate) fn is_of(&self, dataset: &Arc<Dataset>) -> bool {
        Arc::ptr_eq(&self.dataset, dataset)
    }

    /// Whether its dataset is deleted, so that it only counts.
    pub(crate) fn is_discarding(&self) -> bool {
        self.dataset.deleted
    }

    pub(crate) fn first_offset(&self) -> u64 {
        self.first_offset
    }

    pub(crate) fn records(&self) -> u64 {
        self.records
    }

    /// About how many bytes of memory it takes.
    pub(crate) fn bytes(&self) -> usize {
        self.columns.bytes()
            + self.failed_bytes
            + self.warnings.bytes()
            + self.provenance.len() * ROW_OVERHEAD
    }

    /// Whether it takes no more, so that it must land first.
    pub(crate) fn is_full(&self) -> bool {
        self.records as usize >= BUFFER_RECORDS_MAX || self.days.len() >= DAYS_MAX
    }

    /// Takes a frame in, and decides its outcome.
    pub(crate) fn push(&mut self, frame: &Frame, plan: &Plan, scratch: &mut Scratch) {
        self.next_offset = frame.offset + 1;
        self.input_bytes += frame.payload.len() as u64;
        self.records += 1;
        let generation = plan.generations.get(&frame.header.sandbox);
        if self.dataset.deleted || generation.is_some_and(|now| frame.header.generation < *now) {
            return self.count(frame, Outcome::Discarded);
        }
        let flow = plan.flows.get(&frame.header.flow);
        if let Some(flow) = flow {
            self.note(flow);
        }
        let planted = self.fault.filter(|_| frame.offset % 100 == 99);
        let mut nowhere = (planted == Some(Fault::LakeDrop)).then(|| self.dataset.schema.columns());
        let columns = nowhere.as_mut().unwrap_or(&mut self.columns);
        let of = flow.map(Arc::as_ref);
        match refine(frame, self.epoch, of, columns, scratch) {
            Refined::Delivered { timestamp, warnings } => {
                if self.dataset.table.time_series {
                    self.days.extend(timestamp.map(|micros| micros.div_euclid(DAY_MICROS)));
                }
                if planted == Some(Fault::LakeDouble) {
                    refine(frame, self.epoch, of, &mut self.columns, scratch);
                    self.provenance.push(provenance(frame, flow, Vec::new()));
                }
                if nowhere.is_none() {
                    self.provenance.push(provenance(frame, flow, warnings::codes(&warnings)));
                }
                self.count(frame, Outcome::Delivered);
                self.warn(frame, flow, warnings);
            }
            Refined::Failed { reasons, truncated, warnings, explain } => {
                self.failed_bytes += frame.payload.len() + reasons.len() * ROW_OVERHEAD;
                self.failed_bytes += warnings.iter().map(warnings::bytes).sum::<usize>();
                self.failed_bytes += explain.as_ref().map_or(0, String::len);
                self.warn(frame, flow, warnings.clone());
                self.failed.push(FailedRow {
                    provenance: provenance(frame, flow, warnings::codes(&warnings)),
                    inlet: plan.inlets.get(&frame.header.inlet).map(ToString::to_string).unwrap_or_default(),
                    mapping_set: flow.and_then(|flow| {
                        let mapping = flow.mapping.as_ref()?;
                        Some((mapping.id.0.clone(), mapping.version))
                    }),
                    schema_version: self.dataset.schema_version.clone(),
                    reasons,
                    truncated,
                    warnings,
                    explain,
                    original: frame.payload.clone(),
                });
                self.count(frame, Outcome::Failed);
            }
        }
    }

    fn count(&mut self, frame: &Frame, outcome: Outcome) {
        let count = self.counts.entry((frame.header.flow, hour(frame), outcome)).or_default();
        count.0 += 1;
        count.1 += frame.payload.len() as u64;
    }

    fn warn(&mut self, frame: &Frame, flow: Option<&Arc<Flow>>, warnings: Vec<Warning>) {
        if let Some(flow) = flow {
            self.warnings.add(frame, hour(frame), flow, warnings);
        }
    }

    /// Remembers which flow and mapping version made the batch.
    fn note(&mut self, flow: &Flow) {
        if !self.flows.contains(flow.id.as_str()) {
            self.flows.insert(flow.id.0.clone());
            self.mappings
                .extend(flow.mapping.as_ref().map(|mapping| (mapping.id.0.clone(), mapping.version)));
        }
    }

    /// The commit that lands it.
    pub(crate) fn seal(mut self, partition: u32, expected: u64) -> Landing {
        let rows = (!self.provenance.is_empty()).then(|| Rows {
            columns: self.columns.finish(),
            provenance: std::mem::take(&mut self.provenance),
        });
        let outcomes = self.counts.iter().map(|((flow, hour, outcome), (records, bytes))| OutcomeCount {
            flow: *flow,
            hour: *hour,
            outcome: *outcome,
            records: *records,
            bytes: *bytes,
        });
        Landing {
            table: self.dataset.table.clone(),
            partition,
            expected,
            first_offset: self.first_offset,
            next_offset: self.next_offset,
            rows,
            outcomes: outcomes.collect(),
            warnings: self.warnings.finish(partition),
            failed: self.failed,
            started: self.started,
            input_bytes: self.input_bytes,
            doc: doc(&self.dataset, &self.flows, &self.mappings),
        }
    }
}

/// What the batch says of its making.
fn doc(
    dataset: &Dataset,
    flows: &BTreeSet<String>,
    mappings: &BTreeSet<(String, u32)>,
) -> Map<String, Value> {
    let mappings: Vec<Value> =
        mappings.iter().map(|(id, version)| json!({ "id": id, "version": version })).collect();
    let mut doc = Map::new();
    doc.insert("flowIds".to_owned(), json!(flows));
    doc.insert("mappingSets".to_owned(), json!(mappings));
    doc.insert("schemaVersion".to_owned(), json!(dataset.schema_version));
    doc
}

/// The hour in which it was received.
fn hour(frame: &Frame) -> Millis {
    let received = frame.header.received.0;
    Millis(received - received.rem_euclid(HOUR_MS))
}

fn provenance(frame: &Frame, flow: Option<&Arc<Flow>>, warnings: Vec<&'static str>) -> Provenance {
    Provenance {
        offset: frame.offset,
        index: frame.header.index,
        received: frame.header.received,
        flow: flow.map(|flow| flow.id.as_str().into()).unwrap_or_default(),
        authenticated: frame.header.authenticated,
        warnings,
    }
}
