//! The audit log: what each write changed in a resource, beside the resource under its revision.

use serde_json::{Map, Value, json};
use store::{StoreError, Tx, values};

use super::ids::{resource_kind, tenant_kind, word};
use super::parts::Parts;
use super::{Found, RegistryError, find};
use crate::limits::AUDIT_ENTRIES_MAX;
use crate::{Saved, Scope};

/// Notes what a write changed. `before` is empty for a new resource.
pub(super) async fn record(
    tx: &mut Tx,
    scope: &Scope,
    before: &Map<String, Value>,
    saved: &Saved,
) -> Result<(), StoreError> {
    let mut trails = Vec::new();
    members(before, &saved.doc, "", &mut trails);
    let entry = json!({ "user": saved.updated_by, "client": saved.updated_client, "trails": trails });
    let sql = "INSERT INTO revision (sandbox, kind, id, version, created_ms, doc)
               VALUES ($1, $2, $3, $4, $5, $6)";
    let kind = saved.kind.name();
    tx.execute(sql, values![scope.sandbox, kind, &saved.id, saved.rev, saved.updated, entry.to_string()])
        .await?;
    Ok(())
}

/// Forgets a resource that is deleted.
pub(super) async fn forget(tx: &mut Tx, scope: &Scope, saved: &Saved) -> Result<(), StoreError> {
    let sql = "DELETE FROM revision WHERE sandbox = $1 AND kind = $2 AND id = $3";
    tx.execute(sql, values![scope.sandbox, saved.kind.name(), &saved.id]).await.map(drop)
}

/// The changes of a resource and of the tenant's resources that it is made of, newest first. What is standard never
/// changes.
pub async fn log(tx: &mut Tx, scope: &Scope, id: &str) -> Result<Vec<Value>, RegistryError> {
    let found = find(tx, scope, id).await?.ok_or_else(|| RegistryError::unknown(id))?;
    let parts = Parts::of(tx, scope, &found.doc()).await?;
    let mut changed: Vec<String> = parts.ids().map(str::to_owned).collect();
    if let Found::Tenant(saved) = &found {
        changed.push(saved.id.clone());
    }
    let mut entries: Vec<(i64, Value)> = Vec::new();
    for part in changed {
        let Some(kind) = tenant_kind(scope, &part) else { continue };
        let sql = "SELECT created_ms, doc FROM revision WHERE sandbox = $1 AND kind = $2 AND id = $3
                   ORDER BY version DESC LIMIT $4";
        let limit = i64::try_from(AUDIT_ENTRIES_MAX).unwrap_or(i64::MAX);
        for row in tx.rows(sql, values![scope.sandbox, kind.name(), &part, limit]).await? {
            let noted: Value = serde_json::from_str(row.text(1)?).unwrap_or_default();
            let kind = resource_kind(kind).map(word);
            entries.push((row.int(0)?, entry(scope, found.id(), &part, kind, row.int(0)?, noted)));
        }
    }
    // Entries of one resource are in order already, and stay so within one millisecond.
    entries.sort_by_key(|(time, _)| std::cmp::Reverse(*time));
    entries.truncate(AUDIT_ENTRIES_MAX);
    Ok(entries.into_iter().map(|(_, entry)| entry).collect())
}

fn entry(scope: &Scope, id: &str, part: &str, kind: Option<&str>, updated: i64, mut noted: Value) -> Value {
    let mut trails = noted.get_mut("trails").map(Value::take).unwrap_or_default();
    for trail in trails.as_array_mut().into_iter().flatten() {
        trail["id"] = json!(part);
        trail["xdmType"] = json!(kind);
    }
    json!({
        "id": id,
        "auditTrails": trails,
        "updatedUser": noted.get("user"),
        "imsOrg": scope.org.as_str(),
        "updated": updated,
        "clientId": noted.get("client"),
        "sandBoxId": scope.sandbox_id.as_str(),
    })
}

/// The differences of two objects, as steps with JSON pointers.
fn members(old: &Map<String, Value>, new: &Map<String, Value>, path: &str, trails: &mut Vec<Value>) {
    let below = |name: &str| format!("{path}/{}", name.replace('~', "~0").replace('/', "~1"));
    for (name, value) in old {
        match new.get(name) {
            None => trails.push(json!({ "action": "remove", "path": below(name), "value": value })),
            Some(other) => values_of(value, other, &below(name), trails),
        }
    }
    for (name, value) in new.iter().filter(|(name, _)| !old.contains_key(*name)) {
        trails.push(json!({ "action": "add", "path": below(name), "value": value }));
    }
}

fn values_of(old: &Value, new: &Value, path: &str, trails: &mut Vec<Value>) {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => members(old, new, path, trails),
        (Value::Array(old), Value::Array(new)) => {
            for (at, (old, new)) in old.iter().zip(new).enumerate() {
                values_of(old, new, &format!("{path}/{at}"), trails);
            }
            for (at, value) in old.iter().enumerate().skip(new.len()) {
                trails.push(json!({ "action": "remove", "path": format!("{path}/{at}"), "value": value }));
            }
            for (at, value) in new.iter().enumerate().skip(old.len()) {
                trails.push(json!({ "action": "add", "path": format!("{path}/{at}"), "value": value }));
            }
        }
        (old, new) if old == new => {}
        _ => trails.push(json!({ "action": "replace", "path": path, "value": new })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences() {
        let old = json!({"a": 1, "b": {"c~d/e": [1, 2]}, "gone": true});
        let new = json!({"a": 2, "b": {"c~d/e": [1, 3, {}]}, "new": null});
        let mut found = Vec::new();
        values_of(&old, &new, "", &mut found);
        let step =
            |action: &str, path: &str, value: Value| json!({"action": action, "path": path, "value": value});
        let expected = [
            step("replace", "/a", json!(2)),
            step("replace", "/b/c~0d~1e/1", json!(3)),
            step("add", "/b/c~0d~1e/2", json!({})),
            step("remove", "/gone", json!(true)),
            step("add", "/new", json!(null)),
        ];
        assert_eq!(found, expected);
        let mut found = Vec::new();
        values_of(&json!([1, 2]), &json!([1]), "/x", &mut found);
        assert_eq!(found, [step("remove", "/x/1", json!(2))]);
    }
}
