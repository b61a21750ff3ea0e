//! Flow Service over HTTP. The four collections answer alike, so their routes are made by one function; what differs
//! among them is in [`operations`]. The rules are in `control::flow`.

mod call;
mod operations;
mod problem;
mod runs;
mod specs;

use axum::Router;
use axum::extract::Path;
use axum::response::Response;
use axum::routing::{get, post};
use control::Kind;
use control::flow::specs::SpecKind;

use crate::api::call::Call;
use crate::app::App;

const BASE: &str = "/data/foundation/flowservice";

pub(crate) fn routes() -> Router<App> {
    let search = |kind| post(move |call: Call| operations::search(call, kind));
    Router::new()
        .merge(collection(Kind::Connections))
        .merge(collection(Kind::SourceConnections))
        .merge(collection(Kind::TargetConnections))
        .merge(collection(Kind::Flows))
        .route(&format!("{BASE}/connections/search"), search(Kind::Connections))
        .route(&format!("{BASE}/flows/search"), search(Kind::Flows))
        .route(&format!("{BASE}/connections/{{id}}/test"), get(test))
        .route(&format!("{BASE}/connections/{{id}}/explore"), get(explore))
        .route(&format!("{BASE}/connections/{{id}}/configs"), get(configs))
        .merge(runs::routes())
        .merge(spec_routes(SpecKind::Connection))
        .merge(spec_routes(SpecKind::Flow))
        .route(&format!("{BASE}/flowSpecs/search"), post(specs::search))
}

fn collection(kind: Kind) -> Router<App> {
    let many = get(move |call: Call| operations::list(call, kind))
        .post(move |call: Call| operations::create(call, kind));
    let one = get(move |Path(id): Path<String>, call: Call| operations::get(call, kind, id))
        .patch(move |Path(id): Path<String>, call: Call| operations::patch(call, kind, id))
        .delete(move |Path(id): Path<String>, call: Call| operations::delete(call, kind, id));
    let action = post(move |Path(id): Path<String>, call: Call| operations::act(call, kind, id));
    Router::new()
        .route(&format!("{BASE}/{kind}"), many)
        .route(&format!("{BASE}/{kind}/{{id}}"), one)
        .route(&format!("{BASE}/{kind}/{{id}}/action"), action)
}

fn spec_routes(kind: SpecKind) -> Router<App> {
    let name = kind.collection();
    let refuse = move |call: Call| specs::refuse(call, kind);
    let one = get(move |Path(id): Path<String>, call: Call| specs::get(call, kind, id)).put(refuse);
    Router::new()
        .route(&format!("{BASE}/{name}"), get(move |call: Call| specs::list(call, kind)).post(refuse))
        .route(&format!("{BASE}/{name}/{{id}}"), one)
}

async fn test(Path(id): Path<String>, call: Call) -> Response {
    operations::probe(call, id, operations::Probe::Test).await
}

async fn explore(Path(id): Path<String>, call: Call) -> Response {
    operations::probe(call, id, operations::Probe::Explore).await
}

async fn configs(Path(id): Path<String>, call: Call) -> Response {
    operations::probe(call, id, operations::Probe::Configs).await
}
