//! Keys of operators: one answer for every one that does not hold, and none is kept.

use footnote::operators::NewOperatorKey;
use serde_json::json;

use super::{WORKSPACE, ask, audited, entered, operator};
use crate::support::{Who, World};
use footnote::operations::people::People;

const WHO: &str = "{ operations { operator { id name email } } }";

#[tokio::test]
async fn a_key_says_who_asks_and_is_stored_as_a_hash_alone() {
    let world = World::without_worker().await;
    let (id, key) = operator(&world, "Ann").await;
    let seen = ask(&world, &key, None, WHO, json!({})).await.data();
    assert_eq!(
        seen["operations"]["operator"],
        json!({ "id": id, "name": "Ann", "email": "ops@example.com" })
    );
    let secret = &key["Bearer fn_op_".len() + 4..];
    let mut superuser = world.superuser().await;
    let found = sqlx::query("select 1 from operators o where strpos(to_jsonb(o)::text, $1) > 0")
        .bind(secret)
        .fetch_all(&mut superuser)
        .await
        .expect("looked");
    assert!(found.is_empty());
}

#[tokio::test]
async fn a_wrong_checksum_and_an_unknown_an_expired_and_a_revoked_key_are_one_answer() {
    let world = World::without_worker().await;
    let (_, expired) = operator(&world, "Ann").await;
    world.plant("update operators set created_at = now() - interval '2 days', expires_at = now() - interval '1 second'").await;
    let (id, revoked) = operator(&world, "Ben").await;
    let mut people = People::connect(world.database.owner()).await.expect("the owner");
    let id = entity::id::OperatorId::parse(&id).expect("an id");
    assert!(people.revoke_operator(id).await.expect("revoked"));
    assert!(!people.revoke_operator(id).await.expect("answered"), "once");
    let forged = world.ask(Who::Anonymous, WHO, json!({})).await;
    assert_eq!(forged.code(), "UNAUTHENTICATED");
    let expected = ask(&world, "Bearer a.b.c", None, WHO, json!({})).await.without_request_ids();
    let unknown = format!("Bearer {}", NewOperatorKey::random().text);
    let wrong = format!("{}x", &expired[..expired.len() - 1]);
    for (what, key) in [
        ("wrong", wrong.as_str()),
        ("short", "Bearer fn_op_x"),
        ("unknown", &unknown),
        ("expired", &expired),
        ("revoked", &revoked),
    ] {
        for query in [WHO, WORKSPACE] {
            let reply = ask(&world, key, Some("acme"), query, json!({})).await;
            assert_eq!(reply.code(), "UNAUTHENTICATED", "{what}");
            assert_eq!(
                reply.without_request_ids()["errors"][0]["message"],
                expected["errors"][0]["message"],
                "{what}"
            );
        }
    }
}

#[tokio::test]
async fn revoking_ends_the_entries_and_every_workspace_is_told() {
    let world = World::without_worker().await;
    let (id, key) = operator(&world, "Ann").await;
    entered(&world, &key, "acme").await;
    entered(&world, &key, "globex").await;
    let mut people = People::connect(world.database.owner()).await.expect("the owner");
    assert!(
        people.revoke_operator(entity::id::OperatorId::parse(&id).expect("an id")).await.expect("revoked")
    );
    assert_eq!(ask(&world, &key, Some("acme"), WORKSPACE, json!({})).await.code(), "UNAUTHENTICATED");
    for (who, slug) in [(Who::Owner, "acme"), (Who::Stranger, "globex")] {
        let seen = world.ask(who, "{ operatorEntries { nodes { active endedBy } } }", json!({})).await.data();
        assert_eq!(seen["operatorEntries"]["nodes"], json!([{ "active": false, "endedBy": "SYSTEM" }]));
        let log = audited(&world, slug).await;
        assert_eq!((log[1].0.as_str(), log[1].1.as_str(), log[1].2), ("operator.leave", "SYSTEM", None));
    }
}

#[tokio::test]
async fn last_use_is_written_at_most_once_a_minute() {
    let world = World::without_worker().await;
    let (_, key) = operator(&world, "Ann").await;
    assert_eq!(world.count("select count(*) from operators where last_used_at is null").await, 1);
    ask(&world, &key, None, WHO, json!({})).await.data();
    assert_eq!(
        world.count("select count(*) from operators where last_used_at > now() - interval '1 minute'").await,
        1
    );
    world.plant("update operators set last_used_at = now() - interval '50 seconds'").await;
    ask(&world, &key, None, WHO, json!({})).await.data();
    assert_eq!(
        world
            .count("select count(*) from operators where last_used_at > now() - interval '40 seconds'")
            .await,
        0
    );
    world.plant("update operators set last_used_at = now() - interval '70 seconds'").await;
    ask(&world, &key, None, WHO, json!({})).await.data();
    assert_eq!(
        world
            .count("select count(*) from operators where last_used_at > now() - interval '40 seconds'")
            .await,
        1
    );
}
