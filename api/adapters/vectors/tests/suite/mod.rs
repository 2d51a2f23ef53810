//! What every engine has to do, asked through the door.
//!
//! Each function is one promise and takes an engine that is already built, so that the same promises are held against
//! the in-process engine and against any other: by the `holds` of whoever includes this. A suite makes its own workspaces: it
//! needs no empty engine.

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

/// Makes a test of each promise.
macro_rules! hold {
    ($($part:ident::$promise:ident),+ $(,)?) => {
        $(
            #[tokio::test]
            async fn $promise() {
                crate::holds($part::$promise).await;
            }
        )+
    };
}

hold!(
    isolation::a_point_of_another_workspace_is_refused,
    isolation::a_point_of_another_workspace_is_never_returned,
    isolation::one_index_id_in_two_workspaces_is_two_indexes,
    isolation::another_workspaces_documents_do_not_move_my_scores,
    search::each_mode_ranks_by_what_it_is_for,
    search::a_rare_word_counts_for_more_than_a_common_one,
    search::weights_decide_between_words_and_vectors,
    search::a_hybrid_search_does_without_what_it_lacks,
    search::an_empty_list_of_collections_finds_nothing,
    search::equal_scores_keep_their_order,
    search::a_point_written_again_is_replaced,
    deletion::a_deletion_takes_exactly_what_it_names,
    deletion::a_purged_workspace_stays_empty,
    deletion::an_index_that_was_never_prepared_is_empty,
    hostile::numbers_that_are_not_finite_are_refused,
    hostile::another_dimension_is_refused,
    hostile::texts_of_any_length_and_script_are_answered,
    hostile::lists_beyond_their_limits_are_refused,
    hostile::ids_of_any_value_are_kept_apart,
);
