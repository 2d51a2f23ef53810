//! Collections of documents.

use crate::id::{CollectionId, WorkspaceId};
use sea_orm::entity::prelude::{
    ActiveModelBehavior, DateTimeUtc, DeriveEntityModel, DerivePrimaryKey, DeriveRelation, EntityTrait,
    EnumIter, PrimaryKeyTrait,
};

/// A named set of documents that is searched together.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, async_graphql::SimpleObject)]
#[sea_orm(table_name = "collections")]
#[graphql(name = "CollectionRow")]
pub struct Model {
    /// The tenant.
    #[sea_orm(primary_key, auto_increment = false)]
    #[graphql(skip)]
    pub workspace_id: WorkspaceId,
    /// The id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: CollectionId,
    /// Unique among those of the workspace that exist.
    pub name: String,
    /// What stands in it; null where nobody said.
    pub description: Option<String>,
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
    workspace_id: WorkspaceId, id: Id, name: Name, description: Description, deleted_at: DeletedAt,
    version: Version, updated_at: UpdatedAt, created_at: CreatedAt,
}
