//! The typed tree: names resolved, arguments counted, constant patterns compiled, each node with its kind and place.

use vocab::{Millis, Tape};

use crate::Context;
use crate::arity::Parameter;
use crate::assembly::Assembly;
use crate::budget::Budget;
use crate::date::part::Part;
use crate::date::pattern::Pattern;
use crate::eval::Evaluator;
use crate::failure::{Failure, excerpt};
use crate::fault::{ExpressionError, Fault, Hint, Span};
use crate::fields::Fields;
use crate::functions::{self, Function, Kind};
use crate::methods::{self, Method};
use crate::operators::Op;
use crate::parser;
use crate::path::{SourcePath, Step};
use crate::regexes::Regex;
use crate::switches::{MatchesRegex, Switches};
use crate::syntax::{Literal, Suffix, SuffixKind, Syntax, SyntaxKind};

#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) span: Span,
    /// What the node yields, as far as that is known before a record is seen.
    pub(crate) returns: Kind,
    pub(crate) kind: NodeKind,
}

#[derive(Clone, Debug)]
pub(crate) enum NodeKind {
    Constant(Literal),
    /// What a part without fields came to when it was compiled.
    Folded(Literal),
    Path(SourcePath),
    /// A parameter of an enclosing lambda, counted from the outermost.
    Local(usize),
    Call {
        function: &'static Function,
        arguments: Vec<Node>,
        prepared: Prepared,
    },
    Postfix {
        base: Box<Node>,
        steps: Vec<StepNode>,
    },
    Unary {
        op: Op,
        operand: Box<Node>,
    },
    Chain {
        first: Box<Node>,
        rest: Vec<Link>,
    },
    Conditional {
        arms: Vec<(Node, Node)>,
        otherwise: Box<Node>,
    },
    Elvis {
        value: Box<Node>,
        otherwise: Box<Node>,
    },
    Array(Vec<Node>),
    Map(Vec<(Node, Node)>),
    Lambda {
        parameters: usize,
        body: Box<Node>,
    },
}

/// One operator of a chain with its right side.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) op: Op,
    pub(crate) right: Node,
    /// The right side as a regular expression, when it is a text and the operator matches.
    pub(crate) regex: Option<Result<Regex, Failure>>,
}

#[derive(Clone, Debug)]
pub(crate) enum StepNode {
    Member(String),
    Index(Node),
    Each,
    Method { method: &'static Method, arguments: Vec<Node>, prepared: Prepared },
}

/// An argument that is a constant pattern, compiled.
#[derive(Clone, Debug)]
pub(crate) enum Prepared {
    Nothing,
    Regex { argument: usize, regex: Result<Regex, Failure> },
    Pattern { argument: usize, pattern: Result<Pattern, Failure> },
}

/// A remark on something that compiles and may still not be what was meant.
#[derive(Clone, Debug, PartialEq)]
pub struct Remark {
    pub code: &'static str,
    pub message: String,
    pub span: Span,
}

/// A compiled expression with what was noticed on the way.
#[derive(Clone, Debug)]
pub(crate) struct Compiled {
    pub(crate) root: Node,
    pub(crate) remarks: Vec<Remark>,
    /// Every path into the record, in the order in which they stand.
    pub(crate) paths: Vec<String>,
}

type Built<T = Node> = Result<T, ExpressionError>;

/// Parses and resolves an expression.
pub(crate) fn compile(source: &str, assembly: &Assembly) -> Built<Compiled> {
    build(source, Some(assembly))
}

/// As [`compile`], for one who only looks at the expression: its patterns are left as they are.
pub(crate) fn look(source: &str) -> Built<Compiled> {
    build(source, None)
}

fn build(source: &str, assembly: Option<&Assembly>) -> Built<Compiled> {
    let defaults = Switches::default();
    let switches = assembly.map_or(&defaults, Assembly::switches);
    let syntax = parser::parse(source, switches)?;
    let mut builder =
        Builder { assembly, switches, locals: Vec::new(), remarks: Vec::new(), paths: Vec::new() };
    let root = builder.value(&syntax)?;
    Ok(Compiled { root, remarks: builder.remarks, paths: builder.paths })
}

struct Builder<'p> {
    assembly: Option<&'p Assembly>,
    switches: &'p Switches,
    locals: Vec<String>,
    remarks: Vec<Remark>,
    paths: Vec<String>,
}

impl Builder<'_> {
    /// A node that yields a value, so no lambda.
    fn value(&mut self, syntax: &Syntax) -> Built {
        let (returns, kind) = match &syntax.kind {
            SyntaxKind::Literal(literal) => (literal_kind(literal), NodeKind::Constant(literal.clone())),
            SyntaxKind::Name(name) => self.name(name, syntax.span),
            SyntaxKind::Wrapped(path) => (Kind::Any, self.path(path.clone())),
            SyntaxKind::Call { name, name_span, arguments } => {
                return self.call(syntax.span, name, *name_span, arguments);
            }
            SyntaxKind::Postfix { base, steps } => return self.postfix(syntax.span, base, steps),
            SyntaxKind::Unary { op, operand } => {
                let operand = Box::new(self.value(operand)?);
                (unary_kind(*op), NodeKind::Unary { op: *op, operand })
            }
            SyntaxKind::Chain { first, rest } => self.chain(first, rest)?,
            SyntaxKind::Conditional { arms, otherwise } => self.conditional(arms, otherwise)?,
            SyntaxKind::Elvis { value, otherwise } => {
                let (value, otherwise) = (Box::new(self.value(value)?), Box::new(self.value(otherwise)?));
                (common(value.returns, otherwise.returns), NodeKind::Elvis { value, otherwise })
            }
            SyntaxKind::Array(items) => (Kind::Array, NodeKind::Array(self.values(items)?)),
            SyntaxKind::Map(pairs) => {
                let pairs = pairs.iter().map(|(key, value)| Ok((self.value(key)?, self.value(value)?)));
                (Kind::Object, NodeKind::Map(pairs.collect::<Built<_>>()?))
            }
            SyntaxKind::Lambda { .. } => {
                return Err(ExpressionError::new(Fault::LambdaMisplaced, syntax.span));
            }
        };
        Ok(self.folded(Node { span: syntax.span, returns, kind }))
    }

    /// A node of which every part is constant becomes what it comes to, unless that differs from record to record. What fails
    /// stays, so that it fails for every record.
    fn folded(&self, mut node: Node) -> Node {
        if let Some(budget) = self.assembly.and_then(Assembly::folding)
            && node.parts().is_some_and(|parts| parts.iter().all(|part| part.is_constant()))
            && let Some(literal) = constant(&node, budget)
        {
            node.kind = NodeKind::Folded(literal);
        }
        node
    }

    fn values(&mut self, items: &[Syntax]) -> Built<Vec<Node>> {
        items.iter().map(|item| self.value(item)).collect()
    }

    fn local(&self, name: &str) -> Option<usize> {
        self.locals.iter().rposition(|local| local == name)
    }

    fn name(&mut self, name: &str, span: Span) -> (Kind, NodeKind) {
        if let Some(local) = self.local(name) {
            return (Kind::Any, NodeKind::Local(local));
        }
        if functions::find(name).is_some() {
            // A vendor sample writes `timestamp` and `date.equals(…)` for fields of those names.
            let message = format!(
                "{name} is read as a field, though a function has that name: write ${{{name}}} or {name}(…)"
            );
            self.remarks.push(Remark { code: "function-name-as-field", message, span });
        }
        (Kind::Any, self.path(SourcePath::new(vec![Step::Name(name.to_owned())])))
    }

    fn path(&mut self, path: SourcePath) -> NodeKind {
        let spelling = path.spelling();
        if !self.paths.contains(&spelling) {
            self.paths.push(spelling);
        }
        NodeKind::Path(match self.assembly {
            Some(assembly) => assembly.place(path),
            None => path,
        })
    }

    fn call(&mut self, span: Span, name: &str, name_span: Span, arguments: &[Syntax]) -> Built {
        let Some(function) = functions::find(name) else {
            let hint = match methods::find(name) {
                Some(_) => Hint::new(format!("{name} is a method: value.{name}(…)")),
                None => Hint::nearest(name, functions::names()),
            };
            let fault = Fault::UnknownFunction { name: name.to_owned(), hint };
            return Err(ExpressionError::new(fault, name_span));
        };
        let (arguments, prepared) = self.arguments(name, function.args, span, arguments)?;
        let returns = function.returns;
        Ok(self.folded(Node { span, returns, kind: NodeKind::Call { function, arguments, prepared } }))
    }

    /// Counts, builds and prepares the arguments of a function or method.
    fn arguments(
        &mut self,
        name: &str,
        parameters: &'static [Parameter],
        span: Span,
        arguments: &[Syntax],
    ) -> Built<(Vec<Node>, Prepared)> {
        if !Parameter::accept(parameters, arguments.len()) {
            let expected = Parameter::counts(parameters);
            let fault = Fault::Arity { name: name.to_owned(), expected, found: arguments.len() };
            return Err(ExpressionError::new(fault, span));
        }
        let mut nodes = Vec::with_capacity(arguments.len());
        let mut prepared = Prepared::Nothing;
        for (at, argument) in arguments.iter().enumerate() {
            let kind = Parameter::at(parameters, at).kind;
            let node = match (kind, &argument.kind) {
                (Kind::Lambda, SyntaxKind::Lambda { parameters, body }) => {
                    self.lambda(argument.span, parameters, body)?
                }
                (Kind::Lambda, _) => {
                    let fault = Fault::LambdaNeeded { name: name.to_owned(), position: at + 1 };
                    return Err(ExpressionError::new(fault, argument.span));
                }
                _ => self.value(argument)?,
            };
            if let NodeKind::Constant(Literal::Text(text)) = &node.kind
                && let Some(found) = self.prepare(kind, at, text, node.span)?
            {
                prepared = found;
            }
            nodes.push(node);
        }
        Ok((nodes, prepared))
    }

    /// Compiles an argument that is a constant pattern.
    fn prepare(&mut self, kind: Kind, argument: usize, text: &str, span: Span) -> Built<Option<Prepared>> {
        Ok(match kind {
            Kind::Regex | Kind::WholeRegex | Kind::MatchRegex => {
                let whole = match kind {
                    Kind::MatchRegex => self.switches.matches_regex == MatchesRegex::Whole,
                    _ => kind == Kind::WholeRegex,
                };
                self.regex(text, whole, span)?.map(|regex| Prepared::Regex { argument, regex })
            }
            Kind::DatePart => {
                self.date_part(text, span);
                None
            }
            Kind::DatePattern => {
                let pattern = date_pattern(text);
                self.remark(pattern.as_ref().err(), span);
                Some(Prepared::Pattern { argument, pattern })
            }
            _ => None,
        })
    }

    /// Compiles a regular expression, unless this is only a look.
    fn regex(&mut self, text: &str, whole: bool, span: Span) -> Built<Option<Result<Regex, Failure>>> {
        let Some(assembly) = self.assembly else {
            return Ok(None);
        };
        let pay = |bytes| assembly.patterns.take(bytes);
        let regex = if whole { Regex::whole(text, &pay) } else { Regex::search(text, &pay) };
        if let Err(Failure::Patterns) = regex {
            return Err(ExpressionError::new(Fault::Patterns, span));
        }
        self.remark(regex.as_ref().err(), span);
        Ok(Some(regex))
    }

    /// Remarks on a component of dates that there is not, and on the one that may mean two.
    fn date_part(&mut self, name: &str, span: Span) {
        let ambiguous = name.eq_ignore_ascii_case("w");
        let found = Part::named(name, self.switches);
        let (code, message) = match found {
            None => ("bad-argument", format!("a date has no component {}", excerpt(name))),
            Some(Part::Week) if ambiguous => {
                ("ambiguous-date-part", format!("{name} is the week: write week or weekday"))
            }
            Some(_) if ambiguous => {
                ("ambiguous-date-part", format!("{name} is the day of the week: write weekday or week"))
            }
            Some(_) => return,
        };
        self.remarks.push(Remark { code, message, span });
    }

    /// A pattern that cannot be used fails for every record, and only there: the documents make that a warning.
    fn remark(&mut self, failure: Option<&Failure>, span: Span) {
        if let Some(failure) = failure {
            self.remarks.push(Remark { code: failure.code(), message: failure.to_string(), span });
        }
    }

    fn lambda(&mut self, span: Span, parameters: &[String], body: &Syntax) -> Built {
        let outer = self.locals.len();
        self.locals.extend(parameters.iter().cloned());
        let body = self.value(body);
        self.locals.truncate(outer);
        let kind = NodeKind::Lambda { parameters: parameters.len(), body: Box::new(body?) };
        Ok(Node { span, returns: Kind::Lambda, kind })
    }

    fn chain(&mut self, first: &Syntax, rest: &[(Op, Syntax)]) -> Built<(Kind, NodeKind)> {
        let first = Box::new(self.value(first)?);
        let mut returns = first.returns;
        let mut links = Vec::with_capacity(rest.len());
        for (op, right) in rest {
            let right = self.value(right)?;
            returns = binary_kind(*op, returns, right.returns);
            let regex = match (op, &right.kind) {
                (Op::Matches | Op::NotMatches, NodeKind::Constant(Literal::Text(text))) => {
                    self.regex(text, true, right.span)?
                }
                _ => None,
            };
            links.push(Link { op: *op, right, regex });
        }
        Ok((returns, NodeKind::Chain { first, rest: links }))
    }

    fn conditional(&mut self, arms: &[(Syntax, Syntax)], otherwise: &Syntax) -> Built<(Kind, NodeKind)> {
        let arms = arms.iter().map(|(condition, value)| Ok((self.value(condition)?, self.value(value)?)));
        let arms: Vec<(Node, Node)> = arms.collect::<Built<_>>()?;
        let otherwise = Box::new(self.value(otherwise)?);
        let returns = arms.iter().fold(otherwise.returns, |kind, (_, value)| common(kind, value.returns));
        Ok((returns, NodeKind::Conditional { arms, otherwise }))
    }

    /// Members and fixed indices behind a field lengthen its path; the rest are steps on a value.
    fn postfix(&mut self, span: Span, base: &Syntax, suffixes: &[Suffix]) -> Built {
        let mut path = match &base.kind {
            SyntaxKind::Name(name) if self.local(name).is_none() => Some(vec![Step::Name(name.clone())]),
            SyntaxKind::Wrapped(path) => Some(path.steps.clone()),
            _ => None,
        };
        let mut rest = suffixes;
        if let Some(steps) = &mut path {
            while let Some((step, after)) =
                rest.split_first().and_then(|(suffix, after)| Some((constant_step(suffix)?, after)))
            {
                steps.push(step);
                rest = after;
            }
        }
        let base = match path {
            Some(steps) if steps.len() > 1 => {
                Node { span, returns: Kind::Any, kind: self.path(SourcePath::new(steps)) }
            }
            _ => self.value(base)?,
        };
        if rest.is_empty() {
            return Ok(base);
        }
        let mut returns = base.returns;
        let mut steps = Vec::with_capacity(rest.len());
        for suffix in rest {
            let step = self.step(suffix)?;
            returns = match &step {
                StepNode::Method { method, .. } => method.returns,
                StepNode::Each => returns,
                StepNode::Member(_) | StepNode::Index(_) => Kind::Any,
            };
            steps.push(step);
        }
        Ok(self.folded(Node { span, returns, kind: NodeKind::Postfix { base: Box::new(base), steps } }))
    }

    fn step(&mut self, suffix: &Suffix) -> Built<StepNode> {
        Ok(match &suffix.kind {
            SuffixKind::Member(name) => StepNode::Member(name.clone()),
            SuffixKind::Index(index) => StepNode::Index(self.value(index)?),
            SuffixKind::Each => StepNode::Each,
            SuffixKind::Method { name, name_span, arguments } => {
                let Some(method) = methods::find(name) else {
                    let hint = match functions::find(name) {
                        Some(_) => Hint::new(format!("{name} is a function: {name}(…)")),
                        None => Hint::nearest(name, methods::names()),
                    };
                    let fault = Fault::UnknownMethod { name: name.clone(), hint };
                    return Err(ExpressionError::new(fault, *name_span));
                };
                let (arguments, prepared) = self.arguments(name, method.args, suffix.span, arguments)?;
                StepNode::Method { method, arguments, prepared }
            }
        })
    }
}

impl Node {
    fn is_constant(&self) -> bool {
        matches!(self.kind, NodeKind::Constant(_) | NodeKind::Folded(_))
    }

    /// What the node is computed from; none when it is no computation.
    fn parts(&self) -> Option<Vec<&Node>> {
        Some(match &self.kind {
            NodeKind::Constant(_)
            | NodeKind::Folded(_)
            | NodeKind::Path(_)
            | NodeKind::Local(_)
            | NodeKind::Lambda { .. } => {
                return None;
            }
            NodeKind::Call { arguments, .. } => arguments.iter().collect(),
            NodeKind::Unary { operand, .. } => vec![operand],
            NodeKind::Chain { first, rest } => {
                std::iter::once(first.as_ref()).chain(rest.iter().map(|link| &link.right)).collect()
            }
            NodeKind::Conditional { arms, otherwise } => {
                let arms = arms.iter().flat_map(|(condition, value)| [condition, value]);
                arms.chain([otherwise.as_ref()]).collect()
            }
            NodeKind::Elvis { value, otherwise } => vec![value, otherwise],
            NodeKind::Array(items) => items.iter().collect(),
            NodeKind::Map(pairs) => pairs.iter().flat_map(|(key, value)| [key, value]).collect(),
            NodeKind::Postfix { base, steps } => {
                let steps = steps.iter().flat_map(|step| match step {
                    StepNode::Member(_) | StepNode::Each => &[],
                    StepNode::Index(index) => std::slice::from_ref(index),
                    StepNode::Method { arguments, .. } => arguments.as_slice(),
                });
                std::iter::once(base.as_ref()).chain(steps).collect()
            }
        })
    }
}

/// What a node of constant parts comes to on every record.
fn constant(node: &Node, budget: &Budget) -> Option<Literal> {
    /// A text that is longer is made again for each record rather than kept.
    const KEPT_BYTES: usize = 4096;
    let nothing = Tape::default();
    let record = Fields::default().open(nothing.root(), budget);
    let context = Context { now: Millis(0), seed: 0 };
    let evaluator = Evaluator::new(&record, &context, budget);
    let value = evaluator.eval(node).ok()?;
    let literal = value.into_literal()?;
    let long = matches!(&literal, Literal::Text(text) if text.len() > KEPT_BYTES);
    (!long && !evaluator.varies.get()).then_some(literal)
}

/// Compiles a date pattern.
pub(crate) fn date_pattern(text: &str) -> Result<Pattern, Failure> {
    Pattern::compile(text).map_err(|reason| Failure::DatePattern { pattern: excerpt(text), reason })
}

fn constant_step(suffix: &Suffix) -> Option<Step> {
    match &suffix.kind {
        SuffixKind::Member(name) => Some(Step::Name(name.clone())),
        SuffixKind::Index(Syntax { kind: SyntaxKind::Literal(Literal::Integer(index)), .. }) => {
            usize::try_from(*index).ok().map(Step::Index)
        }
        SuffixKind::Index(Syntax { kind: SyntaxKind::Literal(Literal::Text(name)), .. }) => {
            Some(Step::Name(name.clone()))
        }
        SuffixKind::Each => Some(Step::Each),
        SuffixKind::Index(_) | SuffixKind::Method { .. } => None,
    }
}

fn literal_kind(literal: &Literal) -> Kind {
    match literal {
        Literal::Null => Kind::Any,
        Literal::Boolean(_) => Kind::Boolean,
        Literal::Integer(_) | Literal::Big(_) => Kind::Integer,
        Literal::Decimal(_) => Kind::Number,
        Literal::Text(_) => Kind::String,
        Literal::Date(_) => Kind::Date,
    }
}

fn unary_kind(op: Op) -> Kind {
    match op {
        Op::Not | Op::Empty => Kind::Boolean,
        Op::Complement | Op::Size => Kind::Integer,
        _ => Kind::Number,
    }
}

fn binary_kind(op: Op, left: Kind, right: Kind) -> Kind {
    match op {
        Op::Coalesce => common(left, right),
        Op::Range => Kind::Array,
        Op::BitOr | Op::BitXor | Op::BitAnd => Kind::Integer,
        Op::Add if left == Kind::String && right == Kind::String => Kind::String,
        Op::Add if left == right && matches!(left, Kind::Integer | Kind::Number) => left,
        Op::Add => Kind::Any,
        Op::Subtract | Op::Multiply | Op::Divide | Op::Remainder => Kind::Number,
        _ => Kind::Boolean,
    }
}

/// The kind of a value that is one of two.
fn common(one: Kind, other: Kind) -> Kind {
    if one == other { one } else { Kind::Any }
}
