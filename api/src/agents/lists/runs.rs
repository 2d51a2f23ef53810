//! The list of runs.

use async_graphql::{Enum, InputObject};
use entity::agent_run::{self, AgentRunFailureClass, AgentRunStatus, Column};
use entity::id::{AgentId, AgentRunId};
use uuid::Uuid;

use crate::error::Result;
use crate::list::{
    Children, Comparisons, DateTimeFilter, EnumFilter, Filter, IdFilter, Key, List, Logic, Order, OrderBy,
    OrderDirection,
};
use crate::tenancy::{Operation, Permission};

/// The list of runs.
pub struct Runs;

impl List for Runs {
    type Entity = agent_run::Entity;
    type Filter = AgentRunFilter;
    type Order = AgentRunOrder;

    const NAME: &'static str = "agentRuns";

    fn require(operation: &Operation) -> Result<()> {
        operation.require(Permission::AgentRunRead).map(drop)
    }

    fn columns(field: &str) -> Option<&'static [Column]> {
        Some(match field {
            "agent" => &[Column::AgentId],
            "startedBy" => &[Column::StartedBy],
            "answer" => &[
                Column::AnswerText,
                Column::AnswerAbstained,
                Column::AnswerSupported,
                Column::AnswerSentences,
            ],
            "steps" | "citations" => &[Column::Id],
            _ => return None,
        })
    }
}

impl Children for Runs {
    fn parent_column() -> Column {
        Column::AgentId
    }

    fn parent(row: &agent_run::Model) -> Uuid {
        row.agent_id.0
    }
}

/// What runs can be filtered by: all fields that are given hold. Null is the same as absent.
#[derive(Clone, Debug, InputObject)]
pub struct AgentRunFilter {
    /// The id.
    pub id: Option<IdFilter>,
    /// The agent.
    pub agent_id: Option<IdFilter>,
    /// Where it stands.
    pub status: Option<EnumFilter<AgentRunStatus>>,
    /// Why it failed.
    pub failure_class: Option<EnumFilter<AgentRunFailureClass>>,
    /// Whether the documents did not answer the question.
    pub abstained: Option<bool>,
    /// When it was made.
    pub created_at: Option<DateTimeFilter>,
    /// All of these hold.
    pub and: Option<Vec<Self>>,
    /// At least one of these holds.
    pub or: Option<Vec<Self>>,
    /// This does not hold.
    pub not: Option<Box<Self>>,
}

impl Filter for AgentRunFilter {
    fn logic(&self) -> Logic<'_, Self> {
        Logic { and: self.and.as_deref(), or: self.or.as_deref(), not: self.not.as_deref() }
    }

    fn compare(&self, with: &mut Comparisons<'_>) {
        with.id(("id", Column::Id), self.id.as_ref(), AgentRunId::parse);
        with.id(("agentId", Column::AgentId), self.agent_id.as_ref(), AgentId::parse);
        with.value(("status", Column::Status), self.status.as_ref());
        with.value(("failureClass", Column::FailureClass), self.failure_class.as_ref());
        with.flag(Column::AnswerAbstained, self.abstained);
        with.time(("createdAt", Column::CreatedAt), self.created_at.as_ref());
    }
}

/// By what runs can be ordered. More values may be added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
pub enum AgentRunOrderField {
    /// When it was made.
    #[default]
    CreatedAt,
}

/// How to order runs.
#[derive(Clone, Copy, Debug, Default, InputObject)]
pub struct AgentRunOrder {
    /// By what.
    #[graphql(default)]
    pub field: AgentRunOrderField,
    /// In which direction.
    #[graphql(default)]
    pub direction: OrderDirection,
}

impl OrderBy<agent_run::Entity> for AgentRunOrder {
    fn order(&self) -> Order<agent_run::Entity> {
        let direction = self.direction;
        match self.field {
            AgentRunOrderField::CreatedAt => Order::by_time(
                direction,
                "createdAt",
                (Column::CreatedAt, Column::Id),
                |row: &agent_run::Model| Key::Time(row.created_at, row.id.0),
            ),
        }
    }
}
