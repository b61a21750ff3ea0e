//! The worker over a real store and folder, with a log that plays a disk.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use journal::fake::{FakeDisk, sample};
use journal::{Form, Frame, Journal, NewFrame};
use lake::{Lake, TableSpec};
use serde_json::json;
use store::{Store, values};
use vocab::{Clock, DatasetId, DatasetNo, FlowId, FlowNo, MappingSetId, SandboxNo, SchemaId, SystemClock};

use crate::record::{Refined, Scratch, refine};
use crate::{Dataset, Flow, Mapping, Plan, Refiner, Settings, StartError};

const FLOW: u32 = 3;
const MAPPED: u32 = 4;
const DATASET: DatasetNo = DatasetNo(9);

struct World {
    store: Store,
    lake: Lake,
    journal: Journal,
    plan: Arc<ArcSwap<Plan>>,
    clock: Arc<dyn Clock>,
    warehouse: PathBuf,
    _dir: tempfile::TempDir,
}

fn schema() -> Arc<xdm::Schema> {
    let doc = json!({
        "meta:extends": ["https://ns.adobe.com/xdm/data/time-series"],
        "properties": {
            "_id": {"type": "string"},
            "timestamp": {"type": "string", "format": "date-time"},
            "n": {"type": "integer", "maximum": 1000}
        },
        "required": ["_id", "timestamp"]
    });
    let resolved = xdm::compose(&doc, &|_| None).unwrap();
    Arc::new(xdm::Schema::compile(&resolved, &[]).unwrap())
}

fn dataset(deleted: bool) -> Arc<Dataset> {
    let schema = schema();
    let table = TableSpec {
        catalog: "acme.prod".to_owned(),
        table: "visits".to_owned(),
        dataset_id: DatasetId::from("5e30d7986c0cc218a85cee65"),
        dataset: DATASET,
        sandbox: SandboxNo(1),
        schema: schema.arrow().clone(),
        time_series: true,
    };
    let schema_id = SchemaId::from("https://ns.adobe.com/acme/schemas/1");
    Arc::new(Dataset { table: Arc::new(table), schema, schema_id, schema_version: "1.0".to_owned(), deleted })
}

fn plan() -> Plan {
    let mut plan = Plan::default();
    let items = [prep::Item {
        source_type: prep::SourceType::Attribute,
        source: "number".to_owned(),
        destination: "n".to_owned(),
    }];
    let set = Arc::new(prep::MappingSet::compile(&items, &schema()).unwrap());
    let mapping = Mapping { set, id: MappingSetId::from("m"), version: 2 };
    for (no, mapping) in [(FLOW, None), (MAPPED, Some(mapping))] {
        let flow = Flow { no: FlowNo(no), id: FlowId::from(format!("flow-{no}").as_str()), mapping };
        plan.flows.insert(FlowNo(no), Arc::new(flow));
    }
    plan.datasets.insert(DATASET, dataset(false));
    plan
}

async fn world() -> World {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("m.db")).await.unwrap();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let warehouse = dir.path().join("warehouse");
    let lake = Lake::open(store.clone(), clock.clone(), lake::Settings::new(&warehouse)).await.unwrap();
    let settings = journal::Settings { segment_bytes: 1 << 20, ..journal::Settings::new("/log") };
    let journal = Journal::open(Arc::new(FakeDisk::default()), clock.clone(), settings).unwrap();
    let plan = Arc::new(ArcSwap::from_pointee(plan()));
    World { store, lake, journal, plan, clock, warehouse, _dir: dir }
}

impl World {
    async fn start(&self) -> Refiner {
        self.try_start().await.unwrap()
    }

    async fn try_start(&self) -> Result<Refiner, StartError> {
        let settings = Settings { commit_interval: Duration::from_millis(50), ..Settings::default() };
        let (journal, plan) = (self.journal.clone(), self.plan.clone());
        Refiner::start(journal, self.lake.clone(), plan, self.clock.clone(), settings).await
    }

    async fn post(&self, flow: u32, form: Form, payload: String) {
        let mut frame = sample(flow, b"");
        frame.header.dataset = DATASET;
        frame.header.sandbox = SandboxNo(1);
        frame.header.form = form;
        let frame = NewFrame { header: frame.header, payload: Bytes::from(payload) };
        self.journal.append(vec![frame]).await.unwrap();
    }

    async fn post_event(&self, id: u64) {
        self.post(
            FLOW,
            Form::Envelope,
            envelope(&format!(r#"{{"_id":"{id}","timestamp":"2024-05-01T00:00:00Z"}}"#)),
        )
        .await;
    }

    /// Records by outcome, as stored.
    async fn outcomes(&self) -> Vec<(String, u64)> {
        let mut tx = self.store.read().await.unwrap();
        let sql = "SELECT outcome, sum(records) FROM outcome GROUP BY outcome ORDER BY outcome";
        let rows = tx.rows(sql, values![]).await.unwrap();
        rows.iter().map(|row| (row.text(0).unwrap().to_owned(), row.count(1).unwrap())).collect()
    }

    /// Of all batches: how many, records written, records failed.
    async fn batches(&self) -> (u64, u64, u64) {
        let mut tx = self.store.read().await.unwrap();
        let sql = "SELECT count(*), coalesce(sum(written), 0), coalesce(sum(failed), 0) FROM batch";
        let row = tx.row(sql, values![]).await.unwrap().unwrap();
        (row.count(0).unwrap(), row.count(1).unwrap(), row.count(2).unwrap())
    }
}

fn envelope(entity: &str) -> String {
    format!(r#"{{"header":{{}},"body":{{"xdmMeta":{{}},"xdmEntity":{entity}}}}}"#)
}

fn counts(expected: &[(&str, u64)]) -> Vec<(String, u64)> {
    expected.iter().map(|(outcome, records)| ((*outcome).to_owned(), *records)).collect()
}

/// `one-outcome`: every record of the log ends in exactly one outcome, and the counts add up.
#[tokio::test]
async fn one_outcome() {
    let world = world().await;
    let refiner = world.start().await;
    for id in 0..20 {
        world.post_event(id).await;
    }
    let bad = envelope(r#"{"_id":"x","timestamp":"yesterday","n":5000,"colour":"red"}"#);
    world.post(FLOW, Form::Envelope, bad).await;
    // Mapped without what the schema requires; and not mapped at all.
    world.post(MAPPED, Form::Raw, r#"{"number":"17"}"#.to_owned()).await;
    world.post(MAPPED, Form::Raw, r#"{"other":1}"#.to_owned()).await;
    refiner.flush().await;
    assert_eq!(world.outcomes().await, counts(&[("delivered", 20), ("failed", 3)]));
    let (_, written, failed) = world.batches().await;
    assert_eq!((written, failed), (20, 3));
    let status = refiner.status();
    assert_eq!((status.low_water, status.pending), (23, 0));
    assert_eq!(status.totals().collect::<Vec<_>>(), [("delivered", 20), ("failed", 3)]);
    refiner.stop().await;
    assert_eq!(world.lake.low_water(0).await.unwrap().unwrap().1, 23);
    let mut tx = world.store.read().await.unwrap();
    let row = tx.row("SELECT doc FROM batch WHERE status = 'failed'", values![]).await.unwrap().unwrap();
    let doc = row.text(0).unwrap();
    assert!(doc.contains("no mapping item wrote a value") && doc.contains("MAPPER-3700-400"), "{doc}");
    assert!(doc.contains("DCVS-1105-400") && doc.contains("DCVS-1111-400"), "{doc}");
}

/// A strict set fails a record of which it has a warning; another lets it go with the warning.
#[test]
fn strict_sets_allow_no_warning() {
    let item = |source: &str, destination: &str| prep::Item {
        source_type: prep::SourceType::Attribute,
        source: source.to_owned(),
        destination: destination.to_owned(),
    };
    let items = [item("id", "_id"), item("at", "timestamp"), item("number", "n")];
    let refined = |strict: bool| {
        let options = prep::Options { strict, ..prep::Options::default() };
        let set = Arc::new(prep::MappingSet::compile_with(&items, &schema(), options).unwrap());
        let mapping = Some(Mapping { set, id: MappingSetId::from("m"), version: 2 });
        let flow = Flow { no: FlowNo(MAPPED), id: FlowId::from("strict"), mapping };
        let posted = sample(MAPPED, br#"{"id":"1","at":"2024-05-01T00:00:00Z","number":"x"}"#);
        let frame = Frame { offset: 0, header: posted.header, payload: posted.payload };
        refine(&frame, 0, Some(&flow), &mut schema().columns(), &mut Scratch::default())
    };
    let Refined::Delivered { warnings, .. } = refined(false) else { panic!("a warning failed a record") };
    assert_eq!(warnings.len(), 1);
    let Refined::Failed { reasons, warnings, .. } = refined(true) else { panic!("a warning was allowed") };
    assert_eq!((reasons[0].code.as_str(), reasons[0].category.as_str()), ("MAPPER-3700-400", "mapping"));
    assert!(reasons[0].message.contains("coercion n: \"x\" cannot become an integer"), "{reasons:?}");
    assert_eq!(warnings.len(), 1);
}

/// `commit-once`: reading a part of the log again changes nothing.
#[tokio::test]
async fn commit_once() {
    let world = world().await;
    let refiner = world.start().await;
    for id in 0..10 {
        world.post_event(id).await;
    }
    refiner.flush().await;
    refiner.stop().await;
    // As after a crash before the low water was stored.
    let mut tx = world.store.write().await.unwrap();
    tx.execute("UPDATE log SET low_water = 0", values![]).await.unwrap();
    tx.commit().await.unwrap();
    let refiner = world.start().await;
    world.post_event(10).await;
    refiner.flush().await;
    assert_eq!(world.outcomes().await, counts(&[("delivered", 11)]));
    assert_eq!(world.batches().await.1, 11);
}

/// Another worker, dead but for its commit, was faster: what it landed is not landed again.
#[tokio::test]
async fn what_has_landed_elsewhere_is_skipped() {
    let world = world().await;
    let (first, second) = (world.start().await, world.start().await);
    for id in 0..50 {
        world.post_event(id).await;
    }
    first.flush().await;
    second.flush().await;
    first.flush().await;
    assert_eq!(world.outcomes().await, counts(&[("delivered", 50)]));
}

#[tokio::test]
async fn records_of_a_deleted_dataset_are_discarded() {
    let world = world().await;
    let refiner = world.start().await;
    world.post_event(1).await;
    refiner.flush().await;
    let mut plan = plan();
    plan.datasets.insert(DATASET, dataset(true));
    world.plan.store(Arc::new(plan));
    world.post_event(2).await;
    refiner.flush().await;
    assert_eq!(world.outcomes().await, counts(&[("delivered", 1), ("discarded", 1)]));
    assert_eq!(refiner.status().low_water, 2);
}

#[tokio::test]
async fn records_that_wait_when_their_dataset_is_deleted_are_discarded() {
    let world = world().await;
    let refiner = world.start().await;
    let spec = dataset(false).table.clone();
    world.lake.ensure(&spec).await.unwrap();
    for round in 0..20 {
        world.post_event(round).await;
        tokio::time::sleep(Duration::from_millis(round * 7 % 60)).await;
        if round == 9 {
            let mut plan = plan();
            plan.datasets.insert(DATASET, dataset(true));
            world.plan.store(Arc::new(plan));
            world.lake.drop_tables(&spec).await.unwrap();
        }
    }
    refiner.flush().await;
    let outcomes = world.outcomes().await;
    assert_eq!(outcomes.iter().map(|(_, records)| records).sum::<u64>(), 20, "{outcomes:?}");
    assert!(
        outcomes.iter().any(|(outcome, records)| outcome == "discarded" && *records >= 10),
        "{outcomes:?}"
    );
    assert_eq!(refiner.status().low_water, 20);
    assert!(world.lake.tables("acme.prod", "data").await.unwrap().is_empty());
}

#[tokio::test]
async fn records_of_an_older_generation_are_discarded() {
    let world = world().await;
    let mut plan = plan();
    plan.generations.insert(SandboxNo(1), 1_000_000);
    world.plan.store(Arc::new(plan));
    let refiner = world.start().await;
    world.post_event(1).await;
    refiner.flush().await;
    assert_eq!(world.outcomes().await, counts(&[("discarded", 1)]));
}

#[tokio::test]
async fn a_dataset_that_is_not_known_waits_in_the_log() {
    let world = world().await;
    world.plan.store(Arc::new(Plan::default()));
    let refiner = world.start().await;
    world.post_event(1).await;
    refiner.flush().await;
    let status = refiner.status();
    assert_eq!((status.low_water, status.pending), (0, 1));
    assert!(status.datasets[0].error.is_some());
    world.plan.store(Arc::new(plan()));
    wait_for(&world, 1).await;
    refiner.flush().await;
    assert_eq!(refiner.status().low_water, 1);
}

#[tokio::test]
async fn a_lake_that_fails_delays_and_loses_nothing() {
    let world = world().await;
    world.lake.ensure(&dataset(false).table).await.unwrap();
    let refiner = world.start().await;
    let aside = world.warehouse.with_extension("aside");
    fs::rename(&world.warehouse, &aside).unwrap();
    fs::write(&world.warehouse, "not a folder").unwrap();
    for id in 0..5 {
        world.post_event(id).await;
    }
    refiner.flush().await;
    let error = refiner.status().datasets[0].error.clone();
    assert!(error.is_some(), "{:?}", refiner.status());
    assert_eq!(refiner.status().low_water, 0);
    fs::remove_file(&world.warehouse).unwrap();
    fs::rename(&aside, &world.warehouse).unwrap();
    world.post_event(5).await;
    wait_for(&world, 6).await;
    assert_eq!(world.batches().await.1, 6);
    refiner.flush().await;
    assert!(refiner.status().datasets.iter().all(|dataset| dataset.error.is_none()));
}

/// Until that many records were delivered.
async fn wait_for(world: &World, records: u64) {
    for _ in 0..500 {
        if world.outcomes().await == counts(&[("delivered", records)]) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{:?}", world.outcomes().await);
}

#[tokio::test]
async fn many_days_take_several_commits() {
    let world = world().await;
    let refiner = world.start().await;
    for day in 0..600 {
        let entity = format!(r#"{{"_id":"{day}","timestamp":"{:04}-01-01T00:00:00Z"}}"#, 1000 + day);
        world.post(FLOW, Form::Envelope, envelope(&entity)).await;
    }
    refiner.flush().await;
    assert_eq!(world.outcomes().await, counts(&[("delivered", 600)]));
    assert!(world.batches().await.0 >= 3);
}

#[tokio::test]
async fn a_log_of_another_database_is_refused() {
    let world = world().await;
    world.lake.set_low_water(0, world.journal.epoch() + 1, 0).await.unwrap();
    assert!(matches!(world.try_start().await, Err(StartError::OtherLog { .. })));
}

#[tokio::test]
async fn a_log_that_is_older_than_the_lake_is_refused() {
    let world = world().await;
    world.lake.set_low_water(0, world.journal.epoch(), 7).await.unwrap();
    assert!(matches!(world.try_start().await, Err(StartError::Older { low_water: 7, synced: 0 })));
}
