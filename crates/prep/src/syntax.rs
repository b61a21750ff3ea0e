//! The syntax tree: what was written, with the place of each part. Nothing is resolved yet.
//!
//! Chains (`a + b - c`, `a.b.c()`, `p ? q : r ? s : t`) are lists rather than nested nodes, so that only brackets and
//! levels of precedence deepen the tree.

use jiff::ZonedDateTime;

use crate::fault::Span;
use crate::operators::Op;
use crate::path::SourcePath;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Syntax {
    pub(crate) span: Span,
    pub(crate) kind: SyntaxKind,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum SyntaxKind {
    Literal(Literal),
    /// A bare name: a field of the record, or the parameter of a lambda.
    Name(String),
    /// `${a.b}`
    Wrapped(SourcePath),
    Call {
        name: String,
        name_span: Span,
        arguments: Vec<Syntax>,
    },
    Postfix {
        base: Box<Syntax>,
        steps: Vec<Suffix>,
    },
    Unary {
        op: Op,
        operand: Box<Syntax>,
    },
    /// Operators of one level, applied from the left.
    Chain {
        first: Box<Syntax>,
        rest: Vec<(Op, Syntax)>,
    },
    /// `condition ? value : … : otherwise`
    Conditional {
        arms: Vec<(Syntax, Syntax)>,
        otherwise: Box<Syntax>,
    },
    /// `a ?: b`
    Elvis {
        value: Box<Syntax>,
        otherwise: Box<Syntax>,
    },
    Array(Vec<Syntax>),
    Map(Vec<(Syntax, Syntax)>),
    Lambda {
        parameters: Vec<String>,
        body: Box<Syntax>,
    },
}

/// One thing put behind a value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Suffix {
    pub(crate) span: Span,
    pub(crate) kind: SuffixKind,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum SuffixKind {
    Member(String),
    Index(Syntax),
    /// `[*]`
    Each,
    Method {
        name: String,
        name_span: Span,
        arguments: Vec<Syntax>,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Literal {
    Null,
    Boolean(bool),
    Integer(i64),
    Big(i128),
    Decimal(f64),
    Text(String),
    /// Never written as such: what a constant part of an expression came to.
    Date(Box<ZonedDateTime>),
}
