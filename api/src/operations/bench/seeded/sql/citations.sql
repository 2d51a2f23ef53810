create temp table found on commit drop as
select w, r, c, ms, wid, id as run, (r + c) % 6 as d, (r / 6 + c) % 3 as k, (r * 5 + c) % 8 as v,
  start + 86400000 + (r + c) % 6 * count + w as paper_ms, pg_temp.id(ms + 100, '00e', w, r * 4 + c) as hit
from scale, runs, generate_series(0, 2) c order by ms, c;
analyze found;
insert into public.retrieval_hits (workspace_id, id, retrieval_id, rank, chunk_id, document_version_id, dense_rank, sparse_rank, fused_score,
  created_at)
select wid, hit, pg_temp.id(ms + 100, '00d', w, r), c + 1, pg_temp.id(paper_ms, '008', w, d * 4 + k), pg_temp.id(paper_ms, '007', w, d), c + 1, c + 1,
  0.9 - c * 0.1, pg_temp.at(ms + 100)
from found order by ms, c;
insert into public.citations (workspace_id, id, agent_run_id, ordinal, retrieval_hit_id, document_id, document_version_id, chunk_id,
  start_offset, end_offset, quote, sha256, answer_start_offset, answer_end_offset, verification, created_at)
select wid, pg_temp.id(ms + 400 + c, '00f', w, r * 4 + c), run, c, hit, pg_temp.id(paper_ms, '006', w, d), pg_temp.id(paper_ms, '007', w, d),
  pg_temp.id(paper_ms, '008', w, d * 4 + found.k), start_offset, end_offset, quote, sha256, c * 100, c * 100 + 99, 'VERIFIED', pg_temp.at(ms + 400 + c)
from found join quotes on t = (w + d) % 64 and quotes.k = found.k and quotes.v = found.v
order by ms, c;
