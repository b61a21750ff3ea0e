//! The corpus of the fuzzer, as it stands: a value or a fault for each line, on records of every shape.

use prep::{Context, Expression};
use vocab::{Millis, Tape};

/// Records that expressions find hard: absent, deep, long, of the wrong types.
fn records() -> [String; 4] {
    let deep = format!("{}1{}", r#"{"a":{"b":["#.repeat(20), "]}}".repeat(20));
    let long = format!(r#"{{"s":"{}","list":[{}0]}}"#, "a".repeat(100_000), "0,".repeat(9_999));
    [
        "{}".to_owned(),
        r#"{"a":{"b":2},"c":"X","s":"a:1,b:2","t":"2024-02-03 04:05:06","list":[1,2]}"#.to_owned(),
        deep,
        long,
    ]
}

#[test]
fn every_line_has_a_value_or_a_fault() {
    let context = Context { now: Millis(0), seed: 1 };
    let records = records();
    for line in include_str!("corpus.txt").lines() {
        match Expression::parse(line) {
            Err(fault) => assert!(line.get(fault.span.start..fault.span.end).is_some(), "{line}: {fault:?}"),
            Ok(expression) => {
                for record in &records {
                    let record = Tape::of(record.as_bytes()).unwrap();
                    let first = expression.evaluate(record.root(), &context);
                    assert_eq!(first, expression.evaluate(record.root(), &context), "{line}");
                }
            }
        }
    }
}
