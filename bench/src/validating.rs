//! Records through the compiled schema: parse, validate, fill columns; against `serde_json` with `jsonschema`, and against
//! what arrow-json needs to decode the same bytes without validating anything.

use std::collections::HashSet;
use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use arrow_schema::{Fields, Schema as ArrowSchema};
use clap::Args;
use serde_json::{Map, Value, json};
use vocab::Tape;
use xdm::library::{Resource, ResourceKind};

use crate::refining::offset;
use crate::turns::{Best, TURNS};
use crate::{Outcome, corpus, load};

/// Records of a corpus, and rows of a batch.
const RECORDS: u64 = 1024;

#[derive(Args)]
pub(crate) struct Validating {
    /// Of one turn of one contender.
    #[arg(long, default_value_t = 0.2)]
    seconds: f64,
    /// A checkout of the public XDM repository, to compose the union of its event field groups.
    #[arg(long)]
    data: Option<PathBuf>,
}

/// What is measured: a schema, and texts of records that it accepts.
struct Corpus {
    name: &'static str,
    /// The composed schema.
    resolved: Value,
    schema: Arc<xdm::Schema>,
    texts: Vec<String>,
}

impl Corpus {
    fn new(name: &'static str, doc: &Value, record: impl Fn(u64) -> Value) -> Outcome<Self> {
        let resolved = xdm::compose(doc, &|_| None)?;
        let schema = Arc::new(xdm::Schema::compile(&resolved, &[])?);
        let texts = (0..RECORDS).map(|number| record(number).to_string()).collect();
        Ok(Self { name, resolved, schema, texts })
    }
}

impl Validating {
    pub(crate) fn run(&self) -> Outcome {
        let events = Corpus::new("event", &corpus::schema(), corpus::event)?;
        let wide = Corpus::new("event, 300 fields more in the schema", &with_fields(300), corpus::event)?;
        let full = Corpus::new("event and 300 fields", &with_fields(300), |number| {
            let mut event = corpus::event(number);
            event["_acme"] = fields_of(300, number);
            event
        })?;
        let rows: Vec<Value> =
            [events, wide, full].iter().map(|corpus| self.measure(corpus)).collect::<Outcome<_>>()?;
        let union = self.data.as_deref().map(union).transpose()?;
        load::print(&json!({ "rows": rows, "union": union }))
    }

    /// Nanoseconds a record of each contender.
    fn measure(&self, corpus: &Corpus) -> Outcome<Value> {
        let validator = jsonschema::options()
            .with_draft(jsonschema::Draft::Draft7)
            .should_validate_formats(true)
            .build(&corpus.resolved)?;
        let arrow: Arc<ArrowSchema> =
            Arc::new(ArrowSchema::new(corpus.schema.arrow().fields().iter().map(offset).collect::<Fields>()));
        let mut columns = corpus.schema.columns();
        let mut tape = Some(Tape::default());
        let mut best = Best::new(self.seconds);
        let texts = corpus.texts.as_slice();
        for _ in 0..TURNS {
            best.turn("parse", texts.len(), || {
                each(texts, &mut tape, |tape| {
                    black_box(tape.root());
                    Ok(())
                })
            })?;
            best.turn("validate", texts.len(), || {
                each(texts, &mut tape, |tape| accepted(corpus.schema.validate(tape.root(), 5)))
            })?;
            best.turn("columns", texts.len(), || {
                each(texts, &mut tape, |tape| accepted(columns.take(tape.root(), 5)))?;
                black_box(columns.finish());
                Ok(())
            })?;
            best.turn("serde_json", texts.len(), || {
                for text in texts {
                    black_box(serde_json::from_str::<Value>(text)?);
                }
                Ok(())
            })?;
            best.turn("jsonschema", texts.len(), || {
                for text in texts {
                    let value: Value = serde_json::from_str(text)?;
                    if !validator.is_valid(&value) {
                        return Err("jsonschema refuses a record".into());
                    }
                }
                Ok(())
            })?;
            best.turn("arrow-json", texts.len(), || {
                let mut decoder = arrow_json::ReaderBuilder::new(arrow.clone())
                    .with_batch_size(texts.len())
                    .build_decoder()?;
                for text in texts {
                    decoder.decode(text.as_bytes())?;
                }
                let batch = decoder.flush()?.ok_or("no batch")?;
                if batch.num_rows() == texts.len() { Ok(()) } else { Err("arrow-json lost records".into()) }
            })?;
        }
        let bytes: usize = corpus.texts.iter().map(String::len).sum();
        Ok(json!({ "corpus": corpus.name, "bytes": bytes / corpus.texts.len(), "nanos": best.into_nanos() }))
    }
}

/// Each text on the tape, one after the other.
pub(crate) fn each(
    texts: &[String],
    memory: &mut Option<Tape<'static>>,
    mut work: impl FnMut(&Tape<'_>) -> Outcome,
) -> Outcome {
    let mut tape = memory.take().unwrap_or_default();
    for text in texts {
        let (filled, read) = tape.parse(text.as_bytes());
        read?;
        work(&filled)?;
        tape = filled.emptied();
    }
    *memory = Some(tape);
    Ok(())
}

pub(crate) fn accepted(violations: xdm::Violations) -> Outcome {
    match violations.list.first() {
        None => Ok(()),
        Some(first) => Err(format!("{}: {}", first.pointer, first.message).into()),
    }
}

/// The schema of the events with that many fields of the tenant beside.
fn with_fields(count: u64) -> Value {
    let field = |at: u64| match at % 8 {
        0 => json!({ "type": "string", "maxLength": 40 }),
        1 => json!({ "type": "integer", "minimum": 0, "maximum": 1_000_000 }),
        2 => json!({ "type": "number", "minimum": 0 }),
        3 => json!({ "type": "boolean" }),
        4 => json!({ "type": "string", "format": "date-time" }),
        5 => json!({ "type": "string", "enum": ["new", "open", "paid", "closed"] }),
        6 => json!({ "type": "string", "pattern": "^[a-z]+-[0-9]+$" }),
        _ => json!({ "type": "array", "items": { "type": "string" } }),
    };
    let fields: Map<String, Value> = (0..count).map(|at| (format!("field{at}"), field(at))).collect();
    let mut schema = corpus::schema();
    schema["properties"] = json!({ "_acme": { "type": "object", "properties": fields } });
    schema
}

/// A value for each of those fields.
fn fields_of(count: u64, number: u64) -> Value {
    let value = |at: u64| match at % 8 {
        0 => json!(format!("text {number} of {at}")),
        1 => json!(number * at % 1_000_000),
        2 => json!((number * at % 10_000) as f64 / 8.0),
        3 => json!(number.is_multiple_of(2)),
        4 => json!(format!("2026-05-{:02}T10:11:12.{:03}Z", at % 28 + 1, number % 1000)),
        5 => json!("paid"),
        6 => json!(format!("order-{number}")),
        _ => json!(["a", "b"]),
    };
    Value::Object((0..count).map(|at| (format!("field{at}"), value(at))).collect())
}

/// The fields of a composed schema, and the milliseconds that composing took: the class of events with every field group of
/// the repository that is made for it.
#[expect(clippy::disallowed_methods, reason = "the time is what is reported")]
fn union(root: &Path) -> Outcome<Value> {
    let mut resources = Vec::new();
    read(&root.join("components"), root, &mut resources)?;
    let own = resources.len();
    for folder in ["schemas", "extensions"] {
        read(&root.join(folder), root, &mut resources)?;
    }
    // Extensions for one vendor's products are there to be referred to.
    let own: HashSet<String> = resources[..own].iter().map(|resource| resource.id.clone()).collect();
    let library = xdm::library::standard().with(resources);
    let find = |id: &str| library.get(id).map(|found| found.doc.clone());
    let class = "https://ns.adobe.com/xdm/context/experienceevent";
    let of_events = library.list(ResourceKind::FieldGroups).filter(|group| {
        let extends = group.doc["meta:intendedToExtend"].as_array();
        own.contains(&group.id)
            && group.doc["meta:status"] != "deprecated"
            && extends.is_some_and(|extends| extends.iter().any(|id| id == class))
    });
    let parts: Vec<Value> = std::iter::once(class)
        .chain(of_events.map(|group| group.id.as_str()))
        .map(|id| json!({ "$ref": id }))
        .collect();
    let groups = parts.len() - 1;
    let doc = json!({ "$id": "https://ns.adobe.com/acme/schemas/union", "type": "object", "allOf": parts });
    let mut best = f64::INFINITY;
    let mut fields = 0;
    for _ in 0..TURNS {
        let start = Instant::now();
        let resolved = black_box(xdm::compose(&doc, &find)?);
        best = best.min(start.elapsed().as_secs_f64() * 1000.0);
        fields = count(&resolved);
    }
    Ok(json!({ "groups": groups, "fields": fields, "compose_ms": best }))
}

fn read(folder: &Path, root: &Path, out: &mut Vec<Resource>) -> Outcome {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            read(&path, root, out)?;
        } else if path.to_string_lossy().ends_with(".schema.json") {
            let doc: Value = serde_json::from_slice(&fs::read(&path)?)?;
            let kind = xdm::kind_of(path.strip_prefix(root)?, &doc);
            out.push(Resource::new(kind, xdm::from_public(&doc))?);
        }
    }
    Ok(())
}

/// The fields below a node, those of items and map values included.
fn count(node: &Value) -> usize {
    let properties = node.get("properties").and_then(Value::as_object).into_iter().flatten();
    let inner = ["items", "additionalProperties"].iter().filter_map(|key| node.get(key));
    properties.map(|(_, field)| 1 + count(field)).sum::<usize>() + inner.map(count).sum::<usize>()
}
