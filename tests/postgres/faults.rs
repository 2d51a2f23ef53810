//! The network between the server and PostgreSQL delays, falls silent, cuts and resets.

use std::time::{Duration, Instant};

use footnote::config::Limits;
use serde_json::json;

use super::{proxied, status, until};
use crate::support::proxy::Fault;
use crate::support::{Reply, Who, World};

const READ: &str = "{ collections(first: 5) { nodes { id name } } }";
const WRITE: &str =
    "mutation($name: String!) { collectionCreate(input: { name: $name }) { collection { id } } }";
const DEADLINE: Duration = Duration::from_secs(20);

fn limits() -> Limits {
    Limits { request_seconds: DEADLINE.as_secs(), ..Limits::default() }
}

/// Reads and writes at once.
async fn requests(world: &World, round: &str, count: usize) -> Vec<Reply> {
    let all = (0..count).map(|number| async move {
        if number % 2 == 0 {
            world.ask(Who::Owner, READ, json!({})).await
        } else {
            world.ask(Who::Owner, WRITE, json!({ "name": format!("{round} {number}") })).await
        }
    });
    futures_util::future::join_all(all).await
}

/// What a client may be told while the database is away: something to wait for, and nothing about it.
#[track_caller]
fn is_told_to_wait(reply: &Reply) {
    assert!(["UNAVAILABLE", "DEADLINE_EXCEEDED"].contains(&reply.code()), "{:#}", reply.body);
    assert_eq!(reply.body["errors"][0]["extensions"]["retryable"], json!(true));
    let text = reply.body.to_string();
    for word in ["127.0.0.1", "os error", "sqlx", "EOF", "footnote_app"] {
        assert!(!text.contains(word), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_way_to_the_database_costs_time_and_nothing_else() {
    let (proxy, world) = proxied(limits()).await;
    for slow in [Fault::Delay(Duration::from_millis(200)), Fault::Trickle(Duration::from_micros(200))] {
        proxy.set(slow);
        for reply in requests(&world, &format!("{slow:?}"), 4).await {
            reply.data();
        }
        assert_eq!(status(&world, "/readyz").await, 200, "{slow:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_without_a_database_are_told_to_wait_within_their_deadline_and_the_pools_recover() {
    let (proxy, world) = proxied(limits()).await;
    for fault in [Fault::Cut, Fault::Reset, Fault::Silence] {
        // More than the pool has connections, before the fault and under way when it comes.
        for reply in requests(&world, &format!("before {fault:?}"), 24).await {
            reply.data();
        }
        let since = Instant::now();
        let round = format!("under way {fault:?}");
        let under_way = requests(&world, &round, 24);
        let break_off = async {
            tokio::time::sleep(Duration::from_millis(5)).await;
            proxy.set(fault);
        };
        let (replies, ()) = tokio::join!(under_way, break_off);
        for reply in replies.iter().filter(|reply| reply.body.get("errors").is_some()) {
            is_told_to_wait(reply);
        }
        for reply in requests(&world, &format!("during {fault:?}"), 24).await {
            is_told_to_wait(&reply);
        }
        assert!(since.elapsed() < 2 * DEADLINE + Duration::from_secs(2), "{:?}", since.elapsed());
        until("readiness tells it", Duration::from_secs(5), async || status(&world, "/readyz").await == 503)
            .await;
        assert_eq!(status(&world, "/healthz").await, 200, "the process itself is well");
        proxy.set(Fault::None);
        until("requests are answered again", Duration::from_secs(5), async || {
            world.ask(Who::Owner, READ, json!({})).await.body.get("errors").is_none()
        })
        .await;
        until("readiness tells it", Duration::from_secs(5), async || status(&world, "/readyz").await == 200)
            .await;
        // Every place of the pool is there again.
        for reply in requests(&world, &format!("after {fault:?}"), 24).await {
            reply.data();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readiness_tells_of_a_silent_database_however_many_requests_go_on() {
    let (proxy, world) = proxied(limits()).await;
    for reply in requests(&world, "warm", 24).await {
        reply.data();
    }
    proxy.set(Fault::Silence);
    let database = world.stack.app().database();
    let (sent, heard) = (database.round_trips(), database.answers());
    let asked = world.ask(Who::Owner, READ, json!({}));
    let _ = tokio::time::timeout(Duration::from_millis(700), asked).await;
    assert!(database.round_trips() > sent, "an idle connection was there to send on");
    assert_eq!(database.answers(), heard, "what is sent is not answered");
    let tells =
        until("readiness tells it", Duration::from_secs(8), async || status(&world, "/readyz").await == 503);
    let traffic = async {
        // One after the other, so that an idle connection is there to send on for as long as possible.
        loop {
            let asked = world.ask(Who::Owner, READ, json!({}));
            let _ = tokio::time::timeout(Duration::from_millis(700), asked).await;
        }
    };
    tokio::select! {
        _ = tells => {}
        () = traffic => {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_died_while_nobody_used_them_are_exchanged_before_anybody_is_told() {
    let (_proxy, world) = proxied(limits()).await;
    for reply in requests(&world, "warm", 24).await {
        reply.data();
    }
    let ended = "select count(pg_terminate_backend(pid)) from pg_stat_activity where datname = current_database() and usename = 'footnote_app'";
    assert!(world.count(ended).await > 2, "several are idle");
    for reply in requests(&world, "right after", 24).await {
        reply.data();
    }
}
