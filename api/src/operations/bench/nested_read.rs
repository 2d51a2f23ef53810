//! The nested read: agents 20 × runs 5 × citations 3 over HTTP, beside the best hand-written statement and beside PostGraphile.
//!
//! All three read the same workspaces of one seeded database, as the same role, under the same policies, with the same scalar fields.
//! Before anything is timed, their answers are compared, field by field: nobody measures an error.

use std::path::Path;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Value, json};
use sqlx::{Connection, Row};

use super::connection::{request, request_with};
use super::contest::{
    Contender, Contested, Normal, Peer, Pgbench, Plan, Protocol, Script, Server, Target, Tenant, Turns, Way,
    fetch, normal, per_second, ratio, tenants,
};
use super::processes::Family;
use super::seeded::{Ids, Kind, Scale, SeedReport, Seeded, Tell};
use super::{Machine, rounded};
use crate::operations::Failure;
use crate::operations::roles::{self, Role};

/// The share of the statement's rate that this server should reach.
pub const STATEMENT_TARGET: f64 = 0.75;
/// How many times PostGraphile's rate this server should reach.
pub const POSTGRAPHILE_TARGET: f64 = 2.0;
/// The number of clients that the targets are for.
const TARGET_CLIENTS: usize = 16;
/// How long a form of the statement is tried, in seconds.
const TRY: u64 = 3;
/// How many workspaces the answers are compared in.
const COMPARED: usize = 4;

const QUERY: &str = "query Nested { agents(first: 20) { nodes { id name model maxPassages version createdAt
  agentRuns(first: 5) { nodes { id status input answer { text } createdAt
    citations(first: 3) { nodes { id ordinal quote startOffset endOffset verification } } } } } } }";

const PEER_QUERY: &str = "query Nested { agents: allAgents(first: 20, orderBy: [CREATED_AT_DESC, ROW_ID_DESC]) {
  nodes { id: rowId name model maxPassages version createdAt
  agentRuns: agentRunsByWorkspaceIdAndAgentId(first: 5, orderBy: [CREATED_AT_DESC, ROW_ID_DESC]) { nodes { id: rowId status input
    answer: answerText createdAt
    citations: citationsByWorkspaceIdAndAgentRunId(first: 3, orderBy: [ORDINAL_ASC]) { nodes { id: rowId ordinal quote startOffset
      endOffset verification } } } } } } }";

/// The nested read in one statement, as fast as it could be written: whole rows become JSON, which is faster than field by field.
const STATEMENT: &str = r#"select json_build_object('nodes', coalesce(json_agg(a), '[]')) as agents from (
  select a.id, a.name, a.model, a.max_passages as "maxPassages", a.version, a.created_at as "createdAt",
    (select json_build_object('nodes', coalesce(json_agg(r), '[]')) from (
      select r.id, r.status, r.input, r.answer_text as answer, r.created_at as "createdAt",
        (select json_build_object('nodes', coalesce(json_agg(c), '[]')) from (
          select c.id, c.ordinal, c.quote, c.start_offset as "startOffset", c.end_offset as "endOffset", c.verification
          from public.citations c where c.agent_run_id = r.id order by c.ordinal limit 3) c) as citations
      from public.agent_runs r where r.agent_id = a.id order by r.created_at desc, r.id desc limit 5) r) as "agentRuns"
  from public.agents a order by a.created_at desc, a.id desc limit 20) a"#;

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

/// A form of a statement.
#[derive(Clone, Debug, Serialize)]
pub struct Form {
    /// Its name.
    pub name: &'static str,
    /// Requests per second in a short try.
    pub requests_per_second: f64,
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
    let ours = Arc::new(target(server, tenants));
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

/// Everybody in turns, with each number of clients.
pub(super) async fn in_turns(
    ways: &[(Contender, Way)],
    plan: &Plan,
    postgres: Option<Family>,
    tell: Tell<'_>,
) -> Result<Vec<Contested>, Failure> {
    let mut turns = Turns::default();
    for clients in &plan.clients {
        for round in 0..plan.rounds {
            for turn in 0..ways.len() {
                let (contender, way) = &ways[(round + turn) % ways.len()];
                let slice = way.run(*clients, plan.seconds, postgres).await?;
                tell(&format!(
                    "{clients} clients, round {} of {}: {} {:.0}/s",
                    round + 1,
                    plan.rounds,
                    contender.name(),
                    per_second(&slice)
                ));
                turns.push(*clients, *contender, slice);
            }
        }
    }
    Ok(turns.measured())
}

/// The processes of the seeded database.
pub(super) async fn postgres(seeded: &Seeded) -> Result<Option<Family>, Failure> {
    let mut connection = seeded.superuser().await?;
    // The process of this connection; the server is its parent.
    let row = sqlx::query("select pg_backend_pid() as process").fetch_one(&mut connection).await;
    let process: i32 = row
        .and_then(|row| row.try_get("process"))
        .map_err(Failure::database("ask for the database's process"))?;
    Ok(Family::of_parent(process.cast_unsigned()))
}

/// Tries the forms of a statement with 16 clients; the fastest one.
pub(super) async fn best_form(
    pgbench: &Arc<Pgbench>,
    scripts: Vec<Script>,
    postgres: Option<Family>,
    tell: Tell<'_>,
) -> Result<(Vec<Form>, Way), Failure> {
    let mut tried: Vec<(Form, Way)> = Vec::new();
    for script in scripts {
        let name = script.name;
        let way = Way::Pgbench(pgbench.clone(), Arc::new(script));
        let rate = rounded(per_second(&way.run(TARGET_CLIENTS, TRY, postgres).await?));
        tell(&format!("{name}: {rate:.0}/s"));
        tried.push((Form { name, requests_per_second: rate }, way));
    }
    tried.sort_by(|(one, _), (other, _)| other.requests_per_second.total_cmp(&one.requests_per_second));
    let best = tried.first().map(|(_, way)| way.clone());
    let best = best.ok_or_else(|| Failure::Start("there is no form to try".to_owned()))?;
    Ok((tried.into_iter().map(|(form, _)| form).collect(), best))
}

/// The door, for the workspace whose number `pgbench` has chosen.
pub(super) fn door(ids: Ids) -> String {
    let (session, workspace) = (ids.sql(Kind::Session, ":w", "0"), ids.sql(Kind::Workspace, ":w", "0"));
    format!("select app.enter_session({session}, {workspace}, null)")
}

fn scripts(ids: Ids, readable: usize) -> Vec<Script> {
    let choose = format!("\\set w random(0, {})\n", readable.saturating_sub(1));
    let (door, statement) = (door(ids), STATEMENT);
    let begin = "begin transaction isolation level repeatable read read only";
    let script = |name, protocol, body: String| Script { name, protocol, text: format!("{choose}{body}\n") };
    vec![
        script("nested-simple-one-message", Protocol::Simple, format!("{door} \\; {statement};")),
        script(
            "nested-prepared-pipelined",
            Protocol::Prepared,
            format!("\\startpipeline\n{door};\n{statement};\n\\endpipeline"),
        ),
        script(
            "nested-prepared-pipelined-begin-commit",
            Protocol::Prepared,
            format!("\\startpipeline\n{begin};\n{door};\n{statement};\ncommit;\n\\endpipeline"),
        ),
        script(
            "nested-prepared-one-by-one",
            Protocol::Prepared,
            format!("{begin};\n{door};\n{statement};\ncommit;"),
        ),
    ]
}

fn target(server: &Server, tenants: &[Tenant]) -> Target {
    let address = server.address();
    let body = json!({ "query": QUERY }).to_string();
    let requests = tenants
        .iter()
        .map(|tenant| request(address, &tenant.authorization, &tenant.workspace.to_string(), &body))
        .collect();
    Target { address, requests, begins: r#"{"data":{"agents":{"nodes":[{"#, least: 0 }
}

fn peer_target(peer: &Peer, tenants: &[Tenant]) -> Target {
    let address = peer.address();
    let body = json!({ "query": PEER_QUERY }).to_string();
    let requests = tenants.iter().map(|tenant| {
        let (workspace, actor) = (tenant.workspace.0.to_string(), tenant.owner.0.to_string());
        request_with(address, &[("x-workspace", &workspace), ("x-actor", &actor)], &body)
    });
    let requests = requests.collect();
    Target { address, requests, begins: r#"{"data":{"agents":{"nodes":[{"#, least: 0 }
}

/// Answers are all about as long; one that is much shorter lacks something.
fn shortest(target: Arc<Target>, answer_bytes: usize) -> Arc<Target> {
    let mut target = Arc::unwrap_or_clone(target);
    target.least = answer_bytes * 4 / 5;
    Arc::new(target)
}

/// Compares the answers in several workspaces; the length of an answer of this server.
async fn compare(
    seeded: &Seeded,
    tenants: &[Tenant],
    ours: &Target,
    theirs: Option<&Target>,
) -> Result<usize, Failure> {
    let mut bytes = 0;
    let step = (tenants.len() / COMPARED).max(1);
    for (n, tenant) in tenants.iter().enumerate().step_by(step) {
        let answer = fetch(ours.address, &ours.requests[n]).await?;
        bytes = answer.to_string().len();
        let answer = data(answer)?;
        let counts = ["agents", "agentRuns", "citations"].map(|list| answer.count(list));
        if counts != [20, 100, 300] {
            return Err(Failure::DoesNotHold(format!(
                "an answer has {counts:?} rows where there are [20, 100, 300]"
            )));
        }
        let statement = statement_answer(seeded, tenant).await?;
        differ("the statement", answer.difference(&statement))?;
        if let Some(theirs) = theirs {
            let theirs = data(fetch(theirs.address, &theirs.requests[n]).await?)?;
            differ("PostGraphile", answer.difference(&theirs))?;
        }
    }
    Ok(bytes)
}

fn data(mut answer: Value) -> Result<Normal, Failure> {
    if answer.get("errors").is_some() {
        return Err(Failure::DoesNotHold(format!("an answer has errors: {}", answer["errors"])));
    }
    Ok(normal(answer["data"].take()))
}

async fn statement_answer(seeded: &Seeded, tenant: &Tenant) -> Result<Normal, Failure> {
    let failed = |error| Failure::database("run the statement")(error);
    let mut connection = roles::connect(&seeded.url(Role::App)).await?;
    let mut transaction = connection.begin().await.map_err(failed)?;
    // The door, as an operation goes through it.
    sqlx::query("select app.enter_session($1, $2, null)")
        .bind(tenant.session.0)
        .bind(tenant.workspace.0)
        .execute(&mut *transaction)
        .await
        .map_err(failed)?;
    let row = sqlx::query(STATEMENT).fetch_one(&mut *transaction).await.map_err(failed)?;
    let agents: Value = row.try_get("agents").map_err(failed)?;
    transaction.rollback().await.map_err(failed)?;
    Ok(normal(json!({ "agents": agents })))
}

fn differ(whose: &str, difference: Option<String>) -> Result<(), Failure> {
    match difference {
        None => Ok(()),
        Some(where_) => {
            Err(Failure::DoesNotHold(format!("this server and {whose} answer differently: {where_}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::contest::Protocol;
    use super::super::seeded::Ids;
    use super::{PEER_QUERY, QUERY, scripts};

    #[test]
    fn both_queries_are_documents_and_every_form_chooses_a_workspace() {
        for query in [QUERY, PEER_QUERY] {
            async_graphql::parser::parse_query(query).expect("a document");
        }
        let scripts = scripts(Ids { start: 1_767_225_600_000, workspaces: 10, step: 1 }, 10);
        assert!(scripts.iter().all(|script| script.text.starts_with("\\set w random(0, 9)\n")));
        assert!(scripts.iter().any(|script| script.protocol == Protocol::Simple));
    }
}
