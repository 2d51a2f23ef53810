drop function app.fail_purge(uuid, uuid, text, integer);
drop function app.finish_purge(uuid, uuid, jsonb, bigint);
drop function app.purge_rows(uuid, uuid, integer, integer);
drop function app.renew_purge(uuid, uuid, integer, jsonb);
drop function app.claim_purge(integer);
drop function app.restore_workspace();
drop function app.delete_workspace(text, integer);

create or replace function app.refuse_change() returns trigger language plpgsql set search_path = '' as $$
begin
  raise exception 'rows of % are never changed', tg_table_name using errcode = 'FN005';
end
$$;
comment on function app.refuse_change() is 'Trigger: refuses to change or remove rows of an append-only table.';

revoke delete on public.workspaces, public.workspace_sequences, public.queue_heads, public.queue_turns from footnote_system;
revoke update (current_version_id) on public.documents from footnote_system;
-- Where doors have no policy of their own, they have no right either.
do $$
declare
  v_table text;
begin
  for v_table in select p.tablename from pg_catalog.pg_policies p where p.schemaname = 'public' and p.policyname = 'purge' loop
    execute format('drop policy purge on public.%I', v_table);
    execute format('revoke delete on public.%I from footnote_system', v_table);
    -- What another door reads stays readable.
    if not exists (select from pg_catalog.pg_policies o
        where o.schemaname = 'public' and o.tablename = v_table and 'footnote_system' = any (o.roles)) then
      execute format('revoke select on public.%I from footnote_system', v_table);
    end if;
  end loop;
end
$$;
drop function app.purge_order();
drop function app.purging();
drop table public.workspace_purges;
