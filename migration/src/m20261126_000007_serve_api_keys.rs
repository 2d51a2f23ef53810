//! Lets API keys be served: each sees itself, its uses are noted, and none changes the membership of its maker.
//!
//! Why: a program asks which key it is; people look for keys that nobody uses; and a key with `member:write` must not take its maker's own
//! membership away, or change it, which only its maker may without being asked for more.
//! Tenant scoping: the policy of `api_keys` stays within the tenant policy. The door `app.note_key_uses` writes the moment of a use over all
//! tenants and answers nothing.
//! Locks: ACCESS EXCLUSIVE on `api_keys` for the policy and SHARE ROW EXCLUSIVE on `memberships` for the trigger, both for a moment; SHARE on
//! `api_keys` while the index is made, which is empty or small.
//! Rollback: drops the door, the index and the rule; no row is lost, and `last_used_at` stays as it is.
//! Deploy order: before any process that lets keys in.

use sea_orm_migration::prelude::{DbErr, DeriveMigrationName, MigrationTrait, SchemaManager, async_trait};

use crate::support::run;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, include_str!("sql/serving_api_keys.sql")).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, include_str!("sql/serving_api_keys_down.sql")).await
    }
}
