//! The rules of agents and of starting and canceling their runs.

use entity::agent;
use entity::agent_run::{self, AgentRunStatus, AgentRunWaitReason};
use entity::agent_run_event::AgentRunEventKind;
use entity::id::{AgentId, AgentRunId, CollectionId};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use serde_json::json;

use super::events::{NewEvent, append};
use super::status::{is_terminal, move_to, tell_finished};
use crate::error::{Error, Result, broken_constraint};
use crate::input::Check;
use crate::jobs::service::{NewJob, enqueue};
use crate::knowledge::retrieval::check_collections;
use crate::tenancy::{Audit, Event, EventType, Operation, Permission};

/// What runs are called in the job lane.
pub(super) const EXECUTE: &str = "agent_run.execute";
/// What answers without a model.
const EXTRACTIVE: &str = "extractive";
/// The longest question, in characters.
const LONGEST_INPUT: usize = 10_000;
const MOST_COLLECTIONS: usize = 100;

/// What an agent is to be; absent fields keep what they are, or take a default.
pub struct AgentFields {
    /// The name, unique in the workspace.
    pub name: Option<String>,
    /// What a model is told.
    pub instructions: Option<String>,
    /// How many passages a run reads.
    pub max_passages: Option<i32>,
}

fn check(fields: &AgentFields) -> Result<AgentFields> {
    let mut check = Check::new();
    let name = check.optional_text("name", fields.name.as_deref(), 1..=200);
    let instructions = check.optional_text("instructions", fields.instructions.as_deref(), 0..=20_000);
    if fields.max_passages.is_some_and(|count| !(1..=50).contains(&count)) {
        check.refuse("maxPassages", "OUT_OF_RANGE", "`maxPassages` is a number from 1 to 50.");
    }
    check.finish()?;
    Ok(AgentFields { name, instructions, max_passages: fields.max_passages })
}

/// Makes an agent.
///
/// # Errors
///
/// FORBIDDEN, BAD_USER_INPUT, CONFLICT for a name that is taken.
pub async fn create(operation: &Operation, request_id: &str, fields: AgentFields) -> Result<agent::Model> {
    let _ = operation.require(Permission::AgentWrite)?;
    let fields = check(&fields)?;
    let name = fields.name.ok_or_else(|| Error::field("input.name", "REQUIRED", "`name` is missing."))?;
    let row = agent::ActiveModel {
        workspace_id: Set(operation.workspace_id()?),
        id: Set(AgentId::new()),
        name: Set(name),
        instructions: Set(fields.instructions.unwrap_or_default()),
        model: Set(EXTRACTIVE.to_owned()),
        max_passages: Set(fields.max_passages.unwrap_or(12)),
        ..Default::default()
    };
    let row = agent::Entity::insert(row).exec_with_returning(operation).await.map_err(name_taken)?;
    tell(operation, request_id, EventType::AgentCreated, &row);
    operation.audit(Audit {
        action: "agent.create",
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
pub async fn update(
    operation: &Operation,
    request_id: &str,
    (id, version): (AgentId, i32),
    fields: AgentFields,
) -> Result<agent::Model> {
    let _ = operation.require(Permission::AgentWrite)?;
    let fields = check(&fields)?;
    let select = agent::Entity::find().filter(agent::Column::Id.eq(id)).lock_exclusive();
    let before = select.one(operation).await?.ok_or(Error::NotFound("agent"))?;
    if before.version != version {
        return Err(Error::Conflict("Somebody changed this agent in the meantime.", Some(before.version)));
    }
    let change = agent::ActiveModel {
        name: Set(fields.name.unwrap_or_else(|| before.name.clone())),
        instructions: Set(fields.instructions.unwrap_or_else(|| before.instructions.clone())),
        max_passages: Set(fields.max_passages.unwrap_or(before.max_passages)),
        version: Set(before.version + 1),
        updated_at: Set(crate::clock::now()),
        ..Default::default()
    };
    let rows = agent::Entity::update_many()
        .set(change)
        .filter(agent::Column::Id.eq(id))
        .exec_with_returning(operation);
    let row = rows.await.map_err(name_taken)?.pop().ok_or(Error::NotFound("agent"))?;
    tell(operation, request_id, EventType::AgentUpdated, &row);
    operation.audit(Audit {
        action: "agent.update",
        targets: vec![id.to_string()],
        before: json!({ "name": before.name, "instructions": before.instructions, "max_passages": before.max_passages }),
        after: json!({ "name": row.name, "instructions": row.instructions, "max_passages": row.max_passages }),
        request_id: request_id.to_owned(),
    });
    Ok(row)
}

fn name_taken(error: sea_orm::DbErr) -> Error {
    if broken_constraint(&error) == Some("agents_name") {
        return Error::Conflict("An agent of this name exists.", None);
    }
    error.into()
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
    /// The agent.
    pub agent_id: AgentId,
    /// The question.
    pub input: String,
    /// Where to look; everywhere if empty.
    pub collection_ids: Vec<CollectionId>,
    /// How long it may take, in seconds.
    pub seconds: i64,
}

/// Queues a run.
///
/// # Errors
///
/// FORBIDDEN, BAD_USER_INPUT, NOT_FOUND for the agent or a collection.
pub async fn start(operation: &Operation, request_id: &str, new: NewRun) -> Result<agent_run::Model> {
    let _ = operation.require(Permission::AgentRunWrite)?;
    let mut check = Check::new();
    let input = check.text("input", &new.input, 1..=LONGEST_INPUT);
    if new.collection_ids.len() > MOST_COLLECTIONS {
        check.refuse(
            "collectionIds",
            "LENGTH",
            format!("`collectionIds` takes at most {MOST_COLLECTIONS} ids."),
        );
    }
    check.finish()?;
    let agent = agent::Entity::find().filter(agent::Column::Id.eq(new.agent_id)).one(operation).await?;
    let agent = agent.ok_or(Error::NotFound("agent"))?;
    check_collections(operation, &new.collection_ids).await?;
    let id = AgentRunId::new();
    let collections: Vec<_> = new.collection_ids.iter().map(|id| id.0).collect();
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
    agent_run::Entity::insert(row).exec_without_returning(operation).await?;
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
        action: "agent_run.start",
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
/// FORBIDDEN, NOT_FOUND.
pub async fn cancel(operation: &Operation, request_id: &str, id: AgentRunId) -> Result<agent_run::Model> {
    let _ = operation.require(Permission::AgentRunWrite)?;
    let select = agent_run::Entity::find().filter(agent_run::Column::Id.eq(id)).lock_exclusive();
    let before = select.one(operation).await?.ok_or(Error::NotFound("run"))?;
    if is_terminal(before.status) {
        return Ok(before);
    }
    move_to(operation, id, AgentRunStatus::Canceled, None).await?;
    tell_finished(operation, id, AgentRunStatus::Canceled, request_id);
    operation.audit(Audit {
        action: "agent_run.cancel",
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
