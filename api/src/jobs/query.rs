//! Queries about jobs.

use async_graphql::{Context, Object};
use entity::job::{self, JobStatus};
use sea_orm::ColumnTrait;

use super::lists::{JobFilter, JobOrder, Jobs};
use super::types::Job;
use crate::error::Result;
use crate::graphql::{Connection, ListArgs, list, list_cost};
use crate::list::PageArgs;

/// Queries about jobs.
#[derive(Default)]
pub struct JobsQuery;

#[Object]
impl JobsQuery {
    /// Jobs, newest first. Needs the permission job:read.
    #[graphql(complexity = "list_cost(first, last, child_complexity)")]
    async fn jobs(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Only jobs in this status.")] status: Option<JobStatus>,
        #[graphql(desc = "Only rows for which this holds.")] filter: Option<JobFilter>,
        #[graphql(desc = "The order; newest first unless said.")] order_by: Option<JobOrder>,
        #[graphql(desc = "How many from the beginning, 1 to 100; 20 unless said.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
    ) -> Result<Connection<Job>> {
        let args = ListArgs { filter, order_by, page: PageArgs { first, after, last, before } };
        let only = status.map(|status| job::Column::Status.eq(status));
        list::<Jobs, _>(context, args, only).await
    }
}
