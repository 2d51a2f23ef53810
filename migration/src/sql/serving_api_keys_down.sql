drop trigger guard_maker on public.memberships;
drop function app.guard_maker();
drop function app.note_key_uses(uuid[], uuid[]);
drop index public.api_keys_unrevoked;
drop policy can_select on public.api_keys;
create policy can_select on public.api_keys for select to footnote_app, footnote_worker using ((select app.can('api_key:read')));
