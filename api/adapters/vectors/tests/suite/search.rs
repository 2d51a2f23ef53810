//! What a search finds, in which order, and how it explains itself.

use footnote_vectors::{Error, Query, Vectors, Weights};
use uuid::Uuid;

use super::{DIMENSIONS, chunks, hybrid, keyword, new_id, point, semantic};

const EAST: [f32; DIMENSIONS] = [1.0, 0.0, 0.0, 0.0];
const NORTH_EAST: [f32; DIMENSIONS] = [1.0, 1.0, 0.0, 0.0];
const NORTH: [f32; DIMENSIONS] = [0.0, 1.0, 0.0, 0.0];

/// Each mode ranks by what it is for, and ranks and scores say so.
pub async fn each_mode_ranks_by_what_it_is_for(vectors: &Vectors) {
    let (mine, index) = (new_id(), new_id());
    let door = vectors.for_workspace(mine);
    door.prepare(index, DIMENSIONS).await.expect("a new index");
    let near = point(mine, "nothing in common", [200.0, 0.0, 0.0, 0.0]);
    let both = point(mine, "the lease renewal", NORTH_EAST);
    let words = point(mine, "renewal of the lease, lease by lease", NORTH);
    let stored = vec![near.clone(), both.clone(), words.clone()];
    door.upsert(index, stored).await.expect("points");

    let hits = door.search(index, &semantic(EAST)).await.expect("a search");
    assert_eq!(chunks(&hits), [near.chunk_id, both.chunk_id, words.chunk_id]);
    let cosines: Vec<f32> = hits.iter().map(|hit| (hit.score * 1000.0).round()).collect();
    assert_eq!(cosines, [1000.0, 707.0, 0.0]);
    assert!(hits.iter().zip(1..).all(|(hit, rank)| (hit.dense_rank, hit.sparse_rank) == (Some(rank), None)));

    let hits = door.search(index, &keyword("leases")).await.expect("a search");
    assert_eq!(chunks(&hits), [words.chunk_id, both.chunk_id], "the stem counts, and how often");
    assert!(hits.iter().zip(1..).all(|(hit, rank)| (hit.dense_rank, hit.sparse_rank) == (None, Some(rank))));

    let hits = door.search(index, &hybrid("leases", EAST)).await.expect("a search");
    assert_eq!(hits.len(), 3);
    for hit in &hits {
        let (dense, sparse) = if hit.chunk_id == near.chunk_id {
            (Some(1), None)
        } else if hit.chunk_id == both.chunk_id {
            (Some(2), Some(2))
        } else {
            (Some(3), Some(1))
        };
        assert_eq!((hit.dense_rank, hit.sparse_rank), (dense, sparse));
        assert!((hit.score - fused(dense, 0.15, 2) - fused(sparse, 0.85, 2)).abs() < 1e-6, "{hit:?}");
    }
    assert!(hits.is_sorted_by(|left, right| left.score >= right.score));
}

/// The formula of weighted rank fusion, as Qdrant documents it.
fn fused(rank: Option<u32>, weight: f64, k: u32) -> f32 {
    #[expect(clippy::cast_possible_truncation, reason = "a score between 0 and 1")]
    rank.map_or(0.0, |rank| (1.0 / (f64::from(rank) / weight + f64::from(k) - 1.0)) as f32)
}

/// Weights decide between the lists, and a weight of zero leaves one out.
pub async fn weights_decide_between_words_and_vectors(vectors: &Vectors) {
    let (mine, index) = (new_id(), new_id());
    let door = vectors.for_workspace(mine);
    door.prepare(index, DIMENSIONS).await.expect("a new index");
    let near = point(mine, "something else", EAST);
    let mut words = point(mine, "lease", NORTH);
    words.dense = vec![0.0; DIMENSIONS];
    door.upsert(index, vec![near.clone(), words.clone()]).await.expect("points");
    let first = async |dense: f32, sparse: f32| {
        let query = Query { weights: Weights { dense, sparse }, ..hybrid("lease", EAST) };
        chunks(&door.search(index, &query).await.expect("a search"))
    };
    assert_eq!(first(0.3, 0.7).await, [words.chunk_id, near.chunk_id]);
    assert_eq!(first(0.7, 0.3).await, [near.chunk_id, words.chunk_id]);
    assert_eq!(first(0.0, 1.0).await, [words.chunk_id]);
    assert_eq!(first(1.0, 0.0).await, [near.chunk_id]);
}

/// A hybrid search that lacks its vector, or its words, is a search for the other.
pub async fn a_hybrid_search_does_without_what_it_lacks(vectors: &Vectors) {
    let (mine, index) = (new_id(), new_id());
    let door = vectors.for_workspace(mine);
    door.prepare(index, DIMENSIONS).await.expect("a new index");
    let stored = point(mine, "lease", EAST);
    door.upsert(index, vec![stored.clone()]).await.expect("a point");
    let no_vector = Query { dense: None, ..hybrid("lease", EAST) };
    let no_direction = hybrid("lease", [0.0; DIMENSIONS]);
    let no_words = hybrid("  the of and … ", EAST);
    for query in [no_vector, no_direction, no_words] {
        assert_eq!(chunks(&door.search(index, &query).await.expect("a search")), [stored.chunk_id]);
    }
    let neither = Query { dense: None, ..hybrid("", EAST) };
    assert_eq!(door.search(index, &neither).await, Ok(vec![]));
    assert_eq!(door.search(index, &semantic([0.0; DIMENSIONS])).await, Ok(vec![]));
    let nothing_to_compare = Query { dense: None, ..semantic(EAST) };
    assert!(matches!(door.search(index, &nothing_to_compare).await, Err(Error::BadQuery(_))));
}

/// A rare word counts for more than a common one, however often that stands there.
pub async fn a_rare_word_counts_for_more_than_a_common_one(vectors: &Vectors) {
    let (mine, index) = (new_id(), new_id());
    let door = vectors.for_workspace(mine);
    door.prepare(index, DIMENSIONS).await.expect("a new index");
    let common = (0..30).map(|_| point(mine, "lease lease lease", EAST));
    let rare = point(mine, "quorum", EAST);
    door.upsert(index, common.chain([rare.clone()]).collect()).await.expect("points");
    let hits = door.search(index, &keyword("lease quorum")).await.expect("a search");
    assert_eq!(hits[0].chunk_id, rare.chunk_id);
}

/// Collections narrow a search; an empty list of them is none, not all.
pub async fn an_empty_list_of_collections_finds_nothing(vectors: &Vectors) {
    let (mine, index) = (new_id(), new_id());
    let door = vectors.for_workspace(mine);
    door.prepare(index, DIMENSIONS).await.expect("a new index");
    let stored = [point(mine, "lease", EAST), point(mine, "lease", EAST), point(mine, "lease", EAST)];
    door.upsert(index, stored.to_vec()).await.expect("points");
    let within = async |collections: &[Uuid]| {
        let query = Query { collection_ids: Some(collections.to_vec()), ..hybrid("lease", EAST) };
        let mut found = chunks(&door.search(index, &query).await.expect("a search"));
        found.sort_unstable();
        found
    };
    let [one, two, _] = &stored;
    assert_eq!(within(&[one.collection_id]).await, [one.chunk_id]);
    assert_eq!(within(&[two.collection_id, one.collection_id]).await, [one.chunk_id, two.chunk_id]);
    assert!(within(&[new_id()]).await.is_empty());
    assert!(within(&[]).await.is_empty());
}

/// The same search gives the same answer, ties included, and a smaller limit gives its beginning.
pub async fn equal_scores_keep_their_order(vectors: &Vectors) {
    let (mine, index) = (new_id(), new_id());
    let door = vectors.for_workspace(mine);
    door.prepare(index, DIMENSIONS).await.expect("a new index");
    let with_words = (0..20).map(|_| point(mine, "lease", [0.0; DIMENSIONS]));
    let with_vectors = (0..20).map(|_| point(mine, "", EAST));
    door.upsert(index, with_words.chain(with_vectors).collect()).await.expect("points");
    let even = Weights { dense: 0.5, sparse: 0.5 };
    let query = |limit, explain| Query { weights: even, limit, explain, ..hybrid("lease", EAST) };
    let all = chunks(&door.search(index, &query(40, true)).await.expect("a search"));
    assert_eq!(all.len(), 40);
    for limit in [1, 7, 40] {
        let found = chunks(&door.search(index, &query(limit, false)).await.expect("a search"));
        assert_eq!(found, all[..limit]);
    }
}

/// Writing a point again replaces it whole: nothing of it is found by what it no longer has.
pub async fn a_point_written_again_is_replaced(vectors: &Vectors) {
    let (mine, index) = (new_id(), new_id());
    let door = vectors.for_workspace(mine);
    door.prepare(index, DIMENSIONS).await.expect("a new index");
    let mut stored = point(mine, "lease", EAST);
    for _ in 0..3 {
        door.upsert(index, vec![stored.clone()]).await.expect("the same point");
    }
    assert_eq!(door.count(index).await, Ok(1));
    "invoice".clone_into(&mut stored.text);
    stored.dense = vec![0.0; DIMENSIONS];
    door.upsert(index, vec![stored.clone()]).await.expect("the point, changed");
    assert_eq!(door.count(index).await, Ok(1));
    assert_eq!(door.search(index, &keyword("lease")).await, Ok(vec![]));
    assert_eq!(door.search(index, &semantic(EAST)).await, Ok(vec![]));
    assert_eq!(chunks(&door.search(index, &keyword("invoice")).await.expect("a search")), [stored.chunk_id]);
}
