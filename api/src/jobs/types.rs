//! GraphQL types of jobs.

use async_graphql::{ComplexObject, ID, InputObject, SimpleObject};
use entity::id::{Given, JobId};
use entity::job;

use crate::graphql::AroundRow;

/// A job: what operators see of work in the background. A finished job is no longer here.
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct Job {
    /// The row.
    #[graphql(flatten)]
    pub row: job::Model,
}

#[ComplexObject]
impl Job {
    /// The id.
    pub async fn id(&self) -> ID {
        self.row.id.to_string().into()
    }

    /// The id of what it is done to: an ingestion for document.ingest, a run for agent_run.execute, a document otherwise.
    async fn subject_id(&self) -> ID {
        use entity::id::{AgentRunId, DocumentId, IngestionId};
        let subject = self.row.subject_id;
        match self.row.kind.as_str() {
            "document.ingest" => IngestionId(subject).to_string().into(),
            "agent_run.execute" => AgentRunId(subject).to_string().into(),
            _ => DocumentId(subject).to_string().into(),
        }
    }
}

impl From<job::Model> for Job {
    fn from(row: job::Model) -> Self {
        Self { row }
    }
}

impl AroundRow for Job {
    type Row = job::Model;

    fn row(&self) -> &job::Model {
        &self.row
    }
}

/// Which dead job to retry.
#[derive(InputObject)]
pub struct JobRetryInput {
    /// The job.
    pub id: Given<JobId>,
}

/// The job that was queued again.
#[derive(SimpleObject)]
pub struct JobRetryPayload {
    /// The job.
    pub job: Job,
}
