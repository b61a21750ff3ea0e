//! What can go wrong with one item on one record. Confined to the item's field: the field stays absent and the record
//! carries a warning.

use crate::limits;

#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(crate) enum Failure {
    #[error("{function}: {reason}")]
    Argument { function: &'static str, reason: String },
    #[error("{text} is not a number")]
    NotANumber { text: String },
    #[error("{text} cannot be read as a date{detail}")]
    NotADate { text: String, detail: String },
    #[error("the date pattern {pattern} cannot be used: {reason}")]
    DatePattern { pattern: String, reason: String },
    #[error("the regular expression {pattern} cannot be used: {reason}")]
    Regex { pattern: String, reason: String },
    #[error("the regular expression {pattern} took more than {max} steps", max = limits::REGEX_STEPS_MAX)]
    RegexSteps { pattern: String },
    #[error("the patterns of the mapping set exceed {max} bytes", max = limits::PATTERNS_BYTES_MAX)]
    Patterns,
    #[error("division by zero")]
    DivisionByZero,
    #[error("the number is too large")]
    Overflow,
    #[error("{left} and {right} cannot be {operation}")]
    Operands { left: &'static str, right: &'static str, operation: &'static str },
    #[error("{found} cannot become {wanted}{detail}")]
    Coercion { found: String, wanted: &'static str, detail: String },
    #[error("the work for one record exceeds {max} steps", max = limits::FUEL_PER_RECORD)]
    Fuel,
    #[error("the mapped record exceeds {max} bytes", max = limits::RECORD_BYTES_MAX)]
    RecordTooLarge,
    #[error("the expression makes a value larger than {max}")]
    ValueTooLarge { max: usize },
}

impl Failure {
    /// A stable word for the kind of failure.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Failure::Argument { .. } => "bad-argument",
            Failure::NotANumber { .. } => "bad-number",
            Failure::NotADate { .. } => "bad-date",
            Failure::DatePattern { .. } => "bad-date-pattern",
            Failure::Regex { .. } => "bad-regex",
            Failure::RegexSteps { .. } | Failure::Fuel => "too-much-work",
            Failure::DivisionByZero => "division-by-zero",
            Failure::Overflow => "number-overflow",
            Failure::Operands { .. } => "bad-operands",
            Failure::Coercion { .. } => "coercion",
            Failure::RecordTooLarge | Failure::ValueTooLarge { .. } | Failure::Patterns => "too-large",
        }
    }
}

/// A value as it may stand in a message: never more than a line.
pub(crate) fn excerpt(text: &str) -> String {
    const SHOWN: usize = 60;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}
