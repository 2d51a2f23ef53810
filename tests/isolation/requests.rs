//! What another tenant's requests come to: the same as if the thing did not exist.

use serde_json::json;

use crate::support::{Who, World};

/// Everything that acme has one of, by the field that reads it.
async fn ids_of_acme(world: &World) -> Vec<(&'static str, String)> {
    let collection = world.collection(Who::Owner, "Handbook").await;
    let document = world
        .document(
            Who::Owner,
            &collection,
            "Leave",
            "# Leave\n\nEvery employee has thirty days of paid leave in a year.",
        )
        .await;
    world.ingested(Who::Owner, &document).await;
    let agent = world.agent(Who::Owner, "Assistant").await;
    let run = world.run(Who::Owner, &agent, "How many days of paid leave does an employee have?").await;
    let finished = world.finished(Who::Owner, &run).await;
    let data = world
        .ask(
            Who::Owner,
            "query($id: ID!) { document(id: $id) { currentVersion { id } ingestion { id } } search(query: \"paid leave\") { nodes { target { ... on Chunk { id } } } } workspace { id } }",
            json!({ "id": document }),
        )
        .await
        .data();
    let text = crate::support::world::text;
    vec![
        ("collection", collection),
        ("document", document),
        ("agent", agent),
        ("run", run),
        ("version", text(&data["document"]["currentVersion"]["id"])),
        ("ingestion", text(&data["document"]["ingestion"]["id"])),
        ("chunk", text(&data["search"]["nodes"][0]["target"]["id"])),
        ("citation", text(&finished["citations"]["nodes"][0]["id"])),
        ("workspace", text(&data["workspace"]["id"])),
    ]
}

/// An id of the same kind that nobody has.
fn unknown(id: &str) -> String {
    let prefix = id.rsplit_once('_').expect("a TypeID").0;
    let other = entity::id::EventId::new().to_string();
    format!("{prefix}_{}", other.rsplit_once('_').expect("a TypeID").1)
}

#[tokio::test]
async fn a_foreign_id_and_an_unknown_id_give_the_same_answer() {
    let world = World::new().await;
    let ids = ids_of_acme(&world).await;
    let id_of = |kind: &str| {
        ids.iter().find(|(name, _)| *name == kind).map(|(_, id)| id.clone()).expect("one of them")
    };
    for (kind, id) in &ids {
        let query = "query($id: ID!) { node(id: $id) { id } nodes(ids: [$id]) { id } }";
        assert_ne!(
            world.ask(Who::Owner, query, json!({ "id": id })).await.data()["node"],
            json!(null),
            "{kind}"
        );
        let foreign = world.ask(Who::Stranger, query, json!({ "id": id })).await.without_request_ids();
        let random =
            world.ask(Who::Stranger, query, json!({ "id": unknown(id) })).await.without_request_ids();
        assert_eq!(foreign, random, "{kind}");
        assert_eq!(foreign["data"], json!({ "node": null, "nodes": [null] }), "{kind}");
    }
    let own_agent = world.agent(Who::Stranger, "Assistant").await;
    let cases = [
        ("document", "query($id: ID!) { document(id: $id) { id } }"),
        ("agent", "query($id: ID!) { agent(id: $id) { id } }"),
        ("run", "query($id: ID!) { agentRun(id: $id) { id } }"),
        ("collection", "query($id: ID!) { documents(collectionId: $id) { nodes { id } } }"),
        (
            "collection",
            "query($id: ID!) { search(query: \"leave\", collections: [$id]) { nodes { passage } } }",
        ),
        (
            "collection",
            "mutation($id: ID!) { documentCreate(input: { collectionId: $id, title: \"x\", text: \"x\" }) { document { id } } }",
        ),
        (
            "collection",
            "mutation($id: ID!) { collectionUpdate(input: { id: $id, version: 1, name: \"x\" }) { collection { id } } }",
        ),
        (
            "collection",
            "mutation($id: ID!) { collectionDelete(input: { id: $id, version: 9 }) { deletedId } }",
        ),
        (
            "document",
            "mutation($id: ID!) { documentUpdate(input: { id: $id, version: 1, title: \"x\" }) { document { id } } }",
        ),
        ("document", "mutation($id: ID!) { documentDelete(input: { id: $id }) { deletedId } }"),
        ("ingestion", "mutation($id: ID!) { ingestionRetry(input: { id: $id }) { ingestion { id } } }"),
        (
            "agent",
            "mutation($id: ID!) { agentUpdate(input: { id: $id, version: 1, name: \"x\" }) { agent { id } } }",
        ),
        (
            "agent",
            "mutation($id: ID!) { agentRunStart(input: { agentId: $id, input: \"x\" }) { agentRun { id } } }",
        ),
        ("run", "mutation($id: ID!) { agentRunCancel(input: { id: $id }) { agentRun { id } } }"),
    ];
    for (kind, query) in cases {
        let id = id_of(kind);
        let foreign = world.ask(Who::Stranger, query, json!({ "id": id })).await;
        let random = world.ask(Who::Stranger, query, json!({ "id": unknown(&id) })).await;
        assert_eq!(foreign.status, random.status, "{query}");
        assert_eq!(foreign.without_request_ids(), random.without_request_ids(), "{query}");
    }
    let query = "mutation($agent: ID!, $id: ID!) { agentRunStart(input: { agentId: $agent, input: \"x\", collectionIds: [$id] }) { agentRun { id } } }";
    let reply =
        world.ask(Who::Stranger, query, json!({ "agent": own_agent, "id": id_of("collection") })).await;
    assert_eq!(reply.code(), "NOT_FOUND");
}

#[tokio::test]
async fn another_workspace_finds_nothing_and_naming_it_does_not_help() {
    let world = World::new().await;
    ids_of_acme(&world).await;
    let query = "{ collections { nodes { id } } documents { nodes { id } } ingestions { nodes { id } } agents { nodes { id } }
        agentRuns { nodes { id } } jobs { nodes { id } } search(query: \"paid leave\") { nodes { passage } } }";
    let data = world.ask(Who::Stranger, query, json!({})).await.data();
    for (field, list) in data.as_object().expect("an object") {
        assert_eq!(list["nodes"], json!([]), "{field}");
    }
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
async fn a_weaker_role_is_refused_with_the_permission_that_it_lacks() {
    let world = World::new().await;
    let collection = world.collection(Who::Owner, "Handbook").await;
    let agent = world.agent(Who::Owner, "Assistant").await;
    let variables = json!({ "collection": collection, "agent": agent });
    let cases = [
        (
            Who::Viewer,
            "mutation { collectionCreate(input: { name: \"x\" }) { collection { id } } }",
            "collection:write",
        ),
        (
            Who::Viewer,
            "mutation($collection: ID!) { collectionUpdate(input: { id: $collection, version: 1 }) { collection { id } } }",
            "collection:write",
        ),
        (
            Who::Viewer,
            "mutation($collection: ID!) { collectionDelete(input: { id: $collection }) { deletedId } }",
            "collection:write",
        ),
        (
            Who::Viewer,
            "mutation($collection: ID!) { documentCreate(input: { collectionId: $collection, title: \"x\", text: \"x\" }) { document { id } } }",
            "document:write",
        ),
        (
            Who::Viewer,
            "mutation($agent: ID!) { agentRunStart(input: { agentId: $agent, input: \"x\" }) { agentRun { id } } }",
            "agent_run:write",
        ),
        (Who::Member, "mutation { agentCreate(input: { name: \"x\" }) { agent { id } } }", "agent:write"),
        (Who::Member, "{ jobs { nodes { id } } }", "job:read"),
    ];
    for (who, query, permission) in cases {
        let reply = world.ask(who, query, variables.clone()).await;
        assert_eq!(reply.code(), "FORBIDDEN", "{query}");
        assert_eq!(reply.body["errors"][0]["extensions"]["details"]["permission"], permission);
        assert_eq!(reply.body["data"], json!(null));
    }
    assert_eq!(
        world.ask(Who::Anonymous, "{ viewer { user { email } } }", json!({})).await.code(),
        "UNAUTHENTICATED"
    );
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
