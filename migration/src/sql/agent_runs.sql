-- `agentRuns(status)`, newest first.
create index agent_runs_by_status on public.agent_runs (workspace_id, status, id);
-- `agent { agentRuns }`, newest first.
create index agent_runs_of_agent on public.agent_runs (workspace_id, agent_id, id);
create index retrievals_of_run on public.retrievals (workspace_id, agent_run_id);
-- Which versions are cited, when a document is purged.
create index citations_of_version on public.citations (workspace_id, document_version_id);
create trigger append_only before update or delete on public.agent_run_events for each row execute function app.refuse_change();

create function app.move_agent_run() returns trigger language plpgsql set search_path = '' as $$
begin
  if tg_op = 'INSERT' then
    if new.status <> 'QUEUED' then
      raise exception 'a run begins QUEUED' using errcode = 'FN006';
    end if;
    return new;
  end if;
  if old.status in ('SUCCEEDED', 'FAILED', 'CANCELED', 'EXPIRED')
      and (new.input, new.started_by, new.collection_ids, new.answer_text, new.answer_abstained, new.answer_sentences, new.answer_supported)
        is distinct from
        (old.input, old.started_by, old.collection_ids, old.answer_text, old.answer_abstained, old.answer_sentences, old.answer_supported) then
    raise exception 'a run that has ended is not changed' using errcode = 'FN006';
  end if;
  if new.status = old.status then
    return new;
  end if;
  if (old.status, new.status) not in (
    ('QUEUED', 'RUNNING'), ('QUEUED', 'CANCELED'), ('QUEUED', 'FAILED'), ('QUEUED', 'EXPIRED'),
    ('RUNNING', 'WAITING'), ('RUNNING', 'SUCCEEDED'), ('RUNNING', 'FAILED'), ('RUNNING', 'CANCELED'), ('RUNNING', 'EXPIRED'),
    ('WAITING', 'RUNNING'), ('WAITING', 'FAILED'), ('WAITING', 'CANCELED'), ('WAITING', 'EXPIRED')) then
    raise exception 'a run cannot move from % to %', old.status, new.status using errcode = 'FN006';
  end if;
  case new.status
    when 'RUNNING' then new.running_at := coalesce(old.running_at, now());
    when 'WAITING' then new.waiting_at := now();
    when 'SUCCEEDED' then new.succeeded_at := now();
    when 'FAILED' then new.failed_at := now();
    when 'CANCELED' then new.canceled_at := now();
    when 'EXPIRED' then new.expired_at := now();
  end case;
  return new;
end
$$;
comment on function app.move_agent_run() is 'Trigger: the state machine of a run; sets the timestamp of each transition.';
create trigger move_agent_run before insert or update on public.agent_runs
  for each row execute function app.move_agent_run();

create function app.check_citation() returns trigger language plpgsql set search_path = '' as $$
begin
  -- As the caller: a version that the starter may not read cannot be cited.
  if new.verification = 'VERIFIED' and not exists (
    select from public.document_versions v
    where v.workspace_id = new.workspace_id and v.id = new.document_version_id and v.document_id = new.document_id
      and substr(v.text, new.start_offset + 1, new.end_offset - new.start_offset) = new.quote
      and encode(sha256(convert_to(new.quote, 'UTF8')), 'hex') = new.sha256) then
    raise exception 'the quote does not stand in its source' using errcode = 'FN007';
  end if;
  return new;
end
$$;
comment on function app.check_citation() is 'Trigger: a citation is VERIFIED only where its quote stands at its offsets.';
revoke execute on function app.move_agent_run(), app.check_citation() from public;
create trigger check_citation before insert on public.citations for each row execute function app.check_citation();
