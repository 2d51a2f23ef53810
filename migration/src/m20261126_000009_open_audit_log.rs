//! Opens the audit log to its readers: an index for what one request did, and the door that verifies the chain.
//!
//! Why: whoever may read the log can show that nothing in it was altered, removed, inserted or cut off, without an operator's help.
//! Tenant scoping: the door looks at the workspace of the context alone, and only for a reader with audit:read; it is a door because the
//! head of the chain stands in `workspace_sequences`, which nobody else sees.
//! Locks: SHARE on `audit_entries` while its index is built, so mutations wait for as long.
//! Rollback: drops the index and the door; nothing is lost.
//! Deploy order: before the gateways that know `auditLog`; earlier ones use neither.

use sea_orm_migration::prelude::{DbErr, DeriveMigrationName, MigrationTrait, SchemaManager, async_trait};

use crate::support::run;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, include_str!("sql/audit_log.sql")).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(
            manager,
            "drop function app.verify_audit(bigint, integer);
             drop index public.audit_entries_of_request;",
        )
        .await
    }
}
