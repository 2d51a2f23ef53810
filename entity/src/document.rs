//! Documents.

use crate::id::{CollectionId, DocumentId, DocumentVersionId, WorkspaceId};
use sea_orm::entity::prelude::{
    ActiveModelBehavior, DateTimeUtc, DeriveEntityModel, DerivePrimaryKey, DeriveRelation, EntityTrait,
    EnumIter, PrimaryKeyTrait,
};

/// A document: what stays the same while its versions change.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, async_graphql::SimpleObject)]
#[sea_orm(table_name = "documents")]
#[graphql(name = "DocumentRow")]
pub struct Model {
    /// The tenant.
    #[sea_orm(primary_key, auto_increment = false)]
    #[graphql(skip)]
    pub workspace_id: WorkspaceId,
    /// The id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: DocumentId,
    /// The collection.
    #[graphql(skip)]
    pub collection_id: CollectionId,
    /// The title to show.
    pub title: String,
    /// The version that search finds.
    #[graphql(skip)]
    pub current_version_id: Option<DocumentVersionId>,
    /// The ordinal of the newest version.
    #[graphql(skip)]
    pub latest_ordinal: i32,
    /// When it was deleted.
    #[graphql(skip)]
    pub deleted_at: Option<DateTimeUtc>,
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
    workspace_id: WorkspaceId, id: Id, collection_id: CollectionId, title: Title, current_version_id:
    CurrentVersionId, latest_ordinal: LatestOrdinal, deleted_at: DeletedAt, version: Version, updated_at:
    UpdatedAt, created_at: CreatedAt,
}
