//! The adapter of a Qdrant server holds the suite's promises over the wire, and those that only it can make: about
//! collections of others, calls that fail, and many at once.
//!
//! The server is the one of `footnote-qdrant-server`; where FOOTNOTE_TEST_QDRANT_URL names a real one, the suite runs against
//! that as well.

mod faults;
mod foreign;
mod suite;

use std::time::Duration;

use footnote_qdrant_server::Server;
use footnote_vectors::{EngineOptions, Error, Point, Query, ServerOptions, Vectors};
use qdrant_client::qdrant::collections_client::CollectionsClient;
use qdrant_client::qdrant::{DeleteCollection, ListCollectionsRequest};
use suite::{DIMENSIONS, chunks, hybrid, keyword, new_id, point, semantic};
use tokio::task::JoinSet;
use uuid::Uuid;

const EAST: [f32; DIMENSIONS] = [1.0, 0.0, 0.0, 0.0];

/// A test server of its own and the adapter in front of it.
fn engine() -> (Server, Vectors) {
    let server = Server::start().expect("a port and a folder");
    let vectors = adapter(ServerOptions::new(server.url()));
    (server, vectors)
}

fn adapter(options: ServerOptions) -> Vectors {
    Vectors::server(options).expect("an address")
}

/// Holds one promise of the suite against a test server, and against a real one if there is one.
async fn holds(promise: impl AsyncFn(&Vectors)) {
    let (_server, vectors) = engine();
    promise(&vectors).await;
    vectors.close().await.expect("it is closed");
    let Some(url) = std::env::var_os("FOOTNOTE_TEST_QDRANT_URL") else { return };
    let url = url.into_string().expect("an address");
    // The suite's ids are the same in every run, so each run has collections of its own.
    let since = std::time::UNIX_EPOCH.elapsed().expect("a time").as_nanos();
    let prefix = format!("footnote-test-{}-{since}", std::process::id());
    let vectors = adapter(ServerOptions { prefix: prefix.clone(), ..ServerOptions::new(&url) });
    promise(&vectors).await;
    vectors.close().await.expect("it is closed");
    let mut collections = CollectionsClient::connect(url).await.expect("a connection");
    let listed = collections.list(ListCollectionsRequest {}).await.expect("a list").into_inner();
    for made in listed.collections.into_iter().filter(|made| made.name.starts_with(&prefix)) {
        let request = DeleteCollection { collection_name: made.name, timeout: None };
        collections.delete(request).await.expect("a deletion");
    }
}

/// Texts and vectors that differ in words, lengths and directions, so that no two score alike; the same in every run.
fn corpus(workspace_id: Uuid, count: u16) -> Vec<Point> {
    let words = ["lease", "renewal", "invoice", "contract", "harbour", "permit", "quorum", "ledger"];
    let text = |number: u16| {
        let picks = [number, number / 3, number * 5 + 1, number / 7];
        let filler = (0..number).map(|place| format!("filler{place}")).collect::<Vec<_>>().join(" ");
        format!("{} {filler}", picks.map(|pick| words[usize::from(pick) % words.len()]).join(" "))
    };
    let direction = |number: u16| {
        let (sine, cosine) = (f32::from(number) * 0.37).sin_cos();
        [sine, cosine, f32::from(number % 5) / 5.0, 0.1]
    };
    (0..count).map(|number| point(workspace_id, &text(number), direction(number))).collect()
}

#[tokio::test]
async fn both_engines_rank_alike() {
    let (_server, over_the_wire) = engine();
    let folder = tempfile::tempdir().expect("a folder");
    let in_process = Vectors::in_process(EngineOptions::new(folder.path())).expect("the folder is writable");
    let (mine, theirs, index) = (new_id(), new_id(), new_id());
    for (workspace, count) in [(mine, 90), (theirs, 40)] {
        let points = corpus(workspace, count);
        for vectors in [&over_the_wire, &in_process] {
            let door = vectors.for_workspace(workspace);
            door.prepare(index, DIMENSIONS).await.expect("an index");
            door.upsert(index, points.clone()).await.expect("points");
        }
    }
    for text in ["lease renewal", "quorum", "harbour permit ledger", "invoice invoice contract"] {
        for query in [
            keyword(text),
            semantic([0.3, 0.9, 0.2, 0.1]),
            hybrid(text, [0.3, 0.9, 0.2, 0.1]),
            Query { limit: 3, ..hybrid(text, [-0.5, 0.2, 0.7, 0.1]) },
            Query { explain: false, limit: 50, ..hybrid(text, [-0.5, 0.2, 0.7, 0.1]) },
        ] {
            let [wire, local] = [&over_the_wire, &in_process].map(|vectors| vectors.for_workspace(mine));
            let wire = wire.search(index, &query).await.expect("a search");
            let local = local.search(index, &query).await.expect("a search");
            assert!(!wire.is_empty());
            assert_eq!(chunks(&wire), chunks(&local), "{text} {query:?}");
            for (wire, local) in wire.iter().zip(&local) {
                assert!((wire.score - local.score).abs() < 1e-5, "{text} {query:?}: {wire:?} {local:?}");
                assert_eq!((wire.dense_rank, wire.sparse_rank), (local.dense_rank, local.sparse_rank));
            }
        }
    }
}

#[tokio::test]
async fn one_point_id_in_two_workspaces_is_two_points() {
    let (_server, vectors) = engine();
    let (mine, theirs, index) = (new_id(), new_id(), new_id());
    let own = point(mine, "lease", EAST);
    let foreign = Point { id: own.id, ..point(theirs, "invoice", EAST) };
    for stored in [own.clone(), foreign.clone()] {
        let door = vectors.for_workspace(stored.workspace_id);
        door.prepare(index, DIMENSIONS).await.expect("an index");
        door.upsert(index, vec![stored]).await.expect("a point");
    }
    let (door, other) = (vectors.for_workspace(mine), vectors.for_workspace(theirs));
    assert_eq!((door.count(index).await, other.count(index).await), (Ok(1), Ok(1)));
    assert_eq!(chunks(&door.search(index, &keyword("lease")).await.expect("a search")), [own.chunk_id]);
    other.delete_points(index, &[own.id]).await.expect("a deletion");
    assert_eq!((door.count(index).await, other.count(index).await), (Ok(1), Ok(0)));
}

#[tokio::test]
async fn two_indexes_of_a_workspace_do_not_meet_though_they_share_a_collection() {
    let (_server, vectors) = engine();
    let (mine, indexes) = (new_id(), [new_id(), new_id()]);
    let door = vectors.for_workspace(mine);
    for index in indexes {
        door.prepare(index, DIMENSIONS).await.expect("an index");
    }
    let own = ["contract renewal", "contract", "invoice"].map(|text| point(mine, text, EAST));
    door.upsert(indexes[0], own.to_vec()).await.expect("points");
    let before = door.search(indexes[0], &keyword("contract renewal")).await.expect("a search");
    let flood = (0..100).map(|_| point(mine, "renewal", EAST)).collect();
    door.upsert(indexes[1], flood).await.expect("points of the other index");
    assert_eq!(door.search(indexes[0], &keyword("contract renewal")).await, Ok(before));
    assert_eq!((door.count(indexes[0]).await, door.count(indexes[1]).await), (Ok(3), Ok(100)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_purge_amid_writes_leaves_nothing() {
    let (_server, vectors) = engine();
    let (mine, index) = (new_id(), new_id());
    let door = vectors.for_workspace(mine);
    for _ in 0..5 {
        door.prepare(index, DIMENSIONS).await.expect("an index");
        let mut tasks = JoinSet::new();
        for _ in 0..8 {
            let door = door.clone();
            tasks.spawn(async move {
                loop {
                    match door.upsert(index, vec![point(mine, "lease", EAST)]).await {
                        Ok(()) => {}
                        Err(error) => return error,
                    }
                }
            });
        }
        while door.count(index).await.expect("a count") < 20 {}
        door.remove_all().await.expect("a purge");
        while let Some(refused) = tasks.join_next().await {
            assert_eq!(refused.expect("no task panics"), Error::NotPrepared { index_id: index });
        }
        door.prepare(index, DIMENSIONS).await.expect("an index");
        assert_eq!(door.count(index).await, Ok(0), "what was written late is gone too");
        door.remove_all().await.expect("a purge");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_that_prepare_at_once_make_one_index() {
    let server = Server::start().expect("a port and a folder");
    let (mine, index) = (new_id(), new_id());
    let mut tasks = JoinSet::new();
    for _ in 0..8 {
        // As many processes: each knows only what it has seen.
        let door = adapter(ServerOptions::new(server.url())).for_workspace(mine);
        tasks.spawn(async move {
            door.prepare(index, DIMENSIONS).await.expect("an index");
            door.upsert(index, vec![point(mine, "lease", EAST)]).await.expect("a point");
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.expect("no task fails");
    }
    let door = adapter(ServerOptions::new(server.url())).for_workspace(mine);
    assert_eq!(door.count(index).await, Ok(8));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn more_calls_than_may_go_at_once_wait_for_their_turn() {
    let server = Server::start().expect("a port and a folder");
    let vectors = adapter(ServerOptions { calls: 2, writes: 1, ..ServerOptions::new(server.url()) });
    let (mine, index) = (new_id(), new_id());
    let door = vectors.for_workspace(mine);
    door.prepare(index, DIMENSIONS).await.expect("an index");
    let mut tasks = JoinSet::new();
    for _ in 0..40 {
        let door = door.clone();
        tasks.spawn(async move {
            door.upsert(index, vec![point(mine, "lease", EAST)]).await.expect("a point");
            assert!(!door.search(index, &keyword("lease")).await.expect("a search").is_empty());
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.expect("no task fails");
    }
    assert_eq!(door.count(index).await, Ok(40));
}

#[tokio::test]
async fn more_points_than_one_message_holds_are_all_written() {
    const WIDE: usize = 4_096;
    let (_server, vectors) = engine();
    let (mine, index) = (new_id(), new_id());
    let door = vectors.for_workspace(mine);
    door.prepare(index, WIDE).await.expect("an index");
    // By count two messages, by bytes six.
    let points = (0..1_200_u16).map(|number| {
        let mut dense = vec![0.0; WIDE];
        dense[usize::from(number)] = 1.0;
        Point { dense, ..point(mine, &format!("lease number{number}"), EAST) }
    });
    door.upsert(index, points.collect()).await.expect("points");
    assert_eq!(door.count(index).await, Ok(1_200));
}

#[tokio::test]
async fn a_closed_adapter_refuses_calls() {
    let (_server, vectors) = engine();
    let (mine, index) = (new_id(), new_id());
    let door = vectors.for_workspace(mine);
    door.prepare(index, DIMENSIONS).await.expect("an index");
    assert!(vectors.status().ready);
    vectors.check().await.expect("the server answers");
    vectors.close().await.expect("it is closed");
    assert!(!vectors.status().ready);
    assert_eq!(vectors.check().await, Err(Error::Unavailable));
    assert_eq!(door.count(index).await, Err(Error::Unavailable));
    assert_eq!(door.upsert(index, vec![point(mine, "lease", EAST)]).await, Err(Error::Unavailable));
    assert_eq!(door.prepare(index, DIMENSIONS).await, Err(Error::Unavailable));
    assert_eq!(door.optimize(index).await, Err(Error::Unavailable));
    assert_eq!(door.remove_all().await, Err(Error::Unavailable));
    assert_eq!(vectors.flush_all().await, Err(Error::Unavailable));
    assert_eq!(vectors.close().await, Ok(()));
}

/// How long a test lets a call take that should fail at once or within its time.
const PATIENCE: Duration = Duration::from_secs(3);
