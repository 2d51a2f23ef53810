//! Lets owners change, delete and restore their workspace, and workers remove it from every store once its time has come.
//!
//! Why: `workspaceUpdate`, `workspaceDelete`, `workspaceRestore`, and the proof that nothing of a deleted tenant is left.
//! Tenant scoping: `workspace_purges` is global, because it outlives the tenant that it names by id; only doors see it. The doors of the
//! purge act on one tenant, which they take from a leased row of it, and see that tenant's rows alone (`app.purging`): the policy `purge`
//! stands on every tenant table that doors did not reach before. Append-only rows go with their workspace, and for nobody else. Work of a
//! workspace that waits for its deletion is neither claimed nor entered; from the moment of its purge on nobody enters it.
//! Locks: ACCESS EXCLUSIVE on every tenant table for a moment, for its policy and grants; no row is read.
//! Rollback: loses the records of purges and which were asked for: workspaces that wait for theirs wait for ever, and are brought back by
//! undoing `create_roles` too. What was purged stays so.
//! Deploy order: before the servers and workers that know it; older workers go on, and leave purges to newer ones.

use sea_orm_migration::prelude::{DbErr, DeriveMigrationName, MigrationTrait, SchemaManager, async_trait};

use crate::support::run;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, include_str!("sql/workspace_life.sql")).await?;
        run(manager, include_str!("sql/workspace_purges.sql")).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, include_str!("sql/workspace_purges_down.sql")).await?;
        run(manager, include_str!("sql/workspace_life_down.sql")).await
    }
}
