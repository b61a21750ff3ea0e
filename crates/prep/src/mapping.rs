//! Mapping sets: compiled once, applied to many records.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use vocab::Json;
use vocab::json::Object;
use xdm::{Schema, Type};

use crate::Context;
use crate::budget::{Budget, Patterns};
use crate::coerce::{Coercion, Given, Place, is_hollow, size};
use crate::destination::{self, Destination, DestinationError, Slot};
use crate::eval::Evaluator;
use crate::failure::Failure;
use crate::limits;
use crate::path::{Found, SourcePath, Step};
use crate::source::{SourceError, SourceType, compile_source};
use crate::switches::Options;
use crate::tree::{Node, Remark};
use crate::value::Value;

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
}

#[derive(Debug)]
pub(crate) struct Compiled {
    pub(crate) item: Item,
    pub(crate) source: Source,
    pub(crate) destination: Destination,
    /// Whether an item before it may have written the same place or a part of it, which then stays.
    completes: bool,
}

#[derive(Debug)]
pub(crate) enum Source {
    Path(SourcePath),
    Expression(Node),
    /// Already of the destination's type.
    Static(Json<'static>),
}

/// A record after its mapping.
#[derive(Clone, Debug, PartialEq)]
pub struct Mapped<'a> {
    /// An object; empty when nothing was written.
    pub record: Json<'a>,
    /// What went wrong, confined to single fields.
    pub warnings: Vec<Warning>,
    /// How many items wrote a value.
    pub written: usize,
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
        Self::build(items, options, |index| Destination::resolve(&items[index].destination, schema.root()))
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
        Self::build(&plain, options, |index| {
            let (item, ty) = &items[index];
            Destination::without_schema(&item.destination, ty.as_ref())
        })
    }

    fn build(
        items: &[Item],
        options: Options,
        resolve: impl Fn(usize) -> Result<Destination, DestinationError>,
    ) -> Result<Self, Vec<ItemError>> {
        if items.len() > limits::ITEMS_MAX {
            let message = format!("a mapping set has at most {} mappings", limits::ITEMS_MAX);
            return Err(vec![ItemError {
                index: limits::ITEMS_MAX,
                code: "too-many-items",
                message,
                span: None,
            }]);
        }
        let mut compiled: Vec<Compiled> = Vec::with_capacity(items.len());
        let mut errors = Vec::new();
        let mut remarks = Vec::new();
        let patterns = Patterns::new();
        let mut taken: HashMap<Vec<SlotKey>, usize> = HashMap::new();
        for (index, item) in items.iter().enumerate() {
            let mut error = |code, message, span| errors.push(ItemError { index, code, message, span });
            let destination = match resolve(index) {
                Ok(destination) => destination,
                Err(fault) => {
                    error(fault.code(), format!("destination {}: {fault}", item.destination), None);
                    continue;
                }
            };
            if let Some(other) = taken.insert(keys(&destination.slots), index) {
                let message =
                    format!("destination {} is already written by mapping {other}", item.destination);
                error("duplicate-destination", message, None);
            }
            match compile_source(item, &destination, &patterns, &options.switches) {
                Ok((source, found)) => {
                    remarks.extend(found.into_iter().map(|remark| (index, remark)));
                    compiled.push(Compiled { item: item.clone(), source, destination, completes: false });
                }
                Err(SourceError { code, message, span }) => {
                    error(code, message, span.map(|span| (span.start, span.end)));
                }
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let order = order(&compiled);
        find_completing(&mut compiled, &order);
        Ok(Self { options, order, items: compiled, remarks })
    }

    /// What compiles and may still not be what was meant, with the position of the item.
    pub fn remarks(&self) -> impl Iterator<Item = (usize, &Remark)> {
        self.remarks.iter().map(|(index, remark)| (*index, remark))
    }

    /// What the set was compiled under.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Why a record fails that was mapped as this: a strict set allows no warning.
    pub fn refuses(&self, mapped: &Mapped<'_>) -> Option<String> {
        const SHOWN: usize = 3;
        if !self.options.strict || mapped.warnings.is_empty() {
            return None;
        }
        let shown = mapped.warnings.iter().take(SHOWN);
        let mut text: Vec<String> = shown.map(Warning::to_string).collect();
        if let Some(more) = mapped.warnings.len().checked_sub(SHOWN).filter(|more| *more > 0) {
            text.push(format!("and {more} more"));
        }
        Some(format!("the mapping set is strict: {}", text.join("; ")))
    }

    pub fn len(&self) -> usize {
        self.items.len()
    }

    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Maps one record. What can be borrowed from it, and from the set, is.
    pub fn apply<'a>(&'a self, input: &Json<'a>, context: &Context) -> Mapped<'a> {
        let budget = Budget::new(self.options.switches);
        let mut run = Run {
            input,
            context,
            budget: &budget,
            allow_nulls: self.options.allow_nulls,
            mapped: Mapped { record: Json::Object(Object::default()), warnings: Vec::new(), written: 0 },
        };
        for index in &self.order {
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
    /// Whether one value of the source may go into every element of the destination.
    fn fills(&self) -> bool {
        match &self.source {
            Source::Path(path) => {
                let wildcards = path.steps.iter().filter(|step| **step == Step::Each).count();
                wildcards < self.destination.wildcards
            }
            Source::Expression(_) | Source::Static(_) => self.destination.wildcards > 0,
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
    input: &'r Json<'a>,
    context: &'r Context,
    budget: &'r Budget,
    allow_nulls: bool,
    mapped: Mapped<'a>,
}

impl<'a> Run<'_, 'a> {
    fn item(&mut self, index: usize, compiled: &'a Compiled) {
        let leaf = match &compiled.source {
            Source::Path(path) => path.leaf(),
            Source::Expression(_) | Source::Static(_) => None,
        };
        let left = limits::WARNINGS_MAX.saturating_sub(self.mapped.warnings.len());
        let mut coercion = Coercion::new(self.budget, leaf, left);
        coercion.free = compiled.destination.free;
        coercion.nulls = self.allow_nulls;
        let mut written = false;
        if let Err(failure) = self.map(compiled, &mut coercion, &mut written) {
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
            });
        }
    }

    fn map(
        &mut self,
        compiled: &'a Compiled,
        coercion: &mut Coercion<'_>,
        written: &mut bool,
    ) -> Result<(), Failure> {
        let destination = &compiled.destination;
        match &compiled.source {
            Source::Path(path) => {
                let found = path.read(self.input, self.budget)?;
                self.spread(&found, compiled, coercion, written)
            }
            Source::Static(value) if destination.wildcards == 0 => {
                self.budget.room(size(value))?;
                self.put(compiled, &[], borrowed(value), written)
            }
            Source::Static(value) => {
                let value: Json<'a> = borrowed(value);
                self.spread(&Found::One(&value), compiled, coercion, written)
            }
            Source::Expression(node) => {
                let value = Evaluator::new(self.input, self.context, self.budget).eval(node)?;
                // What is not to be carried is not written as null either.
                if let Value::Nullify = value {
                    return Ok(());
                }
                if destination.wildcards == 0 {
                    return match coercion.value(value, &destination.ty)? {
                        Some(value) if !is_hollow(&value, &destination.ty) => {
                            self.put(compiled, &[], value, written)
                        }
                        _ => Ok(()),
                    };
                }
                let value: Json<'a> = value.into_json(self.budget)?;
                self.spread(&Found::One(&value), compiled, coercion, written)
            }
        }
    }

    /// Writes what a path found to where the wildcards of the destination point.
    fn spread(
        &mut self,
        found: &Found<'_, 'a>,
        compiled: &'a Compiled,
        coercion: &mut Coercion<'_>,
        written: &mut bool,
    ) -> Result<(), Failure> {
        let destination = &compiled.destination;
        // An array at the destination takes a level of the source by itself.
        let levels = destination.wildcards + arrays(&destination.ty);
        match found {
            Found::Missing if destination.wildcards == 0 => {
                self.leaf(found, compiled, &[], coercion, written)
            }
            Found::Missing => Ok(()),
            Found::Each(_) if depth(found) > levels.max(1) => {
                let surplus = depth(found) - levels.max(1);
                let flat = (0..surplus).fold(found.clone(), |found, _| flattened(found));
                self.elements(&flat, compiled, &mut Vec::new(), coercion, written)
            }
            found => self.elements(found, compiled, &mut Vec::new(), coercion, written),
        }
    }

    /// Pairs one wildcard of the destination with one level of what was found.
    fn elements(
        &mut self,
        found: &Found<'_, 'a>,
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
            Found::Each(items) => self.each(items.iter().cloned(), compiled, indices, coercion, written),
            Found::One(Json::Array(items)) if !whole_array => {
                self.budget.work(items.len())?;
                self.each(items.iter().map(Found::One), compiled, indices, coercion, written)
            }
            Found::One(json) => {
                let count = destination::elements(&self.mapped.record, &destination.slots, indices).max(1);
                self.budget.work(count)?;
                self.each((0..count).map(|_| Found::One(json)), compiled, indices, coercion, written)
            }
        }
    }

    fn each<'f>(
        &mut self,
        items: impl Iterator<Item = Found<'f, 'a>>,
        compiled: &'a Compiled,
        indices: &mut Vec<usize>,
        coercion: &mut Coercion<'_>,
        written: &mut bool,
    ) -> Result<(), Failure>
    where
        'a: 'f,
    {
        for (at, item) in items.enumerate() {
            indices.push(at);
            match self.elements(&item, compiled, indices, coercion, written) {
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
        found: &Found<'_, 'a>,
        compiled: &'a Compiled,
        indices: &[usize],
        coercion: &mut Coercion<'_>,
        written: &mut bool,
    ) -> Result<(), Failure> {
        let destination = &compiled.destination;
        coercion.at.clear();
        coercion.at.extend_from_slice(indices);
        let given = match found {
            Found::Missing => Given::Made(Json::Null),
            Found::One(json) => Given::Part(json),
            Found::Each(items) if destination.free || matches!(destination.ty, Type::Array(_)) => {
                Given::Made(collected(items))
            }
            Found::Each(items) => match items.iter().find_map(one) {
                Some(first) => {
                    let message =
                        "the source is a list and the destination one value: the first was taken".to_owned();
                    coercion.note(&Place::Top, "first-of-many", message);
                    Given::Part(first)
                }
                None => Given::Made(Json::Null),
            },
        };
        match coercion.convert(given, &destination.ty, &Place::Top)? {
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
        let way = destination::Way { slots: &compiled.destination.slots, completes: compiled.completes };
        // A null is no value, so that a record in which nothing was found does not count as mapped.
        *written |= !value.is_null();
        destination::write(&mut self.mapped.record, way, indices, value, self.budget)?;
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
fn depth(found: &Found<'_, '_>) -> usize {
    match found {
        Found::Each(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Found::Missing | Found::One(_) => 0,
    }
}

/// The outermost two levels made one.
fn flattened<'e, 'a>(found: Found<'e, 'a>) -> Found<'e, 'a> {
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
fn collected<'a>(items: &[Found<'_, 'a>]) -> Json<'a> {
    let made = items.iter().filter_map(|item| match item {
        Found::Missing => None,
        Found::One(json) => Some((*json).clone()),
        Found::Each(inner) => Some(collected(inner)),
    });
    Json::Array(made.collect())
}

fn one<'e, 'a>(found: &Found<'e, 'a>) -> Option<&'e Json<'a>> {
    match found {
        Found::Missing | Found::One(Json::Null) => None,
        Found::One(json) => Some(json),
        Found::Each(items) => items.iter().find_map(one),
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
