//! The list of versions of a document.

use async_graphql::{Enum, InputObject};
use entity::document_version::{self, Column, DocumentFormat};
use entity::id::DocumentVersionId;
use uuid::Uuid;

use crate::error::Result;
use crate::list::{
    Children, Comparisons, DateTimeFilter, EnumFilter, Filter, IdFilter, Key, List, Logic, Order, OrderBy,
    OrderDirection,
};
use crate::tenancy::{Operation, Permission};

/// The list of versions of a document.
pub struct Versions;

impl List for Versions {
    type Entity = document_version::Entity;
    type Filter = DocumentVersionFilter;
    type Order = DocumentVersionOrder;

    const NAME: &'static str = "versions";

    fn require(operation: &Operation) -> Result<()> {
        operation.require(Permission::DocumentRead).map(drop)
    }

    fn columns(field: &str) -> Option<&'static [Column]> {
        Some(match field {
            "document" => &[Column::DocumentId],
            "text" => &[Column::Id],
            _ => return None,
        })
    }
}

impl Children for Versions {
    fn parent_column() -> Column {
        Column::DocumentId
    }

    fn parent(row: &document_version::Model) -> Uuid {
        row.document_id.0
    }
}

/// What versions of a document can be filtered by: all fields that are given hold. Null is the same as absent.
#[derive(Clone, Debug, InputObject)]
pub struct DocumentVersionFilter {
    /// The id.
    pub id: Option<IdFilter>,
    /// The format of the source.
    pub format: Option<EnumFilter<DocumentFormat>>,
    /// When it was made.
    pub created_at: Option<DateTimeFilter>,
    /// All of these hold.
    pub and: Option<Vec<Self>>,
    /// At least one of these holds.
    pub or: Option<Vec<Self>>,
    /// This does not hold.
    pub not: Option<Box<Self>>,
}

impl Filter for DocumentVersionFilter {
    fn logic(&self) -> Logic<'_, Self> {
        Logic { and: self.and.as_deref(), or: self.or.as_deref(), not: self.not.as_deref() }
    }

    fn compare(&self, with: &mut Comparisons<'_>) {
        with.id(("id", Column::Id), self.id.as_ref(), DocumentVersionId::parse);
        with.value(("format", Column::Format), self.format.as_ref());
        with.time(("createdAt", Column::CreatedAt), self.created_at.as_ref());
    }
}

/// By what versions of a document can be ordered. More values may be added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
pub enum DocumentVersionOrderField {
    /// Its place among the versions of its document.
    #[default]
    Ordinal,
}

/// How to order versions of a document.
#[derive(Clone, Copy, Debug, InputObject)]
pub struct DocumentVersionOrder {
    /// By what.
    #[graphql(default)]
    pub field: DocumentVersionOrderField,
    /// In which direction.
    #[graphql(default_with = "OrderDirection::Asc")]
    pub direction: OrderDirection,
}

impl Default for DocumentVersionOrder {
    fn default() -> Self {
        Self { field: DocumentVersionOrderField::default(), direction: OrderDirection::Asc }
    }
}

impl OrderBy<document_version::Entity> for DocumentVersionOrder {
    fn order(&self) -> Order<document_version::Entity> {
        let direction = self.direction;
        match self.field {
            DocumentVersionOrderField::Ordinal => {
                Order::by_ordinal(direction, Column::Ordinal, |row: &document_version::Model| {
                    Key::Ordinal(row.ordinal)
                })
            }
        }
    }
}
