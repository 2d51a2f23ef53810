//! Behind a transaction pooler. These run where `FOOTNOTE_TEST_POOLER` names PgBouncer: `cargo test -- --ignored behind_a_pooler`.

use std::time::Duration;

use footnote::operations::migrations::Migrations;
use footnote::tenancy::{Access, Address, Database, Origin, Statements, Wakes};
use futures_util::StreamExt;
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use serde_json::json;

use super::until;
use crate::support::pooler::{SERVER_CONNECTIONS, authority};
use crate::support::{Who, World};

fn pooled(world: &World) -> &str {
    assert!(world.database.urls.no_named_statements, "set FOOTNOTE_TEST_POOLER to the program of PgBouncer");
    world.database.urls.app_database_url.as_deref().expect("an address")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs FOOTNOTE_TEST_POOLER"]
async fn behind_a_pooler_many_operations_share_few_connections() {
    let world = World::new().await;
    assert_ne!(authority(pooled(&world)), authority(&world.database.superuser));
    let collection = world.collection(Who::Owner, "Handbook").await;
    let document = world.document(Who::Owner, &collection, "Leave", "Thirty days of paid leave.").await;
    assert_eq!(world.ingested(Who::Owner, &document).await["status"], "SUCCEEDED");
    let asked = (0..200).map(|number| {
        let world = &world;
        async move {
            let (who, expected) =
                if number % 2 == 0 { (Who::Owner, "acme") } else { (Who::Stranger, "globex") };
            let data = world.ask(who, "{ workspace { slug } }", json!({})).await.data();
            assert_eq!(data["workspace"]["slug"], expected);
        }
    });
    futures_util::stream::iter(asked).buffer_unordered(16).collect::<Vec<()>>().await;
    let backends = "select count(*) from pg_stat_activity where datname = current_database() and usename = 'footnote_app'";
    let connections = world.count(backends).await;
    assert!((1..=SERVER_CONNECTIONS).contains(&connections), "{connections}");
    let bridged = async || world.stack.app().database().wakes().is_bridged();
    until("wake-ups come by the direct address", Duration::from_secs(5), bridged).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs FOOTNOTE_TEST_POOLER"]
async fn behind_a_pooler_named_statements_fail_and_the_log_names_the_setting() {
    let world = World::without_worker().await;
    let mut refusals = Vec::new();
    for _ in 0..20 {
        let (wakes, _outgoing) = Wakes::new();
        let named = Address::new(pooled(&world), Statements::Named);
        let database = Database::connect(named, 4, wakes).await.expect("a pool");
        for _ in 0..4 {
            let credentials = world.credentials(Who::Owner);
            let origin = Origin::Session { session: credentials.session, workspace: credentials.workspace };
            let operation = database.operation(origin, Access::ReadOnly).await.expect("entered");
            let statement = Statement::from_string(DbBackend::Postgres, "select slug from workspaces");
            refusals.extend(operation.query_all_raw(statement).await.err());
        }
    }
    let refusal = footnote::error::Error::from(refusals.pop().expect("names meet those of other clients"));
    assert!(format!("{refusal:?}").contains("FOOTNOTE_NO_NAMED_STATEMENTS"), "{refusal:?}");
    assert!(!refusal.message().contains("FOOTNOTE"), "{}", refusal.message());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs FOOTNOTE_TEST_POOLER"]
async fn behind_a_pooler_nothing_is_heard_and_nothing_migrates() {
    let world = World::without_worker().await;
    let (wakes, outgoing) = Wakes::new();
    let bridge = wakes.clone().bridge(outgoing, pooled(&world).to_owned());
    let _ = tokio::time::timeout(Duration::from_secs(6), bridge).await;
    assert!(!wakes.is_bridged(), "LISTEN through the pooler succeeds, and is not taken for a bridge");
    let owner = world.database.owner();
    let through = owner.replacen(authority(owner), authority(pooled(&world)), 1);
    let refusal = Migrations::connect(&through).await.err().expect("refused").to_string();
    assert!(refusal.contains("the server's own address"), "{refusal}");
}
