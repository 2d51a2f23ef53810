-- What measured writes left behind goes away, so that the database is as it was seeded.
set local session_replication_role = replica;
delete from public.jobs;
delete from public.queue_heads;
delete from public.queue_turns;
delete from public.events;
delete from public.audit_entries;
delete from public.agent_run_events;
delete from public.agent_runs using bench.seeded where created_at > timestamptz 'epoch' + start_ms * interval '1 millisecond' + interval '320 days';
update public.workspace_sequences set event_seq = 0, audit_seq = 0, audit_hash = '\x' where event_seq > 0 or audit_seq > 0;
