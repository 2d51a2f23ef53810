//! No workspace reads, counts, changes or detects another's points.

use footnote_vectors::{Error, Vectors};

use super::{DIMENSIONS, chunks, hybrid, keyword, new_id, point, semantic};

const EAST: [f32; DIMENSIONS] = [1.0, 0.0, 0.0, 0.0];
const WEST: [f32; DIMENSIONS] = [-1.0, 0.0, 0.0, 0.0];

/// A point that names another workspace is refused, and its whole batch with it.
pub async fn a_point_of_another_workspace_is_refused(vectors: &Vectors) {
    let (mine, index) = (new_id(), new_id());
    let door = vectors.for_workspace(mine);
    door.prepare(index, DIMENSIONS).await.expect("a new index");
    let foreign = point(new_id(), "contract", EAST);
    let refused = door.upsert(index, vec![point(mine, "contract", EAST), foreign.clone()]).await;
    assert_eq!(refused, Err(Error::ForeignPoint { point_id: foreign.id }));
    assert_eq!(door.count(index).await, Ok(0));
}

/// Even inside this workspace's shard a point of another workspace is not found, in any mode.
pub async fn a_point_of_another_workspace_is_never_returned(vectors: &Vectors) {
    let (mine, index) = (new_id(), new_id());
    let door = vectors.for_workspace(mine);
    door.prepare(index, DIMENSIONS).await.expect("a new index");
    let own = point(mine, "renewal", WEST);
    door.upsert(index, vec![own.clone()]).await.expect("an own point");
    let foreign = point(new_id(), "contract renewal", EAST);
    door.plant_for_isolation_test(index, foreign.clone()).await.expect("planting asks no owner");

    for query in [keyword("contract renewal"), semantic(EAST), hybrid("contract renewal", EAST)] {
        let hits = door.search(index, &query).await.expect("a search");
        assert_eq!(chunks(&hits), [own.chunk_id], "{:?}", query.mode);
        assert_eq!(hits[0].workspace_id, mine);
    }
    let mut narrowed = hybrid("contract", EAST);
    narrowed.collection_ids = Some(vec![foreign.collection_id]);
    assert_eq!(door.search(index, &narrowed).await, Ok(vec![]));
    assert_eq!(door.count(index).await, Ok(1));
}

/// The same index id in two workspaces is two indexes.
pub async fn one_index_id_in_two_workspaces_is_two_indexes(vectors: &Vectors) {
    let (mine, theirs, index) = (new_id(), new_id(), new_id());
    let (door, other) = (vectors.for_workspace(mine), vectors.for_workspace(theirs));
    door.prepare(index, DIMENSIONS).await.expect("a new index");
    other.prepare(index, DIMENSIONS + 1).await.expect("its dimension is its own");
    door.upsert(index, vec![point(mine, "contract", EAST)]).await.expect("an own point");
    assert_eq!((door.count(index).await, other.count(index).await), (Ok(1), Ok(0)));
    assert_eq!(other.search(index, &keyword("contract")).await, Ok(vec![]));
    other.remove_all().await.expect("a purge");
    assert_eq!(door.count(index).await, Ok(1));
}

/// Another workspace's documents do not move this one's scores: its term statistics are its own.
pub async fn another_workspaces_documents_do_not_move_my_scores(vectors: &Vectors) {
    let (mine, theirs, index) = (new_id(), new_id(), new_id());
    let (door, other) = (vectors.for_workspace(mine), vectors.for_workspace(theirs));
    for door in [&door, &other] {
        door.prepare(index, DIMENSIONS).await.expect("a new index");
    }
    let own = ["contract renewal", "contract", "invoice"].map(|text| point(mine, text, EAST));
    door.upsert(index, own.to_vec()).await.expect("own points");
    let before = door.search(index, &keyword("contract renewal")).await.expect("a search");
    let flood = (0..300).map(|_| point(theirs, "renewal", EAST)).collect();
    other.upsert(index, flood).await.expect("their points");
    assert_eq!(door.search(index, &keyword("contract renewal")).await, Ok(before));
}
