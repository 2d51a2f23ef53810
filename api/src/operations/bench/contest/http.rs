//! Load over HTTP: so many connections, each asking again as soon as it has its answer.
//!
//! Every answer is looked at as far as it costs nothing: its status, how it begins, and that it is not shorter than a true one.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::Rng;

use super::super::connection::Connection;
use crate::operations::Failure;
use crate::supervisor;

/// What is asked, and what every answer must be like.
#[derive(Clone)]
pub(in super::super) struct Target {
    /// Where.
    pub(in super::super) address: SocketAddr,
    /// The requests, of which each client takes any, again and again.
    pub(in super::super) requests: Vec<Vec<u8>>,
    /// How every answer begins.
    pub(in super::super) begins: &'static str,
    /// No answer is shorter, in bytes.
    pub(in super::super) least: usize,
}

/// The stretch of time that counts.
#[derive(Clone, Copy)]
pub(super) struct Window {
    pub(super) from: Instant,
    pub(super) until: Instant,
}

/// Asks until the window ends; how long each answer took that was asked for in it.
pub(super) async fn drive(
    target: &Arc<Target>,
    clients: usize,
    window: Window,
) -> Result<Vec<Duration>, Failure> {
    let mut tasks = Vec::with_capacity(clients);
    for _ in 0..clients {
        let connection = Connection::open(target.address).await.map_err(failed)?;
        let asking = ask(target.clone(), connection, window);
        tasks.push(supervisor::spawn("bench client", asking).abort_on_drop());
    }
    let mut latencies = Vec::new();
    for mut task in tasks {
        let asked = task.join().await.unwrap_or_else(|| Err(Failure::Start("a client panicked".to_owned())));
        latencies.extend(asked?);
    }
    Ok(latencies)
}

async fn ask(
    target: Arc<Target>,
    mut connection: Connection,
    window: Window,
) -> Result<Vec<Duration>, Failure> {
    let mut latencies = Vec::new();
    loop {
        let began = Instant::now();
        if began >= window.until {
            return Ok(latencies);
        }
        let request = &target.requests[rand::rng().random_range(0..target.requests.len())];
        let answer = connection.exchange(request).await.map_err(failed)?;
        if answer.len() < target.least || !answer.starts_with(target.begins.as_bytes()) {
            return Err(unlike(answer));
        }
        if began >= window.from {
            latencies.push(began.elapsed());
        }
    }
}

/// Asks once, and gives the whole answer.
pub(in super::super) async fn fetch(
    address: SocketAddr,
    request: &[u8],
) -> Result<serde_json::Value, Failure> {
    let mut connection = Connection::open(address).await.map_err(failed)?;
    let answer = connection.exchange(request).await.map_err(failed)?;
    serde_json::from_slice(answer).map_err(|_| unlike(answer))
}

fn unlike(answer: &[u8]) -> Failure {
    let text: String = String::from_utf8_lossy(answer).chars().take(300).collect();
    Failure::DoesNotHold(format!("an answer is not what was asked for: {text}"))
}

fn failed(error: impl std::fmt::Display) -> Failure {
    Failure::Refused { action: "ask over HTTP", refusal: error.to_string() }
}
