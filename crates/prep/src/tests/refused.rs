//! Items that are refused when a set is saved: each with its code, a text that helps, and the place in its source.

use super::*;

/// The source with the part at fault in brackets, and the code.
fn fault(source: &str) -> (String, &'static str, String) {
    let item = Item {
        source_type: SourceType::Expression,
        source: source.to_owned(),
        destination: "_id".to_owned(),
    };
    let errors = MappingSet::compile(&[item], &schema()).expect_err(source);
    let [ItemError { index: 0, code, message, span: Some((start, end)) }] = errors.as_slice() else {
        panic!("{source}: {errors:?}");
    };
    let marked = format!("{}<{}>{}", &source[..*start], &source[*start..*end], &source[*end..]);
    (marked, code, message.clone())
}

#[test]
fn faults_have_a_code_a_place_and_a_reason() {
    let check = |marked: &str, code: &str, reason: &str| {
        let source = marked.replace(['‹', '›'], "");
        let (found, found_code, message) = fault(&source);
        assert_eq!(
            (found.as_str(), found_code),
            (marked.replace('‹', "<").replace('›', ">").as_str(), code),
            "{message}"
        );
        assert!(message.contains(reason), "{source}: {message}");
    };
    check("‹nofunction›(a)", "unknown-function", "nofunction");
    check("concat(a, ‹uper›(b))", "unknown-function", "did you mean upper?");
    check("‹trimm›(\"ä\")", "unknown-function", "did you mean");
    check("concat(\"é\", a.‹trimm›())", "unknown-method", "did you mean trim?");
    check("‹length›(a)", "unknown-function", "value.length(…)");
    check("a.‹iif›(1)", "unknown-method", "iif(…)");
    check("1 + ‹upper(a, b)›", "wrong-arguments", "not 2");
    check("‹iif(a, b)›", "wrong-arguments", "not 2");
    check("‹concat()›", "wrong-arguments", "not 0");
    check("a‹.substring()›", "wrong-arguments", "substring");
    check("filterArray(a, ‹b›)", "wrong-arguments", "lambda");
    check("concat(‹x -> x›)", "syntax", "lambda");
    check("concat(a, b‹›", "syntax", "`,` or `)`");
    check("(a‹›", "syntax", "`)`");
    check("first ‹name›", "syntax", "${first name}");
    check("a +‹›", "syntax", "a value");
    check("[1, 2‹;›]", "statement", "one expression");
    check("‹\"open›", "syntax", "closing");
    check("a + ‹${b›", "syntax", "closing }");
    check("a ‹/* b›", "syntax", "*/");
    check("a ‹\u{a7}› b", "syntax", "no meaning");
    check("‹1x›", "syntax", "1x");
    check("‹if› (a) b", "statement", "iif");
    check("‹var› x", "statement", "iif");
    check("a ‹=› 1", "statement", "==");
    check("‹new›", "reserved-word", "${new}");
    check("‹_errors›.a", "reserved-word", "${_errors}");
    check("‹size›", "reserved-word", "${size}");
    check("{1‹,› 2}", "syntax", "set");
}

#[test]
fn a_source_that_contradicts_its_type_is_refused() {
    let attribute = |source: &str| {
        let item = Item {
            source_type: SourceType::Attribute,
            source: source.to_owned(),
            destination: "_id".to_owned(),
        };
        MappingSet::compile(&[item], &schema()).map(|_| ()).map_err(|errors| errors[0].code)
    };
    for source in ["upper(a)", "concat(a, b)", "a + b", "\"text\"", "a.trim()", "a == b ? 1 : 2", "uper(a)"] {
        assert_eq!(attribute(source), Err("source-type-mismatch"), "{source}");
    }
    for source in [
        "a",
        "a.b[0].c",
        "Full Name",
        "first-name",
        "price\\.net",
        "@id",
        "timestamp",
        "size",
        "Profit/Loss",
        "a (b)",
    ] {
        assert_eq!(attribute(source), Ok(()), "{source}");
    }
    let item = Item {
        source_type: SourceType::Attribute,
        source: "  ${é.b[x]}".to_owned(),
        destination: "_id".to_owned(),
    };
    let errors = MappingSet::compile(std::slice::from_ref(&item), &schema()).expect_err("no index");
    let (start, end) = errors[0].span.unwrap();
    assert_eq!(&item.source[start..end], "[x]");
    for source in ["", "a..b", "a[", "a[x]", "a]b", ".a"] {
        assert_eq!(attribute(source), Err("bad-path"), "{source}");
    }
}

#[test]
fn destinations_are_checked_against_the_schema() {
    for (destination, code, reason) in [
        ("", "bad-path", "empty"),
        ("nothing", "unknown-destination", "nothing"),
        ("person.name.fistName", "unknown-destination", "did you mean firstName?"),
        ("_id.x", "bad-destination", "no fields"),
        ("person[0]", "bad-destination", "no array"),
        ("_id[*]", "bad-destination", "no array"),
        ("tags[1000]", "bad-destination", "999"),
        ("items[*].sku.x", "bad-destination", "no fields"),
        ("items[*][*]", "bad-destination", "no array"),
    ] {
        let errors = compile(&[("a", destination)]).expect_err(destination);
        assert_eq!(
            (errors.len(), errors[0].code, errors[0].span),
            (1, code, None),
            "{destination}: {errors:?}"
        );
        assert!(errors[0].message.contains(reason), "{destination}: {errors:?}");
    }
    refused(&[("a", "items.sku"), ("b", "items[*].sku")], &[(1, "duplicate-destination")]);
    assert!(compile(&[("a", "items[0].sku"), ("b", "items[1].sku"), ("c", "items[*].sku")]).is_ok());
}

#[test]
fn every_fault_of_a_set_is_told_at_once() {
    refused(
        &[
            ("nofunction(a)", "_id"),
            ("a", "nothing"),
            ("a", "count"),
            ("static:x", "price"),
            ("upper(b", "day"),
        ],
        &[(0, "unknown-function"), (1, "unknown-destination"), (3, "static-value"), (4, "syntax")],
    );
    let many: Vec<Item> = vec![item("a", "_id"); crate::limits::ITEMS_MAX + 1];
    let errors = MappingSet::compile(&many, &schema()).expect_err("too many");
    assert_eq!(
        (errors.len(), errors[0].code, errors[0].index),
        (1, "too-many-items", crate::limits::ITEMS_MAX)
    );
}

/// Where a set was saved and the schema or the language has changed since.
#[test]
fn an_item_that_compiles_no_more_costs_its_field() {
    let items = [
        item("nofunction(a)", "count"),
        item("a", "_id"),
        item("a", "gone.since"),
        item("upper(a)", "person.name.firstName"),
        item("b", "_id"),
    ];
    let set = MappingSet::compile_stored(&items, &schema(), crate::Options::default());
    let broken: Vec<(usize, &str)> = set.broken().map(|error| (error.index, error.code)).collect();
    let expected = [(0, "unknown-function"), (2, "unknown-destination"), (4, "duplicate-destination")];
    assert_eq!(broken, expected);
    let tape = Tape::of(br#"{"a":"x","b":"y"}"#).unwrap();
    let (mapped, told) = set.explain(tape.root(), &NOW);
    assert_eq!(mapped.to_json().to_string(), r#"{"_id":"x","person":{"name":{"firstName":"X"}}}"#);
    let warned: Vec<(usize, &str)> =
        mapped.warnings.iter().map(|warning| (warning.item, warning.code)).collect();
    assert_eq!((warned.as_slice(), mapped.written), (&expected[..], 2));
    assert_eq!(mapped.warnings[1].destination, "gone.since");
    assert_eq!(told.as_array().map(<[_]>::len), Some(5));
    assert_eq!(set.check(&schema(), &[]).iter().filter(|finding| finding.item.is_some()).count(), 0);
}

#[test]
fn source_types_are_read_in_every_spelling() {
    use SourceType::{Attribute, Expression, Static};
    for (spelling, source, expected) in [
        ("ATTRIBUTE", "a", Some(Attribute)),
        ("text/x.schema-path", "a", Some(Attribute)),
        ("EXPRESSION", "a", Some(Expression)),
        ("text/x.aep-xl", "a", Some(Expression)),
        ("STATIC", "a", Some(Static)),
        ("text/plain", "a", Some(Static)),
        ("static", "a", Some(Static)),
        ("AUTO", "a.b", Some(Attribute)),
        ("AUTO", "upper(a)", Some(Expression)),
        ("AUTO", "\"x\"", Some(Expression)),
        ("", "a", None),
        ("text/html", "a", None),
    ] {
        assert_eq!(SourceType::parse(spelling, source), expected, "{spelling} {source}");
    }
    for each in [Attribute, Expression, Static] {
        assert_eq!(SourceType::parse(each.echo(&crate::Switches::default()), ""), Some(each));
    }
}
