//! One expression by itself: to check it and to try it on a sample, away from any mapping set.

use vocab::Json;

use crate::Context;
use crate::assembly::Assembly;
use crate::budget::Budget;
use crate::eval::Evaluator;
use crate::fault::{ExpressionError, Span};
use crate::fields::Fields;
use crate::functions::Kind;
use crate::switches::Switches;
use crate::tree::{self, Compiled, Remark};
use crate::value::Raw;

/// A compiled expression.
#[derive(Clone, Debug)]
pub struct Expression {
    compiled: Compiled,
    fields: Fields,
    switches: Switches,
}

/// Why an expression has no value on a record.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct EvaluationError {
    /// A stable word: `bad-date`, `division-by-zero`, …
    pub code: &'static str,
    pub message: String,
    /// Where in the expression.
    pub span: Span,
}

impl Expression {
    /// Compiles an expression.
    ///
    /// # Errors
    ///
    /// Syntax, unknown functions and wrong numbers of arguments, each with its place.
    pub fn parse(source: &str) -> Result<Self, ExpressionError> {
        Self::parse_with(source, Switches::default())
    }

    /// Compiles an expression under switches.
    ///
    /// # Errors
    ///
    /// As [`Expression::parse`].
    pub fn parse_with(source: &str, switches: Switches) -> Result<Self, ExpressionError> {
        let assembly = Assembly::new(switches);
        let compiled = tree::compile(source, &assembly)?;
        Ok(Self { compiled, fields: assembly.into_fields(), switches })
    }

    /// The value on a record.
    ///
    /// # Errors
    ///
    /// What would be a warning in a mapping: bad arguments, division by zero, too much work.
    pub fn evaluate<'a>(&'a self, record: Raw<'a>, context: &Context) -> Result<Json<'a>, EvaluationError> {
        let budget = Budget::new(self.switches);
        let record = self.fields.open(record, &budget);
        let evaluator = Evaluator::new(&record, context, &budget);
        let root = &self.compiled.root;
        let value = evaluator.eval(root).and_then(|value| value.into_json(&budget));
        value.map_err(|failure| EvaluationError {
            code: failure.code(),
            message: failure.to_string(),
            span: evaluator.failed.get().unwrap_or(root.span),
        })
    }

    /// The paths into the record that the expression reads.
    pub fn paths(&self) -> &[String] {
        &self.compiled.paths
    }

    /// What compiles and may still not be what was meant.
    pub fn remarks(&self) -> &[Remark] {
        &self.compiled.remarks
    }

    /// The kind of the value, as far as it is known without a record.
    pub fn returns(&self) -> Kind {
        self.compiled.root.returns
    }
}
