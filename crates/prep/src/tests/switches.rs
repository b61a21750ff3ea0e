//! Every switch on both of its sides, and the flags of a set.

use super::*;
use crate::{Expression, Options, SWITCHES, StaticEcho, SwitchError, Switches};

/// A switch, an expression, and what it yields on the default and on the other side, as JSON or as the code of what is
/// wrong.
const EXPRESSIONS: &[(&str, &str, &str, &str)] = &[
    ("text-units", r#"size_of("a😀")"#, "2", "3"),
    ("text-units", r#"size("😀")"#, "1", "2"),
    ("text-units", r#""😀".length()"#, "1", "2"),
    ("text-units", r#""😀".size()"#, "1", "2"),
    ("text-units", r#"instr("😀b", "b")"#, "1", "2"),
    ("text-units", r#"instr("😀b", "b", 2)"#, "-1", "2"),
    ("text-units", r#""😀bb".indexOf("b")"#, "1", "2"),
    ("text-units", r#""😀bb".lastIndexOf("b")"#, "2", "3"),
    ("text-units", r#"substr("😀bc", 2, 1)"#, r#""c""#, r#""b""#),
    ("text-units", r#""😀bc".substring(2)"#, r#""c""#, r#""bc""#),
    ("text-units", r#""😀bc".charAt(2)"#, r#""c""#, r#""b""#),
    ("text-units", r#"left("😀b", 2)"#, r#""😀b""#, r#""😀""#),
    ("text-units", r#"right("a😀", 2)"#, r#""a😀""#, r#""😀""#),
    ("text-units", r#"lpad("😀", 3, "-")"#, r#""--😀""#, r#""-😀""#),
    ("text-units", r#"rpad("😀", 3, "-")"#, r#""😀--""#, r#""😀-""#),
    ("text-escapes", r#""a\tb\r\n""#, r#""a\\tb\\r\\n""#, r#""a\tb\r\n""#),
    ("text-escapes", r#""\d\\n""#, r#""\\d\\n""#, r#""\\d\\n""#),
    ("text-placeholders", r#"concat("${X}", 1)"#, r#""${X}1""#, "placeholder"),
    ("text-placeholders", r#""${open" + '$X'"#, r#""${open$X""#, r#""${open$X""#),
    ("integer-division", "7 / 2", "3", "3.5"),
    ("integer-division", "7 / 0", "division-by-zero", "division-by-zero"),
    ("integer-division", "7 % 4", "3", "3"),
    ("epoch-digits", r#"date("1706933106")"#, "bad-date", r#""2024-02-03T04:05:06Z""#),
    ("epoch-digits", r#"date("1706933106789")"#, "bad-date", r#""2024-02-03T04:05:06.789Z""#),
    ("epoch-digits", r#"date("20240203")"#, r#""2024-02-03T00:00:00Z""#, r#""2024-02-03T00:00:00Z""#),
    ("epoch-digits", r#"date("170693310")"#, "bad-date", "bad-date"),
    ("epoch-digits", r#"date_part("yyyy", "1706933106")"#, "bad-date", "2024"),
    ("epoch-digits", r#"now() > "1706933106""#, "bad-date", "true"),
    ("epoch-digits", r#"date("2024-02-03T04:05:06Z") == "1706933106""#, "false", "true"),
    ("weekday-base", r#"date_part("dw", "2024-02-04")"#, "7", "1"),
    ("weekday-base", r#"format(date("2024-02-04"), "u")"#, r#""7""#, r#""7""#),
    ("date-part-w", r#"date_part("w", "2024-02-03")"#, "6", "5"),
    ("date-part-w", r#"date_part("W", "2024-02-03")"#, "6", "5"),
    ("explode-trailing", r#"explode("a,,b,,")"#, r#"["a","","b"]"#, r#"["a","","b","",""]"#),
    ("explode-trailing", r#"explode("a;", ";")"#, r#"["a"]"#, r#"["a",""]"#),
    (
        "concat-dates",
        r#"concat(now(), "")"#,
        r#""2024-02-03T04:05:06.789Z""#,
        r#""Sat Feb 03 04:05:06 UTC 2024""#,
    ),
    ("matches-regex", r#"matches_regex("abc", "b")"#, "false", "true"),
    ("matches-regex", r#"matches_regex("abc", concat("b", ""))"#, "false", "true"),
    ("matches-regex", r#""abc".matches("b") || "abc" =~ "b""#, "false", "false"),
    (
        "date-fraction",
        r#"date("2024-02-03T04:05:06.789Z")"#,
        r#""2024-02-03T04:05:06.789Z""#,
        r#""2024-02-03T04:05:06Z""#,
    ),
    (
        "date-fraction",
        r#"date("06.789", "ss.SSS")"#,
        r#""1970-01-01T00:00:06.789Z""#,
        r#""1970-01-01T00:00:06Z""#,
    ),
    (
        "date-fraction",
        r#"set_date_part("d", 9, now())"#,
        r#""2024-02-09T04:05:06.789Z""#,
        r#""2024-02-09T04:05:06Z""#,
    ),
    (
        "make-date-zone",
        r#"make_date_time(2024, 7, 2, 3, 4, 5, 0, "America/Los_Angeles")"#,
        r#""2024-07-02T03:04:05-07:00""#,
        r#""2024-07-02T03:04:05Z""#,
    ),
    ("map-get-values", r#"map_get_values({"k": 5, "j": 6}, "k")"#, "5", r#"{"k":5}"#),
    ("map-get-values", r#"map_get_values({"k": 5}, "z")"#, "null", "{}"),
    ("map-get-values", r#"map_get_values({"k": 5}, ["k"])"#, "[5]", "[5]"),
    ("to-bigint-fraction", r#"to_bigint("1000000.34")"#, "1000000.34", "1000000"),
    ("to-bigint-fraction", r#"to_bigint("-0.9")"#, "-0.9", "0"),
    ("to-bigint-fraction", r#"to_bigint("1.5e0")"#, "1.5", "1.0"),
    (
        "fpid-to-ecid",
        r#"fpid_to_ecid("4ec2ad0c-9eb0-4f2e-8d13-0a1fd29a7f2b")"#,
        r#""19029074547666989050392586244225318686""#,
        "null",
    ),
];

/// A switch, a destination, the value for it as JSON, and the record on either side, or the code of the warning.
const CONVERSIONS: &[(&str, &str, &str, &str, &str)] = &[
    ("boolean-spellings", "member", r#""Yes""#, "coercion", r#"{"member":true}"#),
    ("boolean-spellings", "member", r#""False""#, "coercion", r#"{"member":false}"#),
    ("boolean-spellings", "member", r#""t""#, "coercion", "coercion"),
    ("scalar-into-object", "person.name", r#""A""#, r#"{"person":{"name":{"firstName":"A"}}}"#, "coercion"),
    ("epoch-digits", "timestamp", r#""1706933106""#, "bad-date", r#"{"timestamp":"2024-02-03T04:05:06Z"}"#),
    ("epoch-digits", "day", r#""1706933106789""#, "bad-date", r#"{"day":"2024-02-03"}"#),
];

/// What the API's handlers do: they have their own tests.
const SERVICE: &[&str] = &["static-echo", "validate-result"];

fn other(name: &str) -> Switches {
    let switch = SWITCHES.iter().find(|switch| switch.name == name).expect(name);
    let mut switches = Switches::default();
    switches.set(name, switch.sides[1].name).unwrap();
    switches
}

fn evaluate(expression: &str, switches: Switches) -> String {
    match Expression::parse_with(expression, switches) {
        Ok(compiled) => match compiled.evaluate(Tape::default().root(), &NOW) {
            Ok(value) => value.to_string(),
            Err(error) => error.code.to_owned(),
        },
        Err(error) => error.code().to_owned(),
    }
}

fn convert(value: &str, destination: &str, switches: Switches) -> String {
    let options = Options { switches, ..Options::default() };
    let items = [item("p.firstName", destination)];
    let set = MappingSet::compile_with(&items, &schema(), options).unwrap();
    let record = format!(r#"{{"p":{{"firstName":{value}}}}}"#);
    let record = Tape::of(record.as_bytes()).unwrap();
    let mapped = set.apply(record.root(), &NOW);
    mapped.warnings.first().map_or_else(|| mapped.to_json().to_string(), |warning| warning.code.to_owned())
}

#[test]
fn every_switch_on_both_sides() {
    for (name, expression, default, on_other) in EXPRESSIONS {
        assert_eq!(evaluate(expression, Switches::default()), *default, "{name}: {expression}");
        assert_eq!(evaluate(expression, other(name)), *on_other, "{name}, other side: {expression}");
    }
    for (name, destination, value, default, on_other) in CONVERSIONS {
        assert_eq!(convert(value, destination, Switches::default()), *default, "{name}: {value}");
        assert_eq!(convert(value, destination, other(name)), *on_other, "{name}, other side: {value}");
    }
    for switch in SWITCHES {
        let differs = EXPRESSIONS.iter().any(|(name, _, one, other)| *name == switch.name && one != other)
            || CONVERSIONS.iter().any(|(name, _, _, one, other)| *name == switch.name && one != other);
        assert!(differs || SERVICE.contains(&switch.name), "{switch:?} has no case");
    }
}

#[test]
fn the_echo_of_a_static_value() {
    let echo = |switches: &Switches| SourceType::Static.echo(switches);
    assert_eq!(echo(&Switches::default()), "text/plain");
    assert_eq!(echo(&Switches { static_echo: StaticEcho::Word, ..Switches::default() }), "STATIC");
}

#[test]
fn switches_are_set_by_name() {
    let mut switches = Switches::default();
    for switch in SWITCHES {
        let [default, other] = &switch.sides;
        for side in [default, other, default] {
            switches.set(switch.name, side.name).unwrap();
            let found =
                switches.sides().find(|(known, _)| known.name == switch.name).map(|(_, side)| side.name);
            assert_eq!(found, Some(side.name), "{switch:?}");
        }
    }
    assert_eq!(switches, Switches::default());
    assert_eq!(switches.set("text_units", "utf_16"), Ok(()));
    assert_eq!(switches, other("text-units"));
    let message = |error: Result<(), SwitchError>| error.map_err(|error| error.to_string());
    assert_eq!(
        message(switches.set("text-unit", "utf-16")),
        Err("there is no switch text-unit; did you mean text-units?".to_owned())
    );
    assert_eq!(
        message(switches.set("text-units", "bytes")),
        Err("the switch text-units has no side bytes: it is characters or utf-16".to_owned())
    );
    let mut names: Vec<&str> = SWITCHES.iter().map(|switch| switch.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), SWITCHES.len());
}

#[test]
fn static_values_obey_the_switches() {
    let options = Options { switches: other("boolean-spellings"), ..Options::default() };
    let items = [item("static:Yes", "member")];
    assert!(MappingSet::compile_with(&items, &schema(), options).is_ok());
    assert!(MappingSet::compile(&items, &schema()).is_err());
}

/// The record of a set that writes nulls, and how many items wrote a value.
fn with_nulls(items: &[(&str, &str)], record: &str) -> (String, usize) {
    let items: Vec<Item> = items.iter().map(|(source, destination)| item(source, destination)).collect();
    let options = Options { allow_nulls: true, ..Options::default() };
    let set = MappingSet::compile_with(&items, &schema(), options).unwrap();
    let record = Tape::of(record.as_bytes()).unwrap();
    let mapped = set.apply(record.root(), &NOW);
    assert_eq!(mapped.warnings, Vec::new());
    (mapped.to_json().to_string(), mapped.written)
}

#[test]
fn nulls_are_written_where_they_are_allowed() {
    for (source, destination, record, expected, written) in [
        ("a", "_id", r#"{"a":null}"#, r#"{"_id":null}"#, 0),
        ("missing", "_id", "{}", r#"{"_id":null}"#, 0),
        ("missing", "person.name.firstName", "{}", r#"{"person":{"name":{"firstName":null}}}"#, 0),
        ("iif(true, null, 1)", "count", "{}", r#"{"count":null}"#, 0),
        ("a", "tags", r#"{"a":null}"#, r#"{"tags":null}"#, 0),
        ("nullify()", "_id", "{}", "{}", 0),
        ("iif(true, nullify(), 1)", "_id", "{}", "{}", 0),
        ("a", "_id", r#"{"a":"x"}"#, r#"{"_id":"x"}"#, 1),
        ("a", "address", r#"{"a":{"street":null,"other":1}}"#, r#"{"address":{"street":null}}"#, 1),
        (r#"to_object("k", null)"#, "labels", "{}", r#"{"labels":{"k":null}}"#, 1),
        ("l[*].c", "items[*].sku", r#"{"l":[{"c":"a"},{}]}"#, r#"{"items":[{"sku":"a"},{"sku":null}]}"#, 1),
        ("l[*].c", "items[*].sku", "{}", "{}", 0),
        ("l[*].c", "_id", r#"{"l":[]}"#, r#"{"_id":null}"#, 0),
    ] {
        assert_eq!(
            with_nulls(&[(source, destination)], record),
            (expected.to_owned(), written),
            "{source} to {destination}"
        );
        let (plain, codes, _) = map(&[(source, destination)], record);
        assert!(!plain.to_string().contains("null"), "{source} to {destination}: {plain} {codes:?}");
    }
}

#[test]
fn a_strict_set_allows_no_warning() {
    let items: Vec<Item> =
        ["count", "price", "member", "timestamp"].iter().map(|name| item("a", name)).collect();
    let options = Options { strict: true, ..Options::default() };
    let set = MappingSet::compile_with(&items, &schema(), options).unwrap();
    let refuses = |set: &MappingSet, record: &str| {
        let record = Tape::of(record.as_bytes()).unwrap();
        set.refuses(&set.apply(record.root(), &NOW))
    };
    assert_eq!(refuses(&set, "{}"), None);
    let reason = refuses(&set, r#"{"a":"x"}"#).unwrap();
    assert!(reason.contains("coercion count: \"x\" cannot become an integer"), "{reason}");
    assert!(reason.ends_with("and 1 more"), "{reason}");
    let lenient = MappingSet::compile(&items, &schema()).unwrap();
    assert_eq!(refuses(&lenient, r#"{"a":"x"}"#), None);
    assert_eq!(set.options(), &options);
}
