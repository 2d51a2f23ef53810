//! Queries about agents and runs.

use async_graphql::{Context, Object};
use entity::agent_run::AgentRunStatus;
use entity::id::{AgentId, AgentRunId, Given};

use super::service;
use super::types::{Agent, AgentRun};
use crate::error::Result;
use crate::graphql::{Connection, connection, list_cost, operation};
use crate::input::lookup_id;
use crate::page::{Key, Order, Page, PageArgs};

/// Queries about agents and runs.
#[derive(Default)]
pub struct AgentsQuery;

#[Object]
impl AgentsQuery {
    /// Agents, newest first.
    #[graphql(complexity = "list_cost(first, last, child_complexity)")]
    async fn agents(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many from the beginning, 1 to 100; 20 unless said.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
    ) -> Result<Connection<Agent>> {
        let page = Page::parse("agents", Order::Newest, PageArgs { first, after, last, before })?;
        let rows = service::agents(operation(context).await?.as_ref(), &page).await?;
        Ok(connection(&page, rows, |row| Key::Id(row.id.0), Agent::from))
    }

    /// An agent; null where there is none of this id, or none that you may see.
    async fn agent(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Its id.")] id: Given<AgentId>,
    ) -> Result<Option<Agent>> {
        let id = lookup_id(&id)?;
        Ok(service::agent(operation(context).await?.as_ref(), id).await?.map(Agent::from))
    }

    /// Runs, newest first.
    #[graphql(complexity = "list_cost(first, last, child_complexity)")]
    async fn agent_runs(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Only runs in this status.")] status: Option<AgentRunStatus>,
        #[graphql(desc = "How many from the beginning, 1 to 100; 20 unless said.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
    ) -> Result<Connection<AgentRun>> {
        let page = Page::parse("agentRuns", Order::Newest, PageArgs { first, after, last, before })?;
        let rows = service::runs(operation(context).await?.as_ref(), (None, status), &page).await?;
        Ok(connection(&page, rows, |row| Key::Id(row.id.0), AgentRun::from))
    }

    /// A run; null where there is none of this id, or none that you may see.
    async fn agent_run(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Its id.")] id: Given<AgentRunId>,
    ) -> Result<Option<AgentRun>> {
        let id = lookup_id(&id)?;
        Ok(service::run(operation(context).await?.as_ref(), id).await?.map(AgentRun::from))
    }
}
