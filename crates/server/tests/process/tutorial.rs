//! The two sample messages of the vendor's streaming tutorials, as they stand but for the ids that they name.

use serde_json::{Value, json};

use crate::support::{FULL, REGISTRY, Server, Setup, collect, reader, rest};

/// The XDM sample: no org, no source, the flow in a header as well. It lands.
#[test]
fn the_tutorials_xdm_message_lands() {
    let (server, _home) = Server::start();
    let client = server.client();
    let schema = client.post(
        &format!("{REGISTRY}/schemas"),
        &json!({
            "type": "object", "title": "Tutorial profile",
            "allOf": [
                { "$ref": "https://ns.adobe.com/xdm/context/profile" },
                { "$ref": "https://ns.adobe.com/xdm/context/profile-person-details" },
                { "$ref": "https://ns.adobe.com/xdm/context/profile-work-details" },
                { "$ref": "https://ns.adobe.com/xdm/context/profile-personal-details" }
            ],
            "meta:immutableTags": ["union"]
        }),
    );
    let setup =
        Setup::on_schema(&client, server.tenant(), "Tutorial profile", schema["$id"].as_str().unwrap());
    let inlet = setup.inlet(&client, "xdm", false, None);
    let schema_ref = json!({ "id": setup.schema, "contentType": FULL });
    let message = json!({
        "header": { "schemaRef": schema_ref, "flowId": inlet.flow, "datasetId": setup.dataset },
        "body": { "xdmMeta": { "schemaRef": schema_ref }, "xdmEntity": {
            "person": {
                "name": { "firstName": "Jane", "middleName": "F", "lastName": "Doe" },
                "birthDate": "1969-03-14", "gender": "female"
            },
            "workEmail": { "primary": true, "address": "janedoe@example.com", "type": "work", "status": "active" }
        } }
    });
    let (status, body) =
        collect(&inlet.url, &[("x-adobe-flow-id", &inlet.flow)], message.to_string().as_bytes());
    assert_eq!(status, 200, "{body}");
    let mut keys: Vec<_> = body.as_object().unwrap().keys().cloned().collect();
    keys.sort();
    assert_eq!(keys, ["inletId", "receivedTimeMs", "xactionId"]);
    server.settle();
    let (delivered, failed) = rows(&server, &setup);
    if let Some(delivered) = delivered {
        let row: Value = serde_json::from_str(delivered.trim()).unwrap();
        assert_eq!(row["person"]["birthDate"], "1969-03-14");
        assert_eq!(row["workEmail"]["address"], "janedoe@example.com");
        assert_eq!(failed.unwrap(), "");
    }
}

/// The raw sample: its fields are none of those that the mapping names. It is accepted, and its row says so.
#[test]
fn the_tutorials_raw_message_is_warned_of() {
    let (server, _home) = Server::start();
    let client = server.client();
    let setup = Setup::profile(&client, server.tenant(), "Tutorial raw");
    let items = [
        ("ATTRIBUTE", "firstName", "person.name.firstName"),
        ("ATTRIBUTE", "lastName", "person.name.lastName"),
    ];
    let inlet = setup.inlet(&client, "raw", false, Some(&setup.mapping(&client, &items)));
    let message = json!({
        "name": "Johnson Smith", "location": { "city": "Seattle", "country": "United State of America" },
        "gender": "Male", "birthday": { "year": 1984, "month": 6, "day": 9 }
    });
    let (status, body) =
        collect(&inlet.url, &[("x-adobe-flow-id", &inlet.flow)], message.to_string().as_bytes());
    assert_eq!(status, 200, "{body}");
    server.settle();
    let (delivered, failed) = rows(&server, &setup);
    if let Some(delivered) = delivered {
        assert_eq!(failed.as_deref(), Some(""));
        assert!(delivered.contains(r#""warnings": ["nothing-written"]"#), "{delivered}");
    }
}

fn rows(server: &Server, setup: &Setup) -> (Option<String>, Option<String>) {
    let read = |namespace: &str| {
        let table = format!("{namespace}.{}", setup.table);
        let mut arguments = vec!["pyiceberg-rest"];
        arguments.extend(rest(server, &table));
        reader("read.py", &arguments)
    };
    (read("data"), read("failed"))
}
