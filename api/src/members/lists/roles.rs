//! The list of roles.

use async_graphql::{Enum, InputObject};
use entity::id::RoleId;
use entity::role::{self, Column};
use uuid::Uuid;

use crate::error::Result;
use crate::list::{
    Children, Comparisons, DateTimeFilter, Filter, IdFilter, Key, List, Logic, Order, OrderBy,
    OrderDirection, TextFilter,
};
use crate::tenancy::{Operation, Permission};

/// The list of roles.
pub struct Roles;

impl List for Roles {
    type Entity = role::Entity;
    type Filter = RoleFilter;
    type Order = RoleOrder;

    const NAME: &'static str = "roles";

    fn require(operation: &Operation) -> Result<()> {
        operation.require(Permission::MemberRead).map(drop)
    }

    fn columns(field: &str) -> Option<&'static [Column]> {
        Some(match field {
            "builtIn" => &[Column::BuiltIn],
            "permissions" => &[Column::BuiltIn, Column::Permissions],
            _ => return None,
        })
    }
}

impl Children for Roles {
    fn parent_column() -> Column {
        Column::WorkspaceId
    }

    fn parent(row: &role::Model) -> Uuid {
        row.workspace_id.0
    }
}

/// What roles can be filtered by: all fields that are given hold. Null is the same as absent.
#[derive(Clone, Debug, InputObject)]
pub struct RoleFilter {
    /// The id.
    pub id: Option<IdFilter>,
    /// The name.
    pub name: Option<TextFilter>,
    /// When it was made.
    pub created_at: Option<DateTimeFilter>,
    /// All of these hold.
    pub and: Option<Vec<Self>>,
    /// At least one of these holds.
    pub or: Option<Vec<Self>>,
    /// This does not hold.
    pub not: Option<Box<Self>>,
}

impl Filter for RoleFilter {
    fn logic(&self) -> Logic<'_, Self> {
        Logic { and: self.and.as_deref(), or: self.or.as_deref(), not: self.not.as_deref() }
    }

    fn compare(&self, with: &mut Comparisons<'_>) {
        with.id(("id", Column::Id), self.id.as_ref(), RoleId::parse);
        with.text(("name", Column::Name), self.name.as_ref());
        with.time(("createdAt", Column::CreatedAt), self.created_at.as_ref());
    }
}

/// By what roles can be ordered. More values may be added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
pub enum RoleOrderField {
    /// When it was made.
    #[default]
    CreatedAt,
}

/// How to order roles.
#[derive(Clone, Copy, Debug, Default, InputObject)]
pub struct RoleOrder {
    /// By what.
    #[graphql(default)]
    pub field: RoleOrderField,
    /// In which direction.
    #[graphql(default)]
    pub direction: OrderDirection,
}

impl OrderBy<role::Entity> for RoleOrder {
    fn order(&self) -> Order<role::Entity> {
        let direction = self.direction;
        match self.field {
            RoleOrderField::CreatedAt => {
                Order::by_id(direction, Column::Id, |row: &role::Model| Key::Id(row.id.0))
            }
        }
    }
}
