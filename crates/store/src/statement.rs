//! Queries whose form is known at run time only.

use std::fmt::Write as _;

use crate::Value;

/// A query put together out of fixed pieces of SQL and of values, which never become part of the text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Statement {
    pub(crate) sql: String,
    pub(crate) values: Vec<Value>,
}

impl Statement {
    /// Adds a piece of SQL.
    pub fn push(&mut self, sql: &'static str) -> &mut Self {
        self.sql.push_str(sql);
        self
    }

    /// Adds a placeholder and the value that it stands for.
    pub fn bind(&mut self, value: impl Into<Value>) -> &mut Self {
        self.values.push(value.into());
        // Writing to a string never fails.
        let _ = write!(self.sql, "${}", self.values.len());
        self
    }

    /// Adds values in parentheses, `($1, $2)`. There must be one at least.
    pub fn bind_all(&mut self, values: impl IntoIterator<Item = impl Into<Value>>) -> &mut Self {
        let mut separator = "(";
        for value in values {
            self.push(separator).bind(value);
            separator = ", ";
        }
        self.push(")")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stay_out_of_the_text() {
        let mut statement = Statement::default();
        statement.push("SELECT 1 WHERE a = ").bind("x'; --").push(" AND b IN ").bind_all([1_i64, 2]);
        assert_eq!(statement.sql, "SELECT 1 WHERE a = $1 AND b IN ($2, $3)");
        assert_eq!(statement.values, [Value::from("x'; --"), Value::Int(1), Value::Int(2)]);
    }
}
