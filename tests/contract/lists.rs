//! Lists: pages in every order and both directions, filters, counts, and clear answers to what is none of them.

use serde_json::{Value, json};

use crate::support::world::text;
use crate::support::{Reply, Who, World};

async fn ask(world: &World, query: &str, variables: Value) -> Reply {
    world.ask(Who::Owner, query, variables).await
}

/// Documents in two collections, some of the same title, made by one statement so that moments repeat.
async fn plant(world: &World) {
    world.collection(Who::Owner, "One").await;
    world.collection(Who::Owner, "Two").await;
    world.collection(Who::Stranger, "Theirs").await;
    let mut superuser = world.superuser().await;
    sqlx::query(
        "insert into documents (workspace_id, id, collection_id, title, created_at, updated_at)
         select c.workspace_id, gen_random_uuid(), c.id, 'Title ' || (n % 5), now() - (n % 7) * interval '1 hour', now() - (n % 3) * interval '1 day'
         from collections c, generate_series(1, 30) n",
    )
    .execute(&mut superuser)
    .await
    .expect("documents");
}

fn nodes(data: &Value, list: &str) -> Vec<Value> {
    data[list]["nodes"].as_array().expect("a list").clone()
}

/// All rows of a list, page by page in one direction, in the list's order.
async fn pages(world: &World, order: &Value, forward: bool) -> Vec<Value> {
    let query = "query($order: DocumentOrder, $first: Int, $after: String, $last: Int, $before: String) {
        documents(orderBy: $order, first: $first, after: $after, last: $last, before: $before) {
          nodes { id title createdAt updatedAt } edges { cursor } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }";
    let (mut rows, mut cursor) = (Vec::new(), Value::Null);
    loop {
        let variables = if forward {
            json!({ "order": order, "first": 7, "after": cursor })
        } else {
            json!({ "order": order, "last": 7, "before": cursor })
        };
        let data = ask(world, query, variables).await.data();
        let page = nodes(&data, "documents");
        let info = &data["documents"]["pageInfo"];
        let cursors = data["documents"]["edges"].as_array().expect("edges");
        assert_eq!(
            (&info["startCursor"], &info["endCursor"]),
            (&cursors[0]["cursor"], &cursors[page.len() - 1]["cursor"])
        );
        let (behind, ahead) =
            if forward { ("hasPreviousPage", "hasNextPage") } else { ("hasNextPage", "hasPreviousPage") };
        assert_eq!(info[behind], json!(!cursor.is_null()));
        if forward {
            rows.extend(page);
            cursor = info["endCursor"].clone();
        } else {
            rows.splice(0..0, page);
            cursor = info["startCursor"].clone();
        }
        if info[ahead] == json!(false) {
            return rows;
        }
    }
}

#[tokio::test]
async fn every_order_pages_through_every_row_once_in_both_directions() {
    let world = World::without_worker().await;
    plant(&world).await;
    for (field, column) in [("CREATED_AT", "createdAt"), ("UPDATED_AT", "updatedAt"), ("TITLE", "title")] {
        for direction in ["ASC", "DESC"] {
            let order = json!({ "field": field, "direction": direction });
            let rows = pages(&world, &order, true).await;
            assert_eq!(rows.len(), 60);
            assert_eq!(rows, pages(&world, &order, false).await, "{order}");
            let mut sorted = rows.clone();
            sorted.sort_by_key(|row| (text(&row[column]), text(&row["id"])));
            if direction == "DESC" {
                sorted.reverse();
            }
            assert_eq!(rows, sorted, "{order}");
        }
    }
}

#[tokio::test]
async fn counts_are_of_the_filter_and_not_of_the_page() {
    let world = World::without_worker().await;
    plant(&world).await;
    let query = "query($filter: DocumentFilter) { documents(first: 1, filter: $filter) { totalCount }
        collections(orderBy: { field: NAME, direction: ASC }) { totalCount nodes { name documents(first: 1, filter: $filter) { totalCount nodes { title } } } } }";
    for (filter, of_each) in [
        (json!(null), 30),
        (json!({ "title": { "eq": "Title 1" } }), 6),
        (json!({ "title": { "in": ["Title 1", "Title 2"] } }), 12),
        (json!({ "title": { "in": [] } }), 0),
        (json!({ "not": { "title": { "eq": "Title 1" } } }), 24),
        (json!({ "or": [{ "title": { "eq": "Title 1" } }, { "title": { "eq": "Title 3" } }] }), 12),
        (json!({ "or": [] }), 0),
        (json!({ "and": [] }), 30),
        (json!({ "and": [{}, { "not": {} }] }), 30),
        (json!({ "and": [{ "title": { "eq": "Title 1" } }, { "title": { "eq": "Title 2" } }] }), 0),
        (json!({ "createdAt": { "gt": "1970-01-01T00:00:00Z", "lte": "9999-12-31T23:59:59Z" } }), 30),
        (json!({ "createdAt": { "gt": "9000-01-01T00:00:00Z" } }), 0),
    ] {
        let data = ask(&world, query, json!({ "filter": filter })).await.data();
        assert_eq!(data["documents"]["totalCount"], of_each * 2, "{filter}");
        assert_eq!(data["collections"]["totalCount"], 2);
        for collection in nodes(&data, "collections") {
            assert_eq!(collection["documents"]["totalCount"], of_each, "{filter}");
            let shown = nodes(&collection, "documents").len();
            assert_eq!(shown, usize::from(of_each > 0), "{filter}");
        }
    }
}

#[tokio::test]
async fn filters_compare_ids_enums_and_what_is_null() {
    let world = World::without_worker().await;
    let agent = world.agent(Who::Owner, "Assistant").await;
    let other = world.agent(Who::Owner, "Other").await;
    let run = world.run(Who::Owner, &agent, "How many days?").await;
    let canceled = world.run(Who::Owner, &other, "How many days?").await;
    let cancel = "mutation($id: ID!) { agentRunCancel(input: { id: $id }) { agentRun { status } } }";
    ask(&world, cancel, json!({ "id": canceled })).await.data();
    let query = "query($filter: AgentRunFilter) { agentRuns(filter: $filter) { nodes { id } } }";
    for (filter, expected) in [
        (json!({ "status": { "eq": "QUEUED" } }), vec![&run]),
        (json!({ "status": { "in": ["CANCELED", "FAILED"] } }), vec![&canceled]),
        (json!({ "agentId": { "eq": agent } }), vec![&run]),
        (json!({ "id": { "in": [run, canceled] }, "not": { "id": { "eq": run } } }), vec![&canceled]),
        // No run has failed, so the class of each is null: `not` holds for them.
        (json!({ "not": { "failureClass": { "eq": "TIMEOUT" } } }), vec![&canceled, &run]),
        (json!({ "failureClass": { "eq": "TIMEOUT" } }), vec![]),
        (json!({ "abstained": true }), vec![]),
    ] {
        let data = ask(&world, query, json!({ "filter": filter })).await.data();
        let found: Vec<String> = nodes(&data, "agentRuns").iter().map(|row| text(&row["id"])).collect();
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{filter}");
    }
    let theirs = world.ask(Who::Stranger, query, json!({ "filter": { "id": { "eq": run } } })).await.data();
    assert_eq!(theirs["agentRuns"]["nodes"], json!([]), "a foreign id is one that nothing has");
}

#[tokio::test]
async fn a_filter_that_is_too_much_or_wrong_is_refused_with_every_fault() {
    let world = World::without_worker().await;
    let query = "query($filter: DocumentFilter) { documents(filter: $filter) { nodes { id } } }";
    let mut deep = json!({ "title": { "eq": "x" } });
    for _ in 0..50 {
        deep = json!({ "not": deep });
    }
    let many: Vec<String> = (0..10_000).map(|number| number.to_string()).collect();
    let alternatives: Vec<Value> =
        many.iter().take(51).map(|title| json!({ "title": { "eq": title } })).collect();
    for (filter, path) in [
        (deep, "filter.not.not.not.not.not"),
        (json!({ "title": { "in": many } }), "filter.title.in"),
        (json!({ "id": { "in": many } }), "filter.id.in.0"),
        (json!({ "or": alternatives }), "filter.or"),
        (json!({ "title": { "eq": "a\0b" } }), "filter.title.eq"),
        (json!({ "title": { "eq": "x".repeat(501) } }), "filter.title.eq"),
        (json!({ "collectionId": { "eq": "nonsense" } }), "filter.collectionId.eq"),
        (json!({ "createdAt": { "gt": "+200000-01-01T00:00:00Z" } }), "filter.createdAt.gt"),
        (
            json!({ "or": [{}, { "createdAt": { "lt": "-0001-01-01T00:00:00Z" } }] }),
            "filter.or.1.createdAt.lt",
        ),
    ] {
        let reply = ask(&world, query, json!({ "filter": filter })).await;
        assert_eq!(reply.code(), "BAD_USER_INPUT", "{path}");
        let issues = reply.body["errors"][0]["extensions"]["issues"].as_array().expect("issues").clone();
        let paths: Vec<String> = issues
            .iter()
            .map(|issue| {
                issue["path"].as_array().expect("a path").iter().map(text).collect::<Vec<_>>().join(".")
            })
            .collect();
        assert!(paths.contains(&path.to_owned()), "{path}: {paths:?}");
    }
    let all_at_once =
        json!({ "filter": { "id": { "eq": "x" }, "createdAt": { "gt": "+200000-01-01T00:00:00Z" } } });
    let query = "query($filter: DocumentFilter) { documents(filter: $filter, first: 0, last: 1, after: \"x\") { nodes { id } } }";
    let reply = ask(&world, query, all_at_once).await;
    assert_eq!(
        reply.body["errors"][0]["extensions"]["issues"].as_array().map(Vec::len),
        Some(5),
        "{:#}",
        reply.body
    );
}

#[tokio::test]
async fn a_cursor_holds_in_its_own_list_order_parent_and_workspace_only() {
    let world = World::without_worker().await;
    plant(&world).await;
    let data = ask(&world, "{ documents(first: 1) { edges { cursor } } collections { nodes { id documents(first: 1) { edges { cursor } } } }
        byTitle: documents(first: 1, orderBy: { field: TITLE }) { edges { cursor } }
        ascending: documents(first: 1, orderBy: { direction: ASC }) { edges { cursor } } }", json!({})).await.data();
    let cursor = |value: &Value| text(&value["edges"][0]["cursor"]);
    let own = cursor(&data["documents"]);
    let theirs =
        world.ask(Who::Stranger, "{ documents(first: 1) { edges { cursor } } }", json!({})).await.data();
    let mut tampered = own.clone().into_bytes();
    let last = tampered.len() - 1;
    tampered[last] = if tampered[last] == b'A' { b'B' } else { b'A' };
    let tampered = String::from_utf8(tampered).expect("text");
    let query = "query($after: String) { documents(after: $after) { nodes { id } } }";
    ask(&world, query, json!({ "after": own })).await.data();
    for foreign in [
        cursor(&data["collections"]["nodes"][0]["documents"]),
        cursor(&data["byTitle"]),
        cursor(&data["ascending"]),
        cursor(&theirs["documents"]),
        tampered,
        // Of an earlier release.
        "MTpkb2N1bWVudHM6aTowMTkzMDAwMDAwMDA3MDAwODAwMDAwMDAwMDAwMDAwMA".to_owned(),
        "x".repeat(10_000),
        String::new(),
    ] {
        let reply = ask(&world, query, json!({ "after": foreign })).await;
        assert_eq!(reply.code(), "BAD_USER_INPUT", "{foreign:.80}");
        assert_eq!(reply.body["errors"][0]["extensions"]["issues"][0]["code"], "INVALID_CURSOR");
    }
    let below =
        "query($after: String) { collections { nodes { documents(after: $after) { nodes { id } } } } }";
    assert_ne!(ask(&world, below, json!({ "after": own })).await.body.get("errors"), None);
}

#[tokio::test]
async fn a_collection_that_one_may_not_see_has_no_list() {
    let world = World::without_worker().await;
    let own = world.collection(Who::Owner, "Mine").await;
    let query = "query($id: ID) { documents(collectionId: $id) { nodes { id } } }";
    ask(&world, query, json!({ "id": own })).await.data();
    ask(&world, query, json!({})).await.data();
    let foreign = world.ask(Who::Stranger, query, json!({ "id": own })).await;
    assert_eq!(foreign.code(), "NOT_FOUND");
    let unknown = entity::id::CollectionId::new().to_string();
    let unknown = world.ask(Who::Stranger, query, json!({ "id": unknown })).await;
    assert_eq!(foreign.without_request_ids(), unknown.without_request_ids());
    assert_eq!(ask(&world, query, json!({ "id": "x" })).await.code(), "BAD_USER_INPUT");
}

#[tokio::test]
async fn a_variable_that_was_not_sent_is_an_argument_that_was_not_sent() {
    let world = World::without_worker().await;
    plant(&world).await;
    let query = "query($first: Int, $field: DocumentOrderField, $mode: SearchMode, $order: DocumentOrder) {
        documents(first: $first, orderBy: $order) { nodes { id } }
        search(query: \"leave\", mode: $mode, first: $first) { nodes { score } }
        agents(first: $first) { nodes { id } } }";
    let query = query.replace(", $field: DocumentOrderField", "");
    let data = ask(&world, &query, json!({})).await.data();
    assert_eq!(nodes(&data, "documents").len(), 20);
    let query =
        "query($field: DocumentOrderField) { documents(orderBy: { field: $field }) { nodes { id } } }";
    ask(&world, query, json!({})).await.data();
}
