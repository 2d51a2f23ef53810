//! The nested read, as each contender is asked for it: the same scalar fields everywhere.

use std::net::SocketAddr;

use serde_json::json;

use super::super::connection::{request, request_with};
use super::super::contest::{Peer, Protocol, Script, Target, Tenant, door};
use super::super::seeded::Ids;

const QUERY: &str = "query Nested { agents(first: 20) { nodes { id name model maxPassages version createdAt
  agentRuns(first: 5) { nodes { id status input answer { text } createdAt
    citations(first: 3) { nodes { id ordinal quote startOffset endOffset verification } } } } } } }";

const PEER_QUERY: &str = "query Nested { agents: allAgents(first: 20, orderBy: [CREATED_AT_DESC, ROW_ID_DESC]) {
  nodes { id: rowId name model maxPassages version createdAt
  agentRuns: agentRunsByWorkspaceIdAndAgentId(first: 5, orderBy: [CREATED_AT_DESC, ROW_ID_DESC]) { nodes { id: rowId status input
    answer: answerText createdAt
    citations: citationsByWorkspaceIdAndAgentRunId(first: 3, orderBy: [ORDINAL_ASC]) { nodes { id: rowId ordinal quote startOffset
      endOffset verification } } } } } } }";

/// The nested read in one statement: at each level whole rows become JSON, which is faster than field by field.
const ROWS: &str = r#"select json_build_object('nodes', coalesce(json_agg(a), '[]')) as agents from (
  select a.id, a.name, a.model, a.max_passages as "maxPassages", a.version, a.created_at as "createdAt",
    (select json_build_object('nodes', coalesce(json_agg(r), '[]')) from (
      select r.id, r.status, r.input, r.answer_text as answer, r.created_at as "createdAt",
        (select json_build_object('nodes', coalesce(json_agg(c), '[]')) from (
          select c.id, c.ordinal, c.quote, c.start_offset as "startOffset", c.end_offset as "endOffset", c.verification
          from public.citations c where c.agent_run_id = r.id order by c.ordinal limit 3) c) as citations
      from public.agent_runs r where r.agent_id = a.id order by r.created_at desc, r.id desc limit 5) r) as "agentRuns"
  from public.agents a order by a.created_at desc, a.id desc limit 20) a"#;

/// The same, but only the outermost level makes JSON, of arrays of rows: what is inside is not copied as text again and again.
const RECORDS: &str = r#"select json_build_object('nodes', coalesce(json_agg(a), '[]')) as agents from (
  select a.id, a.name, a.model, a.max_passages as "maxPassages", a.version, a.created_at as "createdAt",
    (select l from (select array(select r from (
      select r.id, r.status, r.input, r.answer_text as answer, r.created_at as "createdAt",
        (select l from (select array(select c from (
          select c.id, c.ordinal, c.quote, c.start_offset as "startOffset", c.end_offset as "endOffset", c.verification
          from public.citations c where c.agent_run_id = r.id order by c.ordinal limit 3) c) as nodes) l) as citations
      from public.agent_runs r where r.agent_id = a.id order by r.created_at desc, r.id desc limit 5) r) as nodes) l) as "agentRuns"
  from public.agents a order by a.created_at desc, a.id desc limit 20) a"#;

/// The nested read in one statement, each as fast as it could be written.
pub(super) const STATEMENTS: [&str; 2] = [ROWS, RECORDS];

/// The statement and the door before it, in several forms.
pub(in super::super) fn scripts(ids: Ids, readable: usize) -> Vec<Script> {
    let choose = format!("\\set w random(0, {})\n", readable.saturating_sub(1));
    let door = door(ids);
    let begin = "begin transaction isolation level repeatable read read only";
    let script = |name, protocol, body: String| Script { name, protocol, text: format!("{choose}{body}\n") };
    let forms = |[one_message, pipelined, one_by_one]: [&'static str; 3], statement: &str| {
        let in_pipeline = format!("\\startpipeline\n{door};\n{statement};\n\\endpipeline");
        [
            script(one_message, Protocol::Simple, format!("{door} \\; {statement};")),
            script(pipelined, Protocol::Prepared, in_pipeline),
            script(one_by_one, Protocol::Prepared, format!("{begin};\n{door};\n{statement};\ncommit;")),
        ]
    };
    let rows = ["rows-simple-one-message", "rows-prepared-pipelined", "rows-prepared-one-by-one"];
    let records = ["records-simple-one-message", "records-prepared-pipelined", "records-prepared-one-by-one"];
    forms(rows, ROWS).into_iter().chain(forms(records, RECORDS)).collect()
}

/// This server, asked in every workspace.
pub(in super::super) fn target(address: SocketAddr, tenants: &[Tenant]) -> Target {
    let body = json!({ "query": QUERY }).to_string();
    let requests = tenants
        .iter()
        .map(|tenant| request(address, &tenant.authorization, &tenant.workspace.to_string(), &body))
        .collect();
    Target { address, requests, begins: r#"{"data":{"agents":{"nodes":[{"#, least: 0 }
}

/// PostGraphile, asked in every workspace.
pub(super) fn peer_target(peer: &Peer, tenants: &[Tenant]) -> Target {
    let address = peer.address();
    let body = json!({ "query": PEER_QUERY }).to_string();
    let requests = tenants.iter().map(|tenant| {
        let (workspace, actor) = (tenant.workspace.0.to_string(), tenant.owner.0.to_string());
        request_with(address, &[("x-workspace", &workspace), ("x-actor", &actor)], &body)
    });
    let requests = requests.collect();
    Target { address, requests, begins: r#"{"data":{"agents":{"nodes":[{"#, least: 0 }
}

#[cfg(test)]
mod tests {
    use super::super::super::contest::Protocol;
    use super::super::super::seeded::Ids;
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
