//! Creates API keys, and the columns that say which key a job, an upload or an idempotency record came by.
//!
//! Why: programs need a credential of their own, with fewer permissions than the person who made it.
//! Tenant scoping: `api_keys` is a tenant table; its hash is looked up over all tenants by a door alone, through an index that is not
//! unique. The new columns are composite foreign keys to it. A key's work is its own: a job that it started, the bytes of an upload that it
//! asked for and an answer that was kept for it are bound to it, and not to its maker alone.
//! Locks: ACCESS EXCLUSIVE on `jobs`, `uploads` and `idempotency_records` for the columns, without a rewrite; the foreign keys are not
//! validated, because every column is null.
//! Rollback: drops the keys, which are lost: every program that uses one is locked out. Jobs and uploads that came by a key go on as their maker's.
//! Deploy order: before any process that lets keys in.

use sea_orm_migration::prelude::{DbErr, DeriveMigrationName, MigrationTrait, SchemaManager, async_trait};

use crate::support::{TenantTable, Verb, run, tenant_table};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        tenant_table(manager, &API_KEYS).await?;
        run(manager, include_str!("sql/api_keys.sql")).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, include_str!("sql/api_keys_down.sql")).await
    }
}

const API_KEYS: TenantTable = TenantTable {
    name: "api_keys",
    comment: "A credential of a program. It acts for its maker, with the scopes that its maker still has.",
    columns: &[
        ("name", "text not null check (length(name) between 1 and 100)", "What it is for."),
        ("user_id", "uuid not null", "Who made it; it is worth nothing once this member is not ACTIVE."),
        (
            "start",
            "text not null check (start ~ '^fn_live_[0-9A-Za-z]{4}$')",
            "Its first characters, by which people tell keys apart.",
        ),
        (
            "hash",
            "bytea not null check (octet_length(hash) = 32)",
            "SHA-256 of the key, which is 256 random bits and kept nowhere.",
        ),
        (
            "scopes",
            "text[] not null check (cardinality(scopes) > 0)",
            "The permissions that it may use at most.",
        ),
        ("expires_at", "timestamptz", "From then on it opens nothing; null where it does not end by itself."),
        ("last_used_at", "timestamptz", "When it was last used, to the minute; null where it never was."),
        ("revoked_at", "timestamptz", "When it was revoked; null while it holds."),
        ("version", "integer not null default 1", "Counts changes, for optimistic locking."),
        ("updated_at", "timestamptz not null default now()", "When it was last changed by somebody."),
    ],
    constraints: &[
        "foreign key (workspace_id, user_id) references public.memberships (workspace_id, user_id)",
    ],
    select: Verb::Can("api_key:read"),
    insert: Verb::Can("api_key:write"),
    update: Verb::Can("api_key:write"),
    delete: Verb::Nobody,
    doors: true,
};
