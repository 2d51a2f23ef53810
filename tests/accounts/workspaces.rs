//! A workspace of one's own.

use serde_json::{Value, json};

use super::{Answer, ask, one, somebody, viewer, world};
use crate::support::{Who, World};
use footnote::config::AccountSettings;

const CREATE: &str = "mutation($input: WorkspaceCreateInput!) { workspaceCreate(input: $input) {
  workspace { id slug name memberships(first: 5) { nodes { role { name builtIn } user { email } } totalCount } } } }";

async fn create(world: &World, access: &str, headers: &[(&str, &str)], input: Value) -> Answer {
    let bearer = format!("Bearer {access}");
    let mut all = vec![("authorization", bearer.as_str())];
    all.extend(headers);
    ask(world, &all, CREATE, json!({ "input": input })).await
}

#[tokio::test]
async fn whoever_makes_a_workspace_owns_it_and_works_in_it() {
    let world = world(AccountSettings::default()).await;
    let (access, _) = somebody(&world).await;
    let id = entity::id::WorkspaceId::new().to_string();
    let input = json!({ "id": id, "name": "Ann's", "slug": "anns" });
    let workspace = create(&world, &access, &[], input).await.data()["workspaceCreate"]["workspace"].clone();
    assert_eq!((&workspace["id"], &workspace["slug"]), (&json!(id), &json!("anns")));
    assert_eq!(
        workspace["memberships"],
        json!({ "nodes": [{ "role": { "name": "OWNER", "builtIn": true }, "user": { "email": "ann@example.com" } }], "totalCount": 1 })
    );
    assert_eq!(
        viewer(&world, &access).await.data()["viewer"]["workspaces"],
        json!([{ "slug": "anns", "role": "OWNER" }])
    );
    let bearer = format!("Bearer {access}");
    let headers = [("authorization", bearer.as_str()), ("x-workspace", "anns")];
    let make = "mutation { collectionCreate(input: { name: \"Handbook\" }) { collection { id } } }";
    ask(&world, &headers, make, json!({})).await.data();
    let event =
        "select type || ' ' || seq || ' ' || (data ->> 'slug') from events where type = 'workspace.created'";
    assert_eq!(one(&world, event).await, "workspace.created 1 anns");
    let audit = "select action || ' ' || actor_role || ' ' || seq from audit_entries a join workspaces w on w.id = a.workspace_id
                 where w.slug = 'anns' order by seq limit 1";
    assert_eq!(one(&world, audit).await, "workspace.create OWNER 1");
    // Nobody else is let in by it.
    let stranger = world.ask(Who::Stranger, "{ viewer { workspaces { slug } } }", json!({})).await.data();
    assert!(!stranger.to_string().contains("anns"));
}

#[tokio::test]
async fn a_slug_that_is_taken_is_a_conflict_at_its_field_and_leaves_nothing() {
    let world = world(AccountSettings::default()).await;
    let (access, _) = somebody(&world).await;
    let answer = create(&world, &access, &[], json!({ "name": "Mine", "slug": "acme" })).await;
    assert_eq!((answer.code(), answer.error()["field"].as_str()), ("CONFLICT", Some("input.slug")));
    assert_eq!(answer.body["data"], Value::Null);
    assert_eq!(viewer(&world, &access).await.data()["viewer"]["workspaces"], json!([]));
    let long = "a".repeat(64);
    for slug in ["", "Acme", "a b", "-a", "a-", "a_b", "ä", &long] {
        assert_eq!(
            create(&world, &access, &[], json!({ "name": "x", "slug": slug })).await.issue(),
            "INVALID",
            "{slug}"
        );
    }
    let two = json!({ "name": "", "slug": "A" });
    assert_eq!(create(&world, &access, &[], two).await.error()["issues"].as_array().map(Vec::len), Some(2));
    let taken = one(&world, "select id::text from workspaces where slug = 'acme'").await;
    let taken = entity::id::WorkspaceId(taken.parse().expect("a UUID")).to_string();
    assert_eq!(
        create(&world, &access, &[], json!({ "id": taken, "name": "x", "slug": "fresh" })).await.code(),
        "CONFLICT"
    );
}

#[tokio::test]
async fn a_person_owns_so_many_workspaces_also_when_asking_for_two_at_once() {
    let world = world(AccountSettings { workspaces_per_person: 2, ..AccountSettings::default() }).await;
    let (access, _) = somebody(&world).await;
    create(&world, &access, &[], json!({ "name": "One", "slug": "one" })).await.data();
    let (two, three) = tokio::join!(
        create(&world, &access, &[], json!({ "name": "Two", "slug": "two" })),
        create(&world, &access, &[], json!({ "name": "Three", "slug": "three" }))
    );
    assert_eq!([&two, &three].iter().filter(|answer| answer.body.get("errors").is_none()).count(), 1);
    let refused = if two.body.get("errors").is_some() { two } else { three };
    assert_eq!(refused.code(), "CONFLICT");
    assert_eq!(
        viewer(&world, &access).await.data()["viewer"]["workspaces"].as_array().map(Vec::len),
        Some(2)
    );
}

#[tokio::test]
async fn its_key_belongs_to_the_person_whatever_workspace_the_header_names() {
    let world = world(AccountSettings::default()).await;
    let (access, _) = somebody(&world).await;
    let key = [("idempotency-key", "one")];
    let input = json!({ "name": "Ann's", "slug": "anns" });
    let first = create(&world, &access, &key, input.clone()).await;
    let again =
        create(&world, &access, &[("idempotency-key", "one"), ("x-workspace", "anns")], input.clone()).await;
    assert_eq!(first.data(), again.data());
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    let other = create(&world, &access, &key, json!({ "name": "Other", "slug": "other" })).await;
    assert_eq!((other.status, other.code()), (422, "IDEMPOTENCY_CONFLICT"));
    // Another person's key of the same name is another key.
    let (authorization, _) = world.headers(Who::Stranger).expect("a token");
    let headers = [("authorization", authorization), ("idempotency-key", "one")];
    let globex = ask(&world, &headers, CREATE, json!({ "input": { "name": "G", "slug": "globex-2" } })).await;
    assert_eq!(globex.data()["workspaceCreate"]["workspace"]["slug"], "globex-2");
    assert_eq!(ask(&world, &key, CREATE, json!({ "input": input })).await.code(), "UNAUTHENTICATED");
}
