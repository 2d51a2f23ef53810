//! Mutations of jobs.

use async_graphql::{Context, Object};

use super::service;
use super::types::{Job, JobRetryInput, JobRetryPayload};
use crate::error::Result;
use crate::graphql::request;

/// Mutations of jobs.
#[derive(Default)]
pub struct JobsMutation;

#[Object]
impl JobsMutation {
    /// Queues a dead job again, with all of its attempts. Needs the permission job:write.
    async fn job_retry(&self, context: &Context<'_>, input: JobRetryInput) -> Result<JobRetryPayload> {
        let request = request(context)?;
        let operation = request.operation().await?;
        let row = service::retry(&operation, request.id(), &input.id).await?;
        Ok(JobRetryPayload { job: Job::from(row) })
    }
}
