//! Citations.

use crate::id::{
    AgentRunId, ChunkId, CitationId, DocumentId, DocumentVersionId, RetrievalHitId, WorkspaceId,
};
use sea_orm::entity::prelude::{
    ActiveModelBehavior, DateTimeUtc, DeriveActiveEnum, DeriveEntityModel, DerivePrimaryKey, DeriveRelation,
    EntityTrait, EnumIter, PrimaryKeyTrait,
};

/// Whether a quote stands in its source. More values may be added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, EnumIter, DeriveActiveEnum, async_graphql::Enum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum CitationVerification {
    /// It stands at exactly these offsets of this version.
    #[sea_orm(string_value = "VERIFIED")]
    #[default]
    Verified,
    /// It does not; it is kept as evidence and supports nothing.
    #[sea_orm(string_value = "REJECTED")]
    Rejected,
}

/// A quote that supports a span of an answer.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, async_graphql::SimpleObject)]
#[sea_orm(table_name = "citations")]
#[graphql(name = "CitationRow")]
pub struct Model {
    /// The tenant.
    #[sea_orm(primary_key, auto_increment = false)]
    #[graphql(skip)]
    pub workspace_id: WorkspaceId,
    /// The id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: CitationId,
    /// The run.
    #[graphql(skip)]
    pub agent_run_id: AgentRunId,
    /// Its place in the answer, from 0.
    pub ordinal: i32,
    /// The hit that was cited.
    #[graphql(skip)]
    pub retrieval_hit_id: RetrievalHitId,
    /// The document.
    #[graphql(skip)]
    pub document_id: DocumentId,
    /// The version.
    #[graphql(skip)]
    pub document_version_id: DocumentVersionId,
    /// The passage.
    #[graphql(skip)]
    pub chunk_id: ChunkId,
    /// Of the quote.
    pub start_offset: i32,
    /// End of the quote.
    pub end_offset: i32,
    /// The quoted text: exactly what stands at the offsets.
    pub quote: String,
    /// SHA-256 of the quote in UTF-8, in hexadecimal.
    pub sha256: String,
    /// Of the supported span.
    pub answer_start_offset: i32,
    /// End of the supported span.
    pub answer_end_offset: i32,
    /// Whether the quote stands at its offsets.
    pub verification: CitationVerification,
    /// Why it was rejected; null for a verified one.
    pub rejection: Option<String>,
    /// When it was made.
    pub created_at: DateTimeUtc,
}

/// Relations are read by statements of their own.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::sparse::sparse! {
    workspace_id: WorkspaceId, id: Id, agent_run_id: AgentRunId, ordinal: Ordinal, retrieval_hit_id:
    RetrievalHitId, document_id: DocumentId, document_version_id: DocumentVersionId, chunk_id: ChunkId,
    start_offset: StartOffset, end_offset: EndOffset, quote: Quote, sha256: Sha256, answer_start_offset:
    AnswerStartOffset, answer_end_offset: AnswerEndOffset, verification: Verification, rejection:
    Rejection, created_at: CreatedAt,
}
