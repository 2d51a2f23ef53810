//! Deleting an account: nothing names the person afterwards, and nothing that belongs to others is touched.

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgConnection, Row};
use tempfile::tempdir;

use super::{Answer, PASSWORD, ask, refresh, sign_in, superuser, viewer, world};
use crate::support::command::footnote;
use crate::support::issuer::{IssuerKey, TestIssuer};
use crate::support::{Who, World};
use footnote::config::{AccountSettings, IdentityService, Limits, Services};

const DELETE: &str = "mutation($input: AccountDeleteInput!) { accountDelete(input: $input) { deletedId } }";
const VERIFY: &str = "{ auditVerify { holds firstFault { seq kind } } }";
/// Words that stand nowhere else.
const EMAIL: &str = "zebulon.quill@example.com";
const NAME: &str = "Zebulon Quill";

async fn delete(world: &World, authorization: &str, input: Value) -> Answer {
    ask(world, &[("authorization", authorization)], DELETE, json!({ "input": input })).await
}

/// Somebody with an account, a session, and a membership of acme in which something was done: access and refresh token.
async fn zebulon(world: &World) -> (String, String) {
    let sign_up = "mutation($input: SignUpInput!) { signUp(input: $input) { sent } }";
    let input = json!({ "name": NAME, "email": EMAIL, "password": PASSWORD });
    ask(world, &[("idempotency-key", "one")], sign_up, json!({ "input": input })).await.data();
    join(world, EMAIL, "MEMBER").await;
    let (access, refresh) = sign_in(world, EMAIL, PASSWORD).await.session("signIn");
    let bearer = format!("Bearer {access}");
    let inside = [("authorization", bearer.as_str()), ("x-workspace", "acme"), ("idempotency-key", "two")];
    let make = "mutation { collectionCreate(input: { name: \"Handbook\" }) { collection { id } } }";
    ask(world, &inside, make, json!({})).await.data();
    (bearer, refresh)
}

async fn join(world: &World, email: &str, role: &str) {
    let mut superuser = world.superuser().await;
    sqlx::query("set session_replication_role = replica").execute(&mut superuser).await.expect("no triggers");
    let joined = sqlx::query(
        "insert into memberships (workspace_id, id, user_id, role_id)
         select w.id, gen_random_uuid(), u.id, r.id from users u, workspaces w join roles r on r.workspace_id = w.id and r.built_in = $2
         where w.slug = 'acme' and u.email = $1",
    )
    .bind(email)
    .bind(role)
    .execute(&mut superuser)
    .await
    .expect("joined");
    assert_eq!(joined.rows_affected(), 1);
}

/// The tables with a row in which this text stands.
async fn tables_with(world: &World, text: &str) -> Vec<String> {
    let mut superuser: PgConnection = world.superuser().await;
    let tables = sqlx::query("select tablename::text from pg_tables where schemaname = 'public' order by 1")
        .fetch_all(&mut superuser)
        .await
        .expect("the tables");
    let mut found = Vec::new();
    for table in tables {
        let table: String = table.get(0);
        // sql: literal because the table's name comes from the catalogue.
        let sql = format!("select exists (select from public.{table} t where position($1 in t::text) > 0)");
        // sql: literal because the table's name comes from the catalogue.
        let row = sqlx::query(AssertSqlSafe(sql)).bind(text).fetch_one(&mut superuser).await.expect("a look");
        if row.get(0) {
            found.push(table);
        }
    }
    found
}

/// What others wrote down of somebody: an API key of theirs, an invitation that they accepted, and its mail.
async fn leave_traces(world: &World) {
    world
        .plant(
            "insert into api_keys (workspace_id, id, name, user_id, start, hash, scopes)
             select m.workspace_id, gen_random_uuid(), 'robot', m.user_id, 'fn_live_abcd', sha256('x'), '{document:read}'
             from memberships m join users u on u.id = m.user_id where u.email = 'zebulon.quill@example.com'",
        )
        .await;
    world.plant("update users set email_verified_at = now() where email = 'zebulon.quill@example.com'").await;
    world
        .plant(
            "insert into invitations (workspace_id, id, email, role_id, invited_by, expires_at, status, accepted_at, membership_id)
             select m.workspace_id, gen_random_uuid(), u.email, m.role_id, u.id, now(), 'ACCEPTED', now(), m.id
             from memberships m join users u on u.id = m.user_id where u.email = 'zebulon.quill@example.com'",
        )
        .await;
    world
        .plant(
            "insert into outgoing_mails (id, kind, address, status) values (gen_random_uuid(), 'INVITATION', 'zebulon.quill@example.com', 'SENT')",
        )
        .await;
}

#[tokio::test]
async fn whoever_deletes_an_account_is_nowhere_and_the_audit_log_still_holds() {
    let world = world(AccountSettings::default()).await;
    let (bearer, token) = zebulon(&world).await;
    let answer = ask(&world, &[("authorization", &bearer)], "{ viewer { user { id } } }", json!({})).await;
    let id = answer.data()["viewer"]["user"]["id"].as_str().expect("an id").to_owned();
    let uuid = entity::id::UserId::parse(&id).expect("an id").0;
    leave_traces(&world).await;
    let key = "select count(*) from api_keys k cross join lateral app.permissions_of(k.workspace_id, k.user_id, k.id)";
    assert_eq!(world.count(key).await, 1);
    assert!(tables_with(&world, EMAIL).await.contains(&"users".to_owned()));
    assert!(tables_with(&world, NAME).await.contains(&"users".to_owned()));
    let chain = "select coalesce(sum(seq), 0)::bigint from audit_entries";
    let before = world.count(chain).await;
    let deleted = delete(&world, &bearer, json!({ "password": PASSWORD })).await;
    assert_eq!(deleted.data()["accountDelete"]["deletedId"], json!(id));
    // Nobody comes in any more, by whatever they have.
    assert_eq!(
        viewer(&world, bearer.strip_prefix("Bearer ").expect("a scheme")).await.code(),
        "UNAUTHENTICATED"
    );
    assert_eq!(refresh(&world, &token).await.code(), "UNAUTHENTICATED");
    assert_eq!(sign_in(&world, EMAIL, PASSWORD).await.code(), "UNAUTHENTICATED");
    assert_eq!(world.count(key).await, 0, "their keys have stopped");
    // Nothing names them.
    for text in [EMAIL, NAME] {
        assert_eq!(tables_with(&world, text).await, Vec::<String>::new(), "{text}");
    }
    let here = tables_with(&world, &uuid.to_string()).await;
    for table in
        ["sessions", "credentials", "identities", "account_links", "outgoing_mails", "idempotency_records"]
    {
        assert!(!here.contains(&table.to_owned()), "{table}");
    }
    assert_eq!(world.count("select count(*) from refresh_tokens").await, 0);
    assert_eq!(
        world.count("select count(*) from account_idempotency_records").await,
        0,
        "of the address that signed up"
    );
    let row = "select count(*) from users where name = 'Deleted account' and email is null and email_verified_at is null and erased_at is not null";
    assert_eq!(world.count(row).await, 1);
    // What was done stays, and says by id who did it; the end of the membership stands in the log and among the events.
    let log = "{ auditLog(first: 2) { nodes { action actorId actorKind actorRole user { name } targets before after } } }";
    let log = world.ask(Who::Owner, log, json!({})).await.data()["auditLog"]["nodes"].clone();
    assert_eq!((&log[0]["action"], &log[1]["action"]), (&json!("person.erase"), &json!("collection.create")));
    for entry in [&log[0], &log[1]] {
        assert_eq!(
            (&entry["actorId"], &entry["actorKind"], &entry["actorRole"], &entry["user"]),
            (&json!(id), &json!("USER"), &json!("MEMBER"), &Value::Null)
        );
    }
    assert_eq!(
        (&log[0]["before"], &log[0]["after"]),
        (&json!({ "status": "ACTIVE" }), &json!({ "status": "REMOVED" }))
    );
    assert_eq!((log[0]["targets"].as_array().map(Vec::len), &log[0]["targets"][1]), (Some(2), &json!(id)));
    let event = "select count(*) from events where type = 'membership.removed' and data = jsonb_build_object('user_id', (
        select app.type_id('user', id) from users where erased_at is not null))";
    assert_eq!(world.count(event).await, 1);
    assert!(world.count(chain).await > before);
    let verified = world.ask(Who::Owner, VERIFY, json!({})).await.data();
    assert_eq!(verified["auditVerify"], json!({ "holds": true, "firstFault": null }));
    // Another tenant learns nothing of it.
    let theirs = world.ask(Who::Stranger, "{ auditLog { nodes { action } } }", json!({})).await.data();
    assert!(!theirs.to_string().contains("person.erase"));
    // The same address begins anew, as somebody else.
    let sign_up = json!({ "name": NAME, "email": EMAIL, "password": PASSWORD });
    ask(
        &world,
        &[],
        "mutation($input: SignUpInput!) { signUp(input: $input) { sent } }",
        json!({ "input": sign_up }),
    )
    .await
    .data();
    let (access, _) = sign_in(&world, EMAIL, PASSWORD).await.session("signIn");
    let again = ask(
        &world,
        &[("authorization", &format!("Bearer {access}"))],
        "{ viewer { user { id } workspaces { slug } } }",
        json!({}),
    )
    .await;
    assert_ne!(again.data()["viewer"]["user"]["id"], json!(id));
    assert_eq!(again.data()["viewer"]["workspaces"], json!([]));
}

#[tokio::test]
async fn the_last_owner_of_a_workspace_stays_and_is_told_of_which() {
    let world = World::without_worker().await;
    let (authorization, _) = world.headers(Who::Owner).expect("a token");
    let make =
        "mutation { workspaceCreate(input: { name: \"Another\", slug: \"another\" }) { workspace { id } } }";
    ask(&world, &[("authorization", authorization)], make, json!({})).await.data();
    let refused = delete(&world, authorization, json!({})).await;
    assert_eq!((refused.status, refused.code()), (200, "CONFLICT"));
    assert_eq!(refused.error()["details"], json!({ "workspaces": ["acme", "another"] }));
    assert!(refused.body["errors"][0]["message"].as_str().expect("a sentence").contains("acme, another"));
    let still = "select count(*) from users u join memberships m on m.user_id = u.id and m.status = 'ACTIVE' where u.email = 'owner@acme.example' and erased_at is null";
    assert_eq!(world.count(still).await, 2);
    assert_eq!(world.count("select count(*) from audit_entries where action = 'person.erase'").await, 0);
    // A suspended owner is none.
    world.plant("update memberships m set role_id = r.id, status = 'SUSPENDED' from roles r, users u where r.workspace_id = m.workspace_id and r.built_in = 'OWNER'
        and u.id = m.user_id and u.email = 'admin@acme.example'").await;
    assert_eq!(delete(&world, authorization, json!({})).await.code(), "CONFLICT");
    // An active one is.
    world.plant("update memberships m set status = 'ACTIVE' from users u where u.id = m.user_id and u.email = 'admin@acme.example'").await;
    let refused = delete(&world, authorization, json!({})).await;
    assert_eq!(refused.error()["details"], json!({ "workspaces": ["another"] }));
}

#[tokio::test]
async fn two_owners_who_delete_their_accounts_at_once_leave_one() {
    for _ in 0..5 {
        let world = World::without_worker().await;
        world.plant("update memberships m set role_id = r.id from roles r, users u where r.workspace_id = m.workspace_id and r.built_in = 'OWNER'
            and u.id = m.user_id and u.email = 'admin@acme.example'").await;
        let [one, other] = [Who::Owner, Who::Admin].map(|who| world.headers(who).expect("a token").0);
        let (one, other) = tokio::join!(delete(&world, one, json!({})), delete(&world, other, json!({})));
        let gone = [&one, &other].iter().filter(|answer| answer.body.get("errors").is_none()).count();
        assert_eq!(gone, 1, "{:#} {:#}", one.body, other.body);
        let refused = if one.body.get("errors").is_some() { one } else { other };
        assert_eq!(refused.code(), "CONFLICT");
        let owners = "select count(*) from memberships m join roles r on r.workspace_id = m.workspace_id and r.id = m.role_id
            join workspaces w on w.id = m.workspace_id where w.slug = 'acme' and r.built_in = 'OWNER' and m.status = 'ACTIVE'";
        assert_eq!(world.count(owners).await, 1);
        assert_eq!(world.count("select count(*) from users where erased_at is not null").await, 1);
        assert_eq!(
            world.ask(Who::Stranger, VERIFY, json!({})).await.data()["auditVerify"]["holds"],
            json!(true)
        );
    }
}

#[tokio::test]
async fn a_stolen_session_deletes_nothing_and_guesses_are_slowed() {
    let world = world(AccountSettings::default()).await;
    let (bearer, _) = zebulon(&world).await;
    let none = delete(&world, &bearer, json!({})).await;
    assert_eq!((none.code(), none.issue()), ("BAD_USER_INPUT", "REQUIRED"));
    let long = delete(&world, &bearer, json!({ "password": "x".repeat(5000) })).await;
    assert_eq!(long.issue(), "LENGTH");
    let mut codes = Vec::new();
    for number in 0..6 {
        let answer = delete(&world, &bearer, json!({ "password": format!("wrong number {number}") })).await;
        codes.push(answer.code().to_owned());
    }
    assert_eq!(codes[0], "UNAUTHENTICATED");
    assert_eq!(codes[5], "RATE_LIMITED", "{codes:?}");
    assert_eq!(delete(&world, &bearer, json!({ "password": PASSWORD })).await.code(), "RATE_LIMITED");
    assert_eq!(delete(&world, "Bearer x", json!({ "password": PASSWORD })).await.code(), "UNAUTHENTICATED");
    assert_eq!(
        ask(&world, &[], DELETE, json!({ "input": { "password": PASSWORD } })).await.code(),
        "UNAUTHENTICATED"
    );
    assert_eq!(world.count("select count(*) from users where erased_at is not null").await, 0);
    // Signing in is not slowed by it.
    sign_in(&world, EMAIL, PASSWORD).await.session("signIn");
}

#[tokio::test]
async fn an_account_without_a_password_is_deleted_within_minutes_of_signing_in_alone() {
    let world = World::without_worker().await;
    let (authorization, _) = world.headers(Who::Viewer).expect("a token");
    superuser(&world, "update sessions set created_at = now() - interval '6 minutes'").await;
    assert_eq!(delete(&world, authorization, json!({})).await.issue(), "SIGN_IN_AGAIN");
    assert_eq!(
        delete(&world, authorization, json!({ "password": "whatever it is" })).await.issue(),
        "SIGN_IN_AGAIN"
    );
    superuser(&world, "update sessions set created_at = now() - interval '4 minutes'").await;
    delete(&world, authorization, json!({})).await.data();
    assert_eq!(world.count("select count(*) from users where erased_at is not null").await, 1);
}

#[tokio::test]
async fn whoever_comes_by_an_external_issuer_shows_a_fresh_sign_in_and_is_somebody_new_afterwards() {
    let key = IssuerKey::ed25519("k1");
    let issuer = TestIssuer::start(&[&key]).await;
    let setting = json!([{ "issuer": issuer.name, "audience": "footnote", "algorithms": ["EdDSA"] }]);
    let identity = IdentityService { issuers: Some(setting.to_string()) };
    let world = World::with(Limits::default(), Services { identity, ..Services::default() }).await;
    let token = |auth_time: Value, iat: Value| {
        let mut claims = issuer.claims("ada");
        claims["auth_time"] = auth_time;
        claims["iat"] = iat;
        key.sign(&claims)
    };
    let user = async |token: &str| {
        let answer = ask(&world, &[("authorization", token)], "{ viewer { user { id } } }", json!({})).await;
        answer.data()["viewer"]["user"]["id"].clone()
    };
    let now = footnote::clock::now().timestamp();
    let first = user(&token(Value::Null, json!(now))).await;
    for (auth_time, iat) in [
        (json!(now - 600), json!(now)),
        (Value::Null, json!(now - 600)),
        (Value::Null, Value::Null),
        (json!("yesterday"), json!([])),
        (json!(now + 3600), json!(now)),
        (json!(1e300), json!(-1e300)),
    ] {
        let refused = delete(&world, &token(auth_time.clone(), iat.clone()), json!({})).await;
        assert_eq!(
            refused.body["errors"][0]["extensions"]["code"], "BAD_USER_INPUT",
            "{auth_time} {iat}: {:#}",
            refused.body
        );
        superuser(&world, "delete from sign_in_attempts").await;
    }
    delete(&world, &token(json!(now - 60), json!(now)), json!({})).await.data();
    assert_eq!(world.count("select count(*) from identities").await, 0);
    assert_ne!(
        user(&token(Value::Null, json!(now))).await,
        first,
        "the issuer still knows them; here they are somebody new"
    );
}

#[tokio::test]
async fn nothing_brings_back_who_was_erased() {
    let world = World::without_worker().await;
    let (authorization, _) = world.headers(Who::Viewer).expect("a token");
    delete(&world, authorization, json!({})).await.data();
    let mut superuser = world.superuser().await;
    for sql in [
        "insert into sessions (id, user_id, expires_at) select gen_random_uuid(), id, now() + interval '1 day' from users where erased_at is not null",
        "insert into credentials (user_id, password_hash) select id, '$argon2id$' || repeat('x', 60) from users where erased_at is not null",
        "insert into identities (id, key, issuer, subject, user_id) select gen_random_uuid(), sha256('x'), 'i', 's', id from users where erased_at is not null",
        "insert into memberships (workspace_id, id, user_id, role_id) select r.workspace_id, gen_random_uuid(), u.id, r.id from users u, roles r
         join workspaces w on w.id = r.workspace_id where w.slug = 'globex' and r.built_in = 'OWNER' and u.erased_at is not null",
    ] {
        let refused = sqlx::query(sql).execute(&mut superuser).await.expect_err("refused");
        let code = refused.as_database_error().and_then(|error| error.code().map(std::borrow::Cow::into_owned));
        assert_eq!(code.as_deref(), Some("FN001"), "{sql}: {refused}");
    }
}

#[tokio::test]
async fn the_command_line_exports_and_erases_whom_it_is_told_and_no_last_owner() {
    let world = World::without_worker().await;
    let owner_url = world.database.owner().to_owned();
    let run = async |arguments: &[&str]| {
        let (url, arguments) =
            (owner_url.clone(), arguments.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
        let command = move || {
            let folder = tempdir().expect("a folder");
            let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
            footnote(folder.path(), &[("FOOTNOTE_OWNER_DATABASE_URL", &url)], &arguments)
        };
        tokio::task::spawn_blocking(command).await.expect("it ran")
    };
    let exported = run(&["person", "export", "--email", "Viewer@acme.example", "--json"]).await;
    assert_eq!(exported.code, 0, "{}", exported.stderr);
    let account = exported.json()["account"].clone();
    assert_eq!(account["email"], "viewer@acme.example");
    let id = account["id"].as_str().expect("an id").to_owned();
    let readable = run(&["person", "export", "--id", &id]).await;
    assert!(readable.code == 0 && readable.stdout.lines().count() > 20, "{}", readable.stdout);
    for (arguments, code) in [
        (vec!["person", "erase", "--id", &id], 2),
        (vec!["person", "erase", "--yes"], 2),
        (vec!["person", "export", "--id", "user_1"], 2),
        (vec!["person", "export", "--id", &id, "--email", "viewer@acme.example"], 2),
        (vec!["person", "export", "--email", "nobody@acme.example"], 1),
        (vec!["person", "erase", "--email", "owner@acme.example", "--yes"], 1),
    ] {
        let done = run(&arguments).await;
        assert_eq!((done.code, done.stdout.as_str()), (code, ""), "{arguments:?}: {}", done.stderr);
    }
    let last = run(&["person", "erase", "--email", "owner@acme.example", "--yes"]).await;
    assert!(last.stderr.contains("acme"), "{}", last.stderr);
    let erased = run(&["person", "erase", "--email", "viewer@acme.example", "--yes", "--json"]).await;
    assert_eq!((erased.code, erased.json()), (0, json!({ "id": id, "erased": true })), "{}", erased.stderr);
    assert_eq!(tables_with(&world, "viewer@acme.example").await, Vec::<String>::new());
    assert_eq!(run(&["person", "erase", "--id", &id, "--yes"]).await.code, 1, "there is nobody any more");
    assert_eq!(world.ask(Who::Viewer, "{ viewer { role } }", json!({})).await.code(), "UNAUTHENTICATED");
    let entry = "{ auditLog(first: 1) { nodes { action actorKind actorId actorRole requestId } } auditVerify { holds } }";
    let data = world.ask(Who::Owner, entry, json!({})).await.data();
    assert_eq!(
        data,
        json!({ "auditLog": { "nodes": [{ "action": "person.erase", "actorKind": "SYSTEM", "actorId": null, "actorRole": null, "requestId": "command" }] },
            "auditVerify": { "holds": true } })
    );
}
