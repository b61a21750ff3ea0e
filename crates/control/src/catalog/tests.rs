//! Datasets and batches over a real store.

use serde_json::{Map, Value, json};
use store::{Tx, values};
use xdm::library::ResourceKind;

use super::datasets::{self, Merge};
use super::{CatalogError, Query, batches, facts};
use crate::{Kind, Scope, registry, resource, testing};

const SCHEMA: &str = "https://ns.adobe.com/xdm/context/experienceevent";

fn body(name: &str) -> Map<String, Value> {
    let body = json!({ "name": name, "schemaRef": { "id": SCHEMA, "contentType": "application/vnd.adobe.xed+json;version=1" },
        "tags": { "unifiedProfile": ["enabled:true"] }, "created": 1, "anything": { "kept": true } });
    body.as_object().cloned().unwrap()
}

async fn shown(tx: &mut Tx, scope: &Scope, id: &str) -> Value {
    datasets::item(&datasets::get(tx, scope, id).await.unwrap(), scope)
}

#[tokio::test]
async fn a_dataset_is_made_shown_changed_and_deleted() {
    let (store, _dir) = testing::store().await;
    let mut tx = store.write().await.unwrap();
    let scope = testing::scope(&mut tx, "acme").await;
    let id = datasets::create(&mut tx, &scope, body("Web Visits"), false).await.unwrap();
    assert_eq!(id.len(), 24);
    let item = shown(&mut tx, &scope, &id).await;
    assert_eq!(item["tags"]["adobe/pqs/table"], json!(["web_visits"]));
    assert_eq!(item["tags"]["adobe/siphon/table/format"], json!(["iceberg"]));
    assert_eq!(item["tags"]["unifiedProfile"], json!(["enabled:true", "enabledAt:2023-11-14 22:13:20"]));
    assert_eq!(item["classification"]["dataBehavior"], "time-series");
    assert_eq!(item["created"], testing::NOW.0);
    assert_eq!(item["version"], "1.0.0");
    assert_eq!(item["anything"], json!({ "kept": true }));
    assert!(item.get("_behavior").is_none());
    let second = datasets::create(&mut tx, &scope, body("web-visits"), false).await.unwrap();
    assert_eq!(shown(&mut tx, &scope, &second).await["tags"]["adobe/pqs/table"], json!(["web_visits_2"]));

    let known = facts(&datasets::get(&mut tx, &scope, &id).await.unwrap()).unwrap();
    assert_eq!(
        (known.table.as_str(), known.schema_id.as_str(), known.schema_major, known.profile),
        ("web_visits", SCHEMA, 1, true)
    );

    let patch = json!([
        { "op": "replace", "path": "/tags/acp_validationContext", "value": ["disabled"] },
        { "op": "replace", "path": "/name", "value": "Renamed" },
        { "op": "add", "path": "/tags/adobe~1pqs~1table", "value": ["other"] }
    ]);
    datasets::patch(&mut tx, &scope, &id, None, patch, Merge::Shallow).await.unwrap();
    let item = shown(&mut tx, &scope, &id).await;
    assert_eq!((&item["name"], &item["version"]), (&json!("Renamed"), &json!("1.0.1")));
    assert_eq!(item["tags"]["adobe/pqs/table"], json!(["web_visits"]));
    assert_eq!(item["tags"]["acp_validationContext"], json!(["disabled"]));

    let merged = json!({ "tags": { "custom": ["1"], "acp_validationContext": null } });
    datasets::patch(&mut tx, &scope, &id, Some("1.0.1"), merged, Merge::Deep).await.unwrap();
    let item = shown(&mut tx, &scope, &id).await;
    assert_eq!(item["tags"]["custom"], json!(["1"]));
    assert!(
        item["tags"].get("acp_validationContext").is_none() && item["tags"].get("unifiedProfile").is_some()
    );
    datasets::patch(&mut tx, &scope, &id, None, json!({ "tags": {} }), Merge::Shallow).await.unwrap();
    let tags = shown(&mut tx, &scope, &id).await["tags"].clone();
    let table = json!({ "adobe/pqs/table": ["web_visits"], "adobe/siphon/table/format": ["iceberg"] });
    assert_eq!(tags, table, "the server's own tags stay");
    let late =
        datasets::patch(&mut tx, &scope, &id, Some("1.0.0"), json!({ "name": "x" }), Merge::Shallow).await;
    assert!(matches!(late, Err(CatalogError::VersionMismatch { .. })));

    assert!(datasets::delete(&mut tx, &scope, &id).await.unwrap());
    assert!(!datasets::delete(&mut tx, &scope, &id).await.unwrap());
    assert!(matches!(datasets::get(&mut tx, &scope, &id).await, Err(CatalogError::NotFound { .. })));
}

#[tokio::test]
async fn etags() {
    let (store, _dir) = testing::store().await;
    let mut tx = store.write().await.unwrap();
    let scope = testing::scope(&mut tx, "acme").await;
    let id = datasets::create(&mut tx, &scope, body("Visits"), false).await.unwrap();
    for (if_match, good) in [
        ("1.0.0", true),
        ("\"1.0.1\"", true),
        ("W/\"1.0.2\"", true),
        ("\"x\", \"1.0.3\"", true),
        ("*", true),
        ("1.0.4", false),
        ("1.0", false),
        ("", false),
    ] {
        let change = json!({ "description": if_match });
        let changed = datasets::patch(&mut tx, &scope, &id, Some(if_match), change, Merge::Shallow).await;
        assert_eq!(changed.is_ok(), good, "{if_match}");
    }
}

/// `schema-grows`: a table has the columns of one schema, and only that one may change them.
#[tokio::test]
async fn the_schema_of_a_dataset_stays() {
    let (store, _dir) = testing::store().await;
    let mut tx = store.write().await.unwrap();
    let scope = testing::scope(&mut tx, "acme").await;
    let id = datasets::create(&mut tx, &scope, body("Visits"), false).await.unwrap();
    let other = json!({ "id": "https://ns.adobe.com/xdm/context/profile" });
    let refused = [
        json!({ "schemaRef": other }),
        json!([{ "op": "replace", "path": "/schemaRef", "value": other }]),
        json!([{ "op": "replace", "path": "/schemaRef/id", "value": other["id"] }]),
    ];
    for change in refused {
        for merge in [Merge::Shallow, Merge::Deep] {
            let error = datasets::patch(&mut tx, &scope, &id, None, change.clone(), merge).await.unwrap_err();
            assert!(error.to_string().contains("cannot be changed"), "{change} {error}");
        }
    }
    let mut whole = body("Visits");
    whole.insert("schemaRef".to_owned(), other);
    assert!(datasets::replace(&mut tx, &scope, &id, None, whole).await.is_err());
    let same = json!({ "schemaRef": { "id": xdm::alt_id(SCHEMA), "contentType": "application/vnd.adobe.xed+json;version=1.0" } });
    datasets::patch(&mut tx, &scope, &id, None, same, Merge::Shallow).await.unwrap();
    assert_eq!(shown(&mut tx, &scope, &id).await["schemaRef"]["id"], SCHEMA);
}

/// The registry finds a schema in use by its `$id`, whichever name the dataset was made with.
#[tokio::test]
async fn a_dataset_names_its_schema_by_id() {
    let (store, _dir) = testing::store().await;
    let mut tx = store.write().await.unwrap();
    let scope = testing::scope(&mut tx, "acme").await;
    let visits = json!({ "title": "Visits", "type": "object", "allOf": [{ "$ref": SCHEMA }] });
    let (saved, _) = registry::create(&mut tx, &scope, ResourceKind::Schemas, visits).await.unwrap();
    let schema = saved.id;
    let mut sent = body("Visits");
    sent.insert("schemaRef".to_owned(), json!({ "id": xdm::alt_id(&schema) }));
    let id = datasets::create(&mut tx, &scope, sent, false).await.unwrap();
    assert_eq!(shown(&mut tx, &scope, &id).await["schemaRef"]["id"], json!(schema));
    let users = resource::users(&mut tx, &scope, Kind::DataSets, Kind::Schemas, &schema).await.unwrap();
    assert_eq!(users, [id]);

    let group = json!({ "title": "Part", "type": "object", "meta:intendedToExtend": [SCHEMA],
        "definitions": { "custom": { "properties": { "_acme": { "type": "object", "properties": { "a": { "type": "string" } } } } } },
        "allOf": [{ "$ref": "#/definitions/custom" }] });
    let (part, _) = registry::create(&mut tx, &scope, ResourceKind::FieldGroups, group).await.unwrap();
    for part in [part.id.as_str(), "https://ns.adobe.com/xdm/context/profile-person-details"] {
        let mut sent = body("Part");
        sent.insert("schemaRef".to_owned(), json!({ "id": part }));
        let error = datasets::create(&mut tx, &scope, sent, false).await.unwrap_err();
        assert!(error.to_string().contains("not a schema"), "{error}");
    }
}

#[tokio::test]
async fn what_is_no_dataset_is_refused() {
    let (store, _dir) = testing::store().await;
    let mut tx = store.write().await.unwrap();
    let scope = testing::scope(&mut tx, "acme").await;
    for (body, expected) in [
        (json!({}), "schemaRef"),
        (json!({ "schemaRef": {} }), "schemaRef.id"),
        (json!({ "schemaRef": { "id": "https://ns.adobe.com/acme/schemas/none" } }), "cannot be used"),
        (json!({ "schemaRef": { "id": SCHEMA }, "name": 7 }), "name"),
        (json!({ "schemaRef": { "id": SCHEMA }, "name": "" }), "name"),
        (json!({ "schemaRef": { "id": SCHEMA }, "tags": { "a": {} } }), "tags"),
        (json!({ "schemaRef": { "id": SCHEMA, "contentType": 1 } }), "contentType"),
    ] {
        let error =
            datasets::create(&mut tx, &scope, body.as_object().cloned().unwrap(), false).await.unwrap_err();
        assert!(
            matches!(error, CatalogError::Invalid(_)) && error.to_string().contains(expected),
            "{body} {error}"
        );
    }
    let unnamed = json!({ "schemaRef": { "id": SCHEMA } });
    let id = datasets::create(&mut tx, &scope, unnamed.as_object().cloned().unwrap(), true).await.unwrap();
    assert!(datasets::get(&mut tx, &scope, &id).await.is_err(), "validate-only stores nothing");
}

/// `scoped`: another org sees neither datasets nor batches.
#[tokio::test]
async fn scoped() {
    let (store, _dir) = testing::store().await;
    let mut tx = store.write().await.unwrap();
    let (ours, theirs) = (testing::scope(&mut tx, "acme").await, testing::scope(&mut tx, "other").await);
    let id = datasets::create(&mut tx, &ours, body("Visits"), false).await.unwrap();
    add_batch(&mut tx, &ours, "01A", &id, 1).await;
    assert!(datasets::get(&mut tx, &theirs, &id).await.is_err());
    assert!(!datasets::delete(&mut tx, &theirs, &id).await.unwrap());
    assert!(batches::get(&mut tx, &theirs, "01A").await.is_err());
    assert!(batches::list(&mut tx, &theirs, &Query::parse(&[]).unwrap()).await.unwrap().is_empty());
    assert!(datasets::items(&mut tx, &theirs).await.unwrap().is_empty());
    assert_eq!(datasets::items(&mut tx, &ours).await.unwrap().len(), 1);
}

async fn add_batch(tx: &mut Tx, scope: &Scope, id: &str, dataset: &str, time: i64) {
    let failed = id.ends_with('F');
    let doc = json!({ "flowIds": ["f"], "files": [{}],
        "errors": if failed { json!([{ "code": "DCVS-1104-400", "description": "x", "recordCount": 2, "rows": [] }]) } else { json!([]) } });
    let sql = "INSERT INTO batch (id, sandbox, dataset, dataset_id, status, partition, first_offset, next_offset, read,
                 written, failed, input_bytes, output_bytes, snapshot, started_ms, completed_ms, doc)
               VALUES ($1, $2, 9, $3, $4, 0, 0, 3, 3, $5, $6, 10, 20, 1, $7, $7, $8)";
    let (written, count): (u64, u64) = if failed { (0, 3) } else { (3, 0) };
    let status = if failed { "failed" } else { "success" };
    tx.execute(sql, values![id, scope.sandbox, dataset, status, written, count, time, doc.to_string()])
        .await
        .unwrap();
}

#[tokio::test]
async fn batches_are_listed_newest_first() {
    let (store, _dir) = testing::store().await;
    let mut tx = store.write().await.unwrap();
    let scope = testing::scope(&mut tx, "acme").await;
    for (id, dataset, time) in
        [("01A", "d1", 10), ("01B", "d2", 20), ("01C", "d1", 30), ("01D", "d1", 40), ("01DF", "d1", 40)]
    {
        add_batch(&mut tx, &scope, id, dataset, time).await;
    }
    for (query, expected) in [
        ("", vec!["01DF", "01D", "01C", "01B", "01A"]),
        ("limit=2", vec!["01DF", "01D"]),
        ("limit=2&start=2", vec!["01C", "01B"]),
        ("dataSet=d2", vec!["01B"]),
        ("orderBy=desc:status&limit=2", vec!["01D", "01C"]),
        ("orderBy=status&limit=2&start=1", vec!["01D", "01C"]),
        ("dataSet=d1&status=success&limit=1&start=1", vec!["01C"]),
        ("start=5", vec![]),
        ("dataSet=d1&status=success&orderBy=created", vec!["01A", "01C", "01D"]),
        ("status=failure", vec!["01DF"]),
        ("createdAfter=10&createdBefore=40", vec!["01C", "01B"]),
        ("orderBy=asc:created&limit=2", vec!["01A", "01B"]),
        ("failedRecordCount=3", vec!["01DF"]),
        ("batch=01B", vec!["01B"]),
        ("dataSet=none", vec![]),
    ] {
        let parameters: Vec<(String, String)> = query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let found = batches::list(&mut tx, &scope, &Query::parse(&parameters).unwrap()).await.unwrap();
        assert_eq!(found.keys().collect::<Vec<_>>(), expected, "{query}");
    }
    let newest = batches::newest(&mut tx, &scope, &Query::parse(&[]).unwrap()).await.unwrap();
    assert_eq!(newest.keys().collect::<Vec<_>>(), ["01DF", "01B"]);
    let failed = batches::get(&mut tx, &scope, "01DF").await.unwrap();
    assert_eq!(failed["metrics"]["invalidRecordsStreamingValidation"], 3);
    assert_eq!(failed["relatedObjects"][0], json!({ "type": "dataSet", "id": "d1" }));
    assert_eq!(failed["errors"][0]["code"], "DCVS-1104-400");
}
