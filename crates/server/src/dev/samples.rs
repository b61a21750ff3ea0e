//! The sample objects of `tributary dev`: loyalty members by XDM messages and by raw records, in one dataset.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use super::Credentials;
use super::client::Client;

const FLOWS: &str = "/data/foundation/flowservice";
const REGISTRY: &str = "/data/foundation/schemaregistry/tenant";

/// The ids that the vendor's tutorials use: connection specs and flow specs.
const STREAMING: &str = "bc7b00d6-623a-4dfc-9fdb-f1240aeadaeb";
const DATA_LAKE: &str = "c604ff05-7f1a-43c0-8e18-33bf874cb11c";
const AS_IS: &str = "d8a6f005-7eaf-4153-983e-e8574508b877";
const MAPPED: &str = "c1a19761-d2c7-4702-b9fa-fe91f0613e81";

/// How long the sample records may take to be counted in the lake.
const LANDED_WITHIN: Duration = Duration::from_secs(20);
const LOOK_AGAIN: Duration = Duration::from_millis(50);

const SCHEMA_TITLE: &str = "Sample loyalty members";
const RECORDS: u64 = 5;

/// What was made, for the summary.
pub(super) struct Samples {
    pub(super) raw_inlet_url: String,
    pub(super) raw_flow: String,
    pub(super) table: String,
    pub(super) warehouse: PathBuf,
    pub(super) delivered: u64,
    pub(super) failed: u64,
    pub(super) reason: String,
    /// What their mapping could not do; empty when nothing.
    pub(super) warnings: String,
}

impl Samples {
    pub(super) fn received(&self) -> u64 {
        self.delivered + self.failed
    }
}

/// Makes the sample objects and records unless they are there from an earlier start; the error is one line.
pub(super) fn make(url: &str, known: &Credentials, warehouse: &Path) -> Result<Samples, String> {
    let client = Client::connect(url, known)?;
    let (dataset, raw) = match existing(&client)? {
        Some(found) => found,
        None => create(&client, known)?,
    };
    let table = client.get(&format!("/data/foundation/catalog/dataSets/{dataset}"))?;
    let table = text(&table[dataset.as_str()]["tags"]["adobe/pqs/table"][0])?;
    let (delivered, failed, reason) = wait_until_landed(&client, &dataset)?;
    let connection = client.get(&format!("{FLOWS}/connections/{}", raw.connection))?;
    let warnings = warned(&client.get(&format!("{FLOWS}/flows/{}/warnings", raw.flow))?);
    Ok(Samples {
        raw_inlet_url: text(&connection["items"][0]["auth"]["params"]["inletUrl"])?,
        raw_flow: raw.flow,
        table,
        warehouse: warehouse.to_owned(),
        delivered,
        failed,
        reason,
        warnings,
    })
}

/// A connection and the flow that it feeds.
struct Inlet {
    connection: String,
    flow: String,
}

/// The dataset and the raw inlet of an earlier start.
fn existing(client: &Client) -> Result<Option<(String, Inlet)>, String> {
    let flows = client.get(&format!("{FLOWS}/flows?property=name==Sample%20raw%20flow"))?;
    let Some(flow) = flows["items"].get(0) else {
        return Ok(None);
    };
    let connection = text(&flow["inheritedAttributes"]["sourceConnections"][0]["baseConnection"]["id"])?;
    let target = text(&flow["targetConnectionIds"][0])?;
    let target = client.get(&format!("{FLOWS}/targetConnections/{target}"))?;
    let dataset = text(&target["items"][0]["params"]["dataSetId"])?;
    Ok(Some((dataset, Inlet { connection, flow: text(&flow["id"])? })))
}

fn create(client: &Client, known: &Credentials) -> Result<(String, Inlet), String> {
    let schema = create_schema(client, &known.tenant)?;
    let dataset = client.post(
        "/data/foundation/catalog/dataSets",
        &json!({
            "name": SCHEMA_TITLE,
            "schemaRef": { "id": schema, "contentType": "application/vnd.adobe.xed-full+json;version=1" }
        }),
    )?;
    let dataset = text(&dataset[0])?.trim_start_matches("@/dataSets/").to_owned();
    let xdm = create_inlet(client, "xdm", &schema, &dataset, None)?;
    let mapping = create_mapping(client, &known.tenant, &schema)?;
    let raw = create_inlet(client, "raw", &schema, &dataset, Some(&mapping))?;
    post_records(client, known, &schema, &dataset, &xdm, &raw)?;
    Ok((dataset, raw))
}

fn create_schema(client: &Client, tenant: &str) -> Result<String, String> {
    let key = format!("_{tenant}");
    let fields = json!({
        "type": "object",
        "title": "Sample loyalty details",
        "meta:intendedToExtend": ["https://ns.adobe.com/xdm/context/profile"],
        "definitions": { "loyalty": { "properties": { key: { "type": "object", "properties": {
            "memberId": { "type": "string", "title": "Member id" },
            "tier": { "type": "string", "title": "Tier", "enum": ["bronze", "silver", "gold"] },
            "points": { "type": "integer", "title": "Points", "minimum": 0, "maximum": 1_000_000 },
            "joined": { "type": "string", "format": "date-time", "title": "Member since" }
        } } } } },
        "allOf": [{ "$ref": "#/definitions/loyalty" }]
    });
    let group = client.post(&format!("{REGISTRY}/fieldgroups"), &fields)?;
    let schema = client.post(
        &format!("{REGISTRY}/schemas"),
        &json!({
            "type": "object",
            "title": SCHEMA_TITLE,
            "description": "Members of a loyalty programme",
            "allOf": [
                { "$ref": "https://ns.adobe.com/xdm/context/profile" },
                { "$ref": "https://ns.adobe.com/xdm/context/profile-person-details" },
                { "$ref": group["$id"] }
            ]
        }),
    )?;
    let schema = text(&schema["$id"])?;
    client.post(
        &format!("{REGISTRY}/descriptors"),
        &json!({
            "@type": "xdm:descriptorIdentity",
            "xdm:sourceSchema": schema,
            "xdm:sourceVersion": 1,
            "xdm:sourceProperty": format!("/_{tenant}/memberId"),
            "xdm:namespace": "CRMID",
            "xdm:property": "xdm:code",
            "xdm:isPrimary": true
        }),
    )?;
    Ok(schema)
}

fn create_mapping(client: &Client, tenant: &str, schema: &str) -> Result<String, String> {
    let item = |source_type: &str, source: &str, destination: String| json!({ "sourceType": source_type, "source": source, "destination": destination });
    let mapping = client.post(
        "/data/foundation/conversion/mappingSets",
        &json!({
            "name": "Sample mapping",
            "outputSchema": { "schemaRef": {
                "id": schema, "contentType": "application/vnd.adobe.xed-full+json;version=1"
            } },
            "mappings": [
                item("ATTRIBUTE", "member", format!("_{tenant}.memberId")),
                item("ATTRIBUTE", "first_name", "person.name.firstName".to_owned()),
                item("ATTRIBUTE", "last_name", "person.name.lastName".to_owned()),
                item("EXPRESSION", "lower(tier)", format!("_{tenant}.tier")),
                item("ATTRIBUTE", "points", format!("_{tenant}.points"))
            ]
        }),
    )?;
    text(&mapping["id"])
}

fn create_inlet(
    client: &Client,
    data_type: &str,
    schema: &str,
    dataset: &str,
    mapping: Option<&str>,
) -> Result<Inlet, String> {
    let version = "application/vnd.adobe.xed-full+json;version=1";
    let connection = client.post(
        &format!("{FLOWS}/connections"),
        &json!({
            "name": format!("Sample {data_type} connection"),
            "connectionSpec": { "id": STREAMING, "version": "1.0" },
            "auth": { "specName": "Streaming Connection", "params": { "dataType": data_type } }
        }),
    )?;
    let connection = text(&connection["id"])?;
    let source = client.post(
        &format!("{FLOWS}/sourceConnections"),
        &json!({
            "name": format!("Sample {data_type} source"),
            "baseConnectionId": connection,
            "connectionSpec": { "id": STREAMING, "version": "1.0" }
        }),
    )?;
    let target = client.post(
        &format!("{FLOWS}/targetConnections"),
        &json!({
            "name": format!("Sample {data_type} target"),
            "connectionSpec": { "id": DATA_LAKE, "version": "1.0" },
            "data": { "format": "parquet_xdm", "schema": { "id": schema, "version": version } },
            "params": { "dataSetId": dataset }
        }),
    )?;
    let transformations =
        mapping.map(|id| json!([{ "name": "Mapping", "params": { "mappingId": id, "mappingVersion": 0 } }]));
    let flow = client.post(
        &format!("{FLOWS}/flows"),
        &json!({
            "name": format!("Sample {data_type} flow"),
            "flowSpec": { "id": if mapping.is_some() { MAPPED } else { AS_IS }, "version": "1.0" },
            "sourceConnectionIds": [source["id"]],
            "targetConnectionIds": [target["id"]],
            "transformations": transformations.unwrap_or_else(|| json!([]))
        }),
    )?;
    Ok(Inlet { connection, flow: text(&flow["id"])? })
}

fn post_records(
    client: &Client,
    known: &Credentials,
    schema: &str,
    dataset: &str,
    xdm: &Inlet,
    raw: &Inlet,
) -> Result<(), String> {
    let inlet_url = |inlet: &Inlet| -> Result<String, String> {
        let connection = client.get(&format!("{FLOWS}/connections/{}", inlet.connection))?;
        text(&connection["items"][0]["auth"]["params"]["inletUrl"])
    };
    let schema_ref = json!({ "id": schema, "contentType": "application/vnd.adobe.xed-full+json;version=1" });
    let key = format!("_{}", known.tenant);
    let message = |id: &str, first: &str, last: &str, tier: &str, points: i64| {
        json!({
            "header": {
                "schemaRef": schema_ref, "imsOrgId": known.org, "datasetId": dataset, "flowId": xdm.flow,
                "source": { "name": "sample" }
            },
            "body": { "xdmMeta": { "schemaRef": schema_ref }, "xdmEntity": {
                "_id": id,
                "person": { "name": { "firstName": first, "lastName": last } },
                &key: { "memberId": id, "tier": tier, "points": points, "joined": "2024-03-01T09:30:00Z" }
            } }
        })
    };
    let xdm_url = inlet_url(xdm)?;
    for record in [
        message("m-1001", "Ada", "Byron", "gold", 4200),
        message("m-1002", "Grace", "Murray", "silver", 1150),
        // Breaks a rule: there is no such tier.
        message("m-1003", "Alan", "Mathison", "platinum", 90),
    ] {
        client.collect(&xdm_url, &xdm.flow, &record)?;
    }
    let raw_url = inlet_url(raw)?;
    for record in [
        json!({ "member": "m-2001", "first_name": "Edith", "last_name": "Clarke", "tier": "Bronze", "points": 310 }),
        json!({ "member": "m-2002", "first_name": "Karl", "last_name": "Ferdinand", "tier": "GOLD", "points": "2600" }),
    ] {
        client.collect(&raw_url, &raw.flow, &record)?;
    }
    Ok(())
}

/// Counts the dataset's records by its batches, until the samples are all there: (delivered, failed, a reason).
fn wait_until_landed(client: &Client, dataset: &str) -> Result<(u64, u64, String), String> {
    let mut waited = Duration::ZERO;
    loop {
        let batches = client.get(&format!("/data/foundation/catalog/batches?dataSet={dataset}&limit=100"))?;
        let (mut delivered, mut failed, mut reason) = (0, 0, String::new());
        for batch in batches.as_object().into_iter().flat_map(|batches| batches.values()) {
            let metric = |name: &str| batch["metrics"][name].as_u64().unwrap_or(0);
            if batch["status"] == "failed" {
                failed += metric("failedRecordCount");
                if let Some(text) = batch["errors"][0]["description"].as_str() {
                    text.clone_into(&mut reason);
                }
            } else {
                delivered += metric("outputRecordCount");
            }
        }
        if delivered + failed >= RECORDS {
            return Ok((delivered, failed, reason));
        }
        if waited > LANDED_WITHIN {
            return Err(format!("only {} of {RECORDS} sample records have landed", delivered + failed));
        }
        std::thread::sleep(LOOK_AGAIN);
        waited += LOOK_AGAIN;
    }
}

/// The warnings of a flow in a line: `2 records with warnings: coercion x1, nothing-written x1`.
fn warned(warnings: &Value) -> String {
    let records = warnings["recordCount"].as_u64().unwrap_or(0);
    if records == 0 {
        return String::new();
    }
    let codes = warnings["codes"].as_array().into_iter().flatten();
    let codes =
        codes.map(|code| format!("{} x{}", code["code"].as_str().unwrap_or_default(), code["recordCount"]));
    let noun = if records == 1 { "record" } else { "records" };
    format!("{records} {noun} with warnings: {}", codes.collect::<Vec<_>>().join(", "))
}

fn text(value: &Value) -> Result<String, String> {
    value.as_str().map(str::to_owned).ok_or_else(|| format!("expected a text, found {value}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_in_a_line() {
        let none = json!({ "items": [], "recordCount": 0, "codes": [] });
        assert_eq!(warned(&none), "");
        let codes = json!([{ "code": "coercion", "recordCount": 2 }, { "code": "nothing-written", "recordCount": 1 }]);
        let some = json!({ "items": [], "recordCount": 2, "codes": codes });
        assert_eq!(warned(&some), "2 records with warnings: coercion x2, nothing-written x1");
    }
}
