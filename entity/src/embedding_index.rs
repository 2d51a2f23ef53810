//! Embeddings of a workspace by one model.

use crate::id::{EmbeddingIndexId, WorkspaceId};
use sea_orm::entity::prelude::{
    ActiveModelBehavior, DateTimeUtc, DeriveActiveEnum, DeriveEntityModel, DerivePrimaryKey, DeriveRelation,
    EntityTrait, EnumIter, PrimaryKeyTrait,
};

/// What an embedding index is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, async_graphql::Enum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum EmbeddingIndexStatus {
    /// Being filled.
    #[sea_orm(string_value = "BUILDING")]
    Building,
    /// Search uses it.
    #[sea_orm(string_value = "ACTIVE")]
    Active,
    /// Kept for going back.
    #[sea_orm(string_value = "RETIRED")]
    Retired,
}

/// An embedding index: a collection in Qdrant.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "embedding_indexes")]
pub struct Model {
    /// The tenant.
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: WorkspaceId,
    /// The id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: EmbeddingIndexId,
    /// The embedding model.
    pub model: String,
    /// The length of its vectors.
    pub dimensions: i32,
    /// Which of them search uses.
    pub status: EmbeddingIndexStatus,
    /// When it was made.
    pub created_at: DateTimeUtc,
}

/// Relations are read by statements of their own.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
