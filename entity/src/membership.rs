//! Memberships of a workspace.

use crate::id::{MembershipId, RoleId, UserId, WorkspaceId};
use sea_orm::entity::prelude::{
    ActiveModelBehavior, DateTimeUtc, DeriveActiveEnum, DeriveEntityModel, DerivePrimaryKey, DeriveRelation,
    EntityTrait, EnumIter, PrimaryKeyTrait,
};

/// What a membership is worth. More values may be added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, EnumIter, DeriveActiveEnum, async_graphql::Enum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum MembershipStatus {
    /// Asked, not yet accepted.
    #[sea_orm(string_value = "INVITED")]
    #[default]
    Invited,
    /// Opens the workspace.
    #[sea_orm(string_value = "ACTIVE")]
    Active,
    /// Closed for the time being.
    #[sea_orm(string_value = "SUSPENDED")]
    Suspended,
    /// Closed for good.
    #[sea_orm(string_value = "REMOVED")]
    Removed,
}

/// A membership.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, async_graphql::SimpleObject)]
#[sea_orm(table_name = "memberships")]
#[graphql(name = "MembershipRow")]
pub struct Model {
    /// The tenant.
    #[sea_orm(primary_key, auto_increment = false)]
    #[graphql(skip)]
    pub workspace_id: WorkspaceId,
    /// The id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: MembershipId,
    /// The member.
    #[graphql(skip)]
    pub user_id: UserId,
    /// The role; none where the membership has ended and its role was deleted.
    #[graphql(skip)]
    pub role_id: Option<RoleId>,
    /// Whether it opens the workspace.
    pub status: MembershipStatus,
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
    workspace_id: WorkspaceId, id: Id, user_id: UserId, role_id: RoleId, status: Status, version: Version,
    updated_at: UpdatedAt, created_at: CreatedAt,
}
