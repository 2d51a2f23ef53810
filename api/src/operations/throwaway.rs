//! A private PostgreSQL for one measurement: made with the roles, gone afterwards with everything in it.
//!
//! It keeps nothing through a crash of the machine, lies in the place for temporary files, and ends with its value.

use std::path::PathBuf;

use super::roles::{Passwords, Role};
use super::{Failure, private_database};
use crate::embedded::{Cluster, Options};

/// A running one.
pub(super) struct Throwaway {
    cluster: Cluster,
    passwords: Passwords,
    // Removed after the cluster is told to stop, because fields drop in this order.
    _folders: Folders,
}

impl Throwaway {
    /// Makes and starts one, whose folder says what for.
    ///
    /// # Errors
    ///
    /// [`Failure::Postgres`] and [`Failure::Database`].
    pub(super) async fn start(purpose: &str) -> Result<Self, Failure> {
        let folder = std::env::temp_dir().join(format!("footnote-{purpose}-{:016x}", rand::random::<u64>()));
        let mut folders = Folders(vec![folder.clone()]);
        let cluster = Cluster::start(Options { folder, max_connections: 20, durable: false }).await?;
        folders.0.push(cluster.folder().to_owned());
        let passwords = Passwords::random();
        private_database::prepare(&cluster, &passwords).await?;
        Ok(Self { cluster, passwords, _folders: folders })
    }

    /// The address of its database as `footnote_owner`.
    pub(super) fn owner_url(&self) -> String {
        private_database::url(&self.cluster, Role::Owner, &self.passwords)
    }

    /// The address of its database as the superuser.
    pub(super) fn superuser_url(&self) -> String {
        private_database::superuser_url(&self.cluster)
    }

    /// Works in it until the work is done or `interrupted` ends, then stops it.
    ///
    /// # Errors
    ///
    /// Those of the work; [`Failure::Interrupted`].
    pub(super) async fn with<T>(
        self,
        work: impl AsyncFnOnce(&Self) -> Result<T, Failure>,
        interrupted: impl Future<Output = ()>,
    ) -> Result<T, Failure> {
        let done = tokio::select! {
            done = work(&self) => done,
            () = interrupted => Err(Failure::Interrupted),
        };
        let Self { cluster, _folders: folders, .. } = self;
        cluster.stop().await;
        drop(folders);
        done
    }
}

/// Folders that go away with the value.
struct Folders(Vec<PathBuf>);

impl Drop for Folders {
    fn drop(&mut self) {
        for folder in &self.0 {
            // A folder that stays in the place for temporary files is the system's to clear away.
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}
