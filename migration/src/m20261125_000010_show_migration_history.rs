//! Lets servers and workers see which migrations were applied.
//!
//! Why: readiness says whether the schema is the one that a binary needs, and asks with the address that requests have.
//! Tenant scoping: none; the history has no row of a tenant. The door gives names of migrations, which stand in the binary.
//! Locks: a short ACCESS EXCLUSIVE lock on the history's table, for the grant.
//! Rollback: drops the door; nothing is lost, and binaries that ask for it are not ready.
//! Deploy order: before the binaries that ask; earlier ones do not know it.

use sea_orm_migration::prelude::{DbErr, DeriveMigrationName, MigrationTrait, SchemaManager, async_trait};

use crate::support::run;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(
            manager,
            "grant select on public.seaql_migrations to footnote_system;
             create function app.applied_migrations() returns setof text
             language sql stable security definer set search_path = ''
             as $$ select m.version::text from public.seaql_migrations m $$;
             comment on function app.applied_migrations() is
               'Door: the names of the migrations that were applied, for readiness. Privileged because only the owner reads the history, which holds no tenant''s row.';
             revoke execute on function app.applied_migrations() from public;
             grant execute on function app.applied_migrations() to footnote_app, footnote_worker;
             alter function app.applied_migrations() owner to footnote_system;",
        )
        .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(
            manager,
            "drop function app.applied_migrations();
             revoke select on public.seaql_migrations from footnote_system;",
        )
        .await
    }
}
