//! How keys are made, shown, renamed and listed.

use footnote::config::{Limits, Services};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sqlx::Row;

use super::{CREATE, UPDATE, VIEWER, issues, revoke, with_key};
use crate::support::world::text;
use crate::support::{Who, World};

#[tokio::test]
async fn a_key_is_shown_once_and_kept_as_a_hash() {
    let world = World::without_worker().await;
    let input = json!({ "name": " Importer ", "scopes": ["document:read", "document:write"] });
    let variables = json!({ "input": input });
    let (authorization, workspace) = world.headers(Who::Admin).expect("a token");
    let headers = [("authorization", authorization), ("x-workspace", workspace), ("idempotency-key", "one")];
    let first = world.ask_with(&headers, CREATE, variables.clone()).await.data();
    let payload = &first["apiKeyCreate"];
    let secret = text(&payload["secret"]);
    let key = &payload["apiKey"];
    assert_eq!((secret.len(), &secret[..8]), (57, "fn_live_"));
    assert_eq!((&key["name"], &key["start"]), (&json!("Importer"), &json!(secret[..12])));
    assert_eq!(key["scopes"], json!(["document:read", "document:write"]));
    assert_eq!((&key["status"], &key["user"]["email"]), (&json!("ACTIVE"), &json!("admin@acme.example")));
    assert_eq!([&key["expiresAt"], &key["lastUsedAt"], &key["revokedAt"]], [&Value::Null; 3]);
    // The same again is the same key, without its secret.
    let again = world.ask_with(&headers, CREATE, variables).await.data();
    assert_eq!(again["apiKeyCreate"]["secret"], Value::Null);
    assert_eq!(again["apiKeyCreate"]["apiKey"], *key);
    let mut superuser = world.superuser().await;
    let row = sqlx::query("select hash from api_keys").fetch_one(&mut superuser).await.expect("one key");
    assert_eq!(row.get::<Vec<u8>, _>("hash"), Sha256::digest(secret.as_bytes()).to_vec());
    for table in ["api_keys", "audit_entries", "events", "idempotency_records", "jobs"] {
        // sql: literal because the table's name is one of a list of constants.
        let sql =
            sqlx::AssertSqlSafe(format!("select coalesce(string_agg(t::text, ' '), '') from {table} t"));
        let stored: String = sqlx::query(sql).fetch_one(&mut superuser).await.expect("a table").get(0);
        assert!(!stored.contains(&secret[12..]), "{table}");
    }
    let all = "{ apiKeys { nodes { id name start scopes status user { email } } } }";
    let listed = world.ask(Who::Owner, all, json!({})).await.data();
    assert_eq!(listed["apiKeys"]["nodes"][0]["id"], key["id"]);
    assert!(!listed.to_string().contains(&secret[12..]));
    let sdl = footnote::graphql::sdl();
    let shown = sdl.split("type ApiKey implements").nth(1).and_then(|rest| rest.split("\n}").next());
    assert!(!shown.expect("the type").contains("hash"), "no field shows hashes");
}

#[tokio::test]
async fn making_renaming_and_revoking_stand_in_the_audit_log_and_among_the_events() {
    let world = World::without_worker().await;
    let (id, _) = world.api_key(Who::Owner, "One", &["document:read"]).await;
    let renamed = json!({ "input": { "id": id, "version": 1, "name": "Two" } });
    let data = world.ask(Who::Admin, UPDATE, renamed.clone()).await.data();
    assert_eq!(data["apiKeyUpdate"]["apiKey"], json!({ "id": id, "name": "Two", "version": 2 }));
    let stale = world.ask(Who::Admin, UPDATE, renamed).await;
    assert_eq!(
        (stale.code(), &stale.body["errors"][0]["extensions"]["details"]["version"]),
        ("CONFLICT", &json!(2))
    );
    // The same name changes nothing, and a second revocation neither.
    let same = json!({ "input": { "id": id, "version": 2, "name": "Two" } });
    assert_eq!(world.ask(Who::Owner, UPDATE, same).await.data()["apiKeyUpdate"]["apiKey"]["version"], 2);
    revoke(&world, &id).await;
    let query = "query($id: ID!) { node(id: $id) { ... on ApiKey { status revokedAt version } } }";
    let revoked = world.ask(Who::Owner, query, json!({ "id": id })).await.data();
    revoke(&world, &id).await;
    assert_eq!(world.ask(Who::Owner, query, json!({ "id": id })).await.data(), revoked);
    assert_eq!((&revoked["node"]["status"], &revoked["node"]["version"]), (&json!("REVOKED"), &json!(3)));
    let mut superuser = world.superuser().await;
    let entries: Vec<String> = sqlx::query(
        "select action || ' ' || actor_role || ' ' || (targets ->> 0 = $1) || ' ' || coalesce(after ->> 'name', '') from audit_entries
         where action like 'api_key.%' order by seq",
    )
    .bind(&id)
    .fetch_all(&mut superuser)
    .await
    .expect("entries")
    .iter()
    .map(|row| row.get(0))
    .collect();
    assert_eq!(
        entries,
        ["api_key.create OWNER true One", "api_key.update ADMIN true Two", "api_key.revoke OWNER true "]
    );
    let events = "select count(*) from events where type in ('api_key.created', 'api_key.revoked') and subject like 'key_%'";
    assert_eq!(world.count(events).await, 2);
}

#[tokio::test]
async fn every_bad_field_of_a_key_is_named_at_once() {
    let world = World::without_worker().await;
    let past = footnote::clock::now() - chrono::TimeDelta::seconds(1);
    let far = footnote::clock::now() + chrono::TimeDelta::days(4000);
    let many: Vec<&str> = (0..1000).map(|_| "document:read").collect();
    let long = "x".repeat(101);
    for (input, expected) in [
        (
            json!({ "name": "", "scopes": ["document:read", "x", "document:read"], "expiresAt": past }),
            vec![
                "input.name LENGTH",
                "input.scopes.1 UNKNOWN",
                "input.scopes.2 DUPLICATE",
                "input.expiresAt OUT_OF_RANGE",
            ],
        ),
        (json!({ "name": long, "scopes": [] }), vec!["input.name LENGTH", "input.scopes LENGTH"]),
        (
            json!({ "name": "a\0b", "scopes": many }),
            vec!["input.name INVALID_CHARACTER", "input.scopes LENGTH"],
        ),
        (
            json!({ "name": "x", "scopes": ["DOCUMENT:READ"], "expiresAt": far }),
            vec!["input.scopes.0 UNKNOWN", "input.expiresAt OUT_OF_RANGE"],
        ),
        (json!({ "name": "x", "scopes": ["document:read\u{0}"] }), vec!["input.scopes.0 UNKNOWN"]),
        (json!({ "name": "x", "scopes": ["x".repeat(1 << 20)] }), vec!["input.scopes.0 UNKNOWN"]),
    ] {
        let reply = world.ask(Who::Owner, CREATE, json!({ "input": input })).await;
        assert_eq!(issues(&reply), expected);
        assert!(reply.body.to_string().len() < 3000, "nothing long is sent back");
    }
    let reply = world.ask(Who::Owner, CREATE, json!({ "input": { "name": "x", "scopes": ["x"] } })).await;
    let message = text(&reply.body["errors"][0]["message"]);
    assert!(message.contains("document:read") && message.contains("workspace:own"), "{message}");
    assert_eq!(world.count("select count(*) from api_keys").await, 0);
    // A moment that is none, and a key that is none.
    let input = json!({ "name": "x", "scopes": ["document:read"], "expiresAt": "tomorrow" });
    assert_eq!(world.ask(Who::Owner, CREATE, json!({ "input": input })).await.code(), "BAD_USER_INPUT");
    let input = json!({ "input": { "id": "x", "version": 0, "name": " " } });
    assert_eq!(
        issues(&world.ask(Who::Owner, UPDATE, input).await),
        ["input.id INVALID_ID", "input.version OUT_OF_RANGE", "input.name LENGTH"]
    );
}

#[tokio::test]
async fn nobody_gives_a_key_a_permission_that_they_do_not_have() {
    let world = World::without_worker().await;
    let create = |scopes: &[&str]| json!({ "input": { "name": "x", "scopes": scopes } });
    let reply = world.ask(Who::Admin, CREATE, create(&["document:read", "workspace:own"])).await;
    assert_eq!(reply.code(), "FORBIDDEN");
    assert_eq!(reply.body["errors"][0]["extensions"]["details"]["permission"], "workspace:own");
    for who in [Who::Member, Who::Viewer] {
        let reply = world.ask(who, CREATE, create(&["document:read"])).await;
        assert_eq!(reply.code(), "FORBIDDEN");
        assert_eq!(reply.body["errors"][0]["extensions"]["details"]["permission"], "api_key:write");
        assert_eq!(world.ask(who, "{ apiKeys { nodes { id } } }", json!({})).await.code(), "FORBIDDEN");
    }
    assert_eq!(world.ask(Who::Anonymous, CREATE, create(&["x"])).await.code(), "UNAUTHENTICATED");
    assert_eq!(world.count("select count(*) from api_keys").await, 0);
}

#[tokio::test]
async fn fifty_at_once_make_no_more_keys_than_a_workspace_may_have() {
    let limits = Limits { api_keys_per_workspace: 5, ..Limits::default() };
    let world = World::with(limits, Services::default()).await;
    let variables = json!({ "input": { "name": "x", "scopes": ["document:read"] } });
    let calls = (0..50).map(|_| world.ask(Who::Owner, CREATE, variables.clone()));
    let replies = futures_util::future::join_all(calls).await;
    let (made, refused): (Vec<_>, Vec<_>) =
        replies.into_iter().partition(|reply| reply.body.get("errors").is_none());
    assert_eq!(made.len(), 5);
    for reply in refused {
        assert_eq!(reply.code(), "CONFLICT", "{:#}", reply.body);
    }
    assert_eq!(world.count("select count(*) from api_keys").await, 5);
    // Another workspace has its own, and what is revoked or has expired makes room.
    world.api_key(Who::Stranger, "Theirs", &["document:read"]).await;
    let one = made[0].body["data"]["apiKeyCreate"]["apiKey"]["id"].clone();
    assert_eq!(world.ask(Who::Owner, CREATE, variables.clone()).await.code(), "CONFLICT");
    revoke(&world, &text(&one)).await;
    world.ask(Who::Owner, CREATE, variables.clone()).await.data();
    assert_eq!(world.ask(Who::Owner, CREATE, variables.clone()).await.code(), "CONFLICT");
    super::later(
        &world,
        "update api_keys set expires_at = now() - interval '1 second' where id = (select id from api_keys where revoked_at is null
         and workspace_id = (select id from workspaces where slug = 'acme') limit 1)",
    )
    .await;
    world.ask(Who::Owner, CREATE, variables).await.data();
}

#[tokio::test]
async fn keys_are_listed_by_status_and_filtered() {
    let world = World::without_worker().await;
    let (active, secret) = world.api_key(Who::Owner, "Active", &["document:read"]).await;
    let (revoked, _) = world.api_key(Who::Admin, "Revoked", &["document:read"]).await;
    world.api_key(Who::Owner, "Expired", &["document:read"]).await;
    revoke(&world, &revoked).await;
    super::later(&world, "update api_keys set expires_at = now() - interval '1 hour' where name = 'Expired'")
        .await;
    let names = async |arguments: &str| {
        let query = format!("{{ apiKeys({arguments}) {{ totalCount nodes {{ name }} }} }}");
        let list = world.ask(Who::Admin, &query, json!({})).await.data()["apiKeys"].clone();
        let names: Vec<String> =
            list["nodes"].as_array().expect("a list").iter().map(|node| text(&node["name"])).collect();
        assert_eq!(list["totalCount"], names.len());
        names
    };
    assert_eq!(names("first: 10").await, ["Expired", "Revoked", "Active"]);
    for status in ["ACTIVE", "EXPIRED", "REVOKED"] {
        let found = names(&format!("status: {status}")).await;
        assert_eq!(found.iter().map(|name| name.to_uppercase()).collect::<Vec<_>>(), [status]);
    }
    let start = format!("filter: {{ start: {{ eq: \"{}\" }} }}", &secret[..12]);
    assert_eq!(names(&start).await, ["Active"]);
    assert_eq!(names(&format!("filter: {{ id: {{ eq: \"{active}\" }} }}")).await, ["Active"]);
    let by_owner = with_key(&world, &secret, VIEWER, json!({})).await.data();
    assert_eq!(by_owner["viewer"]["user"]["email"], "owner@acme.example");
    let never = "filter: { not: { lastUsedAt: { gt: \"2000-01-01T00:00:00Z\" } }, createdAt: { gt: \"2000-01-01T00:00:00Z\" } }, first: 3, \
                 orderBy: { direction: ASC }";
    assert!(names(never).await.contains(&"Revoked".to_owned()));
}

#[tokio::test]
async fn a_key_of_another_workspace_and_an_unknown_one_give_the_same_answer() {
    let world = World::without_worker().await;
    let (foreign, _) = world.api_key(Who::Owner, "Mine", &["document:read"]).await;
    let unknown = entity::id::ApiKeyId::new().to_string();
    let node = "query($id: ID!) { node(id: $id) { id } }";
    let update =
        "mutation($id: ID!) { apiKeyUpdate(input: { id: $id, version: 1, name: \"x\" }) { apiKey { id } } }";
    for query in [node, update, super::REVOKE] {
        let mut answers = Vec::new();
        for id in [&foreign, &unknown] {
            answers.push(world.ask(Who::Stranger, query, json!({ "id": id })).await.without_request_ids());
        }
        assert_eq!(answers[0], answers[1], "{query}");
    }
    let theirs = world.ask(Who::Stranger, "{ apiKeys { totalCount nodes { id } } }", json!({})).await.data();
    assert_eq!(theirs["apiKeys"], json!({ "totalCount": 0, "nodes": [] }));
    assert_eq!(
        world.count("select count(*) from api_keys where revoked_at is null and version = 1").await,
        1
    );
}
