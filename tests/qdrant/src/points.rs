//! The calls about points.

use std::sync::Arc;

use qdrant_client::qdrant::payload_index_params::IndexParams;
use qdrant_client::qdrant::points_selector::PointsSelectorOneOf;
use qdrant_client::qdrant::points_server::Points;
use qdrant_client::qdrant::{
    BatchResult, ClearPayloadPoints, CountPoints, CountResponse, CountResult, CreateFieldIndexCollection,
    CreateVectorNameRequest, DeleteFieldIndexCollection, DeletePayloadPoints, DeletePointVectors,
    DeletePoints, DeleteVectorNameRequest, DiscoverBatchPoints, DiscoverBatchResponse, DiscoverPoints,
    DiscoverResponse, FacetCounts, FacetResponse, FieldType, GetPoints, GetResponse, KeywordIndexParams,
    PayloadIndexParams, PayloadSchemaInfo, PayloadSchemaType, PointsIdsList, PointsOperationResponse,
    PointsSelector, QueryBatchPoints, QueryBatchResponse, QueryGroupsResponse, QueryPointGroups, QueryPoints,
    QueryResponse, RecommendBatchPoints, RecommendBatchResponse, RecommendGroupsResponse,
    RecommendPointGroups, RecommendPoints, RecommendResponse, RetrievedPoint, ScrollPoints, ScrollResponse,
    SearchBatchPoints, SearchBatchResponse, SearchGroupsResponse, SearchMatrixOffsetsResponse,
    SearchMatrixPairsResponse, SearchMatrixPoints, SearchPointGroups, SearchPoints, SearchResponse,
    SetPayloadPoints, UpdateBatchPoints, UpdateBatchResponse, UpdatePointVectors, UpdateResult, UpdateStatus,
    UpsertPoints,
};
use qdrant_edge::{
    CountRequest, CreateIndex, FieldIndexOperations, KeywordIndexParams as EdgeKeywordParams,
    PayloadFieldSchema, PayloadSchemaParams, PointInsertOperations, PointOperations, Record, ScrollRequest,
    UpdateOperation, WithVector,
};
use tonic::{Request, Response, Status};

use crate::filters::{filter, path};
use crate::refusal::{engine, malformed, not_translated, refuse};
use crate::store::{Store, blocking};
use crate::values::{id, id_back, payload_back, with_payload};
use crate::{query, vectors};

/// The service.
pub(crate) struct Service(pub(crate) Arc<Store>);

type Answer<T> = Result<Response<T>, Status>;
type Translated<T> = Result<T, Status>;

#[tonic::async_trait]
impl Points for Service {
    async fn upsert(&self, request: Request<UpsertPoints>) -> Answer<PointsOperationResponse> {
        self.0.pace().await;
        let store = Arc::clone(&self.0);
        blocking(move || upsert(&store, request.into_inner())).await.map(|()| completed())
    }

    async fn delete(&self, request: Request<DeletePoints>) -> Answer<PointsOperationResponse> {
        self.0.pace().await;
        let store = Arc::clone(&self.0);
        blocking(move || delete(&store, request.into_inner())).await.map(|()| completed())
    }

    async fn get(&self, request: Request<GetPoints>) -> Answer<GetResponse> {
        self.0.pace().await;
        let store = Arc::clone(&self.0);
        let result = blocking(move || get(&store, request.into_inner())).await?;
        Ok(Response::new(GetResponse { result, ..GetResponse::default() }))
    }

    async fn scroll(&self, request: Request<ScrollPoints>) -> Answer<ScrollResponse> {
        self.0.pace().await;
        let store = Arc::clone(&self.0);
        blocking(move || scroll(&store, request.into_inner())).await.map(Response::new)
    }

    async fn count(&self, request: Request<CountPoints>) -> Answer<CountResponse> {
        self.0.pace().await;
        let store = Arc::clone(&self.0);
        let count = blocking(move || count(&store, request.into_inner())).await?;
        Ok(Response::new(CountResponse { result: Some(CountResult { count }), ..CountResponse::default() }))
    }

    async fn query(&self, request: Request<QueryPoints>) -> Answer<QueryResponse> {
        self.0.pace().await;
        let (store, asked) = (Arc::clone(&self.0), request.into_inner());
        let result = blocking(move || query::run(&*store.get(&asked.collection_name)?, asked)).await?;
        Ok(Response::new(QueryResponse { result, ..QueryResponse::default() }))
    }

    async fn query_batch(&self, request: Request<QueryBatchPoints>) -> Answer<QueryBatchResponse> {
        self.0.pace().await;
        let store = Arc::clone(&self.0);
        let result = blocking(move || query_batch(&store, request.into_inner())).await?;
        Ok(Response::new(QueryBatchResponse { result, ..QueryBatchResponse::default() }))
    }

    async fn create_field_index(
        &self,
        request: Request<CreateFieldIndexCollection>,
    ) -> Answer<PointsOperationResponse> {
        self.0.pace().await;
        let store = Arc::clone(&self.0);
        blocking(move || index_field(&store, request.into_inner())).await.map(|()| completed())
    }

    async fn update_vectors(&self, _: Request<UpdatePointVectors>) -> Answer<PointsOperationResponse> {
        Err(not_translated("a change of vectors"))
    }

    async fn delete_vectors(&self, _: Request<DeletePointVectors>) -> Answer<PointsOperationResponse> {
        Err(not_translated("a change of vectors"))
    }

    async fn set_payload(&self, _: Request<SetPayloadPoints>) -> Answer<PointsOperationResponse> {
        Err(not_translated("a change of payloads"))
    }

    async fn overwrite_payload(&self, _: Request<SetPayloadPoints>) -> Answer<PointsOperationResponse> {
        Err(not_translated("a change of payloads"))
    }

    async fn delete_payload(&self, _: Request<DeletePayloadPoints>) -> Answer<PointsOperationResponse> {
        Err(not_translated("a change of payloads"))
    }

    async fn clear_payload(&self, _: Request<ClearPayloadPoints>) -> Answer<PointsOperationResponse> {
        Err(not_translated("a change of payloads"))
    }

    async fn delete_field_index(
        &self,
        _: Request<DeleteFieldIndexCollection>,
    ) -> Answer<PointsOperationResponse> {
        Err(not_translated("the removal of an index"))
    }

    async fn create_vector_name(
        &self,
        _: Request<CreateVectorNameRequest>,
    ) -> Answer<PointsOperationResponse> {
        Err(not_translated("a new vector"))
    }

    async fn delete_vector_name(
        &self,
        _: Request<DeleteVectorNameRequest>,
    ) -> Answer<PointsOperationResponse> {
        Err(not_translated("the removal of a vector"))
    }

    async fn search(&self, _: Request<SearchPoints>) -> Answer<SearchResponse> {
        Err(not_translated("searches in their old form"))
    }

    async fn search_batch(&self, _: Request<SearchBatchPoints>) -> Answer<SearchBatchResponse> {
        Err(not_translated("searches in their old form"))
    }

    async fn search_groups(&self, _: Request<SearchPointGroups>) -> Answer<SearchGroupsResponse> {
        Err(not_translated("groups"))
    }

    async fn recommend(&self, _: Request<RecommendPoints>) -> Answer<RecommendResponse> {
        Err(not_translated("recommendations"))
    }

    async fn recommend_batch(&self, _: Request<RecommendBatchPoints>) -> Answer<RecommendBatchResponse> {
        Err(not_translated("recommendations"))
    }

    async fn recommend_groups(&self, _: Request<RecommendPointGroups>) -> Answer<RecommendGroupsResponse> {
        Err(not_translated("recommendations"))
    }

    async fn discover(&self, _: Request<DiscoverPoints>) -> Answer<DiscoverResponse> {
        Err(not_translated("discoveries"))
    }

    async fn discover_batch(&self, _: Request<DiscoverBatchPoints>) -> Answer<DiscoverBatchResponse> {
        Err(not_translated("discoveries"))
    }

    async fn update_batch(&self, _: Request<UpdateBatchPoints>) -> Answer<UpdateBatchResponse> {
        Err(not_translated("a batch of changes"))
    }

    async fn query_groups(&self, _: Request<QueryPointGroups>) -> Answer<QueryGroupsResponse> {
        Err(not_translated("groups"))
    }

    async fn facet(&self, _: Request<FacetCounts>) -> Answer<FacetResponse> {
        Err(not_translated("facets"))
    }

    async fn search_matrix_pairs(&self, _: Request<SearchMatrixPoints>) -> Answer<SearchMatrixPairsResponse> {
        Err(not_translated("matrices"))
    }

    async fn search_matrix_offsets(
        &self,
        _: Request<SearchMatrixPoints>,
    ) -> Answer<SearchMatrixOffsetsResponse> {
        Err(not_translated("matrices"))
    }
}

fn upsert(store: &Store, request: UpsertPoints) -> Translated<()> {
    let UpsertPoints {
        collection_name,
        // Every write is done when it is answered.
        wait: _,
        points,
        ordering,
        shard_key_selector,
        update_filter,
        timeout: _,
        update_mode,
    } = request;
    refuse("an order of writes", ordering.is_some())?;
    refuse("shard keys", shard_key_selector.is_some())?;
    refuse("a conditional write", update_filter.is_some() || update_mode.is_some())?;
    let collection = store.get(&collection_name)?;
    let points = points
        .into_iter()
        .map(|point| vectors::point(point).map(Into::into))
        .collect::<Translated<Vec<_>>>()?;
    if points.is_empty() {
        return Err(malformed("no points"));
    }
    let points = PointInsertOperations::PointsList(points);
    collection.update(UpdateOperation::PointOperation(PointOperations::UpsertPoints(points)))
}

fn delete(store: &Store, request: DeletePoints) -> Translated<()> {
    let DeletePoints { collection_name, wait: _, points, ordering, shard_key_selector, timeout: _ } = request;
    refuse("an order of writes", ordering.is_some())?;
    refuse("shard keys", shard_key_selector.is_some())?;
    let collection = store.get(&collection_name)?;
    let operation = match points.and_then(|PointsSelector { points_selector_one_of }| points_selector_one_of)
    {
        Some(PointsSelectorOneOf::Points(PointsIdsList { ids })) => {
            let ids = ids.into_iter().map(|each| id(Some(each))).collect::<Translated<_>>()?;
            PointOperations::DeletePoints { ids }
        }
        Some(PointsSelectorOneOf::Filter(condition)) => {
            let condition = filter(Some(condition))?.ok_or_else(|| malformed("no filter"))?;
            PointOperations::DeletePointsByFilter(condition)
        }
        None => return Err(malformed("nothing to delete")),
    };
    collection.update(UpdateOperation::PointOperation(operation))
}

fn get(store: &Store, request: GetPoints) -> Translated<Vec<RetrievedPoint>> {
    let GetPoints {
        collection_name,
        ids,
        with_payload: payload,
        with_vectors,
        read_consistency: _,
        shard_key_selector,
        timeout: _,
    } = request;
    refuse("vectors in an answer", with_vectors.is_some())?;
    refuse("shard keys", shard_key_selector.is_some())?;
    let collection = store.get(&collection_name)?;
    let ids = ids.into_iter().map(|each| id(Some(each))).collect::<Translated<Vec<_>>>()?;
    let records = collection
        .shard
        .retrieve(&ids, Some(with_payload(payload, true)?), Some(WithVector::Bool(false)))
        .map_err(|error| engine(&error))?;
    Ok(records.into_iter().map(record_back).collect())
}

fn scroll(store: &Store, request: ScrollPoints) -> Translated<ScrollResponse> {
    let ScrollPoints {
        collection_name,
        filter: condition,
        offset,
        limit,
        with_payload: payload,
        with_vectors,
        read_consistency: _,
        shard_key_selector,
        order_by,
        timeout: _,
    } = request;
    refuse("vectors in an answer", with_vectors.is_some())?;
    refuse("shard keys", shard_key_selector.is_some())?;
    refuse("an order", order_by.is_some())?;
    let collection = store.get(&collection_name)?;
    let limit = usize::try_from(limit.unwrap_or(10)).map_err(|_| malformed("a limit"))?;
    let request = ScrollRequest {
        offset: offset.map(|offset| id(Some(offset))).transpose()?,
        limit: Some(limit.saturating_add(1)),
        filter: filter(condition)?,
        with_payload: Some(with_payload(payload, true)?),
        with_vector: WithVector::Bool(false),
        order_by: None,
    };
    let (mut records, _) = collection.shard.scroll(request).map_err(|error| engine(&error))?;
    // The one too many begins the next page.
    let next = if records.len() > limit { records.pop().map(|record| id_back(record.id)) } else { None };
    Ok(ScrollResponse {
        next_page_offset: next,
        result: records.into_iter().map(record_back).collect(),
        ..ScrollResponse::default()
    })
}

fn count(store: &Store, request: CountPoints) -> Translated<u64> {
    let CountPoints {
        collection_name,
        filter: condition,
        exact,
        read_consistency: _,
        shard_key_selector,
        timeout: _,
    } = request;
    refuse("shard keys", shard_key_selector.is_some())?;
    let collection = store.get(&collection_name)?;
    let request = CountRequest { filter: filter(condition)?, exact: exact.unwrap_or(true) };
    let counted = collection.shard.count(request).map_err(|error| engine(&error))?;
    Ok(u64::try_from(counted).unwrap_or(u64::MAX))
}

fn query_batch(store: &Store, request: QueryBatchPoints) -> Translated<Vec<BatchResult>> {
    let QueryBatchPoints { collection_name, query_points, read_consistency: _, timeout: _ } = request;
    let collection = store.get(&collection_name)?;
    let answers = query_points.into_iter().map(|asked| {
        if asked.collection_name.is_empty() || asked.collection_name == collection_name {
            query::run(&collection, asked).map(|result| BatchResult { result })
        } else {
            Err(malformed("a batch over two collections"))
        }
    });
    answers.collect()
}

#[expect(deprecated, reason = "what is deprecated is refused, not ignored")]
fn index_field(store: &Store, request: CreateFieldIndexCollection) -> Translated<()> {
    let CreateFieldIndexCollection {
        collection_name,
        wait: _,
        field_name,
        field_type,
        field_index_params,
        ordering,
        timeout: _,
    } = request;
    refuse("an order of writes", ordering.is_some())?;
    refuse("an index of another type than keyword", field_type != Some(FieldType::Keyword.into()))?;
    let params = match field_index_params.clone().and_then(|PayloadIndexParams { index_params }| index_params)
    {
        Some(IndexParams::KeywordIndexParams(params)) => params,
        Some(_) => return Err(malformed("parameters of another index")),
        None => KeywordIndexParams::default(),
    };
    let KeywordIndexParams { is_tenant, on_disk, enable_hnsw, prefix, memory, nested } = params;
    refuse("where an index lies", on_disk.is_some() || memory.is_some())?;
    refuse("an index of this kind", prefix.is_some() || nested.is_some())?;
    let collection = store.get(&collection_name)?;
    let params = EdgeKeywordParams { is_tenant, enable_hnsw, ..EdgeKeywordParams::default() };
    let schema = PayloadFieldSchema::FieldParams(PayloadSchemaParams::Keyword(params));
    let create = CreateIndex { field_name: path(&field_name)?, field_schema: Some(schema) };
    collection.update(UpdateOperation::FieldIndexOperation(FieldIndexOperations::CreateIndex(create)))?;
    let info = PayloadSchemaInfo {
        data_type: PayloadSchemaType::Keyword.into(),
        params: field_index_params,
        points: None,
    };
    collection.schema().insert(field_name, info);
    Ok(())
}

fn record_back(record: Record) -> RetrievedPoint {
    RetrievedPoint {
        id: Some(id_back(record.id)),
        payload: payload_back(record.payload),
        ..RetrievedPoint::default()
    }
}

fn completed() -> Response<PointsOperationResponse> {
    let result = UpdateResult { operation_id: None, status: UpdateStatus::Completed.into() };
    Response::new(PointsOperationResponse { result: Some(result), ..PointsOperationResponse::default() })
}
