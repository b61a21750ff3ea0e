//! Every documented function is there, under its documented group, with cases of null, of the wrong kind, of the edge.

use std::collections::BTreeMap;

use super::*;
use crate::{CATEGORIES, Expression, METHODS};

/// The groups of the vendor's reference with their functions; `a/b` are names of one function, `.a` is a method.
const DOCUMENTED: &[(&str, &str)] = &[
    (
        "String",
        "concat explode instr replacestr substr lower/lcase upper/ucase split join lpad rpad left right ltrim rtrim trim \
         .equals .equalsIgnoreCase",
    ),
    ("Regular Expression", "extract_regex matches_regex"),
    ("Hashing", "sha1 sha256 sha512 md5 crc32 hash"),
    (
        "URL",
        "get_url_protocol get_url_host get_url_port get_url_path get_url_query_str get_url_encoded get_url_decoded",
    ),
    (
        "Date / Time",
        "now timestamp format dformat date date_part set_date_part make_date_time/make_timestamp zone_date_to_utc \
         zone_date_to_zone",
    ),
    (
        "Hierarchies - Objects",
        "is_empty arrays_to_object/arrays_to_objects to_object str_to_object contains_key/is_set nullify get_keys \
         get_values map_get_values map_has_keys add_to_map object_to_map",
    ),
    (
        "Hierarchies - Arrays",
        "coalesce first last add_to_array join_arrays to_array size_of upsert_array_append upsert_array_replace \
         array_to_string filterArray transformArray flattenArray",
    ),
    ("Hierarchies - Map", "array_to_map to_map"),
    ("Logical Operators", "decode iif"),
    ("Aggregation", "min max"),
    ("Type Conversions", "to_integer to_bigint to_decimal to_float"),
    ("JSON", "json_to_object"),
    ("Special Operations", "uuid/guid fpid_to_ecid"),
    (
        "User Agent",
        "ua_os_name ua_os_version_major ua_os_version ua_os_name_version ua_agent_version ua_agent_version_major \
         ua_agent_name ua_device_class",
    ),
    (
        "Analytics",
        "aa_get_event_id aa_get_event_value aa_get_product_categories aa_get_product_names aa_get_product_quantities \
         aa_get_product_prices aa_get_product_event_values aa_get_product_evars",
    ),
];

/// Functions of a part of the vendor's reference that is not shown.
const HIDDEN: &[(&str, &str)] = &[("Analytics", "aa_get_product_events aa_get_product_event_ids")];

const RECORD: &str =
    r#"{"a":{"b":1,"n":null},"l":[1,2],"w":"sku","items":[{"sku":"x"},{"sku":"y"}],"null":null}"#;

fn documented() -> impl Iterator<Item = (&'static str, Vec<&'static str>)> {
    DOCUMENTED.iter().chain(HIDDEN).flat_map(|(group, functions)| {
        functions.split_whitespace().map(|names| (*group, names.split('/').collect()))
    })
}

#[test]
fn the_library_is_the_documented_one() {
    let count = DOCUMENTED.iter().map(|(_, functions)| functions.split_whitespace().count()).sum::<usize>();
    assert_eq!(count, 97);
    let mut expected: BTreeMap<&str, Vec<Vec<&str>>> = BTreeMap::new();
    for (group, names) in documented() {
        match names[0].strip_prefix('.') {
            Some(method) => assert!(METHODS.iter().any(|known| known.names.contains(&method)), "{method}"),
            None => expected.entry(group).or_default().push(names),
        }
    }
    let mut found: BTreeMap<&str, Vec<Vec<&str>>> = BTreeMap::new();
    for category in CATEGORIES {
        let functions = category.functions.iter().map(|function| function.names.to_vec());
        found.entry(category.title).or_default().extend(functions);
    }
    for list in expected.values_mut().chain(found.values_mut()) {
        list.sort();
    }
    assert_eq!(found, expected);
    let titles: Vec<&str> = CATEGORIES.iter().map(|category| category.title).collect();
    assert_eq!(titles, DOCUMENTED.iter().map(|(title, _)| *title).collect::<Vec<_>>());
}

/// One line of the cases: what it shows, the expression, and the result as JSON or the code of the failure.
struct Case {
    aspect: &'static str,
    expression: &'static str,
    expected: Result<&'static str, &'static str>,
}

/// The cases by function.
fn cases() -> BTreeMap<&'static str, Vec<Case>> {
    let mut cases: BTreeMap<&str, Vec<Case>> = BTreeMap::new();
    let mut name = "";
    for line in
        include_str!("functions.cases").lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        let Some(case) = line.strip_prefix("  ") else {
            name = line;
            assert!(!cases.contains_key(name), "{name} stands twice");
            continue;
        };
        let (aspect, rest) = case.split_once(' ').expect(line);
        assert!(["null", "kind", "edge"].contains(&aspect), "{line}");
        let (expression, expected) = match (rest.split_once(" => "), rest.split_once(" !! ")) {
            (Some((expression, result)), None) => (expression, Ok(result)),
            (None, Some((expression, code))) => (expression, Err(code)),
            _ => panic!("{line}"),
        };
        cases.entry(name).or_default().push(Case { aspect, expression, expected });
    }
    cases
}

fn evaluate(expression: &str) -> Result<String, &'static str> {
    let record = Tape::of(RECORD.as_bytes()).unwrap();
    let compiled = Expression::parse(expression).map_err(|error| error.code())?;
    compiled.evaluate(record.root(), &NOW).map(|value| value.to_string()).map_err(|error| error.code)
}

#[test]
fn every_case_of_every_function() {
    let mut wrong = Vec::new();
    for (name, cases) in cases() {
        for Case { expression, expected, .. } in cases {
            let found = evaluate(expression);
            if found.as_deref() != expected.as_ref().map(|result| *result) {
                wrong.push(format!("{expression}: {found:?}, not {expected:?}"));
            }
            assert!(
                expression.contains(name.trim_start_matches('.')) || expression.contains(&format!("{name}s")),
                "{expression} is no case of {name}"
            );
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Prints how many cases each function has; `cargo test -p prep coverage -- --nocapture` shows it.
#[test]
fn coverage_of_every_function() {
    let mut cases = cases();
    println!("{:<30} {:>8} {:>5} {:>5} {:>5}", "function", "examples", "null", "kind", "edge");
    let examples = |name: &str| {
        let method = METHODS.iter().find(|method| Some(method.names[0]) == name.strip_prefix('.'));
        let function = crate::functions().find(|function| function.names[0] == name);
        function
            .map(|function| function.examples)
            .or(method.map(|method| method.examples))
            .map_or(0, <[_]>::len)
    };
    for (_, names) in documented() {
        let own = cases.remove(names[0]).unwrap_or_default();
        let count = |aspect: &str| own.iter().filter(|case| case.aspect == aspect).count();
        let counts = [examples(names[0]), count("null"), count("kind"), count("edge")];
        let [examples, null, kind, edge] = counts;
        println!("{:<30} {examples:>8} {null:>5} {kind:>5} {edge:>5}", names[0]);
        assert!(
            !counts.contains(&0),
            "{names:?} has no example, or no case of null, kind or edge: {counts:?}"
        );
    }
    assert!(cases.is_empty(), "no function: {:?}", cases.keys());
}
