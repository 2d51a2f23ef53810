//! The way of a file: asked for, sent, ingested, found; or never sent, or deleted.

use serde_json::{Value, json};
use sqlx::Row;

use super::{CREATE, HANDBOOK, create, declared, expiring, hex, objects, put, ticket, wait_until};
use crate::support::world::text;
use crate::support::{Who, World};

async fn found(world: &World, query: &str) -> usize {
    let document = "query($query: String!) { search(query: $query) { nodes { passage } } }";
    let data = world.ask(Who::Owner, document, json!({ "query": query })).await.data();
    data["search"]["nodes"].as_array().map_or(0, Vec::len)
}

async fn ingestion(world: &World, document: &str) -> Value {
    let query = "query($id: ID!) { document(id: $id) { ingestion { id status waitReason failureClass failureMessage } } }";
    world.ask(Who::Owner, query, json!({ "id": document })).await.data()["document"]["ingestion"].clone()
}

#[tokio::test]
async fn a_file_that_was_sent_is_ingested_and_found() {
    let world = World::new().await;
    for (content_type, content) in [
        ("text/markdown", HANDBOOK.to_owned()),
        ("text/plain; charset=utf-8", format!("\u{feff}{HANDBOOK}")),
        ("text/html", "<h1>Leave</h1><p>Every employee has thirty days of paid leave.</p>".to_owned()),
    ] {
        let upload = json!({ "contentType": content_type, "sizeBytes": content.len(), "sha256": hex(content.as_bytes()) });
        let ticket = ticket(&world, Who::Member, upload).await;
        let answer = put(&world, &ticket.url, content.as_bytes()).await;
        assert_eq!(answer.status, 200, "{:#}", answer.body);
        assert_eq!(answer.body["documentId"], json!(ticket.document));
        assert_eq!(answer.body["sha256"], json!(hex(content.as_bytes())));
        let ingestion = world.ingested(Who::Owner, &ticket.document).await;
        assert_eq!(ingestion["status"], "SUCCEEDED", "{content_type}: {ingestion:#}");
    }
    assert!(found(&world, "how many days of paid leave").await >= 3);
    let told = "select count(*) from events where type = 'document.uploaded' and actor_kind = 'USER'
        and actor_id = (select id from users where email = 'member@acme.example')";
    assert_eq!(world.count(told).await, 3);
    assert_eq!(world.count("select count(*) from audit_entries where action = 'document.upload'").await, 3);
}

#[tokio::test]
async fn a_large_file_goes_through_and_is_read_back() {
    let world = World::new().await;
    let sentence = "The harbour opens at dawn, and the ferries leave for the islands at noon. ";
    let content = sentence.repeat(6 * 1024 * 1024 / sentence.len());
    let ticket = ticket(&world, Who::Owner, declared(content.as_bytes())).await;
    assert_eq!(put(&world, &ticket.url, content.as_bytes()).await.status, 200);
    let size = "select size_bytes from uploads where status = 'STORED' and original_id is not null";
    assert_eq!(usize::try_from(world.count(size).await).expect("a size"), content.len());
    assert_eq!(objects(&world).len(), 1);
}

#[tokio::test]
async fn what_a_client_says_of_its_file_is_checked_before_anything_is_made() {
    let world = World::without_worker().await;
    for (upload, code) in [
        (json!({ "contentType": "application/pdf", "sizeBytes": 1 }), "BAD_USER_INPUT"),
        (json!({ "contentType": "text/plain; charset=iso-8859-1", "sizeBytes": 1 }), "BAD_USER_INPUT"),
        (json!({ "contentType": "text/plain", "sizeBytes": 0 }), "BAD_USER_INPUT"),
        (json!({ "contentType": "text/plain", "sizeBytes": -1 }), "BAD_USER_INPUT"),
        (json!({ "contentType": "text/plain", "sizeBytes": 33 * 1024 * 1024 }), "PAYLOAD_TOO_LARGE"),
        (json!({ "contentType": "text/plain", "sizeBytes": 1, "sha256": "00" }), "BAD_USER_INPUT"),
        (
            json!({ "contentType": "text/plain", "sizeBytes": 1, "filename": "x".repeat(256) }),
            "BAD_USER_INPUT",
        ),
    ] {
        assert_eq!(create(&world, Who::Owner, upload.clone()).await.code(), code, "{upload}");
    }
    assert_eq!(
        create(
            &world,
            Who::Owner,
            json!({ "contentType": "text/plain", "sizeBytes": 1, "sha256": "0".repeat(64) })
        )
        .await
        .status,
        200
    );
    assert_eq!(world.count("select count(*) from documents").await, 1);
    let both = json!({ "collectionId": world.collection(Who::Owner, "Both").await, "title": "T", "text": "T", "upload": declared(b"x") });
    let reply = world.ask(Who::Owner, CREATE, json!({ "input": both })).await;
    assert_eq!(reply.body["errors"][0]["extensions"]["issues"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn an_upload_that_never_comes_fails_by_itself_and_can_be_asked_for_again() {
    let mut world = expiring(1).await;
    world.stack.start_worker();
    let late = ticket(&world, Who::Owner, declared(HANDBOOK.as_bytes())).await;
    let failed = world.ingested(Who::Owner, &late.document).await;
    assert_eq!(
        (&failed["status"], &failed["failureClass"]),
        (&json!("FAILED"), &json!("UPLOAD_EXPIRED")),
        "{failed:#}"
    );
    assert!(text(&failed["failureMessage"]).contains("did not come"));
    put(&world, &late.url, HANDBOOK.as_bytes()).await.assert(404, "NOT_FOUND");
    assert_eq!(world.count("select count(*) from events where type = 'ingestion.failed'").await, 1);
    let retry = "mutation($id: ID!) { ingestionRetry(input: { id: $id }) { ingestion { status } } }";
    assert_eq!(world.ask(Who::Owner, retry, json!({ "id": failed["id"] })).await.code(), "CONFLICT");
}

/// Bytes in one piece.
struct Piece(Option<bytes::Bytes>);

#[async_trait::async_trait]
impl footnote::adapters::objects::Chunks for Piece {
    type Error = ();

    async fn next(&mut self) -> Result<Option<bytes::Bytes>, ()> {
        Ok(self.0.take())
    }
}

#[tokio::test]
async fn what_attempts_left_is_swept_after_the_expiry_and_the_original_is_kept() {
    let mut world = expiring(2).await;
    let mut superuser = world.superuser().await;
    let (sent, missing) = (
        ticket(&world, Who::Owner, declared(HANDBOOK.as_bytes())).await,
        ticket(&world, Who::Owner, declared(HANDBOOK.as_bytes())).await,
    );
    assert_eq!(put(&world, &sent.url, HANDBOOK.as_bytes()).await.status, 200);
    let kept = objects(&world);
    // As if processes had been killed between the object and its row.
    for document in [&sent.document, &missing.document] {
        let row = sqlx::query("select workspace_id, document_version_id from uploads where document_id = $1")
            .bind(entity::id::DocumentId::parse(document).expect("an id").0)
            .fetch_one(&mut superuser)
            .await
            .expect("an upload");
        let mine = world.stack.app().objects().for_workspace(entity::id::WorkspaceId(row.get(0)));
        let stray = (entity::id::DocumentVersionId(row.get(1)), entity::id::OriginalId::new());
        mine.put(stray, &mut Piece(Some(bytes::Bytes::from_static(b"stray")))).await.expect("stored");
    }
    assert_eq!(objects(&world).len(), 3);
    world.stack.start_worker();
    wait_until("both uploads have ended", async || {
        world.count("select count(*) from jobs where kind = 'upload.sweep'").await == 2
    })
    .await;
    sqlx::query("update jobs set run_at = now() where kind = 'upload.sweep'")
        .execute(&mut superuser)
        .await
        .expect("due");
    wait_until("the strays are gone", async || objects(&world) == kept).await;
    assert_eq!(world.ingested(Who::Owner, &sent.document).await["status"], "SUCCEEDED");
}

#[tokio::test]
async fn a_version_that_waits_for_its_file_keeps_nobody_from_the_one_before() {
    let mut world = World::without_worker().await;
    let collection = world.collection(Who::Owner, "Handbook").await;
    let document = world.document(Who::Owner, &collection, "Leave", HANDBOOK).await;
    let update = "mutation($input: DocumentUpdateInput!) { documentUpdate(input: $input) { document { version } upload { url } } }";
    let input = json!({ "id": document, "version": 1, "upload": declared(b"# Leave\n\nForty days of paid holidays.") });
    let data = world.ask(Who::Owner, update, json!({ "input": input })).await.data();
    let url = text(&data["documentUpdate"]["upload"]["url"]);
    world.stack.start_worker();
    wait_until("the first version is found", async || found(&world, "paid leave").await == 1).await;
    // The text of the first version again is no new version, though the newest one is still to come.
    let same = json!({ "id": document, "version": 2, "markdown": HANDBOOK });
    let data = world.ask(Who::Owner, update, json!({ "input": same })).await.data();
    assert_eq!(data["documentUpdate"]["document"]["version"], 2);
    assert_eq!(ingestion(&world, &document).await["waitReason"], "UPLOAD");
    assert_eq!(put(&world, &url, b"# Leave\n\nForty days of paid holidays.").await.status, 200);
    assert_eq!(world.ingested(Who::Owner, &document).await["status"], "SUCCEEDED");
    let query = "query($id: ID!) { document(id: $id) { currentVersion { ordinal text } } }";
    let data = world.ask(Who::Owner, query, json!({ "id": document })).await.data();
    assert!(text(&data["document"]["currentVersion"]["text"]).contains("Forty"), "{data:#}");
    // And the uploaded text sent as a text is no new version either.
    let same = json!({ "id": document, "version": 2, "markdown": "# Leave\n\nForty days of paid holidays." });
    let data = world.ask(Who::Owner, update, json!({ "input": same })).await.data();
    assert_eq!(data["documentUpdate"]["document"]["version"], 2);
}

#[tokio::test]
async fn bytes_that_are_no_text_in_utf_8_fail_with_a_sentence() {
    let world = World::new().await;
    for (bytes, sentence) in [
        (b"\xff\xfeh\0e\0l\0l\0o\0".as_slice(), "UTF-16"),
        (b"caf\xe9 au lait", "UTF-8"),
        (b"%PDF-1.7\n\xe2\xe3\xcf\xd3", "PDF"),
    ] {
        let ticket = ticket(&world, Who::Owner, declared(bytes)).await;
        assert_eq!(put(&world, &ticket.url, bytes).await.status, 200);
        let failed = world.ingested(Who::Owner, &ticket.document).await;
        assert_eq!(failed["failureClass"], "MALFORMED_DOCUMENT", "{failed:#}");
        assert!(text(&failed["failureMessage"]).contains(sentence), "{failed:#}");
    }
}

#[tokio::test]
async fn a_deleted_document_leaves_no_object_and_its_token_opens_nothing() {
    let world = World::new().await;
    let (sent, waiting) = (
        ticket(&world, Who::Owner, declared(HANDBOOK.as_bytes())).await,
        ticket(&world, Who::Owner, declared(HANDBOOK.as_bytes())).await,
    );
    assert_eq!(put(&world, &sent.url, HANDBOOK.as_bytes()).await.status, 200);
    assert_eq!(world.ingested(Who::Owner, &sent.document).await["status"], "SUCCEEDED");
    assert_eq!(objects(&world).len(), 1);
    let delete = "mutation($id: ID!) { documentDelete(input: { id: $id }) { deletedId } }";
    for document in [&sent.document, &waiting.document] {
        world.ask(Who::Owner, delete, json!({ "id": document })).await.data();
    }
    for url in [&sent.url, &waiting.url] {
        put(&world, url, HANDBOOK.as_bytes()).await.assert(404, "NOT_FOUND");
    }
    wait_until("objects and rows are gone", async || {
        objects(&world).is_empty() && world.count("select count(*) from document_versions").await == 0
    })
    .await;
    assert_eq!(world.count("select count(*) from uploads").await, 0);
    assert_eq!(world.count("select count(*) from ingestions where status = 'QUEUED'").await, 0);
}

#[tokio::test]
async fn the_recipe_in_the_documents_runs() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/contracts/frontend.md"))
        .expect("the page");
    let section = page.split("\n## ").find(|section| section.starts_with("Uploads\n")).expect("the section");
    let query =
        section.split("```graphql\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a query");
    let world = World::new().await;
    let collection = world.collection(Who::Owner, "Handbook").await;
    let variables =
        json!({ "collectionId": collection, "title": "Leave", "upload": declared(HANDBOOK.as_bytes()) });
    let data = world.ask(Who::Owner, query, variables).await.data();
    let upload = &data["documentCreate"]["upload"];
    let base = reqwest::Url::parse(&format!("{}/graphql", world.address)).expect("an address");
    let target = base.join(&text(&upload["url"])).expect("relative to the endpoint");
    let method = text(&upload["method"]).parse().expect("a method");
    let mut request = world.http().request(method, target).body(HANDBOOK);
    for header in upload["headers"].as_array().expect("headers") {
        request = request.header(text(&header["name"]), text(&header["value"]));
    }
    assert_eq!(super::answer(request).await.status, 200);
    let ingestion = world.ingested(Who::Owner, &text(&data["documentCreate"]["document"]["id"])).await;
    assert_eq!(ingestion["status"], "SUCCEEDED", "{ingestion:#}");
}

#[tokio::test]
async fn the_address_is_shown_once() {
    let world = World::without_worker().await;
    let collection = world.collection(Who::Owner, "Handbook").await;
    let input =
        json!({ "collectionId": collection, "title": "Leave", "upload": declared(HANDBOOK.as_bytes()) });
    let body = json!({ "query": CREATE, "variables": { "input": input }, "extensions": { "idempotencyKey": "one" } });
    let first = world.post(Who::Owner, body.to_string()).await.data();
    let again = world.post(Who::Owner, body.to_string()).await;
    assert_eq!(again.body["extensions"]["idempotentReplayed"], json!(true), "{:#}", again.body);
    let again = again.data();
    let url = text(&first["documentCreate"]["upload"]["url"]);
    assert_eq!(again["documentCreate"]["upload"]["url"], Value::Null);
    assert_eq!(again["documentCreate"]["document"], first["documentCreate"]["document"]);
    let token = url.trim_start_matches("/uploads/").to_owned();
    assert_eq!(token.len(), 43);
    let mut superuser = world.superuser().await;
    for table in ["uploads", "idempotency_records", "events", "audit_entries", "jobs"] {
        // sql: literal because the table's name is one of the list above.
        let sql = sqlx::AssertSqlSafe(format!(
            "select count(*) from {table} t where t::text like '%' || $1 || '%'"
        ));
        let stored: i64 =
            sqlx::query_scalar(sql).bind(&token).fetch_one(&mut superuser).await.expect("a count");
        assert_eq!(stored, 0, "{table} holds the token");
    }
}
