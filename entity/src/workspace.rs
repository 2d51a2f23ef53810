//! Workspaces: the tenants. Global.

use crate::id::WorkspaceId;
use sea_orm::entity::prelude::{
    ActiveModelBehavior, DateTimeUtc, DeriveEntityModel, DerivePrimaryKey, DeriveRelation, EntityTrait,
    EnumIter, PrimaryKeyTrait,
};

/// A workspace.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, async_graphql::SimpleObject)]
#[sea_orm(table_name = "workspaces")]
#[graphql(name = "WorkspaceRow")]
pub struct Model {
    /// The id.
    #[sea_orm(primary_key, auto_increment = false)]
    #[graphql(skip)]
    pub id: WorkspaceId,
    /// Its name in addresses and in the X-Workspace header.
    pub slug: String,
    /// The name to show.
    pub name: String,
    /// Counts changes; every update takes the one that it was made against.
    pub version: i32,
    /// When everything of it is removed, after its deletion was asked for; until then it is read-only and can be restored. Null while it
    /// lives.
    pub purge_at: Option<DateTimeUtc>,
    /// When it was last changed.
    pub updated_at: DateTimeUtc,
    /// When it was made.
    pub created_at: DateTimeUtc,
}

/// Relations are read by statements of their own.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
