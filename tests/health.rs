//! Readiness: what it says of each dependency, and how soon.

use std::time::{Duration, Instant};

use footnote::config::{DatabaseUrls, Limits, Services};
use footnote::operations::stack::{Settings, Stack};
use footnote::server::ServeOptions;
use footnote::supervisor;
use footnote::tenancy::{Access, Origin, WorkspaceKey};
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use serde_json::Value;
use tokio::net::TcpListener;

use crate::support::database::TestDatabase;
use crate::support::proxy::{Fault, FaultProxy};
use crate::support::{Who, World, cluster, command};

/// Not older than this is what readiness says.
const TRUTH: Duration = Duration::from_secs(5);

async fn ready(address: &str) -> (u16, Value) {
    footnote::adapters::http::use_ring();
    let response = reqwest::get(format!("{address}/readyz")).await.expect("an answer");
    (response.status().as_u16(), response.json().await.expect("JSON"))
}

fn dependency<'a>(report: &'a Value, name: &str) -> &'a Value {
    let dependencies = report["dependencies"].as_array().expect("dependencies");
    dependencies.iter().find(|one| one["name"] == name).unwrap_or_else(|| panic!("{name} in {report:#}"))
}

/// Asks until the status is this one; how long it took.
async fn until(address: &str, status: u16) -> (Duration, Value) {
    let begun = Instant::now();
    loop {
        let asked = Instant::now();
        let (found, report) = ready(address).await;
        assert!(asked.elapsed() < Duration::from_millis(500), "readiness itself waits for nobody");
        if found == status {
            return (begun.elapsed(), report);
        }
        assert!(begun.elapsed() < TRUTH * 2, "still {found}: {report:#}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn readiness_names_every_dependency_and_no_address() {
    let world = World::without_worker().await;
    let (status, report) = ready(&world.address).await;
    assert_eq!((status, &report["status"]), (200, &Value::from("ok")), "{report:#}");
    for name in ["database", "migrations", "jobs", "wakeUps", "vectors", "objects", "mail"] {
        let one = dependency(&report, name);
        assert_eq!(one["status"], "ok", "{report:#}");
        assert!(one["tookMs"].as_f64().is_some_and(|took| took < 2000.0), "{report:#}");
        assert!(one["since"].as_str().is_some_and(|since| since.contains('T')), "{report:#}");
    }
    assert_eq!(dependency(&report, "database")["required"], true);
    assert_eq!(dependency(&report, "vectors")["required"], false);
    let text = report.to_string();
    assert!(!text.contains("127.0.0.1") && !text.contains("postgres"), "{text}");
}

#[tokio::test]
async fn a_database_that_is_away_makes_it_unready_within_five_seconds_and_comes_back_by_itself() {
    let database = TestDatabase::create_on_the_server().await;
    let app = database.app();
    let place = app.rsplit_once('@').expect("a user").1.split('/').next().expect("a host");
    let proxy = FaultProxy::before(place).await;
    let through =
        |url: &Option<String>| url.as_ref().map(|url| url.replace(place, &proxy.address().to_string()));
    let urls = DatabaseUrls {
        app_database_url: through(&database.urls.app_database_url),
        worker_database_url: through(&database.urls.worker_database_url),
        ..database.urls.clone()
    };
    let settings = Settings {
        data: cluster::scratch(),
        urls,
        limits: Limits { app_connections: 2, worker_connections: 2, ..Limits::default() },
        services: Services::default(),
    };
    let mut stack = Stack::open(settings).await.expect("a stack");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    stack.start_server(listener, ServeOptions::default());
    assert_eq!(ready(&address).await.0, 200);
    for fault in [Fault::Silence, Fault::Reset, Fault::Cut] {
        proxy.set(fault);
        let (took, report) = until(&address, 503).await;
        assert!(took < TRUTH, "{fault:?}: {took:?}");
        assert_eq!(
            (&report["status"], &dependency(&report, "database")["status"]),
            (&Value::from("unavailable"), &Value::from("unavailable"))
        );
        assert_eq!(dependency(&report, "vectors")["status"], "ok");
        proxy.set(Fault::None);
        until(&address, 200).await;
    }
    stack.close().await.expect("closed");
}

#[tokio::test]
async fn a_database_that_is_busy_is_not_away() {
    let world = World::without_worker().await;
    // Every connection of the pool is held by an operation that goes on talking, and more of them wait.
    let busy = (0..12).map(|_| {
        let database = world.stack.app().database().clone();
        let session = world.credentials(Who::Owner).session;
        let origin = Origin::Session { session, workspace: WorkspaceKey::parse("acme") };
        let task = supervisor::spawn("busy", async move {
            while let Ok(operation) = database.operation(origin.clone(), Access::ReadOnly).await {
                for _ in 0..200 {
                    let sleep = Statement::from_string(DbBackend::Postgres, "select pg_sleep(0.05)");
                    operation.query_one_raw(sleep).await.expect("a row");
                }
            }
        });
        task.abort_on_drop()
    });
    let busy: Vec<_> = busy.collect();
    let begun = Instant::now();
    while begun.elapsed() < TRUTH {
        let (status, report) = ready(&world.address).await;
        assert_eq!(status, 200, "{report:#}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    drop(busy);
}

#[tokio::test]
async fn a_schema_that_lacks_a_migration_is_refused_at_the_start_and_unready_afterwards() {
    let world = World::without_worker().await;
    let mut connection = world.superuser().await;
    let last = "delete from seaql_migrations where version = (select max(version) from seaql_migrations)";
    sqlx::raw_sql(last).execute(&mut connection).await.expect("forgotten");
    let (took, report) = until(&world.address, 503).await;
    assert!(took < TRUTH, "{took:?}");
    assert_eq!(dependency(&report, "migrations")["status"], "unavailable");
    assert_eq!(dependency(&report, "database")["status"], "ok");
    let settings = Settings {
        data: cluster::scratch(),
        urls: DatabaseUrls { owner_database_url: None, ..world.database.urls.clone() },
        limits: Limits::default(),
        services: Services::default(),
    };
    let Err(refused) = Stack::open(settings).await else { panic!("it started on an old schema") };
    assert!(refused.to_string().contains("footnote migrate up"), "{refused}");
}

#[tokio::test]
async fn the_command_says_by_its_exit_code_what_the_server_says() {
    let world = World::without_worker().await;
    let folder = tempfile::tempdir().expect("a folder");
    let address = world.address.clone();
    let listen = address.trim_start_matches("http://").to_owned();
    let asked = tokio::task::spawn_blocking(move || {
        let run = |variables: &[(&str, &str)], arguments: &[&str]| {
            command::footnote(folder.path(), variables, arguments)
        };
        [
            run(&[], &["health", "--url", &address]).code,
            run(&[("FOOTNOTE_LISTEN", &listen)], &["health"]).code,
            run(&[("FOOTNOTE_LISTEN", &listen)], &["health", "--alive"]).code,
            run(&[], &["health", "--url", "http://127.0.0.1:1"]).code,
            run(&[], &["health", "--url", "nonsense"]).code,
        ]
    });
    assert_eq!(asked.await.expect("asked"), [0, 0, 0, 1, 1]);
}
