//! What is measured is what was asked for: this server and the statements give the same answers on a seeded database.

use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt;

use sqlx::Row;
use tokio::net::TcpListener;

use super::contest::{Pgbench, tenants};
use super::nested_read::{comparison, queries};
use super::seeded::{Scale, Seeded};
use super::single::{self, Single};
use crate::config::{DatabaseUrls, Limits, Services};
use crate::operations::roles::Role;
use crate::operations::stack::{Settings, Stack};
use crate::server::ServeOptions;

#[tokio::test]
async fn the_server_and_the_statements_answer_alike_and_every_operation_is_what_it_is_called() {
    // A folder that the database's own user can enter.
    let open = std::fs::Permissions::from_mode(0o755);
    let data = tempfile::Builder::new().permissions(open).tempdir().expect("a folder");
    let scale = Scale { workspaces: 2, rows: 2_000 };
    let seeded = Seeded::open(data.path(), scale, &|_| ()).await.expect("seeded");
    let tenants = tenants(&seeded).expect("tokens");
    let urls = DatabaseUrls {
        app_database_url: Some(seeded.url(Role::App)),
        worker_database_url: Some(seeded.url(Role::Worker)),
        ..DatabaseUrls::default()
    };
    let settings = Settings {
        data: seeded.folder().join("server"),
        urls,
        limits: Limits::default(),
        services: Services::default(),
    };
    let mut stack = Stack::open(settings).await.expect("a server");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    let address = listener.local_addr().expect("bound");
    stack.start_server(listener, ServeOptions::default());

    let target = queries::target(address, &tenants);
    let bytes = comparison::compare(&seeded, &tenants, &target, None).await.expect("the same answers");
    assert!(bytes > 100_000, "{bytes}");
    let mut scripts = queries::scripts(seeded.ids(), tenants.len());
    for operation in Single::ALL {
        let target = single::target(operation, &seeded, address, &tenants).await.expect("an answer");
        assert!(target.requests.len() >= 4_000);
        scripts.extend(single::scripts::of(operation, seeded.ids(), tenants.len()));
    }
    stack.close().await.expect("closed");
    if let Some(pgbench) = Pgbench::find(&seeded).expect("a folder") {
        for script in scripts.iter().filter(|script| script.name.ends_with("pipelined")) {
            let transactions = pgbench.run(script, 1, 1).await.expect(script.name);
            assert!(!transactions.is_empty(), "{}", script.name);
        }
    }
    // What the mutations left behind goes away; what was seeded stays.
    seeded.reset().await.expect("reset");
    let mut connection = seeded.superuser().await.expect("a connection");
    let rows = sqlx::query("select count(*) as runs, (select count(*) from jobs) as jobs from agent_runs");
    let rows = rows.fetch_one(&mut connection).await.expect("counted");
    assert_eq!(rows.get::<i64, _>("runs"), seeded.shape().runs.iter().sum::<i64>());
    assert_eq!(rows.get::<i64, _>("jobs"), 0);
    drop(connection);
    seeded.close().await;
}
