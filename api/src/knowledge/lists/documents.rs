//! The list of documents.

use async_graphql::{Enum, InputObject};
use entity::document::{self, Column};
use entity::id::{CollectionId, DocumentId};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, Select};
use uuid::Uuid;

use crate::error::Result;
use crate::list::{
    Children, Comparisons, DateTimeFilter, Filter, IdFilter, Key, List, Logic, Order, OrderBy,
    OrderDirection, TextFilter,
};
use crate::tenancy::{Operation, Permission};

/// The list of documents.
pub struct Documents;

impl List for Documents {
    type Entity = document::Entity;
    type Filter = DocumentFilter;
    type Order = DocumentOrder;

    const NAME: &'static str = "documents";

    fn require(operation: &Operation) -> Result<()> {
        operation.require(Permission::DocumentRead).map(drop)
    }

    fn columns(field: &str) -> Option<&'static [Column]> {
        Some(match field {
            "collection" => &[Column::CollectionId],
            "currentVersion" => &[Column::CurrentVersionId],
            "versions" | "ingestion" => &[Column::Id],
            _ => return None,
        })
    }

    fn select() -> Select<document::Entity> {
        document::Entity::find().filter(document::Column::DeletedAt.is_null())
    }
}

impl Children for Documents {
    fn parent_column() -> Column {
        Column::CollectionId
    }

    fn parent(row: &document::Model) -> Uuid {
        row.collection_id.0
    }
}

/// What documents can be filtered by: all fields that are given hold. Null is the same as absent.
#[derive(Clone, Debug, InputObject)]
pub struct DocumentFilter {
    /// The id.
    pub id: Option<IdFilter>,
    /// The collection that it belongs to.
    pub collection_id: Option<IdFilter>,
    /// The title.
    pub title: Option<TextFilter>,
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

impl Filter for DocumentFilter {
    fn logic(&self) -> Logic<'_, Self> {
        Logic { and: self.and.as_deref(), or: self.or.as_deref(), not: self.not.as_deref() }
    }

    fn compare(&self, with: &mut Comparisons<'_>) {
        with.id(("id", Column::Id), self.id.as_ref(), DocumentId::parse);
        with.id(("collectionId", Column::CollectionId), self.collection_id.as_ref(), CollectionId::parse);
        with.text(("title", Column::Title), self.title.as_ref());
        with.time(("createdAt", Column::CreatedAt), self.created_at.as_ref());
        with.time(("updatedAt", Column::UpdatedAt), self.updated_at.as_ref());
    }
}

/// By what documents can be ordered. More values may be added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
pub enum DocumentOrderField {
    /// When it was made.
    #[default]
    CreatedAt,
    /// When it was last changed.
    UpdatedAt,
    /// The title.
    Title,
}

/// How to order documents.
#[derive(Clone, Copy, Debug, Default, InputObject)]
pub struct DocumentOrder {
    /// By what.
    #[graphql(default)]
    pub field: DocumentOrderField,
    /// In which direction.
    #[graphql(default)]
    pub direction: OrderDirection,
}

impl OrderBy<document::Entity> for DocumentOrder {
    fn order(&self) -> Order<document::Entity> {
        let direction = self.direction;
        match self.field {
            DocumentOrderField::CreatedAt => Order::by_time(
                direction,
                "createdAt",
                (Column::CreatedAt, Column::Id),
                |row: &document::Model| Key::Time(row.created_at, row.id.0),
            ),
            DocumentOrderField::UpdatedAt => Order::by_time(
                direction,
                "updatedAt",
                (Column::UpdatedAt, Column::Id),
                |row: &document::Model| Key::Time(row.updated_at, row.id.0),
            ),
            DocumentOrderField::Title => {
                Order::by_text(direction, "title", (Column::Title, Column::Id), |row: &document::Model| {
                    Key::Text(row.title.clone(), row.id.0)
                })
            }
        }
    }
}
