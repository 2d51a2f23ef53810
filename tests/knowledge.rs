//! Documents in, passages out.

use serde_json::{Value, json};

use crate::support::world::text;
use crate::support::{Who, World};

const LEAVE: &str = "# Leave\n\nEvery employee has thirty days of paid leave in a calendar year.\n\n## Carrying over\n\nUp to five days may be carried over into the following spring.";

async fn search(world: &World, query: &str) -> Vec<Value> {
    let document = "query($query: String!) { search(query: $query, first: 10) { nodes { score passage startOffset endOffset headingPath
        target { __typename ... on Chunk { id document { id title } documentVersion { id text } } } explain { denseRank sparseRank fusedScore } } } }";
    let data = world.ask(Who::Owner, document, json!({ "query": query })).await.data();
    data["search"]["nodes"].as_array().cloned().expect("a list")
}

#[tokio::test]
async fn a_document_is_found_with_its_headings_and_exact_offsets() {
    let world = World::new().await;
    let collection = world.collection(Who::Owner, "Handbook").await;
    let document = world.document(Who::Owner, &collection, "Leave", LEAVE).await;
    let ingestion = world.ingested(Who::Owner, &document).await;
    assert_eq!(ingestion["status"], "SUCCEEDED", "{ingestion:#}");
    let hits = search(&world, "how many days may be carried over").await;
    let hit = &hits[0];
    assert_eq!(hit["target"]["__typename"], "Chunk");
    assert_eq!(hit["target"]["document"]["title"], "Leave");
    assert!(hit["explain"]["denseRank"].is_number() && hit["explain"]["sparseRank"].is_number(), "{hit:#}");
    let whole: Vec<char> = text(&hit["target"]["documentVersion"]["text"]).chars().collect();
    let offset = |name: &str| usize::try_from(hit[name].as_u64().expect("an offset")).expect("small");
    let passage: String = whole[offset("startOffset")..offset("endOffset")].iter().collect();
    assert_eq!(passage, text(&hit["passage"]));
}

#[tokio::test]
async fn offsets_count_utf16_where_a_browser_asks_for_it() {
    let world = World::new().await;
    let collection = world.collection(Who::Owner, "Handbook").await;
    let markdown = "# 🦀🦀🦀\n\nThe crab 🦀 walks sideways along the harbour wall.";
    let document = world.document(Who::Owner, &collection, "Crabs", markdown).await;
    world.ingested(Who::Owner, &document).await;
    let query = "{ search(query: \"crab harbour\") { nodes { scalar: endOffset utf16: endOffset(unit: UTF16) target { ... on Chunk { documentVersion { text } } } } } }";
    let data = world.ask(Who::Owner, query, json!({})).await.data();
    let hit = &data["search"]["nodes"][0];
    let whole = text(&hit["target"]["documentVersion"]["text"]);
    assert_eq!(hit["scalar"].as_u64(), Some(whole.chars().count() as u64));
    assert_eq!(hit["utf16"].as_u64(), Some(whole.encode_utf16().count() as u64));
}

#[tokio::test]
async fn a_new_version_replaces_the_old_one_and_unchanged_passages_keep_their_vectors() {
    let world = World::new().await;
    let collection = world.collection(Who::Owner, "Handbook").await;
    let long = |last: &str| {
        let section = |number| {
            let sentence = format!("Sentence about subject number {number} and its consequences. ");
            format!("## Section {number}\n\n{}", sentence.repeat(30))
        };
        let sections = (0..6).map(section).collect::<Vec<_>>().join("\n\n");
        format!("# Rules\n\n{sections}\n\n## Last\n\n{last}")
    };
    let document =
        world.document(Who::Owner, &collection, "Rules", &long("The cafeteria opens at noon.")).await;
    let first = world.ingested(Who::Owner, &document).await;
    assert_eq!(first["embeddedCount"], first["chunkCount"]);
    let update = "mutation($id: ID!, $version: Int!, $markdown: String) { documentUpdate(input: { id: $id, version: $version, markdown: $markdown }) { document { version ingestion { status } } } }";
    let changed = json!({ "id": document, "version": 1, "markdown": long("The cafeteria opens at eleven.") });
    world.ask(Who::Owner, update, changed.clone()).await.data();
    let second = world.ingested(Who::Owner, &document).await;
    assert_eq!(second["status"], "SUCCEEDED");
    assert!(second["embeddedCount"].as_i64() < second["chunkCount"].as_i64(), "{second:#}");
    let passages: Vec<String> = search(&world, "when does the cafeteria open")
        .await
        .iter()
        .map(|hit| text(&hit["passage"]))
        .collect();
    assert!(passages.iter().any(|passage| passage.contains("eleven")));
    assert!(!passages.iter().any(|passage| passage.contains("noon")), "the old version is found no more");
    // The version that the first change was made against is gone, and the answer says which one is there.
    let reply = world.ask(Who::Owner, update, changed).await;
    assert_eq!(reply.code(), "CONFLICT");
    assert_eq!(reply.body["errors"][0]["extensions"]["details"]["version"], 2);
    // The same text again is no new version.
    let same = json!({ "id": document, "version": 2, "markdown": long("The cafeteria opens at eleven.") });
    assert_eq!(world.ask(Who::Owner, update, same).await.data()["documentUpdate"]["document"]["version"], 2);
}

#[tokio::test]
async fn a_text_that_cannot_be_parsed_fails_and_leaves_the_earlier_version_in_service() {
    let world = World::new().await;
    let collection = world.collection(Who::Owner, "Handbook").await;
    let document = world.document(Who::Owner, &collection, "Leave", LEAVE).await;
    world.ingested(Who::Owner, &document).await;
    let update = "mutation($id: ID!, $html: String!) { documentUpdate(input: { id: $id, version: 1, html: $html }) { document { id } } }";
    world
        .ask(Who::Owner, update, json!({ "id": document, "html": "<script>nothing to read</script>" }))
        .await
        .data();
    let failed = world.ingested(Who::Owner, &document).await;
    assert_eq!(
        (&failed["status"], &failed["failureClass"]),
        (&json!("FAILED"), &json!("EMPTY_DOCUMENT")),
        "{failed:#}"
    );
    assert!(text(&failed["failureMessage"]).contains("no text"));
    assert_eq!(search(&world, "paid leave").await.len(), 1);
    // A retry of it is possible, and fails the same way.
    let retry = "mutation($id: ID!) { ingestionRetry(input: { id: $id }) { ingestion { status } } }";
    let id = text(&failed["id"]);
    assert_eq!(
        world.ask(Who::Owner, retry, json!({ "id": id })).await.data()["ingestionRetry"]["ingestion"]["status"],
        "QUEUED"
    );
    assert_eq!(world.ingested(Who::Owner, &document).await["status"], "FAILED");
}

#[tokio::test]
async fn a_deleted_document_is_found_no_more() {
    let world = World::new().await;
    let collection = world.collection(Who::Owner, "Handbook").await;
    let document = world.document(Who::Owner, &collection, "Leave", LEAVE).await;
    world.ingested(Who::Owner, &document).await;
    let delete = "mutation($id: ID!) { documentDelete(input: { id: $id }) { deletedId } }";
    let data = world.ask(Who::Owner, delete, json!({ "id": document })).await.data();
    assert_eq!(data["documentDelete"]["deletedId"], json!(document));
    assert!(search(&world, "paid leave").await.is_empty());
    let again = world.ask(Who::Owner, delete, json!({ "id": document })).await;
    assert_eq!(again.code(), "NOT_FOUND");
    let look = world
        .ask(
            Who::Owner,
            "query($id: ID!) { document(id: $id) { id } node(id: $id) { id } }",
            json!({ "id": document }),
        )
        .await;
    assert_eq!(look.data(), json!({ "document": null, "node": null }));
    // What nobody cites is removed, from the store of vectors too.
    for _ in 0..100 {
        if world.count("select count(*) from document_versions").await == 0 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(world.count("select (select count(*) from document_versions) + (select count(*) from chunks) + (select count(*) from chunk_embeddings)").await, 0);
}

#[tokio::test]
async fn a_deletion_is_carried_out_though_its_author_has_left() {
    let mut world = World::without_worker().await;
    let collection = world.collection(Who::Member, "Handbook").await;
    let document = world.document(Who::Member, &collection, "Leave", LEAVE).await;
    let delete = "mutation($id: ID!) { documentDelete(input: { id: $id }) { deletedId } }";
    world.ask(Who::Member, delete, json!({ "id": document })).await.data();
    world.plant("update memberships set status = 'REMOVED' where role_id in (select id from roles where built_in = 'MEMBER')").await;
    world.stack.start_worker();
    let left = "select (select count(*) from document_versions) + (select count(*) from chunks) + (select count(*) from jobs)";
    for _ in 0..100 {
        if world.count(left).await == 0 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("{} rows are left", world.count(left).await);
}

#[tokio::test]
async fn one_operation_reads_only_so_much_text() {
    let world = World::new().await;
    let collection = world.collection(Who::Owner, "Handbook").await;
    let document =
        world.document(Who::Owner, &collection, "Long", &"All work and no play. ".repeat(150_000)).await;
    assert_eq!(world.ingested(Who::Owner, &document).await["status"], "SUCCEEDED");
    let texts = (0..6).map(|number| format!("a{number}: text")).collect::<Vec<_>>().join(" ");
    let query = format!("query($id: ID!) {{ document(id: $id) {{ currentVersion {{ {texts} }} }} }}");
    assert_eq!(world.ask(Who::Owner, &query, json!({ "id": document })).await.code(), "QUERY_TOO_COSTLY");
    let part = "query($id: ID!) { document(id: $id) { currentVersion { text(start: 4, end: 8) } } }";
    let data = world.ask(Who::Owner, part, json!({ "id": document })).await.data();
    assert_eq!(data["document"]["currentVersion"]["text"], "work");
}

#[tokio::test]
async fn lists_page_forwards_and_backwards_without_gaps() {
    let world = World::without_worker().await;
    for number in 0..7 {
        world.collection(Who::Owner, &format!("Collection {number}")).await;
    }
    let query = "query($first: Int, $after: String, $last: Int, $before: String) { collections(first: $first, after: $after, last: $last, before: $before) { nodes { name } edges { cursor } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }";
    let mut names = Vec::new();
    let mut after = Value::Null;
    loop {
        let page =
            world.ask(Who::Owner, query, json!({ "first": 3, "after": after })).await.data()["collections"]
                .clone();
        names.extend(page["nodes"].as_array().expect("a list").iter().map(|node| text(&node["name"])));
        after = page["pageInfo"]["endCursor"].clone();
        if page["pageInfo"]["hasNextPage"] == json!(false) {
            break;
        }
    }
    let newest_first: Vec<String> = (0..7).rev().map(|number| format!("Collection {number}")).collect();
    assert_eq!(names, newest_first);
    let last = world.ask(Who::Owner, query, json!({ "last": 2 })).await.data()["collections"].clone();
    assert_eq!(last["nodes"], json!([{ "name": "Collection 1" }, { "name": "Collection 0" }]));
    assert_eq!(last["pageInfo"]["hasPreviousPage"], json!(true));
    let before = world
        .ask(Who::Owner, query, json!({ "last": 2, "before": last["pageInfo"]["startCursor"] }))
        .await
        .data();
    assert_eq!(
        before["collections"]["nodes"],
        json!([{ "name": "Collection 3" }, { "name": "Collection 2" }])
    );
}
