//! The list of collections.

use async_graphql::{Enum, InputObject};
use entity::collection::{self, Column};
use entity::id::CollectionId;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, Select};

use crate::error::Result;
use crate::list::{
    Comparisons, DateTimeFilter, Filter, IdFilter, Key, List, Logic, Order, OrderBy, OrderDirection,
    TextFilter,
};
use crate::tenancy::{Operation, Permission};

/// The list of collections.
pub struct Collections;

impl List for Collections {
    type Entity = collection::Entity;
    type Filter = CollectionFilter;
    type Order = CollectionOrder;

    const NAME: &'static str = "collections";

    fn require(operation: &Operation) -> Result<()> {
        operation.require(Permission::DocumentRead).map(drop)
    }

    fn columns(field: &str) -> Option<&'static [Column]> {
        Some(match field {
            "documents" => &[Column::Id],
            _ => return None,
        })
    }

    fn select() -> Select<collection::Entity> {
        collection::Entity::find().filter(Column::DeletedAt.is_null())
    }
}

/// What collections can be filtered by: all fields that are given hold. Null is the same as absent.
#[derive(Clone, Debug, InputObject)]
pub struct CollectionFilter {
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

impl Filter for CollectionFilter {
    fn logic(&self) -> Logic<'_, Self> {
        Logic { and: self.and.as_deref(), or: self.or.as_deref(), not: self.not.as_deref() }
    }

    fn compare(&self, with: &mut Comparisons<'_>) {
        with.id(("id", Column::Id), self.id.as_ref(), CollectionId::parse);
        with.text(("name", Column::Name), self.name.as_ref());
        with.time(("createdAt", Column::CreatedAt), self.created_at.as_ref());
        with.time(("updatedAt", Column::UpdatedAt), self.updated_at.as_ref());
    }
}

/// By what collections can be ordered. More values may be added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
pub enum CollectionOrderField {
    /// When it was made.
    #[default]
    CreatedAt,
    /// When it was last changed.
    UpdatedAt,
    /// The name.
    Name,
}

/// How to order collections.
#[derive(Clone, Copy, Debug, Default, InputObject)]
pub struct CollectionOrder {
    /// By what.
    #[graphql(default)]
    pub field: CollectionOrderField,
    /// In which direction.
    #[graphql(default)]
    pub direction: OrderDirection,
}

impl OrderBy<collection::Entity> for CollectionOrder {
    fn order(&self) -> Order<collection::Entity> {
        let direction = self.direction;
        match self.field {
            CollectionOrderField::CreatedAt => Order::by_time(
                direction,
                "createdAt",
                (Column::CreatedAt, Column::Id),
                |row: &collection::Model| Key::Time(row.created_at, row.id.0),
            ),
            CollectionOrderField::UpdatedAt => Order::by_time(
                direction,
                "updatedAt",
                (Column::UpdatedAt, Column::Id),
                |row: &collection::Model| Key::Time(row.updated_at, row.id.0),
            ),
            CollectionOrderField::Name => {
                Order::by_text(direction, "name", (Column::Name, Column::Id), |row: &collection::Model| {
                    Key::Text(row.name.clone(), row.id.0)
                })
            }
        }
    }
}
