//! Migrations, run as the owner of the tables.
//!
//! Each migration is one transaction, and two processes do not migrate at the same time: the second waits for the first for
//! up to ten seconds, as it does for any lock. Looking at what is pending writes nothing.

use std::time::Duration;

use migration::Migrator;
use sea_orm::{ConnectOptions, ConnectionTrait};
use sea_orm_migration::{MigrationStatus, MigratorTrait};

use super::Failure;
use super::roles::{self, Role};

/// Whoever migrates holds this advisory lock.
const LOCK: &str = "select pg_advisory_lock(7019274419283712)";

/// How long the server may take to answer a connection.
const PATIENCE: Duration = Duration::from_secs(10);

/// One migration, and whether the database has it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Step {
    /// The migration's name.
    pub name: String,
    /// Whether it was applied.
    pub applied: bool,
}

/// The migrations of this binary that are not among those that were applied. A database may have more, which a newer binary
/// has applied before it is deployed.
#[must_use]
pub fn lacking(applied: &[String]) -> Vec<String> {
    let names = Migrator::migrations().into_iter().map(|migration| migration.name().to_owned());
    names.filter(|name| !applied.contains(name)).collect()
}

/// A connection that migrates.
pub struct Migrations {
    // pool: allowed because sea-orm migrates over its own handle only; it is limited to one connection.
    connection: sea_orm::DatabaseConnection,
}

impl Migrations {
    /// Connects to an address whose role is the owner, or may become it.
    ///
    /// # Errors
    ///
    /// [`Failure::Usage`] where it is no address, [`Failure::Migration`] where nobody answers or the role may not.
    pub async fn connect(url: &str) -> Result<Self, Failure> {
        // Refused here, because the ORM reads the address in its own way.
        roles::options(url)?;
        let mut options = ConnectOptions::new(url);
        options.max_connections(1).connect_timeout(PATIENCE).sqlx_logging(false).map_sqlx_postgres_opts(
            |options| {
                // A privileged role migrates as the owner too, so that the owner owns what it makes.
                options.options([("role", Role::Owner.name()), ("lock_timeout", "10s")])
            },
        );
        let connection = sea_orm::Database::connect(options)
            .await
            .map_err(Failure::migration("connect to the database as its owner"))?;
        Ok(Self { connection })
    }

    /// Every migration in order, and whether it was applied.
    ///
    /// # Errors
    ///
    /// [`Failure::Migration`], also where the database has a migration that this binary does not know.
    pub async fn status(&self) -> Result<Vec<Step>, Failure> {
        let steps = Migrator::get_migration_with_status_read_only(&self.connection)
            .await
            .map_err(Failure::migration("read which migrations were applied"))?;
        let step = |migration: &sea_orm_migration::Migration| Step {
            name: migration.name().to_owned(),
            applied: migration.status() == MigrationStatus::Applied,
        };
        Ok(steps.iter().map(step).collect())
    }

    /// The migrations that the database lacks.
    ///
    /// # Errors
    ///
    /// As [`Migrations::status`].
    pub async fn pending(&self) -> Result<Vec<String>, Failure> {
        Ok(self.status().await?.into_iter().filter(|step| !step.applied).map(|step| step.name).collect())
    }

    /// Applies the next `steps` migrations, or all; returns the names of those it applied.
    ///
    /// # Errors
    ///
    /// [`Failure::Migration`]; the migrations before the failed one stay applied.
    pub async fn up(&self, steps: Option<u32>) -> Result<Vec<String>, Failure> {
        self.lock().await?;
        let before = self.pending().await?;
        if before.is_empty() {
            return Ok(before);
        }
        Migrator::up(&self.connection, steps).await.map_err(Failure::migration("apply a migration"))?;
        let after = self.pending().await?;
        Ok(before.into_iter().filter(|name| !after.contains(name)).collect())
    }

    /// Undoes the last `steps` migrations, or all, with the data that they hold; returns the names of those it undid.
    ///
    /// # Errors
    ///
    /// [`Failure::Migration`]; the migrations after the failed one stay undone.
    pub async fn down(&self, steps: Option<u32>) -> Result<Vec<String>, Failure> {
        self.lock().await?;
        let before = self.pending().await?;
        Migrator::down(&self.connection, steps).await.map_err(Failure::migration("undo a migration"))?;
        let after = self.pending().await?;
        Ok(after.into_iter().filter(|name| !before.contains(name)).collect())
    }

    /// Makes the table that records what was applied, where there is none.
    ///
    /// # Errors
    ///
    /// [`Failure::Migration`].
    pub async fn install(&self) -> Result<(), Failure> {
        Migrator::install(&self.connection).await.map_err(Failure::migration("make the table of migrations"))
    }

    /// Closes the connection, and with it gives up the lock.
    pub async fn close(self) {
        // What is left to fail here is the farewell.
        let _ = self.connection.close().await;
    }

    async fn lock(&self) -> Result<(), Failure> {
        self.connection
            .execute_unprepared(LOCK)
            .await
            .map(drop)
            .map_err(Failure::migration("wait for another process that migrates"))
    }
}
