//! The audit log.

use crate::id::{AuditEntryId, WorkspaceId};
use sea_orm::entity::prelude::{
    ActiveModelBehavior, DateTimeUtc, DeriveEntityModel, DerivePrimaryKey, DeriveRelation, EntityTrait,
    EnumIter, Json, PrimaryKeyTrait,
};

/// Who did what.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_entries")]
pub struct Model {
    /// The tenant.
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: WorkspaceId,
    /// The id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: AuditEntryId,
    /// Contiguous in the workspace, from 1.
    pub seq: i64,
    /// The user, the API key or the operator, as the kind says; of a worker the user on whose behalf. None for the system.
    pub actor_id: Option<uuid::Uuid>,
    /// USER, API_KEY, OPERATOR, WORKER or SYSTEM.
    pub actor_kind: String,
    /// The actor's role then.
    pub actor_role: Option<String>,
    /// What was done.
    pub action: String,
    /// To what.
    pub targets: Json,
    /// As it was.
    pub before: Option<Json>,
    /// As it is.
    pub after: Option<Json>,
    /// The request or job.
    pub request_id: String,
    /// The hash before.
    pub previous_hash: Vec<u8>,
    /// The hash.
    pub hash: Vec<u8>,
    /// When it was made.
    pub created_at: DateTimeUtc,
}

/// Relations are read by statements of their own.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
