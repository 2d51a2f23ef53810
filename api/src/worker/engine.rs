//! The loop of a worker.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use entity::id::JobId;
use sea_orm::ConnectionTrait;
use serde_json::json;
use tokio::sync::{Semaphore, watch};

use super::{JobContext, JobFailure, JobHandler, Next, backoff_ms};
use crate::app::App;
use crate::error::Result;
use crate::supervisor;
use crate::tenancy::{ClaimedJob, Event, EventType, Operation, Wake, statement};

/// How long a lease lasts unless it is renewed.
const LEASE_MS: i32 = 15_000;
const RENEW_EVERY: Duration = Duration::from_secs(5);
/// How long a lost wake-up can delay a job.
const POLL_EVERY: Duration = Duration::from_secs(1);
const REAP_EVERY: Duration = Duration::from_secs(2);
/// The longest that one attempt may take.
const LONGEST_ATTEMPT: Duration = Duration::from_mins(10);
/// How long a job waits for parts that are away before its attempts are counted.
const LONGEST_WAIT: Duration = Duration::from_hours(7 * 24);
/// How long a shutdown waits for running jobs before it gives their leases up.
const DRAIN: Duration = Duration::from_secs(20);

/// A worker: one process's share of the job lane.
pub struct Worker {
    app: Arc<App>,
    name: String,
    handlers: HashMap<&'static str, Arc<dyn JobHandler>>,
}

impl Worker {
    /// A worker for these kinds.
    #[must_use]
    pub fn new(app: Arc<App>, handlers: Vec<Arc<dyn JobHandler>>) -> Self {
        let handlers = handlers.into_iter().map(|handler| (handler.kind(), handler)).collect();
        Self { app, name: format!("{}-{}", std::process::id(), JobId::new().0.simple()), handlers }
    }

    /// Runs jobs until `stop` turns true, then finishes what is running, for at most 20 seconds.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let worker = Arc::new(self);
        let slots = worker.app.limits().worker_concurrency.max(1);
        let free = Arc::new(Semaphore::new(slots));
        let reaper = supervisor::spawn("reaper", reap(worker.app.clone())).abort_on_drop();
        let mut wakes = worker.app.database().wakes().subscribe();
        while !*stop.borrow() {
            let claimed = worker.claim(free.available_permits()).await;
            let busy = !claimed.is_empty();
            for job in claimed {
                // There are as many permits as were claimed for, and only this loop takes them.
                let Ok(permit) = free.clone().acquire_owned().await else { return };
                let worker = worker.clone();
                supervisor::spawn("job", async move {
                    worker.attempt(job).await;
                    drop(permit);
                    worker.app.database().wakes().send(Wake::Jobs);
                });
            }
            if busy && free.available_permits() > 0 {
                continue;
            }
            tokio::select! {
                _ = stop.changed() => {}
                () = wait_for_jobs(&mut wakes) => {}
                () = tokio::time::sleep(POLL_EVERY) => {}
            }
        }
        drop(reaper);
        let all = u32::try_from(slots).unwrap_or(u32::MAX);
        if tokio::time::timeout(DRAIN, free.acquire_many(all)).await.is_err() {
            tracing::warn!("jobs were still running at shutdown; their leases end by themselves");
        }
    }

    async fn claim(&self, limit: usize) -> Vec<ClaimedJob> {
        let Ok(limit) = i32::try_from(limit) else { return Vec::new() };
        if limit == 0 {
            return Vec::new();
        }
        let kinds: Vec<&str> = self.handlers.keys().copied().collect();
        match self.app.lane().claim(&self.name, &kinds, limit, LEASE_MS).await {
            Ok(jobs) => jobs,
            Err(error) => {
                tracing::warn!(error.code = error.code(), "jobs could not be claimed; trying again");
                tokio::time::sleep(POLL_EVERY).await;
                Vec::new()
            }
        }
    }

    async fn attempt(&self, job: ClaimedJob) {
        let Some(handler) = self.handlers.get(job.kind.as_str()).cloned() else { return };
        let context = Arc::new(JobContext::for_job(self.app.clone(), job));
        let outcome = if context.job().attempt > context.job().max_attempts {
            // The last attempt's worker died before it could say so.
            Err(JobFailure::new("TIMEOUT", "Its worker stopped during the last attempt.", false))
        } else {
            self.run_leased(&handler, &context).await
        };
        let Err(failure) = outcome else { return };
        let job = context.job();
        tracing::warn!(job.id = %job.id, job.kind = %job.kind, job.attempt = job.attempt, failure.class = failure.class,
            exception.message = %failure.message, next = ?failure.next, "a job's attempt failed");
        if let Err(error) = end(&context, handler.as_ref(), &failure).await {
            // The lease ends by itself and the reaper gives the job to the next worker.
            tracing::warn!(job.id = %job.id, error.code = error.code(), "the failure could not be recorded");
            error.log("job");
        }
    }

    /// Runs the handler while the lease is renewed; a lost lease or a panic ends the attempt.
    async fn run_leased(
        &self,
        handler: &Arc<dyn JobHandler>,
        context: &Arc<JobContext>,
    ) -> Result<(), JobFailure> {
        let (handler, running) = (handler.clone(), context.clone());
        // Ends with this attempt: after a lost lease nothing of it may go on.
        let mut task =
            supervisor::spawn("job handler", async move { handler.run(&running).await }).abort_on_drop();
        tokio::select! {
            // First: a renewal that finds the job gone because the handler has just finished it is no lost lease.
            biased;
            outcome = task.join() => {
                outcome.unwrap_or_else(|| Err(JobFailure::new("INTERNAL", "The job panicked.", true)))
            }
            () = keep_lease(context) => {
                Err(JobFailure::new("LEASE_LOST", "The lease was lost to another worker.", true))
            }
            () = tokio::time::sleep(LONGEST_ATTEMPT) => {
                Err(JobFailure::new("TIMEOUT", "The attempt took too long.", true))
            }
        }
    }
}

/// Renews until the lease is lost.
async fn keep_lease(context: &JobContext) {
    loop {
        tokio::time::sleep(RENEW_EVERY).await;
        match context.app().lane().renew(context.job(), LEASE_MS).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => {
                tracing::warn!(error.code = error.code(), "a lease could not be renewed; trying again");
            }
        }
    }
}

/// Ends a failed attempt as the failure asks for it.
async fn end(context: &JobContext, handler: &dyn JobHandler, failure: &JobFailure) -> Result<()> {
    if matches!(failure.next, Next::Wait(_)) && defer(context, handler, failure).await? {
        return Ok(());
    }
    if failure.next != Next::GiveUp && context.job().attempt < context.job().max_attempts {
        give_back(context, handler, failure).await
    } else {
        bury(context, handler, failure).await
    }
}

/// Lets the job wait for a part that is away; false when it has waited for too long.
async fn defer(context: &JobContext, handler: &dyn JobHandler, failure: &JobFailure) -> Result<bool> {
    let operation = context.operation().await?;
    handler.retry(context, &operation, failure).await?;
    let job = context.job();
    let longest = i64::try_from(LONGEST_WAIT.as_millis()).unwrap_or(i64::MAX);
    // Defer: as if it had not been tried.
    let row = operation
        .query_one_raw(statement(
            "select app.defer_job($1, $2, $3, $4, $5, $6) as deferred",
            [
                job.workspace_id.0.into(),
                job.id.0.into(),
                job.lease_token.into(),
                failure.class.into(),
                failure.message.clone().into(),
                longest.into(),
            ],
        ))
        .await?;
    let deferred = row.map(|row| row.try_get("", "deferred")).transpose()?.unwrap_or(false);
    if deferred {
        operation.commit().await?;
    }
    // What is not committed rolls back.
    Ok(deferred)
}

async fn give_back(context: &JobContext, handler: &dyn JobHandler, failure: &JobFailure) -> Result<()> {
    let operation = context.operation().await?;
    handler.retry(context, &operation, failure).await?;
    let delay = backoff_ms(context.job().attempt, rand::random());
    fail(&operation, context.job(), failure, Some(delay)).await?;
    operation.commit().await
}

async fn bury(context: &JobContext, handler: &dyn JobHandler, failure: &JobFailure) -> Result<()> {
    let operation = context.operation().await?;
    handler.abandon(context, &operation, failure).await?;
    let job = context.job();
    operation.publish(Event {
        r#type: EventType::JobDied,
        subject: job.id.to_string(),
        data: json!({ "kind": job.kind, "failure_class": failure.class }),
        correlation_id: job.correlation_id.clone(),
    });
    fail(&operation, job, failure, None).await?;
    operation.commit().await
}

/// Gives the job back after a delay in milliseconds, or leaves it DEAD.
async fn fail(
    operation: &Operation,
    job: &ClaimedJob,
    failure: &JobFailure,
    delay: Option<i32>,
) -> Result<()> {
    operation
        .execute_raw(statement(
            "select app.fail_job($1, $2, $3, $4, $5, $6, $7)",
            [
                job.workspace_id.0.into(),
                job.id.0.into(),
                job.lease_token.into(),
                failure.class.into(),
                failure.message.clone().into(),
                delay.unwrap_or(0).into(),
                delay.is_none().into(),
            ],
        ))
        .await?;
    Ok(())
}

async fn reap(app: Arc<App>) {
    loop {
        tokio::time::sleep(REAP_EVERY).await;
        match app.lane().reap().await {
            Ok(0) => {}
            Ok(count) => {
                tracing::warn!(count, "jobs of lost workers were taken back");
                app.database().wakes().send(Wake::Jobs);
            }
            Err(error) => {
                tracing::warn!(error.code = error.code(), "leases could not be reaped; trying again");
            }
        }
    }
}

async fn wait_for_jobs(wakes: &mut tokio::sync::broadcast::Receiver<Wake>) {
    loop {
        match wakes.recv().await {
            Ok(Wake::Jobs) | Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => return,
            Ok(_) => {}
            Err(tokio::sync::broadcast::error::RecvError::Closed) => std::future::pending().await,
        }
    }
}
