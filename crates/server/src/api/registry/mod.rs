//! Schema Registry over HTTP. Its collections answer alike, so their routes are made by one function; descriptors, unions,
//! statistics and the calls under `/rpc` have handlers of their own. The rules are in `control::registry`.

mod call;
mod descriptors;
mod operations;
mod problem;
mod rpc;
mod stats;
mod unions;

use axum::Router;
use axum::extract::Path;
use axum::response::Response;
use axum::routing::{MethodRouter, get, post};
use control::registry::{Container, RegistryError};
use xdm::library::ResourceKind;

use crate::api::call::Call;
use crate::app::App;

const BASE: &str = "/data/foundation/schemaregistry";

/// The collections by their names in paths. `mixins` is what field groups were called; one document and its clients
/// write `schema` for one of the schemas.
const COLLECTIONS: [(&str, ResourceKind); 7] = [
    ("behaviors", ResourceKind::Behaviors),
    ("classes", ResourceKind::Classes),
    ("fieldgroups", ResourceKind::FieldGroups),
    ("mixins", ResourceKind::FieldGroups),
    ("datatypes", ResourceKind::DataTypes),
    ("schemas", ResourceKind::Schemas),
    ("schema", ResourceKind::Schemas),
];

pub(crate) fn routes() -> Router<App> {
    let mut router = Router::new()
        .route(&format!("{BASE}/stats"), get(stats::get))
        .route(&format!("{BASE}/tenant/descriptors"), get(descriptors::list).post(descriptors::create))
        .route(
            &format!("{BASE}/tenant/descriptors/{{id}}"),
            get(descriptors::get).put(descriptors::replace).delete(descriptors::delete),
        )
        .route(&format!("{BASE}/global/descriptors"), get(descriptors::list_global))
        .route(&format!("{BASE}/rpc/sampledata/{{id}}"), get(rpc::sample))
        .route(&format!("{BASE}/rpc/export/{{id}}"), get(rpc::export))
        // One published client imports there.
        .route(&format!("{BASE}/rpc/export"), post(rpc::import))
        .route(&format!("{BASE}/rpc/import"), post(rpc::import))
        .route(&format!("{BASE}/rpc/auditlog/{{id}}"), get(rpc::audit_log))
        .route(&format!("{BASE}/rpc/csv2schema"), post(rpc::csv_to_schema));
    for (name, container) in [("tenant", Container::Tenant), ("global", Container::Global)] {
        let one = move |Path(id): Path<String>, call: Call| unions::get(call, container, id);
        router = router
            .route(&format!("{BASE}/{name}/unions"), get(move |call: Call| unions::list(call, container)))
            .route(&format!("{BASE}/{name}/unions/{{id}}"), get(one));
    }
    for (name, kind) in COLLECTIONS {
        router = router.merge(tenant(name, kind)).merge(global(name, kind));
    }
    router
}

fn tenant(name: &'static str, kind: ResourceKind) -> Router<App> {
    let many = lists(name, Container::Tenant, kind).post(move |call: Call| operations::create(call, kind));
    let one = lookups(Container::Tenant, kind)
        .put(move |Path(id): Path<String>, call: Call| operations::replace(call, kind, id))
        .patch(move |Path(id): Path<String>, call: Call| operations::patch(call, kind, id))
        .delete(move |Path(id): Path<String>, call: Call| operations::delete(call, kind, id));
    Router::new()
        .route(&format!("{BASE}/tenant/{name}"), many)
        .route(&format!("{BASE}/tenant/{name}/{{id}}"), one)
}

fn global(name: &'static str, kind: ResourceKind) -> Router<App> {
    let many = lists(name, Container::Global, kind).post(read_only);
    let one = lookups(Container::Global, kind).put(read_only).patch(read_only).delete(read_only);
    Router::new()
        .route(&format!("{BASE}/global/{name}"), many)
        .route(&format!("{BASE}/global/{name}/{{id}}"), one)
}

fn lists(name: &'static str, container: Container, kind: ResourceKind) -> MethodRouter<App> {
    get(move |call: Call| operations::list(call, container, name, kind))
}

fn lookups(container: Container, kind: ResourceKind) -> MethodRouter<App> {
    get(move |Path(id): Path<String>, call: Call| operations::get(call, container, kind, id))
}

async fn read_only(call: Call) -> Response {
    problem::response(&RegistryError::ReadOnly, &call.caller)
}
