//! API keys: what programs show instead of a person's token. The key itself is kept nowhere, and its hash is for the door alone.

use crate::id::{ApiKeyId, UserId, WorkspaceId};
use sea_orm::entity::prelude::{
    ActiveModelBehavior, DateTimeUtc, DeriveEntityModel, DerivePrimaryKey, DeriveRelation, EntityTrait,
    EnumIter, PrimaryKeyTrait,
};

/// What an API key is worth. More values may be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, async_graphql::Enum)]
pub enum ApiKeyStatus {
    /// It opens the workspace, as long as its maker is an active member.
    Active,
    /// Its time is over.
    Expired,
    /// It was revoked, and stays so.
    Revoked,
}

/// An API key.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, async_graphql::SimpleObject)]
#[sea_orm(table_name = "api_keys")]
#[graphql(name = "ApiKeyRow")]
pub struct Model {
    /// The tenant.
    #[sea_orm(primary_key, auto_increment = false)]
    #[graphql(skip)]
    pub workspace_id: WorkspaceId,
    /// The id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ApiKeyId,
    /// What it is for.
    pub name: String,
    /// Who made it.
    #[graphql(skip)]
    pub user_id: UserId,
    /// Its first characters, fn_live_ and four more, by which people tell keys apart.
    pub start: String,
    /// The permissions that it may use, as object:verb; at each moment those of them that its maker has.
    pub scopes: Vec<String>,
    /// From then on it opens nothing; null where it does not end by itself.
    pub expires_at: Option<DateTimeUtc>,
    /// When it was last used, to about a minute; null where it never was.
    pub last_used_at: Option<DateTimeUtc>,
    /// When it was revoked; null where it was not.
    pub revoked_at: Option<DateTimeUtc>,
    /// Counts changes; every update takes the one that it was made against.
    pub version: i32,
    /// When it was last changed by somebody.
    pub updated_at: DateTimeUtc,
    /// When it was made.
    pub created_at: DateTimeUtc,
}

impl Model {
    /// What it is worth at a moment.
    #[must_use]
    pub fn status(&self, now: DateTimeUtc) -> ApiKeyStatus {
        match (self.revoked_at, self.expires_at) {
            (Some(_), _) => ApiKeyStatus::Revoked,
            (None, Some(end)) if end <= now => ApiKeyStatus::Expired,
            (None, _) => ApiKeyStatus::Active,
        }
    }
}

/// Relations are read by statements of their own.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::sparse::sparse! {
    workspace_id: WorkspaceId, id: Id, name: Name, user_id: UserId, start: Start, scopes: Scopes, expires_at: ExpiresAt,
    last_used_at: LastUsedAt, revoked_at: RevokedAt, version: Version, updated_at: UpdatedAt, created_at: CreatedAt,
}
