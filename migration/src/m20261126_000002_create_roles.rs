//! Makes roles rows of each workspace: the built-in four, and those that it makes itself. Every door reads permissions in one place.
//!
//! Why: a workspace decides for itself who may do what. The permission map stays data: a catalogue of permissions, what the built-in roles
//! have of it, and what a workspace's own roles have.
//! Tenant scoping: `roles` is a tenant table, and a membership points at a role of its own workspace by a composite foreign key.
//! `permissions`, `built_in_roles` (which was `roles`) and `role_permissions` are global: the same for every tenant, and read by everybody.
//! Locks: ACCESS EXCLUSIVE on `memberships` while its roles are filled in, which takes as long as rewriting it.
//! Rollback: members of a workspace's own roles become VIEWER, and those roles are lost. Workspaces that wait for their deletion come back.
//! Deploy order: together with the processes: earlier ones read `memberships.role`.

use sea_orm_migration::prelude::{DbErr, DeriveMigrationName, MigrationTrait, SchemaManager, async_trait};

use crate::support::{TenantTable, Verb, run, tenant_table};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, include_str!("sql/permission_catalogue.sql")).await?;
        tenant_table(manager, &ROLES).await?;
        run(manager, include_str!("sql/roles.sql")).await?;
        run(manager, include_str!("sql/entering.sql")).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, include_str!("sql/entering_down.sql")).await?;
        run(manager, include_str!("sql/roles_down.sql")).await
    }
}

const ROLES: TenantTable = TenantTable {
    name: "roles",
    comment: "A role of a workspace: one of the built-in four, or its own.",
    columns: &[
        (
            "name",
            "text not null check (length(name) between 1 and 60)",
            "The name; unique in the workspace, whatever its case.",
        ),
        (
            "built_in",
            "text references public.built_in_roles (name)",
            "Which built-in role it is; its permissions are the catalogue's. Null for the workspace's own.",
        ),
        ("description", "text not null default '' check (length(description) <= 500)", "What it is for."),
        (
            "permissions",
            "text[] not null default '{}'",
            "What it may do, for the workspace's own; empty for a built-in one.",
        ),
        ("version", "integer not null default 1", "Counts changes, for optimistic locking."),
        ("updated_at", "timestamptz not null default now()", "When the row was last changed."),
    ],
    constraints: &[
        "constraint roles_built_in unique (workspace_id, built_in)",
        "check (built_in is null or (name = built_in and permissions = '{}'))",
    ],
    select: Verb::Can("member:read"),
    insert: Verb::Can("role:write"),
    update: Verb::Can("role:write"),
    delete: Verb::Can("role:write"),
    doors: true,
};
