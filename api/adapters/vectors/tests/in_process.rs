//! The in-process engine holds the suite's promises, and those that only it can make: about its folder, its open
//! shards and a killed process.

mod process;
mod shards;
mod suite;

use footnote_vectors::{EngineOptions, Vectors};
use suite::{deletion, hostile, isolation, search};
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

#[tokio::test]
async fn a_point_of_another_workspace_is_refused() {
    holds(isolation::a_point_of_another_workspace_is_refused).await;
}

#[tokio::test]
async fn a_point_of_another_workspace_is_never_returned() {
    holds(isolation::a_point_of_another_workspace_is_never_returned).await;
}

#[tokio::test]
async fn one_index_id_in_two_workspaces_is_two_indexes() {
    holds(isolation::one_index_id_in_two_workspaces_is_two_indexes).await;
}

#[tokio::test]
async fn another_workspaces_documents_do_not_move_my_scores() {
    holds(isolation::another_workspaces_documents_do_not_move_my_scores).await;
}

#[tokio::test]
async fn each_mode_ranks_by_what_it_is_for() {
    holds(search::each_mode_ranks_by_what_it_is_for).await;
}

#[tokio::test]
async fn a_rare_word_counts_for_more_than_a_common_one() {
    holds(search::a_rare_word_counts_for_more_than_a_common_one).await;
}

#[tokio::test]
async fn weights_decide_between_words_and_vectors() {
    holds(search::weights_decide_between_words_and_vectors).await;
}

#[tokio::test]
async fn a_hybrid_search_does_without_what_it_lacks() {
    holds(search::a_hybrid_search_does_without_what_it_lacks).await;
}

#[tokio::test]
async fn an_empty_list_of_collections_finds_nothing() {
    holds(search::an_empty_list_of_collections_finds_nothing).await;
}

#[tokio::test]
async fn equal_scores_keep_their_order() {
    holds(search::equal_scores_keep_their_order).await;
}

#[tokio::test]
async fn a_point_written_again_is_replaced() {
    holds(search::a_point_written_again_is_replaced).await;
}

#[tokio::test]
async fn a_deletion_takes_exactly_what_it_names() {
    holds(deletion::a_deletion_takes_exactly_what_it_names).await;
}

#[tokio::test]
async fn a_purged_workspace_stays_empty() {
    holds(deletion::a_purged_workspace_stays_empty).await;
}

#[tokio::test]
async fn an_index_that_was_never_prepared_is_empty() {
    holds(deletion::an_index_that_was_never_prepared_is_empty).await;
}

#[tokio::test]
async fn numbers_that_are_not_finite_are_refused() {
    holds(hostile::numbers_that_are_not_finite_are_refused).await;
}

#[tokio::test]
async fn another_dimension_is_refused() {
    holds(hostile::another_dimension_is_refused).await;
}

#[tokio::test]
async fn texts_of_any_length_and_script_are_answered() {
    holds(hostile::texts_of_any_length_and_script_are_answered).await;
}

#[tokio::test]
async fn lists_beyond_their_limits_are_refused() {
    holds(hostile::lists_beyond_their_limits_are_refused).await;
}
