//! What the process depends on, and whether each of it answers.
//!
//! Each dependency is asked in the background every two seconds and has two to answer, so that what is shown is never older
//! than five (a provider of models that answered is asked again after five seconds, so ten there); whoever asks for readiness gets what is known and reaches no dependency. What is shown is a word and two numbers:
//! no address, and nothing that a dependency said, which goes to the log when it changes.

use std::fmt::Display;
use std::future::Future;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use futures_util::future::{BoxFuture, join_all};
use serde::Serialize;

use crate::clock;
use crate::supervisor::{self, AbortOnDrop};

/// How long a dependency has to answer.
const BOUND: Duration = Duration::from_secs(2);
/// The pause between two looks.
const EVERY: Duration = Duration::from_secs(2);
/// So much older than it should be, what is known is not known any more.
const GRACE: Duration = Duration::from_secs(10);
/// How much of a reason goes to the log.
const LONGEST_REASON: usize = 300;

type Probe = Box<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// How to ask one dependency.
pub struct HealthCheck {
    name: &'static str,
    required: bool,
    probe: Option<Probe>,
}

impl HealthCheck {
    /// What no request can do without: while it is away, the process is not ready.
    pub fn required<F, A, E>(name: &'static str, ask: F) -> Self
    where
        F: Fn() -> A + Send + Sync + 'static,
        A: Future<Output = Result<(), E>> + Send + 'static,
        E: Display,
    {
        Self { name, required: true, probe: Some(probe(ask)) }
    }

    /// What some requests need: while it is away they fail or wait, and the process stays ready for the others.
    pub fn optional<F, A, E>(name: &'static str, ask: F) -> Self
    where
        F: Fn() -> A + Send + Sync + 'static,
        A: Future<Output = Result<(), E>> + Send + 'static,
        E: Display,
    {
        Self { name, required: false, probe: Some(probe(ask)) }
    }

    /// What this process does not use.
    #[must_use]
    pub fn unused(name: &'static str) -> Self {
        Self { name, required: false, probe: None }
    }
}

fn probe<F, A, E>(ask: F) -> Probe
where
    F: Fn() -> A + Send + Sync + 'static,
    A: Future<Output = Result<(), E>> + Send + 'static,
    E: Display,
{
    Box::new(move || {
        let asked = ask();
        Box::pin(async move { asked.await.map_err(|error| error.to_string()) })
    })
}

/// How a dependency is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It answers.
    Ok,
    /// It does not, or not in time.
    Unavailable,
    /// This process does not use it.
    Unused,
}

/// What is known of one dependency.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Dependency {
    /// Its name.
    pub name: &'static str,
    /// How it is.
    pub status: Status,
    /// Whether the process is not ready without it.
    pub required: bool,
    /// Since when it has been so.
    pub since: DateTime<Utc>,
    /// How long the last look took, in milliseconds; null where there was none.
    pub took_ms: Option<f64>,
    #[serde(skip)]
    looked: Instant,
}

/// The whole answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Readiness {
    /// Everything answers.
    Ok,
    /// Something that some requests need does not.
    Degraded,
    /// Something that every request needs does not.
    Unavailable,
}

/// What `/readyz` says.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// All of it in one word.
    pub status: Readiness,
    /// Each dependency.
    pub dependencies: Vec<Dependency>,
}

/// What is known; cheap to clone.
#[derive(Clone)]
pub struct Health(Arc<RwLock<Vec<Dependency>>>);

impl Health {
    /// Looks at everything once, and goes on looking until the returned tasks are dropped.
    pub async fn start(checks: Vec<HealthCheck>) -> (Self, Vec<AbortOnDrop<()>>) {
        let (known, looked) = (clock::now(), Instant::now());
        let unknown = checks.iter().map(|check| Dependency {
            name: check.name,
            status: if check.probe.is_some() { Status::Unavailable } else { Status::Unused },
            required: check.required,
            since: known,
            took_ms: None,
            looked,
        });
        let health = Self(Arc::new(RwLock::new(unknown.collect())));
        let probes = checks.into_iter().enumerate().filter_map(|(index, check)| Some((index, check.probe?)));
        let probes: Vec<_> = probes.collect();
        join_all(probes.iter().map(|(index, probe)| health.look(*index, probe))).await;
        let tasks = probes.into_iter().map(|(index, probe)| {
            let health = health.clone();
            let task = supervisor::spawn("health", async move {
                loop {
                    tokio::time::sleep(EVERY).await;
                    health.look(index, &probe).await;
                }
            });
            task.abort_on_drop()
        });
        let tasks = tasks.collect();
        (health, tasks)
    }

    async fn look(&self, index: usize, probe: &Probe) {
        let began = Instant::now();
        let answer = tokio::time::timeout(BOUND, probe()).await;
        let answer = answer.unwrap_or_else(|_| Err("no answer in time".to_owned()));
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let Some(dependency) = known.get_mut(index) else { return };
        let first = dependency.took_ms.is_none();
        dependency.looked = Instant::now();
        dependency.took_ms = Some((began.elapsed().as_secs_f64() * 10_000.0).round() / 10.0);
        let status = if answer.is_ok() { Status::Ok } else { Status::Unavailable };
        let name = dependency.name;
        match answer {
            Err(reason) if first || dependency.status == Status::Ok => {
                let reason: String = reason.chars().take(LONGEST_REASON).collect();
                tracing::warn!(dependency = name, exception.message = %reason.escape_debug(), "a dependency is unavailable");
            }
            Ok(()) if !first && dependency.status != Status::Ok => {
                tracing::info!(dependency = name, "a dependency answers again");
            }
            _ => {}
        }
        if status != dependency.status {
            dependency.status = status;
            dependency.since = clock::now();
        }
    }

    /// What is known now; asks nobody.
    #[must_use]
    pub fn report(&self) -> Report {
        let mut dependencies = self.0.read().unwrap_or_else(PoisonError::into_inner).clone();
        for dependency in &mut dependencies {
            // Whoever looks has stopped, so nothing is known any more.
            if dependency.status == Status::Ok && dependency.looked.elapsed() > EVERY + BOUND + GRACE {
                dependency.status = Status::Unavailable;
            }
        }
        let away = |required: bool| {
            dependencies.iter().any(|one| one.status == Status::Unavailable && one.required == required)
        };
        let status = if away(true) {
            Readiness::Unavailable
        } else if away(false) {
            Readiness::Degraded
        } else {
            Readiness::Ok
        };
        Report { status, dependencies }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use std::time::Duration;

    use super::{Health, HealthCheck, Readiness, Status};

    fn switched(on: &Arc<AtomicBool>) -> impl Fn() -> std::future::Ready<Result<(), &'static str>> + use<> {
        let on = on.clone();
        move || std::future::ready(if on.load(Ordering::Relaxed) { Ok(()) } else { Err("secret://address") })
    }

    #[tokio::test]
    async fn what_requests_need_decides_and_the_rest_degrades() {
        let (needed, other) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicBool::new(false)));
        let checks = vec![
            HealthCheck::required("needed", switched(&needed)),
            HealthCheck::optional("other", switched(&other)),
            HealthCheck::unused("nothing"),
        ];
        let (health, _tasks) = Health::start(checks).await;
        let report = health.report();
        assert_eq!(report.status, Readiness::Degraded);
        let statuses: Vec<_> = report.dependencies.iter().map(|one| one.status).collect();
        assert_eq!(statuses, [Status::Ok, Status::Unavailable, Status::Unused]);
        let shown = serde_json::to_string(&report).expect("JSON");
        assert!(!shown.contains("secret"), "{shown}");
        needed.store(false, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(2500)).await;
        let report = health.report();
        assert_eq!(report.status, Readiness::Unavailable);
        assert!(report.dependencies[0].since > report.dependencies[1].since);
        needed.store(true, Ordering::Relaxed);
        other.store(true, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(2500)).await;
        assert_eq!(health.report().status, Readiness::Ok);
    }

    #[tokio::test]
    async fn a_dependency_that_is_silent_is_away_after_two_seconds_and_holds_nobody_up() {
        let asked = Arc::new(AtomicUsize::new(0));
        let counter = asked.clone();
        let silent = HealthCheck::required("silent", move || {
            counter.fetch_add(1, Ordering::Relaxed);
            std::future::pending::<Result<(), &str>>()
        });
        let began = std::time::Instant::now();
        let (health, _tasks) = Health::start(vec![silent]).await;
        assert!(began.elapsed() < Duration::from_millis(2800));
        for _ in 0..1000 {
            assert_eq!(health.report().status, Readiness::Unavailable);
        }
        assert_eq!(asked.load(Ordering::Relaxed), 1, "whoever asks for readiness reaches no dependency");
    }
}
