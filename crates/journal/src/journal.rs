//! The log as its users see it: append, read, trim.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use vocab::{Clock, FlowNo, Millis, random};

use crate::disk::Disk;
use crate::frame::{Frame, NewFrame};
use crate::ids::EPOCH_BITS;
use crate::limits::{GROUP_BYTES_MAX, LOG_BYTES_MAX, NEW_SEGMENT_PAUSE, QUEUE_BYTES_MAX, SEGMENT_BYTES};
use crate::segment::{self, Fault, Scan, Segment};
use crate::writer::{Queue, Request, Tail, Writer};

/// How a log is kept.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The folder of the segments.
    pub dir: PathBuf,
    /// Bytes of a segment.
    pub segment_bytes: u64,
    /// Most bytes of all segments; beyond it appends are refused with [`AppendError::Full`].
    pub log_bytes_max: u64,
    /// Most bytes that wait for the writer; beyond it appends are refused with [`AppendError::Busy`].
    pub queue_bytes_max: usize,
    /// Between the tries to make a new segment on a disk that failed.
    pub new_segment_pause: Duration,
    /// Who says when the threads that append are idle. Without it every append is written at once.
    pub hand_over: Option<HandOver>,
}

/// Tells a log that a thread which takes records in has nothing left to do, so that they need not wait for others to share
/// a sync with. To be called whenever a thread of the runtime parks; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct HandOver(Arc<OnceLock<Weak<Queue>>>);

impl HandOver {
    pub fn idle(&self) {
        if let Some(queue) = self.0.get().and_then(Weak::upgrade) {
            queue.release();
        }
    }
}

impl Settings {
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            segment_bytes: SEGMENT_BYTES,
            log_bytes_max: LOG_BYTES_MAX,
            queue_bytes_max: QUEUE_BYTES_MAX,
            new_segment_pause: NEW_SEGMENT_PAUSE,
            hand_over: None,
        }
    }
}

/// Why a log does not open. Nothing was changed or deleted.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("{}: {source}", file.display())]
    Io { file: PathBuf, source: std::io::Error },
    #[error("{} is damaged at byte {position}; nothing was deleted", file.display())]
    Corrupt { file: PathBuf, position: u64 },
    #[error("{} was written by a newer version (format {version})", file.display())]
    Version { file: PathBuf, version: u32 },
    #[error("{} belongs to another log", file.display())]
    Foreign { file: PathBuf },
}

/// Why records were not logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// Too many bytes wait. Try again soon.
    #[error("the log's queue is full")]
    Busy,
    /// The log is at its bound, or the disk is full.
    #[error("the log is full")]
    Full,
    /// A write or a sync failed. The records will not appear.
    #[error("the log could not be written")]
    Failed,
    #[error("the log is closed")]
    Closed,
}

/// Why records could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("{}: {source}", file.display())]
    Io { file: PathBuf, source: std::io::Error },
    #[error("{} is damaged at byte {position}; nothing was deleted", file.display())]
    Corrupt { file: PathBuf, position: u64 },
    /// The records were trimmed.
    #[error("offset {from} lies before the first one kept, {first}")]
    Trimmed { from: u64, first: u64 },
}

/// Whether the log takes records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Open,
    /// At its bound, or the disk is full. It takes records again by itself.
    Full,
    /// The last write or sync failed. It is tried again with the next records.
    Failed,
    Closed,
}

/// Where records went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The offset of the first; the others follow.
    pub first_offset: u64,
    /// The time of receipt that was stamped on all.
    pub received: Millis,
}

/// The durable log. Cheap to clone; closed with [`Journal::close`], else when the last clone is dropped.
#[derive(Clone)]
pub struct Journal(Arc<Handle>);

struct Handle {
    shared: Arc<Shared>,
    thread: Mutex<Option<std::thread::JoinHandle<()>>>,
}

/// What callers and the writer share.
pub(crate) struct Shared {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) settings: Settings,
    pub(crate) epoch: u64,
    pub(crate) queue: Arc<Queue>,
    pub(crate) segments: Mutex<Vec<Segment>>,
    pub(crate) received: Mutex<BTreeMap<FlowNo, u64>>,
    pub(crate) synced: watch::Sender<u64>,
    pub(crate) low_water: AtomicU64,
    state: AtomicU8,
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal")
            .field("dir", &self.0.shared.settings.dir)
            .field("synced", &self.synced())
            .finish()
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // No invariant spans a panic: each holder leaves the value whole at every step.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(crate) fn set_state(&self, state: State) {
        self.state.store(state as u8, Ordering::Relaxed);
    }

    pub(crate) fn path_of(&self, first_offset: u64) -> PathBuf {
        self.settings.dir.join(segment::file_name(first_offset))
    }

    pub(crate) fn bytes(&self) -> u64 {
        lock(&self.segments).iter().map(|segment| segment.allocated).sum()
    }

    /// Deletes sealed segments that lie wholly below the low water.
    pub(crate) fn trim(&self) {
        let low_water = self.low_water.load(Ordering::Acquire);
        let gone: Vec<Segment> = {
            let mut segments = lock(&self.segments);
            let keep = segments.windows(2).take_while(|pair| pair[1].first_offset <= low_water).count();
            segments.drain(..keep).collect()
        };
        for segment in &gone {
            if let Err(error) = self.disk.remove(&self.path_of(segment.first_offset)) {
                tracing::warn!(%error, first_offset = segment.first_offset, "cannot delete a segment of the log");
            }
        }
        if !gone.is_empty()
            && let Err(error) = self.disk.sync_dir(&self.settings.dir)
        {
            tracing::warn!(%error, "cannot sync the folder of the log");
        }
    }
}

impl Journal {
    /// Opens a log, recovering what is in it, or begins a new one. A torn tail is cut with one log line; any other damage is
    /// an error, and nothing is changed.
    pub fn open(disk: Arc<dyn Disk>, clock: Arc<dyn Clock>, settings: Settings) -> Result<Self, OpenError> {
        let dir = settings.dir.clone();
        let at = |file: &Path, source| OpenError::Io { file: file.to_owned(), source };
        disk.create_dir(&dir).map_err(|error| at(&dir, error))?;
        let names = disk.list(&dir).map_err(|error| at(&dir, error))?;
        let mut firsts: Vec<u64> = names.iter().filter_map(|name| segment::parse_name(name)).collect();
        firsts.sort_unstable();
        for name in names.iter().filter(|name| name.ends_with(&format!(".{}", segment::UNFINISHED))) {
            // Nothing was ever written to it; that it cannot go now only takes room.
            let _ = disk.remove(&dir.join(name));
        }
        let recovered = recover(&*disk, &dir, &firsts)?;
        let epoch =
            recovered.epoch.unwrap_or_else(|| u64::from_be_bytes(random::bytes()) >> (64 - EPOCH_BITS));
        let queue = Arc::new(Queue::new(settings.queue_bytes_max, settings.hand_over.is_some()));
        if let Some(hand_over) = &settings.hand_over {
            let _ = hand_over.0.set(Arc::downgrade(&queue));
        }
        let shared = Arc::new(Shared {
            disk,
            epoch,
            queue,
            settings,
            segments: Mutex::new(recovered.segments),
            received: Mutex::new(recovered.received),
            synced: watch::Sender::new(recovered.next_offset),
            low_water: AtomicU64::new(0),
            state: AtomicU8::new(State::Open as u8),
        });
        let mut writer = Writer::new(shared.clone(), clock, recovered.tail, recovered.last_received);
        // A new log is on disk before anyone learns its epoch.
        if recovered.epoch.is_none() {
            writer.roll(0).map_err(|error| at(&dir, std::io::Error::other(error.to_string())))?;
        }
        let thread = std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || writer.run())
            .map_err(|error| at(&dir, error))?;
        Ok(Self(Arc::new(Handle { shared, thread: Mutex::new(Some(thread)) })))
    }

    /// The identity of this log: 48 bits, drawn when it began.
    pub fn epoch(&self) -> u64 {
        self.0.shared.epoch
    }

    /// The partition that this log is: the embedded one has one.
    pub fn partition(&self) -> u32 {
        0
    }

    /// Logs records, all or none, at contiguous offsets. Returns when they are on stable storage.
    pub async fn append(&self, frames: Vec<NewFrame>) -> Result<Appended, AppendError> {
        let bytes: usize = frames.iter().map(NewFrame::encoded_len).sum();
        if bytes > GROUP_BYTES_MAX {
            return Err(AppendError::Busy);
        }
        let (reply, answer) = oneshot::channel();
        self.0.shared.queue.push(Request { frames, bytes, reply })?;
        answer.await.unwrap_or(Err(AppendError::Closed))
    }

    /// The offset after the last synced record: that of the next one.
    pub fn synced(&self) -> u64 {
        *self.0.shared.synced.borrow()
    }

    /// Follows [`Journal::synced`].
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.0.shared.synced.subscribe()
    }

    /// Reads synced records from an offset on: about `bytes_max` bytes, at least one record when there is one. Reads the
    /// disk; not for an async thread.
    pub fn read(&self, from: u64, bytes_max: usize) -> Result<Vec<Frame>, ReadError> {
        let shared = &self.0.shared;
        let synced = self.synced();
        if from >= synced {
            return Ok(Vec::new());
        }
        let (segment, end) = {
            let segments = lock(&shared.segments);
            let at = segments.partition_point(|segment| segment.first_offset <= from);
            let first = segments.first().map_or(0, |segment| segment.first_offset);
            if at == 0 {
                return Err(ReadError::Trimmed { from, first });
            }
            let end = segments.get(at).map_or(synced, |next| next.first_offset.min(synced));
            (segments[at - 1].clone(), end)
        };
        let file = shared.path_of(segment.first_offset);
        segment.read(shared.epoch, from, end, bytes_max).map_err(|fault| match fault {
            Fault::Io(source) => ReadError::Io { file, source },
            Fault::Damaged(position) => ReadError::Corrupt { file, position },
            Fault::Version(_) => ReadError::Corrupt { file, position: 0 },
        })
    }

    /// The oldest offset that is still kept.
    pub fn first(&self) -> u64 {
        lock(&self.0.shared.segments).first().map_or_else(|| self.synced(), |segment| segment.first_offset)
    }

    /// Says that nothing below this offset is needed any more; sealed segments below it are deleted.
    pub fn set_low_water(&self, offset: u64) {
        let before = self.0.shared.low_water.fetch_max(offset, Ordering::AcqRel);
        if offset > before {
            self.0.shared.trim();
        }
    }

    /// Bytes that the log takes on disk.
    pub fn bytes(&self) -> u64 {
        self.0.shared.bytes()
    }

    /// Records received since the log began, by flow: a count that is kept apart from that of outcomes.
    pub fn received(&self) -> BTreeMap<FlowNo, u64> {
        lock(&self.0.shared.received).clone()
    }

    pub fn state(&self) -> State {
        match self.0.shared.state.load(Ordering::Relaxed) {
            state if state == State::Open as u8 => State::Open,
            state if state == State::Full as u8 => State::Full,
            state if state == State::Failed as u8 => State::Failed,
            _ => State::Closed,
        }
    }

    /// Refuses new records, writes what waits, and ends the writer.
    pub async fn close(&self) {
        self.0.shared.queue.close();
        let thread = lock(&self.0.thread).take();
        if let Some(thread) = thread {
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
        self.0.shared.set_state(State::Closed);
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.queue.close();
        if let Some(thread) = lock(&self.thread).take() {
            let _ = thread.join();
        }
    }
}

/// What is in the folder.
struct Recovered {
    epoch: Option<u64>,
    segments: Vec<Segment>,
    tail: Option<Tail>,
    next_offset: u64,
    last_received: Millis,
    received: BTreeMap<FlowNo, u64>,
}

fn recover(disk: &dyn Disk, dir: &Path, firsts: &[u64]) -> Result<Recovered, OpenError> {
    let mut recovered = Recovered {
        epoch: None,
        segments: Vec::new(),
        tail: None,
        next_offset: 0,
        last_received: Millis(0),
        received: BTreeMap::new(),
    };
    for (at, first) in firsts.iter().enumerate() {
        let path = dir.join(segment::file_name(*first));
        let io = |source| OpenError::Io { file: path.clone(), source };
        let fault = |fault| match fault {
            Fault::Io(source) => OpenError::Io { file: path.clone(), source },
            Fault::Damaged(position) => OpenError::Corrupt { file: path.clone(), position },
            Fault::Version(version) => OpenError::Version { file: path.clone(), version },
        };
        let file = disk.open(&path).map_err(io)?;
        let next = firsts.get(at + 1).copied();
        let (header, groups_at) = match segment::Header::read(&*file) {
            Ok(read) => read,
            // The process died while it made this segment: nothing can have been written to it.
            Err(Fault::Damaged(0)) if next.is_none() && holds_no_group(&*file).map_err(io)? => {
                tracing::warn!(
                    file = %path.display(),
                    "removed an unfinished segment of the log: no record was written to it"
                );
                disk.remove(&path).map_err(io)?;
                disk.sync_dir(dir).map_err(io)?;
                break;
            }
            Err(other) => return Err(fault(other)),
        };
        if header.first_offset != *first || recovered.epoch.is_some_and(|epoch| epoch != header.epoch) {
            return Err(OpenError::Foreign { file: path });
        }
        recovered.epoch = Some(header.epoch);
        let scan = Segment::scan(file, &header, groups_at, next).map_err(fault)?;
        recovered.next_offset = scan.next_offset;
        recovered.last_received = scan.last_received;
        recovered.received = scan.received.clone();
        if next.is_none() {
            recovered.tail = Some(settle_tail(&path, &scan).map_err(io)?);
        }
        recovered.segments.push(scan.segment);
    }
    Ok(recovered)
}

/// Makes the last segment fit to be written on: its torn tail is cut, and what a killed process had written but not synced
/// is made stable before anyone reads it.
fn settle_tail(path: &Path, scan: &Scan) -> std::io::Result<Tail> {
    let file = &scan.segment.file;
    if scan.torn {
        let length = file.len()?;
        tracing::warn!(
            file = %path.display(), position = scan.end, bytes = length - scan.end,
            "cut the torn tail of the log: these bytes were never acknowledged"
        );
        file.truncate(scan.end)?;
    }
    file.sync()?;
    Ok(Tail { file: file.clone(), position: scan.end, end: file.len()?, kept: 0 })
}

/// Whether a file whose header is damaged is one that was being made: groups are written after header and folder are synced.
fn holds_no_group(file: &dyn crate::disk::DiskFile) -> std::io::Result<bool> {
    let mut buffer = vec![0; 1 << 20];
    let mut position = 0;
    loop {
        let read = file.read_at(position, &mut buffer)?;
        if read == 0 {
            return Ok(true);
        }
        if buffer[..read].windows(4).any(|bytes| bytes == crate::group::MAGIC) {
            return Ok(false);
        }
        position += read as u64;
    }
}
