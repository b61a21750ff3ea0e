//! What is imported into the global container: there for every tenant, stored once, never against a schema in use.

use xdm::library::{Resource, standard};

use super::*;

const NEW: &str = "https://ns.adobe.com/xdm/mixins/weather-details";

fn entry(kind: &str, doc: Value) -> Value {
    json!({ "kind": kind, "doc": doc })
}

fn weather(kind: &str) -> Value {
    entry(
        "fieldgroups",
        json!({ "$id": NEW, "title": "Weather Details", "type": "object", "version": "1", "meta:intendedToExtend": [PROFILE],
            "definitions": {"w": {"properties": {"temperature": {"type": kind, "title": "T", "meta:xdmField": "xdm:temperature"}}}},
            "allOf": [{"$ref": "#/definitions/w"}] }),
    )
}

impl World {
    async fn import_public(&mut self, resources: &[Value]) -> Result<global::Imported, RegistryError> {
        let known = global::library(&mut self.tx).await?;
        let checked = global::check(&known, resources)?;
        assert_eq!(checked.refused, Vec::<(String, String)>::new());
        global::import(&mut self.tx, std::slice::from_ref(&self.scope), checked).await
    }
}

#[tokio::test]
async fn imported_resources_are_as_good_as_built_in_ones() {
    let mut world = world().await;
    let built_in = standard().len();
    let first = world.import_public(&[weather("number")]).await.unwrap();
    assert_eq!((first.added, first.changed, first.unchanged, first.total), (1, 0, 0, built_in + 1));
    let again = world.import_public(&[weather("number")]).await.unwrap();
    assert_eq!((again.added, again.changed, again.unchanged), (0, 0, 1));
    for id in [NEW, "_xdm.mixins.weather-details"] {
        let found = world.get(FieldGroups, id, "xed-full+json; version=1").await.unwrap();
        assert_eq!(found["properties"]["temperature"]["meta:xdmType"], "number");
        assert_eq!(found["meta:containerId"], "global");
    }
    let query = || Query::parse(&[("property".into(), format!("$id=={NEW}"))]).unwrap();
    let listed =
        list(&mut world.tx, &world.scope, Container::Global, FieldGroups, query(), None).await.unwrap();
    assert_eq!(listed.results[0]["title"], "Weather Details");
    let own = list(&mut world.tx, &world.scope, Container::Tenant, FieldGroups, query(), None).await.unwrap();
    assert!(own.results.is_empty());
    let schema = world.made(Schemas, schema("With weather", &[PROFILE, NEW])).await;
    let compiled = compiled(&mut world.tx, &world.scope, &schema).await.unwrap();
    assert!(compiled.root().get("temperature").is_some());
    let error = world
        .patch(FieldGroups, NEW, json!([{"op": "add", "path": "/title", "value": "x"}]))
        .await
        .unwrap_err();
    assert!(matches!(error, RegistryError::ReadOnly), "{error}");
}

#[tokio::test]
async fn an_import_does_not_break_what_is_in_use() {
    let mut world = world().await;
    world.import_public(&[weather("number")]).await.unwrap();
    let mut body = schema("With weather", &[PROFILE, NEW]);
    let id = world.made(Schemas, body.clone()).await;
    // Nothing holds data yet: the type may change.
    assert_eq!(world.import_public(&[weather("string")]).await.unwrap().changed, 1);
    body["meta:immutableTags"] = json!(["union"]);
    body["title"] = json!("In a union");
    world.made(Schemas, body).await;
    let error = world.import_public(&[weather("number")]).await.unwrap_err();
    assert!(matches!(&error, RegistryError::Breaking { path, .. } if path == "/temperature"), "{error}");
    let kept = world.get(Schemas, &id, "xed-full+json; version=1").await.unwrap();
    assert_eq!(kept["properties"]["temperature"]["type"], "string");
}

#[tokio::test]
async fn what_does_not_compose_is_refused_alone() {
    let known = standard();
    let group = |id: &str, target: &str| {
        entry(
            "fieldgroups",
            json!({ "$id": format!("https://x/{id}"), "title": id, "allOf": [{"$ref": target}] }),
        )
    };
    let typeless = json!({ "$id": "https://x/typeless", "properties": {"a": {"title": "no type"}} });
    let good = group("good", "https://x/other");
    let resources = [
        good,
        group("other", "https://ns.adobe.com/xdm/common/auditable"),
        group("bad", "https://nowhere"),
        group("on-bad", "https://x/bad"),
        entry("datatypes", typeless),
        group("good", "https://x/other"),
        entry("datatypes", json!({ "title": "no id" })),
        entry("planets", json!({ "$id": "https://x/planet" })),
        json!(7),
    ];
    let checked = global::check(known, &resources).unwrap();
    let refused: Vec<&str> = checked.refused.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(
        refused,
        [
            "https://x/typeless",
            "https://x/good",
            "",
            "https://x/planet",
            "",
            "https://x/bad",
            "https://x/on-bad"
        ]
    );
    assert_eq!(
        checked.resources.iter().map(|found: &Resource| found.alt_id.as_str()).collect::<Vec<_>>(),
        ["_x.good", "_x.other"]
    );
    for (_, reason) in &checked.refused {
        assert!(!reason.is_empty());
    }
}

#[tokio::test]
async fn schemas_are_resolved_wherever_they_lie() {
    let mut world = world().await;
    let (group, schema) = world.loyalty().await;
    let scopes = [world.scope.clone()];
    for (id, has) in [
        (PROFILE, "_id"),
        (schema.as_str(), "_acme"),
        (group.as_str(), "_acme"),
        ("_xdm.context.profile", "_id"),
    ] {
        let (resolved, _) = global::resolved(&mut world.tx, &scopes, id).await.unwrap();
        assert!(resolved["properties"].get(has).is_some(), "{id}");
    }
    let doc = json!({ "allOf": [{"$ref": PROFILE}, {"$ref": group}] });
    let resolved = global::resolved_doc(&mut world.tx, &scopes, &doc).await.unwrap();
    assert!(resolved["properties"]["_acme"]["properties"].get("points").is_some());
    let error = global::resolved(&mut world.tx, &scopes, "https://nowhere").await.unwrap_err();
    assert!(matches!(error, RegistryError::NotFound { .. }));
    assert!(
        global::resolved_doc(&mut world.tx, &scopes, &json!({"allOf": [{"$ref": "https://nowhere"}]}))
            .await
            .is_err()
    );
}
