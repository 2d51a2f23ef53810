//! What a kind of job implements, and what it is given.

use std::sync::Arc;

use super::Awaited;
use crate::app::App;
use crate::error::{Error, Result};
use crate::tenancy::{ClaimedJob, Operation, statement};

/// A job under way: its only way to the data is through its own operations.
pub struct JobContext {
    app: Arc<App>,
    job: ClaimedJob,
}

impl JobContext {
    /// For a job that this process has leased.
    #[must_use]
    pub fn for_job(app: Arc<App>, job: ClaimedJob) -> Self {
        Self { app, job }
    }

    /// The application.
    #[must_use]
    pub fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// The job.
    #[must_use]
    pub fn job(&self) -> &ClaimedJob {
        &self.job
    }

    /// Begins an operation in the job's workspace with its starter's current permissions.
    ///
    /// # Errors
    ///
    /// CONFLICT when the lease was lost, UNAVAILABLE.
    pub async fn operation(&self) -> Result<Operation> {
        self.app.lane().operation(&self.job).await
    }

    /// Ends the job together with what the operation changed.
    ///
    /// # Errors
    ///
    /// CONFLICT when the lease was lost: nothing of the operation has happened then.
    pub async fn finish(&self, operation: Operation) -> Result<()> {
        use sea_orm::ConnectionTrait;
        // Finish: removes the job by its lease's token.
        operation.execute_raw(statement("select app.finish_job()", [])).await?;
        operation.commit().await
    }
}

/// Why an attempt failed.
#[derive(Debug)]
pub struct JobFailure {
    /// The class, as operators filter by it.
    pub class: &'static str,
    /// A sentence without secrets and without document text.
    pub message: String,
    /// What follows.
    pub next: Next,
}

/// What follows on a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Another attempt, unless this was the last one.
    Retry,
    /// Another attempt when the part may be back; this one is not counted, for days.
    Wait(Awaited),
    /// Nothing: it would fail the same way.
    GiveUp,
}

impl JobFailure {
    /// A failure that is counted; another attempt follows where `retryable`.
    #[must_use]
    pub fn new(class: &'static str, message: impl Into<String>, retryable: bool) -> Self {
        let next = if retryable { Next::Retry } else { Next::GiveUp };
        Self { class, message: message.into(), next }
    }

    /// A part that the work depends on is away: the attempt is not counted, and the work goes on when the part is back.
    #[must_use]
    pub fn waiting(part: Awaited, class: &'static str, message: impl Into<String>) -> Self {
        Self { class, message: message.into(), next: Next::Wait(part) }
    }

    /// What the owner's table says while the work is queued again.
    #[must_use]
    pub fn wait_reason(&self) -> &'static str {
        match self.next {
            Next::Wait(part) => part.reason(),
            Next::Retry | Next::GiveUp => "RETRY",
        }
    }
}

impl From<Error> for JobFailure {
    fn from(error: Error) -> Self {
        let next = match &error {
            Error::Unavailable(what) => Awaited::named(what).map_or(Next::Retry, Next::Wait),
            Error::Internal(_) => Next::Retry,
            other if other.retryable() => Next::Retry,
            _ => Next::GiveUp,
        };
        let class = match &error {
            Error::Unavailable(_) | Error::Unconfirmed => "UNAVAILABLE",
            Error::DeadlineExceeded => "TIMEOUT",
            Error::Forbidden(_) => "POLICY_DENIED",
            Error::Conflict(..) | Error::Contended(_) => "CONFLICT",
            _ => "INTERNAL",
        };
        error.log("job");
        Self { class, message: error.message(), next }
    }
}

/// One kind of job.
#[async_trait::async_trait]
pub trait JobHandler: Send + Sync {
    /// The kind, as `object.verb`.
    fn kind(&self) -> &'static str;

    /// Does the work and ends with `JobContext::finish`. Must go on after the last finished step when it is called again.
    async fn run(&self, context: &JobContext) -> Result<(), JobFailure>;

    /// Says in the owner's tables that the work waits for another attempt (`JobFailure::wait_reason` for what); committed by
    /// the engine.
    async fn retry(&self, context: &JobContext, operation: &Operation, failure: &JobFailure) -> Result<()>;

    /// Says in the owner's tables that the work failed for good; committed by the engine together with the job's end.
    async fn abandon(&self, context: &JobContext, operation: &Operation, failure: &JobFailure) -> Result<()>;
}
