//! Agents, runs and jobs.

use entity::id::JobId;
use serde_json::json;

use super::{Operation, Place, new_name};

/// The call of a root field.
pub(super) async fn operation(place: Place<'_>, field: &str) -> Option<Operation> {
    let Place { world, who } = place;
    Some(match field {
        "agent" => Operation::sees("agent:read", json!({ "id": place.some("Agent").await })),
        "agents" => Operation::needs("agent:read", json!({ "first": 3 })),
        "agentRun" => Operation::sees("agent_run:read", json!({ "id": place.some("AgentRun").await })),
        "agentRuns" => Operation::needs("agent_run:read", json!({ "first": 3 })),
        "jobs" => Operation::needs("job:read", json!({ "status": "DEAD" })),
        "agentCreate" => Operation::needs("agent:write", json!({ "input": { "name": new_name() } })),
        "agentUpdate" => {
            let id = world.agent(who, &new_name()).await;
            let input = json!({ "id": id, "version": 1, "name": new_name() });
            Operation::needs("agent:write", json!({ "input": input }))
        }
        "agentRunStart" => {
            let agent = world.agent(who, &new_name()).await;
            let collections = [place.some("Collection").await];
            let input =
                json!({ "agentId": agent, "input": "How many days of leave?", "collectionIds": collections });
            Operation::needs("agent_run:write", json!({ "input": input }))
        }
        "agentRunCancel" => {
            let agent = world.agent(who, &new_name()).await;
            let run = world.run(who, &agent, "How many days of leave?").await;
            Operation::needs("agent_run:write", json!({ "input": { "id": run } }))
        }
        "agentRunEvents" => {
            Operation::needs("agent_run:read", json!({ "agentRunId": place.some("AgentRun").await }))
        }
        "jobRetry" => {
            let job = JobId::new();
            let dead = "insert into jobs (workspace_id, id, kind, subject_id, status, correlation_id)
                        select id, $1, 'document.ingest', gen_random_uuid(), 'DEAD', 'test' from workspaces where slug = $2";
            place.plant(dead, job.0).await;
            Operation::needs("job:write", json!({ "input": { "id": job.to_string() } }))
        }
        _ => return None,
    })
}
