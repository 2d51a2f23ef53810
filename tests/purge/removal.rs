//! What a purge removes, what it leaves, and what it says of it.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use sqlx::Row;

use super::{ask_in, assert_gone, delete, dump, files, fill, purged, rows, tables, workspace, world};
use crate::support::Who;
use crate::support::database::{TestDatabase, connect};

#[tokio::test]
async fn every_tenant_table_is_in_the_order_of_the_purge_before_what_it_refers_to() {
    let database = TestDatabase::create().await;
    let mut superuser = connect(&database.superuser).await;
    let row = sqlx::query("select app.purge_order()").fetch_one(&mut superuser).await.expect("the order");
    let order: Vec<String> = row.get(0);
    let listed: BTreeSet<&String> = order.iter().collect();
    assert_eq!(listed.len(), order.len(), "no table stands twice");
    let tables = tables(&mut superuser).await;
    let missing: Vec<_> = tables.iter().filter(|table| !listed.contains(table)).collect();
    assert!(
        missing.is_empty(),
        "{missing:?} would keep a deleted workspace for ever: add each, before what it refers to, to app.purge_order() by a migration"
    );
    let rights = "select table_name::text from information_schema.role_table_grants
        where table_schema = 'public' and grantee = 'footnote_system' and privilege_type in ('SELECT', 'DELETE')
        group by table_name having count(*) = 2
        intersect select tablename::text from pg_policies where schemaname = 'public' and 'footnote_system' = any (roles) and cmd = 'ALL'";
    let rights = sqlx::query(rights).fetch_all(&mut superuser).await.expect("rights");
    let rights: BTreeSet<String> = rights.iter().map(|row| row.get(0)).collect();
    let missing: Vec<_> = tables.iter().filter(|table| !rights.contains(*table)).collect();
    assert!(
        missing.is_empty(),
        "the purge may not empty {missing:?}: make it with `doors: true`, or give footnote_system SELECT, DELETE and the policy `purge`"
    );
    let references = "select c.conrelid::regclass::text, c.confrelid::regclass::text from pg_constraint c
        join pg_attribute a on a.attrelid = c.confrelid and a.attname = 'workspace_id'
        where c.contype = 'f' and c.conrelid <> c.confrelid and c.conname <> 'documents_current_version'";
    for row in sqlx::query(references).fetch_all(&mut superuser).await.expect("references") {
        let (child, parent): (String, String) = (row.get(0), row.get(1));
        let place = |table: &str| order.iter().position(|listed| listed == table);
        assert!(place(&child) < place(&parent), "{child} refers to {parent}, so it is emptied before");
    }
}

#[tokio::test]
async fn nothing_of_a_purged_workspace_is_left_anywhere_and_its_neighbour_is_untouched() {
    let mut world = world(0, 0).await;
    world.stack.start_worker();
    fill(&world, Who::Owner).await;
    fill(&world, Who::Stranger).await;
    let mut superuser = world.superuser().await;
    let (acme, globex) = (workspace(&mut superuser, "acme").await, workspace(&mut superuser, "globex").await);
    // More rows than one transaction removes.
    let many = "insert into collections (workspace_id, id, name) select $1, gen_random_uuid(), 'Many ' || n from generate_series(1, 5000) n";
    sqlx::query(many).bind(acme).execute(&mut superuser).await.expect("planted");
    let made = rows(&mut superuser, acme).await;
    let empty: Vec<_> =
        tables(&mut superuser).await.into_iter().filter(|table| !made.contains_key(table)).collect();
    assert!(empty.is_empty(), "{empty:?} proves nothing without a row: plant one in tests/purge/mod.rs");
    let (vectors, objects) = files(&world, acme);
    assert!(!vectors.is_empty() && objects.len() == 1, "{vectors:?} {objects:?}");
    let users = world.count("select count(*) from users").await;
    let (before, stores_before) = (dump(&mut superuser, globex).await, files(&world, globex));

    delete(&world, Who::Owner, "acme").await.data();
    let record = purged(&mut superuser, acme).await;

    assert_gone(&world, &mut superuser, acme).await;
    assert_eq!(record["remaining"], json!({ "postgres": 0, "vectors": 0, "objects": 0 }));
    assert_eq!(record["removed"]["objects"], 1);
    assert!(record["removed"]["vectors"].as_i64() > Some(1), "{record:#}");
    // The mutation added an event, an audit entry and no more; what a job took away meanwhile was not removed by the purge.
    for (table, count) in &made {
        let removed = record["removed"]["postgres"][table].as_i64().unwrap_or_default();
        let expected = if ["events", "audit_entries"].contains(&table.as_str()) { count + 1 } else { *count };
        assert!(removed == expected || table == "jobs", "{table}: {removed} of {expected}");
    }
    assert_eq!(record["failure"], Value::Null);
    assert!(!record.to_string().contains("acme"), "named by id alone: {record:#}");
    assert_eq!(dump(&mut superuser, globex).await, before, "the neighbour's rows");
    assert_eq!(files(&world, globex), stores_before, "the neighbour's files");
    assert_eq!(world.count("select count(*) from users").await, users, "people stay");
    let mails = "select count(*) from outgoing_mails m join workspaces w on m.detail ->> 'workspace_id' = w.id::text where w.slug = 'globex'";
    assert_eq!(world.count(mails).await, 1, "the neighbour's mails");
    assert_eq!(world.count("select count(*) from outgoing_mails where detail is not null").await, 1);
    for who in [Who::Owner, Who::Admin, Who::Member, Who::Viewer] {
        assert_eq!(world.ask(who, "{ workspace { id } }", json!({})).await.code(), "NOT_FOUND");
    }
    let key =
        sqlx::query("select * from app.enter_key(sha256($1::uuid::text::bytea), null, null)").bind(acme);
    let refused = key.fetch_all(&mut superuser).await.expect_err("a key of nothing");
    let code = refused.as_database_error().and_then(sqlx::error::DatabaseError::code);
    assert_eq!(code.as_deref(), Some("FN050"));
    // The slug is free, and what takes it begins empty.
    let create = "mutation { workspaceCreate(input: { name: \"Again\", slug: \"acme\" }) { workspace { id purgeAt } } }";
    ask_in(&world, Who::Stranger, "globex", create, json!({})).await.data();
    let lists = "{ collections(first: 1) { totalCount } documents(first: 1) { totalCount } agentRuns(first: 1) { totalCount } }";
    let lists = ask_in(&world, Who::Stranger, "acme", lists, json!({})).await.data();
    for list in ["collections", "documents", "agentRuns"] {
        assert_eq!(lists[list]["totalCount"], 0, "{list}");
    }
    assert!(world.stack.app().lane().purges().claim(1000).await.expect("asked").is_none(), "it is done once");
}

#[tokio::test]
async fn what_its_maker_was_answered_goes_with_it() {
    let mut world = world(0, 0).await;
    let create =
        "mutation { workspaceCreate(input: { name: \"Mine\", slug: \"mine\" }) { workspace { id } } }";
    let (authorization, _) = world.headers(Who::Owner).expect("a token");
    let headers = [("authorization", authorization), ("idempotency-key", "mine")];
    world.ask_with(&headers, create, json!({})).await.data();
    assert_eq!(world.count("select count(*) from account_idempotency_records").await, 1);
    let mut superuser = world.superuser().await;
    let mine = workspace(&mut superuser, "mine").await;
    ask_in(&world, Who::Owner, "mine", super::DELETE, json!({ "slug": "mine" })).await.data();
    world.stack.start_worker();
    purged(&mut superuser, mine).await;
    assert_eq!(world.count("select count(*) from account_idempotency_records").await, 0);
    assert_eq!(
        world.ask(Who::Owner, "{ workspace { slug } }", json!({})).await.data()["workspace"]["slug"],
        "acme"
    );
}

#[tokio::test]
async fn no_door_removes_a_workspace_that_lives_and_nobody_else_removes_append_only_rows() {
    let world = world(30, 0).await;
    world.collection(Who::Stranger, "Handbook").await;
    let mut superuser = world.superuser().await;
    let globex = workspace(&mut superuser, "globex").await;
    let before = dump(&mut superuser, globex).await;
    // As if a purge had been planted for a workspace whose deletion nobody asked for.
    let planted = "insert into workspace_purges (id, tenant_id, requested_by, due_at, run_at) values ($1, $1, $1, now(), now())";
    sqlx::query(planted).bind(globex).execute(&mut superuser).await.expect("planted");
    let purges = world.stack.app().lane().purges();
    let claimed = purges.claim(60_000).await.expect("asked").expect("due");
    assert!(purges.remove_rows(&claimed, 1000, 60_000).await.is_err(), "it lives");
    let ended = purges.finish(&claimed, footnote::tenancy::Kept::default(), std::time::Duration::ZERO).await;
    assert_eq!(ended.expect("counted"), footnote::tenancy::PurgeEnd::Remaining);
    let stranger = footnote::tenancy::ClaimedPurge { lease_token: uuid::Uuid::nil(), ..claimed.clone() };
    assert!(purges.remove_rows(&stranger, 1000, 60_000).await.is_err(), "no lease");
    assert!(!purges.renew(&stranger, 60_000, None).await.expect("asked"));
    assert!(!purges.failed(&stranger, "x", 1).await.expect("asked"));
    assert_eq!(dump(&mut superuser, globex).await, before);
    for role in [world.database.app(), world.database.worker()] {
        let mut connection = connect(role).await;
        for sql in [
            "select set_config('app.purging', $1::uuid::text, false)",
            "select app.purging() where $1::uuid is not null",
            "delete from events where workspace_id = $1",
            "delete from workspaces where id = $1",
            "select 1 from workspace_purges where tenant_id = $1",
        ] {
            let outcome = sqlx::query(sql).bind(globex).execute(&mut connection).await;
            assert_eq!(outcome.is_ok(), sql.contains("set_config"), "{sql}");
        }
    }
    let deleted =
        sqlx::query("delete from events where workspace_id = $1").bind(globex).execute(&mut superuser).await;
    assert!(deleted.is_err(), "not even by a superuser");
}
