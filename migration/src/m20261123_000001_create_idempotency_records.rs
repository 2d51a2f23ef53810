//! Creates the records of mutations that were sent under a key, and what claims and forgets keys.
//!
//! Why: a client that lost the answer to a mutation sends it again and must not do twice what it wanted once.
//! Tenant scoping: one tenant table; a key belongs to a workspace, and its record to the actor who sent it: others neither
//! see it nor can take it.
//! Locks: none; every object is new.
//! Rollback: drops the records; a mutation that is sent again after that happens again, so the answers are lost.
//! Deploy order: before the binary that reads keys; older binaries do not know the table.

use sea_orm_migration::prelude::{DbErr, DeriveMigrationName, MigrationTrait, SchemaManager, async_trait};

use crate::support::{TenantTable, Verb, run, tenant_table};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        tenant_table(manager, &IDEMPOTENCY_RECORDS).await?;
        run(manager, include_str!("sql/idempotency.sql")).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(
            manager,
            "drop table public.idempotency_records;
             drop function app.claim_idempotency_key(bigint, text);
             drop function app.forget_idempotency_records();",
        )
        .await
    }
}

const OWN: &str = "actor_id = (select app.actor_id())";

const IDEMPOTENCY_RECORDS: TenantTable = TenantTable {
    name: "idempotency_records",
    comment: "A mutation that succeeded under a key, and its answer, which a repetition gets again.",
    columns: &[
        (
            "actor_id",
            "uuid not null default app.actor_id() references public.users (id)",
            "Who sent it, and alone sees it.",
        ),
        (
            "key",
            "text not null check (key ~ '^[!-~]{1,255}$')",
            "What the client chose: visible ASCII, unique in the workspace.",
        ),
        (
            "fingerprint",
            "bytea not null check (octet_length(fingerprint) = 32)",
            "SHA-256 over the operation's name, the document and the variables.",
        ),
        (
            "answer",
            "text not null check (octet_length(answer) <= 262144)",
            "The data of the answer as JSON, without secrets; text, because a repetition gets the same bytes.",
        ),
        (
            "expires_at",
            "timestamptz not null default clock_timestamp() + interval '72 hours'",
            "After this moment it counts as absent.",
        ),
    ],
    constraints: &["constraint idempotency_records_key unique (workspace_id, key)"],
    select: Verb::When(OWN),
    insert: Verb::When(OWN),
    update: Verb::Nobody,
    delete: Verb::Nobody,
    doors: true,
};
