//! One search on a server: a list by vectors, a list by keywords, and Qdrant's weighted rank fusion of both, in one round
//! trip.
//!
//! Every list is filtered by the scope in the server, and keywords are weighed by the scope's own statistics. The fusion
//! asks for a few more than the answer has and is cut here, equal scores in the order of point ids, because the server
//! leaves their order to chance.

use std::collections::HashMap;

use qdrant_client::qdrant::query::Variant;
use qdrant_client::qdrant::with_payload_selector::SelectorOptions;
use qdrant_client::qdrant::{
    DenseVector, Filter, IdfParams, PointId, PrefetchQuery, QuantizationSearchParams, QueryBatchPoints,
    QueryPoints, Rrf, ScoredPoint, SearchParams, SparseVector, VectorInput, WithPayloadSelector,
    vector_input,
};
use uuid::Uuid;

use super::connection::{Call, Connection, Refusal};
use super::points::{collections_filter, hit, id_in, scope_filter};
use crate::engine::Scope;
use crate::error::Error;
use crate::keywords::Keywords;
use crate::layout::{BM25, DENSE, POINT, check_dimension, prefetch_limit, unit};
use crate::types::{Hit, Mode, Query};

/// How many hits beyond the answer are fused, so that equal scores at its end are cut in order.
const MARGIN: usize = 16;
/// How many times as many candidates are taken from the quantised vectors as are compared with the whole ones.
const OVERSAMPLING: f64 = 2.0;

/// A list that a search looks into.
#[derive(Clone)]
struct List {
    query: qdrant_client::qdrant::Query,
    using: &'static str,
    params: SearchParams,
    weight: f32,
    limit: usize,
}

/// Finds the points that answer a query best, best first; `dimensions` are the index's.
pub(super) async fn search(
    connection: &Connection,
    collection: &str,
    scope: Scope,
    keywords: &Keywords,
    query: &Query,
) -> Result<Vec<Hit>, Refusal> {
    let filter = collections_filter(scope, query.collection_ids.as_deref());
    let (dense, sparse) = lists(scope, keywords, query);
    let asked = match query.mode {
        Mode::Hybrid => {
            let counts = |list: &List| list.weight > 0.0;
            let (dense, sparse) = (dense.filter(counts), sparse.filter(counts));
            if dense.is_none() && sparse.is_none() {
                return Ok(Vec::new());
            }
            return hybrid(connection, collection, query, &filter, [dense, sparse]).await;
        }
        Mode::Semantic => dense,
        Mode::Keyword => sparse,
    };
    let Some(list) = asked else {
        return Ok(Vec::new());
    };
    let [found] = ask(connection, collection, [ranked(&list, &filter, true)]).await?;
    Ok(hits(found, |_, rank| match query.mode {
        Mode::Keyword => (None, Some(rank)),
        Mode::Semantic | Mode::Hybrid => (Some(rank), None),
    }))
}

/// What a query has to be, whatever the server holds.
pub(super) fn check(dimensions: usize, query: &Query) -> Result<(), Error> {
    if let Some(dense) = &query.dense {
        check_dimension(dimensions, dense)?;
    }
    if query.mode == Mode::Semantic && query.dense.is_none() {
        return Err(Error::BadQuery("a semantic search needs a vector"));
    }
    Ok(())
}

/// The lists by vectors and by keywords; none of what the query lacks.
fn lists(scope: Scope, keywords: &Keywords, query: &Query) -> (Option<List>, Option<List>) {
    let list = |input: vector_input::Variant, using, params, weight| List {
        query: variant(Variant::Nearest(VectorInput { variant: Some(input) })),
        using,
        params,
        weight,
        limit: prefetch_limit(query),
    };
    let dense = (query.mode != Mode::Keyword).then_some(query.dense.as_deref()).flatten().and_then(unit);
    let dense = dense.map(|data| {
        let quantization =
            QuantizationSearchParams { ignore: None, rescore: Some(true), oversampling: Some(OVERSAMPLING) };
        let params = SearchParams { quantization: Some(quantization), ..SearchParams::default() };
        list(vector_input::Variant::Dense(DenseVector { data }), DENSE, params, query.weights.dense)
    });
    let sparse = (query.mode != Mode::Semantic).then(|| keywords.of_query(&query.text)).flatten();
    let sparse = sparse.map(|words| {
        // The tenant's own statistics: another's documents move no ranking.
        let idf = IdfParams { corpus: Some(scope_filter(scope)) };
        let params = SearchParams { idf: Some(idf), ..SearchParams::default() };
        let words = SparseVector { values: words.values, indices: words.indices };
        list(vector_input::Variant::Sparse(words), BM25, params, query.weights.sparse)
    });
    (dense, sparse)
}

async fn hybrid(
    connection: &Connection,
    collection: &str,
    query: &Query,
    filter: &Filter,
    lists: [Option<List>; 2],
) -> Result<Vec<Hit>, Refusal> {
    let fused = fusion(query, filter, &lists);
    let (mut found, ranks) = if query.explain {
        // The fusion does not say how it came about, so both lists are asked once more, in the same round trip.
        let each = lists.each_ref().map(|list| list.as_ref().map(|list| ranked(list, filter, false)));
        let [dense, sparse] = each;
        let places = [dense.is_some(), sparse.is_some()];
        let batch: Vec<QueryPoints> = [Some(fused), dense, sparse].into_iter().flatten().collect();
        let mut answers = ask_all(connection, collection, batch).await?.into_iter();
        let found = answers.next().unwrap_or_default();
        let ranks = places.map(|asked| {
            let list = if asked { answers.next().unwrap_or_default() } else { Vec::new() };
            list.into_iter().filter_map(|point| point.id).zip(1..).collect::<HashMap<PointId, u32>>()
        });
        (found, ranks)
    } else {
        let [found] = ask(connection, collection, [fused]).await?;
        (found, [HashMap::new(), HashMap::new()])
    };
    found.sort_by(|left, right| {
        right.score.total_cmp(&left.score).then_with(|| point_id(left).cmp(&point_id(right)))
    });
    found.truncate(query.limit);
    let [dense, sparse] = ranks;
    Ok(hits(found, |id, _| (dense.get(id).copied(), sparse.get(id).copied())))
}

fn fusion(query: &Query, filter: &Filter, lists: &[Option<List>; 2]) -> QueryPoints {
    let lists: Vec<&List> = lists.iter().flatten().collect();
    let rrf =
        Rrf { k: u32::try_from(query.rrf_k).ok(), weights: lists.iter().map(|list| list.weight).collect() };
    QueryPoints {
        prefetch: lists.into_iter().map(|list| prefetch(list, filter)).collect(),
        query: Some(variant(Variant::Rrf(rrf))),
        limit: Some(to_u64(query.limit.saturating_add(MARGIN))),
        with_payload: Some(payload(true)),
        ..QueryPoints::default()
    }
}

fn prefetch(list: &List, filter: &Filter) -> PrefetchQuery {
    PrefetchQuery {
        query: Some(list.query.clone()),
        using: Some(list.using.to_owned()),
        filter: Some(filter.clone()),
        params: Some(list.params.clone()),
        limit: Some(to_u64(list.limit)),
        ..PrefetchQuery::default()
    }
}

fn ranked(list: &List, filter: &Filter, with_payload: bool) -> QueryPoints {
    QueryPoints {
        query: Some(list.query.clone()),
        using: Some(list.using.to_owned()),
        filter: Some(filter.clone()),
        params: Some(list.params.clone()),
        limit: Some(to_u64(list.limit)),
        with_payload: Some(payload(with_payload)),
        ..QueryPoints::default()
    }
}

/// Asks several queries in one call.
async fn ask_all(
    connection: &Connection,
    collection: &str,
    mut queries: Vec<QueryPoints>,
) -> Result<Vec<Vec<ScoredPoint>>, Refusal> {
    for query in &mut queries {
        collection.clone_into(&mut query.collection_name);
    }
    let asked = queries.len();
    let request = QueryBatchPoints {
        collection_name: collection.to_owned(),
        query_points: queries,
        ..QueryBatchPoints::default()
    };
    let answer = connection
        .call(Call::Read, || async { connection.points().query_batch(request.clone()).await })
        .await?;
    if answer.result.len() != asked {
        return Err(Refusal::Failed(Error::Engine("the server left queries unanswered".to_owned())));
    }
    Ok(answer.result.into_iter().map(|list| list.result).collect())
}

async fn ask<const N: usize>(
    connection: &Connection,
    collection: &str,
    queries: [QueryPoints; N],
) -> Result<[Vec<ScoredPoint>; N], Refusal> {
    let answers = ask_all(connection, collection, queries.into()).await?;
    answers
        .try_into()
        .map_err(|_| Refusal::Failed(Error::Engine("the server left queries unanswered".to_owned())))
}

/// The found points as hits; `ranks` gives a point's rank by vectors and by keywords.
fn hits(found: Vec<ScoredPoint>, ranks: impl Fn(&PointId, u32) -> (Option<u32>, Option<u32>)) -> Vec<Hit> {
    let hits = found.into_iter().zip(1..).filter_map(|(point, place)| {
        let hit = hit(&point.payload, point.score, ranks(point.id.as_ref()?, place));
        if hit.is_none() {
            tracing::error!("a stored point lacks an id in its payload");
        }
        hit
    });
    hits.collect()
}

fn point_id(point: &ScoredPoint) -> Option<Uuid> {
    id_in(&point.payload, POINT)
}

fn variant(variant: Variant) -> qdrant_client::qdrant::Query {
    qdrant_client::qdrant::Query { variant: Some(variant) }
}

fn payload(enable: bool) -> WithPayloadSelector {
    WithPayloadSelector { selector_options: Some(SelectorOptions::Enable(enable)) }
}

fn to_u64(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
