//! The statements of single operations, as scripts of `pgbench`: those that this server sends, in several forms.

use super::super::contest::{Protocol, Script, door};
use super::super::seeded::{AGENTS, Ids, Kind};
use super::Single;
use crate::clock;

const READ: &str = "begin transaction isolation level repeatable read read only";
const WRITE: &str = "begin transaction isolation level read committed read write";

/// The scripts of an operation, of which the fastest is measured.
pub(in super::super) fn of(operation: Single, ids: Ids, readable: usize) -> Vec<Script> {
    let choose = format!("\\set w random(0, {})\n", readable.saturating_sub(1));
    let statements = match operation {
        Single::Page => vec![page()],
        Single::Point => vec![point(ids)],
        Single::Mutation => mutation(ids, clock::now().timestamp_millis()),
    };
    let numbers = match operation {
        Single::Page => String::new(),
        Single::Point => "\\set r random(0, 99)\n".to_owned(),
        Single::Mutation => {
            format!("\\set a random(0, {})\n\\set n random(0, 1152921504606846975)\n", AGENTS - 1)
        }
    };
    let begin = if operation == Single::Mutation { WRITE } else { READ };
    let door = door(ids);
    let script =
        |name, protocol, body: String| Script { name, protocol, text: format!("{choose}{numbers}{body}\n") };
    let [one_message, pipelined, one_by_one] = match operation {
        Single::Page => ["page-simple-one-message", "page-prepared-pipelined", "page-prepared-one-by-one"],
        Single::Point => {
            ["point-simple-one-message", "point-prepared-pipelined", "point-prepared-one-by-one"]
        }
        Single::Mutation => {
            ["mutation-simple-one-message", "mutation-prepared-pipelined", "mutation-prepared-one-by-one"]
        }
    };
    let lines = statements.join(";\n") + ";\n";
    vec![
        script(one_message, Protocol::Simple, format!("{door} \\; {};", statements.join(" \\; "))),
        script(
            pipelined,
            Protocol::Prepared,
            format!("\\startpipeline\n{begin};\n{door};\n{lines}commit;\n\\endpipeline"),
        ),
        script(one_by_one, Protocol::Prepared, format!("{begin};\n{door};\n{lines}commit;")),
    ]
}

fn page() -> String {
    "select id, status, input, answer_text, answer_abstained, created_at from public.agent_runs order by created_at desc, id desc limit 21".to_owned()
}

fn point(ids: Ids) -> String {
    let id = ids.sql(Kind::Run, ":w", ":r");
    format!(
        "select id, status, input, answer_text, answer_abstained, created_at from public.agent_runs where id = {id}"
    )
}

/// What `agentRunStart` does: it looks at the agent, writes the run, its first event and its job, then the audit entry and the event, and
/// reads the run back.
fn mutation(ids: Ids, now: i64) -> Vec<String> {
    let (workspace, agent) = (ids.sql(Kind::Workspace, ":w", "0"), ids.sql(Kind::Agent, ":w", ":a"));
    // A new id: the time at which the script was written, a digit for what it is of, and 60 bits of chance.
    let new = |digit: u8| {
        format!("('{:012x}7b0{digit}b' || lpad(to_hex((:n)::bigint), 15, '0'))::uuid", now.cast_unsigned())
    };
    let [run, event, job, envelope, audit] = [1, 2, 3, 4, 5].map(new);
    vec![
        format!("select id, version from public.agents where id = {agent}"),
        format!(
            "insert into public.agent_runs (workspace_id, id, agent_id, agent_version, started_by, input, collection_ids, wait_reason, deadline_at)
             values ({workspace}, {run}, {agent}, 1, app.actor_id(), 'Which policy binds a reader who is no member?', '[]', 'QUEUE',
               now() + interval '300 seconds')"
        ),
        format!(
            "with counted as (update public.agent_runs set event_seq = event_seq + 1, updated_at = now()
               where workspace_id = app.workspace_id() and id = {run} returning event_seq - 1 as before, status)
             insert into public.agent_run_events (workspace_id, id, agent_run_id, seq, kind, status_after, data)
             select app.workspace_id(), {event}, {run}, counted.before + 1, 'STATUS_CHANGED', counted.status, '{{}}' from counted"
        ),
        format!(
            "insert into public.jobs (workspace_id, id, kind, subject_id, actor_id, run_at, dedupe_key, correlation_id)
             values ({workspace}, {job}, 'agent_run.execute', {run}, app.actor_id(), now(), 'agent_run.execute:' || {run}, 'pgbench')"
        ),
        format!(
            "select app.append_envelopes(
               jsonb_build_array(jsonb_build_object('id', {envelope}, 'type', 'agent_run.started', 'subject', {run}, 'data',
                 jsonb_build_object('agent_id', {agent}), 'correlation_id', 'pgbench')),
               jsonb_build_array(jsonb_build_object('id', {audit}, 'action', 'agent_run.start', 'targets', jsonb_build_array({run}, {agent}),
                 'before', null, 'after', jsonb_build_object('status', 'QUEUED'), 'request_id', 'pgbench')))"
        ),
        format!("select * from public.agent_runs where id = {run}"),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::Single;
    use super::of;
    use crate::operations::bench::seeded::Ids;

    #[test]
    fn every_form_of_an_operation_has_all_its_statements() {
        let ids = Ids { start: 1_767_225_600_000, workspaces: 10, step: 1 };
        for operation in Single::ALL {
            for script in of(operation, ids, 10) {
                let statements = if operation == Single::Mutation { 6 } else { 1 };
                let found = script.text.matches("public.").count();
                assert!(found >= statements - 1, "{}", script.text);
                assert_eq!(script.text.matches("app.enter_session").count(), 1);
            }
        }
    }
}
