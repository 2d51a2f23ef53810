//! One process per data folder.
//!
//! A [`DataFolder`] proves that this process alone holds the folder: the operating system's lock on `<data>/lock` ends with
//! the process, however it ends. The holder publishes its address in `<data>/address`, so that a second command can attach or
//! say who is in its way. An address is taken for text of unknown origin: cut, and stripped of control characters.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::{private_file, privileges};

/// Why a data folder could not be had.
#[derive(Debug, thiserror::Error)]
pub enum DataFolderError {
    /// Another process holds the folder.
    #[error("another footnote is using the data folder {}{}. Stop it, or choose another folder with --data.", folder.display(), at(address.as_deref()))]
    Locked {
        /// The folder.
        folder: PathBuf,
        /// The holder's address, where it has published one.
        address: Option<String>,
    },
    /// The operating system refused something.
    #[error("could not {action} {}: {source}", path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

fn at(address: Option<&str>) -> String {
    address.map(|address| format!(" (at {address})")).unwrap_or_default()
}

/// A data folder that this process holds alone, until the value is dropped.
#[derive(Debug)]
pub struct DataFolder {
    path: PathBuf,
    _lock: Lock,
}

impl DataFolder {
    /// Makes the folder where it is missing (mode 0700; 0711 as root, whose PostgreSQL must get through it), and locks it.
    ///
    /// # Errors
    /// [`DataFolderError::Locked`] while another process holds the folder; otherwise what the operating system refused.
    pub fn open(path: &Path) -> Result<Self, DataFolderError> {
        let failed = |action| move |source| DataFolderError::Io { action, path: path.to_owned(), source };
        make(path).map_err(failed("make the data folder"))?;
        let path = path.canonicalize().map_err(failed("resolve"))?;
        let Some(lock) = try_lock(&path).map_err(failed("lock the data folder"))? else {
            return Err(DataFolderError::Locked { address: Self::address(&path), folder: path });
        };
        // An address that is still there belongs to a process that was killed.
        match fs::remove_file(path.join("address")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(failed("remove the old address in")(error))
            }
            _ => Ok(Self { path, _lock: lock }),
        }
    }

    /// The folder, as an absolute path without symbolic links.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Tells other commands where the running server is; the address must hold no secret, because errors show it.
    ///
    /// # Errors
    /// [`DataFolderError::Io`] when the file cannot be written.
    pub fn publish(&self, address: &str) -> Result<(), DataFolderError> {
        let file = self.path.join("address");
        private_file::write(&file, address).map_err(|source| DataFolderError::Io {
            action: "write",
            path: file,
            source,
        })
    }

    /// Returns the address that the holder of a folder has published, or `None`; it needs no lock.
    #[must_use]
    pub fn address(path: &Path) -> Option<String> {
        let text = private_file::read(&path.join("address")).ok().flatten()?;
        let address: String = text.chars().filter(|character| !character.is_control()).take(512).collect();
        (!address.is_empty()).then_some(address)
    }
}

impl Drop for DataFolder {
    fn drop(&mut self) {
        // What stays is removed by the next holder.
        let _ = fs::remove_file(self.path.join("address"));
    }
}

/// A folder's lock, which ends with the value.
#[derive(Debug)]
pub(super) struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing alone would keep it until a child that is being started at this moment has closed its copy.
        let _ = self.0.unlock();
    }
}

/// Makes a folder and its parents; only the folder itself gets the mode.
pub(super) fn make(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    if let Some(parent) = folder.parent() {
        fs::create_dir_all(parent)?;
    }
    match DirBuilder::new().mode(privileges::folder_mode()).create(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
        made => made,
    }
}

/// Locks the file `lock` in the folder and returns the lock, or `None` while another process has it.
pub(super) fn try_lock(folder: &Path) -> io::Result<Option<Lock>> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(folder.join("lock"))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(Lock(file))),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{DataFolder, DataFolderError};

    #[test]
    fn a_held_folder_is_refused_with_the_holders_address_and_free_again_afterwards() {
        let parent = tempfile::tempdir().expect("a temporary folder");
        let path = parent.path().join("deep/data");
        let held = DataFolder::open(&path).expect("a new folder is free");
        let unknown = DataFolder::open(&path).expect_err("the folder is held");
        assert!(matches!(unknown, DataFolderError::Locked { address: None, .. }), "{unknown}");

        held.publish("http://127.0.0.1:8080").expect("the folder takes files");
        let known = DataFolder::open(&path).expect_err("the folder is held").to_string();
        assert!(known.contains("(at http://127.0.0.1:8080)"), "{known}");
        assert_eq!(DataFolder::address(&path).as_deref(), Some("http://127.0.0.1:8080"));

        drop(held);
        assert_eq!(DataFolder::address(&path), None);
        DataFolder::open(&path).expect("the folder is free again");
    }

    #[test]
    fn an_address_left_by_a_killed_process_is_forgotten() {
        let parent = tempfile::tempdir().expect("a temporary folder");
        fs::write(parent.path().join("address"), "http://127.0.0.1:1").expect("the folder takes files");
        let held = DataFolder::open(parent.path()).expect("nobody holds the folder");
        assert_eq!(DataFolder::address(held.path()), None);
    }

    #[test]
    fn an_address_cannot_write_control_sequences_to_a_terminal() {
        let parent = tempfile::tempdir().expect("a temporary folder");
        fs::write(parent.path().join("address"), "\u{1b}[2Jhttp://x\n\u{7}y".repeat(500))
            .expect("the folder takes files");
        let address = DataFolder::address(parent.path()).expect("there is an address");
        assert!(address.chars().count() == 512 && !address.chars().any(char::is_control), "{address:?}");
    }

    #[test]
    fn a_folder_that_is_a_file_is_an_error() {
        let parent = tempfile::tempdir().expect("a temporary folder");
        let file = parent.path().join("file");
        fs::write(&file, "").expect("the folder takes files");
        assert!(matches!(DataFolder::open(&file), Err(DataFolderError::Io { .. })));
        assert!(matches!(DataFolder::open(&file.join("below")), Err(DataFolderError::Io { .. })));
    }
}
