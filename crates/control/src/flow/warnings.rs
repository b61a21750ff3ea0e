//! What the mappings of a flow could not do: counts by item of the mapping set and code, with the newest few records of
//! each. They are written by the commits that land the records; here they are read.

use serde_json::{Map, Value, json};
use store::{Row, StoreError, Tx, values};
use vocab::Millis;

use super::{FlowError, get};
use crate::limits::{FLOW_WARNINGS_MAX, RUN_WARNINGS_MAX};
use crate::{Kind, Scope};

/// All warnings of a flow: records by code, for as long as there are runs, and the most frequent items of the last thirty
/// days with samples.
pub async fn of_flow(tx: &mut Tx, scope: &Scope, id: &str) -> Result<Value, FlowError> {
    let flow = get(tx, scope, Kind::Flows, id).await?;
    // The samples are those of the newest hour that has any.
    let sql = "WITH found AS (
                 SELECT mapping_set, version, item, code, sum(records) AS records, max(hour_ms) AS newest
                 FROM mapping_warning WHERE sandbox = $1 AND flow_id = $2
                 GROUP BY mapping_set, version, item, code ORDER BY sum(records) DESC LIMIT $3)
               SELECT found.mapping_set, found.version, found.item, found.code, found.records, one.samples
               FROM found JOIN mapping_warning one ON one.sandbox = $1 AND one.flow_id = $2
                 AND one.hour_ms = found.newest AND one.mapping_set = found.mapping_set
                 AND one.version = found.version AND one.item = found.item AND one.code = found.code
               ORDER BY found.records DESC, found.mapping_set, found.version, found.item, found.code";
    let rows = tx.rows(sql, values![scope.sandbox, &flow.id, FLOW_WARNINGS_MAX]).await?;
    let mut items = Vec::with_capacity(rows.len());
    for row in &rows {
        let (mut item, samples) = read(row)?;
        item.insert("samples".to_owned(), Value::Array(samples));
        items.push(Value::Object(item));
    }
    let sql = "SELECT code, sum(records) FROM outcome_reason
               WHERE sandbox = $1 AND flow_id = $2 AND outcome = 'warned' GROUP BY code ORDER BY code";
    let (mut warned, mut codes) = (0, Vec::new());
    for row in tx.rows(sql, values![scope.sandbox, &flow.id]).await? {
        match (row.text(0)?, row.count(1)?) {
            // Records that have any.
            ("", records) => warned = records,
            (code, records) => codes.push(json!({ "code": code, "recordCount": records })),
        }
    }
    Ok(json!({ "items": items, "recordCount": warned, "codes": codes }))
}

/// The most frequent warnings of one hour of a flow, each with the message of the newest record.
pub(super) async fn of_hour(
    tx: &mut Tx,
    scope: &Scope,
    flow: &str,
    hour: Millis,
) -> Result<Vec<Value>, StoreError> {
    let sql = "SELECT mapping_set, version, item, code, records, samples FROM mapping_warning
               WHERE sandbox = $1 AND flow_id = $2 AND hour_ms = $3
               ORDER BY records DESC, mapping_set, version, item, code LIMIT $4";
    let rows = tx.rows(sql, values![scope.sandbox, flow, hour, RUN_WARNINGS_MAX]).await?;
    let mut found = Vec::with_capacity(rows.len());
    for row in &rows {
        let (mut item, samples) = read(row)?;
        if let Some(newest) = samples.last() {
            for member in ["source", "destination", "message"] {
                item.insert(member.to_owned(), newest.get(member).cloned().unwrap_or_default());
            }
        }
        found.push(Value::Object(item));
    }
    Ok(found)
}

/// A row of the counts, and its samples. What is not of one item of one mapping set has nulls for it.
fn read(row: &Row) -> Result<(Map<String, Value>, Vec<Value>), StoreError> {
    let (set, item) = (row.text(0)?, row.int(2)?);
    let mut shown = Map::new();
    let mut put = |name: &str, value: Value| shown.insert(name.to_owned(), value);
    put("code", row.text(3)?.into());
    put("mappingId", if set.is_empty() { Value::Null } else { set.into() });
    put("mappingVersion", if set.is_empty() { Value::Null } else { row.int(1)?.into() });
    put("mapping", if item < 0 { Value::Null } else { item.into() });
    put("recordCount", row.count(4)?.into());
    Ok((shown, serde_json::from_str(row.text(5)?).unwrap_or_default()))
}
