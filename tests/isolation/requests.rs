//! What another tenant's requests come to: the same as if the thing did not exist.

use serde_json::json;

use crate::support::{Who, World};

#[tokio::test]
async fn naming_another_workspace_is_like_naming_one_that_is_none() {
    let world = World::without_worker().await;
    // The stranger's token with acme's name, and a name that nobody has.
    let (token, _) = world.headers(Who::Stranger).expect("a token");
    let mut answers = Vec::new();
    for workspace in ["acme", "nobody-has-this", "not a slug at all"] {
        let response = world
            .http()
            .post(format!("{}/graphql", world.address))
            .header("content-type", "application/json")
            .header("authorization", token)
            .header("x-workspace", workspace)
            .body(json!({ "query": "{ workspace { id } }" }).to_string())
            .send()
            .await
            .expect("an answer");
        let body: serde_json::Value = response.json().await.expect("JSON");
        assert_eq!(body["errors"][0]["extensions"]["code"], "NOT_FOUND", "{workspace}: {body:#}");
        answers.push(body["errors"][0]["message"].clone());
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:?}");
}

#[tokio::test]
async fn signing_out_and_losing_a_membership_work_at_the_next_request() {
    let world = World::without_worker().await;
    let query = "{ collections { nodes { id } } }";
    world.ask(Who::Member, query, json!({})).await.data();
    world.plant("update memberships set status = 'SUSPENDED' where role_id in (select id from roles where built_in = 'MEMBER')").await;
    assert_eq!(world.ask(Who::Member, query, json!({})).await.code(), "NOT_FOUND");
    let mut superuser = world.superuser().await;
    sqlx::query("update sessions set revoked_at = now()").execute(&mut superuser).await.expect("signed out");
    assert_eq!(world.ask(Who::Owner, query, json!({})).await.code(), "UNAUTHENTICATED");
}
