//! The private PostgreSQL of the embedded default.
//!
//! Guarantees a running server of version 15 or newer that listens on 127.0.0.1 only, takes a random password, and keeps its
//! data in one folder, whether the machine has PostgreSQL, only `pip`, or runs this program as root. An initialisation that
//! was cut short is done again; a server that outlived a killed parent is stopped before the next one starts.
//! Refuses a folder that another process uses, a folder that another major version made, and to delete data that it cannot
//! open. No error and no log line contains the password.

mod error;
mod home;
mod initialize;
mod leftover;
mod lock;
mod postmaster;
mod private_file;
mod privileges;
mod programs;
mod wheel;

#[cfg(test)]
mod tests;

use std::fmt;
use std::path::{Path, PathBuf};

use self::home::Home;
use self::lock::Lock;
use self::postmaster::Postmaster;
use self::programs::Search;

pub use self::error::StartError;
pub use self::lock::{DataFolder, DataFolderError};
pub use self::private_file::write as write_private;

/// What a cluster is started with.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folder of the cluster's own; made when it is missing.
    pub folder: PathBuf,
    /// The most connections that the server takes at once.
    pub max_connections: u16,
    /// Whether a commit survives a crash of the machine; `false` is for tests only.
    pub durable: bool,
}

/// A running PostgreSQL that ends with this value.
pub struct Cluster {
    postmaster: Postmaster,
    password: String,
    home: Home,
    major: u32,
    // Released after the postmaster is told to stop, because fields drop in this order.
    _lock: Lock,
}

impl Cluster {
    /// Starts the cluster of a folder, making it first where there is none, and returns once it takes connections.
    ///
    /// # Errors
    /// Fails with a [`StartError`] whose text tells a person what was tried and what to do.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let (home, user, lock) = Home::open(&options.folder).await?;
        leftover::stop(&home.cluster()).await?;
        initialize::remove_unfinished(home.folder());
        let made_by = home.major()?;
        let programs = Search::from_environment()?.find(&user, &home, made_by).await?;
        tracing::info!(
            folder = %home.folder().display(), programs = %programs.folder.display(), major = programs.major,
            "starting the embedded PostgreSQL"
        );
        let password = match made_by {
            Some(_) => home.password()?,
            None => initialize::initialize(&programs, &user, &home, options.durable).await?,
        };
        let postmaster = Postmaster::start(&programs, &user, &home, &options).await?;
        Ok(Self { postmaster, password, home, major: programs.major, _lock: lock })
    }

    /// The TCP port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.postmaster.port()
    }

    /// The server's major version, such as 15.
    #[must_use]
    pub fn major_version(&self) -> u32 {
        self.major
    }

    /// The folder that the cluster really lies in, which differs from the asked one where the server's user cannot reach that.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.home.folder()
    }

    /// The address of a database for the superuser `postgres`, with the password in it.
    #[must_use]
    pub fn superuser_url(&self, database: &str) -> String {
        format!(
            "postgresql://postgres:{}@127.0.0.1:{}/{}",
            self.password,
            self.port(),
            percent_encoded(database)
        )
    }

    /// Stops the server: open transactions roll back; after 10 seconds it is stopped without a checkpoint.
    pub async fn stop(self) {
        self.postmaster.stop().await;
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Cluster")
            .field("port", &self.port())
            .field("folder", &self.folder())
            .finish_non_exhaustive()
    }
}

/// Writes every byte that is not unreserved in a URL (RFC 3986, section 2.3) as `%XX`.
fn percent_encoded(text: &str) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.push(char::from(DIGITS[usize::from(byte >> 4)]));
            encoded.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
    encoded
}
