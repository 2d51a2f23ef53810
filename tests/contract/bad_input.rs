//! Bad input gets a clear error with its code: never INTERNAL, never a panic, nothing half-done.

use footnote::config::{Limits, Services};
use serde_json::{Value, json};

use crate::support::{Reply, Who, World};

async fn ask(world: &World, query: &str, variables: Value) -> Reply {
    world.ask(Who::Owner, query, variables).await
}

#[tokio::test]
async fn ids_cursors_and_sizes() {
    let world = World::without_worker().await;
    let collection = world.collection(Who::Owner, "Handbook").await;
    let agents = ask(&world, "{ collections { edges { cursor } } }", json!({})).await.data();
    let foreign_cursor = agents["collections"]["edges"][0]["cursor"].clone();
    for id in [
        "",
        "x",
        "document_",
        "document_01h455vb4pex5vsknk084sn02",
        "run_01h455vb4pex5vsknk084sn02q",
        "' or 1=1 --",
        &collection,
    ] {
        let reply = ask(&world, "query($id: ID!) { document(id: $id) { id } }", json!({ "id": id })).await;
        assert_eq!(reply.code(), "BAD_USER_INPUT", "{id}");
    }
    assert_eq!(
        ask(&world, "query($id: ID!) { node(id: $id) { id } }", json!({ "id": "nonsense" })).await.code(),
        "BAD_USER_INPUT"
    );
    for first in [0, -1, 101, 2_147_483_647] {
        let reply = ask(
            &world,
            "query($first: Int) { documents(first: $first) { nodes { id } } }",
            json!({ "first": first }),
        )
        .await;
        assert_eq!(reply.code(), "BAD_USER_INPUT", "{first}");
        assert_eq!(reply.body["errors"][0]["extensions"]["field"], "first");
        let reply = ask(
            &world,
            "query($first: Int) { search(query: \"x\", first: $first) { nodes { passage } } }",
            json!({ "first": first }),
        )
        .await;
        assert_eq!(reply.code(), "BAD_USER_INPUT", "{first}");
    }
    // 2³¹ is no Int at all.
    let reply = ask(
        &world,
        "query($first: Int) { documents(first: $first) { nodes { id } } }",
        json!({ "first": 2_147_483_648_u64 }),
    )
    .await;
    assert!(["BAD_USER_INPUT", "GRAPHQL_VALIDATION_FAILED"].contains(&reply.code()));
    for cursor in
        [json!(""), json!("x"), json!("MTpkb2N1bWVudHM6aTp4"), json!("MTpkb2N1bWVudHM6bzo1"), foreign_cursor]
    {
        let reply = ask(
            &world,
            "query($after: String) { documents(after: $after) { nodes { id } } }",
            json!({ "after": cursor }),
        )
        .await;
        assert_eq!(reply.code(), "BAD_USER_INPUT", "{cursor}");
    }
}

#[tokio::test]
async fn searches_and_questions() {
    let world = World::new().await;
    let collection = world.collection(Who::Owner, "Handbook").await;
    let document = world.document(Who::Owner, &collection, "Leave", "Thirty days of paid leave.").await;
    world.ingested(Who::Owner, &document).await;
    let query = "query($query: String!) { search(query: $query) { nodes { passage } } }";
    for (text, fine) in [
        ("", false),
        (" \n ", false),
        (&"x".repeat(10_000), false),
        (&"x ".repeat(900), true),
        ("休暇 🦀", true),
        ("\0", true),
        ("' \" \\ % _ ;", true),
    ] {
        let reply = ask(&world, query, json!({ "query": text })).await;
        if fine {
            reply.data();
        } else {
            assert_eq!(reply.code(), "BAD_USER_INPUT", "{text:.20}");
        }
    }
    let agent = world.agent(Who::Owner, "Assistant").await;
    let start = "mutation($agent: ID!, $input: String!) { agentRunStart(input: { agentId: $agent, input: $input }) { agentRun { id } } }";
    for input in ["", "a\0b", &"x".repeat(10_001)] {
        assert_eq!(
            ask(&world, start, json!({ "agent": agent, "input": input })).await.code(),
            "BAD_USER_INPUT"
        );
    }
    let run = world.run(Who::Owner, &agent, &"leave ".repeat(1600)).await;
    assert_eq!(world.finished(Who::Owner, &run).await["status"], "SUCCEEDED");
}

#[tokio::test]
async fn documents() {
    let world =
        World::with(Limits { max_document_bytes: 3 << 20, ..Limits::default() }, Services::default()).await;
    let mut world = world;
    world.stack.start_worker();
    let collection = world.collection(Who::Owner, "Handbook").await;
    let create =
        "mutation($input: DocumentCreateInput!) { documentCreate(input: $input) { document { id } } }";
    let input = |fields: Value| {
        let mut input = json!({ "collectionId": collection, "title": "T" });
        input.as_object_mut().expect("an object").extend(fields.as_object().expect("an object").clone());
        json!({ "input": input })
    };
    for (fields, code) in [
        (json!({}), "BAD_USER_INPUT"),
        (json!({ "text": "" }), "BAD_USER_INPUT"),
        (json!({ "text": " \n" }), "BAD_USER_INPUT"),
        (json!({ "text": "a", "html": "b" }), "BAD_USER_INPUT"),
        (json!({ "text": "a\0b" }), "BAD_USER_INPUT"),
        (json!({ "text": "a", "title": "" }), "BAD_USER_INPUT"),
        (json!({ "text": "a", "title": "x".repeat(501) }), "BAD_USER_INPUT"),
        (json!({ "text": "x".repeat((3 << 20) + 1) }), "PAYLOAD_TOO_LARGE"),
    ] {
        let reply = ask(&world, create, input(fields)).await;
        assert_eq!(reply.code(), code, "{:#}", reply.body);
        assert_eq!(reply.body["data"], json!(null));
    }
    assert_eq!(world.count("select count(*) from documents").await, 0, "nothing half-done");
    let two_bad = ask(&world, create, input(json!({ "text": "", "title": "" }))).await;
    assert_eq!(
        two_bad.body["errors"][0]["extensions"]["issues"].as_array().map(Vec::len),
        Some(2),
        "{:#}",
        two_bad.body
    );
    for (fields, status) in [
        (json!({ "text": "x".repeat(1 << 20) }), "SUCCEEDED"),
        (
            json!({ "html": format!("{}deep{}", "<div>".repeat(100_000), "</div>".repeat(100_000)) }),
            "SUCCEEDED",
        ),
        (json!({ "markdown": "> ".repeat(50_000) }), "FAILED"),
        (json!({ "html": "<!-- -->" }), "FAILED"),
        (json!({ "text": "\u{1}\u{2}\u{3}\u{4}" }), "FAILED"),
    ] {
        let data = ask(&world, create, input(fields)).await.data();
        let id = data["documentCreate"]["document"]["id"].as_str().expect("an id").to_owned();
        let ingestion = world.ingested(Who::Owner, &id).await;
        assert_eq!(ingestion["status"], status, "{ingestion:#}");
        assert_eq!(ingestion["failureClass"].is_null(), status == "SUCCEEDED");
        assert_ne!(ingestion["failureClass"], "INTERNAL", "{ingestion:#}");
    }
}

#[tokio::test]
async fn a_mutation_with_several_fields_happens_as_a_whole_or_not_at_all() {
    const COUNT: &str = "select (select count(*) from collections) + (select count(*) from events) + (select count(*) from audit_entries)";
    let world = World::without_worker().await;
    let before = world.count(COUNT).await;
    let query = "mutation { a: collectionCreate(input: { name: \"one\" }) { collection { id } } b: collectionCreate(input: { name: \"one\" }) { collection { id } } }";
    let reply = ask(&world, query, json!({})).await;
    assert_eq!(reply.code(), "CONFLICT");
    assert_eq!(reply.body["data"], json!(null));
    assert_eq!(world.count(COUNT).await, before);
}

#[tokio::test]
async fn queries_that_are_none_or_cost_too_much() {
    let world = World::without_worker().await;
    for (query, code) in [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        (
            "{ agents(first: 100) { nodes { agentRuns(first: 100) { nodes { citations(first: 100) { nodes { id } } } } } } }",
            "QUERY_TOO_COSTLY",
        ),
    ] {
        assert_eq!(ask(&world, query, json!({})).await.code(), code, "{query}");
    }
    let fragment = |number: u32| format!("fragment f{number} on Query {{ ...f{0} ...f{0} }}", number + 1);
    let chain = (0..30).map(fragment).collect::<Vec<_>>().join(" ");
    let bomb = format!("{{ ...f0 }} {chain} fragment f30 on Query {{ __typename }}");
    assert_eq!(ask(&world, &bomb, json!({})).await.code(), "QUERY_TOO_COSTLY");
    let long = format!("{{ __typename }} # {}", "x".repeat(70_000));
    assert_eq!(ask(&world, &long, json!({})).await.code(), "QUERY_TOO_COSTLY");
    let aliases = (0..200).map(|number| format!("a{number}: __typename")).collect::<Vec<_>>().join(" ");
    let reply = ask(&world, &format!("{{ {aliases} }}"), json!({})).await;
    assert_ne!(reply.body.get("errors"), None);
}

#[tokio::test]
async fn parts_of_a_large_text_hold_nobody_up() {
    let world = World::new().await;
    let collection = world.collection(Who::Owner, "Handbook").await;
    let document = world.document(Who::Owner, &collection, "Long", &"paid leave ".repeat(180_000)).await;
    assert_eq!(world.ingested(Who::Owner, &document).await["status"], "SUCCEEDED");
    let query = "query($id: ID!) { document(id: $id) { currentVersion { id } } }";
    let data = ask(&world, query, json!({ "id": document })).await.data();
    let id = data["document"]["currentVersion"]["id"].clone();
    let parts = |count: usize| {
        let parts: Vec<String> = (0..count).map(|at| format!("p{at}: text(start: {at}, end: 9)")).collect();
        format!(
            "query($ids: [ID!]!) {{ nodes(ids: $ids) {{ ... on DocumentVersion {{ {} }} }} }}",
            parts.join(" ")
        )
    };
    ask(&world, &parts(8), json!({ "ids": vec![id.clone(); 4] })).await.data();
    let reply = ask(&world, &parts(8), json!({ "ids": vec![id; 50] })).await;
    assert_eq!(
        reply.body["errors"][0]["extensions"]["code"], "QUERY_TOO_COSTLY",
        "{:#}",
        reply.body["errors"]
    );
}
