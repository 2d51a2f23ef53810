//! Queries about jobs.

use async_graphql::{Context, Object};
use entity::job::JobStatus;

use super::service;
use super::types::Job;
use crate::error::Result;
use crate::graphql::{Connection, connection, list_cost, operation};
use crate::page::{Key, Order, Page, PageArgs};

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
        #[graphql(desc = "How many from the beginning, 1 to 100; 20 unless said.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
    ) -> Result<Connection<Job>> {
        let page = Page::parse("jobs", Order::Newest, PageArgs { first, after, last, before })?;
        let operation = operation(context).await?;
        let rows = service::list(&operation, status, &page).await?;
        Ok(connection(&page, rows, |row| Key::Id(row.id.0), Job::from))
    }
}
