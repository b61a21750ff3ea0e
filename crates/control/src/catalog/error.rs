//! What Catalog refuses.

use store::StoreError;

use crate::json_patch::PatchError;

/// Why a request to Catalog has no result. Catalog publishes no texts of its own.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    #[error("{0}")]
    Invalid(String),
    #[error("there is no {kind} {id}")]
    NotFound { kind: &'static str, id: String },
    /// `If-Match` names another version.
    #[error("the version is {current}")]
    VersionMismatch { current: String },
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl CatalogError {
    pub(super) fn invalid(text: impl Into<String>) -> Self {
        CatalogError::Invalid(text.into())
    }
}

impl From<PatchError> for CatalogError {
    fn from(error: PatchError) -> Self {
        CatalogError::Invalid(error.to_string())
    }
}
