//! Preparing a PostgreSQL that somebody else runs, with passwords that were chosen beforehand.

use sqlx::{Connection, PgConnection};
use tempfile::tempdir;

use crate::support::cluster;
use crate::support::command::{Done, footnote};
use crate::support::database::{TestDatabase, connect};

async fn run(variables: Vec<(&'static str, String)>, arguments: &'static [&'static str]) -> Done {
    let command = move || {
        let folder = tempdir().expect("a folder");
        let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        footnote(folder.path(), &variables, arguments)
    };
    tokio::task::spawn_blocking(command).await.expect("it ran")
}

#[tokio::test]
async fn a_role_gets_the_password_of_its_address_and_nothing_shows_it() {
    let cluster = tokio::task::spawn_blocking(cluster::of_its_own).await.expect("a cluster");
    let mut superuser = connect(&cluster.superuser_url("postgres")).await;
    sqlx::raw_sql("create database production").execute(&mut superuser).await.expect("made");
    let superuser = cluster.superuser_url("production");
    let place = superuser.rsplit_once('@').expect("a user").1;
    let address = |role: &str, password: &str| format!("postgresql://footnote_{role}:{password}@{place}");
    // The first run makes the roles; the second finds them and changes what was changed in the settings.
    for (app, migrated) in [("first-password-of-it", true), ("other%40pass+word-of-it", false)] {
        let variables = vec![
            ("DATABASE_URL", superuser.clone()),
            ("FOOTNOTE_APP_DATABASE_URL", address("app", app)),
            ("FOOTNOTE_WORKER_DATABASE_URL", address("worker", "the-password-of-jobs")),
            ("FOOTNOTE_OWNER_DATABASE_URL", address("owner", "the-password-of-tables")),
            ("FOOTNOTE_MAINTENANCE_DATABASE_URL", address("maintenance", "the-password-of-dumps")),
        ];
        let done = run(variables, &["bootstrap", "--json"]).await;
        assert_eq!(done.code, 0, "{}", done.stderr);
        let prepared = done.json();
        assert_eq!(prepared["settings"], serde_json::json!({}));
        assert_eq!(prepared["given"].as_array().map(Vec::len), Some(4));
        assert_eq!(prepared["migrations"].as_array().is_some_and(|names| !names.is_empty()), migrated);
        let said = format!("{}{}", done.stdout, done.stderr);
        assert!(!said.contains("password") && !said.contains("pass+word"), "{said}");
        for (role, password) in
            [("app", app), ("worker", "the-password-of-jobs"), ("owner", "the-password-of-tables")]
        {
            PgConnection::connect(&address(role, password)).await.expect("the password of the address holds");
            PgConnection::connect(&address(role, "another-password-x")).await.expect_err("and no other");
        }
    }
    PgConnection::connect(&address("app", "first-password-of-it")).await.expect_err("the first one is over");
}

#[tokio::test]
async fn a_role_that_is_not_given_gets_a_random_password_once() {
    let cluster = tokio::task::spawn_blocking(cluster::of_its_own).await.expect("a cluster");
    let superuser = cluster.superuser_url("postgres");
    let place = superuser.rsplit_once('@').expect("a user").1;
    let app = format!("postgresql://footnote_app:the-password-of-requests@{place}");
    let variables = vec![("DATABASE_URL", superuser.clone()), ("FOOTNOTE_APP_DATABASE_URL", app.clone())];
    let done = run(variables.clone(), &["bootstrap"]).await;
    assert_eq!(done.code, 0, "{}", done.stderr);
    assert!(!done.stdout.contains("FOOTNOTE_APP_DATABASE_URL="), "{}", done.stdout);
    let printed = done.stdout.lines().find_map(|line| line.strip_prefix("FOOTNOTE_WORKER_DATABASE_URL="));
    let worker = printed.expect("an address").to_owned();
    let again = run(variables, &["bootstrap"]).await;
    assert!(again.stdout.contains("footnote_worker keeps its password"), "{}", again.stdout);
    for url in [app, worker] {
        PgConnection::connect(&url).await.expect("it holds");
    }
}

#[tokio::test]
async fn addresses_that_cannot_be_given_are_told_at_once_and_change_nothing() {
    let database = TestDatabase::create().await;
    let variables = vec![
        ("DATABASE_URL", database.superuser.clone()),
        ("FOOTNOTE_APP_DATABASE_URL", "postgresql://postgres:0123456789abcdef@db/x".to_owned()),
        ("FOOTNOTE_WORKER_DATABASE_URL", "postgresql://footnote_worker:short@db/x".to_owned()),
        ("FOOTNOTE_OWNER_DATABASE_URL", "nonsense".to_owned()),
    ];
    let done = run(variables, &["bootstrap"]).await;
    assert_eq!(done.code, 2, "{}", done.stderr);
    assert_eq!(done.stderr.lines().count(), 3, "{}", done.stderr);
    for name in ["FOOTNOTE_APP_DATABASE_URL", "FOOTNOTE_WORKER_DATABASE_URL", "FOOTNOTE_OWNER_DATABASE_URL"] {
        assert!(done.stderr.contains(&format!("footnote: {name} ")), "{}", done.stderr);
    }
    PgConnection::connect(database.app()).await.expect("nothing was changed");
}
