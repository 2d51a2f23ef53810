//! The answer to COMMIT is lost: nobody knows, and the same key finds out.

use std::time::Duration;

use footnote::config::Limits;
use serde_json::{Value, json};
use sqlx::Row;

use super::{proxied, until};
use crate::support::proxy::Fault;
use crate::support::{Who, World};

const WRITE: &str =
    "mutation($name: String!) { collectionCreate(input: { name: $name }) { collection { id } } }";

/// Makes every commit of the application take a second, after everything else of it was done.
const SLOW_COMMIT: &str = "create function public.slow_commit() returns trigger language plpgsql as
      $$ begin perform pg_sleep(1); return null; end $$;
    create constraint trigger slow_commit after insert on public.events
      deferrable initially deferred for each row execute function public.slow_commit()";

async fn keyed(world: &World, key: &str, name: &str) -> Value {
    let (authorization, workspace) = world.headers(Who::Owner).expect("a token");
    let request = world
        .http()
        .post(format!("{}/graphql", world.address))
        .header("content-type", "application/json")
        .header("authorization", authorization)
        .header("x-workspace", workspace)
        .header("idempotency-key", key)
        .body(json!({ "query": WRITE, "variables": { "name": name } }).to_string());
    request.send().await.expect("an answer").json().await.expect("JSON")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_answer_is_lost_says_so_and_its_key_gives_one_effect() {
    let (proxy, world) = proxied(Limits::default()).await;
    let mut superuser = world.superuser().await;
    sqlx::raw_sql(SLOW_COMMIT).execute(&mut superuser).await.expect("planted");
    let committing = "select count(*) from pg_stat_activity where datname = current_database() and query = 'commit' and state = 'active'";
    for (number, fault) in [Fault::Cut, Fault::Reset, Fault::Silence].into_iter().enumerate() {
        let (key, name) = (format!("key-{number}"), format!("Handbook {number}"));
        let first = keyed(&world, &key, &name);
        let break_off = async {
            until("it commits", Duration::from_secs(5), async || world.count(committing).await == 1).await;
            proxy.set(fault);
        };
        let (first, ()) = tokio::join!(first, break_off);
        let error = &first["errors"][0];
        assert_eq!(first["data"], Value::Null, "{first:#}");
        assert_eq!(error["extensions"]["code"], "UNAVAILABLE", "{first:#}");
        assert_eq!(error["extensions"]["retryable"], true, "{first:#}");
        assert!(
            error["message"].as_str().expect("a sentence").contains("may or may not have happened"),
            "{first:#}"
        );
        proxy.set(Fault::None);
        let mut again = Value::Null;
        until("the key is free", Duration::from_secs(10), async || {
            again = keyed(&world, &key, &name).await;
            again["errors"][0]["extensions"]["retryable"] != json!(true)
        })
        .await;
        assert_eq!(again.get("errors"), None, "{again:#}");
        let sql = "select count(*) filter (where name = $1), max(id::text) filter (where name = $1) from collections";
        let row = sqlx::query(sql).bind(&name).fetch_one(&mut superuser).await.expect("a count");
        assert_eq!(row.get::<i64, _>(0), 1, "one effect");
        for sql in [
            "select count(*) from collections",
            "select count(*) from idempotency_records",
            "select count(*) from events where type = 'collection.created'",
            "select count(*) from audit_entries where action = 'collection.create'",
        ] {
            assert_eq!(world.count(sql).await, i64::try_from(number).expect("small") + 1, "{sql}");
        }
    }
}
