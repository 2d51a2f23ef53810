//! Promise P1 in the vector store: a point that does not belong is dropped and counted, whatever its payload says.

use footnote::knowledge::retrieval::invisible_hits;
use footnote_vectors::{Kind, Point};
use serde_json::json;
use sqlx::Row;
use uuid::Uuid;

use crate::support::{Who, World};

const SECRET: &str = "The zanzibar protocol is activated by the emerald key.";

#[tokio::test]
async fn a_point_planted_for_another_tenant_is_dropped_and_counted() {
    planted_points_are_dropped_and_counted(&World::new().await).await;
}

/// Holds the promise in a world with a worker, whichever engine it is on.
pub async fn planted_points_are_dropped_and_counted(world: &World) {
    for (who, text) in [(Who::Owner, SECRET), (Who::Stranger, "The lobby closes at six in the evening.")] {
        let collection = world.collection(who, "Notes").await;
        let document = world.document(who, &collection, "Note", text).await;
        assert_eq!(world.ingested(who, &document).await["status"], "SUCCEEDED");
    }
    let mut superuser = world.superuser().await;
    let secret = sqlx::query(
        "select c.id, c.document_id, c.document_version_id from chunks c join workspaces w on w.id = c.workspace_id where w.slug = 'acme'",
    )
    .fetch_one(&mut superuser)
    .await
    .expect("acme's passage");
    let there = sqlx::query(
        "select w.id, i.id as index_id from workspaces w join embedding_indexes i on i.workspace_id = w.id where w.slug = 'globex'",
    )
    .fetch_one(&mut superuser)
    .await
    .expect("globex's index");
    let (globex, index): (Uuid, Uuid) = (there.get(0), there.get(1));
    let door = world.stack.app().vectors().for_workspace(globex);
    let vectors = world.stack.app().embedder().embed(vec![SECRET.to_owned()]).await.expect("a vector");
    let acme: Uuid = sqlx::query("select id from workspaces where slug = 'acme'")
        .fetch_one(&mut superuser)
        .await
        .expect("acme")
        .get(0);
    // One says that it is globex's and points at acme's passage; one stands in globex's shard and says that it is acme's.
    for workspace_id in [globex, acme] {
        let point = Point {
            id: Uuid::from_u128(rand_id()),
            workspace_id,
            collection_id: Uuid::nil(),
            document_id: secret.get(1),
            version_id: secret.get(2),
            chunk_id: secret.get(0),
            kind: Kind::Chunk,
            dense: vectors[0].clone(),
            text: SECRET.to_owned(),
        };
        door.plant_for_isolation_test(index, point).await.expect("planted");
    }
    let before = invisible_hits();
    for mode in ["HYBRID", "SEMANTIC", "KEYWORD"] {
        let query = format!(
            "{{ search(query: \"zanzibar protocol emerald key\", mode: {mode}) {{ nodes {{ passage }} }} }}"
        );
        let data = world.ask(Who::Stranger, &query, json!({})).await.data();
        let passages = data["search"]["nodes"].to_string();
        assert!(!passages.contains("zanzibar"), "{mode}: {passages}");
    }
    assert!(invisible_hits() >= before + 3, "each of the searches met the planted point");
}

fn rand_id() -> u128 {
    entity::id::PointId::new().0.as_u128()
}

#[tokio::test]
async fn another_tenants_words_do_not_move_my_ranking() {
    their_words_do_not_move_my_ranking(&World::new().await).await;
}

/// Holds the promise in a world with a worker, whichever engine it is on.
pub async fn their_words_do_not_move_my_ranking(world: &World) {
    let collection = world.collection(Who::Owner, "Notes").await;
    for (title, text) in [
        ("A", "The harbour opens at dawn for fishing boats."),
        ("B", "The harbour master signs every permit."),
    ] {
        let document = world.document(Who::Owner, &collection, title, text).await;
        world.ingested(Who::Owner, &document).await;
    }
    let query = "{ search(query: \"harbour permit\", mode: KEYWORD) { nodes { passage score } } }";
    let before = world.ask(Who::Owner, query, json!({})).await.data();
    assert_eq!(before["search"]["nodes"].as_array().map(Vec::len), Some(2));
    let theirs = world.collection(Who::Stranger, "Notes").await;
    for number in 0..20 {
        let document = world
            .document(
                Who::Stranger,
                &theirs,
                &format!("P{number}"),
                &format!("Permit {number}: a permit is a permit."),
            )
            .await;
        world.ingested(Who::Stranger, &document).await;
    }
    assert_eq!(world.ask(Who::Owner, query, json!({})).await.data(), before);
}
