//! A disk in memory that can lose power, fail, and fill up; and records to write on it. For tests.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use vocab::{DatasetNo, FlowNo, InletNo, Millis, SandboxNo, SchemaNo};

use crate::disk::{Disk, DiskFile};
use crate::frame::{Form, FrameHeader, NewFrame, Operation};
use crate::journal::lock;

/// A record of that flow.
pub fn sample(flow: u32, payload: &[u8]) -> NewFrame {
    let header = FrameHeader {
        sandbox: SandboxNo(1),
        generation: 2,
        inlet: InletNo(3),
        flow: FlowNo(flow),
        dataset: DatasetNo(5),
        schema: SchemaNo(6),
        schema_major: 1,
        received: Millis(0),
        authenticated: true,
        index: 8,
        operation: Operation::Merge,
        form: Form::Raw,
    };
    NewFrame { header, payload: Bytes::copy_from_slice(payload) }
}

/// What happened on the disk, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    Write(u64),
    Sync,
    SyncDir,
    /// Noted by a test.
    Mark(&'static str),
}

#[derive(Debug, Default)]
struct State {
    /// By path: the entry is stable, and the file.
    files: BTreeMap<PathBuf, (bool, Arc<FakeFile>)>,
    events: Vec<Event>,
    fail_writes: bool,
    fail_syncs: bool,
    lose_names: bool,
    /// Bytes that all files together may take.
    room: Option<u64>,
}

/// A disk in memory.
#[derive(Clone, Debug, Default)]
pub struct FakeDisk(Arc<Mutex<State>>);

/// A file of a [`FakeDisk`]: what is stable, and what was written since.
#[derive(Debug)]
pub struct FakeFile {
    disk: Arc<Mutex<State>>,
    content: Mutex<Content>,
}

#[derive(Debug, Default)]
struct Content {
    now: Vec<u8>,
    stable: Vec<u8>,
}

impl FakeDisk {
    pub fn fail_writes(&self, fail: bool) {
        lock(&self.0).fail_writes = fail;
    }

    pub fn fail_syncs(&self, fail: bool) {
        lock(&self.0).fail_syncs = fail;
    }

    /// A disk whose folders are never synced, as if the program forgot to.
    pub fn lose_names(&self) {
        lock(&self.0).lose_names = true;
    }

    /// Bounds the disk to that many bytes.
    pub fn room(&self, bytes: Option<u64>) {
        lock(&self.0).room = bytes;
    }

    pub fn mark(&self, name: &'static str) {
        lock(&self.0).events.push(Event::Mark(name));
    }

    pub fn events(&self) -> Vec<Event> {
        lock(&self.0).events.clone()
    }

    /// The disk as it is after a power cut: of each file the stable bytes, and of what was written since a prefix chosen by
    /// `keep` (a number below the count of unstable bytes plus one); unstable entries are gone.
    pub fn power_cut(&self, mut keep: impl FnMut(u64) -> u64) -> FakeDisk {
        let after = FakeDisk::default();
        let state = lock(&self.0);
        lock(&after.0).lose_names = state.lose_names;
        for (path, (stable_entry, file)) in &state.files {
            if !stable_entry {
                continue;
            }
            let content = lock(&file.content);
            let mut bytes = content.stable.clone();
            let differing = (0..content.now.len()).find(|at| content.stable.get(*at) != content.now.get(*at));
            if let Some(start) = differing {
                let unstable = (content.now.len() - start) as u64;
                let kept = start + keep(unstable + 1).min(unstable) as usize;
                bytes.resize(bytes.len().max(kept), 0);
                bytes[start..kept].copy_from_slice(&content.now[start..kept]);
            }
            after.put(path, bytes);
        }
        after
    }

    /// Places a file whose bytes are stable.
    pub fn put(&self, path: &Path, bytes: Vec<u8>) {
        let content = Content { now: bytes.clone(), stable: bytes };
        let file = Arc::new(FakeFile { disk: self.0.clone(), content: Mutex::new(content) });
        lock(&self.0).files.insert(path.to_owned(), (true, file));
    }

    /// All files and their bytes.
    pub fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let state = lock(&self.0);
        state.files.iter().map(|(path, (_, file))| (path.clone(), lock(&file.content).now.clone())).collect()
    }
}

impl Disk for FakeDisk {
    fn create_dir(&self, _path: &Path) -> io::Result<()> {
        Ok(())
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let state = lock(&self.0);
        let names = state.files.keys().filter(|file| file.parent() == Some(path));
        Ok(names.filter_map(|file| Some(file.file_name()?.to_string_lossy().into_owned())).collect())
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let file = Arc::new(FakeFile { disk: self.0.clone(), content: Mutex::default() });
        let mut state = lock(&self.0);
        if state.files.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        state.files.insert(path.to_owned(), (false, file.clone()));
        Ok(file)
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let state = lock(&self.0);
        let (_, file) = state.files.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(file.clone())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        lock(&self.0).files.remove(path).map(|_| ()).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = lock(&self.0);
        let (_, file) = state.files.remove(from).ok_or(io::ErrorKind::NotFound)?;
        let stable = state.files.get(to).is_some_and(|(stable, _)| *stable);
        state.files.insert(to.to_owned(), (stable, file));
        Ok(())
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let mut state = lock(&self.0);
        state.events.push(Event::SyncDir);
        if state.lose_names {
            return Ok(());
        }
        for (file, (stable, _)) in &mut state.files {
            *stable |= file.parent() == Some(path);
        }
        Ok(())
    }
}

impl DiskFile for FakeFile {
    fn len(&self) -> io::Result<u64> {
        Ok(lock(&self.content).now.len() as u64)
    }

    fn read_at(&self, position: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let content = lock(&self.content);
        let rest = content.now.get(position as usize..).unwrap_or_default();
        let read = rest.len().min(buffer.len());
        buffer[..read].copy_from_slice(&rest[..read]);
        Ok(read)
    }

    fn write_at(&self, position: u64, bytes: &[u8]) -> io::Result<()> {
        let fail = {
            let mut state = lock(&self.disk);
            state.events.push(Event::Write(bytes.len() as u64));
            state.fail_writes
        };
        // A write that fails may have written a part.
        let bytes = if fail { &bytes[..bytes.len() / 2] } else { bytes };
        let mut content = lock(&self.content);
        let end = position as usize + bytes.len();
        if content.now.len() < end {
            content.now.resize(end, 0);
        }
        content.now[position as usize..end].copy_from_slice(bytes);
        if fail { Err(io::Error::other("planned failure")) } else { Ok(()) }
    }

    fn allocate(&self, length: u64) -> io::Result<()> {
        let state = lock(&self.disk);
        let taken: u64 = state
            .files
            .values()
            .filter(|(_, file)| !std::ptr::eq(&raw const **file, self))
            .map(|(_, file)| lock(&file.content).now.len() as u64)
            .sum();
        if state.room.is_some_and(|room| taken + length > room) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        drop(state);
        let mut content = lock(&self.content);
        let length = content.now.len().max(length as usize);
        content.now.resize(length, 0);
        Ok(())
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        lock(&self.content).now.truncate(length as usize);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        {
            let mut state = lock(&self.disk);
            if state.fail_syncs {
                return Err(io::Error::other("planned failure"));
            }
            state.events.push(Event::Sync);
        }
        let mut content = lock(&self.content);
        content.stable = content.now.clone();
        Ok(())
    }
}
