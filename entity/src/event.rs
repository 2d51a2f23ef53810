//! Events of a workspace.

use crate::id::{EventId, UserId, WorkspaceId};
use sea_orm::entity::prelude::{
    ActiveModelBehavior, DateTimeUtc, DeriveEntityModel, DerivePrimaryKey, DeriveRelation, EntityTrait,
    EnumIter, Json, PrimaryKeyTrait,
};

/// Something that happened in the workspace.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "events")]
pub struct Model {
    /// The tenant.
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: WorkspaceId,
    /// The id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: EventId,
    /// Contiguous in the workspace, from 1.
    pub seq: i64,
    /// The catalogued type.
    #[sea_orm(column_name = "type")]
    pub r#type: String,
    /// The id of what it happened to.
    pub subject: String,
    /// What a consumer needs without asking back.
    pub data: Json,
    /// On whose behalf.
    pub actor_id: Option<UserId>,
    /// USER, WORKER or SYSTEM.
    pub actor_kind: String,
    /// The request or job at its root.
    pub correlation_id: String,
    /// The event that caused it.
    pub causation_id: Option<EventId>,
    /// When it was made.
    pub created_at: DateTimeUtc,
}

/// Relations are read by statements of their own.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
