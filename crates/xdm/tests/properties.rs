//! Random schemas and records: the validator against the crate `jsonschema`, and records through columns and Parquet and back.

use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Date32Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, RecordBatch};
use arrow_schema::DataType;
use bytes::Bytes;
use fastrand::Rng;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Map, Value, json};
use vocab::{Json, Tape};
use xdm::{Schema, Type};

const SCHEMAS: u64 = 1000;
const RECORDS: u64 = 100;

/// An object of up to six fields; objects, lists and maps in it are shallower.
fn object(random: &mut Rng, depth: usize) -> Value {
    let mut properties = Map::new();
    for name in ["a", "b", "c", "d", "e", "f"].iter().take(random.usize(1..=6)) {
        properties.insert((*name).to_owned(), field(random, depth));
    }
    let required: Vec<&String> = properties.keys().filter(|_| random.u8(..) < 60).collect();
    let mut out = json!({ "type": "object", "required": required, "properties": properties });
    if random.u8(..) < 80 {
        out["additionalProperties"] = json!(false);
    }
    out
}

fn field(random: &mut Rng, depth: usize) -> Value {
    let kinds = if depth == 0 { 7 } else { 10 };
    match random.u8(0..kinds) {
        0 => json!({ "type": "string" }),
        1 => {
            let least = random.usize(0..4);
            json!({ "type": "string", "minLength": least, "maxLength": least + random.usize(0..4) })
        }
        2 => match random.u8(0..4) {
            0 => json!({ "type": "string", "pattern": "^[a-c]+$" }),
            1 => json!({ "type": "string", "enum": ["a", "bb", "ccc"] }),
            2 => json!({ "type": "string", "format": "date" }),
            _ => json!({ "type": "string", "format": "date-time" }),
        },
        3 => json!({ "type": "boolean" }),
        4 => {
            let least = random.i64(-20..20);
            json!({ "type": "integer", "minimum": least, "maximum": least + random.i64(0..20) })
        }
        5 => json!({ "type": "integer" }),
        6 => {
            let least = random.i64(-20..20);
            if random.bool() {
                json!({ "type": "number", "minimum": least, "maximum": least + 8 })
            } else {
                json!({ "type": "number", "exclusiveMinimum": least, "exclusiveMaximum": least + 8 })
            }
        }
        7 => object(random, depth - 1),
        8 => {
            let least = random.usize(0..3);
            json!({ "type": "array", "items": field(random, depth - 1), "minItems": least,
                    "maxItems": least + random.usize(0..4), "uniqueItems": random.u8(..) < 60 })
        }
        _ => {
            json!({ "type": "object", "meta:xdmType": "map", "additionalProperties": field(random, depth - 1) })
        }
    }
}

/// A value that mostly fits, at the edge where there is one.
fn value(node: &Value, random: &mut Rng) -> Value {
    if random.u8(..) < 6 {
        return junk(random);
    }
    let edge = |key: &str| node.get(key).and_then(Value::as_i64);
    match node["type"].as_str().unwrap() {
        "boolean" => json!(random.bool()),
        "integer" => {
            let (low, high) = (edge("minimum").unwrap_or(-70_000), edge("maximum").unwrap_or(70_000));
            let off = i64::from(random.u8(..) < 10);
            let number = random.i64(low - off..=high + off);
            if random.u8(..) < 20 { json!(number as f64) } else { json!(number) }
        }
        "number" => {
            let low = edge("minimum").or_else(|| edge("exclusiveMinimum")).unwrap();
            json!(random.i64(low * 4 - 1..=low * 4 + 33) as f64 / 4.0)
        }
        "string" => match (node["format"].as_str(), node.get("enum"), node.get("pattern")) {
            (Some("date"), ..) => json!(date(random)),
            (Some(_), ..) => {
                json!(format!("{}T{:02}:{:02}:09.5Z", date(random), random.u8(0..25), random.u8(0..61)))
            }
            (_, Some(allowed), _) if random.u8(..) < 240 => allowed[random.usize(0..3)].clone(),
            (_, _, Some(_)) => json!(text(random, "abcd")),
            _ => json!(text(random, "aé\"\u{1F600}")),
        },
        "array" => {
            let count = random.usize(0..5);
            json!((0..count).map(|_| value(&node["items"], random)).collect::<Vec<_>>())
        }
        _ => match node.get("properties") {
            Some(Value::Object(fields)) => {
                let mut out = Map::new();
                for (name, field) in fields.iter().filter(|_| random.u8(..) < 210).collect::<Vec<_>>() {
                    out.insert(name.clone(), value(field, random));
                }
                if random.u8(..) < 10 {
                    out.insert("unknown".to_owned(), junk(random));
                }
                Value::Object(out)
            }
            _ => {
                let keys = ["k", "l", "m"];
                let of = &node["additionalProperties"];
                let members = keys.iter().take(random.usize(0..=3));
                Value::Object(members.map(|key| ((*key).to_owned(), value(of, random))).collect())
            }
        },
    }
}

fn junk(random: &mut Rng) -> Value {
    [json!(true), json!(7), json!(1.5), json!("x"), json!([]), json!({}), json!([1, "a"])][random.usize(0..7)]
        .clone()
}

fn text(random: &mut Rng, letters: &str) -> String {
    let letters: Vec<char> = letters.chars().collect();
    (0..random.usize(0..6)).map(|_| letters[random.usize(0..letters.len())]).collect()
}

fn date(random: &mut Rng) -> String {
    format!("20{:02}-{:02}-{:02}", random.u8(0..100), random.u8(1..14), random.u8(1..32))
}

fn compiled(doc: &Value) -> Arc<Schema> {
    let resolved = xdm::compose(doc, &|_| None).unwrap_or_else(|error| panic!("{error}: {doc}"));
    Arc::new(Schema::compile(&resolved, &[]).unwrap_or_else(|error| panic!("{error}: {doc}")))
}

#[test]
fn the_validator_agrees_with_another() {
    let (mut valid, mut invalid) = (0, 0);
    for seed in 0..SCHEMAS {
        let mut random = Rng::with_seed(seed);
        let doc = object(&mut random, 3);
        let schema = compiled(&doc);
        let other = jsonschema::options()
            .with_draft(jsonschema::Draft::Draft7)
            .should_validate_formats(true)
            .build(&doc)
            .unwrap();
        for _ in 0..RECORDS {
            let record = value(&doc, &mut random);
            let text = record.to_string();
            let tree = Json::parse(text.as_bytes()).unwrap();
            let found = schema.validate_open(&tree, 100);
            assert_eq!(found.is_empty(), other.is_valid(&record), "seed {seed}: {doc}\n{text}\n{found:?}");
            let (tape, _) = Tape::default().parse(text.as_bytes());
            assert_eq!(schema.validate_open(tape.root(), 100), found, "seed {seed}: {text}");
            // The columns know no open records; what they take, the validator takes.
            let closed = schema.validate(&tree, 100);
            assert_eq!(schema.columns().take(tape.root(), 100), closed, "seed {seed}: {text}");
            *if found.is_empty() { &mut valid } else { &mut invalid } += 1;
        }
    }
    println!("{} pairs: {valid} valid, {invalid} not", valid + invalid);
    assert!(valid > 10_000 && invalid > 10_000);
}

#[test]
fn composing_is_deterministic() {
    for seed in 0..SCHEMAS {
        let doc = object(&mut Rng::with_seed(seed), 3);
        let group =
            Arc::new(json!({ "$id": "https://ns.adobe.com/acme/mixins/g", "properties": { "_acme": doc } }));
        let part = json!({ "$ref": "https://ns.adobe.com/acme/mixins/g" });
        let doc = json!({ "allOf": [part, object(&mut Rng::with_seed(seed + SCHEMAS), 2)] });
        let once = xdm::compose(&doc, &|_| Some(group.clone())).map(|resolved| resolved.to_string());
        let again = xdm::compose(&doc, &|_| Some(group.clone())).map(|resolved| resolved.to_string());
        assert_eq!(once.ok(), again.ok(), "seed {seed}");
    }
}

#[test]
fn a_valid_record_comes_back_from_parquet() {
    let mut records = 0;
    for seed in 0..SCHEMAS {
        let doc = object(&mut Rng::with_seed(seed), 3);
        let schema = compiled(&doc);
        let samples: Vec<Value> =
            (0..10).filter_map(|number| xdm::sample(&schema, seed * 10 + number).ok()).collect();
        let mut columns = schema.columns();
        for sample in &samples {
            let text = sample.to_string();
            let (tape, read) = Tape::default().parse(text.as_bytes());
            read.unwrap();
            assert!(columns.take(tape.root(), 5).is_empty(), "seed {seed}: {text}");
            // What is refused leaves nothing behind.
            assert!(
                !columns.take(&Json::parse(br#"{"a":{"a":[{"a":{}}]},"unknown":1}"#).unwrap(), 5).is_empty()
            );
        }
        let batch = through_parquet(&columns.finish());
        assert_eq!(batch.num_rows(), samples.len(), "seed {seed}: {doc}");
        for (row, sample) in samples.iter().enumerate() {
            let read: Map<String, Value> = batch
                .schema()
                .fields()
                .iter()
                .zip(batch.columns())
                .filter_map(|(field, column)| Some((field.name().clone(), cell(column, row)?)))
                .collect();
            let mut expected = sample.clone();
            canonicalise(&mut expected, &Type::Object(Box::new(schema.root().clone())));
            assert_eq!(Value::Object(read), expected, "seed {seed}: {doc}");
            records += 1;
        }
    }
    println!("{records} records");
    assert!(records > 5000);
}

fn through_parquet(batch: &RecordBatch) -> RecordBatch {
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(bytes)).unwrap();
    let mut batches = reader.with_batch_size(1 << 20).build().unwrap();
    batches.next().map_or_else(|| RecordBatch::new_empty(batch.schema()), Result::unwrap)
}

/// The value of a cell: dates as days, date-times as microseconds. None when it is null.
fn cell(column: &dyn Array, row: usize) -> Option<Value> {
    if column.is_null(row) {
        return None;
    }
    Some(match column.data_type() {
        DataType::Utf8 => json!(column.as_string::<i32>().value(row)),
        DataType::Boolean => json!(column.as_boolean().value(row)),
        DataType::Int32 => json!(f64::from(column.as_primitive::<Int32Type>().value(row))),
        DataType::Int64 => json!(column.as_primitive::<Int64Type>().value(row) as f64),
        DataType::Float64 => json!(column.as_primitive::<Float64Type>().value(row)),
        DataType::Date32 => json!(f64::from(column.as_primitive::<Date32Type>().value(row))),
        DataType::Timestamp(..) => json!(column.as_primitive::<TimestampMicrosecondType>().value(row) as f64),
        DataType::Struct(fields) => {
            let columns = column.as_struct().columns();
            let members = fields.iter().zip(columns);
            Value::Object(
                members.filter_map(|(field, of)| Some((field.name().clone(), cell(of, row)?))).collect(),
            )
        }
        DataType::List(_) => {
            let items = column.as_list::<i32>().value(row);
            json!((0..items.len()).map(|at| cell(&items, at)).collect::<Vec<_>>())
        }
        DataType::Map(..) => {
            let entries = column.as_map().value(row);
            let (keys, values) = (entries.column(0).as_string::<i32>(), entries.column(1));
            let member = |at: usize| Some((keys.value(at).to_owned(), cell(values, at)?));
            Value::Object((0..entries.len()).filter_map(member).collect())
        }
        other => panic!("a column of {other}"),
    })
}

/// Numbers as floats, dates as days, date-times as microseconds.
fn canonicalise(value: &mut Value, ty: &Type) {
    let made = match (ty, &mut *value) {
        (Type::Date, Value::String(text)) => json!(f64::from(xdm::parse_date(text).unwrap())),
        (Type::DateTime, Value::String(text)) => json!(xdm::parse_date_time(text).unwrap() as f64),
        (_, Value::Number(number)) => json!(number.as_f64()),
        (Type::Object(object), Value::Object(members)) => {
            for (name, member) in members {
                canonicalise(member, &object.get(name).unwrap().ty);
            }
            return;
        }
        (Type::Array(item), Value::Array(items)) => {
            return items.iter_mut().for_each(|value| canonicalise(value, &item.ty));
        }
        (Type::Map(of), Value::Object(members)) => {
            return members.values_mut().for_each(|value| canonicalise(value, &of.ty));
        }
        _ => return,
    };
    *value = made;
}
