//! Sources: the three kinds, how requests spell them, and how one is told from another when they do not.

use vocab::Json;

use crate::assembly::Assembly;
use crate::budget::Budget;
use crate::coerce::{Coercion, Place};
use crate::destination::Destination;
use crate::fault::{ExpressionError, Span};
use crate::functions;
use crate::limits;
use crate::mapping::{Item, Source};
use crate::path::SourcePath;
use crate::switches::{StaticEcho, Switches};
use crate::tree::{self, Node, NodeKind, Remark, StepNode};
use crate::value::Value;

/// What the source of a mapping item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SourceType {
    /// A path into the record.
    Attribute,
    /// An expression of the mapping language.
    Expression,
    /// A value to write as it is, converted to the destination's type.
    Static,
}

impl SourceType {
    /// Reads a request's `sourceType`: a word or a MIME type, in any case. `AUTO` looks at the source.
    pub fn parse(spelling: &str, source: &str) -> Option<Self> {
        match spelling.trim().to_ascii_lowercase().as_str() {
            "attribute" | "text/x.schema-path" => Some(SourceType::Attribute),
            "expression" | "text/x.aep-xl" => Some(SourceType::Expression),
            "static" | "text/plain" => Some(SourceType::Static),
            "auto" => Some(Self::of(source)),
            _ => None,
        }
    }

    /// What a source is of which nothing is said: a path if it reads as one, else an expression.
    pub fn of(source: &str) -> Self {
        if is_path(source) { SourceType::Attribute } else { SourceType::Expression }
    }

    /// The spelling in answers.
    pub fn echo(self, switches: &Switches) -> &'static str {
        match self {
            SourceType::Static if switches.static_echo == StaticEcho::Word => "STATIC",
            SourceType::Attribute => "text/x.schema-path",
            SourceType::Expression => "text/x.aep-xl",
            SourceType::Static => "text/plain",
        }
    }
}

/// Whether a source of which nothing is said is a path rather than an expression.
///
/// Names as they stand in expressions make a path, and so does a text such as `Full Name` that is no expression.
/// `a - b` is an expression; `first-name` is a path.
pub fn is_path(source: &str) -> bool {
    match SourcePath::parse(source) {
        Ok(path) => path.is_plain() || (!looks_like_expression(source) && tree::look(source).is_err()),
        Err(_) => false,
    }
}

/// The paths that a source reads, in the order in which they stand: the `expressionAttributes` of an item.
pub fn source_paths(source_type: SourceType, source: &str) -> Vec<String> {
    match source_type {
        SourceType::Attribute => vec![source.trim().to_owned()],
        SourceType::Expression => tree::look(source).map(|compiled| compiled.paths).unwrap_or_default(),
        SourceType::Static => Vec::new(),
    }
}

pub(crate) struct SourceError {
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) span: Option<Span>,
}

impl From<ExpressionError> for SourceError {
    fn from(error: ExpressionError) -> Self {
        Self { code: error.code(), message: error.to_string(), span: Some(error.span) }
    }
}

/// Compiles the source of an item that writes to that destination.
pub(crate) fn compile_source(
    item: &Item,
    destination: &Destination,
    assembly: &Assembly,
) -> Result<(Source, Vec<Remark>), SourceError> {
    match item.source_type {
        SourceType::Attribute => {
            refuse_expression(&item.source)?;
            Ok((Source::Path(assembly.place(SourcePath::parse(&item.source)?)), Vec::new()))
        }
        SourceType::Expression => {
            let compiled = tree::compile(&item.source, assembly)?;
            Ok((Source::Expression(compiled.root), compiled.remarks))
        }
        SourceType::Static => constant(&item.source, destination, *assembly.switches())
            .map(|value| (Source::Static(value), Vec::new())),
    }
}

/// A source said to be a path that is an expression. In the vendor's product such an item makes its set uneditable.
fn refuse_expression(source: &str) -> Result<(), SourceError> {
    let mismatch = looks_like_expression(source)
        || tree::look(source).is_ok_and(|compiled| {
            // `first-name` and `Profit/Loss` are names of columns; blanks around an operator make it one.
            calls(&compiled.root) || (operates(&compiled.root) && source.contains(char::is_whitespace))
        });
    if !mismatch {
        return Ok(());
    }
    let message = format!(
        "the source {source} is an expression, but its sourceType says that it is an attribute: use the sourceType EXPRESSION, or write the name of an attribute with a backslash before each dot"
    );
    Err(SourceError { code: "source-type-mismatch", message, span: Some(Span::new(0, source.len())) })
}

/// Starts with a quote or a parenthesis, or reads as a call: of a function of the library, or of a name that is none.
fn looks_like_expression(source: &str) -> bool {
    let source = source.trim();
    let is_name = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
    let called = source.split_once('(').is_some_and(|(name, rest)| {
        functions::find(name.trim_end()).is_some() || (is_name(name) && rest.ends_with(')'))
    });
    called || source.starts_with(['"', '\'', '('])
}

fn calls(node: &Node) -> bool {
    match &node.kind {
        NodeKind::Call { .. } => true,
        NodeKind::Postfix { steps, .. } => steps.iter().any(|step| matches!(step, StepNode::Method { .. })),
        _ => false,
    }
}

fn operates(node: &Node) -> bool {
    matches!(
        node.kind,
        NodeKind::Chain { .. }
            | NodeKind::Unary { .. }
            | NodeKind::Conditional { .. }
            | NodeKind::Elvis { .. }
    )
}

/// A static value in the destination's type.
fn constant(
    source: &str,
    destination: &Destination,
    switches: Switches,
) -> Result<Json<'static>, SourceError> {
    let budget = Budget::new(switches);
    let mut coercion = Coercion::new(&budget, None, 0);
    coercion.free = destination.free;
    let given = Value::Text(source.into());
    let failed = |message: String| SourceError { code: "static-value", message, span: None };
    if source.len() > limits::TEXT_BYTES_MAX {
        return Err(failed(format!("a static value has at most {} bytes", limits::TEXT_BYTES_MAX)));
    }
    match coercion.convert(given, &destination.ty, &Place::Top) {
        Ok(Some(value)) => Ok(value.into_owned()),
        Ok(None) => Err(failed("a static value cannot be null".to_owned())),
        Err(failure) => Err(failed(format!("the static value does not fit its destination: {failure}"))),
    }
}
