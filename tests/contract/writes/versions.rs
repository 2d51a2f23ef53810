//! Versions: every update names the one that it was made against, and the first of several wins.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{fields_of, mutations};
use crate::support::{Who, World};

/// Gives a membership another role: no object of its own, and no text to change. `tests/members` changes it.
const OF_A_ROLE: &str = "membershipRole";
/// What is deleted without having a version: an account, by its own person alone.
const WITHOUT_VERSION: &str = "accountDelete";

#[test]
fn every_update_takes_a_version_and_every_delete_may() {
    for name in mutations() {
        let r#type = format!("{}{}", name[..1].to_uppercase(), &name[1..]);
        let input = fields_of(&format!("input {type}Input {{"));
        if name.ends_with("Update") {
            assert!(input.contains(&"version: Int!".to_owned()), "{name}: {input:?}");
        }
        if name.ends_with("Delete") {
            let unversioned = name == WITHOUT_VERSION;
            assert_eq!(input.contains(&"version: Int".to_owned()), !unversioned, "{name}: {input:?}");
            let answer = fields_of(&format!("type {type}Payload {{"));
            assert!(LATER.contains(&name.as_str()) || answer == ["deletedId: ID!"], "{name}: {answer:?}");
        }
    }
    let changed: BTreeSet<_> =
        mutations().into_iter().filter_map(|name| Some(name.strip_suffix("Update")?.to_owned())).collect();
    for name in changed.into_iter().filter(|name| *name != OF_A_ROLE) {
        let r#type = format!("type {}{} implements Node {{", name[..1].to_uppercase(), &name[1..]);
        assert!(fields_of(&r#type).contains(&"version: Int!".to_owned()), "{type}");
    }
}

/// Deletions that can be called off, and answer with what waits for its end.
const LATER: &[&str] = &["workspaceDelete"];

/// An object of each kind that has updates: the mutation, the object in its answer, the id, the field that changes.
async fn objects(world: &World) -> Vec<(&'static str, &'static str, String, &'static str)> {
    let collection = world.collection(Who::Owner, "Handbook").await;
    let document = world.document(Who::Owner, &collection, "Leave", "Thirty days.").await;
    let agent = world.agent(Who::Owner, "Assistant").await;
    let data = world.ask(Who::Owner, "{ workspace { id } }", json!({})).await.data();
    let workspace = crate::support::world::text(&data["workspace"]["id"]);
    let key = world.api_key(Who::Owner, "Key", &["document:read"]).await.0;
    let make = "mutation { roleCreate(input: { name: \"Role\", permissions: [] }) { role { id } } }";
    let role = world.ask(Who::Owner, make, json!({})).await.data();
    let role = crate::support::world::text(&role["roleCreate"]["role"]["id"]);
    let objects = vec![
        ("apiKeyUpdate", "apiKey", key, "name"),
        ("roleUpdate", "role", role, "name"),
        ("workspaceUpdate", "workspace", workspace, "name"),
        ("collectionUpdate", "collection", collection, "name"),
        ("documentUpdate", "document", document, "title"),
        ("agentUpdate", "agent", agent, "name"),
    ];
    let updates =
        mutations().into_iter().filter(|name| name.ends_with("Update") && !name.starts_with(OF_A_ROLE));
    assert_eq!(
        objects.iter().map(|object| object.0.to_owned()).collect::<BTreeSet<_>>(),
        updates.collect(),
        "a new update needs a case"
    );
    objects
}

fn update(name: &str, object: &str, field: &str) -> String {
    format!(
        "mutation($id: ID!, $version: Int!, $text: String!) {{
           {name}(input: {{ id: $id, version: $version, {field}: $text }}) {{ {object} {{ version {field} }} }} }}"
    )
}

#[tokio::test]
async fn of_many_changes_against_one_version_one_is_made() {
    let world = World::without_worker().await;
    for (name, object, id, field) in objects(&world).await {
        let query = update(name, object, field);
        let ask = |number: usize| {
            let variables = json!({ "id": id, "version": 1, "text": format!("Number {number}") });
            world.ask(Who::Owner, &query, variables)
        };
        let replies = futures_util::future::join_all((0..12).map(ask)).await;
        let (won, lost): (Vec<_>, Vec<_>) =
            replies.into_iter().partition(|reply| reply.body.get("errors").is_none());
        assert_eq!((won.len(), lost.len()), (1, 11), "{name}");
        assert_eq!(won[0].body["data"][name][object]["version"], 2);
        for reply in lost {
            assert_eq!(reply.code(), "CONFLICT");
            assert_eq!(reply.body["data"], Value::Null);
            let extensions = &reply.body["errors"][0]["extensions"];
            assert_eq!(extensions["details"], json!({ "version": 2 }), "{:#}", reply.body);
            assert_eq!(extensions["retryable"], false);
        }
        // With the version that the refusal told, it works.
        let variables = json!({ "id": id, "version": 2, "text": "Merged" });
        let data = world.ask(Who::Owner, &query, variables).await.data();
        assert_eq!(data[name][object], json!({ "version": 3, field: "Merged" }), "{name}");
    }
}

#[tokio::test]
async fn two_changes_in_one_operation_count_on() {
    let world = World::without_worker().await;
    for (name, object, id, field) in objects(&world).await {
        let query = format!(
            "mutation($id: ID!) {{
               a: {name}(input: {{ id: $id, version: 1, {field}: \"One\" }}) {{ {object} {{ version }} }}
               b: {name}(input: {{ id: $id, version: 2, {field}: \"Two\" }}) {{ {object} {{ version }} }} }}"
        );
        let data = world.ask(Who::Owner, &query, json!({ "id": id })).await.data();
        assert_eq!((&data["a"][object]["version"], &data["b"][object]["version"]), (&json!(2), &json!(3)));
        let reply = world.ask(Who::Owner, &query, json!({ "id": id })).await;
        assert_eq!(reply.body["errors"][0]["extensions"]["details"], json!({ "version": 3 }), "{name}");
    }
}

#[tokio::test]
async fn a_deletion_may_name_the_version_that_it_means() {
    let world = World::without_worker().await;
    for (name, object, id, field) in objects(&world).await {
        world
            .ask(
                Who::Owner,
                &update(name, object, field),
                json!({ "id": id, "version": 1, "text": "Changed" }),
            )
            .await
            .data();
    }
    for (name, id) in objects_to_delete(&world).await {
        let query = format!(
            "mutation($id: ID!, $version: Int) {{ {name}(input: {{ id: $id, version: $version }}) {{ deletedId }} }}"
        );
        for stale in [1, 3] {
            let reply = world.ask(Who::Owner, &query, json!({ "id": id, "version": stale })).await;
            assert_eq!(reply.code(), "CONFLICT", "{name}");
            assert_eq!(reply.body["errors"][0]["extensions"]["details"], json!({ "version": 2 }), "{name}");
        }
        let data = world.ask(Who::Owner, &query, json!({ "id": id, "version": 2 })).await.data();
        assert_eq!(data[name]["deletedId"], json!(id));
        assert_eq!(world.ask(Who::Owner, &query, json!({ "id": id })).await.code(), "NOT_FOUND", "{name}");
    }
}

/// What can be deleted, in an order in which it can.
async fn objects_to_delete(world: &World) -> Vec<(&'static str, String)> {
    let data = world
        .ask(Who::Owner, "{ documents { nodes { id } } collections { nodes { id } } }", json!({}))
        .await
        .data();
    let id = |list: &str| crate::support::world::text(&data[list]["nodes"][0]["id"]);
    vec![("documentDelete", id("documents")), ("collectionDelete", id("collections"))]
}
