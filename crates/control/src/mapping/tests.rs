//! Mapping sets over a real store.

use serde_json::{Map, Value, json};
use store::Tx;

use super::*;
use crate::resource::{self, New};
use crate::{Kind, Scope, testing};

const PROFILE: &str = "https://ns.adobe.com/xdm/context/profile-person-details";

fn object(value: Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap()
}

fn newer() -> Map<String, Value> {
    object(json!({
        "name": "People",
        "outputSchema": { "schemaRef": { "id": PROFILE, "contentType": "application/vnd.adobe.xed-full+json;version=1" } },
        "mappings": [
            { "sourceType": "ATTRIBUTE", "source": "first", "destination": "person.name.firstName" },
            { "sourceType": "EXPRESSION", "source": "upper(last)", "destination": "person.name.lastName" }
        ],
        "extra": 1
    }))
}

fn older() -> Map<String, Value> {
    object(json!({
        "version": 0, "xdmSchema": PROFILE, "xdmVersion": "1.0", "id": null,
        "mappings": [
            { "destinationXdmPath": "person.name.firstName", "sourceAttribute": "firstName", "identity": false, "version": 0 },
            { "destinationXdmPath": "person.name.lastName", "sourceAttribute": "concat(a, b)", "identity": false, "version": 0 }
        ]
    }))
}

async fn made(tx: &mut Tx, scope: &Scope, body: Map<String, Value>) -> Value {
    let set = create(tx, scope, body).await.unwrap();
    item(&get(tx, scope, &set.id, None).await.unwrap())
}

#[tokio::test]
async fn both_forms_are_shown_in_both_spellings() {
    let (store, _dir) = testing::store().await;
    let mut tx = store.write().await.unwrap();
    let scope = testing::scope(&mut tx, "acme").await;
    let set = made(&mut tx, &scope, newer()).await;
    assert_eq!((&set["version"], &set["name"], &set["extra"]), (&json!(0), &json!("People"), &json!(1)));
    assert_eq!(set["id"].as_str().unwrap().len(), 32);
    assert_eq!(set["xdmSchema"], PROFILE);
    assert_eq!(set["createdDate"], testing::NOW.0);
    let mapping = &set["mappings"][1];
    assert_eq!(
        (&mapping["sourceType"], &mapping["sourceAttribute"]),
        (&json!("text/x.aep-xl"), &json!("upper(last)"))
    );
    assert_eq!(mapping["destinationXdmPath"], "person.name.lastName");
    assert_eq!(mapping["expressionAttributes"], json!(["last"]));
    let set = made(&mut tx, &scope, older()).await;
    assert_eq!(set["outputSchema"]["schemaRef"]["id"], PROFILE);
    assert_eq!(set["mappings"][0]["sourceType"], "text/x.schema-path");
    assert_eq!(set["mappings"][1]["sourceType"], "text/x.aep-xl");
    assert_eq!(set["mappings"][0]["source"], "firstName");
}

/// Flows compare the schema of a set with that of a dataset, as texts.
#[tokio::test]
async fn a_schema_is_named_by_its_id() {
    let (store, _dir) = testing::store().await;
    let mut tx = store.write().await.unwrap();
    let scope = testing::scope(&mut tx, "acme").await;
    let mut body = older();
    body.insert("xdmSchema".to_owned(), json!(xdm::alt_id(PROFILE)));
    let set = made(&mut tx, &scope, body.clone()).await;
    assert_eq!((&set["xdmSchema"], &set["schemaRef"]["id"]), (&json!(PROFILE), &json!(PROFILE)));
    let id = set["id"].as_str().unwrap();
    assert_eq!(item(&replace(&mut tx, &scope, id, body).await.unwrap())["xdmSchema"], PROFILE);
}

#[tokio::test]
async fn a_change_makes_a_version_and_keeps_the_old_one() {
    let (store, _dir) = testing::store().await;
    let mut tx = store.write().await.unwrap();
    let scope = testing::scope(&mut tx, "acme").await;
    let id = create(&mut tx, &scope, newer()).await.unwrap().id;
    let change = object(json!({
        "outputSchema": { "schemaRef": { "id": PROFILE } },
        "mappings": [{ "source": "x", "destination": "person.name.firstName" }]
    }));
    let second = replace(&mut tx, &scope, &id, change).await.unwrap();
    assert_eq!(second.version, 1);
    let shown = item(&second);
    assert_eq!((&shown["name"], shown["mappings"].as_array().unwrap().len()), (&json!("People"), 1));
    let first = get(&mut tx, &scope, &id, Some(0)).await.unwrap();
    assert_eq!((first.version, first.mappings().len()), (0, 2));
    assert!(matches!(
        get(&mut tx, &scope, &id, Some(7)).await,
        Err(MappingError::NoVersion { version: 7, .. })
    ));
    for (version, expected) in [(Some(0), (2, 0)), (Some(1), (1, 1)), (None, (1, 1))] {
        let (set, found) = compiled(&mut tx, &scope, &id, version).await.unwrap();
        assert_eq!((set.len(), found), expected);
    }
    delete(&mut tx, &scope, &id).await.unwrap();
    assert!(matches!(get(&mut tx, &scope, &id, None).await, Err(MappingError::NotFound { .. })));
    // Records that came in under either version can still be mapped.
    assert_eq!(compiled(&mut tx, &scope, &id, Some(0)).await.unwrap().0.len(), 2);
    assert_eq!(compiled(&mut tx, &scope, &id, Some(1)).await.unwrap().0.len(), 1);
}

#[tokio::test]
async fn a_set_in_use_is_not_deleted() {
    let (store, _dir) = testing::store().await;
    let mut tx = store.write().await.unwrap();
    let scope = testing::scope(&mut tx, "acme").await;
    let id = create(&mut tx, &scope, newer()).await.unwrap().id;
    for (flow, state) in [("off", "disabled"), ("on", "enabled")] {
        let uses = vec![(Kind::MappingSets, id.clone())];
        let new = New {
            kind: Kind::Flows,
            id: flow.into(),
            name: flow.into(),
            state: state.into(),
            doc: Map::new(),
            uses,
        };
        resource::insert(&mut tx, &scope, new).await.unwrap();
    }
    let Err(MappingError::InUse { flows, .. }) = delete(&mut tx, &scope, &id).await else { panic!() };
    assert_eq!(flows, ["on"]);
}

#[tokio::test]
async fn what_is_no_mapping_set_is_refused() {
    let (store, _dir) = testing::store().await;
    let mut tx = store.write().await.unwrap();
    let scope = testing::scope(&mut tx, "acme").await;
    let with = |mapping: Value| json!({ "xdmSchema": PROFILE, "mappings": [mapping] });
    for (body, expected) in [
        (json!({}), "output schema is missing"),
        (json!({ "xdmSchema": "https://ns.adobe.com/acme/schemas/none" }), "cannot be used"),
        (json!({ "xdmSchema": PROFILE, "mappings": {} }), "must be an array"),
        (with(json!("x")), "must be an object"),
        (with(json!({ "destination": "person.name.firstName" })), "needs a source"),
        (with(json!({ "source": "a" })), "needs a destination"),
        (with(json!({ "source": "a", "destination": "person.nothing" })), "person.nothing"),
        (
            with(
                json!({ "sourceType": "EXPRESSION", "source": "upper(", "destination": "person.name.firstName" }),
            ),
            "mapping 0",
        ),
        (
            with(
                json!({ "sourceType": "EXPRESSION", "source": "nofunction(a)", "destination": "person.name.firstName" }),
            ),
            "nofunction",
        ),
        (
            with(json!({ "sourceType": "magic", "source": "a", "destination": "person.name.firstName" })),
            "magic",
        ),
    ] {
        let error = create(&mut tx, &scope, object(body.clone())).await.unwrap_err();
        assert!(error.to_string().contains(expected), "{body} {error}");
    }
    let found =
        validate(&mut tx, &scope, object(with(json!({ "source": "a", "destination": "person.nothing" }))))
            .await
            .unwrap()
            .0;
    assert_eq!(found[0]["status"], "FAILED");
    assert_eq!(found[0]["errors"][0]["destination"], "person.nothing");
    assert_eq!(
        validate(&mut tx, &scope, newer()).await.unwrap().0,
        vec![json!({ "status": "SUCCESS", "errors": null }); 2]
    );
    // An expression that can never write a value is refused, when it is saved too.
    let list = with(json!({ "source": "split(a, \",\")", "destination": "person.name.firstName" }));
    let (found, warnings) = validate(&mut tx, &scope, object(list.clone())).await.unwrap();
    assert_eq!(found[0]["errors"][0]["code"], "impossible-coercion");
    assert_eq!((found[0]["errors"][0]["span"].clone(), warnings), (json!({ "start": 0, "end": 13 }), vec![]));
    let refused = create(&mut tx, &scope, object(list)).await.unwrap_err();
    assert_eq!(refused.transform_errors()[0]["code"], "impossible-coercion");
    // What no record of the set's sample has is warned of.
    let sample = json!({ "sampleData": "{\"a\": 1}", "sampleType": "JSON" });
    let sample = samples::create(&mut tx, &scope, object(sample)).await.unwrap().id;
    let mut set = with(json!({ "source": "lower(b)", "destination": "person.name.firstName" }));
    set["inputSchema"] = json!({ "sampleId": sample });
    let (_, warnings) = validate(&mut tx, &scope, object(set)).await.unwrap();
    let absent = warnings.iter().find(|warning| warning["code"] == "source-not-in-sample").unwrap();
    assert_eq!((&absent["severity"], &absent["source"]), (&json!("WARNING"), &json!("lower(b)")));
}

#[tokio::test]
async fn lists_and_previews() {
    let (store, _dir) = testing::store().await;
    let mut tx = store.write().await.unwrap();
    let scope = testing::scope(&mut tx, "acme").await;
    let first = create(&mut tx, &scope, newer()).await.unwrap().id;
    let second = create(&mut tx, &scope, older()).await.unwrap().id;
    for (name, value, expected) in [
        ("limit", "10", vec![&second, &first]),
        ("limit", "1", vec![&second]),
        ("start", "1", vec![&first]),
        ("orderBy", "+createdDate", vec![&first, &second]),
        ("name", "People", vec![&first]),
        ("property", "xdmSchema==none", vec![]),
    ] {
        let query = Query::parse(&[(name.to_owned(), value.to_owned())]).unwrap();
        let found = list(&mut tx, &scope, &query).await.unwrap();
        assert_eq!(found.iter().map(|set| &set.id).collect::<Vec<_>>(), expected, "{name}={value}");
    }
    let data = json!([{ "first": "Ada", "last": "Lovelace" }, { "first": 7 }]);
    let shown = preview(&mut tx, &scope, &data, newer(), false).await.unwrap();
    assert_eq!(
        shown[0]["data"],
        json!({ "person": { "name": { "firstName": "Ada", "lastName": "LOVELACE" } } })
    );
    assert_eq!(shown[1]["data"], json!({ "person": { "name": { "firstName": "7" } } }));
}

/// `scoped`: another org sees no mapping sets.
#[tokio::test]
async fn scoped() {
    let (store, _dir) = testing::store().await;
    let mut tx = store.write().await.unwrap();
    let (ours, theirs) = (testing::scope(&mut tx, "acme").await, testing::scope(&mut tx, "other").await);
    let id = create(&mut tx, &ours, newer()).await.unwrap().id;
    assert!(get(&mut tx, &theirs, &id, None).await.is_err());
    assert!(compiled(&mut tx, &theirs, &id, Some(0)).await.is_err());
    assert!(delete(&mut tx, &theirs, &id).await.is_err());
    assert!(list(&mut tx, &theirs, &Query::parse(&[]).unwrap()).await.unwrap().is_empty());
}

#[tokio::test]
async fn single_mappings_make_versions() {
    let (store, _dir) = testing::store().await;
    let mut tx = store.write().await.unwrap();
    let scope = testing::scope(&mut tx, "acme").await;
    let set = made(&mut tx, &scope, newer()).await;
    let id = set["id"].as_str().unwrap();
    let ids = |set: &Stored| -> Vec<Value> { set.mappings().iter().map(|item| item["id"].clone()).collect() };
    let sent = json!({ "source": "middle", "destination": "person.name.middleName", "version": "mine" });
    let (changed, added) = add_mapping(&mut tx, &scope, id, &sent).await.unwrap();
    assert_eq!((changed.version, &added["version"]), (1, &json!(0)));
    let expected = [&set["mappings"][0]["id"], &set["mappings"][1]["id"], &added["id"]];
    assert_eq!(ids(&changed).iter().collect::<Vec<_>>(), expected, "the others keep their ids");
    let item_id = added["id"].as_str().unwrap();
    let sent = json!({ "source": "trim(middle)", "destination": "person.name.middleName" });
    let (changed, replaced) = replace_mapping(&mut tx, &scope, id, item_id, &sent).await.unwrap();
    assert_eq!((changed.version, &replaced["version"], &replaced["id"]), (2, &json!(1), &added["id"]));
    assert_eq!(replaced["expressionAttributes"], json!(["middle"]));
    for sent in [
        json!({ "source": "a", "destination": "person.nothing" }),
        json!({ "source": "a", "destination": "person.name.firstName" }),
        json!({ "source": "a" }),
        json!("a"),
    ] {
        assert!(add_mapping(&mut tx, &scope, id, &sent).await.is_err(), "{sent}");
        assert!(replace_mapping(&mut tx, &scope, id, item_id, &sent).await.is_err(), "{sent}");
    }
    let (changed, removed) = remove_mapping(&mut tx, &scope, id, item_id).await.unwrap();
    assert_eq!((changed.version, changed.mappings().len(), &removed["id"]), (3, 2, &added["id"]));
    let gone = remove_mapping(&mut tx, &scope, id, item_id).await;
    assert!(matches!(gone, Err(MappingError::NoMapping { .. })));
    assert_eq!(get(&mut tx, &scope, id, Some(2)).await.unwrap().mapping(item_id).unwrap(), replaced);
}

async fn sample_of(tx: &mut Tx, scope: &Scope, data: Value) -> String {
    samples::create(tx, scope, object(json!({ "sampleData": data.to_string() }))).await.unwrap().id
}

#[tokio::test]
async fn samples_are_json_records() {
    let (store, _dir) = testing::store().await;
    let mut tx = store.write().await.unwrap();
    let scope = testing::scope(&mut tx, "acme").await;
    let id = sample_of(&mut tx, &scope, json!({ "a": 1 })).await;
    let shown = sample(&samples::get(&mut tx, &scope, &id).await.unwrap());
    assert_eq!(
        (&shown["sampleData"], &shown["sampleType"], &shown["version"]),
        (&json!(r#"{"a":1}"#), &json!("JSON"), &json!(0))
    );
    let body =
        object(json!({ "id": "mine", "version": 9, "sampleData": [{ "a": 2 }], "sampleType": "json" }));
    let shown = sample(&samples::replace(&mut tx, &scope, &id, body).await.unwrap());
    assert_eq!(
        (&shown["id"], &shown["version"], &shown["sampleData"]),
        (&json!(id), &json!(1), &json!(r#"[{"a":2}]"#))
    );
    let long = format!(r#"{{"a":"{}"}}"#, "x".repeat(crate::limits::SAMPLE_BYTES_MAX));
    for (body, expected) in [
        (json!({}), "sampleData must be"),
        (json!({ "sampleData": 7 }), "sampleData must be"),
        (json!({ "sampleData": "a,b" }), "not JSON"),
        (json!({ "sampleData": "7" }), "object or an array"),
        (json!({ "sampleData": "[]" }), "object or an array"),
        (json!({ "sampleData": "[{}, 1]" }), "object or an array"),
        (json!({ "sampleData": long }), "at most"),
        (json!({ "sampleData": "{}", "sampleType": "CSV" }), "CSV"),
    ] {
        let error = samples::create(&mut tx, &scope, object(body.clone())).await.unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert!(samples::replace(&mut tx, &scope, &id, object(body)).await.is_err());
    }
    let other = testing::scope(&mut tx, "other").await;
    assert!(samples::get(&mut tx, &other, &id).await.is_err());
    assert!(samples::list(&mut tx, &other, &Query::parse(&[]).unwrap()).await.unwrap().is_empty());
    samples::delete(&mut tx, &scope, &id).await.unwrap();
    assert!(matches!(samples::get(&mut tx, &scope, &id).await, Err(MappingError::NotFound { .. })));
}

#[tokio::test]
async fn schemas_are_made_from_one_thing() {
    let (store, _dir) = testing::store().await;
    let mut tx = store.write().await.unwrap();
    let scope = testing::scope(&mut tx, "acme").await;
    let records = json!([{ "n": 1, "x": null, "t": "a" }, { "n": 1.5, "x": true, "t": 2, "l": [{ "a": 1 }, { "b": "c" }] }]);
    let of = sample_of(&mut tx, &scope, records).await;
    let made = schemas::create(&mut tx, &scope, object(json!({ "sampleId": of }))).await.unwrap();
    assert_eq!(
        schema(&made)["jsonSchema"],
        json!({
            "title": format!("SampleSchema:{of}"), "type": "object", "properties": {
                "n": { "title": "n", "type": "number" }, "x": { "title": "x", "type": "boolean" },
                "t": { "title": "t", "type": "string" },
                "l": { "title": "l", "type": "array", "items": { "type": "object", "properties": {
                    "a": { "title": "a", "type": "integer" }, "b": { "title": "b", "type": "string" }
                } } }
            }
        })
    );
    let body = object(json!({ "name": "Text", "jsonSchema": r#"{"type": "object"}"#, "sampleId": null }));
    let made = schemas::create(&mut tx, &scope, body).await.unwrap();
    assert_eq!(schema(&made)["jsonSchema"], json!({ "type": "object" }));
    let body = object(json!({ "schemaRef": { "id": PROFILE } }));
    let made = schemas::create(&mut tx, &scope, body).await;
    assert!(made.is_ok_and(|made| schema(&made)["jsonSchema"]["properties"]["person"].is_object()));
    for (file, sample_made) in
        [(r#"{"type": "object", "properties": {}}"#, false), (r#"{"type": "object"}"#, true)]
    {
        let made = schemas::upload(&mut tx, &scope, file).await.unwrap();
        assert_eq!(schema(&made).get("sampleId").is_some(), sample_made, "{file}");
    }
    for (body, expected) in [
        (json!({}), "one of"),
        (json!({ "sampleId": of, "jsonSchema": {} }), "one of"),
        (json!({ "sampleId": 7 }), "one of"),
        (json!({ "sampleId": "none" }), "no sample none"),
        (json!({ "jsonSchema": "{" }), "not JSON"),
        (json!({ "jsonSchema": [] }), "must be an object"),
        (json!({ "jsonSchema": {}, "name": 7 }), "name"),
        (json!({ "schemaRef": { "id": "none" } }), "cannot be used"),
    ] {
        let error = schemas::create(&mut tx, &scope, object(body)).await.unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
    let named = Query::parse(&[("name".to_owned(), "Text".to_owned())]).unwrap();
    assert_eq!(schemas::list(&mut tx, &scope, &named).await.unwrap().len(), 1);
}

#[tokio::test]
async fn expressions_are_checked_and_tried() {
    let (store, _dir) = testing::store().await;
    let mut tx = store.write().await.unwrap();
    let scope = testing::scope(&mut tx, "acme").await;
    for (body, status, pointer, expected) in [
        (json!({ "expression": "upper(name)" }), "succeeded", "/error", json!("none")),
        (json!({ "expression": "upper(name" }), "failed", "/span/end", json!(10)),
        (
            json!({ "expression": "upper(a)", "sampleData": r#"[{"a": "x"}, {}]"# }),
            "succeeded",
            "/results",
            json!(["X", null]),
        ),
        (
            json!({ "expression": "to_integer(a)", "sampleData": { "a": "x" } }),
            "failed",
            "/results",
            Value::Null,
        ),
        (
            json!({ "expression": "1", "sampleData": " ", "sampleDataType": "x" }),
            "succeeded",
            "/results",
            Value::Null,
        ),
    ] {
        let found = language::validate(&mut tx, &scope, &object(body.clone())).await.unwrap();
        assert_eq!(found["validationStatus"], status, "{body} {found}");
        assert_eq!(found.pointer(pointer).unwrap_or(&Value::Null), &expected, "{body} {found}");
    }
    let many = Value::Array(vec![json!({}); crate::limits::PREVIEW_RECORDS_MAX + 1]).to_string();
    for (body, expected) in [
        (json!({}), "expression"),
        (json!({ "expression": 7 }), "expression"),
        (json!({ "expression": "1", "mappingSetId": "none" }), "no mapping set none"),
        (json!({ "expression": "1", "sampleData": "a,b" }), "not JSON"),
        (json!({ "expression": "1", "sampleData": "{}", "sampleDataType": "CSV" }), "CSV"),
        (json!({ "expression": "1", "sampleData": many }), "at most"),
    ] {
        let error = language::validate(&mut tx, &scope, &object(body)).await.unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
}

/// Every name by which the engine knows a function or an operator is listed once.
#[test]
fn the_language_is_listed_whole() {
    let names: Vec<&str> = prep::CATEGORIES
        .iter()
        .flat_map(|category| category.functions)
        .flat_map(|one| one.names)
        .copied()
        .collect();
    let listed = language::functions();
    assert_eq!(listed.iter().map(|one| one["function"].as_str().unwrap()).collect::<Vec<_>>(), names);
    for one in &listed {
        let syntax = one["syntax"].as_str().unwrap();
        assert!(syntax.contains(&format!(" {}(", one["function"].as_str().unwrap())), "{syntax}");
        for (at, parameter) in one["params"].as_array().unwrap().iter().enumerate() {
            assert_eq!(parameter["position"], at);
            assert!(parameter["dataType"].as_str().unwrap().contains("java."), "{parameter}");
        }
    }
    let operators = language::operators();
    for (symbol, method, operands) in [
        ("/", "divide", 2),
        ("div", "divide", 2),
        ("~", "complement", 1),
        ("not", "not", 1),
        ("?:", "ternary", 3),
    ] {
        let found = operators.iter().find(|one| one["operatorSymbol"] == symbol).unwrap();
        assert_eq!((&found["methodName"], &found["numberOfOperands"]), (&json!(method), &json!(operands)));
    }
}

#[tokio::test]
async fn the_switches_of_a_scope_hold() {
    let (store, _dir) = testing::store().await;
    let mut tx = store.write().await.unwrap();
    let plain = testing::scope(&mut tx, "acme").await;
    let mut other = plain.clone();
    for (name, side) in
        [("validate-result", "boolean"), ("static-echo", "word"), ("integer-division", "decimal")]
    {
        other.switches.set(name, side).unwrap();
    }
    for (body, expected) in [
        (json!({ "expression": "1 + 1" }), true),
        (json!({ "expression": "1 +" }), false),
        (json!({ "expression": "1 / a", "sampleData": "{\"a\": 2}" }), true),
        (json!({ "expression": "1 / a", "sampleData": "{\"a\": 0}" }), false),
    ] {
        let found = language::validate(&mut tx, &other, &object(body.clone())).await.unwrap();
        assert_eq!(found, json!(expected), "{body}");
        let found = language::validate(&mut tx, &plain, &object(body.clone())).await.unwrap();
        assert_eq!(found["validationStatus"] == "succeeded", expected, "{body}");
    }
    let mut set = newer();
    set["mappings"] = json!([
        { "sourceType": "STATIC", "source": "x", "destination": "person.name.firstName" },
        { "source": "concat(7 / a)", "destination": "person.name.lastName" }
    ]);
    for (scope, echo, last) in [(&plain, "text/plain", "3"), (&other, "STATIC", "3.5")] {
        let made = made(&mut tx, scope, set.clone()).await;
        assert_eq!(made["mappings"][0]["sourceType"], echo);
        let shown = preview(&mut tx, scope, &json!({ "a": 2 }), set.clone(), false).await.unwrap();
        assert_eq!(shown[0]["data"]["person"]["name"]["lastName"], last);
        let id = made["id"].as_str().unwrap();
        let compiled = compiled(&mut tx, scope, id, None).await.unwrap().0;
        assert_eq!(compiled.options().switches, scope.switches);
    }
}

#[tokio::test]
async fn a_set_says_whether_nulls_are_written_and_warnings_allowed() {
    let (store, _dir) = testing::store().await;
    let mut tx = store.write().await.unwrap();
    let scope = testing::scope(&mut tx, "acme").await;
    let data = json!({ "first": [], "last": null });
    for (flag, name, severity) in [
        (json!(false), json!({}), "WARNING"),
        (json!(true), json!({ "person": { "name": { "lastName": null } } }), "ERROR"),
    ] {
        let mut set = newer();
        set.insert("allowNullValues".to_owned(), flag.clone());
        set.insert("strictMapping".to_owned(), flag);
        let id = made(&mut tx, &scope, set.clone()).await["id"].as_str().unwrap().to_owned();
        let shown = preview(&mut tx, &scope, &data, set, false).await.unwrap();
        assert_eq!((&shown[0]["data"], &shown[0]["errors"][0]["severity"]), (&name, &json!(severity)));
        let options = *compiled(&mut tx, &scope, &id, None).await.unwrap().0.options();
        assert_eq!((options.strict, options.allow_nulls), (severity == "ERROR", severity == "ERROR"));
    }
}

#[tokio::test]
async fn suggestions_are_not_stored() {
    let (store, _dir) = testing::store().await;
    let mut tx = store.write().await.unwrap();
    let scope = testing::scope(&mut tx, "acme").await;
    let new = New {
        kind: Kind::DataSets,
        id: "people".into(),
        name: "People".into(),
        state: "ACTIVE".into(),
        doc: object(json!({ "schemaRef": { "id": PROFILE } })),
        uses: Vec::new(),
    };
    resource::insert(&mut tx, &scope, new).await.unwrap();
    let id = sample_of(&mut tx, &scope, json!({ "firstName": "Ada", "Last Name": "L", "shoeColour": "red" }))
        .await;
    let source = Source::Sample(id.clone());
    let found = suggest(&mut tx, &scope, "people", &source, true).await.unwrap();
    let pairs = |found: &Value| -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let mappings = found["mappings"].as_array().unwrap();
        mappings.iter().map(|item| (text(&item["source"]), text(&item["destination"]))).collect()
    };
    let expected = [("firstName", "person.name.firstName"), ("Last Name", "person.name.lastName")];
    let expected: Vec<_> = expected.map(|(from, to)| (from.to_owned(), to.to_owned())).into();
    assert_eq!(pairs(&found), expected);
    assert_eq!((found.get("id"), &found["inputSchema"]["sampleId"]), (None, &json!(id)));
    let found = suggest(&mut tx, &scope, "people", &source, false).await.unwrap();
    assert!(pairs(&found).contains(&("shoeColour".to_owned(), String::new())), "{found}");
    assert!(list(&mut tx, &scope, &Query::parse(&[]).unwrap()).await.unwrap().is_empty());
    for (dataset, source) in [
        ("none", source.clone()),
        ("people", Source::Sample("none".to_owned())),
        ("people", Source::Schema("none".to_owned())),
        ("people", Source::Batch("none".to_owned())),
    ] {
        let found = suggest(&mut tx, &scope, dataset, &source, true).await;
        assert!(matches!(found, Err(MappingError::NotFound { .. })), "{dataset} {source:?}");
    }
}
