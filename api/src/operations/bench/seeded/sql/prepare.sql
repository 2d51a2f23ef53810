-- Rows are made consistent below, so nothing is checked again for each of them. Everything temporary goes with the transaction.
set local session_replication_role = replica;
set local synchronous_commit = off;
set local work_mem = '256MB';
set local timezone = 'UTC';

-- A UUID version 7: its time, its kind, its workspace and its number.
create function pg_temp.id(ms bigint, kind text, w bigint, n bigint) returns uuid language sql immutable
  return (lpad(to_hex(ms), 12, '0') || '7' || kind || 'a' || lpad(to_hex(w * 268435456 + n), 15, '0'))::uuid;
create function pg_temp.at(ms bigint) returns timestamptz language sql immutable
  return timestamptz 'epoch' + ms * interval '1 millisecond';

create temp table scale (count bigint, start bigint, step bigint) on commit drop;
-- A workspace: its number, how many runs it has, when it was made, its id and its owner's.
create temp table tenants (w bigint, runs bigint, ms bigint, id uuid, owner uuid) on commit drop;

create temp table words on commit drop as
select array['the', 'workspace', 'document', 'passage', 'answer', 'under', 'policy', 'which', 'reader', 'quotes', 'from', 'every', 'source',
  'and', 'keeps', 'its', 'offset', 'until', 'another', 'version', 'is', 'published', 'for', 'members', 'who', 'may', 'see', 'it', 'with', 'a',
  'run', 'that', 'searches', 'collections', 'by', 'meaning', 'or', 'words', 'then', 'cites', 'what', 'stands', 'there', 'exactly'] as list;
create temp table texts on commit drop as
select t, (
  select string_agg(initcap(sentence) || '.', ' ' order by n)
  from (select n, string_agg(list[1 + ('x' || substr(md5(t || '/' || n || '/' || k), 1, 7))::bit(28)::int % array_length(list, 1)], ' ' order by k) as sentence
        from words, generate_series(1, 24) n, generate_series(1, 12) k group by n) sentences) as text
from generate_series(0, 63) t;
-- Quotes of 140 to 154 characters: of each text three passages, of each passage eight.
create temp table quotes on commit drop as
select t, k, v, start_offset, start_offset + length(quote) as end_offset, quote, encode(sha256(convert_to(quote, 'UTF8')), 'hex') as sha256
from (select t, k, v, 500 * k + 40 * v as start_offset, substr(text, 500 * k + 40 * v + 1, 140 + 2 * v) as quote
      from texts, generate_series(0, 2) k, generate_series(0, 7) v) cut;
create temp table sayings on commit drop as
select t * 8 + v as n, substr(text, 200 + 10 * v, 80) as input, substr(text, 1 + 10 * v, 300) as answer from texts, generate_series(0, 7) v;
analyze texts, quotes, sayings;
