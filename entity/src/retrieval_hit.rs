//! Hits of searches that runs made.

use crate::id::{ChunkId, DocumentVersionId, RetrievalHitId, RetrievalId, WorkspaceId};
use sea_orm::entity::prelude::{
    ActiveModelBehavior, DateTimeUtc, DeriveEntityModel, DerivePrimaryKey, DeriveRelation, EntityTrait,
    EnumIter, PrimaryKeyTrait,
};

/// A passage that a search of a run found.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, async_graphql::SimpleObject)]
#[sea_orm(table_name = "retrieval_hits")]
#[graphql(name = "RetrievalHitRow")]
pub struct Model {
    /// The tenant.
    #[sea_orm(primary_key, auto_increment = false)]
    #[graphql(skip)]
    pub workspace_id: WorkspaceId,
    /// The id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: RetrievalHitId,
    /// The search.
    #[graphql(skip)]
    pub retrieval_id: RetrievalId,
    /// Its place among the hits, from 1.
    pub rank: i32,
    /// The passage.
    #[graphql(skip)]
    pub chunk_id: ChunkId,
    /// The version.
    #[graphql(skip)]
    pub document_version_id: DocumentVersionId,
    /// Its place by meaning, from 1; null where that search did not find it.
    pub dense_rank: Option<i32>,
    /// Its place by words, from 1; null where that search did not find it.
    pub sparse_rank: Option<i32>,
    /// The score that ranks it.
    pub fused_score: f64,
    /// When it was made.
    pub created_at: DateTimeUtc,
}

/// Relations are read by statements of their own.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
