//! The list of citations of an answer.

use async_graphql::{Enum, InputObject};
use entity::citation::{self, CitationVerification, Column};
use entity::id::{CitationId, DocumentId};
use uuid::Uuid;

use crate::error::Result;
use crate::list::{
    Children, Comparisons, EnumFilter, Filter, IdFilter, Key, List, Logic, Order, OrderBy, OrderDirection,
};
use crate::tenancy::{Operation, Permission};

/// The list of citations of an answer.
pub struct Citations;

impl List for Citations {
    type Entity = citation::Entity;
    type Filter = CitationFilter;
    type Order = CitationOrder;

    const NAME: &'static str = "citations";

    fn require(operation: &Operation) -> Result<()> {
        operation.require(Permission::AgentRunRead).map(drop)
    }

    fn columns(field: &str) -> Option<&'static [Column]> {
        Some(match field {
            "document" => &[Column::DocumentId],
            "documentVersion" => &[Column::DocumentVersionId],
            "chunk" => &[Column::ChunkId],
            "sourceStatus" => &[Column::DocumentId, Column::DocumentVersionId],
            "startOffset" => &[Column::StartOffset, Column::DocumentVersionId],
            "endOffset" => &[Column::EndOffset, Column::DocumentVersionId],
            "answerStartOffset" => &[Column::AnswerStartOffset, Column::AgentRunId],
            "answerEndOffset" => &[Column::AnswerEndOffset, Column::AgentRunId],
            "context" => &[Column::DocumentVersionId, Column::StartOffset, Column::EndOffset, Column::Quote],
            _ => return None,
        })
    }
}

impl Children for Citations {
    fn parent_column() -> Column {
        Column::AgentRunId
    }

    fn parent(row: &citation::Model) -> Uuid {
        row.agent_run_id.0
    }
}

/// What citations of an answer can be filtered by: all fields that are given hold. Null is the same as absent.
#[derive(Clone, Debug, InputObject)]
pub struct CitationFilter {
    /// The id.
    pub id: Option<IdFilter>,
    /// The document that is quoted.
    pub document_id: Option<IdFilter>,
    /// Whether the quote stands at its offsets.
    pub verification: Option<EnumFilter<CitationVerification>>,
    /// All of these hold.
    pub and: Option<Vec<Self>>,
    /// At least one of these holds.
    pub or: Option<Vec<Self>>,
    /// This does not hold.
    pub not: Option<Box<Self>>,
}

impl Filter for CitationFilter {
    fn logic(&self) -> Logic<'_, Self> {
        Logic { and: self.and.as_deref(), or: self.or.as_deref(), not: self.not.as_deref() }
    }

    fn compare(&self, with: &mut Comparisons<'_>) {
        with.id(("id", Column::Id), self.id.as_ref(), CitationId::parse);
        with.id(("documentId", Column::DocumentId), self.document_id.as_ref(), DocumentId::parse);
        with.value(("verification", Column::Verification), self.verification.as_ref());
    }
}

/// By what citations of an answer can be ordered. More values may be added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
pub enum CitationOrderField {
    /// Its place in the answer.
    #[default]
    Ordinal,
}

/// How to order citations of an answer.
#[derive(Clone, Copy, Debug, InputObject)]
pub struct CitationOrder {
    /// By what.
    #[graphql(default)]
    pub field: CitationOrderField,
    /// In which direction.
    #[graphql(default_with = "OrderDirection::Asc")]
    pub direction: OrderDirection,
}

impl Default for CitationOrder {
    fn default() -> Self {
        Self { field: CitationOrderField::default(), direction: OrderDirection::Asc }
    }
}

impl OrderBy<citation::Entity> for CitationOrder {
    fn order(&self) -> Order<citation::Entity> {
        let direction = self.direction;
        match self.field {
            CitationOrderField::Ordinal => {
                Order::by_ordinal(direction, Column::Ordinal, |row: &citation::Model| {
                    Key::Ordinal(row.ordinal)
                })
            }
        }
    }
}
