//! Objects as files below one folder, which one process holds.
//!
//! An object is written beside the others, synced, and then renamed to its place; what a process left that was killed in
//! between is removed when the folder is opened again. Files are readable by their owner alone.

use std::fs::DirBuilder;
use std::io::{self, ErrorKind};
use std::ops::Range;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use bytes::Bytes;
use entity::id::{OriginalId, WorkspaceId};
use tokio::fs::{self, File, OpenOptions};
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt, SeekFrom};

use super::key::{self, Folder, Key};
use super::{Backend, ObjectError, Writer};

/// The folder.
pub(super) struct Disk {
    root: PathBuf,
}

impl Disk {
    /// Opens the folder, makes it where it is not there, and removes what was not finished.
    pub(super) fn open(root: &Path) -> io::Result<Self> {
        let partial = root.join("partial");
        match std::fs::remove_dir_all(&partial) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => make(&partial)?,
        }
        Ok(Self { root: root.to_owned() })
    }

    fn place(&self, key: &Key) -> PathBuf {
        self.root.join(key.to_string())
    }

    fn partial(&self, original: OriginalId) -> PathBuf {
        self.root.join("partial").join(original.0.to_string())
    }
}

#[async_trait]
impl Backend for Disk {
    async fn begin(&self, key: &Key) -> Result<Box<dyn Writer>, ObjectError> {
        let partial = self.partial(key.original);
        let mut options = OpenOptions::new();
        let file = options.write(true).create_new(true).mode(0o600).open(&partial).await.map_err(failure)?;
        Ok(Box::new(Writing { file, partial: Some(partial), place: self.place(key) }))
    }

    async fn size(&self, key: &Key) -> Result<u64, ObjectError> {
        Ok(fs::metadata(self.place(key)).await.map_err(failure)?.len())
    }

    async fn read(&self, key: &Key, range: Range<u64>) -> Result<Bytes, ObjectError> {
        let mut file = File::open(self.place(key)).await.map_err(failure)?;
        file.seek(SeekFrom::Start(range.start)).await.map_err(failure)?;
        let mut bytes = Vec::new();
        file.take(range.end.saturating_sub(range.start)).read_to_end(&mut bytes).await.map_err(failure)?;
        Ok(bytes.into())
    }

    async fn delete(&self, key: &Key) -> Result<(), ObjectError> {
        gone(fs::remove_file(self.place(key)).await)?;
        // The last one takes the folder of its version along.
        let _ = fs::remove_dir(self.root.join(key.folder.to_string())).await;
        Ok(())
    }

    async fn list(&self, folder: &Folder) -> Result<Vec<OriginalId>, ObjectError> {
        let mut entries = match fs::read_dir(self.root.join(folder.to_string())).await {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(failure)?,
        };
        let mut found = Vec::new();
        while let Some(entry) = entries.next_entry().await.map_err(failure)? {
            found.extend(entry.file_name().to_str().and_then(key::original));
        }
        Ok(found)
    }

    async fn count(&self, workspace: WorkspaceId) -> Result<u64, ObjectError> {
        let (mut count, mut folders) = (0, vec![self.root.join(key::of_workspace(workspace))]);
        while let Some(folder) = folders.pop() {
            let mut entries = match fs::read_dir(folder).await {
                // Gone since it was seen, or never there.
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                entries => entries.map_err(failure)?,
            };
            while let Some(entry) = entries.next_entry().await.map_err(failure)? {
                if entry.file_type().await.map_err(failure)?.is_dir() {
                    folders.push(entry.path());
                } else {
                    count += 1;
                }
            }
        }
        Ok(count)
    }

    async fn purge(&self, workspace: WorkspaceId) -> Result<(), ObjectError> {
        gone(fs::remove_dir_all(self.root.join(key::of_workspace(workspace))).await)
    }

    async fn check(&self) -> Result<(), ObjectError> {
        let probe = self.partial(OriginalId::new());
        fs::write(&probe, []).await.map_err(failure)?;
        fs::remove_file(&probe).await.map_err(failure)
    }
}

/// A file on its way to its place.
struct Writing {
    file: File,
    /// None once it is at its place.
    partial: Option<PathBuf>,
    place: PathBuf,
}

#[async_trait]
impl Writer for Writing {
    async fn write(&mut self, bytes: Bytes) -> Result<(), ObjectError> {
        self.file.write_all(&bytes).await.map_err(failure)
    }

    async fn complete(&mut self) -> Result<(), ObjectError> {
        self.file.flush().await.map_err(failure)?;
        self.file.sync_all().await.map_err(failure)?;
        let Some(partial) = self.partial.take() else { return Err(ObjectError::Unavailable) };
        let place = self.place.clone();
        // Uninterrupted: once it has begun, the file is at its place or removed.
        let settled = tokio::task::spawn_blocking(move || {
            settle(&partial, &place).inspect_err(|_| drop(std::fs::remove_file(&partial)))
        });
        settled.await.map_err(|_| ObjectError::Unavailable)?.map_err(failure)
    }

    async fn abort(&mut self) {
        if let Some(partial) = self.partial.take() {
            remove(&partial);
        }
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        if let Some(partial) = self.partial.take() {
            remove(&partial);
        }
    }
}

fn remove(partial: &Path) {
    if let Err(error) = std::fs::remove_file(partial) {
        tracing::warn!(exception.message = %error, "an unfinished object stays until the next start");
    }
}

/// Renames a synced file to its place, and returns when that is on the disk.
fn settle(partial: &Path, place: &Path) -> io::Result<()> {
    let folder = place.parent().ok_or(ErrorKind::InvalidInput)?;
    let mut repetitions = 0..4;
    loop {
        make(folder)?;
        match std::fs::rename(partial, place) {
            // Another attempt's object was deleted in between, and took the folder along.
            Err(error) if error.kind() == ErrorKind::NotFound && repetitions.next().is_some() => {}
            renamed => break renamed?,
        }
    }
    // The folders above are new for the first object of a version, and a new one is an entry of the one above it.
    for folder in folder.ancestors().take(5) {
        std::fs::File::open(folder)?.sync_all()?;
    }
    Ok(())
}

fn make(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// What is not there is deleted.
fn gone(removed: io::Result<()>) -> Result<(), ObjectError> {
    match removed {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed.map_err(failure),
    }
}

/// The class of an error; its words are for the log.
#[expect(clippy::needless_pass_by_value, reason = "it maps results")]
fn failure(error: io::Error) -> ObjectError {
    if error.kind() == ErrorKind::NotFound {
        return ObjectError::NotFound;
    }
    tracing::warn!(exception.message = %error, "the folder of objects failed");
    if error.kind() == ErrorKind::PermissionDenied { ObjectError::Refused } else { ObjectError::Unavailable }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use bytes::Bytes;
    use entity::id::{DocumentVersionId, OriginalId, WorkspaceId};

    use super::{Backend, Disk, Folder, Key};

    fn key() -> Key {
        let folder = Folder { workspace: WorkspaceId::new(), version: DocumentVersionId::new() };
        Key { folder, original: OriginalId::new() }
    }

    #[tokio::test]
    async fn a_file_is_its_owners_alone_and_one_that_was_not_finished_is_removed_at_the_next_start() {
        let root = tempfile::tempdir().expect("a folder");
        let disk = Disk::open(root.path()).expect("opened");
        let (whole, half) = (key(), key());
        let mut writer = disk.begin(&whole).await.expect("begun");
        writer.write(Bytes::from_static(b"bytes")).await.expect("written");
        writer.complete().await.expect("complete");
        let mode = std::fs::metadata(disk.place(&whole)).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let writer = disk.begin(&half).await.expect("begun");
        // As if the process were killed: nothing tidies up.
        std::mem::forget(writer);
        assert!(disk.partial(half.original).exists());
        let disk = Disk::open(root.path()).expect("opened again");
        assert!(!disk.partial(half.original).exists());
        assert_eq!(disk.size(&whole).await, Ok(5));
    }
}
