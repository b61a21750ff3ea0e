//! Evaluation of the typed tree against one record.
//!
//! Functions ask for their arguments, so each is evaluated only when it is needed: choosing is no special form.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};

use jiff::ZonedDateTime;

use crate::Context;
use crate::arithmetic;
use crate::budget::Budget;
use crate::date;
use crate::date::pattern::Pattern;
use crate::explain::Trace;
use crate::failure::{Failure, excerpt};
use crate::fault::Span;
use crate::fields::Record;
use crate::functions::Nulls;
use crate::limits;
use crate::operators::Op;
use crate::regexes::Regex;
use crate::switches::Switches;
use crate::tree::{Link, Node, NodeKind, Prepared, StepNode, date_pattern};
use crate::value::Value;

pub(crate) type Outcome<'e> = Result<Value<'e>, Failure>;

/// Evaluates expressions on one record. Values borrow from the record and the expression, for `'e`.
pub(crate) struct Evaluator<'r, 'e> {
    pub(crate) record: &'r Record<'e>,
    context: &'r Context,
    pub(crate) budget: &'r Budget,
    /// The innermost node that had no value.
    pub(crate) failed: Cell<Option<Span>>,
    /// Whether something was asked for that differs from record to record, beside the record's fields.
    pub(crate) varies: Cell<bool>,
    trace: Option<&'r Trace<'r>>,
    locals: RefCell<Vec<Value<'e>>>,
}

impl<'r, 'e> Evaluator<'r, 'e> {
    pub(crate) fn new(record: &'r Record<'e>, context: &'r Context, budget: &'r Budget) -> Self {
        let (failed, varies) = (Cell::new(None), Cell::new(false));
        Self { record, context, budget, failed, varies, trace: None, locals: RefCell::default() }
    }

    /// The same, with what each part of the expression came to noted.
    pub(crate) fn traced(self, trace: Option<&'r Trace<'r>>) -> Self {
        Self { trace, ..self }
    }

    pub(crate) fn eval(&self, node: &'e Node) -> Outcome<'e> {
        let value = self.budget.work(1).and_then(|()| self.node(node)).and_then(|value| self.bounded(value));
        if value.is_err() && self.failed.get().is_none() {
            self.failed.set(Some(node.span));
        }
        if let Some(trace) = self.trace {
            trace.step(node, &value);
        }
        value
    }

    fn node(&self, node: &'e Node) -> Outcome<'e> {
        match &node.kind {
            NodeKind::Constant(literal) | NodeKind::Folded(literal) => Ok(Value::from_literal(literal)),
            NodeKind::Path(path) => path.read(self.record, self.budget).map(Value::from_found),
            NodeKind::Local(at) => Ok(self.locals.borrow().get(*at).cloned().unwrap_or(Value::Null)),
            NodeKind::Call { function, arguments, prepared } => {
                let name = function.names[0];
                let mut args = Args { evaluator: self, name, nodes: arguments, prepared, first: None };
                if function.nulls == Nulls::Pass && args.first_is_null()? {
                    return Ok(Value::Null);
                }
                (function.eval)(&mut args)
            }
            NodeKind::Postfix { base, steps } => self.postfix(base, steps),
            NodeKind::Unary { op, operand } => {
                arithmetic::unary(*op, self.eval(operand)?, &self.budget.switches)
            }
            NodeKind::Chain { first, rest } => self.chain(first, rest),
            NodeKind::Conditional { arms, otherwise } => self.conditional(arms, otherwise),
            NodeKind::Elvis { value, otherwise } => {
                let value = self.eval(value)?;
                if value.truth() { Ok(value) } else { self.eval(otherwise) }
            }
            NodeKind::Array(items) => self.array(items),
            NodeKind::Map(pairs) => self.map(pairs),
            // The builder lets a lambda stand only where a function takes it, which then does not evaluate it.
            NodeKind::Lambda { .. } => Ok(Value::Null),
        }
    }

    /// Pays for a text, which whoever asked for it is going to read, and refuses one too large to be of use.
    fn bounded(&self, value: Value<'e>) -> Outcome<'e> {
        if let Value::Text(text) = &value {
            self.budget.touch(text.len())?;
            if text.len() > limits::TEXT_BYTES_MAX {
                return Err(Failure::ValueTooLarge { max: limits::TEXT_BYTES_MAX });
            }
        }
        Ok(value)
    }

    fn chain(&self, first: &'e Node, rest: &'e [Link]) -> Outcome<'e> {
        let mut left = self.eval(first)?;
        for Link { op, right, regex } in rest {
            left = match op {
                Op::And if !left.truth() => Value::Boolean(false),
                Op::Or if left.truth() => Value::Boolean(true),
                Op::Coalesce if !left.is_null() => left,
                _ => {
                    let right = self.eval(right)?;
                    arithmetic::binary(*op, left, right, regex.as_ref(), self.budget)?
                }
            };
        }
        Ok(left)
    }

    fn conditional(&self, arms: &'e [(Node, Node)], otherwise: &'e Node) -> Outcome<'e> {
        for (condition, value) in arms {
            if self.eval(condition)?.truth() {
                return self.eval(value);
            }
        }
        self.eval(otherwise)
    }

    fn array(&self, items: &'e [Node]) -> Outcome<'e> {
        items.iter().map(|item| self.eval(item)).collect::<Result<_, _>>().map(Value::array)
    }

    fn map(&self, pairs: &'e [(Node, Node)]) -> Outcome<'e> {
        let mut members = Vec::with_capacity(pairs.len());
        for (key, value) in pairs {
            let key =
                self.eval(key)?.into_text().ok_or_else(|| Failure::Argument {
                    function: "{…}",
                    reason: "a key is a text".to_owned(),
                })?;
            members.push((key, self.eval(value)?));
        }
        Ok(Value::object(members))
    }

    fn postfix(&self, base: &'e Node, steps: &'e [StepNode]) -> Outcome<'e> {
        let mut value = self.eval(base)?;
        for step in steps {
            self.budget.work(1)?;
            let next = match step {
                // A method of nothing is nothing, which lets `x.equals("a")` decide about a missing x.
                _ if value.is_null() => return Ok(Value::Null),
                StepNode::Member(name) => value.member(name, self.budget)?,
                StepNode::Each => value,
                StepNode::Index(index) => self.index(&value, index)?,
                StepNode::Method { method, arguments, prepared } => {
                    let name = method.names[0];
                    let mut args = Args { evaluator: self, name, nodes: arguments, prepared, first: None };
                    (method.eval)(value, &mut args)?
                }
            };
            value = self.bounded(next)?;
        }
        Ok(value)
    }

    fn index(&self, value: &Value<'e>, index: &'e Node) -> Outcome<'e> {
        match self.eval(index)? {
            Value::Text(name) if !value.is_array() => value.member(&name, self.budget),
            index => Ok(arithmetic::integer(&index).map_or(Value::Null, |index| value.element(index))),
        }
    }
}

/// The arguments of one call. Each is evaluated when it is asked for, and again when it is asked for again.
pub(crate) struct Args<'c, 'e> {
    evaluator: &'c Evaluator<'c, 'e>,
    /// What is called, for messages.
    name: &'static str,
    nodes: &'e [Node],
    prepared: &'e Prepared,
    /// The first argument, when it was looked at ahead of the function's own evaluation.
    first: Option<Value<'e>>,
}

impl<'c, 'e> Args<'c, 'e> {
    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(crate) fn context(&self) -> &'c Context {
        self.evaluator.varies.set(true);
        self.evaluator.context
    }

    pub(crate) fn record(&self) -> &'c Record<'e> {
        self.evaluator.varies.set(true);
        self.evaluator.record
    }

    pub(crate) fn budget(&self) -> &'c Budget {
        self.evaluator.budget
    }

    pub(crate) fn switches(&self) -> &'c Switches {
        &self.evaluator.budget.switches
    }

    /// The argument at a position; null when it was not given.
    pub(crate) fn value(&mut self, position: usize) -> Outcome<'e> {
        if position == 0
            && let Some(first) = self.first.take()
        {
            return Ok(first);
        }
        self.nodes.get(position).map_or(Ok(Value::Null), |node| self.evaluator.eval(node))
    }

    /// Whether the first argument is null. It is then not evaluated a second time.
    pub(crate) fn first_is_null(&mut self) -> Result<bool, Failure> {
        let first = self.value(0)?;
        let null = first.is_null();
        self.first = Some(first);
        Ok(null)
    }

    /// Whether the first argument is an array. It is then not evaluated a second time.
    pub(crate) fn first_is_array(&mut self) -> Result<bool, Failure> {
        let first = self.value(0)?;
        let array = first.is_array();
        self.first = Some(first);
        Ok(array)
    }

    /// The name that an argument is when it is the bare name of a field.
    pub(crate) fn bare_name(&self, position: usize) -> Option<&'e str> {
        match self.nodes.get(position).map(|node| &node.kind) {
            Some(NodeKind::Path(path)) => path.only_name(),
            _ => None,
        }
    }

    /// The arguments from a position on.
    pub(crate) fn values(&mut self, from: usize) -> Result<Vec<Value<'e>>, Failure> {
        (from..self.len()).map(|position| self.value(position)).collect()
    }

    /// The arguments from a position on, or the elements of the only one if that is an array.
    pub(crate) fn spread(&mut self, from: usize) -> Result<Vec<Value<'e>>, Failure> {
        let mut values = self.values(from)?;
        if let [only] = values.as_slice()
            && let Some(elements) = only.elements(self.budget())?
        {
            values = elements;
        }
        Ok(values)
    }

    /// A failure that blames an argument.
    pub(crate) fn bad(&self, reason: impl Into<String>) -> Failure {
        Failure::Argument { function: self.name, reason: reason.into() }
    }

    fn wrong(&self, position: usize, wanted: &str, found: &Value<'_>) -> Failure {
        self.bad(format!("argument {} must be {wanted}, not {}", position + 1, found.kind()))
    }

    /// An argument as text; null is the empty text.
    pub(crate) fn text(&mut self, position: usize) -> Result<Cow<'e, str>, Failure> {
        Ok(self.text_or_null(position)?.unwrap_or(Cow::Borrowed("")))
    }

    pub(crate) fn text_or_null(&mut self, position: usize) -> Result<Option<Cow<'e, str>>, Failure> {
        let value = self.scalar(position)?;
        Ok(if value.is_null() { None } else { value.into_text() })
    }

    /// An argument that has a text: no array and no object.
    pub(crate) fn scalar(&mut self, position: usize) -> Outcome<'e> {
        let value = self.value(position)?;
        if matches!(value, Value::Array(_) | Value::Object(_) | Value::Json(_)) {
            return Err(self.wrong(position, "a text", &value));
        }
        Ok(value)
    }

    pub(crate) fn truth(&mut self, position: usize) -> Result<bool, Failure> {
        Ok(self.value(position)?.truth())
    }

    pub(crate) fn integer(&mut self, position: usize) -> Result<i64, Failure> {
        let value = self.value(position)?;
        arithmetic::integer(&value).ok_or_else(|| self.wrong(position, "an integer", &value))
    }

    /// An integer that was perhaps not given.
    pub(crate) fn integer_or(&mut self, position: usize, default: i64) -> Result<i64, Failure> {
        let value = self.value(position)?;
        if value.is_null() {
            return Ok(default);
        }
        arithmetic::integer(&value).ok_or_else(|| self.wrong(position, "an integer", &value))
    }

    /// An array; none for null.
    pub(crate) fn array(&mut self, position: usize) -> Result<Option<Vec<Value<'e>>>, Failure> {
        let value = self.value(position)?;
        if value.is_null() {
            return Ok(None);
        }
        value.elements(self.budget())?.map(Some).ok_or_else(|| self.wrong(position, "an array", &value))
    }

    /// A date; a text is read by the default formats.
    pub(crate) fn date(&mut self, position: usize) -> Result<ZonedDateTime, Failure> {
        match self.value(position)? {
            Value::Date(date) => Ok(*date),
            Value::Text(text) => date::read(&text, self.switches()),
            other => Err(self.wrong(position, "a date", &other)),
        }
    }

    /// A regular expression: the compiled one when it is part of the expression.
    pub(crate) fn regex(&mut self, position: usize, whole: bool) -> Result<Cow<'e, Regex>, Failure> {
        if let Prepared::Regex { argument, regex } = self.prepared
            && *argument == position
        {
            return regex.as_ref().map(Cow::Borrowed).map_err(Clone::clone);
        }
        let pattern = self.text(position)?;
        let budget = self.budget();
        if whole {
            Regex::whole_in_record(&pattern, budget)
        } else {
            Regex::search_in_record(&pattern, budget)
        }
        .map(Cow::Owned)
    }

    /// A date pattern: the compiled one when it is part of the expression.
    pub(crate) fn pattern(&mut self, position: usize) -> Result<Cow<'e, Pattern>, Failure> {
        if let Prepared::Pattern { argument, pattern } = self.prepared
            && *argument == position
        {
            return pattern.as_ref().map(Cow::Borrowed).map_err(Clone::clone);
        }
        let text = self.text(position)?;
        if text.len() > limits::PATTERN_BYTES_MAX {
            let reason = format!("it is longer than {} bytes", limits::PATTERN_BYTES_MAX);
            return Err(Failure::DatePattern { pattern: excerpt(&text), reason });
        }
        self.budget().work(text.len())?;
        date_pattern(&text).map(Cow::Owned)
    }

    /// Applies the lambda at a position to a value; parameters beyond the first are null.
    pub(crate) fn apply(&mut self, position: usize, value: Value<'e>) -> Outcome<'e> {
        let Some(Node { kind: NodeKind::Lambda { parameters, body }, .. }) = self.nodes.get(position) else {
            return Err(self.bad("a lambda is missing"));
        };
        let locals = &self.evaluator.locals;
        let outer = locals.borrow().len();
        locals.borrow_mut().push(value);
        locals.borrow_mut().resize(outer + parameters, Value::Null);
        let result = self.evaluator.eval(body);
        locals.borrow_mut().truncate(outer);
        result
    }
}
