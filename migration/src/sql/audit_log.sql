-- `auditLog(filter: { requestId })`: what one request did.
create index audit_entries_of_request on public.audit_entries (workspace_id, request_id);

-- app.audit_of_target. It does not lead with the workspace, and what it compares is not leakproof, so policies would keep it from being used:
-- a door alone does.
create index audit_entries_by_target on public.audit_entries using gin (targets jsonb_path_ops);

create function app.audit_of_target(p_target text) returns setof bigint
language sql stable security definer rows 50 set search_path = '' as $$
  select e.seq from public.audit_entries e
  where e.targets @> to_jsonb(array[p_target]) and e.workspace_id = (select app.workspace_id()) and (select app.can('audit:read'))
$$;
comment on function app.audit_of_target(text) is
  'Door: the numbers of the audit entries of the context''s workspace that are about one thing. Privileged because under policies no index could find them; needs audit:read.';

create function app.verify_audit(p_after bigint, p_most integer)
returns table (checked bigint, through bigint, ended boolean, fault_seq bigint, fault text, head bigint, head_hash bytea)
language plpgsql stable security definer set search_path = '' as $$
declare
  v_workspace uuid := app.workspace_id();
  v_head public.workspace_sequences;
  v_before bytea := '\x';
  v_checked bigint;
  v_last bigint;
  v_end bigint;
  v_ended boolean;
  v_fault_seq bigint;
  v_fault text;
begin
  if v_workspace is null or not app.can('audit:read') then
    raise exception 'the log is verified by whoever may read it' using errcode = '42501';
  end if;
  select * into v_head from public.workspace_sequences s where s.workspace_id = v_workspace;
  if p_after < 0 or p_after > v_head.audit_seq then
    return query select 0::bigint, null::bigint, true, null::bigint, null::text, v_head.audit_seq, v_head.audit_hash;
    return;
  end if;
  if p_after > 0 then
    select e.hash into v_before from public.audit_entries e where e.workspace_id = v_workspace and e.seq = p_after order by e.id limit 1;
    if not found then
      return query select 0::bigint, p_after - 1, true, p_after, 'REMOVED', v_head.audit_seq, v_head.audit_hash;
      return;
    end if;
  end if;
  -- A range of numbers and not so many rows, or a second row of the last number would fall between two calls.
  v_ended := p_after + p_most >= v_head.audit_seq;
  v_end := case when v_ended then v_head.audit_seq else p_after + p_most end;
  select count(*), max(j.seq), (array_agg(j.place order by j.seq, j.id) filter (where j.fault is not null))[1],
    (array_agg(j.fault order by j.seq, j.id) filter (where j.fault is not null))[1]
  into v_checked, v_last, v_fault_seq, v_fault
  from (
    select l.seq, l.id, case when l.seq <= v_head.audit_seq and l.seq > l.seq_before + 1 then l.seq_before + 1 else l.seq end as place,
      case
        when l.seq > v_head.audit_seq or l.seq <= l.seq_before then 'INSERTED'
        when l.seq > l.seq_before + 1 then 'REMOVED'
        -- Of two of one number nobody knows which is the one too many.
        when l.seq = l.seq_after then 'INSERTED'
        when l.hash <> l.expected then 'ALTERED'
        when l.previous_hash <> l.hash_before then 'RELINKED'
      end as fault
    from (
      select h.*, lag(h.seq, 1, p_after) over chain as seq_before, lag(h.hash, 1, v_before) over chain as hash_before,
        lead(h.seq) over chain as seq_after
      from (
        select e.seq, e.id, e.previous_hash, e.hash, app.audit_hash(e.previous_hash, e) as expected
        from public.audit_entries e
        -- At the beginning and at the end, also what has a number that none can have.
        where e.workspace_id = v_workspace and e.seq > case when p_after = 0 then '-9223372036854775808'::bigint else p_after end
          and e.seq <= case when v_ended then 9223372036854775807 else v_end end) h
      window chain as (order by h.seq, h.id)) l) j;
  if v_fault is null then
    v_last := coalesce(v_last, p_after);
    if v_last < v_end then
      v_fault := case when v_ended then 'CUT_OFF' else 'REMOVED' end;
      v_fault_seq := v_last + 1;
    elsif v_ended and v_head.audit_hash <> coalesce((
        select e.hash from public.audit_entries e where e.workspace_id = v_workspace and e.seq = v_last order by e.id limit 1), '\x') then
      v_fault := 'REWRITTEN';
      v_fault_seq := v_last;
    end if;
  end if;
  return query select v_checked, coalesce(v_fault_seq - 1, v_end), v_ended or v_fault is not null, v_fault_seq, v_fault,
    v_head.audit_seq, v_head.audit_hash;
end
$$;
comment on function app.verify_audit(bigint, integer) is
  'Door: recomputes so many numbers of the audit chain of the context''s workspace after one, and compares the end with the head. Privileged because the head is for doors alone; needs audit:read.';

revoke execute on function app.audit_of_target(text), app.verify_audit(bigint, integer) from public;
grant execute on function app.audit_of_target(text), app.verify_audit(bigint, integer) to footnote_app;
alter function app.audit_of_target(text) owner to footnote_system;
alter function app.verify_audit(bigint, integer) owner to footnote_system;
