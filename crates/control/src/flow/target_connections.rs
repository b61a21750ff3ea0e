//! Target connections: the dataset that a flow writes.

use serde_json::{Map, Value};
use store::Tx;
use vocab::TargetConnectionId;

use super::body::{check_texts, clean, invalid, object, spec};
use super::mapping::{TargetSchema, same_schema};
use super::patch::{Patch, check_version};
use super::specs::{DATA_LAKE, SpecKind};
use super::{FlowError, Mode, first_state, get, publish_draft, save};
use crate::resource::{self, New};
use crate::{Kind, Saved, Scope};

/// Makes a target connection from a create body.
pub async fn create(
    tx: &mut Tx,
    scope: &Scope,
    body: Map<String, Value>,
    mode: Mode,
) -> Result<Saved, FlowError> {
    let mut doc = clean(body);
    let name = check_texts(&doc)?;
    spec(&mut doc, "connectionSpec", SpecKind::Connection)?;
    if doc.get("data").is_none_or(Value::is_null) {
        return Err(invalid("data is required"));
    }
    let uses = check_contents(tx, scope, &mut doc).await?;
    doc.insert("inheritedAttributes".to_owned(), Value::Object(Map::new()));
    let new = New {
        kind: Kind::TargetConnections,
        id: TargetConnectionId::generate().0,
        name,
        state: first_state(mode),
        doc,
        uses,
    };
    Ok(resource::insert(tx, scope, new).await?)
}

/// Changes a target connection by a JSON Patch. Flows to it keep their dataset until they are changed themselves.
pub async fn patch(
    tx: &mut Tx,
    scope: &Scope,
    id: &str,
    if_match: Option<&str>,
    body: &Value,
) -> Result<Saved, FlowError> {
    let mut saved = get(tx, scope, Kind::TargetConnections, id).await?;
    let patch = Patch::check(&saved, if_match, body)?;
    saved.doc = patch.apply(&saved.doc)?;
    saved.name = check_texts(&saved.doc)?;
    // A new name does not depend on whether the dataset is still there.
    let uses = if patch.touches("params") || patch.touches("data") {
        Some(check_contents(tx, scope, &mut saved.doc).await?)
    } else {
        None
    };
    save(tx, scope, &mut saved, uses.as_deref()).await?;
    Ok(saved)
}

/// Makes a draft effective.
pub async fn publish(
    tx: &mut Tx,
    scope: &Scope,
    id: &str,
    if_match: Option<&str>,
) -> Result<Saved, FlowError> {
    let mut saved = get(tx, scope, Kind::TargetConnections, id).await?;
    if let Some(if_match) = if_match {
        check_version(&saved, if_match)?;
    }
    publish_draft(tx, scope, &mut saved).await?;
    Ok(saved)
}

/// The dataset that a stored target connection names.
pub(super) fn dataset_id(doc: &Map<String, Value>) -> Option<&str> {
    let params = doc.get("params")?;
    // One client spells it `datasetId`.
    params.get("dataSetId").or_else(|| params.get("datasetId"))?.as_str()
}

/// The schema of a dataset of the sandbox.
pub(super) async fn dataset_schema(tx: &mut Tx, scope: &Scope, id: &str) -> Result<TargetSchema, FlowError> {
    let dataset = resource::get(tx, scope, Kind::DataSets, id).await?;
    let dataset = dataset.ok_or_else(|| invalid(&format!("there is no dataset with the id {id}")))?;
    let text = |member: &str| {
        let reference = dataset.doc.get("schemaRef")?;
        reference.get(member)?.as_str().map(str::to_owned)
    };
    Ok(TargetSchema {
        id: text("id").unwrap_or_default(),
        content_type: text("contentType").unwrap_or_default(),
    })
}

/// Checks `data` and `params`, fills in what follows from the dataset, and says what is used.
async fn check_contents(
    tx: &mut Tx,
    scope: &Scope,
    doc: &mut Map<String, Value>,
) -> Result<Vec<(Kind, String)>, FlowError> {
    object(doc, "params")?;
    object(doc, "data")?;
    let Some(dataset) = dataset_id(doc).map(str::to_owned) else {
        let lake =
            doc.get("connectionSpec").and_then(|spec| spec.get("id")).is_some_and(|id| id == DATA_LAKE);
        return if lake { Err(invalid("params.dataSetId is required")) } else { Ok(Vec::new()) };
    };
    let schema = dataset_schema(tx, scope, &dataset).await?;
    check_schema(object(doc, "data")?, &dataset, &schema)?;
    object(doc, "params")?.insert("dataSetId".to_owned(), dataset.clone().into());
    Ok(vec![(Kind::DataSets, dataset)])
}

/// `data.schema` must be the dataset's; without one it is taken from there.
fn check_schema(
    data: &mut Map<String, Value>,
    dataset: &str,
    schema: &TargetSchema,
) -> Result<(), FlowError> {
    let sent = object(data, "schema")?;
    let text = |member: &str| sent.get(member).and_then(Value::as_str);
    let version = text("version").unwrap_or_default();
    match text("id").or_else(|| text("schemaId")) {
        Some(id) if same_schema(id, version, &schema.id, &schema.content_type) => {}
        Some(id) => {
            let theirs = format!("{} ({})", schema.id, schema.content_type);
            let text =
                format!("data.schema {id} ({version}) is not the schema of dataset {dataset}: {theirs}");
            return Err(FlowError::Invalid(text));
        }
        None => {
            sent.insert("id".to_owned(), schema.id.clone().into());
        }
    }
    if sent.get("version").is_none_or(Value::is_null) {
        sent.insert("version".to_owned(), schema.content_type.clone().into());
    }
    Ok(())
}
