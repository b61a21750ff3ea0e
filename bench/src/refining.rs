//! From the journal to committed Parquet, against the least that any writer of Parquet has to do: arrow-json and the file.

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use arrow_schema::{DataType, FieldRef, Fields, Schema, SchemaRef};
use bytes::Bytes;
use journal::{Journal, NewFrame, RealDisk};
use lake::{Lake, TableSpec};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use serde_json::json;
use store::Store;
use vocab::{Clock, DatasetId, DatasetNo, FlowId, FlowNo, SandboxNo, SchemaId, SystemClock};

use crate::{Outcome, corpus, load, servers};

/// Frames in one append while the journal is filled.
const APPENDED: u64 = 2000;

/// Bytes read from the journal at a time, as refine does.
const READ_BYTES: usize = 4 << 20;

/// Rows decoded into one batch.
const ROWS: usize = 64 << 10;

#[expect(clippy::disallowed_methods, reason = "the times are what is reported")]
pub(crate) fn run(dir: &Path, events: u64) -> Outcome {
    let _ = fs::remove_dir_all(dir);
    fs::create_dir_all(dir)?;
    let dir = fs::canonicalize(dir)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let settings = journal::Settings { log_bytes_max: 64 << 30, ..journal::Settings::new(dir.join("log")) };
    let journal = Journal::open(Arc::new(RealDisk), clock.clone(), settings)?;
    let bytes = runtime.block_on(fill(&journal, events))?;
    let schema = Arc::new(xdm::Schema::compile(&xdm::compose(&corpus::schema(), &|_| None)?, &[])?);

    let (start, cpu) = (Instant::now(), cpu_seconds()?);
    let least_bytes = least(&journal, &schema, &dir.join("least.parquet"))?;
    let (least_seconds, least_cpu) = (start.elapsed().as_secs_f64(), cpu_seconds()? - cpu);

    let (start, cpu) = (Instant::now(), cpu_seconds()?);
    runtime.block_on(refine(&journal, &clock, &schema, &dir))?;
    let (seconds, cpu) = (start.elapsed().as_secs_f64(), cpu_seconds()? - cpu);
    load::print(&json!({
        "events": events, "bytes_per_event": bytes / events,
        "refine_seconds": seconds, "refine_cpu_seconds": cpu, "refine_per_second": events as f64 / seconds,
        "refine_file_bytes_per_event": parquet_bytes(&dir.join("warehouse"))? / events,
        "least_seconds": least_seconds, "least_cpu_seconds": least_cpu, "least_per_second": events as f64 / least_seconds,
        "least_file_bytes_per_event": least_bytes / events,
        "peak_kib": peak_kib()?
    }))?;
    Ok(fs::remove_dir_all(&dir)?)
}

async fn fill(journal: &Journal, events: u64) -> Outcome<u64> {
    let mut bytes = 0;
    let mut next = 0;
    while next < events {
        let end = (next + APPENDED).min(events);
        let frames: Vec<NewFrame> = (next..end)
            .map(|number| NewFrame {
                header: servers::header(),
                payload: Bytes::from(corpus::event(number).to_string()),
            })
            .collect();
        bytes += frames.iter().map(|frame| frame.payload.len() as u64).sum::<u64>();
        journal.append(frames).await?;
        next = end;
    }
    Ok(bytes)
}

/// The field with time zones as offsets: arrow-json knows none by name.
pub(crate) fn offset(field: &FieldRef) -> FieldRef {
    let of = match field.data_type() {
        DataType::Timestamp(unit, Some(_)) => DataType::Timestamp(*unit, Some("+00:00".into())),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(offset).collect()),
        DataType::List(item) => DataType::List(offset(item)),
        DataType::Map(entries, sorted) => DataType::Map(offset(entries), *sorted),
        other => other.clone(),
    };
    Arc::new(field.as_ref().clone().with_data_type(of))
}

/// Decodes all events and writes one file; its size.
fn least(journal: &Journal, schema: &Arc<xdm::Schema>, path: &Path) -> Outcome<u64> {
    let properties =
        WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?)).build();
    let arrow: SchemaRef =
        Arc::new(Schema::new(schema.arrow().fields().iter().map(offset).collect::<Fields>()));
    let mut writer = ArrowWriter::try_new(File::create(path)?, arrow.clone(), Some(properties))?;
    let mut decoder = arrow_json::ReaderBuilder::new(arrow).with_batch_size(ROWS).build_decoder()?;
    let mut next = 0;
    while next < journal.synced() {
        for frame in journal.read(next, READ_BYTES)? {
            let mut rest: &[u8] = &frame.payload;
            while !rest.is_empty() {
                let read = decoder.decode(rest)?;
                if read < rest.len()
                    && let Some(batch) = decoder.flush()?
                {
                    writer.write(&batch)?;
                }
                rest = &rest[read..];
            }
            next = frame.offset + 1;
        }
    }
    if let Some(batch) = decoder.flush()? {
        writer.write(&batch)?;
    }
    writer.close()?;
    let file = File::open(path)?;
    file.sync_all()?;
    Ok(file.metadata()?.len())
}

async fn refine(journal: &Journal, clock: &Arc<dyn Clock>, schema: &Arc<xdm::Schema>, dir: &Path) -> Outcome {
    let store = Store::open(&dir.join("metadata.db")).await?;
    let lake = Lake::open(store, clock.clone(), lake::Settings::new(dir.join("warehouse"))).await?;
    let table = TableSpec {
        catalog: "acme.prod".to_owned(),
        table: "bench".to_owned(),
        dataset_id: DatasetId::from("000000000000000000000001"),
        dataset: DatasetNo(1),
        sandbox: SandboxNo(1),
        schema: schema.arrow().clone(),
        time_series: true,
    };
    let dataset = refine::Dataset {
        table: Arc::new(table),
        schema: schema.clone(),
        schema_id: SchemaId::from("https://ns.adobe.com/acme/schemas/bench"),
        schema_version: "1.0".to_owned(),
        deleted: false,
    };
    let mut plan = refine::Plan::default();
    plan.datasets.insert(DatasetNo(1), Arc::new(dataset));
    let flow = refine::Flow { no: FlowNo(1), id: FlowId::from("flow"), mapping: None };
    plan.flows.insert(FlowNo(1), Arc::new(flow));
    let settings =
        refine::Settings { commit_interval: Duration::from_secs(15), ..refine::Settings::default() };
    let plan = Arc::new(ArcSwap::from_pointee(plan));
    let refiner = refine::Refiner::start(journal.clone(), lake, plan, clock.clone(), settings).await?;
    refiner.flush().await;
    let totals: Vec<(&str, u64)> = refiner.status().totals().collect();
    if totals != [("delivered", journal.synced())] {
        return Err(format!("of {} events: {totals:?}", journal.synced()).into());
    }
    refiner.stop().await;
    Ok(())
}

/// Seconds of processor time of this process.
fn cpu_seconds() -> Outcome<f64> {
    let text = fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = text.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    // User and system time are fields 14 and 15 of the line, in hundredths of a second.
    let ticks: f64 =
        fields.get(11..13).into_iter().flatten().filter_map(|field| field.parse::<f64>().ok()).sum();
    Ok(ticks / 100.0)
}

fn peak_kib() -> Outcome<u64> {
    let text = fs::read_to_string("/proc/self/status")?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    Ok(line.split_whitespace().next().ok_or("no VmHWM")?.parse()?)
}

/// The bytes of all Parquet files under a folder.
fn parquet_bytes(dir: &Path) -> Outcome<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            bytes += parquet_bytes(&entry.path())?;
        } else if entry.path().extension().is_some_and(|extension| extension == "parquet") {
            bytes += entry.metadata()?.len();
        }
    }
    Ok(bytes)
}
