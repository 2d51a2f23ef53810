//! Ingestions of versions.

use crate::id::{DocumentId, DocumentVersionId, IngestionId, WorkspaceId};
use sea_orm::entity::prelude::{
    ActiveModelBehavior, DateTimeUtc, DeriveActiveEnum, DeriveEntityModel, DerivePrimaryKey, DeriveRelation,
    EntityTrait, EnumIter, Json, PrimaryKeyTrait,
};

/// Where an ingestion stands. More values may be added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, EnumIter, DeriveActiveEnum, async_graphql::Enum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum IngestionStatus {
    /// Waits; waitReason says for what.
    #[sea_orm(string_value = "QUEUED")]
    #[default]
    Queued,
    /// A worker is at it.
    #[sea_orm(string_value = "RUNNING")]
    Running,
    /// Its version is the one that search finds.
    #[sea_orm(string_value = "SUCCEEDED")]
    Succeeded,
    /// failureClass says why; the earlier version stays in service.
    #[sea_orm(string_value = "FAILED")]
    Failed,
    /// A newer version or a deletion overtook it.
    #[sea_orm(string_value = "CANCELED")]
    Canceled,
}

/// The stages of an ingestion, in order. More values may be added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, EnumIter, DeriveActiveEnum, async_graphql::Enum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum IngestionStage {
    /// The source becomes text.
    #[sea_orm(string_value = "PARSE")]
    #[default]
    Parse,
    /// The text becomes passages.
    #[sea_orm(string_value = "CHUNK")]
    Chunk,
    /// New passages become vectors.
    #[sea_orm(string_value = "EMBED")]
    Embed,
    /// Vectors and words go into the index.
    #[sea_orm(string_value = "INDEX")]
    Index,
    /// Search switches to the new version.
    #[sea_orm(string_value = "PUBLISH")]
    Publish,
}

/// Why an ingestion failed. More values may be added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, EnumIter, DeriveActiveEnum, async_graphql::Enum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum IngestionFailureClass {
    /// There is no text in it.
    #[sea_orm(string_value = "EMPTY_DOCUMENT")]
    #[default]
    EmptyDocument,
    /// It is not what its format says.
    #[sea_orm(string_value = "MALFORMED_DOCUMENT")]
    MalformedDocument,
    /// Its text is above the limit.
    #[sea_orm(string_value = "TOO_LARGE")]
    TooLarge,
    /// Whoever started it may not write documents any more.
    #[sea_orm(string_value = "POLICY_DENIED")]
    PolicyDenied,
    /// The embedding model failed.
    #[sea_orm(string_value = "EMBEDDING_ERROR")]
    EmbeddingError,
    /// The vector index failed.
    #[sea_orm(string_value = "INDEX_ERROR")]
    IndexError,
    /// It was not done in time, over all attempts.
    #[sea_orm(string_value = "TIMEOUT")]
    Timeout,
    /// A fault of ours; the log has it under the request id.
    #[sea_orm(string_value = "INTERNAL")]
    Internal,
    /// The bytes did not come before the upload expired; send them by a new `upload` of documentUpdate.
    #[sea_orm(string_value = "UPLOAD_EXPIRED")]
    UploadExpired,
    /// The object store failed, or has lost what was uploaded.
    #[sea_orm(string_value = "OBJECTS_ERROR")]
    ObjectsError,
}

/// What an ingestion waits for. More values may be added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, EnumIter, DeriveActiveEnum, async_graphql::Enum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum IngestionWaitReason {
    /// A free worker.
    #[sea_orm(string_value = "QUEUE")]
    #[default]
    Queue,
    /// The moment of its next attempt.
    #[sea_orm(string_value = "RETRY")]
    Retry,
    /// The embedding model.
    #[sea_orm(string_value = "EMBEDDINGS")]
    Embeddings,
    /// The vector index.
    #[sea_orm(string_value = "VECTORS")]
    Vectors,
    /// The bytes that are to be sent to the address of `upload`.
    #[sea_orm(string_value = "UPLOAD")]
    Upload,
    /// The object store.
    #[sea_orm(string_value = "OBJECTS")]
    Objects,
}

/// The ingestion of one version of a document.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, async_graphql::SimpleObject)]
#[sea_orm(table_name = "ingestions")]
#[graphql(name = "IngestionRow")]
pub struct Model {
    /// The tenant.
    #[sea_orm(primary_key, auto_increment = false)]
    #[graphql(skip)]
    pub workspace_id: WorkspaceId,
    /// The id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: IngestionId,
    /// The document.
    #[graphql(skip)]
    pub document_id: DocumentId,
    /// The version.
    #[graphql(skip)]
    pub document_version_id: DocumentVersionId,
    /// Where it stands.
    pub status: IngestionStatus,
    /// The stage that runs or ran last; null before the first.
    pub stage: Option<IngestionStage>,
    /// Why it failed; null otherwise.
    pub failure_class: Option<IngestionFailureClass>,
    /// A sentence about the failure; null where it did not fail.
    pub failure_message: Option<String>,
    /// What it waits for; null while it runs and at the end.
    pub wait_reason: Option<IngestionWaitReason>,
    /// Chunks made; null before the stage CHUNK.
    pub chunk_count: Option<i32>,
    /// Chunks embedded because their text was new; null before the stage EMBED.
    pub embedded_count: Option<i32>,
    /// Milliseconds by stage.
    #[graphql(skip)]
    pub stage_timings: Json,
    /// When the first attempt began; null before.
    pub started_at: Option<DateTimeUtc>,
    /// When it ended; null before.
    pub finished_at: Option<DateTimeUtc>,
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
    workspace_id: WorkspaceId, id: Id, document_id: DocumentId, document_version_id: DocumentVersionId,
    status: Status, stage: Stage, failure_class: FailureClass, failure_message: FailureMessage,
    wait_reason: WaitReason, chunk_count: ChunkCount, embedded_count: EmbeddedCount, stage_timings:
    StageTimings, started_at: StartedAt, finished_at: FinishedAt, updated_at: UpdatedAt, created_at:
    CreatedAt,
}
