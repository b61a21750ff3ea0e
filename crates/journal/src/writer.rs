//! The one thread that writes: takes all that wait, writes once, syncs once, then releases the answers.
//!
//! The next group is written only after the one before is synced. After a write or a sync that failed nothing is read back
//! and nothing tried again: a new segment begins at the last synced offset, which makes whatever the old file holds beyond
//! it void, and only then are the waiting records refused.

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use tokio::sync::oneshot;
use vocab::{Clock, Millis};

use crate::disk::{DiskFile, Filling};
use crate::faults::{self, Fault};
use crate::frame::NewFrame;
use crate::group;
use crate::journal::{AppendError, Appended, Shared, State, lock};
use crate::limits::{
    FILL_AT, GATHER_BYTES, GATHER_REQUESTS, GATHER_WAIT_MAX, GROUP_BYTES_MAX, GROUP_RECORDS_MAX, KEPT_BYTES,
    LET_GO_BYTES, NEW_SEGMENT_TRIES, PAGE_BYTES, SEGMENT_BYTES_MIN,
};
use crate::segment::{Header, Segment, UNFINISHED};

/// Records that wait, and whom to answer.
pub(crate) struct Request {
    pub(crate) frames: Vec<NewFrame>,
    pub(crate) bytes: usize,
    pub(crate) reply: oneshot::Sender<Result<Appended, AppendError>>,
}

/// The requests that wait for the writer, bounded by their bytes.
///
/// A sync costs the same for one record and for a hundred, so the writer does not take the first that comes: it waits until
/// the threads that take requests in have nothing left to do, until there is enough for a sync to be worth it, or until the
/// first has waited long enough. Where nobody says when a thread is idle it takes what there is.
pub(crate) struct Queue {
    waiting: Mutex<Waiting>,
    wake: Condvar,
    bytes_max: usize,
    gathers: bool,
}

#[derive(Default)]
struct Waiting {
    requests: VecDeque<Request>,
    bytes: usize,
    closed: bool,
    /// All that could be taken in was: what waits goes now.
    released: bool,
}

impl Waiting {
    fn is_enough(&self) -> bool {
        self.released || self.closed || self.requests.len() >= GATHER_REQUESTS || self.bytes >= GATHER_BYTES
    }
}

impl Queue {
    pub(crate) fn new(bytes_max: usize, gathers: bool) -> Self {
        Self { waiting: Mutex::default(), wake: Condvar::new(), bytes_max, gathers }
    }

    pub(crate) fn push(&self, request: Request) -> Result<(), AppendError> {
        let mut waiting = lock(&self.waiting);
        if waiting.closed {
            return Err(AppendError::Closed);
        }
        if waiting.bytes + request.bytes > self.bytes_max {
            return Err(AppendError::Busy);
        }
        waiting.bytes += request.bytes;
        let enough = waiting.is_enough();
        waiting.requests.push_back(request);
        // The writer waits for the first, and then for enough.
        if waiting.requests.len() == 1 || (self.gathers && !enough && waiting.is_enough()) {
            self.wake.notify_one();
        }
        Ok(())
    }

    /// A thread that takes requests in has nothing left to do.
    pub(crate) fn release(&self) {
        let mut waiting = lock(&self.waiting);
        if !waiting.requests.is_empty() && !waiting.is_enough() {
            waiting.released = true;
            self.wake.notify_one();
        }
    }

    pub(crate) fn close(&self) {
        lock(&self.waiting).closed = true;
        self.wake.notify_one();
    }

    /// All that wait, within the bounds of a group; blocks until there is something. `None` when closed and empty.
    fn take(&self) -> Option<Vec<Request>> {
        let mut waiting = lock(&self.waiting);
        while waiting.requests.is_empty() {
            if waiting.closed {
                return None;
            }
            waiting = self.wake.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        if self.gathers {
            let gathered =
                self.wake.wait_timeout_while(waiting, GATHER_WAIT_MAX, |waiting| !waiting.is_enough());
            waiting = gathered.unwrap_or_else(PoisonError::into_inner).0;
        }
        waiting.released = false;
        let (mut taken, mut bytes, mut records) = (Vec::new(), 0, 0);
        while let Some(next) = waiting.requests.front() {
            let fits =
                bytes + next.bytes <= GROUP_BYTES_MAX && records + next.frames.len() <= GROUP_RECORDS_MAX;
            if !taken.is_empty() && !fits {
                break;
            }
            bytes += next.bytes;
            records += next.frames.len();
            taken.extend(waiting.requests.pop_front());
        }
        waiting.bytes -= bytes;
        Some(taken)
    }
}

/// Where the next group goes.
#[derive(Debug)]
pub(crate) struct Tail {
    pub(crate) file: Arc<dyn DiskFile>,
    pub(crate) position: u64,
    /// Bytes reserved in the file.
    pub(crate) end: u64,
    /// Before this nothing is kept in memory.
    pub(crate) kept: u64,
}

impl Tail {
    /// Keeps what was written last in memory, and no more.
    fn let_go(&mut self) {
        if self.position >= self.kept + KEPT_BYTES + LET_GO_BYTES {
            self.file.let_go(self.kept, LET_GO_BYTES);
            self.kept += LET_GO_BYTES;
        }
    }
}

/// The file of the next segment, filled ahead.
struct Ahead {
    path: PathBuf,
    size: u64,
    filling: Filling,
}

pub(crate) struct Writer {
    shared: Arc<Shared>,
    clock: Arc<dyn Clock>,
    tail: Option<Tail>,
    /// The segment before, whose end is still kept in memory, and its length.
    sealed: Option<(Arc<dyn DiskFile>, u64)>,
    ahead: Option<Ahead>,
    next_offset: u64,
    last_received: Millis,
    buffer: Vec<u8>,
}

impl Writer {
    pub(crate) fn new(
        shared: Arc<Shared>,
        clock: Arc<dyn Clock>,
        tail: Option<Tail>,
        last_received: Millis,
    ) -> Self {
        let next_offset = *shared.synced.borrow();
        Self {
            shared,
            clock,
            tail,
            sealed: None,
            ahead: None,
            next_offset,
            last_received,
            buffer: Vec::new(),
        }
    }

    /// Writes until the queue is closed and empty.
    pub(crate) fn run(mut self) {
        while let Some(requests) = self.shared.queue.take() {
            self.write(requests);
            self.fill_ahead();
        }
        if let Some(ahead) = self.ahead.take() {
            let _ = ahead.filling.join();
            let _ = self.shared.disk.remove(&ahead.path);
        }
        // The room that the last segment reserved and did not use is given back; a new start reserves its own.
        if let Some(tail) = &self.tail
            && tail.file.truncate(tail.position).and_then(|()| tail.file.sync()).is_err()
        {
            tracing::debug!("the last segment keeps its reserved room");
        }
    }

    fn write(&mut self, requests: Vec<Request>) {
        if faults::planted() == Some(Fault::EarlyAck) {
            return self.write_late(requests);
        }
        match self.write_group(&requests) {
            Ok(received) => self.answer(requests, received),
            Err(error) => {
                for request in requests {
                    let _ = request.reply.send(Err(error));
                }
            }
        }
    }

    /// One write, one sync. On success the records are visible to readers.
    fn write_group(&mut self, requests: &[Request]) -> Result<Millis, AppendError> {
        let received = self.last_received.max(self.clock.now());
        let records: usize = requests.iter().map(|request| request.frames.len()).sum();
        if records == 0 {
            return Ok(received);
        }
        let frames = requests.iter().flat_map(|request| &request.frames);
        let frames: Vec<&NewFrame> = match faults::planted() {
            Some(Fault::Drop) => frames.filter(|_| !faults::one_in_a_hundred()).collect(),
            Some(Fault::Double) => frames
                .flat_map(|frame| [frame].repeat(if faults::one_in_a_hundred() { 2 } else { 1 }))
                .collect(),
            _ => frames.collect(),
        };
        let mut buffer = std::mem::take(&mut self.buffer);
        group::encode(self.shared.epoch, self.next_offset, received, frames.iter().copied(), &mut buffer);
        let written = self.write_bytes(&mut buffer, frames.len() as u64, received);
        self.buffer = buffer;
        // One request may have been large; the buffer is not kept at that size.
        if self.buffer.capacity() > GROUP_BYTES_MAX {
            self.buffer = Vec::new();
        }
        written?;
        let mut counts = lock(&self.shared.received);
        for frame in frames {
            *counts.entry(frame.header.flow).or_default() += 1;
        }
        Ok(received)
    }

    fn write_bytes(
        &mut self,
        group: &mut Vec<u8>,
        records: u64,
        received: Millis,
    ) -> Result<(), AppendError> {
        let wanted = group.len() as u64;
        if self.tail.as_ref().is_none_or(|tail| tail.position + wanted > tail.end) {
            self.roll(wanted)?;
        }
        let Some(tail) = self.tail.as_mut() else {
            return Err(AppendError::Failed);
        };
        let position = tail.position;
        let page_end = (position + wanted).next_multiple_of(PAGE_BYTES as u64).min(tail.end);
        group.resize((page_end - position) as usize, 0);
        let synced = tail.file.write_at(position, group).and_then(|()| {
            faults::fail_point("journal.after_write");
            if faults::planted() == Some(Fault::NoSync) { Ok(()) } else { tail.file.sync() }
        });
        if let Err(error) = synced {
            tracing::error!(%error, offset = self.next_offset, "a write to the log failed; a new segment begins");
            self.begin_anew();
            return Err(AppendError::Failed);
        }
        tail.position += wanted;
        tail.let_go();
        let first = self.next_offset;
        self.next_offset += records;
        self.last_received = received;
        if let Some(segment) = lock(&self.shared.segments).last_mut() {
            segment.note(first, position);
        }
        self.shared.set_state(State::Open);
        self.shared.synced.send_replace(self.next_offset);
        Ok(())
    }

    /// After a failure: makes what the old file may hold beyond the last synced offset void. The disk may need a moment.
    fn begin_anew(&mut self) {
        // The refused group is cut off first: should the process end before a new segment is made, recovery must not
        // find it. A failing disk may still take the cut, which needs no sync to hold for the next process.
        self.give_back();
        self.shared.set_state(State::Failed);
        for _ in 0..NEW_SEGMENT_TRIES {
            if self.roll(0).is_ok() {
                return;
            }
            std::thread::sleep(self.shared.settings.new_segment_pause);
        }
        tracing::error!("no new segment of the log can be made; records are refused until one can");
    }

    /// Ends the current segment behind its last synced group. Best effort: room that is not given back is only counted
    /// until the segment is trimmed.
    fn give_back(&mut self) {
        if let Some(tail) = self.tail.take()
            && tail.file.truncate(tail.position).is_ok()
            && let Some(last) = lock(&self.shared.segments).last_mut()
        {
            last.allocated = tail.position;
            if let Some((before, length)) = self.sealed.replace((tail.file, tail.position)) {
                before.let_go(0, length);
            }
        }
    }

    /// Seals the current segment and begins the next, which must have room for `wanted` bytes.
    pub(crate) fn roll(&mut self, wanted: u64) -> Result<(), AppendError> {
        self.give_back();
        let header = Header {
            epoch: self.shared.epoch,
            first_offset: self.next_offset,
            last_received: self.last_received,
            received: lock(&self.shared.received).clone(),
        };
        let bytes = header.encode();
        let needed = bytes.len() as u64 + wanted;
        let room = self.shared.settings.log_bytes_max.saturating_sub(self.shared.bytes());
        if room < needed {
            self.shared.set_state(State::Full);
            return Err(AppendError::Full);
        }
        let mut size = self.shared.settings.segment_bytes.max(needed).min(room);
        loop {
            match self.create(&header, &bytes, size) {
                Ok(()) => return Ok(()),
                Err(error) if is_full(&error) && size / 2 >= needed.max(SEGMENT_BYTES_MIN) => size /= 2,
                Err(error) => {
                    let full = is_full(&error);
                    tracing::error!(%error, "cannot make a new segment of the log");
                    self.shared.set_state(if full { State::Full } else { State::Failed });
                    return Err(if full { AppendError::Full } else { AppendError::Failed });
                }
            }
        }
    }

    /// Makes a segment: file, room, header and folder are stable before it is used.
    fn create(&mut self, header: &Header, bytes: &[u8], size: u64) -> io::Result<()> {
        let shared = self.shared.clone();
        let path = shared.path_of(header.first_offset);
        // Made under another name, so that the log is never without a segment that carries its epoch. A segment that has the
        // name already holds no synced record: it is what a failure left, or was never written to.
        let (new, file) = match self.filled(size) {
            Some(filled) => filled,
            None => {
                let new = path.with_extension(UNFINISHED);
                let _ = shared.disk.remove(&new);
                let file = shared.disk.create(&new)?;
                (new, file)
            }
        };
        let made = file
            .allocate(size)
            .and_then(|()| file.write_at(0, bytes))
            .and_then(|()| file.sync())
            .and_then(|()| shared.disk.rename(&new, &path))
            .and_then(|()| match faults::planted() {
                Some(Fault::NoDirSync) => Ok(()),
                _ => shared.disk.sync_dir(&shared.settings.dir),
            });
        if let Err(error) = made {
            let _ = shared.disk.remove(&new);
            return Err(error);
        }
        lock(&shared.segments).pop_if(|last| last.first_offset == header.first_offset);
        let position = bytes.len() as u64;
        lock(&shared.segments).push(Segment::new(file.clone(), header.first_offset, position, size));
        self.tail = Some(Tail { file, position, end: size, kept: 0 });
        shared.trim();
        Ok(())
    }

    /// Begins to fill the next segment's file once the current one is well in use, when the log's bound has room for both.
    fn fill_ahead(&mut self) {
        let used = self.tail.as_ref().is_some_and(|tail| tail.position > tail.end / FILL_AT);
        if self.ahead.is_some() || !used {
            return;
        }
        let settings = &self.shared.settings;
        let size = settings.segment_bytes;
        if self.shared.bytes() + size <= settings.log_bytes_max {
            let path = settings.dir.join("ahead").with_extension(UNFINISHED);
            let filling = self.shared.disk.fill(&path, size);
            self.ahead = filling.map(|filling| Ahead { path, size, filling });
        }
    }

    /// The file that was filled ahead, when it is ready and of that size. One that is not ready is left for the segment after.
    fn filled(&mut self, size: u64) -> Option<(PathBuf, Arc<dyn DiskFile>)> {
        let ahead = self.ahead.take_if(|ahead| ahead.filling.is_finished())?;
        match ahead.filling.join() {
            Ok(Ok(file)) if ahead.size == size => Some((ahead.path, file)),
            Ok(Ok(_)) => {
                let _ = self.shared.disk.remove(&ahead.path);
                None
            }
            Ok(Err(error)) => {
                tracing::debug!(%error, "the next segment of the log could not be filled ahead");
                None
            }
            Err(_) => None,
        }
    }

    fn answer(&self, requests: Vec<Request>, received: Millis) {
        let records: usize = requests.iter().map(|request| request.frames.len()).sum();
        let mut first_offset = self.next_offset.saturating_sub(records as u64);
        for request in requests {
            let refuse = faults::planted() == Some(Fault::RefusedButWritten) && faults::one_in_a_hundred();
            let count = request.frames.len() as u64;
            let answer =
                if refuse { Err(AppendError::Failed) } else { Ok(Appended { first_offset, received }) };
            let _ = request.reply.send(answer);
            first_offset += count;
        }
    }

    /// The planted fault: answers first, writes some time later.
    fn write_late(&mut self, requests: Vec<Request>) {
        let received = self.last_received.max(self.clock.now());
        let mut kept = Vec::new();
        for request in requests {
            let (reply, _) = oneshot::channel();
            let first_offset = self.next_offset;
            let _ = request.reply.send(Ok(Appended { first_offset, received }));
            kept.push(Request { frames: request.frames, bytes: request.bytes, reply });
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
        let _ = self.write_group(&kept);
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
