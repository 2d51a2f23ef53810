//! Changing and deleting collections: what is absent stays, what holds documents is kept, and what was cited is still read.

use footnote::operations::migrations::Migrations;
use serde_json::{Value, json};
use sqlx::Row;

use super::{hold, until_blocked};
use crate::support::world::text;
use crate::support::{Who, World};

const DELETE: &str = "mutation($id: ID!) { collectionDelete(input: { id: $id }) { deletedId } }";
const DOCUMENT_DELETE: &str = "mutation($id: ID!) { documentDelete(input: { id: $id }) { deletedId } }";

async fn update(world: &World, input: Value) -> Value {
    let query = "mutation($input: CollectionUpdateInput!) { collectionUpdate(input: $input) { collection { name description version } } }";
    let data = world.ask(Who::Owner, query, json!({ "input": input })).await.data();
    data["collectionUpdate"]["collection"].clone()
}

/// The newest event and audit entry: type, subject, data, action, before, after.
async fn told(world: &World) -> (String, String, Value, String, Option<Value>, Option<Value>) {
    let mut superuser = world.superuser().await;
    let row = sqlx::query(
        "select e.type, e.subject, e.data, a.action, a.before, a.after
         from (select * from events order by seq desc limit 1) e, (select * from audit_entries order by seq desc limit 1) a",
    )
    .fetch_one(&mut superuser)
    .await
    .expect("an event and an entry");
    (row.get(0), row.get(1), row.get(2), row.get(3), row.get(4), row.get(5))
}

#[tokio::test]
async fn what_is_absent_stays_and_null_removes_the_description() {
    let world = World::without_worker().await;
    let id = world.collection(Who::Owner, "Handbook").await;
    let state = |name: &str, description: Value, version: i32| json!({ "name": name, "description": description, "version": version });
    let seen = update(&world, json!({ "id": id, "version": 1, "description": " For all. " })).await;
    assert_eq!(seen, state("Handbook", json!("For all."), 2));
    let seen = update(&world, json!({ "id": id, "version": 2, "name": "Rules", "description": null })).await;
    assert_eq!(seen, state("Rules", Value::Null, 3));
    let (kind, subject, data, action, before, after) = told(&world).await;
    assert_eq!(
        (kind.as_str(), subject, data),
        ("collection.updated", id.clone(), json!({ "name": "Rules" }))
    );
    assert_eq!(action, "collection.update");
    assert_eq!(before, Some(json!({ "name": "Handbook", "description": "For all." })));
    assert_eq!(after, Some(json!({ "name": "Rules", "description": null })));
    // Nothing differs: no version, no event, no entry.
    let before = super::traces(&world).await;
    let seen = update(&world, json!({ "id": id, "version": 3, "name": "Rules" })).await;
    assert_eq!(seen, state("Rules", Value::Null, 3));
    assert_eq!(super::traces(&world).await, before);
    world.collection(Who::Owner, "Taken").await;
    let query = "mutation($id: ID!) { collectionUpdate(input: { id: $id, version: 3, name: \"Taken\" }) { collection { id } } }";
    let reply = world.ask(Who::Owner, query, json!({ "id": id })).await;
    assert_eq!(reply.code(), "CONFLICT");
    assert_eq!(reply.body["errors"][0]["message"], "A collection of this name exists.");
}

#[tokio::test]
async fn a_collection_goes_when_its_documents_have_gone_and_citations_stay() {
    let world = World::new().await;
    let collection = world.collection(Who::Owner, "Handbook").await;
    let leave = "# Leave\n\nEvery employee has thirty days of paid leave in a calendar year.";
    let document = world.document(Who::Owner, &collection, "Leave", leave).await;
    world.ingested(Who::Owner, &document).await;
    let agent = world.agent(Who::Owner, "Assistant").await;
    let run = world.run(Who::Owner, &agent, "How many days of paid leave does an employee have?").await;
    let run = world.finished(Who::Owner, &run).await;
    let citation = run["citations"]["nodes"][0]["id"].clone();

    let id = json!({ "id": collection });
    let before = super::traces(&world).await;
    let refused = world.ask(Who::Owner, DELETE, id.clone()).await;
    assert_eq!(refused.code(), "CONFLICT");
    assert_eq!(
        refused.body["errors"][0]["message"],
        "Documents stand in this collection; delete them first."
    );
    assert_eq!(super::traces(&world).await, before);

    world.ask(Who::Owner, DOCUMENT_DELETE, json!({ "id": document })).await.data();
    let data = world.ask(Who::Owner, DELETE, id.clone()).await.data();
    assert_eq!(data["collectionDelete"]["deletedId"], json!(collection));
    let (kind, subject, data, action, audited, after) = told(&world).await;
    assert_eq!(
        (kind.as_str(), subject, data),
        ("collection.deleted", collection.clone(), json!({ "name": "Handbook" }))
    );
    assert_eq!((action.as_str(), after), ("collection.delete", None));
    assert_eq!(audited, Some(json!({ "name": "Handbook", "description": null })));

    let gone = "query($id: ID!) { node(id: $id) { id } collections { nodes { id } } }";
    let data = world.ask(Who::Owner, gone, id.clone()).await.data();
    assert_eq!(data, json!({ "node": null, "collections": { "nodes": [] } }));
    for query in [
        DELETE,
        "mutation($id: ID!) { collectionUpdate(input: { id: $id, version: 2, name: \"x\" }) { collection { id } } }",
        "mutation($id: ID!) { documentCreate(input: { collectionId: $id, title: \"x\", text: \"x\" }) { document { id } } }",
        "query($id: ID!) { search(query: \"x\", collections: [$id]) { nodes { passage } } }",
    ] {
        assert_eq!(world.ask(Who::Owner, query, id.clone()).await.code(), "NOT_FOUND", "{query}");
    }
    let start = "mutation($id: ID!, $agent: ID!) { agentRunStart(input: { agentId: $agent, input: \"x\", collectionIds: [$id] }) { agentRun { id } } }";
    let variables = json!({ "id": collection, "agent": agent });
    assert_eq!(world.ask(Who::Owner, start, variables).await.code(), "NOT_FOUND");

    let query = "query($id: ID!) { node(id: $id) { ... on Citation { quote sourceStatus document { id } documentVersion { text } } } }";
    let cited = world.ask(Who::Owner, query, json!({ "id": citation })).await.data()["node"].clone();
    assert_eq!((&cited["sourceStatus"], &cited["document"]), (&json!("DELETED"), &Value::Null));
    assert!(text(&cited["documentVersion"]["text"]).contains(&text(&cited["quote"])));
    // Its name is free.
    assert_ne!(world.collection(Who::Owner, "Handbook").await, collection);
}

#[tokio::test]
async fn a_run_whose_collection_was_deleted_meanwhile_finds_nothing() {
    let mut world = World::without_worker().await;
    let collection = world.collection(Who::Owner, "Handbook").await;
    let agent = world.agent(Who::Owner, "Assistant").await;
    let other = world.collection(Who::Owner, "Other").await;
    let leave = "Every employee has thirty days of paid leave in a calendar year.";
    world.document(Who::Owner, &other, "Leave", leave).await;
    let start =
        "mutation($id: ID!, $agent: ID!) { agentRunStart(input: { agentId: $agent, collectionIds: [$id],
        input: \"How many days of paid leave does an employee have?\" }) { agentRun { id } } }";
    let data = world.ask(Who::Owner, start, json!({ "id": collection, "agent": agent })).await.data();
    world.ask(Who::Owner, DELETE, json!({ "id": collection })).await.data();
    world.stack.start_worker();
    let run = world.finished(Who::Owner, &text(&data["agentRunStart"]["agentRun"]["id"])).await;
    assert_eq!((&run["status"], &run["answer"]["abstained"]), (&json!("SUCCEEDED"), &json!(true)), "{run:#}");
}

#[tokio::test]
async fn a_document_never_comes_into_a_collection_that_is_being_deleted() {
    let world = World::without_worker().await;
    let collection = world.collection(Who::Owner, "Handbook").await;
    let create = "mutation($id: ID!) { documentCreate(input: { collectionId: $id, title: \"x\", text: \"x\" }) { document { id } } }";
    let id = json!({ "id": collection });
    let mut superuser = world.superuser().await;
    // Whoever is first has done its work and waits before its COMMIT, for the numbers of its events.
    let sequences = "select 1 from workspace_sequences for update";

    let held = hold(&mut superuser, sequences).await;
    let (created, deleted, ()) = tokio::join!(
        world.ask(Who::Owner, create, id.clone()),
        async {
            until_blocked(&world, 1).await;
            world.ask(Who::Owner, DELETE, id.clone()).await
        },
        async {
            until_blocked(&world, 2).await;
            held.rollback().await.expect("released");
        },
    );
    let document = created.data()["documentCreate"]["document"]["id"].clone();
    assert_eq!(deleted.code(), "CONFLICT", "the document was first");

    world.ask(Who::Owner, DOCUMENT_DELETE, json!({ "id": document })).await.data();
    let held = hold(&mut superuser, sequences).await;
    let (deleted, created, ()) = tokio::join!(
        world.ask(Who::Owner, DELETE, id.clone()),
        async {
            until_blocked(&world, 1).await;
            world.ask(Who::Owner, create, id.clone()).await
        },
        async {
            until_blocked(&world, 2).await;
            held.rollback().await.expect("released");
        },
    );
    deleted.data();
    assert_eq!(created.code(), "NOT_FOUND", "the deletion was first");
    let astray = "select count(*) from documents d join collections c on c.id = d.collection_id
        where d.deleted_at is null and c.deleted_at is not null";
    assert_eq!(world.count(astray).await, 0);
}

#[tokio::test]
async fn undoing_the_migration_shows_deleted_collections_again_where_documents_refer_to_them() {
    let world = World::without_worker().await;
    let parent = world.collection(Who::Owner, "Handbook").await;
    let document = world.document(Who::Owner, &parent, "Leave", "Thirty days.").await;
    world.ask(Who::Owner, DOCUMENT_DELETE, json!({ "id": document })).await.data();
    let empty = world.collection(Who::Owner, "Empty").await;
    for id in [&parent, &empty] {
        world.ask(Who::Owner, DELETE, json!({ "id": id })).await.data();
    }
    for name in ["Handbook", "Empty"] {
        world.collection(Who::Owner, name).await;
    }
    let migrations = Migrations::connect(world.database.owner()).await.expect("the owner");
    let ours = "m20261123_000002_delete_collections";
    while !migrations.down(Some(1)).await.expect("undone").contains(&ours.to_owned()) {}
    let mut superuser = world.superuser().await;
    let rows = sqlx::query("select name from collections order by name").fetch_all(&mut superuser).await;
    let names: Vec<String> = rows.expect("names").iter().map(|row| row.get(0)).collect();
    let uuid = entity::id::CollectionId::parse(&parent).expect("an id").0;
    assert_eq!(names, ["Empty".to_owned(), "Handbook".to_owned(), format!("Handbook (deleted {uuid})")]);
    migrations.up(None).await.expect("applied again");
    migrations.close().await;
    let data = world.ask(Who::Owner, "{ collections { nodes { name } } }", json!({})).await.data();
    assert_eq!(data["collections"]["nodes"].as_array().map(Vec::len), Some(3));
}
