//! The routes, service by service.

use super::{Caller, Row, Service};

const JSON: &[&str] = &["application/json"];

const fn row(
    method: &'static str,
    path: &'static str,
    about: &'static str,
    query: &'static [&'static str],
    body: Option<&'static str>,
    answers: &'static [(u16, &'static str)],
) -> Row {
    Row { method, path, about, query, body, answers }
}

/// Parameters of Flow Service's lists.
const FLOW_LIST: &[&str] = &["property", "orderby", "limit", "continuationToken", "count"];

/// Parameters of the registry's lists.
const REGISTRY_LIST: &[&str] = &["property", "orderby", "start", "limit"];

const REGISTRY_PAGE: &[(u16, &str)] = &[(200, "RegistryPage")];
const NEW_RESOURCE: Option<&str> = Some("NewResource");
const CREATED: &[(u16, &str)] = &[(201, "AnyObject")];

/// Parameters of Catalog's lists.
const CATALOG_LIST: &[&str] = &["limit", "start", "orderBy", "property", "properties"];

const CHANGED: &[(u16, &str)] = &[(200, "FlowChanged")];
const MADE: &[(u16, &str)] = &[(201, "FlowChanged")];
const GONE: &[(u16, &str)] = &[(204, "")];
const OBJECT: &[(u16, &str)] = &[(200, "AnyObject")];

/// Parameters of Data Prep's lists.
const PREP_LIST: &[&str] = &["limit", "start", "orderBy", "name"];
const SET_LIST: &[&str] = &["limit", "start", "orderBy", "name", "property", "expandSchema"];

const PREP_PAGE: &[(u16, &str)] = &[(200, "PrepPage")];
const PREP_MADE: &[(u16, &str)] = &[(200, "PrepMade")];
const PREP_SET: &[(u16, &str)] = &[(200, "MappingSet")];
const MAPPER_SCHEMA: &[(u16, &str)] = &[(200, "MapperSchema")];

/// The rows that are given, and those of collections of the registry: where they lie, what one resource is called, and many.
macro_rules! with_collections {
    ([$($row:expr),* $(,)?], $($path:literal, $one:literal, $many:literal;)*) => {
        &[
            $($row,)*
            $(
                row("GET", concat!("/tenant/", $path), concat!("List ", $many), REGISTRY_LIST, None, REGISTRY_PAGE),
                row("POST", concat!("/tenant/", $path), concat!("Create a ", $one), &[], NEW_RESOURCE, CREATED),
                row("GET", concat!("/tenant/", $path, "/{id}"), concat!("Look up a ", $one), &[], None, OBJECT),
                row("PUT", concat!("/tenant/", $path, "/{id}"), concat!("Replace a ", $one), &[], NEW_RESOURCE, OBJECT),
                row("PATCH", concat!("/tenant/", $path, "/{id}"), concat!("Change a ", $one), &[], Some("Patch"), OBJECT),
                row("DELETE", concat!("/tenant/", $path, "/{id}"), concat!("Delete a ", $one), &[], None, GONE),
                row("GET", concat!("/global/", $path), concat!("List standard ", $many), REGISTRY_LIST, None, REGISTRY_PAGE),
                row("GET", concat!("/global/", $path, "/{id}"), concat!("Look up a standard ", $one), &[], None, OBJECT),
            )*
        ]
    };
}

pub(super) const SERVICES: &[Service] = &[
    Service {
        tag: "Tokens",
        about: "Access tokens, as IMS gives them.",
        base: "/ims",
        caller: Caller::Nobody,
        problem: "TokenError",
        media: JSON,
        rows: &[
            row("POST", "/token/v3", "Get a token", &[], Some("TokenRequest"), &[(200, "Token")]),
            row(
                "POST",
                "/token/v1",
                "Get a token for an authorization code",
                &[],
                Some("TokenRequest"),
                &[(200, "Token")],
            ),
            row(
                "POST",
                "/exchange/jwt",
                "Exchange a token that the client signed",
                &[],
                Some("TokenExchange"),
                &[(200, "Token")],
            ),
            row("GET", "/keys", "Look up the keys of access tokens", &[], None, OBJECT),
            row("POST", "/token/v2", "Get a token", &[], Some("TokenRequest"), &[(200, "Token")]),
        ],
    },
    Service {
        tag: "Sandboxes",
        about: "Separate places for objects and data.",
        base: "/data/foundation/sandbox-management",
        caller: Caller::Gateway,
        problem: "Problem",
        media: JSON,
        rows: &[
            row(
                "GET",
                "",
                "List the sandboxes that can be used",
                &["limit", "offset"],
                None,
                &[(200, "Sandboxes")],
            ),
            row("GET", "/sandboxes", "List all sandboxes", &["limit", "offset"], None, &[(200, "Sandboxes")]),
            row("POST", "/sandboxes", "Create a sandbox", &[], Some("NewSandbox"), &[(202, "Sandbox")]),
            row("GET", "/sandboxes/{name}", "Look up a sandbox", &[], None, &[(200, "Sandbox")]),
            row(
                "PATCH",
                "/sandboxes/{name}",
                "Change a title",
                &[],
                Some("SandboxTitle"),
                &[(200, "Sandbox")],
            ),
            row(
                "PUT",
                "/sandboxes/{name}",
                "Reset a sandbox",
                &["validationOnly"],
                Some("SandboxAction"),
                &[(202, "Sandbox")],
            ),
            row(
                "DELETE",
                "/sandboxes/{name}",
                "Delete a sandbox",
                &["validationOnly"],
                None,
                &[(202, "Sandbox")],
            ),
            row("GET", "/sandboxTypes", "List the types", &[], None, &[(200, "SandboxTypes")]),
        ],
    },
    Service {
        tag: "Flow Service",
        about: "Connections with their inlets, source and target connections, flows and their runs.",
        base: "/data/foundation/flowservice",
        caller: Caller::Gateway,
        problem: "FlowProblem",
        media: JSON,
        rows: &[
            row("GET", "/connections", "List connections", FLOW_LIST, None, &[(200, "FlowPage")]),
            row("POST", "/connections", "Create a connection", &["mode"], Some("NewConnection"), MADE),
            row(
                "POST",
                "/connections/search",
                "Search connections",
                &["continuationToken"],
                Some("FlowSearch"),
                &[(200, "FlowPage")],
            ),
            row("GET", "/connections/{id}", "Look up a connection", &[], None, &[(200, "FlowItems")]),
            row("PATCH", "/connections/{id}", "Change a connection", &["if-match"], Some("Patch"), CHANGED),
            row("DELETE", "/connections/{id}", "Delete a connection", &[], None, GONE),
            row("POST", "/connections/{id}/action", "Publish a draft", &["op"], None, CHANGED),
            row("GET", "/connections/{id}/test", "Test a connection", &[], None, &[(200, "FlowTest")]),
            row(
                "GET",
                "/connections/{id}/explore",
                "Explore a connection",
                &["objectType", "object"],
                None,
                &[(200, "AnyArray")],
            ),
            row(
                "GET",
                "/connections/{id}/configs",
                "Look up a connection's configurations",
                &[],
                None,
                &[(200, "FlowItems")],
            ),
            row(
                "GET",
                "/sourceConnections",
                "List source connections",
                FLOW_LIST,
                None,
                &[(200, "FlowPage")],
            ),
            row(
                "POST",
                "/sourceConnections",
                "Create a source connection",
                &["mode"],
                Some("NewSourceConnection"),
                MADE,
            ),
            row(
                "GET",
                "/sourceConnections/{id}",
                "Look up a source connection",
                &[],
                None,
                &[(200, "FlowItems")],
            ),
            row(
                "PATCH",
                "/sourceConnections/{id}",
                "Change a source connection",
                &["if-match"],
                Some("Patch"),
                CHANGED,
            ),
            row("DELETE", "/sourceConnections/{id}", "Delete a source connection", &[], None, GONE),
            row("POST", "/sourceConnections/{id}/action", "Publish a draft", &["op"], None, CHANGED),
            row(
                "GET",
                "/targetConnections",
                "List target connections",
                FLOW_LIST,
                None,
                &[(200, "FlowPage")],
            ),
            row(
                "POST",
                "/targetConnections",
                "Create a target connection",
                &["mode"],
                Some("NewTargetConnection"),
                MADE,
            ),
            row(
                "GET",
                "/targetConnections/{id}",
                "Look up a target connection",
                &[],
                None,
                &[(200, "FlowItems")],
            ),
            row(
                "PATCH",
                "/targetConnections/{id}",
                "Change a target connection",
                &["if-match"],
                Some("Patch"),
                CHANGED,
            ),
            row("DELETE", "/targetConnections/{id}", "Delete a target connection", &[], None, GONE),
            row("POST", "/targetConnections/{id}/action", "Publish a draft", &["op"], None, CHANGED),
            row("GET", "/flows", "List flows", FLOW_LIST, None, &[(200, "FlowPage")]),
            row("POST", "/flows", "Create a flow", &["mode"], Some("NewFlow"), MADE),
            row(
                "POST",
                "/flows/search",
                "Search flows",
                &["continuationToken"],
                Some("FlowSearch"),
                &[(200, "FlowPage")],
            ),
            row("GET", "/flows/{id}", "Look up a flow", &[], None, &[(200, "FlowItems")]),
            row("PATCH", "/flows/{id}", "Change a flow", &["if-match"], Some("Patch"), CHANGED),
            row("DELETE", "/flows/{id}", "Delete a flow", &[], None, GONE),
            row("POST", "/flows/{id}/action", "Enable, disable or publish a flow", &["op"], None, CHANGED),
            row("GET", "/flows/{id}/runs", "List a flow's runs", FLOW_LIST, None, &[(200, "FlowPage")]),
            row(
                "GET",
                "/flows/{id}/warnings",
                "List what a flow's mapping could not do",
                &[],
                None,
                &[(200, "FlowWarnings")],
            ),
            row("GET", "/runs", "List runs", FLOW_LIST, None, &[(200, "FlowPage")]),
            row(
                "POST",
                "/runs",
                "Start a run: refused, streaming flows run all the time",
                &[],
                Some("NewRun"),
                &[],
            ),
            row("GET", "/runs/{id}", "Look up a run", &[], None, &[(200, "FlowItems")]),
            row("PUT", "/runs/{id}", "Change a run: for providers", &["if-match"], Some("AnyObject"), &[]),
            row("POST", "/runs/{id}/action", "Run again: refused", &["op"], None, &[]),
            row(
                "GET",
                "/connectionSpecs",
                "List connection specs",
                &["property"],
                None,
                &[(200, "FlowItems")],
            ),
            row(
                "GET",
                "/connectionSpecs/{id}",
                "Look up a connection spec",
                &[],
                None,
                &[(200, "FlowItems")],
            ),
            row("GET", "/flowSpecs", "List flow specs", &["property"], None, &[(200, "FlowItems")]),
            row("GET", "/flowSpecs/{id}", "Look up a flow spec", &[], None, &[(200, "FlowItems")]),
            row(
                "POST",
                "/connectionSpecs",
                "Make a connection spec: for providers",
                &[],
                Some("AnyObject"),
                &[],
            ),
            row(
                "PUT",
                "/connectionSpecs/{id}",
                "Change a connection spec: for providers",
                &[],
                Some("AnyObject"),
                &[],
            ),
            row("POST", "/flowSpecs", "Make a flow spec: for providers", &[], Some("AnyObject"), &[]),
            row("PUT", "/flowSpecs/{id}", "Change a flow spec: for providers", &[], Some("AnyObject"), &[]),
            row(
                "POST",
                "/flowSpecs/search",
                "Search flow specs",
                &[],
                Some("FlowSearch"),
                &[(200, "FlowItems")],
            ),
        ],
    },
    Service {
        tag: "Schema Registry",
        about: "Schemas, classes, field groups, data types and descriptors.",
        base: "/data/foundation/schemaregistry",
        caller: Caller::Gateway,
        problem: "Problem",
        media: &["application/json", "application/vnd.adobe.xed+json", "application/vnd.adobe.xdm+json"],
        rows: with_collections!([
            row("GET", "/stats", "Look up the tenant and its counts", &[], None, OBJECT),
            row("GET", "/tenant/descriptors", "List descriptors", REGISTRY_LIST, None, OBJECT),
            row(
                "POST",
                "/tenant/descriptors",
                "Create a descriptor",
                &[],
                Some("NewDescriptor"),
                CREATED,
            ),
            row("GET", "/tenant/descriptors/{id}", "Look up a descriptor", &[], None, OBJECT),
            row(
                "PUT",
                "/tenant/descriptors/{id}",
                "Replace a descriptor",
                &[],
                Some("NewDescriptor"),
                OBJECT,
            ),
            row("DELETE", "/tenant/descriptors/{id}", "Delete a descriptor", &[], None, GONE),
            row("GET", "/global/behaviors", "List behaviours", REGISTRY_LIST, None, REGISTRY_PAGE),
            row("GET", "/global/behaviors/{id}", "Look up a behaviour", &[], None, OBJECT),
            row("GET", "/tenant/unions", "List unions", REGISTRY_LIST, None, REGISTRY_PAGE),
            row("GET", "/tenant/unions/{id}", "Look up a union", &[], None, OBJECT),
            row("GET", "/rpc/sampledata/{id}", "Make a sample of a schema", &[], None, OBJECT),
            row(
                "GET",
                "/rpc/export/{id}",
                "Export a resource and what it is made of",
                &[],
                None,
                &[(200, "AnyArray")],
            ),
            row(
                "POST",
                "/rpc/import",
                "Import what was exported",
                &[],
                Some("AnyArray"),
                &[(200, "AnyArray")],
            ),
            row(
                "GET",
                "/rpc/auditlog/{id}",
                "List what was changed in a resource",
                &[],
                None,
                &[(200, "AnyArray")],
            ),
        ],
            "schemas", "schema", "schemas";
            "classes", "class", "classes";
            "fieldgroups", "field group", "field groups";
            "mixins", "field group, by its older name", "field groups, by their older name";
            "datatypes", "data type", "data types";
        ),
    },
    Service {
        tag: "Catalog",
        about: "Datasets and batches.",
        base: "/data/foundation/catalog",
        caller: Caller::Gateway,
        problem: "Problem",
        media: JSON,
        rows: &[
            row("GET", "/dataSets", "List datasets", CATALOG_LIST, None, OBJECT),
            row("POST", "/dataSets", "Create a dataset", &[], Some("NewDataSet"), &[(201, "References")]),
            row("GET", "/dataSets/{id}", "Look up datasets", &[], None, OBJECT),
            row(
                "PATCH",
                "/dataSets/{id}",
                "Change a dataset",
                &[],
                Some("AnyObject"),
                &[(200, "References")],
            ),
            row(
                "PUT",
                "/dataSets/{id}",
                "Replace a dataset",
                &[],
                Some("NewDataSet"),
                &[(200, "References")],
            ),
            row("DELETE", "/dataSets/{id}", "Delete a dataset", &[], None, &[(200, "Any"), (204, "")]),
            row("GET", "/batches", "List batches", CATALOG_LIST, None, OBJECT),
            row("GET", "/batches/{id}", "Look up batches", &[], None, OBJECT),
        ],
    },
    Service {
        tag: "Data Prep",
        about: "Mapping sets: what becomes of raw data.",
        base: "/data/foundation/conversion",
        caller: Caller::Gateway,
        problem: "Problem",
        media: JSON,
        rows: &[
            row("GET", "/mappingSets", "List mapping sets", SET_LIST, None, PREP_PAGE),
            row(
                "POST",
                "/mappingSets",
                "Create a mapping set",
                &["validate"],
                Some("NewMappingSet"),
                PREP_MADE,
            ),
            row(
                "POST",
                "/mappingSets/validate",
                "Validate mappings",
                &[],
                Some("NewMappingSet"),
                &[(200, "MappingsValidated")],
            ),
            row(
                "POST",
                "/mappingSets/preview",
                "Preview mappings",
                &["explain"],
                Some("Preview"),
                &[(200, "Previewed")],
            ),
            row(
                "GET",
                "/mappingSets/suggestion",
                "Suggest a mapping set",
                &["datasetId", "batchId", "sampleId", "schemaId", "excludeUnmapped"],
                None,
                OBJECT,
            ),
            row(
                "GET",
                "/mappingSets/{id}",
                "Look up a mapping set",
                &["version", "expandSchema"],
                None,
                PREP_SET,
            ),
            row("PUT", "/mappingSets/{id}", "Replace a mapping set", &[], Some("NewMappingSet"), PREP_SET),
            row("DELETE", "/mappingSets/{id}", "Delete a mapping set", &[], None, GONE),
            row(
                "GET",
                "/mappingSets/{id}/mappings",
                "List a set's mappings",
                &["version"],
                None,
                &[(200, "Mappings")],
            ),
            row("POST", "/mappingSets/{id}/mappings", "Add a mapping", &[], Some("NewMapping"), PREP_MADE),
            row(
                "GET",
                "/mappingSets/{id}/mappings/{mapping}",
                "Look up a mapping",
                &["version"],
                None,
                &[(200, "Mapping")],
            ),
            row(
                "PUT",
                "/mappingSets/{id}/mappings/{mapping}",
                "Replace a mapping",
                &[],
                Some("NewMapping"),
                &[(200, "Mapping")],
            ),
            row("DELETE", "/mappingSets/{id}/mappings/{mapping}", "Remove a mapping", &[], None, PREP_MADE),
            row("GET", "/samples", "List samples", PREP_LIST, None, PREP_PAGE),
            row("POST", "/samples", "Create a sample", &[], Some("NewSample"), &[(200, "Sample")]),
            row(
                "POST",
                "/samples/upload",
                "Create a sample from a file",
                &[],
                Some("FileForm"),
                &[(200, "Sample")],
            ),
            row("GET", "/samples/{id}", "Look up a sample", &[], None, &[(200, "Sample")]),
            row("PUT", "/samples/{id}", "Replace a sample", &[], Some("NewSample"), &[(200, "Sample")]),
            row("DELETE", "/samples/{id}", "Delete a sample", &[], None, GONE),
            row("GET", "/schemas", "List mapper schemas", PREP_LIST, None, PREP_PAGE),
            row("POST", "/schemas", "Create a mapper schema", &[], Some("NewMapperSchema"), MAPPER_SCHEMA),
            row(
                "POST",
                "/schemas/upload",
                "Create a mapper schema from a file",
                &[],
                Some("FileForm"),
                MAPPER_SCHEMA,
            ),
            row("GET", "/schemas/{id}", "Look up a mapper schema", &[], None, MAPPER_SCHEMA),
            row("DELETE", "/schemas/{id}", "Delete a mapper schema", &[], None, GONE),
            row(
                "POST",
                "/languages/el/validate",
                "Validate an expression",
                &[],
                Some("NewExpression"),
                &[(200, "ExpressionValidated")],
            ),
            row("GET", "/languages/el/functions", "List the functions", &[], None, &[(200, "Functions")]),
            row("GET", "/languages/el/operators", "List the operators", &[], None, &[(200, "Operators")]),
            row(
                "GET",
                "/xdmBatchConversions",
                "List batch conversions",
                &["limit", "start"],
                None,
                PREP_PAGE,
            ),
        ],
    },
    Service {
        tag: "Collection",
        about: "Where records come in.",
        base: "/collection",
        caller: Caller::Token,
        problem: "InletProblem",
        media: JSON,
        rows: &[
            row(
                "POST",
                "/{inletId}",
                "Send a record",
                &["syncValidation", "synchronousValidation"],
                Some("Message"),
                &[(200, "Taken")],
            ),
            row(
                "POST",
                "/batch/{inletId}",
                "Send up to as many records as fit",
                &["syncValidation", "synchronousValidation"],
                Some("Messages"),
                &[(207, "BatchTaken")],
            ),
        ],
    },
    Service {
        tag: "Lake",
        about: "The tables, by the REST protocol of Iceberg; it reads.",
        base: "/iceberg/v1",
        caller: Caller::Token,
        problem: "IcebergError",
        media: JSON,
        rows: &[
            row("GET", "/config", "Look up the configuration", &["warehouse"], None, OBJECT),
            row("GET", "/{prefix}/namespaces", "List namespaces", &["parent"], None, OBJECT),
            row("GET", "/{prefix}/namespaces/{namespace}", "Look up a namespace", &[], None, OBJECT),
            row("GET", "/{prefix}/namespaces/{namespace}/tables", "List tables", &[], None, OBJECT),
            row("GET", "/{prefix}/namespaces/{namespace}/tables/{table}", "Load a table", &[], None, OBJECT),
        ],
    },
];
