//! The nested read: agents 20 × runs 5 × citations 3 over HTTP, beside the best hand-written statement and beside PostGraphile.
//!
//! All three read the same workspaces of one seeded database, as the same role, under the same policies, with the same scalar fields.
//! Before anything is timed, their answers are compared, field by field: nobody measures an error.

pub(super) mod comparison;
pub(super) mod queries;

use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use self::comparison::compare;
use self::queries::{peer_target, scripts, target};
use super::Machine;
use super::contest::{
    Contender, Contested, Form, Peer, Pgbench, Plan, Server, Target, Tenant, Way, best_form, in_turns,
    postgres, ratio, tenants,
};
use super::seeded::{Scale, SeedReport, Seeded, Tell};
use crate::operations::Failure;

/// The share of the statement's rate that this server should reach.
pub const STATEMENT_TARGET: f64 = 0.75;
/// How many times PostGraphile's rate this server should reach.
pub const POSTGRAPHILE_TARGET: f64 = 2.0;
/// The number of clients that the targets are for.
const TARGET_CLIENTS: usize = 16;
/// How fast the nested read is.
#[derive(Clone, Debug, Serialize)]
pub struct NestedReadReport {
    /// What this is.
    pub report: &'static str,
    /// On what.
    pub machine: Machine,
    /// In what.
    pub database: SeedReport,
    /// The size of an answer of this server, in bytes.
    pub answer_bytes: usize,
    /// Connections that each server had to the database.
    pub connections: u32,
    /// The forms of the statement that were tried, with requests per second; the fastest one was measured.
    pub statement_forms: Vec<Form>,
    /// Which PostGraphile; null where there was none.
    pub postgraphile: Option<String>,
    /// What could not be measured, and why.
    pub left_out: Vec<String>,
    /// Each contender with each number of clients.
    pub results: Vec<Contested>,
    /// What the ratio to the statement should be at least.
    pub target_ratio_to_statement: f64,
    /// What the ratio to PostGraphile should be at least.
    pub target_ratio_to_postgraphile: f64,
    /// This server's rate over the statement's with 16 clients: the median over the rounds.
    pub ratio_to_statement: Option<f64>,
    /// This server's rate over PostGraphile's with 16 clients: the median over the rounds.
    pub ratio_to_postgraphile: Option<f64>,
}

/// Measures.
///
/// # Errors
///
/// [`Failure::DoesNotHold`] where the answers differ; otherwise what did not start, or what was refused.
pub async fn measure(
    data: &Path,
    scale: Scale,
    plan: &Plan,
    tell: Tell<'_>,
) -> Result<NestedReadReport, Failure> {
    let seeded = Seeded::open(data, scale, tell).await?;
    let measured = contest(data, &seeded, plan, tell).await;
    seeded.close().await;
    measured
}

async fn contest(
    data: &Path,
    seeded: &Seeded,
    plan: &Plan,
    tell: Tell<'_>,
) -> Result<NestedReadReport, Failure> {
    let tenants = tenants(seeded)?;
    let server = Server::start(seeded, plan.connections).await?;
    let peer = Peer::start(data, seeded, plan.connections, tell).await?;
    let measured = between(seeded, &tenants, (&server, peer.as_ref()), plan, tell).await;
    if let Ok(peer) = peer {
        peer.stop().await;
    }
    server.stop().await;
    measured
}

async fn between(
    seeded: &Seeded,
    tenants: &[Tenant],
    (server, peer): (&Server, Result<&Peer, &String>),
    plan: &Plan,
    tell: Tell<'_>,
) -> Result<NestedReadReport, Failure> {
    let postgres = postgres(seeded).await?;
    let mut left_out: Vec<String> =
        peer.err().map(|reason| format!("PostGraphile: {reason}")).into_iter().collect();
    let peer = peer.ok();
    let pgbench = Pgbench::find(seeded)?.map(Arc::new);
    if pgbench.is_none() {
        left_out.push("the statement: there is no pgbench".to_owned());
    }
    let ours = Arc::new(target(server.address(), tenants));
    let theirs = peer.map(|peer| Arc::new(peer_target(peer, tenants)));
    tell("comparing the answers");
    let answer_bytes = compare(seeded, tenants, &ours, theirs.as_deref()).await?;
    let mut ways = vec![(Contender::Footnote, Way::Http(shortest(ours, answer_bytes), server.family()))];
    let mut statement_forms = Vec::new();
    if let Some(pgbench) = &pgbench {
        let (forms, best) = best_form(pgbench, scripts(seeded.ids(), tenants.len()), postgres, tell).await?;
        statement_forms = forms;
        ways.push((Contender::Statement, best));
    }
    if let (Some(target), Some(peer)) = (theirs, peer) {
        ways.push((Contender::Postgraphile, Way::Http(shortest(target, answer_bytes), peer.family())));
    }
    let results = in_turns(&ways, plan, postgres, tell).await?;
    let ratio_to = |other| ratio(&results, TARGET_CLIENTS, Contender::Footnote, other);
    Ok(NestedReadReport {
        report: "nested-read",
        machine: Machine::here(),
        database: seeded.report().clone(),
        answer_bytes,
        connections: plan.connections,
        statement_forms,
        postgraphile: peer.map(|peer| peer.version().to_owned()),
        left_out,
        target_ratio_to_statement: STATEMENT_TARGET,
        target_ratio_to_postgraphile: POSTGRAPHILE_TARGET,
        ratio_to_statement: ratio_to(Contender::Statement),
        ratio_to_postgraphile: ratio_to(Contender::Postgraphile),
        results,
    })
}

/// Answers are all about as long; one that is much shorter lacks something.
fn shortest(target: Arc<Target>, answer_bytes: usize) -> Arc<Target> {
    let mut target = Arc::unwrap_or_clone(target);
    target.least = answer_bytes * 4 / 5;
    Arc::new(target)
}
