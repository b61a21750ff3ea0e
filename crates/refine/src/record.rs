//! The fate of one record: mapped, validated, good or bad with every reason. Pure.

use journal::{Form, Frame};
use lake::Reason;
use vocab::Json;

use crate::limits::REASONS_MAX;
use crate::plan::{Dataset, Flow};

/// The failed-record code of the mapping step.
const MAPPING_CODE: &str = "MAPPER-3700-400";

/// The failed-record code of a message that is not in the form that the inlet let in.
const FORM_CODE: &str = "INGEST-1401-400";

/// What a record came to.
pub(crate) enum Refined<'a> {
    Delivered { record: Json<'a>, warnings: Vec<String> },
    Failed { reasons: Vec<Reason>, truncated: bool, warnings: Vec<String> },
}

/// Maps and validates the record of a frame of the log with that epoch.
pub(crate) fn refine<'a>(
    frame: &'a Frame,
    epoch: u64,
    flow: Option<&'a Flow>,
    dataset: &Dataset,
) -> Refined<'a> {
    let Some(record) = record_of(frame) else {
        return unusable("unclassified", "the message holds no record".to_owned(), FORM_CODE, Vec::new());
    };
    let mut warnings = Vec::new();
    let record = match flow.and_then(|flow| flow.mapping.as_ref()) {
        None => record,
        Some(mapping) => {
            let context = prep::Context { now: frame.header.received, seed: seed(epoch, frame.offset) };
            let mapped = mapping.set.apply(&record, &context);
            warnings = mapped.warnings.iter().map(warning).collect();
            if mapped.written == 0 {
                let text = "no mapping item wrote a value".to_owned();
                return unusable("mapping", text, MAPPING_CODE, warnings);
            }
            mapped.record
        }
    };
    let violations = dataset.schema.validate(&record, REASONS_MAX);
    if violations.is_empty() {
        return Refined::Delivered { record, warnings };
    }
    let reasons = violations.list.into_iter().map(|violation| Reason {
        code: violation.code.to_owned(),
        category: violation.category.name().to_owned(),
        keyword: violation.keyword.to_owned(),
        pointer: violation.pointer,
        message: violation.message,
    });
    Refined::Failed { reasons: reasons.collect(), truncated: violations.truncated, warnings }
}

/// What the ids of a record are drawn from: its place, so that a record refined again has the same.
fn seed(epoch: u64, offset: u64) -> u128 {
    u128::from(epoch) << 64 | u128::from(offset)
}

/// The record in a frame: the entity of a message, or the whole of a raw payload.
fn record_of(frame: &Frame) -> Option<Json<'_>> {
    let message = Json::parse(&frame.payload).ok()?;
    match frame.header.form {
        Form::Raw => Some(message),
        Form::Envelope => message.take("body")?.take("xdmEntity"),
    }
}

fn warning(warning: &prep::Warning) -> String {
    format!("{} {}: {}", warning.code, warning.destination, warning.message)
}

fn unusable<'a>(category: &str, message: String, code: &str, warnings: Vec<String>) -> Refined<'a> {
    let reason = Reason {
        code: code.to_owned(),
        category: category.to_owned(),
        keyword: category.to_owned(),
        pointer: "#".to_owned(),
        message,
    };
    Refined::Failed { reasons: vec![reason], truncated: false, warnings }
}
