//! Bounds: no expression and no record takes long, much memory or the stack.

use super::*;
use crate::{Expression, limits};

/// The codes of the warnings of one expression, on a record with a text of a million characters and a long list.
fn codes(expression: &str) -> Vec<&'static str> {
    let text = "a".repeat(1_000_000);
    let list = vec!["1"; 100_000].join(",");
    let record = format!(r#"{{"t":"{text}","l":[{list}],"b":"kept"}}"#);
    let set = compile(&[(expression, "tags"), ("b", "person.name.firstName")])
        .unwrap_or_else(|errors| panic!("{expression}: {errors:?}"));
    let record = Tape::of(record.as_bytes()).unwrap();
    let mapped = set.apply(record.root(), &NOW);
    assert!(mapped.to_json().to_string().len() <= limits::RECORD_BYTES_MAX + 1000, "{expression}");
    // Whatever happened to the expression, the path beside it is mapped.
    assert!(mapped.to_json().to_string().contains("kept"), "{expression}");
    mapped.warnings.into_iter().map(|warning| warning.code).collect()
}

#[test]
fn work_is_bounded() {
    // Arrays are shared, so this holds 4^25 elements in little memory.
    let doubled =
        (0..25).fold("[1]".to_owned(), |inner, _| format!("transformArray([{inner}], x -> [x, x, x, x])"));
    for expression in [
        &format!("flattenArray({doubled})"),
        &format!("array_to_string(\"\", {doubled})"),
        &format!("{doubled} == {doubled}"),
        &format!("{doubled}.toString()"),
        // A large text, many times: read, compared, copied, split, hashed.
        "max(transformArray(0..99999, x -> t))",
        "transformArray(0..99999, x -> t == concat(t, \"\"))",
        "transformArray(0..99999, x -> t < t)",
        "transformArray(0..99999, x -> size(t))",
        "transformArray(0..99999, x -> t + 1)",
        "transformArray(0..99999, x -> t.startsWith(t))",
        "transformArray(0..99999, x -> sha256(t))",
        "transformArray(0..99999, x -> json_to_object(concat('[\"', t, '\"]')))",
        "transformArray([upper(t)], y -> transformArray(0..99999, x -> y))",
        "transformArray([[upper(t), upper(t)]], y -> transformArray(0..99999, x -> first(y)))",
        "transformArray([{\"k\": upper(t)}], y -> transformArray(0..99999, x -> get_values(y.k, t, t)))",
        "arrays_to_object(upper(t), 0..99999)",
        "split(t, t)",
        "instr(t, left(t, 100000), 0, 800000)",
        "explode(t, \"\")",
        // A long list, many times.
        "transformArray(l, x -> filterArray(l, y -> y == x))",
        "transformArray(l, x -> last(l))",
        "transformArray(l, x -> l.contains(2))",
        "transformArray(l, x -> l == l)",
        "transformArray(l, x -> join_arrays(l, []))",
        "transformArray(l, x -> max(l))",
    ] {
        assert_eq!(codes(expression), ["too-much-work"], "{expression}");
    }
    // It is refused for what it is before anybody looks into it.
    assert_eq!(codes(&doubled), ["coercion"]);
}

#[test]
fn sizes_are_bounded() {
    let concat = (0..3).fold("t".to_owned(), |inner, _| format!("concat({inner}, {inner}, {inner})"));
    for expression in [
        concat.as_str(),
        "lpad(\"\", 9000000000, \"x\")",
        "rpad(\"x\", 3000000, \"yz\")",
        "replacestr(t, \"a\", \"bbb\")",
        "t.replace(\"a\", \"bbb\")",
        "t.replaceFirst(\"a+\", \"$0$0$0\")",
        "join(t, 0..4)",
        "array_to_string(t, 0..4)",
        "0..100000",
        "-9223372036854775807..9223372036854775807",
        "join_arrays(0..99999, [1])",
        "add_to_array(0..99999, 1)",
        "[t, t, t]",
    ] {
        assert_eq!(codes(expression), ["too-large"], "{expression}");
    }
}

#[test]
fn regular_expressions_are_bounded() {
    let text = format!("{}!", "a".repeat(60));
    let record = format!(r#"{{"t":"{text}","p":"(a|a?)+(?=x)b","l":[{}]}}"#, vec!["1"; 1000].join(","));
    for (expression, expected) in [
        // Without a look-around there is nothing to go back for.
        ("matches_regex(t, \"(a+)+\")", vec![]),
        ("matches_regex(t, \"(a|a?)+(?=x)b\")", vec!["too-much-work"]),
        ("matches_regex(t, p)", vec!["too-much-work"]),
        ("transformArray(l, x -> iif(matches_regex(t, \"(a|a?)+(?=x)b\"), 1, 2))", vec!["too-much-work"]),
        ("transformArray(l, x -> matches_regex(t, concat(\"a\", x)))", vec!["too-much-work"]),
        ("matches_regex(t, \"((a{1000}){1000}){1000}\")", vec!["bad-regex"]),
        ("matches_regex(t, \"(\")", vec!["bad-regex"]),
        ("t =~ \"(\"", vec!["bad-regex"]),
        ("format(now(), \"yyyy'\")", vec!["bad-date-pattern"]),
    ] {
        let set = compile(&[(expression, "_id")]).unwrap_or_else(|errors| panic!("{expression}: {errors:?}"));
        let record = Tape::of(record.as_bytes()).unwrap();
        let codes: Vec<&str> =
            set.apply(record.root(), &NOW).warnings.iter().map(|warning| warning.code).collect();
        assert_eq!(codes, expected, "{expression}");
    }
}

/// The patterns of a set live as long as the set, so they are bounded together.
#[test]
fn patterns_are_bounded() {
    let set = |count: usize, pattern: &str| {
        let item = |at| Item {
            source_type: SourceType::Expression,
            source: format!("matches_regex(a, \"{pattern}\")"),
            destination: format!("labels.x{at}"),
        };
        MappingSet::compile(&(0..count).map(item).collect::<Vec<_>>(), &schema())
            .map_err(|errors| errors[0].clone())
    };
    assert!(set(2000, "[a-z]+@[a-z]+").is_ok());
    assert!(set(50, "\\p{L}{15}").is_ok());
    let ItemError { code, span, .. } = set(200, "\\p{L}{15}").unwrap_err();
    assert_eq!((code, span), ("too-many-patterns", Some((17, 28))));
}

/// A record that uses up its work keeps what plain paths bring; so does one with a value too large.
#[test]
fn what_is_spent_is_one_records_own() {
    let set = compile(&[
        ("transformArray(0..99999, x -> transformArray(0..99999, y -> x))", "tags"),
        ("n + 1", "count"),
        ("b", "_id"),
    ])
    .unwrap();
    let record = Tape::of(br#"{"n":1,"b":"kept"}"#).unwrap();
    for _ in 0..2 {
        let mapped = set.apply(record.root(), &NOW);
        assert_eq!(mapped.to_json().to_string(), r#"{"_id":"kept"}"#);
        assert_eq!(mapped.written, 1);
        let found: Vec<(usize, &str)> =
            mapped.warnings.iter().map(|warning| (warning.item, warning.code)).collect();
        assert_eq!(found, [(0, "too-much-work"), (1, "too-much-work")]);
    }
}

#[test]
fn warnings_are_bounded() {
    let record = format!(r#"{{"l":[{}]}}"#, vec!["[]"; 5000].join(","));
    let record = Tape::of(record.as_bytes()).unwrap();
    for items in
        [[("l", "tags"), ("l[*]", "labels.x")], [("l[*]", "items[*].sku"), ("l[*]", "items[*].quantity")]]
    {
        let warnings = compile(&items).unwrap().apply(record.root(), &NOW).warnings;
        assert!((1..=limits::WARNINGS_MAX).contains(&warnings.len()), "{items:?} {}", warnings.len());
        assert!(warnings.iter().all(|warning| warning.message.len() < 500));
    }
}

/// Expressions nested as deep as they may be compile and run on less than the stack of a worker thread; deeper ones are
/// refused.
#[test]
fn depth_is_bounded() {
    let around = |open: &str, middle: &str, close: &str, times: usize| {
        format!("{}{middle}{}", open.repeat(times), close.repeat(times))
    };
    let all_levels = "a ?? a || a && a | a ^ a & a == a < a + a * ";
    let shapes = [
        ("(", "a", ")"),
        ("[", "a", "]"),
        ("!", "a", ""),
        ("-", "1", ""),
        ("upper(", "a", ")"),
        ("a.concat(", "a", ")"),
        ("{\"k\": ", "a", "}"),
        ("a[", "0", "]"),
        ("a ? b : ", "a", ""),
        ("a ? ", "b", " : a"),
        ("a ?: ", "b", ""),
        ("transformArray([a], x -> ", "x", ")"),
        (&format!("{all_levels}("), "a", ")"),
    ];
    let run = move || {
        for (open, middle, close) in shapes {
            for times in [1, 4, 20, 40, 60, 64, 65, 200, 2000] {
                let source = around(open, middle, close, times);
                match Expression::parse(&source) {
                    Ok(expression) => {
                        drop(expression.evaluate(Tape::of(br#"{"a":"x"}"#).unwrap().root(), &NOW))
                    }
                    Err(error) => {
                        let code = error.code();
                        assert!(code == "too-deep" || code == "too-long", "{source}: {error}");
                        assert!(times > 4, "{source}: {error}");
                    }
                }
            }
            assert!(Expression::parse(&around(open, middle, close, 4000)).is_err());
        }
    };
    std::thread::scope(|scope| {
        std::thread::Builder::new().stack_size(1536 << 10).spawn_scoped(scope, run).unwrap().join().unwrap();
    });
}
