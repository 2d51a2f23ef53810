//! `footnote operator`: the real binary beside a running server.

use serde_json::json;
use tempfile::tempdir;

use super::ask;
use crate::support::World;
use crate::support::command::{Done, footnote};

async fn run(world: &World, arguments: &[&str]) -> Done {
    let owner = world.database.owner().to_owned();
    let arguments: Vec<String> =
        ["operator"].iter().chain(arguments).map(|word| (*word).to_owned()).collect();
    let command = move || {
        let folder = tempdir().expect("a folder");
        let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
        footnote(folder.path(), &[("FOOTNOTE_OWNER_DATABASE_URL", &owner)], &words)
    };
    tokio::task::spawn_blocking(command).await.expect("it ran")
}

#[tokio::test]
async fn an_operator_is_added_listed_and_revoked_and_the_key_is_printed_once() {
    let world = World::without_worker().await;
    let done =
        run(&world, &["add", "--name", "Ann", "--email", "Ann@Example.com", "--days", "2", "--json"]).await;
    assert_eq!(done.code, 0, "{}", done.stderr);
    let added = done.json();
    assert_eq!(added["email"], "ann@example.com");
    let key = added["authorization"].as_str().expect("a key");
    assert!(!done.stderr.contains("fn_op_"), "{}", done.stderr);
    let seen = ask(&world, key, None, "{ operations { operator { id } } }", json!({})).await.data();
    assert_eq!(seen["operations"]["operator"]["id"], added["id"]);
    let listed = run(&world, &["list", "--json"]).await;
    assert!(!listed.stdout.contains(key.strip_prefix("Bearer ").expect("a scheme")), "the key is shown once");
    let first = &listed.json()["operators"][0];
    assert_eq!((&first["id"], &first["status"]), (&added["id"], &json!("ACTIVE")));
    assert!(first["last_used_at"].is_string());
    let id = added["id"].as_str().expect("an id");
    assert_eq!(run(&world, &["revoke", "--id", id, "--json"]).await.json(), json!({ "id": id }));
    assert_eq!(
        ask(&world, key, None, "{ operations { version } }", json!({})).await.code(),
        "UNAUTHENTICATED"
    );
    assert_eq!(run(&world, &["list", "--json"]).await.json()["operators"][0]["status"], "REVOKED");
    // Again, and what is none.
    assert_eq!(run(&world, &["revoke", "--id", id]).await.code, 1);
    assert_eq!(run(&world, &["revoke", "--id", "nonsense"]).await.code, 2);
    assert_eq!(run(&world, &["add", "--name", "", "--email", "nonsense"]).await.code, 2);
    assert_eq!(
        run(&world, &["add", "--name", "Ann", "--email", "ann@example.com", "--days", "367"]).await.code,
        2
    );
    assert!(run(&world, &["list"]).await.stdout.contains("REVOKED"));
}
