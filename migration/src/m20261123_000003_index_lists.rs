//! Indexes every order of every list, and drops the indexes by id that they replace.
//!
//! Why: a page of a list is one range of an index, whatever it is ordered by. Ids can be made by clients, so age is `created_at`.
//! Tenant scoping: every index leads with the workspace.
//! Locks: none that stop anybody: each index is built concurrently, outside a transaction. An attempt that broke off leaves an
//! invalid index, which the next attempt drops first.
//! Rollback: builds the earlier indexes and drops these; nothing is lost.
//! Deploy order: before the gateways that order by these columns; earlier ones work with it, and slower without the indexes by id.

use sea_orm_migration::prelude::{DbErr, DeriveMigrationName, MigrationTrait, SchemaManager, async_trait};

use crate::support::run;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        replace(manager, EARLIER, INDEXES).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        replace(manager, INDEXES, EARLIER).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(false)
    }
}

/// Name, and what it is on.
type Index = (&'static str, &'static str);

const EARLIER: &[Index] = &[
    ("documents_of_collection", "documents (workspace_id, collection_id, id) where deleted_at is null"),
    ("documents_live", "documents (workspace_id, id) where deleted_at is null"),
    ("agent_runs_by_status", "agent_runs (workspace_id, status, id)"),
    ("agent_runs_of_agent", "agent_runs (workspace_id, agent_id, id)"),
];

const INDEXES: &[Index] = &[
    // `collections`, by each of its orders.
    ("collections_by_age", "collections (workspace_id, created_at, id) where deleted_at is null"),
    ("collections_by_change", "collections (workspace_id, updated_at, id) where deleted_at is null"),
    ("collections_by_name", "collections (workspace_id, name, id) where deleted_at is null"),
    // `documents`, by each of its orders.
    ("documents_by_age", "documents (workspace_id, created_at, id) where deleted_at is null"),
    ("documents_by_change", "documents (workspace_id, updated_at, id) where deleted_at is null"),
    ("documents_by_title", "documents (workspace_id, title, id) where deleted_at is null"),
    // `collection { documents }` and `documents(collectionId)`, by each of their orders.
    (
        "documents_of_by_age",
        "documents (workspace_id, collection_id, created_at, id) where deleted_at is null",
    ),
    (
        "documents_of_by_change",
        "documents (workspace_id, collection_id, updated_at, id) where deleted_at is null",
    ),
    ("documents_of_by_title", "documents (workspace_id, collection_id, title, id) where deleted_at is null"),
    // `agents`, by each of its orders.
    ("agents_by_age", "agents (workspace_id, created_at, id)"),
    ("agents_by_change", "agents (workspace_id, updated_at, id)"),
    ("agents_by_name", "agents (workspace_id, name, id)"),
    // `agentRuns`, all of them, of a status, and `agent { agentRuns }`.
    ("agent_runs_by_age", "agent_runs (workspace_id, created_at, id)"),
    ("agent_runs_of_status_by_age", "agent_runs (workspace_id, status, created_at, id)"),
    ("agent_runs_of_agent_by_age", "agent_runs (workspace_id, agent_id, created_at, id)"),
];

async fn replace(manager: &SchemaManager<'_>, old: &[Index], new: &[Index]) -> Result<(), DbErr> {
    for (name, on) in new {
        // A concurrent build stands alone: several statements in one message would be one transaction.
        run(manager, &format!("drop index concurrently if exists public.{name}")).await?;
        run(manager, &format!("create index concurrently {name} on public.{on}")).await?;
    }
    for (name, _) in old {
        run(manager, &format!("drop index concurrently if exists public.{name}")).await?;
    }
    Ok(())
}
