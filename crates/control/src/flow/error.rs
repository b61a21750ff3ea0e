//! Everything that Flow Service refuses, by what happened. The codes and statuses are the edge's.

use store::StoreError;

/// Why an operation of Flow Service was refused. Nothing has been changed.
#[derive(Debug, thiserror::Error)]
pub enum FlowError {
    /// The resource that the request is about.
    #[error("there is no resource with the id {id} in {collection}")]
    NotFound { collection: &'static str, id: String },
    /// A resource that the request's body refers to.
    #[error("there is no resource with the id {id} in {collection}")]
    ReferenceNotFound { collection: &'static str, id: String },
    /// A rule with no code of its own.
    #[error("{0}")]
    Invalid(String),
    #[error("the request has no body")]
    EmptyBody,
    #[error("{0} is for providers only")]
    ProviderOnly(String),
    #[error("{0} are the same for everyone: making and changing them is for providers")]
    SpecsFixed(&'static str),
    #[error("If-Match is required: send the etag of the version that you want to change")]
    IfMatchMissing,
    #[error("the version in If-Match is not the current version {current} of the entity")]
    VersionMismatch { current: String },
    #[error("state cannot be set when a flow is created")]
    StateInCreate,
    #[error("there is no flow with the id {0} that could run")]
    RunOfUnknownFlow(String),
    #[error("{0}")]
    MappingVersion(String),
    #[error("there is no {collection} entry with the id \"{id}\"")]
    UnknownSpec { collection: &'static str, id: String },
    #[error("connectionSpec cannot be changed")]
    SpecChange,
    #[error("the connection spec has no auth spec with the name {0}")]
    UnknownAuthSpec(String),
    #[error("this is not possible while the state is {0}")]
    WrongState(String),
    #[error("connection {id} is used by the flows {}: delete these flows first", first(flows))]
    ConnectionUsed { id: String, flows: Vec<String> },
    #[error("found active flows containing the id {id}: {}", first(flows))]
    UsedByFlows { id: String, flows: Vec<String> },
    #[error("{0}")]
    Mapping(String),
    #[error("{action} is not possible while the state is {state}")]
    Transition { action: &'static str, state: String },
    #[error(
        "the mapping set {mapping} writes the schema {mapping_schema}, the target dataset has {dataset_schema}"
    )]
    MappingSchema { mapping: String, mapping_schema: String, dataset_schema: String },
    #[error("cannot order by {0}")]
    OrderField(String),
    #[error("orderby must be a field name, with + or - in front if need be")]
    OrderForm,
    #[error("the patch operation {0} is not supported: use add, replace or remove")]
    PatchOperation(String),
    #[error("{0}")]
    Patch(String),
    #[error("the sub-operation PROGRESS cannot go with enable")]
    ProgressWithEnable,
    #[error("the state {0} is not allowed: use enabled, disabled or initializing")]
    StateValue(String),
    #[error("the operator ~ is not supported in {0}")]
    FilterTilde(String),
    #[error("a list of values goes with == and != only: {0}")]
    FilterList(String),
    #[error("this operator compares numbers and times only: {0}")]
    FilterOrdering(String),
    #[error("no known operator in {0}: use ==, !=, >, >=, < or <=")]
    FilterOperator(String),
    #[error("there is no value in {0}")]
    FilterValue(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Most ids that one message names.
const IDS_IN_MESSAGE: usize = 10;

/// The first few ids of a list that may be long.
fn first(ids: &[String]) -> String {
    let named = ids.iter().take(IDS_IN_MESSAGE).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = ids.len().saturating_sub(IDS_IN_MESSAGE);
    if more == 0 { named } else { format!("{named} and {more} more") }
}
