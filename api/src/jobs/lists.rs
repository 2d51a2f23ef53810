//! The list of jobs.

use async_graphql::{Enum, InputObject};
use entity::id::JobId;
use entity::job::{self, Column, JobStatus};

use crate::error::Result;
use crate::list::{
    Comparisons, DateTimeFilter, EnumFilter, Filter, IdFilter, Key, List, Logic, Order, OrderBy,
    OrderDirection, TextFilter,
};
use crate::tenancy::{Operation, Permission};

/// The list of jobs.
pub struct Jobs;

impl List for Jobs {
    type Entity = job::Entity;
    type Filter = JobFilter;
    type Order = JobOrder;

    const NAME: &'static str = "jobs";

    fn require(operation: &Operation) -> Result<()> {
        operation.require(Permission::JobRead).map(drop)
    }

    fn columns(field: &str) -> Option<&'static [Column]> {
        Some(match field {
            "subjectId" => &[Column::SubjectId, Column::Kind],
            _ => return None,
        })
    }
}

/// What jobs can be filtered by: all fields that are given hold. Null is the same as absent.
#[derive(Clone, Debug, InputObject)]
pub struct JobFilter {
    /// The id.
    pub id: Option<IdFilter>,
    /// What is to be done, such as document.ingest.
    pub kind: Option<TextFilter>,
    /// The class of the last failure.
    pub failure_class: Option<TextFilter>,
    /// Where it stands.
    pub status: Option<EnumFilter<JobStatus>>,
    /// When it was made.
    pub created_at: Option<DateTimeFilter>,
    /// The moment before which it does not run.
    pub run_at: Option<DateTimeFilter>,
    /// All of these hold.
    pub and: Option<Vec<Self>>,
    /// At least one of these holds.
    pub or: Option<Vec<Self>>,
    /// This does not hold.
    pub not: Option<Box<Self>>,
}

impl Filter for JobFilter {
    fn logic(&self) -> Logic<'_, Self> {
        Logic { and: self.and.as_deref(), or: self.or.as_deref(), not: self.not.as_deref() }
    }

    fn compare(&self, with: &mut Comparisons<'_>) {
        with.id(("id", Column::Id), self.id.as_ref(), JobId::parse);
        with.text(("kind", Column::Kind), self.kind.as_ref());
        with.text(("failureClass", Column::FailureClass), self.failure_class.as_ref());
        with.value(("status", Column::Status), self.status.as_ref());
        with.time(("createdAt", Column::CreatedAt), self.created_at.as_ref());
        with.time(("runAt", Column::RunAt), self.run_at.as_ref());
    }
}

/// By what jobs can be ordered. More values may be added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
pub enum JobOrderField {
    /// When it was made.
    #[default]
    CreatedAt,
}

/// How to order jobs.
#[derive(Clone, Copy, Debug, Default, InputObject)]
pub struct JobOrder {
    /// By what.
    #[graphql(default)]
    pub field: JobOrderField,
    /// In which direction.
    #[graphql(default)]
    pub direction: OrderDirection,
}

impl OrderBy<job::Entity> for JobOrder {
    fn order(&self) -> Order<job::Entity> {
        let direction = self.direction;
        match self.field {
            JobOrderField::CreatedAt => {
                Order::by_id(direction, Column::Id, |row: &job::Model| Key::Id(row.id.0))
            }
        }
    }
}
