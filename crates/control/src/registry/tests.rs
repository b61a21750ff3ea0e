//! The registry's operations against an empty store.

use serde_json::{Value, json};
use store::{Store, Tx};
use xdm::library::ResourceKind::{self, Classes, DataTypes, FieldGroups, Schemas};

use super::*;
use crate::testing;

mod change;
mod describe;
mod imports;
mod lists;
mod rpc;
mod unite;

const PROFILE: &str = "https://ns.adobe.com/xdm/context/profile";
const EVENT: &str = "https://ns.adobe.com/xdm/context/experienceevent";

/// A transaction in a sandbox of the tenant `acme`.
struct World {
    tx: Tx,
    scope: Scope,
    _store: (Store, tempfile::TempDir),
}

async fn world() -> World {
    let store = testing::store().await;
    let mut tx = store.0.write().await.unwrap();
    let scope = testing::scope(&mut tx, "acme").await;
    World { tx, scope, _store: store }
}

impl World {
    async fn create(&mut self, kind: ResourceKind, body: Value) -> Result<Value, RegistryError> {
        create(&mut self.tx, &self.scope, kind, body).await.map(|(_, shown)| shown)
    }

    /// The id of a new resource.
    async fn made(&mut self, kind: ResourceKind, body: Value) -> String {
        self.create(kind, body).await.unwrap()["$id"].as_str().unwrap().to_owned()
    }

    async fn patch(
        &mut self,
        kind: ResourceKind,
        id: &str,
        operations: Value,
    ) -> Result<Value, RegistryError> {
        patch(&mut self.tx, &self.scope, kind, id, &operations).await.map(|(_, shown)| shown)
    }

    async fn get(&mut self, kind: ResourceKind, id: &str, accept: &str) -> Result<Value, RegistryError> {
        let form = form(accept);
        get(&mut self.tx, &self.scope, Container::Tenant, kind, id, Some(&form)).await
    }

    /// A field group for profiles with one field of the tenant's, and a schema that has it.
    async fn loyalty(&mut self) -> (String, String) {
        let group = self.made(FieldGroups, group("Loyalty", json!({"points": {"type": "integer"}}))).await;
        let schema = self.made(Schemas, schema("Members", &[PROFILE, &group])).await;
        (group, schema)
    }
}

fn form(name: &str) -> Form {
    Form::parse(Some(&format!("application/vnd.adobe.{name}"))).unwrap().unwrap()
}

fn group(title: &str, fields: Value) -> Value {
    json!({
        "title": title,
        "meta:intendedToExtend": [PROFILE],
        "definitions": {"customFields": {"properties": {"_acme": {"type": "object", "properties": fields}}}},
        "allOf": [{"$ref": "#/definitions/customFields"}],
    })
}

fn schema(title: &str, parts: &[&str]) -> Value {
    json!({ "title": title, "allOf": parts.iter().map(|part| json!({ "$ref": part })).collect::<Vec<_>>() })
}

#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, RegistryError>, text: &str) {
    let error = result.unwrap_err();
    assert!(error.to_string().contains(text), "{error}");
}

#[tokio::test]
async fn what_the_server_computes() {
    let mut world = world().await;
    let (group_id, id) = world.loyalty().await;
    let found = world.get(Schemas, &id, "xed+json;version=1").await.unwrap();
    let hash = id.rsplit('/').next().unwrap();
    assert_eq!(id, format!("https://ns.adobe.com/acme/schemas/{hash}"));
    for (name, expected) in [
        ("meta:altId", json!(format!("_acme.schemas.{hash}"))),
        ("meta:resourceType", json!("schemas")),
        ("version", json!("1.0")),
        ("title", json!("Members")),
        ("type", json!("object")),
        ("imsOrg", json!(world.scope.org.as_str())),
        ("meta:class", json!(PROFILE)),
        ("meta:extensible", json!(false)),
        ("meta:abstract", json!(false)),
        ("meta:containerId", json!("tenant")),
        ("meta:sandboxType", json!("production")),
        ("meta:tenantNamespace", json!("_acme")),
    ] {
        assert_eq!(found[name], expected, "{name}");
    }
    assert_eq!(found["allOf"][0], json!({"$ref": PROFILE, "type": "object", "meta:xdmType": "object"}));
    let extends = found["meta:extends"].as_array().unwrap();
    for part in [PROFILE, "https://ns.adobe.com/xdm/data/record", &group_id] {
        assert!(extends.contains(&json!(part)), "{extends:?}");
    }
    let metadata = &found["meta:registryMetadata"];
    assert_eq!(metadata["repo:createdDate"], testing::NOW.0);
    assert_eq!(metadata["xdm:createdClientId"], "client");
    assert_eq!(metadata["eTag"].as_str().unwrap().len(), 64);
    let group = world.get(FieldGroups, &group_id, "xed+json").await.unwrap();
    assert!(group_id.starts_with("https://ns.adobe.com/acme/mixins/"));
    assert_eq!((&group["meta:resourceType"], &group["meta:extensible"]), (&json!("mixins"), &json!(true)));
    let points = "/definitions/customFields/properties/_acme/properties/points/meta:xdmType";
    assert_eq!(group.pointer(points), Some(&json!("int")));
}

#[tokio::test]
async fn a_resource_is_found_by_each_of_its_names() {
    let mut world = world().await;
    let (_, id) = world.loyalty().await;
    let hash = id.rsplit('/').next().unwrap().to_owned();
    for name in [id.clone(), format!("_acme.schemas.{hash}"), hash] {
        assert_eq!(world.get(Schemas, &name, "xed-id+json").await.unwrap()["$id"], json!(id));
    }
    for name in [PROFILE, "_xdm.context.profile"] {
        assert_eq!(world.get(Classes, name, "xed-id+json").await.unwrap()["$id"], json!(PROFILE));
        let found = get(&mut world.tx, &world.scope, Container::Global, Classes, name, None).await.unwrap();
        assert_eq!((&found["$id"], &found["meta:containerId"]), (&json!(PROFILE), &json!("global")));
    }
    refused(world.get(FieldGroups, PROFILE, "xed+json").await, "requested field group resource");
    refused(world.get(Schemas, &id, "xed+json;version=2").await, "with version 2 is not found");
    let global = get(&mut world.tx, &world.scope, Container::Global, Schemas, &id, None).await;
    refused(global, "is not found");
    let other = testing::scope(&mut world.tx, "other").await;
    refused(get(&mut world.tx, &other, Container::Tenant, Schemas, &id, None).await, "is not found");
}

#[tokio::test]
async fn forms() {
    let mut world = world().await;
    let (_, id) = world.loyalty().await;
    let points = "/properties/_acme/properties/points";
    let short = world.get(Schemas, &id, "xed-id+json").await.unwrap();
    assert_eq!(
        short.as_object().unwrap().keys().collect::<Vec<_>>(),
        ["$id", "meta:altId", "version", "title"]
    );
    let full = world.get(Schemas, &id, "xed-full+json;version=1").await.unwrap();
    assert_eq!(full.pointer(points).unwrap()["meta:xdmType"], "int");
    assert!(full.get("allOf").is_none());
    assert_eq!((&full["meta:class"], &full["version"]), (&json!(PROFILE), &json!("1.0")));
    assert!(full["properties"]["_repo"]["properties"].get("createDate").is_some());
    let bare = world.get(Schemas, &id, "xed-full-notext+json;version=1").await.unwrap();
    assert!(!bare.to_string().contains("\"title\":\""), "{bare}");
    let standard = world.get(Schemas, &id, "xdm-full+json;version=1").await.unwrap();
    assert!(standard["properties"].get("@id").is_some() && standard["properties"].get("_id").is_none());
    assert!(
        standard["properties"]["repo:createDate"].is_object()
            && standard["properties"].get("_repo").is_none()
    );
    let flat = world.get(Schemas, &id, "xed-flat+json;version=1").await.unwrap();
    assert_eq!(flat["properties"]["_acme/points"]["meta:xdmType"], "int");
    let raw = world.get(Schemas, &id, "xed-notext+json;version=1").await.unwrap();
    assert!(raw.get("title").is_none() && raw.get("allOf").is_some());
}

#[tokio::test]
async fn both_layouts_compile_alike() {
    let mut world = world().await;
    let fields = json!({"_acme": {"type": "object", "properties": {"points": {"type": "integer"}}}});
    let plain = json!({"title": "Plain", "meta:intendedToExtend": [], "properties": fields});
    let defined = group("Defined", json!({"points": {"type": "integer"}}));
    let unreferred = json!({
        "title": "Unreferred", "meta:intendedToExtend": [PROFILE], "definitions": {"any": {"properties": fields}}
    });
    for (name, body) in [("a", plain), ("b", defined), ("c", unreferred)] {
        let group = world.made(FieldGroups, body).await;
        let id = world.made(Schemas, schema(name, &[PROFILE, &group])).await;
        let compiled = compiled(&mut world.tx, &world.scope, &id).await.unwrap();
        let path = xdm::FieldPath::parse("/_acme/points").unwrap();
        assert_eq!(compiled.field(&path).unwrap().ty.xdm_type(), "int", "{name}");
        assert_eq!(compiled.behavior(), xdm::Behavior::Record);
    }
    let event = world.made(Schemas, schema("Events", &[EVENT])).await;
    let event = compiled(&mut world.tx, &world.scope, &event).await.unwrap();
    assert_eq!(event.behavior(), xdm::Behavior::TimeSeries);
    assert!(compiled(&mut world.tx, &world.scope, PROFILE).await.is_ok());
}
