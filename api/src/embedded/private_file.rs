//! Small files that only their owner reads: a password, an address, a record.
//!
//! A file is written whole or not at all (a new file is synced, then renamed over the old one), and is never longer than
//! [`LIMIT`] bytes when read. A symbolic link in the place of the new file is not followed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The most bytes that are read of such a file.
pub(super) const LIMIT: u64 = 4096;

/// Replaces the file's content, with mode 0600, and returns once it is on the disk.
///
/// # Errors
///
/// Whatever the file system says; the old content stands then.
pub fn write(path: &Path, content: impl AsRef<[u8]>) -> io::Result<()> {
    let mut name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_owned();
    name.push(format!(".{:016x}", rand::random::<u64>()));
    let partial = path.with_file_name(name);
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&partial)
        .and_then(|mut file| file.write_all(content.as_ref()).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&partial, path))
        .and_then(|()| sync_parent(path));
    if written.is_err() {
        // The first failure is the one to report, so that of tidying up is not.
        let _ = fs::remove_file(&partial);
    }
    written
}

/// Returns the file's first [`LIMIT`] bytes without surrounding white space, or `None` where there is no file.
pub(super) fn read(path: &Path) -> io::Result<Option<String>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    file.take(LIMIT).read_to_end(&mut bytes)?;
    Ok(Some(String::from_utf8_lossy(&bytes).trim().to_owned()))
}

/// Makes a rename in the path's folder durable.
pub(super) fn sync_parent(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |parent| File::open(parent)?.sync_all())
}
