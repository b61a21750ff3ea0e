//! Batches: one per commit of the lake, and one more when records of it failed. They are read, never written, here.

use serde_json::{Map, Value, json};
use store::{Row, StoreError, Tx, values};

use super::error::CatalogError;
use super::query::Query;
use crate::Scope;
use crate::limits::BATCHES_SCANNED_MAX;

/// A query over the columns that [`item`] reads.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, dataset_id, status, read, written, failed, input_bytes, output_bytes, started_ms, completed_ms,
               doc FROM batch WHERE sandbox = $1 AND ",
            $rest
        )
    };
}

/// Batches that one query reads from the database at a time.
const CHUNK: usize = 500;

/// The batch of that id, as it is shown.
pub async fn get(tx: &mut Tx, scope: &Scope, id: &str) -> Result<Value, CatalogError> {
    let row = tx.row(select!("id = $2"), values![scope.sandbox, id]).await?;
    let row = row.ok_or_else(|| CatalogError::NotFound { kind: "batch", id: id.to_owned() })?;
    Ok(item(&row, scope)?.1)
}

/// The page of batches that a query asks for, keyed by id; newest first unless it is ordered by time otherwise.
///
/// Batches are many: they are read in the order of time, a chunk after the other, until the page is full. An order by
/// anything else than time holds within the newest ones that were read.
pub async fn list(tx: &mut Tx, scope: &Scope, query: &Query) -> Result<Map<String, Value>, CatalogError> {
    let (ascending, by_time) = match query.order.first() {
        None => (false, true),
        Some((name, descending)) => match name.as_str() {
            "created" | "updated" | "started" | "completed" | "id" => (!descending, true),
            _ => (false, false),
        },
    };
    let wanted = query.start.saturating_add(query.limit);
    let datasets = query.any_of("dataSet").or_else(|| query.any_of("dataSetId"));
    let mut found: Vec<(String, Value)> = Vec::new();
    let (mut read, mut passed) = (0, 0);
    while read < BATCHES_SCANNED_MAX && (!by_time || passed < wanted) {
        let rows = chunk(tx, scope, datasets, ascending, read).await?;
        for row in &rows {
            let (id, item) = item(row, scope)?;
            if query.passes(&item) {
                passed += 1;
                // Read in the order that is asked for, the pages before this one need not be kept.
                if !by_time || passed > query.start {
                    found.push((id, item));
                }
            }
        }
        if !by_time {
            query.sort(&mut found);
        }
        found.truncate(if by_time { query.limit } else { wanted });
        read += rows.len();
        if rows.len() < CHUNK {
            break;
        }
    }
    query.sort(&mut found);
    Ok(query.page(found, if by_time { 0 } else { query.start }))
}

/// The newest batch of each dataset, keyed by its id.
pub async fn newest(tx: &mut Tx, scope: &Scope, query: &Query) -> Result<Map<String, Value>, CatalogError> {
    let sql = select!(
        "id IN (SELECT max(id) FROM batch WHERE sandbox = $1 GROUP BY dataset_id)
         ORDER BY completed_ms DESC, id DESC LIMIT $2"
    );
    let rows = tx.rows(sql, values![scope.sandbox, BATCHES_SCANNED_MAX as u64]).await?;
    Ok(query.select(rows.iter().map(|row| item(row, scope)).collect::<Result<_, _>>()?))
}

async fn chunk(
    tx: &mut Tx,
    scope: &Scope,
    datasets: Option<&[String]>,
    ascending: bool,
    skip: usize,
) -> Result<Vec<Row>, StoreError> {
    let (limit, skip) = (CHUNK as u64, skip as u64);
    match datasets {
        // One dataset is the usual question, and has an index.
        Some([dataset]) if !dataset.contains('*') => {
            let sql = if ascending {
                select!("dataset_id = $2 ORDER BY completed_ms, id LIMIT $3 OFFSET $4")
            } else {
                select!("dataset_id = $2 ORDER BY completed_ms DESC, id DESC LIMIT $3 OFFSET $4")
            };
            tx.rows(sql, values![scope.sandbox, dataset, limit, skip]).await
        }
        _ => {
            let sql = if ascending {
                select!("true ORDER BY completed_ms, id LIMIT $2 OFFSET $3")
            } else {
                select!("true ORDER BY completed_ms DESC, id DESC LIMIT $2 OFFSET $3")
            };
            tx.rows(sql, values![scope.sandbox, limit, skip]).await
        }
    }
}

/// A batch as it is shown. The names of metrics differ by generation of clients: all are there.
fn item(row: &Row, scope: &Scope) -> Result<(String, Value), StoreError> {
    let (id, dataset, status) = (row.text(0)?, row.text(1)?, row.text(2)?);
    let (read, written, failed) = (row.count(3)?, row.count(4)?, row.count(5)?);
    let (input, output, started, completed) = (row.count(6)?, row.count(7)?, row.int(8)?, row.int(9)?);
    let doc: Value = serde_json::from_str(row.text(10)?).unwrap_or_default();
    let errors = doc.get("errors").cloned().unwrap_or_else(|| json!([]));
    let (mapping, validation) = by_step(&errors, failed);
    let files = doc.get("files").and_then(Value::as_array).map_or(0, Vec::len);
    let item = json!({
        "id": id,
        "status": status,
        "relatedObjects": [{ "type": "dataSet", "id": dataset }],
        "inputFormat": { "format": "json" },
        "tags": { "flowId": doc.get("flowIds").cloned().unwrap_or_else(|| json!([])) },
        "metrics": {
            "startTime": started, "endTime": completed,
            "recordsRead": read, "recordsWritten": written, "recordsFailed": failed,
            "inputRecordCount": read, "outputRecordCount": written, "failedRecordCount": failed,
            "inputByteSize": input, "inputRecordSize": input, "recordsSize": input, "inputFileCount": 0,
            "outputByteSize": output, "outputRecordSize": output, "outputFileCount": files, "partitionCount": files,
            "invalidRecordCount": failed, "invalidRecordsMapper": mapping,
            "invalidRecordsStreamingValidation": validation, "invalidRecordsIdentity": 0, "invalidRecordsProfile": 0,
            "invalidRecordsUnknown": failed.saturating_sub(mapping + validation)
        },
        "errors": errors,
        "started": started, "completed": completed, "created": started, "updated": completed,
        "createdClient": "tributary", "createdUser": "tributary", "updatedUser": "tributary",
        "imsOrg": scope.org.as_str(), "sandboxId": scope.sandbox_id.as_str(),
        "replay": {}, "availableDates": {}, "version": "1.0.0"
    });
    Ok((id.to_owned(), item))
}

/// How many records failed in mapping, and how many in validation. A record may have several reasons of validation.
fn by_step(errors: &Value, failed: u64) -> (u64, u64) {
    let count = |error: &Value| error.get("recordCount").and_then(Value::as_u64).unwrap_or(0);
    let of = |prefix: &str| -> Vec<u64> {
        let errors = errors.as_array().into_iter().flatten();
        let is = |error: &&Value| {
            error.get("code").and_then(Value::as_str).is_some_and(|code| code.starts_with(prefix))
        };
        errors.filter(is).map(count).collect()
    };
    let mapping: u64 = of("MAPPER").iter().sum();
    let ours: u64 = of("INGEST").iter().sum();
    let validation = if of("DCVS").is_empty() { 0 } else { failed.saturating_sub(mapping + ours) };
    (mapping, validation)
}
