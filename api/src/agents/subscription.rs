//! The stream of a run: its log from a cursor on, then what is added to it, until the run has ended.

use std::sync::Arc;
use std::time::Duration;

use async_graphql::{Context, SimpleObject, Subscription, Union};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use entity::agent_run::{AgentRunFailureClass, AgentRunStatus};
use entity::agent_run_event::{self, AgentRunEventKind};
use entity::agent_run_step::AgentRunStepKind;
use entity::citation::CitationVerification;
use entity::id::{AgentRunId, Given};
use futures_util::Stream;
use sea_orm::ActiveEnum;
use tokio::sync::Semaphore;
use tokio::sync::broadcast::Receiver;

use super::status::is_terminal;
use super::{events, service};
use crate::app::App;
use crate::error::{Error, Result};
use crate::graphql::OriginOfRequest;
use crate::input::Check;
use crate::tenancy::{Access, Permission, Wake};

/// How long a lost wake-up can delay an event.
const POLL_EVERY: Duration = Duration::from_secs(1);

/// How many followers of this process read at the same time.
static FOLLOWERS: Semaphore = Semaphore::const_new(4);

/// An event of a run. It is complete in itself: nothing has to be asked back.
#[derive(SimpleObject)]
pub struct AgentRunEvent {
    /// Pass the last one as `after` to go on behind it.
    cursor: String,
    /// Contiguous in the run, from 1.
    seq: i32,
    /// When it happened.
    occurred_at: DateTime<Utc>,
    /// The run's status after it.
    status_after: AgentRunStatus,
    /// What happened.
    event: AgentRunEventBody,
}

/// What happened in a run. More types may be added.
#[derive(Union)]
pub enum AgentRunEventBody {
    /// The status changed.
    StatusChanged(AgentRunStatusChanged),
    /// A step ended.
    StepFinished(AgentRunStepFinished),
    /// The answer grew.
    AnswerDelta(AgentRunAnswerDelta),
    /// A citation was checked and stored.
    CitationAdded(AgentRunCitationAdded),
}

/// The status of a run changed.
#[derive(SimpleObject)]
pub struct AgentRunStatusChanged {
    /// The status.
    status: AgentRunStatus,
    /// Why it failed; null otherwise.
    failure_class: Option<AgentRunFailureClass>,
    /// A sentence about the failure; null where it did not fail.
    message: Option<String>,
}

/// A step of a run ended.
#[derive(SimpleObject)]
pub struct AgentRunStepFinished {
    /// What it did.
    kind: AgentRunStepKind,
    /// A sentence for people.
    detail: String,
}

/// The answer of a run grew, or began anew.
#[derive(SimpleObject)]
pub struct AgentRunAnswerDelta {
    /// What to append to the text so far; where `replaces`, the whole of it.
    text: String,
    /// Whether the text so far is void and `text` takes its place: the model searched again, or was asked again after a failure.
    replaces: bool,
}

/// A citation of a run was checked and stored.
#[derive(SimpleObject)]
pub struct AgentRunCitationAdded {
    /// The quoted text.
    quote: String,
    /// Whether it stands in its source.
    verification: CitationVerification,
}

/// Streams of runs.
#[derive(Default)]
pub struct AgentsSubscription;

#[Subscription]
impl AgentsSubscription {
    /// The events of a run, from the first or after a cursor, until it has ended. A run that does not exist, or that you may
    /// not see, is NOT_FOUND. Needs the permission agent_run:read.
    async fn agent_run_events(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The run.")] agent_run_id: Given<AgentRunId>,
        #[graphql(desc = "Only events behind this cursor; all unless said.")] after: Option<String>,
    ) -> Result<impl Stream<Item = Result<AgentRunEvent>> + use<>> {
        let app =
            context.data::<Arc<App>>().map_err(|_| Error::internal("no application in the schema"))?.clone();
        let origin = context.data::<OriginOfRequest>().cloned().unwrap_or(OriginOfRequest(None));
        let mut check = Check::arguments();
        let run = check.id("agentRunId", &agent_run_id);
        let run = check.finish_with(run)?;
        let seq = after.map(|cursor| decode(run, &cursor)).transpose()?.unwrap_or(0);
        // Before the first look, so that nothing falls between the look and the wait.
        let wakes = app.database().wakes().subscribe();
        let follower = Follower { app, origin, run, seq, wakes, queue: Vec::new(), ended: false };
        follower.check().await?;
        Ok(futures_util::stream::try_unfold(follower, |mut follower| async move {
            Ok(follower.next().await?.map(|event| (event, follower)))
        }))
    }
}

/// A place in the log of a run. Each look is an operation of its own, under the subscriber's current permissions.
struct Follower {
    app: Arc<App>,
    origin: OriginOfRequest,
    run: AgentRunId,
    seq: i32,
    wakes: Receiver<Wake>,
    /// What was read and not sent yet, newest first.
    queue: Vec<agent_run_event::Model>,
    ended: bool,
}

impl Follower {
    async fn check(&self) -> Result<()> {
        let operation = self.app.database().operation(self.origin.for_request()?, Access::ReadOnly).await?;
        let _ = operation.require(Permission::AgentRunRead)?;
        service::run(&operation, self.run).await?.map(drop).ok_or(Error::NotFound("run"))
    }

    async fn next(&mut self) -> Result<Option<AgentRunEvent>> {
        loop {
            if let Some(row) = self.queue.pop() {
                self.seq = row.seq;
                self.ended = is_terminal(row.status_after) && row.kind == AgentRunEventKind::StatusChanged;
                return present(&row).map(Some);
            }
            if self.ended {
                return Ok(None);
            }
            // Followers share a few connections, so that they cannot take them all from requests.
            let place = FOLLOWERS.acquire().await.map_err(Error::internal)?;
            let operation =
                self.app.database().operation(self.origin.for_request()?, Access::ReadOnly).await?;
            let _ = operation.require(Permission::AgentRunRead)?;
            self.queue = events::after(&operation, self.run, self.seq).await?;
            self.queue.reverse();
            if self.queue.is_empty() {
                let run = service::run(&operation, self.run).await?.ok_or(Error::NotFound("run"))?;
                drop(operation);
                drop(place);
                if is_terminal(run.status) {
                    return Ok(None);
                }
                self.wait().await;
            }
        }
    }

    async fn wait(&mut self) {
        let run = self.run;
        let woken = async {
            loop {
                match self.wakes.recv().await {
                    Ok(Wake::AgentRun(id)) if id == run => return,
                    Ok(_) => {}
                    // Missed some; looking is never wrong.
                    Err(_) => return,
                }
            }
        };
        let _ = tokio::time::timeout(POLL_EVERY, woken).await;
    }
}

fn present(row: &agent_run_event::Model) -> Result<AgentRunEvent> {
    let text = |key: &str| row.data.get(key).and_then(|value| value.as_str()).map(str::to_owned);
    let event = match row.kind {
        AgentRunEventKind::StatusChanged => AgentRunEventBody::StatusChanged(AgentRunStatusChanged {
            status: row.status_after,
            failure_class: text("failure_class")
                .map(|class| AgentRunFailureClass::try_from_value(&class))
                .transpose()?,
            message: text("message"),
        }),
        AgentRunEventKind::StepFinished => AgentRunEventBody::StepFinished(AgentRunStepFinished {
            kind: AgentRunStepKind::try_from_value(&text("step_kind").unwrap_or_default())?,
            detail: text("detail").unwrap_or_default(),
        }),
        AgentRunEventKind::AnswerDelta => {
            let replaces = row.data.get("replaces").and_then(serde_json::Value::as_bool).unwrap_or_default();
            AgentRunEventBody::AnswerDelta(AgentRunAnswerDelta {
                text: text("text").unwrap_or_default(),
                replaces,
            })
        }
        AgentRunEventKind::CitationAdded => AgentRunEventBody::CitationAdded(AgentRunCitationAdded {
            quote: text("quote").unwrap_or_default(),
            verification: CitationVerification::try_from_value(&text("verification").unwrap_or_default())?,
        }),
    };
    Ok(AgentRunEvent {
        cursor: encode(row.agent_run_id, row.seq),
        seq: row.seq,
        occurred_at: row.created_at,
        status_after: row.status_after,
        event,
    })
}

fn encode(run: AgentRunId, seq: i32) -> String {
    URL_SAFE_NO_PAD.encode(format!("1:run:{}:{seq}", run.0.simple()))
}

fn decode(run: AgentRunId, cursor: &str) -> Result<i32> {
    let refuse = || Error::field("after", "INVALID_CURSOR", "`after` is not a cursor of this run.");
    if cursor.len() > 200 {
        return Err(refuse());
    }
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| refuse())?;
    let text = String::from_utf8(bytes).map_err(|_| refuse())?;
    let seq = text.strip_prefix(&format!("1:run:{}:", run.0.simple())).ok_or_else(refuse)?;
    seq.parse().ok().filter(|seq| *seq >= 0).ok_or_else(refuse)
}
