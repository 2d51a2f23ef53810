//! After a fault everything goes on by itself: jobs, wake-ups, subscriptions, pools; and no connection keeps what was on it.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use footnote::config::{DatabaseUrls, Limits, Services};
use footnote::operations::stack::{Settings, Stack};
use footnote::supervisor;
use footnote::tenancy::{Access, Address, Database, Operation, Origin, Statements, Timeouts, Wakes};
use futures_util::{SinkExt, StreamExt};
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use super::{proxied, until};
use crate::crash::nothing_doubled;
use crate::support::pooler::authority;
use crate::support::proxy::{Fault, FaultProxy};
use crate::support::{Who, World, cluster};

const BREAKS: [Fault; 3] = [Fault::Cut, Fault::Reset, Fault::Silence];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_wait_for_the_database_and_are_done_once() {
    let (proxy, mut world) = proxied(Limits::default()).await;
    let collection = world.collection(Who::Owner, "Handbook").await;
    let agent = world.agent(Who::Owner, "Assistant").await;
    let mut documents = Vec::new();
    for number in 0..8 {
        let body = format!("Department {number} keeps its records for {} years. ", number + 3).repeat(150);
        documents.push(world.document(Who::Owner, &collection, &format!("Rule {number}"), &body).await);
    }
    world.stack.start_worker();
    for (round, fault) in BREAKS.into_iter().enumerate() {
        tokio::time::sleep(Duration::from_millis(250)).await;
        proxy.set(fault);
        tokio::time::sleep(Duration::from_millis(1500)).await;
        proxy.set(Fault::None);
        until("requests are answered", Duration::from_secs(15), async || {
            let input = json!({ "agent": agent, "input": format!("How long does department {round} keep its records?") });
            let query = "mutation($agent: ID!, $input: String!) { agentRunStart(input: { agentId: $agent, input: $input }) { agentRun { id } } }";
            world.ask(Who::Owner, query, input).await.body.get("errors").is_none()
        })
        .await;
    }
    for document in &documents {
        assert_eq!(world.ingested(Who::Owner, document).await["status"], "SUCCEEDED");
    }
    until("every run has ended", Duration::from_mins(1), async || {
        world.count("select count(*) from jobs").await == 0
    })
    .await;
    let failed = "select count(*) from agent_runs where status <> 'SUCCEEDED'";
    assert_eq!(world.count(failed).await, 0);
    nothing_doubled(&world.database).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_bridge_of_wake_ups_notices_a_dead_connection_and_builds_itself_again() {
    let (proxy, world) = proxied(Limits::default()).await;
    let bridged = async || world.stack.app().database().wakes().is_bridged();
    until("the bridge stands", Duration::from_secs(5), bridged).await;
    for fault in BREAKS {
        proxy.set(fault);
        until("the bridge is down", Duration::from_secs(10), async || !bridged().await).await;
        proxy.set(Fault::None);
        until("the bridge stands again", Duration::from_secs(6), bridged).await;
    }
}

/// What a subscriber got: its events, and whether the server said that they are all.
async fn follow(world: &World, run: &str, after: Option<&str>) -> (Vec<Value>, bool) {
    let address = format!("{}/graphql/ws", world.address.replace("http", "ws"));
    let mut request = address.into_client_request().expect("an address");
    request.headers_mut().insert("sec-websocket-protocol", "graphql-transport-ws".parse().expect("a header"));
    let (mut socket, _) = tokio_tungstenite::connect_async(request).await.expect("a socket");
    let (authorization, workspace) = world.headers(Who::Owner).expect("a token");
    let init = json!({ "type": "connection_init", "payload": { "authorization": authorization, "x-workspace": workspace } });
    socket.send(Message::text(init.to_string())).await.expect("sent");
    let query = "subscription($run: ID!, $after: String) { agentRunEvents(agentRunId: $run, after: $after) { cursor seq statusAfter } }";
    let subscribe = json!({ "id": "1", "type": "subscribe", "payload": { "query": query, "variables": { "run": run, "after": after } } });
    let mut events = Vec::new();
    while let Ok(Some(Ok(message))) = tokio::time::timeout(Duration::from_secs(30), socket.next()).await {
        let Message::Text(message) = message else { continue };
        let message: Value = serde_json::from_str(&message).expect("JSON");
        let payload = &message["payload"];
        let errors = payload.get("errors").or_else(|| payload.is_array().then_some(payload));
        if let Some(errors) = errors {
            assert_eq!(errors[0]["extensions"]["code"], "UNAVAILABLE", "{message:#}");
            return (events, false);
        }
        match message["type"].as_str() {
            Some("connection_ack") => {
                socket.send(Message::text(subscribe.to_string())).await.expect("sent");
            }
            Some("next") => events.push(payload["data"]["agentRunEvents"].clone()),
            Some("complete") => return (events, true),
            _ => {}
        }
    }
    (events, false)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscription_over_a_broken_database_goes_on_by_its_cursor_and_misses_nothing() {
    let (proxy, world) = proxied(Limits::default()).await;
    let agent = world.agent(Who::Owner, "Assistant").await;
    // Another process does the runs; its way to the database is whole.
    let server = authority(&world.database.superuser);
    let whole =
        |url: &Option<String>| url.as_ref().map(|url| url.replacen(&proxy.address().to_string(), server, 1));
    let urls = DatabaseUrls {
        app_database_url: whole(&world.database.urls.app_database_url),
        worker_database_url: whole(&world.database.urls.worker_database_url),
        ..world.database.urls.clone()
    };
    let settings =
        Settings { data: cluster::scratch(), urls, limits: Limits::default(), services: Services::default() };
    let mut worker = Stack::open(settings).await.expect("a stack");
    worker.start_worker();
    let mut interrupted = 0;
    for fault in BREAKS {
        let run = world.run(Who::Owner, &agent, "How many days?").await;
        let breaking = async {
            proxy.set(fault);
            tokio::time::sleep(Duration::from_millis(2500)).await;
            proxy.set(Fault::None);
        };
        let following = async {
            let (mut all, mut ended) = (Vec::<Value>::new(), false);
            while !ended {
                let cursor = all.last().and_then(|event| event["cursor"].as_str().map(str::to_owned));
                let (more, complete) = follow(&world, &run, cursor.as_deref()).await;
                all.extend(more);
                ended = complete;
                interrupted += usize::from(!complete);
            }
            all
        };
        let following = tokio::time::timeout(Duration::from_mins(1), following);
        let ((), all) = tokio::join!(breaking, following);
        let all = all.expect("it ends");
        let seqs: Vec<_> = all.iter().map(|event| event["seq"].as_u64().expect("a seq")).collect();
        assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>(), "nothing missed, nothing twice");
        assert_eq!(all.last().expect("events")["statusAfter"], "SUCCEEDED", "{fault:?}");
    }
    assert!(interrupted > 0, "the faults were noticed");
    worker.close().await.expect("closed");
}

async fn slug_seen(operation: &Operation) -> Result<String, sea_orm::DbErr> {
    let statement = Statement::from_string(DbBackend::Postgres, "select slug from workspaces");
    let rows = operation.query_all_raw(statement).await?;
    Ok(rows.iter().filter_map(|row| row.try_get::<String>("", "slug").ok()).collect::<Vec<_>>().join(","))
}

fn origin(world: &World, who: Who) -> Origin {
    let credentials = world.credentials(who);
    Origin::Session { session: credentials.session, workspace: credentials.workspace }
}

/// A pool on the proxy's side of it.
async fn pool(proxy: &FaultProxy, world: &World, connections: u32) -> Database {
    let url = world.database.urls.app_database_url.as_deref().expect("an address");
    assert!(url.contains(&proxy.address().to_string()));
    let (wakes, _outgoing) = Wakes::new();
    Database::connect(Address::new(url, Statements::Named), connections, wakes).await.expect("a pool")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_operations_under_random_faults_leave_no_context_on_any_connection() {
    const CONNECTIONS: usize = 4;
    let (proxy, world) = proxied(Limits::default()).await;
    let database = pool(&proxy, &world, u32::try_from(CONNECTIONS).expect("small")).await;
    let (done, entered) = (AtomicBool::new(false), AtomicUsize::new(0));
    let flip = async {
        while !done.load(Ordering::Relaxed) {
            proxy.set(Fault::None);
            tokio::time::sleep(Duration::from_millis(20 + u64::from(rand::random::<u8>()) / 2)).await;
            proxy.set(match rand::random::<u8>() % 4 {
                0 => Fault::Cut,
                1 => Fault::Reset,
                2 => Fault::Silence,
                _ => Fault::Delay(Duration::from_millis(3)),
            });
            tokio::time::sleep(Duration::from_millis(u64::from(rand::random::<u8>()) / 8)).await;
        }
        proxy.set(Fault::None);
    };
    let operate = async {
        let operations = (0..200_u64).map(|number| {
            let (database, world, entered) = (&database, &world, &entered);
            async move {
                let (who, slug) =
                    if number % 2 == 0 { (Who::Owner, "acme") } else { (Who::Stranger, "globex") };
                let access = if number % 3 == 0 { Access::ReadOnly } else { Access::ReadWrite };
                let work = async {
                    let operation = database.operation(origin(world, who), access).await.ok()?;
                    // Whatever breaks, nobody sees another's.
                    assert_eq!(slug_seen(&operation).await.ok()?, slug);
                    entered.fetch_add(1, Ordering::Relaxed);
                    if number % 5 != 0 {
                        operation.commit().await.ok()?;
                    }
                    Some(())
                };
                // Some are given up by their clients, at any moment.
                let _ = tokio::time::timeout(Duration::from_millis(20 + number * 10), work).await;
            }
        });
        futures_util::stream::iter(operations).buffer_unordered(8).collect::<Vec<()>>().await;
        done.store(true, Ordering::Relaxed);
    };
    tokio::join!(flip, operate);
    assert!(entered.load(Ordering::Relaxed) > 20, "the faults left some through");
    // What was cut off ends by the server's own limits.
    let open = "select count(*) from pg_stat_activity where datname = current_database() and usename = 'footnote_app' and state like 'idle in%'";
    until("no transaction is open", Duration::from_secs(20), async || world.count(open).await == 0).await;
    // A door refuses a connection that has a context, so all of them at once prove that none has.
    let mut held = Vec::new();
    for number in 0..CONNECTIONS {
        let (who, slug) = if number % 2 == 0 { (Who::Stranger, "globex") } else { (Who::Owner, "acme") };
        let operation = database.operation(origin(&world, who), Access::ReadOnly).await.expect("entered");
        assert_eq!(slug_seen(&operation).await.expect("rows"), slug);
        held.push(operation);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_and_its_transaction_end_by_their_limits_when_the_client_is_gone() {
    let (proxy, world) = proxied(Limits::default()).await;
    let timeouts = Timeouts { statement_ms: 1500, lock_ms: 500, idle_ms: 1500 };
    let database = pool(&proxy, &world, 1).await.with_timeouts(timeouts);
    let operation = database.operation(origin(&world, Who::Owner), Access::ReadWrite).await.expect("entered");
    let sleeping = supervisor::spawn("a long statement", async move {
        let sleep = Statement::from_string(DbBackend::Postgres, "select pg_sleep(60)");
        operation.query_one_raw(sleep).await.is_err()
    });
    let running = "select count(*) from pg_stat_activity where datname = current_database() and query like '%pg_sleep(60)%' and state = 'active' and pid <> pg_backend_pid()";
    until("it runs", Duration::from_secs(1), async || world.count(running).await == 1).await;
    proxy.set(Fault::Silence);
    until("the statement has ended", Duration::from_secs(3), async || world.count(running).await == 0).await;
    let open = "select count(*) from pg_stat_activity where datname = current_database() and usename = 'footnote_app' and xact_start is not null";
    until("the transaction has ended", Duration::from_secs(4), async || world.count(open).await == 0).await;
    assert_eq!(sleeping.join().await, Some(true), "the client hears of it although the server is silent");
    proxy.set(Fault::None);
    database
        .operation(origin(&world, Who::Owner), Access::ReadOnly)
        .await
        .expect("the pool has its place again");
}
