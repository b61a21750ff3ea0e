//! The operations on classes, field groups, data types, schemas and behaviours: HTTP into a call of
//! `control::registry`, and back.

use axum::Json;
use axum::response::{IntoResponse, Response};
use control::Saved;
use control::registry::{self, Container, Listed, Reading, RegistryError};
use http::StatusCode;
use serde_json::{Value, json};
use store::Tx;
use xdm::library::ResourceKind;

use super::call::{form, json, query};
use super::{BASE, problem};
use crate::api::call::Call;

pub(super) async fn create(call: Call, kind: ResourceKind) -> Response {
    let made = async {
        let body = json(&call)?;
        let mut tx = call.app.write().await?;
        let (saved, shown) = registry::create(&mut tx, &call.caller.scope, kind, body).await?;
        commit(&call, tx, &saved).await?;
        Ok((StatusCode::CREATED, Json(shown)).into_response())
    };
    finish(made.await, &call)
}

pub(super) async fn get(call: Call, container: Container, kind: ResourceKind, id: String) -> Response {
    let found = async {
        let form = form(&call, Reading::Lookup)?;
        let mut tx = call.app.read().await?;
        let shown = registry::get(&mut tx, &call.caller.scope, container, kind, &id, form.as_ref()).await?;
        Ok(Json(shown).into_response())
    };
    finish(found.await, &call)
}

pub(super) async fn list(
    call: Call,
    container: Container,
    name: &'static str,
    kind: ResourceKind,
) -> Response {
    let listed = async {
        let (form, query) = (form(&call, Reading::List)?, query(&call)?);
        let mut tx = call.app.read().await?;
        let listed =
            registry::list(&mut tx, &call.caller.scope, container, kind, query, form.as_ref()).await?;
        Ok(Json(page(listed, call.app.base_url(), container, name, &call.parameters)).into_response())
    };
    finish(listed.await, &call)
}

pub(super) async fn replace(call: Call, kind: ResourceKind, id: String) -> Response {
    let changed = async {
        let body = json(&call)?;
        let mut tx = call.app.write().await?;
        let (saved, shown) = registry::replace(&mut tx, &call.caller.scope, kind, &id, body).await?;
        commit(&call, tx, &saved).await?;
        Ok(Json(shown).into_response())
    };
    finish(changed.await, &call)
}

pub(super) async fn patch(call: Call, kind: ResourceKind, id: String) -> Response {
    let changed = async {
        let patch = json(&call)?;
        let mut tx = call.app.write().await?;
        let (saved, shown) = registry::patch(&mut tx, &call.caller.scope, kind, &id, &patch).await?;
        commit(&call, tx, &saved).await?;
        Ok(Json(shown).into_response())
    };
    finish(changed.await, &call)
}

pub(super) async fn delete(call: Call, kind: ResourceKind, id: String) -> Response {
    let deleted = async {
        let mut tx = call.app.write().await?;
        let saved = registry::delete(&mut tx, &call.caller.scope, kind, &id).await?;
        commit(&call, tx, &saved).await?;
        Ok(StatusCode::NO_CONTENT.into_response())
    };
    finish(deleted.await, &call)
}

async fn commit(call: &Call, tx: Tx, saved: &Saved) -> Result<(), RegistryError> {
    Ok(call.app.commit(tx, &call.caller.scope, &[(saved.kind, &saved.id)]).await?)
}

pub(super) fn finish(result: Result<Response, RegistryError>, call: &Call) -> Response {
    result.unwrap_or_else(|error| problem::response(&error, &call.caller))
}

/// The envelope of a list. Clients read `_page.next` whether there is a next page or not.
pub(super) fn page(
    listed: Listed,
    base_url: &str,
    container: Container,
    name: &str,
    parameters: &[(String, String)],
) -> Value {
    let here = match container {
        Container::Tenant => "tenant",
        Container::Global => "global",
    };
    let start = match &listed.next {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    };
    let next = start.map(|start| {
        let mut parameters = parameters.to_vec();
        parameters.retain(|(name, _)| !name.eq_ignore_ascii_case("start"));
        parameters.push(("start".to_owned(), start));
        json!({ "href": link(base_url, here, name, &parameters) })
    });
    let mut links = json!({ "next": next });
    if container == Container::Tenant {
        links["global_schemas"] = json!({ "href": link(base_url, "global", name, parameters) });
    }
    let paging = json!({ "orderby": listed.order, "next": listed.next, "count": listed.results.len() });
    json!({ "results": listed.results, "_page": paging, "_links": links })
}

fn link(base_url: &str, container: &str, name: &str, parameters: &[(String, String)]) -> String {
    let path = format!("{base_url}{BASE}/{container}/{name}");
    // Pairs of strings always have a query form.
    let query = serde_urlencoded::to_string(parameters).unwrap_or_default();
    if query.is_empty() { path } else { format!("{path}?{query}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn envelopes() {
        let listed = |next: Value| Listed { results: vec![json!(1)], next, order: "title".to_owned() };
        let parameters = [("limit", "1"), ("Start", "a")].map(|(k, v)| (k.to_owned(), v.to_owned()));
        let base = "http://h/data/foundation/schemaregistry";
        let expected = json!({
            "results": [1],
            "_page": {"orderby": "title", "next": "b c", "count": 1},
            "_links": {
                "next": {"href": format!("{base}/tenant/schemas?limit=1&start=b+c")},
                "global_schemas": {"href": format!("{base}/global/schemas?limit=1&Start=a")},
            },
        });
        let found = page(listed(json!("b c")), "http://h", Container::Tenant, "schemas", &parameters);
        assert_eq!(found, expected);
        let last = page(listed(Value::Null), "http://h", Container::Global, "classes", &[]);
        assert_eq!((&last["_page"]["next"], &last["_links"]), (&Value::Null, &json!({"next": null})));
    }
}
