//! Creates operators, who run the installation and are members of nothing, and their entries into workspaces.
//!
//! Why: whoever runs the installation needs to see whether it works, without seeing what is in it; and where a workspace needs help, to look inside
//! for a while, with a reason, under the eyes of its owners.
//! Tenant scoping: `operator_entries` is a tenant table: an entry belongs to the workspace that was entered, and is in its audit log.
//! `operators` is global, because an operator belongs to no tenant; only doors see it. The doors that count over all tenants give
//! numbers, never a name, an id or a text of a tenant, and refuse whoever is no operator.
//! Locks: a short ACCESS EXCLUSIVE lock on `jobs`, for a policy; undoing it also takes one on `outgoing_mails`.
//! Rollback: drops operators and their entries, which are lost, with the mails about them; what they did stays in the audit log.
//! Deploy order: before any process that lets operators in. Earlier workers leave mails of the new kind for later ones.

use sea_orm_migration::prelude::{DbErr, DeriveMigrationName, MigrationTrait, SchemaManager, async_trait};

use crate::support::{TenantTable, Verb, run, tenant_table};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, include_str!("sql/operators.sql")).await?;
        tenant_table(manager, &OPERATOR_ENTRIES).await?;
        run(manager, include_str!("sql/operator_entries.sql")).await?;
        run(manager, include_str!("sql/operations.sql")).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, include_str!("sql/operators_down.sql")).await
    }
}

const OPERATOR_ENTRIES: TenantTable = TenantTable {
    name: "operator_entries",
    comment: "An operator's stay in a workspace: why, and until when. Only doors begin and end one.",
    columns: &[
        ("operator_id", "uuid not null references public.operators (id)", "Who entered."),
        (
            "operator_name",
            "text not null check (length(operator_name) between 1 and 100)",
            "The operator's name, as it was then.",
        ),
        (
            "workspace_key",
            "text not null check (length(workspace_key) between 1 and 63)",
            "How the operator named the workspace: by its slug or its id.",
        ),
        (
            "reason",
            "text not null check (length(reason) between 10 and 500)",
            "Why, in the operator's words.",
        ),
        ("started_at", "timestamptz not null default now()", "From when on it opens the workspace."),
        ("expires_at", "timestamptz not null", "From then on it opens nothing."),
        ("ended_at", "timestamptz", "When it was ended early; null where it was not."),
        (
            "ended_by",
            "text check (ended_by in ('OPERATOR', 'OWNER', 'SYSTEM'))",
            "Who ended it early: the operator, an owner of the workspace, or the system because the operator was revoked; null where nobody did.",
        ),
    ],
    constraints: &[
        "check ((ended_at is null) = (ended_by is null))",
        "check (expires_at > started_at and expires_at <= started_at + interval '240 minutes')",
    ],
    select: Verb::When("(select app.can('audit:read')) or operator_id = (select app.operator_id())"),
    insert: Verb::Nobody,
    update: Verb::Nobody,
    delete: Verb::Nobody,
    doors: true,
};
