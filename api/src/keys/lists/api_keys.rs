//! The list of API keys.

use async_graphql::{Enum, InputObject};
use chrono::{DateTime, Utc};
use entity::api_key::{self, ApiKeyStatus, Column};
use entity::id::{ApiKeyId, UserId};
use sea_orm::ColumnTrait;
use sea_orm::sea_query::{Expr, ExprTrait};

use crate::error::Result;
use crate::list::{
    Comparisons, DateTimeFilter, Filter, IdFilter, Key, List, Logic, Order, OrderBy, OrderDirection,
    TextFilter,
};
use crate::tenancy::{Operation, Permission};

/// The list of API keys.
pub struct ApiKeys;

impl List for ApiKeys {
    type Entity = api_key::Entity;
    type Filter = ApiKeyFilter;
    type Order = ApiKeyOrder;

    const NAME: &'static str = "apiKeys";

    fn require(operation: &Operation) -> Result<()> {
        operation.require(Permission::ApiKeyRead).map(drop)
    }

    fn columns(field: &str) -> Option<&'static [Column]> {
        Some(match field {
            "status" => &[Column::RevokedAt, Column::ExpiresAt],
            "user" => &[Column::UserId],
            _ => return None,
        })
    }
}

/// What API keys can be filtered by: all fields that are given hold. Null is the same as absent.
#[derive(Clone, Debug, InputObject)]
pub struct ApiKeyFilter {
    /// The id.
    pub id: Option<IdFilter>,
    /// The name.
    pub name: Option<TextFilter>,
    /// Who made it.
    pub user_id: Option<IdFilter>,
    /// How it begins, fn_live_ and four more characters: whose a key is that was found somewhere.
    pub start: Option<TextFilter>,
    /// When it ends; never true of one that does not end by itself.
    pub expires_at: Option<DateTimeFilter>,
    /// When it was last used; never true of one that never was.
    pub last_used_at: Option<DateTimeFilter>,
    /// When it was revoked; never true of one that was not.
    pub revoked_at: Option<DateTimeFilter>,
    /// When it was made.
    pub created_at: Option<DateTimeFilter>,
    /// All of these hold.
    pub and: Option<Vec<Self>>,
    /// At least one of these holds.
    pub or: Option<Vec<Self>>,
    /// This does not hold.
    pub not: Option<Box<Self>>,
}

impl Filter for ApiKeyFilter {
    fn logic(&self) -> Logic<'_, Self> {
        Logic { and: self.and.as_deref(), or: self.or.as_deref(), not: self.not.as_deref() }
    }

    fn compare(&self, with: &mut Comparisons<'_>) {
        with.id(("id", Column::Id), self.id.as_ref(), ApiKeyId::parse);
        with.text(("name", Column::Name), self.name.as_ref());
        with.id(("userId", Column::UserId), self.user_id.as_ref(), UserId::parse);
        with.text(("start", Column::Start), self.start.as_ref());
        with.time(("expiresAt", Column::ExpiresAt), self.expires_at.as_ref());
        with.time(("lastUsedAt", Column::LastUsedAt), self.last_used_at.as_ref());
        with.time(("revokedAt", Column::RevokedAt), self.revoked_at.as_ref());
        with.time(("createdAt", Column::CreatedAt), self.created_at.as_ref());
    }
}

/// The keys that are worth this at a moment.
pub fn in_status(status: ApiKeyStatus, now: DateTime<Utc>) -> Expr {
    let unrevoked = Column::RevokedAt.is_null();
    match status {
        ApiKeyStatus::Active => unrevoked.and(Column::ExpiresAt.is_null().or(Column::ExpiresAt.gt(now))),
        ApiKeyStatus::Expired => unrevoked.and(Column::ExpiresAt.lte(now)),
        ApiKeyStatus::Revoked => Column::RevokedAt.is_not_null(),
    }
}

/// By what API keys can be ordered. More values may be added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
pub enum ApiKeyOrderField {
    /// When it was made.
    #[default]
    CreatedAt,
}

/// How to order API keys.
#[derive(Clone, Copy, Debug, Default, InputObject)]
pub struct ApiKeyOrder {
    /// By what.
    #[graphql(default)]
    pub field: ApiKeyOrderField,
    /// In which direction.
    #[graphql(default)]
    pub direction: OrderDirection,
}

impl OrderBy<api_key::Entity> for ApiKeyOrder {
    fn order(&self) -> Order<api_key::Entity> {
        let direction = self.direction;
        match self.field {
            ApiKeyOrderField::CreatedAt => {
                Order::by_id(direction, Column::Id, |row: &api_key::Model| Key::Id(row.id.0))
            }
        }
    }
}
