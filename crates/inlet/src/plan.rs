//! What the inlet knows of the control plane: an immutable snapshot, swapped as a whole.

use std::sync::Arc;

use vocab::{
    ConnectionId, DatasetId, DatasetNo, FlowId, FlowNo, InletId, InletNo, OrgId, SandboxNo, SchemaId,
    SchemaNo,
};

/// All inlets and datasets. Persistent maps: a changed copy shares what did not change.
#[derive(Clone, Default)]
pub struct Plan {
    /// By inlet id (64 hex digits) and by the base connection's UUID: documentation uses either in the path.
    pub inlets: imbl::HashMap<String, Arc<Inlet>>,
    pub datasets: imbl::HashMap<(SandboxNo, DatasetId), Arc<Dataset>>,
    /// Grows with each change.
    pub sequence: u64,
}

/// What an inlet takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataType {
    /// Messages `{"header", "body"}` with XDM inside.
    Xdm,
    /// Any JSON object; the flow maps it.
    Raw,
}

/// A streaming base connection.
#[derive(Clone)]
pub struct Inlet {
    pub no: InletNo,
    pub id: InletId,
    pub connection: ConnectionId,
    pub org: OrgId,
    pub sandbox: SandboxNo,
    /// Of the sandbox: frames of an older generation are discarded.
    pub generation: u32,
    pub sandbox_name: String,
    pub data_type: DataType,
    pub authentication_required: bool,
    /// Stands in for a message's missing source name.
    pub source_name: String,
    pub enabled: bool,
    /// The flows that this inlet feeds; drafts are not among them.
    pub flows: imbl::HashMap<FlowId, Arc<Flow>>,
}

/// A flow from an inlet into a dataset.
#[derive(Clone)]
pub struct Flow {
    pub no: FlowNo,
    pub id: FlowId,
    pub enabled: bool,
    pub dataset: DatasetId,
    pub mapping: Option<Arc<prep::MappingSet>>,
    /// A record for which no item of the mapping writes a value fails, rather than going on with a warning.
    pub fail_unmapped: bool,
}

/// A dataset and the schema that its records must fit.
#[derive(Clone)]
pub struct Dataset {
    pub no: DatasetNo,
    pub id: DatasetId,
    pub sandbox: SandboxNo,
    pub schema_id: SchemaId,
    pub schema_no: SchemaNo,
    pub schema_major: u16,
    pub schema: Arc<xdm::Schema>,
}

impl Plan {
    /// The inlet of that path segment. `batch` is never one.
    pub(crate) fn inlet(&self, key: &str) -> Option<&Arc<Inlet>> {
        self.inlets.get(key).filter(|inlet| inlet.enabled)
    }

    pub(crate) fn dataset(&self, sandbox: SandboxNo, id: &str) -> Option<&Arc<Dataset>> {
        self.datasets.get(&(sandbox, DatasetId::from(id)))
    }
}

impl Inlet {
    /// The flow of that id, when it takes records.
    pub(crate) fn flow(&self, id: &str) -> Option<&Arc<Flow>> {
        self.flows.get(&FlowId::from(id)).filter(|flow| flow.enabled)
    }

    /// The flow that is meant when none is named: the only one that takes records.
    pub(crate) fn only_flow(&self) -> Option<&Arc<Flow>> {
        let mut enabled = self.flows.values().filter(|flow| flow.enabled);
        enabled.next().filter(|_| enabled.next().is_none())
    }
}
