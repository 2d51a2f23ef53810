//! Bytes that somebody may send for a version.

use crate::id::{DocumentId, DocumentVersionId, OriginalId, UploadId, UserId, WorkspaceId};
use sea_orm::entity::prelude::{
    ActiveModelBehavior, DateTimeUtc, DeriveActiveEnum, DeriveEntityModel, DerivePrimaryKey, DeriveRelation,
    EntityTrait, EnumIter, PrimaryKeyTrait,
};

/// Where an upload stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum UploadStatus {
    /// The bytes may come.
    #[sea_orm(string_value = "PENDING")]
    #[default]
    Pending,
    /// They are in the object store.
    #[sea_orm(string_value = "STORED")]
    Stored,
    /// They did not come in time.
    #[sea_orm(string_value = "EXPIRED")]
    Expired,
    /// The document was deleted first.
    #[sea_orm(string_value = "CANCELED")]
    Canceled,
}

/// Bytes that may be sent for one version, by whoever has the token.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "uploads")]
pub struct Model {
    /// The tenant.
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: WorkspaceId,
    /// The id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: UploadId,
    /// The document.
    pub document_id: DocumentId,
    /// The version whose original the bytes are.
    pub document_version_id: DocumentVersionId,
    /// Who asked for it.
    pub actor_id: UserId,
    /// SHA-256 of the token.
    pub token_hash: Vec<u8>,
    /// The name of the file, as the client said; none where it did not.
    pub filename: Option<String>,
    /// The media type, as it was declared.
    pub content_type: String,
    /// The number of bytes, as it was declared.
    pub size_bytes: i64,
    /// SHA-256 of the bytes, declared or counted; none before they are stored where nobody declared it.
    pub sha256: Option<Vec<u8>>,
    /// Where it stands.
    pub status: UploadStatus,
    /// The object in the store; none until it is stored.
    pub original_id: Option<OriginalId>,
    /// From then on the token opens nothing.
    pub expires_at: DateTimeUtc,
    /// When the bytes were complete; none before.
    pub stored_at: Option<DateTimeUtc>,
    /// When it was made.
    pub created_at: DateTimeUtc,
}

/// Relations are read by statements of their own.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
