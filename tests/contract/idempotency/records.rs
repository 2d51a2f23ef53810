//! The records themselves: who sees them, how long they count, and that nothing else shows them.

use serde_json::json;
use sqlx::{Connection, Row};

use super::{COLLECTION, DOCUMENT, document, effects, send};
use crate::support::database::connect;
use crate::support::{Who, World};

#[tokio::test]
async fn an_actor_sees_only_records_of_their_own_and_changes_none() {
    let world = World::without_worker().await;
    send(&world, Who::Owner, "one", COLLECTION, &json!({ "name": "Handbook" })).await;
    let mut app = connect(world.database.app()).await;
    for (who, slug, seen) in [
        (Who::Owner, "acme", 1),
        (Who::Member, "acme", 0),
        (Who::Viewer, "acme", 0),
        (Who::Stranger, "globex", 0),
    ] {
        let mut transaction = app.begin().await.expect("a transaction");
        sqlx::query("select * from app.enter_session($1, null, $2)")
            .bind(world.credentials(who).session.0)
            .bind(slug)
            .fetch_one(&mut *transaction)
            .await
            .expect("the context");
        let rows = sqlx::query("select answer from idempotency_records")
            .fetch_all(&mut *transaction)
            .await
            .expect("rows");
        assert_eq!(rows.len(), seen, "{who:?}");
        let claimed = sqlx::query("select claimed from app.claim_idempotency_key(1, 'one')")
            .fetch_one(&mut *transaction)
            .await
            .expect("a row");
        assert_eq!(claimed.get::<bool, _>(0), seen == 0, "{who:?}");
        transaction.rollback().await.expect("rolled back");
        for refused in ["update idempotency_records set answer = '{}'", "delete from idempotency_records"] {
            let error = sqlx::query(refused).execute(&mut app).await.expect_err(refused);
            assert_eq!(
                error.as_database_error().and_then(sqlx::error::DatabaseError::code).as_deref(),
                Some("42501")
            );
        }
    }
}

#[tokio::test]
async fn a_record_in_the_name_of_another_actor_is_refused() {
    let world = World::without_worker().await;
    let mut app = connect(world.database.app()).await;
    let mut transaction = app.begin().await.expect("a transaction");
    sqlx::query("select * from app.enter_session($1, null, 'acme')")
        .bind(world.credentials(Who::Member).session.0)
        .fetch_one(&mut *transaction)
        .await
        .expect("the context");
    let insert = "insert into idempotency_records (id, actor_id, key, fingerprint, answer)
        values (gen_random_uuid(), $1, 'one', sha256('x'), '{}')";
    let mut superuser = world.superuser().await;
    let owner: uuid::Uuid = sqlx::query("select id from users where email = 'owner@acme.example'")
        .fetch_one(&mut superuser)
        .await
        .expect("the owner")
        .get(0);
    let error = sqlx::query(insert).bind(owner).execute(&mut *transaction).await.expect_err("refused");
    assert_eq!(
        error.as_database_error().and_then(sqlx::error::DatabaseError::code).as_deref(),
        Some("42501")
    );
}

#[tokio::test]
async fn after_72_hours_a_key_is_free_for_everybody_in_the_workspace() {
    let world = World::without_worker().await;
    let collection = world.collection(Who::Owner, "Handbook").await;
    let variables = document(&collection, "Leave");
    let mut superuser = world.superuser().await;
    let kept = world.count("select count(*) from idempotency_records where expires_at - created_at between interval '71.9 hours' and interval '72.1 hours'");
    send(&world, Who::Owner, "one", DOCUMENT, &variables).await;
    assert_eq!(kept.await, 1);
    for (count, who) in [(2, Who::Owner), (3, Who::Member), (4, Who::Owner)] {
        sqlx::query("update idempotency_records set expires_at = clock_timestamp()")
            .execute(&mut superuser)
            .await
            .expect("expired");
        let answer = send(&world, who, "one", DOCUMENT, &variables).await;
        assert!(answer.status == 200 && !answer.replayed, "{}", answer.text);
        assert_eq!(effects(&world).await, [count; 6]);
        send(&world, who, "one", DOCUMENT, &variables).await.assert_replays(&answer);
        assert_eq!(world.count("select count(*) from idempotency_records").await, 1);
    }
}

#[tokio::test]
async fn each_record_takes_twenty_expired_ones_of_its_workspace_away_and_no_others() {
    let world = World::without_worker().await;
    let mut superuser = world.superuser().await;
    sqlx::query(
        "insert into idempotency_records (workspace_id, id, actor_id, key, fingerprint, answer, expires_at)
         select w.id, gen_random_uuid(), m.user_id, 'old' || n, sha256('x'), '{}', now() - interval '1 hour'
         from generate_series(1, 25) n, workspaces w
         join lateral (select user_id from memberships where workspace_id = w.id limit 1) m on true",
    )
    .execute(&mut superuser)
    .await
    .expect("expired records of both workspaces");
    sqlx::query("update idempotency_records set expires_at = now() + interval '1 hour' where key = 'old1'")
        .execute(&mut superuser)
        .await
        .expect("one that counts");
    for (number, left) in [("one", 5 + 1), ("two", 1 + 2), ("three", 1 + 3)] {
        send(&world, Who::Member, number, COLLECTION, &json!({ "name": number })).await;
        let acme = "select count(*) from idempotency_records where workspace_id = (select id from workspaces where slug = 'acme')";
        assert_eq!(world.count(acme).await, left, "{number}");
    }
    let globex = "select count(*) from idempotency_records where workspace_id = (select id from workspaces where slug = 'globex')";
    assert_eq!(world.count(globex).await, 25);
}

#[tokio::test]
async fn the_schema_does_not_show_records() {
    assert!(!footnote::graphql::sdl().to_lowercase().contains("idempotencyrecord"));
    let world = World::without_worker().await;
    send(&world, Who::Owner, "one", COLLECTION, &json!({ "name": "Handbook" })).await;
    let mut superuser = world.superuser().await;
    let id = sqlx::query("select id from idempotency_records")
        .fetch_one(&mut superuser)
        .await
        .expect("a record")
        .get(0);
    let id = entity::id::IdempotencyRecordId(id).to_string();
    let data =
        world.ask(Who::Owner, "query($id: ID!) { node(id: $id) { id } }", json!({ "id": id })).await.data();
    assert_eq!(data, json!({ "node": null }));
}
