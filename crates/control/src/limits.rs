//! Bounds of the control plane, each with its reason.

/// Most items on one page of a list; the documented cap of Catalog and Flow Service.
pub const PAGE_ITEMS_MAX: usize = 100;

/// Most operations in one JSON Patch.
pub const PATCH_OPERATIONS_MAX: usize = 1000;

/// Items on a page when the client names no limit.
pub const PAGE_ITEMS_DEFAULT: usize = 20;
