//! The pools. A pool connects as one role, and refuses to start as one that row-level security does not bind.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use entity::id::{IdentityId, UserId};
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgArguments, PgPool, PgPoolOptions, PgRow};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, Postgres, Row};

use super::guard::{Guard, answered};
use super::{Access, Address, Identity, Operation, OperatorHash, Origin, Statements, Wakes, explain};
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

/// How long a message waits for its answer beyond what the server grants the statement: the server is gone, or the way to it.
const GRACE: Duration = Duration::from_secs(2);
/// How long an operation may take to begin, whose door answers in milliseconds.
const BEGINNING: Duration = Duration::from_secs(5);
/// How long connections that broke while nobody used them are exchanged before a client is told.
const RENEWAL: Duration = Duration::from_secs(1);
/// How long readiness waits for an answer.
const LOOK: Duration = Duration::from_secs(2);

/// What holds for every operation of a pool.
#[derive(Clone)]
pub(super) struct Terms {
    pub(super) timeouts: Timeouts,
    pub(super) statements: Statements,
    pub(super) wakes: Wakes,
    pub(super) round_trips: Arc<AtomicU64>,
    pub(super) answers: Arc<AtomicU64>,
}

impl Terms {
    /// The answer to a message, or the error of a connection that is dead; counts what the server said.
    pub(super) async fn answered<T>(
        &self,
        limit: Duration,
        message: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, sqlx::Error> {
        let answer = answered(limit, message).await;
        if matches!(answer, Ok(_) | Err(sqlx::Error::Database(_))) {
            self.answers.fetch_add(1, Ordering::Relaxed);
        }
        answer
    }

    /// How long one statement may stay unanswered.
    pub(super) fn patience(&self) -> Duration {
        Duration::from_millis(self.timeouts.statement_ms.into()) + GRACE
    }
}

/// A pool of one role's connections; the only thing that can begin an operation.
#[derive(Clone)]
pub struct Database {
    pool: PgPool,
    terms: Terms,
}

impl Database {
    /// Connects, and looks at what the role may do.
    ///
    /// # Errors
    ///
    /// A sentence for the operator: the address is not one, the server cannot be reached, or the role is privileged.
    pub async fn connect(
        address: impl Into<Address>,
        connections: u32,
        wakes: Wakes,
    ) -> Result<Self, String> {
        let address = address.into();
        let unreachable = |reason: String| format!("the database cannot be reached: {reason}");
        let options = address.options().map_err(unreachable)?;
        let pool = PgPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(Duration::from_secs(5))
            // A dead connection shows when the operation begins, which then takes another; a look before each one
            // would cost a round trip.
            .test_before_acquire(false)
            .connect_with(options)
            .await
            .map_err(|error| unreachable(explain(&error)))?;
        let terms = Terms {
            timeouts: Timeouts::default(),
            statements: address.statements(),
            wakes,
            round_trips: Arc::default(),
            answers: Arc::default(),
        };
        let database = Self { pool, terms };
        database.refuse_privileged().await?;
        Ok(database)
    }

    /// The same pool with other limits.
    #[must_use]
    pub fn with_timeouts(mut self, timeouts: Timeouts) -> Self {
        self.terms.timeouts = timeouts;
        self
    }

    /// Begins an operation: takes a connection, begins its transaction and sets its context, in one message.
    ///
    /// # Errors
    ///
    /// What the door says (UNAUTHENTICATED, NOT_FOUND), or UNAVAILABLE within ten seconds.
    pub async fn operation(&self, origin: Origin, access: Access) -> Result<Operation> {
        if let Origin::Operator { hash, .. } = &origin {
            self.note_use(*hash).await?;
        }
        let since = Instant::now();
        let mut admitted = false;
        loop {
            let connection = self.acquire().await?;
            let begun = Operation::begin(connection, &origin, access, &self.terms);
            match answered(BEGINNING, begun).await {
                // The server went away while connections were idle: after the last of them, a fresh one tells.
                Err(Error::Unavailable(_)) if since.elapsed() < RENEWAL => {}
                Err(Error::NotFound("identity")) if !admitted => {
                    self.admit(&origin).await?;
                    admitted = true;
                }
                begun => return begun,
            }
        }
    }

    /// Makes a person of an external issuer known, the first time that they come.
    async fn admit(&self, origin: &Origin) -> Result<()> {
        let Origin::Identity { identity, .. } = origin else { return Ok(()) };
        let Identity { issuer, subject, email, name, .. } = identity.as_ref();
        // Admit: identities_key.
        let admit = sqlx::query("select app.admit_identity($1, $2, $3, $4, $5, $6)")
            .bind(IdentityId::new().0)
            .bind(UserId::new().0)
            .bind(issuer)
            .bind(subject)
            .bind(email)
            .bind(name);
        self.ask_with(admit).await.map(drop)
    }

    /// Notes that an operator's key is used. The operation itself may only read.
    async fn note_use(&self, hash: OperatorHash) -> Result<()> {
        // Last use: operators_hash_key.
        let note = sqlx::query("select app.note_operator_use($1)").bind(hash.0.to_vec());
        self.ask_with(note).await.map(drop)
    }

    async fn acquire(&self) -> Result<PoolConnection<Postgres>> {
        self.pool.acquire().await.map_err(|error| {
            // Whatever the reason is (a password that was changed, too many connections): for a client it is away.
            tracing::warn!(exception.message = %explain(&error), "no connection to the database");
            Error::Unavailable("database")
        })
    }

    /// One statement of a worker's door, in a transaction of its own with the limits of an operation, as one message: so that
    /// neither a name nor a transaction outlives it, whatever stands in between.
    pub(super) async fn ask(&self, call: &str) -> Result<Vec<PgRow>> {
        let Timeouts { statement_ms, lock_ms, .. } = self.terms.timeouts;
        let message = format!(
            "begin; set local statement_timeout = {statement_ms}; set local lock_timeout = {lock_ms}; {call}; commit"
        );
        let since = Instant::now();
        loop {
            let mut guard = Guard::new(self.acquire().await?);
            // sql: literal because it holds numbers of ours and a lane's call, whose values are UUIDs, numbers and checked words.
            let asked = sqlx::raw_sql(AssertSqlSafe(message.clone())).fetch_all(guard.connection()?);
            match self.terms.answered(self.terms.patience(), asked).await.map_err(Error::from) {
                Err(Error::Unavailable(_)) if since.elapsed() < RENEWAL => {}
                Err(error) => return Err(error),
                Ok(rows) => {
                    guard.release();
                    return Ok(rows);
                }
            }
        }
    }

    /// One call of a door with values, in a transaction of its own with the limits of an operation.
    pub(super) async fn ask_with(&self, call: Query<'_, Postgres, PgArguments>) -> Result<Vec<PgRow>> {
        let Timeouts { statement_ms, lock_ms, .. } = self.terms.timeouts;
        let opening = format!(
            "begin; set local statement_timeout = {statement_ms}; set local lock_timeout = {lock_ms}"
        );
        let since = Instant::now();
        let mut guard = loop {
            let mut guard = Guard::new(self.acquire().await?);
            // sql: literal because it holds two numbers of ours and nothing else.
            let begun = sqlx::raw_sql(AssertSqlSafe(opening.clone())).execute(guard.connection()?);
            match self.terms.answered(BEGINNING, begun).await.map_err(Error::from) {
                Err(Error::Unavailable(_)) if since.elapsed() < RENEWAL => {}
                Err(error) => return Err(error),
                Ok(_) => break guard,
            }
        };
        let named = self.terms.statements == Statements::Named;
        let asked = call.persistent(named).fetch_all(guard.connection()?);
        let rows = self.terms.answered(self.terms.patience(), asked).await.map_err(Error::from)?;
        let commit = sqlx::raw_sql("commit").execute(guard.connection()?);
        self.terms.answered(self.terms.patience(), commit).await.map_err(|error| Error::at_commit(&error))?;
        guard.release();
        Ok(rows)
    }

    /// The same, of a door that answers with one row.
    pub(super) async fn ask_one(&self, call: Query<'_, Postgres, PgArguments>) -> Result<PgRow> {
        let answer = self.ask_with(call).await?.into_iter().next();
        answer.ok_or_else(|| Error::internal("a door did not answer"))
    }

    /// How many messages operations have sent and waited for since the start.
    #[must_use]
    pub fn round_trips(&self) -> u64 {
        self.terms.round_trips.load(Ordering::Relaxed)
    }

    /// How many of the messages the server has answered.
    #[must_use]
    pub fn answers(&self) -> u64 {
        self.terms.answers.load(Ordering::Relaxed)
    }

    /// The wake-ups of this process.
    #[must_use]
    pub fn wakes(&self) -> &Wakes {
        &self.terms.wakes
    }

    /// Whether the database answers, within two seconds.
    pub async fn is_reachable(&self) -> bool {
        let look = async {
            let mut guard = Guard::new(self.pool.acquire().await?);
            // Readiness: one statement that needs nothing but the connection.
            sqlx::raw_sql("select 1").execute(guard.connection()?).await?;
            guard.release();
            Ok::<_, Error>(())
        };
        answered(LOOK, look).await.is_ok()
    }

    /// Closes every connection, waiting for those in use.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// Row-level security does not bind superusers, owners and BYPASSRLS roles; a member of `footnote_system` sees through its policies.
    async fn refuse_privileged(&self) -> Result<(), String> {
        let unanswered = |reason: String| format!("the database did not say what its role may do: {reason}");
        // Start-up: what the current role could get around.
        let looked = sqlx::raw_sql(
                "select current_user::text as name, r.rolsuper, r.rolbypassrls,
                   exists (select from pg_class c join pg_namespace n on n.oid = c.relnamespace
                           where n.nspname in ('public', 'app') and c.relkind in ('r', 'p', 'v', 'm') and pg_has_role(c.relowner, 'MEMBER')) as owns,
                   exists (select from pg_roles s where s.rolname = 'footnote_system' and pg_has_role(s.oid, 'MEMBER')) as system
                 from pg_roles r where r.rolname = current_user",
            ).fetch_one(&self.pool);
        let row =
            answered(self.terms.patience(), looked).await.map_err(|error| unanswered(explain(&error)))?;
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
}
