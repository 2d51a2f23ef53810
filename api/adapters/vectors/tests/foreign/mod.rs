//! Collections under our names that somebody else made: nothing is written into them, and the error says what is wrong.

use std::collections::HashMap;

use footnote_qdrant_server::Server;
use footnote_vectors::{Error, ServerOptions};
use qdrant_client::qdrant::collections_client::CollectionsClient;
use qdrant_client::qdrant::points_client::PointsClient;
use qdrant_client::qdrant::vectors_config::Config;
use qdrant_client::qdrant::{
    CountPoints, CreateCollection, Distance, Modifier, SparseVectorConfig, SparseVectorParams, VectorParams,
    VectorParamsMap, VectorsConfig,
};

use crate::suite::{DIMENSIONS, new_id, point};
use crate::{EAST, adapter};

fn collection(size: u64, distance: Distance, modifier: Option<Modifier>) -> CreateCollection {
    let dense = VectorParams { size, distance: distance.into(), ..VectorParams::default() };
    let map = HashMap::from([("dense".to_owned(), dense)]);
    let sparse = SparseVectorParams { index: None, modifier: modifier.map(Into::into) };
    CreateCollection {
        collection_name: format!("footnote-v1-points-{DIMENSIONS}"),
        vectors_config: Some(VectorsConfig { config: Some(Config::ParamsMap(VectorParamsMap { map })) }),
        sparse_vectors_config: Some(SparseVectorConfig { map: HashMap::from([("bm25".to_owned(), sparse)]) }),
        ..CreateCollection::default()
    }
}

#[tokio::test]
async fn a_collection_of_another_shape_is_refused_and_left_alone() {
    let another_dimension = Error::DimensionMismatch { expected: 8, got: DIMENSIONS };
    let size = u64::try_from(DIMENSIONS).expect("a number");
    for (made, expected) in [
        (collection(8, Distance::Cosine, Some(Modifier::Idf)), Some(another_dimension)),
        (collection(size, Distance::Euclid, Some(Modifier::Idf)), None),
        (collection(size, Distance::Cosine, None), None),
    ] {
        let server = Server::start().expect("a port and a folder");
        let mut collections = CollectionsClient::connect(server.url()).await.expect("a connection");
        collections.create(made.clone()).await.expect("a collection");
        let (mine, index) = (new_id(), new_id());
        let door = adapter(ServerOptions::new(server.url())).for_workspace(mine);
        let refused = door.prepare(index, DIMENSIONS).await.expect_err("it is not ours");
        match expected {
            Some(expected) => assert_eq!(refused, expected),
            None => assert!(matches!(refused, Error::ForeignCollection { .. }), "{refused:?}"),
        }
        let written = door.upsert(index, vec![point(mine, "lease", EAST)]).await;
        assert_eq!(written, Err(Error::NotPrepared { index_id: index }));
        let mut points = PointsClient::connect(server.url()).await.expect("a connection");
        let count = CountPoints { collection_name: made.collection_name, ..CountPoints::default() };
        let counted = points.count(count).await.expect("a count").into_inner().result;
        assert_eq!(counted.map(|result| result.count), Some(0));
        // An index of another dimension has a collection of its own, which is fine.
        door.prepare(new_id(), DIMENSIONS + 1).await.expect("an index");
    }
}

#[tokio::test]
async fn a_collection_whose_making_was_interrupted_is_finished() {
    let server = Server::start().expect("a port and a folder");
    let mut collections = CollectionsClient::connect(server.url()).await.expect("a connection");
    let size = u64::try_from(DIMENSIONS).expect("a number");
    // It has its vectors, and none of its payload indexes yet.
    collections.create(collection(size, Distance::Cosine, Some(Modifier::Idf))).await.expect("a collection");
    let (mine, index) = (new_id(), new_id());
    let door = adapter(ServerOptions::new(server.url())).for_workspace(mine);
    door.prepare(index, DIMENSIONS).await.expect("an index");
    door.upsert(index, vec![point(mine, "lease", EAST)]).await.expect("a point");
    assert_eq!(door.count(index).await, Ok(1));
    let request = qdrant_client::qdrant::GetCollectionInfoRequest {
        collection_name: format!("footnote-v1-points-{DIMENSIONS}"),
    };
    let info = collections.get(request).await.expect("a collection").into_inner().result.expect("its info");
    let mut indexed: Vec<String> = info.payload_schema.into_keys().collect();
    indexed.sort_unstable();
    assert_eq!(indexed, ["collection_id", "document_id", "index_id", "version_id", "workspace_id"]);
}
