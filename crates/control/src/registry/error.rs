//! Everything that the Schema Registry refuses, by what happened. The codes and statuses are the edge's.

use store::StoreError;
use xdm::library::ResourceKind;
use xdm::{ComposeError, TypeError};

use crate::PatchError;

/// What a request asked for and is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    Resource(ResourceKind),
    Descriptor,
    Union,
    /// Whatever that id stands for.
    Any,
}

impl Missing {
    /// How messages call one of the kind.
    pub fn noun(self) -> &'static str {
        match self {
            Missing::Resource(ResourceKind::Behaviors) => "behavior",
            Missing::Resource(ResourceKind::Classes) => "class",
            Missing::Resource(ResourceKind::FieldGroups) => "field group",
            Missing::Resource(ResourceKind::DataTypes) => "data type",
            Missing::Resource(ResourceKind::Schemas) => "schema",
            Missing::Descriptor => "descriptor",
            Missing::Union => "union",
            Missing::Any => "registry",
        }
    }
}

/// Why an operation of the Schema Registry was refused. Nothing has been changed.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    #[error("The requested {} resource {id} with version {version} is not found.", kind.noun())]
    NotFound { kind: Missing, id: String, version: String },
    #[error("Object titles must be unique. An object {id} already exists with the same title")]
    TitleTaken { id: String },
    #[error("All custom fields must be defined under a top-level field named {namespace}. Found: {path}")]
    Namespace { namespace: String, path: String },
    /// An `Accept` header that names no form of the resource.
    #[error("Accept header {value} is invalid. A valid one follows the pattern {pattern}")]
    Accept { value: String, pattern: &'static str },
    #[error("An Accept header must be supplied. A valid one follows the pattern {pattern}")]
    AcceptMissing { pattern: &'static str },
    #[error("A version must be supplied in the Accept header {value}, such as ; version=1")]
    VersionMissing { value: String },
    /// Two parts give one path different types; the text is that of the composition.
    #[error("{0}")]
    Incompatible(String),
    #[error(
        "The schema {id} is to be part of a union: it needs a primary identity descriptor or the field identityMap"
    )]
    IdentityMissing { id: String },
    #[error(
        "The schema {id} is to be part of a union: its relationship descriptor for {path} needs a reference identity descriptor"
    )]
    ReferenceMissing { id: String, path: String },
    #[error(
        "The schema {id} is to be part of a union: its reference identity descriptor for {path} needs a relationship descriptor"
    )]
    RelationshipMissing { id: String, path: String },
    #[error("{path}: {change}. The schema {schema} is in use, and existing data must stay valid")]
    Breaking { schema: String, path: String, change: String },
    #[error("{id} is in use by {}: delete these first", first(users))]
    InUse { id: String, users: Vec<String> },
    #[error("{0} is not offered")]
    NotOffered(&'static str),
    #[error("the global container cannot be written to")]
    ReadOnly,
    /// A rule with no code of its own.
    #[error("{0}")]
    Invalid(String),
    #[error(transparent)]
    Patch(#[from] PatchError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl RegistryError {
    /// An id that names nothing of any kind.
    pub(super) fn unknown(id: &str) -> Self {
        RegistryError::NotFound { kind: Missing::Any, id: id.to_owned(), version: "1".to_owned() }
    }

    pub(super) fn not_found(kind: ResourceKind, id: &str) -> Self {
        RegistryError::NotFound { kind: Missing::Resource(kind), id: id.to_owned(), version: "1".to_owned() }
    }
}

impl From<ComposeError> for RegistryError {
    fn from(error: ComposeError) -> Self {
        let text = error.to_string();
        match error {
            ComposeError::Incompatible { .. } => RegistryError::Incompatible(text),
            ComposeError::UnknownReference { .. }
            | ComposeError::TooDeep
            | ComposeError::TooLarge
            | ComposeError::Type(_) => RegistryError::Invalid(text),
        }
    }
}

impl From<TypeError> for RegistryError {
    fn from(error: TypeError) -> Self {
        RegistryError::Invalid(error.to_string())
    }
}

impl From<xdm::CompileError> for RegistryError {
    fn from(error: xdm::CompileError) -> Self {
        RegistryError::Invalid(error.to_string())
    }
}

pub(super) fn invalid(text: impl Into<String>) -> RegistryError {
    RegistryError::Invalid(text.into())
}

/// Most ids that one message names.
const IDS_IN_MESSAGE: usize = 10;

/// The first few ids of a list that may be long.
fn first(ids: &[String]) -> String {
    let named = ids.iter().take(IDS_IN_MESSAGE).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = ids.len().saturating_sub(IDS_IN_MESSAGE);
    if more == 0 { named } else { format!("{named} and {more} more") }
}
