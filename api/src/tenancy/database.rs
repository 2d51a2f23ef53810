//! The pools. A pool connects as one role, and refuses to start as one that row-level security does not bind.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use entity::id::{IdentityId, UserId};
use sqlx::Row;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};

use super::{Access, Identity, Operation, Origin, Wakes};
use crate::error::{Error, Result};

/// Limits on what one operation may hold up, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// The longest statement.
    pub statement_ms: u32,
    /// The longest wait for a lock.
    pub lock_ms: u32,
    /// The longest pause inside a transaction.
    pub idle_ms: u32,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { statement_ms: 10_000, lock_ms: 3_000, idle_ms: 15_000 }
    }
}

/// A pool of one role's connections; the only thing that can begin an operation.
#[derive(Clone)]
pub struct Database {
    pool: PgPool,
    timeouts: Timeouts,
    wakes: Wakes,
    round_trips: Arc<AtomicU64>,
}

impl Database {
    /// Connects, and looks at what the role may do.
    ///
    /// # Errors
    ///
    /// A sentence for the operator: the address is not one, the server cannot be reached, or the role is privileged.
    pub async fn connect(url: &str, connections: u32, wakes: Wakes) -> Result<Self, String> {
        let options: PgConnectOptions =
            url.parse().map_err(|_| "the database address is not a PostgreSQL URL".to_owned())?;
        let pool = PgPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(Duration::from_secs(5))
            // A dead connection shows when the operation begins, which then takes another; a look before each one
            // would cost a round trip.
            .test_before_acquire(false)
            .connect_with(options)
            .await
            .map_err(|error| format!("the database cannot be reached: {error}"))?;
        refuse_privileged(&pool).await?;
        Ok(Self { pool, timeouts: Timeouts::default(), wakes, round_trips: Arc::default() })
    }

    /// Begins an operation: takes a connection, begins its transaction and sets its context, in one message.
    ///
    /// # Errors
    ///
    /// What the door says (UNAUTHENTICATED, NOT_FOUND), or UNAVAILABLE.
    pub async fn operation(&self, origin: Origin, access: Access) -> Result<Operation> {
        match self.begin(&origin, access).await {
            // The server went away while the connection was idle: the next one is fresh.
            Err(Error::Unavailable(_)) => self.begin(&origin, access).await,
            Err(Error::NotFound("identity")) => {
                self.admit(&origin).await?;
                self.begin(&origin, access).await
            }
            begun => begun,
        }
    }

    /// Makes a person of an external issuer known, the first time that they come.
    async fn admit(&self, origin: &Origin) -> Result<()> {
        let Origin::Identity { identity, .. } = origin else { return Ok(()) };
        let Identity { issuer, subject, email, name, .. } = identity.as_ref();
        // Admit: identities_key.
        sqlx::query("select app.admit_identity($1, $2, $3, $4, $5, $6)")
            .bind(IdentityId::new().0)
            .bind(UserId::new().0)
            .bind(issuer)
            .bind(subject)
            .bind(email)
            .bind(name)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    async fn begin(&self, origin: &Origin, access: Access) -> Result<Operation> {
        let connection = self.pool.acquire().await.map_err(Error::from)?;
        let shared = (self.wakes.clone(), self.round_trips.clone());
        Operation::begin(connection, origin, access, self.timeouts, shared).await
    }

    /// How many messages operations have sent and waited for since the start.
    #[must_use]
    pub fn round_trips(&self) -> u64 {
        self.round_trips.load(Ordering::Relaxed)
    }

    /// The wake-ups of this process.
    #[must_use]
    pub fn wakes(&self) -> &Wakes {
        &self.wakes
    }

    /// The pool itself, for the worker's doors, which set no context.
    pub(super) fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Whether the database answers.
    pub async fn is_reachable(&self) -> bool {
        // Readiness: one statement that needs nothing but the connection.
        let answer =
            tokio::time::timeout(Duration::from_secs(2), sqlx::query("select 1").execute(&self.pool)).await;
        matches!(answer, Ok(Ok(_)))
    }

    /// Closes every connection, waiting for those in use.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// Row-level security does not bind superusers, owners and BYPASSRLS roles; a member of `footnote_system` sees through its policies.
async fn refuse_privileged(pool: &PgPool) -> Result<(), String> {
    // Start-up: what the current role could get around.
    let row = sqlx::query(
        "select current_user::text as name, r.rolsuper, r.rolbypassrls,
           exists (select from pg_class c join pg_namespace n on n.oid = c.relnamespace
                   where n.nspname in ('public', 'app') and c.relkind in ('r', 'p', 'v', 'm') and pg_has_role(c.relowner, 'MEMBER')) as owns,
           exists (select from pg_roles s where s.rolname = 'footnote_system' and pg_has_role(s.oid, 'MEMBER')) as system
         from pg_roles r where r.rolname = current_user",
    )
    .fetch_one(pool)
    .await
    .map_err(|error| format!("the database did not say what its role may do: {error}"))?;
    let name: String = row.get("name");
    let faults: Vec<&str> = [
        ("rolsuper", "is a superuser"),
        ("rolbypassrls", "has BYPASSRLS"),
        ("owns", "owns tables"),
        ("system", "is a member of footnote_system"),
    ]
    .into_iter()
    .filter(|(column, _)| row.get::<bool, _>(*column))
    .map(|(_, fault)| fault)
    .collect();
    if faults.is_empty() {
        return Ok(());
    }
    Err(format!(
        "the database role {name} {}: row-level security would not hold. Connect as footnote_app or footnote_worker; `footnote bootstrap` makes them.",
        faults.join(" and ")
    ))
}
