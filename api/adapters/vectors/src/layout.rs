//! What a stored point looks like, the same in every engine: its vectors' names, its payload's keys, its vector's length.
//!
//! Vectors are brought to length 1 in double precision before they are stored or compared, so that no finite input
//! overflows in an engine's own normalisation.

use crate::error::Error;
use crate::limits::MAX_HITS;
use crate::types::{Mode, Query};

/// The name of the embedding.
pub(crate) const DENSE: &str = "dense";
/// The name of the keyword vector.
pub(crate) const BM25: &str = "bm25";

/// The payload's keys.
pub(crate) const WORKSPACE: &str = "workspace_id";
pub(crate) const INDEX: &str = "index_id";
pub(crate) const COLLECTION: &str = "collection_id";
pub(crate) const DOCUMENT: &str = "document_id";
pub(crate) const VERSION: &str = "version_id";
pub(crate) const CHUNK: &str = "chunk_id";
pub(crate) const KIND: &str = "kind";
pub(crate) const POINT: &str = "point_id";

/// The shortest list that is fused: a short one would let a hit's place on the other list count for too much.
const MIN_PREFETCH: usize = 50;

/// How many points a list gives: the answer itself, or four times as many for a fusion.
pub(crate) fn prefetch_limit(query: &Query) -> usize {
    match query.mode {
        Mode::Hybrid => query.limit.saturating_mul(4).clamp(MIN_PREFETCH, MAX_HITS),
        Mode::Semantic | Mode::Keyword => query.limit,
    }
}

/// Refuses a vector of another dimension than the index's.
pub(crate) fn check_dimension(expected: usize, vector: &[f32]) -> Result<(), Error> {
    if vector.len() == expected {
        Ok(())
    } else {
        Err(Error::DimensionMismatch { expected, got: vector.len() })
    }
}

/// The vector at length 1; none if it has no direction.
pub(crate) fn unit(vector: &[f32]) -> Option<Vec<f32>> {
    let length = vector.iter().map(|&number| f64::from(number).powi(2)).sum::<f64>().sqrt();
    #[expect(clippy::cast_possible_truncation, reason = "the quotient is between -1 and 1")]
    let scale = |number: &f32| (f64::from(*number) / length) as f32;
    (length > 0.0).then(|| vector.iter().map(scale).collect())
}

#[cfg(test)]
mod tests {
    use super::unit;

    #[test]
    fn any_direction_has_length_one_and_none_has_none() {
        for vector in [vec![3.0, 4.0], vec![f32::MAX, f32::MAX], vec![f32::MIN_POSITIVE / 4.0, 0.0]] {
            let length: f32 =
                unit(&vector).expect("it has a direction").iter().map(|number| number * number).sum();
            assert!((length - 1.0).abs() < 1e-6, "{vector:?}: {length}");
        }
        assert_eq!(unit(&[0.0, -0.0]), None);
        assert_eq!(unit(&[]), None);
    }
}
