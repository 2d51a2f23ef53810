//! Why a command could not be carried out, as a sentence for the person at the terminal.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use sea_orm::{DbErr, RuntimeErr};

use crate::adapters::embeddings::LoadError;
use crate::embedded::{DataFolderError, StartError};
use crate::tenancy::explain;

/// Why a command failed. Its text says what was tried and what to do; it contains no password.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A flag or a setting is missing or means nothing; the exit code is 2.
    #[error("{0}")]
    Usage(String),
    /// Settings are wrong, each with a line that says what to do; the exit code is 2.
    #[error("{}", .0.join("\n"))]
    Settings(Vec<String>),
    /// The data folder cannot be had.
    #[error(transparent)]
    DataFolder(#[from] DataFolderError),
    /// The private PostgreSQL did not start.
    #[error(transparent)]
    Postgres(#[from] StartError),
    /// The database refused something, or could not be reached.
    #[error("could not {action}: {}", explain(source))]
    Database {
        /// What was tried, beginning with a verb.
        action: &'static str,
        /// What the database or the driver said.
        source: sqlx::Error,
    },
    /// A migration failed; PostgreSQL has rolled back what it began.
    #[error("could not {action}: {}", explain_migration(source))]
    Migration {
        /// What was tried, beginning with a verb.
        action: &'static str,
        /// What the database said.
        source: DbErr,
    },
    /// The address is taken, or not of this machine.
    #[error(
        "could not listen on {address}: {source}. Choose another address with --listen; port 0 takes a free one."
    )]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the operating system said.
        source: io::Error,
    },
    /// The embedding model in the binary cannot be read.
    #[error("the embedding model cannot be loaded: {0}")]
    Model(#[from] LoadError),
    /// The vector engine cannot be opened.
    #[error("the vectors in {} cannot be opened: {source}", folder.display())]
    Vectors {
        /// Their folder.
        folder: PathBuf,
        /// What the engine said.
        source: footnote_vectors::Error,
    },
    /// The operating system refused something.
    #[error("could not {action} {}: {source}", path.display())]
    File {
        /// What was tried, as a verb.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A part could not start, and says why itself.
    #[error("{0}")]
    Start(String),
    /// The API refused a request of the command itself.
    #[error("could not {action}: {refusal}")]
    Refused {
        /// What was tried, beginning with a verb.
        action: &'static str,
        /// The API's sentences.
        refusal: String,
    },
    /// What was checked does not hold; the command has printed the particulars.
    #[error("{0}")]
    DoesNotHold(String),
    /// Somebody stopped it before it was done.
    #[error("stopped before it was done")]
    Interrupted,
}

/// What the migrations' error means, while the connection is made as well.
fn explain_migration(error: &DbErr) -> String {
    match error {
        DbErr::Conn(RuntimeErr::SqlxError(cause))
        | DbErr::Exec(RuntimeErr::SqlxError(cause))
        | DbErr::Query(RuntimeErr::SqlxError(cause)) => explain(cause),
        other => other.to_string(),
    }
}

impl Failure {
    /// The exit code: 2 for wrong use, 1 otherwise.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        if matches!(self, Self::Usage(_) | Self::Settings(_)) { 2 } else { 1 }
    }

    /// Returns the function that turns the driver's error into a failure of this action.
    pub(crate) fn database(action: &'static str) -> impl FnOnce(sqlx::Error) -> Self {
        move |source| Self::Database { action, source }
    }

    /// Returns the function that turns a migration's error into a failure of this action.
    pub(crate) fn migration(action: &'static str) -> impl FnOnce(DbErr) -> Self {
        move |source| Self::Migration { action, source }
    }

    /// Returns the function that turns an operating system's error into a failure of this action on this path.
    pub(crate) fn file(action: &'static str, path: &std::path::Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { action, path, source }
    }
}
