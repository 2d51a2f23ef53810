//! A request that is cancelled at any moment leaves nothing behind on the connection that the next one gets.

use std::time::Duration;

use entity::id::SessionId;
use footnote::tenancy::{Access, Database, Operation, Origin, Wakes, WorkspaceKey};
use sea_orm::{ConnectionTrait, DbBackend, Statement};

use crate::support::{Who, World};

async fn pool_of_one(world: &World) -> Database {
    let (wakes, _outgoing) = Wakes::new();
    Database::connect(world.database.pool_address(), 1, wakes).await.expect("a pool")
}

fn origin(world: &World, who: Who, workspace: &str) -> Origin {
    Origin::Session { session: world.credentials(who).session, workspace: WorkspaceKey::parse(workspace) }
}

async fn workspace_seen(operation: &Operation) -> String {
    let statement = Statement::from_string(DbBackend::Postgres, "select slug from workspaces");
    let rows = operation.query_all_raw(statement).await.expect("rows");
    rows.iter().map(|row| row.try_get::<String>("", "slug").expect("a slug")).collect::<Vec<_>>().join(",")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_cancelled_requests_on_a_pool_of_one_leak_nothing() {
    let world = World::without_worker().await;
    let database = pool_of_one(&world).await;
    for attempt in 0..200_u64 {
        // Cancelled after 0 to 2 ms: in acquire, in BEGIN, in the door, in a statement.
        let begun = async {
            let operation = database.operation(origin(&world, Who::Owner, "acme"), Access::ReadWrite).await?;
            let sleep = Statement::from_string(DbBackend::Postgres, "select pg_sleep(0.05)");
            operation.query_one_raw(sleep).await?;
            operation.commit().await
        };
        let _ = tokio::time::timeout(Duration::from_micros(attempt * 10), begun).await;
        if attempt % 5 == 0 {
            let operation = database
                .operation(origin(&world, Who::Stranger, "globex"), Access::ReadOnly)
                .await
                .expect("entered");
            assert_eq!(workspace_seen(&operation).await, "globex");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tenants_that_alternate_on_one_connection_never_meet() {
    let world = World::without_worker().await;
    let database = pool_of_one(&world).await;
    for round in 0..50 {
        for (who, slug) in [(Who::Owner, "acme"), (Who::Stranger, "globex")] {
            let access = if round % 2 == 0 { Access::ReadOnly } else { Access::ReadWrite };
            let operation = database.operation(origin(&world, who, slug), access).await.expect("entered");
            assert_eq!(workspace_seen(&operation).await, slug);
            if round % 3 == 0 {
                operation.commit().await.expect("committed");
            }
        }
    }
}

#[tokio::test]
async fn a_second_context_in_one_transaction_is_refused() {
    let world = World::without_worker().await;
    let database = pool_of_one(&world).await;
    let operation =
        database.operation(origin(&world, Who::Owner, "acme"), Access::ReadWrite).await.expect("entered");
    let again = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "select * from app.enter_session($1, null, 'acme')",
        [world.credentials(Who::Owner).session.0.into()],
    );
    assert!(operation.query_one_raw(again).await.is_err());
    // What failed cannot be committed by mistake.
    assert!(operation.commit().await.is_err());
}

#[tokio::test]
async fn no_session_no_entry() {
    let world = World::without_worker().await;
    let database = pool_of_one(&world).await;
    for origin in [
        Origin::Session { session: SessionId::new(), workspace: WorkspaceKey::parse("acme") },
        origin(&world, Who::Stranger, "acme"),
    ] {
        assert!(database.operation(origin, Access::ReadOnly).await.is_err());
    }
}

#[tokio::test]
async fn a_role_that_policies_do_not_bind_is_refused_at_the_start() {
    let world = World::without_worker().await;
    for url in [world.database.superuser.as_str(), world.database.owner()] {
        let (wakes, _outgoing) = Wakes::new();
        let refusal = Database::connect(url, 1, wakes).await.err().expect("refused");
        assert!(refusal.contains("row-level security would not hold"), "{refusal}");
    }
}
