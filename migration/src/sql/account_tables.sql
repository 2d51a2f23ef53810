alter table public.users add column email_verified_at timestamptz;
comment on column public.users.email_verified_at is
  'When the person showed that mail to the address arrives; null until then. Only doors see it: it is nobody else''s business.';
-- Whoever may see a person sees what there was to see before this column.
revoke select on public.users from footnote_app, footnote_worker;
grant select (id, email, name, created_at) on public.users to footnote_app, footnote_worker;

create table public.credentials (
  user_id uuid primary key references public.users (id),
  password_hash text not null check (password_hash like '$argon2id$%' and length(password_hash) between 60 and 255),
  version integer not null default 1,
  updated_at timestamptz not null default now()
);
comment on table public.credentials is 'A person''s password, hashed. Global: it is shown before any workspace is chosen. Only doors see it.';
comment on column public.credentials.user_id is 'Whose it is.';
comment on column public.credentials.password_hash is 'Argon2id in the PHC string format, with its parameters and salt.';
comment on column public.credentials.version is 'Counts changes: a sign-in that began with an older one does not end.';
comment on column public.credentials.updated_at is 'When it was last changed.';

create table public.refresh_tokens (
  hash bytea primary key check (octet_length(hash) = 32),
  session_id uuid not null references public.sessions (id),
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  used_at timestamptz,
  replaced_by bytea check (octet_length(replaced_by) = 32),
  sealed_successor bytea check (octet_length(sealed_successor) = 32)
);
-- The family of a token, when a session ends and when used ones are swept.
create index refresh_tokens_of_session on public.refresh_tokens (session_id, used_at);
comment on table public.refresh_tokens is
  'A token that is exchanged once for the next one. Its family is its session. Global: it is shown before any workspace is chosen. Only doors see it.';
comment on column public.refresh_tokens.hash is 'SHA-256 of the token, which is 256 random bits.';
comment on column public.refresh_tokens.session_id is 'The session that it keeps alive; all tokens of a session are one family.';
comment on column public.refresh_tokens.created_at is 'When it was made.';
comment on column public.refresh_tokens.expires_at is 'After this moment it is worth nothing: the session was idle for too long, or has reached its own end.';
comment on column public.refresh_tokens.used_at is 'When it was exchanged; null until then.';
comment on column public.refresh_tokens.replaced_by is 'The hash of the token that it was exchanged for.';
comment on column public.refresh_tokens.sealed_successor is
  'That token, under a pad made of this one: whoever shows this one within the grace window gets the same successor, and nobody can read it here.';

create table public.outgoing_mails (
  id uuid primary key,
  kind text not null check (kind in ('VERIFY_EMAIL', 'PASSWORD_RESET', 'ACCOUNT_EXISTS')),
  user_id uuid not null references public.users (id),
  address text not null check (length(address) between 3 and 320),
  status text not null default 'QUEUED' check (status in ('QUEUED', 'SENDING', 'SENT', 'DEAD')),
  attempts integer not null default 0,
  run_at timestamptz not null default now(),
  lease_token uuid,
  lease_expires_at timestamptz,
  last_error text check (length(last_error) <= 2000),
  created_at timestamptz not null default now(),
  sent_at timestamptz
);
-- claim_mails: what is due, and leases that ran out.
create index outgoing_mails_due on public.outgoing_mails (run_at, id) where status = 'QUEUED';
create index outgoing_mails_leases on public.outgoing_mails (lease_expires_at) where status = 'SENDING';
-- How many of a kind a person got lately.
create index outgoing_mails_of_user on public.outgoing_mails (user_id, kind, created_at);
-- finish_mail sweeps those that are done.
create index outgoing_mails_done on public.outgoing_mails (created_at) where status in ('SENT', 'DEAD');
comment on table public.outgoing_mails is
  'A mail about an account, queued by the transaction that is its reason. Holds no secret. Global: an account stands before any workspace. Only doors see it.';
comment on column public.outgoing_mails.id is 'UUID version 7, made by the application; the root of the Message-ID.';
comment on column public.outgoing_mails.kind is 'What it says: VERIFY_EMAIL, PASSWORD_RESET or ACCOUNT_EXISTS.';
comment on column public.outgoing_mails.user_id is 'To whom.';
comment on column public.outgoing_mails.address is 'Where to, as it was when it was queued.';
comment on column public.outgoing_mails.status is 'QUEUED, SENDING under a lease, SENT, or DEAD after the last attempt.';
comment on column public.outgoing_mails.attempts is 'How often it was claimed.';
comment on column public.outgoing_mails.run_at is 'Not before this moment.';
comment on column public.outgoing_mails.lease_token is 'The proof of the claim; null outside one.';
comment on column public.outgoing_mails.lease_expires_at is 'When somebody else may claim it; null outside a claim.';
comment on column public.outgoing_mails.last_error is 'Why the last attempt failed; null where none did.';
comment on column public.outgoing_mails.created_at is 'When it was queued.';
comment on column public.outgoing_mails.sent_at is 'When the mail server took it; null until then.';

create table public.account_links (
  hash bytea primary key check (octet_length(hash) = 32),
  kind text not null check (kind in ('EMAIL_VERIFY', 'PASSWORD_RESET')),
  user_id uuid not null references public.users (id),
  credential_version integer,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  used_at timestamptz
);
-- A reset uses up every link of its kind.
create index account_links_of_user on public.account_links (user_id, kind);
-- mint_account_link sweeps what is over.
create index account_links_over on public.account_links (expires_at);
comment on table public.account_links is
  'A link of a mail that proves that its address is read. Global: an account stands before any workspace. Only doors see it.';
comment on column public.account_links.hash is 'SHA-256 of the link''s token, which is 256 random bits and stands in the mail alone.';
comment on column public.account_links.kind is 'What it may be used for: EMAIL_VERIFY or PASSWORD_RESET.';
comment on column public.account_links.user_id is 'Whose account.';
comment on column public.account_links.credential_version is
  'The version of the password when the mail was written; null without one. Whoever signs up again for an address that was never verified changes it, and earlier links with it.';
comment on column public.account_links.created_at is 'When the mail was written.';
comment on column public.account_links.expires_at is 'After this moment it is worth nothing.';
comment on column public.account_links.used_at is 'When it was used; null until then. Once only.';

create table public.sign_in_attempts (
  scope text not null check (scope in ('ACCOUNT_FROM_ADDRESS', 'ACCOUNT', 'ADDRESS', 'SIGN_UP', 'RESET', 'KNOWN')),
  subject bytea not null check (octet_length(subject) = 32),
  attempts integer not null default 0,
  blocked_until timestamptz not null default '-infinity',
  updated_at timestamptz not null,
  primary key (scope, subject)
);
-- Each new row sweeps some that are old.
create index sign_in_attempts_by_age on public.sign_in_attempts (updated_at);
comment on table public.sign_in_attempts is
  'How often something was tried, to slow whoever guesses. Global: nobody is known yet. Only doors see it.';
comment on column public.sign_in_attempts.scope is 'What is counted: an account from one address, an account, an address, sign-ups or resets of an address. KNOWN: signed in from here before.';
comment on column public.sign_in_attempts.subject is 'A keyed hash of account, address or both; the server''s key is not in the database.';
comment on column public.sign_in_attempts.attempts is 'How many since the counter was last at rest.';
comment on column public.sign_in_attempts.blocked_until is 'Nothing is tried before this moment.';
comment on column public.sign_in_attempts.updated_at is 'The last attempt; a counter at rest for long enough begins again.';

alter table public.credentials enable row level security, force row level security;
alter table public.refresh_tokens enable row level security, force row level security;
alter table public.outgoing_mails enable row level security, force row level security;
alter table public.account_links enable row level security, force row level security;
alter table public.sign_in_attempts enable row level security, force row level security;
create policy doors on public.credentials to footnote_system using (true) with check (true);
create policy doors on public.refresh_tokens to footnote_system using (true) with check (true);
create policy doors on public.outgoing_mails to footnote_system using (true) with check (true);
create policy doors on public.account_links to footnote_system using (true) with check (true);
create policy doors on public.sign_in_attempts to footnote_system using (true) with check (true);
grant select, insert, update, delete on public.credentials, public.refresh_tokens, public.outgoing_mails, public.account_links,
  public.sign_in_attempts to footnote_system;
grant select on public.credentials, public.refresh_tokens, public.outgoing_mails, public.account_links, public.sign_in_attempts
  to footnote_maintenance;
