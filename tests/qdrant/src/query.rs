//! Queries, from the wire to the engine: by a vector, or by rank fusion of prefetched lists.

use qdrant_client::qdrant::query::Variant;
use qdrant_client::qdrant::{
    Fusion, PrefetchQuery, QuantizationSearchParams, Query, QueryPoints, Rrf, ScoredPoint, SearchParams,
    VectorInput, vector_input,
};
use qdrant_edge::external::ordered_float::OrderedFloat;
use qdrant_edge::{
    Filter, Fusion as EdgeFusion, NamedQuery, Prefetch, QuantizationSearchParams as EdgeQuantization,
    QueryEnum, QueryRequest, ScoringQuery, SearchParams as EdgeParams, VectorInternal, WithVector,
};
use tonic::Status;

use crate::filters::filter;
use crate::refusal::{engine, malformed, not_translated, refuse};
use crate::statistics::weigh;
use crate::store::Collection;
use crate::values::{id_back, payload_back, with_payload};
use crate::vectors::{dense, sparse, weighs_by_rarity};

type Translated<T> = Result<T, Status>;

/// How many points are found when nothing is said.
const DEFAULT_LIMIT: u64 = 10;
/// The constant of rank fusion when nothing is said.
const DEFAULT_RRF_K: u32 = 2;

/// Answers a query.
pub(crate) fn run(collection: &Collection, query: QueryPoints) -> Translated<Vec<ScoredPoint>> {
    let QueryPoints {
        collection_name: _,
        prefetch,
        query,
        using,
        filter: condition,
        params,
        score_threshold,
        limit,
        offset,
        with_vectors,
        with_payload: payload,
        // One shard, on one machine: every read sees all.
        read_consistency: _,
        shard_key_selector,
        lookup_from,
        timeout: _,
    } = query;
    refuse("vectors in an answer", with_vectors.is_some())?;
    refuse("shard keys", shard_key_selector.is_some())?;
    refuse("a look into another collection", lookup_from.is_some())?;
    let prefetches =
        prefetch.into_iter().map(|each| prefetched(collection, each)).collect::<Translated<Vec<_>>>()?;
    let fused = !prefetches.is_empty();
    refuse("a filter or parameters over a fusion", fused && (condition.is_some() || params.is_some()))?;
    let corpus = Corpus::of(params.as_ref())?;
    let scoring = match variant(query)? {
        Variant::Nearest(input) if !fused => nearest(collection, input, using, &corpus)?,
        Variant::Nearest(_) => return Err(not_translated("a vector over prefetched lists")),
        other if fused => fusion(other, using.as_deref())?,
        _ => return Err(not_translated("a query of this kind")),
    };
    let request = QueryRequest {
        prefetches,
        query: Some(scoring),
        filter: filter(condition)?,
        score_threshold: score_threshold.map(OrderedFloat),
        limit: size(limit.unwrap_or(DEFAULT_LIMIT))?,
        offset: size(offset.unwrap_or_default())?,
        params: search_params(params.as_ref())?,
        with_vector: WithVector::Bool(false),
        with_payload: with_payload(payload, false)?,
    };
    let found = collection.shard.query(request).map_err(|error| engine(&error))?;
    Ok(found.into_iter().map(found_back).collect())
}

fn prefetched(collection: &Collection, prefetch: PrefetchQuery) -> Translated<Prefetch> {
    let PrefetchQuery {
        prefetch,
        query,
        using,
        filter: condition,
        params,
        score_threshold,
        limit,
        lookup_from,
    } = prefetch;
    refuse("a prefetch in a prefetch", !prefetch.is_empty())?;
    refuse("a look into another collection", lookup_from.is_some())?;
    let corpus = Corpus::of(params.as_ref())?;
    let Variant::Nearest(input) = variant(query)? else {
        return Err(not_translated("a prefetch that is not by a vector"));
    };
    Ok(Prefetch {
        prefetches: Vec::new(),
        query: Some(nearest(collection, input, using, &corpus)?),
        limit: size(limit.unwrap_or(DEFAULT_LIMIT))?,
        params: search_params(params.as_ref())?,
        filter: filter(condition)?,
        score_threshold: score_threshold.map(OrderedFloat),
    })
}

/// Over which points words are counted.
enum Corpus {
    /// The query does not say.
    Unset,
    /// These, or all.
    Set(Option<Filter>),
}

impl Corpus {
    fn of(params: Option<&SearchParams>) -> Translated<Self> {
        match params.and_then(|params| params.idf.as_ref()) {
            Some(idf) => filter(idf.corpus.clone()).map(Self::Set),
            None => Ok(Self::Unset),
        }
    }
}

fn nearest(
    collection: &Collection,
    input: VectorInput,
    using: Option<String>,
    corpus: &Corpus,
) -> Translated<ScoringQuery> {
    let Some(name) = using else {
        return Err(not_translated("a vector without name"));
    };
    let vector = match input.variant {
        Some(vector_input::Variant::Dense(vector)) => {
            if matches!(corpus, Corpus::Set(_)) {
                return Err(malformed("`idf` for a vector that has no words"));
            }
            VectorInternal::Dense(dense(vector)?)
        }
        Some(vector_input::Variant::Sparse(words)) => {
            let words = sparse(words)?;
            match (weighs_by_rarity(&collection.config, &name), corpus) {
                (Some(true), Corpus::Unset) => VectorInternal::Sparse(weigh(collection, &name, None, words)?),
                (Some(true), Corpus::Set(corpus)) => {
                    VectorInternal::Sparse(weigh(collection, &name, corpus.as_ref(), words)?)
                }
                (Some(false), Corpus::Set(_)) => return Err(malformed("`idf` for a vector without it")),
                (Some(false), Corpus::Unset) => VectorInternal::Sparse(words),
                (None, _) => return Err(malformed(&format!("Not existing vector name error: {name}"))),
            }
        }
        Some(_) => return Err(not_translated("a vector of this kind")),
        None => return Err(malformed("a vector without content")),
    };
    Ok(ScoringQuery::Vector(QueryEnum::Nearest(NamedQuery::new(vector, name))))
}

fn fusion(variant: Variant, using: Option<&str>) -> Translated<ScoringQuery> {
    refuse("a vector's name over a fusion", using.is_some())?;
    let fusion = match variant {
        Variant::Rrf(Rrf { k, weights }) => EdgeFusion::Rrf {
            k: size(u64::from(k.unwrap_or(DEFAULT_RRF_K)))?,
            weights: (!weights.is_empty()).then(|| weights.into_iter().map(OrderedFloat).collect()),
        },
        Variant::Fusion(kind) if kind == i32::from(Fusion::Rrf) => {
            EdgeFusion::Rrf { k: size(u64::from(DEFAULT_RRF_K))?, weights: None }
        }
        _ => return Err(not_translated("a fusion of this kind")),
    };
    Ok(ScoringQuery::Fusion(fusion))
}

fn variant(query: Option<Query>) -> Translated<Variant> {
    query.and_then(|query| query.variant).ok_or_else(|| not_translated("a query without content"))
}

fn search_params(params: Option<&SearchParams>) -> Translated<Option<EdgeParams>> {
    let Some(params) = params else { return Ok(None) };
    let SearchParams { hnsw_ef, exact, quantization, indexed_only, acorn, idf: _ } = params.clone();
    refuse("ACORN", acorn.is_some())?;
    Ok(Some(EdgeParams {
        hnsw_ef: hnsw_ef.map(size).transpose()?,
        exact: exact.unwrap_or_default(),
        quantization: quantization.map(|QuantizationSearchParams { ignore, rescore, oversampling }| {
            EdgeQuantization { ignore: ignore.unwrap_or_default(), rescore, oversampling }
        }),
        indexed_only: indexed_only.unwrap_or_default(),
        acorn: None,
    }))
}

fn found_back(point: qdrant_edge::ScoredPoint) -> ScoredPoint {
    ScoredPoint {
        id: Some(id_back(point.id)),
        payload: payload_back(point.payload),
        score: point.score,
        version: point.version,
        ..ScoredPoint::default()
    }
}

fn size(number: u64) -> Translated<usize> {
    usize::try_from(number).map_err(|_| malformed("a number is too large"))
}
