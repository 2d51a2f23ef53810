//! Lets a job wait for a part that is away without using its attempts up.
//!
//! Why: an outage of the vector index, of a model's provider or of the object store lasts hours, and a job's attempts minutes.
//! A job that found a part away is queued again as if it had not been tried, for as long as the worker allows; runs can say
//! that they wait for the embedding model or the chat model.
//! Tenant scoping: none new; `jobs` is a tenant table, and the door changes one job, by its lease's token.
//! Locks: ACCESS EXCLUSIVE on `jobs` for a moment (a column without a default), and on `agent_runs` for one scan of it (a
//! check constraint is replaced).
//! Rollback: loses since when jobs have waited: they are counted from the next failure on. A run that waits for a model is said
//! to wait for its next attempt.
//! Deploy order: before the workers that know the door; earlier ones go on to count every attempt.

use sea_orm_migration::prelude::{DbErr, DeriveMigrationName, MigrationTrait, SchemaManager, async_trait};

use crate::support::run;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, UP).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, DOWN).await
    }
}

const UP: &str = "
alter table public.jobs add column waiting_since timestamptz;
comment on column public.jobs.waiting_since is
  'When it first found a part that it depends on away; null where it never did, or since an operator queued it again.';
comment on column public.jobs.attempts is 'How often it was claimed; claims that found a part away are not counted.';
grant update (waiting_since) on public.jobs to footnote_app, footnote_worker;

create function app.defer_job(p_workspace uuid, p_job uuid, p_token uuid, p_class text, p_error text, p_longest_ms bigint)
returns boolean language plpgsql security definer set search_path = '' as $$
begin
  update public.jobs j
  set status = 'QUEUED', attempts = greatest(j.attempts - 1, 0), lease_token = null, lease_expires_at = null,
    failure_class = p_class, last_error = left(p_error, 2000), updated_at = clock_timestamp(),
    waiting_since = coalesce(j.waiting_since, clock_timestamp()),
    -- The longer it has waited, the longer it waits, up to a minute; at random, so that not all come back at once.
    run_at = clock_timestamp() + (0.5 + random() / 2) * least(interval '1 minute',
      greatest(interval '2 seconds', (clock_timestamp() - coalesce(j.waiting_since, clock_timestamp())) / 4))
  where j.workspace_id = p_workspace and j.id = p_job and j.lease_token = p_token and j.status = 'RUNNING'
    and coalesce(j.waiting_since, clock_timestamp()) > clock_timestamp() - p_longest_ms * interval '1 millisecond';
  return found;
end
$$;
comment on function app.defer_job(uuid, uuid, uuid, text, text, bigint) is
  'Door of workers: gives a job back whose attempt found a part away, and does not count the attempt; false when it has waited for too long, or the lease was lost. Privileged because the context may be gone.';
revoke execute on function app.defer_job(uuid, uuid, uuid, text, text, bigint) from public;
grant execute on function app.defer_job(uuid, uuid, uuid, text, text, bigint) to footnote_worker;
alter function app.defer_job(uuid, uuid, uuid, text, text, bigint) owner to footnote_system;

alter table public.agent_runs drop constraint agent_runs_wait_reason_check;
alter table public.agent_runs add constraint agent_runs_wait_reason_check
  check (wait_reason in ('QUEUE', 'RETRY', 'VECTORS', 'EMBEDDINGS', 'MODEL'));
";

// The owner sees no row while row-level security is forced; the table is locked until the migration has ended.
const DOWN: &str = "
alter table public.agent_runs no force row level security;
update public.agent_runs set wait_reason = 'RETRY' where wait_reason in ('EMBEDDINGS', 'MODEL');
alter table public.agent_runs force row level security;
alter table public.agent_runs drop constraint agent_runs_wait_reason_check;
alter table public.agent_runs add constraint agent_runs_wait_reason_check
  check (wait_reason in ('QUEUE', 'RETRY', 'VECTORS'));

drop function app.defer_job(uuid, uuid, uuid, text, text, bigint);
comment on column public.jobs.attempts is 'How often it was claimed.';
alter table public.jobs drop column waiting_since;
";
