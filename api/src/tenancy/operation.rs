//! One operation: one connection, one transaction, one context.
//!
//! The guard owns the connection before it sends BEGIN, so a request that is cancelled at any moment leaves a guard to
//! drop, and dropping rolls back or closes the connection: what the driver does with a cancelled BEGIN cannot happen
//! (sqlx issue 4393). Commit goes through a shared reference, because a loader's task may still hold the operation.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use entity::id::{OperatorId, UserId, WorkspaceId};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr, Statement};
use sea_query_sqlx::SqlxValues;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{AssertSqlSafe, Postgres, Row};
use tokio::sync::{Mutex, MutexGuard};

use super::database::Terms;
use super::envelope::Envelopes;
use super::guard::Guard;
use super::{Audit, Event, Origin, Permission, Proof, Statements, Timeouts, Wake};
use crate::error::{Error, Result};

/// What an operation may do to the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// One snapshot; nothing can be written.
    ReadOnly,
    /// Each statement sees what is committed; commits as a whole.
    ReadWrite,
}

/// Who acts, where, and what they may do: what the door found.
#[derive(Clone, Debug)]
pub(super) struct Context {
    pub(super) workspace: Option<WorkspaceId>,
    pub(super) actor: Option<UserId>,
    pub(super) operator: Option<OperatorId>,
    pub(super) role: Option<String>,
    pub(super) permissions: Vec<String>,
}

/// A transaction with its context. Dropped without `commit`, it is rolled back.
pub struct Operation {
    connection: Mutex<Option<PoolConnection<Postgres>>>,
    context: Context,
    /// The context once the operation has moved into the workspace that it made.
    founded: OnceLock<Context>,
    failed: AtomicBool,
    /// Whether the connection is dead: further statements would wait for its answers in vain.
    broken: AtomicBool,
    envelopes: std::sync::Mutex<Envelopes>,
    pending_wakes: std::sync::Mutex<Vec<Wake>>,
    terms: Terms,
}

impl Operation {
    /// Begins the transaction and enters, in one message.
    pub(super) async fn begin(
        connection: PoolConnection<Postgres>,
        origin: &Origin,
        access: Access,
        terms: &Terms,
    ) -> Result<Self> {
        let mode = match access {
            Access::ReadOnly => "isolation level repeatable read read only",
            Access::ReadWrite => "isolation level read committed read write",
        };
        let Timeouts { statement_ms, lock_ms, idle_ms } = terms.timeouts;
        let message = format!(
            "begin transaction {mode}; set local statement_timeout = {statement_ms}; set local lock_timeout = {lock_ms}; \
             set local idle_in_transaction_session_timeout = {idle_ms}; {}",
            origin.door()
        );
        terms.round_trips.fetch_add(1, Ordering::Relaxed);
        // From here on the guard has the connection, whatever happens to this future.
        let mut guard = Guard::new(connection);
        // sql: literal because it holds only numbers of ours, UUIDs, hashes and a checked slug (Origin::door).
        let row = sqlx::raw_sql(AssertSqlSafe(message)).fetch_one(guard.connection()?).await?;
        terms.answers.fetch_add(1, Ordering::Relaxed);
        let context = read_context(&row)?;
        Ok(Self {
            connection: Mutex::new(guard.hand_over()),
            context,
            founded: OnceLock::new(),
            failed: AtomicBool::new(false),
            broken: AtomicBool::new(false),
            envelopes: std::sync::Mutex::default(),
            pending_wakes: std::sync::Mutex::default(),
            terms: terms.clone(),
        })
    }

    fn context(&self) -> &Context {
        self.founded.get().unwrap_or(&self.context)
    }

    /// Follows the database's context into the workspace that this operation made; it was in none before.
    pub(super) fn move_into(&self, context: Context) {
        // A second one is refused by the door.
        let _ = self.founded.set(context);
    }

    /// The workspace of the context.
    ///
    /// # Errors
    ///
    /// BAD_USER_INPUT outside one.
    pub fn workspace_id(&self) -> Result<WorkspaceId> {
        self.context().workspace.ok_or_else(|| {
            Error::field(
                "headers.x-workspace",
                "REQUIRED",
                "This needs a workspace: send the header X-Workspace with its slug or id.",
            )
        })
    }

    /// The workspace of the context; none outside one.
    #[must_use]
    pub fn workspace(&self) -> Option<WorkspaceId> {
        self.context().workspace
    }

    /// The user who acts; none in a job of the system.
    #[must_use]
    pub fn actor_id(&self) -> Option<UserId> {
        self.context().actor
    }

    /// The operator who acts; none where a member, a key or a job does.
    #[must_use]
    pub fn operator_id(&self) -> Option<OperatorId> {
        self.context().operator
    }

    /// The operator who acts.
    ///
    /// # Errors
    ///
    /// FORBIDDEN for everybody else.
    pub fn require_operator(&self) -> Result<OperatorId> {
        self.operator_id().ok_or(Error::NotAllowed("This is for operators of the installation."))
    }

    /// The actor's role in the workspace; none outside one.
    #[must_use]
    pub fn role(&self) -> Option<&str> {
        self.context().role.as_deref()
    }

    /// Proves a permission.
    ///
    /// # Errors
    ///
    /// FORBIDDEN without it, BAD_USER_INPUT outside a workspace.
    pub fn require(&self, permission: Permission) -> Result<Proof> {
        self.workspace_id()?;
        if self.context().permissions.iter().any(|held| held == permission.name()) {
            return Ok(Proof(permission));
        }
        Err(Error::Forbidden(permission.name()))
    }

    /// What the actor may do in the workspace, by name.
    #[must_use]
    pub fn permissions(&self) -> &[String] {
        &self.context().permissions
    }

    /// Publishes an event, numbered when the operation commits.
    pub fn publish(&self, event: Event) {
        lock(&self.envelopes).events.push(event);
    }

    /// Writes an audit entry, chained when the operation commits.
    pub fn audit(&self, entry: Audit) {
        lock(&self.envelopes).audit.push(entry);
    }

    /// Wakes somebody once the operation has committed.
    pub fn wake(&self, wake: Wake) {
        lock(&self.pending_wakes).push(wake);
    }

    /// Writes the envelopes and commits.
    ///
    /// # Errors
    ///
    /// Whatever a deferred rule or the database says; nothing of the operation has happened then.
    pub async fn commit(&self) -> Result<()> {
        if self.failed.load(Ordering::Acquire) {
            // After a failed statement PostgreSQL answers COMMIT by rolling back, and the driver says Ok.
            return Err(Error::internal("an operation with a failed statement was to be committed"));
        }
        let envelopes = std::mem::take(&mut *lock(&self.envelopes));
        let mut slot = self.connection.lock().await;
        let mut guard = Guard::of(&mut slot);
        if self.failed.load(Ordering::Acquire) {
            return Err(Error::internal("a statement of the operation failed while it was to be committed"));
        }
        let connection = guard.connection()?;
        if let Some((events, audit)) = envelopes.into_json() {
            self.terms.round_trips.fetch_add(1, Ordering::Relaxed);
            // Envelopes: numbers events and extends the audit chain under the workspace's row lock.
            let append = sqlx::query("select app.append_envelopes($1, $2)")
                .bind(events)
                .bind(audit)
                .persistent(self.named())
                .execute(&mut *connection);
            self.terms.answered(self.terms.patience(), append).await?;
        }
        self.terms.round_trips.fetch_add(1, Ordering::Relaxed);
        let commit = sqlx::raw_sql("commit").execute(&mut *connection);
        self.terms.answered(self.terms.patience(), commit).await.map_err(|error| Error::at_commit(&error))?;
        // Committed: the connection goes back as it is.
        guard.release();
        for wake in lock(&self.pending_wakes).drain(..) {
            self.terms.wakes.send(wake);
        }
        Ok(())
    }

    /// Rolls back now and not when it is dropped, so that its locks are free once this returns.
    pub async fn roll_back(&self) {
        let mut guard = Guard::of(&mut *self.connection.lock().await);
        let Ok(connection) = guard.connection() else { return };
        // Where it fails, the guard closes the connection.
        let rollback = sqlx::raw_sql("rollback").execute(connection);
        if self.terms.answered(self.terms.patience(), rollback).await.is_ok() {
            guard.release();
        }
    }

    fn query<'a>(&self, statement: &'a Statement) -> sqlx::query::Query<'a, Postgres, SqlxValues> {
        let values = statement.values.clone().unwrap_or_else(|| sea_orm::Values(Vec::new()));
        // sql: literal because the query builder and the services bind every value.
        sqlx::query_with(AssertSqlSafe(statement.sql.as_str()), SqlxValues(values)).persistent(self.named())
    }

    fn named(&self) -> bool {
        self.terms.statements == Statements::Named
    }

    async fn connection(&self) -> Result<Held<'_>, DbErr> {
        let guard = self.connection.lock().await;
        if self.broken.load(Ordering::Acquire) {
            let gone = sqlx::Error::Io(std::io::ErrorKind::NotConnected.into());
            return Err(DbErr::Conn(RuntimeErr::SqlxError(Arc::new(gone))));
        }
        if guard.is_none() {
            return Err(DbErr::Custom("the operation has ended".to_owned()));
        }
        self.terms.round_trips.fetch_add(1, Ordering::Relaxed);
        Ok(Held(guard))
    }

    /// The answer to a statement; after a failed one nothing can be committed.
    async fn note<T>(&self, answer: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, DbErr> {
        self.terms.answered(self.terms.patience(), answer).await.map_err(|error| {
            self.failed.store(true, Ordering::Release);
            if matches!(error, sqlx::Error::Io(_) | sqlx::Error::Protocol(_)) {
                self.broken.store(true, Ordering::Release);
            }
            DbErr::Query(RuntimeErr::SqlxError(Arc::new(error)))
        })
    }
}

/// The connection of an operation, while one statement has it.
struct Held<'a>(MutexGuard<'a, Option<PoolConnection<Postgres>>>);

impl Held<'_> {
    fn get(&mut self) -> Result<&mut PgConnection, DbErr> {
        self.0.as_deref_mut().ok_or_else(|| DbErr::Custom("the operation has ended".to_owned()))
    }
}

impl Drop for Operation {
    fn drop(&mut self) {
        drop(Guard::of(self.connection.get_mut()));
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for Operation {
    fn get_database_backend(&self) -> DbBackend {
        DbBackend::Postgres
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        let mut held = self.connection().await?;
        let query = self.query(&statement);
        self.note(query.execute(held.get()?)).await.map(ExecResult::from)
    }

    async fn execute_unprepared(&self, _: &str) -> Result<ExecResult, DbErr> {
        Err(DbErr::Custom("operations bind their values".to_owned()))
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        let mut held = self.connection().await?;
        let query = self.query(&statement);
        self.note(query.fetch_optional(held.get()?)).await.map(|row| row.map(QueryResult::from))
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let mut held = self.connection().await?;
        let query = self.query(&statement);
        self.note(query.fetch_all(held.get()?))
            .await
            .map(|rows| rows.into_iter().map(QueryResult::from).collect())
    }
}

fn read_context(row: &PgRow) -> Result<Context> {
    let permissions: Option<String> = row.try_get("permissions")?;
    Ok(Context {
        workspace: row.try_get::<Option<uuid::Uuid>, _>("workspace_id")?.map(WorkspaceId),
        actor: row.try_get::<Option<uuid::Uuid>, _>("actor_id")?.map(UserId),
        // The door of operators alone has the column.
        operator: row.try_get::<Option<uuid::Uuid>, _>("operator_id").ok().flatten().map(OperatorId),
        role: row.try_get("role")?,
        permissions: permissions.iter().flat_map(|list| list.split(',')).map(str::to_owned).collect(),
    })
}

/// A statement with its values.
pub(crate) fn statement<const N: usize>(sql: &'static str, values: [sea_orm::Value; N]) -> Statement {
    Statement::from_sql_and_values(DbBackend::Postgres, sql, values)
}

fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
