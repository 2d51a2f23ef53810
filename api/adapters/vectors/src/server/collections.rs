//! The collections of a server: one for each dimension that an index of any workspace has, and one that says which
//! indexes there are.
//!
//! Few collections for many tenants, as Qdrant's guide to multitenancy asks for: no graph over all points (`m` 0), one
//! within each tenant (`payload_m` 16), the tenant's points stored together (`is_tenant`), vectors quantised to bytes in
//! memory. A collection under one of these names that looks otherwise was made by somebody else, and nothing is written
//! into it.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use qdrant_client::qdrant::payload_index_params::IndexParams;
use qdrant_client::qdrant::quantization_config::Quantization;
use qdrant_client::qdrant::vectors_config::Config;
use qdrant_client::qdrant::{
    CollectionInfo, CreateCollection, CreateFieldIndexCollection, Distance, FieldType,
    GetCollectionInfoRequest, HnswConfigDiff, KeywordIndexParams, ListCollectionsRequest, Modifier,
    PayloadIndexParams, PayloadSchemaType, QuantizationConfig, QuantizationType, ScalarQuantization,
    SparseVectorConfig, SparseVectorParams, VectorParams, VectorParamsMap, VectorsConfig,
};

use super::connection::{Call, Connection, Refusal};
use crate::error::Error;
use crate::layout::{BM25, COLLECTION, DENSE, DOCUMENT, INDEX, VERSION, WORKSPACE};

/// The version of what points and collections look like; another one has collections of its own.
const LAYOUT: &str = "v1";
/// The edges of a point within its tenant's graph, as the guide advises.
const TENANT_EDGES: u64 = 16;
/// What the markers' vectors look like, which nobody searches: every collection has one.
const MARKER_DIMENSIONS: u64 = 1;

/// The collection of all indexes of a dimension.
pub(super) fn of_dimension(prefix: &str, dimensions: usize) -> String {
    format!("{}{dimensions}", beginning(prefix))
}

/// The collection that holds a marker for each index.
pub(super) fn of_markers(prefix: &str) -> String {
    format!("{prefix}-{LAYOUT}-indexes")
}

fn beginning(prefix: &str) -> String {
    format!("{prefix}-{LAYOUT}-points-")
}

/// Which collections this process has seen to be right.
#[derive(Default)]
pub(super) struct Collections {
    seen: Mutex<HashSet<String>>,
}

impl Collections {
    /// Makes the collection of a dimension, or checks that it is what it should be.
    pub(super) async fn ensure(&self, connection: &Connection, dimensions: usize) -> Result<String, Error> {
        let name = of_dimension(connection.prefix(), dimensions);
        let shape = Shape { dense: to_u64(dimensions), keywords: true };
        self.ensure_shape(connection, &name, shape).await?;
        Ok(name)
    }

    /// Makes the collection of the markers, or checks that it is what it should be.
    pub(super) async fn ensure_markers(&self, connection: &Connection) -> Result<String, Error> {
        let name = of_markers(connection.prefix());
        let shape = Shape { dense: MARKER_DIMENSIONS, keywords: false };
        self.ensure_shape(connection, &name, shape).await?;
        Ok(name)
    }

    /// Looks again at the next call: a collection that had been seen is gone.
    pub(super) fn forget(&self) {
        self.lock().clear();
    }

    async fn ensure_shape(&self, connection: &Connection, name: &str, shape: Shape) -> Result<(), Error> {
        if self.lock().contains(name) {
            return Ok(());
        }
        let info = if let Some(info) = info(connection, name).await? {
            info
        } else {
            create(connection, name, shape).await?;
            info(connection, name)
                .await?
                .ok_or_else(|| Error::Engine("a collection is not there after it was made".to_owned()))?
        };
        shape.check(name, &info)?;
        for field in shape.fields() {
            match info.payload_schema.get(*field) {
                Some(schema) if schema.data_type() == PayloadSchemaType::Keyword => {}
                Some(_) => return Err(foreign(name, "a key of its payload is indexed as something else")),
                None => index_field(connection, name, field).await?,
            }
        }
        self.lock().insert(name.to_owned());
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The names of the collections of all dimensions that are on the server.
pub(super) async fn all_of_points(connection: &Connection) -> Result<Vec<String>, Error> {
    let listed = connection
        .call(Call::Read, || async { connection.collections().list(ListCollectionsRequest {}).await })
        .await
        .map_err(Refusal::into_error)?;
    let beginning = beginning(connection.prefix());
    let ours = |name: &String| {
        name.strip_prefix(&beginning).is_some_and(|dimensions| dimensions.parse::<usize>().is_ok())
    };
    Ok(listed.collections.into_iter().map(|collection| collection.name).filter(ours).collect())
}

/// What a collection is made of.
#[derive(Clone, Copy)]
struct Shape {
    dense: u64,
    keywords: bool,
}

impl Shape {
    /// The keys by which points are filtered.
    fn fields(self) -> &'static [&'static str] {
        if self.keywords { &[WORKSPACE, INDEX, COLLECTION, DOCUMENT, VERSION] } else { &[WORKSPACE] }
    }

    fn check(self, name: &str, info: &CollectionInfo) -> Result<(), Error> {
        let params = info.config.as_ref().and_then(|config| config.params.as_ref());
        let vectors = params.and_then(|params| params.vectors_config.as_ref()?.config.as_ref());
        let Some(Config::ParamsMap(VectorParamsMap { map })) = vectors else {
            return Err(foreign(name, "its vectors have no names"));
        };
        let Some(dense) = map.get(DENSE) else {
            return Err(foreign(name, "it has no embedding"));
        };
        if dense.size != self.dense {
            let expected = usize::try_from(dense.size).unwrap_or(usize::MAX);
            let got = usize::try_from(self.dense).unwrap_or(usize::MAX);
            return Err(Error::DimensionMismatch { expected, got });
        }
        if dense.distance() != Distance::Cosine {
            return Err(foreign(name, "its embeddings are compared in another way"));
        }
        if !self.keywords {
            return Ok(());
        }
        let sparse = params.and_then(|params| params.sparse_vectors_config.as_ref()?.map.get(BM25));
        if sparse.is_none_or(|sparse| sparse.modifier() != Modifier::Idf) {
            return Err(foreign(name, "it has no keyword vectors with term statistics"));
        }
        Ok(())
    }
}

fn foreign(collection: &str, what: &'static str) -> Error {
    Error::ForeignCollection { collection: collection.to_owned(), what }
}

async fn info(connection: &Connection, name: &str) -> Result<Option<CollectionInfo>, Error> {
    let request = GetCollectionInfoRequest { collection_name: name.to_owned() };
    let answer =
        connection.call(Call::Read, || async { connection.collections().get(request.clone()).await }).await;
    match answer {
        Ok(response) => Ok(response.result),
        Err(Refusal::NoCollection) => Ok(None),
        Err(refusal) => Err(refusal.into_error()),
    }
}

#[expect(deprecated, reason = "servers before 1.19 know only `always_ram`, later ones still do")]
async fn create(connection: &Connection, name: &str, shape: Shape) -> Result<(), Error> {
    let quantization = ScalarQuantization {
        r#type: QuantizationType::Int8.into(),
        quantile: None,
        always_ram: Some(true),
        memory: None,
    };
    let dense =
        VectorParams { size: shape.dense, distance: Distance::Cosine.into(), ..VectorParams::default() };
    let vectors = VectorParamsMap { map: HashMap::from([(DENSE.to_owned(), dense)]) };
    let sparse = SparseVectorParams { index: None, modifier: Some(Modifier::Idf.into()) };
    let request = CreateCollection {
        collection_name: name.to_owned(),
        vectors_config: Some(VectorsConfig { config: Some(Config::ParamsMap(vectors)) }),
        sparse_vectors_config: shape
            .keywords
            .then(|| SparseVectorConfig { map: HashMap::from([(BM25.to_owned(), sparse)]) }),
        hnsw_config: Some(HnswConfigDiff {
            m: Some(0),
            payload_m: Some(TENANT_EDGES),
            ..HnswConfigDiff::default()
        }),
        quantization_config: shape
            .keywords
            .then_some(QuantizationConfig { quantization: Some(Quantization::Scalar(quantization)) }),
        ..CreateCollection::default()
    };
    let made = connection
        .call(Call::Write, || async { connection.collections().create(request.clone()).await })
        .await;
    match made {
        // Another process was first: what it made is looked at next.
        Ok(_) | Err(Refusal::Exists) => Ok(()),
        Err(refusal) => Err(refusal.into_error()),
    }
}

/// Makes a payload index; making it again changes nothing.
async fn index_field(connection: &Connection, name: &str, field: &str) -> Result<(), Error> {
    let tenant = field == WORKSPACE;
    let params = KeywordIndexParams {
        is_tenant: Some(tenant),
        // Graphs are built within tenants; within documents they would never pay.
        enable_hnsw: (!tenant).then_some(false),
        ..KeywordIndexParams::default()
    };
    let request = CreateFieldIndexCollection {
        collection_name: name.to_owned(),
        wait: Some(true),
        field_name: field.to_owned(),
        field_type: Some(FieldType::Keyword.into()),
        field_index_params: Some(PayloadIndexParams {
            index_params: Some(IndexParams::KeywordIndexParams(params)),
        }),
        ..CreateFieldIndexCollection::default()
    };
    connection
        .call(Call::Write, || async { connection.points().create_field_index(request.clone()).await })
        .await
        .map(drop)
        .map_err(Refusal::into_error)
}

fn to_u64(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
