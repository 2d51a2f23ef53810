//! Single operations: a page of a list, one object, and a mutation with its audit entry, event and job, each beside the same
//! statements under `pgbench`, for several numbers of workspaces with the same rows each: the curve.
//!
//! What the mutations leave behind is removed before and after, so that a seeded database stays what it is.

pub(super) mod scripts;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use entity::id::{AgentId, AgentRunId};
use serde::Serialize;
use serde_json::{Value, json};

use super::Machine;
use super::connection::request;
use super::contest::{
    Contender, Contested, Form, Pgbench, Plan, Server, Target, Tenant, Way, best_form, fetch, in_turns,
    postgres, ratio, tenants,
};
use super::processes::Family;
use super::seeded::{AGENTS, Kind, Scale, SeedReport, Seeded, Tell};
use crate::operations::Failure;

/// How many requests are made beforehand, at least; clients choose among them.
const REQUESTS: usize = 4000;

const PAGE: &str = "{ agentRuns(first: 20) { nodes { id status input answer { text } createdAt } pageInfo { hasNextPage endCursor } } }";
const POINT: &str = "query($id: ID!) { agentRun(id: $id) { id status input answer { text } createdAt } }";
const MUTATION: &str = "mutation($agent: ID!) { agentRunStart(input: { agentId: $agent, input: \"Which policy binds a reader who is no member?\" }) {
  agentRun { id status } } }";

/// One of the operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Single {
    /// Twenty runs of a workspace, the newest first.
    Page,
    /// One run, by id.
    Point,
    /// The start of a run.
    Mutation,
}

impl Single {
    /// All of them, what writes last.
    pub const ALL: [Self; 3] = [Self::Page, Self::Point, Self::Mutation];

    /// The name for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Page => "page of 20",
            Self::Point => "point read",
            Self::Mutation => "mutation",
        }
    }

    /// How every answer begins.
    fn begins(self) -> &'static str {
        match self {
            Self::Page => r#"{"data":{"agentRuns":{"nodes":[{"id":"run_"#,
            Self::Point => r#"{"data":{"agentRun":{"id":"run_"#,
            Self::Mutation => r#"{"data":{"agentRunStart":{"agentRun":{"id":"run_"#,
        }
    }
}

/// One operation on one database.
#[derive(Clone, Debug, Serialize)]
pub struct SingleReport {
    /// The operation.
    pub operation: Single,
    /// Workspaces of the database.
    pub workspaces: u32,
    /// The forms of the statements that were tried, with requests per second; the fastest one was measured.
    pub statement_forms: Vec<Form>,
    /// This server and the statements, with each number of clients.
    pub results: Vec<Contested>,
    /// This server's rate over the statements', with the first number of clients.
    pub ratio_to_statement: Option<f64>,
}

/// How fast single operations are.
#[derive(Clone, Debug, Serialize)]
pub struct OperationsReport {
    /// What this is.
    pub report: &'static str,
    /// On what.
    pub machine: Machine,
    /// In what.
    pub databases: Vec<SeedReport>,
    /// Connections that the server had to the database.
    pub connections: u32,
    /// What could not be measured, and why.
    pub left_out: Vec<String>,
    /// Each operation on each database.
    pub operations: Vec<SingleReport>,
}

/// Measures.
///
/// # Errors
///
/// [`Failure::DoesNotHold`] where an answer is wrong; otherwise what did not start, or what was refused.
pub async fn measure(
    data: &Path,
    scales: &[Scale],
    plan: &Plan,
    tell: Tell<'_>,
) -> Result<OperationsReport, Failure> {
    let mut report = OperationsReport {
        report: "operations",
        machine: Machine::here(),
        databases: Vec::new(),
        connections: plan.connections,
        left_out: Vec::new(),
        operations: Vec::new(),
    };
    for scale in scales {
        tell(&format!("{} workspaces", scale.workspaces));
        let seeded = Seeded::open(data, *scale, tell).await?;
        let measured = of_database(&seeded, plan, tell, &mut report).await;
        seeded.close().await;
        measured?;
    }
    Ok(report)
}

async fn of_database(
    seeded: &Seeded,
    plan: &Plan,
    tell: Tell<'_>,
    report: &mut OperationsReport,
) -> Result<(), Failure> {
    seeded.reset().await?;
    report.databases.push(seeded.report().clone());
    let tenants = tenants(seeded)?;
    let pgbench = Pgbench::find(seeded)?.map(Arc::new);
    if pgbench.is_none() && report.left_out.is_empty() {
        report.left_out.push("the statements: there is no pgbench".to_owned());
    }
    let server = Server::start(seeded, plan.connections).await?;
    let measured = each(seeded, &tenants, (&server, pgbench.as_ref()), plan, tell).await;
    server.stop().await;
    report.operations.extend(measured?);
    seeded.reset().await
}

async fn each(
    seeded: &Seeded,
    tenants: &[Tenant],
    (server, pgbench): (&Server, Option<&Arc<Pgbench>>),
    plan: &Plan,
    tell: Tell<'_>,
) -> Result<Vec<SingleReport>, Failure> {
    let postgres = postgres(seeded).await?;
    let mut reports = Vec::new();
    for operation in Single::ALL {
        tell(operation.name());
        let target = target(operation, seeded, server.address(), tenants).await?;
        let mut ways = vec![(Contender::Footnote, Way::Http(Arc::new(target), server.family()))];
        let statement_forms = add_statement((operation, seeded), pgbench, postgres, tell, &mut ways).await?;
        let results = in_turns(&ways, plan, postgres, tell).await?;
        let clients = plan.clients.first().copied().unwrap_or_default();
        let ratio_to_statement = ratio(&results, clients, Contender::Footnote, Contender::Statement);
        reports.push(SingleReport {
            operation,
            workspaces: seeded.report().workspaces,
            statement_forms,
            results,
            ratio_to_statement,
        });
    }
    Ok(reports)
}

async fn add_statement(
    (operation, seeded): (Single, &Seeded),
    pgbench: Option<&Arc<Pgbench>>,
    postgres: Option<Family>,
    tell: Tell<'_>,
    ways: &mut Vec<(Contender, Way)>,
) -> Result<Vec<Form>, Failure> {
    let Some(pgbench) = pgbench else { return Ok(Vec::new()) };
    let scripts = scripts::of(operation, seeded.ids(), seeded.shape().readable());
    let (forms, best) = best_form(pgbench, scripts, postgres, tell).await?;
    ways.push((Contender::Statement, best));
    Ok(forms)
}

/// The requests of an operation over all workspaces, one of which is tried.
pub(super) async fn target(
    operation: Single,
    seeded: &Seeded,
    address: SocketAddr,
    tenants: &[Tenant],
) -> Result<Target, Failure> {
    let ids = seeded.ids();
    let agents = usize::try_from(AGENTS).unwrap_or_default();
    let body = |tenant: &Tenant, n: usize| match operation {
        Single::Page => json!({ "query": PAGE }),
        Single::Point => {
            let id = AgentRunId(ids.of(Kind::Run, tenant.number, n % 100));
            json!({ "query": POINT, "variables": { "id": id.to_string() } })
        }
        Single::Mutation => {
            let id = AgentId(ids.of(Kind::Agent, tenant.number, n % agents));
            json!({ "query": MUTATION, "variables": { "agent": id.to_string() } })
        }
    };
    let each = REQUESTS.div_ceil(tenants.len());
    // Different rows of a workspace, and other ones of the next.
    let numbers =
        (0..each).flat_map(|n| tenants.iter().map(move |tenant| (tenant, n * 37 + tenant.number * 7)));
    let requests: Vec<Vec<u8>> = numbers
        .map(|(tenant, n)| {
            let body = body(tenant, n).to_string();
            request(address, &tenant.authorization, &tenant.workspace.to_string(), &body)
        })
        .collect();
    let first = requests.first().ok_or_else(|| Failure::Start("no workspace can be read".to_owned()))?;
    let answer = fetch(address, first).await?;
    check(operation, &answer)?;
    Ok(Target { address, requests, begins: operation.begins(), least: 0 })
}

fn check(operation: Single, answer: &Value) -> Result<(), Failure> {
    let data = &answer["data"];
    let holds = match operation {
        Single::Page => data["agentRuns"]["nodes"].as_array().is_some_and(|nodes| nodes.len() == 20),
        Single::Point => data["agentRun"]["status"] == "SUCCEEDED",
        Single::Mutation => data["agentRunStart"]["agentRun"]["status"] == "QUEUED",
    };
    if holds {
        return Ok(());
    }
    Err(Failure::DoesNotHold(format!("the answer to a {} is {answer}", operation.name())))
}

#[cfg(test)]
mod tests {
    use super::{MUTATION, PAGE, POINT};

    #[test]
    fn what_is_sent_are_documents() {
        for query in [PAGE, POINT, MUTATION] {
            async_graphql::parser::parse_query(query).expect("a document");
        }
    }
}
