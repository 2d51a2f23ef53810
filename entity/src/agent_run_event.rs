//! Events of runs: the log that subscribers replay.

use crate::agent_run::AgentRunStatus;
use crate::id::{AgentRunEventId, AgentRunId, WorkspaceId};
use sea_orm::entity::prelude::{
    ActiveModelBehavior, DateTimeUtc, DeriveActiveEnum, DeriveEntityModel, DerivePrimaryKey, DeriveRelation,
    EntityTrait, EnumIter, Json, PrimaryKeyTrait,
};

/// The kinds of event of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, async_graphql::Enum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum AgentRunEventKind {
    /// The status changed.
    #[sea_orm(string_value = "STATUS_CHANGED")]
    StatusChanged,
    /// A step ended.
    #[sea_orm(string_value = "STEP_FINISHED")]
    StepFinished,
    /// The answer grew.
    #[sea_orm(string_value = "ANSWER_DELTA")]
    AnswerDelta,
    /// A citation was stored.
    #[sea_orm(string_value = "CITATION_ADDED")]
    CitationAdded,
}

/// Something that happened in a run.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "agent_run_events")]
pub struct Model {
    /// The tenant.
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: WorkspaceId,
    /// The id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: AgentRunEventId,
    /// The run.
    pub agent_run_id: AgentRunId,
    /// Contiguous in the run, from 1.
    pub seq: i32,
    /// Which kind.
    pub kind: AgentRunEventKind,
    /// The run's status after it.
    pub status_after: AgentRunStatus,
    /// What the kind promises.
    pub data: Json,
    /// When it was made.
    pub created_at: DateTimeUtc,
}

/// Relations are read by statements of their own.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
