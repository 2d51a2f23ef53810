//! What the test server promises over the wire: it refuses what it does not translate, and counts words where it is told to.

use std::collections::HashMap;

use footnote_qdrant_server::{Options, Server};
use qdrant_client::qdrant::collections_client::CollectionsClient;
use qdrant_client::qdrant::points_client::PointsClient;
use qdrant_client::qdrant::points_selector::PointsSelectorOneOf;
use qdrant_client::qdrant::qdrant_client::QdrantClient;
use qdrant_client::qdrant::query::Variant;
use qdrant_client::qdrant::vectors_config::Config;
use qdrant_client::qdrant::{
    Condition, CountPoints, CreateCollection, DeletePoints, DenseVector, Distance, Filter,
    HealthCheckRequest, IdfParams, ListCollectionsRequest, MinShould, Modifier, NamedVectors, PointId,
    PointStruct, PointsSelector, Query, QueryPoints, ScrollPoints, SearchParams, SetPayloadPoints,
    SparseVector, SparseVectorConfig, SparseVectorParams, UpsertPoints, Vector, VectorInput, VectorParams,
    VectorParamsMap, Vectors, VectorsConfig, vector, vector_input, vectors,
};
use tonic::Code;
use tonic::transport::Channel;

const COLLECTION: &str = "things";

async fn connect(server: &Server) -> (CollectionsClient<Channel>, PointsClient<Channel>) {
    let collections = CollectionsClient::connect(server.url()).await.expect("a connection");
    let points = PointsClient::connect(server.url()).await.expect("a connection");
    (collections, points)
}

fn collection() -> CreateCollection {
    let dense = VectorParams { size: 2, distance: Distance::Dot.into(), ..VectorParams::default() };
    let map = HashMap::from([("dense".to_owned(), dense)]);
    let words = SparseVectorParams { index: None, modifier: Some(Modifier::Idf.into()) };
    CreateCollection {
        collection_name: COLLECTION.to_owned(),
        vectors_config: Some(VectorsConfig { config: Some(Config::ParamsMap(VectorParamsMap { map })) }),
        sparse_vectors_config: Some(SparseVectorConfig { map: HashMap::from([("words".to_owned(), words)]) }),
        ..CreateCollection::default()
    }
}

fn words(indices: Vec<u32>) -> SparseVector {
    SparseVector { values: vec![1.0; indices.len()], indices }
}

/// A point of a tenant with these words.
fn point(number: u64, tenant: &str, indices: Vec<u32>) -> PointStruct {
    let vector = Vector { vector: Some(vector::Vector::Sparse(words(indices))), ..Vector::default() };
    let named = NamedVectors { vectors: HashMap::from([("words".to_owned(), vector)]) };
    PointStruct {
        id: Some(PointId::from(number)),
        payload: HashMap::from([("tenant".to_owned(), tenant.to_owned().into())]),
        vectors: Some(Vectors { vectors_options: Some(vectors::VectorsOptions::Vectors(named)) }),
    }
}

fn of(tenant: &str) -> Filter {
    Filter::must([Condition::matches("tenant", tenant.to_owned())])
}

fn query(input: vector_input::Variant, using: &str, idf: Option<IdfParams>) -> QueryPoints {
    QueryPoints {
        collection_name: COLLECTION.to_owned(),
        query: Some(Query { variant: Some(Variant::Nearest(VectorInput { variant: Some(input) })) }),
        using: Some(using.to_owned()),
        params: Some(SearchParams { idf, ..SearchParams::default() }),
        filter: Some(of("a")),
        ..QueryPoints::default()
    }
}

#[tokio::test]
async fn words_are_counted_over_the_part_that_a_query_names() {
    let server = Server::start().expect("a port and a folder");
    let (mut collections, mut points) = connect(&server).await;
    collections.create(collection()).await.expect("a collection");
    // Word 7 is rare in a, and in every point of b.
    let of_a = [point(1, "a", vec![7]), point(2, "a", vec![8]), point(3, "a", vec![8])];
    let of_b = (10..40).map(|number| point(number, "b", vec![7]));
    let upsert = UpsertPoints {
        collection_name: COLLECTION.to_owned(),
        points: of_a.into_iter().chain(of_b).collect(),
        ..UpsertPoints::default()
    };
    points.upsert(upsert).await.expect("points");
    let mut score = async |idf: Option<IdfParams>| {
        let input = vector_input::Variant::Sparse(words(vec![7]));
        let answer = points.query(query(input, "words", idf)).await.expect("an answer").into_inner();
        assert_eq!(answer.result.len(), 1);
        answer.result[0].score
    };
    let rarity = |points: f32, with_it: f32| ((points - with_it + 0.5) / (with_it + 0.5) + 1.0).ln();
    assert!((score(None).await - rarity(33.0, 31.0)).abs() < 1e-5);
    assert!((score(Some(IdfParams { corpus: None })).await - rarity(33.0, 31.0)).abs() < 1e-5);
    assert!((score(Some(IdfParams { corpus: Some(of("a")) })).await - rarity(3.0, 1.0)).abs() < 1e-5);
}

#[tokio::test]
async fn what_is_not_translated_is_refused_and_nothing_of_it_is_done() {
    let server = Server::start().expect("a port and a folder");
    let (mut collections, mut points) = connect(&server).await;
    let strict = CreateCollection { shard_number: Some(2), ..collection() };
    assert_eq!(collections.create(strict).await.expect_err("refused").code(), Code::Unimplemented);
    let listed = collections.list(ListCollectionsRequest {}).await.expect("a list").into_inner();
    assert_eq!(listed.collections.len(), 0);
    collections.create(collection()).await.expect("a collection");
    assert_eq!(collections.create(collection()).await.expect_err("it is there").code(), Code::AlreadyExists);

    let one = vec![point(1, "a", vec![7])];
    let upsert =
        UpsertPoints { collection_name: COLLECTION.to_owned(), points: one, ..UpsertPoints::default() };
    let elsewhere = UpsertPoints { collection_name: "nowhere".to_owned(), ..upsert.clone() };
    assert_eq!(points.upsert(elsewhere).await.expect_err("no collection").code(), Code::NotFound);
    let conditional = UpsertPoints { update_filter: Some(of("a")), ..upsert.clone() };
    assert_eq!(points.upsert(conditional).await.expect_err("refused").code(), Code::Unimplemented);
    points.upsert(upsert).await.expect("a point");

    let half = Filter { min_should: Some(MinShould::default()), ..of("a") };
    let selector = PointsSelector { points_selector_one_of: Some(PointsSelectorOneOf::Filter(half)) };
    let delete = DeletePoints {
        collection_name: COLLECTION.to_owned(),
        points: Some(selector),
        ..DeletePoints::default()
    };
    assert_eq!(points.delete(delete).await.expect_err("refused").code(), Code::Unimplemented);
    let set = points.set_payload(SetPayloadPoints::default()).await;
    assert_eq!(set.expect_err("refused").code(), Code::Unimplemented);
    let count = CountPoints { collection_name: COLLECTION.to_owned(), ..CountPoints::default() };
    let counted = points.count(count).await.expect("a count").into_inner().result;
    assert_eq!(counted.map(|result| result.count), Some(1));

    // A parameter that would mean nothing is an error, as it is on servers.
    let dense = vector_input::Variant::Dense(DenseVector { data: vec![1.0, 0.0] });
    let meaningless = query(dense, "dense", Some(IdfParams { corpus: Some(of("a")) }));
    assert_eq!(points.query(meaningless).await.expect_err("refused").code(), Code::InvalidArgument);
    let unknown = query(vector_input::Variant::Sparse(words(vec![7])), "nothing", None);
    assert_eq!(points.query(unknown).await.expect_err("refused").code(), Code::InvalidArgument);
}

#[tokio::test]
async fn a_scroll_pages_through_what_a_filter_finds() {
    let server = Server::start().expect("a port and a folder");
    let (mut collections, mut points) = connect(&server).await;
    collections.create(collection()).await.expect("a collection");
    let all = (0..25).map(|number| point(number, if number % 5 == 0 { "b" } else { "a" }, vec![7])).collect();
    let upsert =
        UpsertPoints { collection_name: COLLECTION.to_owned(), points: all, ..UpsertPoints::default() };
    points.upsert(upsert).await.expect("points");
    let (mut offset, mut found) = (None, Vec::new());
    loop {
        let scroll = ScrollPoints {
            collection_name: COLLECTION.to_owned(),
            filter: Some(of("a")),
            limit: Some(7),
            offset: offset.take(),
            ..ScrollPoints::default()
        };
        let page = points.scroll(scroll).await.expect("a page").into_inner();
        found.extend(page.result.into_iter().filter_map(|point| point.id));
        offset = page.next_page_offset;
        if offset.is_none() {
            break;
        }
    }
    let expected: Vec<PointId> = (0..25).filter(|number| number % 5 != 0).map(PointId::from).collect();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn a_server_says_its_version_and_asks_for_its_key() {
    let options =
        Options { version: "1.18.3".to_owned(), api_key: Some("key".to_owned()), ..Options::default() };
    let server = Server::start_with(options).expect("a port and a folder");
    let mut client = QdrantClient::connect(server.url()).await.expect("a connection");
    let refused = client.health_check(HealthCheckRequest {}).await.expect_err("no key");
    assert_eq!(refused.code(), Code::Unauthenticated);
    let mut request = tonic::Request::new(HealthCheckRequest {});
    request.metadata_mut().insert("api-key", "key".parse().expect("a header"));
    let reply = client.health_check(request).await.expect("a reply").into_inner();
    assert_eq!(reply.version, "1.18.3");
}
