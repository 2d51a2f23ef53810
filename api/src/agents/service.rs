//! The rules of agents and of starting and canceling their runs.

use entity::agent;
use entity::agent_run::{self, AgentRunStatus, AgentRunWaitReason};
use entity::agent_run_event::AgentRunEventKind;
use entity::id::{AgentId, AgentRunId, CollectionId, Given};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use serde_json::json;

use super::events::{NewEvent, append};
use super::status::{is_terminal, move_to, tell_finished};
use crate::error::{Error, ID_EXISTS, Result, broken_constraint};
use crate::input::Check;
use crate::jobs::service::{NewJob, enqueue};
use crate::knowledge::retrieval::check_collections;
use crate::tenancy::{Audit, AuditAction, Event, EventType, Operation, Permission};

/// What runs are called in the job lane.
pub(super) const EXECUTE: &str = "agent_run.execute";
/// What answers without a model.
const EXTRACTIVE: &str = "extractive";
/// The longest question, in characters.
const LONGEST_INPUT: usize = 10_000;
const MOST_COLLECTIONS: usize = 100;

/// An agent to make; absent fields take a default.
pub struct NewAgent {
    /// The client's id; none for one of ours.
    pub id: Option<Given<AgentId>>,
    /// The name, unique in the workspace.
    pub name: String,
    /// What a model is told.
    pub instructions: Option<String>,
    /// How many passages a run reads.
    pub max_passages: Option<i32>,
}

/// What is to change of an agent; absent fields keep what they are.
pub struct ChangedAgent {
    /// The agent.
    pub id: Given<AgentId>,
    /// The version that the change was made against.
    pub version: i32,
    /// A new name.
    pub name: Option<String>,
    /// New instructions.
    pub instructions: Option<String>,
    /// A new number of passages.
    pub max_passages: Option<i32>,
}

fn check_name(check: &mut Check, name: &str) -> String {
    check.text("name", name, 1..=200)
}

fn check_instructions(check: &mut Check, instructions: Option<&str>) -> Option<String> {
    check.optional_text("instructions", instructions, 0..=20_000)
}

fn check_passages(check: &mut Check, count: Option<i32>) {
    if count.is_some_and(|count| !(1..=50).contains(&count)) {
        check.refuse("maxPassages", "OUT_OF_RANGE", "`maxPassages` is a number from 1 to 50.");
    }
}

/// Makes an agent.
///
/// # Errors
///
/// FORBIDDEN, BAD_USER_INPUT, CONFLICT for an id or a name that is taken.
pub async fn create(operation: &Operation, request_id: &str, new: NewAgent) -> Result<agent::Model> {
    let _ = operation.require(Permission::AgentWrite)?;
    let mut check = Check::new();
    let id = check.new_id("id", new.id.as_ref());
    let name = check_name(&mut check, &new.name);
    let instructions = check_instructions(&mut check, new.instructions.as_deref());
    check_passages(&mut check, new.max_passages);
    let id = check.finish_with(id)?;
    let row = agent::ActiveModel {
        workspace_id: Set(operation.workspace_id()?),
        id: Set(id),
        name: Set(name),
        instructions: Set(instructions.unwrap_or_default()),
        model: Set(EXTRACTIVE.to_owned()),
        max_passages: Set(new.max_passages.unwrap_or(12)),
        ..Default::default()
    };
    let row = agent::Entity::insert(row).exec_with_returning(operation).await.map_err(taken)?;
    tell(operation, request_id, EventType::AgentCreated, &row);
    operation.audit(Audit {
        action: AuditAction::AgentCreate,
        targets: vec![row.id.to_string()],
        before: json!(null),
        after: json!({ "name": row.name }),
        request_id: request_id.to_owned(),
    });
    Ok(row)
}

/// Changes an agent; runs that have begun keep what they began with.
///
/// # Errors
///
/// FORBIDDEN, BAD_USER_INPUT, NOT_FOUND, CONFLICT with the current version, or for a name that is taken.
pub async fn update(operation: &Operation, request_id: &str, change: ChangedAgent) -> Result<agent::Model> {
    let _ = operation.require(Permission::AgentWrite)?;
    let mut check = Check::new();
    let id = check.id("id", &change.id);
    let version = check.version(change.version);
    let name = change.name.map(|name| check_name(&mut check, &name));
    let instructions = check_instructions(&mut check, change.instructions.as_deref());
    check_passages(&mut check, change.max_passages);
    let id = check.finish_with(id)?;
    let select = agent::Entity::find().filter(agent::Column::Id.eq(id)).lock_exclusive();
    let before = select.one(operation).await?.ok_or(Error::NotFound("agent"))?;
    if before.version != version {
        return Err(Error::Conflict("Somebody changed this agent in the meantime.", Some(before.version)));
    }
    let changed = agent::ActiveModel {
        name: Set(name.unwrap_or_else(|| before.name.clone())),
        instructions: Set(instructions.unwrap_or_else(|| before.instructions.clone())),
        max_passages: Set(change.max_passages.unwrap_or(before.max_passages)),
        version: Set(before.version + 1),
        updated_at: Set(crate::clock::now()),
        ..Default::default()
    };
    let rows = agent::Entity::update_many()
        .set(changed)
        .filter(agent::Column::Id.eq(id))
        .exec_with_returning(operation);
    let row = rows.await.map_err(taken)?.pop().ok_or(Error::NotFound("agent"))?;
    tell(operation, request_id, EventType::AgentUpdated, &row);
    operation.audit(Audit {
        action: AuditAction::AgentUpdate,
        targets: vec![id.to_string()],
        before: json!({ "name": before.name, "instructions": before.instructions, "max_passages": before.max_passages }),
        after: json!({ "name": row.name, "instructions": row.instructions, "max_passages": row.max_passages }),
        request_id: request_id.to_owned(),
    });
    Ok(row)
}

fn taken(error: sea_orm::DbErr) -> Error {
    match broken_constraint(&error) {
        Some("agents_pkey") => ID_EXISTS,
        Some("agents_name") => Error::Conflict("An agent of this name exists.", None),
        _ => error.into(),
    }
}

fn tell(operation: &Operation, request_id: &str, r#type: EventType, row: &agent::Model) {
    operation.publish(Event {
        r#type,
        subject: row.id.to_string(),
        data: json!({ "name": row.name }),
        correlation_id: request_id.to_owned(),
    });
}

/// A run to start.
pub struct NewRun {
    /// The client's id; none for one of ours.
    pub id: Option<Given<AgentRunId>>,
    /// The agent.
    pub agent_id: Given<AgentId>,
    /// The question.
    pub input: String,
    /// Where to look; everywhere if empty.
    pub collection_ids: Vec<Given<CollectionId>>,
    /// How long it may take, in seconds.
    pub seconds: i64,
}

/// Queues a run.
///
/// # Errors
///
/// FORBIDDEN, BAD_USER_INPUT, NOT_FOUND for the agent or a collection, CONFLICT for an id that is taken.
pub async fn start(operation: &Operation, request_id: &str, new: NewRun) -> Result<agent_run::Model> {
    let _ = operation.require(Permission::AgentRunWrite)?;
    let mut check = Check::new();
    let id = check.new_id("id", new.id.as_ref());
    let agent_id = check.id("agentId", &new.agent_id);
    let input = check.text("input", &new.input, 1..=LONGEST_INPUT);
    let collections = check.ids("collectionIds", &new.collection_ids, MOST_COLLECTIONS);
    let ((id, agent_id), collections) = check.finish_with(id.zip(agent_id).zip(collections))?;
    let agent = agent::Entity::find().filter(agent::Column::Id.eq(agent_id)).one(operation).await?;
    let agent = agent.ok_or(Error::NotFound("agent"))?;
    check_collections(operation, &collections).await?;
    let collections: Vec<_> = collections.iter().map(|id| id.0).collect();
    let row = agent_run::ActiveModel {
        workspace_id: Set(operation.workspace_id()?),
        id: Set(id),
        agent_id: Set(agent.id),
        agent_version: Set(agent.version),
        started_by: Set(operation.actor_id().ok_or(Error::Unauthenticated("Sign in first."))?),
        input: Set(input),
        collection_ids: Set(json!(collections)),
        wait_reason: Set(Some(AgentRunWaitReason::Queue)),
        deadline_at: Set(crate::clock::now() + chrono::TimeDelta::seconds(new.seconds)),
        ..Default::default()
    };
    agent_run::Entity::insert(row).exec_without_returning(operation).await.map_err(|error| {
        match broken_constraint(&error) {
            Some("agent_runs_pkey") => ID_EXISTS,
            _ => error.into(),
        }
    })?;
    append(operation, id, vec![NewEvent { kind: AgentRunEventKind::StatusChanged, data: json!({}) }]).await?;
    enqueue(
        operation,
        NewJob {
            kind: EXECUTE,
            subject_id: id.0,
            dedupe_key: Some(format!("{EXECUTE}:{}", id.0)),
            delay_ms: 0,
            correlation_id: request_id,
        },
    )
    .await?;
    operation.publish(Event {
        r#type: EventType::AgentRunStarted,
        subject: id.to_string(),
        data: json!({ "agent_id": agent.id.to_string() }),
        correlation_id: request_id.to_owned(),
    });
    operation.audit(Audit {
        action: AuditAction::AgentRunStart,
        targets: vec![id.to_string(), agent.id.to_string()],
        before: json!(null),
        after: json!({ "status": "QUEUED" }),
        request_id: request_id.to_owned(),
    });
    run(operation, id).await?.ok_or(Error::NotFound("run"))
}

/// Cancels a run; its worker stops at the next step. Canceling an ended run changes nothing.
///
/// # Errors
///
/// FORBIDDEN, BAD_USER_INPUT, NOT_FOUND.
pub async fn cancel(
    operation: &Operation,
    request_id: &str,
    id: &Given<AgentRunId>,
) -> Result<agent_run::Model> {
    let _ = operation.require(Permission::AgentRunWrite)?;
    let mut check = Check::new();
    let id = check.id("id", id);
    let id = check.finish_with(id)?;
    let select = agent_run::Entity::find().filter(agent_run::Column::Id.eq(id)).lock_exclusive();
    let before = select.one(operation).await?.ok_or(Error::NotFound("run"))?;
    if is_terminal(before.status) {
        return Ok(before);
    }
    move_to(operation, id, AgentRunStatus::Canceled, None).await?;
    tell_finished(operation, id, AgentRunStatus::Canceled, request_id);
    operation.audit(Audit {
        action: AuditAction::AgentRunCancel,
        targets: vec![id.to_string()],
        before: json!({ "status": sea_orm::ActiveEnum::to_value(&before.status) }),
        after: json!({ "status": "CANCELED" }),
        request_id: request_id.to_owned(),
    });
    run(operation, id).await?.ok_or(Error::NotFound("run"))
}

/// A run; none where it does not exist or is not visible.
///
/// # Errors
///
/// BAD_USER_INPUT outside a workspace.
pub async fn run(operation: &Operation, id: AgentRunId) -> Result<Option<agent_run::Model>> {
    operation.workspace_id()?;
    Ok(agent_run::Entity::find().filter(agent_run::Column::Id.eq(id)).one(operation).await?)
}
