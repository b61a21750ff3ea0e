//! From columns to table schemas: field ids, growth, and arrays in the shape of a table.
//!
//! A field's identity is its path; the map from paths to ids is the table's own schema. A schema only grows: what is new
//! takes the ids after the last one in schema order, and every column is optional.

use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::{Array, ArrayRef, ListArray, MapArray, RecordBatch, StructArray, new_null_array};
use arrow_schema::{DataType, Field, Fields, Schema as ArrowSchema, TimeUnit};
use iceberg::arrow::schema_to_arrow_schema;
use iceberg::spec::{
    ListType, MapType, NestedField, NestedFieldRef, PrimitiveType, Schema, StructType, Type,
};

use crate::LakeError;

/// The column that says where a row comes from.
pub(crate) const PROVENANCE: &str = "_tributary";

/// The columns of [`PROVENANCE`], all optional like every column.
pub(crate) fn provenance_type() -> DataType {
    let optional = |name: &str, kind| Field::new(name, kind, true);
    let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let warnings = DataType::List(Arc::new(optional("element", DataType::Utf8)));
    DataType::Struct(Fields::from(vec![
        optional("partition", DataType::Int32),
        optional("offset", DataType::Int64),
        optional("index", DataType::Int32),
        optional("received", utc),
        optional("flow", DataType::Utf8),
        optional("authenticated", DataType::Boolean),
        optional("warnings", warnings),
    ]))
}

/// The columns with [`PROVENANCE`] after them.
pub(crate) fn with_provenance(columns: &ArrowSchema) -> ArrowSchema {
    let mut fields: Vec<_> = columns.fields().iter().cloned().collect();
    fields.push(Arc::new(Field::new(PROVENANCE, provenance_type(), true)));
    ArrowSchema::new(fields)
}

/// A new table's schema.
pub(crate) fn first(columns: &ArrowSchema) -> Result<Schema, LakeError> {
    let mut ids = Ids(0);
    let fields = columns.fields().iter().map(|field| ids.new_field(field)).collect::<Result<Vec<_>, _>>()?;
    Ok(Schema::builder().with_fields(fields).build()?)
}

/// The table's schema with what `columns` has beyond it; `None` when it has all of them.
pub(crate) fn grown(
    current: &Schema,
    last_id: i32,
    columns: &ArrowSchema,
) -> Result<Option<Schema>, LakeError> {
    let mut ids = Ids(last_id);
    let fields = ids.merge(current.as_struct(), columns.fields(), "")?;
    let grown = Schema::builder().with_fields(fields).build()?;
    Ok(if grown.as_struct() == current.as_struct() { None } else { Some(grown) })
}

/// Gives out field ids.
struct Ids(i32);

impl Ids {
    fn next(&mut self) -> i32 {
        self.0 += 1;
        self.0
    }

    fn new_field(&mut self, field: &Field) -> Result<NestedFieldRef, LakeError> {
        let id = self.next();
        let kind = self.new_type(field.data_type())?;
        Ok(Arc::new(NestedField::optional(id, field.name(), kind)))
    }

    fn new_type(&mut self, kind: &DataType) -> Result<Type, LakeError> {
        Ok(match kind {
            DataType::Struct(fields) => {
                let fields =
                    fields.iter().map(|field| self.new_field(field)).collect::<Result<Vec<_>, _>>()?;
                Type::Struct(StructType::new(fields))
            }
            DataType::List(element) => {
                let id = self.next();
                let kind = self.new_type(element.data_type())?;
                Type::List(ListType::new(NestedField::list_element(id, kind, false).into()))
            }
            DataType::Map(entries, _) => {
                let (key, value) = key_and_value(entries)?;
                let (key_id, value_id) = (self.next(), self.next());
                let (key, value) = (self.new_type(key.data_type())?, self.new_type(value.data_type())?);
                Type::Map(MapType::optional(key_id, key, value_id, value))
            }
            leaf => Type::Primitive(primitive(leaf)?),
        })
    }

    /// The table's fields in their order, each grown, then those that are new.
    fn merge(
        &mut self,
        current: &StructType,
        wanted: &Fields,
        path: &str,
    ) -> Result<Vec<NestedFieldRef>, LakeError> {
        let mut fields = Vec::new();
        for field in current.fields() {
            let kind = match wanted.find(&field.name) {
                Some((_, wanted)) => {
                    self.merge_type(&field.field_type, wanted.data_type(), &format!("{path}/{}", field.name))?
                }
                None => (*field.field_type).clone(),
            };
            fields.push(Arc::new(NestedField { field_type: Box::new(kind), ..(**field).clone() }));
        }
        for field in wanted.iter().filter(|field| current.field_by_name(field.name()).is_none()) {
            fields.push(self.new_field(field)?);
        }
        Ok(fields)
    }

    fn merge_type(&mut self, current: &Type, wanted: &DataType, path: &str) -> Result<Type, LakeError> {
        Ok(match (current, wanted) {
            (Type::Struct(current), DataType::Struct(wanted)) => {
                Type::Struct(StructType::new(self.merge(current, wanted, path)?))
            }
            (Type::List(current), DataType::List(wanted)) => {
                let element = &current.element_field;
                let kind = self.merge_type(&element.field_type, wanted.data_type(), path)?;
                Type::List(ListType::new(
                    NestedField { field_type: Box::new(kind), ..(**element).clone() }.into(),
                ))
            }
            (Type::Map(current), DataType::Map(wanted, _)) => {
                let (_, value) = key_and_value(wanted)?;
                let kind = self.merge_type(&current.value_field.field_type, value.data_type(), path)?;
                let value = NestedField { field_type: Box::new(kind), ..(*current.value_field).clone() };
                Type::Map(MapType::new(current.key_field.clone(), value.into()))
            }
            (Type::Primitive(current), wanted) => Type::Primitive(merge_primitive(current, wanted, path)?),
            (current, wanted) => return Err(changed(path, current, wanted)),
        })
    }
}

/// A column keeps its type; an `int` may become a `long`, and a `long` column takes what has shrunk to `int`.
fn merge_primitive(
    current: &PrimitiveType,
    wanted: &DataType,
    path: &str,
) -> Result<PrimitiveType, LakeError> {
    let wanted_type = primitive(wanted)?;
    match (current, &wanted_type) {
        (current, wanted) if *current == *wanted => Ok(wanted.clone()),
        (PrimitiveType::Int, PrimitiveType::Long) => Ok(PrimitiveType::Long),
        (PrimitiveType::Long, PrimitiveType::Int) => Ok(PrimitiveType::Long),
        _ => Err(changed(path, &Type::Primitive(current.clone()), wanted)),
    }
}

fn changed(path: &str, current: &Type, wanted: &DataType) -> LakeError {
    LakeError::Schema(format!("column {path} is {current} in the table and cannot become {wanted}"))
}

fn key_and_value(entries: &Field) -> Result<(&Field, &Field), LakeError> {
    match entries.data_type() {
        DataType::Struct(fields) if fields.len() == 2 => Ok((&fields[0], &fields[1])),
        other => Err(LakeError::Schema(format!("a map cannot have entries of type {other}"))),
    }
}

fn primitive(kind: &DataType) -> Result<PrimitiveType, LakeError> {
    Ok(match kind {
        DataType::Utf8 => PrimitiveType::String,
        DataType::Boolean => PrimitiveType::Boolean,
        DataType::Int32 => PrimitiveType::Int,
        DataType::Int64 => PrimitiveType::Long,
        DataType::Float64 => PrimitiveType::Double,
        DataType::Date32 => PrimitiveType::Date,
        DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => PrimitiveType::Timestamptz,
        DataType::Binary | DataType::LargeBinary => PrimitiveType::Binary,
        other => return Err(LakeError::Schema(format!("no column type for {other}"))),
    })
}

/// The batch with the columns of the table, in its order; what the batch lacks is null.
pub(crate) fn conform(batch: &RecordBatch, schema: &Schema) -> Result<RecordBatch, LakeError> {
    let target = Arc::new(schema_to_arrow_schema(schema)?);
    let whole = StructArray::from(batch.clone());
    let columns = children(&whole, target.fields())?;
    Ok(RecordBatch::try_new(target, columns)?)
}

fn children(from: &StructArray, fields: &Fields) -> Result<Vec<ArrayRef>, LakeError> {
    fields
        .iter()
        .map(|field| match from.column_by_name(field.name()) {
            Some(column) => conform_array(column, field.data_type()),
            None => Ok(new_null_array(field.data_type(), from.len())),
        })
        .collect()
}

fn conform_array(array: &ArrayRef, target: &DataType) -> Result<ArrayRef, LakeError> {
    Ok(match target {
        DataType::Struct(fields) => {
            let from = array.as_struct();
            let columns = children(from, fields)?;
            Arc::new(StructArray::try_new_with_length(
                fields.clone(),
                columns,
                from.nulls().cloned(),
                from.len(),
            )?)
        }
        DataType::List(element) => {
            let from: &ListArray = array.as_list();
            let values = conform_array(from.values(), element.data_type())?;
            Arc::new(ListArray::try_new(
                element.clone(),
                from.offsets().clone(),
                values,
                from.nulls().cloned(),
            )?)
        }
        DataType::Map(entries, sorted) => {
            let from: &MapArray = array.as_map();
            let DataType::Struct(fields) = entries.data_type() else {
                return Err(LakeError::Schema("a map without entries".to_owned()));
            };
            // Entries are found by position: readers and writers differ in what they call key and value.
            let keys = conform_array(from.keys(), fields[0].data_type())?;
            let values = conform_array(from.values(), fields[1].data_type())?;
            let pairs = StructArray::try_new(fields.clone(), vec![keys, values], None)?;
            let (offsets, nulls) = (from.offsets().clone(), from.nulls().cloned());
            Arc::new(MapArray::try_new(entries.clone(), offsets, pairs, nulls, *sorted)?)
        }
        DataType::Int64 if *array.data_type() == DataType::Int32 => {
            let from = array.as_primitive::<arrow_array::types::Int32Type>();
            Arc::new(from.unary::<_, arrow_array::types::Int64Type>(i64::from))
        }
        DataType::Timestamp(TimeUnit::Microsecond, Some(zone)) => {
            let from = array.as_primitive::<arrow_array::types::TimestampMicrosecondType>();
            Arc::new(from.clone().with_timezone(zone.clone()))
        }
        same if *same == *array.data_type() => array.clone(),
        other => {
            return Err(LakeError::Schema(format!(
                "a column of type {} cannot be written as {other}",
                array.data_type()
            )));
        }
    })
}
