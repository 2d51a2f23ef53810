//! What a key opens: its workspace, with those of its scopes that its maker has.

use serde_json::{Value, json};
use sqlx::{Connection, Row};

use super::{COLLECTION, CREATE, VIEWER, revoke, with_key};
use crate::support::world::text;
use crate::support::{Who, World};

#[tokio::test]
async fn a_key_works_in_its_workspace_with_its_scopes_on_behalf_of_its_maker() {
    let world = World::without_worker().await;
    let scopes = ["document:read", "collection:write"];
    let (id, key) = world.api_key(Who::Admin, "Importer", &scopes).await;
    let viewer = with_key(&world, &key, VIEWER, json!({})).await.data()["viewer"].clone();
    assert_eq!(viewer["user"]["email"], "admin@acme.example");
    assert_eq!(viewer["apiKey"], json!({ "id": id, "name": "Importer", "start": key[..12] }));
    assert_eq!(viewer["permissions"], json!(["collection:write", "document:read"]));
    assert_eq!((&viewer["role"], &viewer["workspaces"]), (&json!("ADMIN"), &json!([{ "slug": "acme" }])));
    with_key(&world, &key, COLLECTION, json!({ "name": "Handbook" })).await.data();
    let agents = with_key(&world, &key, "{ agents { nodes { id } } }", json!({})).await;
    assert_eq!(agents.code(), "FORBIDDEN");
    assert_eq!(agents.body["errors"][0]["extensions"]["details"]["permission"], "agent:read");
    let person = world.ask(Who::Admin, VIEWER, json!({})).await.data();
    assert_eq!(person["viewer"]["apiKey"], Value::Null);
    // The log names the key, not only the person.
    let actor = "select count(*) from audit_entries a join api_keys k on k.id = a.actor_id
                 where a.action = 'collection.create' and a.actor_kind = 'API_KEY' and a.actor_role = 'ADMIN'";
    assert_eq!(world.count(actor).await, 1);
    let event = "select count(*) from events e join api_keys k on k.id = e.actor_id where e.type = 'collection.created' and e.actor_kind = 'API_KEY'";
    assert_eq!(world.count(event).await, 1);
}

#[tokio::test]
async fn the_header_may_name_the_keys_own_workspace_and_no_other() {
    let world = World::without_worker().await;
    let (_, key) = world.api_key(Who::Owner, "Mine", &["workspace:read"]).await;
    let bearer = format!("Bearer {key}");
    let query = "{ workspace { id slug } }";
    let acme = with_key(&world, &key, query, json!({})).await.data()["workspace"]["id"].clone();
    for own in ["acme", &text(&acme)] {
        let headers = [("authorization", bearer.as_str()), ("x-workspace", own)];
        assert_eq!(world.ask_with(&headers, query, json!({})).await.data()["workspace"]["slug"], "acme");
    }
    let globex = world.ask(Who::Stranger, query, json!({})).await.data()["workspace"]["id"].clone();
    let mut answers = Vec::new();
    for other in ["globex", "nobody-has-this", "not a slug", &text(&globex)] {
        let headers = [("authorization", bearer.as_str()), ("x-workspace", other)];
        let reply = world.ask_with(&headers, query, json!({})).await;
        assert_eq!(reply.code(), "NOT_FOUND", "{other}");
        answers.push(reply.body["errors"][0]["message"].clone());
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:?}");
}

#[tokio::test]
async fn a_key_has_what_its_maker_still_has() {
    let world = World::without_worker().await;
    let (_, key) = world.api_key(Who::Admin, "Mine", &["document:read", "collection:write"]).await;
    let permissions =
        async || with_key(&world, &key, VIEWER, json!({})).await.data()["viewer"]["permissions"].clone();
    assert_eq!(permissions().await, json!(["collection:write", "document:read"]));
    super::later(
        &world,
        "update memberships m set role_id = r.id from roles r where r.workspace_id = m.workspace_id and r.built_in = 'VIEWER'
         and m.user_id = (select id from users where email = 'admin@acme.example')",
    )
    .await;
    assert_eq!(permissions().await, json!(["document:read"]));
    assert_eq!(with_key(&world, &key, COLLECTION, json!({ "name": "x" })).await.code(), "FORBIDDEN");
    // A role that has none of its scopes leaves it nothing, and no error.
    super::later(&world, "delete from role_permissions where role = 'VIEWER'").await;
    assert_eq!(permissions().await, json!([]));
}

#[tokio::test]
async fn a_key_makes_no_key_that_may_do_more() {
    let world = World::without_worker().await;
    let scopes = ["api_key:read", "api_key:write", "document:read"];
    let (_, key) = world.api_key(Who::Owner, "Rotation", &scopes).await;
    let create = |scopes: &[&str]| json!({ "input": { "name": "Next", "scopes": scopes } });
    for more in ["document:write", "workspace:own"] {
        let reply = with_key(&world, &key, CREATE, create(&["document:read", more])).await;
        assert_eq!(reply.code(), "FORBIDDEN");
        assert_eq!(reply.body["errors"][0]["extensions"]["details"]["permission"], more);
    }
    let made = with_key(&world, &key, CREATE, create(&["document:read"])).await.data();
    let next = text(&made["apiKeyCreate"]["secret"]);
    let viewer = with_key(&world, &next, VIEWER, json!({})).await.data()["viewer"].clone();
    assert_eq!(
        (&viewer["user"]["email"], &viewer["apiKey"]["name"]),
        (&json!("owner@acme.example"), &json!("Next"))
    );
    // Whatever writes: the database refuses it as well.
    let mut app = crate::support::database::connect(world.database.app()).await;
    let mut transaction = app.begin().await.expect("a transaction");
    enter(&mut transaction, &key).await;
    let error = sqlx::query(
        "insert into api_keys (id, name, user_id, start, hash, scopes)
         values (gen_random_uuid(), 'x', app.actor_id(), 'fn_live_abcd', sha256('x'), '{workspace:own}')",
    )
    .execute(&mut *transaction)
    .await
    .expect_err("more than it has");
    assert_eq!(code(&error).as_deref(), Some("FN040"));
}

#[tokio::test]
async fn a_key_that_may_change_members_changes_neither_its_maker_nor_what_others_may_beyond_its_scopes() {
    let world = World::without_worker().await;
    let all: Vec<&str> = footnote::tenancy::Permission::ALL.iter().map(|one| one.name()).collect();
    let (_, owners) = world.api_key(Who::Owner, "Everything", &all).await;
    let (_, narrow) = world.api_key(Who::Owner, "Members", &["member:read", "member:write"]).await;
    let mut app = crate::support::database::connect(world.database.app()).await;
    let own = "where user_id = app.actor_id()";
    let viewer = "where user_id = (select id from users where email = 'viewer@acme.example')";
    let role = "(select id from roles where built_in = 'ADMIN')";
    for (key, change, expected) in [
        (&owners, format!("update memberships set status = 'REMOVED' {own}"), "42501"),
        (&narrow, format!("update memberships set status = 'REMOVED' {own}"), "42501"),
        (&narrow, format!("update memberships set status = 'SUSPENDED' {own}"), "42501"),
        (&owners, format!("update memberships set role_id = {role} {own}"), "42501"),
        (&narrow, format!("update memberships set role_id = {role} {viewer}"), "FN040"),
        (&narrow, format!("update memberships set status = 'SUSPENDED' {viewer}"), "FN040"),
    ] {
        let mut transaction = app.begin().await.expect("a transaction");
        enter(&mut transaction, key).await;
        // sql: literal because it is put together from constants above.
        let changed = sqlx::query(sqlx::AssertSqlSafe(change.clone())).execute(&mut *transaction).await;
        assert_eq!(code(&changed.expect_err(&change)).as_deref(), Some(expected), "{change}");
    }
    // With everything that the role has, the same key may suspend a viewer.
    let mut transaction = app.begin().await.expect("a transaction");
    enter(&mut transaction, &owners).await;
    // sql: literal because it is put together from constants above.
    let suspend = sqlx::AssertSqlSafe(format!("update memberships set status = 'SUSPENDED' {viewer}"));
    assert_eq!(sqlx::query(suspend).execute(&mut *transaction).await.expect("allowed").rows_affected(), 1);
}

async fn enter(connection: &mut sqlx::PgConnection, key: &str) {
    sqlx::query("select * from app.enter_key(sha256(convert_to($1, 'UTF8')), null, null)")
        .bind(key)
        .fetch_one(connection)
        .await
        .expect("the context");
}

fn code(error: &sqlx::Error) -> Option<String> {
    Some(error.as_database_error()?.code()?.into_owned())
}

#[tokio::test]
async fn what_only_a_person_does_is_refused_to_a_key() {
    let world = World::without_worker().await;
    let all: Vec<&str> = footnote::tenancy::Permission::ALL.iter().map(|one| one.name()).collect();
    let (_, key) = world.api_key(Who::Owner, "Everything", &all).await;
    let found = "mutation { workspaceCreate(input: { name: \"x\", slug: \"new\" }) { workspace { id } } }";
    let bearer = format!("Bearer {key}");
    for headers in [
        vec![("authorization", bearer.as_str())],
        vec![("authorization", bearer.as_str()), ("idempotency-key", "one"), ("x-workspace", "acme")],
    ] {
        let reply = world.ask_with(&headers, found, json!({})).await;
        assert_eq!((reply.code(), &reply.body["data"]), ("FORBIDDEN", &Value::Null));
        assert!(text(&reply.body["errors"][0]["message"]).contains("API key"));
    }
    assert_eq!(world.count("select count(*) from workspaces where slug = 'new'").await, 0);
    assert_eq!(world.count("select count(*) from account_idempotency_records").await, 0);
    let out = "mutation { signOut(input: { everywhere: true }) { sessionsEnded } }";
    assert_eq!(with_key(&world, &key, out, json!({})).await.code(), "UNAUTHENTICATED");
    world.ask(Who::Owner, VIEWER, json!({})).await.data();
}

#[tokio::test]
async fn a_key_that_revokes_itself_is_answered_and_then_no_more() {
    let world = World::without_worker().await;
    let (id, key) = world.api_key(Who::Owner, "Mine", &["api_key:read", "api_key:write"]).await;
    let data = with_key(&world, &key, super::REVOKE, json!({ "id": id })).await.data();
    assert_eq!(data["apiKeyRevoke"]["apiKey"]["status"], "REVOKED");
    assert_eq!(with_key(&world, &key, VIEWER, json!({})).await.code(), "UNAUTHENTICATED");
}

#[tokio::test]
async fn an_idempotency_record_of_a_key_is_neither_its_makers_nor_another_keys() {
    let world = World::without_worker().await;
    let scopes = ["document:read", "document:write"];
    let (_, one) = world.api_key(Who::Owner, "One", &scopes).await;
    let (_, two) = world.api_key(Who::Owner, "Two", &scopes).await;
    let collection = world.collection(Who::Owner, "Handbook").await;
    let create = "mutation($collection: ID!) { documentCreate(input: { collectionId: $collection, title: \"Leave\", text: \"Thirty days.\" }) {
        document { id title } } }";
    let keyed = async |authorization: &str| {
        let headers =
            [("authorization", authorization), ("x-workspace", "acme"), ("idempotency-key", "same")];
        world.ask_with(&headers, create, json!({ "collection": collection })).await
    };
    let first = keyed(&format!("Bearer {one}")).await;
    let again = keyed(&format!("Bearer {one}")).await;
    assert_eq!(first.body["data"], again.body["data"]);
    assert_eq!(again.body["extensions"]["idempotentReplayed"], true);
    let (person, _) = world.headers(Who::Owner).expect("a token");
    for other in [person, &format!("Bearer {two}")] {
        let reply = keyed(other).await;
        assert_eq!((reply.status, reply.code()), (422, "IDEMPOTENCY_CONFLICT"));
        assert_eq!(reply.body["data"], Value::Null);
        assert!(!reply.body.to_string().contains("Leave"), "nothing of the other's answer");
    }
    assert_eq!(world.count("select count(*) from documents").await, 1);
    assert_eq!(world.count("select count(*) from idempotency_records where api_key_id is not null").await, 1);
}

#[tokio::test]
async fn a_revoked_key_opens_nothing_at_the_next_request() {
    let world = World::without_worker().await;
    let (id, key) = world.api_key(Who::Owner, "Mine", &["document:read"]).await;
    with_key(&world, &key, VIEWER, json!({})).await.data();
    revoke(&world, &id).await;
    assert_eq!(with_key(&world, &key, VIEWER, json!({})).await.code(), "UNAUTHENTICATED");
    let mut superuser = world.superuser().await;
    let used: bool = sqlx::query("select count(*) = 1 from api_keys where revoked_at is not null")
        .fetch_one(&mut superuser)
        .await
        .expect("a row")
        .get(0);
    assert!(used);
}
