//! The fate of one record: mapped, validated, good or bad with every reason. Pure.

use journal::{Form, Frame};
use lake::Reason;
use vocab::{Node, Read, Tape};
use xdm::Columns;

use crate::limits::REASONS_MAX;
use crate::plan::Flow;

/// The failed-record code of the mapping step.
const MAPPING_CODE: &str = "MAPPER-3700-400";

/// The failed-record code of a message that is not in the form that the inlet let in.
const FORM_CODE: &str = "INGEST-1401-400";

/// What a record came to.
pub(crate) enum Refined {
    /// It is a row of the columns.
    Delivered {
        /// Microseconds since 1970, when it says.
        timestamp: Option<i64>,
        warnings: Vec<String>,
    },
    Failed {
        reasons: Vec<Reason>,
        truncated: bool,
        warnings: Vec<String>,
    },
}

/// What is used again from record to record.
#[derive(Default)]
pub(crate) struct Scratch(Tape<'static>);

/// Maps the record of a frame of the log with that epoch, validates it and takes it into the columns.
pub(crate) fn refine(
    frame: &Frame,
    epoch: u64,
    flow: Option<&Flow>,
    columns: &mut Columns,
    scratch: &mut Scratch,
) -> Refined {
    let (tape, read) = std::mem::take(&mut scratch.0).parse(&frame.payload);
    let refined = match record_of(&tape, frame.header.form).filter(|_| read.is_ok()) {
        None => unusable("unclassified", "the message holds no record".to_owned(), FORM_CODE, Vec::new()),
        Some(record) => match flow.and_then(|flow| flow.mapping.as_ref()) {
            None => taken(record, columns, Vec::new()),
            Some(mapping) => {
                let context = prep::Context { now: frame.header.received, seed: seed(epoch, frame.offset) };
                let result = mapping.set.apply(record, &context);
                mapped(&result, mapping.set.refuses(&result), columns)
            }
        },
    };
    scratch.0 = tape.emptied();
    refined
}

fn mapped(mapped: &prep::Mapped<'_>, refused: Option<String>, columns: &mut Columns) -> Refined {
    let warnings = mapped.warnings.iter().map(prep::Warning::to_string).collect();
    if let Some(reason) = refused {
        return unusable("mapping", reason, MAPPING_CODE, warnings);
    }
    if mapped.written == 0 {
        return unusable("mapping", "no mapping item wrote a value".to_owned(), MAPPING_CODE, warnings);
    }
    taken(mapped.record(), columns, warnings)
}

fn taken<'t, N: Read<'t>>(record: N, columns: &mut Columns, warnings: Vec<String>) -> Refined {
    let violations = columns.take(record, REASONS_MAX);
    if violations.is_empty() {
        return Refined::Delivered { timestamp: timestamp(record), warnings };
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

fn timestamp<'t, N: Read<'t>>(record: N) -> Option<i64> {
    xdm::parse_date_time(record.get("timestamp")?.as_str()?)
}

/// What the ids of a record are drawn from: its place, so that a record refined again has the same.
fn seed(epoch: u64, offset: u64) -> u128 {
    u128::from(epoch) << 64 | u128::from(offset)
}

/// The record in a message: its entity, or the whole of a raw one.
fn record_of<'t, 'a>(tape: &'t Tape<'a>, form: Form) -> Option<Node<'t, 'a>> {
    match form {
        Form::Raw => Some(tape.root()),
        Form::Envelope => tape.root().get("body")?.get("xdmEntity"),
    }
}

fn unusable(category: &str, message: String, code: &str, warnings: Vec<String>) -> Refined {
    let reason = Reason {
        code: code.to_owned(),
        category: category.to_owned(),
        keyword: category.to_owned(),
        pointer: "#".to_owned(),
        message,
    };
    Refined::Failed { reasons: vec![reason], truncated: false, warnings }
}
