//! Invitations into a workspace.

use crate::id::{ApiKeyId, InvitationId, MembershipId, RoleId, UserId, WorkspaceId};
use sea_orm::entity::prelude::{
    ActiveModelBehavior, DateTimeUtc, DeriveActiveEnum, DeriveEntityModel, DerivePrimaryKey, DeriveRelation,
    EntityTrait, EnumIter, PrimaryKeyTrait,
};

/// What an invitation is worth. More values may be added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, EnumIter, DeriveActiveEnum, async_graphql::Enum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum InvitationStatus {
    /// Waits to be accepted.
    #[sea_orm(string_value = "PENDING")]
    #[default]
    Pending,
    /// Somebody became a member by it.
    #[sea_orm(string_value = "ACCEPTED")]
    Accepted,
    /// Somebody withdrew it.
    #[sea_orm(string_value = "REVOKED")]
    Revoked,
    /// Nobody accepted it in time.
    #[sea_orm(string_value = "EXPIRED")]
    Expired,
}

/// An address that somebody asked into the workspace.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, async_graphql::SimpleObject)]
#[sea_orm(table_name = "invitations")]
#[graphql(name = "InvitationRow")]
pub struct Model {
    /// The tenant.
    #[sea_orm(primary_key, auto_increment = false)]
    #[graphql(skip)]
    pub workspace_id: WorkspaceId,
    /// The id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: InvitationId,
    /// Whom it is for; nobody else can accept it.
    pub email: String,
    /// The role; none where it is over and its role was deleted.
    #[graphql(skip)]
    pub role_id: Option<RoleId>,
    /// What was last written of it: one that has expired may still say PENDING.
    #[graphql(skip)]
    pub status: InvitationStatus,
    /// Who asked.
    #[graphql(skip)]
    pub invited_by: UserId,
    /// The API key by which it was asked.
    #[graphql(skip)]
    pub api_key_id: Option<ApiKeyId>,
    /// From then on it is worth nothing.
    pub expires_at: DateTimeUtc,
    /// How often it was mailed; ten times at most.
    pub sends: i32,
    /// When it was last mailed, or queued for it; null before.
    pub sent_at: Option<DateTimeUtc>,
    /// When it was accepted; null before.
    pub accepted_at: Option<DateTimeUtc>,
    /// The membership of whoever accepted it.
    #[graphql(skip)]
    pub membership_id: Option<MembershipId>,
    /// Counts changes; every update takes the one that it was made against.
    pub version: i32,
    /// When it was last changed.
    pub updated_at: DateTimeUtc,
    /// When it was made.
    pub created_at: DateTimeUtc,
}

impl Model {
    /// What it is worth at a moment.
    #[must_use]
    pub fn status_at(&self, now: DateTimeUtc) -> InvitationStatus {
        match self.status {
            InvitationStatus::Pending if self.expires_at <= now => InvitationStatus::Expired,
            status => status,
        }
    }
}

/// Relations are read by statements of their own.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::sparse::sparse! {
    workspace_id: WorkspaceId, id: Id, email: Email, role_id: RoleId, status: Status, invited_by: InvitedBy,
    api_key_id: ApiKeyId, expires_at: ExpiresAt, sends: Sends, sent_at: SentAt, accepted_at: AcceptedAt,
    membership_id: MembershipId, version: Version, updated_at: UpdatedAt, created_at: CreatedAt,
}
