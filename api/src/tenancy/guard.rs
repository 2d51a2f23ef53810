//! A connection while it is used. Whatever happens to its user, it goes back without a transaction or it is closed.
//!
//! Nothing waits for a server that does not answer: a message has a limit, and so have the rollback and the pool's own look at a
//! connection that comes back, or a silent network would keep every place of the pool until the operating system gives up.

use std::io;
use std::time::Duration;

use sqlx::Postgres;
use sqlx::pool::PoolConnection;
use sqlx::postgres::PgConnection;

use crate::error::{Error, Result};
use crate::supervisor;

/// How long ending a connection's use may take.
const ENDING: Duration = Duration::from_secs(2);

/// Rolls back, or closes, a connection that was not released.
pub(super) struct Guard(Option<PoolConnection<Postgres>>);

impl Guard {
    /// From here on the guard has the connection.
    pub(super) fn new(connection: PoolConnection<Postgres>) -> Self {
        Self(Some(connection))
    }

    /// Guards what a slot holds, if anything.
    pub(super) fn of(slot: &mut Option<PoolConnection<Postgres>>) -> Self {
        Self(slot.take())
    }

    /// The connection.
    ///
    /// # Errors
    ///
    /// INTERNAL where there is none: its operation has ended.
    pub(super) fn connection(&mut self) -> Result<&mut PgConnection> {
        self.0.as_deref_mut().ok_or_else(|| Error::internal("the operation has ended"))
    }

    /// Hands the connection on to whoever guards it from now on.
    pub(super) fn hand_over(mut self) -> Option<PoolConnection<Postgres>> {
        self.0.take()
    }

    /// Gives a connection back on which nothing is open.
    pub(super) fn release(mut self) {
        if let Some(connection) = self.0.take() {
            give_back(connection);
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let Some(mut connection) = self.0.take() else { return };
        if tokio::runtime::Handle::try_current().is_err() {
            // Without a runtime nothing can be sent; a closed connection rolls back by itself.
            drop(connection.detach());
            return;
        }
        supervisor::spawn("rollback", async move {
            let rollback = sqlx::raw_sql("rollback").execute(&mut *connection);
            if matches!(tokio::time::timeout(ENDING, rollback).await, Ok(Ok(_))) {
                give_back(connection);
            } else {
                drop(connection.detach());
            }
        });
    }
}

/// The pool asks a connection that comes back whether it lives; where it does not say so soon, it is closed.
fn give_back(mut connection: PoolConnection<Postgres>) {
    if tokio::runtime::Handle::try_current().is_err() {
        drop(connection.detach());
        return;
    }
    let returning = connection.return_to_pool();
    supervisor::spawn("return of a connection", async move {
        // What is dropped here is closed, and its place in the pool is free.
        let _ = tokio::time::timeout(ENDING, returning).await;
    });
}

/// The answer to a message, or the error of a connection that is dead.
pub(super) async fn answered<T, E: From<sqlx::Error>>(
    limit: Duration,
    message: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let silent = || E::from(sqlx::Error::Io(io::ErrorKind::TimedOut.into()));
    tokio::time::timeout(limit, message).await.unwrap_or_else(|_| Err(silent()))
}
