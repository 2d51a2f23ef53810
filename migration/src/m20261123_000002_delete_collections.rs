//! Lets collections be deleted, and announces their changes.
//!
//! Why: `collectionUpdate` and `collectionDelete`. A deleted collection keeps its row, because deleted documents, whose cited
//! versions stay, refer to it, and because an id is never used again; its name is free at once.
//! Tenant scoping: none new; rows of `collections` are no longer removed by anybody, so the right to it goes. The event types
//! are global.
//! Locks: ACCESS EXCLUSIVE on `collections` for as long as it takes to build an index over the names; there are few collections.
//! Rollback: loses which collections were deleted: those without any document are removed, the others appear again, under a
//! name that says so. An event type that was used stays, since events refer to it.
//! Deploy order: before the servers that know it. Older ones go on to work, and list deleted collections until they are replaced.

use sea_orm_migration::prelude::{DbErr, DeriveMigrationName, MigrationTrait, SchemaManager, async_trait};

use crate::support::run;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, UP).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, DOWN).await
    }
}

const UP: &str = "
alter table public.collections add column deleted_at timestamptz;
comment on column public.collections.deleted_at is
  'When it was deleted; null while it exists. Deleted documents go on to refer to it.';
alter table public.collections drop constraint collections_name;
create unique index collections_name on public.collections (workspace_id, name) where deleted_at is null;
comment on column public.collections.name is 'Unique among those of the workspace that exist.';
drop policy can_delete on public.collections;
revoke delete on public.collections from footnote_app, footnote_worker;

insert into public.event_types (name, description, schema)
select name, description,
  jsonb_build_object('$schema', 'https://json-schema.org/draft/2020-12/schema', 'type', 'object',
    'properties', jsonb_build_object('name', jsonb_build_object('type', 'string')), 'required', jsonb_build_array('name'))
from (values
  ('collection.updated', 'A collection''s name or description was changed.'),
  ('collection.deleted', 'A collection was deleted; no document stood in it.')
) as catalogue (name, description)
on conflict (name) do nothing;
";

// The owner sees no row while row-level security is forced; the table is locked until the migration has ended.
const DOWN: &str = "
grant delete on public.collections to footnote_app, footnote_worker;
create policy can_delete on public.collections for delete to footnote_app, footnote_worker
  using ((select app.can('collection:write')));
alter table public.collections no force row level security;
alter table public.documents no force row level security;
delete from public.collections c where c.deleted_at is not null
  and not exists (select from public.documents d where d.workspace_id = c.workspace_id and d.collection_id = c.id);
update public.collections set name = left(name, 150) || ' (deleted ' || id || ')' where deleted_at is not null;
alter table public.documents force row level security;
alter table public.collections force row level security;
drop index public.collections_name;
alter table public.collections add constraint collections_name unique (workspace_id, name);
comment on column public.collections.name is 'Unique in the workspace.';
alter table public.collections drop column deleted_at;

do $$
declare
  v_name text;
begin
  foreach v_name in array array['collection.updated', 'collection.deleted'] loop
    begin
      delete from public.event_types where name = v_name;
    exception when foreign_key_violation then
      -- Such events were published, and events are never removed.
      null;
    end;
  end loop;
end
$$;
";
