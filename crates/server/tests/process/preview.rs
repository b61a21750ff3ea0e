//! What a preview shows is the row that lands: the same engine, the same limits, the same conversions.

use std::collections::HashMap;

use fastrand::Rng;
use serde_json::{Map, Value, json};

use crate::support::{Server, Setup, collect, reader, rest};

const SETS: usize = 6;
const RECORDS: usize = 40;

/// What the tenant's fields and the person's may be made of.
const SOURCES: &[(&str, &[&str])] = &[
    (
        "{}.number",
        &["n", "n + 1", "size_of(l)", "to_integer(s)", "l[0].q", "max(l.q)", "s", "n / 2", "l[*].q"],
    ),
    (
        "{}.level",
        &[
            "iif(n > 3, \"high\", \"low\")",
            "decode(s, \"a,b\", \"low\")",
            "iif(p.name == null, \"low\", nullify())",
        ],
    ),
    ("{}.seen", &["t", "date(t)", "date(d, \"dd/MM/yyyy\")", "zone_date_to_utc(date(t))", "n"]),
    (
        "{}.tags",
        &["l[*].c", "split(s, \",\")", "[s, upper(s)]", "s", "l", "transformArray(l, x -> concat(x.c, n))"],
    ),
    (
        "person.name.firstName",
        &["lower(s)", "concat(s, \"-\", n)", "p.name", "coalesce(p.name, s)", "l.c", "d"],
    ),
    ("person.name.lastName", &["iif(n > 3, \"big\", \"small\")", "trim(p.name)", "sha256(s)", "b", "a\\.b"]),
];

fn any_record(random: &mut Rng, id: usize) -> Value {
    const TEXTS: &[&str] = &["a,b", "7", " Ada ", "", "\u{e9}\u{1f600}", "x"];
    let mut text = || json!(TEXTS[random.usize(..TEXTS.len())]);
    let (s, name, code) = (text(), text(), text());
    let mut record = json!({ "id": format!("r-{id}") });
    let mut set = |key: &str, value: Value| {
        // Any of them may be missing, or null.
        match random.usize(..8) {
            0 => {}
            1 => record[key] = Value::Null,
            _ => record[key] = value,
        }
    };
    set("s", s);
    set("p", json!({ "name": name }));
    set("n", json!(id % 7));
    set("l", json!([{ "c": code, "q": id }, { "c": "y", "q": "3" }, {}]));
    set("t", json!(["2024-02-29T23:59:01.125+02:00", "2024-05-06", "soon", "2024-05-06 07:08:09"][id % 4]));
    set("d", json!(["03/02/2024", "2024-02-03", ""][id % 3]));
    set("b", json!([true, false][id % 2]));
    set("a.b", json!(id as f64 / 4.0));
    record
}

/// The one form of what a preview and a reader show: no nulls, no objects without members, instants with six digits.
fn canonical(value: &Value, name: &str) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::Object(members) => {
            let members =
                members.iter().filter_map(|(key, value)| Some((key.clone(), canonical(value, key)?)));
            let members: Map<String, Value> = members.collect();
            (!members.is_empty()).then_some(Value::Object(members))
        }
        Value::Array(items) => {
            Some(items.iter().map(|item| canonical(item, "").unwrap_or_default()).collect())
        }
        Value::String(text) if name == "seen" => {
            let text = text.trim_end_matches('Z');
            let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
            Some(json!(format!("{seconds}.{fraction:0<6}")))
        }
        other => Some(other.clone()),
    }
}

#[test]
fn a_preview_is_the_row_that_lands() {
    let mut random = Rng::with_seed(11);
    let (server, _home) = Server::start();
    let client = server.client();
    let tenant = format!("_{}", server.tenant());
    let (mut compared, mut warned) = (0, 0);
    for number in 0..SETS {
        let setup = Setup::profile(&client, server.tenant(), &format!("Previewed {number}"));
        let mut items = vec![("ATTRIBUTE", "id", "_id".to_owned())];
        for (destination, sources) in SOURCES {
            let source = sources[random.usize(..sources.len())];
            let plain = source.chars().all(|c| c.is_alphanumeric() || ".[*]\\".contains(c));
            let kind = if plain { "ATTRIBUTE" } else { "EXPRESSION" };
            items.push((kind, source, destination.replace("{}", &tenant)));
        }
        let items: Vec<(&str, &str, &str)> =
            items.iter().map(|(kind, source, destination)| (*kind, *source, destination.as_str())).collect();
        let mapping = setup.mapping(&client, &items);
        let inlet = setup.inlet(&client, "raw", false, Some(&mapping));
        let set = client.get(&format!("/data/foundation/conversion/mappingSets/{mapping}"));
        let records: Vec<Value> = (0..RECORDS).map(|id| any_record(&mut random, id)).collect();
        let body = json!({ "data": records, "mappingSet": set });
        let shown = client.post("/data/foundation/conversion/mappingSets/preview", &body);
        let told = client.post("/data/foundation/conversion/mappingSets/preview?explain=true", &body);
        for (plain, told) in shown.as_array().unwrap().iter().zip(told.as_array().unwrap()) {
            assert_eq!((&plain["data"], &plain["errors"]), (&told["data"], &told["errors"]));
            assert_eq!(told["explain"].as_array().unwrap().len(), items.len(), "{told}");
            warned += plain["errors"].as_array().map_or(0, Vec::len);
        }
        for record in &records {
            let (status, answer) = collect(&inlet.url, &[], record.to_string().as_bytes());
            assert_eq!(status, 200, "{answer}");
        }
        server.settle();
        let table = format!("data.{}", setup.table);
        let mut arguments = vec!["pyiceberg-rest"];
        arguments.extend(rest(&server, &table));
        let Some(text) = reader("read.py", &arguments) else {
            return;
        };
        let mut rows: HashMap<String, Value> = HashMap::new();
        for line in text.lines() {
            let mut row: Value = serde_json::from_str(line).unwrap();
            row.as_object_mut().unwrap().remove("_tributary");
            rows.insert(row["_id"].as_str().unwrap().to_owned(), row);
        }
        assert_eq!(rows.len(), RECORDS, "{items:?}");
        for (record, shown) in records.iter().zip(shown.as_array().unwrap()) {
            let row = &rows[record["id"].as_str().unwrap()];
            assert_eq!(canonical(&shown["data"], ""), canonical(row, ""), "{items:?} of {record}");
            compared += 1;
        }
    }
    assert_eq!(compared, SETS * RECORDS);
    assert!(warned > RECORDS, "{warned} warnings");
}
