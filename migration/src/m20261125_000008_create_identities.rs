//! Creates the people whom external issuers know, and the doors by which they come in.
//!
//! Why: a token of somebody else's issuer names a person by issuer and subject; that pair is one person here, whatever address the
//! token has.
//! Tenant scoping: `identities` is global, because a person stands before any workspace; no role of the application has a right to it.
//! `users.email` may be null from now on: an issuer need not vouch for an address, and one that nobody vouches for is not ours to store.
//! Locks: ACCESS EXCLUSIVE on `users` for an instant; dropping NOT NULL reads no row.
//! Rollback: drops the table; who is who at an external issuer is lost, and whoever came by one comes in no more. Those without an address get one that cannot be
//! written to (RFC 2606, `.invalid`), since the column demands one again.
//! Deploy order: before the servers that have issuers set; older servers fail to show a person without an address.

use sea_orm_migration::prelude::{DbErr, DeriveMigrationName, MigrationTrait, SchemaManager, async_trait};

use crate::support::run;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, include_str!("sql/identities.sql")).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(
            manager,
            "drop function app.admit_identity(uuid, uuid, text, text, text, text);
             drop function app.enter_identity(bytea, uuid, text);
             drop table public.identities;
             -- As the doors: policies hide people from the owner.
             set local role footnote_system;
             update public.users set email = id || '@identity.invalid' where email is null;
             reset role;
             alter table public.users alter column email set not null;
             comment on column public.users.email is 'Lower case; unique over all workspaces, so only doors write it.';",
        )
        .await
    }
}
