//! The list of agents.

use async_graphql::{Enum, InputObject};
use entity::agent::{self, Column};
use entity::id::AgentId;

use crate::error::Result;
use crate::list::{
    Comparisons, DateTimeFilter, Filter, IdFilter, Key, List, Logic, Order, OrderBy, OrderDirection,
    TextFilter,
};
use crate::tenancy::{Operation, Permission};

/// The list of agents.
pub struct Agents;

impl List for Agents {
    type Entity = agent::Entity;
    type Filter = AgentFilter;
    type Order = AgentOrder;

    const NAME: &'static str = "agents";

    fn require(operation: &Operation) -> Result<()> {
        operation.require(Permission::AgentRead).map(drop)
    }

    fn columns(field: &str) -> Option<&'static [Column]> {
        Some(match field {
            "agentRuns" => &[Column::Id],
            _ => return None,
        })
    }
}

/// What agents can be filtered by: all fields that are given hold. Null is the same as absent.
#[derive(Clone, Debug, InputObject)]
pub struct AgentFilter {
    /// The id.
    pub id: Option<IdFilter>,
    /// The name.
    pub name: Option<TextFilter>,
    /// When it was made.
    pub created_at: Option<DateTimeFilter>,
    /// When it was last changed.
    pub updated_at: Option<DateTimeFilter>,
    /// All of these hold.
    pub and: Option<Vec<Self>>,
    /// At least one of these holds.
    pub or: Option<Vec<Self>>,
    /// This does not hold.
    pub not: Option<Box<Self>>,
}

impl Filter for AgentFilter {
    fn logic(&self) -> Logic<'_, Self> {
        Logic { and: self.and.as_deref(), or: self.or.as_deref(), not: self.not.as_deref() }
    }

    fn compare(&self, with: &mut Comparisons<'_>) {
        with.id(("id", Column::Id), self.id.as_ref(), AgentId::parse);
        with.text(("name", Column::Name), self.name.as_ref());
        with.time(("createdAt", Column::CreatedAt), self.created_at.as_ref());
        with.time(("updatedAt", Column::UpdatedAt), self.updated_at.as_ref());
    }
}

/// By what agents can be ordered. More values may be added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
pub enum AgentOrderField {
    /// When it was made.
    #[default]
    CreatedAt,
    /// When it was last changed.
    UpdatedAt,
    /// The name.
    Name,
}

/// How to order agents.
#[derive(Clone, Copy, Debug, Default, InputObject)]
pub struct AgentOrder {
    /// By what.
    #[graphql(default)]
    pub field: AgentOrderField,
    /// In which direction.
    #[graphql(default)]
    pub direction: OrderDirection,
}

impl OrderBy<agent::Entity> for AgentOrder {
    fn order(&self) -> Order<agent::Entity> {
        let direction = self.direction;
        match self.field {
            AgentOrderField::CreatedAt => Order::by_time(
                direction,
                "createdAt",
                (Column::CreatedAt, Column::Id),
                |row: &agent::Model| Key::Time(row.created_at, row.id.0),
            ),
            AgentOrderField::UpdatedAt => Order::by_time(
                direction,
                "updatedAt",
                (Column::UpdatedAt, Column::Id),
                |row: &agent::Model| Key::Time(row.updated_at, row.id.0),
            ),
            AgentOrderField::Name => {
                Order::by_text(direction, "name", (Column::Name, Column::Id), |row: &agent::Model| {
                    Key::Text(row.name.clone(), row.id.0)
                })
            }
        }
    }
}
