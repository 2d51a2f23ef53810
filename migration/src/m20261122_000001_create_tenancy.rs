//! Creates the tenants, their people, and the context that every policy reads.
//!
//! Why: row-level security needs a context that only checked doors set, and the tables that the doors check against.
//! Tenant scoping: `memberships` and `workspace_sequences` are tenant tables; `users`, `sessions`, `workspaces`, `roles`
//! and `role_permissions` are global, with the reason for each in its comment, and have row-level security too.
//! Locks: none; every object is new.
//! Rollback: drops everything; all tenants, people and sessions are lost.
//! Deploy order: first; needs the roles of `docker/postgres/roles.sql`.

use sea_orm_migration::prelude::{DbErr, DeriveMigrationName, MigrationTrait, SchemaManager, async_trait};

use crate::support::{TenantTable, Verb, run, tenant_table};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, include_str!("sql/tenancy_context.sql")).await?;
        run(manager, include_str!("sql/tenancy_global_tables.sql")).await?;
        tenant_table(manager, &MEMBERSHIPS).await?;
        run(manager, include_str!("sql/tenancy_doors.sql")).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(
            manager,
            "drop function app.create_workspace(uuid, text, text, uuid, text, uuid);
             drop function app.create_user(uuid, text, text);
             drop function app.open_session(uuid, uuid, timestamptz);
             drop function app.workspaces_of_actor();
             drop function app.enter_session(uuid, uuid, text);
             drop function app.enter(uuid, uuid, text, text, text);
             drop policy visible_users on public.users;
             drop table public.memberships;
             drop table public.workspace_sequences, public.sessions, public.role_permissions, public.roles, public.workspaces, public.users;
             drop schema app cascade;",
        )
        .await
    }
}

const MEMBERSHIPS: TenantTable = TenantTable {
    name: "memberships",
    comment: "A user's membership of a workspace.",
    columns: &[
        ("user_id", "uuid not null references public.users (id)", "The user."),
        ("role", "text not null references public.roles (name)", "The role that the member has."),
        (
            "status",
            "text not null default 'ACTIVE' check (status in ('INVITED', 'ACTIVE', 'SUSPENDED', 'REMOVED'))",
            "Only an ACTIVE membership opens the workspace.",
        ),
        ("version", "integer not null default 1", "Counts changes, for optimistic locking."),
        ("updated_at", "timestamptz not null default now()", "When the row was last changed."),
    ],
    constraints: &["unique (workspace_id, user_id)"],
    select: Verb::Can("member:read"),
    insert: Verb::Nobody,
    update: Verb::Nobody,
    delete: Verb::Nobody,
    doors: true,
};
