//! When keys end, and when they were last used.

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use sqlx::Row;

use super::{CREATE, VIEWER, later, with_key};
use crate::support::world::text;
use crate::support::{Who, World};

#[tokio::test]
async fn a_key_ends_by_itself_at_the_moment_that_was_said() {
    let world = World::without_worker().await;
    let end = footnote::clock::now() + TimeDelta::milliseconds(2500);
    let input = json!({ "name": "Short", "scopes": ["document:read"], "expiresAt": end });
    let data = world.ask(Who::Owner, CREATE, json!({ "input": input })).await.data();
    let key = text(&data["apiKeyCreate"]["secret"]);
    assert_eq!(data["apiKeyCreate"]["apiKey"]["status"], "ACTIVE");
    with_key(&world, &key, VIEWER, json!({})).await.data();
    tokio::time::sleep(
        (end - footnote::clock::now()).to_std().unwrap_or_default() + Duration::from_millis(20),
    )
    .await;
    assert_eq!(with_key(&world, &key, VIEWER, json!({})).await.code(), "UNAUTHENTICATED");
    let status = world.ask(Who::Owner, "{ apiKeys { nodes { status } } }", json!({})).await.data();
    assert_eq!(status["apiKeys"]["nodes"][0]["status"], "EXPIRED");
}

async fn last_used(world: &World) -> Option<DateTime<Utc>> {
    let mut superuser = world.superuser().await;
    sqlx::query("select last_used_at from api_keys").fetch_one(&mut superuser).await.expect("one key").get(0)
}

#[tokio::test]
async fn the_last_use_is_noted_soon_and_at_most_once_a_minute() {
    let world = World::without_worker().await;
    let (_, key) = world.api_key(Who::Owner, "Mine", &["document:read"]).await;
    assert_eq!(last_used(&world).await, None);
    // A query, whose transaction can write nothing.
    with_key(&world, &key, VIEWER, json!({})).await.data();
    let begun = Instant::now();
    let first = loop {
        if let Some(first) = last_used(&world).await {
            break first;
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "not noted");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let listed =
        world.ask(Who::Owner, "{ apiKeys { nodes { lastUsedAt version } } }", json!({})).await.data();
    assert!(listed["apiKeys"]["nodes"][0]["lastUsedAt"].is_string());
    assert_eq!(listed["apiKeys"]["nodes"][0]["version"], 1, "a use is no change");
    for _ in 0..20 {
        with_key(&world, &key, VIEWER, json!({})).await.data();
    }
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(last_used(&world).await, Some(first));
    // Other processes share the row: the door looks again, whoever asks.
    let note = "select app.note_key_uses(array_agg(workspace_id), array_agg(id)) from api_keys";
    let mut superuser = world.superuser().await;
    sqlx::query(note).execute(&mut superuser).await.expect("asked");
    assert_eq!(last_used(&world).await, Some(first));
    later(&world, "update api_keys set last_used_at = now() - interval '61 seconds'").await;
    sqlx::query(note).execute(&mut superuser).await.expect("asked");
    assert!(last_used(&world).await.is_some_and(|now| now >= first));
}

#[tokio::test]
async fn a_key_that_is_refused_is_not_used_and_a_row_that_somebody_holds_is_not_waited_for() {
    let world = World::without_worker().await;
    let (_, key) = world.api_key(Who::Owner, "Mine", &["document:read"]).await;
    later(&world, "update api_keys set revoked_at = now()").await;
    assert_eq!(with_key(&world, &key, VIEWER, json!({})).await.code(), "UNAUTHENTICATED");
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(last_used(&world).await, None);
    let (mut holder, mut noter) = (world.superuser().await, world.superuser().await);
    sqlx::query("begin").execute(&mut holder).await.expect("begun");
    sqlx::query("select 1 from api_keys for update").execute(&mut holder).await.expect("held");
    let note = sqlx::query("select app.note_key_uses(array_agg(workspace_id), array_agg(id)) from api_keys");
    tokio::time::timeout(Duration::from_secs(5), note.execute(&mut noter))
        .await
        .expect("no wait")
        .expect("asked");
    sqlx::query("rollback").execute(&mut holder).await.expect("released");
    assert_eq!(last_used(&world).await, None);
}
