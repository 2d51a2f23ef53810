//! What subscribers have seen of an answer: pieces are gathered and stored every 200 ms, and each storing looks whether the run is
//! still to go on.
//!
//! The stored pieces, replayed, give the answer's text: a piece that does not go on from the one before says that it replaces all
//! of it, as after a search, a restart, or where the model's last words were not the answer's.

use std::time::Duration;

use entity::agent_run_event::{self, AgentRunEventKind};
use entity::id::AgentRunId;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::agents::events::{NewEvent, append};
use crate::agents::execution::go_on;
use crate::error::Result;
use crate::tenancy::{Operation, Permission};
use crate::worker::JobContext;

/// How long pieces are gathered.
pub(super) const GATHER: Duration = Duration::from_millis(200);
/// How long a run that shows nothing goes on without a look at it.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What was shown, and what is to be.
pub(super) struct Shown {
    run: AgentRunId,
    /// What stands in the log and belongs to the present text.
    text: String,
    pending: String,
    /// Whether the log holds a text that is void.
    void: bool,
    looked: Instant,
}

impl Shown {
    /// What an earlier attempt of the run has shown is void.
    pub(super) async fn of(operation: &Operation, run: AgentRunId) -> Result<Self> {
        let earlier = agent_run_event::Entity::find()
            .filter(agent_run_event::Column::AgentRunId.eq(run))
            .filter(agent_run_event::Column::Kind.eq(AgentRunEventKind::AnswerDelta))
            .one(operation)
            .await?;
        let (text, pending) = (String::new(), String::new());
        Ok(Self { run, text, pending, void: earlier.is_some(), looked: Instant::now() })
    }

    /// The text goes on with this.
    pub(super) fn add(&mut self, piece: &str) {
        self.pending.push_str(piece);
    }

    /// A new text begins.
    pub(super) fn begin_again(&mut self) {
        self.pending.clear();
        self.void |= !self.text.is_empty();
        self.text.clear();
    }

    /// Stores what was gathered, or looks at the run where it is time; false where the run is not to go on.
    pub(super) async fn keep_up(&mut self, context: &JobContext) -> Result<bool> {
        if self.pending.is_empty() && self.looked.elapsed() < LOOK_EVERY {
            return Ok(true);
        }
        let operation = context.operation().await?;
        let _ = operation.require(Permission::DocumentRead)?;
        let Some((operation, _)) = go_on(context, operation, self.run).await? else { return Ok(false) };
        self.looked = Instant::now();
        if self.pending.is_empty() {
            return Ok(true);
        }
        let data = self.piece(&self.pending);
        append(&operation, self.run, vec![NewEvent { kind: AgentRunEventKind::AnswerDelta, data }]).await?;
        operation.commit().await?;
        self.text.push_str(&std::mem::take(&mut self.pending));
        self.void = false;
        Ok(true)
    }

    /// What subscribers lack of the whole text; none where they have it.
    pub(super) fn rest(&self, whole: &str) -> Option<Value> {
        match whole.strip_prefix(self.text.as_str()) {
            Some("") if !self.void => None,
            Some(rest) if !self.text.is_empty() || !self.void => Some(json!({ "text": rest })),
            _ => Some(json!({ "text": whole, "replaces": true })),
        }
    }

    fn piece(&self, text: &str) -> Value {
        if self.void { json!({ "text": text, "replaces": true }) } else { json!({ "text": text }) }
    }
}

#[cfg(test)]
mod tests {
    use entity::id::AgentRunId;
    use serde_json::{Value, json};
    use tokio::time::Instant;

    use super::Shown;

    fn shown(text: &str, void: bool) -> Shown {
        let (text, pending) = (text.to_owned(), String::new());
        Shown { run: AgentRunId::new(), text, pending, void, looked: Instant::now() }
    }

    #[test]
    fn the_last_piece_completes_the_text_or_replaces_it() {
        let replaced = |text: &str| Some(json!({ "text": text, "replaces": true }));
        let added = |text: &str| -> Option<Value> { Some(json!({ "text": text })) };
        assert_eq!(shown("Thirty", false).rest("Thirty days."), added(" days."));
        assert_eq!(shown("", false).rest("Thirty."), added("Thirty."));
        assert_eq!(shown("Thirty.", false).rest("Thirty."), None);
        assert_eq!(shown("Sorry.", false).rest("Thirty."), replaced("Thirty."));
        assert_eq!(shown("", true).rest("Thirty."), replaced("Thirty."));
        let mut again = shown("Let me look.", false);
        again.add(" And");
        again.begin_again();
        assert_eq!((again.pending.as_str(), again.rest("Thirty.")), ("", replaced("Thirty.")));
    }
}
