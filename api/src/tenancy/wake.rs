//! Wake-ups: what committed, told to whoever waits, by id only.
//!
//! No data transaction calls NOTIFY, because it serialises commits: each process collects what it committed and notifies
//! the others at most every 10 ms. A wake-up may be lost; whoever waits looks again within a second.

use std::collections::HashSet;
use std::time::Duration;

use entity::id::AgentRunId;
use serde::{Deserialize, Serialize};
use sqlx::postgres::{PgListener, PgPool};
use tokio::sync::{broadcast, mpsc};

/// Who is to look again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wake {
    /// Workers: there may be a job.
    Jobs,
    /// Workers: there may be a mail to send.
    Mails,
    /// Subscribers of a run: there may be an event.
    AgentRun(AgentRunId),
}

const CHANNEL: &str = "footnote_wake";
const BATCH_WINDOW: Duration = Duration::from_millis(10);
/// A payload of NOTIFY holds 8,000 bytes; a wake-up in JSON at most 60.
const BATCH_LIMIT: usize = 100;

/// The wake-ups of this process, and through the database those of the others.
#[derive(Clone)]
pub struct Wakes {
    local: broadcast::Sender<Wake>,
    outgoing: mpsc::Sender<Wake>,
}

impl Wakes {
    /// Wake-ups of this process alone, and what is to go to others.
    #[must_use]
    pub fn new() -> (Self, Outgoing) {
        let (local, _) = broadcast::channel(1024);
        let (outgoing, queue) = mpsc::channel(4096);
        (Self { local, outgoing }, Outgoing(queue))
    }

    /// Tells this process at once and the others soon.
    pub fn send(&self, wake: Wake) {
        // Nobody waiting is no fault, and a full queue costs a second of delay.
        let _ = self.local.send(wake);
        let _ = self.outgoing.try_send(wake);
    }

    /// From now on, every wake-up.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Wake> {
        self.local.subscribe()
    }

    /// Connects this process with the others until the future is dropped; reconnects by itself.
    pub async fn bridge(self, mut outgoing: Outgoing, url: String) {
        loop {
            if let Err(error) = self.bridge_once(&mut outgoing, &url).await {
                tracing::warn!(exception.message = %error, "wake-ups between processes are interrupted; polling goes on");
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    async fn bridge_once(&self, outgoing: &mut Outgoing, url: &str) -> Result<(), sqlx::Error> {
        let pool = PgPool::connect_with(url.parse::<sqlx::postgres::PgConnectOptions>()?).await?;
        let mut listener = PgListener::connect_with(&pool).await?;
        listener.listen(CHANNEL).await?;
        // Whatever happened while nobody listened may have been a job or a mail.
        let _ = self.local.send(Wake::Jobs);
        let _ = self.local.send(Wake::Mails);
        tokio::select! {
            ended = self.listen(&mut listener) => ended,
            ended = tell(outgoing, &pool) => ended,
        }
    }

    async fn listen(&self, listener: &mut PgListener) -> Result<(), sqlx::Error> {
        loop {
            let notification = listener.recv().await?;
            let wakes: Vec<Wake> = serde_json::from_str(notification.payload()).unwrap_or_default();
            for wake in wakes {
                let _ = self.local.send(wake);
            }
        }
    }
}

/// Tells the other processes what this one committed, until the connection fails or nobody is left to commit.
async fn tell(outgoing: &mut Outgoing, pool: &PgPool) -> Result<(), sqlx::Error> {
    while let Some(first) = outgoing.0.recv().await {
        tokio::time::sleep(BATCH_WINDOW).await;
        let mut batch = HashSet::from([first]);
        while batch.len() < BATCH_LIMIT {
            let Ok(wake) = outgoing.0.try_recv() else { break };
            batch.insert(wake);
        }
        let payload = serde_json::to_string(&batch).unwrap_or_default();
        sqlx::query("select pg_notify($1, $2)").bind(CHANNEL).bind(payload).execute(pool).await?;
    }
    Ok(())
}

/// What this process has to tell the others.
pub struct Outgoing(mpsc::Receiver<Wake>);
