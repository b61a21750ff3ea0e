//! What can be wrong with an expression or a mapping item before any record is seen.

use std::fmt;

/// Where in the source text something stands: byte offsets, end exclusive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    pub start: usize,
    pub end: usize,
}

impl Span {
    pub(crate) fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// From the start of this to the end of the other.
    pub(crate) fn to(self, other: Span) -> Self {
        Self { start: self.start, end: other.end }
    }
}

/// An expression or path that cannot be compiled.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{fault}")]
pub struct ExpressionError {
    pub fault: Fault,
    pub span: Span,
}

impl ExpressionError {
    pub(crate) fn new(fault: Fault, span: Span) -> Self {
        Self { fault, span }
    }

    /// A stable word for the kind of fault.
    pub fn code(&self) -> &'static str {
        self.fault.code()
    }
}

/// The kinds of fault in an expression or path.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Fault {
    #[error("the expression is empty")]
    Empty,
    #[error("the text is longer than {max} characters")]
    TooLong { max: usize },
    #[error("the expression is nested deeper than {max} levels")]
    TooDeep { max: usize },
    #[error("{character:?} has no meaning in an expression")]
    Character { character: char },
    #[error("the text that starts here has no closing {delimiter}")]
    OpenText { delimiter: char },
    #[error("the name that starts with ${{ has no closing }}")]
    OpenName,
    #[error("the text holds a placeholder of a template that was not filled in")]
    Placeholder,
    #[error("the comment that starts here is not closed with */")]
    OpenComment,
    #[error("{text} is not a number of this language")]
    Number { text: String },
    #[error("expected {expected}, found {found}{hint}")]
    Unexpected { expected: &'static str, found: String, hint: Hint },
    #[error("`=` assigns, which an expression cannot do: compare with `==`")]
    Assignment,
    #[error(
        "`{word}` starts a statement, which an expression cannot hold: use iif(condition, then, otherwise) to choose"
    )]
    Statement { word: String },
    #[error("`;` separates statements: a mapping item holds one expression")]
    Sequence,
    #[error("`{word}` is a reserved word: to read a field of that name write ${{{word}}}")]
    Reserved { word: String },
    #[error(
        "{{a, b}} is a set, which has no place in a record: write an array [a, b] or a map {{\"key\": value}}"
    )]
    Set,
    #[error("there is no function {name}{hint}")]
    UnknownFunction { name: String, hint: Hint },
    #[error("there is no method {name} on values{hint}")]
    UnknownMethod { name: String, hint: Hint },
    #[error("{name} takes {expected}, not {found}")]
    Arity { name: String, expected: String, found: usize },
    #[error("{name} takes a lambda such as x -> x == 1 as argument {position}")]
    LambdaNeeded { name: String, position: usize },
    #[error("a lambda can only be an argument of a function that takes one, such as filterArray")]
    LambdaMisplaced,
    #[error("the patterns of the mapping set are too large together: make some of them simpler")]
    Patterns,
    #[error("{reason}")]
    Path { reason: &'static str },
}

impl Fault {
    /// A stable word for the kind of fault.
    pub fn code(&self) -> &'static str {
        match self {
            Fault::Empty
            | Fault::Character { .. }
            | Fault::OpenText { .. }
            | Fault::OpenName
            | Fault::OpenComment
            | Fault::Number { .. }
            | Fault::Unexpected { .. }
            | Fault::Set
            | Fault::LambdaMisplaced => "syntax",
            Fault::TooLong { .. } => "too-long",
            Fault::TooDeep { .. } => "too-deep",
            Fault::Placeholder => "placeholder",
            Fault::Patterns => "too-many-patterns",
            Fault::Assignment | Fault::Statement { .. } | Fault::Sequence => "statement",
            Fault::Reserved { .. } => "reserved-word",
            Fault::UnknownFunction { .. } => "unknown-function",
            Fault::UnknownMethod { .. } => "unknown-method",
            Fault::Arity { .. } | Fault::LambdaNeeded { .. } => "wrong-arguments",
            Fault::Path { .. } => "bad-path",
        }
    }
}

/// A suggestion at the end of a message; prints nothing when there is none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hint(pub Option<String>);

impl Hint {
    pub(crate) fn none() -> Self {
        Self(None)
    }

    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(Some(text.into()))
    }

    /// "did you mean …?" with the known name nearest to `name`, if one is near.
    pub(crate) fn nearest<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Self {
        Self(nearest(name, known).map(|found| format!("did you mean {found}?")))
    }
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_ref().map_or(Ok(()), |text| write!(f, "; {text}"))
    }
}

/// The known name that differs least from `name`, if it differs little.
pub(crate) fn nearest<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    // Names beyond this are no typing mistakes, and the comparison is quadratic.
    const COMPARED: usize = 64;
    if name.chars().count() > COMPARED {
        return None;
    }
    let plain =
        |text: &str| text.chars().filter(|c| *c != '_').flat_map(char::to_lowercase).collect::<Vec<_>>();
    let wanted = plain(name);
    let allowed = 1 + wanted.len() / 4;
    known
        .filter(|other| other.len() <= 4 * COMPARED)
        .map(|other| (distance(&wanted, &plain(other)), other))
        .filter(|(away, _)| *away <= allowed)
        .min_by_key(|(away, _)| *away)
        .map(|(_, other)| other)
}

/// How many single-character edits lie between two words.
fn distance(one: &[char], other: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in other.iter().enumerate() {
            let substituted = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_suggested() {
        let check = |name: &str, expected: Option<&str>| {
            assert_eq!(
                nearest(name, ["upper", "ucase", "to_integer", "trim"].into_iter()),
                expected,
                "{name}"
            );
        };
        check("uper", Some("upper"));
        check("Upper", Some("upper"));
        check("toInteger", Some("to_integer"));
        check("trimm", Some("trim"));
        check("frobnicate", None);
        check(&"x".repeat(5000), None);
    }
}
