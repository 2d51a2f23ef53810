//! Preparing a PostgreSQL that somebody else runs, with passwords that were chosen beforehand.

use sqlx::{Connection, PgConnection};
use tempfile::tempdir;

use crate::support::command::{Done, footnote};
use crate::support::database::TestDatabase;

fn maintenance(database: &TestDatabase, password: &str) -> String {
    let place = database.superuser.rsplit_once('@').expect("a user").1;
    format!("postgresql://footnote_maintenance:{password}@{place}")
}

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
    let database = TestDatabase::create().await;
    let urls = &database.urls;
    for password in ["first-password-of-it", "other%40pass+word-of-it"] {
        let url = maintenance(&database, password);
        // The other roles get the passwords that they have, which other tests use at the same time.
        let variables = vec![
            ("DATABASE_URL", database.superuser.clone()),
            ("FOOTNOTE_APP_DATABASE_URL", urls.app_database_url.clone().expect("set")),
            ("FOOTNOTE_WORKER_DATABASE_URL", urls.worker_database_url.clone().expect("set")),
            ("FOOTNOTE_OWNER_DATABASE_URL", urls.owner_database_url.clone().expect("set")),
            ("FOOTNOTE_MAINTENANCE_DATABASE_URL", url.clone()),
        ];
        let done = run(variables, &["bootstrap", "--json"]).await;
        assert_eq!(done.code, 0, "{}", done.stderr);
        let prepared = done.json();
        assert_eq!(prepared["settings"], serde_json::json!({}));
        assert_eq!(prepared["given"].as_array().map(Vec::len), Some(4));
        assert!(
            !done.stdout.contains("password") && !done.stderr.contains("pass"),
            "{}{}",
            done.stdout,
            done.stderr
        );
        PgConnection::connect(&url).await.expect("the password of the address holds");
        let wrong = maintenance(&database, "another-password-x");
        PgConnection::connect(&wrong).await.expect_err("and no other");
    }
    // The application's roles can still enter.
    PgConnection::connect(database.app()).await.expect("the app's password is the same");
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
