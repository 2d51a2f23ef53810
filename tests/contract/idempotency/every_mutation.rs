//! Generated from the schema: every mutation there is, sent twice under one key, happens once, or is one that takes no key.

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgConnection, Row};

use super::send;
use crate::isolation::TENANT_TABLES;
use crate::support::schema::{Schema, named};
use crate::support::world::text;
use crate::support::{Who, World};

/// Mutations that take no key: they are about sessions and links, each of which is used once anyway.
const WITHOUT_KEY: &[&str] = &[
    "signIn",
    "sessionRefresh",
    "signOut",
    "emailVerify",
    "passwordResetRequest",
    "passwordReset",
    "accountDelete",
    "operatorEntryStart",
    "operatorEntryLeave",
];

/// Whoever has left sends nothing more into the workspace: a repetition finds none.
const ENDS_ITS_CALLER: &str = "workspaceLeave";

/// Mutations that leave no entry in the audit log of a workspace, each with the reason.
const WITHOUT_AUDIT: &[(&str, &str)] = &[
    ("signUp", "an account stands before any workspace"),
    ("signIn", "a session stands before any workspace"),
    ("sessionRefresh", "a session stands before any workspace"),
    ("signOut", "a session stands before any workspace"),
    ("emailVerify", "an account stands before any workspace"),
    ("passwordResetRequest", "an account stands before any workspace"),
    ("passwordReset", "an account stands before any workspace"),
    ("operatorEntryStart", "it is refused here; tests/operators looks"),
    ("operatorEntryLeave", "it is refused here; tests/operators looks"),
    ("accountDelete", "it writes to every workspace of the person, and is refused here; its own test looks"),
];

/// What mutations outside any workspace change besides tenant tables.
const GLOBAL: &[&str] =
    &["users", "credentials", "outgoing_mails", "sessions", "refresh_tokens", "account_links", "workspaces"];

/// A valid `input` of a mutation, once what it needs is there; a new mutation needs a line here.
async fn input(world: &World, mutation: &str) -> Option<Value> {
    let name = format!("for {mutation}");
    Some(match mutation {
        "agentCreate" | "collectionCreate" => json!({ "name": name }),
        "collectionUpdate" => {
            json!({ "id": world.collection(Who::Owner, &name).await, "version": 1, "name": format!("{name}, changed") })
        }
        "collectionDelete" => json!({ "id": world.collection(Who::Owner, &name).await }),
        "agentUpdate" => {
            json!({ "id": world.agent(Who::Owner, &name).await, "version": 1, "name": "Changed" })
        }
        "agentRunStart" => {
            json!({ "agentId": world.agent(Who::Owner, &name).await, "input": "How many days?" })
        }
        "agentRunCancel" => {
            let agent = world.agent(Who::Owner, &name).await;
            json!({ "id": world.run(Who::Owner, &agent, "How many days?").await })
        }
        "invitationCreate" => {
            json!({ "email": "somebody@example.com", "roleId": role(world, "VIEWER").await })
        }
        "invitationResend" => {
            let id = invitation(world, "resent@example.com").await;
            world.plant("update invitations set sent_at = now() - interval '1 hour'").await;
            json!({ "id": id })
        }
        "invitationRevoke" => json!({ "id": invitation(world, "revoked@example.com").await }),
        "invitationAccept" => json!({ "token": token_for_the_owner(world).await }),
        "membershipRoleUpdate" => {
            let (id, version) = membership(world, "viewer@acme.example").await;
            json!({ "id": id, "version": version, "roleId": role(world, "MEMBER").await })
        }
        "membershipReactivate" => {
            world.plant("update memberships set status = 'SUSPENDED' where user_id = (select id from users where email = 'viewer@acme.example')").await;
            named_member(world, "viewer@acme.example").await
        }
        // It is active: the one before, by name, let it in again.
        "membershipSuspend" => named_member(world, "viewer@acme.example").await,
        "membershipRemove" => named_member(world, "member@acme.example").await,
        "ownershipTransfer" => {
            let (id, version) = membership(world, "admin@acme.example").await;
            json!({ "membershipId": id, "version": version })
        }
        "roleCreate" => json!({ "name": name, "permissions": ["job:read"] }),
        "roleUpdate" => json!({ "id": own_role(world, &name).await, "version": 1, "description": "changed" }),
        "roleDelete" => json!({ "id": own_role(world, &name).await }),
        "operatorEntryStart" => {
            json!({ "workspace": "acme", "reason": "looking for a lost run", "minutes": 5 })
        }
        "operatorEntryLeave" => json!({ "id": entity::id::OperatorEntryId::new().to_string() }),
        "operatorEntryEnd" => json!({ "id": operator_entry(world).await }),
        "apiKeyCreate" => json!({ "name": name, "scopes": ["document:read"] }),
        "apiKeyUpdate" => {
            let id = world.api_key(Who::Owner, &name, &["document:read"]).await.0;
            json!({ "id": id, "version": 1, "name": "Changed" })
        }
        "apiKeyRevoke" => json!({ "id": world.api_key(Who::Owner, &name, &["document:read"]).await.0 }),
        "documentCreate" => {
            json!({ "collectionId": world.collection(Who::Owner, &name).await, "title": "T", "text": "Thirty days." })
        }
        "documentUpdate" => {
            json!({ "id": new_document(world, &name).await, "version": 1, "title": "Changed", "text": "Forty days." })
        }
        "documentDelete" => json!({ "id": new_document(world, &name).await }),
        "ingestionRetry" => json!({ "id": failed_ingestion(world, &name).await }),
        "jobRetry" => json!({ "id": dead_job(world).await }),
        "signUp" => json!({ "name": name, "email": "new@example.com", "password": "correct horse battery" }),
        "workspaceCreate" => json!({ "name": name, "slug": "new" }),
        "workspaceUpdate" => {
            let data = world.ask(Who::Owner, "{ workspace { version } }", json!({})).await.data();
            json!({ "version": data["workspace"]["version"], "name": name })
        }
        // Ownership was handed over before, by name. The one after the next one in the schema restores it.
        "workspaceDelete" => {
            own_again(world).await;
            json!({ "slug": "acme" })
        }
        "workspaceLeave" => {
            let data = world.ask(Who::Owner, "{ workspace { id } }", json!({})).await.data();
            json!({ "workspaceId": data["workspace"]["id"] })
        }
        "workspaceRestore" => {
            own_again(world).await;
            json!({})
        }
        "signIn" => json!({ "email": "new@example.com", "password": "correct horse battery" }),
        "sessionRefresh" => json!({ "refreshToken": "x" }),
        "signOut" => json!({ "everywhere": true }),
        "emailVerify" => json!({ "token": "x" }),
        "passwordResetRequest" => json!({ "email": "owner@acme.example" }),
        "passwordReset" => json!({ "token": "x", "newPassword": "correct horse battery" }),
        "accountDelete" => json!({ "password": "correct horse battery" }),
        _ => return None,
    })
}

/// The owner of acme is so again, whatever happened.
async fn own_again(world: &World) {
    let sql = "update memberships m set status = 'ACTIVE', role_id = r.id from roles r
        where r.workspace_id = m.workspace_id and r.built_in = 'OWNER' and m.user_id = (select id from users where email = 'owner@acme.example')
          and m.workspace_id = (select id from workspaces where slug = 'acme')";
    world.plant(sql).await;
}

async fn role(world: &World, name: &str) -> String {
    let query = "query($name: String!) { roles(filter: { name: { eq: $name } }) { nodes { id } } }";
    let data = world.ask(Who::Owner, query, json!({ "name": name })).await.data();
    text(&data["roles"]["nodes"][0]["id"])
}

async fn own_role(world: &World, name: &str) -> String {
    let query =
        "mutation($name: String!) { roleCreate(input: { name: $name, permissions: [] }) { role { id } } }";
    text(&world.ask(Who::Owner, query, json!({ "name": name })).await.data()["roleCreate"]["role"]["id"])
}

async fn membership(world: &World, email: &str) -> (Value, Value) {
    let query = "{ memberships(first: 100) { nodes { id version user { email } } } }";
    let data = world.ask(Who::Owner, query, json!({})).await.data();
    let nodes = data["memberships"]["nodes"].as_array().expect("a list");
    let found = nodes.iter().find(|node| node["user"]["email"] == email).expect("a member");
    (found["id"].clone(), found["version"].clone())
}

async fn named_member(world: &World, email: &str) -> Value {
    let (id, version) = membership(world, email).await;
    json!({ "id": id, "version": version })
}

async fn invitation(world: &World, email: &str) -> String {
    let query =
        "mutation($input: InvitationCreateInput!) { invitationCreate(input: $input) { invitation { id } } }";
    let input = json!({ "email": email, "roleId": role(world, "VIEWER").await });
    let data = world.ask(Who::Owner, query, json!({ "input": input })).await.data();
    text(&data["invitationCreate"]["invitation"]["id"])
}

/// The token of an invitation of the owner of acme into globex.
async fn token_for_the_owner(world: &World) -> String {
    let query = "{ roles(filter: { name: { eq: \"VIEWER\" } }) { nodes { id } } }";
    let roles = world.ask(Who::Stranger, query, json!({})).await.data();
    let invite =
        "mutation($input: InvitationCreateInput!) { invitationCreate(input: $input) { invitation { id } } }";
    let input = json!({ "email": "owner@acme.example", "roleId": roles["roles"]["nodes"][0]["id"] });
    world.ask(Who::Stranger, invite, json!({ "input": input })).await.data();
    crate::members::link_to(world, "owner@acme.example").await
}

/// A live entry of an operator into acme.
async fn operator_entry(world: &World) -> String {
    let id = entity::id::OperatorEntryId::new();
    let mut superuser = world.superuser().await;
    // Past the triggers, which ask for a word in the audit log.
    sqlx::query("set session_replication_role = replica").execute(&mut superuser).await.expect("no triggers");
    sqlx::query(
        "with operator as (insert into operators (id, name, email, start, hash, expires_at)
           values (gen_random_uuid(), 'Planted', 'planted@ops.example', 'fn_op_abcd', sha256('planted'), now() + interval '1 day') returning id)
         insert into operator_entries (workspace_id, id, operator_id, operator_name, workspace_key, reason, expires_at)
         select w.id, $1, operator.id, 'Planted', w.slug, 'planted by a test', now() + interval '1 hour'
         from workspaces w, operator where w.slug = 'acme'",
    )
    .bind(id.0)
    .execute(&mut superuser)
    .await
    .expect("an entry");
    id.to_string()
}

async fn new_document(world: &World, name: &str) -> String {
    let collection = world.collection(Who::Owner, name).await;
    world.document(Who::Owner, &collection, name, "Thirty days of paid leave.").await
}

async fn failed_ingestion(world: &World, name: &str) -> String {
    let document = new_document(world, name).await;
    let query = "query($id: ID!) { document(id: $id) { ingestion { id } } }";
    let data = world.ask(Who::Owner, query, json!({ "id": document })).await.data();
    let ingestion = text(&data["document"]["ingestion"]["id"]);
    let id = entity::id::IngestionId::parse(&ingestion).expect("an id").0;
    let mut superuser = world.superuser().await;
    sqlx::query("update ingestions set status = 'FAILED', failure_class = 'INTERNAL' where id = $1")
        .bind(id)
        .execute(&mut superuser)
        .await
        .expect("a failed ingestion");
    sqlx::query("delete from jobs where subject_id = $1")
        .bind(id)
        .execute(&mut superuser)
        .await
        .expect("no job");
    ingestion
}

async fn dead_job(world: &World) -> String {
    let id = entity::id::JobId::new();
    let mut superuser = world.superuser().await;
    sqlx::query(
        "insert into jobs (workspace_id, id, kind, subject_id, status, correlation_id)
         select id, $1, 'document.ingest', gen_random_uuid(), 'DEAD', 'test' from workspaces where slug = 'acme'",
    )
    .bind(id.0)
    .execute(&mut superuser)
    .await
    .expect("a dead job");
    id.to_string()
}

/// What stands in every table of tenants and of accounts but the records' own.
async fn contents(superuser: &mut PgConnection) -> Vec<(String, i64, String)> {
    let mut contents = Vec::new();
    let tenants = TENANT_TABLES.iter().map(|row| row.0).filter(|table| *table != "idempotency_records");
    for table in tenants.chain(GLOBAL.iter().copied()) {
        // sql: literal because the table's name is one of a list of constants.
        let sql = format!(
            "select count(*), coalesce(md5(string_agg(t::text, ' ' order by t::text)), '') from public.{table} t"
        );
        // sql: literal because the table's name is one of a list of constants.
        let row = sqlx::query(AssertSqlSafe(sql)).fetch_one(&mut *superuser).await.expect("a table");
        contents.push((table.to_owned(), row.get(0), row.get(1)));
    }
    contents
}

#[tokio::test]
async fn every_mutation_of_the_schema_happens_once_under_one_key() {
    let world = World::without_worker().await;
    let schema = Schema::served();
    let mut superuser = world.superuser().await;
    let mut missing = Vec::new();
    for field in &schema.objects["Mutation"] {
        let mutation = field.name.node.as_str();
        let Some(input) = input(&world, mutation).await else {
            missing.push(mutation);
            continue;
        };
        assert_eq!(field.arguments.len(), 1, "{mutation} takes one input");
        let kind = &field.arguments[0].node.ty.node;
        let payload = schema.selection(named(&field.ty.node), 2);
        let query = format!("mutation($input: {kind}) {{ {mutation}(input: $input) {payload} }}");
        let variables = json!({ "input": input });
        let before = contents(&mut superuser).await;
        let first = send(&world, Who::Owner, mutation, &query, &variables).await;
        if WITHOUT_KEY.contains(&mutation) {
            let issue = &first.json()["errors"][0]["extensions"]["issues"][0];
            assert_eq!(issue["code"], "NOT_TAKEN", "{mutation}: {}", first.text);
            assert_eq!(contents(&mut superuser).await, before, "{mutation} has no effect");
            continue;
        }
        let once = contents(&mut superuser).await;
        assert_eq!(first.json().get("errors"), None, "{mutation}: {}", first.text);
        assert_ne!(before, once, "{mutation} has an effect");
        let again = send(&world, Who::Owner, mutation, &query, &variables).await;
        if mutation == ENDS_ITS_CALLER {
            assert_eq!(again.code(), "NOT_FOUND", "{}", again.text);
            assert_eq!(contents(&mut superuser).await, once, "{mutation} has one effect");
            continue;
        }
        again.assert_replays(&first);
        assert_eq!(contents(&mut superuser).await, once, "{mutation} has one effect");
        let other = send(&world, Who::Owner, mutation, &format!("{query} "), &variables).await;
        assert_eq!((other.status, other.code().as_str()), (422, "IDEMPOTENCY_CONFLICT"), "{mutation}");
        assert_eq!(contents(&mut superuser).await, once, "{mutation} has one effect");
    }
    assert!(missing.is_empty(), "mutations without an input in this test: {missing:?}");
    let records = "select (select count(*) from idempotency_records) + (select count(*) from account_idempotency_records)";
    let records = usize::try_from(world.count(records).await).expect("a count");
    assert_eq!(records, schema.objects["Mutation"].len() - WITHOUT_KEY.len());
}

#[tokio::test]
async fn every_mutation_of_the_schema_leaves_an_audit_entry_of_its_request() {
    let world = World::without_worker().await;
    let schema = Schema::served();
    let mut superuser = world.superuser().await;
    let mut unaudited = Vec::new();
    for field in &schema.objects["Mutation"] {
        let mutation = field.name.node.as_str();
        if WITHOUT_AUDIT.iter().any(|(name, _)| *name == mutation) {
            continue;
        }
        let input =
            input(&world, mutation).await.unwrap_or_else(|| panic!("{mutation} has no input in this test"));
        let kind = &field.arguments[0].node.ty.node;
        let query = format!("mutation($input: {kind}) {{ {mutation}(input: $input) {{ __typename }} }}");
        let answer = send(&world, Who::Owner, mutation, &query, &json!({ "input": input })).await;
        assert_eq!(answer.json().get("errors"), None, "{mutation}: {}", answer.text);
        let entries = sqlx::query("select count(*) from audit_entries where request_id = $1")
            .bind(&answer.request_id)
            .fetch_one(&mut superuser)
            .await
            .expect("a count");
        if entries.get::<i64, _>(0) == 0 {
            unaudited.push(mutation);
        }
    }
    assert!(
        unaudited.is_empty(),
        "these change something and leave nothing in the audit log; write an entry, or say above why there is none: {unaudited:?}"
    );
    for (name, reason) in WITHOUT_AUDIT {
        assert!(schema.objects["Mutation"].iter().any(|field| field.name.node == *name), "{name}: {reason}");
    }
}
