//! Passages: what search ranks and answers cite.

use crate::id::{ChunkId, DocumentId, DocumentVersionId, WorkspaceId};
use sea_orm::entity::prelude::{
    ActiveModelBehavior, DateTimeUtc, DeriveEntityModel, DerivePrimaryKey, DeriveRelation, EntityTrait,
    EnumIter, Json, PrimaryKeyTrait,
};

/// A passage of a version.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, async_graphql::SimpleObject)]
#[sea_orm(table_name = "chunks")]
#[graphql(name = "ChunkRow")]
pub struct Model {
    /// The tenant.
    #[sea_orm(primary_key, auto_increment = false)]
    #[graphql(skip)]
    pub workspace_id: WorkspaceId,
    /// The id.
    #[sea_orm(primary_key, auto_increment = false)]
    #[graphql(skip)]
    pub id: ChunkId,
    /// The document.
    #[graphql(skip)]
    pub document_id: DocumentId,
    /// The version.
    #[graphql(skip)]
    pub document_version_id: DocumentVersionId,
    /// Its place in the version, from 0.
    pub ordinal: i32,
    /// First Unicode scalar value.
    #[graphql(skip)]
    pub start_offset: i32,
    /// End, exclusive.
    #[graphql(skip)]
    pub end_offset: i32,
    /// The headings above it.
    #[graphql(skip)]
    pub heading_path: Json,
    /// Tokens, by the embedding model's tokenizer.
    pub token_count: i32,
    /// The passage.
    pub text: String,
    /// SHA-256 of the text.
    #[graphql(skip)]
    pub text_hash: Vec<u8>,
    /// When it was made.
    pub created_at: DateTimeUtc,
}

/// Relations are read by statements of their own.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
