//! The operations on the four collections: HTTP into a call of `control::flow`, and back.

use axum::Json;
use axum::response::{IntoResponse, Response};
use control::flow::flows::Action;
use control::flow::{
    self, FlowError, Listed, Query, View, connections, etag, flows, runs, source_connections,
    target_connections,
};
use control::{Kind, Saved, Scope};
use http::header::ETAG;
use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};
use store::Tx;

use super::problem::{self, Subject};
use crate::api::call::Call;

/// What can be asked of a connection beside its item.
#[derive(Clone, Copy)]
pub(super) enum Probe {
    Test,
    Explore,
    Configs,
}

pub(super) async fn create(call: Call, kind: Kind) -> Response {
    let made = async {
        let (body, mode) = (call.object()?, call.mode());
        let scope = &call.caller.scope;
        let mut tx = call.app.write().await?;
        let saved = match kind {
            Kind::Connections => connections::create(&mut tx, scope, body, mode).await?,
            Kind::SourceConnections => source_connections::create(&mut tx, scope, body, mode).await?,
            Kind::TargetConnections => target_connections::create(&mut tx, scope, body, mode).await?,
            _ => flows::create(&mut tx, scope, body, mode).await?,
        };
        commit(&call, tx, &saved).await?;
        Ok(id_and_etag(StatusCode::CREATED, &saved))
    };
    finish(made.await, &call, kind, None)
}

pub(super) async fn get(call: Call, kind: Kind, id: String) -> Response {
    let found = async {
        let mut tx = call.app.read().await?;
        let saved = flow::get(&mut tx, &call.caller.scope, kind, &id).await?;
        let view = View { scope: &call.caller.scope, collect_url: call.app.base_url() };
        let mut item = flow::item(&saved, &view);
        if kind == Kind::Flows
            && let Some(run) =
                runs::last(&mut tx, &call.caller.scope, &call.app.journal.received(), &saved).await?
        {
            item["lastRunDetails"] = run;
        }
        let body = json!({ "items": [item] });
        Ok(with_etag(&saved, Json(body).into_response()))
    };
    finish(found.await, &call, kind, Some(&id))
}

pub(super) async fn list(call: Call, kind: Kind) -> Response {
    let listed = async { page(&call, kind, &Query::parse(&call.parameters)?, kind.name()).await };
    finish(listed.await, &call, kind, None)
}

/// The same as a list, asked for in a body.
pub(super) async fn search(call: Call, kind: Kind) -> Response {
    let listed = async { page(&call, kind, &call.search()?, &format!("{kind}/search")).await };
    finish(listed.await, &call, kind, None)
}

pub(super) async fn patch(call: Call, kind: Kind, id: String) -> Response {
    let changed = async {
        let mut tx = call.app.write().await?;
        // Whether the resource exists is told before what is wrong with the body.
        flow::get(&mut tx, &call.caller.scope, kind, &id).await?;
        let body = call.json()?;
        let (scope, if_match) = (&call.caller.scope, call.if_match());
        let saved = match kind {
            Kind::Connections => connections::patch(&mut tx, scope, &id, if_match, &body).await?,
            Kind::SourceConnections => {
                source_connections::patch(&mut tx, scope, &id, if_match, &body).await?
            }
            Kind::TargetConnections => {
                target_connections::patch(&mut tx, scope, &id, if_match, &body).await?
            }
            _ => flows::patch(&mut tx, scope, &id, if_match, &body).await?,
        };
        commit(&call, tx, &saved).await?;
        Ok(id_and_etag(StatusCode::OK, &saved))
    };
    finish(changed.await, &call, kind, Some(&id))
}

pub(super) async fn delete(call: Call, kind: Kind, id: String) -> Response {
    let deleted = async {
        let scope = &call.caller.scope;
        let mut tx = call.app.write().await?;
        flow::delete(&mut tx, scope, kind, &id).await?;
        call.app.commit(tx, scope, &[(kind, &id)]).await?;
        Ok(StatusCode::NO_CONTENT.into_response())
    };
    finish(deleted.await, &call, kind, Some(&id))
}

/// `POST …/action?op=`: no body, no content type.
pub(super) async fn act(call: Call, kind: Kind, id: String) -> Response {
    let acted = async {
        let op = call.parameter("op").unwrap_or_default().to_ascii_lowercase();
        let mut tx = call.app.write().await?;
        let saved = run_action(&call, &mut tx, kind, &id, &op).await?;
        commit(&call, tx, &saved).await?;
        Ok(id_and_etag(StatusCode::OK, &saved))
    };
    finish(acted.await, &call, kind, Some(&id))
}

async fn run_action(call: &Call, tx: &mut Tx, kind: Kind, id: &str, op: &str) -> Result<Saved, FlowError> {
    let (scope, if_match) = (&call.caller.scope, call.if_match());
    if op.starts_with("finalize") {
        return Err(FlowError::ProviderOnly(op.to_ascii_uppercase()));
    }
    let progress = call.parameter("subOp").is_some_and(|sub| sub.eq_ignore_ascii_case("progress"));
    match (kind, op) {
        (Kind::Connections, "publish") => connections::publish(tx, scope, id, if_match).await,
        (Kind::SourceConnections, "publish") => source_connections::publish(tx, scope, id, if_match).await,
        (Kind::TargetConnections, "publish") => target_connections::publish(tx, scope, id, if_match).await,
        (Kind::Flows, "enable") if progress => Err(FlowError::ProgressWithEnable),
        (Kind::Flows, "enable") => flows::act(tx, scope, id, if_match, Action::Enable).await,
        (Kind::Flows, "disable") => flows::act(tx, scope, id, if_match, Action::Disable).await,
        (Kind::Flows, "publish") => flows::act(tx, scope, id, if_match, Action::Publish).await,
        (_, "") => Err(FlowError::Invalid("the query parameter op is required".to_owned())),
        (_, unknown) => Err(FlowError::Invalid(format!("{unknown} is no action of {kind}"))),
    }
}

/// What a connection can say about itself. A streaming connection has nothing to explore.
pub(super) async fn probe(call: Call, id: String, probe: Probe) -> Response {
    let answer = async {
        let mut tx = call.app.read().await?;
        let saved = flow::get(&mut tx, &call.caller.scope, Kind::Connections, &id).await?;
        let body = match probe {
            Probe::Test => json!({ "result": saved.state == "enabled" }),
            Probe::Explore => json!([]),
            Probe::Configs => json!({ "items": [] }),
        };
        Ok(Json(body).into_response())
    };
    finish(answer.await, &call, Kind::Connections, Some(&id))
}

async fn page(call: &Call, kind: Kind, query: &Query, path: &str) -> Result<Response, FlowError> {
    let mut tx = call.app.read().await?;
    let found = flow::list(&mut tx, &call.caller.scope, kind, query, call.app.base_url()).await?;
    Ok(listed(found, path))
}

/// The answer to a list request; `path` is where its next page is.
pub(super) fn listed(listed: Listed, path: &str) -> Response {
    let body = match listed {
        Listed::Count(count) => json!({ "count": count }),
        Listed::Page { items, next } => json!({ "items": items, "_links": links(path, next.as_deref()) }),
    };
    Json(body).into_response()
}

/// The link to the next page: relative to the service, with the token as its only parameter. Clients cut the token out
/// of the text after the first `=`, and read `_links` whether there is a next page or not.
fn links(path: &str, next: Option<&str>) -> Value {
    match next {
        None => json!({}),
        Some(token) => json!({ "next": { "href": format!("/{path}?continuationToken={token}") } }),
    }
}

async fn commit(call: &Call, tx: Tx, saved: &Saved) -> Result<(), FlowError> {
    let scope: &Scope = &call.caller.scope;
    Ok(call.app.commit(tx, scope, &[(saved.kind, &saved.id)]).await?)
}

/// The answer of everything that changes a resource.
fn id_and_etag(status: StatusCode, saved: &Saved) -> Response {
    let body = json!({ "id": saved.id, "etag": etag(saved) });
    with_etag(saved, (status, Json(body)).into_response())
}

fn with_etag(saved: &Saved, mut response: Response) -> Response {
    if let Ok(value) = HeaderValue::from_str(&etag(saved)) {
        response.headers_mut().insert(ETAG, value);
    }
    response
}

fn finish(result: Result<Response, FlowError>, call: &Call, kind: Kind, id: Option<&str>) -> Response {
    result.unwrap_or_else(|error| {
        let subject = Subject { collection: kind.name(), id, request_id: &call.caller.request_id };
        problem::response(&error, &subject)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_link_holds_one_parameter() {
        assert_eq!(links("flows", None), json!({}));
        let href = json!({ "next": { "href": "/flows?continuationToken=eyJ" } });
        assert_eq!(links("flows", Some("eyJ")), href);
    }
}
