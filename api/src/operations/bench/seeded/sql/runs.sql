insert into public.agents (workspace_id, id, name, instructions, model, created_at, updated_at)
select id, pg_temp.id(start + 172800000 + a * count + w, '00a', w, a), 'Agent ' || a, 'Answer from the documents and cite every sentence.', 'extractive',
  pg_temp.at(start + 172800000 + a * count + w), pg_temp.at(start + 172800000 + a * count + w)
from scale, generate_series(0, 19) a, tenants where runs > 0
order by a, w;
-- In the order of time over all workspaces: rows of one workspace do not lie side by side.
create temp table runs on commit drop as
select w, r, ms, wid, owner, start + 172800000 + r % 20 * count + w as agent_ms, pg_temp.id(ms, '00b', w, r) as id, (w * 13 + r) % 512 as saying
from (select w, r, start, count, tenants.id as wid, owner, start + 259200000 + (r * count + w) * step as ms
      from scale, tenants, generate_series(0, tenants.runs - 1) r) made
order by ms;
analyze runs;
insert into public.agent_runs (workspace_id, id, agent_id, agent_version, started_by, input, status, answer_text, answer_abstained,
  answer_sentences, answer_supported, deadline_at, running_at, succeeded_at, version, created_at, updated_at)
select wid, id, pg_temp.id(agent_ms, '00a', w, r % 20), 1, owner, input, 'SUCCEEDED', answer, false, 3, 3, pg_temp.at(ms + 300000),
  pg_temp.at(ms + 20), pg_temp.at(ms + 400), 3, pg_temp.at(ms), pg_temp.at(ms + 400)
from runs join sayings on n = saying order by ms;
insert into public.agent_run_steps (workspace_id, id, agent_run_id, ordinal, kind, status, detail, started_at, finished_at, created_at)
select wid, pg_temp.id(ms + 100, '00c', w, r), id, 0, 'RETRIEVAL', 'SUCCEEDED', '3 passages were found.', pg_temp.at(ms + 20), pg_temp.at(ms + 100),
  pg_temp.at(ms + 100)
from runs order by ms;
insert into public.retrievals (workspace_id, id, agent_run_id, agent_run_step_id, query, mode, created_at)
select wid, pg_temp.id(ms + 100, '00d', w, r), id, pg_temp.id(ms + 100, '00c', w, r), input, 'HYBRID', pg_temp.at(ms + 100)
from runs join sayings on n = saying order by ms;
