//! Wake-ups: what committed, told to whoever waits, by id only.
//!
//! No data transaction calls NOTIFY, because it serialises commits: each process collects what it committed and notifies
//! the others at most every 10 ms. A wake-up may be lost; whoever waits looks again within a second.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use entity::id::AgentRunId;
use serde::{Deserialize, Serialize};
use sqlx::AssertSqlSafe;
use sqlx::postgres::{PgListener, PgNotification, PgPool, PgPoolOptions};
use tokio::sync::{broadcast, mpsc};

use super::guard::answered;
use super::{connect_options, explain};

/// Who is to look again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wake {
    /// Workers: there may be a job.
    Jobs,
    /// Workers: there may be a mail to send.
    Mails,
    /// Workers: there may be a workspace to remove.
    Purges,
    /// Subscribers of a run: there may be an event.
    AgentRun(AgentRunId),
}

const CHANNEL: &str = "footnote_wake";
const BATCH_WINDOW: Duration = Duration::from_millis(10);
/// A payload of NOTIFY holds 8,000 bytes; a wake-up in JSON at most 60.
const BATCH_LIMIT: usize = 100;
/// After so long without a wake-up the bridge sends itself an empty one: a dead connection does not say that it is dead.
const QUIET: Duration = Duration::from_secs(5);
/// How long connecting, telling and hearing oneself may take.
const ANSWER: Duration = Duration::from_secs(3);
/// The pause before the bridge connects again.
const AGAIN: Duration = Duration::from_secs(1);

/// The wake-ups of this process, and through the database those of the others.
#[derive(Clone)]
pub struct Wakes {
    local: broadcast::Sender<Wake>,
    outgoing: mpsc::Sender<Wake>,
    bridged: Arc<AtomicBool>,
}

impl Wakes {
    /// Wake-ups of this process alone, and what is to go to others.
    #[must_use]
    pub fn new() -> (Self, Outgoing) {
        let (local, _) = broadcast::channel(1024);
        let (outgoing, queue) = mpsc::channel(4096);
        (Self { local, outgoing, bridged: Arc::default() }, Outgoing(queue))
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

    /// Whether this process hears the others at once, and they it. Without it, whoever waits looks once a second.
    #[must_use]
    pub fn is_bridged(&self) -> bool {
        self.bridged.load(Ordering::Relaxed)
    }

    /// Connects this process with the others until the future is dropped; reconnects by itself.
    pub async fn bridge(self, mut outgoing: Outgoing, url: String) {
        loop {
            let broken = self.bridge_once(&mut outgoing, &url).await;
            self.bridged.store(false, Ordering::Relaxed);
            if let Err(reason) = broken {
                tracing::warn!(exception.message = %reason, "wake-ups between processes are interrupted; polling goes on");
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    async fn bridge_once(&self, outgoing: &mut Outgoing, url: &str) -> Result<(), String> {
        let (pool, mut listener) = stand(url).await?;
        self.bridged.store(true, Ordering::Relaxed);
        // Whatever happened while nobody listened may have been a job, a mail or a purge.
        for wake in [Wake::Jobs, Wake::Mails, Wake::Purges] {
            let _ = self.local.send(wake);
        }
        tokio::select! {
            ended = self.listen(&mut listener, &pool) => ended,
            ended = tell(outgoing, &pool) => ended,
        }
    }

    async fn listen(&self, listener: &mut PgListener, pool: &PgPool) -> Result<(), String> {
        loop {
            if let Ok(heard) = tokio::time::timeout(QUIET, listener.try_recv()).await {
                self.pass_on(heard)?;
            } else {
                notify(pool, "[]").await?;
                let heard = tokio::time::timeout(ANSWER, listener.try_recv()).await;
                self.pass_on(heard.map_err(|_| "the connection that listens is dead".to_owned())?)?;
            }
        }
    }

    fn pass_on(&self, heard: Result<Option<PgNotification>, sqlx::Error>) -> Result<(), String> {
        let notification = heard.map_err(|error| explain(&error))?;
        let notification = notification.ok_or_else(|| "the connection that listens was closed".to_owned())?;
        let wakes: Vec<Wake> = serde_json::from_str(notification.payload()).unwrap_or_default();
        for wake in wakes {
            let _ = self.local.send(wake);
        }
        Ok(())
    }
}

/// Whether wake-ups pass through an address: what one connection tells, another hears.
///
/// # Errors
///
/// A sentence for the operator.
pub async fn hears_itself(url: &str) -> Result<(), String> {
    let (pool, listener) = stand(url).await?;
    drop(listener);
    pool.close().await;
    Ok(())
}

/// A connection that listens and has heard, and a pool that tells.
async fn stand(url: &str) -> Result<(PgPool, PgListener), String> {
    let said = |error: sqlx::Error| explain(&error);
    let pool = PgPoolOptions::new()
        .max_connections(2)
        .acquire_timeout(ANSWER)
        .connect_with(connect_options(url)?)
        .await
        .map_err(said)?;
    let mut listener = PgListener::connect_with(&pool).await.map_err(said)?;
    listener.eager_reconnect(false);
    answered(ANSWER, listener.listen(CHANNEL)).await.map_err(said)?;
    hear_oneself(&mut listener, &pool).await?;
    Ok((pool, listener))
}

/// Through a transaction pooler LISTEN succeeds and nothing is ever heard, so the bridge counts when it has heard itself.
async fn hear_oneself(listener: &mut PgListener, pool: &PgPool) -> Result<(), String> {
    notify(pool, "[]").await?;
    match tokio::time::timeout(ANSWER, listener.try_recv()).await {
        Ok(Ok(Some(_))) => Ok(()),
        Ok(Ok(None)) => Err("the connection that listens was closed".to_owned()),
        Ok(Err(error)) => Err(explain(&error)),
        Err(_) => Err("what was told was not heard: the address leads through a transaction pooler; set \
             FOOTNOTE_LISTEN_DATABASE_URL to the server's own"
            .to_owned()),
    }
}

/// Tells the other processes what this one committed, until the connection fails or nobody is left to commit.
async fn tell(outgoing: &mut Outgoing, pool: &PgPool) -> Result<(), String> {
    while let Some(first) = outgoing.0.recv().await {
        tokio::time::sleep(BATCH_WINDOW).await;
        let mut batch = HashSet::from([first]);
        while batch.len() < BATCH_LIMIT {
            let Ok(wake) = outgoing.0.try_recv() else { break };
            batch.insert(wake);
        }
        notify(pool, &serde_json::to_string(&batch).unwrap_or_default()).await?;
    }
    // Nobody is left who commits: what others say is still to be heard.
    std::future::pending().await
}

async fn notify(pool: &PgPool, payload: &str) -> Result<(), String> {
    let statement = format!("notify {CHANNEL}, '{}'", payload.replace('\'', "''"));
    // sql: literal because the channel is a constant and the payload is JSON of wake-ups, whose ids are UUIDs.
    let told = sqlx::raw_sql(AssertSqlSafe(statement)).execute(pool);
    answered(ANSWER, told).await.map(drop).map_err(|error| explain(&error))
}

/// What this process has to tell the others.
pub struct Outgoing(mpsc::Receiver<Wake>);
