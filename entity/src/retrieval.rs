//! Searches that runs made.

use crate::id::{AgentRunId, AgentRunStepId, EmbeddingIndexId, RetrievalId, WorkspaceId};
use sea_orm::entity::prelude::{
    ActiveModelBehavior, DateTimeUtc, DeriveEntityModel, DerivePrimaryKey, DeriveRelation, EntityTrait,
    EnumIter, PrimaryKeyTrait,
};

/// A search that a run made.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "retrievals")]
pub struct Model {
    /// The tenant.
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: WorkspaceId,
    /// The id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: RetrievalId,
    /// The run.
    pub agent_run_id: AgentRunId,
    /// The step.
    pub agent_run_step_id: AgentRunStepId,
    /// The index; none where the workspace had none.
    pub embedding_index_id: Option<EmbeddingIndexId>,
    /// What was looked for.
    pub query: String,
    /// How.
    pub mode: String,
    /// When it was made.
    pub created_at: DateTimeUtc,
}

/// Relations are read by statements of their own.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
