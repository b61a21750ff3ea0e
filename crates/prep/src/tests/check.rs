//! What is said of a set before it runs.

use super::*;
use crate::{Finding, Severity};

fn strict() -> xdm::Schema {
    let doc = json!({ "required": ["_id", "when"], "properties": {
        "_id": {"type": "string"},
        "when": {"type": "string", "format": "date-time"},
        "done": {"type": "boolean"},
        "any": {"type": "object"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "place": {"type": "object", "required": ["city", "zip"], "properties": {
            "city": {"type": "string"}, "zip": {"type": "string"}
        }},
        "items": {"type": "array", "items": {"type": "object", "required": ["sku"], "properties": {
            "sku": {"type": "string"}, "quantity": {"type": "integer"}
        }}}
    }});
    xdm::Schema::compile(&xdm::compose(&doc, &|_| None).unwrap(), &[]).unwrap()
}

fn findings(items: &[(&str, &str)], samples: &[&str]) -> Vec<Finding> {
    let items: Vec<Item> = items.iter().map(|(source, destination)| item(source, destination)).collect();
    let schema = strict();
    let samples: Vec<Tape<'_>> = samples.iter().map(|text| Tape::of(text.as_bytes()).unwrap()).collect();
    let samples: Vec<_> = samples.iter().map(Tape::root).collect();
    MappingSet::compile(&items, &schema).unwrap().check(&schema, &samples)
}

#[track_caller]
fn codes(items: &[(&str, &str)], samples: &[&str], expected: &[(Option<usize>, &str)]) {
    let found: Vec<(Option<usize>, &str)> =
        findings(items, samples).iter().map(|finding| (finding.item, finding.code)).collect();
    assert_eq!(found, expected, "{items:?}");
}

const WHOLE: [(&str, &str); 2] = [("id", "_id"), ("at", "when")];

#[test]
fn required_fields_are_looked_for_where_something_is_written() {
    codes(&WHOLE, &[], &[]);
    let found = findings(&[("id", "_id"), ("c", "place.city"), ("l[*].n", "items[*].quantity")], &[]);
    assert_eq!(found.len(), 3, "{found:?}");
    for (finding, path) in found.iter().zip(["when", "place.zip", "items[*].sku"]) {
        assert_eq!((finding.code, finding.severity), ("required-unmapped", Severity::Warning));
        assert!(finding.message.contains(&format!("requires {path},")), "{}", finding.message);
    }
    let whole = [WHOLE[0], WHOLE[1], ("p", "place"), ("l", "items")];
    codes(&whole, &[], &[]);
}

#[test]
fn impossible_coercions_are_errors() {
    for (source, destination) in [
        ("split(a, \",\")", "_id"),
        ("to_object(\"a\", 1)", "_id"),
        ("date(a)", "done"),
        ("lower(a)", "any"),
        ("1 < 2", "when"),
        ("date(a)", "place"),
    ] {
        let found = findings(&[(source, destination)], &[]);
        assert_eq!((found[0].code, found[0].severity), ("impossible-coercion", Severity::Error), "{source}");
        // None of them writes a value when it runs.
        let items = [item(source, destination)];
        let schema = strict();
        let set = MappingSet::compile(&items, &schema).unwrap();
        let record = Tape::of(br#"{"a":"2024-02-03"}"#).unwrap();
        let mapped = set.apply(record.root(), &NOW);
        assert_eq!((mapped.written, mapped.warnings.len()), (0, 1), "{source}");
    }
    for (source, destination) in [
        ("split(a, \",\")", "tags"),
        ("lower(a)", "tags"),
        ("to_object(\"a\", 1)", "any"),
        ("date(a)", "_id"),
        ("lower(a)", "done"),
    ] {
        let found = findings(&[(source, destination)], &[]);
        assert!(found.iter().all(|finding| finding.severity == Severity::Warning), "{source}: {found:?}");
    }
}

#[test]
fn sources_that_no_sample_has_are_noted() {
    let items = [("id", "_id"), ("concat(at, z.q)", "when"), ("l[*].sku", "items[*].sku")];
    codes(&items, &[], &[]);
    let samples = [r#"{"id":1,"l":[{}]}"#, r#"{"at":null,"l":[{"sku":"x"}]}"#];
    codes(&items, &samples, &[(Some(1), "source-not-in-sample")]);
    assert!(findings(&items, &samples)[0].message.contains("z.q"));
    codes(
        &items,
        &samples[..1],
        &[
            (Some(1), "source-not-in-sample"),
            (Some(1), "source-not-in-sample"),
            (Some(2), "source-not-in-sample"),
        ],
    );
}
