//! Lets signed-in people found workspaces, and mutations outside a workspace be sent twice.
//!
//! Why: `workspaceCreate`, and idempotency keys for it and for `signUp`, which no workspace can hold.
//! Tenant scoping: the records belong to a person or to an address that signs up; no role of the application has a right to them, and the
//! doors find a signed-in person's by who they are. A founded workspace is entered by the transaction that made it, and only from none.
//! Locks: none; every object is new.
//! Rollback: drops the records; a mutation that is sent again after that happens again, so the answers are lost. The event type
//! stays where a workspace was founded, since events refer to it.
//! Deploy order: after 000006, before the servers that offer these mutations; older ones do not know the objects.

use sea_orm_migration::prelude::{DbErr, DeriveMigrationName, MigrationTrait, SchemaManager, async_trait};

use crate::support::run;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, include_str!("sql/workspace_founding.sql")).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, DOWN).await
    }
}

const DOWN: &str = "
drop function app.record_account_answer(bytea, text, bytea, text);
drop function app.claim_account_key(bytea, text);
drop function app.owner_of_key(bytea);
drop table public.account_idempotency_records;
drop function app.found_workspace(uuid, text, text, uuid, integer);
do $$
begin
  delete from public.event_types where name = 'workspace.created';
exception when foreign_key_violation then
  -- Such events were published, and events are never removed.
  null;
end
$$;
";
