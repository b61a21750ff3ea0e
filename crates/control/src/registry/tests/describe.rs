//! Descriptors and what they do to a schema.

use super::*;

fn identity(schema: &str, path: &str, primary: bool) -> Value {
    json!({
        "@type": "xdm:descriptorIdentity", "xdm:sourceSchema": schema, "xdm:sourceProperty": path,
        "xdm:namespace": "CRMID", "xdm:property": "xdm:code", "xdm:isPrimary": primary,
    })
}

impl World {
    async fn describe(&mut self, body: Value) -> Result<Value, RegistryError> {
        descriptors::create(&mut self.tx, &self.scope, body).await
    }

    async fn members(&mut self) -> String {
        let fields = json!({"crmId": {"type": "string"}, "points": {"type": "integer"},
                            "emails": {"type": "array", "items": {"type": "object", "properties":
                                {"address": {"type": "string"}}}}});
        let group = self.made(FieldGroups, group("Ids", fields)).await;
        self.made(Schemas, schema("Members", &[PROFILE, &group])).await
    }
}

#[tokio::test]
async fn a_primary_identity_is_required() {
    let mut world = world().await;
    let id = world.members().await;
    let before = compiled(&mut world.tx, &world.scope, &id).await.unwrap();
    assert!(before.root().required.is_empty());
    let made = world.describe(identity(&id, "/_acme/crmId", true)).await.unwrap();
    let descriptor = made["@id"].as_str().unwrap().to_owned();
    assert_eq!(descriptor.len(), 48);
    for (name, expected) in [
        ("xdm:sourceVersion", json!(1)),
        ("meta:containerId", json!("tenant")),
        ("version", json!("1")),
        ("createdClient", json!("client")),
        ("created", json!(testing::NOW.0)),
    ] {
        assert_eq!(made[name], expected, "{name}");
    }
    let after = compiled(&mut world.tx, &world.scope, &id).await.unwrap();
    assert_eq!(after.root().required_names(), ["_acme"]);
    refused(world.describe(identity(&id, "/_id", true)).await, "primary identity already");
    world.describe(identity(&id, "/_acme/emails/*/address", false)).await.unwrap();
    // The field of a primary identity stays.
    let removed = world.patch(Schemas, &id, json!({"op": "remove", "path": "/allOf/1"})).await;
    refused(removed, "/_acme/crmId names no field");
    let body = identity(&id, "/_id", true);
    descriptors::replace(&mut world.tx, &world.scope, &descriptor, body).await.unwrap();
    let after = compiled(&mut world.tx, &world.scope, &id).await.unwrap();
    assert_eq!(after.root().required_names(), ["_id"]);
    descriptors::delete(&mut world.tx, &world.scope, &descriptor).await.unwrap();
    refused(
        descriptors::get(&mut world.tx, &world.scope, &descriptor).await,
        "requested descriptor resource",
    );
    let after = compiled(&mut world.tx, &world.scope, &id).await.unwrap();
    assert!(after.root().required.is_empty());
}

#[tokio::test]
async fn descriptors_that_are_refused() {
    let mut world = world().await;
    let id = world.members().await;
    let but = |name: &str, value: Value| {
        let mut body = identity(&id, "/_acme/crmId", false);
        body[name] = value;
        body
    };
    for (body, text) in [
        (json!("x"), "JSON object"),
        (json!({"@type": "t"}), "xdm:sourceSchema"),
        (but("@type", json!(null)), "@type"),
        (but("xdm:sourceSchema", json!("https://ns.adobe.com/acme/schemas/none")), "does not exist"),
        (but("xdm:destinationSchema", json!("https://ns.adobe.com/none")), "xdm:destinationSchema"),
        (but("xdm:sourceProperty", json!("_acme/crmId")), "starts with /"),
        (but("xdm:sourceProperty", json!("/_acme/crmId/")), "starts with /"),
        (but("xdm:sourceProperty", json!(7)), "starts with /"),
        (but("xdm:sourceProperty", json!(["/_acme/crmId", "/_id"])), "needs one"),
        (but("xdm:sourceProperty", json!("/_acme/none")), "names no field"),
        (but("xdm:sourceProperty", json!("/_acme/points")), "is of type int"),
        (but("xdm:namespace", json!("")), "needs xdm:namespace"),
        (but("xdm:namespace", json!("Unheard")), "no identity namespace Unheard"),
        (but("xdm:namespace", json!(99)), "no identity namespace 99"),
        (but("xdm:sourceVersion", json!(2)), "only version 1"),
        (but("xdm:property", json!("code")), "xdm:code or xdm:id"),
        (but("xdm:isPrimary", json!("true")), "xdm:isPrimary"),
        (identity(&id, "/_acme/emails/*/address", true), "names no field"),
    ] {
        let error = world.describe(body.clone()).await.unwrap_err().to_string();
        assert!(error.contains(text), "{body}: {error}");
    }
}

#[tokio::test]
async fn descriptors_in_a_resource_and_gone_with_it() {
    let mut world = world().await;
    let id = world.members().await;
    let other = world.made(Schemas, schema("Other", &[PROFILE])).await;
    let deprecated = json!({
        "@type": "xdm:descriptorDeprecated", "xdm:sourceSchema": id,
        "xdm:sourceProperty": ["/_acme/points", "/_acme/emails/*/address"],
    });
    world.describe(deprecated).await.unwrap();
    let full = world.get(Schemas, &id, "xed-full-desc+json;version=1").await.unwrap();
    assert_eq!(full["meta:descriptors"][0]["@type"], "xdm:descriptorDeprecated");
    let marked = world.get(Schemas, &id, "xed-deprecatefield+json;version=1").await.unwrap();
    let fields = &marked["properties"]["_acme"]["properties"];
    assert_eq!(fields["points"]["meta:status"], "deprecated");
    assert_eq!(fields["emails"]["items"]["properties"]["address"]["meta:status"], "deprecated");
    assert!(fields["crmId"].get("meta:status").is_none());
    let relation = json!({
        "@type": "xdm:descriptorOneToOne", "xdm:sourceSchema": other, "xdm:sourceProperty": "/_id",
        "xdm:destinationSchema": id,
    });
    let relation = world.describe(relation).await.unwrap();
    let relation = relation["@id"].as_str().unwrap();
    refused(delete(&mut world.tx, &world.scope, Schemas, &id).await, relation);
    descriptors::delete(&mut world.tx, &world.scope, relation).await.unwrap();
    delete(&mut world.tx, &world.scope, Schemas, &id).await.unwrap();
    let left = descriptors::list(&mut world.tx, &world.scope, Container::Tenant, &Query::default(), None)
        .await
        .unwrap();
    assert_eq!(left["results"], json!([]));
}

#[tokio::test]
async fn forms_of_the_list() {
    let mut world = world().await;
    let id = world.members().await;
    let first = world.describe(identity(&id, "/_acme/crmId", true)).await.unwrap()["@id"].clone();
    let note =
        json!({"@type": "xdm:alternateDisplayInfo", "xdm:sourceSchema": id, "xdm:sourceProperty": "/_id"});
    let second = world.describe(note).await.unwrap()["@id"].clone();
    let identity = "xdm:descriptorIdentity";
    let query = |property: &str| Query::parse(&[("property".to_owned(), property.to_owned())]).unwrap();
    let is_identity = query(&format!("@type=={identity},xdm:sourceSchema=={id}"));
    let mut list = async |query: &Query, name: &str| {
        let form = form(name);
        descriptors::list(&mut world.tx, &world.scope, Container::Tenant, query, Some(&form)).await.unwrap()
    };
    let all = Query::default();
    let ids = json!({identity: [first], "xdm:alternateDisplayInfo": [second]});
    assert_eq!(list(&all, "xdm-id+json").await, ids);
    assert_eq!(list(&all, "xed-id+json").await, ids);
    let link = format!("/tenant/descriptors/{}", first.as_str().unwrap());
    assert_eq!(list(&is_identity, "xdm-link+json").await, json!({identity: [link]}));
    let groups = list(&is_identity, "xdm+json").await;
    assert_eq!(groups[identity][0]["xdm:namespace"], "CRMID");
    let paged = list(&is_identity, "xdm-v2+json").await;
    assert_eq!(paged["results"][0]["@id"], first);
    assert_eq!(paged["_page"], json!({"orderby": "updated", "next": null, "count": 1}));
    assert_eq!(list(&is_identity, "xdm-v2-id+json").await["results"], json!([first]));
}

#[tokio::test]
async fn each_type_has_its_rules() {
    let mut world = world().await;
    let id = world.members().await;
    let events = world.made(Schemas, schema("Visits", &[EVENT])).await;
    let cases = [
        ("alternateDisplayInfo", "/_acme", json!({"xdm:title": {"en_us": "Own"}}), ""),
        ("alternateDisplayInfo", "/_acme/none", json!({}), "names no field"),
        ("alternateDisplayInfo", "/_acme", json!({"xdm:title": "Own"}), "for each locale"),
        ("alternateDisplayInfo", "/_acme", json!({"xdm:note": {"en_us": 1}}), "for each locale"),
        ("alternateDisplayInfo", "/_acme", json!({"meta:enum": []}), "meta:enum"),
        ("descriptorOneToOne", "/_acme/crmId", json!({}), "needs xdm:destinationSchema"),
        ("descriptorOneToOne", "/_acme.crmId", json!({"xdm:destinationSchema": events}), ""),
        (
            "descriptorOneToOne",
            "/_id",
            json!({"xdm:destinationSchema": events, "xdm:destinationProperty": "/none"}),
            "/none names no field",
        ),
        (
            "descriptorRelationship",
            "/xdm:_acme/crmId",
            json!({"xdm:destinationSchema": events, "xdm:destinationProperty": "/@id",
                   "xdm:destinationNamespace": "ecid", "xdm:cardinality": "M:1"}),
            "",
        ),
        (
            "descriptorRelationship",
            "/_id",
            json!({"xdm:destinationSchema": events, "xdm:cardinality": "2:1"}),
            "xdm:cardinality",
        ),
        (
            "descriptorRelationship",
            "/_id",
            json!({"xdm:destinationSchema": events, "xdm:destinationNamespace": "none"}),
            "no identity namespace none",
        ),
        ("descriptorReferenceIdentity", "/_acme/crmId", json!({"xdm:identityNamespace": "Email"}), ""),
        ("descriptorReferenceIdentity", "/_acme/crmId", json!({}), "needs xdm:identityNamespace"),
        ("descriptorDeprecated", "/_acme/emails/*/address", json!({}), ""),
        ("descriptorDeprecated", "/_acme/emails/none", json!({}), "names no field"),
        ("descriptorTimeSeriesGranularity", "", json!({"xdm:granularity": "day"}), ""),
        ("descriptorTimeSeriesGranularity", "", json!({}), "needs xdm:granularity"),
        ("descriptorTimeSeriesGranularity", "", json!({"xdm:granularity": "week"}), "hour, day"),
        ("descriptorTimeSeriesGranularity", "/_id", json!({"xdm:granularity": "day"}), "has no"),
        ("descriptorLabel", "/_acme/crmId", json!({"xdm:labels": ["C1"]}), ""),
        ("descriptorLabel", "/_acme/crmId", json!({"xdm:label": "C1"}), "list of texts"),
        ("descriptorVersion", "/_acme/crmId", json!({}), "must be required"),
        ("descriptorPrimaryKey", "/_acme/crmId", json!({}), ""),
        ("descriptorPrimaryKey", "/_id", json!({}), "primary key already"),
        ("descriptorManyToOne", "/anything", json!({"xdm:own": [1]}), ""),
    ];
    for (kind, path, more, expected) in cases {
        let mut body = json!({"@type": format!("xdm:{kind}"), "xdm:sourceSchema": id});
        if !path.is_empty() {
            body["xdm:sourceProperty"] = json!(path);
        }
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        match world.describe(body.clone()).await {
            Ok(_) => assert_eq!(expected, "", "{body}"),
            Err(error) => {
                assert!(!expected.is_empty() && error.to_string().contains(expected), "{body}: {error}");
            }
        }
    }
    let of_events = |kind: &str, path: Value| json!({"@type": kind, "xdm:sourceSchema": events, "xdm:sourceProperty": path});
    world.describe(of_events("xdm:descriptorTimestamp", json!("/timestamp"))).await.unwrap();
    refused(world.describe(of_events("xdm:descriptorTimestamp", json!("/_id"))).await, "date-time");
    let key = "xdm:descriptorPrimaryKey";
    refused(world.describe(of_events(key, json!(["/_id"]))).await, "its timestamp");
    world.describe(of_events(key, json!(["/_id", "/timestamp"]))).await.unwrap();
}

#[tokio::test]
async fn what_is_standard_can_be_described_too() {
    let mut world = world().await;
    let body = json!({
        "@type": "xdm:alternateDisplayInfo", "xdm:sourceSchema": PROFILE, "xdm:sourceProperty": "/personID",
        "xdm:title": {"en_us": "Person"},
    });
    world.describe(body).await.unwrap();
    let full = world.get(Classes, PROFILE, "xed-full-desc+json;version=1").await.unwrap();
    assert_eq!(full["meta:descriptors"][0]["xdm:sourceSchema"], json!(PROFILE));
    let query = Query::default();
    let global =
        descriptors::list(&mut world.tx, &world.scope, Container::Global, &query, None).await.unwrap();
    assert_eq!(global["results"], json!([]));
}

#[tokio::test]
async fn the_primary_identity_of_profiles_stays() {
    let mut world = world().await;
    let id = world.members().await;
    let made = world.describe(identity(&id, "/_acme/crmId", true)).await.unwrap();
    let descriptor = made["@id"].as_str().unwrap().to_owned();
    let tag = json!({"op": "add", "path": "/meta:immutableTags", "value": ["union"]});
    world.patch(Schemas, &id, tag).await.unwrap();
    let dataset = resource::New {
        kind: Kind::DataSets,
        id: "d".to_owned(),
        name: "d".to_owned(),
        state: String::new(),
        doc: serde_json::Map::new(),
        uses: vec![(Kind::Schemas, id.clone())],
    };
    resource::insert(&mut world.tx, &world.scope, dataset).await.unwrap();
    let other = identity(&id, "/_id", true);
    descriptors::replace(&mut world.tx, &world.scope, &descriptor, other.clone()).await.unwrap();
    let sql = "INSERT INTO batch (id, sandbox, dataset, dataset_id, status, partition, first_offset, next_offset, read,
                 written, failed, input_bytes, output_bytes, started_ms, completed_ms, doc)
               VALUES ('b', $1, 1, 'd', 'success', 0, 0, 1, 1, 1, 0, 1, 1, 0, 0, '{}')";
    world.tx.execute(sql, store::values![world.scope.sandbox]).await.unwrap();
    let back = identity(&id, "/_acme/crmId", true);
    let changed = descriptors::replace(&mut world.tx, &world.scope, &descriptor, back).await;
    refused(changed, "its primary identity stays");
    refused(descriptors::delete(&mut world.tx, &world.scope, &descriptor).await, "stays");
    descriptors::replace(&mut world.tx, &world.scope, &descriptor, other).await.unwrap();
}
