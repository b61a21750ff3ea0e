//! `tributary prep`: the mapping language on the command line.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use crate::support::binary;

fn prep(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(binary())
        .arg("prep")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn lines(output: &Output) -> Vec<Value> {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn every_line_has_an_answer() {
    let cases = [
        (json!({ "expression": "upper(a)", "input": { "a": "x" } }), json!({ "value": "X" })),
        (json!({ "expression": "size_of(uuid())" }), json!({ "value": 36 })),
        (json!({ "expression": "now()" }), json!({ "value": "1970-01-01T00:00:00.005Z" })),
        (
            json!({ "expression": "concat(a", "input": {} }),
            json!({ "error": { "code": "syntax", "message": "expected `,` or `)`, found the end", "span": { "start": 8, "end": 8 } } }),
        ),
        (
            json!({ "expression": "1 + 1 / 0" }),
            json!({ "error": { "code": "division-by-zero", "message": "division by zero", "span": { "start": 4, "end": 9 } } }),
        ),
        (
            json!({
                "mappings": [
                    { "sourceType": "ATTRIBUTE", "source": "a", "destination": "x.y", "destinationType": "string" },
                    { "sourceType": "text/x.aep-xl", "source": "n + 1", "destination": "c", "destinationType": "boolean" },
                    { "sourceType": "STATIC", "source": "7", "destination": "l[1]", "destinationType": "integer" },
                    { "source": "o", "destination": "o", "destinationType": { "type": "object", "additionalProperties": { "type": "string" } } },
                    { "source": "a", "destination": "list", "destinationType": "long[]" },
                    { "source": "o", "destination": "free" }
                ],
                "input": { "a": 1, "n": 4, "o": { "k": 1 } }
            }),
            json!({
                "value": { "o": { "k": "1" }, "list": [1], "free": { "k": 1 }, "x": { "y": "1" }, "l": [null, 7] },
                "warnings": [
                    { "mapping": 1, "code": "coercion", "message": "5 cannot become a boolean", "source": "n + 1", "destination": "c" },
                    { "mapping": 4, "code": "single-into-array", "message": "a single value was put into an array of its own",
                        "source": "a", "destination": "list" }
                ]
            }),
        ),
    ];
    let input: String = cases.iter().map(|(case, _)| format!("{case}\n")).collect();
    let found = lines(&prep(&["eval", "--lines", "--now", "5", "--seed", "1"], &input));
    assert_eq!(found, cases.map(|(_, expected)| expected));
}

#[test]
fn a_line_that_is_no_case_has_an_error_and_does_not_end_the_others() {
    let bad = [
        ("not json", "json"),
        ("[1]", "bad-case"),
        ("{}", "bad-case"),
        (r#"{"expression":1}"#, "bad-case"),
        (r#"{"expression":"1","mappings":[]}"#, "bad-case"),
        (r#"{"mappings":[{"source":"a"}]}"#, "bad-mapping"),
        (r#"{"mappings":[{"source":"a","destination":"b","destinationType":"colour"}]}"#, "bad-mapping"),
        (r#"{"mappings":[{"source":"a","destination":"b","destinationType":{"type":5}}]}"#, "bad-mapping"),
        (r#"{"mappings":[{"sourceType":"X","source":"a","destination":"b"}]}"#, "bad-mapping"),
        (r#"{"mappings":[{"source":"nofunction(a)","destination":"b"}]}"#, "unknown-function"),
        (r#"{"mappings":[{"source":"a","destination":"b[1000]"}]}"#, "bad-destination"),
    ];
    let long = format!("{{\"expression\":\"{}\"}}", "a".repeat(9 << 20));
    let mut input: String = bad.iter().map(|(line, _)| format!("{line}\n\n")).collect();
    input.push_str(&format!("{long}\n{{\"expression\":\"1 + 1\"}}"));
    let found = lines(&prep(&["eval", "--lines"], &input));
    let codes: Vec<&str> =
        found.iter().map(|answer| answer["error"]["code"].as_str().unwrap_or("none")).collect();
    let mut expected: Vec<&str> = bad.iter().map(|(_, code)| *code).collect();
    expected.extend(["too-long", "none"]);
    assert_eq!(codes, expected);
    assert_eq!(found.last().unwrap(), &json!({ "value": 2 }));
}

#[test]
fn one_expression_is_printed() {
    let output = prep(&["eval", "upper(a)", "--input", r#"{"a":"q"}"#], "");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "\"Q\"\n");
    let output = prep(&["eval", "upper("], "");
    assert_eq!(output.status.code(), Some(2));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(errors.lines().count(), 1, "{errors}");
}

/// A folder with files, for whole sets.
fn folder(files: &[(&str, String)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(dir.path().join(name), text).unwrap();
    }
    dir
}

/// Runs a command in the folder, without a server: the exit code and what was printed.
fn run_in(dir: &tempfile::TempDir, arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(binary()).arg("prep").args(arguments).current_dir(dir.path()).output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

fn schema_file() -> String {
    json!({
        "title": "Order", "type": "object", "required": ["_id"],
        "properties": {
            "_id": { "type": "string" }, "count": { "type": "integer" },
            "tags": { "type": "array", "items": { "type": "string" } }
        }
    })
    .to_string()
}

#[test]
fn sets_are_checked_from_files() {
    let set = |source: &str, destination: &str| {
        json!({ "mappings": [{ "sourceType": "EXPRESSION", "source": source, "destination": destination }] })
            .to_string()
    };
    let dir = folder(&[
        ("schema.json", schema_file()),
        ("good.json", set("lower(id)", "_id")),
        ("sample.jsonl", "{\"id\":\"A\"}\n{\"id\":\"B\"}\n".to_owned()),
        ("unknown.json", set("lowr(id)", "_id")),
        ("kind.json", set("split(id, \",\")", "_id")),
        ("incomplete.json", set("size_of(l)", "count")),
        ("broken.json", "{".to_owned()),
    ]);
    let check = |set: &str| {
        run_in(
            &dir,
            &["check", set, "--schema", "schema.json", "--sample", "sample.jsonl", "--output", "json"],
        )
    };
    assert_eq!(check("good.json"), (Some(0), String::new()));
    for (set, code, start, end) in
        [("unknown.json", "unknown-function", 0, 4), ("kind.json", "impossible-coercion", 0, 14)]
    {
        let (exit, text) = check(set);
        let found: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((exit, &found["code"], &found["severity"]), (Some(1), &json!(code), &json!("error")));
        assert_eq!(found["span"], json!({ "start": start, "end": end }), "{found}");
    }
    let (exit, text) = check("incomplete.json");
    let codes: Vec<Value> =
        text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["code"].clone()).collect();
    assert_eq!((exit, codes), (Some(0), vec![json!("source-not-in-sample"), json!("required-unmapped")]));
    assert_eq!(check("broken.json").0, Some(2));
    assert_eq!(check("absent.json").0, Some(2));
    let (_, text) = run_in(&dir, &["check", "unknown.json", "--schema", "schema.json"]);
    assert!(text.contains("did you mean lower?"), "{text}");
}

#[test]
fn sets_run_and_are_tested_from_files() {
    let set = json!({ "mappings": [
        { "sourceType": "ATTRIBUTE", "source": "id", "destination": "_id" },
        { "sourceType": "EXPRESSION", "source": "n / d", "destination": "count" }
    ]});
    let cases = [
        json!({ "name": "divides", "input": { "id": "a", "n": 4, "d": 2 }, "output": { "_id": "a", "count": 2 } }),
        json!({ "name": "by zero", "input": { "id": "a", "n": 4, "d": 0 }, "output": { "_id": "a" },
            "warnings": ["division-by-zero"] }),
        json!({ "name": "nothing", "input": {}, "error": "nothing-written" }),
    ];
    let lines = |cases: &[Value]| cases.iter().map(|case| format!("{case}\n")).collect::<String>();
    let wrong = json!({ "name": "wrong", "input": { "id": "a" }, "output": { "_id": "b" } });
    let dir = folder(&[
        ("schema.json", schema_file()),
        ("set.json", set.to_string()),
        ("set.tests.jsonl", lines(&cases)),
        ("other.json", set.to_string()),
        ("other.tests.jsonl", lines(&[cases[0].clone(), wrong])),
        ("records.jsonl", "{\"id\":1,\"n\":6,\"d\":3}\n{\"id\":\"x\",\"n\":1,\"d\":1}\n".to_owned()),
        ("empty.jsonl", "{}".to_owned()),
    ]);
    let run = |records: &str| run_in(&dir, &["run", "set.json", "--schema", "schema.json", records]);
    let (exit, text) = run("records.jsonl");
    assert_eq!(exit, Some(0), "{text}");
    let values: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        values,
        [json!({ "value": { "_id": "1", "count": 2 } }), json!({ "value": { "_id": "x", "count": 1 } })]
    );
    let (exit, text) = run("empty.jsonl");
    assert_eq!(exit, Some(1));
    assert!(text.contains("nothing-written"), "{text}");
    let test = |set: &str| run_in(&dir, &["test", set, "--schema", "schema.json"]);
    assert_eq!(test("set.json"), (Some(0), "ok: divides\nok: by zero\nok: nothing\n".to_owned()));
    let (exit, text) = test("other.json");
    assert_eq!((exit, text.contains("FAILED: wrong")), (Some(1), true), "{text}");
    assert_eq!(test("records.json").0, Some(2));
}
