//! How a stored resource looks in the API.

use serde_json::{Map, Value, json};

use super::body::RESOLVED;
use super::{Wiring, etag};
use crate::{Kind, Saved, Scope};

/// What the look of an item depends on beside the resource.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    pub scope: &'a Scope,
    /// The public address of the inlets without trailing slash, such as `https://host`.
    pub collect_url: &'a str,
}

/// The full item of a connection, source connection, target connection or flow.
pub fn item(saved: &Saved, view: &View<'_>) -> Value {
    let mut item = common(saved, view.scope);
    item.extend(saved.doc.iter().filter(|(name, _)| *name != RESOLVED).map(|(k, v)| (k.clone(), v.clone())));
    item.insert("state".to_owned(), saved.state.clone().into());
    let etag = Value::from(etag(saved));
    item.insert("version".to_owned(), etag.clone());
    item.insert("etag".to_owned(), etag);
    match saved.kind {
        Kind::Connections => add_inlet_url(&mut item, view.collect_url),
        Kind::Flows => {
            // The vendor shows two forms of this link; the OpenAPI file's is the one that a client can follow.
            item.insert("runs".to_owned(), format!("/runs?property=flowId=={}", saved.id).into());
            if let Some(wiring) = Wiring::of(&saved.doc) {
                item.insert("inletUrl".to_owned(), inlet_url(view.collect_url, &wiring.inlet).into());
            }
        }
        _ => {}
    }
    Value::Object(item)
}

fn common(saved: &Saved, scope: &Scope) -> Map<String, Value> {
    let common = json!({
        "id": saved.id,
        "createdAt": saved.created.0,
        "updatedAt": saved.updated.0,
        "createdBy": saved.created_by,
        "updatedBy": saved.updated_by,
        "createdClient": saved.created_client,
        "updatedClient": saved.updated_client,
        "sandboxId": scope.sandbox_id.as_str(),
        "sandboxName": scope.sandbox_name,
        "imsOrgId": scope.org.as_str(),
    });
    match common {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

/// A connection stores its inlet's id; the address follows from where the server is reached.
fn add_inlet_url(item: &mut Map<String, Value>, collect_url: &str) {
    let params = item.get_mut("auth").and_then(|auth| auth.get_mut("params")).and_then(Value::as_object_mut);
    if let Some(params) = params
        && let Some(url) = params.get("inletId").and_then(Value::as_str).map(|id| inlet_url(collect_url, id))
    {
        params.insert("inletUrl".to_owned(), url.into());
    }
}

/// The segment `/collection/` stands in it once: the Kafka sink replaces it by `/collection/batch/`.
fn inlet_url(collect_url: &str, inlet: &str) -> String {
    format!("{collect_url}/collection/{inlet}")
}
