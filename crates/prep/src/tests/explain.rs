//! What is told of a mapping, item by item.

use super::*;

fn explain(items: &[(&str, &str)], record: &str) -> (Value, Value) {
    let set = compile(items).unwrap_or_else(|errors| panic!("{items:?}: {errors:?}"));
    let tape = Tape::of(record.as_bytes()).unwrap();
    let (mapped, told) = set.explain(tape.root(), &NOW);
    assert_eq!(mapped, set.apply(tape.root(), &NOW), "being watched changes nothing");
    let value = |json: Json<'_>| serde_json::from_str(&json.to_string()).unwrap();
    (value(mapped.to_json()), value(told))
}

#[test]
fn an_item_tells_what_it_read_did_and_wrote() {
    let (mapped, told) = explain(
        &[
            ("concat(lower(first), \" \", l.name)", "_id"),
            ("n", "count"),
            ("static:5", "price"),
            ("missing", "member"),
        ],
        r#"{"first":"ADA","l":{"name":"Byron"},"n":"7"}"#,
    );
    assert_eq!(mapped, json!({ "_id": "ada Byron", "count": 7, "price": 5 }));
    assert_eq!(
        told,
        json!([
            {
                "item": 0,
                "source": "concat(lower(first), \" \", l.name)",
                "destination": "_id",
                "destinationType": "string",
                "reads": [{ "path": "first", "value": "ADA" }, { "path": "l.name", "value": "Byron" }],
                "steps": [
                    { "expression": "lower(first)", "span": { "start": 7, "end": 19 }, "value": "ada" },
                    {
                        "expression": "concat(lower(first), \" \", l.name)",
                        "span": { "start": 0, "end": 33 },
                        "value": "ada Byron",
                    },
                ],
                "value": "ada Byron",
                "valueType": "text",
                "writes": [{ "destination": "_id", "value": "ada Byron" }],
            },
            {
                "item": 1,
                "source": "n",
                "destination": "count",
                "destinationType": "int",
                "reads": [{ "path": "n", "value": "7" }],
                "value": "7",
                "valueType": "text",
                "writes": [{ "destination": "count", "value": 7 }],
            },
            {
                "item": 2,
                "source": "5",
                "destination": "price",
                "destinationType": "number",
                "value": "5",
                "writes": [{ "destination": "price", "value": 5 }],
            },
            {
                "item": 3,
                "source": "missing",
                "destination": "member",
                "destinationType": "boolean",
                "reads": [{ "path": "missing", "value": null }],
                "writes": [],
            },
        ])
    );
}

#[test]
fn a_failure_tells_its_code_and_place() {
    let (mapped, told) =
        explain(&[("1 + (n / zero)", "count"), ("t", "timestamp")], r#"{"n":1,"zero":0,"t":"soon"}"#);
    assert_eq!(mapped, json!({}));
    let error = json!({ "code": "division-by-zero", "message": "division by zero" });
    assert_eq!(
        told[0]["steps"][0],
        json!({ "expression": "(n / zero)", "span": { "start": 4, "end": 14 }, "error": error })
    );
    assert_eq!(told[0]["warnings"][0]["span"], json!({ "start": 4, "end": 14 }));
    assert_eq!(told[0]["writes"], json!([]));
    assert_eq!(told[1]["warnings"][0]["code"], "bad-date");
    assert_eq!(told[1]["warnings"][0]["span"], json!({ "start": 0, "end": 1 }));
}

#[test]
fn wildcards_tell_each_write() {
    let (_, told) = explain(&[("l[*].c", "items[*].sku")], r#"{"l":[{"c":"a"},{"c":2}]}"#);
    assert_eq!(told[0]["reads"], json!([{ "path": "l[*].c", "value": ["a", 2] }]));
    assert_eq!(
        told[0]["writes"],
        json!([{ "destination": "items[0].sku", "value": "a" }, { "destination": "items[1].sku", "value": "2" }])
    );
}

#[test]
fn a_constant_part_tells_what_it_came_to() {
    let (_, told) = explain(&[("upper(\"a\") + n", "_id")], r#"{"n":"b"}"#);
    assert_eq!(told[0]["steps"][0]["expression"], "upper(\"a\")");
    assert_eq!(told[0]["steps"][0]["value"], "A");
}

#[test]
fn what_is_told_is_bounded() {
    let long = "x".repeat(1_000_000);
    let list = vec!["1"; 50_000].join(",");
    let record = format!(r#"{{"t":"{long}","l":[{list}]}}"#);
    let items =
        [("t", "_id"), ("transformArray(l, x -> concat(x, \"y\"))", "tags"), ("l[*]", "items[*].quantity")];
    let (_, told) = explain(&items, &record);
    assert!(told.to_string().len() < 64 << 10, "{}", told.to_string().len());
    assert_eq!(told[1]["truncated"], true);
}
