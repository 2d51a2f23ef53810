//! What can be said of a database before anybody has entered it: whether an address is one, and which migrations it has.

use sqlx::Row;
use sqlx::postgres::PgConnectOptions;

use super::Database;
use crate::error::{Error, Result};

/// Whether the driver takes an address.
pub(crate) fn is_database_address(url: &str) -> bool {
    url.parse::<PgConnectOptions>().is_ok()
}

impl Database {
    /// The names of the migrations that were applied.
    ///
    /// # Errors
    ///
    /// UNAVAILABLE; INTERNAL where the schema is older than the door that tells.
    pub async fn applied_migrations(&self) -> Result<Vec<String>> {
        // Readiness: a few dozen names.
        let rows = self.ask("select app.applied_migrations() as name").await?;
        rows.iter().map(|row| row.try_get("name").map_err(Error::from)).collect()
    }
}
