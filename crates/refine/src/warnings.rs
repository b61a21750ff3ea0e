//! The warnings of the records of one buffer, on their way to the counts.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use journal::Frame;
use lake::limits::WARNING_SAMPLES;
use lake::{Warning, WarningCount, WarningSample};
use vocab::{FlowNo, Millis};

use crate::limits::WARNING_TEXT_BYTES_MAX;
use crate::plan::{Flow, Mapping};

/// Bytes that a count or a sample takes beside its texts.
const OVERHEAD: usize = 192;

/// A mapping item's warning.
pub(crate) fn of_item(warning: prep::Warning) -> Warning {
    Warning {
        item: u32::try_from(warning.item).ok(),
        code: warning.code,
        source: clipped(warning.source),
        destination: clipped(warning.destination),
        message: clipped(warning.message),
    }
}

/// A warning of the record as a whole.
pub(crate) fn of_record(code: &'static str, message: String) -> Warning {
    Warning { item: None, code, source: String::new(), destination: String::new(), message }
}

fn clipped(mut text: String) -> String {
    if text.len() > WARNING_TEXT_BYTES_MAX {
        text.truncate(text.floor_char_boundary(WARNING_TEXT_BYTES_MAX));
        text.push('…');
        text.shrink_to_fit();
    }
    text
}

/// About how many bytes of memory a warning takes.
pub(crate) fn bytes(warning: &Warning) -> usize {
    OVERHEAD + warning.source.len() + warning.destination.len() + warning.message.len()
}

/// The codes of a record's warnings: each once, in the order of the items.
pub(crate) fn codes(warnings: &[Warning]) -> Vec<&'static str> {
    let mut codes: Vec<&'static str> = Vec::new();
    for warning in warnings {
        if !codes.contains(&warning.code) {
            codes.push(warning.code);
        }
    }
    codes
}

/// Warnings by flow and mapping set, hour, item and code.
#[derive(Default)]
pub(crate) struct Warnings {
    flows: BTreeMap<FlowNo, Vec<OfMapping>>,
    bytes: usize,
}

/// Those of one flow while it had one version of one mapping set; a plan may change while a buffer fills.
struct OfMapping {
    flow: Arc<Flow>,
    mapping: Mapping,
    tallies: BTreeMap<(Millis, Option<u32>, &'static str), Tally>,
}

#[derive(Default)]
struct Tally {
    records: u64,
    /// The newest, oldest first.
    samples: VecDeque<Sample>,
}

struct Sample {
    offset: u64,
    received: Millis,
    index: u32,
    warning: Warning,
}

impl Warnings {
    /// About how many bytes of memory they take. It never shrinks.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Counts the warnings of one record; an item that has one several times, once for each of its codes.
    pub(crate) fn add(&mut self, frame: &Frame, hour: Millis, flow: &Arc<Flow>, warnings: Vec<Warning>) {
        let Some(mapping) = flow.mapping.as_ref().filter(|_| !warnings.is_empty()) else { return };
        let of_flow = self.flows.entry(flow.no).or_default();
        let same = |of: &OfMapping| of.mapping.id == mapping.id && of.mapping.version == mapping.version;
        let at = of_flow.iter().position(same).unwrap_or_else(|| {
            let (flow, mapping) = (flow.clone(), mapping.clone());
            of_flow.push(OfMapping { flow, mapping, tallies: BTreeMap::new() });
            of_flow.len() - 1
        });
        let tallies = &mut of_flow[at].tallies;
        for warning in warnings {
            let tally = tallies.entry((hour, warning.item, warning.code)).or_default();
            if tally.samples.back().is_some_and(|last| last.offset == frame.offset) {
                continue;
            }
            tally.records += 1;
            let oldest = if tally.samples.len() < WARNING_SAMPLES { None } else { tally.samples.pop_front() };
            let freed = oldest.map_or(0, |sample| bytes(&sample.warning));
            self.bytes += bytes(&warning).saturating_sub(freed);
            let (offset, received, index) = (frame.offset, frame.header.received, frame.header.index);
            tally.samples.push_back(Sample { offset, received, index, warning });
        }
    }

    /// The counts, flow by flow.
    pub(crate) fn finish(self, partition: u32) -> Vec<WarningCount> {
        let mut counts = Vec::new();
        for of in self.flows.into_values().flatten() {
            let flow: Arc<str> = of.flow.id.as_str().into();
            let mapping_set = (of.mapping.id.0, of.mapping.version);
            for ((hour, item, code), tally) in of.tallies {
                let samples = tally.samples.into_iter().map(|sample| WarningSample {
                    xaction_id: journal::xaction_id(sample.received, partition, sample.offset),
                    index: sample.index,
                    warning: sample.warning,
                });
                counts.push(WarningCount {
                    flow: flow.clone(),
                    hour,
                    mapping_set: mapping_set.clone(),
                    item,
                    code,
                    records: tally.records,
                    samples: samples.collect(),
                });
            }
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warning(item: u32, code: &'static str) -> Warning {
        Warning { item: Some(item), ..of_record(code, String::new()) }
    }

    #[test]
    fn codes_come_once_and_in_order() {
        let warnings = [warning(0, "b"), warning(1, "a"), warning(1, "b"), of_record("c", String::new())];
        assert_eq!(codes(&warnings), ["b", "a", "c"]);
    }

    #[test]
    fn long_texts_are_clipped_between_characters() {
        let text = clipped("é".repeat(WARNING_TEXT_BYTES_MAX));
        assert_eq!(text, format!("{}…", "é".repeat(WARNING_TEXT_BYTES_MAX / 2)));
        assert_eq!(clipped("short".to_owned()), "short");
    }
}
