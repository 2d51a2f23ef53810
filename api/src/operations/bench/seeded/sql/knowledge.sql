create temp table papers on commit drop as
select w, d, id as wid, pg_temp.id(tenants.ms, '005', w, d % 2) as collection, start + 86400000 + d * count + w as ms,
  pg_temp.id(start + 86400000 + d * count + w, '006', w, d) as document, pg_temp.id(start + 86400000 + d * count + w, '007', w, d) as version,
  texts.text
from scale, generate_series(0, 5) d, tenants join texts on true where texts.t = (w + d) % 64
order by ms;
analyze papers;
insert into public.documents (workspace_id, id, collection_id, title, current_version_id, latest_ordinal, created_at, updated_at)
select wid, document, collection, 'Document ' || d, version, 1, pg_temp.at(ms), pg_temp.at(ms) from papers;
insert into public.document_versions (workspace_id, id, document_id, ordinal, format, source, content_hash, text, char_count, parser, created_at)
select wid, version, document, 1, 'TEXT', text, sha256(convert_to('TEXT' || text, 'UTF8')), text, length(text), 'text 1', pg_temp.at(ms) from papers;
insert into public.chunks (workspace_id, id, document_id, document_version_id, ordinal, start_offset, end_offset, heading_path, token_count, text,
  text_hash, created_at)
select wid, pg_temp.id(ms, '008', w, d * 4 + k), document, version, k, k * 500, k * 500 + 500, '[]', 110, substr(text, k * 500 + 1, 500),
  sha256(convert_to(substr(text, k * 500 + 1, 500), 'UTF8')), pg_temp.at(ms)
from papers, generate_series(0, 2) k;
insert into public.ingestions (workspace_id, id, document_id, document_version_id, status, stage, chunk_count, embedded_count, started_at,
  finished_at, created_at, updated_at)
select wid, pg_temp.id(ms, '009', w, d), document, version, 'SUCCEEDED', 'PUBLISH', 3, 3, pg_temp.at(ms), pg_temp.at(ms + 200), pg_temp.at(ms),
  pg_temp.at(ms + 200)
from papers;
