//! The compiled plan against the plainest reading of the rules: every path followed by itself from the top of the record, every
//! part of an expression computed for every record, every value written into a tree.

use fastrand::Rng;

use super::*;

/// Sets and records.
const PAIRS: usize = 100_000;

/// Records for each set.
const RECORDS: usize = 4;

fn pick<'t>(random: &mut Rng, from: &[&'t str]) -> &'t str {
    from[random.usize(..from.len())]
}

fn any_path(random: &mut Rng) -> String {
    const NAMES: &[&str] = &["a", "b", "c", "d"];
    let mut path = pick(random, NAMES).to_owned();
    for _ in 0..random.usize(..4) {
        path += match random.usize(..8) {
            0 => "[0]",
            1 => "[1]",
            2 => "[*]",
            _ => ".",
        };
        if path.ends_with('.') {
            path += pick(random, NAMES);
        }
    }
    path
}

fn any_expression(random: &mut Rng, depth: usize) -> String {
    const CONSTANTS: &[&str] =
        &["1", "2.5", "\"x\"", "\"2024-02-03\"", "\"7\"", "true", "null", "[1, \"x\"]", "{\"a\": 1}", "\"\""];
    const ONE: &[&str] = &[
        "upper",
        "lower",
        "trim",
        "size_of",
        "is_empty",
        "to_integer",
        "sha256",
        "first",
        "last",
        "get_keys",
        "date",
        "json_to_object",
        "flattenArray",
        "not",
        "-",
        "empty",
        "size",
    ];
    const TWO: &[&str] = &[
        " + ",
        " - ",
        " * ",
        " / ",
        " == ",
        " != ",
        " < ",
        " >= ",
        " && ",
        " || ",
        " ?? ",
        " ?: ",
        "concat",
        "coalesce",
        "join_arrays",
        "max",
        "split",
        "map_get_values",
        "map_has_keys",
    ];
    if depth == 0 || random.usize(..4) == 0 {
        return if random.bool() { any_path(random) } else { pick(random, CONSTANTS).to_owned() };
    }
    let next = |random: &mut Rng| any_expression(random, depth - 1);
    match random.usize(..10) {
        0..=2 => {
            let (name, value) = (pick(random, ONE), next(random));
            format!("{name}({value})")
        }
        3..=6 => {
            let (name, one, two) = (pick(random, TWO), next(random), next(random));
            if name.starts_with(' ') {
                format!("(({one}){name}({two}))")
            } else {
                format!("{name}({one}, {two})")
            }
        }
        7 => format!("iif({}, {}, {})", next(random), next(random), next(random)),
        8 => format!("transformArray({}, x -> concat(x, {}))", next(random), next(random)),
        _ => format!("[{}, {}]", next(random), next(random)),
    }
}

fn any_items(random: &mut Rng) -> Vec<Item> {
    const DESTINATIONS: &[&str] = &[
        "_id",
        "timestamp",
        "day",
        "count",
        "small",
        "price",
        "member",
        "tags",
        "tags[1]",
        "items",
        "items[*].sku",
        "items[*].quantity",
        "items[0].sku",
        "labels",
        "labels.x",
        "labels.y",
        "matrix[*]",
        "matrix[*][*]",
        "groups",
        "groups[*].name",
        "groups[*].members[*].id",
        "person.name",
        "person.name.firstName",
        "person.name.lastName",
        "person",
        "address",
        "address.street",
        "address.geo",
        "address.geo.lat",
        "address.lines[*]",
    ];
    (0..random.usize(1..7))
        .map(|_| {
            let destination = pick(random, DESTINATIONS);
            match random.usize(..10) {
                0 => {
                    item(&format!("static:{}", pick(random, &["1", "x", "true", "2024-01-01"])), destination)
                }
                1..=4 => item(&any_path(random), destination),
                _ => {
                    let source = any_expression(random, 3);
                    Item { source_type: SourceType::Expression, source, destination: destination.to_owned() }
                }
            }
        })
        .collect()
}

fn any_value(random: &mut Rng, depth: usize) -> String {
    const LEAVES: &[&str] = &[
        "null",
        "true",
        "0",
        "1",
        "-7",
        "2.5",
        "\"\"",
        "\"x\"",
        "\"7\"",
        "\"true\"",
        "\"2024-02-03T04:05:06Z\"",
        "\"é\\n\"",
    ];
    match random.usize(..10) {
        0..=2 if depth > 0 => {
            let items: Vec<String> = (0..random.usize(..4)).map(|_| any_value(random, depth - 1)).collect();
            format!("[{}]", items.join(","))
        }
        3..=6 if depth > 0 => any_object(random, depth - 1),
        _ => pick(random, LEAVES).to_owned(),
    }
}

fn any_object(random: &mut Rng, depth: usize) -> String {
    // Names may be there twice, or hold the dot of a path.
    const NAMES: &[&str] = &[
        "a",
        "b",
        "c",
        "d",
        "a",
        "b",
        "sku",
        "quantity",
        "name",
        "firstName",
        "id",
        "street",
        "geo",
        "lat",
        "a.b",
        "b.c",
    ];
    let members: Vec<String> = (0..random.usize(..6))
        .map(|_| format!("\"{}\":{}", pick(random, NAMES), any_value(random, depth)))
        .collect();
    format!("{{{}}}", members.join(","))
}

#[test]
fn the_plan_does_what_the_rules_say() {
    let mut random = Rng::with_seed(6);
    let schema = schema();
    let (mut pairs, mut written, mut warned) = (0, 0, 0);
    while pairs < PAIRS {
        let mut items = any_items(&mut random);
        if let Err(errors) = MappingSet::compile(&items, &schema) {
            // What is refused is left out, so that the others are run.
            let refused: Vec<usize> = errors.iter().map(|error| error.index).collect();
            let mut at = 0..;
            items.retain(|_| at.next().is_some_and(|at| !refused.contains(&at)));
        }
        let options = crate::Options { allow_nulls: random.usize(..4) == 0, ..Default::default() };
        let plan = MappingSet::compile_with(&items, &schema, options).unwrap();
        let naive = MappingSet::naive(&items, &schema, options).unwrap();
        for _ in 0..RECORDS {
            let record = any_object(&mut random, 3);
            let tape = Tape::of(record.as_bytes()).unwrap();
            let (found, expected) = (plan.apply(tape.root(), &NOW), naive.apply(tape.root(), &NOW));
            assert_eq!(found.warnings, expected.warnings, "{items:#?} of {record}");
            assert_eq!(found.written, expected.written, "{items:#?} of {record}");
            let value = |mapped: &crate::Mapped<'_>| -> Value {
                serde_json::from_str(&mapped.to_json().to_string()).unwrap()
            };
            assert_eq!(value(&found), value(&expected), "{items:#?} of {record}");
            pairs += 1;
            written += found.written;
            warned += found.warnings.len();
        }
    }
    assert!(written > PAIRS / 3 && warned > PAIRS / 10, "{written} written, {warned} warnings");
}
