-- `personalData` and erasure: what a person left behind in each workspace, and which workspaces those are.
create index memberships_of_person on public.memberships (user_id);
create index agent_runs_of_person on public.agent_runs (workspace_id, started_by, id);
-- Over all workspaces, for a door alone; not unique, or it would tell tenants of each other.
create index invitations_of_address on public.invitations (email);
create index uploads_of_person on public.uploads (workspace_id, actor_id, id);
create policy personal_data on public.agent_runs for select to footnote_system using (true);
grant select on public.agent_runs to footnote_system;

create function app.require_person() returns uuid language plpgsql stable set search_path = '' as $$
begin
  if app.actor_id() is null or app.api_key_id() is not null or app.operator_id() is not null or app.in_job() then
    raise exception 'this is for a signed-in person alone' using errcode = 'FN090';
  end if;
  return app.actor_id();
end
$$;
comment on function app.require_person() is 'The person of the context; refuses keys, operators and jobs, who act for somebody. Only doors may call it.';

create function app.moment(p_moment timestamptz) returns text language sql stable set search_path = ''
return to_char(p_moment at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');
comment on function app.moment(timestamptz) is 'A moment as documents have it (RFC 3339, in UTC). Only doors may call it.';

create function app.listed(p_items jsonb, p_total bigint) returns jsonb language sql immutable set search_path = ''
return jsonb_build_object('items', coalesce(p_items, '[]'), 'total', p_total,
  'truncated', p_total > jsonb_array_length(coalesce(p_items, '[]')));
comment on function app.listed(jsonb, bigint) is 'A list of a document, with how many there are, and whether all of them are here. Only doors may call it.';

create function app.personal_data_of(p_user uuid) returns jsonb language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'format', 'footnote personal data 1',
    'madeAt', app.moment(now()),
    'account', (
      select jsonb_build_object('id', app.type_id('user', u.id), 'email', u.email, 'name', u.name, 'createdAt', app.moment(u.created_at),
        'emailVerifiedAt', app.moment(u.email_verified_at), 'deletedAt', app.moment(u.erased_at),
        'passwordChangedAt', (select app.moment(c.updated_at) from public.credentials c where c.user_id = u.id))
      from public.users u where u.id = p_user),
    'identities', app.listed((
      select jsonb_agg(jsonb_build_object('issuer', i.issuer, 'subject', i.subject, 'createdAt', app.moment(i.created_at)) order by i.created_at)
      from (select * from public.identities o where o.user_id = p_user order by o.created_at limit 100) i),
      (select count(*) from public.identities i where i.user_id = p_user)),
    'sessions', app.listed((
      select jsonb_agg(jsonb_build_object('id', app.type_id('session', s.id), 'createdAt', app.moment(s.created_at),
        'expiresAt', app.moment(s.expires_at), 'endedAt', app.moment(s.revoked_at)) order by s.created_at desc)
      from (select * from public.sessions o where o.user_id = p_user order by o.created_at desc limit 500) s),
      (select count(*) from public.sessions s where s.user_id = p_user)),
    'mails', app.listed((
      select jsonb_agg(jsonb_build_object('kind', o.kind, 'address', o.address, 'status', o.status, 'createdAt', app.moment(o.created_at),
        'sentAt', app.moment(o.sent_at)) order by o.created_at desc)
      from (select * from public.outgoing_mails a where a.user_id = p_user order by a.created_at desc limit 500) o),
      (select count(*) from public.outgoing_mails o where o.user_id = p_user)),
    -- What a workspace is called, what its roles are, and what was written in it, is for those whom it lets in.
    'memberships', app.listed((
      select jsonb_agg(jsonb_build_object('id', app.type_id('membership', m.id), 'workspaceId', app.type_id('workspace', m.workspace_id),
        'status', m.status, 'createdAt', app.moment(m.created_at), 'updatedAt', app.moment(m.updated_at),
        'workspaceSlug', case when m.status = 'ACTIVE' then w.slug end, 'workspaceName', case when m.status = 'ACTIVE' then w.name end,
        'role', case when m.status = 'ACTIVE' then r.name end) order by m.created_at desc)
      from (select * from public.memberships o where o.user_id = p_user order by o.created_at desc limit 1000) m
      join public.workspaces w on w.id = m.workspace_id
      join public.roles r on r.workspace_id = m.workspace_id and r.id = m.role_id),
      (select count(*) from public.memberships m where m.user_id = p_user)),
    -- Of an address that the person has shown to be theirs.
    'invitations', app.listed((
      select jsonb_agg(jsonb_build_object('id', app.type_id('invitation', i.id), 'workspaceId', app.type_id('workspace', i.workspace_id),
        'status', i.status, 'createdAt', app.moment(i.created_at), 'expiresAt', app.moment(i.expires_at),
        'acceptedAt', app.moment(i.accepted_at)) order by i.created_at desc)
      from (
        select o.* from public.users u join public.invitations o on o.email = u.email
        where u.id = p_user and u.email_verified_at is not null order by o.created_at desc limit 500) i),
      (select count(*) from public.users u join public.invitations i on i.email = u.email
       where u.id = p_user and u.email_verified_at is not null)),
    'apiKeys', app.listed((
      select jsonb_agg(jsonb_build_object('id', app.type_id('key', k.id), 'workspaceId', app.type_id('workspace', k.workspace_id),
        'name', case when k.open then k.name end, 'createdAt', app.moment(k.created_at), 'expiresAt', app.moment(k.expires_at),
        'lastUsedAt', app.moment(k.last_used_at), 'revokedAt', app.moment(k.revoked_at)) order by k.created_at desc)
      from (
        select o.*, m.status = 'ACTIVE' as open from public.memberships m
        join public.api_keys o on o.workspace_id = m.workspace_id and o.user_id = m.user_id
        where m.user_id = p_user order by o.created_at desc limit 500) k),
      (select count(*) from public.memberships m join public.api_keys k on k.workspace_id = m.workspace_id and k.user_id = m.user_id
       where m.user_id = p_user)),
    'agentRuns', app.listed((
      select jsonb_agg(jsonb_build_object('id', app.type_id('run', n.id), 'workspaceId', app.type_id('workspace', n.workspace_id),
        'input', case when n.open then n.input end, 'status', n.status, 'createdAt', app.moment(n.created_at)) order by n.created_at desc)
      from (
        select r.*, m.status = 'ACTIVE' as open, sum(length(r.input)) over (order by r.created_at desc, r.id desc) as characters
        from public.memberships m
        cross join lateral (
          select o.workspace_id, o.id, o.input, o.status, o.created_at from public.agent_runs o
          where o.workspace_id = m.workspace_id and o.started_by = p_user order by o.id desc limit 1000) r
        where m.user_id = p_user order by r.created_at desc, r.id desc limit 1000) n
      -- Questions are long: about a megabyte of them.
      where n.characters <= 1000000),
      (select count(*) from public.memberships m join public.agent_runs r on r.workspace_id = m.workspace_id and r.started_by = m.user_id
       where m.user_id = p_user)),
    'uploads', app.listed((
      select jsonb_agg(jsonb_build_object('id', app.type_id('upload', n.id), 'workspaceId', app.type_id('workspace', n.workspace_id),
        'documentId', app.type_id('document', n.document_id), 'filename', case when n.open then n.filename end,
        'contentType', n.content_type, 'sizeBytes', n.size_bytes, 'status', n.status, 'createdAt', app.moment(n.created_at))
        order by n.created_at desc)
      from (
        select u.*, m.status = 'ACTIVE' as open from public.memberships m
        cross join lateral (
          select o.* from public.uploads o where o.workspace_id = m.workspace_id and o.actor_id = p_user order by o.id desc limit 1000) u
        where m.user_id = p_user order by u.created_at desc limit 1000) n),
      (select count(*) from public.memberships m join public.uploads u on u.workspace_id = m.workspace_id and u.actor_id = m.user_id
       where m.user_id = p_user)),
    'auditEntries', app.listed((
      select jsonb_agg(jsonb_build_object('id', app.type_id('audit', n.id), 'workspaceId', app.type_id('workspace', n.workspace_id),
        'action', n.action, 'createdAt', app.moment(n.created_at)) order by n.created_at desc)
      from (
        select a.* from public.memberships m
        cross join lateral (
          select o.workspace_id, o.id, o.action, o.created_at from public.audit_entries o
          where o.workspace_id = m.workspace_id and o.actor_id = p_user order by o.seq desc limit 1000) a
        where m.user_id = p_user order by a.created_at desc limit 1000) n),
      (select count(*) from public.memberships m join public.audit_entries a on a.workspace_id = m.workspace_id and a.actor_id = m.user_id
       where m.user_id = p_user)))
$$;
comment on function app.personal_data_of(uuid) is
  'What is stored about a person, over all workspaces, newest first, each list of bounded length and with the number of all. For doors and the command line.';

create function app.personal_data() returns jsonb language plpgsql stable security definer set search_path = '' as $$
begin
  return app.personal_data_of(app.require_person());
end
$$;
comment on function app.personal_data() is
  'Door: what is stored about the person of the context. Sees across tenants because a person belongs to several; refuses keys and operators.';

revoke execute on function app.require_person(), app.moment(timestamptz), app.listed(jsonb, bigint), app.personal_data_of(uuid),
  app.personal_data() from public;
grant execute on function app.personal_data() to footnote_app;
alter function app.require_person() owner to footnote_system;
alter function app.moment(timestamptz) owner to footnote_system;
alter function app.listed(jsonb, bigint) owner to footnote_system;
alter function app.personal_data_of(uuid) owner to footnote_system;
alter function app.personal_data() owner to footnote_system;
