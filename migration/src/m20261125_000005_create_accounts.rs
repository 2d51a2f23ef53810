//! Creates what accounts are made of: credentials, refresh tokens, the links of mails, counters of attempts, and mails to send.
//!
//! Why: people sign up, sign in and reset passwords; a mail is queued by the transaction that is its reason.
//! Tenant scoping: none of the tables is a tenant's, because an account stands before any workspace; no role of the application has a
//! right to any of them, and doors alone read and write them. `users.email_verified_at` is not granted to anybody but the doors.
//! Locks: ACCESS EXCLUSIVE on `users` for an instant, since the new column is null everywhere.
//! Rollback: drops the tables and the column; all passwords, refresh tokens, links and unsent mails are lost, and people sign in by
//! tokens of the command line alone.
//! Deploy order: before the servers and workers that know accounts; older ones do not see the column or the tables.

use sea_orm_migration::prelude::{DbErr, DeriveMigrationName, MigrationTrait, SchemaManager, async_trait};

use crate::support::run;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, include_str!("sql/account_tables.sql")).await?;
        run(manager, include_str!("sql/mail_doors.sql")).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(
            manager,
            "drop function app.finish_mail(uuid, uuid, text, integer);
             drop function app.mint_account_link(uuid, uuid, bytea, timestamptz);
             drop function app.claim_mails(integer, integer);
             drop table public.sign_in_attempts, public.account_links, public.outgoing_mails, public.refresh_tokens, public.credentials;
             revoke select (id, email, name, created_at) on public.users from footnote_app, footnote_worker;
             grant select on public.users to footnote_app, footnote_worker;
             alter table public.users drop column email_verified_at;",
        )
        .await
    }
}
