//! The root `operations`: for operators alone, and without a word of any tenant.

use serde_json::json;

use super::{LEAVE, START, ask, entered, operator};
use crate::support::world::text;
use crate::support::{Who, World};

const EVERYTHING: &str = "{ operations { version status operator { id name email expiresAt }
  workspaces { total active pendingDeletion }
  jobs { queued running dead oldestQueuedAt complete kinds { kind queued running dead oldestQueuedAt } }
  dependencies { name status required since tookMs } migrations { name appliedAt }
  entries(first: 5) { id operatorId operatorName workspaceKey reason startedAt expiresAt endedAt endedBy active } } }";

#[tokio::test]
async fn an_operator_sees_how_the_installation_is_and_no_word_of_a_tenant() {
    let world = World::without_worker().await;
    for who in [Who::Owner, Who::Stranger] {
        let collection = world.collection(who, "Secret plans").await;
        world.document(who, &collection, "Secret title", "# Secret\n\nsecret text").await;
    }
    world.plant("update jobs set status = 'DEAD', last_error = 'secret error' where workspace_id = (select id from workspaces where slug = 'globex')").await;
    world.plant("update workspaces set purge_at = now() + interval '1 day' where slug = 'globex'").await;
    let (_, key) = operator(&world, "Ann").await;
    let data = ask(&world, &key, None, EVERYTHING, json!({})).await.data();
    let seen = &data["operations"];
    assert_eq!(seen["workspaces"], json!({ "total": 2, "active": 1, "pendingDeletion": 1 }));
    assert_eq!(
        (&seen["jobs"]["queued"], &seen["jobs"]["dead"], &seen["jobs"]["complete"]),
        (&json!(1), &json!(1), &json!(true))
    );
    assert_eq!(seen["jobs"]["kinds"][0]["kind"], "document.ingest");
    assert!(seen["jobs"]["oldestQueuedAt"].is_string());
    assert_eq!(seen["status"], "OK");
    let names: Vec<_> =
        seen["dependencies"].as_array().expect("a list").iter().map(|one| text(&one["name"])).collect();
    assert!(names.contains(&"database".to_owned()) && names.contains(&"migrations".to_owned()), "{names:?}");
    let applied = seen["migrations"].as_array().expect("a list").len();
    assert_eq!(
        i64::try_from(applied).expect("small"),
        world.count("select count(*) from seaql_migrations").await
    );
    assert_eq!(seen["entries"], json!([]));
    assert_eq!(seen["version"], env!("CARGO_PKG_VERSION"));
    let said = data.to_string().to_lowercase();
    for word in ["acme", "globex", "secret", "workspace_01", "document_01", "collection_01", "owner@"] {
        assert!(!said.contains(word), "{word} in {said}");
    }
    // What the operator named themselves is theirs, and nobody else's.
    entered(&world, &key, "acme").await;
    let data = ask(&world, &key, None, EVERYTHING, json!({})).await.data();
    assert_eq!(data["operations"]["entries"][0]["workspaceKey"], "acme");
    assert!(!data.to_string().contains("globex"));
    let (_, other) = operator(&world, "Ben").await;
    let data = ask(&world, &other, None, EVERYTHING, json!({})).await.data();
    assert_eq!(data["operations"]["entries"], json!([]));
    for first in [0, -1, 101, i32::MAX] {
        let query = "query($first: Int!) { operations { entries(first: $first) { id } } }";
        assert!(
            ["BAD_USER_INPUT", "QUERY_TOO_COSTLY"]
                .contains(&ask(&world, &key, None, query, json!({ "first": first })).await.code()),
            "{first}"
        );
    }
}

#[tokio::test]
async fn it_is_closed_to_everybody_else_and_so_are_its_mutations() {
    let world = World::without_worker().await;
    let (_, key) = operator(&world, "Ann").await;
    let entry = entered(&world, &key, "acme").await;
    let input = json!({ "input": { "workspace": "globex", "reason": "because I am curious", "minutes": 5 } });
    for who in [Who::Owner, Who::Admin, Who::Member, Who::Viewer, Who::Stranger, Who::Anonymous] {
        let expected = if who == Who::Anonymous { "UNAUTHENTICATED" } else { "FORBIDDEN" };
        for (query, variables) in [
            ("{ operations { version } }", json!({})),
            (START, input.clone()),
            (LEAVE, json!({ "id": entry })),
        ] {
            assert_eq!(world.ask(who, query, variables).await.code(), expected, "{who:?} {query}");
        }
    }
    assert_eq!(world.count("select count(*) from operator_entries").await, 1);
    // A key of a member's making helps nobody either: the mutation takes none.
    let (authorization, _) = world.headers(Who::Owner).expect("a token");
    let headers = [("authorization", authorization), ("idempotency-key", "one")];
    assert_eq!(super::ask_with(&world, &headers, START, input).await.code(), "BAD_USER_INPUT");
}

#[tokio::test]
async fn outside_a_workspace_an_operator_sees_nothing_of_any() {
    let world = World::without_worker().await;
    let (_, key) = operator(&world, "Ann").await;
    for query in [
        "{ workspace { slug } }",
        "{ operatorEntries { nodes { id } } }",
        "{ jobs { nodes { id } } }",
        "{ memberships { nodes { id } } }",
    ] {
        assert_eq!(ask(&world, &key, None, query, json!({})).await.code(), "BAD_USER_INPUT", "{query}");
    }
}
