//! Every way in which a request can fail, and the only place where a failure becomes text for a client.
//!
//! An internal cause is kept for the log and has no way out: the client reads a sentence, a code of a closed set, and the
//! request id under which the log has the rest. Codes are those of `docs/contracts/errors.md`.

use std::fmt;

use sea_orm::{DbErr, RuntimeErr};
use serde_json::{Value, json};

/// The result of everything that can fail towards a client.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong.
#[derive(Debug, Clone)]
pub enum Error {
    /// There is no usable credential: none, forged, expired or signed out.
    Unauthenticated(&'static str),
    /// The actor sees the thing and may not do this with it; names the missing permission.
    Forbidden(&'static str),
    /// Whoever asks is not of the kind that may, whatever their permissions: a sentence.
    NotAllowed(&'static str),
    /// It does not exist, or not for this actor: the two are the same to a client.
    NotFound(&'static str),
    /// The input breaks a rule that the client could have known; lists every field that does.
    BadUserInput(Vec<Issue>),
    /// Somebody was faster; the current version where there is one.
    Conflict(&'static str, Option<i32>),
    /// A person who is the last active OWNER of these workspaces, by slug, cannot go.
    LastOwner(Vec<String>),
    /// Somebody else holds it right now; the same request may succeed at once.
    Contended(&'static str),
    /// Something that must be unique is taken: which field of the input, and a sentence.
    Taken(&'static str, &'static str),
    /// Too many attempts, or too much work of this kind at once; ask again after so many milliseconds.
    RateLimited(u32),
    /// The key of a mutation was used for something else, or by somebody else.
    IdempotencyConflict,
    /// The same mutation is being carried out; ask again after so many milliseconds.
    InProgress(u32),
    /// The input is larger than a limit, in bytes.
    PayloadTooLarge(&'static str, u64),
    /// The query costs more than one may.
    QueryTooCostly(String),
    /// A part that the answer depends on cannot be reached now.
    Unavailable(&'static str),
    /// The connection broke between COMMIT and its answer, so nobody knows yet whether it happened.
    Unconfirmed,
    /// It took longer than one may.
    DeadlineExceeded,
    /// The document is not GraphQL.
    ParseFailed(String),
    /// The document does not fit the schema.
    ValidationFailed(String),
    /// A fault of ours; the cause is for the log alone.
    Internal(String),
}

/// One bad field of an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    /// The way to the field, from the argument on.
    pub path: Vec<String>,
    /// What kind of rule it breaks, in SCREAMING_SNAKE_CASE.
    pub code: &'static str,
    /// A sentence that says what to do.
    pub message: String,
}

impl Error {
    /// A failure of one field.
    pub fn field(path: &str, code: &'static str, message: impl Into<String>) -> Self {
        let path = path.split('.').map(str::to_owned).collect();
        Self::BadUserInput(vec![Issue { path, code, message: message.into() }])
    }

    /// A fault of ours with its cause.
    pub fn internal(cause: impl fmt::Display) -> Self {
        Self::Internal(cause.to_string())
    }

    /// What COMMIT refused: a rule that is looked at when all of an operation has been done is broken by what was asked for, not by
    /// us.
    pub fn at_commit(error: &sqlx::Error) -> Self {
        let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
        match code.as_deref() {
            // Class 23: integrity constraints (PostgreSQL, appendix A).
            Some(code) if code.starts_with("23") => Self::Conflict(
                "Together with what is stored, this would break a rule; nothing of it was done. Read again what it is about.",
                None,
            ),
            _ => match Self::from(error) {
                Self::Unavailable(_) => Self::Unconfirmed,
                other => other,
            },
        }
    }

    /// The code of the closed set.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unauthenticated(_) => "UNAUTHENTICATED",
            Self::Forbidden(_) | Self::NotAllowed(_) => "FORBIDDEN",
            Self::NotFound(_) => "NOT_FOUND",
            Self::BadUserInput(_) => "BAD_USER_INPUT",
            Self::Conflict(..)
            | Self::LastOwner(_)
            | Self::Taken(..)
            | Self::Contended(_)
            | Self::InProgress(_) => "CONFLICT",
            Self::RateLimited(_) => "RATE_LIMITED",
            Self::IdempotencyConflict => "IDEMPOTENCY_CONFLICT",
            Self::PayloadTooLarge(..) => "PAYLOAD_TOO_LARGE",
            Self::QueryTooCostly(_) => "QUERY_TOO_COSTLY",
            Self::Unavailable(_) | Self::Unconfirmed => "UNAVAILABLE",
            Self::DeadlineExceeded => "DEADLINE_EXCEEDED",
            Self::ParseFailed(_) => "GRAPHQL_PARSE_FAILED",
            Self::ValidationFailed(_) => "GRAPHQL_VALIDATION_FAILED",
            Self::Internal(_) => "INTERNAL",
        }
    }

    /// Whether the same request may succeed later without a change.
    #[must_use]
    pub fn retryable(&self) -> bool {
        matches!(
            self,
            Self::Unavailable(_)
                | Self::Unconfirmed
                | Self::DeadlineExceeded
                | Self::Contended(_)
                | Self::InProgress(_)
                | Self::RateLimited(_)
        )
    }

    /// The sentence for the client.
    #[must_use]
    pub fn message(&self) -> String {
        match self {
            Self::Unauthenticated(text)
            | Self::NotAllowed(text)
            | Self::Conflict(text, _)
            | Self::Taken(_, text)
            | Self::Contended(text) => (*text).to_owned(),
            Self::LastOwner(slugs) => format!(
                "You are the last active OWNER of {}: make somebody else OWNER, or delete it and wait until it is gone.",
                slugs.join(", ")
            ),
            Self::Forbidden(permission) => format!("This needs the permission {permission}."),
            Self::NotFound(what) => format!("There is no such {what}."),
            Self::BadUserInput(issues) => match issues.as_slice() {
                [one] => one.message.clone(),
                more => format!("{} fields of the input are not right.", more.len()),
            },
            Self::IdempotencyConflict => {
                "This idempotency key was used for another request; use a new key for each.".to_owned()
            }
            Self::InProgress(_) => {
                "A request with this idempotency key is in progress; send it again in a moment.".to_owned()
            }
            Self::RateLimited(wait) => {
                format!("That was too much at once; try again in {} s.", wait.div_ceil(1000))
            }
            Self::PayloadTooLarge(what, limit) => format!("The {what} is larger than {limit} bytes."),
            Self::Unavailable(what) => format!("The {what} cannot be reached now; try again later."),
            Self::Unconfirmed => "The connection to the database broke while this was being committed, so it may or may not have happened: send it \
                 again with the same Idempotency-Key, or look first."
                .to_owned(),
            Self::DeadlineExceeded => "This took too long and was stopped.".to_owned(),
            Self::QueryTooCostly(text) | Self::ParseFailed(text) | Self::ValidationFailed(text) => {
                text.clone()
            }
            Self::Internal(_) => {
                "Something went wrong on our side; the request id finds it in the log.".to_owned()
            }
        }
    }

    /// `errors[].extensions`, as the contract has them.
    #[must_use]
    pub fn extensions(&self, request_id: &str) -> Value {
        let mut extensions =
            json!({ "code": self.code(), "requestId": request_id, "retryable": self.retryable() });
        match self {
            Self::BadUserInput(issues) => {
                if let [one] = issues.as_slice() {
                    extensions["field"] = json!(one.path.join("."));
                }
                extensions["issues"] = issues
                    .iter()
                    .map(|issue| json!({ "path": issue.path, "code": issue.code, "message": issue.message }))
                    .collect();
            }
            Self::Conflict(_, Some(version)) => extensions["details"] = json!({ "version": version }),
            Self::LastOwner(slugs) => extensions["details"] = json!({ "workspaces": slugs }),
            Self::Taken(field, _) => extensions["field"] = json!(field),
            Self::InProgress(retry_after_ms) | Self::RateLimited(retry_after_ms) => {
                extensions["retryAfterMs"] = json!(retry_after_ms);
            }
            Self::Forbidden(permission) => extensions["details"] = json!({ "permission": permission }),
            _ => {}
        }
        extensions
    }

    /// Writes the cause of a fault of ours to the log.
    pub fn log(&self, request_id: &str) {
        if let Self::Internal(cause) = self {
            tracing::error!(request_id, exception.message = %cause, "request failed");
        }
    }
}

impl From<DbErr> for Error {
    fn from(error: DbErr) -> Self {
        match &error {
            DbErr::Exec(RuntimeErr::SqlxError(cause))
            | DbErr::Query(RuntimeErr::SqlxError(cause))
            | DbErr::Conn(RuntimeErr::SqlxError(cause)) => Self::from(cause.as_ref()),
            DbErr::ConnectionAcquire(_) => Self::Unavailable("database"),
            _ => Self::internal(error),
        }
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::from(&error)
    }
}

impl From<&sqlx::Error> for Error {
    fn from(error: &sqlx::Error) -> Self {
        use sqlx::Error as Sqlx;
        match error {
            // A protocol error is a connection that broke off in the middle of a message, or a pooler's.
            Sqlx::PoolTimedOut
            | Sqlx::PoolClosed
            | Sqlx::Io(_)
            | Sqlx::Tls(_)
            | Sqlx::Protocol(_)
            | Sqlx::WorkerCrashed => {
                tracing::warn!(exception.message = %error, "a connection to the database broke");
                Self::Unavailable("database")
            }
            Sqlx::Database(cause) => match cause.code().as_deref() {
                Some("FN001") => Self::Unauthenticated("The session has ended; sign in again."),
                // An unknown, revoked or expired API key, or one whose maker is no active member: which it was, only the log says.
                Some("FN050" | "FN051" | "FN052" | "FN053") => INVALID_TOKEN,
                Some("FN090") => Self::Unauthenticated(
                    "This is for a signed-in person alone: an API key or an operator may not do it.",
                ),
                Some("FN002") => Self::NotFound("workspace"),
                Some("FN008") => Self::NotFound("identity"),
                Some("FN030") => Self::NotFound("upload"),
                // The workspace was purged after the operation had begun.
                Some("23503")
                    if cause.constraint().is_some_and(|name| name.ends_with("_workspace_id_fkey")) =>
                {
                    Self::NotFound("workspace")
                }
                Some("FN004") => Self::Contended("The lease was lost."),
                Some("FN040") => Self::Forbidden("that you would give away or take"),
                Some("FN041") => Self::Conflict(
                    "A workspace keeps at least one active OWNER: make somebody else OWNER first.",
                    None,
                ),
                Some(code @ ("FN080" | "FN081" | "FN082")) => {
                    // One answer for all of them; what PostgreSQL says of it is our own door's sentence.
                    tracing::warn!(code, reason = cause.message(), "an operator's key was refused");
                    Self::Unauthenticated("The token is not valid; sign in again.")
                }
                Some("FN083") => Self::Conflict(
                    "You are in this workspace already: leave it first, or wait until the entry ends.",
                    None,
                ),
                Some("FN084") => Self::Conflict("The entry has ended.", None),
                Some("FN042") => Self::Conflict("The membership is not in a status that allows this.", None),
                Some("40001" | "40P01") => Self::Contended("Two requests changed the same thing; try again."),
                Some("42501") => Self::Forbidden("that this change needs"),
                Some("57014" | "25P03" | "25P04") => Self::DeadlineExceeded,
                Some("55P03") => Self::Contended("Somebody else is changing this; try again."),
                // Classes 08 (connections, and what a pooler says), 53 (resources) and 57P (shutdown).
                Some(code) if ["08", "53", "57P"].iter().any(|class| code.starts_with(class)) => {
                    tracing::warn!(exception.message = %error, "the database is going away");
                    Self::Unavailable("database")
                }
                // A pooler without named statements: the sentence names the setting.
                Some("42P05" | "26000") => Self::internal(crate::tenancy::explain(error)),
                _ => Self::internal(error),
            },
            _ => Self::internal(error),
        }
    }
}

/// What every token is answered with that does not hold, whatever is wrong with it and whatever kind it is of.
pub const INVALID_TOKEN: Error = Error::Unauthenticated("The token is not valid; sign in again.");

/// What an id of a client's making that is taken is answered with. Ids are keys within a workspace, so it says nothing of others.
pub const ID_EXISTS: Error = Error::Conflict("An object with this id exists.", None);

/// The name of the unique or foreign constraint that a write broke, so that the caller can say what it means.
#[must_use]
pub fn broken_constraint(error: &DbErr) -> Option<&str> {
    let (DbErr::Exec(RuntimeErr::SqlxError(cause)) | DbErr::Query(RuntimeErr::SqlxError(cause))) = error
    else {
        return None;
    };
    cause.as_database_error()?.constraint()
}

#[cfg(test)]
mod tests {
    use super::Error;

    #[test]
    fn a_connection_that_breaks_is_the_databases_absence_and_at_commit_nobody_knows() {
        let broken = || sqlx::Error::Io(std::io::ErrorKind::UnexpectedEof.into());
        for error in [
            broken(),
            sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()),
            sqlx::Error::Protocol("half a message".to_owned()),
            sqlx::Error::PoolTimedOut,
            sqlx::Error::PoolClosed,
            sqlx::Error::WorkerCrashed,
        ] {
            let error = Error::from(error);
            assert_eq!((error.code(), error.retryable()), ("UNAVAILABLE", true));
            assert!(!error.message().contains("may or may not"), "{}", error.message());
        }
        let unknown = Error::at_commit(&broken());
        assert_eq!((unknown.code(), unknown.retryable()), ("UNAVAILABLE", true));
        assert!(unknown.message().contains("may or may not have happened"), "{}", unknown.message());
    }
}
