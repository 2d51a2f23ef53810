//! What the doctor finds on a live system.

use serde_json::Value;
use tempfile::tempdir;

use crate::support::command::{Done, footnote};
use crate::support::database::{TestDatabase, connect};

async fn examine(variables: Vec<(&'static str, String)>) -> Done {
    let command = move || {
        let folder = tempdir().expect("a folder");
        let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        footnote(folder.path(), &variables, &["doctor", "--json"])
    };
    tokio::task::spawn_blocking(command).await.expect("it ran")
}

fn state(examined: &Value, name: &str) -> Value {
    let findings = examined["findings"].as_array().expect("findings");
    let found = findings.iter().find(|finding| finding["name"] == name);
    found.unwrap_or_else(|| panic!("{name} in {examined:#}"))["state"].clone()
}

#[tokio::test]
async fn a_sound_system_holds_in_every_line() {
    let database = TestDatabase::create().await;
    let done = examine(database.settings()).await;
    assert_eq!(done.code, 0, "{}{}", done.stdout, done.stderr);
    let examined = done.json();
    for name in [
        "database as app",
        "database as app: rights",
        "database as worker",
        "database as owner: rights",
        "migrations",
        "row-level security",
        "tenant policies",
        "doors",
        "rights of the roles",
        "wake-ups",
        "signing key",
        "vectors",
    ] {
        assert_eq!(state(&examined, name), "ok", "{name}: {examined:#}");
    }
}

#[tokio::test]
async fn each_promise_that_somebody_broke_by_hand_is_named() {
    let database = TestDatabase::create().await;
    let mut superuser = connect(&database.superuser).await;
    for (broken, promise) in [
        ("alter table public.documents no force row level security", "row-level security"),
        ("drop policy tenant on public.chunks", "tenant policies"),
        ("grant execute on function app.enter_session(uuid, uuid, text) to public", "doors"),
        ("grant truncate on public.citations to footnote_app", "rights of the roles"),
        ("delete from public.seaql_migrations where version like '%index_lists'", "migrations"),
    ] {
        sqlx::raw_sql(broken)
            .execute(&mut superuser)
            .await
            .unwrap_or_else(|error| panic!("{broken}: {error}"));
        let done = examine(database.settings()).await;
        assert_eq!(done.code, 1, "{}", done.stdout);
        assert_eq!(state(&done.json(), promise), "fault", "{}", done.stdout);
    }
}

#[tokio::test]
async fn a_privileged_address_and_a_dead_service_are_faults_without_a_password() {
    let database = TestDatabase::create_on_the_server().await;
    let mut variables = database.settings();
    variables[0].1.clone_from(&database.superuser);
    variables[1].1 = "postgresql://footnote_worker:hidden-password@127.0.0.1:1/x".to_owned();
    variables.push(("QDRANT_URL", "http://127.0.0.1:1".to_owned()));
    let done = examine(variables).await;
    assert_eq!(done.code, 1);
    let examined = done.json();
    for name in ["database as app: rights", "database as worker", "wake-ups", "vectors"] {
        assert_eq!(state(&examined, name), "fault", "{examined:#}");
    }
    assert!(!format!("{}{}", done.stdout, done.stderr).contains("hidden-password"));
}
