//! How a command gets to the database as its owner, whether a server runs or not.
//!
//! In this order: the address that was set; the private database of the data folder, started for the command and stopped
//! after it; the private database that a running server holds, by the address that it keeps in the folder. It never makes
//! a data folder.

use std::path::Path;

use super::Failure;
use super::private_database::PrivateDatabase;
use super::roles::Role;
use crate::embedded::{DataFolder, DataFolderError};

/// The owner's address, and what must stay open for it.
pub struct OwnerAccess {
    url: String,
    held: Option<(PrivateDatabase, DataFolder)>,
}

impl OwnerAccess {
    /// Finds the address.
    ///
    /// # Errors
    ///
    /// [`Failure::Usage`] where there is no database; what starting it or holding the folder says.
    pub async fn open(set: Option<&str>, data: &Path) -> Result<Self, Failure> {
        if let Some(url) = set {
            return Ok(Self { url: url.to_owned(), held: None });
        }
        if !PrivateDatabase::exists(data) {
            return Err(Failure::Usage(format!(
                "There is no database in the data folder {}. Start one with `footnote demo` or `footnote serve`, choose another \
                 folder with --data, or set {}.",
                data.display(),
                Role::Owner.setting()
            )));
        }
        match DataFolder::open(data) {
            Ok(folder) => {
                let database = PrivateDatabase::start(&folder, 0).await?;
                Ok(Self { url: database.url(Role::Owner), held: Some((database, folder)) })
            }
            Err(locked @ DataFolderError::Locked { .. }) => {
                match PrivateDatabase::published_owner_url(data) {
                    Some(url) => Ok(Self { url, held: None }),
                    None => Err(locked.into()),
                }
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The address.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Stops what was started for it.
    pub async fn close(self) {
        if let Some((database, _folder)) = self.held {
            database.stop().await;
        }
    }
}
