//! Queries about agents and runs.

use async_graphql::{Context, Object};
use entity::agent;
use entity::agent_run::{self, AgentRunStatus};
use entity::id::{AgentId, AgentRunId, Given};
use sea_orm::ColumnTrait;

use super::lists::{AgentFilter, AgentOrder, AgentRunFilter, AgentRunOrder, Agents, Runs};
use super::types::{Agent, AgentRun};
use crate::error::Result;
use crate::graphql::{Connection, ListArgs, list, list_cost, loader, operation};
use crate::input::argument_id;
use crate::list::PageArgs;

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
        #[graphql(desc = "Only rows for which this holds.")] filter: Option<AgentFilter>,
        #[graphql(desc = "The order; newest first unless said.")] order_by: Option<AgentOrder>,
        #[graphql(desc = "How many from the beginning, 1 to 100; 20 unless said.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
    ) -> Result<Connection<Agent>> {
        let args = ListArgs { filter, order_by, page: PageArgs { first, after, last, before } };
        list::<Agents, _>(context, args, None).await
    }

    /// An agent; null where there is none of this id, or none that you may see.
    async fn agent(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Its id.")] id: Given<AgentId>,
    ) -> Result<Option<Agent>> {
        let id = argument_id("id", &id)?;
        operation(context).await?.workspace_id()?;
        Ok(loader::<agent::Entity>(context)?.load_one(id).await?.map(Agent::from))
    }

    /// Runs, newest first.
    #[graphql(complexity = "list_cost(first, last, child_complexity)")]
    async fn agent_runs(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Only runs in this status.")] status: Option<AgentRunStatus>,
        #[graphql(desc = "Only rows for which this holds.")] filter: Option<AgentRunFilter>,
        #[graphql(desc = "The order; newest first unless said.")] order_by: Option<AgentRunOrder>,
        #[graphql(desc = "How many from the beginning, 1 to 100; 20 unless said.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
    ) -> Result<Connection<AgentRun>> {
        let args = ListArgs { filter, order_by, page: PageArgs { first, after, last, before } };
        let only = status.map(|status| agent_run::Column::Status.eq(status));
        list::<Runs, _>(context, args, only).await
    }

    /// A run; null where there is none of this id, or none that you may see.
    async fn agent_run(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Its id.")] id: Given<AgentRunId>,
    ) -> Result<Option<AgentRun>> {
        let id = argument_id("id", &id)?;
        operation(context).await?.workspace_id()?;
        Ok(loader::<agent_run::Entity>(context)?.load_one(id).await?.map(AgentRun::from))
    }
}
