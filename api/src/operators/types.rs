//! GraphQL types of operators, and of what they see.

use async_graphql::{ComplexObject, Context, Enum, ID, InputObject, Object, SimpleObject};
use chrono::{DateTime, Utc};
use entity::id::{Given, OperatorEntryId, OperatorId};
use entity::operator_entry;
use sea_orm::FromQueryResult;

use super::service;
use crate::error::Result;
use crate::graphql::{AroundRow, operation, request};
use crate::health;

/// An operator's stay in a workspace. While it is active the operator reads everything in the workspace, and may queue dead jobs again.
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct OperatorEntry {
    /// The row.
    #[graphql(flatten)]
    pub row: operator_entry::Model,
}

#[ComplexObject]
impl OperatorEntry {
    /// The id.
    pub async fn id(&self) -> ID {
        self.row.id.to_string().into()
    }

    /// Whether it opens the workspace now: it was not ended, and has not expired. Of an operator who was revoked it is false.
    async fn active(&self) -> bool {
        self.row.ended_at.is_none() && self.row.expires_at > crate::clock::now()
    }
}

impl From<operator_entry::Model> for OperatorEntry {
    fn from(row: operator_entry::Model) -> Self {
        Self { row }
    }
}

impl AroundRow for OperatorEntry {
    type Row = operator_entry::Model;

    fn row(&self) -> &operator_entry::Model {
        &self.row
    }
}

/// Somebody who runs the installation, and is a member of no workspace.
#[derive(SimpleObject)]
pub struct Operator {
    /// The id: `actorId` of what they do in audit logs.
    pub id: OperatorId,
    /// The name that tenants read.
    pub name: String,
    /// The address.
    pub email: String,
    /// From then on their key opens nothing.
    pub expires_at: DateTime<Utc>,
}

/// How many workspaces there are.
#[derive(SimpleObject)]
pub struct WorkspaceCounts {
    /// All of them; a million at most are counted.
    pub total: i32,
    /// Those that live.
    pub active: i32,
    /// Those that are removed unless they are restored first.
    pub pending_deletion: i32,
}

/// How many jobs of one kind there are, over all workspaces.
#[derive(SimpleObject, FromQueryResult)]
pub struct JobsOfKind {
    /// What is to be done, such as document.ingest.
    pub kind: String,
    /// Those that wait for their moment and a worker.
    pub queued: i32,
    /// Those that a worker has.
    pub running: i32,
    /// Those that have failed for the last time.
    pub dead: i32,
    /// When the oldest that waits was made; null where none waits.
    pub oldest_queued_at: Option<DateTime<Utc>>,
}

/// Jobs over all workspaces.
#[derive(SimpleObject)]
pub struct JobCounts {
    /// Those that wait for their moment and a worker.
    pub queued: i32,
    /// Those that a worker has.
    pub running: i32,
    /// Those that have failed for the last time; jobRetry inside their workspace queues one again.
    pub dead: i32,
    /// When the oldest that waits was made; null where none waits.
    pub oldest_queued_at: Option<DateTime<Utc>>,
    /// The same for each kind that there is.
    pub kinds: Vec<JobsOfKind>,
    /// Whether all jobs were counted; false where there are more than 100,000, of which these numbers know no more.
    pub complete: bool,
}

impl JobCounts {
    fn of(kinds: Vec<JobsOfKind>) -> Self {
        let sum = |count: fn(&JobsOfKind) -> i32| kinds.iter().map(count).sum::<i32>();
        let (queued, running, dead) =
            (sum(|kind| kind.queued), sum(|kind| kind.running), sum(|kind| kind.dead));
        let oldest_queued_at = kinds.iter().filter_map(|kind| kind.oldest_queued_at).min();
        let complete = queued + running + dead < service::MOST_JOBS;
        Self { queued, running, dead, oldest_queued_at, kinds, complete }
    }
}

/// How a dependency is. More values may be added.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
pub enum DependencyStatus {
    /// It answers.
    Ok,
    /// It does not, or not in time.
    Unavailable,
    /// This process does not use it.
    Unused,
}

/// Whether a process can do its work. More values may be added.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
pub enum ReadinessStatus {
    /// Everything that it depends on answers.
    Ok,
    /// Something that some requests need does not.
    Degraded,
    /// Something that every request needs does not.
    Unavailable,
}

/// What is known of something that the process depends on.
#[derive(SimpleObject)]
pub struct Dependency {
    /// Its name, such as database or vectors.
    pub name: &'static str,
    /// How it is.
    pub status: DependencyStatus,
    /// Whether the process is not ready without it.
    pub required: bool,
    /// Since when it has been so.
    pub since: DateTime<Utc>,
    /// How long the last look took, in milliseconds; null where there was none.
    pub took_ms: Option<f64>,
}

impl From<health::Dependency> for Dependency {
    fn from(known: health::Dependency) -> Self {
        let health::Dependency { name, status, required, since, took_ms, .. } = known;
        let status = match status {
            health::Status::Ok => DependencyStatus::Ok,
            health::Status::Unavailable => DependencyStatus::Unavailable,
            health::Status::Unused => DependencyStatus::Unused,
        };
        Self { name, status, required, since, took_ms }
    }
}

/// A migration that was applied.
#[derive(SimpleObject, FromQueryResult)]
pub struct AppliedMigration {
    /// Its name.
    pub name: String,
    /// When it was applied.
    pub applied_at: DateTime<Utc>,
}

/// What hangs below the root `operations`; whoever asks was found to be an operator.
pub struct Operations;

/// The installation, as its operators see it: numbers and names of its own, and nothing of any tenant.
#[Object]
impl Operations {
    /// Who asks.
    async fn operator(&self, context: &Context<'_>) -> Result<Operator> {
        service::operator(operation(context).await?.as_ref()).await
    }

    /// The version of the program that answers.
    async fn version(&self) -> &'static str {
        env!("CARGO_PKG_VERSION")
    }

    /// Whether the process that answers can do its work, as /readyz says.
    #[expect(clippy::unused_async, reason = "a field of the schema is one, whether it waits or not")]
    async fn status(&self, context: &Context<'_>) -> Result<ReadinessStatus> {
        Ok(match request(context)?.app().health().report().status {
            health::Readiness::Ok => ReadinessStatus::Ok,
            health::Readiness::Degraded => ReadinessStatus::Degraded,
            health::Readiness::Unavailable => ReadinessStatus::Unavailable,
        })
    }

    /// What the process that answers depends on, as /readyz says.
    #[expect(clippy::unused_async, reason = "a field of the schema is one, whether it waits or not")]
    async fn dependencies(&self, context: &Context<'_>) -> Result<Vec<Dependency>> {
        let known = request(context)?.app().health().report().dependencies;
        Ok(known.into_iter().map(Dependency::from).collect())
    }

    /// How many workspaces there are.
    async fn workspaces(&self, context: &Context<'_>) -> Result<WorkspaceCounts> {
        service::count_workspaces(operation(context).await?.as_ref()).await
    }

    /// How many jobs there are, over all workspaces.
    async fn jobs(&self, context: &Context<'_>) -> Result<JobCounts> {
        service::count_jobs(operation(context).await?.as_ref()).await.map(JobCounts::of)
    }

    /// The migrations that were applied, oldest first.
    async fn migrations(&self, context: &Context<'_>) -> Result<Vec<AppliedMigration>> {
        service::migrations(operation(context).await?.as_ref()).await
    }

    /// The entries of the operator who asks, newest first.
    #[graphql(complexity = "usize::try_from(first).unwrap_or_default() * child_complexity")]
    async fn entries(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100.", default = 20)] first: i32,
    ) -> Result<Vec<OperatorEntry>> {
        let rows = service::entries(operation(context).await?.as_ref(), first).await?;
        Ok(rows.into_iter().map(OperatorEntry::from).collect())
    }
}

/// Which workspace to enter, why, and for how long.
#[derive(InputObject)]
pub struct OperatorEntryStartInput {
    /// The workspace's slug or id.
    pub workspace: String,
    /// Why, in one line of 10 to 500 characters. The workspace's owners get it by mail, and it stays in the workspace's audit log.
    pub reason: String,
    /// For how many minutes: from 1 to what the installation allows, 60 unless it was set. It ends sooner where the operator's key does.
    pub minutes: i32,
}

/// The entry that began.
#[derive(SimpleObject)]
pub struct OperatorEntryStartPayload {
    /// The entry.
    pub operator_entry: OperatorEntry,
}

/// Which entry to leave.
#[derive(InputObject)]
pub struct OperatorEntryLeaveInput {
    /// The entry.
    pub id: Given<OperatorEntryId>,
}

/// The entry that was left.
#[derive(SimpleObject)]
pub struct OperatorEntryLeavePayload {
    /// The entry.
    pub operator_entry: OperatorEntry,
}

/// Which entry to end.
#[derive(InputObject)]
pub struct OperatorEntryEndInput {
    /// The entry.
    pub id: Given<OperatorEntryId>,
}

/// The entry that was ended.
#[derive(SimpleObject)]
pub struct OperatorEntryEndPayload {
    /// The entry.
    pub operator_entry: OperatorEntry,
}
