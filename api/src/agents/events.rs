//! The log of a run: appended under the run's own counter, read page by page after a cursor.

use entity::agent_run_event::{self, AgentRunEventKind};
use entity::id::{AgentRunEventId, AgentRunId};
use sea_orm::{
    ActiveEnum, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Value,
};

use crate::error::{Error, Result};
use crate::tenancy::{Operation, Wake, statement};

/// How many events one look reads.
pub(super) const BATCH: u64 = 200;

/// An event to append.
pub(super) struct NewEvent {
    /// Which kind.
    pub(super) kind: AgentRunEventKind,
    /// What the kind promises.
    pub(super) data: serde_json::Value,
}

/// Appends events in order, numbered without gaps, with the run's status as it is now.
pub(super) async fn append(operation: &Operation, run: AgentRunId, events: Vec<NewEvent>) -> Result<()> {
    use sea_orm::sea_query::ArrayType;
    let count = i32::try_from(events.len()).map_err(Error::internal)?;
    let array = |kind, values: Vec<Value>| Value::Array(kind, Some(Box::new(values)));
    let ids = events.iter().map(|_| AgentRunEventId::new().0.into()).collect();
    let kinds = events.iter().map(|event| event.kind.to_value().into()).collect();
    let data = events.into_iter().map(|event| event.data.into()).collect();
    // Append: the counter's row lock orders writers; numbers and rows commit together.
    let written = operation
        .execute_raw(statement(
            "with counted as (update public.agent_runs set event_seq = event_seq + $2, updated_at = now()
               where workspace_id = app.workspace_id() and id = $1 returning event_seq - $2 as before, status)
             insert into public.agent_run_events (workspace_id, id, agent_run_id, seq, kind, status_after, data)
             select app.workspace_id(), new.id, $1, counted.before + new.place, new.kind, counted.status, new.data
             from counted, unnest($3::uuid[], $4::text[], $5::jsonb[]) with ordinality as new (id, kind, data, place)",
            [
                run.0.into(),
                count.into(),
                array(ArrayType::Uuid, ids),
                array(ArrayType::String, kinds),
                array(ArrayType::Json, data),
            ],
        ))
        .await?;
    if written.rows_affected() != u64::try_from(count).unwrap_or_default() {
        return Err(Error::NotFound("run"));
    }
    operation.wake(Wake::AgentRun(run));
    Ok(())
}

/// The events after a place in the log, oldest first.
pub(super) async fn after(
    operation: &Operation,
    run: AgentRunId,
    seq: i32,
) -> Result<Vec<agent_run_event::Model>> {
    let select = agent_run_event::Entity::find()
        .filter(agent_run_event::Column::AgentRunId.eq(run))
        .filter(agent_run_event::Column::Seq.gt(seq))
        .order_by_asc(agent_run_event::Column::Seq)
        .limit(BATCH);
    Ok(select.all(operation).await?)
}
