//! The list of steps of a run.

use async_graphql::{Enum, InputObject};
use entity::agent_run_step::{self, AgentRunStepKind, AgentRunStepStatus, Column};
use uuid::Uuid;

use crate::error::Result;
use crate::list::{
    Children, Comparisons, EnumFilter, Filter, Key, List, Logic, Order, OrderBy, OrderDirection,
};
use crate::tenancy::{Operation, Permission};

/// The list of steps of a run.
pub struct Steps;

impl List for Steps {
    type Entity = agent_run_step::Entity;
    type Filter = AgentRunStepFilter;
    type Order = AgentRunStepOrder;

    const NAME: &'static str = "steps";

    fn require(operation: &Operation) -> Result<()> {
        operation.require(Permission::AgentRunRead).map(drop)
    }

    fn columns(_: &str) -> Option<&'static [Column]> {
        None
    }
}

impl Children for Steps {
    fn parent_column() -> Column {
        Column::AgentRunId
    }

    fn parent(row: &agent_run_step::Model) -> Uuid {
        row.agent_run_id.0
    }
}

/// What steps of a run can be filtered by: all fields that are given hold. Null is the same as absent.
#[derive(Clone, Debug, InputObject)]
pub struct AgentRunStepFilter {
    /// What was done.
    pub kind: Option<EnumFilter<AgentRunStepKind>>,
    /// How it ended.
    pub status: Option<EnumFilter<AgentRunStepStatus>>,
    /// All of these hold.
    pub and: Option<Vec<Self>>,
    /// At least one of these holds.
    pub or: Option<Vec<Self>>,
    /// This does not hold.
    pub not: Option<Box<Self>>,
}

impl Filter for AgentRunStepFilter {
    fn logic(&self) -> Logic<'_, Self> {
        Logic { and: self.and.as_deref(), or: self.or.as_deref(), not: self.not.as_deref() }
    }

    fn compare(&self, with: &mut Comparisons<'_>) {
        with.value(("kind", Column::Kind), self.kind.as_ref());
        with.value(("status", Column::Status), self.status.as_ref());
    }
}

/// By what steps of a run can be ordered. More values may be added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
pub enum AgentRunStepOrderField {
    /// Its place in the run.
    #[default]
    Ordinal,
}

/// How to order steps of a run.
#[derive(Clone, Copy, Debug, InputObject)]
pub struct AgentRunStepOrder {
    /// By what.
    #[graphql(default)]
    pub field: AgentRunStepOrderField,
    /// In which direction.
    #[graphql(default_with = "OrderDirection::Asc")]
    pub direction: OrderDirection,
}

impl Default for AgentRunStepOrder {
    fn default() -> Self {
        Self { field: AgentRunStepOrderField::default(), direction: OrderDirection::Asc }
    }
}

impl OrderBy<agent_run_step::Entity> for AgentRunStepOrder {
    fn order(&self) -> Order<agent_run_step::Entity> {
        let direction = self.direction;
        match self.field {
            AgentRunStepOrderField::Ordinal => {
                Order::by_ordinal(direction, Column::Ordinal, |row: &agent_run_step::Model| {
                    Key::Ordinal(row.ordinal)
                })
            }
        }
    }
}
