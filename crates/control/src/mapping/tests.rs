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
            .unwrap();
    assert_eq!(found[0]["status"], "FAILED");
    assert_eq!(found[0]["errors"][0]["destination"], "person.nothing");
    assert_eq!(
        validate(&mut tx, &scope, newer()).await.unwrap(),
        vec![json!({ "status": "SUCCESS", "errors": null }); 2]
    );
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
    let shown = preview(&mut tx, &scope, &data, newer()).await.unwrap();
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
