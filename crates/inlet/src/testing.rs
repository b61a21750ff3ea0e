//! What the tests of this crate share: a plan with a few inlets, and a collector over a log of its own.

use std::sync::Arc;

use arc_swap::ArcSwap;
use journal::{Frame, Journal, RealDisk, Settings};
use serde_json::{Value, json};
use tempfile::TempDir;
use vocab::{
    DatasetId, DatasetNo, FlowId, FlowNo, InletNo, Millis, SandboxNo, SchemaId, SchemaNo, SystemClock,
};

use crate::collector::{Admitted, AuthError, Authorizer, Collector};
use crate::limits::Limits;
use crate::plan::{DataType, Dataset, Flow, Inlet, Plan};

pub(crate) const ORG: &str = "A@AdobeOrg";
pub(crate) const S1: &str = "https://ns.adobe.com/acme/schemas/s1";
pub(crate) const S2: &str = "https://ns.adobe.com/acme/schemas/s2";

const SANDBOX: SandboxNo = SandboxNo(1);

/// The hex id of the inlet of that name.
pub(crate) fn inlet_id(name: &str) -> String {
    let hex: String = name.bytes().map(|byte| format!("{byte:02x}")).collect();
    format!("{hex:0<64}")
}

fn schema(id: &str) -> Value {
    json!({
        "$id": id, "title": "Test", "type": "object", "meta:xdmType": "object", "version": "1.0",
        "meta:class": "https://ns.adobe.com/xdm/context/profile",
        "meta:extends": ["https://ns.adobe.com/xdm/context/profile", "https://ns.adobe.com/xdm/data/record"],
        "properties": {
            "_id": { "type": "string", "meta:xdmType": "string" },
            "name": { "type": "string", "meta:xdmType": "string" }
        }
    })
}

fn dataset(no: u32, name: &str, sandbox: SandboxNo, schema_id: &str) -> Dataset {
    let schema = xdm::Schema::compile(&schema(schema_id), &[]).unwrap();
    Dataset {
        no: DatasetNo(no),
        id: DatasetId::from(name),
        sandbox,
        schema_id: SchemaId::from(schema_id),
        schema_no: SchemaNo(no + 100),
        schema_major: 1,
        schema: Arc::new(schema),
    }
}

fn flow(no: u32, name: &str, dataset: &str, enabled: bool, mapped: bool) -> Arc<Flow> {
    let mapping = mapped.then(|| {
        let item = |source: &str, destination: &str| prep::Item {
            source_type: prep::SourceType::Attribute,
            source: source.to_owned(),
            destination: destination.to_owned(),
        };
        let schema = xdm::Schema::compile(&schema(S1), &[]).unwrap();
        let set = prep::MappingSet::compile(&[item("id", "_id"), item("title", "name")], &schema);
        Arc::new(set.unwrap())
    });
    Arc::new(Flow {
        no: FlowNo(no),
        id: FlowId::from(name),
        enabled,
        dataset: DatasetId::from(dataset),
        mapping,
        fail_unmapped: name == "strict",
    })
}

fn inlet(no: u32, name: &str, data_type: DataType, flows: &[Arc<Flow>]) -> Inlet {
    Inlet {
        no: InletNo(no),
        id: inlet_id(name).into(),
        connection: format!("{name}-connection").into(),
        org: ORG.into(),
        sandbox: SANDBOX,
        generation: 3,
        sandbox_name: "prod".to_owned(),
        data_type,
        authentication_required: false,
        source_name: "test".to_owned(),
        enabled: true,
        flows: flows.iter().map(|flow| (flow.id.clone(), flow.clone())).collect(),
    }
}

/// Inlets `xdm` (flow `stored`, and `disabled`), `raw` (flows `mapped`, `plain`, `lost`, `disabled`), `one-raw` (flow
/// `mapped`), `bare` (XDM without flows), `closed` (XDM, wants a token), `off` (disabled). Datasets `d1` and `d3` of one
/// schema, `d2` of another, `other-sandbox` elsewhere.
pub(crate) fn plan() -> Plan {
    let stored = flow(1, "stored", "d1", true, false);
    let mapped = flow(2, "mapped", "d1", true, true);
    let plain = flow(3, "plain", "d1", true, false);
    let lost = flow(4, "lost", "gone", true, false);
    let disabled = flow(5, "disabled", "d1", false, false);
    let strict = flow(6, "strict", "d1", true, true);
    let mut plan = Plan::default();
    let raw = [mapped.clone(), plain, lost, disabled.clone(), strict];
    for inlet in [
        inlet(1, "xdm", DataType::Xdm, &[stored.clone(), disabled]),
        inlet(2, "raw", DataType::Raw, &raw),
        inlet(3, "one-raw", DataType::Raw, &[mapped]),
        inlet(4, "bare", DataType::Xdm, &[]),
        Inlet { authentication_required: true, ..inlet(5, "closed", DataType::Xdm, &[stored]) },
        Inlet { enabled: false, ..inlet(6, "off", DataType::Xdm, &[]) },
    ] {
        let inlet = Arc::new(inlet);
        plan.inlets.insert(inlet.id.0.clone(), inlet.clone());
        plan.inlets.insert(inlet.connection.0.clone(), inlet);
    }
    for dataset in [
        dataset(1, "d1", SANDBOX, S1),
        dataset(2, "d2", SANDBOX, S2),
        dataset(3, "d3", SANDBOX, S1),
        dataset(4, "other-sandbox", SandboxNo(2), S1),
    ] {
        plan.datasets.insert((dataset.sandbox, dataset.id.clone()), Arc::new(dataset));
    }
    plan
}

/// A request without a token at the inlet of that name.
pub(crate) fn admitted(plan: &Plan, name: &str) -> Admitted {
    Admitted::without_token(plan.inlet(&inlet_id(name)).unwrap().clone())
}

/// Knows the tokens `good` and `foreign`.
pub(crate) struct TwoTokens;

impl Authorizer for TwoTokens {
    fn authorize(&self, token: &str, _: &Inlet) -> Result<(), AuthError> {
        match token {
            "good" => Ok(()),
            "foreign" => Err(AuthError::Forbidden),
            _ => Err(AuthError::Invalid),
        }
    }
}

/// A collector and the log that it writes.
pub(crate) struct Bench {
    pub(crate) collector: Arc<Collector>,
    pub(crate) journal: Journal,
    pub(crate) plan: Arc<ArcSwap<Plan>>,
    _dir: TempDir,
}

pub(crate) fn bench() -> Bench {
    bench_with(Limits::default(), |_| {})
}

pub(crate) fn bench_with(limits: Limits, change: impl FnOnce(&mut Settings)) -> Bench {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(SystemClock::new());
    let mut settings = Settings { segment_bytes: 4 << 20, ..Settings::new(dir.path().join("log")) };
    change(&mut settings);
    let journal = Journal::open(Arc::new(RealDisk), clock.clone(), settings).unwrap();
    let plan = Arc::new(ArcSwap::from_pointee(plan()));
    let collector = Collector::with_limits(journal.clone(), plan.clone(), Arc::new(TwoTokens), clock, limits);
    Bench { collector: Arc::new(collector), journal, plan, _dir: dir }
}

impl Bench {
    /// All that was logged.
    pub(crate) fn frames(&self) -> Vec<Frame> {
        let mut frames = Vec::new();
        while (frames.len() as u64) < self.journal.synced() {
            frames.extend(self.journal.read(frames.len() as u64, 1 << 20).unwrap());
        }
        assert!(frames.iter().all(|frame: &Frame| frame.header.received > Millis(0)));
        frames
    }
}
