//! Guards who may do what: an owner stays, nobody grants what they do not have, and every change of it is in the audit log.
//!
//! Why: these rules must hold for whatever writes, at the same time and half-way killed, so the database holds them. The audit log gets
//! its catalogue of actions, and actors that are API keys and operators.
//! Tenant scoping: `audit_actions` is global: the catalogue is the same for every tenant. The triggers look at one workspace, which they take
//! from the row, under the lock of its row in `workspace_sequences`, which is the last one that an operation takes.
//! Locks: SHARE ROW EXCLUSIVE on `memberships`, `roles`, `api_keys` and `audit_entries` for the triggers and the foreign key, which is not validated.
//! Rollback: drops the rules and the catalogue; no row is lost. What API keys and operators did stays in the audit log and among the events as it is, whose
//! rows nobody changes: where there is any, the older check of the actor's kind holds for new rows alone.
//! Deploy order: after `create_roles`; earlier processes write no audit entry where they change a membership, which nothing did.

use sea_orm_migration::prelude::{DbErr, DeriveMigrationName, MigrationTrait, SchemaManager, async_trait};

use crate::support::run;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, include_str!("sql/audit_catalogue.sql")).await?;
        run(manager, include_str!("sql/membership_guards.sql")).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, include_str!("sql/membership_guards_down.sql")).await?;
        run(manager, include_str!("sql/audit_catalogue_down.sql")).await
    }
}
