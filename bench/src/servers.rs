//! What the product is measured against: a server that only reads and answers, and one that also logs.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use journal::{Form, FrameHeader, HandOver, Journal, NewFrame, Operation, RealDisk, Settings};
use tokio::net::TcpListener;
use vocab::{DatasetNo, FlowNo, InletNo, Millis, SandboxNo, SchemaNo, SystemClock};

use crate::Outcome;
use crate::corpus::BATCH;

/// As long as the inlet's answer.
const ANSWER: &str = r#"{"inletId":"0000000000000000000000000000000000000000000000000000000000000000","xactionId":"1700000000000:0:0"}"#;

pub(crate) async fn bare(listen: &str) -> Outcome {
    let router = Router::new().fallback(post(async |_: Bytes| ANSWER));
    serve(listen, router).await
}

pub(crate) async fn raw_log(listen: &str, dir: PathBuf, hand_over: HandOver) -> Outcome {
    let settings = Settings { hand_over: Some(hand_over), ..Settings::new(dir) };
    let journal = Journal::open(Arc::new(RealDisk), Arc::new(SystemClock::new()), settings)?;
    // Nothing reads this log: what is synced may go.
    let trim = journal.clone();
    tokio::spawn(async move {
        loop {
            trim.set_low_water(trim.synced());
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    });
    serve(listen, Router::new().fallback(post(append)).with_state(journal)).await
}

async fn append(State(journal): State<Journal>, body: Bytes) -> &'static str {
    let frames = records(&body).map(|payload| NewFrame { header: header(), payload }).collect();
    match journal.append(frames).await {
        Ok(_) => ANSWER,
        Err(_) => "refused",
    }
}

/// The records of a body: a batch is cut into as many equal slices as it has messages, without being parsed.
fn records(body: &Bytes) -> impl Iterator<Item = Bytes> {
    let count = if body.starts_with(b"{\"messages\"") { BATCH as usize } else { 1 };
    (0..count).map(move |at| body.slice(body.len() * at / count..body.len() * (at + 1) / count))
}

pub(crate) fn header() -> FrameHeader {
    FrameHeader {
        sandbox: SandboxNo(1),
        generation: 1,
        inlet: InletNo(1),
        flow: FlowNo(1),
        dataset: DatasetNo(1),
        schema: SchemaNo(1),
        schema_major: 1,
        received: Millis(0),
        authenticated: false,
        index: 0,
        operation: Operation::Create,
        form: Form::Raw,
    }
}

async fn serve(listen: &str, router: Router) -> Outcome {
    let listener = TcpListener::bind(listen).await?;
    Ok(axum::serve(listener, router).await?)
}

/// How quiet and quick the disk is.
#[expect(clippy::disallowed_methods, reason = "the time is what is reported")]
pub(crate) fn disk(dir: &Path) -> Outcome {
    std::fs::create_dir_all(dir)?;
    let path = dir.join("sync-probe");
    let mut file = std::fs::File::create(&path)?;
    let mut times = Vec::new();
    for _ in 0..200 {
        let start = Instant::now();
        file.write_all(&[7; 4096])?;
        file.sync_data()?;
        times.push(start.elapsed().as_micros());
    }
    std::fs::remove_file(&path)?;
    times.sort_unstable();
    crate::load::print(&serde_json::json!({ "fdatasync_us": times[times.len() / 2] }))
}
