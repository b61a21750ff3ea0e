//! Flows: from one inlet to one dataset, with a mapping or without.

use serde_json::{Map, Value, json};
use store::Tx;
use vocab::FlowId;

use super::body::{check_texts, clean, invalid, spec, spec_ref};
use super::mapping::{TargetSchema, normalise, pin};
use super::patch::{Patch, check_version};
use super::source_connections::connection;
use super::specs::{STREAMING, Spec, SpecKind};
use super::target_connections::{dataset_id, dataset_schema};
use super::{FlowError, Mode, Wiring, check_draft, first_state, get, save};
use crate::resource::{self, New};
use crate::{Kind, Saved, Scope};

/// What can be done to a flow beside changing it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Enable,
    Disable,
    /// Completes a draft and enables it.
    Publish,
}

impl Action {
    fn name(self) -> &'static str {
        match self {
            Action::Enable => "enable",
            Action::Disable => "disable",
            Action::Publish => "publish",
        }
    }

    /// The word in `lastOperation`, which knows no publishing.
    fn operation(self) -> &'static str {
        if self == Action::Disable { "disable" } else { "enable" }
    }

    /// The state after it.
    fn state(self) -> &'static str {
        if self == Action::Disable { "disabled" } else { "enabled" }
    }
}

/// The one source connection of a flow and the connection that it reads.
struct Source {
    id: String,
    doc: Map<String, Value>,
    connection: String,
    inlet: String,
}

/// The one target connection of a flow and its dataset.
struct Target {
    id: String,
    doc: Map<String, Value>,
    dataset: String,
    schema: TargetSchema,
}

/// Makes a flow from a create body. In draft mode only the name and the flow spec must be there.
pub async fn create(
    tx: &mut Tx,
    scope: &Scope,
    body: Map<String, Value>,
    mode: Mode,
) -> Result<Saved, FlowError> {
    if body.contains_key("state") {
        return Err(FlowError::StateInCreate);
    }
    let mut doc = clean(body);
    let name = check_texts(&doc)?;
    spec(&mut doc, "flowSpec", SpecKind::Flow)?;
    let uses = resolve(tx, scope, &mut doc, mode).await?;
    doc.insert("lastOperation".to_owned(), operation("create", scope, json!([])));
    let id = FlowId::generate().0;
    let new = New { kind: Kind::Flows, id, name, state: first_state(mode), doc, uses };
    Ok(resource::insert(tx, scope, new).await?)
}

/// Changes a flow by a JSON Patch. The flow takes in what became of its connections meanwhile.
pub async fn patch(
    tx: &mut Tx,
    scope: &Scope,
    id: &str,
    if_match: Option<&str>,
    body: &Value,
) -> Result<Saved, FlowError> {
    let mut saved = get(tx, scope, Kind::Flows, id).await?;
    let patch = Patch::check(&saved, if_match, body)?;
    let mut doc = patch.apply(&saved.doc)?;
    saved.name = check_texts(&doc)?;
    let mode = if saved.state == "draft" { Mode::Draft } else { Mode::Complete };
    let before = doc.clone();
    let uses = match resolve(tx, scope, &mut doc, mode).await {
        Ok(uses) => Some(uses),
        Err(FlowError::Store(error)) => return Err(error.into()),
        Err(error) if patch.touches("transformations") => return Err(error),
        // The dataset or the mapping set is gone. That is no reason to refuse a new name.
        Err(_) => {
            doc = before;
            None
        }
    };
    doc.insert("lastOperation".to_owned(), operation("update", scope, patch.shown));
    saved.doc = doc;
    save(tx, scope, &mut saved, uses.as_deref()).await?;
    Ok(saved)
}

/// Enables, disables or publishes a flow. Enabling an enabled flow changes nothing, and so for disabling.
pub async fn act(
    tx: &mut Tx,
    scope: &Scope,
    id: &str,
    if_match: Option<&str>,
    action: Action,
) -> Result<Saved, FlowError> {
    let mut saved = get(tx, scope, Kind::Flows, id).await?;
    if let Some(if_match) = if_match {
        check_version(&saved, if_match)?;
    }
    let mut uses = None;
    if action == Action::Publish {
        check_draft(&saved)?;
        uses = Some(resolve(tx, scope, &mut saved.doc, Mode::Complete).await?);
    } else if saved.state == "draft" {
        return Err(FlowError::Transition { action: action.name(), state: saved.state });
    } else if saved.state == action.state() {
        return Ok(saved);
    }
    action.state().clone_into(&mut saved.state);
    saved.doc.insert("lastOperation".to_owned(), operation(action.operation(), scope, json!([])));
    save(tx, scope, &mut saved, uses.as_deref()).await?;
    Ok(saved)
}

/// Checks what the flow refers to and writes into its document what follows from it: the wiring, the inherited
/// attributes, the normalised transformations. Returns what the flow uses. A draft may lack any of them.
async fn resolve(
    tx: &mut Tx,
    scope: &Scope,
    doc: &mut Map<String, Value>,
    mode: Mode,
) -> Result<Vec<(Kind, String)>, FlowError> {
    let spec = spec(doc, "flowSpec", SpecKind::Flow)?;
    let source = allow(source(tx, scope, doc, spec).await, mode)?;
    let target = allow(target(tx, scope, doc, spec).await, mode)?;
    normalise(doc, spec.mapped())?;
    let schema = target.as_ref().map(|target| &target.schema);
    let pinned = pin(tx, scope, doc, spec.mapped(), schema).await;
    let complete = pinned.is_ok();
    let mapping = allow(pinned, mode)?.flatten();
    let mut uses = Vec::new();
    uses.extend(source.iter().map(|source| (Kind::SourceConnections, source.id.clone())));
    uses.extend(target.iter().map(|target| (Kind::TargetConnections, target.id.clone())));
    uses.extend(target.iter().map(|target| (Kind::DataSets, target.dataset.clone())));
    uses.extend(mapping.iter().map(|mapping| (Kind::MappingSets, mapping.id.clone())));
    doc.insert("inheritedAttributes".to_owned(), inherited(spec, source.as_ref(), target.as_ref()));
    let wiring = match (source, target) {
        (Some(source), Some(target)) if complete => Some(Wiring {
            connection: source.connection,
            inlet: source.inlet,
            dataset: target.dataset,
            mapping,
        }),
        _ => None,
    };
    Wiring::store(wiring.as_ref(), doc);
    Ok(uses)
}

/// In a draft, what breaks a rule counts as not there yet.
fn allow<T>(result: Result<T, FlowError>, mode: Mode) -> Result<Option<T>, FlowError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(FlowError::Store(error)) => Err(error.into()),
        Err(_) if mode == Mode::Draft => Ok(None),
        Err(error) => Err(error),
    }
}

async fn source(
    tx: &mut Tx,
    scope: &Scope,
    doc: &Map<String, Value>,
    flow_spec: &Spec,
) -> Result<Source, FlowError> {
    let id = only_id(doc, "sourceConnectionIds")?;
    let saved = referenced(tx, scope, Kind::SourceConnections, &id).await?;
    let spec = spec_ref(&saved.doc, "connectionSpec");
    let spec = spec["id"].as_str().unwrap_or_default();
    // Of the specs that the vendor lists here only the streaming one can feed a flow.
    if !flow_spec.takes_source(spec) || spec != STREAMING {
        return Err(invalid(&format!(
            "source connection {id}: its connection spec does not go with the flow spec"
        )));
    }
    let base = saved.doc.get("baseConnectionId").and_then(Value::as_str).unwrap_or_default();
    let base = connection(tx, scope, base).await?;
    check_published(&base)?;
    let inlet = base.doc.get("auth").and_then(|auth| auth.get("params")?.get("inletId")?.as_str());
    let inlet = inlet.unwrap_or_default().to_owned();
    Ok(Source { id, doc: saved.doc, connection: base.id, inlet })
}

async fn target(
    tx: &mut Tx,
    scope: &Scope,
    doc: &Map<String, Value>,
    flow_spec: &Spec,
) -> Result<Target, FlowError> {
    let id = only_id(doc, "targetConnectionIds")?;
    let saved = referenced(tx, scope, Kind::TargetConnections, &id).await?;
    let spec = spec_ref(&saved.doc, "connectionSpec");
    if !flow_spec.takes_target(spec["id"].as_str().unwrap_or_default()) {
        return Err(invalid(&format!(
            "target connection {id}: its connection spec does not go with the flow spec"
        )));
    }
    let dataset = dataset_id(&saved.doc).unwrap_or_default().to_owned();
    let schema = dataset_schema(tx, scope, &dataset).await?;
    Ok(Target { id, doc: saved.doc, dataset, schema })
}

/// The one id in an array of ids: a streaming flow has one source and one target.
fn only_id(doc: &Map<String, Value>, member: &str) -> Result<String, FlowError> {
    match doc.get(member).and_then(Value::as_array).map(Vec::as_slice) {
        Some([Value::String(id)]) => Ok(id.clone()),
        _ => Err(invalid(&format!("{member} must be an array with exactly one id"))),
    }
}

async fn referenced(tx: &mut Tx, scope: &Scope, kind: Kind, id: &str) -> Result<Saved, FlowError> {
    let found = resource::get(tx, scope, kind, id).await?;
    let found =
        found.ok_or_else(|| FlowError::ReferenceNotFound { collection: kind.name(), id: id.to_owned() })?;
    check_published(&found)?;
    Ok(found)
}

fn check_published(saved: &Saved) -> Result<(), FlowError> {
    if saved.state == "draft" {
        return Err(invalid(&format!("{} {} is a draft: publish it first", saved.kind, saved.id)));
    }
    Ok(())
}

/// Clients read the first target's connection spec without a guard, so a draft without a target shows the usual one.
fn inherited(spec: &Spec, source: Option<&Source>, target: Option<&Target>) -> Value {
    let sources = source.map(|source| {
        let base =
            source.doc.get("inheritedAttributes").and_then(|inherited| inherited.get("baseConnection"));
        json!({
            "id": source.id,
            "connectionSpec": spec_ref(&source.doc, "connectionSpec"),
            "baseConnection": base,
        })
    });
    let target = match target {
        Some(target) => json!({
            "id": target.id,
            "connectionSpec": spec_ref(&target.doc, "connectionSpec"),
        }),
        None => json!({ "connectionSpec": { "id": spec.usual_target(), "version": "1.0" } }),
    };
    json!({
        "properties": { "isSourceFlow": true, "isDestinationFlow": false },
        "sourceConnections": sources.into_iter().collect::<Vec<_>>(),
        "targetConnections": [target],
    })
}

/// Operations are done when they are answered.
fn operation(name: &str, scope: &Scope, ops: Value) -> Value {
    json!({
        "started": scope.now.0,
        "updated": scope.now.0,
        "percentCompleted": 100.0,
        "status": { "value": "completed", "errors": [] },
        "ops": ops,
        "operation": name,
    })
}
