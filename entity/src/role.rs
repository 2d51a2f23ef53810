//! Roles of a workspace.

use crate::id::{RoleId, WorkspaceId};
use sea_orm::entity::prelude::{
    ActiveModelBehavior, DateTimeUtc, DeriveEntityModel, DerivePrimaryKey, DeriveRelation, EntityTrait,
    EnumIter, PrimaryKeyTrait,
};

/// A role: one of the built-in four, or one of the workspace's own.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, async_graphql::SimpleObject)]
#[sea_orm(table_name = "roles")]
#[graphql(name = "RoleRow")]
pub struct Model {
    /// The tenant.
    #[sea_orm(primary_key, auto_increment = false)]
    #[graphql(skip)]
    pub workspace_id: WorkspaceId,
    /// The id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: RoleId,
    /// The name, unique in the workspace whatever its case: OWNER, ADMIN, MEMBER, VIEWER, or the workspace's own.
    pub name: String,
    /// Which built-in role it is.
    #[graphql(skip)]
    pub built_in: Option<String>,
    /// What it is for; may be empty.
    pub description: String,
    /// What one of the workspace's own may do.
    #[graphql(skip)]
    pub permissions: Vec<String>,
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
    workspace_id: WorkspaceId, id: Id, name: Name, built_in: BuiltIn, description: Description, permissions: Permissions,
    version: Version, updated_at: UpdatedAt, created_at: CreatedAt,
}
