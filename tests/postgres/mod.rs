//! PostgreSQL as people run it: behind TLS, behind a pooler, far away, going away, and shared by several processes.

mod faults;
mod lost_answers;
mod pooler;
mod processes;
mod recovery;
mod tls;

use std::time::{Duration, Instant};

use footnote::config::{Limits, Services};

use crate::support::World;
use crate::support::database::TestDatabase;
use crate::support::pooler::authority;
use crate::support::proxy::FaultProxy;

/// A world whose every address but the owner's leads through the proxy.
async fn proxied(limits: Limits) -> (FaultProxy, World) {
    let mut database = TestDatabase::create_on_the_server().await;
    let server = authority(&database.superuser).to_owned();
    let proxy = FaultProxy::before(server.clone()).await;
    let through = |url: &mut Option<String>| {
        if let Some(url) = url {
            *url = url.replacen(&server, &proxy.address().to_string(), 1);
        }
    };
    through(&mut database.urls.app_database_url);
    through(&mut database.urls.worker_database_url);
    through(&mut database.urls.listen_database_url);
    let world = World::on(database, limits, Services::default()).await;
    (proxy, world)
}

/// The status of a path of the server.
async fn status(world: &World, path: &str) -> u16 {
    let response = world.http().get(format!("{}{path}", world.address)).send().await;
    response.expect("an answer").status().as_u16()
}

/// Waits until it holds; how long that took.
async fn until(what: &str, limit: Duration, mut holds: impl AsyncFnMut() -> bool) -> Duration {
    let since = Instant::now();
    while !holds().await {
        assert!(since.elapsed() < limit, "not within {limit:?}: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    since.elapsed()
}
