//! The list of ingestions.

use async_graphql::{Enum, InputObject};
use entity::id::{DocumentId, IngestionId};
use entity::ingestion::{self, Column, IngestionFailureClass, IngestionStage, IngestionStatus};
use uuid::Uuid;

use crate::error::Result;
use crate::list::{
    Children, Comparisons, DateTimeFilter, EnumFilter, Filter, IdFilter, Key, List, Logic, Order, OrderBy,
    OrderDirection,
};
use crate::tenancy::{Operation, Permission};

/// The list of ingestions.
pub struct Ingestions;

impl List for Ingestions {
    type Entity = ingestion::Entity;
    type Filter = IngestionFilter;
    type Order = IngestionOrder;

    const NAME: &'static str = "ingestions";

    fn require(operation: &Operation) -> Result<()> {
        operation.require(Permission::DocumentRead).map(drop)
    }

    fn columns(field: &str) -> Option<&'static [Column]> {
        Some(match field {
            "document" => &[Column::DocumentId],
            "documentVersion" => &[Column::DocumentVersionId],
            "timings" => &[Column::StageTimings],
            _ => return None,
        })
    }
}

impl Children for Ingestions {
    fn parent_column() -> Column {
        Column::DocumentId
    }

    fn parent(row: &ingestion::Model) -> Uuid {
        row.document_id.0
    }
}

/// What ingestions can be filtered by: all fields that are given hold. Null is the same as absent.
#[derive(Clone, Debug, InputObject)]
pub struct IngestionFilter {
    /// The id.
    pub id: Option<IdFilter>,
    /// The document.
    pub document_id: Option<IdFilter>,
    /// Where it stands.
    pub status: Option<EnumFilter<IngestionStatus>>,
    /// The stage that runs or ran last.
    pub stage: Option<EnumFilter<IngestionStage>>,
    /// Why it failed.
    pub failure_class: Option<EnumFilter<IngestionFailureClass>>,
    /// When it was made.
    pub created_at: Option<DateTimeFilter>,
    /// When it ended.
    pub finished_at: Option<DateTimeFilter>,
    /// All of these hold.
    pub and: Option<Vec<Self>>,
    /// At least one of these holds.
    pub or: Option<Vec<Self>>,
    /// This does not hold.
    pub not: Option<Box<Self>>,
}

impl Filter for IngestionFilter {
    fn logic(&self) -> Logic<'_, Self> {
        Logic { and: self.and.as_deref(), or: self.or.as_deref(), not: self.not.as_deref() }
    }

    fn compare(&self, with: &mut Comparisons<'_>) {
        with.id(("id", Column::Id), self.id.as_ref(), IngestionId::parse);
        with.id(("documentId", Column::DocumentId), self.document_id.as_ref(), DocumentId::parse);
        with.value(("status", Column::Status), self.status.as_ref());
        with.value(("stage", Column::Stage), self.stage.as_ref());
        with.value(("failureClass", Column::FailureClass), self.failure_class.as_ref());
        with.time(("createdAt", Column::CreatedAt), self.created_at.as_ref());
        with.time(("finishedAt", Column::FinishedAt), self.finished_at.as_ref());
    }
}

/// By what ingestions can be ordered. More values may be added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
pub enum IngestionOrderField {
    /// When it was made.
    #[default]
    CreatedAt,
}

/// How to order ingestions.
#[derive(Clone, Copy, Debug, Default, InputObject)]
pub struct IngestionOrder {
    /// By what.
    #[graphql(default)]
    pub field: IngestionOrderField,
    /// In which direction.
    #[graphql(default)]
    pub direction: OrderDirection,
}

impl OrderBy<ingestion::Entity> for IngestionOrder {
    fn order(&self) -> Order<ingestion::Entity> {
        let direction = self.direction;
        match self.field {
            IngestionOrderField::CreatedAt => {
                Order::by_id(direction, Column::Id, |row: &ingestion::Model| Key::Id(row.id.0))
            }
        }
    }
}
