//! Lets people take their data with them and have it erased, over all of their workspaces.
//!
//! Why: a person may ask what is stored about them, and have it removed (GDPR, articles 15, 17 and 20). Rows and audit entries name people by
//! id alone, so a row without a name in `users` makes them anonymous without touching the chain.
//! Tenant scoping: no new table. The doors take the person from the context, and refuse keys and operators; what they show of a
//! workspace that the person has left are ids and times. Each erasure writes to the audit log of each of the workspaces.
//! Locks: ACCESS EXCLUSIVE on `users` for an instant, since the new column is null everywhere; SHARE on `memberships`, `invitations`, `agent_runs` and
//! `uploads` while their indexes are built, and SHARE ROW EXCLUSIVE for the triggers.
//! Rollback: drops the doors, the indexes and `users.erased_at`, so that when somebody was erased is lost; they stay erased.
//! Deploy order: before the gateways that know `accountDelete`; earlier ones use none of it.

use sea_orm_migration::prelude::{DbErr, DeriveMigrationName, MigrationTrait, SchemaManager, async_trait};

use crate::support::run;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, include_str!("sql/erasure.sql")).await?;
        run(manager, include_str!("sql/personal_data.sql")).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, include_str!("sql/personal_data_down.sql")).await
    }
}
