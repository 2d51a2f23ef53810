//! Lets a role be deleted though former members had it.
//!
//! Why: a membership keeps its row when it ends, and would hold its role for ever.
//! Tenant scoping: the foreign key stays composite; deleting a role clears the role's column alone, in the same workspace.
//! Locks: ACCESS EXCLUSIVE on `memberships` and SHARE ROW EXCLUSIVE on `roles`, while the foreign key is validated.
//! Rollback: former members whose role was deleted become VIEWER, which nobody notices: their membership opens nothing. No row is lost; it
//! loses only which role it was that they had.
//! Deploy order: after `guard_membership`.

use sea_orm_migration::prelude::{DbErr, DeriveMigrationName, MigrationTrait, SchemaManager, async_trait};

use crate::support::run;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(
            manager,
            "alter table public.memberships
               alter column role_id drop not null,
               add constraint memberships_keeps_role check (role_id is not null or status = 'REMOVED') not valid,
               drop constraint memberships_role,
               add constraint memberships_role foreign key (workspace_id, role_id) references public.roles (workspace_id, id)
                 on delete set null (role_id);
             comment on column public.memberships.role_id is
               'The role that the member has; null where the membership has ended and its role was deleted.';",
        )
        .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(
            manager,
            "alter table public.memberships no force row level security;
             alter table public.roles no force row level security;
             update public.memberships m set role_id = r.id from public.roles r
               where m.role_id is null and r.workspace_id = m.workspace_id and r.built_in = 'VIEWER';
             alter table public.roles force row level security;
             alter table public.memberships force row level security;
             alter table public.memberships
               alter column role_id set not null,
               drop constraint memberships_keeps_role,
               drop constraint memberships_role,
               add constraint memberships_role foreign key (workspace_id, role_id) references public.roles (workspace_id, id);
             comment on column public.memberships.role_id is 'The role that the member has.';
             do $$
             begin
               -- From version 18 on PostgreSQL names these, and the one of before had the name of its column then.
               if exists (select from pg_catalog.pg_constraint where conname = 'memberships_role_id_not_null') then
                 alter table public.memberships rename constraint memberships_role_id_not_null to memberships_role_not_null;
               end if;
             end
             $$;",
        )
        .await
    }
}
