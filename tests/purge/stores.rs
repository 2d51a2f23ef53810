//! Purges where the objects are in a bucket, and where a store is away.

use footnote::config::{Limits, Services};
use serde_json::json;

use super::{DELETE, delete, fill, purge, purged, services, workspace};
use crate::support::proxy::{Fault, FaultProxy};
use crate::support::s3::S3Server;
use crate::support::{Who, World};

#[tokio::test]
async fn a_store_that_is_away_delays_a_purge_and_is_emptied_when_it_is_back() {
    let server = S3Server::start().await;
    let proxy = FaultProxy::before(server.address.clone()).await;
    let services = Services { objects: S3Server::settings(proxy.address()), ..services(0, 0) };
    let mut world = World::with(Limits::default(), services).await;
    world.stack.start_worker();
    fill(&world, Who::Owner).await;
    fill(&world, Who::Stranger).await;
    let mut superuser = world.superuser().await;
    let (acme, globex) = (workspace(&mut superuser, "acme").await, workspace(&mut superuser, "globex").await);
    let of = |server: &S3Server, workspace: uuid::Uuid| {
        server.objects().into_iter().filter(|path| path.contains(&workspace.to_string())).count()
    };
    assert_eq!((of(&server, acme), of(&server, globex)), (1, 1));
    proxy.set(Fault::Cut);
    delete(&world, Who::Owner, "acme").await.data();
    let failed = loop {
        let record = purge(&mut superuser, acme).await;
        if record["status"] == "FAILED" {
            break record;
        }
        assert_ne!(record["status"], "DONE", "{record:#}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    assert_eq!(failed["failure"], "The object store cannot be emptied now.");
    assert_eq!(world.ask(Who::Owner, DELETE, json!({ "slug": "acme" })).await.code(), "NOT_FOUND");
    proxy.set(Fault::None);
    let record = purged(&mut superuser, acme).await;
    assert_eq!((of(&server, acme), of(&server, globex)), (0, 1));
    assert_eq!(record["remaining"], json!({ "postgres": 0, "vectors": 0, "objects": 0 }));
    assert_eq!(record["failure"], serde_json::Value::Null);
}
