//! A mutation that succeeded under a key.

use crate::id::{IdempotencyRecordId, UserId, WorkspaceId};
use sea_orm::entity::prelude::{
    ActiveModelBehavior, DateTimeUtc, DeriveEntityModel, DerivePrimaryKey, DeriveRelation, EntityTrait,
    EnumIter, PrimaryKeyTrait,
};

/// What a repetition is answered with.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "idempotency_records")]
pub struct Model {
    /// The tenant.
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: WorkspaceId,
    /// The id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: IdempotencyRecordId,
    /// Who sent it, and alone sees it.
    pub actor_id: UserId,
    /// What the client chose.
    pub key: String,
    /// SHA-256 over the operation's name, the document and the variables.
    pub fingerprint: Vec<u8>,
    /// The data of the answer as JSON, without secrets.
    pub answer: String,
    /// After this moment it counts as absent.
    pub expires_at: DateTimeUtc,
    /// When it was made.
    pub created_at: DateTimeUtc,
}

/// Relations are read by statements of their own.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
