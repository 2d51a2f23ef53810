//! The list of operators' entries into a workspace.

use async_graphql::{Enum, InputObject};
use entity::id::{OperatorEntryId, OperatorId};
use entity::operator_entry::{self, Column};

use crate::error::Result;
use crate::list::{
    Comparisons, DateTimeFilter, Filter, IdFilter, Key, List, Logic, Order, OrderBy, OrderDirection,
};
use crate::tenancy::{Operation, Permission};

/// The list of operators' entries into a workspace.
pub struct OperatorEntries;

impl List for OperatorEntries {
    type Entity = operator_entry::Entity;
    type Filter = OperatorEntryFilter;
    type Order = OperatorEntryOrder;

    const NAME: &'static str = "operatorEntries";

    fn require(operation: &Operation) -> Result<()> {
        operation.require(Permission::AuditRead).map(drop)
    }

    fn columns(field: &str) -> Option<&'static [Column]> {
        Some(match field {
            "active" => &[Column::EndedAt, Column::ExpiresAt],
            _ => return None,
        })
    }
}

/// What entries can be filtered by: all fields that are given hold. Null is the same as absent.
#[derive(Clone, Debug, InputObject)]
pub struct OperatorEntryFilter {
    /// The id.
    pub id: Option<IdFilter>,
    /// Who entered.
    pub operator_id: Option<IdFilter>,
    /// When it began.
    pub started_at: Option<DateTimeFilter>,
    /// When it expires.
    pub expires_at: Option<DateTimeFilter>,
    /// All of these hold.
    pub and: Option<Vec<Self>>,
    /// At least one of these holds.
    pub or: Option<Vec<Self>>,
    /// This does not hold.
    pub not: Option<Box<Self>>,
}

impl Filter for OperatorEntryFilter {
    fn logic(&self) -> Logic<'_, Self> {
        Logic { and: self.and.as_deref(), or: self.or.as_deref(), not: self.not.as_deref() }
    }

    fn compare(&self, with: &mut Comparisons<'_>) {
        with.id(("id", Column::Id), self.id.as_ref(), OperatorEntryId::parse);
        with.id(("operatorId", Column::OperatorId), self.operator_id.as_ref(), OperatorId::parse);
        with.time(("startedAt", Column::StartedAt), self.started_at.as_ref());
        with.time(("expiresAt", Column::ExpiresAt), self.expires_at.as_ref());
    }
}

/// By what entries can be ordered. More values may be added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
pub enum OperatorEntryOrderField {
    /// When it began.
    #[default]
    StartedAt,
}

/// How to order entries.
#[derive(Clone, Copy, Debug, Default, InputObject)]
pub struct OperatorEntryOrder {
    /// By what.
    #[graphql(default)]
    pub field: OperatorEntryOrderField,
    /// In which direction.
    #[graphql(default)]
    pub direction: OrderDirection,
}

impl OrderBy<operator_entry::Entity> for OperatorEntryOrder {
    fn order(&self) -> Order<operator_entry::Entity> {
        let direction = self.direction;
        match self.field {
            OperatorEntryOrderField::StartedAt => {
                Order::by_id(direction, Column::Id, |row: &operator_entry::Model| Key::Id(row.id.0))
            }
        }
    }
}
