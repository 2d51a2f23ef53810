//! Reading the log: who finds what in it.

use serde_json::{Value, json};

use super::{LOG, VERIFY, id_of, log};
use crate::support::world::text;
use crate::support::{Who, World};

#[tokio::test]
async fn a_change_stands_in_the_log_with_who_in_which_role_what_and_by_which_request() {
    let world = World::without_worker().await;
    let body = json!({ "query": "mutation { collectionCreate(input: { name: \"Handbook\" }) { collection { id } } }" });
    let (authorization, workspace) = world.headers(Who::Member).expect("a token");
    let response = world
        .http()
        .post(format!("{}/graphql", world.address))
        .header("authorization", authorization)
        .header("x-workspace", workspace)
        .json(&body)
        .send()
        .await
        .expect("an answer");
    let request = response.headers()["x-request-id"].to_str().expect("text").to_owned();
    let made: Value = response.json().await.expect("JSON");
    let collection = made["data"]["collectionCreate"]["collection"]["id"].clone();
    let found = log(&world, Who::Owner, json!({ "requestId": { "eq": request } })).await;
    let [entry] = found.as_slice() else { panic!("one entry: {found:#?}") };
    assert_eq!(
        (&entry["action"], &entry["actorKind"], &entry["actorRole"], &entry["user"]["email"]),
        (&json!("collection.create"), &json!("USER"), &json!("MEMBER"), &json!("member@acme.example"))
    );
    assert_eq!(entry["actorId"], json!(id_of(&world, "member@acme.example").await));
    assert_eq!((&entry["targets"], &entry["before"]), (&json!([collection]), &Value::Null));
    assert_eq!(entry["after"]["name"], "Handbook");
    assert_eq!(
        (entry["hash"].as_str().map(str::len), entry["requestId"].as_str()),
        (Some(64), Some(&*request))
    );
    let node = "query($id: ID!) { node(id: $id) { ... on AuditEntry { seq hash } } }";
    let data = world.ask(Who::Owner, node, json!({ "id": entry["id"] })).await.data();
    assert_eq!(data["node"], json!({ "seq": entry["seq"], "hash": entry["hash"] }));
    // Each entry has the hash of the one before, and the first one has none.
    let all = log(&world, Who::Owner, Value::Null).await;
    for pair in all.windows(2) {
        assert_eq!(pair[0]["previousHash"], pair[1]["hash"]);
        assert_eq!(pair[0]["seq"].as_i64(), pair[1]["seq"].as_i64().map(|seq| seq + 1));
    }
    assert_eq!((&all[all.len() - 1]["seq"], &all[all.len() - 1]["previousHash"]), (&json!(1), &json!("")));
    assert_eq!(
        (&all[all.len() - 1]["actorKind"], &all[all.len() - 1]["actorId"]),
        (&json!("SYSTEM"), &Value::Null)
    );
}

#[tokio::test]
async fn the_log_is_filtered_by_what_an_auditor_asks_and_paged_by_number() {
    let world = World::without_worker().await;
    for number in 0..6 {
        let who = if number % 2 == 0 { Who::Owner } else { Who::Member };
        world.collection(who, &format!("Collection {number}")).await;
    }
    world.agent(Who::Admin, "Assistant").await;
    let member = id_of(&world, "member@acme.example").await;
    let collection = world.collection(Who::Owner, "Renamed").await;
    let rename = "mutation($id: ID!) { collectionUpdate(input: { id: $id, version: 1, name: \"New name\" }) { collection { id } } }";
    world.ask(Who::Owner, rename, json!({ "id": collection })).await.data();
    let head = log(&world, Who::Admin, Value::Null).await[0]["seq"].as_i64().expect("a number");
    for (filter, count) in [
        (json!({ "action": { "eq": "collection.create" } }), 7),
        (json!({ "action": { "in": ["collection.create", "agent.create"] } }), 8),
        (json!({ "target": collection }), 2),
        (json!({ "target": collection, "action": { "eq": "collection.update" } }), 1),
        (json!({ "target": member }), 0),
        (json!({ "action": { "eq": "no.such_thing" } }), 0),
        (json!({ "actorId": { "eq": member } }), 3),
        (json!({ "actorKind": { "eq": "SYSTEM" } }), head - 9),
        (json!({ "actorKind": { "in": ["API_KEY", "OPERATOR"] } }), 0),
        (json!({ "seq": { "gt": head - 2 } }), 2),
        (json!({ "seq": { "gte": 2, "lte": 3 } }), 2),
        (json!({ "seq": { "eq": 1 } }), 1),
        (json!({ "seq": { "lt": 1 } }), 0),
        (json!({ "createdAt": { "gt": "2099-01-01T00:00:00Z" } }), 0),
        (json!({ "not": { "actorKind": { "eq": "SYSTEM" } } }), 9),
        (json!({ "or": [{ "action": { "eq": "agent.create" } }, { "actorId": { "eq": member } }] }), 4),
    ] {
        let found = log(&world, Who::Owner, filter.clone()).await;
        assert_eq!(found.len(), usize::try_from(count).expect("a count"), "{filter}");
    }
    for bad in ["x", "document_01h455vb4pex5vsknk084sn02q", &"user_".repeat(500)] {
        let reply = world.ask(Who::Owner, LOG, json!({ "filter": { "actorId": { "in": [bad] } } })).await;
        assert_eq!(reply.code(), "BAD_USER_INPUT", "{bad}");
    }
    for bad in ["", "x", &"a".repeat(5000)] {
        assert_eq!(
            world.ask(Who::Owner, LOG, json!({ "filter": { "target": bad } })).await.code(),
            "BAD_USER_INPUT"
        );
    }
    assert_eq!(
        log(&world, Who::Stranger, json!({ "target": collection })).await.len(),
        0,
        "another workspace's"
    );
    let (mut seqs, mut after) = (Vec::new(), Value::Null);
    loop {
        let data = world.ask(Who::Owner, LOG, json!({ "first": 3, "after": after })).await.data();
        let page = &data["auditLog"];
        seqs.extend(
            page["nodes"]
                .as_array()
                .expect("a list")
                .iter()
                .map(|node| node["seq"].as_i64().expect("a number")),
        );
        if page["pageInfo"]["hasNextPage"] == json!(false) {
            break;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
    assert_eq!(seqs, (1..=head).rev().collect::<Vec<_>>());
    let backwards = "query($cursor: String) { auditLog(last: 2, before: $cursor, orderBy: { direction: ASC }) { nodes { seq } } }";
    let data = world.ask(Who::Owner, backwards, json!({})).await.data();
    assert_eq!(data["auditLog"]["nodes"], json!([{ "seq": head - 1 }, { "seq": head }]));
    let foreign = world.ask(Who::Stranger, LOG, json!({ "after": after })).await;
    assert_eq!(foreign.code(), "BAD_USER_INPUT", "a cursor of another workspace is none");
}

#[tokio::test]
async fn only_who_may_read_the_log_reads_or_verifies_it_and_only_their_own() {
    let world = World::without_worker().await;
    world.collection(Who::Owner, "Secret plans").await;
    for who in [Who::Member, Who::Viewer] {
        for query in [LOG, VERIFY] {
            let reply = world.ask(who, query, json!({})).await;
            assert_eq!(reply.code(), "FORBIDDEN");
            assert_eq!(reply.body["errors"][0]["extensions"]["details"]["permission"], "audit:read");
        }
    }
    let entry = text(&log(&world, Who::Owner, Value::Null).await[0]["id"]);
    let node = "query($id: ID!) { node(id: $id) { id } }";
    for who in [Who::Viewer, Who::Stranger] {
        assert_eq!(world.ask(who, node, json!({ "id": entry })).await.data()["node"], Value::Null);
    }
    let theirs = log(&world, Who::Stranger, Value::Null).await;
    assert!(!json!(theirs).to_string().contains("Secret plans") && !theirs.is_empty());
    assert_eq!(log(&world, Who::Stranger, json!({ "id": { "eq": entry } })).await.len(), 0);
    let owner = id_of(&world, "owner@acme.example").await;
    assert_eq!(log(&world, Who::Stranger, json!({ "actorId": { "eq": owner } })).await.len(), 0);
    // The door itself, whoever calls it.
    let mut app = crate::support::database::connect(world.database.app()).await;
    let refused =
        sqlx::query("select * from app.verify_audit(0, 10)").fetch_all(&mut app).await.expect_err("refused");
    assert_eq!(
        refused
            .as_database_error()
            .and_then(|error| error.code().map(std::borrow::Cow::into_owned))
            .as_deref(),
        Some("42501")
    );
}

#[tokio::test]
async fn somebody_who_left_stays_in_the_log_by_id_alone() {
    let world = World::without_worker().await;
    world.collection(Who::Member, "Handbook").await;
    let member = id_of(&world, "member@acme.example").await;
    world.plant("update memberships set status = 'REMOVED' where user_id = (select id from users where email = 'member@acme.example')").await;
    let found = log(&world, Who::Owner, json!({ "action": { "eq": "collection.create" } })).await;
    assert_eq!((&found[0]["actorId"], &found[0]["user"]), (&json!(member), &Value::Null));
}
