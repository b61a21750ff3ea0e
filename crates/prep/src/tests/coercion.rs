//! Conversions to the types of destinations: every documented spelling, and what is none.

use super::*;

/// Maps one value, given as JSON or written as an expression after `=`, to one destination.
fn convert(value: &str, destination: &str) -> Result<Value, &'static str> {
    let (source, record) = match value.strip_prefix('=') {
        Some(expression) => (expression, "{}".to_owned()),
        None => ("a", format!("{{\"a\":{value}}}")),
    };
    let (mapped, codes, written) = map(&[(source, destination)], &record);
    match (mapped.get(destination), codes.as_slice()) {
        (Some(found), []) if written == 1 => Ok(found.clone()),
        (None, [code]) if written == 0 => Err(code),
        other => panic!("{value} to {destination}: {other:?}, {written} written"),
    }
}

#[track_caller]
fn each(destination: &str, cases: &[(&str, Value)]) {
    for (value, expected) in cases {
        assert_eq!(convert(value, destination).as_ref(), Ok(expected), "{value} to {destination}");
    }
}

#[track_caller]
fn none(destination: &str, values: &[&str]) {
    for value in values {
        assert_eq!(convert(value, destination), Err("coercion"), "{value} to {destination}");
    }
}

#[test]
fn to_boolean() {
    for text in ["y", "yes", "Y", "YES", "on", "ON", "true", "TRUE"] {
        assert_eq!(convert(&format!("\"{text}\""), "member"), Ok(json!(true)), "{text}");
    }
    for text in ["n", "N", "no", "NO", "off", "OFF", "false", "FALSE"] {
        assert_eq!(convert(&format!("\"{text}\""), "member"), Ok(json!(false)), "{text}");
    }
    each(
        "member",
        &[("true", json!(true)), ("0", json!(false)), ("1", json!(true)), ("=1 < 2", json!(true))],
    );
    none("member", &["\"Yes\"", "\"True\"", "\"1\"", "\"t\"", "\"\"", "2", "-1", "0.5", "[true]", "{}"]);
}

#[test]
fn to_integer() {
    each(
        "count",
        &[
            ("\" 7 \"", json!(7)),
            ("\"-7.00\"", json!(-7)),
            ("7.0", json!(7)),
            ("\"1e3\"", json!(1000)),
            ("=10 / 4", json!(2)),
        ],
    );
    none("count", &["\"7.5\"", "7.5", "\"\"", "\"0x10\"", "\"1,000\"", "true", "[]", "{}", "\"NaN\""]);
    each("small", &[("127", json!(127)), ("\"-128\"", json!(-128))]);
    each("long", &[("\"9007199254740993\"", json!(9_007_199_254_740_993_i64))]);
    none("long", &["\"9223372036854775808\"", "1e19"]);
    none("count", &["2147483648"]);
    none("small", &["128", "\"-129\"", "1e30", "=99999999999 * 99999999999"]);
}

#[test]
fn to_number() {
    each(
        "price",
        &[("\"1.50\"", json!(1.5)), ("7", json!(7)), ("=1 / 2.0", json!(0.5)), ("\"-1e-3\"", json!(-0.001))],
    );
    none("price", &["\"\"", "\"1,5\"", "\"Infinity\"", "false", "[1]"]);
}

#[test]
fn to_string() {
    each(
        "_id",
        &[
            ("7", json!("7")),
            ("7.0", json!("7")),
            ("0.1", json!("0.1")),
            ("-1.5", json!("-1.5")),
            ("false", json!("false")),
            ("\"\"", json!("")),
            ("=date(\"2024-02-03 04:05\")", json!("2024-02-03T04:05:00Z")),
            ("=99999999999 * 99999999999", json!("9999999999800000000001")),
        ],
    );
    none("_id", &["[1]", "{}", "={\"a\": 1}"]);
}

#[test]
fn to_date_time() {
    each(
        "timestamp",
        &[
            ("\"2024-02-03T04:05:06Z\"", json!("2024-02-03T04:05:06Z")),
            ("\"2024-02-03T04:05:06.789+02:00\"", json!("2024-02-03T02:05:06.789Z")),
            ("\"2024-02-03 04:05:06-0800\"", json!("2024-02-03T12:05:06Z")),
            ("\"2024/02/03\"", json!("2024-02-03T00:00:00Z")),
            ("\"2/03/2024 11:30:00 pm\"", json!("2024-02-03T23:30:00Z")),
            ("1706933106789", json!("2024-02-03T04:05:06.789Z")),
            ("=now()", json!("2024-02-03T04:05:06.789Z")),
            ("=date(\"03.02.2024\", \"dd.MM.yyyy\")", json!("2024-02-03T00:00:00Z")),
        ],
    );
    for text in ["\"\"", "\"soon\"", "\"2024-20-01\"", "\"2024-02-30\"", "\"1706933106\""] {
        assert_eq!(convert(text, "timestamp"), Err("bad-date"), "{text}");
    }
    none("timestamp", &["true", "[]", "0.5"]);
    assert_eq!(convert("253402300800000", "timestamp"), Err("bad-date"));
}

#[test]
fn to_date() {
    each(
        "day",
        &[
            ("\"2024-02-03\"", json!("2024-02-03")),
            ("\"20240203\"", json!("2024-02-03")),
            ("\"2024-02-03T23:59:00-08:00\"", json!("2024-02-03")),
            ("=date(\"2024-02-03\")", json!("2024-02-03")),
        ],
    );
    assert_eq!(convert("\"3 February\"", "day"), Err("bad-date"));
    none("day", &["true", "{}"]);
}

/// Null is no value of any type: nothing is written and nothing is wrong.
#[test]
fn null_is_never_written() {
    for destination in ["_id", "timestamp", "count", "member", "tags", "person", "items", "labels"] {
        for source in
            ["a", "missing", "nullify()", "iif(true, null, 1)", "coalesce(a, missing)", "a.length()"]
        {
            let (mapped, codes, written) = map(&[(source, destination)], r#"{"a":null}"#);
            assert_eq!((mapped, codes, written), (json!({}), vec![], 0), "{source} to {destination}");
        }
    }
    check(&[("a", "tags")], r#"{"a":["x",null]}"#, json!({"tags": ["x", null]}));
}

#[test]
fn static_values_are_converted_when_the_set_is_saved() {
    for (text, destination, expected) in [
        ("", "_id", json!("")),
        (" a b ", "_id", json!(" a b ")),
        ("12", "count", json!(12)),
        ("YES", "member", json!(true)),
        ("2024-02-03", "timestamp", json!("2024-02-03T00:00:00Z")),
        ("x", "tags", json!(["x"])),
    ] {
        check(&[(&format!("static:{text}"), destination)], "{}", json!({ destination: expected }));
    }
    for (text, destination) in
        [("x", "count"), ("300", "small"), ("soon", "timestamp"), ("x", "person"), ("x", "labels")]
    {
        refused(&[(&format!("static:{text}"), destination)], &[(0, "static-value")]);
    }
}
