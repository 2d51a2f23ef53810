-- `viewer { apiKey }`: a key sees itself, whatever its scopes.
drop policy can_select on public.api_keys;
create policy can_select on public.api_keys for select to footnote_app, footnote_worker
  using ((select app.can('api_key:read')) or id = (select app.api_key_id()));
-- How many keys a workspace has that were not revoked, when another is made.
create index api_keys_unrevoked on public.api_keys (workspace_id) where revoked_at is null;

create function app.note_key_uses(p_workspaces uuid[], p_keys uuid[]) returns void
language plpgsql security definer set search_path = '' as $$
begin
  update public.api_keys k set last_used_at = clock_timestamp()
  from (
    select l.workspace_id, l.id
    from unnest(p_workspaces, p_keys) as used (workspace_id, id)
    join public.api_keys l on l.workspace_id = used.workspace_id and l.id = used.id
    where l.last_used_at is null or l.last_used_at < clock_timestamp() - interval '1 minute'
    -- Whoever holds a row renames or revokes the key, or notes the same: the next use is noted all the same.
    for no key update of l skip locked) due
  where k.workspace_id = due.workspace_id and k.id = due.id;
end
$$;
comment on function app.note_key_uses(uuid[], uuid[]) is
  'Door: notes that keys were used, each at most once a minute. Sees across tenants because one process serves all of them; it answers nothing.';
revoke execute on function app.note_key_uses(uuid[], uuid[]) from public;
grant execute on function app.note_key_uses(uuid[], uuid[]) to footnote_app;
alter function app.note_key_uses(uuid[], uuid[]) owner to footnote_system;

create function app.guard_maker() returns trigger language plpgsql set search_path = '' as $$
begin
  if app.api_key_id() is not null and new.user_id is not distinct from app.actor_id() then
    raise exception 'a key does not change the membership of its maker' using errcode = '42501';
  end if;
  return new;
end
$$;
comment on function app.guard_maker() is 'Trigger: no key, whatever its scopes, changes the role or the status of its maker.';
revoke execute on function app.guard_maker() from public;
create trigger guard_maker before update on public.memberships for each row
  when ((new.status, new.role_id) is distinct from (old.status, old.role_id)) execute function app.guard_maker();
