//! Mutations of agents and runs.

use async_graphql::{Context, Object};

use super::service::{self, ChangedAgent, NewAgent, NewRun};
use super::types::{
    Agent, AgentCreateInput, AgentPayload, AgentRun, AgentRunCancelInput, AgentRunPayload,
    AgentRunStartInput, AgentUpdateInput,
};
use crate::error::Result;
use crate::graphql::request;

/// Mutations of agents and runs.
#[derive(Default)]
pub struct AgentsMutation;

#[Object]
impl AgentsMutation {
    /// Makes an agent. Needs the permission agent:write.
    async fn agent_create(&self, context: &Context<'_>, input: AgentCreateInput) -> Result<AgentPayload> {
        let request = request(context)?;
        let new = NewAgent {
            id: input.id,
            name: input.name,
            instructions: input.instructions,
            max_passages: input.max_passages,
        };
        let operation = request.operation().await?;
        Ok(AgentPayload { agent: Agent::from(service::create(&operation, request.id(), new).await?) })
    }

    /// Changes an agent. Needs the permission agent:write.
    async fn agent_update(&self, context: &Context<'_>, input: AgentUpdateInput) -> Result<AgentPayload> {
        let request = request(context)?;
        let change = ChangedAgent {
            id: input.id,
            version: input.version,
            name: input.name,
            instructions: input.instructions,
            max_passages: input.max_passages,
        };
        let operation = request.operation().await?;
        let row = service::update(&operation, request.id(), change).await?;
        Ok(AgentPayload { agent: Agent::from(row) })
    }

    /// Starts a run; follow it with the subscription agentRunEvents. Needs the permission agent_run:write.
    async fn agent_run_start(
        &self,
        context: &Context<'_>,
        input: AgentRunStartInput,
    ) -> Result<AgentRunPayload> {
        let request = request(context)?;
        let new = NewRun {
            id: input.id,
            agent_id: input.agent_id,
            input: input.input,
            collection_ids: input.collection_ids.unwrap_or_default(),
            seconds: request.app().limits().run_seconds,
        };
        let operation = request.operation().await?;
        Ok(AgentRunPayload {
            agent_run: AgentRun::from(service::start(&operation, request.id(), new).await?),
        })
    }

    /// Cancels a run; canceling one that has ended changes nothing. Needs the permission agent_run:write.
    async fn agent_run_cancel(
        &self,
        context: &Context<'_>,
        input: AgentRunCancelInput,
    ) -> Result<AgentRunPayload> {
        let request = request(context)?;
        let operation = request.operation().await?;
        Ok(AgentRunPayload {
            agent_run: AgentRun::from(service::cancel(&operation, request.id(), &input.id).await?),
        })
    }
}
