//! Raw records through a mapping set, from the text to filled columns; against vrl and code by hand, which parse the same text,
//! do the same and write JSON.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use clap::Args;
use prep::{Context, Item, MappingSet, SourceType};
use serde_json::{Map, Value, json};
use vocab::{Millis, Tape};
use vrl::compiler::runtime::Runtime;
use vrl::compiler::{Program, TargetValue, TimeZone};
use vrl::value::Secrets;

use crate::by_hand::{through_structs, through_values};
use crate::turns::{Best, TURNS};
use crate::validating::{accepted, each};
use crate::{Outcome, corpus, load};

/// Records, and rows of a batch.
const RECORDS: u64 = 1024;

/// Items of the sets whose cost is compared.
const SIZES: [usize; 3] = [10, 100, 1000];

const CONTEXT: Context = Context { now: Millis(1_780_000_000_000), seed: 1 };

#[derive(Args)]
pub(crate) struct Mapping {
    /// Of one turn of one contender.
    #[arg(long, default_value_t = 0.3)]
    seconds: f64,
}

/// Source, and destination. `order.lines` is a list.
const ITEMS: [(&str, &str); 10] = [
    ("id", "_id"),
    ("date(ts, \"yyyy-MM-dd HH:mm:ss\")", "timestamp"),
    ("iif(type == \"ORDER\", \"commerce.purchases\", \"web.webpagedetails.pageViews\")", "eventType"),
    ("concat(user.first, \" \", user.last)", "_acme.name"),
    ("lower(user.email)", "_acme.email"),
    ("page.url", "web.webPageDetails.URL"),
    ("page.title", "web.webPageDetails.name"),
    ("order.id", "commerce.order.purchaseID"),
    ("order.total", "commerce.order.priceTotal"),
    ("order.lines[*].sku", "productListItems[*].SKU"),
];

const PROGRAM: &str = r#"
event_type = if .type == "ORDER" { "commerce.purchases" } else { "web.webpagedetails.pageViews" }
products = map_values(array!(.order.lines)) -> |line| { { "SKU": line.sku } }
{
    "_id": .id,
    "timestamp": format_timestamp!(parse_timestamp!(.ts, "%Y-%m-%d %H:%M:%S"), "%Y-%m-%dT%H:%M:%SZ"),
    "eventType": event_type,
    "_acme": {
        "name": string!(.user.first) + " " + string!(.user.last),
        "email": downcase!(.user.email)
    },
    "web": { "webPageDetails": { "URL": .page.url, "name": .page.title } },
    "commerce": { "order": { "purchaseID": .order.id, "priceTotal": to_float!(.order.total) } },
    "productListItems": products
}
"#;

impl Mapping {
    pub(crate) fn run(&self) -> Outcome {
        let texts: Vec<String> = (0..RECORDS).map(|number| raw(number).to_string()).collect();
        let items: Vec<Item> = ITEMS.iter().map(|(source, to)| item(source, (*to).to_owned())).collect();
        let schema = schema(0)?;
        let set = compile(&items, &schema)?;
        let program = program()?;
        agree(&texts, &set, &program)?;

        let mut best = Best::new(self.seconds);
        let mut tape = Some(Tape::default());
        let mut columns = schema.columns();
        let mut runtime = Runtime::default();
        for _ in 0..TURNS {
            best.turn("prep", texts.len(), || {
                each(&texts, &mut tape, |tape| {
                    let mapped = set.apply(tape.root(), &CONTEXT);
                    accepted(columns.take(mapped.record(), 5))
                })?;
                black_box(columns.finish());
                Ok(())
            })?;
            best.turn("prep, to JSON", texts.len(), || {
                each(&texts, &mut tape, |tape| {
                    let mapped = set.apply(tape.root(), &CONTEXT);
                    black_box(serde_json::to_vec(&mapped.to_json())?);
                    Ok(())
                })
            })?;
            best.turn("vrl", texts.len(), || {
                for text in &texts {
                    black_box(through_vrl(text, &program, &mut runtime)?);
                }
                Ok(())
            })?;
            best.turn("values by hand", texts.len(), || {
                for text in &texts {
                    black_box(through_values(text)?);
                }
                Ok(())
            })?;
            best.turn("structs by hand", texts.len(), || {
                for text in &texts {
                    black_box(through_structs(text)?);
                }
                Ok(())
            })?;
        }
        let bytes = texts.iter().map(String::len).sum::<usize>() / texts.len();
        let sizes: Vec<Value> =
            SIZES.iter().map(|size| self.of_size(*size, &texts)).collect::<Outcome<_>>()?;
        load::print(&json!({ "bytes": bytes, "nanos": best.into_nanos(), "sizes": sizes }))
    }

    /// A set of that many items: the ten again and again, each time to other destinations.
    #[expect(clippy::disallowed_methods, reason = "the time is what is reported")]
    fn of_size(&self, size: usize, texts: &[String]) -> Outcome<Value> {
        let schema = schema(size / ITEMS.len())?;
        let items: Vec<Item> = (0..size)
            .map(|at| {
                let (source, to) = ITEMS[at % ITEMS.len()];
                item(source, format!("_acme.copy{}.{}", at / ITEMS.len(), to.replace("_acme.", "")))
            })
            .collect();
        let mut compile_ms = f64::INFINITY;
        for _ in 0..TURNS {
            let start = Instant::now();
            black_box(compile(&items, &schema)?);
            compile_ms = compile_ms.min(start.elapsed().as_secs_f64() * 1000.0);
        }
        let set = compile(&items, &schema)?;
        let (mut best, mut tape, mut columns) =
            (Best::new(self.seconds), Some(Tape::default()), schema.columns());
        for _ in 0..TURNS {
            best.turn("prep", texts.len(), || {
                each(texts, &mut tape, |tape| {
                    let mapped = set.apply(tape.root(), &CONTEXT);
                    if mapped.written != size {
                        return Err(format!("{} of {size} items wrote a value", mapped.written).into());
                    }
                    accepted(columns.take(mapped.record(), 5))
                })?;
                black_box(columns.finish());
                Ok(())
            })?;
        }
        Ok(json!({ "items": size, "compile_ms": compile_ms, "nanos": best.into_nanos() }))
    }
}

fn item(source: &str, destination: String) -> Item {
    let plain = prep::is_path(source);
    let source_type = if plain { SourceType::Attribute } else { SourceType::Expression };
    Item { source_type, source: source.to_owned(), destination }
}

fn compile(items: &[Item], schema: &xdm::Schema) -> Outcome<MappingSet> {
    MappingSet::compile(items, schema).map_err(|errors| format!("{errors:?}").into())
}

fn program() -> Outcome<Program> {
    let compiled = vrl::compiler::compile(PROGRAM, &vrl::stdlib::all());
    compiled.map(|compiled| compiled.program).map_err(|errors| format!("{errors:?}").into())
}

fn through_vrl(text: &str, program: &Program, runtime: &mut Runtime) -> Outcome<Vec<u8>> {
    let value: vrl::value::Value = serde_json::from_str(text)?;
    let metadata = vrl::value::Value::Object(std::collections::BTreeMap::new());
    let mut target = TargetValue { value, metadata, secrets: Secrets::default() };
    let result = runtime.resolve(&mut target, program, &TimeZone::default())?;
    runtime.clear();
    Ok(serde_json::to_vec(&result)?)
}

/// All who are compared make the same of each record.
fn agree(texts: &[String], set: &MappingSet, program: &Program) -> Outcome {
    let mut runtime = Runtime::default();
    for text in texts {
        let tape = Tape::of(text.as_bytes())?;
        let mapped = set.apply(tape.root(), &CONTEXT);
        let ours: Value = serde_json::from_str(&mapped.to_json().to_string())?;
        for theirs in
            [through_vrl(text, program, &mut runtime)?, through_values(text)?, through_structs(text)?]
        {
            let theirs: Value = serde_json::from_slice(&theirs)?;
            if ours != theirs || !mapped.warnings.is_empty() {
                return Err(format!("{ours} is not {theirs}: {:?}", mapped.warnings).into());
            }
        }
    }
    Ok(())
}

/// The schema of the events with a name and an address, and that many copies of what the items write.
fn schema(copies: usize) -> Outcome<Arc<xdm::Schema>> {
    let text = || json!({ "type": "string" });
    let object = |properties: Value| json!({ "type": "object", "properties": properties });
    let mut fields = Map::from_iter([("name".to_owned(), text()), ("email".to_owned(), text())]);
    for copy in 0..copies {
        let lines = json!({ "type": "array", "items": object(json!({ "SKU": text() })) });
        let order = object(json!({ "purchaseID": text(), "priceTotal": { "type": "number" } }));
        let page = object(json!({ "URL": text(), "name": text() }));
        let of_copy = json!({
            "_id": text(), "timestamp": { "type": "string", "format": "date-time" }, "eventType": text(),
            "name": text(), "email": text(), "web": object(json!({ "webPageDetails": page })),
            "commerce": object(json!({ "order": order })), "productListItems": lines
        });
        fields.insert(format!("copy{copy}"), object(of_copy));
    }
    let mut doc = corpus::schema();
    doc["properties"] = json!({ "_acme": { "type": "object", "properties": fields } });
    if copies > 0 {
        // The copies are all that is written.
        doc = json!({ "$id": doc["$id"], "type": "object", "properties": doc["properties"] });
    }
    Ok(Arc::new(xdm::Schema::compile(&xdm::compose(&doc, &|_| None)?, &[])?))
}

/// A raw event of about 1 KB, as a shop's webhook sends it.
fn raw(number: u64) -> Value {
    let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let (hour, minute, second) = (mixed >> 8 & 15, mixed >> 16 & 31, mixed >> 24 & 31);
    let line = |at: u64| {
        json!({
            "sku": format!("sku-{}", (mixed >> 32 & 0xfff) + at), "title": format!("Product number {at}"),
            "qty": at + 1, "price": format!("{}.50", at * 7 + 3)
        })
    };
    json!({
        "id": format!("{mixed:016x}-{number}"),
        "ts": format!("2026-05-{:02} {hour:02}:{minute:02}:{second:02}", number % 28 + 1),
        "type": if number.is_multiple_of(10) { "ORDER" } else { "VIEW" },
        "user": {
            "id": mixed % 100_000, "first": "Amélie", "last": format!("Person{}", mixed % 1000),
            "email": format!("Person{}@Example.COM", mixed % 100_000), "newsletter": number.is_multiple_of(3),
            "consent": { "ads": false, "stats": true, "at": "2026-01-05T08:00:00Z" }
        },
        "page": {
            "url": format!("https://www.example.com/catalogue/products/{}?campaign=spring", mixed >> 32 & 0xfff),
            "title": format!("Catalogue, page {}", number % 40), "referrer": "https://search.example.org/?q=lamp",
            "depth": number % 7
        },
        "device": { "width": 1512, "height": 982, "agent": "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/140.0" },
        "order": {
            "id": format!("o-{number}"), "currency": "EUR", "total": format!("{}.25", mixed % 20_000),
            "lines": [line(0), line(1), line(2)]
        },
        "tags": ["spring", "sale"], "experiment": null
    })
}
