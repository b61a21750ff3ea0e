//! Creating, changing and deleting.

use super::*;

#[tokio::test]
async fn bodies_that_are_refused() {
    let mut world = world().await;
    let (points, id) = world.loyalty().await;
    let string = json!({"type": "string"});
    let number = world.made(FieldGroups, group("Other", json!({"points": string}))).await;
    let events = json!({"title": "E", "meta:intendedToExtend": [EVENT], "properties": {}});
    let for_events = world.made(FieldGroups, events).await;
    let outside =
        |fields: Value| json!({"title": "x", "meta:intendedToExtend": [PROFILE], "properties": fields});
    let record = "https://ns.adobe.com/xdm/data/record";
    let series = "https://ns.adobe.com/xdm/data/time-series";
    for (kind, body, text) in [
        (Schemas, json!({"allOf": [{"$ref": PROFILE}]}), "title"),
        (
            Schemas,
            schema("Members", &[PROFILE]),
            &format!("An object {id} already exists with the same title"),
        ),
        (Schemas, schema("Loyalty", &[PROFILE]), "titles must be unique"),
        (Schemas, schema("x", &[]), "exactly one class"),
        (Schemas, schema("x", &[PROFILE, EVENT]), "exactly one class"),
        (Schemas, schema("x", &[&points]), "exactly one class"),
        (Schemas, schema("x", &[PROFILE, "https://ns.adobe.com/xdm/none"]), "none does not exist"),
        (Schemas, schema("x", &[PROFILE, &id]), "cannot be referred to"),
        (Schemas, schema("x", &[PROFILE, &format!("{PROFILE}__union")]), "cannot be referred to"),
        (Schemas, schema("x", &[PROFILE, record]), "cannot stand in this allOf"),
        (Schemas, schema("x", &[PROFILE, &for_events]), "is for"),
        (
            Schemas,
            schema("x", &[PROFILE, &points, &number]),
            "The path /_acme/points has already been defined",
        ),
        (
            Schemas,
            json!({"title": "x", "allOf": [{"$ref": PROFILE}], "properties": {"_acme": string}}),
            "of its own",
        ),
        (FieldGroups, json!({"title": "x", "properties": {}}), "meta:intendedToExtend"),
        (FieldGroups, outside(json!({"points": string})), "top-level field named _acme"),
        (FieldGroups, outside(json!({"_other": string})), "/_other"),
        (FieldGroups, outside(json!({"_acme": {"properties": {"x": {}}}})), "neither type nor $ref"),
        (FieldGroups, outside(json!({"_acme": {"properties": {"x": {"type": "text"}}}})), "unknown type"),
        (FieldGroups, group("x", json!({"x": {"type": "string", "meta:xdmType": "int"}})), "meta:xdmType"),
        (FieldGroups, group("x", json!({"x": {"$ref": "https://ns.adobe.com/none"}})), "does not exist"),
        (FieldGroups, group("x", json!({"ab": string, "AB": string})), "case"),
        (FieldGroups, group("x", json!({"x": {"type": "string", "pattern": "("}})), "pattern"),
        (Classes, json!({"title": "x", "allOf": []}), "exactly one behavior"),
        (Classes, schema("x", &[record, series]), "exactly one behavior"),
        (Classes, schema("x", &[record, PROFILE]), "cannot stand"),
        (DataTypes, json!({"title": "x", "properties": {"a": {"$ref": id}}}), "cannot be referred to"),
        (DataTypes, json!([1]), "JSON object"),
    ] {
        let error = world.create(kind, body.clone()).await.unwrap_err().to_string();
        assert!(error.contains(text), "{body}: {error}");
    }
}

#[tokio::test]
async fn a_field_group_inside_a_standard_object() {
    let mut world = world().await;
    let details = "https://ns.adobe.com/xdm/context/profile-person-details";
    let nick = json!({"_acme": {"type": "object", "properties": {"nick": {"type": "string"}}}});
    let fields =
        json!({"person": {"type": "object", "properties": {"name": {"type": "object", "properties": nick}}}});
    let body = json!({
        "title": "Nick", "meta:intendedToExtend": [PROFILE], "allOf": [{"properties": fields}, {"$ref": details}]
    });
    let group = world.made(FieldGroups, body).await;
    let id = world.made(Schemas, schema("People", &[PROFILE, &group])).await;
    let full = world.get(Schemas, &id, "xed-full+json;version=1").await.unwrap();
    let name = &full["properties"]["person"]["properties"]["name"]["properties"];
    assert!(name["firstName"].is_object() && name["_acme"]["properties"]["nick"].is_object(), "{name}");
}

#[tokio::test]
async fn classes_of_the_tenant() {
    let mut world = world().await;
    let class = |title: &str, behaviour: &str, name: &str| {
        json!({
            "title": title,
            "allOf": [{"$ref": format!("https://ns.adobe.com/xdm/data/{behaviour}")}, {"$ref": "#/definitions/p"}],
            "definitions": {"p": {"properties": {name: {"type": "object", "properties": {"a": {"type": "string"}}}}}},
        })
    };
    let property = world.made(Classes, class("Property", "record", "_acme")).await;
    let id = world.made(Schemas, schema("Hotels", &[&property])).await;
    let found = world.get(Schemas, &id, "xed-full+json").await.unwrap();
    assert_eq!(found["meta:class"], json!(property));
    assert!(found["properties"]["_acme"]["properties"]["a"].is_object());
    let adhoc = world.create(Classes, class("Rows", "adhoc", "_adhoc")).await.unwrap();
    let hash = adhoc["$id"].as_str().unwrap().rsplit('/').next().unwrap();
    assert_eq!(adhoc["meta:datasetNamespace"], json!(format!("_{hash}")));
    assert!(adhoc["definitions"]["p"]["properties"][format!("_{hash}")].is_object());
    refused(world.create(Classes, class("Bad", "record", "_adhoc")).await, "top-level field named _acme");
}

#[tokio::test]
async fn changes_count_versions_and_keep_what_is_unknown() {
    let mut world = world().await;
    let (_, id) = world.loyalty().await;
    let whole = world.get(Schemas, &id, "xed+json;version=1").await.unwrap();
    let mut sent = whole.clone();
    sent["title"] = json!("Renamed");
    sent["x-own"] = json!({"kept": true});
    let (_, put) = replace(&mut world.tx, &world.scope, Schemas, &id, sent).await.unwrap();
    assert_eq!((&put["$id"], &put["version"], &put["title"]), (&json!(id), &json!("1.1"), &json!("Renamed")));
    assert_eq!(put["x-own"], json!({"kept": true}));
    assert_eq!(put["meta:extends"], whole["meta:extends"]);
    assert_ne!(put["meta:registryMetadata"]["eTag"], whole["meta:registryMetadata"]["eTag"]);
    let details = "https://ns.adobe.com/xdm/context/profile-personal-details";
    let operations = json!([
        {"op": "add", "path": "/allOf", "value": {"$ref": details}},
        {"op": "add", "path": "/meta:extends/-", "value": details},
        {"op": "replace", "path": "description", "value": "d"},
    ]);
    refused(world.patch(Schemas, &id, operations.clone()).await, "nothing at /description");
    let operations =
        json!([operations[0], operations[1], {"op": "add", "path": "/description", "value": "d"}]);
    let patched = world.patch(Schemas, &id, operations).await.unwrap();
    assert_eq!((&patched["version"], &patched["description"]), (&json!("1.2"), &json!("d")));
    let extends = patched["meta:extends"].as_array().unwrap();
    assert_eq!(extends.iter().filter(|part| **part == details).count(), 1);
    assert_eq!(version(&mut world.tx, &world.scope, &id).await.unwrap(), "1.2");
    refused(world.patch(Schemas, PROFILE, json!([])).await, "is not found");
    refused(world.patch(Classes, PROFILE, json!([])).await, "cannot be written");
    let taken = json!({"op": "replace", "path": "/title", "value": "Loyalty"});
    refused(world.patch(Schemas, &id, taken).await, "unique");
}

#[tokio::test]
async fn a_schema_in_use_only_grows() {
    let mut world = world().await;
    let (group, id) = world.loyalty().await;
    let points = "/definitions/customFields/properties/_acme/properties/points";
    let retype = |kind: &str| json!([{"op": "replace", "path": points, "value": {"type": kind}}]);
    // Nobody has it yet.
    world.patch(FieldGroups, &group, retype("string")).await.unwrap();
    let dataset = crate::resource::New {
        kind: Kind::DataSets,
        id: "d".to_owned(),
        name: "d".to_owned(),
        state: String::new(),
        doc: serde_json::Map::new(),
        uses: vec![(Kind::Schemas, id.clone())],
    };
    resource::insert(&mut world.tx, &world.scope, dataset).await.unwrap();
    refused(world.patch(FieldGroups, &group, retype("integer")).await, "/_acme/points: type cannot change");
    refused(
        world.patch(FieldGroups, &group, json!({"op": "remove", "path": points})).await,
        "cannot be removed",
    );
    let more = json!({"op": "add", "path": points.replace("points", "more"), "value": {"type": "string"}});
    assert_eq!(world.patch(FieldGroups, &group, more).await.unwrap()["version"], "1.2");
    refused(
        world.patch(Schemas, &id, json!({"op": "remove", "path": "/allOf/1"})).await,
        "cannot be removed",
    );
    refused(delete(&mut world.tx, &world.scope, Schemas, &id).await, "in use by d");
}

#[tokio::test]
async fn a_part_must_fit_every_schema_that_has_it() {
    let mut world = world().await;
    let (group, id) = world.loyalty().await;
    let other = world.made(FieldGroups, super::group("Other", json!({"level": {"type": "string"}}))).await;
    let append = json!({"op": "add", "path": "/allOf/-", "value": {"$ref": other}});
    world.patch(Schemas, &id, append).await.unwrap();
    let level = "/definitions/customFields/properties/_acme/properties/level";
    let clash = json!({"op": "add", "path": level, "value": {"type": "integer"}});
    let error = world.patch(FieldGroups, &group, clash).await.unwrap_err();
    assert!(matches!(error, RegistryError::Incompatible(_)), "{error}");
}

#[tokio::test]
async fn what_is_used_is_not_deleted() {
    let mut world = world().await;
    let (group, id) = world.loyalty().await;
    refused(delete(&mut world.tx, &world.scope, FieldGroups, &group).await, &id);
    delete(&mut world.tx, &world.scope, Schemas, &id).await.unwrap();
    refused(world.get(Schemas, &id, "xed+json").await, "is not found");
    delete(&mut world.tx, &world.scope, FieldGroups, &group).await.unwrap();
    refused(delete(&mut world.tx, &world.scope, FieldGroups, &group).await, "is not found");
    refused(delete(&mut world.tx, &world.scope, Classes, PROFILE).await, "cannot be written");
    // The title is free again.
    world.loyalty().await;
}

#[tokio::test]
async fn unions() {
    let mut world = world().await;
    let (_, id) = world.loyalty().await;
    let tag = json!({"op": "add", "path": "/meta:immutableTags", "value": ["union"]});
    refused(world.patch(Schemas, &id, tag.clone()).await, "identityMap");
    let identities = json!({"op": "add", "path": "/allOf/-",
                            "value": {"$ref": "https://ns.adobe.com/xdm/context/identitymap"}});
    let tagged = world.patch(Schemas, &id, json!([identities, tag])).await.unwrap();
    assert_eq!(tagged["meta:immutableTags"], json!(["union"]));
    world.patch(Schemas, &id, json!([tag])).await.unwrap();
    refused(
        world.patch(Schemas, &id, json!({"op": "remove", "path": "/meta:immutableTags"})).await,
        "tag union",
    );
    refused(delete(&mut world.tx, &world.scope, Schemas, &id).await, "union");
    let clash = world.made(FieldGroups, super::group("Clash", json!({"points": {"type": "string"}}))).await;
    let mut second = schema("Second", &[PROFILE, &clash]);
    assert!(world.create(Schemas, second.clone()).await.is_ok());
    second["title"] = json!("Third");
    second["meta:immutableTags"] = json!(["union"]);
    refused(world.create(Schemas, second).await, "/_acme/points has already been defined");
}

#[tokio::test]
async fn parts_that_multiply_are_refused() {
    let mut world = world().await;
    let mut definitions = serde_json::Map::new();
    for level in 0..20 {
        let next = json!({"$ref": format!("#/definitions/d{}", level + 1)});
        definitions.insert(format!("d{level}"), json!({"allOf": vec![next; 20]}));
    }
    definitions.insert("d20".to_owned(), json!({"properties": {"a": {"type": "string"}}}));
    let body = json!({"title": "x", "definitions": definitions, "allOf": [{"$ref": "#/definitions/d0"}]});
    refused(world.create(DataTypes, body).await, "more than");
}

#[tokio::test]
async fn a_schema_can_take_some_fields_of_a_field_group() {
    let mut world = world().await;
    let details = "https://ns.adobe.com/xdm/context/profile-person-details";
    let points = json!({"points": {"type": "integer"}, "level": {"type": "string"}});
    let group = world.made(FieldGroups, group("Loyalty", points)).await;
    let mut body = schema("People", &[PROFILE, details, &group]);
    body["allOf"][1]["meta:refProperty"] = json!(["/xdm:person/xdm:name/xdm:firstName"]);
    body["allOf"][2]["meta:refProperty"] = json!(["/_acme/points"]);
    let id = world.made(Schemas, body.clone()).await;
    let raw = world.get(Schemas, &id, "xed+json;version=1").await.unwrap();
    assert_eq!(raw["allOf"][2]["meta:refProperty"], json!(["/_acme/points"]));
    let full = world.get(Schemas, &id, "xed-full+json;version=1").await.unwrap();
    let names = |pointer: &str| {
        full.pointer(pointer).unwrap().as_object().unwrap().keys().map(String::as_str).collect::<Vec<_>>()
    };
    assert_eq!(names("/properties/_acme/properties"), ["points"]);
    assert_eq!(names("/properties/person/properties/name/properties"), ["firstName"]);
    assert_eq!(names("/properties/person/properties"), ["name"]);
    for wrong in [json!("/_acme/points"), json!([7]), json!(["/_acme/none"])] {
        body["title"] = json!("Other");
        body["allOf"][2]["meta:refProperty"] = wrong;
        refused(world.create(Schemas, body.clone()).await, "meta:refProperty");
    }
}
