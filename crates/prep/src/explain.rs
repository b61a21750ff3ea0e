//! How a record was mapped, item by item: what each item read, what the parts of its expression came to, what it wrote.
//!
//! It is the same run as any other, with notes taken. What it says is bounded, whatever the record: long values are cut, and of
//! many steps the first are kept.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};

use vocab::Json;
use vocab::json::Object;

use crate::Context;
use crate::budget::Budget;
use crate::coerce::size;
use crate::eval::Outcome;
use crate::fault::Span;
use crate::limits;
use crate::mapping::{Mapped, MappingSet, Source, Warning};
use crate::path::{Found, SourcePath};
use crate::tree::{Node, NodeKind};
use crate::value::{Raw, Value};

/// What one item did on one record.
pub(crate) struct Trace<'b> {
    /// What may be spent on showing values, for all items of the record.
    budget: &'b Budget,
    /// The paths that were read, with what was there.
    reads: RefCell<Vec<(String, Json<'static>)>>,
    steps: RefCell<Vec<Step>>,
    /// What the source came to before it was converted, and the word for its kind.
    value: RefCell<Option<(Json<'static>, &'static str)>>,
    writes: RefCell<Vec<(String, Json<'static>)>>,
    /// Whether more was done than is told.
    cut: Cell<bool>,
}

/// A part of an expression, and what it came to.
struct Step {
    span: Span,
    came_to: Result<Json<'static>, (&'static str, String)>,
}

impl<'b> Trace<'b> {
    fn new(budget: &'b Budget) -> Self {
        Self {
            budget,
            reads: RefCell::default(),
            steps: RefCell::default(),
            value: RefCell::default(),
            writes: RefCell::default(),
            cut: Cell::new(false),
        }
    }

    /// A value as it is told.
    fn shown(&self, value: &Value<'_>) -> Json<'static> {
        match value.clone().into_json(self.budget) {
            Ok(json) => cut(json.into_owned()),
            // What is too much work to show is not shown.
            Err(_) => {
                self.cut.set(true);
                Json::Null
            }
        }
    }

    pub(crate) fn read(&self, path: &SourcePath, found: &Found<'_>) {
        let value = Value::from_found(found.clone());
        self.keep(&self.reads, || (path.spelling(), self.shown(&value)));
        if !matches!(found, Found::Missing) {
            self.value(&value);
        }
    }

    pub(crate) fn step(&self, node: &Node, value: &Outcome<'_>) {
        match (&node.kind, value) {
            (NodeKind::Constant(_), _) => {}
            (NodeKind::Path(path), Ok(value)) => {
                // A path in a lambda is read for each element.
                let spelling = path.spelling();
                if self.reads.borrow().iter().all(|(path, _)| *path != spelling) {
                    self.keep(&self.reads, || (spelling, self.shown(value)));
                }
            }
            _ => self.keep(&self.steps, || {
                let came_to = match value {
                    Ok(value) => Ok(self.shown(value)),
                    Err(failure) => Err((failure.code(), failure.to_string())),
                };
                Step { span: node.span, came_to }
            }),
        }
    }

    pub(crate) fn value(&self, value: &Value<'_>) {
        *self.value.borrow_mut() = Some((self.shown(value), value.kind()));
    }

    pub(crate) fn write(&self, destination: String, value: &Json<'_>) {
        self.keep(&self.writes, || (destination, cut(value.clone().into_owned())));
    }

    fn keep<T>(&self, list: &RefCell<Vec<T>>, make: impl FnOnce() -> T) {
        if list.borrow().len() < limits::EXPLAINED_MAX {
            list.borrow_mut().push(make());
        } else {
            self.cut.set(true);
        }
    }
}

impl MappingSet {
    /// Maps a record and says how: beside the result, an array with an object for each item.
    ///
    /// Its members: `item` (position), `source`, `destination`, `destinationType`; `reads`, the paths with the values found;
    /// `steps`, the parts of the expression from the inside out, each with its `span` in the source and its `value` or `error`;
    /// `value` and `valueType` before conversion; `writes`, what went where; `warnings`. What does not apply is left out.
    pub fn explain<'a>(&'a self, record: Raw<'a>, context: &Context) -> (Mapped<'a>, Json<'static>) {
        let budget = Budget::new(self.options().switches);
        let traces: Vec<Trace<'_>> = self.items.iter().map(|_| Trace::new(&budget)).collect();
        let mapped = self.run(record, context, Some(&traces));
        let items = traces.into_iter().enumerate();
        let told =
            Json::Array(items.map(|(index, trace)| self.told(index, trace, &mapped.warnings)).collect());
        (mapped, told)
    }

    fn told(&self, index: usize, trace: Trace<'_>, warnings: &[Warning]) -> Json<'static> {
        let compiled = &self.items[index];
        let source = &compiled.item.source;
        let mut told = Vec::new();
        let mut tell = |name: &'static str, value: Json<'static>| told.push((Cow::Borrowed(name), value));
        tell("item", Json::Int(index as i64));
        tell("source", text(source.clone()));
        tell("destination", text(compiled.item.destination.clone()));
        if !compiled.destination.free {
            tell("destinationType", text(compiled.destination.ty.xdm_type()));
        }
        let reads = trace.reads.into_inner().into_iter();
        let reads = reads.map(|(path, value)| object([("path", text(path)), ("value", value)]));
        let steps = trace.steps.into_inner().into_iter().map(|step| {
            let (name, value) = match step.came_to {
                Ok(value) => ("value", value),
                Err((code, message)) => ("error", object([("code", text(code)), ("message", text(message))])),
            };
            let part = source.get(step.span.start..step.span.end).unwrap_or_default().to_owned();
            object([("expression", text(part)), ("span", span(step.span)), (name, value)])
        });
        let writes = trace.writes.into_inner().into_iter();
        let writes = writes.map(|(at, value)| object([("destination", text(at)), ("value", value)]));
        let warnings = warnings.iter().filter(|warning| warning.item == index).map(|warning| {
            object([
                ("code", text(warning.code)),
                ("message", text(warning.message.clone())),
                ("destination", text(warning.destination.clone())),
                ("span", span(warning.span)),
            ])
        });
        let lists: [(&'static str, Vec<Json<'static>>); 2] =
            [("reads", reads.collect()), ("steps", steps.collect())];
        for (name, list) in lists {
            if !list.is_empty() {
                tell(name, Json::Array(list));
            }
        }
        match (trace.value.into_inner(), &compiled.source) {
            (Some((value, kind)), _) => {
                tell("value", value);
                tell("valueType", text(kind.trim_start_matches("a ").trim_start_matches("an ").to_owned()));
            }
            (None, Source::Static(_)) => tell("value", text(source.clone())),
            (None, _) => {}
        }
        tell("writes", Json::Array(writes.collect()));
        let warnings: Vec<Json<'static>> = warnings.collect();
        if !warnings.is_empty() {
            tell("warnings", Json::Array(warnings));
        }
        if trace.cut.get() {
            tell("truncated", Json::Bool(true));
        }
        Json::Object(Object(told))
    }
}

/// A value of which only the beginning is told when it is long.
fn cut(json: Json<'static>) -> Json<'static> {
    if size(&json) <= limits::EXPLAINED_BYTES_MAX {
        return json;
    }
    let whole = match json {
        Json::String(text) => text.into_owned(),
        other => other.to_string(),
    };
    let shown: String = whole.chars().take(limits::EXPLAINED_BYTES_MAX / 4).collect();
    text(format!("{shown}…"))
}

fn text(text: impl Into<Cow<'static, str>>) -> Json<'static> {
    Json::String(text.into())
}

fn span(span: Span) -> Json<'static> {
    object([("start", Json::Int(span.start as i64)), ("end", Json::Int(span.end as i64))])
}

fn object<const N: usize>(members: [(&'static str, Json<'static>); N]) -> Json<'static> {
    Json::Object(Object(members.into_iter().map(|(name, value)| (Cow::Borrowed(name), value)).collect()))
}
