//! A flow's `transformations`: which of them count, and the mapping set that they name.

use serde_json::{Map, Value};
use store::{Tx, values};
use vocab::schema_ref::major_version;

use super::FlowError;
use super::body::invalid;
use super::specs::Mapped;
use super::wiring::PinnedMapping;
use crate::{Kind, Scope, resource};

/// The one name that the vendor's service knows.
const NAME: &str = "Mapping";

/// The schema of a target dataset.
pub(super) struct TargetSchema {
    pub(super) id: String,
    pub(super) content_type: String,
}

/// Brings `transformations` into the form that is stored: an array in which each mapping is named `Mapping`.
///
/// What cannot have an effect is dropped: a mapping in a flow that maps nothing, an entry without name and mapping
/// (one client always sends one).
pub(super) fn normalise(doc: &mut Map<String, Value>, mapped: Mapped) -> Result<(), FlowError> {
    let sent = match doc.get_mut("transformations").map(Value::take) {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(entries)) => entries,
        Some(_) => return Err(invalid("transformations must be an array")),
    };
    let mut kept = Vec::new();
    for entry in sent {
        let Value::Object(mut entry) = entry else {
            return Err(mapping_error("a transformation must be an object"));
        };
        let unnamed = entry.get("name").is_none_or(Value::is_null);
        let effective = mapped != Mapped::Never && (!unnamed || mapping_id(&entry).is_some());
        if (unnamed || is_mapping(&entry)) && !effective {
            continue;
        }
        if unnamed {
            entry.insert("name".to_owned(), NAME.into());
        }
        kept.push(Value::Object(entry));
    }
    doc.insert("transformations".to_owned(), Value::Array(kept));
    Ok(())
}

/// Finds the mapping set that the flow names, checks it against the target's schema and pins its version: the one
/// that was sent, else the newest. The pinned version is shown when none was sent.
pub(super) async fn pin(
    tx: &mut Tx,
    scope: &Scope,
    doc: &mut Map<String, Value>,
    mapped: Mapped,
    target: Option<&TargetSchema>,
) -> Result<Option<PinnedMapping>, FlowError> {
    let entries = doc.get_mut("transformations").and_then(Value::as_array_mut).into_iter().flatten();
    let mut mappings = entries.filter_map(Value::as_object_mut).filter(|entry| is_mapping(entry));
    let entry = match (mappings.next(), mapped) {
        (_, Mapped::Never) | (None, Mapped::Maybe) => return Ok(None),
        (None, Mapped::Always) => {
            return Err(mapping_error("flows of this spec need a transformation named Mapping"));
        }
        (Some(entry), _) => entry,
    };
    if mappings.next().is_some() {
        return Err(mapping_error("a flow has at most one transformation named Mapping"));
    }
    let id = match (mapping_id(entry), mapped) {
        (Some(id), _) => id.to_owned(),
        (None, Mapped::Maybe) if !names_something(entry) => return Ok(None),
        (None, _) => return Err(mapping_error("the transformation Mapping needs params.mappingId")),
    };
    let sent = sent_version(entry)?;
    let fail_unmapped = fail_unmapped(entry)?;
    let (version, set) = find(tx, scope, &id, sent).await?;
    if let Some(target) = target {
        check_schema(&id, &set, target)?;
    }
    if sent.is_none()
        && let Some(params) = entry.get_mut("params").and_then(Value::as_object_mut)
    {
        params.insert("mappingVersion".to_owned(), version.into());
    }
    Ok(Some(PinnedMapping { id, version, fail_unmapped }))
}

fn is_mapping(entry: &Map<String, Value>) -> bool {
    entry.get("name").and_then(Value::as_str) == Some(NAME)
}

fn mapping_id(entry: &Map<String, Value>) -> Option<&str> {
    entry.get("params")?.get("mappingId")?.as_str().filter(|id| !id.is_empty())
}

/// Whether a mapping set is meant, though its id is no text.
fn names_something(entry: &Map<String, Value>) -> bool {
    let id = entry.get("params").and_then(|params| params.get("mappingId"));
    id.is_some_and(|id| !id.is_null() && id != "")
}

/// `mappingVersion` as a number or as text; both are documented.
fn sent_version(entry: &Map<String, Value>) -> Result<Option<u32>, FlowError> {
    let sent = match entry.get("params").and_then(|params| params.get("mappingVersion")) {
        None | Some(Value::Null) => return Ok(None),
        Some(sent) => sent,
    };
    let version = match sent {
        Value::String(text) => text.trim().parse().ok(),
        number => number.as_u64().and_then(|version| u32::try_from(version).ok()),
    };
    let bad = || FlowError::MappingVersion(format!("mappingVersion {sent} is not a version number"));
    version.map(Some).ok_or_else(bad)
}

/// The switch `failUnmapped`, which is ours: whether a record for which no item writes a value fails.
fn fail_unmapped(entry: &Map<String, Value>) -> Result<bool, FlowError> {
    match entry.get("params").and_then(|params| params.get("failUnmapped")) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(wanted)) => Ok(*wanted),
        Some(other) => Err(mapping_error(&format!("failUnmapped must be true or false, and is {other}"))),
    }
}

/// The mapping set in the wanted version, and that version.
async fn find(
    tx: &mut Tx,
    scope: &Scope,
    id: &str,
    wanted: Option<u32>,
) -> Result<(u32, Map<String, Value>), FlowError> {
    let saved = resource::get(tx, scope, Kind::MappingSets, id).await?;
    let saved = saved.ok_or_else(|| mapping_error(&format!("there is no mapping set with the id {id}")))?;
    let newest =
        saved.doc.get("version").and_then(Value::as_u64).and_then(|v| u32::try_from(v).ok()).unwrap_or(0);
    let Some(wanted) = wanted.filter(|wanted| *wanted != newest) else {
        return Ok((newest, saved.doc));
    };
    let sql = "SELECT doc FROM revision WHERE sandbox = $1 AND kind = $2 AND id = $3 AND version = $4";
    let row = tx.row(sql, values![scope.sandbox, Kind::MappingSets.name(), id, wanted]).await?;
    let doc =
        row.map(|row| row.text(0).map(|text| serde_json::from_str(text).unwrap_or_default())).transpose()?;
    let unknown = || FlowError::MappingVersion(format!("the mapping set {id} has no version {wanted}"));
    Ok((wanted, doc.ok_or_else(unknown)?))
}

fn check_schema(id: &str, set: &Map<String, Value>, target: &TargetSchema) -> Result<(), FlowError> {
    let reference = set.get("outputSchema").and_then(|output| output.get("schemaRef"));
    let text =
        |member: &str| reference.and_then(|reference| reference.get(member)?.as_str()).unwrap_or_default();
    let (mapping_schema, mapping_type) = (text("id"), text("contentType"));
    if same_schema(mapping_schema, mapping_type, &target.id, &target.content_type) {
        return Ok(());
    }
    Err(FlowError::MappingSchema {
        mapping: id.to_owned(),
        mapping_schema: format!("{mapping_schema} ({mapping_type})"),
        dataset_schema: format!("{} ({})", target.id, target.content_type),
    })
}

/// Same id, and the same major version as far as both name one.
pub(super) fn same_schema(id: &str, content_type: &str, other_id: &str, other_type: &str) -> bool {
    let versions_agree = match (major_version(content_type), major_version(other_type)) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    };
    id == other_id && versions_agree
}

fn mapping_error(text: &str) -> FlowError {
    FlowError::Mapping(text.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(mapped: Mapped, sent: Value, expected: Option<Value>) {
        let mut doc = Map::new();
        doc.insert("transformations".to_owned(), sent.clone());
        let result = normalise(&mut doc, mapped);
        assert_eq!(result.ok().map(|()| doc["transformations"].clone()), expected, "{mapped:?} {sent}");
    }

    #[test]
    fn what_counts() {
        let named = json!([{"name": "Mapping", "params": {"mappingId": "m"}}]);
        let unnamed = json!([{"name": null, "params": {"mappingId": "m"}}]);
        let nothing = json!([{"name": null, "params": {}}]);
        let other = json!([{"name": "Copy", "params": {}}]);
        for mapped in [Mapped::Never, Mapped::Maybe, Mapped::Always] {
            check(mapped, json!([]), Some(json!([])));
            check(mapped, Value::Null, Some(json!([])));
            check(mapped, nothing.clone(), Some(json!([])));
            check(mapped, other.clone(), Some(other.clone()));
            check(mapped, json!({}), None);
            check(mapped, json!(["Mapping"]), None);
        }
        check(Mapped::Never, named.clone(), Some(json!([])));
        check(Mapped::Never, unnamed.clone(), Some(json!([])));
        check(Mapped::Always, named.clone(), Some(named.clone()));
        check(Mapped::Always, unnamed, Some(named));
    }

    #[test]
    fn versions() {
        for (sent, expected) in [
            (json!({}), Some(None)),
            (json!({"mappingVersion": null}), Some(None)),
            (json!({"mappingVersion": 0}), Some(Some(0))),
            (json!({"mappingVersion": "2"}), Some(Some(2))),
            (json!({"mappingVersion": -1}), None),
            (json!({"mappingVersion": 1.5}), None),
            (json!({"mappingVersion": "x"}), None),
            (json!({"mappingVersion": true}), None),
            (json!({"mappingVersion": 5_000_000_000u64}), None),
        ] {
            let entry = json!({"params": sent.clone()});
            assert_eq!(sent_version(entry.as_object().unwrap()).ok(), expected, "{sent}");
        }
    }

    #[test]
    fn schemas_agree() {
        let full = "application/vnd.adobe.xed-full+json;version=1";
        assert!(same_schema("a", full, "a", "application/vnd.adobe.xed+json; version=1.0"));
        assert!(same_schema("a", full, "a", ""));
        assert!(!same_schema("a", full, "b", full));
        assert!(!same_schema("a", full, "a", "application/vnd.adobe.xed+json;version=2"));
    }
}
