//! Agents.

use crate::id::{AgentId, WorkspaceId};
use sea_orm::entity::prelude::{
    ActiveModelBehavior, DateTimeUtc, DeriveEntityModel, DerivePrimaryKey, DeriveRelation, EntityTrait,
    EnumIter, PrimaryKeyTrait,
};

/// An agent: how questions are answered, and from what.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, async_graphql::SimpleObject)]
#[sea_orm(table_name = "agents")]
#[graphql(name = "AgentRow")]
pub struct Model {
    /// The tenant.
    #[sea_orm(primary_key, auto_increment = false)]
    #[graphql(skip)]
    pub workspace_id: WorkspaceId,
    /// The id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: AgentId,
    /// Unique in the workspace.
    pub name: String,
    /// What a model is told; the extractive answerer has no use for it.
    pub instructions: String,
    /// What answers where the server has no chat model: `extractive`. Where it has one, the model answers, and the run's step ANSWER
    /// names it.
    pub model: String,
    /// How many passages a run reads.
    pub max_passages: i32,
    /// Counts changes; every update takes the one that it was made against.
    pub version: i32,
    /// When it was last changed.
    pub updated_at: DateTimeUtc,
    /// When it was made.
    pub created_at: DateTimeUtc,
}

/// Relations are read by statements of their own.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::sparse::sparse! {
    workspace_id: WorkspaceId, id: Id, name: Name, instructions: Instructions, model: Model, max_passages:
    MaxPassages, version: Version, updated_at: UpdatedAt, created_at: CreatedAt,
}
