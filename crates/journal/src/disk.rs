//! What the log asks of a disk, and the real one.

use std::fmt::Debug;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::num::NonZero;
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use rustix::fs::{Advice, FallocateFlags, OFlags, fadvise, fallocate};

use crate::limits::{FILL_BYTES, PAGE_BYTES};

/// A disk. A write is stable after [`DiskFile::sync`], a file's name after [`Disk::sync_dir`].
pub trait Disk: Send + Sync + Debug {
    /// Makes a folder and its parents; not an error when it is there.
    fn create_dir(&self, path: &Path) -> io::Result<()>;
    /// The names of the files of a folder.
    fn list(&self, path: &Path) -> io::Result<Vec<String>>;
    /// Creates a file that must not exist.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;
    /// Opens a file to read and write.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Gives a file another name, in place of a file that has it: there is one or the other at any time.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    fn sync_dir(&self, path: &Path) -> io::Result<()>;
    /// Begins to create a file that is filled with written zeros, on a thread of its own; `None` when this disk gains
    /// nothing from it. Writes into a file that is only reserved change metadata, and make each sync about a half dearer.
    fn fill(&self, _path: &Path, _length: u64) -> Option<Filling> {
        None
    }
}

/// A file that is being filled. When that fails, it is removed again.
pub type Filling = JoinHandle<io::Result<Arc<dyn DiskFile>>>;

/// An open file.
pub trait DiskFile: Send + Sync + Debug {
    fn len(&self) -> io::Result<u64>;
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }
    /// Reads up to `buffer.len()` bytes; fewer at the end of the file.
    fn read_at(&self, position: u64, buffer: &mut [u8]) -> io::Result<usize>;
    fn write_at(&self, position: u64, bytes: &[u8]) -> io::Result<()>;
    /// Reserves zeroed room, so that writes within it neither fail for lack of space nor change metadata.
    fn allocate(&self, length: u64) -> io::Result<()>;
    fn truncate(&self, length: u64) -> io::Result<()>;
    /// Makes all that was written stable.
    fn sync(&self) -> io::Result<()>;
    /// Lets go of the memory that still holds what was written and synced there: reading it asks the disk from now on.
    fn let_go(&self, _position: u64, _length: u64) {}
}

/// The machine's disk.
#[derive(Clone, Copy, Debug)]
pub struct RealDisk;

impl Disk for RealDisk {
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        fs::read_dir(path)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)?))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(OpenOptions::new().read(true).write(true).open(path)?))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn fill(&self, path: &Path, length: u64) -> Option<Filling> {
        let path = path.to_owned();
        let fill = move || {
            let filled = write_zeros(&path, length).and_then(|()| RealDisk.open(&path));
            filled.inspect_err(|_| drop(RealDisk.remove(&path)))
        };
        std::thread::Builder::new().name("journal-fill".to_owned()).spawn(fill).ok()
    }
}

/// Creates a file of written zeros, past the page cache: its memory would cost more than the disk does. Not all file systems
/// can do that.
fn write_zeros(path: &Path, length: u64) -> io::Result<()> {
    let direct = OFlags::DIRECT.bits().cast_signed();
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).custom_flags(direct).open(path)?;
    file.allocate(length)?;
    let room = vec![0; FILL_BYTES + PAGE_BYTES];
    let start = room.as_ptr().align_offset(PAGE_BYTES);
    let zeros = room.get(start..start + FILL_BYTES).ok_or(io::ErrorKind::Unsupported)?;
    // What is less than a page at the end stays reserved.
    let length = length - length % PAGE_BYTES as u64;
    let mut position = 0;
    while position < length {
        let piece = (length - position).min(FILL_BYTES as u64);
        file.write_all_at(&zeros[..piece as usize], position)?;
        position += piece;
    }
    file.sync_data()
}

impl DiskFile for File {
    fn len(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_at(&self, position: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let mut done = 0;
        while done < buffer.len() {
            match std::os::unix::fs::FileExt::read_at(self, &mut buffer[done..], position + done as u64) {
                Ok(0) => break,
                Ok(read) => done += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    fn write_at(&self, position: u64, bytes: &[u8]) -> io::Result<()> {
        self.write_all_at(bytes, position)
    }

    fn allocate(&self, length: u64) -> io::Result<()> {
        match fallocate(self, FallocateFlags::empty(), 0, length) {
            Ok(()) => Ok(()),
            // Some file systems cannot reserve; the file is then only made that long.
            Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => self.set_len(length),
            Err(error) => Err(error.into()),
        }
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }

    fn let_go(&self, position: u64, length: u64) {
        // Advice: where it cannot be taken, nothing is lost.
        let _ = fadvise(self, position, NonZero::new(length), Advice::DontNeed);
    }
}
