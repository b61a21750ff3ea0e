//! What refine knows of the control plane: an immutable snapshot, swapped as a whole.

use std::sync::Arc;

use lake::TableSpec;
use vocab::{DatasetNo, FlowId, FlowNo, InletNo, MappingSetId, SandboxNo, SchemaId};

/// All flows and datasets, deleted ones too: records of theirs may still be in the journal.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    pub flows: imbl::HashMap<FlowNo, Arc<Flow>>,
    pub datasets: imbl::HashMap<DatasetNo, Arc<Dataset>>,
    /// The ids of inlets, for the rows of failed records.
    pub inlets: imbl::HashMap<InletNo, Arc<str>>,
    /// The generation of each sandbox: records of an older one are discarded.
    pub generations: imbl::HashMap<SandboxNo, u32>,
}

/// A flow, with the mapping set that it pins.
#[derive(Clone, Debug)]
pub struct Flow {
    pub no: FlowNo,
    pub id: FlowId,
    pub mapping: Option<Mapping>,
}

/// A version of a mapping set, compiled.
#[derive(Clone, Debug)]
pub struct Mapping {
    pub set: Arc<prep::MappingSet>,
    pub id: MappingSetId,
    pub version: u32,
    /// A record for which no item writes a value fails, rather than going on with a warning.
    pub fail_unmapped: bool,
}

/// A dataset: where its records go, and what they must fit.
#[derive(Clone, Debug)]
pub struct Dataset {
    pub table: Arc<TableSpec>,
    pub schema: Arc<xdm::Schema>,
    pub schema_id: SchemaId,
    /// The schema's version text, `1.3`.
    pub schema_version: String,
    /// Its pending records are discarded.
    pub deleted: bool,
}
