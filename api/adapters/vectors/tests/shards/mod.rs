//! The shards' folder: what is open, what is on disk, what is gone.

use std::fs;
use std::path::Path;
use std::time::Duration;

use footnote_vectors::{Error, Point};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::suite::{DIMENSIONS, chunks, hybrid, keyword, new_id, point, semantic};
use crate::{engine, open};

const EAST: [f32; DIMENSIONS] = [1.0, 0.0, 0.0, 0.0];

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_more_shards_than_the_limit_stay_open_and_nothing_is_lost() {
    let folder = tempfile::tempdir().expect("a folder");
    let vectors = open(&folder, 2);
    let index = new_id();
    let workspaces: Vec<Uuid> = (0..6).map(|_| new_id()).collect();
    let mut tasks = JoinSet::new();
    for workspace in workspaces.iter().flat_map(|id| [*id; 4]) {
        let door = vectors.for_workspace(workspace);
        tasks.spawn(async move {
            door.prepare(index, DIMENSIONS).await.expect("an index");
            for _ in 0..5 {
                door.upsert(index, vec![point(workspace, "lease", EAST)]).await.expect("a point");
                let hits = door.search(index, &hybrid("lease", EAST)).await.expect("a search");
                assert!(hits.iter().all(|hit| hit.workspace_id == workspace));
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.expect("no task panics");
    }
    for workspace in &workspaces {
        assert_eq!(vectors.for_workspace(*workspace).count(index).await, Ok(20));
        assert!(vectors.status().open_shards <= 2);
    }
    vectors.close().await.expect("all shards are closed");
}

#[tokio::test]
async fn a_closed_engine_refuses_calls_and_its_folder_opens_again() {
    let (folder, vectors) = engine();
    let (mine, index) = (new_id(), new_id());
    let door = vectors.for_workspace(mine);
    door.prepare(index, DIMENSIONS).await.expect("an index");
    let stored = point(mine, "lease", EAST);
    door.upsert(index, vec![stored.clone()]).await.expect("a point");
    vectors.flush_all().await.expect("all is on disk");
    assert!(vectors.status().ready);
    vectors.close().await.expect("all shards are closed");
    assert!(!vectors.status().ready);
    assert_eq!(vectors.status().open_shards, 0);
    assert_eq!(door.count(index).await, Err(Error::Unavailable));
    assert_eq!(door.upsert(index, vec![stored.clone()]).await, Err(Error::Unavailable));
    assert_eq!(door.prepare(index, DIMENSIONS).await, Err(Error::Unavailable));
    assert_eq!(door.remove_all().await, Err(Error::Unavailable));
    assert_eq!(vectors.flush_all().await, Err(Error::Unavailable));
    assert_eq!(vectors.close().await, Ok(()));

    let again = open(&folder, 1);
    let door = again.for_workspace(mine);
    for query in [keyword("lease"), semantic(EAST), hybrid("lease", EAST)] {
        assert_eq!(chunks(&door.search(index, &query).await.expect("a search")), [stored.chunk_id]);
    }
    assert_eq!(door.prepare(index, 5).await, Err(Error::DimensionMismatch { expected: DIMENSIONS, got: 5 }));
}

#[tokio::test]
async fn a_purge_leaves_nothing_of_the_workspace_on_disk() {
    let (folder, vectors) = engine();
    let (mine, theirs, index) = (new_id(), new_id(), new_id());
    for workspace in [mine, theirs] {
        let door = vectors.for_workspace(workspace);
        door.prepare(index, DIMENSIONS).await.expect("an index");
        door.upsert(index, vec![point(workspace, "lease", EAST)]).await.expect("a point");
    }
    vectors.for_workspace(mine).remove_all().await.expect("a purge");
    assert_eq!(names(folder.path()), [theirs.to_string()]);
    assert_eq!(vectors.for_workspace(theirs).count(index).await, Ok(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_purge_amid_writes_leaves_nothing_on_disk() {
    let (folder, vectors) = engine();
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
        assert_eq!(names(folder.path()), [""; 0]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_purge_amid_new_indexes_breaks_none_of_them() {
    let (folder, vectors) = engine();
    let mine = new_id();
    let door = vectors.for_workspace(mine);
    let mut tasks = JoinSet::new();
    for _ in 0..6 {
        let door = door.clone();
        tasks.spawn(async move {
            for _ in 0..20 {
                let index = new_id();
                door.prepare(index, DIMENSIONS).await.expect("an index");
                match door.upsert(index, vec![point(mine, "lease", EAST)]).await {
                    Ok(()) | Err(Error::NotPrepared { .. }) => {}
                    Err(error) => panic!("{error:?}"),
                }
            }
        });
    }
    while !tasks.is_empty() {
        door.remove_all().await.expect("a purge");
        while let Some(done) = tasks.try_join_next() {
            done.expect("no task panics");
        }
    }
    door.remove_all().await.expect("a purge");
    assert_eq!(names(folder.path()), [""; 0]);
    assert_eq!(vectors.status().open_shards, 0);
}

#[tokio::test]
async fn an_interrupted_purge_is_finished_at_the_next_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let half_removed = folder.path().join(format!(".removed-{}", new_id()));
    fs::create_dir_all(half_removed.join("index").join("segments")).expect("a folder");
    let _vectors = open(&folder, 1);
    assert_eq!(names(folder.path()), [""; 0]);
}

#[tokio::test]
async fn an_index_that_was_half_made_is_made_anew() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mine, index) = (new_id(), new_id());
    let draft = folder.path().join(mine.to_string()).join(format!(".new-{index}"));
    fs::create_dir_all(draft.join("wal")).expect("a folder");
    let vectors = open(&folder, 1);
    let door = vectors.for_workspace(mine);
    assert_eq!(door.count(index).await, Ok(0));
    door.prepare(index, DIMENSIONS).await.expect("an index");
    assert_eq!(names(&folder.path().join(mine.to_string())), [index.to_string()]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_whose_future_is_dropped_breaks_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let vectors = open(&folder, 1);
    let (workspaces, index) = ([new_id(), new_id()], new_id());
    for round in 0..60 {
        let mine = workspaces[round % 2];
        let door = vectors.for_workspace(mine);
        let patience = Duration::from_micros(300 * u64::try_from(round).expect("a number"));
        let stored = point(mine, "lease", EAST);
        let calls = async {
            door.prepare(index, DIMENSIONS).await.expect("an index");
            door.upsert(index, vec![stored.clone()]).await.expect("a point");
        };
        // Either outcome is right: what matters is what the next calls find.
        let _ = tokio::time::timeout(patience, calls).await;
        door.prepare(index, DIMENSIONS).await.expect("an index");
        door.upsert(index, vec![stored.clone()]).await.expect("the same point");
        door.delete_points(index, &[stored.id]).await.expect("a deletion");
    }
    for mine in workspaces {
        assert_eq!(vectors.for_workspace(mine).count(index).await, Ok(0));
    }
    assert!(vectors.status().open_shards <= 1);
    vectors.close().await.expect("all shards are closed");
}

/// The engine indexes from 10 MB of vectors on, which few points of many dimensions reach.
#[tokio::test]
async fn an_optimized_index_finds_the_same_and_its_log_is_dropped() {
    const WIDE: usize = 4_096;
    let (folder, vectors) = engine();
    let (mine, index) = (new_id(), new_id());
    let door = vectors.for_workspace(mine);
    door.prepare(index, WIDE).await.expect("an index");
    // On a circle, so that an approximate index has neighbours to follow.
    let vector = |number: u16| {
        let (sine, cosine) = (f32::from(number) * std::f32::consts::TAU / 900.0).sin_cos();
        let mut vector = vec![0.0; WIDE];
        vector[..2].copy_from_slice(&[sine, cosine]);
        vector
    };
    let stored: Vec<Point> = (0..900)
        .map(|number| Point { dense: vector(number), ..point(mine, &format!("lease number{number}"), EAST) })
        .collect();
    for batch in stored.chunks(100) {
        door.upsert(index, batch.to_vec()).await.expect("points");
    }
    let query = |number: u16| footnote_vectors::Query {
        dense: Some(vector(number)),
        ..hybrid(&format!("number{number}"), EAST)
    };
    assert_eq!(door.optimize(index).await, Ok(true));
    assert_eq!(door.optimize(index).await, Ok(false));
    assert_eq!(door.count(index).await, Ok(900));
    for number in [0, 1, 450, 899] {
        let hits = door.search(index, &query(number)).await.expect("a search");
        assert_eq!(hits[0].chunk_id, stored[usize::from(number)].chunk_id);
        assert_eq!((hits[0].dense_rank, hits[0].sparse_rank), (Some(1), Some(1)));
    }
    // The engine still takes changes to points that it has indexed, deletions and new points.
    let changed = Point { text: "invoice".to_owned(), dense: vec![0.0; WIDE], ..stored[7].clone() };
    door.upsert(index, vec![changed]).await.expect("a change");
    door.delete_document(index, stored[8].document_id).await.expect("a deletion");
    assert_eq!(door.count(index).await, Ok(899));
    for gone in [7, 8] {
        let hits = door.search(index, &query(gone)).await.expect("a search");
        assert!(!chunks(&hits).contains(&stored[usize::from(gone)].chunk_id));
    }
    assert_eq!(
        chunks(&door.search(index, &keyword("invoice")).await.expect("a search")),
        [stored[7].chunk_id]
    );
    let log = folder.path().join(mine.to_string()).join(index.to_string()).join("wal");
    let full = names(&log).iter().filter(|name| name.starts_with("closed-")).count();
    assert!(full <= 1, "{full} full files of the log are left");
    vectors.close().await.expect("all shards are closed");
}
