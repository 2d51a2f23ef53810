//! `footnote worker`: runs jobs alone, and answers nothing but questions about its health.

use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use clap::Args;
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::interrupt::Interrupt;
use super::{output, ready, serve};
use crate::app::App;
use crate::config::{DatabaseUrls, Limits, Place};
use crate::operations::Failure;
use crate::operations::stack::{Part, Settings, Stack};
use crate::supervisor;

/// What a worker is started with.
#[derive(Args, Debug)]
pub struct Work {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    urls: DatabaseUrls,
    #[command(flatten)]
    limits: Limits,
    /// Print one JSON object when it is ready.
    #[arg(long)]
    json: bool,
}

/// Where a worker is.
#[derive(Serialize)]
struct WorkerReady<'a> {
    /// Whether the process lives.
    healthz: String,
    /// Whether it reaches the database.
    readyz: String,
    database_url: &'a str,
}

impl Work {
    /// Works until the wish to end.
    pub async fn run(self, mut interrupt: Interrupt) -> Result<(), Failure> {
        let (listener, address) = ready::listen(self.place.listen).await?;
        let settings =
            Settings { data: self.place.data, urls: self.urls, limits: self.limits, part: Part::Jobs };
        let mut stack = interrupt.or(Stack::open(settings)).await?;
        stack.start_worker();
        let (stop, stopped) = watch::channel(false);
        let health = supervisor::spawn("health", answer(listener, stack.app().clone(), stopped));
        let base = ready::base(address);
        let told = tell(&stack, &base, self.json);
        let ended = serve::until_ended(stack, told, interrupt).await;
        stop.send_replace(true);
        health.join().await;
        ended
    }
}

fn tell(stack: &Stack, base: &str, json: bool) -> Result<(), Failure> {
    stack.publish(base)?;
    if json {
        output::json(&WorkerReady {
            healthz: format!("{base}/healthz"),
            readyz: format!("{base}/readyz"),
            database_url: stack.app_url(),
        })
    } else {
        output::text(&format!("Footnote's worker is ready; {base}/healthz says that it lives."))
    }
}

async fn answer(listener: TcpListener, app: Arc<App>, mut stopped: watch::Receiver<bool>) {
    let readiness = move || async move {
        if app.database().is_reachable().await {
            (StatusCode::OK, "ready")
        } else {
            (StatusCode::SERVICE_UNAVAILABLE, "no database")
        }
    };
    let router = Router::new().route("/healthz", get(|| async { "ok" })).route("/readyz", get(readiness));
    let stop = async move {
        // A sender that is gone means the same.
        let _ = stopped.wait_for(|stopped| *stopped).await;
    };
    if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(stop).await {
        tracing::warn!(exception.message = %error, "questions about health are no longer answered");
    }
}
