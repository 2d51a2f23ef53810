//! What another tenant, a weaker role or somebody who left learns of an upload: nothing.

use serde_json::{Value, json};

use super::{CREATE, HANDBOOK, create, declared, expiring, objects, put, ticket};
use crate::support::{Who, World};

#[tokio::test]
async fn a_token_opens_its_own_upload_and_every_other_answer_is_the_same() {
    let world = expiring(2).await;
    let expired = ticket(&world, Who::Stranger, declared(HANDBOOK.as_bytes())).await;
    let deleted = ticket(&world, Who::Stranger, declared(HANDBOOK.as_bytes())).await;
    let delete = "mutation($id: ID!) { documentDelete(input: { id: $id }) { deletedId } }";
    world.ask(Who::Stranger, delete, json!({ "id": deleted.document })).await.data();
    tokio::time::sleep(std::time::Duration::from_millis(2100)).await;
    let unknown = format!("/uploads/{}", "A".repeat(43));
    let mut answers = Vec::new();
    for url in [&expired.url, &deleted.url, &unknown] {
        let mut answer = put(&world, url, HANDBOOK.as_bytes()).await;
        answer.assert(404, "NOT_FOUND");
        answer.body["errors"][0]["extensions"]["requestId"] = Value::Null;
        answers.push(answer.body);
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:#?}");
    assert_eq!(objects(&world), [] as [String; 0]);
}

#[tokio::test]
async fn bytes_land_in_the_workspace_of_the_token_whoever_sends_them() {
    let world = World::new().await;
    let mine = ticket(&world, Who::Owner, declared(HANDBOOK.as_bytes())).await;
    let (authorization, workspace) = world.headers(Who::Stranger).expect("a token");
    let sent = super::request(&world, &mine.url)
        .header("authorization", authorization)
        .header("x-workspace", workspace)
        .body(HANDBOOK);
    assert_eq!(super::answer(sent).await.status, 200);
    assert_eq!(world.ingested(Who::Owner, &mine.document).await["status"], "SUCCEEDED");
    let search = "{ search(query: \"paid leave\") { nodes { passage } } }";
    let theirs = world.ask(Who::Stranger, search, json!({})).await.data();
    assert_eq!(theirs["search"]["nodes"], json!([]));
    let acme = "select count(*) from uploads u join workspaces w on w.id = u.workspace_id where w.slug = 'acme' and u.status = 'STORED'";
    assert_eq!(world.count(acme).await, 1);
    let mut superuser = world.superuser().await;
    let folder: uuid::Uuid = sqlx::query_scalar("select id from workspaces where slug = 'acme'")
        .fetch_one(&mut superuser)
        .await
        .expect("acme");
    assert!(objects(&world)[0].contains(&format!("/workspaces/{folder}/")), "{:?}", objects(&world));
}

#[tokio::test]
async fn a_foreign_document_or_collection_is_not_found() {
    let world = World::without_worker().await;
    let mine = ticket(&world, Who::Owner, declared(HANDBOOK.as_bytes())).await;
    let update =
        "mutation($input: DocumentUpdateInput!) { documentUpdate(input: $input) { upload { url } } }";
    let input = json!({ "id": mine.document, "version": 1, "upload": declared(b"x") });
    assert_eq!(world.ask(Who::Stranger, update, json!({ "input": input })).await.code(), "NOT_FOUND");
    let collection = world.collection(Who::Owner, "Mine").await;
    let input = json!({ "collectionId": collection, "title": "T", "upload": declared(b"x") });
    assert_eq!(world.ask(Who::Stranger, CREATE, json!({ "input": input })).await.code(), "NOT_FOUND");
    assert_eq!(world.count("select count(*) from uploads").await, 1);
}

#[tokio::test]
async fn a_reader_may_not_ask_for_an_upload_and_nobody_else_may_either() {
    let world = World::without_worker().await;
    let collection = world.collection(Who::Owner, "Handbook").await;
    let input = json!({ "collectionId": collection, "title": "T", "upload": declared(b"x") });
    for (who, code) in [(Who::Viewer, "FORBIDDEN"), (Who::Anonymous, "UNAUTHENTICATED")] {
        let reply = world.ask(who, CREATE, json!({ "input": input })).await;
        assert_eq!(reply.code(), code, "{who:?}");
    }
}

#[tokio::test]
async fn the_token_of_somebody_who_left_opens_nothing() {
    let world = World::without_worker().await;
    let theirs = {
        let collection = world.collection(Who::Owner, "Handbook").await;
        let input =
            json!({ "collectionId": collection, "title": "T", "upload": declared(HANDBOOK.as_bytes()) });
        let data = world.ask(Who::Member, CREATE, json!({ "input": input })).await.data();
        crate::support::world::text(&data["documentCreate"]["upload"]["url"])
    };
    for change in [
        "update memberships set status = 'REMOVED' where user_id = (select id from users where email = 'member@acme.example')",
        "update memberships m set status = 'ACTIVE', role_id = r.id from roles r
         where r.workspace_id = m.workspace_id and r.built_in = 'VIEWER'
           and user_id = (select id from users where email = 'member@acme.example')",
    ] {
        world.plant(change).await;
        put(&world, &theirs, HANDBOOK.as_bytes()).await.assert(404, "NOT_FOUND");
    }
    assert_eq!(objects(&world), [] as [String; 0]);
}

#[tokio::test]
async fn no_field_shows_tokens_or_hashes_of_tokens() {
    let sdl = footnote::graphql::sdl();
    assert!(!sdl.contains("tokenHash") && !sdl.contains("token_hash"));
    let world = World::without_worker().await;
    let reply = create(&world, Who::Owner, declared(b"x")).await;
    assert_eq!(reply.body.to_string().matches("/uploads/").count(), 1);
}
