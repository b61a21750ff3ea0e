//! Journal, refine and lake under faults that a seed chooses: power cuts that tear what was not synced, kills, failed writes
//! and syncs, a lake that cannot be written to, a commit whose answer is lost, clocks that jump.
//!
//! The log's disk and the clock are played; the lake's files and the database are real, on a folder of their own. The
//! workers of journal and refine keep their threads, so that a seed fixes what happens and in which order, but not how far
//! refine is at that moment. `TRIBUTARY_TEST_SEED` repeats one seed, `TRIBUTARY_TEST_SEEDS` sets their number.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use arrow_array::RecordBatch;
use arrow_array::cast::AsArray as _;
use bytes::Bytes;
use journal::fake::{FakeDisk, sample};
use journal::{Form, Journal, NewFrame};
use lake::{Lake, TableSpec};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use refine::{Dataset, Flow, Plan, Refiner, Settings};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use serde_json::{Value, json};
use store::{Store, values};
use vocab::{DatasetId, DatasetNo, FlowId, FlowNo, ManualClock, Millis, SandboxNo, SchemaId};

const SEEDS: u64 = 500;
const STEPS: u64 = 25;

/// A small generator: the same seed, the same run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

struct World {
    random: Random,
    disk: FakeDisk,
    clock: Arc<ManualClock>,
    store: Store,
    lake: Lake,
    warehouse: PathBuf,
    plan: Arc<ArcSwap<Plan>>,
    running: Option<(Journal, Refiner)>,
    /// What became of each record that was posted: acknowledged or refused.
    acknowledged: BTreeMap<u64, bool>,
    next: u64,
    low_water: u64,
}

fn schema() -> Arc<xdm::Schema> {
    let doc =
        json!({ "properties": { "_id": {"type": "string"}, "n": {"type": "integer"} }, "required": ["_id"] });
    Arc::new(xdm::Schema::compile(&xdm::compose(&doc, &|_| None).unwrap(), &[]).unwrap())
}

fn plan() -> Plan {
    let mut plan = Plan::default();
    for no in [1, 2] {
        let schema = schema();
        let table = TableSpec {
            catalog: "acme.prod".to_owned(),
            table: format!("table_{no}"),
            dataset_id: DatasetId::from(format!("{no:024}").as_str()),
            dataset: DatasetNo(no),
            sandbox: SandboxNo(1),
            schema: schema.arrow().clone(),
            time_series: false,
        };
        let schema_id = SchemaId::from("https://ns.adobe.com/acme/schemas/1");
        let dataset = Dataset {
            table: Arc::new(table),
            schema,
            schema_id,
            schema_version: "1.0".to_owned(),
            deleted: false,
        };
        plan.datasets.insert(DatasetNo(no), Arc::new(dataset));
    }
    plan.flows.insert(FlowNo(1), Arc::new(Flow { no: FlowNo(1), id: FlowId::from("flow"), mapping: None }));
    plan
}

impl World {
    async fn new(seed: u64, dir: &Path) -> Self {
        let store = Store::open(&dir.join("m.db")).await.unwrap();
        let clock = Arc::new(ManualClock::at(Millis(1_700_000_000_000)));
        let warehouse = dir.join("warehouse");
        let lake = Lake::open(store.clone(), clock.clone(), lake::Settings::new(&warehouse)).await.unwrap();
        let plan = Arc::new(ArcSwap::from_pointee(plan()));
        let (disk, random) = (FakeDisk::default(), Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1));
        let acknowledged = BTreeMap::new();
        let mut world = Self {
            random,
            disk,
            clock,
            store,
            lake,
            warehouse,
            plan,
            running: None,
            acknowledged,
            next: 0,
            low_water: 0,
        };
        world.start().await;
        world
    }

    async fn start(&mut self) {
        let settings = journal::Settings {
            segment_bytes: 64 << 10,
            new_segment_pause: Duration::ZERO,
            ..journal::Settings::new("/log")
        };
        let journal = Journal::open(Arc::new(self.disk.clone()), self.clock.clone(), settings).unwrap();
        let settings = Settings { commit_interval: Duration::from_secs(1), ..Settings::default() };
        let refiner = Refiner::start(
            journal.clone(),
            self.lake.clone(),
            self.plan.clone(),
            self.clock.clone(),
            settings,
        );
        let refiner = refiner.await.unwrap();
        let (_, low_water) = self.lake.low_water(0).await.unwrap().unwrap();
        assert!(low_water >= self.low_water, "low water went back from {} to {low_water}", self.low_water);
        self.low_water = low_water;
        self.running = Some((journal, refiner));
    }

    fn journal(&self) -> Journal {
        self.running.as_ref().unwrap().0.clone()
    }

    fn refiner(&self) -> Refiner {
        self.running.as_ref().unwrap().1.clone()
    }

    /// Posts a request of a few records; one in eight breaks its schema.
    async fn post(&mut self) {
        let count = 1 + self.random.below(5);
        let ids: Vec<u64> = (self.next..self.next + count).collect();
        self.next += count;
        let dataset = DatasetNo(u32::try_from(1 + self.random.below(2)).unwrap());
        let mut frames = Vec::new();
        for id in &ids {
            let n = if self.random.below(8) == 0 { json!("no number") } else { json!(id) };
            let mut frame = sample(1, b"");
            (frame.header.dataset, frame.header.form) = (dataset, Form::Raw);
            let payload = Bytes::from(json!({ "_id": id.to_string(), "n": n }).to_string());
            frames.push(NewFrame { header: frame.header, payload });
        }
        let acknowledged = self.journal().append(frames).await.is_ok();
        self.acknowledged.extend(ids.into_iter().map(|id| (id, acknowledged)));
    }

    /// Ends the process where it is. What was written is there for the next one; after a power cut only what was synced, and
    /// of the rest a part.
    async fn die(&mut self, power_cut: bool) {
        self.running = None;
        let random = &mut self.random;
        self.disk = if power_cut {
            self.disk.power_cut(|unstable| random.below(unstable))
        } else {
            let next = FakeDisk::default();
            self.disk.files().into_iter().for_each(|(path, bytes)| next.put(&path, bytes));
            next
        };
        self.start().await;
    }

    async fn step(&mut self) {
        match self.random.below(16) {
            0..=5 => self.post().await,
            6 => {
                self.disk.fail_syncs(true);
                self.post().await;
                // Sometimes the process does not live to see the disk work again.
                if self.random.below(3) == 0 {
                    self.die(false).await;
                }
                self.disk.fail_syncs(false);
            }
            7 => {
                self.disk.fail_writes(true);
                self.post().await;
                self.disk.fail_writes(false);
            }
            8 => self.die(true).await,
            9 => self.die(false).await,
            10 => {
                let aside = self.warehouse.with_extension("aside");
                fs::write(&aside, "no folder").unwrap();
                // At one stroke: in a gap between two, a commit under way would make the folder anew.
                let warehouse = self.warehouse.clone();
                let exchange = || {
                    renameat_with(CWD, &warehouse, CWD, &aside, RenameFlags::EXCHANGE).unwrap();
                };
                exchange();
                self.post().await;
                self.refiner().flush().await;
                exchange();
                fs::remove_file(&aside).unwrap();
            }
            11 => {
                self.lake.lose_next_answer();
                self.post().await;
                self.refiner().flush().await;
            }
            12 | 13 => self.clock.advance(Duration::from_millis(self.random.below(20_000))),
            _ => self.refiner().flush().await,
        }
    }

    /// All faults are over: until nothing is pending.
    async fn settle(&mut self) {
        for _ in 0..100 {
            // Longer than the longest pause.
            self.clock.advance(Duration::from_secs(31));
            let refiner = self.refiner();
            refiner.flush().await;
            if refiner.status().pending == 0 {
                return;
            }
        }
        panic!("records stay pending: {:?}", self.refiner().status());
    }

    /// How often each record is in the files of the tables' commits.
    async fn landed(&self) -> BTreeMap<u64, u32> {
        let mut tx = self.store.read().await.unwrap();
        let mut found = BTreeMap::new();
        for row in tx.rows("SELECT status, doc FROM batch", values![]).await.unwrap() {
            let doc: Value = serde_json::from_str(row.text(1).unwrap()).unwrap();
            for file in doc["files"].as_array().unwrap() {
                let path = file["path"].as_str().unwrap().trim_start_matches("file://").to_owned();
                let file = fs::File::open(path).unwrap();
                for batch in ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap() {
                    ids(&batch.unwrap(), row.text(0).unwrap() == "failed")
                        .into_iter()
                        .for_each(|id| *found.entry(id).or_default() += 1);
                }
            }
        }
        found
    }
}

fn ids(batch: &RecordBatch, failed: bool) -> Vec<u64> {
    if failed {
        let original = batch.column_by_name("original").unwrap().as_binary::<i64>();
        let record = |bytes: &[u8]| {
            serde_json::from_slice::<Value>(bytes).unwrap()["_id"].as_str().unwrap().parse().unwrap()
        };
        return original.iter().flatten().map(record).collect();
    }
    batch
        .column_by_name("_id")
        .unwrap()
        .as_string::<i32>()
        .iter()
        .flatten()
        .map(|id| id.parse().unwrap())
        .collect()
}

async fn run(seed: u64) {
    let dir = tempfile::tempdir().unwrap();
    let mut world = World::new(seed, dir.path()).await;
    for _ in 0..STEPS {
        world.step().await;
    }
    world.settle().await;
    let landed = world.landed().await;
    for (id, acknowledged) in &world.acknowledged {
        let times = landed.get(id).copied().unwrap_or(0);
        assert_eq!(times, u32::from(*acknowledged), "record {id}, acknowledged: {acknowledged}");
    }
    assert_eq!(
        landed.len(),
        world.acknowledged.values().filter(|good| **good).count(),
        "records that nobody posted"
    );
    let mut tx = world.store.read().await.unwrap();
    let row = tx.row("SELECT coalesce(sum(records), 0) FROM outcome", values![]).await.unwrap().unwrap();
    assert_eq!(row.count(0).unwrap(), landed.len() as u64, "the outcomes do not add up");
    world.refiner().stop().await;
}

#[test]
fn every_seed_keeps_the_promises() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seeds = match number("TRIBUTARY_TEST_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("TRIBUTARY_TEST_SEEDS").unwrap_or(SEEDS),
    };
    let count = seeds.end - seeds.start;
    for seed in seeds {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let ended = std::panic::catch_unwind(|| runtime.block_on(run(seed)));
        assert!(ended.is_ok(), "seed {seed} failed (TRIBUTARY_TEST_SEED={seed} repeats it)");
    }
    println!("simulation: {count} seeds of {STEPS} steps kept every promise");
}
