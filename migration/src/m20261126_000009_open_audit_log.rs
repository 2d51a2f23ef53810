//! Opens the audit log to its readers: indexes for what one request did and for what was done to one thing, and
//! the doors that look by the latter and verify the chain.
//!
//! Why: whoever may read the log can show that nothing in it was altered, removed, inserted or cut off, without an operator's help.
//! Tenant scoping: the doors look at the workspace of the context alone, and only for a reader with audit:read. The one verifies against the
//! head of the chain, which stands in `workspace_sequences`, where nobody else looks; the other reads an index that policies would bar.
//! Locks: SHARE on `audit_entries` while its indexes are built, so mutations wait for as long.
//! Rollback: drops the indexes and the doors; nothing is lost.
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
             drop function app.audit_of_target(text);
             drop index public.audit_entries_by_target;
             drop index public.audit_entries_of_request;",
        )
        .await
    }
}
