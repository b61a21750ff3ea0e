//! Values that go into a query and rows that come out of it.

use crate::StoreError;

/// A value of the database: integers carry numbers, booleans and times (milliseconds), text carries ids and JSON.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Int(i64),
    Real(f64),
    Text(String),
    Bytes(Vec<u8>),
}

macro_rules! from {
    ($($from:ty => |$name:ident| $value:expr;)*) => {
        $(impl From<$from> for Value {
            fn from($name: $from) -> Self {
                $value
            }
        })*
    };
}

from! {
    i64 => |value| Value::Int(value);
    i32 => |value| Value::Int(value.into());
    u32 => |value| Value::Int(value.into());
    bool => |value| Value::Int(value.into());
    f64 => |value| Value::Real(value);
    &str => |value| Value::Text(value.to_owned());
    String => |value| Value::Text(value);
    &String => |value| Value::Text(value.clone());
    Vec<u8> => |value| Value::Bytes(value);
    &[u8] => |value| Value::Bytes(value.to_owned());
    vocab::Millis => |value| Value::Int(value.0);
    vocab::SandboxNo => |value| Value::Int(value.0.into());
    vocab::InletNo => |value| Value::Int(value.0.into());
    vocab::FlowNo => |value| Value::Int(value.0.into());
    vocab::DatasetNo => |value| Value::Int(value.0.into());
    vocab::SchemaNo => |value| Value::Int(value.0.into());
}

/// Offsets and byte counts stay far below `i64::MAX`; what does not fit is stored as the largest value.
impl From<u64> for Value {
    fn from(value: u64) -> Self {
        Value::Int(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Null, Into::into)
    }
}

/// One row of an answer; columns are read by position, in the order in which the query names them.
#[derive(Clone, Debug)]
pub struct Row(pub(crate) Vec<Value>);

impl Row {
    pub fn is_null(&self, column: usize) -> bool {
        matches!(self.0.get(column), Some(Value::Null))
    }

    pub fn int(&self, column: usize) -> Result<i64, StoreError> {
        match self.0.get(column) {
            Some(Value::Int(value)) => Ok(*value),
            _ => Err(StoreError::Column { column, expected: "an integer" }),
        }
    }

    /// A count or offset: an integer that is not negative.
    pub fn count(&self, column: usize) -> Result<u64, StoreError> {
        self.int(column)?.try_into().map_err(|_| StoreError::Column { column, expected: "a count" })
    }

    /// An interned number.
    pub fn number(&self, column: usize) -> Result<u32, StoreError> {
        self.int(column)?
            .try_into()
            .map_err(|_| StoreError::Column { column, expected: "a number of 32 bits" })
    }

    pub fn bool(&self, column: usize) -> Result<bool, StoreError> {
        Ok(self.int(column)? != 0)
    }

    pub fn text(&self, column: usize) -> Result<&str, StoreError> {
        match self.0.get(column) {
            Some(Value::Text(value)) => Ok(value),
            _ => Err(StoreError::Column { column, expected: "text" }),
        }
    }

    pub fn bytes(&self, column: usize) -> Result<&[u8], StoreError> {
        match self.0.get(column) {
            Some(Value::Bytes(value)) => Ok(value),
            _ => Err(StoreError::Column { column, expected: "bytes" }),
        }
    }

    /// Like [`Row::text`], with `None` for NULL.
    pub fn text_or_null(&self, column: usize) -> Result<Option<&str>, StoreError> {
        if self.is_null(column) { Ok(None) } else { self.text(column).map(Some) }
    }

    /// Like [`Row::int`], with `None` for NULL.
    pub fn int_or_null(&self, column: usize) -> Result<Option<i64>, StoreError> {
        if self.is_null(column) { Ok(None) } else { self.int(column).map(Some) }
    }
}
