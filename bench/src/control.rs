//! The control plane with many objects: one of each is made through the API, copies of them are written straight into the
//! store, and requests are timed one after the other.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Subcommand;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::{Store, Tx, values};

use crate::setup::{self, Client, DATA_LAKE, STREAMING_CONNECTION};
use crate::{Outcome, block_on, load};

const MAPPED: &str = "c1a19761-d2c7-4702-b9fa-fe91f0613e81";

/// Flows that share a mapping set.
const FLOWS_PER_SET: u32 = 100;

/// Requests of each kind.
const REQUESTS: usize = 300;

#[derive(Subcommand)]
pub(crate) enum Step {
    /// Makes what is copied later, and writes its ids to a file.
    Setup {
        #[arg(long)]
        ready: PathBuf,
        #[arg(long)]
        template: PathBuf,
    },
    /// Writes copies into the store of a server that does not run: so many connections, each with a source connection and a
    /// flow.
    Fill {
        #[arg(long)]
        database: PathBuf,
        #[arg(long)]
        template: PathBuf,
        #[arg(long)]
        objects: u32,
    },
    /// Times requests to a running server.
    Load {
        #[arg(long)]
        ready: PathBuf,
        #[arg(long)]
        objects: u32,
    },
}

/// The ids of the objects that are copied.
#[derive(Serialize, Deserialize)]
struct Template {
    connection: String,
    inlet: String,
    source: String,
    flow: String,
    set: String,
}

pub(crate) fn run(step: Step) -> Outcome {
    match step {
        Step::Setup { ready, template } => make(&ready, &template),
        Step::Fill { database, template, objects } => {
            let template = serde_json::from_slice(&fs::read(template)?)?;
            block_on(fill(database, template, objects))
        }
        Step::Load { ready, objects } => measure(&ready, objects),
    }
}

fn make(ready: &Path, template: &Path) -> Outcome {
    let client = Client::connect(ready)?;
    let (reference, dataset) = setup::dataset(&client)?;
    let item = |source: &str, destination: &str| json!({ "sourceType": "ATTRIBUTE", "source": source, "destination": destination });
    let set = client.id(
        "conversion/mappingSets",
        &json!({ "name": "Benchmark", "outputSchema": { "schemaRef": reference }, "mappings": [
            item("id", "_id"), item("time", "timestamp"), item("type", "eventType"), item("page", "web.webPageDetails.name"),
            item("url", "web.webPageDetails.URL"), item("order", "commerce.order.purchaseID")
        ] }),
    )?;
    let connection = client.id(
        "flowservice/connections",
        &json!({ "name": "Benchmark", "connectionSpec": { "id": STREAMING_CONNECTION, "version": "1.0" },
            "auth": { "specName": "Streaming Connection", "params": { "dataType": "raw", "name": "Benchmark" } } }),
    )?;
    let made = client.get(&format!("flowservice/connections/{connection}"))?;
    let inlet = made["items"][0]["auth"]["params"]["inletId"].as_str().ok_or("no inlet")?.to_owned();
    let source = client.id(
        "flowservice/sourceConnections",
        &json!({ "name": "Benchmark", "baseConnectionId": connection,
            "connectionSpec": { "id": STREAMING_CONNECTION, "version": "1.0" } }),
    )?;
    let target = client.id(
        "flowservice/targetConnections",
        &json!({ "name": "Benchmark", "connectionSpec": { "id": DATA_LAKE, "version": "1.0" },
            "data": { "schema": { "id": reference["id"], "version": reference["contentType"] } },
            "params": { "dataSetId": dataset } }),
    )?;
    let flow = client.id(
        "flowservice/flows",
        &json!({ "name": "Benchmark", "flowSpec": { "id": MAPPED, "version": "1.0" },
            "sourceConnectionIds": [source], "targetConnectionIds": [target],
            "transformations": [{ "name": "Mapping", "params": { "mappingId": set, "mappingVersion": 0 } }] }),
    )?;
    let made = Template { connection, inlet, source, flow, set };
    fs::write(template, serde_json::to_vec(&made)?)?;
    load::print(&json!({}))
}

/// The copies, by number: those of `kind` whose original is `$6`. Every id of an original in a text gives way to its copy's.
macro_rules! copy {
    ($text:literal) => {
        concat!(
            "replace(replace(replace(replace(replace(", $text,
            ", $1, printf('%08x-c000-4000-8000-000000000000', i)), $2, printf('%064x', i)),
             $3, printf('%08x-d000-4000-8000-000000000000', i)), $4, printf('%08x-f000-4000-8000-000000000000', i)),
             $5, printf('%032x', (i + $9 - 1) / $9))"
        )
    };
}

#[expect(clippy::disallowed_methods, reason = "the time is what is reported")]
async fn fill(database: PathBuf, template: Template, objects: u32) -> Outcome {
    let start = Instant::now();
    let store = Store::open(&database).await?;
    let mut tx = store.write().await?;
    let Template { connection, inlet, source, flow, set } = &template;
    for (kind, id, step, last) in [
        ("mappingSets", set, FLOWS_PER_SET, objects + FLOWS_PER_SET),
        ("connections", connection, 1, objects),
        ("sourceConnections", source, 1, objects),
        ("flows", flow, 1, objects),
    ] {
        let values = values![connection, inlet, source, flow, set, id, kind, step, FLOWS_PER_SET, last];
        copies(&mut tx, values).await?;
    }
    tx.commit().await?;
    store.close().await;
    load::print(&json!({ "seconds": start.elapsed().as_secs_f64() }))
}

/// Copies of one object, `$7` its kind; `$8` is the step from one number to the next and `$10` the last number.
async fn copies(tx: &mut Tx, values: &[store::Value]) -> Outcome {
    let numbers = concat!(
        "WITH RECURSIVE n(i) AS (SELECT $8 UNION ALL SELECT i + $8 FROM n WHERE i + $8 <= $10)
         INSERT INTO number (kind, id) SELECT $7, ",
        copy!("$6"),
        " FROM n"
    );
    let resources = concat!(
        "WITH RECURSIVE n(i) AS (SELECT $8 UNION ALL SELECT i + $8 FROM n WHERE i + $8 <= $10)
         INSERT INTO resource (sandbox, kind, id, no, name, state, rev, created_ms, updated_ms, created_by, updated_by,
           created_client, updated_client, doc)
         SELECT sandbox, kind, ", copy!("id"), ", (SELECT no FROM number WHERE kind = $7 AND id = ", copy!("$6"), "),
           name || printf(' %06d', i), state, rev, created_ms + i, updated_ms + i, created_by, updated_by, created_client,
           updated_client, replace(", copy!("doc"), ", '\"Benchmark\"', printf('\"Benchmark %06d\"', i))
         FROM resource JOIN n WHERE kind = $7 AND id = $6"
    );
    let references = concat!(
        "WITH RECURSIVE n(i) AS (SELECT $8 UNION ALL SELECT i + $8 FROM n WHERE i + $8 <= $10)
         INSERT INTO reference (sandbox, from_kind, from_id, to_kind, to_id)
         SELECT sandbox, from_kind, ",
        copy!("from_id"),
        ", to_kind, ",
        copy!("to_id"),
        "
         FROM reference JOIN n WHERE from_kind = $7 AND from_id = $6"
    );
    for sql in [numbers, resources, references] {
        tx.execute(sql, values).await?;
    }
    Ok(())
}

fn measure(ready: &Path, objects: u32) -> Outcome {
    let client = Client::connect(ready)?;
    // Spread over all of them.
    let number = |at: usize| 1 + u32::try_from(at * 7919 % objects as usize).unwrap_or(0);
    let id = |at: usize, kind: char| format!("{:08x}-{kind}000-4000-8000-000000000000", number(at));
    let get = |path: String| client.get(&format!("flowservice/{path}")).map(drop);
    let mut rows = Vec::new();
    let mut time = |name: &str, one: &mut dyn FnMut(usize) -> Outcome| -> Outcome {
        rows.push(timed(name, one)?);
        Ok(())
    };
    time("first page of 20 flows", &mut |_| get("flows".to_owned()))?;
    time("first page of 100 flows", &mut |_| get("flows?limit=100".to_owned()))?;
    let mut next = "/flows?limit=100".to_owned();
    time("page of 100 flows by its token", &mut |_| {
        let page = client.get(&format!("flowservice{next}"))?;
        let link = page["_links"]["next"]["href"].as_str();
        link.unwrap_or("/flows?limit=100").clone_into(&mut next);
        Ok(())
    })?;
    time("one flow", &mut |at| get(format!("flows/{}", id(at, 'f'))))?;
    time("one connection", &mut |at| get(format!("connections/{}", id(at, 'c'))))?;
    time("flows, property=name==", &mut |at| {
        get(format!("flows?property=name==Benchmark%20{:06}", number(at)))
    })?;
    time("flows, property=id==", &mut |at| get(format!("flows?property=id=={}", id(at, 'f'))))?;
    time("flows, property=state==disabled", &mut |_| get("flows?property=state==disabled".to_owned()))?;
    time("flows, orderby=name", &mut |_| get("flows?orderby=name&limit=100".to_owned()))?;
    time("flows, orderby=-updatedAt", &mut |_| get("flows?orderby=-updatedAt&limit=100".to_owned()))?;
    time("flows, count=true", &mut |_| get("flows?count=true".to_owned()))?;
    time("create a connection", &mut |at| {
        client.id(
            "flowservice/connections",
            &json!({ "name": format!("New {at}"), "connectionSpec": { "id": STREAMING_CONNECTION, "version": "1.0" },
                "auth": { "specName": "Streaming Connection", "params": { "dataType": "xdm", "name": "New" } } }),
        )?;
        Ok(())
    })?;
    time("disable a flow", &mut |at| {
        client.post(&format!("flowservice/flows/{}/action?op=disable", id(at, 'f')), &json!({}))?;
        Ok(())
    })?;
    time("enable a flow", &mut |at| {
        client.post(&format!("flowservice/flows/{}/action?op=enable", id(at, 'f')), &json!({}))?;
        Ok(())
    })?;
    load::print(&json!({ "rows": rows }))
}

#[expect(clippy::disallowed_methods, reason = "the times are what is reported")]
fn timed(name: &str, one: &mut dyn FnMut(usize) -> Outcome) -> Outcome<Value> {
    let mut micros = Vec::new();
    for at in 0..REQUESTS {
        let start = Instant::now();
        one(at)?;
        micros.push(u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX));
    }
    micros.sort_unstable();
    let at = |share: f64| micros.get((micros.len() as f64 * share) as usize).copied().unwrap_or(0);
    Ok(json!({ "request": name, "p50_us": at(0.5), "p99_us": at(0.99) }))
}
