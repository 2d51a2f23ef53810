//! The bounds of what the door accepts, and their checks.
//!
//! They are the same for every engine, so they are held before an engine is asked. Whatever passes is finite, of
//! bounded size and safe to hand on.

use crate::error::Error;
use crate::types::{Point, Query};

/// The largest dimension of an index.
pub const MAX_DIMENSIONS: usize = 65_536;
/// The most points in one call.
pub const MAX_POINTS: usize = 10_000;
/// The most ids in one list (collections of a query, points to delete, versions to keep).
pub const MAX_IDS: usize = 10_000;
/// The most hits that one search returns.
pub const MAX_HITS: usize = 1_000;
/// The longest text of a point, in bytes.
pub const MAX_POINT_TEXT: usize = 1 << 20;
/// The longest text of a query, in bytes.
pub const MAX_QUERY_TEXT: usize = 1 << 16;
/// The largest constant of rank fusion.
pub const MAX_RRF_K: usize = 1_000;
/// The largest weight of a list in the fusion.
pub const MAX_WEIGHT: f32 = 100.0;

/// Checks an index's dimension.
pub(crate) fn check_dimensions(dimensions: usize) -> Result<(), Error> {
    if (1..=MAX_DIMENSIONS).contains(&dimensions) {
        Ok(())
    } else {
        Err(Error::BadQuery("dimensions are 1 to 65536"))
    }
}

/// Checks the length of a list of ids.
pub(crate) fn check_ids<T>(ids: &[T]) -> Result<(), Error> {
    if ids.len() <= MAX_IDS { Ok(()) } else { Err(Error::BadQuery("at most 10000 ids in one list")) }
}

/// Checks everything about points that does not depend on the index.
pub(crate) fn check_points(points: &[Point]) -> Result<(), Error> {
    if points.len() > MAX_POINTS {
        return Err(Error::BadQuery("at most 10000 points in one call"));
    }
    for point in points {
        if point.text.len() > MAX_POINT_TEXT {
            return Err(Error::BadQuery("a point's text is at most 1 MiB"));
        }
        check_vector(&point.dense)?;
    }
    Ok(())
}

/// Checks everything about a query that does not depend on the index.
pub(crate) fn check_query(query: &Query) -> Result<(), Error> {
    if !(1..=MAX_HITS).contains(&query.limit) {
        return Err(Error::BadQuery("a search's limit is 1 to 1000"));
    }
    if query.text.len() > MAX_QUERY_TEXT {
        return Err(Error::BadQuery("a query's text is at most 64 KiB"));
    }
    if !(1..=MAX_RRF_K).contains(&query.rrf_k) {
        return Err(Error::BadQuery("the fusion's constant is 1 to 1000"));
    }
    let weights = [query.weights.dense, query.weights.sparse];
    // A NaN is in no range.
    if !weights.iter().all(|weight| (0.0..=MAX_WEIGHT).contains(weight)) {
        return Err(Error::BadQuery("a weight is 0 to 100"));
    }
    if weights.iter().all(|weight| *weight == 0.0) {
        return Err(Error::BadQuery("one weight is above 0"));
    }
    check_ids(query.collection_ids.as_deref().unwrap_or_default())?;
    check_vector(query.dense.as_deref().unwrap_or_default())
}

fn check_vector(vector: &[f32]) -> Result<(), Error> {
    if vector.iter().all(|number| number.is_finite()) {
        Ok(())
    } else {
        Err(Error::BadQuery("a vector's numbers are finite"))
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_QUERY_TEXT, check_dimensions, check_query};
    use crate::types::{Query, Weights};

    #[test]
    fn the_bounds_themselves_are_accepted_and_one_more_is_not() {
        for limit in [1, 1_000] {
            check_query(&Query { limit, ..Query::default() }).expect("a bound is inside");
        }
        for limit in [0, 1_001] {
            check_query(&Query { limit, ..Query::default() }).expect_err("beyond the bound");
        }
        check_dimensions(65_536).expect("a bound is inside");
        check_dimensions(0).expect_err("no dimension");
        check_dimensions(65_537).expect_err("beyond the bound");
        let text = "x".repeat(MAX_QUERY_TEXT + 1);
        check_query(&Query { text, ..Query::default() }).expect_err("beyond the bound");
    }

    #[test]
    fn a_fusion_needs_a_finite_weight_above_zero() {
        for (dense, sparse) in [(0.0, 0.0), (f32::NAN, 1.0), (1.0, f32::INFINITY), (-0.1, 1.0)] {
            let weights = Weights { dense, sparse };
            check_query(&Query { weights, ..Query::default() }).expect_err("not a weight");
        }
        for (dense, sparse) in [(0.0, 1.0), (1.0, 0.0), (100.0, 100.0)] {
            let weights = Weights { dense, sparse };
            check_query(&Query { weights, ..Query::default() }).expect("a weight");
        }
    }
}
