//! Expressions by themselves: operators, names, texts, nulls, and what is noticed about them.

use super::*;
use crate::{Expression, OPERATORS, Options, is_path, source_paths};

const RECORD: &str = r#"{"s":"ab","n":5,"d":2.5,"t":true,"z":null,"l":[1,2],"o":{"k":1,"a.b":2},"flat.name":3,
    "total price":4,"orders":[{"total":1,"lines":[{"x":1}]},{"total":2},{}],"timestamp":"t","size":9}"#;

fn evaluate(expression: &str) -> Result<String, &'static str> {
    let compiled = Expression::parse(expression).unwrap_or_else(|error| panic!("{expression}: {error}"));
    let record = Tape::of(RECORD.as_bytes()).unwrap();
    compiled.evaluate(record.root(), &NOW).map(|value| value.to_string()).map_err(|error| error.code)
}

#[track_caller]
fn yields(cases: &[(&str, &str)]) {
    for (expression, expected) in cases {
        assert_eq!(evaluate(expression).as_deref(), Ok(*expected), "{expression}");
    }
}

#[test]
fn every_example_of_every_operator() {
    let wrong: Vec<_> = OPERATORS
        .iter()
        .map(|operator| operator.example)
        .map(|(expression, result)| (expression, result, evaluate(expression)))
        .filter(|(_, result, found)| found.as_deref() != Ok(*result))
        .collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn nulls_are_guarded() {
    yields(&[
        ("missing == null", "true"),
        ("z != null", "false"),
        ("missing.deep.er[3]", "null"),
        ("missing < 1", "false"),
        ("missing <= z", "true"),
        ("missing + 1", "1"),
        ("missing + z", "null"),
        ("missing + \"x\"", "\"x\""),
        ("iif(missing.equals(\"a\"), 1, 2)", "2"),
        ("missing ?: \"else\"", "\"else\""),
        ("missing ?? z ?? 3", "3"),
        ("false ?? 3", "false"),
        ("missing && 1 / 0", "false"),
        ("true || 1 / 0", "true"),
        ("iif(n > 0, n, 1 / 0)", "5"),
        ("decode(n, 5, \"five\", 1 / 0, \"never\")", "\"five\""),
        ("coalesce(n, 1 / 0)", "5"),
        ("true ? 1 : 1 / 0", "1"),
    ]);
    assert_eq!(evaluate("1 / 0"), Err("division-by-zero"));
}

#[test]
fn values_are_compared_and_calculated_as_in_jexl() {
    yields(&[
        ("n == \"5\"", "true"),
        ("n == \"five\"", "false"),
        ("\"5\" == \"5.0\"", "false"),
        ("t == \"x\"", "true"),
        ("\"false\" ? 1 : 2", "2"),
        ("l == [1, 2]", "true"),
        ("o == {\"a.b\": 2, \"k\": 1}", "true"),
        ("\"a\" < \"b\"", "true"),
        ("date(\"2024-01-01\") < date(\"2024-01-01T00:00:00-01:00\")", "true"),
        ("1 + \"2\"", "3"),
        ("\"1\" + \"2\"", "\"12\""),
        ("1 + \"x\"", "\"1x\""),
        ("7 / 2", "3"),
        ("-7 % 3", "-1"),
        ("7 / 2.0", "3.5"),
        ("1 + 2 * 3 - 4", "3"),
        ("(1 + 2) * 3", "9"),
        ("10 - 4 - 3", "3"),
        ("not t or n gt 4 and s eq \"ab\"", "true"),
        ("n div 2 + n mod 2", "3"),
        ("2 =~ l", "true"),
        ("\"k\" =~ o", "true"),
        ("s =~ \"a.\"", "true"),
        ("s !~ \"a\"", "true"),
        ("s =^ \"a\" && s =$ \"b\"", "true"),
        ("1..3", "[1,2,3]"),
        ("empty l || empty missing", "true"),
        ("size(l) + size(s)", "4"),
        ("9223372036854775807 + 1 - 1", "9223372036854775807"),
        ("0x1F + 1", "32"),
    ]);
    for expression in ["s * 2", "l - 1", "l < 2", "max(1, \"a\")", "to_integer(\"x\")"] {
        assert!(evaluate(expression).is_err(), "{expression}");
    }
}

#[test]
fn names_and_texts() {
    yields(&[
        ("${total price} + 1", "5"),
        ("${flat\\.name}", "3"),
        ("${flat.name}", "3"),
        ("flat.name", "3"),
        ("o.a\\.b", "2"),
        ("o.${a\\.b}", "2"),
        ("o[\"a.b\"]", "2"),
        ("o.get(\"a.b\")", "2"),
        ("${size} + 1", "10"),
        ("timestamp", "\"t\""),
        ("orders.total", "[1,2,null]"),
        ("orders[*].total", "[1,2,null]"),
        ("orders[1].total", "2"),
        ("orders[n - 4].total", "2"),
        ("orders.lines.x", "[[1],null,null]"),
        (r#""a\.b""#, r#""a\\.b""#),
        (r#""a\\b""#, r#""a\\b""#),
        (r#""say \"hi\"""#, r#""say \"hi\"""#),
        (r#"'it\'s'"#, r#""it's""#),
        (r#""\u00e9""#, "\"é\""),
        (r#""a\tb""#, r#""a\\tb""#),
        (r#""${X}""#, r#""${X}""#),
        ("1 /* one */ + 1 // two", "2"),
    ]);
}

#[test]
fn what_may_not_be_meant_is_remarked() {
    let check = |expression: &str, expected: &[&str]| {
        let compiled = Expression::parse(expression).unwrap();
        let codes: Vec<&str> = compiled.remarks().iter().map(|remark| remark.code).collect();
        assert_eq!(codes, expected, "{expression}");
    };
    check("timestamp", &["function-name-as-field"]);
    check("${timestamp}", &[]);
    check("timestamp()", &[]);
    check("a =~ \"(\"", &["bad-regex"]);
    check("date(a, \"yyyy'\")", &["bad-date-pattern"]);
    check("date_part(\"w\", a)", &["ambiguous-date-part"]);
    check("date_part(\"century\", a)", &["bad-argument"]);
    check("date_part(\"week\", a)", &[]);
    let set = compile(&[("a", "_id"), ("date.equals(\"x\")", "member")]).unwrap();
    let found: Vec<(usize, &str)> = set.remarks().map(|(index, remark)| (index, remark.code)).collect();
    assert_eq!(found, [(1, "function-name-as-field")]);
}

#[test]
fn the_paths_an_expression_reads() {
    let check = |source_type, source: &str, expected: &[&str]| {
        assert_eq!(source_paths(source_type, source), expected, "{source}");
    };
    check(SourceType::Expression, "concat(a.b, ${c d}, a.b, f(", &[]);
    check(SourceType::Expression, "concat(a.b, ${c d}, a.b, l[0].x)", &["a.b", "c d", "l[0].x"]);
    check(SourceType::Expression, "filterArray(l, x -> x.k == y)", &["l", "y"]);
    check(SourceType::Attribute, " a.b ", &["a.b"]);
    check(SourceType::Static, "a.b", &[]);
}

#[test]
fn paths_are_told_from_expressions() {
    for path in
        ["a", "a.b[0].c", "l[*].x", "Full Name", "first-name", "price\\.net", "@id", "timestamp", "_tenant.a"]
    {
        assert!(is_path(path), "{path}");
    }
    for expression in
        ["", "a + b", "upper(a)", "\"x\"", "'x'", "true", "null", "a ? b : c", "a.trim()", "(a)", "a..b"]
    {
        assert!(!is_path(expression), "{expression}");
    }
}

/// Mapping sets are shared by the threads that map.
#[test]
fn sets_are_shared_between_threads() {
    fn shared<T: Send + Sync + std::fmt::Debug>() {}
    shared::<MappingSet>();
    shared::<Expression>();
}

#[test]
fn a_set_without_a_schema_takes_what_comes() {
    let free = |source: &str, destination: &str| (item(source, destination), None);
    let items = [
        free("a", "x.y"),
        free("l[*].n", "list[*].m"),
        free("static:5", "five"),
        (item("a", "text"), Some(xdm::Type::String)),
        (item("1 + 1", "flag"), Some(xdm::Type::Boolean)),
        free("missing", "none"),
        free("{\"k\": [1]}", "made"),
    ];
    let set = MappingSet::compile_without_schema(&items, Options::default()).unwrap();
    let record = Tape::of(br#"{"a":7,"l":[{"n":1},{"n":"x"}]}"#).unwrap();
    let mapped = set.apply(record.root(), &NOW);
    let found: Value = serde_json::from_str(&mapped.to_json().to_string()).unwrap();
    let expected =
        json!({"x": {"y": 7}, "list": [{"m": 1}, {"m": "x"}], "five": "5", "text": "7", "made": {"k": [1]}});
    assert_eq!(found, expected);
    let codes: Vec<&str> = mapped.warnings.iter().map(|warning| warning.code).collect();
    assert_eq!(codes, ["coercion"]);
}

#[test]
fn a_failure_has_the_place_of_its_cause() {
    let check = |source: &str, cause: &str| {
        let error = crate::Expression::parse(source)
            .unwrap()
            .evaluate(Tape::default().root(), &NOW)
            .expect_err(source);
        assert_eq!(&source[error.span.start..error.span.end], cause, "{error}");
    };
    check("concat(\"a\", 1 / 0)", "1 / 0");
    check("upper(lower([1]))", "lower([1])");
}
