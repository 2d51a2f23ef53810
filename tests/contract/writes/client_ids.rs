//! Ids of clients' making: good ones are kept, bad ones are explained, and no workspace learns of another's.

use entity::id::{AgentId, AgentRunId, CollectionId, DocumentId, EventId};
use serde_json::{Value, json};
use uuid::{Builder, Uuid};

use super::{fields_of, issues};
use crate::support::world::text;
use crate::support::{Reply, Who, World};

/// A UUID of version 7 that was made so many minutes ago.
fn made(minutes_ago: i64) -> Uuid {
    let time = footnote::clock::now() - chrono::TimeDelta::minutes(minutes_ago);
    let millis = u64::try_from(time.timestamp_millis()).expect("after 1970");
    Builder::from_unix_timestamp_millis(millis, &rand::random()).into_uuid()
}

/// What everything in a workspace is called here.
struct Ids {
    collection: String,
    document: String,
    agent: String,
    run: String,
}

impl Ids {
    fn of(uuid: impl Fn() -> Uuid) -> Self {
        Self {
            collection: CollectionId(uuid()).to_string(),
            document: DocumentId(uuid()).to_string(),
            agent: AgentId(uuid()).to_string(),
            run: AgentRunId(uuid()).to_string(),
        }
    }

    fn new() -> Self {
        Self::of(|| made(0))
    }

    /// Every create with its input, in an order in which all can be done.
    fn creates(&self, word: &str) -> [(&'static str, &'static str, Value); 4] {
        let text =
            format!("# Leave\n\nEvery employee of {word} has thirty days of paid leave in a calendar year.");
        [
            (
                "collectionCreate",
                "collection",
                json!({ "id": self.collection, "name": format!("Handbook of {word}") }),
            ),
            (
                "documentCreate",
                "document",
                json!({ "id": self.document, "collectionId": self.collection, "title": word, "markdown": text }),
            ),
            ("agentCreate", "agent", json!({ "id": self.agent, "name": format!("Assistant of {word}") })),
            (
                "agentRunStart",
                "agentRun",
                json!({ "id": self.run, "agentId": self.agent, "collectionIds": [self.collection],
                        "input": "How many days of paid leave does an employee have?" }),
            ),
        ]
    }
}

async fn create(world: &World, who: Who, name: &str, object: &str, input: &Value) -> Reply {
    let r#type = format!("{}{}Input", name[..1].to_uppercase(), &name[1..]);
    let query =
        format!("mutation($input: {type}!) {{ {name}(input: $input) {{ {object} {{ id __typename }} }} }}");
    world.ask(who, &query, json!({ "input": input })).await
}

#[test]
fn every_create_takes_an_id() {
    for name in ["CollectionCreate", "DocumentCreate", "AgentCreate", "AgentRunStart"] {
        assert!(fields_of(&format!("input {name}Input {{")).contains(&"id: ID".to_owned()), "{name}");
    }
}

#[tokio::test]
async fn an_id_of_the_clients_making_is_kept_and_taken_once() {
    let world = World::without_worker().await;
    let ids = Ids::of(|| made(23 * 60));
    for (name, object, input) in ids.creates("acme") {
        let data = create(&world, Who::Owner, name, object, &input).await.data();
        assert_eq!(data[name][object]["id"], input["id"]);
        let node = "query($id: ID!) { node(id: $id) { __typename id } }";
        let node = world.ask(Who::Owner, node, json!({ "id": input["id"] })).await.data();
        assert_eq!(node["node"], data[name][object]);
        let before = super::traces(&world).await;
        let again = create(&world, Who::Owner, name, object, &input).await;
        assert_eq!(again.code(), "CONFLICT", "{name}");
        assert_eq!(again.body["errors"][0]["message"], "An object with this id exists.");
        assert_eq!(again.body["errors"][0]["extensions"].get("details"), None);
        assert_eq!(super::traces(&world).await, before, "{name}");
    }
}

#[tokio::test]
async fn of_many_that_make_one_id_at_once_one_does() {
    let world = World::without_worker().await;
    let id = CollectionId(made(0)).to_string();
    let ask = |number: usize| {
        let world = &world;
        let input = json!({ "id": id, "name": format!("Number {number}") });
        async move { create(world, Who::Owner, "collectionCreate", "collection", &input).await }
    };
    let replies = futures_util::future::join_all((0..12).map(ask)).await;
    let (made, refused): (Vec<_>, Vec<_>) =
        replies.into_iter().partition(|reply| reply.body.get("errors").is_none());
    assert_eq!((made.len(), refused.len()), (1, 11));
    for reply in refused {
        assert_eq!(reply.code(), "CONFLICT", "{:#}", reply.body);
    }
    assert_eq!(world.count("select count(*) from collections").await, 1);
}

#[tokio::test]
async fn an_id_of_another_kind_another_version_or_another_day_is_refused() {
    let world = World::without_worker().await;
    let ids = Ids::new();
    let creates = ids.creates("acme");
    for (name, object, input) in &creates {
        create(&world, Who::Owner, name, object, input).await.data();
    }
    let before = super::traces(&world).await;
    for (name, object, input) in creates {
        let prefix = text(&input["id"]).rsplit_once('_').expect("a TypeID").0.to_owned();
        let of = |uuid: Uuid| {
            let suffix = EventId(uuid).to_string();
            format!("{prefix}_{}", suffix.rsplit_once('_').expect("a TypeID").1)
        };
        let version_4 = Builder::from_random_bytes(rand::random()).into_uuid();
        for (id, code, word) in [
            (String::new(), "INVALID_ID", "not an id of the form"),
            (made(0).to_string(), "INVALID_ID", "not an id of the form"),
            (EventId::new().to_string(), "INVALID_ID", "begins with `event_`"),
            (of(version_4), "INVALID_ID", "not of version 7"),
            (of(Uuid::nil()), "INVALID_ID", "not of version 7"),
            (of(made(24 * 60 + 1)), "OUT_OF_RANGE", "more than 24 hours behind"),
            (of(made(-11)), "OUT_OF_RANGE", "more than 10 minutes ahead"),
        ] {
            let mut input = input.clone();
            input["id"] = json!(id);
            let reply = create(&world, Who::Owner, name, object, &input).await;
            assert_eq!(issues(&reply), [format!("input.id {code}")], "{name} {id}");
            assert_eq!(reply.body["errors"][0]["extensions"]["field"], "input.id");
            let message = text(&reply.body["errors"][0]["message"]);
            assert!(message.contains(word), "{name} {id}: {message}");
        }
    }
    assert_eq!(super::traces(&world).await, before);
}

#[tokio::test]
async fn the_same_ids_in_two_workspaces_never_meet() {
    let world = World::new().await;
    let ids = Ids::new();
    let mut answers = Vec::new();
    for (who, word) in [(Who::Owner, "acme"), (Who::Stranger, "globex")] {
        let mut made = Vec::new();
        for (name, object, input) in ids.creates(word) {
            if name == "agentRunStart" {
                assert_eq!(world.ingested(who, &ids.document).await["status"], "SUCCEEDED");
            }
            made.push(create(&world, who, name, object, &input).await.without_request_ids());
        }
        answers.push(made);
    }
    assert_eq!(answers[0], answers[1], "the second workspace is answered as the first was");
    for (who, own, other) in [(Who::Owner, "acme", "globex"), (Who::Stranger, "globex", "acme")] {
        let run = world.finished(who, &ids.run).await;
        assert_eq!(run["status"], "SUCCEEDED", "{run:#}");
        let citations = run["citations"]["nodes"].to_string();
        assert!(citations.contains(own) && !citations.contains(other), "{citations}");
        let query = "query($collection: ID!, $document: ID!, $agent: ID!, $run: ID!) {
            nodes(ids: [$collection, $document, $agent, $run]) {
              ... on Collection { name documents { nodes { title } } }
              ... on Document { title collection { name } versions { nodes { text } } ingestion { status } }
              ... on Agent { name agentRuns { nodes { id } } }
              ... on AgentRun { answer { text } agent { name } }
            }
            search(query: \"paid leave\", collections: [$collection]) { nodes { passage } } }";
        let variables = json!({ "collection": ids.collection, "document": ids.document,
            "agent": ids.agent, "run": ids.run });
        let seen = world.ask(who, query, variables).await.data();
        assert_eq!(seen["search"]["nodes"].as_array().map(Vec::len), Some(1), "{seen:#}");
        assert_eq!(seen["nodes"][2]["agentRuns"]["nodes"].as_array().map(Vec::len), Some(1));
        let seen = seen.to_string();
        assert!(seen.matches(own).count() >= 8 && !seen.contains(other), "{seen}");
    }
    // One workspace's deletion, with the points that it removes, is nothing to the other.
    let delete = "mutation($id: ID!) { documentDelete(input: { id: $id }) { deletedId } }";
    world.ask(Who::Owner, delete, json!({ "id": ids.document })).await.data();
    let waits = "select count(*) from jobs";
    for _ in 0..300 {
        if world.count(waits).await == 0 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(world.count(waits).await, 0, "the purge is done");
    let search = "{ search(query: \"paid leave\") { nodes { passage } } }";
    for (who, count) in [(Who::Owner, 0), (Who::Stranger, 1)] {
        let found = world.ask(who, search, json!({})).await.data();
        assert_eq!(found["search"]["nodes"].as_array().map(Vec::len), Some(count), "{who:?}");
    }
}

#[tokio::test]
async fn canceling_a_run_leaves_the_one_with_the_same_id_elsewhere() {
    let mut world = World::without_worker().await;
    let ids = Ids::new();
    for (who, word) in [(Who::Owner, "acme"), (Who::Stranger, "globex")] {
        for (name, object, input) in ids.creates(word) {
            create(&world, who, name, object, &input).await.data();
        }
    }
    let cancel = "mutation($id: ID!) { agentRunCancel(input: { id: $id }) { agentRun { status } } }";
    world.ask(Who::Owner, cancel, json!({ "id": ids.run })).await.data();
    world.stack.start_worker();
    assert_eq!(world.finished(Who::Stranger, &ids.run).await["status"], "SUCCEEDED");
    assert_eq!(world.finished(Who::Owner, &ids.run).await["status"], "CANCELED");
}

#[tokio::test]
async fn the_id_of_what_was_deleted_is_not_free() {
    let world = World::without_worker().await;
    let ids = Ids::new();
    let [collection, document, ..] = ids.creates("acme");
    for (name, object, input) in [&collection, &document] {
        create(&world, Who::Owner, name, object, input).await.data();
    }
    let delete =
        "mutation($collection: ID!, $document: ID!) { documentDelete(input: { id: $document }) { deletedId }
        collectionDelete(input: { id: $collection }) { deletedId } }";
    let variables = json!({ "collection": ids.collection, "document": ids.document });
    world.ask(Who::Owner, delete, variables).await.data();
    let other = world.collection(Who::Owner, "Another").await;
    let mut document = document;
    document.2["collectionId"] = json!(other);
    for (name, object, input) in [&collection, &document] {
        assert_eq!(create(&world, Who::Owner, name, object, input).await.code(), "CONFLICT", "{name}");
    }
}
