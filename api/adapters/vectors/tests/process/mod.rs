//! What survives when the process does not.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use footnote_vectors::{EngineOptions, Kind, Point, Vectors};
use uuid::Uuid;

use crate::suite::{DIMENSIONS, keyword};

const WORKSPACE: Uuid = Uuid::from_u128(1);
const INDEX: Uuid = Uuid::from_u128(2);
const BATCH: u128 = 20;
/// The child writes one line into it for each batch that was acknowledged.
const ACKNOWLEDGED: &str = "acknowledged";

fn numbered(number: u128) -> Point {
    let id = Uuid::from_u128(1000 + number);
    Point {
        id,
        workspace_id: WORKSPACE,
        collection_id: id,
        document_id: id,
        version_id: id,
        chunk_id: id,
        kind: Kind::Chunk,
        dense: vec![1.0; DIMENSIONS],
        text: format!("lease number{number}"),
    }
}

fn open(folder: &Path) -> Vectors {
    Vectors::in_process(EngineOptions::new(folder.join("vectors"))).expect("the folder is writable")
}

fn acknowledged(folder: &Path) -> u128 {
    let lines = fs::read_to_string(folder.join(ACKNOWLEDGED)).map_or(0, |text| text.lines().count());
    u128::try_from(lines).expect("a count")
}

/// The child of the test below, which is not a test by itself: it writes into its working folder until it is killed.
#[tokio::test]
#[ignore = "it is the child process of another test"]
async fn child_that_writes_until_it_is_killed() {
    let folder = std::env::current_dir().expect("a working folder");
    let Ok(mut log) = OpenOptions::new().append(true).open(folder.join(ACKNOWLEDGED)) else {
        return;
    };
    let door = open(&folder).for_workspace(WORKSPACE);
    door.prepare(INDEX, DIMENSIONS).await.expect("an index");
    for batch in acknowledged(&folder).. {
        let points = (batch * BATCH..(batch + 1) * BATCH).map(numbered).collect();
        door.upsert(INDEX, points).await.expect("points");
        log.write_all(b"x\n").expect("a line");
    }
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_killed_process() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    fs::write(folder.join(ACKNOWLEDGED), "").expect("an empty file");
    for round in 1..=4 {
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "process::child_that_writes_until_it_is_killed", "--ignored"])
            .current_dir(folder)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a child");
        let begun = Instant::now();
        while acknowledged(folder) < round * 7 {
            assert!(begun.elapsed() < Duration::from_mins(1), "the child writes");
            std::thread::sleep(Duration::from_millis(1));
        }
        child.kill().expect("SIGKILL");
        child.wait().expect("its end");

        let written = acknowledged(folder) * BATCH;
        let vectors = open(folder);
        let door = vectors.for_workspace(WORKSPACE);
        for number in 0..written {
            let hits = door.search(INDEX, &keyword(&format!("number{number}"))).await.expect("a search");
            assert_eq!(
                hits.first().map(|hit| hit.chunk_id),
                Some(numbered(number).chunk_id),
                "round {round}"
            );
        }
        // What was under way may be there or not; the same call again makes it whole, and nothing twice.
        door.upsert(INDEX, (0..written + BATCH).map(numbered).collect()).await.expect("the same again");
        assert_eq!(door.count(INDEX).await, u64::try_from(written + BATCH).map_err(|_| unreachable!()));
        vectors.close().await.expect("all shards are closed");
    }
}
