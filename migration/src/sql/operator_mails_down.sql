-- The owner sees no row while row-level security is forced; the table is locked until the migration has ended.
alter table public.outgoing_mails no force row level security;
delete from public.outgoing_mails where kind = 'OPERATOR_ENTERED';
alter table public.outgoing_mails force row level security;
