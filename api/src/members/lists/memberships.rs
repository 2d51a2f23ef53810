//! The list of memberships.

use async_graphql::{Enum, InputObject};
use entity::id::{MembershipId, RoleId, UserId};
use entity::membership::{self, Column, MembershipStatus};
use uuid::Uuid;

use crate::error::Result;
use crate::list::{
    Children, Comparisons, DateTimeFilter, EnumFilter, Filter, IdFilter, Key, List, Logic, Order, OrderBy,
    OrderDirection,
};
use crate::tenancy::{Operation, Permission};

/// The list of memberships.
pub struct Memberships;

impl List for Memberships {
    type Entity = membership::Entity;
    type Filter = MembershipFilter;
    type Order = MembershipOrder;

    const NAME: &'static str = "memberships";

    fn require(operation: &Operation) -> Result<()> {
        operation.require(Permission::MemberRead).map(drop)
    }

    fn columns(field: &str) -> Option<&'static [Column]> {
        Some(match field {
            "user" => &[Column::UserId],
            "role" => &[Column::RoleId],
            _ => return None,
        })
    }
}

impl Children for Memberships {
    fn parent_column() -> Column {
        Column::WorkspaceId
    }

    fn parent(row: &membership::Model) -> Uuid {
        row.workspace_id.0
    }
}

/// What memberships can be filtered by: all fields that are given hold. Null is the same as absent.
#[derive(Clone, Debug, InputObject)]
pub struct MembershipFilter {
    /// The id.
    pub id: Option<IdFilter>,
    /// The member.
    pub user_id: Option<IdFilter>,
    /// The role that the member has.
    pub role_id: Option<IdFilter>,
    /// Whether it opens the workspace.
    pub status: Option<EnumFilter<MembershipStatus>>,
    /// When it was made.
    pub created_at: Option<DateTimeFilter>,
    /// All of these hold.
    pub and: Option<Vec<Self>>,
    /// At least one of these holds.
    pub or: Option<Vec<Self>>,
    /// This does not hold.
    pub not: Option<Box<Self>>,
}

impl Filter for MembershipFilter {
    fn logic(&self) -> Logic<'_, Self> {
        Logic { and: self.and.as_deref(), or: self.or.as_deref(), not: self.not.as_deref() }
    }

    fn compare(&self, with: &mut Comparisons<'_>) {
        with.id(("id", Column::Id), self.id.as_ref(), MembershipId::parse);
        with.id(("userId", Column::UserId), self.user_id.as_ref(), UserId::parse);
        with.id(("roleId", Column::RoleId), self.role_id.as_ref(), RoleId::parse);
        with.value(("status", Column::Status), self.status.as_ref());
        with.time(("createdAt", Column::CreatedAt), self.created_at.as_ref());
    }
}

/// By what memberships can be ordered. More values may be added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
pub enum MembershipOrderField {
    /// When it was made.
    #[default]
    CreatedAt,
}

/// How to order memberships.
#[derive(Clone, Copy, Debug, Default, InputObject)]
pub struct MembershipOrder {
    /// By what.
    #[graphql(default)]
    pub field: MembershipOrderField,
    /// In which direction.
    #[graphql(default)]
    pub direction: OrderDirection,
}

impl OrderBy<membership::Entity> for MembershipOrder {
    fn order(&self) -> Order<membership::Entity> {
        let direction = self.direction;
        match self.field {
            MembershipOrderField::CreatedAt => {
                Order::by_id(direction, Column::Id, |row: &membership::Model| Key::Id(row.id.0))
            }
        }
    }
}
