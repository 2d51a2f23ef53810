//! Inputs that nobody should send: a clear error or an empty answer, and the engine goes on.

use footnote_vectors::{Error, Mode, Point, Query, Vectors, limits};
use uuid::Uuid;

use super::{DIMENSIONS, chunks, hybrid, keyword, new_id, point};

const EAST: [f32; DIMENSIONS] = [1.0, 0.0, 0.0, 0.0];

/// Numbers that are not finite are refused, in points and in queries; finite ones of any size are not.
pub async fn numbers_that_are_not_finite_are_refused(vectors: &Vectors) {
    let (mine, index) = (new_id(), new_id());
    let door = vectors.for_workspace(mine);
    door.prepare(index, DIMENSIONS).await.expect("a new index");
    for number in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let vector = [1.0, number, 0.0, 0.0];
        let written =
            door.upsert(index, vec![point(mine, "lease", EAST), point(mine, "lease", vector)]).await;
        assert!(matches!(written, Err(Error::BadQuery(_))), "{written:?}");
        let found = door.search(index, &hybrid("lease", vector)).await;
        assert!(matches!(found, Err(Error::BadQuery(_))), "{found:?}");
    }
    assert_eq!(door.count(index).await, Ok(0), "nothing of a refused batch is written");
    for number in [f32::MAX, f32::MIN, f32::MIN_POSITIVE / 8.0] {
        let stored = point(mine, "", [number; DIMENSIONS]);
        door.upsert(index, vec![stored.clone()]).await.expect("a finite vector");
        let hits = door.search(index, &hybrid("", [number; DIMENSIONS])).await.expect("a search");
        assert!(chunks(&hits).contains(&stored.chunk_id));
    }
}

/// Another dimension is refused, wherever it comes from, and nothing of its batch is written.
pub async fn another_dimension_is_refused(vectors: &Vectors) {
    let (mine, index) = (new_id(), new_id());
    let door = vectors.for_workspace(mine);
    door.prepare(index, DIMENSIONS).await.expect("a new index");
    door.prepare(index, DIMENSIONS).await.expect("the same again");
    let mismatch = |got: usize| Error::DimensionMismatch { expected: DIMENSIONS, got };
    assert_eq!(door.prepare(index, 5).await, Err(mismatch(5)));
    for got in [0, 3, 5] {
        let wrong = Point { dense: vec![1.0; got], ..point(mine, "lease", EAST) };
        let written = door.upsert(index, vec![point(mine, "lease", EAST), wrong]).await;
        assert_eq!(written, Err(mismatch(got)));
        let query = Query { dense: Some(vec![1.0; got]), ..keyword("lease") };
        for mode in [Mode::Hybrid, Mode::Semantic, Mode::Keyword] {
            assert_eq!(door.search(index, &Query { mode, ..query.clone() }).await, Err(mismatch(got)));
        }
    }
    assert_eq!(door.count(index).await, Ok(0));
    for dimensions in [0, limits::MAX_DIMENSIONS + 1] {
        assert!(matches!(door.prepare(new_id(), dimensions).await, Err(Error::BadQuery(_))));
    }
}

/// Texts of any length and script are searched or refused, and are found by their own words.
pub async fn texts_of_any_length_and_script_are_answered(vectors: &Vectors) {
    let (mine, index) = (new_id(), new_id());
    let door = vectors.for_workspace(mine);
    door.prepare(index, DIMENSIONS).await.expect("a new index");
    let one_word = "x".repeat(10_000);
    let many_words = (0..2_000).map(|number| format!("w{number}")).collect::<Vec<_>>().join(" ");
    let scripts = [
        one_word.as_str(),
        many_words.as_str(),
        "Zürich, Straße, naïve café",
        "工作区的数据是隔离的",
        "データは分離されています",
        "مساحة العمل معزولة",
        "👩‍👩‍👧‍👦 family 🇨🇭",
        "\u{0}nul\u{0} \u{202e}reversed\u{202c} \u{fffd}",
        "e\u{301}\u{301}\u{301}\u{301} stacked",
    ];
    for text in scripts {
        let stored = point(mine, text, [0.0; DIMENSIONS]);
        door.upsert(index, vec![stored.clone()]).await.expect("a point");
        let hits = door.search(index, &keyword(text)).await.expect("a search");
        assert_eq!(chunks(&hits).first(), Some(&stored.chunk_id), "{text:.40}");
    }
    for text in ["", " ", "\n\t", "the", "…—!", "\u{200b}\u{feff}"] {
        assert_eq!(door.search(index, &keyword(text)).await, Ok(vec![]), "{text:?}");
    }
    let longest = keyword(&"lease ".repeat(limits::MAX_QUERY_TEXT / 6));
    door.search(index, &longest).await.expect("the longest text");
    let too_long = keyword(&"x".repeat(limits::MAX_QUERY_TEXT + 1));
    assert!(matches!(door.search(index, &too_long).await, Err(Error::BadQuery(_))));
}

/// Lists beyond their limits are refused, and empty ones do nothing.
pub async fn lists_beyond_their_limits_are_refused(vectors: &Vectors) {
    let (mine, index) = (new_id(), new_id());
    let door = vectors.for_workspace(mine);
    door.prepare(index, DIMENSIONS).await.expect("a new index");
    assert_eq!(door.upsert(index, vec![]).await, Ok(()));
    assert_eq!(door.delete_points(index, &[]).await, Ok(()));
    let one = point(mine, "lease", EAST);
    let written = door.upsert(index, vec![one.clone(); limits::MAX_POINTS + 1]).await;
    assert!(matches!(written, Err(Error::BadQuery(_))));
    door.upsert(index, vec![one; 2_000]).await.expect("one point, many times");
    assert_eq!(door.count(index).await, Ok(1));
    let ids = vec![new_id(); limits::MAX_IDS + 1];
    assert!(matches!(door.delete_points(index, &ids).await, Err(Error::BadQuery(_))));
    let kept = door.delete_versions(index, new_id(), &ids).await;
    assert!(matches!(kept, Err(Error::BadQuery(_))));
    let query = Query { collection_ids: Some(ids), ..keyword("lease") };
    assert!(matches!(door.search(index, &query).await, Err(Error::BadQuery(_))));
    assert_eq!(door.count(index).await, Ok(1));
}

/// Any id is an id, also the empty and the full one, and whatever is called alike elsewhere is something else.
pub async fn ids_of_any_value_are_kept_apart(vectors: &Vectors) {
    let ids = [Uuid::nil(), Uuid::max(), new_id()];
    let scopes: Vec<(Uuid, Uuid)> =
        ids.iter().flat_map(|workspace| ids.iter().map(|index| (*workspace, *index))).collect();
    for (workspace, index) in &scopes {
        let door = vectors.for_workspace(*workspace);
        door.prepare(*index, DIMENSIONS).await.expect("a new index");
        let same = |id: Uuid| Point {
            id,
            collection_id: id,
            document_id: id,
            version_id: id,
            chunk_id: id,
            ..point(*workspace, "lease", EAST)
        };
        door.upsert(*index, ids.map(same).to_vec()).await.expect("points");
    }
    let (first, index) = scopes[0];
    let door = vectors.for_workspace(first);
    door.delete_points(index, &[Uuid::nil()]).await.expect("a deletion");
    door.delete_document(index, Uuid::max()).await.expect("a deletion");
    for (place, (workspace, index)) in scopes.iter().enumerate() {
        let door = vectors.for_workspace(*workspace);
        let expected = if place == 0 { 1 } else { 3 };
        assert_eq!(door.count(*index).await, Ok(expected), "{workspace} {index}");
        let hits = door.search(*index, &keyword("lease")).await.expect("a search");
        assert!(hits.iter().all(|hit| hit.workspace_id == *workspace));
        assert_eq!(chunks(&hits).len(), usize::try_from(expected).expect("a count"));
    }
    door.remove_all().await.expect("a purge");
    let (other, index) = scopes[8];
    assert_eq!(vectors.for_workspace(other).count(index).await, Ok(3));
}
