//! Creates the job lane: the queue, the heads by which workspaces take turns, and the doors of workers.
//!
//! Why: work that was accepted is done exactly once inside the database, survives a killed process, and one tenant's backlog
//! does not delay another's.
//! Tenant scoping: `jobs` is a tenant table; `queue_heads` has a row for each workspace that only doors see. Claim and reap
//! see across tenants because a worker does not know whose turn it is.
//! Locks: none; every object is new.
//! Rollback: drops the queue; accepted work that has not run is lost.
//! Deploy order: after tenancy, before the capabilities that enqueue.

use sea_orm_migration::prelude::{DbErr, DeriveMigrationName, MigrationTrait, SchemaManager, async_trait};

use crate::support::{TenantTable, Verb, run, tenant_table};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        tenant_table(manager, &JOBS).await?;
        run(manager, include_str!("sql/job_doors.sql")).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(
            manager,
            "drop function app.claim_jobs(text, text[], integer, integer);
             drop function app.renew_job(uuid, uuid, uuid, integer);
             drop function app.enter_job(uuid, uuid, uuid);
             drop function app.finish_job();
             drop function app.fail_job(uuid, uuid, uuid, text, text, integer, boolean);
             drop function app.reap_jobs();
             drop table public.jobs;
             drop function app.note_queue_head();
             drop table public.queue_heads, public.queue_turns;",
        )
        .await
    }
}

const JOBS: TenantTable = TenantTable {
    name: "jobs",
    comment: "Work that was accepted and is not done. A finished job leaves the table at once.",
    columns: &[
        ("kind", "text not null check (kind ~ '^[a-z_]+[.][a-z_]+$')", "What is to be done, as object.verb."),
        ("subject_id", "uuid not null", "What it is done to."),
        (
            "status",
            "text not null default 'QUEUED' check (status in ('QUEUED', 'RUNNING', 'DEAD'))",
            "QUEUED waits for run_at and a worker; RUNNING has a lease; DEAD waits for an operator.",
        ),
        ("actor_id", "uuid", "Whose permissions it runs with, as they are then; null for the system."),
        ("attempts", "integer not null default 0", "How often it was claimed."),
        (
            "max_attempts",
            "integer not null default 10 check (max_attempts between 1 and 100)",
            "After so many failures it is DEAD.",
        ),
        ("run_at", "timestamptz not null default now()", "Not before this moment."),
        ("lease_token", "uuid", "Proof of the claim; a worker without it can neither renew nor finish."),
        ("lease_expires_at", "timestamptz", "After this moment the job is given to another worker."),
        ("worker", "text", "The worker that has or had the lease; null before the first claim."),
        ("failure_class", "text", "The class of the last failure; null while there is none."),
        (
            "last_error",
            "text check (length(last_error) <= 2000)",
            "A sentence about the last failure; null while there is none.",
        ),
        (
            "dedupe_key",
            "text check (length(dedupe_key) <= 200)",
            "At most one live job of a workspace has it; null where any number may.",
        ),
        ("correlation_id", "text not null", "The id of the request at the root of it."),
        ("updated_at", "timestamptz not null default now()", "When the row was last changed."),
    ],
    constraints: &[
        "check ((status = 'RUNNING') = (lease_token is not null and lease_expires_at is not null))",
    ],
    select: Verb::CanOrJob("job:read"),
    insert: Verb::When(
        "actor_id is not distinct from (select app.actor_id()) and status = 'QUEUED' and lease_token is null",
    ),
    update: Verb::Can("job:write"),
    delete: Verb::Nobody,
    doors: true,
};
