//! Creates events and the audit log, and the one door that writes both.
//!
//! Why: every change publishes an event and, where it matters who did it, an audit entry, in its own transaction, numbered
//! without gaps in commit order.
//! Tenant scoping: `events` and `audit_entries` are tenant tables that only `app.append_envelopes` inserts into, for the
//! workspace of the context; `event_types` is global: the catalogue is the same for every tenant.
//! Locks: none; every object is new.
//! Rollback: drops the events and the audit log of every workspace; both are lost.
//! Deploy order: after tenancy.

use sea_orm_migration::prelude::{DbErr, DeriveMigrationName, MigrationTrait, SchemaManager, async_trait};

use crate::support::{TenantTable, Verb, run, tenant_table};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, include_str!("sql/event_types.sql")).await?;
        tenant_table(manager, &EVENTS).await?;
        tenant_table(manager, &AUDIT_ENTRIES).await?;
        run(manager, include_str!("sql/envelope_doors.sql")).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(
            manager,
            "drop function app.append_envelopes(jsonb, jsonb);
             drop function app.audit_hash(bytea, public.audit_entries);
             drop table public.audit_entries, public.events, public.event_types;
             drop function app.refuse_change();",
        )
        .await
    }
}

const EVENTS: TenantTable = TenantTable {
    name: "events",
    comment: "What happened in a workspace, in commit order. Attributes follow CloudEvents 1.0.",
    columns: &[
        ("seq", "bigint not null", "Contiguous in the workspace, from 1."),
        ("type", "text not null references public.event_types (name)", "The catalogued type."),
        ("subject", "text not null", "The id of what it happened to, as clients see it."),
        ("data", "jsonb not null", "What a consumer needs without asking back."),
        ("actor_id", "uuid", "The user on whose behalf; null for the system."),
        ("actor_kind", "text not null check (actor_kind in ('USER', 'WORKER', 'SYSTEM'))", "Who acted."),
        ("correlation_id", "text not null", "The id of the request or job at the root of it."),
        ("causation_id", "uuid", "The event that caused this one; null where a request did."),
    ],
    constraints: &["unique (workspace_id, seq)"],
    select: Verb::CanOrJob("event:read"),
    insert: Verb::Nobody,
    update: Verb::Nobody,
    delete: Verb::Nobody,
    doors: true,
};

const AUDIT_ENTRIES: TenantTable = TenantTable {
    name: "audit_entries",
    comment: "Who did what, append-only, chained by hash.",
    columns: &[
        ("seq", "bigint not null", "Contiguous in the workspace, from 1."),
        ("actor_id", "uuid", "The user; null for the system."),
        ("actor_kind", "text not null check (actor_kind in ('USER', 'WORKER', 'SYSTEM'))", "Who acted."),
        ("actor_role", "text", "The actor's role at that moment; null for the system."),
        ("action", "text not null check (action ~ '^[a-z_]+[.][a-z_]+$')", "What was done, as object.verb."),
        ("targets", "jsonb not null", "The ids of what it was done to."),
        ("before", "jsonb", "The fields that changed, as they were; null for a creation."),
        ("after", "jsonb", "The fields that changed, as they are; null for a removal."),
        ("request_id", "text not null", "The id of the request or job."),
        ("previous_hash", "bytea not null", "The hash of the entry before; empty for the first."),
        ("hash", "bytea not null", "SHA-256 over the previous hash and the entry."),
    ],
    constraints: &["unique (workspace_id, seq)"],
    select: Verb::Can("audit:read"),
    insert: Verb::Nobody,
    update: Verb::Nobody,
    delete: Verb::Nobody,
    doors: true,
};
