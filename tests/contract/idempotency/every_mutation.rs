//! Generated from the schema: every mutation there is, sent twice under one key, happens once, or is one that takes no key.

use std::collections::HashMap;

use async_graphql::Positioned;
use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{BaseType, FieldDefinition, Type, TypeKind, TypeSystemDefinition};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgConnection, Row};

use super::send;
use crate::isolation::TENANT_TABLES;
use crate::support::world::text;
use crate::support::{Who, World};

/// Mutations that take no key: they are about sessions and links, each of which is used once anyway, or they are operators'.
const WITHOUT_KEY: &[&str] = &[
    "signIn",
    "sessionRefresh",
    "signOut",
    "emailVerify",
    "passwordResetRequest",
    "passwordReset",
    "operatorEntryStart",
    "operatorEntryLeave",
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
        "documentCreate" => {
            json!({ "collectionId": world.collection(Who::Owner, &name).await, "title": "T", "text": "Thirty days." })
        }
        "documentUpdate" => {
            json!({ "id": new_document(world, &name).await, "version": 1, "title": "Changed", "text": "Forty days." })
        }
        "documentDelete" => json!({ "id": new_document(world, &name).await }),
        "ingestionRetry" => json!({ "id": failed_ingestion(world, &name).await }),
        "jobRetry" => json!({ "id": dead_job(world).await }),
        "operatorEntryStart" => json!({ "workspace": "acme", "reason": "a test of keys", "minutes": 1 }),
        "operatorEntryLeave" => json!({ "id": entity::id::OperatorEntryId::new().to_string() }),
        "operatorEntryEnd" => json!({ "id": operator_entry(world).await }),
        "signUp" => json!({ "name": name, "email": "new@example.com", "password": "correct horse battery" }),
        "workspaceCreate" => json!({ "name": name, "slug": "new" }),
        "signIn" => json!({ "email": "new@example.com", "password": "correct horse battery" }),
        "sessionRefresh" => json!({ "refreshToken": "x" }),
        "signOut" => json!({ "everywhere": true }),
        "emailVerify" => json!({ "token": "x" }),
        "passwordResetRequest" => json!({ "email": "owner@acme.example" }),
        "passwordReset" => json!({ "token": "x", "newPassword": "correct horse battery" }),
        _ => return None,
    })
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

async fn operator_entry(world: &World) -> String {
    world
        .plant(
            "with operator as (insert into operators (id, name, email, start, hash, expires_at)
               values (gen_random_uuid(), 'Ann', 'ann@example.com', 'fn_op_abcd', sha256('x'), now() + interval '1 day') returning id)
             insert into operator_entries (workspace_id, id, operator_id, operator_name, workspace_key, reason, expires_at)
             select w.id, gen_random_uuid(), operator.id, 'Ann', 'acme', 'planted by a test', now() + interval '1 hour'
             from workspaces w, operator where w.slug = 'acme'",
        )
        .await;
    let data = world.ask(Who::Owner, "{ operatorEntries { nodes { id } } }", json!({})).await.data();
    text(&data["operatorEntries"]["nodes"][0]["id"])
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

/// The object types of the schema by name.
fn objects() -> HashMap<String, Vec<Positioned<FieldDefinition>>> {
    let document = parse_schema(footnote::graphql::sdl()).expect("the schema");
    let types = document.definitions.into_iter().filter_map(|definition| match definition {
        TypeSystemDefinition::Type(one) => Some(one.node),
        _ => None,
    });
    types
        .filter_map(|one| match one.kind {
            TypeKind::Object(object) => Some((one.name.node.to_string(), object.fields)),
            _ => None,
        })
        .collect()
}

fn named(one: &Type) -> &str {
    match &one.base {
        BaseType::Named(name) => name,
        BaseType::List(inner) => named(inner),
    }
}

/// A selection of everything that takes no argument, so many objects deep.
fn selection(
    objects: &HashMap<String, Vec<Positioned<FieldDefinition>>>,
    name: &str,
    depth: usize,
) -> String {
    let mut parts = vec!["__typename".to_owned()];
    for field in &objects[name] {
        let (field, inner) = (&field.node, named(&field.node.ty.node));
        let whole = field.arguments.iter().all(|argument| argument.node.ty.node.nullable);
        match objects.contains_key(inner) {
            _ if !whole || inner.ends_with("Connection") => {}
            true if depth > 0 => {
                parts.push(format!("{} {}", field.name.node, selection(objects, inner, depth - 1)));
            }
            true => {}
            false => parts.push(field.name.node.to_string()),
        }
    }
    format!("{{ {} }}", parts.join(" "))
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
    let objects = objects();
    let mut superuser = world.superuser().await;
    let mut missing = Vec::new();
    for field in &objects["Mutation"] {
        let mutation = field.node.name.node.as_str();
        let Some(input) = input(&world, mutation).await else {
            missing.push(mutation);
            continue;
        };
        assert_eq!(field.node.arguments.len(), 1, "{mutation} takes one input");
        let kind = &field.node.arguments[0].node.ty.node;
        let payload = selection(&objects, named(&field.node.ty.node), 2);
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
        again.assert_replays(&first);
        assert_eq!(contents(&mut superuser).await, once, "{mutation} has one effect");
        let other = send(&world, Who::Owner, mutation, &format!("{query} "), &variables).await;
        assert_eq!((other.status, other.code().as_str()), (422, "IDEMPOTENCY_CONFLICT"), "{mutation}");
        assert_eq!(contents(&mut superuser).await, once, "{mutation} has one effect");
    }
    assert!(missing.is_empty(), "mutations without an input in this test: {missing:?}");
    let records = "select (select count(*) from idempotency_records) + (select count(*) from account_idempotency_records)";
    let records = usize::try_from(world.count(records).await).expect("a count");
    assert_eq!(records, objects["Mutation"].len() - WITHOUT_KEY.len());
}
