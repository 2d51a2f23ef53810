//! Vectors and what collections are made of, from the wire to the engine.

use std::collections::HashMap;

use qdrant_client::qdrant::quantization_config::Quantization;
use qdrant_client::qdrant::vectors::VectorsOptions;
use qdrant_client::qdrant::vectors_config::Config;
use qdrant_client::qdrant::{
    CollectionConfig, CollectionParams, CreateCollection, DenseVector, Distance, HnswConfigDiff, Modifier,
    NamedVectors, PointStruct, QuantizationConfig, QuantizationType, ScalarQuantization, SparseVector,
    SparseVectorConfig, SparseVectorParams, Vector, VectorParams, VectorParamsMap, Vectors, VectorsConfig,
    vector,
};
use qdrant_edge::external::serde_json::Value as Json;
use qdrant_edge::{
    Distance as EdgeDistance, EdgeConfig, EdgeConfigBuilder, EdgeSparseVectorParamsBuilder,
    EdgeVectorParamsBuilder, HnswIndexConfig, NamedVectors as EdgeNamedVectors, PointStruct as EdgePoint,
    ScalarQuantizationConfig, ScalarType, SparseVector as EdgeSparse, Vector as EdgeVector, WalOptions,
};
use tonic::Status;

use crate::refusal::{malformed, not_translated, refuse};
use crate::values::{id, payload};

type Translated<T> = Result<T, Status>;

/// Bytes of one file of the engine's log (its default is 32 MiB).
const LOG_FILE: usize = 4 << 20;
/// The largest dimension, as servers have it.
const MOST_DIMENSIONS: u64 = 65_536;

/// What a collection is made of, as it is shown and as the engine wants it.
#[expect(deprecated, reason = "clients still send what the protocol names deprecated")]
pub(crate) fn config(request: CreateCollection) -> Translated<(CollectionConfig, EdgeConfig)> {
    let CreateCollection {
        collection_name: _,
        hnsw_config,
        wal_config,
        optimizers_config,
        shard_number,
        on_disk_payload,
        // How long it may take: it takes no time.
        timeout: _,
        vectors_config,
        replication_factor,
        write_consistency_factor,
        quantization_config,
        sharding_method,
        sparse_vectors_config,
        strict_mode_config,
        metadata,
        payload,
        id_tracker,
    } = request;
    refuse("a log's configuration", wal_config.is_some())?;
    refuse("optimizers' configuration", optimizers_config.is_some())?;
    refuse("shards", shard_number.unwrap_or(1) != 1 || sharding_method.is_some())?;
    refuse("replicas", replication_factor.unwrap_or(1) != 1 || write_consistency_factor.unwrap_or(1) != 1)?;
    refuse("strict mode", strict_mode_config.is_some())?;
    refuse("metadata", !metadata.is_empty())?;
    refuse("where a payload lies", on_disk_payload.is_some() || payload.is_some() || id_tracker.is_some())?;
    let mut builder = EdgeConfigBuilder::new()
        .wal_options(WalOptions { segment_capacity: LOG_FILE, ..WalOptions::default() })
        .hnsw_config(hnsw(hnsw_config)?);
    if let Some(config) = quantization_config {
        builder = builder.quantization_config(quantization(config)?.into());
    }
    let dense = match vectors_config.as_ref().and_then(|config| config.config.as_ref()) {
        Some(Config::ParamsMap(VectorParamsMap { map })) => map.clone(),
        Some(Config::Params(_)) => return Err(not_translated("a vector without name")),
        None => HashMap::new(),
    };
    for (name, params) in dense {
        let VectorParams {
            size,
            distance,
            hnsw_config,
            quantization_config,
            on_disk,
            datatype,
            multivector_config,
            memory,
        } = params;
        refuse("a vector's own graph", hnsw_config.is_some() || quantization_config.is_some())?;
        refuse("where a vector lies", on_disk.is_some() || memory.is_some())?;
        refuse("a vector's type", datatype.is_some() || multivector_config.is_some())?;
        if !(1..=MOST_DIMENSIONS).contains(&size) {
            return Err(malformed("a vector's size is 1 to 65536"));
        }
        let size = usize::try_from(size).map_err(|_| malformed("a vector's size"))?;
        builder = builder.vector(name, EdgeVectorParamsBuilder::new(size, compared_by(distance)?).build());
    }
    let sparse = sparse_vectors_config.as_ref().map(|config| config.map.clone()).unwrap_or_default();
    for (name, SparseVectorParams { index, modifier: _ }) in sparse {
        refuse("a sparse vector's index", index.is_some())?;
        // The weights by term statistics are multiplied by the server: see `statistics`.
        builder = builder.sparse_vector(name, EdgeSparseVectorParamsBuilder::new().build());
    }
    let params = CollectionParams {
        shard_number: 1,
        vectors_config: vectors_config.or(Some(VectorsConfig::default())),
        replication_factor: Some(1),
        write_consistency_factor: Some(1),
        sparse_vectors_config,
        ..CollectionParams::default()
    };
    let config = CollectionConfig {
        params: Some(params),
        hnsw_config,
        quantization_config,
        ..CollectionConfig::default()
    };
    Ok((config, builder.build()))
}

/// Whether a sparse vector's words weigh by how rare they are; none if there is no such vector.
pub(crate) fn weighs_by_rarity(config: &CollectionConfig, name: &str) -> Option<bool> {
    let SparseVectorConfig { map } = config.params.as_ref()?.sparse_vectors_config.as_ref()?;
    map.get(name).map(|params| params.modifier() == Modifier::Idf)
}

#[expect(deprecated, reason = "clients still send what the protocol names deprecated")]
fn hnsw(diff: Option<HnswConfigDiff>) -> Translated<HnswIndexConfig> {
    let HnswConfigDiff {
        m,
        ef_construct,
        full_scan_threshold,
        max_indexing_threads,
        on_disk,
        payload_m,
        inline_storage,
        memory,
    } = diff.unwrap_or_default();
    refuse("where a graph lies", on_disk.is_some() || inline_storage.is_some() || memory.is_some())?;
    refuse(
        "how a graph is built",
        ef_construct.is_some() || full_scan_threshold.is_some() || max_indexing_threads.is_some(),
    )?;
    let edges = |number: u64| usize::try_from(number).map_err(|_| malformed("a number of edges"));
    let mut config = HnswIndexConfig::default();
    if let Some(m) = m {
        config.m = edges(m)?;
    }
    config.payload_m = payload_m.map(edges).transpose()?;
    Ok(config)
}

#[expect(deprecated, reason = "clients still send what the protocol names deprecated")]
fn quantization(config: QuantizationConfig) -> Translated<ScalarQuantizationConfig> {
    let Some(Quantization::Scalar(ScalarQuantization { r#type, quantile, always_ram, memory })) =
        config.quantization
    else {
        return Err(not_translated("a quantisation that is not scalar"));
    };
    refuse("where quantised vectors lie", memory.is_some())?;
    if r#type != i32::from(QuantizationType::Int8) {
        return Err(malformed("a type of quantisation"));
    }
    Ok(ScalarQuantizationConfig { r#type: ScalarType::Int8, quantile, always_ram })
}

fn compared_by(distance: i32) -> Translated<EdgeDistance> {
    match Distance::try_from(distance) {
        Ok(Distance::Cosine) => Ok(EdgeDistance::Cosine),
        Ok(Distance::Dot) => Ok(EdgeDistance::Dot),
        Ok(Distance::Euclid) => Ok(EdgeDistance::Euclid),
        Ok(Distance::Manhattan) => Ok(EdgeDistance::Manhattan),
        Ok(Distance::UnknownDistance) | Err(_) => Err(malformed("a distance")),
    }
}

/// A point.
pub(crate) fn point(point: PointStruct) -> Translated<EdgePoint> {
    let PointStruct { id: given, payload: fields, vectors } = point;
    let mut named = EdgeNamedVectors::default();
    match vectors.and_then(|Vectors { vectors_options }| vectors_options) {
        Some(VectorsOptions::Vectors(NamedVectors { vectors })) => {
            for (name, each) in vectors {
                named = named.add_vector(name, vector(each)?);
            }
        }
        Some(VectorsOptions::Vector(_)) => return Err(not_translated("a vector without name")),
        None => {}
    }
    Ok(EdgePoint::new(id(given)?, named, Json::Object(payload(fields)?)))
}

#[expect(deprecated, reason = "what is deprecated is refused, not ignored")]
fn vector(vector: Vector) -> Translated<EdgeVector> {
    let Vector { data, indices, vectors_count, vector } = vector;
    refuse("a vector in its old form", !data.is_empty() || indices.is_some() || vectors_count.is_some())?;
    match vector {
        Some(vector::Vector::Dense(dense)) => Ok(EdgeVector::new_dense(self::dense(dense)?)),
        Some(vector::Vector::Sparse(words)) => sparse(words).map(EdgeVector::from),
        Some(_) => Err(not_translated("a vector of this kind")),
        None => Err(malformed("a vector without content")),
    }
}

/// A dense vector.
pub(crate) fn dense(DenseVector { data }: DenseVector) -> Translated<Vec<f32>> {
    if data.iter().all(|number| number.is_finite()) {
        Ok(data)
    } else {
        Err(malformed("a vector's number is not finite"))
    }
}

/// A sparse vector.
pub(crate) fn sparse(SparseVector { values, indices }: SparseVector) -> Translated<EdgeSparse> {
    EdgeSparse::new(indices, values).map_err(|_| malformed("a sparse vector"))
}
