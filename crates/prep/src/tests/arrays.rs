//! Arrays and nested objects: pairing of wildcards, filling, indices, copies of whole objects.

use super::*;

#[test]
fn wildcards_pair_level_by_level() {
    check(
        &[("g[*].n", "groups[*].name"), ("g[*].m[*].i", "groups[*].members[*].id")],
        r#"{"g":[{"n":"x","m":[{"i":1},{"i":2}]},{"n":"y","m":[{"i":3}]}]}"#,
        json!({"groups": [{"name": "x", "members": [{"id": "1"}, {"id": "2"}]}, {"name": "y", "members": [{"id": "3"}]}]}),
    );
    // A field of the elements may be named without `[*]`, on either side.
    check(
        &[("l.c", "items.sku")],
        r#"{"l":[{"c":"a"},{"c":"b"}]}"#,
        json!({"items": [{"sku": "a"}, {"sku": "b"}]}),
    );
    // What is missing in one element leaves its place to the other items.
    check(
        &[("l[*].c", "items[*].sku"), ("l[*].n", "items[*].quantity")],
        r#"{"l":[{"c":"A","n":1},{"c":"B"}]}"#,
        json!({"items": [{"sku": "A", "quantity": 1}, {"sku": "B"}]}),
    );
    check(&[("l[*].c", "items[*].sku")], r#"{"l":[{},{"c":"B"}]}"#, json!({"items": [{}, {"sku": "B"}]}));
    check(&[("l[*].c", "items[*].sku")], r#"{"l":[]}"#, json!({}));
    check(&[("l[*].c", "items[*].sku")], r#"{"l":{"c":"only"}}"#, json!({"items": [{"sku": "only"}]}));
}

#[test]
fn more_levels_than_the_destination_are_flattened() {
    let nested = r#"{"g":[{"m":[{"i":"a"},{"i":"b"}]},{"m":[{"i":"c"}]}]}"#;
    check(&[("g[*].m[*].i", "tags")], nested, json!({"tags": ["a", "b", "c"]}));
    check(
        &[("g[*].m[*].i", "items[*].sku")],
        nested,
        json!({"items": [{"sku": "a"}, {"sku": "b"}, {"sku": "c"}]}),
    );
    check(&[("g[*].m[*].i", "matrix")], nested, json!({"matrix": [["a", "b"], ["c"]]}));
}

#[test]
fn one_value_fills_the_elements_there_are() {
    for items in [
        [("l[*].c", "items[*].sku"), ("n", "items[*].quantity")],
        [("n", "items[*].quantity"), ("l[*].c", "items[*].sku")],
    ] {
        check(
            &items,
            r#"{"l":[{"c":"a"},{"c":"b"}],"n":7}"#,
            json!({"items": [{"sku": "a", "quantity": 7}, {"sku": "b", "quantity": 7}]}),
        );
    }
    check(&[("n", "items[*].quantity")], r#"{"n":7}"#, json!({"items": [{"quantity": 7}]}));
    check(
        &[("l[*].c", "items[*].sku"), ("static:3", "items[*].quantity")],
        r#"{"l":[{"c":"a"},{"c":"b"}]}"#,
        json!({"items": [{"sku": "a", "quantity": 3}, {"sku": "b", "quantity": 3}]}),
    );
    check(
        &[("transformArray(l, x -> upper(x.c))", "items[*].sku")],
        r#"{"l":[{"c":"a"},{"c":"b"}]}"#,
        json!({"items": [{"sku": "A"}, {"sku": "B"}]}),
    );
    // Filling never undoes what is there.
    check(
        &[("a", "items[0].sku"), ("d", "items[*].sku"), ("b", "items[1].quantity")],
        r#"{"a":"own","b":2,"d":"default"}"#,
        json!({"items": [{"sku": "own"}, {"sku": "default", "quantity": 2}]}),
    );
}

#[test]
fn indices_choose_an_element() {
    check(&[("a", "tags[2]")], r#"{"a":"x"}"#, json!({"tags": [null, null, "x"]}));
    check(&[("l[1].c", "items[0].sku")], r#"{"l":[{"c":"a"},{"c":"b"}]}"#, json!({"items": [{"sku": "b"}]}));
    check(&[("l[9].c", "items[0].sku")], r#"{"l":[{"c":"a"}]}"#, json!({}));
    check(&[("l[0][1]", "_id")], r#"{"l":[["a","b"]]}"#, json!({"_id": "b"}));
}

#[test]
fn a_list_for_one_value_yields_its_first() {
    let (mapped, codes, _) = map(&[("l[*].c", "_id")], r#"{"l":[{"c":null},{"c":"b"},{"c":"c"}]}"#);
    assert_eq!((mapped, codes), (json!({"_id": "b"}), vec!["first-of-many"]));
    let (mapped, codes, _) = map(&[("a", "tags")], r#"{"a":"one"}"#);
    assert_eq!((mapped, codes), (json!({"tags": ["one"]}), vec!["single-into-array"]));
}

#[test]
fn an_element_that_cannot_be_converted_is_named() {
    let set = compile(&[("l[*].n", "items[*].quantity")]).unwrap();
    let record = Tape::of(br#"{"l":[{"n":1},{"n":"many"},{"n":3}]}"#).unwrap();
    let mapped = set.apply(record.root(), &NOW);
    assert_eq!(mapped.to_json().to_string(), r#"{"items":[{"quantity":1},{},{"quantity":3}]}"#);
    let [Warning { item: 0, code: "coercion", source, destination, message, .. }] =
        mapped.warnings.as_slice()
    else {
        panic!("{:?}", mapped.warnings);
    };
    assert_eq!((source.as_str(), destination.as_str()), ("l[*].n", "items[1].quantity"));
    assert!(message.contains("many"), "{message}");
    let set = compile(&[("g[*].m[*].i", "groups[*].members.id"), ("m", "matrix")]).unwrap();
    let record = Tape::of(br#"{"g":[{},{"m":[{},{"i":[]}]}],"m":[["a"],["b",{}]]}"#).unwrap();
    let places: Vec<String> =
        set.apply(record.root(), &NOW).warnings.into_iter().map(|warning| warning.destination).collect();
    assert_eq!(places, ["groups[1].members[1].id", "matrix[1][1]"]);
}

#[test]
fn objects_are_copied_by_the_names_the_schema_knows() {
    let record =
        r#"{"addr":{"street":"Main","zip":"04109","geo":{"lat":"51.5","alt":9},"unknown":1,"lines":["a"]}}"#;
    let copy = json!({"street": "Main", "geo": {"lat": 51.5}, "lines": ["a"]});
    check(&[("addr", "address")], record, json!({"address": copy}));
    // Items below the copy override it or add to it, wherever they stand.
    let mut wanted = copy;
    wanted["postalCode"] = json!("04109");
    wanted["street"] = json!("X");
    wanted["lines"] = json!(["p", "q"]);
    let below = [
        ("addr.zip", "address.postalCode"),
        ("\"X\"", "address.street"),
        ("[\"p\", \"q\"]", "address.lines"),
    ];
    check(&[[("addr", "address")].as_slice(), &below].concat(), record, json!({"address": wanted.clone()}));
    check(&[below.as_slice(), &[("addr", "address")]].concat(), record, json!({"address": wanted}));
    check(
        &[("l", "items")],
        r#"{"l":[{"sku":1,"x":2},{"quantity":"2"}]}"#,
        json!({"items": [{"sku": "1"}, {"quantity": 2}]}),
    );
    // Nothing in common writes nothing.
    for source in ["a", "to_object(\"x\", 1)", "{:}"] {
        let (mapped, codes, written) = map(&[(source, "address")], r#"{"a":{"x":1}}"#);
        assert_eq!((mapped, codes, written), (json!({}), vec![], 0), "{source}");
    }
}

#[test]
fn a_scalar_for_an_object_goes_below_its_own_name() {
    check(
        &[("p.firstName", "person.name")],
        r#"{"p":{"firstName":"A"}}"#,
        json!({"person": {"name": {"firstName": "A"}}}),
    );
    check(&[("l[*].sku", "items[*]")], r#"{"l":[{"sku":"a"}]}"#, json!({"items": [{"sku": "a"}]}));
    let (mapped, codes, written) = map(&[("p.other", "person.name")], r#"{"p":{"other":"A"}}"#);
    assert_eq!((mapped, codes, written), (json!({}), vec!["coercion"], 0));
}

#[test]
fn maps_take_any_key_and_the_type_of_their_values() {
    check(&[("m", "labels")], r#"{"m":{"a":1,"b.c":true}}"#, json!({"labels": {"a": "1", "b.c": "true"}}));
    check(&[("a", "labels.any")], r#"{"a":"x"}"#, json!({"labels": {"any": "x"}}));
    check(&[("str_to_object(s)", "labels")], r#"{"s":"a:1, b:2"}"#, json!({"labels": {"a": "1", "b": "2"}}));
    let (mapped, codes, _) = map(&[("m", "labels")], r#"{"m":{"a":[1],"b":"kept"}}"#);
    assert_eq!((mapped, codes), (json!({"labels": {"b": "kept"}}), vec!["coercion"]));
}
