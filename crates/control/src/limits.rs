//! Bounds of the control plane, each with its reason.

/// Most items on one page of a list; the documented cap of Catalog and Flow Service.
pub const PAGE_ITEMS_MAX: usize = 100;

/// Rows that are in memory at a time while many are looked through.
pub const SCANNED_ROWS: usize = 500;

/// Values that a list request's filters may hand to the database, which takes no more than 32,766; what is beyond is
/// compared here.
pub const FILTER_VALUES_MAX: usize = 200;

/// Most operations in one JSON Patch.
pub const PATCH_OPERATIONS_MAX: usize = 1000;

/// Items on a page when the client names no limit.
pub const PAGE_ITEMS_DEFAULT: usize = 20;

/// Deepest document that a patch may make. JSON text deeper than 128 levels is not read back.
pub const DOCUMENT_DEPTH_MAX: usize = 120;

/// Most values that the copy operations of one patch may make.
pub const PATCH_COPIED_VALUES_MAX: usize = 100_000;

/// Most resources on one page of the Schema Registry; documented.
pub const REGISTRY_PAGE_ITEMS_MAX: usize = 300;

/// Most descriptors in a sandbox; documented.
pub const DESCRIPTORS_MAX: usize = 4000;

/// Latest entries of an audit log that one answer holds.
pub const AUDIT_ENTRIES_MAX: usize = 300;

/// Most sandboxes that a credential can be bound to: the list is read with every token.
pub const CREDENTIAL_SANDBOXES_MAX: usize = 100;

/// Most entries of the server's audit log on one page.
pub const AUDIT_PAGE_MAX: usize = 1000;

/// Values in one sample; a row has at most 10,000.
pub const SAMPLE_VALUES_MAX: usize = 20_000;

/// Most resources in one import: they are all checked in one transaction.
pub const IMPORT_ITEMS_MAX: usize = 500;

/// Most identity namespaces in a sandbox: one descriptor looks through them all.
pub const NAMESPACES_MAX: usize = 1000;

/// Most filters of a list request of Catalog.
pub const FILTERS_MAX: usize = 100;

/// Longest name of a dataset or mapping set, in characters.
pub const NAME_CHARS_MAX: usize = 256;

/// Batches that a list request looks through; a commit a second makes 86,400 a day.
pub const BATCHES_SCANNED_MAX: usize = 20_000;

/// Counts of outcomes that a list of all flows' runs looks at, newest first.
pub const RUN_ROWS_MAX: u64 = 10_000;

/// Warnings by item that one run names: the most frequent ones, as a page has many runs.
pub const RUN_WARNINGS_MAX: u64 = 20;

/// Warnings by item that a flow's list names, each with samples.
pub const FLOW_WARNINGS_MAX: u64 = 100;

/// Batches that one run is searched for in.
pub const RUN_BATCHES_MAX: u64 = 100;

/// Mapping sets on a page when the client names no limit; documented.
pub const MAPPINGS_PAGE_DEFAULT: usize = 10;

/// Records in one preview of a mapping set; what the vendor's UI shows.
pub const PREVIEW_RECORDS_MAX: usize = 100;

/// Longest text of sample data, in bytes: what a sample is read, stored and listed with.
pub const SAMPLE_BYTES_MAX: usize = 1 << 20;

/// Records of a sample that are looked at to tell its fields.
pub const SAMPLE_RECORDS_MAX: usize = 100;

/// Fields of a source for which destinations are suggested.
pub const SUGGESTED_FIELDS_MAX: usize = 1000;

/// Destinations that are weighed for one field of a source.
pub const SUGGESTED_CANDIDATES_MAX: usize = 20;

/// Resources of one import into the global container; the public model has 819.
pub const GLOBAL_RESOURCES_MAX: usize = 5000;
