//! Whatever the text and the record are, there is a result: the same each time, of the schema's types, and no panic.

use proptest::prelude::*;
use vocab::Read;

use super::*;
use crate::{Expression, Span, is_path, limits, source_paths};

fn any_record() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        "[0-9TZ:.+-]{0,24}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec(("[a-f]", inner), 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Text that looks like the language.
fn any_expression() -> impl Strategy<Value = String> {
    let names: Vec<String> =
        crate::functions().flat_map(|function| function.names).map(|name| (*name).to_owned()).collect();
    let word = prop_oneof![
        4 => "[a-f](\\.[a-f]|\\[[0-9*]\\]){0,2}",
        3 => prop::sample::select(names),
        2 => "[0-9]{1,4}(\\.[0-9])?",
        2 => "\"[^\"\\\\]{0,6}\"",
        3 => "[-+*/%<>=!&|?:.,()\\[\\]{}]{1,2}",
        1 => "\\PC{0,4}",
    ];
    prop::collection::vec(word, 0..16).prop_map(|words| words.join(" "))
}

/// Calls of real functions with arguments of any kind.
fn any_call() -> impl Strategy<Value = String> {
    let names: Vec<String> =
        crate::functions().flat_map(|function| function.names).map(|name| (*name).to_owned()).collect();
    let argument = prop_oneof![
        "[a-f]",
        "\"[a-zA-Z0-9 ,.:/-]{0,10}\"",
        "-?[0-9]{1,6}",
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("x -> x".to_owned()),
        Just("[a, b, 1]".to_owned()),
        Just("{\"a\": b}".to_owned()),
        Just("date(\"2024-02-03\")".to_owned()),
    ];
    let arguments = prop::collection::vec(argument, 0..5);
    (prop::sample::select(names), arguments)
        .prop_map(|(name, arguments)| format!("{name}({})", arguments.join(", ")))
}

/// Calls in calls.
fn any_nested_call() -> impl Strategy<Value = String> {
    (any_call(), any_call(), any_call(), "[-+*/<]|==|=~|\\?\\?")
        .prop_map(|(outer, one, two, operator)| outer.replacen("null", &format!("{one} {operator} {two}"), 1))
}

fn any_source() -> impl Strategy<Value = String> {
    prop_oneof![
        any_expression(),
        any_call(),
        any_nested_call(),
        "[a-f](\\.[a-f]|\\[[0-9*]\\]){0,3}",
        "\\PC{0,40}",
        any::<String>(),
    ]
}

fn any_destination() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "_id",
        "timestamp",
        "day",
        "count",
        "small",
        "long",
        "price",
        "member",
        "tags",
        "tags[3]",
        "items",
        "items[*]",
        "items[*].sku",
        "items[1].quantity",
        "items.quantity",
        "labels",
        "labels.x",
        "matrix",
        "matrix[*]",
        "matrix[*][*]",
        "groups",
        "groups[*].name",
        "groups[*].members",
        "groups[*].members[*].id",
        "person",
        "person.name",
        "person.name.firstName",
        "address",
        "address.geo",
        "address.lines[*]",
    ]);
    prop_oneof![30 => known.prop_map(str::to_owned), 1 => "\\PC{0,12}", 1 => any::<String>()]
}

fn any_item() -> impl Strategy<Value = Item> {
    let forced = prop::option::of(prop::sample::select(vec![
        SourceType::Attribute,
        SourceType::Expression,
        SourceType::Static,
    ]));
    (any_source(), any_destination(), forced).prop_map(|(source, destination, forced)| Item {
        source_type: forced.unwrap_or_else(|| SourceType::of(&source)),
        source,
        destination,
    })
}

/// A place that can be shown.
fn lies_in(source: &str, start: usize, end: usize) -> bool {
    start <= end && source.get(start..end).is_some()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// Named for the invariant.
    #[test]
    fn pure_core(items in prop::collection::vec(any_item(), 0..6), record in any_record()) {
        // Items that are refused are left out, so that the others are run.
        let refused = match MappingSet::compile(&items, &schema()) {
            Ok(_) => Vec::new(),
            Err(errors) => errors,
        };
        for error in &refused {
            let source = &items[error.index].source;
            prop_assert!(error.span.is_none_or(|(start, end)| lies_in(source, start, end)), "{error:?} {source:?}");
        }
        let kept: Vec<Item> = items
            .into_iter()
            .enumerate()
            .filter(|(index, _)| refused.iter().all(|error| error.index != *index))
            .map(|(_, item)| item)
            .collect();
        let set = MappingSet::compile(&kept, &schema()).expect("each was accepted");
        let text = record.to_string();
        let record = Tape::of(text.as_bytes()).unwrap();
        let mapped = set.apply(record.root(), &NOW);
        prop_assert_eq!(&mapped, &set.apply(record.root(), &NOW));
        prop_assert!(mapped.written <= kept.len());
        prop_assert!(mapped.warnings.len() <= limits::WARNINGS_MAX);
        prop_assert!(mapped.warnings.iter().all(|warning| warning.item < kept.len()));
        prop_assert_eq!(mapped.written == 0, mapped.to_json().as_object().is_some_and(|object| object.is_empty()));
        // Null stands for what is missing in an array; apart from that every value has its type.
        let wrong = schema().validate(mapped.record(), 100).list.into_iter().find(|violation| {
            violation.category == xdm::Category::Type && !violation.message.contains("null")
        });
        prop_assert_eq!(wrong, None, "{:?} to {}", kept, mapped.to_json());
    }

    /// What was converted once is of its type: another conversion leaves it as it is.
    #[test]
    fn coercion_is_idempotent(record in any_record(), destination in prop::sample::select(vec![
        "_id", "timestamp", "day", "count", "small", "long", "price", "member", "tags", "items", "labels", "matrix",
        "groups", "person", "address"
    ])) {
        let text = json!({ "a": record }).to_string();
        let record = Tape::of(text.as_bytes()).unwrap();
        let first = compile(&[("a", destination)]).unwrap();
        let once = first.apply(record.root(), &NOW).to_json().to_string();
        let once = Tape::of(once.as_bytes()).unwrap();
        let again = compile(&[(destination, destination)]).unwrap();
        let twice = again.apply(once.root(), &NOW);
        prop_assert_eq!(&twice.to_json(), &once.root().to_json());
        prop_assert_eq!(twice.warnings, Vec::new());
    }

    #[test]
    fn any_text_is_an_expression_or_has_a_fault_in_it(source in any_source(), record in any_record()) {
        let _ = (is_path(&source), source_paths(SourceType::Expression, &source));
        match Expression::parse(&source) {
            Ok(expression) => {
                let record = record.to_string();
                let record = Tape::of(record.as_bytes()).unwrap();
                prop_assert_eq!(expression.evaluate(record.root(), &NOW), expression.evaluate(record.root(), &NOW));
                for remark in expression.remarks() {
                    let Span { start, end } = remark.span;
                    prop_assert!(lies_in(&source, start, end), "{remark:?}");
                }
            }
            Err(error) => {
                let Span { start, end } = error.span;
                prop_assert!(lies_in(&source, start, end), "{error:?}");
                prop_assert!(!error.to_string().is_empty());
            }
        }
    }
}
