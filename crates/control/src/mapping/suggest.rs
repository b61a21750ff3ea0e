//! Suggestions: which field of a schema each field of a source may mean, by name, type and sample value.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use prep::MappingSet;
use serde_json::{Map, Value, json};
use store::Tx;
use xdm::{ObjectType, Type};

use super::error::MappingError;
use super::sets::Stored;
use super::{body, item, samples, schemas};
use crate::catalog::{self, CatalogError};
use crate::limits::{SUGGESTED_CANDIDATES_MAX, SUGGESTED_FIELDS_MAX};
use crate::{Kind, Scope, registry, resource};

/// Where the fields to map come from.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// The schema of the dataset that a batch belongs to.
    Batch(String),
    Sample(String),
    /// A mapper schema.
    Schema(String),
}

/// Least score of a suggestion: below it, names share a common word and little else.
const SCORE_MIN: f64 = 0.6;

/// A mapping set for records of the source and the schema of the dataset. Nothing is stored.
pub async fn suggest(
    tx: &mut Tx,
    scope: &Scope,
    dataset: &str,
    source: &Source,
    exclude_unmapped: bool,
) -> Result<Value, MappingError> {
    let reference = schema_of_dataset(tx, scope, dataset).await?;
    let schema_id = reference.get("id").and_then(Value::as_str).unwrap_or_default();
    let compiled = registry::compiled(tx, scope, schema_id).await;
    let compiled = compiled.map_err(|error| MappingError::schema(schema_id, error))?;
    let (schema, record) = source_schema(tx, scope, source).await?;
    let mut words = Words::default();
    let sources = source_fields(&schema, record.as_ref(), &mut words);
    let destinations = destination_fields(compiled.root(), &mut words);
    let found = assigned(&sources, &destinations);
    let mut mappings = Vec::with_capacity(sources.len());
    for (at, field) in sources.iter().enumerate() {
        let mapping = match found.get(&at) {
            Some((destination, score)) => mapping(&field.path, &destinations[*destination].path, *score)?,
            None => continue,
        };
        mappings.push(mapping);
    }
    let mut doc = Map::new();
    doc.insert("outputSchema".to_owned(), json!({ "schemaRef": reference }));
    if let Some(input) = input_schema(source) {
        doc.insert("inputSchema".to_owned(), input);
    }
    doc.insert("mappings".to_owned(), Value::Array(mappings));
    // Of a name that reads as something else, nothing is suggested.
    if let Err(errors) = MappingSet::compile(&body::items(&doc), &compiled) {
        let bad: HashSet<usize> = errors.iter().map(|error| error.index).collect();
        if let Some(Value::Array(mappings)) = doc.get_mut("mappings") {
            let mut at = 0..;
            mappings.retain(|_| at.next().is_none_or(|at| !bad.contains(&at)));
        }
    }
    if let (false, Some(Value::Array(mappings))) = (exclude_unmapped, doc.get_mut("mappings")) {
        let mapped: HashSet<String> =
            mappings.iter().filter_map(|mapping| mapping["source"].as_str().map(str::to_owned)).collect();
        let unmapped = sources.iter().filter(|field| !mapped.contains(&field.path));
        mappings.extend(unmapped.map(|field| {
            json!({ "sourceType": "text/x.schema-path", "source": field.path, "destination": "", "matchScore": 0.0 })
        }));
    }
    Ok(shown(scope, doc))
}

fn mapping(source: &str, destination: &str, score: f64) -> Result<Value, MappingError> {
    let sent = json!({
        "sourceType": "ATTRIBUTE", "source": source, "destination": destination,
        "matchScore": (score * 1000.0).round() / 1000.0
    });
    body::mapping(&sent, &prep::Switches::default())
}

/// A set that is not stored: it has no id.
fn shown(scope: &Scope, doc: Map<String, Value>) -> Value {
    let set = Stored {
        id: String::new(),
        version: 0,
        created: scope.now,
        modified: scope.now,
        created_by: scope.actor.user.clone(),
        modified_by: scope.actor.user.clone(),
        doc,
    };
    let mut shown = item::item(&set);
    if let Value::Object(members) = &mut shown {
        members.shift_remove("id");
        members.insert("status".to_owned(), json!("DRAFT"));
    }
    shown
}

fn input_schema(source: &Source) -> Option<Value> {
    match source {
        Source::Batch(_) => None,
        Source::Sample(id) => Some(json!({ "sampleId": id })),
        Source::Schema(id) => Some(json!({ "id": id })),
    }
}

async fn schema_of_dataset(tx: &mut Tx, scope: &Scope, id: &str) -> Result<Value, MappingError> {
    let saved = resource::get(tx, scope, Kind::DataSets, id).await?;
    let saved = saved.ok_or_else(|| MappingError::NotFound { what: "dataset", id: id.to_owned() })?;
    Ok(saved.doc.get("schemaRef").cloned().unwrap_or_default())
}

/// The JSON schema of the source, and a record where there is one.
async fn source_schema(
    tx: &mut Tx,
    scope: &Scope,
    source: &Source,
) -> Result<(Value, Option<Value>), MappingError> {
    match source {
        Source::Sample(id) => {
            let records = samples::records(tx, scope, id).await?;
            Ok((schemas::of_records(&records), records.into_iter().next()))
        }
        Source::Schema(id) => Ok((schemas::json_schema(tx, scope, id).await?, None)),
        Source::Batch(id) => {
            let batch = catalog::batches::get(tx, scope, id).await.map_err(|error| match error {
                CatalogError::Store(error) => MappingError::Store(error),
                _ => MappingError::NotFound { what: "batch", id: id.clone() },
            })?;
            let dataset = batch["relatedObjects"][0]["id"].as_str().unwrap_or_default();
            let reference = schema_of_dataset(tx, scope, dataset).await?;
            let id = reference.get("id").and_then(Value::as_str).unwrap_or_default();
            let composed = registry::composed(tx, scope, id).await;
            Ok((composed.map_err(|error| MappingError::schema(id, error))?, None))
        }
    }
}

/// What a field holds, as far as suggestions tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Text,
    Integer,
    Number,
    Boolean,
    Date,
}

/// A field at the end of a path, on either side.
#[derive(Debug)]
struct Field {
    path: String,
    shape: Shape,
    /// Whether it is an array of such values.
    list: bool,
    /// How many `[*]` its path has.
    wildcards: usize,
    /// The words of its name; of its name and its parent's; of its path. Sorted, each once.
    name: Vec<usize>,
    with_parent: Vec<usize>,
    all: Vec<usize>,
    sample: Option<Value>,
}

/// Words by number.
#[derive(Default)]
struct Words(HashMap<String, usize>);

/// Short and other spellings of words that names are made of.
const SPELLINGS: &[(&str, &[&str])] = &[
    ("addr", &["address"]),
    ("amt", &["amount"]),
    ("birthday", &["birth", "date"]),
    ("cell", &["phone"]),
    ("cust", &["customer"]),
    ("datetime", &["timestamp"]),
    ("desc", &["description"]),
    ("dob", &["birth", "date"]),
    ("firstname", &["first", "name"]),
    ("fname", &["first", "name"]),
    ("forename", &["first", "name"]),
    ("lastname", &["last", "name"]),
    ("lat", &["latitude"]),
    ("lname", &["last", "name"]),
    ("lng", &["longitude"]),
    ("lon", &["longitude"]),
    ("mail", &["email"]),
    ("mobile", &["phone"]),
    ("num", &["number"]),
    ("org", &["organization"]),
    ("postcode", &["postal", "code"]),
    ("qty", &["quantity"]),
    ("sex", &["gender"]),
    ("surname", &["last", "name"]),
    ("tel", &["phone"]),
    ("telephone", &["phone"]),
    ("ts", &["timestamp"]),
    ("zip", &["postal", "code"]),
    ("zipcode", &["postal", "code"]),
];

impl Words {
    fn number(&mut self, word: &str) -> usize {
        let next = self.0.len();
        *self.0.entry(word.to_owned()).or_insert(next)
    }

    /// The words of a name such as `firstName`, `first_name` or `First Names`.
    fn of(&mut self, name: &str) -> Vec<usize> {
        let mut found = Vec::new();
        for word in split(name) {
            let singular = match word.strip_suffix('s') {
                Some(stem) if stem.len() > 2 && !stem.ends_with(['s', 'u', 'i']) => stem,
                _ => word.as_str(),
            };
            match SPELLINGS.iter().find(|(short, _)| *short == word || *short == singular) {
                Some((_, long)) => found.extend(long.iter().map(|word| self.number(word))),
                None => found.push(self.number(singular)),
            }
        }
        sorted(found)
    }
}

fn sorted(mut words: Vec<usize>) -> Vec<usize> {
    words.sort_unstable();
    words.dedup();
    words
}

/// Splits where case or kind of character changes.
fn split(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut before = ' ';
    for c in name.chars() {
        let boundary = !before.is_alphanumeric()
            || (before.is_lowercase() && c.is_uppercase())
            || (before.is_numeric() != c.is_numeric());
        if c.is_alphanumeric() {
            match words.last_mut() {
                Some(word) if !boundary => word.extend(c.to_lowercase()),
                _ => words.push(c.to_lowercase().collect()),
            }
        }
        before = c;
    }
    words
}

/// Where a walk through a schema is.
#[derive(Clone, Default)]
struct At {
    path: String,
    wildcards: usize,
    parent: Vec<usize>,
    all: Vec<usize>,
    name: Vec<usize>,
}

impl At {
    fn member(&self, name: &str, words: &mut Words) -> Self {
        let own = words.of(name);
        let dot = if self.path.is_empty() { "" } else { "." };
        let escaped = name.replace('.', "\\.").replace('[', "\\[").replace(']', "\\]");
        Self {
            path: format!("{}{dot}{escaped}", self.path),
            wildcards: self.wildcards,
            parent: self.name.clone(),
            all: sorted(self.all.iter().chain(&own).copied().collect()),
            name: own,
        }
    }

    fn each(&self) -> Self {
        Self { path: format!("{}[*]", self.path), wildcards: self.wildcards + 1, ..self.clone() }
    }

    fn field(self, shape: Shape, list: bool, sample: Option<Value>) -> Field {
        Field {
            path: self.path,
            shape,
            list,
            wildcards: self.wildcards,
            with_parent: sorted(self.name.iter().chain(&self.parent).copied().collect()),
            name: self.name,
            all: self.all,
            sample,
        }
    }
}

fn source_fields(schema: &Value, record: Option<&Value>, words: &mut Words) -> Vec<Field> {
    let mut found = Vec::new();
    walk_source(schema, record, &At::default(), words, &mut found);
    found
}

fn walk_source(schema: &Value, sample: Option<&Value>, at: &At, words: &mut Words, found: &mut Vec<Field>) {
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        for (name, schema) in properties.iter().filter(|(name, _)| !name.trim().is_empty()) {
            if found.len() >= SUGGESTED_FIELDS_MAX {
                return;
            }
            walk_source(schema, sample.and_then(|it| it.get(name)), &at.member(name, words), words, found);
        }
    } else if let Some(items) = schema.get("items") {
        let sample = sample.and_then(|it| it.get(0));
        if items.get("properties").is_some() {
            walk_source(items, sample, &at.each(), words, found);
        } else if let Some(shape) = written_shape(items) {
            found.push(at.clone().field(shape, true, sample.cloned()));
        }
    } else if let Some(shape) = written_shape(schema)
        && !at.path.is_empty()
    {
        found.push(at.clone().field(shape, false, sample.cloned()));
    }
}

/// The shape that a JSON schema names; of several types, the first that is none of null.
fn written_shape(schema: &Value) -> Option<Shape> {
    let word = match schema.get("type")? {
        Value::String(word) => word.as_str(),
        Value::Array(words) => words.iter().filter_map(Value::as_str).find(|word| *word != "null")?,
        _ => return None,
    };
    let format = schema.get("format").and_then(Value::as_str);
    match (word, format) {
        ("string", Some("date" | "date-time")) => Some(Shape::Date),
        ("string", _) => Some(Shape::Text),
        ("integer", _) => Some(Shape::Integer),
        ("number", _) => Some(Shape::Number),
        ("boolean", _) => Some(Shape::Boolean),
        _ => None,
    }
}

fn destination_fields(root: &ObjectType, words: &mut Words) -> Vec<Field> {
    let mut found = Vec::new();
    walk_destination(root, &At::default(), words, &mut found);
    found
}

fn walk_destination(object: &ObjectType, at: &At, words: &mut Words, found: &mut Vec<Field>) {
    for field in &object.fields {
        let at = at.member(&field.name, words);
        match &field.ty {
            Type::Object(object) => walk_destination(object, &at, words, found),
            Type::Array(item) => match (&item.ty, shape(&item.ty)) {
                (Type::Object(object), _) => walk_destination(object, &at.each(), words, found),
                (_, Some(shape)) => found.push(at.field(shape, true, None)),
                _ => {}
            },
            ty => found.extend(shape(ty).map(|shape| at.field(shape, false, None))),
        }
    }
}

fn shape(ty: &Type) -> Option<Shape> {
    match ty {
        Type::String => Some(Shape::Text),
        Type::Boolean => Some(Shape::Boolean),
        Type::Byte | Type::Short | Type::Int | Type::Long => Some(Shape::Integer),
        Type::Double => Some(Shape::Number),
        Type::Date | Type::DateTime => Some(Shape::Date),
        Type::Json | Type::Object(_) | Type::Array(_) | Type::Map(_) => None,
    }
}

/// The best destination of each source, none given twice: the highest scores choose first.
fn assigned(sources: &[Field], destinations: &[Field]) -> HashMap<usize, (usize, f64)> {
    let mut by_word: HashMap<usize, Vec<usize>> = HashMap::new();
    for (at, destination) in destinations.iter().enumerate() {
        for word in &destination.all {
            by_word.entry(*word).or_default().push(at);
        }
    }
    let mut pairs: Vec<(f64, usize, usize)> = Vec::new();
    for (at, source) in sources.iter().enumerate() {
        let candidates: HashSet<usize> =
            source.all.iter().filter_map(|word| by_word.get(word)).flatten().copied().collect();
        let mut scored: Vec<(f64, usize, usize)> = candidates
            .into_iter()
            .map(|destination| (score(source, &destinations[destination]), at, destination))
            .filter(|(score, _, _)| *score >= SCORE_MIN)
            .collect();
        best_first(&mut scored);
        scored.truncate(SUGGESTED_CANDIDATES_MAX);
        pairs.append(&mut scored);
    }
    best_first(&mut pairs);
    let mut found: HashMap<usize, (usize, f64)> = HashMap::new();
    let mut taken = HashSet::new();
    for (score, source, destination) in pairs {
        if !found.contains_key(&source) && taken.insert(destination) {
            found.insert(source, (destination, score));
        }
    }
    found
}

fn best_first(pairs: &mut [(f64, usize, usize)]) {
    // Scores lie between 0 and 1, so a millionth tells them apart well enough.
    let key = |score: f64| Reverse((score * 1e6) as u64);
    pairs.sort_by_key(|(score, source, destination)| (key(*score), *source, *destination));
}

/// How likely the source's field means the destination's, from 0 to 1.
fn score(source: &Field, destination: &Field) -> f64 {
    if source.list != destination.list || source.wildcards != destination.wildcards {
        return 0.0;
    }
    let name = if source.all == destination.all {
        1.0
    } else {
        let leaf =
            dice(&source.name, &destination.name).max(0.8 * likeness(&source.name, &destination.with_parent));
        0.7 * leaf + 0.3 * likeness(&source.all, &destination.all)
    };
    let fits = type_score(source.shape, destination.shape);
    if fits == 0.0 {
        return 0.0;
    }
    match source.sample.as_ref().and_then(|sample| value_score(sample, destination.shape)) {
        Some(0.0) => 0.0,
        Some(value) => 0.7 * name + 0.1 * fits + 0.2 * value,
        None => 0.8 * name + 0.2 * fits,
    }
}

fn type_score(source: Shape, destination: Shape) -> f64 {
    match (source, destination) {
        (one, other) if one == other => 1.0,
        (Shape::Integer, Shape::Number) => 1.0,
        (_, Shape::Text) => 0.8,
        (Shape::Number, Shape::Integer) | (Shape::Text, Shape::Date) => 0.6,
        (Shape::Text, _) | (Shape::Integer, Shape::Date | Shape::Boolean) => 0.4,
        _ => 0.0,
    }
}

/// How well a value fits; none when it says nothing, as null does.
fn value_score(sample: &Value, destination: Shape) -> Option<f64> {
    let text = match sample {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(_) | Value::Bool(_) => sample.to_string(),
        _ => return None,
    };
    if text.is_empty() {
        return None;
    }
    let is = |holds: bool| Some(if holds { 1.0 } else { 0.0 });
    let is_number = text.parse::<f64>().is_ok_and(f64::is_finite);
    match destination {
        Shape::Integer => is(text.parse::<i64>().is_ok()),
        Shape::Number => is(is_number),
        Shape::Boolean => is(matches!(
            text.to_ascii_lowercase().as_str(),
            "true" | "false" | "yes" | "no" | "y" | "n" | "on" | "off" | "0" | "1"
        )),
        Shape::Date => is(is_date(&text)),
        Shape::Text => Some(if is_number || is_date(&text) { 0.7 } else { 1.0 }),
    }
}

/// Whether a text starts with a year, month and day, or is a number of milliseconds.
fn is_date(text: &str) -> bool {
    let day = text.get(..10).unwrap_or(text).replace('/', "-");
    xdm::parse_date(&day).is_some() || (text.len() == 13 && text.bytes().all(|b| b.is_ascii_digit()))
}

fn common(one: &[usize], other: &[usize]) -> f64 {
    one.iter().filter(|word| other.binary_search(word).is_ok()).count() as f64
}

/// Twice the words in common over all words.
fn dice(one: &[usize], other: &[usize]) -> f64 {
    let all = one.len() + other.len();
    if all == 0 { 0.0 } else { 2.0 * common(one, other) / all as f64 }
}

/// Halfway between [`dice`] and the share of the shorter name that the longer one has.
fn likeness(one: &[usize], other: &[usize]) -> f64 {
    let shorter = one.len().min(other.len());
    if shorter == 0 {
        return 0.0;
    }
    (dice(one, other) + common(one, other) / shorter as f64) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_words() {
        for (name, expected) in [
            ("firstName", vec!["first", "name"]),
            ("First Name", vec!["first", "name"]),
            ("first_name", vec!["first", "name"]),
            ("HTTPStatus2", vec!["httpstatus", "2"]),
            ("_id", vec!["id"]),
            ("", vec![]),
        ] {
            assert_eq!(split(name), expected, "{name}");
        }
        let mut words = Words::default();
        for (one, other) in
            [("dob", "birthDate"), ("E Mails", "e email"), ("zip", "postalCode"), ("fname", "first-name")]
        {
            assert_eq!(words.of(one), words.of(other), "{one} {other}");
        }
        assert_ne!(words.of("address"), words.of("addres"));
    }

    fn field(path: &str, shape: Shape, sample: Value, words: &mut Words) -> Field {
        let at = path.split('.').fold(At::default(), |at, name| at.member(name, words));
        at.field(shape, false, Some(sample))
    }

    #[test]
    fn names_types_and_values_count() {
        let mut words = Words::default();
        let mut check = |source: (&str, Shape, Value), better: (&str, Shape), worse: (&str, Shape)| {
            let source = field(source.0, source.1, source.2, &mut words);
            let better = field(better.0, better.1, Value::Null, &mut words);
            let worse = field(worse.0, worse.1, Value::Null, &mut words);
            let (more, less) = (score(&source, &better), score(&source, &worse));
            assert!(more > less && more >= SCORE_MIN, "{source:?}: {more} {less}");
        };
        let text = |text: &str| json!(text);
        let (t, i, d) = (Shape::Text, Shape::Integer, Shape::Date);
        check(("first_name", t, text("Ada")), ("person.name.firstName", t), ("person.name.lastName", t));
        check(("email", t, text("a@b.c")), ("personalEmail.address", t), ("homeAddress.country", t));
        check(("order_total", t, text("12")), ("order.total", i), ("order.totalDate", d));
        check(("birth_date", t, text("1815-12-10")), ("person.birthDate", d), ("person.birthYear", i));
        // A value that the type cannot hold rules the pair out.
        let source = field("age", t, text("old"), &mut words);
        assert_eq!(score(&source, &field("age", i, Value::Null, &mut words)), 0.0);
    }
}
