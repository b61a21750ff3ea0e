//! The worker: reads the journal in order, fills a buffer per dataset, lands the buffers that are due.
//!
//! It has a thread and a runtime of its own, so that making Parquet files does not delay answers. A buffer lands in the
//! background, one at a time per dataset, while the next one fills. When a landing fails, what was buffered of that dataset
//! is dropped and the journal is read again from its applied offset after a pause; `seen` keeps the other datasets from
//! taking those frames twice.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use journal::{Frame, Journal};
use lake::{Lake, LakeError, LandError};
use tokio::sync::{mpsc, oneshot};
use vocab::{Clock, DatasetNo};

use crate::buffer::Buffer;
use crate::faults::fail_point;
use crate::limits::{COMMIT_SHARE, LANDINGS_MAX, LOW_WATER_EVERY, READ_BYTES, RETRY_FIRST, RETRY_LONGEST};
use crate::plan::Plan;
use crate::record::Scratch;
use crate::status::{DatasetStatus, Status};

/// How refining is done.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How long records wait at most for their commit, while commits are cheap.
    pub commit_interval: Duration,
    /// Bytes that all buffers may take together.
    pub memory_bytes: usize,
    /// Records stay in the log until a start without this.
    pub paused: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { commit_interval: Duration::from_secs(1), memory_bytes: 256 * 1024 * 1024, paused: false }
    }
}

/// Why refining cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Lake(#[from] LakeError),
    #[error(
        "the metadata database belongs to another log (epoch {known}) than the one found (epoch {found})"
    )]
    OtherLog { known: u64, found: u64 },
    #[error(
        "the log begins at offset {first}, and records from {low_water} on have not landed: some of it is missing"
    )]
    Missing { low_water: u64, first: u64 },
    #[error(
        "the log ends at offset {synced}, and records up to {low_water} have landed: it is older than the lake"
    )]
    Older { low_water: u64, synced: u64 },
    #[error("cannot start a thread")]
    Thread(#[from] std::io::Error),
}

/// A handle to the worker. Cheap to clone; the worker ends when all are gone.
#[derive(Clone)]
pub struct Refiner {
    commands: mpsc::UnboundedSender<Command>,
    status: Arc<Mutex<Status>>,
    journal: Journal,
}

enum Command {
    Flush(oneshot::Sender<()>),
    Stop(oneshot::Sender<()>),
}

impl Refiner {
    /// Starts the worker where the lake stands.
    pub async fn start(
        journal: Journal,
        lake: Lake,
        plan: Arc<ArcSwap<Plan>>,
        clock: Arc<dyn Clock>,
        settings: Settings,
    ) -> Result<Self, StartError> {
        let cursor = starting_point(&journal, &lake).await?;
        let mut datasets: HashMap<DatasetNo, State> = HashMap::new();
        for ((dataset, partition), next) in lake.applied().await? {
            if partition == journal.partition() {
                datasets.insert(dataset, State { applied: next, seen: next, ..State::default() });
            }
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("land")
            .enable_all()
            .build()?;
        let (commands, receiver) = mpsc::unbounded_channel();
        let (done, landed) = mpsc::unbounded_channel();
        let status = Arc::new(Mutex::new(Status { low_water: cursor, cursor, ..Status::default() }));
        let worker = Worker {
            stored_low_water: (cursor, clock.elapsed()),
            journal: journal.clone(),
            lake,
            plan,
            clock,
            settings,
            cursor,
            datasets,
            landings: 0,
            buffered: 0,
            scratch: Scratch::default(),
            read_error: None,
            read_again: None,
            totals: BTreeMap::new(),
            warnings: BTreeMap::new(),
            status: status.clone(),
            commands: receiver,
            done,
            landed,
            flushes: Vec::new(),
            stopping: None,
        };
        std::thread::Builder::new()
            .name("refine".to_owned())
            .spawn(move || runtime.block_on(worker.run()))?;
        Ok(Self { commands, status, journal })
    }

    /// Where the worker stands.
    pub fn status(&self) -> Status {
        let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner).clone();
        // As the log is now: what was acknowledged since the worker's last look must not be taken for landed.
        status.pending = self.journal.synced().saturating_sub(status.cursor) + status.held;
        status
    }

    /// Lands all that is synced now; datasets that cannot land at the moment are not waited for.
    pub async fn flush(&self) {
        let (done, wait) = oneshot::channel();
        if self.commands.send(Command::Flush(done)).is_ok() {
            let _ = wait.await;
        }
    }

    /// Lands all that is synced now, and ends the worker.
    pub async fn stop(&self) {
        let (done, wait) = oneshot::channel();
        if self.commands.send(Command::Stop(done)).is_ok() {
            let _ = wait.await;
        }
    }
}

/// The first offset to read. Log and database must belong together.
async fn starting_point(journal: &Journal, lake: &Lake) -> Result<u64, StartError> {
    let (first, synced) = (journal.first(), journal.synced());
    let low_water = match lake.low_water(journal.partition()).await? {
        None => first,
        Some((known, _)) if known != journal.epoch() => {
            return Err(StartError::OtherLog { known, found: journal.epoch() });
        }
        Some((_, low_water)) => low_water,
    };
    if low_water < first {
        return Err(StartError::Missing { low_water, first });
    }
    if low_water > synced {
        return Err(StartError::Older { low_water, synced });
    }
    lake.set_low_water(journal.partition(), journal.epoch(), low_water).await?;
    journal.set_low_water(low_water);
    Ok(low_water)
}

/// Where one dataset stands.
#[derive(Default)]
struct State {
    /// The next offset that its commits have not covered.
    applied: u64,
    /// The next offset that its buffer takes.
    seen: u64,
    buffer: Option<Buffer>,
    /// When the buffer was begun.
    opened: Duration,
    landing: Option<InFlight>,
    suspended: Option<Suspended>,
    tries: u32,
    error: Option<String>,
    /// How long its last landing took.
    took: Duration,
}

/// A landing under way.
struct InFlight {
    first_offset: u64,
    next_offset: u64,
    records: u64,
    bytes: usize,
    outcomes: BTreeMap<&'static str, u64>,
    /// Records by warning code.
    warnings: BTreeMap<&'static str, u64>,
}

/// A dataset that is left alone for a while; its frames are read again afterwards.
struct Suspended {
    first_offset: u64,
    records: u64,
    until: Duration,
}

/// How a landing ended.
struct Done {
    dataset: DatasetNo,
    took: Duration,
    result: Result<(), LandFailure>,
}

enum LandFailure {
    /// The lake is further (or not as far) as we knew.
    Applied(u64),
    Failed(String),
}

/// What became of a frame that was offered to its dataset.
#[derive(PartialEq, Eq)]
enum Taken {
    Yes,
    /// Something must land first.
    No,
}

struct Worker {
    journal: Journal,
    lake: Lake,
    plan: Arc<ArcSwap<Plan>>,
    clock: Arc<dyn Clock>,
    settings: Settings,
    /// The next offset to read.
    cursor: u64,
    datasets: HashMap<DatasetNo, State>,
    /// Landings under way.
    landings: usize,
    /// Bytes in buffers and in landings.
    buffered: usize,
    scratch: Scratch,
    read_error: Option<String>,
    read_again: Option<Duration>,
    totals: BTreeMap<&'static str, u64>,
    warnings: BTreeMap<&'static str, u64>,
    status: Arc<Mutex<Status>>,
    commands: mpsc::UnboundedReceiver<Command>,
    done: mpsc::UnboundedSender<Done>,
    landed: mpsc::UnboundedReceiver<Done>,
    /// What waits for a flush, and up to which offset.
    flushes: Vec<(u64, oneshot::Sender<()>)>,
    stopping: Option<(u64, oneshot::Sender<()>)>,
    /// The low water as stored, and when that was.
    stored_low_water: (u64, Duration),
}

impl Worker {
    async fn run(mut self) {
        let mut synced = self.journal.watch();
        loop {
            while let Ok(done) = self.landed.try_recv() {
                self.finish(done);
            }
            self.resume();
            let progressed = self.read();
            self.land_due();
            self.store_low_water(false).await;
            self.report();
            self.answer_flushes();
            if self.stopping.as_ref().is_some_and(|(target, _)| self.has_landed(*target)) {
                break;
            }
            if progressed {
                // Lets landings and commands in between two reads.
                tokio::task::yield_now().await;
                while let Ok(command) = self.commands.try_recv() {
                    self.command(command);
                }
                continue;
            }
            let pause = self.pause();
            tokio::select! {
                changed = synced.changed(), if !self.settings.paused => if changed.is_err() {
                    // The journal is gone: only a stop can follow.
                    tokio::time::sleep(Duration::from_millis(10)).await;
                },
                Some(done) = self.landed.recv() => self.finish(done),
                command = self.commands.recv() => match command {
                    Some(command) => self.command(command),
                    None => return,
                },
                () = tokio::time::sleep(pause) => {}
            }
        }
        self.store_low_water(true).await;
        self.report();
        if let Some((_, stopped)) = self.stopping.take() {
            let _ = stopped.send(());
        }
    }

    fn command(&mut self, command: Command) {
        let target = self.journal.synced();
        match command {
            Command::Flush(done) => self.flushes.push((target, done)),
            Command::Stop(done) => self.stopping = Some((target, done)),
        }
    }

    /// Reads a run of frames; `false` when there was none to take.
    fn read(&mut self) -> bool {
        if self.settings.paused
            || self.cursor >= self.journal.synced()
            || self.read_again.is_some_and(|at| self.clock.elapsed() < at)
        {
            return false;
        }
        let frames = match self.journal.read(self.cursor, READ_BYTES) {
            Ok(frames) => frames,
            Err(error) => {
                tracing::error!(offset = self.cursor, %error, "cannot read the log");
                self.read_error = Some(error.to_string());
                self.read_again = Some(self.clock.elapsed() + RETRY_LONGEST);
                return false;
            }
        };
        (self.read_error, self.read_again) = (None, None);
        let plan = self.plan.load_full();
        let start = self.cursor;
        for frame in &frames {
            if self.take(frame, &plan) == Taken::No {
                break;
            }
            self.cursor = frame.offset + 1;
        }
        self.cursor != start
    }

    fn take(&mut self, frame: &Frame, plan: &Plan) -> Taken {
        let no = frame.header.dataset;
        let now = self.clock.elapsed();
        let state = self.datasets.entry(no).or_default();
        if frame.offset < state.seen {
            return Taken::Yes;
        }
        if let Some(suspended) = &mut state.suspended {
            suspended.first_offset = suspended.first_offset.min(frame.offset);
            suspended.records += 1;
            return Taken::Yes;
        }
        let Some(dataset) = plan.datasets.get(&no) else {
            state.suspend(
                frame.offset,
                1,
                now,
                "the dataset or its schema cannot be used; see the log".to_owned(),
            );
            return Taken::Yes;
        };
        if state.buffer.as_ref().is_some_and(|buffer| buffer.is_full() || !buffer.is_of(dataset))
            && !self.land(no)
        {
            return Taken::No;
        }
        if self.buffered > self.settings.memory_bytes {
            self.land_largest();
            if self.buffered > self.settings.memory_bytes {
                return Taken::No;
            }
        }
        let Some(state) = self.datasets.get_mut(&no) else {
            return Taken::Yes;
        };
        if state.buffer.is_none() {
            state.opened = now;
        }
        let buffer = state.buffer.get_or_insert_with(|| {
            Buffer::new(dataset.clone(), self.journal.epoch(), frame.offset, self.clock.now())
        });
        let before = buffer.bytes();
        buffer.push(frame, plan, &mut self.scratch);
        self.buffered += buffer.bytes() - before;
        state.seen = frame.offset + 1;
        Taken::Yes
    }

    /// Begins to land a dataset's buffer; `false` when it has to wait for a landing, or is read again.
    fn land(&mut self, no: DatasetNo) -> bool {
        if self.landings >= LANDINGS_MAX {
            return false;
        }
        let Some(state) = self.datasets.get_mut(&no).filter(|state| state.landing.is_none()) else {
            return false;
        };
        let Some(buffer) = state.buffer.take() else {
            return true;
        };
        let (bytes, records) = (buffer.bytes(), buffer.records());
        if !buffer.is_discarding()
            && self.plan.load().datasets.get(&no).is_some_and(|dataset| dataset.deleted)
        {
            // The tables are gone: the same records are read again, to be discarded.
            state.seen = state.applied;
            self.buffered = self.buffered.saturating_sub(bytes);
            self.cursor = self.cursor.min(buffer.first_offset());
            return false;
        }
        let landing = buffer.seal(self.journal.partition(), state.applied);
        let mut outcomes: BTreeMap<&'static str, u64> = BTreeMap::new();
        for count in &landing.outcomes {
            *outcomes.entry(count.outcome.name()).or_default() += count.records;
        }
        let mut warnings: BTreeMap<&'static str, u64> = BTreeMap::new();
        for code in landing.provenance().flat_map(|row| &row.warnings) {
            *warnings.entry(code).or_default() += 1;
        }
        let (first_offset, next_offset) = (landing.first_offset, landing.next_offset);
        state.landing = Some(InFlight { first_offset, next_offset, records, bytes, outcomes, warnings });
        self.landings += 1;
        fail_point("refine.before_land");
        let (lake, done, clock) = (self.lake.clone(), self.done.clone(), self.clock.clone());
        tokio::spawn(async move {
            let started = clock.elapsed();
            // In a task of its own: a defect there is a failed landing, not a worker that waits for ever.
            let result = match tokio::spawn(async move { lake.land(landing).await }).await {
                Ok(Ok(_)) => Ok(()),
                Ok(Err(LandError::AlreadyApplied { applied })) => Err(LandFailure::Applied(applied)),
                Ok(Err(error)) => Err(LandFailure::Failed(with_sources(&error))),
                Err(_) => Err(LandFailure::Failed("an internal error; see the log".to_owned())),
            };
            let took = clock.elapsed().saturating_sub(started);
            let _ = done.send(Done { dataset: no, took, result });
        });
        true
    }

    fn finish(&mut self, done: Done) {
        self.landings -= 1;
        let Some(state) = self.datasets.get_mut(&done.dataset) else { return };
        let Some(landing) = state.landing.take() else { return };
        self.buffered = self.buffered.saturating_sub(landing.bytes);
        state.took = done.took;
        match done.result {
            Ok(()) => {
                state.applied = landing.next_offset;
                state.tries = 0;
                state.error = None;
                for (outcome, records) in landing.outcomes {
                    *self.totals.entry(outcome).or_default() += records;
                }
                for (code, records) in landing.warnings {
                    *self.warnings.entry(code).or_default() += records;
                }
            }
            Err(LandFailure::Applied(applied)) => {
                tracing::warn!(dataset = %done.dataset, applied, "records landed before that were not known to");
                state.applied = applied;
                self.buffered = self.buffered.saturating_sub(state.drop_buffer().1);
                let again = landing.first_offset.min(applied.max(self.journal.first()));
                self.cursor = self.cursor.min(again);
            }
            Err(LandFailure::Failed(error)) => {
                tracing::error!(dataset = %done.dataset, error, "records cannot land; they stay in the log, trying again");
                let (records, bytes) = state.drop_buffer();
                self.buffered = self.buffered.saturating_sub(bytes);
                state.suspend(landing.first_offset, landing.records + records, self.clock.elapsed(), error);
            }
        }
    }

    /// Reads again what was left alone for long enough.
    fn resume(&mut self) {
        let now = self.clock.elapsed();
        for state in self.datasets.values_mut() {
            if let Some(suspended) = state.suspended.take_if(|suspended| suspended.until <= now) {
                self.cursor = self.cursor.min(suspended.first_offset);
            }
        }
    }

    /// How long a buffer waits: longer than configured when commits would take too much of the machine.
    fn interval(&self) -> Duration {
        let active = self.datasets.values().filter(|state| state.buffer.is_some());
        let cost: Duration = active.map(|state| state.took).sum();
        self.settings.commit_interval.max(cost * COMMIT_SHARE)
    }

    fn land_due(&mut self) {
        let hurry = !self.flushes.is_empty() || self.stopping.is_some();
        let (now, interval) = (self.clock.elapsed(), self.interval());
        let is_due = |state: &State| {
            state
                .buffer
                .as_ref()
                .is_some_and(|buffer| hurry || buffer.is_full() || state.opened + interval <= now)
        };
        let mut due: Vec<(Duration, DatasetNo)> = self
            .datasets
            .iter()
            .filter(|(_, state)| is_due(state))
            .map(|(no, state)| (state.opened, *no))
            .collect();
        due.sort_unstable();
        for (_, no) in due {
            self.land(no);
        }
    }

    fn land_largest(&mut self) {
        let size = |state: &State| state.buffer.as_ref().map_or(0, Buffer::bytes);
        let waiting = self.datasets.iter().filter(|(_, state)| state.landing.is_none());
        if let Some(no) = waiting.max_by_key(|(_, state)| size(state)).map(|(no, _)| *no) {
            self.land(no);
        }
    }

    /// How long there is nothing to do but wait for news.
    fn pause(&self) -> Duration {
        let (now, interval) = (self.clock.elapsed(), self.interval());
        let buffers =
            self.datasets.values().filter(|state| state.buffer.is_some() && state.landing.is_none());
        let due = buffers.map(|state| state.opened + interval);
        let again = self.datasets.values().filter_map(|state| Some(state.suspended.as_ref()?.until));
        let low_water = self.stored_low_water.1 + LOW_WATER_EVERY;
        let behind = !self.settings.paused && self.cursor < self.journal.synced();
        if behind && self.landings == 0 && self.read_again.is_none() {
            return Duration::from_millis(1);
        }
        let next = due.chain(again).chain(self.read_again).chain([low_water]).min().unwrap_or(low_water);
        next.saturating_sub(now).max(Duration::from_millis(1))
    }

    fn low_water(&self) -> u64 {
        self.datasets.values().filter_map(State::first_pending).min().unwrap_or(u64::MAX).min(self.cursor)
    }

    async fn store_low_water(&mut self, now: bool) {
        let (stored, at) = self.stored_low_water;
        let elapsed = self.clock.elapsed();
        if !now && elapsed < at + LOW_WATER_EVERY {
            return;
        }
        let low_water = self.low_water();
        self.stored_low_water.1 = elapsed;
        if low_water <= stored {
            return;
        }
        match self.lake.set_low_water(self.journal.partition(), self.journal.epoch(), low_water).await {
            Ok(()) => {
                self.stored_low_water.0 = low_water;
                self.journal.set_low_water(low_water);
            }
            Err(error) => {
                tracing::warn!(error = with_sources(&error), "cannot store how far records have landed")
            }
        }
    }

    fn has_landed(&self, target: u64) -> bool {
        let waiting = |state: &State| {
            state.buffer.as_ref().is_some_and(|buffer| buffer.first_offset() < target)
                || state.landing.as_ref().is_some_and(|landing| landing.first_offset < target)
        };
        (self.cursor >= target || self.read_error.is_some() || self.settings.paused)
            && !self.datasets.values().any(waiting)
    }

    fn answer_flushes(&mut self) {
        let flushes = std::mem::take(&mut self.flushes);
        for (target, done) in flushes {
            if self.has_landed(target) {
                let _ = done.send(());
            } else {
                self.flushes.push((target, done));
            }
        }
    }

    fn report(&self) {
        let plan = self.plan.load();
        let name = |no: &DatasetNo| match plan.datasets.get(no) {
            Some(dataset) => dataset.table.dataset_id.0.clone(),
            None => no.to_string(),
        };
        let mut datasets: Vec<DatasetStatus> = self
            .datasets
            .iter()
            .map(|(no, state)| DatasetStatus { id: name(no), error: state.error.clone() })
            .collect();
        datasets.extend(
            self.read_error.clone().map(|error| DatasetStatus { id: "log".to_owned(), error: Some(error) }),
        );
        let held: u64 = self.datasets.values().map(State::pending).sum();
        let status = Status {
            low_water: self.low_water(),
            pending: 0,
            cursor: self.cursor,
            held,
            datasets,
            totals: self.totals.clone(),
            warnings: self.warnings.clone(),
        };
        *self.status.lock().unwrap_or_else(PoisonError::into_inner) = status;
    }
}

impl State {
    /// The first of its records that has not landed.
    fn first_pending(&self) -> Option<u64> {
        let landing = self.landing.as_ref().map(|landing| landing.first_offset);
        let buffer = self.buffer.as_ref().map(Buffer::first_offset);
        let suspended = self.suspended.as_ref().map(|suspended| suspended.first_offset);
        landing.into_iter().chain(buffer).chain(suspended).min()
    }

    /// How many of its records were read and have not landed.
    fn pending(&self) -> u64 {
        self.landing.as_ref().map_or(0, |landing| landing.records)
            + self.buffer.as_ref().map_or(0, Buffer::records)
            + self.suspended.as_ref().map_or(0, |suspended| suspended.records)
    }

    /// Forgets what is buffered, to read it again: records and bytes.
    fn drop_buffer(&mut self) -> (u64, usize) {
        self.seen = self.applied;
        self.buffer.take().map_or((0, 0), |buffer| (buffer.records(), buffer.bytes()))
    }

    fn suspend(&mut self, first_offset: u64, records: u64, now: Duration, error: String) {
        let pause = RETRY_FIRST.saturating_mul(1 << self.tries.min(16)).min(RETRY_LONGEST);
        self.tries += 1;
        self.error = Some(error);
        self.suspended = Some(Suspended { first_offset, records, until: now + pause });
    }
}

/// An error with what caused it, in one line.
fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
