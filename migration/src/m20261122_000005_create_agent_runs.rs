//! Creates agents, their runs, and everything that a run leaves behind: steps, retrievals, citations, events.
//!
//! Why: a run is a state machine that the database enforces, its events replayed give its status, and a citation that does
//! not stand in its source cannot be stored as verified.
//! Tenant scoping: seven tenant tables, foreign keys composite; only jobs write what a run finds and says.
//! Locks: none; every object is new.
//! Rollback: drops all agents and runs; all of them are lost.
//! Deploy order: after knowledge.

use sea_orm_migration::prelude::{DbErr, DeriveMigrationName, MigrationTrait, SchemaManager, async_trait};

use crate::support::{TenantTable, Verb, run, tenant_table};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in
            [AGENTS, AGENT_RUNS, AGENT_RUN_EVENTS, AGENT_RUN_STEPS, RETRIEVALS, RETRIEVAL_HITS, CITATIONS]
        {
            tenant_table(manager, &table).await?;
        }
        run(manager, include_str!("sql/agent_runs.sql")).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(
            manager,
            "drop table public.citations, public.retrieval_hits, public.retrievals, public.agent_run_steps,
               public.agent_run_events, public.agent_runs, public.agents;
             drop function app.move_agent_run();
             drop function app.check_citation();",
        )
        .await
    }
}

const AGENTS: TenantTable = TenantTable {
    name: "agents",
    comment: "An agent: how questions are answered, and from what.",
    columns: &[
        ("name", "text not null check (length(name) between 1 and 200)", "Unique in the workspace."),
        (
            "instructions",
            "text not null default '' check (length(instructions) <= 20000)",
            "What a model is told; the extractive answerer has no use for it.",
        ),
        (
            "model",
            "text not null check (model in ('extractive'))",
            "What answers. Without a model endpoint: the extractive answerer.",
        ),
        (
            "max_passages",
            "integer not null default 12 check (max_passages between 1 and 50)",
            "How many passages a run reads.",
        ),
        ("version", "integer not null default 1", "Counts changes, for optimistic locking."),
        ("updated_at", "timestamptz not null default now()", "When the row was last changed."),
    ],
    constraints: &["constraint agents_name unique (workspace_id, name)"],
    select: Verb::Can("agent:read"),
    insert: Verb::Can("agent:write"),
    update: Verb::Can("agent:write"),
    delete: Verb::Nobody,
    doors: false,
};

const AGENT_RUNS: TenantTable = TenantTable {
    name: "agent_runs",
    comment: "One run of an agent: a question, what was done, and the answer.",
    columns: &[
        ("agent_id", "uuid not null", "The agent."),
        ("agent_version", "integer not null", "The agent's version when the run was started."),
        ("started_by", "uuid not null references public.users (id)", "Whose permissions it has."),
        ("input", "text not null check (length(input) between 1 and 10000)", "The question."),
        (
            "collection_ids",
            "jsonb not null default '[]'",
            "The collections to look in: an array of UUIDs; all where it is empty.",
        ),
        (
            "status",
            "text not null default 'QUEUED' check (status in ('QUEUED', 'RUNNING', 'WAITING', 'SUCCEEDED', 'FAILED', 'CANCELED', 'EXPIRED'))",
            "Moves only along the transitions of app.move_agent_run.",
        ),
        (
            "failure_class",
            "text check (failure_class in ('TIMEOUT', 'RATE_LIMITED', 'PROVIDER_ERROR', 'TOOL_ERROR', 'INVALID_OUTPUT', 'UNGROUNDED', 'POLICY_DENIED', 'QUOTA_EXCEEDED', 'CONTEXT_TOO_LONG', 'CANCELED', 'INTERNAL'))",
            "Why it failed; null otherwise.",
        ),
        (
            "failure_message",
            "text check (length(failure_message) <= 2000)",
            "A sentence about the failure; null where it did not fail.",
        ),
        (
            "wait_reason",
            "text check (wait_reason in ('QUEUE', 'RETRY', 'VECTORS'))",
            "What it waits for; null while it runs and at the end.",
        ),
        ("answer_text", "text", "The answer; null before there is one."),
        (
            "answer_abstained",
            "boolean",
            "Whether the documents did not answer it; null before there is an answer.",
        ),
        ("answer_sentences", "integer", "Sentences of the answer (UAX #29); null before there is one."),
        (
            "answer_supported",
            "integer",
            "Those of them with a verified citation; null before there is an answer.",
        ),
        ("event_seq", "integer not null default 0", "The seq of the run's last event."),
        ("deadline_at", "timestamptz not null", "A run that has not ended by then is EXPIRED."),
        ("running_at", "timestamptz", "When it first became RUNNING; null before."),
        ("waiting_at", "timestamptz", "When it last became WAITING; null if never."),
        ("succeeded_at", "timestamptz", "When it became SUCCEEDED; null otherwise."),
        ("failed_at", "timestamptz", "When it became FAILED; null otherwise."),
        ("canceled_at", "timestamptz", "When it became CANCELED; null otherwise."),
        ("expired_at", "timestamptz", "When it became EXPIRED; null otherwise."),
        ("version", "integer not null default 1", "Counts changes, for optimistic locking."),
        ("updated_at", "timestamptz not null default now()", "When the row was last changed."),
    ],
    constraints: &[
        "foreign key (workspace_id, agent_id) references public.agents (workspace_id, id)",
        "check ((status = 'FAILED') = (failure_class is not null))",
        "check (status <> 'SUCCEEDED' or (answer_text is not null and answer_abstained is not null))",
    ],
    select: Verb::CanOrJob("agent_run:read"),
    insert: Verb::Can("agent_run:write"),
    update: Verb::CanOrJob("agent_run:write"),
    delete: Verb::Nobody,
    doors: false,
};

const AGENT_RUN_EVENTS: TenantTable = TenantTable {
    name: "agent_run_events",
    comment: "What happened in a run, append-only: the log that its subscribers replay.",
    columns: &[
        ("agent_run_id", "uuid not null", "The run."),
        ("seq", "integer not null check (seq > 0)", "Contiguous in the run, from 1."),
        (
            "kind",
            "text not null check (kind in ('STATUS_CHANGED', 'STEP_FINISHED', 'ANSWER_DELTA', 'CITATION_ADDED'))",
            "Which kind of event.",
        ),
        ("status_after", "text not null", "The run's status after it."),
        ("data", "jsonb not null", "What the kind promises."),
    ],
    constraints: &[
        "foreign key (workspace_id, agent_run_id) references public.agent_runs (workspace_id, id)",
        "unique (workspace_id, agent_run_id, seq)",
    ],
    select: Verb::CanOrJob("agent_run:read"),
    insert: Verb::CanOrJob("agent_run:write"),
    update: Verb::Nobody,
    delete: Verb::Nobody,
    doors: false,
};

const AGENT_RUN_STEPS: TenantTable = TenantTable {
    name: "agent_run_steps",
    comment: "A finished step of a run; a restarted run goes on after the last one.",
    columns: &[
        ("agent_run_id", "uuid not null", "The run."),
        ("ordinal", "integer not null check (ordinal >= 0)", "Its place in the run, from 0."),
        ("kind", "text not null check (kind in ('RETRIEVAL', 'ANSWER'))", "What was done."),
        ("status", "text not null check (status in ('SUCCEEDED', 'FAILED'))", "How it ended."),
        ("detail", "text not null check (length(detail) <= 2000)", "A sentence for people."),
        ("started_at", "timestamptz not null", "When it began."),
        ("finished_at", "timestamptz not null", "When it ended."),
    ],
    constraints: &[
        "foreign key (workspace_id, agent_run_id) references public.agent_runs (workspace_id, id)",
        "unique (workspace_id, agent_run_id, ordinal)",
    ],
    select: Verb::CanOrJob("agent_run:read"),
    insert: Verb::Job,
    update: Verb::Nobody,
    delete: Verb::Nobody,
    doors: false,
};

const RETRIEVALS: TenantTable = TenantTable {
    name: "retrievals",
    comment: "One search that a run made.",
    columns: &[
        ("agent_run_id", "uuid not null", "The run."),
        ("agent_run_step_id", "uuid not null", "The step."),
        ("embedding_index_id", "uuid", "The index that was searched; null where the workspace had none."),
        ("query", "text not null", "What was looked for."),
        ("mode", "text not null check (mode in ('HYBRID', 'SEMANTIC', 'KEYWORD'))", "How."),
    ],
    constraints: &[
        "foreign key (workspace_id, agent_run_id) references public.agent_runs (workspace_id, id)",
        "foreign key (workspace_id, agent_run_step_id) references public.agent_run_steps (workspace_id, id)",
        "foreign key (workspace_id, embedding_index_id) references public.embedding_indexes (workspace_id, id)",
    ],
    select: Verb::CanOrJob("agent_run:read"),
    insert: Verb::Job,
    update: Verb::Nobody,
    delete: Verb::Nobody,
    doors: false,
};

const RETRIEVAL_HITS: TenantTable = TenantTable {
    name: "retrieval_hits",
    comment: "A passage that a search of a run found.",
    columns: &[
        ("retrieval_id", "uuid not null", "The search."),
        ("rank", "integer not null check (rank > 0)", "Its place among the hits, from 1."),
        ("chunk_id", "uuid not null", "The passage; it may be gone once a newer version is published."),
        ("document_version_id", "uuid not null", "The version."),
        ("dense_rank", "integer", "Its place by meaning, from 1; null where that search did not find it."),
        ("sparse_rank", "integer", "Its place by words, from 1; null where that search did not find it."),
        ("fused_score", "double precision not null", "The score that ranks it."),
    ],
    constraints: &[
        "foreign key (workspace_id, retrieval_id) references public.retrievals (workspace_id, id)",
        "unique (workspace_id, retrieval_id, rank)",
    ],
    select: Verb::CanOrJob("agent_run:read"),
    insert: Verb::Job,
    update: Verb::Nobody,
    delete: Verb::Nobody,
    doors: false,
};

const CITATIONS: TenantTable = TenantTable {
    name: "citations",
    comment: "A quote that supports a span of an answer. Offsets count Unicode scalar values, ends are exclusive.",
    columns: &[
        ("agent_run_id", "uuid not null", "The run."),
        ("ordinal", "integer not null check (ordinal >= 0)", "Its place in the answer, from 0."),
        ("retrieval_hit_id", "uuid not null", "The hit that was cited."),
        ("document_id", "uuid not null", "The document."),
        ("document_version_id", "uuid not null", "The version, kept as long as the citation."),
        ("chunk_id", "uuid not null", "The passage."),
        ("start_offset", "integer not null check (start_offset >= 0)", "Of the quote in the version's text."),
        ("end_offset", "integer not null check (end_offset > start_offset)", "End of the quote."),
        ("quote", "text not null check (quote <> '')", "The quoted text."),
        (
            "sha256",
            "text not null check (sha256 ~ '^[0-9a-f]{64}$')",
            "SHA-256 of the quote in UTF-8, in hexadecimal.",
        ),
        (
            "answer_start_offset",
            "integer not null check (answer_start_offset >= 0)",
            "Of the supported span in the answer.",
        ),
        (
            "answer_end_offset",
            "integer not null check (answer_end_offset > answer_start_offset)",
            "End of the supported span.",
        ),
        (
            "verification",
            "text not null check (verification in ('VERIFIED', 'REJECTED'))",
            "Whether the quote stands at its offsets.",
        ),
        ("rejection", "text", "Why it was rejected; null for a verified one."),
    ],
    constraints: &[
        "foreign key (workspace_id, agent_run_id) references public.agent_runs (workspace_id, id)",
        "foreign key (workspace_id, retrieval_hit_id) references public.retrieval_hits (workspace_id, id)",
        "foreign key (workspace_id, document_id) references public.documents (workspace_id, id)",
        "foreign key (workspace_id, document_version_id) references public.document_versions (workspace_id, id)",
        "unique (workspace_id, agent_run_id, ordinal)",
        "check ((verification = 'REJECTED') = (rejection is not null))",
    ],
    select: Verb::CanOrJob("agent_run:read"),
    insert: Verb::Job,
    update: Verb::Nobody,
    delete: Verb::Nobody,
    doors: false,
};
