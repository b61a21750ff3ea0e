//! The table of a dataset's failed records: where each came from, every reason, and the bytes as they came.

use std::sync::Arc;

use arrow_array::builder::{
    BooleanBuilder, Int32Builder, LargeBinaryBuilder, ListBuilder, StringBuilder, StructBuilder,
};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Fields, Schema as ArrowSchema};
use bytes::Bytes;

use crate::LakeError;
use crate::land::{Provenance, provenance_column};
use crate::schema::{PROVENANCE, provenance_type};
use crate::warnings::Warning;

/// A record that did not pass mapping or validation.
#[derive(Clone, Debug)]
pub struct FailedRow {
    pub provenance: Provenance,
    pub inlet: String,
    /// Id and version of the mapping set, when the flow has one.
    pub mapping_set: Option<(String, u32)>,
    pub schema_version: String,
    pub reasons: Vec<Reason>,
    /// Whether there were more reasons than are kept.
    pub truncated: bool,
    /// What its mapping could not do.
    pub warnings: Vec<Warning>,
    /// How its mapping came to what it made of the record, as JSON.
    pub explain: Option<String>,
    /// The record as it came.
    pub original: Bytes,
}

/// Why a record failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    pub code: String,
    pub category: String,
    pub keyword: String,
    /// Where in the record: `#/a/b`.
    pub pointer: String,
    pub message: String,
}

const REASON_COLUMNS: [&str; 5] = ["code", "category", "keyword", "pointer", "message"];

fn reason_fields() -> Fields {
    Fields::from(REASON_COLUMNS.map(|name| Field::new(name, DataType::Utf8, true)).to_vec())
}

const WARNING_TEXTS: [&str; 3] = ["code", "destination", "message"];

fn warning_fields() -> Fields {
    let mut fields = vec![Field::new("mapping", DataType::Int32, true)];
    fields.extend(WARNING_TEXTS.map(|name| Field::new(name, DataType::Utf8, true)));
    Fields::from(fields)
}

/// The columns of every table of failed records. A table that was made with fewer gets the others with its next rows.
pub(crate) fn failed_columns() -> ArrowSchema {
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    let reason = Field::new("element", DataType::Struct(reason_fields()), true);
    let warning = Field::new("element", DataType::Struct(warning_fields()), true);
    ArrowSchema::new(vec![
        text("inlet"),
        text("mapping_set"),
        Field::new("mapping_version", DataType::Int32, true),
        text("schema_version"),
        Field::new("reasons", DataType::List(Arc::new(reason)), true),
        Field::new("truncated", DataType::Boolean, true),
        Field::new("original", DataType::LargeBinary, true),
        Field::new("warnings", DataType::List(Arc::new(warning)), true),
        text("explain"),
        Field::new(PROVENANCE, provenance_type(), true),
    ])
}

/// The rows as columns.
pub(crate) fn failed_batch(rows: &[FailedRow], partition: u32) -> Result<RecordBatch, LakeError> {
    let (mut inlet, mut set, mut schema) = (StringBuilder::new(), StringBuilder::new(), StringBuilder::new());
    let (mut version, mut truncated, mut original) =
        (Int32Builder::new(), BooleanBuilder::new(), LargeBinaryBuilder::new());
    let element = Field::new("element", DataType::Struct(reason_fields()), true);
    let mut reasons = ListBuilder::new(StructBuilder::from_fields(reason_fields(), 0)).with_field(element);
    let mut explain = StringBuilder::new();
    for row in rows {
        inlet.append_value(&row.inlet);
        set.append_option(row.mapping_set.as_ref().map(|(id, _)| id));
        version.append_option(row.mapping_set.as_ref().and_then(|(_, version)| i32::try_from(*version).ok()));
        schema.append_value(&row.schema_version);
        for reason in &row.reasons {
            let texts = [&reason.code, &reason.category, &reason.keyword, &reason.pointer, &reason.message];
            for (at, text) in texts.into_iter().enumerate() {
                if let Some(column) = reasons.values().field_builder::<StringBuilder>(at) {
                    column.append_value(text);
                }
            }
            reasons.values().append(true);
        }
        reasons.append(true);
        truncated.append_value(row.truncated);
        original.append_value(&row.original);
        explain.append_option(row.explain.as_deref());
    }
    let provenance: Vec<&Provenance> = rows.iter().map(|row| &row.provenance).collect();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(inlet.finish()),
        Arc::new(set.finish()),
        Arc::new(version.finish()),
        Arc::new(schema.finish()),
        Arc::new(reasons.finish()),
        Arc::new(truncated.finish()),
        Arc::new(original.finish()),
        warnings_column(rows),
        Arc::new(explain.finish()),
        provenance_column(&provenance, partition)?,
    ];
    Ok(RecordBatch::try_new(Arc::new(failed_columns()), columns)?)
}

/// No list for a row without a warning.
fn warnings_column(rows: &[FailedRow]) -> ArrayRef {
    let element = Field::new("element", DataType::Struct(warning_fields()), true);
    let mut list = ListBuilder::new(StructBuilder::from_fields(warning_fields(), 0)).with_field(element);
    for row in rows {
        for warning in &row.warnings {
            let fields = list.values();
            if let Some(column) = fields.field_builder::<Int32Builder>(0) {
                column.append_option(warning.item.and_then(|item| i32::try_from(item).ok()));
            }
            for (at, text) in (1..).zip([warning.code, &warning.destination, &warning.message]) {
                if let Some(column) = fields.field_builder::<StringBuilder>(at) {
                    column.append_value(text);
                }
            }
            fields.append(true);
        }
        // A list without items rather than none: readers differ in what they make of the latter.
        list.append(true);
    }
    Arc::new(list.finish())
}
