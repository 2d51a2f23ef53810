//! What the embedded PostgreSQL promises, on a real one.

use std::fs::{self, DirBuilder, Permissions};
use std::mem;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sqlx::{Connection, PgConnection};
use tempfile::TempDir;

use super::{Cluster, Options, StartError, percent_encoded};

/// A folder that the server's user can enter.
fn open_folder() -> TempDir {
    tempfile::Builder::new().permissions(Permissions::from_mode(0o755)).tempdir().expect("a temporary folder")
}

fn options(parent: &TempDir, durable: bool) -> Options {
    Options { folder: parent.path().join("postgres"), max_connections: 10, durable }
}

async fn connect(cluster: &Cluster) -> PgConnection {
    PgConnection::connect(&cluster.superuser_url("postgres")).await.expect("the server takes its password")
}

async fn rows(cluster: &Cluster) -> i64 {
    sqlx::query_scalar("select count(*) from kept")
        .fetch_one(&mut connect(cluster).await)
        .await
        .expect("the table is there")
}

#[tokio::test]
async fn data_survive_a_stop_a_killed_server_and_a_killed_parent() {
    let parent = open_folder();
    let cluster = Cluster::start(options(&parent, true)).await.expect("the first start makes the cluster");
    let mut connection = connect(&cluster).await;
    sqlx::raw_sql("create table kept (n int); insert into kept values (1)")
        .execute(&mut connection)
        .await
        .expect("it is new");
    cluster.stop().await;

    let cluster = Cluster::start(options(&parent, true)).await.expect("it starts again after a stop");
    assert_eq!(rows(&cluster).await, 1);
    sqlx::query("insert into kept values (2)")
        .execute(&mut connect(&cluster).await)
        .await
        .expect("the table is there");
    let record =
        fs::read_to_string(cluster.home.cluster().join("postmaster.pid")).expect("the server is running");
    let pid = record
        .lines()
        .next()
        .and_then(|line| line.parse().ok())
        .expect("the record begins with the process id");
    kill(Pid::from_raw(pid), Signal::SIGKILL).expect("it is running");
    drop(cluster);

    let cluster =
        Cluster::start(options(&parent, true)).await.expect("it starts again after the server was killed");
    assert_eq!(rows(&cluster).await, 2);
    let old_port = cluster.port();
    let mut orphaned = connect(&cluster).await;
    // What a killed parent leaves: no lock, and a server that nobody told to stop.
    let Cluster { postmaster, _lock: lock, .. } = cluster;
    mem::forget(postmaster);
    drop(lock);

    let cluster =
        Cluster::start(options(&parent, true)).await.expect("it starts again after its parent was killed");
    assert_eq!(rows(&cluster).await, 2);
    assert!(orphaned.ping().await.is_err(), "the server of the killed parent on port {old_port} is stopped");
    cluster.stop().await;
}

#[tokio::test]
async fn a_server_takes_only_its_password_and_speaks_utf8_and_utc() {
    let parent = open_folder();
    let cluster = Cluster::start(options(&parent, false)).await.expect("the cluster starts");
    let url = cluster.superuser_url("postgres");
    let wrong = url.replace(&cluster.password, "wrong");
    assert!(PgConnection::connect(&wrong).await.is_err(), "a wrong password is refused");

    let mut connection = connect(&cluster).await;
    for (setting, value) in [
        ("server_encoding", "UTF8"),
        ("TimeZone", "UTC"),
        ("listen_addresses", "127.0.0.1"),
        ("max_connections", "10"),
        ("fsync", "off"),
        ("password_encryption", "scram-sha-256"),
    ] {
        let shown: String = sqlx::query_scalar("select current_setting($1)")
            .bind(setting)
            .fetch_one(&mut connection)
            .await
            .expect("it is a setting");
        assert_eq!(shown, value, "{setting}");
    }
    let bytewise: bool = sqlx::query_scalar("select 'B' < 'a' and 'z' < 'é'")
        .fetch_one(&mut connection)
        .await
        .expect("it compares");
    assert!(bytewise, "text sorts by its bytes");

    assert!(!format!("{cluster:?}").contains(&cluster.password));
    let mode = fs::metadata(cluster.home.password_file()).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let busy = Cluster::start(options(&parent, false)).await.expect_err("the cluster is in use");
    assert!(matches!(busy, StartError::InUse(_)), "{busy}");
    cluster.stop().await;
}

#[tokio::test]
async fn a_half_made_cluster_is_made_anew_and_clients_errors_stay_out_of_the_log() {
    let parent = open_folder();
    let half = parent.path().join("postgres/initializing-0123abcd");
    DirBuilder::new().recursive(true).mode(0o755).create(half.join("data/base")).expect("the folder is new");
    fs::write(half.join("data/PG_VERSION"), "15\n").expect("the folder takes files");

    let cluster = Cluster::start(options(&parent, false)).await.expect("the remains are in nobody's way");
    assert!(!half.exists());
    let mut connection = connect(&cluster).await;
    sqlx::query("select 'a secret'::int").execute(&mut connection).await.expect_err("that is no number");
    let log = fs::read_to_string(cluster.home.log()).expect("there is a log");
    assert!(log.contains("ready to accept connections") && !log.contains("secret"), "{log}");
    cluster.stop().await;
}

#[tokio::test]
async fn a_dropped_cluster_ends() {
    let parent = open_folder();
    let cluster = Cluster::start(options(&parent, false)).await.expect("the cluster starts");
    let mut connection = connect(&cluster).await;
    drop(cluster);
    let ended = async {
        while connection.ping().await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), ended).await.expect("the server was told to stop");
}

#[tokio::test]
async fn a_start_that_fails_says_why_and_keeps_the_password_to_itself() {
    let parent = open_folder();
    let cluster = Cluster::start(options(&parent, false)).await.expect("the cluster starts");
    let (file, password) = (cluster.home.cluster().join("postgresql.conf"), cluster.password.clone());
    cluster.stop().await;
    fs::write(file, "no_such_setting = 1\n").expect("the folder takes files");
    let failed = Cluster::start(options(&parent, false)).await.expect_err("the setting is unknown");
    let text = format!("{failed} {failed:?}");
    assert!(text.contains("no_such_setting") && !text.contains(&password), "{text}");
}

#[test]
fn names_of_databases_are_encoded_in_urls() {
    assert_eq!(percent_encoded("a-b_c.~9"), "a-b_c.~9");
    assert_eq!(percent_encoded("é/?#@ %"), "%C3%A9%2F%3F%23%40%20%25");
}
