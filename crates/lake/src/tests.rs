//! Landings on a real folder and a real store.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use arrow_array::{
    ArrayRef, Int32Array, ListArray, RecordBatch, StringArray, StructArray, TimestampMicrosecondArray,
};
use arrow_buffer::OffsetBuffer;
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use bytes::Bytes;
use serde_json::{Map, Value};
use store::{Store, values};
use vocab::{DatasetId, DatasetNo, FlowNo, ManualClock, Millis, SandboxNo};

use super::*;

struct World {
    lake: Lake,
    store: Store,
    dir: tempfile::TempDir,
}

async fn world() -> World {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("m.db")).await.unwrap();
    let settings =
        Settings { unreferenced_kept: Duration::ZERO, ..Settings::new(dir.path().join("warehouse")) };
    let clock = Arc::new(ManualClock::at(Millis(1_700_000_000_000)));
    let lake = Lake::open(store.clone(), clock, settings).await.unwrap();
    World { lake, store, dir }
}

fn utc() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// `_id`, `timestamp`, and a list of structs whose fields are given.
fn schema(item: &[&str]) -> Schema {
    let fields: Vec<_> = item.iter().map(|name| Field::new(*name, DataType::Utf8, true)).collect();
    let element = Field::new("element", DataType::Struct(fields.into()), true);
    Schema::new(vec![
        Field::new("_id", DataType::Utf8, true),
        Field::new("timestamp", utc(), true),
        Field::new("items", DataType::List(Arc::new(element)), true),
    ])
}

fn spec(item: &[&str], time_series: bool) -> Arc<TableSpec> {
    Arc::new(TableSpec {
        catalog: "acme.prod".to_owned(),
        table: "visits".to_owned(),
        dataset_id: DatasetId::from("5e30d7986c0cc218a85cee65"),
        dataset: DatasetNo(9),
        sandbox: SandboxNo(1),
        schema: Arc::new(schema(item)),
        time_series,
    })
}

fn rows(spec: &TableSpec, first: u64, count: u64, micros: impl Fn(u64) -> i64) -> Rows {
    let DataType::List(element) = spec.schema.field(2).data_type() else { unreachable!() };
    let DataType::Struct(fields) = element.data_type() else { unreachable!() };
    let ids = StringArray::from_iter_values((first..first + count).map(|at| format!("id-{at}")));
    let times =
        TimestampMicrosecondArray::from_iter_values((first..first + count).map(micros)).with_timezone("UTC");
    let texts: Vec<ArrayRef> = fields
        .iter()
        .map(|field| {
            let texts = (first..first + count).map(|at| format!("{}-{at}", field.name()));
            Arc::new(StringArray::from_iter_values(texts)) as ArrayRef
        })
        .collect();
    let items = StructArray::new(fields.clone(), texts, None);
    let lengths = OffsetBuffer::from_lengths((0..count).map(|_| 1));
    let list = ListArray::new(element.clone(), lengths, Arc::new(items), None);
    let columns: Vec<ArrayRef> = vec![Arc::new(ids), Arc::new(times), Arc::new(list)];
    let provenance = (first..first + count).map(provenance).collect();
    Rows { columns: RecordBatch::try_new(spec.schema.clone(), columns).unwrap(), provenance }
}

fn provenance(offset: u64) -> Provenance {
    Provenance {
        offset,
        index: 0,
        received: Millis(1_700_000_000_000),
        flow: "flow".into(),
        authenticated: false,
        warnings: Vec::new(),
    }
}

fn landing(spec: &Arc<TableSpec>, expected: u64, next: u64) -> Landing {
    Landing {
        table: spec.clone(),
        partition: 0,
        expected,
        first_offset: expected,
        next_offset: next,
        rows: Some(rows(spec, expected, next - expected, |at| at as i64 * 1_000_000)),
        failed: Vec::new(),
        warnings: Vec::new(),
        outcomes: vec![OutcomeCount {
            flow: FlowNo(3),
            hour: Millis(0),
            outcome: Outcome::Delivered,
            records: next - expected,
            bytes: 10,
        }],
        started: Millis(0),
        input_bytes: 10,
        doc: Map::new(),
    }
}

fn failed(offset: u64) -> FailedRow {
    FailedRow {
        provenance: provenance(offset),
        inlet: "inlet".to_owned(),
        mapping_set: None,
        schema_version: "1.0".to_owned(),
        reasons: vec![Reason {
            code: "DCVS-1106-400".to_owned(),
            category: "enum".to_owned(),
            keyword: "enum".to_owned(),
            pointer: "#/a".to_owned(),
            message: "x is not a valid enum value".to_owned(),
        }],
        truncated: false,
        warnings: Vec::new(),
        explain: None,
        original: Bytes::from_static(b"{}"),
    }
}

async fn records(world: &World, namespace: &str) -> u64 {
    let (_, metadata) = world.lake.load("acme.prod", namespace, "visits").await.unwrap().unwrap();
    let current = &metadata["current-snapshot-id"];
    let snapshots = metadata["snapshots"].as_array().cloned().unwrap_or_default();
    let snapshot = snapshots.iter().find(|snapshot| snapshot["snapshot-id"] == *current);
    snapshot.map_or(0, |snapshot| snapshot["summary"]["total-records"].as_str().unwrap().parse().unwrap())
}

async fn count(world: &World, sql: &'static str) -> i64 {
    let mut tx = world.store.read().await.unwrap();
    tx.row(sql, values![]).await.unwrap().unwrap().int(0).unwrap()
}

/// `commit-once`: landing a range again changes nothing, and says how far it is.
#[tokio::test]
async fn commit_once() {
    let world = world().await;
    let spec = spec(&["a"], false);
    world.lake.ensure(&spec).await.unwrap();
    world.lake.ensure(&spec).await.unwrap();
    world.lake.land(landing(&spec, 0, 10)).await.unwrap();
    for _ in 0..2 {
        let again = world.lake.land(landing(&spec, 0, 10)).await;
        assert!(matches!(again, Err(LandError::AlreadyApplied { applied: 10 })), "{again:?}");
    }
    let skipped = world.lake.land(landing(&spec, 11, 20)).await;
    assert!(matches!(skipped, Err(LandError::AlreadyApplied { applied: 10 })));
    world.lake.land(landing(&spec, 10, 15)).await.unwrap();
    assert_eq!(records(&world, DATA).await, 15);
    assert_eq!(world.lake.applied().await.unwrap()[&(DatasetNo(9), 0)], 15);
    assert_eq!(count(&world, "SELECT count(*) FROM batch").await, 2);
    assert_eq!(count(&world, "SELECT sum(records) FROM outcome").await, 15);
}

#[tokio::test]
async fn good_and_failed_records_of_a_range_land_together() {
    let world = world().await;
    let spec = spec(&["a"], false);
    let mut mixed = landing(&spec, 0, 3);
    mixed.next_offset = 5;
    mixed.failed = vec![failed(3), failed(4)];
    // The tables were not created with the dataset: the landing makes up for it.
    let landed = world.lake.land(mixed.clone()).await.unwrap();
    assert!(landed.batch.is_some() && landed.failed_batch.is_some());
    assert_eq!((records(&world, DATA).await, records(&world, FAILED).await), (3, 2));
    let mut tx = world.store.read().await.unwrap();
    let sql = "SELECT failed, doc FROM batch WHERE status = 'failed'";
    let row = tx.row(sql, values![]).await.unwrap().unwrap();
    assert_eq!(row.int(0).unwrap(), 2);
    let doc: Value = serde_json::from_str(row.text(1).unwrap()).unwrap();
    assert_eq!(doc["errors"][0]["code"], "DCVS-1106-400");
    assert_eq!(doc["errors"][0]["recordCount"], 2);
    // A range in which every record was skipped moves the offset alone.
    let skipped = Landing { rows: None, failed: Vec::new(), ..landing(&spec, 5, 9) };
    assert_eq!(world.lake.land(skipped).await.unwrap(), Landed { batch: None, failed_batch: None });
    assert_eq!(world.lake.applied().await.unwrap()[&(DatasetNo(9), 0)], 9);
}

/// `schema-grows`: a field inside a list of structs arrives with rows, in one commit, and no id moves.
#[tokio::test]
async fn schema_grows() {
    let world = world().await;
    let first = spec(&["a"], false);
    world.lake.land(landing(&first, 0, 2)).await.unwrap();
    let before = ids(&world).await;
    let second = spec(&["a", "b"], false);
    world.lake.land(landing(&second, 2, 4)).await.unwrap();
    let after = ids(&world).await;
    assert!(before.iter().all(|pair| after.contains(pair)), "{before:?} {after:?}");
    assert_eq!(after.len(), before.len() + 1);
    let last = before.iter().map(|(_, id)| *id).max().unwrap();
    assert!(after.contains(&("items.element.b".to_owned(), last + 1)));
    // A landing that was begun under the old schema still fits.
    world.lake.land(landing(&first, 4, 6)).await.unwrap();
    assert_eq!(ids(&world).await, after);
    assert_eq!(records(&world, DATA).await, 6);
    // What cannot grow is refused, and nothing lands.
    let mut changed = landing(&first, 6, 7);
    let columns = Schema::new(vec![Field::new("_id", DataType::Int32, true)]);
    let batch = RecordBatch::try_new(Arc::new(columns), vec![Arc::new(Int32Array::from(vec![1]))]).unwrap();
    changed.rows = Some(Rows { columns: batch, provenance: vec![provenance(6)] });
    assert!(matches!(world.lake.land(changed).await, Err(LandError::Lake(LakeError::Schema(_)))));
    assert_eq!(records(&world, DATA).await, 6);
}

async fn ids(world: &World) -> Vec<(String, i64)> {
    let (_, metadata) = world.lake.load("acme.prod", DATA, "visits").await.unwrap().unwrap();
    let current = &metadata["current-schema-id"];
    let schema = metadata["schemas"]
        .as_array()
        .unwrap()
        .iter()
        .find(|schema| schema["schema-id"] == *current)
        .unwrap();
    let mut found = Vec::new();
    walk(schema, "", &mut found);
    found.sort();
    found
}

fn walk(kind: &Value, path: &str, found: &mut Vec<(String, i64)>) {
    for field in kind["fields"].as_array().into_iter().flatten() {
        let name = field["name"].as_str().unwrap();
        let path = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        assert_eq!(field["required"], false, "{path}: every column is optional");
        found.push((path.clone(), field["id"].as_i64().unwrap()));
        walk(&field["type"], &path, found);
    }
    if let Some(id) = kind["element-id"].as_i64() {
        let path = format!("{path}.element");
        found.push((path.clone(), id));
        walk(&kind["element"], &path, found);
    }
}

#[tokio::test]
async fn rows_of_a_time_series_lie_by_day() {
    let world = world().await;
    let spec = spec(&["a"], true);
    let mut days = landing(&spec, 0, 6);
    days.rows = Some(rows(&spec, 0, 6, |at| (at as i64 % 3) * 86_400_000_000));
    world.lake.land(days).await.unwrap();
    assert_eq!(records(&world, DATA).await, 6);
    let doc = {
        let mut tx = world.store.read().await.unwrap();
        tx.row("SELECT doc FROM batch", values![]).await.unwrap().unwrap().text(0).unwrap().to_owned()
    };
    let doc: Value = serde_json::from_str(&doc).unwrap();
    assert_eq!(doc["files"].as_array().unwrap().len(), 3);
    let mut many = landing(&spec, 6, 306);
    many.rows = Some(rows(&spec, 6, 300, |at| at as i64 * 86_400_000_000));
    assert!(matches!(world.lake.land(many).await, Err(LandError::TooManyDays { days: 300 })));
}

/// `bounded`: metadata does not grow with the number of commits.
#[tokio::test]
async fn bounded() {
    let world = world().await;
    let spec = spec(&["a"], false);
    let mut sizes = Vec::new();
    for commit in 0..350u64 {
        world.lake.land(landing(&spec, commit, commit + 1)).await.unwrap();
        if commit % 50 == 49 {
            let folder = fs::read_dir(metadata_folder(&world).await).unwrap();
            let bytes: Vec<u64> = folder.map(|file| file.unwrap().metadata().unwrap().len()).collect();
            sizes.push((bytes.len(), bytes.iter().sum::<u64>()));
        }
    }
    eprintln!("files and bytes of metadata after every 50 commits: {sizes:?}");
    assert_eq!(records(&world, DATA).await, 350);
    let (files, bytes) = sizes[6];
    assert!(files < 2 * sizes[3].0 && bytes < 2 * sizes[3].1, "{sizes:?}");
    assert!(world.dir.path().exists());
}

async fn metadata_folder(world: &World) -> std::path::PathBuf {
    let (location, _) = world.lake.load("acme.prod", DATA, "visits").await.unwrap().unwrap();
    crate::storage::path_of(&location).parent().unwrap().to_owned()
}

#[tokio::test]
async fn dropped_tables_are_gone_and_their_name_is_free() {
    let world = world().await;
    let spec = spec(&["a"], false);
    world.lake.land(landing(&spec, 0, 2)).await.unwrap();
    world.lake.drop_tables(&spec).await.unwrap();
    assert_eq!(world.lake.tables("acme.prod", DATA).await.unwrap(), Vec::<String>::new());
    assert!(world.lake.load("acme.prod", DATA, "visits").await.unwrap().is_none());
    // What was under way does not bring the tables back, nor does it end up in those of a successor.
    assert!(matches!(world.lake.land(landing(&spec, 2, 3)).await, Err(LandError::NoTable)));
    let successor =
        TableSpec { dataset_id: DatasetId::from("0123456789abcdef01234567"), ..TableSpec::clone(&spec) };
    world.lake.ensure(&successor).await.unwrap();
    assert!(matches!(world.lake.land(landing(&spec, 2, 3)).await, Err(LandError::NoTable)));
    assert_eq!(records(&world, DATA).await, 0);
}

#[tokio::test]
async fn another_process_that_moved_the_pointer_is_noticed() {
    let world = world().await;
    let spec = spec(&["a"], false);
    world.lake.land(landing(&spec, 0, 2)).await.unwrap();
    let other = Lake::open(
        world.store.clone(),
        Arc::new(ManualClock::at(Millis(1_700_000_001_000))),
        Settings::new(world.dir.path().join("warehouse")),
    )
    .await
    .unwrap();
    other.land(landing(&spec, 2, 5)).await.unwrap();
    world.lake.land(landing(&spec, 5, 6)).await.unwrap();
    assert_eq!(records(&world, DATA).await, 6);
}

/// A warning of that many records of the flow, in that hour.
fn warning(item: u32, hour: Millis, records: u64, places: &[&str]) -> WarningCount {
    let sample = |place: &&str| WarningSample {
        xaction_id: (*place).to_owned(),
        index: 0,
        warning: Warning {
            item: Some(item),
            code: "coercion",
            source: "s".to_owned(),
            destination: "d".to_owned(),
            message: "m".to_owned(),
        },
    };
    WarningCount {
        flow: "flow".into(),
        hour,
        mapping_set: ("set".to_owned(), 1),
        item: Some(item),
        code: "coercion",
        records,
        samples: places.iter().map(sample).collect(),
    }
}

#[tokio::test]
async fn warnings_are_counted_with_the_newest_samples() {
    let world = world().await;
    let spec = spec(&["a"], false);
    let hour = Millis(1_700_000_000_000 - 1_700_000_000_000 % 3_600_000);
    let land = async |expected: u64, warnings: Vec<WarningCount>| {
        let landing = Landing { warnings, ..landing(&spec, expected, expected + 1) };
        world.lake.land(landing).await.unwrap();
    };
    land(0, vec![warning(0, hour, 2, &["a", "b"]), warning(1, hour, 1, &["c"])]).await;
    land(1, vec![warning(0, hour, 5, &["d", "e"])]).await;
    let mut tx = world.store.read().await.unwrap();
    let sql = "SELECT records, samples FROM mapping_warning WHERE item = 0";
    let row = tx.row(sql, values![]).await.unwrap().unwrap();
    let samples: Vec<Value> = serde_json::from_str(row.text(1).unwrap()).unwrap();
    let places: Vec<&str> = samples.iter().map(|sample| sample["xactionId"].as_str().unwrap()).collect();
    assert_eq!((row.count(0).unwrap(), places), (7, vec!["b", "d", "e"]));
    drop(tx);

    // More items than an hour has rows for are counted together.
    let many: Vec<WarningCount> = (0..1500).map(|item| warning(item, hour, 1, &["x"])).collect();
    land(2, many).await;
    assert_eq!(count(&world, "SELECT count(*) FROM mapping_warning").await, 1001);
    assert_eq!(count(&world, "SELECT sum(records) FROM mapping_warning").await, 8 + 1500);
    assert_eq!(count(&world, "SELECT records FROM mapping_warning WHERE mapping_set = ''").await, 500);
    assert_eq!(count(&world, "SELECT records FROM mapping_warning WHERE item = 0").await, 8);

    // What is too old goes with the next warnings of its flow.
    let past = Millis(hour.0 - 31 * 24 * 3_600_000);
    land(3, vec![warning(7, past, 1, &["y"])]).await;
    let of_past =
        "SELECT count(*) FROM mapping_warning WHERE item = 7 AND records = 1 AND hour_ms < 1699000000000";
    assert_eq!(count(&world, of_past).await, 1);
    land(4, vec![warning(0, hour, 1, &["z"])]).await;
    assert_eq!(count(&world, of_past).await, 0);

    let mut tx = world.store.write().await.unwrap();
    world.lake.wipe(&mut tx, "acme.prod", SandboxNo(1), []).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(count(&world, "SELECT count(*) FROM mapping_warning").await, 0);
}

/// A table of failed records that an older version made gets the columns that it lacks, and keeps the ids of the others.
#[tokio::test]
async fn a_table_of_failed_records_gets_new_columns() {
    let world = world().await;
    let spec = spec(&["a"], false);
    let old =
        |field: &&Arc<Field>| !["warnings", "explain", crate::schema::PROVENANCE].contains(&&**field.name());
    let columns = crate::failed::failed_columns();
    let columns: Vec<Arc<Field>> = columns.fields().iter().filter(old).cloned().collect();
    let before = TableSpec { schema: Arc::new(Schema::new(columns)), ..TableSpec::clone(&spec) };
    table::create(&world.lake.0, &before, DATA).await.unwrap();
    let mut tx = world.store.write().await.unwrap();
    tx.execute("UPDATE iceberg_tables SET table_namespace = 'failed'", values![]).await.unwrap();
    tx.commit().await.unwrap();
    let ids = async || {
        let (_, metadata) = world.lake.load("acme.prod", FAILED, "visits").await.unwrap().unwrap();
        let current = &metadata["current-schema-id"];
        let schemas = metadata["schemas"].as_array().unwrap();
        let mut found = Vec::new();
        walk(schemas.iter().find(|schema| schema["schema-id"] == *current).unwrap(), "", &mut found);
        found
    };
    let first = ids().await;
    assert!(first.iter().all(|(name, _)| name != "explain" && name != "warnings"), "{first:?}");
    let row = FailedRow { explain: Some("[]".to_owned()), ..failed(0) };
    let landing = Landing { rows: None, failed: vec![row], ..landing(&spec, 0, 1) };
    world.lake.land(landing).await.unwrap();
    let then = ids().await;
    assert!(first.iter().all(|pair| then.contains(pair)), "{first:?} {then:?}");
    assert!(then.iter().any(|(name, _)| name == "explain"), "{then:?}");
    assert!(then.iter().any(|(name, _)| name == "warnings.element.code"), "{then:?}");
    assert_eq!(records(&world, FAILED).await, 1);
}
