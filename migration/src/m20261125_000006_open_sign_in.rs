//! Opens sign-up, sign-in, refresh, sign-out, verification and reset to the application: their doors.
//!
//! Why: nobody is known yet when these are asked for, so no policy can decide; each door does its check and its change at once.
//! Tenant scoping: none; accounts are global. A door answers the same whether an account exists or not wherever a stranger can ask.
//! Locks: none; every object is new.
//! Rollback: drops the doors; nobody signs in any more, but nothing that is stored is lost.
//! Deploy order: after 000005, before the servers that offer these mutations; older ones do not call them.

use sea_orm_migration::prelude::{DbErr, DeriveMigrationName, MigrationTrait, SchemaManager, async_trait};

use crate::support::run;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, include_str!("sql/account_doors.sql")).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(
            manager,
            "drop function app.set_password(uuid, text);
             drop function app.reset_password(bytea, text);
             drop function app.holds_reset_link(bytea);
             drop function app.request_password_reset(text, bytea, uuid);
             drop function app.verify_email(bytea);
             drop function app.sign_up(uuid, text, text, text, uuid, boolean);
             drop function app.begin_sign_up(bytea);
             drop function app.end_sessions(uuid, bytea, integer, boolean);
             drop function app.refresh_session(bytea, bytea, bytea, integer, integer);
             drop function app.finish_sign_in(uuid, integer, text, uuid, timestamptz, bytea, timestamptz, bytea, bytea, bytea);
             drop function app.begin_sign_in(text, bytea, bytea, bytea);
             drop function app.count_attempt(text, bytea, integer, integer);
             drop function app.enter_nobody();",
        )
        .await
    }
}
