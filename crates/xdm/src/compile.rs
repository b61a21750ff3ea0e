//! From a composed schema to what runs for every record.

use std::collections::HashSet;
use std::sync::Arc;

use arrow_schema::{DataType, Field as ArrowField, Fields, Schema as ArrowSchema, SchemaRef, TimeUnit};
use serde_json::{Map, Value};

use crate::columns::Columns;
use crate::compose::xdm_type;
use crate::limits::{FIELD_DEPTH_MAX, SCHEMA_FIELDS_MAX};
use crate::names::{FieldPath, field_name};
use crate::pattern::Pattern;
use crate::types::{Behavior, Bound, Constraints, Field, ObjectType, Type};

const TIME_SERIES: &str = "https://ns.adobe.com/xdm/data/time-series";
const ADHOC: &str = "https://ns.adobe.com/xdm/data/adhoc";

/// The column of the lake that no schema may define.
const RESERVED: &str = "_tributary";

/// Why a composed schema cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    #[error("the field {path} has no usable type: {reason}")]
    Type { path: String, reason: String },
    #[error("the fields {path} and {other} differ in case only")]
    CaseClash { path: String, other: String },
    #[error("the field name {RESERVED} is reserved")]
    Reserved,
    #[error("the pattern of {path} cannot be used: {reason}")]
    Pattern { path: String, reason: String },
    #[error("the schema is nested deeper than {FIELD_DEPTH_MAX} levels")]
    TooDeep,
    #[error("the schema has more than {SCHEMA_FIELDS_MAX} fields")]
    TooLarge,
    #[error("{path} names no field of the schema")]
    UnknownPath { path: String },
}

/// A compiled schema: validates records and builds their columns. Immutable and shared.
#[derive(Debug)]
pub struct Schema {
    root: ObjectType,
    behavior: Behavior,
    arrow: SchemaRef,
}

impl Schema {
    /// Compiles the output of [`crate::compose`]. The fields at `required` must be in every record: those of primary
    /// identities.
    pub fn compile(resolved: &Value, required: &[FieldPath]) -> Result<Self, CompileError> {
        let mut compiler = Compiler { fields: 0 };
        let mut root = compiler.object(resolved, "", 0)?;
        if root.get(RESERVED).is_some() {
            return Err(CompileError::Reserved);
        }
        for path in required {
            require(&mut root, path.steps())
                .ok_or_else(|| CompileError::UnknownPath { path: path.to_string() })?;
        }
        let arrow = Arc::new(ArrowSchema::new(arrow_fields(&root)));
        Ok(Self { root, behavior: behavior(resolved), arrow })
    }

    pub fn behavior(&self) -> Behavior {
        self.behavior
    }

    /// The fields at the top.
    pub fn root(&self) -> &ObjectType {
        &self.root
    }

    /// The field at the end of a path.
    pub fn field(&self, path: &FieldPath) -> Option<&Field> {
        self.root.field(path)
    }

    /// The columns of the lake: XED names in schema order, every one nullable.
    pub fn arrow(&self) -> &SchemaRef {
        &self.arrow
    }

    /// Empty columns.
    pub fn columns(self: &Arc<Self>) -> Columns {
        Columns::new(self.clone())
    }
}

/// The schema without fields.
impl Default for Schema {
    fn default() -> Self {
        Self {
            root: ObjectType::default(),
            behavior: Behavior::Record,
            arrow: Arc::new(ArrowSchema::empty()),
        }
    }
}

fn behavior(resolved: &Value) -> Behavior {
    let extends = resolved.get("meta:extends").and_then(Value::as_array);
    let has = |id: &str| extends.is_some_and(|ids| ids.iter().any(|known| known == id));
    if has(TIME_SERIES) {
        Behavior::TimeSeries
    } else if has(ADHOC) {
        Behavior::Adhoc
    } else {
        Behavior::Record
    }
}

/// Makes a path mandatory: each object on it, so that the field at its end cannot be missed.
fn require(object: &mut ObjectType, steps: &[String]) -> Option<()> {
    let (first, rest) = steps.split_first()?;
    let (at, _) = object.find(first)?;
    object.require(first);
    if rest.is_empty() {
        return Some(());
    }
    match &mut object.fields[at].ty {
        Type::Object(inner) => require(inner, rest),
        _ => None,
    }
}

struct Compiler {
    fields: usize,
}

impl Compiler {
    fn object(&mut self, node: &Value, path: &str, depth: usize) -> Result<ObjectType, CompileError> {
        let empty = Map::new();
        let properties = node.get("properties").and_then(Value::as_object).unwrap_or(&empty);
        let mut lower_case: HashSet<String> = HashSet::new();
        let mut fields = Vec::with_capacity(properties.len());
        for (name, property) in properties {
            let (parent, path) = (path, format!("{path}/{name}"));
            if !lower_case.insert(name.to_lowercase()) {
                let same = |other: &&String| *other != name && other.to_lowercase() == name.to_lowercase();
                let other = properties.keys().find(same).cloned().unwrap_or_default();
                // The standard library has one such pair (`POIID`, `poiID`): its columns get names of their own.
                let standard =
                    |name: &str| properties.get(name).is_some_and(|node| node.get("meta:xdmField").is_some());
                if !standard(name) || !standard(&other) {
                    return Err(CompileError::CaseClash { path, other: format!("{parent}/{other}") });
                }
            }
            fields.push(self.field(name, property, &path, depth + 1)?);
        }
        let required = node.get("required").and_then(Value::as_array).into_iter().flatten();
        // Standard and ingestion names are both seen here (documented samples).
        let required: Vec<String> = required.filter_map(Value::as_str).map(field_name).collect();
        let closed = node.get("additionalProperties") == Some(&Value::Bool(false));
        Ok(ObjectType::new(fields, &required, closed))
    }

    fn field(&mut self, name: &str, node: &Value, path: &str, depth: usize) -> Result<Field, CompileError> {
        if depth > FIELD_DEPTH_MAX {
            return Err(CompileError::TooDeep);
        }
        self.fields += 1;
        if self.fields > SCHEMA_FIELDS_MAX {
            return Err(CompileError::TooLarge);
        }
        let bad = |reason: String| CompileError::Type { path: path.to_owned(), reason };
        let kind = xdm_type(node).map_err(|error| bad(error.to_string()))?;
        let ty = match kind {
            "string" => Type::String,
            "boolean" => Type::Boolean,
            "byte" => Type::Byte,
            "short" => Type::Short,
            "int" => Type::Int,
            "long" => Type::Long,
            "number" => Type::Double,
            "date" => Type::Date,
            "date-time" => Type::DateTime,
            "array" => match node.get("items") {
                Some(items) if items.is_object() => {
                    Type::Array(Box::new(self.field("element", items, path, depth + 1)?))
                }
                _ => return Err(bad("an array without items".to_owned())),
            },
            "map" => match node.get("additionalProperties") {
                Some(value) if value.is_object() => {
                    Type::Map(Box::new(self.field("value", value, path, depth + 1)?))
                }
                _ => Type::Json,
            },
            _ => {
                let object = self.object(node, path, depth)?;
                if object.fields.is_empty() { Type::Json } else { Type::Object(Box::new(object)) }
            }
        };
        let constraints = constraints(name, node, &ty, path)?;
        let constraints = Some(constraints).filter(|constraints| !constraints.is_empty()).map(Box::new);
        Ok(Field { name: name.to_owned(), ty, constraints })
    }
}

fn constraints(name: &str, node: &Value, ty: &Type, path: &str) -> Result<Constraints, CompileError> {
    let size = |key: &str| node.get(key).and_then(Value::as_u64).and_then(|size| usize::try_from(size).ok());
    let allowed = match (node.get("enum"), node.get("const")) {
        (Some(Value::Array(values)), _) => Some(values.clone()),
        (_, Some(value)) => Some(vec![value.clone()]),
        _ => None,
    };
    let text = matches!(ty, Type::String);
    let pattern = match node.get("pattern").and_then(Value::as_str).filter(|_| text) {
        Some(pattern) => {
            let bad = |reason| CompileError::Pattern { path: path.to_owned(), reason };
            Some(Pattern::new(pattern).map_err(bad)?)
        }
        None => None,
    };
    // Real ids hold blanks and `@`: of an identifier only the empty text is refused (xdm guide, behaviours).
    let identifier = text && name == "_id";
    Ok(Constraints {
        allowed,
        pattern,
        format: node.get("format").and_then(Value::as_str).filter(|_| text && !identifier).map(str::to_owned),
        minimum: bound(node, "minimum", "exclusiveMinimum"),
        maximum: bound(node, "maximum", "exclusiveMaximum"),
        min_length: size("minLength").filter(|_| text),
        max_length: size("maxLength").filter(|_| text),
        min_items: size("minItems"),
        max_items: size("maxItems"),
        unique_items: node.get("uniqueItems").and_then(Value::as_bool).unwrap_or(false),
        not_empty: identifier,
    })
}

/// An end of a range. `exclusive…` is a number (draft 6) or a flag beside the bound (draft 4).
fn bound(node: &Value, inclusive: &str, exclusive: &str) -> Option<Bound> {
    match (node.get(inclusive).and_then(Value::as_f64), node.get(exclusive)) {
        (_, Some(Value::Number(value))) => value.as_f64().map(|value| Bound { value, exclusive: true }),
        (Some(value), flag) => Some(Bound { value, exclusive: flag == Some(&Value::Bool(true)) }),
        (None, _) => None,
    }
}

/// A column for each field, named like it; readers of the lake that ignore case need a suffix on one that differs in case
/// only.
fn arrow_fields(object: &ObjectType) -> Fields {
    let mut seen: HashSet<String> = HashSet::new();
    let column = |field: &Field| {
        let mut name = field.name.clone();
        while !seen.insert(name.to_lowercase()) {
            name.push_str("_2");
        }
        arrow_field(&name, &field.ty)
    };
    object.fields.iter().map(column).collect()
}

fn arrow_field(name: &str, ty: &Type) -> ArrowField {
    ArrowField::new(name, arrow_type(ty), true)
}

/// The column type of a value (table in the XDM guide); a date-time has microseconds, since the lake has no milliseconds.
pub(crate) fn arrow_type(ty: &Type) -> DataType {
    match ty {
        Type::String | Type::Json => DataType::Utf8,
        Type::Boolean => DataType::Boolean,
        Type::Byte | Type::Short | Type::Int => DataType::Int32,
        Type::Long => DataType::Int64,
        Type::Double => DataType::Float64,
        Type::Date => DataType::Date32,
        Type::DateTime => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        Type::Object(object) => DataType::Struct(arrow_fields(object)),
        Type::Array(item) => DataType::List(Arc::new(arrow_field("element", &item.ty))),
        Type::Map(value) => {
            let entries = Fields::from(vec![
                ArrowField::new("key", DataType::Utf8, false),
                arrow_field("value", &value.ty),
            ]);
            DataType::Map(Arc::new(ArrowField::new("key_value", DataType::Struct(entries), false)), false)
        }
    }
}
