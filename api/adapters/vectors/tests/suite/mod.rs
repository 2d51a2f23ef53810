//! What every engine has to do, asked through the door.
//!
//! Each function is one promise and takes an engine that is already built, so that the same promises are held against
//! the in-process engine and against any other. A suite makes its own workspaces: it needs no empty engine.

pub mod deletion;
pub mod hostile;
pub mod isolation;
pub mod search;

use std::sync::atomic::{AtomicU64, Ordering};

use footnote_vectors::{Hit, Kind, Mode, Point, Query};
use uuid::Uuid;

/// The dimension of the suite's indexes.
pub const DIMENSIONS: usize = 4;

/// An id that no other call gives.
pub fn new_id() -> Uuid {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    Uuid::from_u64_pair(0x0197_0000_0000_7000, 1 << 63 | NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A point of a workspace with a text and a vector, everything else its own.
pub fn point(workspace_id: Uuid, text: &str, dense: [f32; DIMENSIONS]) -> Point {
    Point {
        id: new_id(),
        workspace_id,
        collection_id: new_id(),
        document_id: new_id(),
        version_id: new_id(),
        chunk_id: new_id(),
        kind: Kind::Chunk,
        dense: dense.to_vec(),
        text: text.to_owned(),
    }
}

/// A search for words.
pub fn keyword(text: &str) -> Query {
    Query { text: text.to_owned(), mode: Mode::Keyword, ..Query::default() }
}

/// A search for a vector.
pub fn semantic(dense: [f32; DIMENSIONS]) -> Query {
    Query { dense: Some(dense.to_vec()), mode: Mode::Semantic, ..Query::default() }
}

/// A search for both.
pub fn hybrid(text: &str, dense: [f32; DIMENSIONS]) -> Query {
    Query { text: text.to_owned(), dense: Some(dense.to_vec()), ..Query::default() }
}

/// The found chunks, best first.
pub fn chunks(hits: &[Hit]) -> Vec<Uuid> {
    hits.iter().map(|hit| hit.chunk_id).collect()
}
