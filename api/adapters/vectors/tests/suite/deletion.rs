//! What deleting, purging and an index that is not there do.

use footnote_vectors::{Error, Point, Vectors};
use uuid::Uuid;

use super::{DIMENSIONS, chunks, keyword, new_id, point};

const EAST: [f32; DIMENSIONS] = [1.0, 0.0, 0.0, 0.0];

/// Each deletion takes exactly what it names.
pub async fn a_deletion_takes_exactly_what_it_names(vectors: &Vectors) {
    let (mine, index, document_id) = (new_id(), new_id(), new_id());
    let door = vectors.for_workspace(mine);
    door.prepare(index, DIMENSIONS).await.expect("a new index");
    let versions = [new_id(), new_id(), new_id()];
    let of_version = |version_id: Uuid| Point { document_id, version_id, ..point(mine, "lease", EAST) };
    let document: Vec<Point> = versions.iter().flat_map(|id| [of_version(*id), of_version(*id)]).collect();
    let other = point(mine, "lease", EAST);
    door.upsert(index, document.clone()).await.expect("points");
    door.upsert(index, vec![other.clone()]).await.expect("a point");

    door.delete_points(index, &[document[0].id, new_id()]).await.expect("a deletion");
    assert_eq!(door.count(index).await, Ok(6));
    let [first, second, _] = versions;
    door.delete_versions(index, document_id, &[]).await.expect("no deletion");
    assert_eq!(door.count(index).await, Ok(6));
    door.delete_versions(index, document_id, &[first]).await.expect("a deletion");
    assert_eq!(door.count(index).await, Ok(5));
    door.delete_versions(index, document_id, &[first, second]).await.expect("a deletion");
    let mut left = chunks(&door.search(index, &keyword("lease")).await.expect("a search"));
    left.sort_unstable();
    assert_eq!(left, [document[4].chunk_id, document[5].chunk_id, other.chunk_id]);
    door.delete_document(index, document_id).await.expect("a deletion");
    assert_eq!(chunks(&door.search(index, &keyword("lease")).await.expect("a search")), [other.chunk_id]);
    door.delete_document(index, document_id).await.expect("the same deletion again");
    assert_eq!(door.count(index).await, Ok(1));
}

/// A purge takes all indexes of the workspace, and what is purged does not come back by itself.
pub async fn a_purged_workspace_stays_empty(vectors: &Vectors) {
    let (mine, indexes) = (new_id(), [new_id(), new_id()]);
    let door = vectors.for_workspace(mine);
    for index in indexes {
        door.prepare(index, DIMENSIONS).await.expect("a new index");
        door.upsert(index, vec![point(mine, "lease", EAST)]).await.expect("a point");
    }
    let neighbour = vectors.for_workspace(new_id());
    neighbour.prepare(indexes[0], DIMENSIONS).await.expect("a new index");
    assert_eq!((door.count_all().await, neighbour.count_all().await), (Ok(4), Ok(1)));
    door.remove_all().await.expect("a purge");
    assert_eq!((door.count_all().await, neighbour.count_all().await), (Ok(0), Ok(1)));
    for index in indexes {
        assert_eq!(door.count(index).await, Ok(0));
        assert_eq!(door.search(index, &keyword("lease")).await, Ok(vec![]));
        let late = door.upsert(index, vec![point(mine, "lease", EAST)]).await;
        assert_eq!(late, Err(Error::NotPrepared { index_id: index }));
    }
    door.remove_all().await.expect("a purge of nothing");
    let [index, _] = indexes;
    door.prepare(index, DIMENSIONS + 1).await.expect("a new index under an old id");
    assert_eq!(door.count(index).await, Ok(0));
}

/// An index that was never prepared is empty, and only writing to it is an error.
pub async fn an_index_that_was_never_prepared_is_empty(vectors: &Vectors) {
    let (mine, index) = (new_id(), new_id());
    let door = vectors.for_workspace(mine);
    assert_eq!(door.count(index).await, Ok(0));
    assert_eq!(door.search(index, &keyword("lease")).await, Ok(vec![]));
    assert_eq!(door.delete_points(index, &[new_id()]).await, Ok(()));
    assert_eq!(door.delete_document(index, new_id()).await, Ok(()));
    assert_eq!(door.optimize(index).await, Ok(false));
    let written = door.upsert(index, vec![point(mine, "lease", EAST)]).await;
    assert_eq!(written, Err(Error::NotPrepared { index_id: index }));
}
