//! Mapping sets: compiled once, applied to many records.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use vocab::json::Object;
use vocab::{Json, Read};
use xdm::{Schema, Type};

use crate::Context;
use crate::assembly::Assembly;
use crate::budget::Budget;
use crate::coerce::{Coercion, Place, is_hollow, size};
use crate::destination::{self, Destination, DestinationError, Slot};
use crate::eval::Evaluator;
use crate::explain::Trace;
use crate::failure::Failure;
use crate::fault::Span;
use crate::fields::{Fields, Record};
use crate::limits;
use crate::output::{Output, Shape, Target, Written};
use crate::path::{Found, SourcePath, Step};
use crate::source::{SourceError, SourceType, compile_source};
use crate::switches::Options;
use crate::tree::{Node, Remark};
use crate::value::{Raw, Value};

/// One item of a mapping set as it is sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    pub source_type: SourceType,
    pub source: String,
    pub destination: String,
}

/// Why an item cannot be used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("mapping {index}: {message}")]
pub struct ItemError {
    /// The position of the item in the set.
    pub index: usize,
    /// A stable word: `syntax`, `unknown-function`, `unknown-destination`, …
    pub code: &'static str,
    pub message: String,
    /// Where in the item's source, in bytes; none when the destination or the set is at fault.
    pub span: Option<(usize, usize)>,
}

/// A compiled mapping set.
#[derive(Debug)]
pub struct MappingSet {
    options: Options,
    pub(crate) items: Vec<Compiled>,
    /// The items in the order in which they run.
    order: Vec<usize>,
    remarks: Vec<(usize, Remark)>,
    fields: Fields,
    shape: Shape,
}

#[derive(Debug)]
pub(crate) struct Compiled {
    pub(crate) item: Item,
    pub(crate) source: Source,
    pub(crate) destination: Destination,
    target: Target,
    /// Whether an item before it may have written the same place or a part of it, which then stays.
    completes: bool,
}

#[derive(Debug)]
pub(crate) enum Source {
    Path(SourcePath),
    Expression(Node),
    /// Already of the destination's type.
    Static(Json<'static>),
    /// It does not compile, for these reasons.
    Broken(Vec<ItemError>),
}

/// A record after its mapping.
#[derive(Clone, Debug, PartialEq)]
pub struct Mapped<'a> {
    output: Output<'a>,
    /// What went wrong, confined to single fields.
    pub warnings: Vec<Warning>,
    /// How many items wrote a value.
    pub written: usize,
}

impl<'a> Mapped<'a> {
    /// An object; empty when nothing was written.
    pub fn record(&self) -> Written<'_, 'a> {
        self.output.record()
    }

    /// The same as a tree.
    pub fn to_json(&self) -> Json<'_> {
        self.output.record().to_json()
    }
}

/// Something that went wrong with one item on one record. The item's field, or a part of it, is absent.
#[derive(Clone, Debug, PartialEq)]
pub struct Warning {
    /// The position of the item in the set.
    pub item: usize,
    /// A stable word: `coercion`, `bad-date`, `division-by-zero`, …
    pub code: &'static str,
    pub source: String,
    /// The destination, down to the part that is concerned.
    pub destination: String,
    pub message: String,
    /// Where in the item's source, in bytes: the part that had no value, or all of it.
    pub span: Span,
}

impl std::fmt::Display for Warning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}: {}", self.code, self.destination, self.message)
    }
}

impl MappingSet {
    /// Compiles a set against the schema that it writes to.
    ///
    /// # Errors
    ///
    /// Every item that cannot be used, in the order of the items.
    pub fn compile(items: &[Item], schema: &Schema) -> Result<Self, Vec<ItemError>> {
        Self::compile_with(items, schema, Options::default())
    }

    /// As [`MappingSet::compile`], under options.
    ///
    /// # Errors
    ///
    /// Every item that cannot be used, in the order of the items.
    pub fn compile_with(items: &[Item], schema: &Schema, options: Options) -> Result<Self, Vec<ItemError>> {
        let resolve = |index: usize| Destination::resolve(&items[index].destination, schema.root());
        Self::whole(items, options, Assembly::new(options.switches), resolve)
    }

    /// Compiles a set that was good when it was saved. An item that is so no more, since the schema or the language has
    /// changed, costs its own field on every record, with a warning; see [`MappingSet::broken`].
    pub fn compile_stored(items: &[Item], schema: &Schema, options: Options) -> Self {
        let resolve = |index: usize| Destination::resolve(&items[index].destination, schema.root());
        Self::build(items, options, Assembly::new(options.switches), resolve)
    }

    /// What is wrong with the items of a stored set that compile no more.
    pub fn broken(&self) -> impl Iterator<Item = &ItemError> {
        let faults = self.items.iter().filter_map(|item| match &item.source {
            Source::Broken(faults) => Some(faults),
            _ => None,
        });
        faults.flatten()
    }

    /// The set with nothing shared and nothing done ahead: what the compiled plan is held against.
    #[cfg(test)]
    pub(crate) fn naive(items: &[Item], schema: &Schema, options: Options) -> Result<Self, Vec<ItemError>> {
        let resolve = |index: usize| Destination::resolve(&items[index].destination, schema.root());
        Self::whole(items, options, Assembly::naive(options.switches), resolve)
    }

    /// Compiles a set that writes to no schema: each destination has the type beside its item, or takes what comes.
    ///
    /// # Errors
    ///
    /// Every item that cannot be used, in the order of the items.
    pub fn compile_without_schema(
        items: &[(Item, Option<Type>)],
        options: Options,
    ) -> Result<Self, Vec<ItemError>> {
        let plain: Vec<Item> = items.iter().map(|(item, _)| item.clone()).collect();
        Self::whole(&plain, options, Assembly::new(options.switches), |index| {
            let (item, ty) = &items[index];
            Destination::without_schema(&item.destination, ty.as_ref())
        })
    }

    /// A set of which every item compiles.
    fn whole(
        items: &[Item],
        options: Options,
        assembly: Assembly,
        resolve: impl Fn(usize) -> Result<Destination, DestinationError>,
    ) -> Result<Self, Vec<ItemError>> {
        if items.len() > limits::ITEMS_MAX {
            let message = format!("a mapping set has at most {} mappings", limits::ITEMS_MAX);
            let (index, code) = (limits::ITEMS_MAX, "too-many-items");
            return Err(vec![ItemError { index, code, message, span: None }]);
        }
        let set = Self::build(items, options, assembly, resolve);
        let errors: Vec<ItemError> = set.broken().cloned().collect();
        if errors.is_empty() { Ok(set) } else { Err(errors) }
    }

    fn build(
        items: &[Item],
        options: Options,
        assembly: Assembly,
        resolve: impl Fn(usize) -> Result<Destination, DestinationError>,
    ) -> Self {
        let (mut compiled, mut remarks) = (Vec::with_capacity(items.len()), Vec::new());
        let mut taken = HashMap::new();
        for (index, item) in items.iter().enumerate() {
            match Compiled::new(index, item, resolve(index), &mut taken, &assembly) {
                Ok((made, found)) => {
                    remarks.extend(found.into_iter().map(|remark| (index, remark)));
                    compiled.push(made);
                }
                Err(faults) => {
                    compiled.push(Compiled::of(item, Source::Broken(faults), Destination::nowhere()));
                }
            }
        }
        let order = order(&compiled);
        find_completing(&mut compiled, &order);
        let names: Vec<Vec<&str>> = compiled.iter().map(|item| item.destination.names()).collect();
        let (shape, targets) = assembly.shape(&names);
        for (item, target) in compiled.iter_mut().zip(targets) {
            item.target = target;
        }
        Self { options, order, items: compiled, remarks, fields: assembly.into_fields(), shape }
    }

    /// What compiles and may still not be what was meant, with the position of the item.
    pub fn remarks(&self) -> impl Iterator<Item = (usize, &Remark)> {
        self.remarks.iter().map(|(index, remark)| (*index, remark))
    }

    /// What the set was compiled under.
    pub fn options(&self) -> &Options {
        &self.options
    }

    pub fn len(&self) -> usize {
        self.items.len()
    }

    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Maps one record. What can be borrowed from it, and from the set, is.
    pub fn apply<'a>(&'a self, record: Raw<'a>, context: &Context) -> Mapped<'a> {
        self.run(record, context, None)
    }

    /// Maps a record. With a trace for each item, what the items do is noted there.
    pub(crate) fn run<'a>(
        &'a self,
        record: Raw<'a>,
        context: &Context,
        traces: Option<&[Trace<'_>]>,
    ) -> Mapped<'a> {
        let budget = Budget::new(self.options.switches);
        let record = self.fields.open(record, &budget);
        let mapped = Mapped { output: Output::new(&self.shape), warnings: Vec::new(), written: 0 };
        let allow_nulls = self.options.allow_nulls;
        let mut run = Run { record: &record, context, budget: &budget, allow_nulls, mapped, trace: None };
        for index in &self.order {
            run.trace = traces.and_then(|traces| traces.get(*index));
            run.item(*index, &self.items[*index]);
        }
        let mut mapped = run.mapped;
        mapped.warnings.sort_by_key(|warning| warning.item);
        mapped
    }
}

/// A destination for comparison: `items.sku` and `items[*].sku` are the same.
#[derive(Clone, PartialEq, Eq, Hash)]
enum SlotKey {
    Member(String),
    Element(usize),
    Each,
}

fn keys(slots: &[Slot]) -> Vec<SlotKey> {
    let key = |slot: &Slot| match slot {
        Slot::Member(name) => SlotKey::Member(name.clone()),
        Slot::Element(index) => SlotKey::Element(*index),
        Slot::Each { .. } => SlotKey::Each,
    };
    slots.iter().map(key).collect()
}

/// Items that make elements run before those that fill every element with one value; parents before their parts.
fn order(items: &[Compiled]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..items.len()).collect();
    order.sort_by_key(|index| (items[*index].fills(), items[*index].destination.slots.len()));
    order
}

impl Compiled {
    fn of(item: &Item, source: Source, destination: Destination) -> Self {
        Self { item: item.clone(), source, destination, target: Target::default(), completes: false }
    }

    /// An item, and what is to be said of it; or all that is wrong with it. `taken` are the destinations of those before it.
    fn new(
        index: usize,
        item: &Item,
        destination: Result<Destination, DestinationError>,
        taken: &mut HashMap<Vec<SlotKey>, usize>,
        assembly: &Assembly,
    ) -> Result<(Self, Vec<Remark>), Vec<ItemError>> {
        let error = |code, message, span| ItemError { index, code, message, span };
        let destination = destination.map_err(|fault| {
            vec![error(fault.code(), format!("destination {}: {fault}", item.destination), None)]
        })?;
        let mut faults = Vec::new();
        if let Some(other) = taken.insert(keys(&destination.slots), index) {
            let message = format!("destination {} is already written by mapping {other}", item.destination);
            faults.push(error("duplicate-destination", message, None));
        }
        match compile_source(item, &destination, assembly) {
            Ok((source, found)) if faults.is_empty() => {
                return Ok((Self::of(item, source, destination), found));
            }
            Ok(_) => {}
            Err(SourceError { code, message, span }) => {
                faults.push(error(code, message, span.map(|span| (span.start, span.end))));
            }
        }
        Err(faults)
    }

    /// Whether one value of the source may go into every element of the destination.
    fn fills(&self) -> bool {
        match &self.source {
            Source::Path(path) => {
                let wildcards = path.steps.iter().filter(|step| **step == Step::Each).count();
                wildcards < self.destination.wildcards
            }
            Source::Expression(_) | Source::Static(_) | Source::Broken(_) => self.destination.wildcards > 0,
        }
    }
}

/// Marks the items that run after one for the same place or a part of it and must not undo it. Only items that fill
/// elements do: other copies run before the items that override their attributes.
fn find_completing(items: &mut [Compiled], order: &[usize]) {
    let mut written: HashSet<Vec<SlotKey>> = HashSet::new();
    for index in order {
        let item = &mut items[*index];
        let mut path = keys(&item.destination.slots);
        for key in &mut path {
            // A fixed index is one of all elements.
            if let SlotKey::Element(_) = key {
                *key = SlotKey::Each;
            }
        }
        item.completes = item.fills() && written.contains(&path);
        while !path.is_empty() && written.insert(path.clone()) {
            path.pop();
        }
    }
}

/// The mapping of one record.
struct Run<'r, 'a> {
    record: &'r Record<'a>,
    context: &'r Context,
    budget: &'r Budget,
    allow_nulls: bool,
    mapped: Mapped<'a>,
    /// Where what the item at hand does is noted, when somebody wants to know.
    trace: Option<&'r Trace<'r>>,
}

impl<'a> Run<'_, 'a> {
    fn item(&mut self, index: usize, compiled: &'a Compiled) {
        let leaf = match &compiled.source {
            Source::Path(path) => path.leaf(),
            Source::Expression(_) | Source::Static(_) | Source::Broken(_) => None,
        };
        let left = limits::WARNINGS_MAX.saturating_sub(self.mapped.warnings.len());
        let mut coercion = Coercion::new(self.budget, leaf, left);
        coercion.free = compiled.destination.free;
        coercion.nulls = self.allow_nulls;
        let mut written = false;
        let whole = Span::new(0, compiled.item.source.len());
        let mut failed = None;
        if let Err(failure) = self.map(compiled, &mut coercion, &mut written, &mut failed) {
            coercion.at.clear();
            coercion.note(&Place::Top, failure.code(), failure.to_string());
        }
        self.mapped.written += usize::from(written);
        for note in coercion.notes {
            self.mapped.warnings.push(Warning {
                item: index,
                code: note.code,
                source: compiled.item.source.clone(),
                destination: match note.at.as_slice() {
                    [] => format!("{}{}", compiled.item.destination, note.below),
                    at => format!("{}{}", compiled.destination.spelling(at), note.below),
                },
                message: note.message,
                span: failed.unwrap_or(whole),
            });
        }
    }

    fn map(
        &mut self,
        compiled: &'a Compiled,
        coercion: &mut Coercion<'_>,
        written: &mut bool,
        failed: &mut Option<Span>,
    ) -> Result<(), Failure> {
        let destination = &compiled.destination;
        let value = match &compiled.source {
            Source::Path(path) => {
                let found = path.read(self.record, self.budget)?;
                if let Some(trace) = self.trace {
                    trace.read(path, &found);
                }
                return match found {
                    Found::One(value) if destination.wildcards == 0 => {
                        self.simple(value, compiled, coercion, written)
                    }
                    found => self.spread(found, compiled, coercion, written),
                };
            }
            Source::Static(value) if destination.wildcards == 0 => {
                self.budget.room(size(value))?;
                return self.put(compiled, &[], borrowed(value), written);
            }
            Source::Static(value) => Value::from_json(value),
            Source::Broken(errors) => {
                errors.iter().for_each(|error| coercion.note(&Place::Top, error.code, error.message.clone()));
                return Ok(());
            }
            Source::Expression(node) => {
                let evaluator = Evaluator::new(self.record, self.context, self.budget).traced(self.trace);
                let value = evaluator.eval(node);
                *failed = evaluator.failed.get();
                match value? {
                    // What is not to be carried is not written as null either.
                    Value::Nullify => return Ok(()),
                    value => value,
                }
            }
        };
        if let Some(trace) = self.trace {
            trace.value(&value);
        }
        if destination.wildcards == 0 {
            return self.simple(value, compiled, coercion, written);
        }
        self.spread(Found::One(value), compiled, coercion, written)
    }

    /// Converts one value for a destination without wildcards, and writes it.
    fn simple(
        &mut self,
        value: Value<'a>,
        compiled: &'a Compiled,
        coercion: &mut Coercion<'_>,
        written: &mut bool,
    ) -> Result<(), Failure> {
        let ty = &compiled.destination.ty;
        match coercion.convert(value, ty, &Place::Top)? {
            Some(value) if !is_hollow(&value, ty) => self.put(compiled, &[], value, written),
            _ => Ok(()),
        }
    }

    /// Writes what a path found to where the wildcards of the destination point.
    fn spread(
        &mut self,
        found: Found<'a>,
        compiled: &'a Compiled,
        coercion: &mut Coercion<'_>,
        written: &mut bool,
    ) -> Result<(), Failure> {
        let destination = &compiled.destination;
        if matches!(found, Found::Missing) && destination.wildcards == 0 {
            return self.leaf(found, compiled, &[], coercion, written);
        }
        // An array at the destination takes a level of the source by itself.
        let levels = (destination.wildcards + arrays(&destination.ty)).max(1);
        let surplus = depth(&found).saturating_sub(levels);
        let flat = (0..surplus).fold(found, |found, _| flattened(found));
        self.elements(flat, compiled, &mut Vec::new(), coercion, written)
    }

    /// Pairs one wildcard of the destination with one level of what was found.
    fn elements(
        &mut self,
        found: Found<'a>,
        compiled: &'a Compiled,
        indices: &mut Vec<usize>,
        coercion: &mut Coercion<'_>,
        written: &mut bool,
    ) -> Result<(), Failure> {
        let destination = &compiled.destination;
        if indices.len() == destination.wildcards {
            return self.leaf(found, compiled, indices, coercion, written);
        }
        let whole_array = matches!(destination.ty, Type::Array(_));
        match found {
            Found::Missing => Ok(()),
            Found::Each(items) => self.each(items.into_iter(), compiled, indices, coercion, written),
            Found::One(value) if value.is_array() && !whole_array => {
                let items = value.elements(self.budget)?.unwrap_or_default();
                self.each(items.into_iter().map(Found::One), compiled, indices, coercion, written)
            }
            Found::One(value) => {
                let there = self.mapped.output.value(compiled.target);
                let slots = &destination.slots[compiled.target.names..];
                let count = there.map_or(0, |there| destination::elements(there, slots, indices)).max(1);
                self.budget.work(count * value.weight())?;
                let same = (0..count).map(|_| Found::One(value.clone()));
                self.each(same, compiled, indices, coercion, written)
            }
        }
    }

    fn each(
        &mut self,
        items: impl Iterator<Item = Found<'a>>,
        compiled: &'a Compiled,
        indices: &mut Vec<usize>,
        coercion: &mut Coercion<'_>,
        written: &mut bool,
    ) -> Result<(), Failure> {
        for (at, item) in items.enumerate() {
            indices.push(at);
            match self.elements(item, compiled, indices, coercion, written) {
                Err(failure @ (Failure::Fuel | Failure::RecordTooLarge)) => return Err(failure),
                // One element's failure is its own.
                Err(failure) => {
                    coercion.at.clone_from(indices);
                    coercion.note(&Place::Top, failure.code(), failure.to_string());
                }
                Ok(()) => {}
            }
            indices.pop();
        }
        Ok(())
    }

    /// Converts and writes one value.
    fn leaf(
        &mut self,
        found: Found<'a>,
        compiled: &'a Compiled,
        indices: &[usize],
        coercion: &mut Coercion<'_>,
        written: &mut bool,
    ) -> Result<(), Failure> {
        let destination = &compiled.destination;
        coercion.at.clear();
        coercion.at.extend_from_slice(indices);
        let value = match found {
            Found::Missing => Value::Null,
            Found::One(value) => value,
            Found::Each(items) if destination.free || matches!(destination.ty, Type::Array(_)) => {
                collected(items)
            }
            Found::Each(items) => match items.into_iter().find_map(one) {
                Some(first) => {
                    let message =
                        "the source is a list and the destination one value: the first was taken".to_owned();
                    coercion.note(&Place::Top, "first-of-many", message);
                    first
                }
                None => Value::Null,
            },
        };
        match coercion.convert(value, &destination.ty, &Place::Top)? {
            Some(value) if !is_hollow(&value, &destination.ty) => self.put(compiled, indices, value, written),
            _ => Ok(()),
        }
    }

    fn put(
        &mut self,
        compiled: &'a Compiled,
        indices: &[usize],
        value: Json<'a>,
        written: &mut bool,
    ) -> Result<(), Failure> {
        let (names, slots) = compiled.destination.slots.split_at(compiled.target.names);
        self.budget.room(names.iter().map(Slot::bytes).sum())?;
        if let Some(trace) = self.trace {
            trace.write(compiled.destination.spelling(indices), &value);
        }
        // A null is no value, so that a record in which nothing was found does not count as mapped.
        let counts = !value.is_null();
        let place = self.mapped.output.value_mut(compiled.target);
        if slots.is_empty() && !compiled.completes {
            *place = Some(value);
            *written |= counts;
            return Ok(());
        }
        let way = destination::Way { slots, completes: compiled.completes };
        destination::write(place.get_or_insert(Json::Null), way, indices, value, self.budget).inspect_err(
            |_| {
                // Nothing was begun, so nothing is there.
                if *place == Some(Json::Null) {
                    *place = None;
                }
            },
        )?;
        *written |= counts;
        Ok(())
    }
}

/// How many arrays lie one in another.
fn arrays(ty: &Type) -> usize {
    match ty {
        Type::Array(item) => 1 + arrays(&item.ty),
        _ => 0,
    }
}

/// How many arrays lie between here and what was found.
fn depth(found: &Found<'_>) -> usize {
    match found {
        Found::Each(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Found::Missing | Found::One(_) => 0,
    }
}

/// The outermost two levels made one.
fn flattened(found: Found<'_>) -> Found<'_> {
    match found {
        Found::Each(items) => Found::Each(
            items
                .into_iter()
                .flat_map(|item| match item {
                    Found::Each(inner) => inner,
                    single => vec![single],
                })
                .collect(),
        ),
        other => other,
    }
}

/// What was found in the elements, as an array; elements in which nothing was found are left out.
fn collected(items: Vec<Found<'_>>) -> Value<'_> {
    let made = items.into_iter().filter_map(|item| match item {
        Found::Missing => None,
        Found::One(value) => Some(value),
        Found::Each(inner) => Some(collected(inner)),
    });
    Value::array(made.collect())
}

fn one(found: Found<'_>) -> Option<Value<'_>> {
    match found {
        Found::Missing => None,
        Found::One(value) => Some(value).filter(|value| !value.is_null()),
        Found::Each(items) => items.into_iter().find_map(one),
    }
}

/// The same value, its texts borrowed.
fn borrowed<'a>(json: &'a Json<'static>) -> Json<'a> {
    match json {
        Json::String(text) => Json::String(Cow::Borrowed(text)),
        Json::Array(items) => Json::Array(items.iter().map(borrowed).collect()),
        Json::Object(object) => Json::Object(Object(
            object.iter().map(|(key, value)| (Cow::Borrowed(key), borrowed(value))).collect(),
        )),
        scalar => scalar.clone(),
    }
}
