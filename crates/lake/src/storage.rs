//! Files on a local disk, for the `iceberg` crate: created once, never overwritten, and stable with the folders above them
//! before anyone refers to them.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::ops::Range;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use iceberg::io::{
    FileMetadata, FileRead, FileWrite, InputFile, OutputFile, Storage, StorageConfig, StorageFactory,
};
use iceberg::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

/// Makes [`SyncedFiles`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SyncedFilesFactory;

/// A local disk on which a file that was closed is stable.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SyncedFiles;

#[typetag::serde]
impl StorageFactory for SyncedFilesFactory {
    fn build(&self, _config: &StorageConfig) -> Result<Arc<dyn Storage>> {
        Ok(Arc::new(SyncedFiles))
    }
}

/// The path that a location names: with or without `file://`.
pub(crate) fn path_of(location: &str) -> PathBuf {
    PathBuf::from(location.strip_prefix("file://").unwrap_or(location))
}

/// Makes a folder with those above it, and their entries stable. Closed to other users.
pub(crate) fn create_dir(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        create_dir(parent)?;
    }
    match fs::DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    path.parent().map_or(Ok(()), sync_dir)
}

pub(crate) fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

fn create(path: &Path) -> io::Result<File> {
    if let Some(parent) = path.parent() {
        create_dir(parent)?;
    }
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

fn finish(file: &File, path: &Path) -> io::Result<()> {
    file.sync_all()?;
    path.parent().map_or(Ok(()), sync_dir)
}

fn failed(path: &Path, error: io::Error) -> Error {
    Error::new(ErrorKind::Unexpected, format!("{}: {error}", path.display())).with_source(error)
}

#[async_trait]
#[typetag::serde]
impl Storage for SyncedFiles {
    async fn exists(&self, location: &str) -> Result<bool> {
        Ok(path_of(location).exists())
    }

    async fn metadata(&self, location: &str) -> Result<FileMetadata> {
        let path = path_of(location);
        let size = fs::metadata(&path).map_err(|error| failed(&path, error))?.len();
        Ok(FileMetadata { size })
    }

    async fn read(&self, location: &str) -> Result<Bytes> {
        let path = path_of(location);
        fs::read(&path).map(Bytes::from).map_err(|error| failed(&path, error))
    }

    async fn reader(&self, location: &str) -> Result<Box<dyn FileRead>> {
        let path = path_of(location);
        let file = File::open(&path).map_err(|error| failed(&path, error))?;
        Ok(Box::new(Reader { file, path }))
    }

    async fn write(&self, location: &str, bytes: Bytes) -> Result<()> {
        let mut writer = self.writer(location).await?;
        writer.write(bytes).await?;
        writer.close().await
    }

    async fn writer(&self, location: &str) -> Result<Box<dyn FileWrite>> {
        let path = path_of(location);
        let file = create(&path).map_err(|error| failed(&path, error))?;
        Ok(Box::new(Writer { file, path }))
    }

    async fn delete(&self, location: &str) -> Result<()> {
        let path = path_of(location);
        fs::remove_file(&path).map_err(|error| failed(&path, error))
    }

    async fn delete_prefix(&self, location: &str) -> Result<()> {
        let path = path_of(location);
        fs::remove_dir_all(&path).map_err(|error| failed(&path, error))
    }

    async fn delete_stream(&self, mut locations: BoxStream<'static, String>) -> Result<()> {
        while let Some(location) = locations.next().await {
            self.delete(&location).await?;
        }
        Ok(())
    }

    fn new_input(&self, location: &str) -> Result<InputFile> {
        Ok(InputFile::new(Arc::new(self.clone()), location.to_owned()))
    }

    fn new_output(&self, location: &str) -> Result<OutputFile> {
        Ok(OutputFile::new(Arc::new(self.clone()), location.to_owned()))
    }
}

struct Reader {
    file: File,
    path: PathBuf,
}

#[async_trait]
impl FileRead for Reader {
    async fn read(&self, range: Range<u64>) -> Result<Bytes> {
        let read = || {
            let mut file = self.file.try_clone()?;
            file.seek(SeekFrom::Start(range.start))?;
            let mut bytes = Vec::new();
            file.take(range.end.saturating_sub(range.start)).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        read().map(Bytes::from).map_err(|error| failed(&self.path, error))
    }
}

struct Writer {
    file: File,
    path: PathBuf,
}

#[async_trait]
impl FileWrite for Writer {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        self.file.write_all(&bytes).map_err(|error| failed(&self.path, error))
    }

    async fn close(&mut self) -> Result<()> {
        finish(&self.file, &self.path).map_err(|error| failed(&self.path, error))
    }
}
