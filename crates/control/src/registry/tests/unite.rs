//! Unions: who is in one, what it holds, and what it forbids.

use super::*;

const IDENTITY_MAP: &str = "https://ns.adobe.com/xdm/context/identitymap";

fn tagged(title: &str, parts: &[&str]) -> Value {
    let mut body = schema(title, parts);
    body["meta:immutableTags"] = json!(["union"]);
    body
}

impl World {
    async fn union(&mut self, id: &str, accept: &str) -> Result<Value, RegistryError> {
        let form = form(accept);
        unions::get(&mut self.tx, &self.scope, Container::Tenant, id, Some(&form)).await
    }

    async fn unions(&mut self, accept: &str) -> Listed {
        let form = form(accept);
        let query = Query::default();
        unions::list(&mut self.tx, &self.scope, Container::Tenant, &query, Some(&form)).await.unwrap()
    }
}

#[tokio::test]
async fn a_union_holds_what_its_schemas_hold() {
    let mut world = world().await;
    let (loyalty, _) = world.loyalty().await;
    assert!(world.unions("xed-id+json").await.results.is_empty());
    let id = format!("{PROFILE}__union");
    refused(world.union(&id, "xed+json;version=1").await, "requested union resource");
    let other = world.made(FieldGroups, group("Other", json!({"level": {"type": "string"}}))).await;
    world.made(Schemas, tagged("A", &[&loyalty, PROFILE])).await;
    world.made(Schemas, tagged("B", &[PROFILE, &loyalty, &other])).await;
    world.made(Schemas, tagged("C", &[EVENT])).await;
    let short = world.unions("xed-id+json").await;
    let titles: Vec<&Value> = short.results.iter().map(|union| &union["title"]).collect();
    assert_eq!(titles, ["Union object for XDM ExperienceEvent", "Union object for XDM Individual Profile"]);
    let expected = json!({
        "$id": id, "meta:altId": "_xdm.context.profile__union", "version": "1",
        "title": "Union object for XDM Individual Profile",
    });
    assert_eq!(short.results[1], expected);
    let raw = world.union("_xdm.context.profile__union", "xed+json; version=1").await.unwrap();
    let members: Vec<&Value> =
        raw["allOf"].as_array().unwrap().iter().map(|member| &member["$ref"]).collect();
    assert_eq!(members, [PROFILE, &loyalty, &other]);
    for (name, expected) in [
        ("version", json!("1.0")),
        ("meta:resourceType", json!("unions")),
        ("meta:class", json!(PROFILE)),
        ("meta:containerId", json!("tenant")),
        ("meta:registryMetadata", json!({})),
    ] {
        assert_eq!(raw[name], expected, "{name}");
    }
    assert!(raw["meta:extends"].as_array().unwrap().contains(&json!(other)));
    let full = world.union(&id, "xed-full+json;version=1").await.unwrap();
    let fields = &full["properties"];
    for path in ["/_acme/properties/points", "/_acme/properties/level", "/identityMap", "/segmentMembership"]
    {
        assert!(fields.pointer(path).is_some(), "{path}");
    }
    assert_eq!(fields["timeSeriesEvents"]["type"], "array");
    let events = world.union(&format!("{EVENT}__union"), "xed-full+json;version=1").await.unwrap();
    assert!(events["properties"].get("segmentMembership").is_none());
    let standard = world.union(&id, "xdm-full+json;version=1").await.unwrap();
    assert!(standard["properties"].get("xdm:identityMap").is_some());
    refused(world.union(&id, "xed+json;version=2").await, "with version 2");
    // The same union among the schemas, and as what a dataset is of.
    assert_eq!(world.get(Schemas, &id, "xed-full+json;version=1").await.unwrap(), full);
    let compiled = compiled(&mut world.tx, &world.scope, &id).await.unwrap();
    assert_eq!(compiled.behavior(), xdm::Behavior::Record);
    refused(world.patch(Schemas, &id, json!([])).await, "cannot be written");
    refused(delete(&mut world.tx, &world.scope, Schemas, &id).await, "cannot be written");
    let global = unions::get(&mut world.tx, &world.scope, Container::Global, &id, None).await;
    refused(global, "is not found");
}

#[tokio::test]
async fn a_change_must_fit_the_other_schemas_of_the_union() {
    let mut world = world().await;
    let (loyalty, _) = world.loyalty().await;
    let other = world.made(FieldGroups, group("Other", json!({"level": {"type": "string"}}))).await;
    world.made(Schemas, tagged("A", &[PROFILE, &loyalty])).await;
    world.made(Schemas, tagged("B", &[PROFILE, &other])).await;
    let add = |kind: &str| {
        let path = "/definitions/customFields/properties/_acme/properties/points";
        json!({"op": "add", "path": path, "value": {"type": kind}})
    };
    let error = world.patch(FieldGroups, &other, add("string")).await.unwrap_err();
    assert!(matches!(error, RegistryError::Incompatible(_)), "{error}");
    world.patch(FieldGroups, &other, add("integer")).await.unwrap();
}

#[tokio::test]
async fn relationships_need_reference_identities() {
    let mut world = world().await;
    let group = group("Ids", json!({"hotel": {"type": "string"}}));
    let group = world.made(FieldGroups, group).await;
    let id = world.made(Schemas, schema("Guests", &[PROFILE, &group, IDENTITY_MAP])).await;
    let hotels = world.made(Schemas, schema("Hotels", &[PROFILE])).await;
    let describe = |kind: &str, more: Value| {
        let mut body = json!({
            "@type": kind, "xdm:sourceSchema": id, "xdm:sourceVersion": 1, "xdm:sourceProperty": "/_acme/hotel",
        });
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        body
    };
    let relationship = describe("xdm:descriptorOneToOne", json!({"xdm:destinationSchema": hotels}));
    let reference = describe("xdm:descriptorReferenceIdentity", json!({"xdm:identityNamespace": "ECID"}));
    let tag = json!({"op": "add", "path": "/meta:immutableTags", "value": ["union"]});
    let made = descriptors::create(&mut world.tx, &world.scope, relationship.clone()).await.unwrap();
    let error = world.patch(Schemas, &id, tag.clone()).await.unwrap_err();
    assert!(matches!(error, RegistryError::ReferenceMissing { .. }), "{error}");
    descriptors::create(&mut world.tx, &world.scope, reference).await.unwrap();
    let made = made["@id"].as_str().unwrap();
    descriptors::delete(&mut world.tx, &world.scope, made).await.unwrap();
    let error = world.patch(Schemas, &id, tag.clone()).await.unwrap_err();
    assert!(matches!(error, RegistryError::RelationshipMissing { .. }), "{error}");
    descriptors::create(&mut world.tx, &world.scope, relationship).await.unwrap();
    world.patch(Schemas, &id, tag).await.unwrap();
}
