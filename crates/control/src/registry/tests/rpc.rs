//! Samples, the audit log, export and import.

use super::*;

impl World {
    async fn sample(&mut self, id: &str, notation: Notation) -> Value {
        sample(&mut self.tx, &self.scope, id, None, notation).await.unwrap()
    }

    async fn export(&mut self, id: &str) -> Vec<Value> {
        export(&mut self.tx, &self.scope, id).await.unwrap()
    }

    async fn import(&mut self, body: Value) -> Result<Vec<Value>, RegistryError> {
        import(&mut self.tx, &self.scope, body).await.map(|imported| imported.shown)
    }
}

#[tokio::test]
async fn samples() {
    let mut world = world().await;
    let (_, id) = world.loyalty().await;
    let standard = world.sample(&id, Notation::Xdm).await;
    assert_eq!(standard["@id"], "/uri-reference");
    assert_eq!(standard["repo:createDate"], "2004-10-23T12:00:00-06:00");
    assert_eq!(standard["_acme"], json!({"points": 100}));
    let plain = world.sample(&id, Notation::Xed).await;
    assert_eq!(plain["_repo"]["createDate"], "2004-10-23T12:00:00-06:00");
    let compiled = compiled(&mut world.tx, &world.scope, &id).await.unwrap();
    let text = plain.to_string();
    let record = vocab::Json::parse(text.as_bytes()).unwrap();
    assert_eq!(compiled.validate(&record, 5).list.len(), 0, "{text}");
    let events = world.sample(EVENT, Notation::Xdm).await;
    assert_eq!(events["xdm:identityMap"]["key"][0]["xdm:id"], "string");
    refused(sample(&mut world.tx, &world.scope, "none", None, Notation::Xdm).await, "is not found");
}

#[tokio::test]
async fn the_audit_log_tells_every_change() {
    let mut world = world().await;
    let (group, id) = world.loyalty().await;
    let at = |scope: &mut Scope, later: i64| scope.now = vocab::Millis(testing::NOW.0 + later);
    at(&mut world.scope, 5);
    let level = "/definitions/customFields/properties/_acme/properties/level";
    let add = json!({"op": "add", "path": level, "value": {"type": "string"}});
    world.patch(FieldGroups, &group, add).await.unwrap();
    at(&mut world.scope, 9);
    let rename = json!({"op": "replace", "path": "/title", "value": "People"});
    world.patch(Schemas, &id, rename).await.unwrap();
    let log = audit_log(&mut world.tx, &world.scope, &id).await.unwrap();
    assert_eq!(log.len(), 4);
    let trail =
        json!({"id": id, "xdmType": "schemas", "action": "replace", "path": "/title", "value": "People"});
    let expected = json!({
        "id": id, "auditTrails": [trail], "updatedUser": "tester@techacct.adobe.com",
        "imsOrg": world.scope.org.as_str(), "updated": testing::NOW.0 + 9, "clientId": "client",
        "sandBoxId": world.scope.sandbox_id.as_str(),
    });
    assert_eq!(log[0], expected);
    let trail = &log[1]["auditTrails"][0];
    assert_eq!((&trail["id"], &trail["xdmType"]), (&json!(group), &json!("mixins")));
    assert_eq!((&trail["action"], &trail["path"]), (&json!("add"), &json!(level)));
    let made = log.iter().find(|entry| entry["updated"] == testing::NOW.0).unwrap();
    assert!(made["auditTrails"].as_array().unwrap().iter().all(|trail| trail["action"] == "add"));
    assert!(audit_log(&mut world.tx, &world.scope, PROFILE).await.unwrap().is_empty());
    delete(&mut world.tx, &world.scope, Schemas, &id).await.unwrap();
    refused(audit_log(&mut world.tx, &world.scope, &id).await, "is not found");
    assert_eq!(audit_log(&mut world.tx, &world.scope, &group).await.unwrap().len(), 2);
}

#[tokio::test]
async fn an_export_can_be_imported_by_another_tenant() {
    let mut world = world().await;
    let address = json!({"title": "Address", "properties": {"street": {"type": "string"}}});
    let address = world.made(DataTypes, address).await;
    let fields = json!({"home": {"$ref": address}});
    let group = world.made(FieldGroups, group("Homes", fields)).await;
    let mut body = schema("People", &[PROFILE, &group]);
    body["allOf"][1]["meta:refProperty"] = json!(["/_acme/home"]);
    let id = world.made(Schemas, body).await;
    let exported = world.export(&id).await;
    let hash = |id: &str| id.rsplit('/').next().unwrap().to_owned();
    let name = |word: &str, id: &str| {
        json!(format!("https://ns.adobe.com/<XDM_TENANTID_PLACEHOLDER>/{word}/{}", hash(id)))
    };
    let ids: Vec<&Value> = exported.iter().map(|item| &item["$id"]).collect();
    assert_eq!(ids, [&name("datatypes", &address), &name("mixins", &group), &name("schemas", &id)]);
    let text = Value::Array(exported.clone()).to_string();
    assert!(
        !text.contains("acme") && !text.contains("imsOrg") && !text.contains("meta:containerId"),
        "{text}"
    );
    assert_eq!(exported[2]["allOf"][1]["meta:refProperty"][0], "/_<XDM_TENANTID_PLACEHOLDER>/home");
    assert!(world.export(PROFILE).await.is_empty());
    refused(export(&mut world.tx, &world.scope, "none").await, "is not found");

    // In any order.
    world.scope = testing::scope(&mut world.tx, "other").await;
    let mut sent = exported.clone();
    sent.reverse();
    sent.push(json!({
        "meta:resourceType": "descriptors", "@type": "xdm:descriptorIdentity",
        "xdm:sourceSchema": exported[2]["$id"], "xdm:sourceProperty": "/_<XDM_TENANTID_PLACEHOLDER>/home/street",
        "xdm:namespace": "Email",
    }));
    let shown = world.import(Value::Array(sent.clone())).await.unwrap();
    assert_eq!(shown[0]["$id"], json!(format!("https://ns.adobe.com/other/schemas/{}", hash(&id))));
    assert_eq!((&shown[1]["version"], &shown[2]["meta:resourceType"]), (&json!("1.0"), &json!("datatypes")));
    let descriptor = shown[3]["@id"].clone();
    let full =
        world.get(Schemas, shown[0]["$id"].as_str().unwrap(), "xed-full+json;version=1").await.unwrap();
    assert!(full["properties"]["_other"]["properties"]["home"]["properties"]["street"].is_object());
    // What is the same changes nothing; what differs is a new version.
    let again = world.import(Value::Array(sent.clone())).await.unwrap();
    assert_eq!((&again[0]["version"], &again[3]["@id"]), (&json!("1.0"), &descriptor));
    sent[0]["description"] = json!("new");
    assert_eq!(world.import(Value::Array(sent)).await.unwrap()[0]["version"], "1.1");
    let mut concrete = exported[0].clone();
    concrete["$id"] = json!(format!("https://ns.adobe.com/elsewhere/datatypes/{}", "0".repeat(48)));
    concrete["title"] = json!("Elsewhere");
    let shown = world.import(json!([concrete])).await.unwrap();
    assert!(shown[0]["$id"].as_str().unwrap().starts_with("https://ns.adobe.com/other/datatypes/000"));
}

#[tokio::test]
async fn imports_that_are_refused() {
    let mut world = world().await;
    let hash = "0".repeat(48);
    let group =
        |title: &str| json!({"title": title, "meta:resourceType": "mixins", "meta:intendedToExtend": []});
    let with_id = |id: String| {
        let mut body = group("x");
        body["$id"] = json!(id);
        body
    };
    for (body, text) in [
        (json!("x"), "must be an array"),
        (json!([{"title": "x"}]), "cannot be imported"),
        (json!([7]), "cannot be imported"),
        (json!([{"title": "x", "meta:resourceType": "unions"}]), "cannot be imported"),
        (json!([group("x"), group("x")]), "unique"),
        (json!([with_id(format!("https://ns.adobe.com/acme/schemas/{hash}"))]), "not the id"),
        (json!([with_id(PROFILE.to_owned())]), "not the id"),
        (Value::Array(vec![json!({}); crate::limits::IMPORT_ITEMS_MAX + 1]), "at most"),
    ] {
        refused(world.import(body).await, text);
    }
}
