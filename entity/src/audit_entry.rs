//! The audit log.

use crate::id::{AuditEntryId, WorkspaceId};
use sea_orm::entity::prelude::{
    ActiveModelBehavior, DateTimeUtc, DeriveActiveEnum, DeriveEntityModel, DerivePrimaryKey, DeriveRelation,
    EntityTrait, EnumIter, Json, PrimaryKeyTrait,
};

/// Who acted. More values may be added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, EnumIter, DeriveActiveEnum, async_graphql::Enum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum AuditActorKind {
    /// A person.
    #[sea_orm(string_value = "USER")]
    #[default]
    User,
    /// An API key.
    #[sea_orm(string_value = "API_KEY")]
    ApiKey,
    /// Somebody who operates the installation, and had entered the workspace.
    #[sea_orm(string_value = "OPERATOR")]
    Operator,
    /// A job, on behalf of a person.
    #[sea_orm(string_value = "WORKER")]
    Worker,
    /// The installation itself, or its command line.
    #[sea_orm(string_value = "SYSTEM")]
    System,
}

/// Who did what.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, async_graphql::SimpleObject)]
#[sea_orm(table_name = "audit_entries")]
#[graphql(name = "AuditEntryRow")]
pub struct Model {
    /// The tenant.
    #[sea_orm(primary_key, auto_increment = false)]
    #[graphql(skip)]
    pub workspace_id: WorkspaceId,
    /// The id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: AuditEntryId,
    /// Its number: from 1, without gaps in the workspace, in the order in which changes were committed.
    pub seq: i64,
    /// The user, the API key or the operator, as the kind says; of a worker the user on whose behalf. None for the system.
    #[graphql(skip)]
    pub actor_id: Option<uuid::Uuid>,
    /// Who acted.
    pub actor_kind: AuditActorKind,
    /// The name of the actor's role at that moment; null for the system.
    pub actor_role: Option<String>,
    /// What was done, as object.verb.
    pub action: String,
    /// To what.
    #[graphql(skip)]
    pub targets: Json,
    /// The fields that changed, as they were; null for what was not there before.
    pub before: Option<Json>,
    /// The fields that changed, as they became; null for what was there no more.
    pub after: Option<Json>,
    /// The request that did it, by which the server's log has it: `requestId` of its errors and the header x-request-id of its answer. Of a
    /// job the request that started it, and `command` for the command line.
    pub request_id: String,
    /// The hash before.
    #[graphql(skip)]
    pub previous_hash: Vec<u8>,
    /// The hash.
    #[graphql(skip)]
    pub hash: Vec<u8>,
    /// When it was made.
    pub created_at: DateTimeUtc,
}

/// Relations are read by statements of their own.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::sparse::sparse! {
    workspace_id: WorkspaceId, id: Id, seq: Seq, actor_id: ActorId, actor_kind: ActorKind, actor_role: ActorRole, action: Action,
    targets: Targets, before: Before, after: After, request_id: RequestId, previous_hash: PreviousHash, hash: Hash, created_at: CreatedAt,
}
