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
