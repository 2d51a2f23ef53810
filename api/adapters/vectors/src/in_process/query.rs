//! One search in one shard: a list by vectors, a list by keywords, and Qdrant's weighted rank fusion of both.
//!
//! Every list is filtered by the workspace in the engine. The fusion asks for all that the lists have and is cut
//! here, equal scores in the order of point ids, because the engine leaves their order to chance.

use std::collections::HashMap;

use qdrant_edge::external::ordered_float::OrderedFloat;
use qdrant_edge::{
    EdgeShard, Filter, Fusion, NamedQuery, PointId, Prefetch, QueryEnum, QueryRequest, ScoredPoint,
    ScoringQuery, VectorInternal, WithPayloadInterface, WithVector,
};

use super::points::{collections_filter, dimensions, hit};
use super::shards::engine_error;
use crate::engine::Scope;
use crate::error::Error;
use crate::keywords::Keywords;
use crate::layout::{BM25, DENSE, check_dimension, prefetch_limit, unit};
use crate::types::{Hit, Mode, Query};

/// A list that a search looks into.
struct List {
    query: ScoringQuery,
    weight: f32,
    limit: usize,
    filter: Filter,
}

/// Finds the points that answer a query best, best first.
pub(super) fn search(
    shard: &EdgeShard,
    scope: Scope,
    keywords: &Keywords,
    query: &Query,
) -> Result<Vec<Hit>, Error> {
    if let Some(dense) = &query.dense {
        check_dimension(dimensions(shard), dense)?;
    }
    if query.mode == Mode::Semantic && query.dense.is_none() {
        return Err(Error::BadQuery("a semantic search needs a vector"));
    }
    if query.collection_ids.as_ref().is_some_and(Vec::is_empty) {
        return Ok(Vec::new());
    }
    let filter = collections_filter(scope, query.collection_ids.as_deref());
    let list = |vector: VectorInternal, name: &str, weight: f32| List {
        query: ScoringQuery::Vector(QueryEnum::Nearest(NamedQuery::new(vector, name))),
        weight,
        limit: prefetch_limit(query),
        filter: filter.clone(),
    };
    let dense = (query.mode != Mode::Keyword).then_some(query.dense.as_deref()).flatten().and_then(unit);
    let dense = dense.map(|vector| list(VectorInternal::Dense(vector), DENSE, query.weights.dense));
    let sparse = (query.mode != Mode::Semantic).then(|| keywords.of_query(&query.text)).flatten();
    let sparse = sparse.map(|vector| list(VectorInternal::Sparse(vector), BM25, query.weights.sparse));
    match query.mode {
        Mode::Hybrid => hybrid(shard, query, dense, sparse),
        Mode::Semantic => Ok(hits(shard, ranked(shard, dense.as_ref())?, |_, rank| (Some(rank), None))?),
        Mode::Keyword => Ok(hits(shard, ranked(shard, sparse.as_ref())?, |_, rank| (None, Some(rank)))?),
    }
}

fn hybrid(
    shard: &EdgeShard,
    query: &Query,
    dense: Option<List>,
    sparse: Option<List>,
) -> Result<Vec<Hit>, Error> {
    let counts = |list: &List| list.weight > 0.0;
    let (dense, sparse) = (dense.filter(counts), sparse.filter(counts));
    let mut fused = fuse(shard, query.rrf_k, [dense.as_ref(), sparse.as_ref()].into_iter().flatten())?;
    fused.sort_by(|left, right| right.score.total_cmp(&left.score).then_with(|| left.id.cmp(&right.id)));
    fused.truncate(query.limit);
    if !query.explain {
        return hits(shard, fused, |_, _| (None, None));
    }
    // The fusion does not say how it came about, so both lists are asked once more.
    let (dense, sparse) = (ranks(shard, dense.as_ref())?, ranks(shard, sparse.as_ref())?);
    hits(shard, fused, |id, _| (dense.get(&id).copied(), sparse.get(&id).copied()))
}

fn fuse<'a>(
    shard: &EdgeShard,
    rrf_k: usize,
    lists: impl Iterator<Item = &'a List>,
) -> Result<Vec<ScoredPoint>, Error> {
    let (mut prefetches, mut weights, mut limit) = (Vec::new(), Vec::new(), 0);
    for list in lists {
        limit += list.limit;
        weights.push(OrderedFloat(list.weight));
        prefetches.push(Prefetch {
            prefetches: Vec::new(),
            query: Some(list.query.clone()),
            limit: list.limit,
            params: None,
            filter: Some(list.filter.clone()),
            score_threshold: None,
        });
    }
    if prefetches.is_empty() {
        return Ok(Vec::new());
    }
    let fusion = ScoringQuery::Fusion(Fusion::Rrf { k: rrf_k, weights: Some(weights) });
    shard.query(request(fusion, limit, prefetches, None)).map_err(engine_error)
}

fn ranked(shard: &EdgeShard, list: Option<&List>) -> Result<Vec<ScoredPoint>, Error> {
    let Some(list) = list else {
        return Ok(Vec::new());
    };
    let request = request(list.query.clone(), list.limit, Vec::new(), Some(list.filter.clone()));
    shard.query(request).map_err(engine_error)
}

fn ranks(shard: &EdgeShard, list: Option<&List>) -> Result<HashMap<PointId, u32>, Error> {
    Ok(ranked(shard, list)?.iter().map(|point| point.id).zip(1..).collect())
}

fn request(
    query: ScoringQuery,
    limit: usize,
    prefetches: Vec<Prefetch>,
    filter: Option<Filter>,
) -> QueryRequest {
    QueryRequest {
        prefetches,
        query: Some(query),
        filter,
        score_threshold: None,
        limit,
        offset: 0,
        params: None,
        with_vector: WithVector::Bool(false),
        with_payload: WithPayloadInterface::Bool(false),
    }
}

/// Reads the payloads of found points; `ranks` gives a point's rank by vectors and by keywords.
fn hits(
    shard: &EdgeShard,
    found: Vec<ScoredPoint>,
    ranks: impl Fn(PointId, u32) -> (Option<u32>, Option<u32>),
) -> Result<Vec<Hit>, Error> {
    let ids: Vec<PointId> = found.iter().map(|point| point.id).collect();
    let records = shard.retrieve(&ids, Some(WithPayloadInterface::Bool(true)), None).map_err(engine_error)?;
    let records: HashMap<PointId, _> =
        records.into_iter().map(|record| (record.id, record.payload)).collect();
    let mut hits = Vec::with_capacity(found.len());
    for (point, place) in found.into_iter().zip(1..) {
        // A point deleted since it was found has no record.
        let Some(payload) = records.get(&point.id) else { continue };
        let hit = payload.as_ref().and_then(|payload| hit(payload, point.score, ranks(point.id, place)));
        if hit.is_none() {
            tracing::error!(point_id = %point.id, "a stored point lacks an id in its payload");
        }
        hits.extend(hit);
    }
    Ok(hits)
}
