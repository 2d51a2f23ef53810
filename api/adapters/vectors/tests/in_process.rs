//! The in-process engine holds the suite's promises, and those that only it can make: about its folder, its open
//! shards and a killed process.

mod process;
mod shards;
mod suite;

use footnote_vectors::{EngineOptions, Vectors};
use tempfile::TempDir;

/// An engine in a folder of its own.
fn engine() -> (TempDir, Vectors) {
    let folder = tempfile::tempdir().expect("a folder");
    let vectors = open(&folder, 64);
    (folder, vectors)
}

/// The engine in a folder.
fn open(folder: &TempDir, open_shards: usize) -> Vectors {
    let options = EngineOptions { open_shards, ..EngineOptions::new(folder.path()) };
    Vectors::in_process(options).expect("the folder is writable")
}

/// Holds one promise of the suite against a new engine.
async fn holds(promise: impl AsyncFnOnce(&Vectors)) {
    let (_folder, vectors) = engine();
    promise(&vectors).await;
    vectors.close().await.expect("all shards are closed");
}
