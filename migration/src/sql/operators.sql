create table public.operators (
  id uuid primary key,
  name text not null check (length(name) between 1 and 100),
  email text not null check (length(email) between 3 and 254),
  start text not null check (start ~ '^fn_op_[0-9A-Za-z]{4}$'),
  hash bytea not null unique check (octet_length(hash) = 32),
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  revoked_at timestamptz,
  last_used_at timestamptz,
  check (expires_at > created_at)
);
comment on table public.operators is
  'Somebody who runs the installation. Global: an operator belongs to no tenant and is a member of nothing. Only doors see it.';
comment on column public.operators.id is 'UUID version 7, made by the command line.';
comment on column public.operators.name is 'The name that tenants read.';
comment on column public.operators.email is 'How to reach them; shown to themselves and on the command line.';
comment on column public.operators.start is 'The first characters of the key, by which people tell keys apart.';
comment on column public.operators.hash is 'SHA-256 of the key, which is 256 random bits and kept nowhere.';
comment on column public.operators.created_at is 'When the row was made.';
comment on column public.operators.expires_at is 'From then on the key opens nothing.';
comment on column public.operators.revoked_at is 'When it was revoked; null while it holds.';
comment on column public.operators.last_used_at is 'When the key was last used, to the minute; null where it never was.';
alter table public.operators enable row level security, force row level security;
create policy doors on public.operators to footnote_system using (true) with check (true);
grant select, insert, update, delete on public.operators to footnote_system;
grant select on public.operators to footnote_maintenance;
