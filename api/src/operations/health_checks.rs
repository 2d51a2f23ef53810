//! How each dependency is asked.
//!
//! Requests need the database and its migrations. Everything else is needed by some of them: without vectors a search is
//! refused while documents can be read and written, without a model runs wait. Were a gateway not ready for that, a provider's
//! outage would take every gateway out of the load balancer at once, and turn a part that fails into a whole.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use footnote_vectors::Vectors;

use super::migrations;
use crate::adapters::embeddings::Embedder;
use crate::adapters::llm::ChatModel;
use crate::adapters::mail::Mailer;
use crate::adapters::objects::Objects;
use crate::error::Error;
use crate::health::HealthCheck;
use crate::tenancy::{Database, Wakes};

/// A little less than a look may take, so that a busy pool can be told from a database that is away.
const LOOK: Duration = Duration::from_millis(1500);

/// What is asked.
pub struct Dependencies {
    /// The pool of requests.
    pub requests: Database,
    /// The pool of jobs.
    pub jobs: Database,
    /// The door to Qdrant.
    pub vectors: Vectors,
    /// What makes vectors of texts; none where the model in the binary does.
    pub embedder: Option<Arc<dyn Embedder>>,
    /// What answers runs; none where the extractive answerer does.
    pub model: Option<Arc<dyn ChatModel>>,
    /// The door to the object store.
    pub objects: Objects,
    /// What sends mail.
    pub mailer: Arc<dyn Mailer>,
}

/// The checks of a process.
#[must_use]
pub fn of(dependencies: Dependencies) -> Vec<HealthCheck> {
    let Dependencies { requests, jobs, vectors, embedder, model, objects, mailer } = dependencies;
    let migrated = Arc::new(AtomicBool::new(false));
    let (schema, wakes) = (requests.clone(), requests.wakes().clone());
    vec![
        HealthCheck::required("database", move || reachable(requests.clone())),
        HealthCheck::required("migrations", move || up_to_date(schema.clone(), migrated.clone())),
        HealthCheck::optional("jobs", move || reachable(jobs.clone())),
        HealthCheck::optional("wakeUps", move || bridged(wakes.clone())),
        HealthCheck::optional("vectors", move || {
            let vectors = vectors.clone();
            async move { vectors.check().await }
        }),
        embedder.map_or_else(
            || HealthCheck::unused("embeddings"),
            |embedder| {
                HealthCheck::optional("embeddings", move || {
                    let embedder = embedder.clone();
                    async move { embedder.check().await }
                })
            },
        ),
        model.map_or_else(
            || HealthCheck::unused("model"),
            |model| {
                HealthCheck::optional("model", move || {
                    let model = model.clone();
                    async move { model.check().await }
                })
            },
        ),
        HealthCheck::optional("objects", move || {
            let objects = objects.clone();
            async move { objects.check().await }
        }),
        HealthCheck::optional("mail", move || {
            let mailer = mailer.clone();
            async move { mailer.check().await }
        }),
    ]
}

/// A pool whose connections are all in use gives none for a look; while their messages are answered, the database is there.
async fn reachable(database: Database) -> Result<(), &'static str> {
    let before = database.answers();
    let looked = tokio::time::timeout(LOOK, database.is_reachable()).await;
    if looked == Ok(true) || database.answers() > before {
        Ok(())
    } else {
        Err("the database does not answer")
    }
}

/// Without the bridge this process hears of the others' work when it looks by itself, once a second.
async fn bridged(wakes: Wakes) -> Result<(), &'static str> {
    let began = Instant::now();
    while !wakes.is_bridged() {
        if began.elapsed() > LOOK {
            return Err("wake-ups between processes are not heard");
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

/// A database that does not answer says nothing about its migrations: what was known stays known.
async fn up_to_date(database: Database, known: Arc<AtomicBool>) -> Result<(), String> {
    let applied = tokio::time::timeout(LOOK, database.applied_migrations()).await;
    let lacking = match applied {
        Ok(Ok(applied)) => migrations::lacking(&applied),
        Err(_) | Ok(Err(Error::Unavailable(_) | Error::DeadlineExceeded)) => {
            let known = known.load(Ordering::Relaxed);
            return if known { Ok(()) } else { Err("the database does not say".to_owned()) };
        }
        Ok(Err(error)) => {
            known.store(false, Ordering::Relaxed);
            return Err(error.message());
        }
    };
    known.store(lacking.is_empty(), Ordering::Relaxed);
    if lacking.is_empty() { Ok(()) } else { Err(format!("{} migrations are not applied", lacking.len())) }
}
