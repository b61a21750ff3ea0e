//! Columns from records: typed buffers that the validator fills while it walks.
//!
//! A cell that nobody sets is null. Nulls are not written one by one: a column that is behind is filled up when it next gets a
//! value, so that a wide schema costs what the record holds and not what it might hold.

use std::sync::Arc;

use arrow_array::builder::{
    ArrayBuilder as _, BooleanBuilder, Date32Builder, Float64Builder, Int32Builder, Int64Builder,
    PrimitiveBuilder, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow_array::{
    ArrayRef, ArrowPrimitiveType, BooleanArray, ListArray, MapArray, RecordBatch, StructArray,
};
use arrow_buffer::{NullBufferBuilder, OffsetBuffer};
use arrow_schema::{DataType, Field as ArrowField, FieldRef, Fields};
use vocab::Read;

use crate::compile::{Schema, arrow_type};
use crate::types::{ObjectType, Type};
use crate::validate::{Violations, Walk};

/// Rows of a schema, a column for each field.
#[derive(Debug)]
pub struct Columns {
    schema: Arc<Schema>,
    root: Vec<Column>,
    /// Rows begun, those that turned out bad included.
    begun: usize,
    /// The rows that turned out bad, in order.
    bad: Vec<usize>,
    bytes: usize,
}

impl Columns {
    pub(crate) fn new(schema: Arc<Schema>) -> Self {
        let root = columns_of(schema.root());
        Self { schema, root, begun: 0, bad: Vec::new(), bytes: 0 }
    }

    /// Checks one record and takes it in as a row, in one walk. One that breaks a rule is left out, and its violations are
    /// told, as many as `limit`.
    pub fn take<'t, N: Read<'t>>(&mut self, record: N, limit: usize) -> Violations {
        let schema = self.schema.clone();
        let row = self.begun;
        self.begun += 1;
        // What is wrong with a record that may have keys twice is told of its tree.
        let limit_here = if N::DISTINCT { limit } else { 0 };
        let mut walk = Walk::new(limit_here, false);
        walk.record(record, schema.root(), Some(Row { columns: &mut self.root, row }));
        self.bytes += walk.bytes;
        if walk.repeated || !walk.found.is_empty() {
            self.bad.push(row);
            return if N::DISTINCT { walk.found } else { self.take(&record.to_json(), limit) };
        }
        walk.found
    }

    /// The rows that were taken in.
    pub fn rows(&self) -> usize {
        self.begun - self.bad.len()
    }

    /// About how many bytes the rows take.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The rows so far; the columns are empty afterwards.
    pub fn finish(&mut self) -> RecordBatch {
        let rows = std::mem::take(&mut self.begun);
        let bad = std::mem::take(&mut self.bad);
        self.bytes = 0;
        let arrays = self.root.iter_mut().map(|column| column.finish(rows)).collect();
        let options = arrow_array::RecordBatchOptions::new().with_row_count(Some(rows));
        // The arrays are built from the same types as the schema.
        let batch = RecordBatch::try_new_with_options(self.schema.arrow().clone(), arrays, &options)
            .unwrap_or_else(|_| RecordBatch::new_empty(self.schema.arrow().clone()));
        if bad.is_empty() {
            return batch;
        }
        let mut kept = vec![true; rows];
        bad.into_iter().for_each(|row| kept[row] = false);
        // The mask is as long as the batch.
        arrow_select::filter::filter_record_batch(&batch, &BooleanArray::from(kept)).unwrap_or(batch)
    }
}

/// Where the members of an object go: the columns of its fields, and which row.
pub(crate) struct Row<'c> {
    pub(crate) columns: &'c mut [Column],
    pub(crate) row: usize,
}

impl Row<'_> {
    pub(crate) fn cell(&mut self, at: usize) -> Cell<'_> {
        Cell { column: &mut self.columns[at], row: self.row }
    }
}

/// Where one value goes.
pub(crate) struct Cell<'c> {
    column: &'c mut Column,
    row: usize,
}

impl<'c> Cell<'c> {
    pub(crate) fn text(self, text: &str) {
        if let Column::Text(column) = self.column {
            column.at(self.row).append_value(text);
        }
    }

    pub(crate) fn boolean(self, value: bool) {
        if let Column::Boolean(column) = self.column {
            column.at(self.row).append_value(value);
        }
    }

    /// An integer that is in the range of the column's type.
    pub(crate) fn integer(self, value: i64) {
        match self.column {
            Column::Int(column) => {
                column.at(self.row).append_option(i32::try_from(value).ok());
            }
            Column::Long(column) => {
                column.at(self.row).append_value(value);
            }
            _ => {}
        }
    }

    pub(crate) fn double(self, value: f64) {
        if let Column::Double(column) = self.column {
            column.at(self.row).append_value(value);
        }
    }

    /// Days since 1970.
    pub(crate) fn date(self, days: i32) {
        if let Column::Date(column) = self.column {
            column.at(self.row).append_value(days);
        }
    }

    /// Microseconds since 1970.
    pub(crate) fn date_time(self, micros: i64) {
        if let Column::DateTime(column) = self.column {
            column.at(self.row).append_value(micros);
        }
    }

    /// Begins an object that is there, whatever of it is set.
    pub(crate) fn object(self) -> Option<Row<'c>> {
        let Column::Object { children, nulls, .. } = self.column else { return None };
        nulls.at(self.row).append_non_null();
        Some(Row { columns: children, row: self.row })
    }

    /// Begins a list.
    pub(crate) fn list(self) -> Option<Items<'c>> {
        let Column::Array { items, offsets, nulls, .. } = self.column else { return None };
        nulls.at(self.row).append_non_null();
        Some(Items { keys: None, items, next: begin(offsets, self.row) })
    }

    /// Begins a map.
    pub(crate) fn map(self) -> Option<Items<'c>> {
        let Column::Map { keys, values, offsets, nulls, .. } = self.column else { return None };
        nulls.at(self.row).append_non_null();
        Some(Items { keys: Some(keys), items: values, next: begin(offsets, self.row) })
    }
}

/// The items of one list, or the entries of one map.
pub(crate) struct Items<'c> {
    keys: Option<&'c mut StringBuilder>,
    items: &'c mut Column,
    /// Where the item after the last one goes: the offset at the end of the list.
    next: &'c mut i32,
}

impl Items<'_> {
    /// The place of one more item.
    pub(crate) fn item(&mut self) -> Cell<'_> {
        let row = usize::try_from(*self.next).unwrap_or_default();
        // A buffer is landed long before it holds 2^31 items.
        *self.next = self.next.saturating_add(1);
        Cell { column: self.items, row }
    }

    /// The place of the value of one more entry.
    pub(crate) fn entry(&mut self, key: &str) -> Cell<'_> {
        if let Some(keys) = &mut self.keys {
            keys.append_value(key);
        }
        self.item()
    }
}

/// The offset at which the list of that row ends, as yet where it begins.
fn begin(offsets: &mut Vec<i32>, row: usize) -> &mut i32 {
    let last = offsets.last().copied().unwrap_or_default();
    offsets.resize(row + 2, last);
    &mut offsets[row + 1]
}

/// The buffer of one field.
#[derive(Debug)]
pub(crate) enum Column {
    /// Objects without known fields are kept as JSON text.
    Text(StringBuilder),
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

fn columns_of(object: &ObjectType) -> Vec<Column> {
    object.fields.iter().map(|field| Column::new(&field.ty)).collect()
}

impl Column {
    fn new(ty: &Type) -> Self {
        match ty {
            Type::String | Type::Json => Column::Text(StringBuilder::with_capacity(0, 0)),
            Type::Boolean => Column::Boolean(BooleanBuilder::with_capacity(0)),
            Type::Byte | Type::Short | Type::Int => Column::Int(Int32Builder::with_capacity(0)),
            Type::Long => Column::Long(Int64Builder::with_capacity(0)),
            Type::Double => Column::Double(Float64Builder::with_capacity(0)),
            Type::Date => Column::Date(Date32Builder::with_capacity(0)),
            Type::DateTime => {
                Column::DateTime(TimestampMicrosecondBuilder::with_capacity(0).with_timezone("UTC"))
            }
            Type::Object(object) => {
                let fields = match arrow_type(ty) {
                    DataType::Struct(fields) => fields,
                    _ => Fields::empty(),
                };
                Column::Object { fields, children: columns_of(object), nulls: NullBufferBuilder::new(0) }
            }
            Type::Array(item) => Column::Array {
                element: Arc::new(ArrowField::new("element", arrow_type(&item.ty), true)),
                items: Box::new(Column::new(&item.ty)),
                offsets: vec![0],
                nulls: NullBufferBuilder::new(0),
            },
            Type::Map(value) => {
                let entries = match arrow_type(ty) {
                    DataType::Map(entries, _) => entries,
                    other => Arc::new(ArrowField::new("key_value", other, false)),
                };
                Column::Map {
                    entries,
                    keys: StringBuilder::with_capacity(0, 0),
                    values: Box::new(Column::new(&value.ty)),
                    offsets: vec![0],
                    nulls: NullBufferBuilder::new(0),
                }
            }
        }
    }

    /// The array of that many rows; the column is empty afterwards.
    fn finish(&mut self, rows: usize) -> ArrayRef {
        match self {
            Column::Text(column) => Arc::new(column.at(rows).finish()),
            Column::Boolean(column) => Arc::new(column.at(rows).finish()),
            Column::Int(column) => Arc::new(column.at(rows).finish()),
            Column::Long(column) => Arc::new(column.at(rows).finish()),
            Column::Double(column) => Arc::new(column.at(rows).finish()),
            Column::Date(column) => Arc::new(column.at(rows).finish()),
            Column::DateTime(column) => Arc::new(column.at(rows).finish()),
            Column::Object { fields, children, nulls } => {
                nulls.at(rows);
                let arrays = children.iter_mut().map(|child| child.finish(rows)).collect();
                let made = StructArray::try_new_with_length(fields.clone(), arrays, nulls.finish(), rows);
                Arc::new(made.unwrap_or_else(|_| StructArray::new_null(fields.clone(), rows)))
            }
            Column::Array { element, items, offsets, nulls } => {
                nulls.at(rows);
                let offsets = take_offsets(offsets, rows);
                let items = items.finish(count(&offsets));
                let made = ListArray::try_new(element.clone(), offsets, items, nulls.finish());
                Arc::new(made.unwrap_or_else(|_| ListArray::new_null(element.clone(), rows)))
            }
            Column::Map { entries, keys, values, offsets, nulls } => {
                nulls.at(rows);
                let offsets = take_offsets(offsets, rows);
                let pairs: Vec<ArrayRef> = vec![Arc::new(keys.finish()), values.finish(count(&offsets))];
                let nulls = nulls.finish();
                let made = match entries.data_type() {
                    DataType::Struct(fields) => StructArray::try_new(fields.clone(), pairs, None),
                    other => Err(arrow_schema::ArrowError::SchemaError(other.to_string())),
                };
                let made =
                    made.and_then(|pairs| MapArray::try_new(entries.clone(), offsets, pairs, nulls, false));
                match made {
                    Ok(map) => Arc::new(map),
                    Err(_) => arrow_array::new_null_array(&DataType::Map(entries.clone(), false), rows),
                }
            }
        }
    }
}

/// What can be filled up with nulls.
trait Pad {
    /// The buffer, with nulls up to that row when it is behind.
    fn at(&mut self, row: usize) -> &mut Self;
}

// A buffer without nulls keeps no bits for them: where there are none to append, nothing is called.
macro_rules! pad {
    ($buffer:ty, $append:ident $(, $parameter:ident: $bound:ident)?) => {
        impl$(<$parameter: $bound>)? Pad for $buffer {
            fn at(&mut self, row: usize) -> &mut Self {
                match row.saturating_sub(self.len()) {
                    0 => {}
                    behind => self.$append(behind),
                }
                self
            }
        }
    };
}

pad!(PrimitiveBuilder<T>, append_nulls, T: ArrowPrimitiveType);
pad!(StringBuilder, append_nulls);
pad!(BooleanBuilder, append_nulls);
pad!(NullBufferBuilder, append_n_nulls);

/// The items in all lists.
fn count(offsets: &OffsetBuffer<i32>) -> usize {
    offsets.last().and_then(|last| usize::try_from(*last).ok()).unwrap_or_default()
}

fn take_offsets(offsets: &mut Vec<i32>, rows: usize) -> OffsetBuffer<i32> {
    let last = offsets.last().copied().unwrap_or_default();
    offsets.resize(rows + 1, last);
    OffsetBuffer::new(std::mem::replace(offsets, vec![0]).into())
}
