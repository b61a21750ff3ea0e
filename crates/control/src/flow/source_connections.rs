//! Source connections: what of a base connection a flow reads.

use serde_json::{Map, Value, json};
use store::Tx;
use vocab::SourceConnectionId;

use super::body::{check_texts, clean, invalid, object, spec, spec_ref};
use super::patch::{Patch, check_version};
use super::specs::{STREAMING, SpecKind};
use super::{FlowError, Mode, first_state, get, publish_draft, save};
use crate::resource::{self, New};
use crate::{Kind, Saved, Scope};

/// Makes a source connection from a create body.
pub async fn create(
    tx: &mut Tx,
    scope: &Scope,
    body: Map<String, Value>,
    mode: Mode,
) -> Result<Saved, FlowError> {
    let mut doc = clean(body);
    let name = check_texts(&doc)?;
    let spec = spec(&mut doc, "connectionSpec", SpecKind::Connection)?;
    check_contents(&mut doc)?;
    let base = match doc.get("baseConnectionId") {
        Some(Value::String(id)) => Some(id.clone()),
        None | Some(Value::Null) if spec.id() != STREAMING => None,
        None | Some(Value::Null) => {
            return Err(invalid("baseConnectionId is required for this connection spec"));
        }
        Some(_) => return Err(invalid("baseConnectionId must be a string")),
    };
    let mut inherited = Map::new();
    if let Some(id) = &base {
        let connection = connection(tx, scope, id).await?;
        let base_spec = spec_ref(&connection.doc, "connectionSpec");
        if base_spec["id"] != spec.id() {
            return Err(invalid(&format!("the base connection {id} has another connection spec")));
        }
        inherited.insert("baseConnection".to_owned(), json!({ "id": id, "connectionSpec": base_spec }));
    }
    // The base connection and its spec never change, so what is inherited is stored.
    doc.insert("inheritedAttributes".to_owned(), Value::Object(inherited));
    let new = New {
        kind: Kind::SourceConnections,
        id: SourceConnectionId::generate().0,
        name,
        state: first_state(mode),
        doc,
        uses: base.into_iter().map(|id| (Kind::Connections, id)).collect(),
    };
    Ok(resource::insert(tx, scope, new).await?)
}

/// Changes a source connection by a JSON Patch. Flows on it go on as they are.
pub async fn patch(
    tx: &mut Tx,
    scope: &Scope,
    id: &str,
    if_match: Option<&str>,
    body: &Value,
) -> Result<Saved, FlowError> {
    let mut saved = get(tx, scope, Kind::SourceConnections, id).await?;
    saved.doc = Patch::check(&saved, if_match, body)?.apply(&saved.doc)?;
    saved.name = check_texts(&saved.doc)?;
    check_contents(&mut saved.doc)?;
    save(tx, scope, &mut saved, None).await?;
    Ok(saved)
}

/// Makes a draft effective.
pub async fn publish(
    tx: &mut Tx,
    scope: &Scope,
    id: &str,
    if_match: Option<&str>,
) -> Result<Saved, FlowError> {
    let mut saved = get(tx, scope, Kind::SourceConnections, id).await?;
    if let Some(if_match) = if_match {
        check_version(&saved, if_match)?;
    }
    publish_draft(tx, scope, &mut saved).await?;
    Ok(saved)
}

/// `data` and `params` are stored and shown; they have no effect on streaming.
fn check_contents(doc: &mut Map<String, Value>) -> Result<(), FlowError> {
    object(doc, "params")?;
    match doc.get("data") {
        None | Some(Value::Null | Value::Object(_)) => Ok(()),
        Some(_) => Err(invalid("data must be an object")),
    }
}

/// The base connection that a body refers to.
pub(super) async fn connection(tx: &mut Tx, scope: &Scope, id: &str) -> Result<Saved, FlowError> {
    let found = resource::get(tx, scope, Kind::Connections, id).await?;
    found.ok_or_else(|| FlowError::ReferenceNotFound {
        collection: Kind::Connections.name(),
        id: id.to_owned(),
    })
}
