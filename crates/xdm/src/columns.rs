//! Columns from records: one walk over each, into typed buffers.
//!
//! A record is appended after it was validated. One that was not cannot do harm: a value of another type than its column's
//! is null.

use std::sync::Arc;

use arrow_array::builder::{
    BooleanBuilder, Date32Builder, Float64Builder, Int32Builder, Int64Builder, StringBuilder,
    TimestampMicrosecondBuilder,
};
use arrow_array::{ArrayRef, ListArray, MapArray, RecordBatch, StructArray};
use arrow_buffer::{NullBufferBuilder, OffsetBuffer};
use arrow_schema::{DataType, Field as ArrowField, FieldRef, Fields};
use vocab::Json;

use crate::compile::{Schema, arrow_type};
use crate::dates::{parse_date, parse_date_time};
use crate::types::{ObjectType, Type};

/// Rows of a schema, a column for each field.
#[derive(Debug)]
pub struct Columns {
    schema: Arc<Schema>,
    root: Vec<Column>,
    rows: usize,
    bytes: usize,
}

impl Columns {
    pub(crate) fn new(schema: Arc<Schema>, rows: usize) -> Self {
        let root = columns_of(schema.root(), rows);
        Self { schema, root, rows: 0, bytes: 0 }
    }

    /// Appends one record. What the schema does not know is left out.
    pub fn append(&mut self, record: &Json<'_>) {
        let schema = self.schema.clone();
        self.bytes += append_fields(&mut self.root, schema.root(), record.as_object());
        self.rows += 1;
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    /// About how many bytes the rows take.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The rows so far; the columns are empty afterwards.
    pub fn finish(&mut self) -> RecordBatch {
        let arrays = self.root.iter_mut().map(Column::finish).collect();
        let options = arrow_array::RecordBatchOptions::new().with_row_count(Some(self.rows));
        self.rows = 0;
        self.bytes = 0;
        // The arrays are built from the same types as the schema.
        RecordBatch::try_new_with_options(self.schema.arrow().clone(), arrays, &options)
            .unwrap_or_else(|_| RecordBatch::new_empty(self.schema.arrow().clone()))
    }
}

/// The buffer of one field.
#[derive(Debug)]
enum Column {
    Text(StringBuilder),
    Json(StringBuilder),
    Boolean(BooleanBuilder),
    Int(Int32Builder),
    Long(Int64Builder),
    Double(Float64Builder),
    Date(Date32Builder),
    DateTime(TimestampMicrosecondBuilder),
    Object {
        fields: Fields,
        children: Vec<Column>,
        nulls: NullBufferBuilder,
        length: usize,
    },
    Array {
        element: FieldRef,
        items: Box<Column>,
        offsets: Vec<i32>,
        nulls: NullBufferBuilder,
    },
    Map {
        entries: FieldRef,
        keys: StringBuilder,
        values: Box<Column>,
        offsets: Vec<i32>,
        nulls: NullBufferBuilder,
    },
}

fn columns_of(object: &ObjectType, rows: usize) -> Vec<Column> {
    object.fields.iter().map(|field| Column::new(&field.ty, rows)).collect()
}

/// Appends each field of an object, or a null for each when there is none; about the bytes added.
fn append_fields(columns: &mut [Column], ty: &ObjectType, object: Option<&vocab::json::Object<'_>>) -> usize {
    let Some(object) = object else {
        columns.iter_mut().for_each(Column::append_null);
        return 0;
    };
    // Each member finds its column; the columns that none found get a null. Of duplicates there are none.
    let mut filled = Filled::new(columns.len());
    let mut bytes = 0;
    for (name, value) in object.iter() {
        if let Some((at, field)) = ty.find(name)
            && filled.set(at)
        {
            bytes += columns[at].append(value, &field.ty);
        }
    }
    for (at, column) in columns.iter_mut().enumerate() {
        if !filled.get(at) {
            column.append_null();
        }
    }
    bytes
}

/// A set of small numbers, on the stack while there are few.
enum Filled {
    Few(u128),
    Many(Vec<bool>),
}

impl Filled {
    fn new(count: usize) -> Self {
        if count <= 128 { Filled::Few(0) } else { Filled::Many(vec![false; count]) }
    }

    /// Whether it was not there before.
    fn set(&mut self, at: usize) -> bool {
        let before = self.get(at);
        match self {
            Filled::Few(bits) => *bits |= 1 << at,
            Filled::Many(flags) => flags[at] = true,
        }
        !before
    }

    fn get(&self, at: usize) -> bool {
        match self {
            Filled::Few(bits) => bits & (1 << at) != 0,
            Filled::Many(flags) => flags[at],
        }
    }
}

impl Column {
    fn new(ty: &Type, rows: usize) -> Self {
        match ty {
            Type::String => Column::Text(StringBuilder::with_capacity(rows, rows * 16)),
            Type::Json => Column::Json(StringBuilder::new()),
            Type::Boolean => Column::Boolean(BooleanBuilder::with_capacity(rows)),
            Type::Byte | Type::Short | Type::Int => Column::Int(Int32Builder::with_capacity(rows)),
            Type::Long => Column::Long(Int64Builder::with_capacity(rows)),
            Type::Double => Column::Double(Float64Builder::with_capacity(rows)),
            Type::Date => Column::Date(Date32Builder::with_capacity(rows)),
            Type::DateTime => {
                Column::DateTime(TimestampMicrosecondBuilder::with_capacity(rows).with_timezone("UTC"))
            }
            Type::Object(object) => {
                let fields = match arrow_type(ty) {
                    DataType::Struct(fields) => fields,
                    _ => Fields::empty(),
                };
                Column::Object {
                    fields,
                    children: columns_of(object, rows),
                    nulls: NullBufferBuilder::new(rows),
                    length: 0,
                }
            }
            Type::Array(item) => Column::Array {
                element: Arc::new(ArrowField::new("element", arrow_type(&item.ty), true)),
                items: Box::new(Column::new(&item.ty, rows)),
                offsets: vec![0],
                nulls: NullBufferBuilder::new(rows),
            },
            Type::Map(value) => {
                let entries = match arrow_type(ty) {
                    DataType::Map(entries, _) => entries,
                    other => Arc::new(ArrowField::new("key_value", other, false)),
                };
                Column::Map {
                    entries,
                    keys: StringBuilder::new(),
                    values: Box::new(Column::new(&value.ty, rows)),
                    offsets: vec![0],
                    nulls: NullBufferBuilder::new(rows),
                }
            }
        }
    }

    /// Appends a value, null when it does not fit; about the bytes added.
    fn append(&mut self, value: &Json<'_>, ty: &Type) -> usize {
        match (&mut *self, value) {
            (Column::Text(column), Json::String(text)) => {
                column.append_value(text);
                return text.len() + 4;
            }
            (Column::Json(column), Json::Object(_)) => {
                let text = value.to_string();
                column.append_value(&text);
                return text.len() + 4;
            }
            (Column::Boolean(column), Json::Bool(value)) => column.append_value(*value),
            (Column::Int(column), value) => {
                column.append_option(integer(value).and_then(|value| value.try_into().ok()))
            }
            (Column::Long(column), value) => column.append_option(integer(value)),
            (Column::Double(column), Json::Int(value)) => column.append_value(*value as f64),
            (Column::Double(column), Json::Float(value)) => column.append_value(*value),
            (Column::Date(column), Json::String(text)) => column.append_option(parse_date(text)),
            (Column::DateTime(column), Json::String(text)) => column.append_option(parse_date_time(text)),
            (Column::Object { children, nulls, length, .. }, Json::Object(object)) => {
                let Type::Object(ty) = ty else {
                    self.append_null();
                    return 0;
                };
                nulls.append_non_null();
                *length += 1;
                return append_fields(children, ty, Some(object)) + 1;
            }
            (Column::Array { items, offsets, nulls, .. }, Json::Array(values)) => {
                let Type::Array(item) = ty else {
                    self.append_null();
                    return 0;
                };
                let bytes: usize = values.iter().map(|value| items.append(value, &item.ty)).sum();
                nulls.append_non_null();
                push_offset(offsets, values.len());
                return bytes + 4;
            }
            (Column::Map { keys, values, offsets, nulls, .. }, Json::Object(object)) => {
                let Type::Map(ty) = ty else {
                    self.append_null();
                    return 0;
                };
                let (mut bytes, mut count) = (0, 0);
                for (key, value) in object.iter().filter(|(_, value)| !value.is_null()) {
                    keys.append_value(key);
                    bytes += key.len() + values.append(value, &ty.ty);
                    count += 1;
                }
                nulls.append_non_null();
                push_offset(offsets, count);
                return bytes + 4;
            }
            (column, _) => column.append_null(),
        }
        8
    }

    fn append_null(&mut self) {
        match self {
            Column::Text(column) | Column::Json(column) => column.append_null(),
            Column::Boolean(column) => column.append_null(),
            Column::Int(column) => column.append_null(),
            Column::Long(column) => column.append_null(),
            Column::Double(column) => column.append_null(),
            Column::Date(column) => column.append_null(),
            Column::DateTime(column) => column.append_null(),
            Column::Object { children, nulls, length, .. } => {
                nulls.append_null();
                *length += 1;
                children.iter_mut().for_each(Column::append_null);
            }
            Column::Array { offsets, nulls, .. } | Column::Map { offsets, nulls, .. } => {
                nulls.append_null();
                push_offset(offsets, 0);
            }
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Column::Text(column) | Column::Json(column) => Arc::new(column.finish()),
            Column::Boolean(column) => Arc::new(column.finish()),
            Column::Int(column) => Arc::new(column.finish()),
            Column::Long(column) => Arc::new(column.finish()),
            Column::Double(column) => Arc::new(column.finish()),
            Column::Date(column) => Arc::new(column.finish()),
            Column::DateTime(column) => Arc::new(column.finish()),
            Column::Object { fields, children, nulls, length } => {
                let arrays = children.iter_mut().map(Column::finish).collect();
                let length = std::mem::take(length);
                let made = StructArray::try_new_with_length(fields.clone(), arrays, nulls.finish(), length);
                Arc::new(made.unwrap_or_else(|_| StructArray::new_null(fields.clone(), length)))
            }
            Column::Array { element, items, offsets, nulls } => {
                let offsets = take_offsets(offsets);
                let rows = offsets.len() - 1;
                let made = ListArray::try_new(element.clone(), offsets, items.finish(), nulls.finish());
                Arc::new(made.unwrap_or_else(|_| ListArray::new_null(element.clone(), rows)))
            }
            Column::Map { entries, keys, values, offsets, nulls } => {
                let offsets = take_offsets(offsets);
                let DataType::Struct(fields) = entries.data_type() else {
                    return arrow_array::new_null_array(entries.data_type(), offsets.len() - 1);
                };
                let pairs: Vec<ArrayRef> = vec![Arc::new(keys.finish()), values.finish()];
                let rows = offsets.len() - 1;
                let made = StructArray::try_new(fields.clone(), pairs, None).and_then(|pairs| {
                    MapArray::try_new(entries.clone(), offsets, pairs, nulls.finish(), false)
                });
                match made {
                    Ok(map) => Arc::new(map),
                    Err(_) => arrow_array::new_null_array(&DataType::Map(entries.clone(), false), rows),
                }
            }
        }
    }
}

fn integer(value: &Json<'_>) -> Option<i64> {
    match value {
        Json::Int(value) => Some(*value),
        Json::Float(value) if value.fract() == 0.0 && value.abs() < 9.2e18 => Some(*value as i64),
        _ => None,
    }
}

fn push_offset(offsets: &mut Vec<i32>, count: usize) {
    // A buffer is landed long before it holds 2^31 items.
    let last = offsets.last().copied().unwrap_or(0);
    offsets.push(last.saturating_add(i32::try_from(count).unwrap_or(i32::MAX)));
}

fn take_offsets(offsets: &mut Vec<i32>) -> OffsetBuffer<i32> {
    OffsetBuffer::new(std::mem::replace(offsets, vec![0]).into())
}
