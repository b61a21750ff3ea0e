//! Base connections. One of the streaming spec owns an inlet: its id is made here, once, and never changes.

use serde_json::{Map, Value};
use store::Tx;
use vocab::{ConnectionId, InletId};

use super::body::{check_texts, clean, invalid, object, spec};
use super::patch::Patch;
use super::specs::{STREAMING, SpecKind};
use super::{FlowError, Mode, check_draft, first_state, get, save};
use crate::resource::{self, New};
use crate::{Kind, Saved, Scope};

/// Makes a connection from a create body.
pub async fn create(
    tx: &mut Tx,
    scope: &Scope,
    body: Map<String, Value>,
    mode: Mode,
) -> Result<Saved, FlowError> {
    let mut doc = clean(body);
    let name = check_texts(&doc)?;
    let spec = spec(&mut doc, "connectionSpec", SpecKind::Connection)?;
    check_auth_spec(&doc, &spec.auth_specs().collect::<Vec<_>>())?;
    if spec.id() == STREAMING {
        let params = auth_params(&mut doc)?;
        params.shift_remove("inletUrl");
        normalise(params)?;
        for defaulted in ["sourceId", "name"] {
            params.entry(defaulted).or_insert_with(|| name.as_str().into());
        }
        params.insert("inletId".to_owned(), InletId::generate().0.into());
    }
    let new = New {
        kind: Kind::Connections,
        id: ConnectionId::generate().0,
        name,
        state: first_state(mode),
        doc,
        uses: Vec::new(),
    };
    Ok(resource::insert(tx, scope, new).await?)
}

/// Changes a connection by a JSON Patch.
pub async fn patch(
    tx: &mut Tx,
    scope: &Scope,
    id: &str,
    if_match: Option<&str>,
    body: &Value,
) -> Result<Saved, FlowError> {
    let mut saved = get(tx, scope, Kind::Connections, id).await?;
    let patch = Patch::check(&saved, if_match, body)?;
    let mut before = saved.doc.clone();
    before.insert("state".to_owned(), saved.state.clone().into());
    let mut doc = patch.apply(&before)?;
    saved.name = check_texts(&doc)?;
    let state = doc.shift_remove("state").unwrap_or_default();
    if patch.touches("state") {
        saved.state = checked_state(&saved.state, &state)?;
    }
    if param(&saved.doc, "inletId").is_some() {
        keep_inlet(&saved.doc, &mut doc)?;
        let changes_type = param(&saved.doc, "dataType") != param(&doc, "dataType");
        if changes_type && !flows_on(tx, scope, id).await?.is_empty() {
            return Err(invalid("dataType cannot be changed while flows use the connection"));
        }
    }
    saved.doc = doc;
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
    let mut saved = get(tx, scope, Kind::Connections, id).await?;
    if let Some(if_match) = if_match {
        super::patch::check_version(&saved, if_match)?;
    }
    check_draft(&saved)?;
    "enabled".clone_into(&mut saved.state);
    save(tx, scope, &mut saved, None).await?;
    Ok(saved)
}

/// Refuses when a flow, in whatever state, uses the connection through a source connection.
pub(super) async fn check_unused(tx: &mut Tx, scope: &Scope, id: &str) -> Result<(), FlowError> {
    let flows = flows_on(tx, scope, id).await?;
    if flows.is_empty() { Ok(()) } else { Err(FlowError::ConnectionUsed { id: id.to_owned(), flows }) }
}

async fn flows_on(tx: &mut Tx, scope: &Scope, id: &str) -> Result<Vec<String>, FlowError> {
    let mut flows = Vec::new();
    for source in resource::users(tx, scope, Kind::SourceConnections, Kind::Connections, id).await? {
        flows.extend(resource::users(tx, scope, Kind::Flows, Kind::SourceConnections, &source).await?);
    }
    Ok(flows)
}

fn check_auth_spec(doc: &Map<String, Value>, known: &[&str]) -> Result<(), FlowError> {
    let auth = doc.get("auth").filter(|auth| !auth.is_null());
    let Some(auth) = auth else {
        return if known.is_empty() {
            Ok(())
        } else {
            Err(invalid("auth is required for this connection spec"))
        };
    };
    match auth.get("specName").and_then(Value::as_str) {
        Some(name) if known.contains(&name) => Ok(()),
        sent => Err(FlowError::UnknownAuthSpec(sent.unwrap_or_default().to_owned())),
    }
}

fn auth_params(doc: &mut Map<String, Value>) -> Result<&mut Map<String, Value>, FlowError> {
    object(object(doc, "auth")?, "params")
}

/// Checks the settings of an inlet and brings them into the form that is stored.
fn normalise(params: &mut Map<String, Value>) -> Result<(), FlowError> {
    let data_type = match params.get("dataType").and_then(Value::as_str) {
        None => return Err(invalid("auth.params.dataType is required: xdm or raw")),
        Some(text) if text.eq_ignore_ascii_case("xdm") => "xdm",
        // The vendor knows no third value; what is not XDM is taken as any JSON.
        Some(_) => "raw",
    };
    params.insert("dataType".to_owned(), data_type.into());
    let required = match params.get("authenticationRequired") {
        None | Some(Value::Null) => false,
        Some(Value::Bool(flag)) => *flag,
        Some(Value::String(text)) if text.eq_ignore_ascii_case("true") => true,
        Some(Value::String(text)) if text.eq_ignore_ascii_case("false") => false,
        Some(_) => return Err(invalid("auth.params.authenticationRequired must be true or false")),
    };
    params.insert("authenticationRequired".to_owned(), required.into());
    for name in ["sourceId", "name"] {
        match params.get(name) {
            None | Some(Value::String(_)) => {}
            Some(Value::Null) => {
                params.shift_remove(name);
            }
            Some(_) => return Err(invalid(&format!("auth.params.{name} must be a string"))),
        }
    }
    Ok(())
}

/// After a patch: the inlet stays the same, and a new set of parameters that says nothing about the data type or the
/// authentication leaves them as they were. An inlet never becomes open by omission.
fn keep_inlet(before: &Map<String, Value>, after: &mut Map<String, Value>) -> Result<(), FlowError> {
    let auth = object(after, "auth")?;
    let specs = before.get("auth").and_then(|auth| auth.get("specName")).cloned().unwrap_or_default();
    auth.entry("specName").or_insert(specs);
    let params = object(auth, "params")?;
    let old = before.get("auth").and_then(|auth| auth.get("params")).and_then(Value::as_object);
    for (name, value) in old.into_iter().flatten() {
        match name.as_str() {
            "inletId" => {
                params.insert(name.clone(), value.clone());
            }
            "dataType" | "authenticationRequired" => {
                params.entry(name.clone()).or_insert_with(|| value.clone());
            }
            _ => {}
        }
    }
    params.shift_remove("inletUrl");
    normalise(params)
}

fn checked_state(old: &str, new: &Value) -> Result<String, FlowError> {
    let new = match new {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if !["enabled", "disabled", "initializing"].contains(&new.as_str()) {
        return Err(FlowError::StateValue(new));
    }
    // A draft becomes effective by publishing alone.
    if old == "draft" { Err(FlowError::WrongState(old.to_owned())) } else { Ok(new) }
}

fn param<'a>(doc: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    doc.get("auth")?.get("params")?.get(name)?.as_str()
}
