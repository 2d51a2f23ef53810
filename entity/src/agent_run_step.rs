//! Finished steps of runs.

use crate::id::{AgentRunId, AgentRunStepId, WorkspaceId};
use sea_orm::entity::prelude::{
    ActiveModelBehavior, DateTimeUtc, DeriveActiveEnum, DeriveEntityModel, DerivePrimaryKey, DeriveRelation,
    EntityTrait, EnumIter, PrimaryKeyTrait,
};

/// What a step did. More values may be added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, EnumIter, DeriveActiveEnum, async_graphql::Enum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum AgentRunStepKind {
    /// Searched the documents.
    #[sea_orm(string_value = "RETRIEVAL")]
    #[default]
    Retrieval,
    /// Answered from what was found.
    #[sea_orm(string_value = "ANSWER")]
    Answer,
}

/// How a step ended. More values may be added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, EnumIter, DeriveActiveEnum, async_graphql::Enum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum AgentRunStepStatus {
    /// As it should.
    #[sea_orm(string_value = "SUCCEEDED")]
    #[default]
    Succeeded,
    /// It failed.
    #[sea_orm(string_value = "FAILED")]
    Failed,
}

/// A step of a run.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, async_graphql::SimpleObject)]
#[sea_orm(table_name = "agent_run_steps")]
#[graphql(name = "AgentRunStepRow")]
pub struct Model {
    /// The tenant.
    #[sea_orm(primary_key, auto_increment = false)]
    #[graphql(skip)]
    pub workspace_id: WorkspaceId,
    /// The id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: AgentRunStepId,
    /// The run.
    #[graphql(skip)]
    pub agent_run_id: AgentRunId,
    /// Its place in the run, from 0.
    pub ordinal: i32,
    /// What was done.
    pub kind: AgentRunStepKind,
    /// How it ended.
    pub status: AgentRunStepStatus,
    /// A sentence for people.
    pub detail: String,
    /// When it began.
    pub started_at: DateTimeUtc,
    /// When it ended.
    pub finished_at: DateTimeUtc,
    /// When it was made.
    pub created_at: DateTimeUtc,
}

/// Relations are read by statements of their own.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::sparse::sparse! {
    workspace_id: WorkspaceId, id: Id, agent_run_id: AgentRunId, ordinal: Ordinal, kind: Kind, status:
    Status, detail: Detail, started_at: StartedAt, finished_at: FinishedAt, created_at: CreatedAt,
}
