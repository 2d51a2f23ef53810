//! The calls about collections.

use std::sync::Arc;

use qdrant_client::qdrant::collections_server::Collections;
use qdrant_client::qdrant::{
    ChangeAliases, CollectionClusterInfoRequest, CollectionClusterInfoResponse, CollectionDescription,
    CollectionExists, CollectionExistsRequest, CollectionExistsResponse, CollectionInfo,
    CollectionOperationResponse, CollectionStatus, CreateCollection, CreateShardKeyRequest,
    CreateShardKeyResponse, DeleteCollection, DeleteShardKeyRequest, DeleteShardKeyResponse,
    GetCollectionInfoRequest, GetCollectionInfoResponse, ListAliasesRequest, ListAliasesResponse,
    ListCollectionAliasesRequest, ListCollectionsRequest, ListCollectionsResponse, ListShardKeysRequest,
    ListShardKeysResponse, OptimizerStatus, UpdateCollection, UpdateCollectionClusterSetupRequest,
    UpdateCollectionClusterSetupResponse,
};
use tonic::{Request, Response, Status};

use crate::refusal::not_translated;
use crate::store::{Store, blocking};

/// The service.
pub(crate) struct Service(pub(crate) Arc<Store>);

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl Collections for Service {
    async fn get(&self, request: Request<GetCollectionInfoRequest>) -> Answer<GetCollectionInfoResponse> {
        self.0.pace().await;
        let name = request.into_inner().collection_name;
        let store = Arc::clone(&self.0);
        let info = blocking(move || {
            let collection = store.get(&name)?;
            let info = collection.shard.info();
            let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
            let payload_schema = collection.schema().clone();
            Ok(CollectionInfo {
                status: CollectionStatus::Green.into(),
                optimizer_status: Some(OptimizerStatus { ok: true, ..OptimizerStatus::default() }),
                segments_count: number(info.segments_count),
                config: Some(collection.config.clone()),
                payload_schema,
                points_count: Some(number(info.points_count)),
                indexed_vectors_count: Some(number(info.indexed_vectors_count)),
                ..CollectionInfo::default()
            })
        })
        .await?;
        Ok(Response::new(GetCollectionInfoResponse { result: Some(info), time: 0.0 }))
    }

    async fn list(&self, _: Request<ListCollectionsRequest>) -> Answer<ListCollectionsResponse> {
        self.0.pace().await;
        let names = self.0.names().into_iter();
        let collections = names.map(|name| CollectionDescription { name }).collect();
        Ok(Response::new(ListCollectionsResponse { collections, time: 0.0 }))
    }

    async fn create(&self, request: Request<CreateCollection>) -> Answer<CollectionOperationResponse> {
        self.0.pace().await;
        let store = Arc::clone(&self.0);
        blocking(move || store.create(request.into_inner())).await?;
        Ok(done(true))
    }

    async fn delete(&self, request: Request<DeleteCollection>) -> Answer<CollectionOperationResponse> {
        self.0.pace().await;
        let store = Arc::clone(&self.0);
        let name = request.into_inner().collection_name;
        Ok(done(blocking(move || Ok(store.remove(&name))).await?))
    }

    async fn collection_exists(
        &self,
        request: Request<CollectionExistsRequest>,
    ) -> Answer<CollectionExistsResponse> {
        self.0.pace().await;
        let exists = self.0.get(&request.into_inner().collection_name).is_ok();
        Ok(Response::new(CollectionExistsResponse { result: Some(CollectionExists { exists }), time: 0.0 }))
    }

    async fn update(&self, _: Request<UpdateCollection>) -> Answer<CollectionOperationResponse> {
        Err(not_translated("a change of a collection"))
    }

    async fn update_aliases(&self, _: Request<ChangeAliases>) -> Answer<CollectionOperationResponse> {
        Err(not_translated("aliases"))
    }

    async fn list_collection_aliases(
        &self,
        _: Request<ListCollectionAliasesRequest>,
    ) -> Answer<ListAliasesResponse> {
        Err(not_translated("aliases"))
    }

    async fn list_aliases(&self, _: Request<ListAliasesRequest>) -> Answer<ListAliasesResponse> {
        Err(not_translated("aliases"))
    }

    async fn collection_cluster_info(
        &self,
        _: Request<CollectionClusterInfoRequest>,
    ) -> Answer<CollectionClusterInfoResponse> {
        Err(not_translated("clusters"))
    }

    async fn update_collection_cluster_setup(
        &self,
        _: Request<UpdateCollectionClusterSetupRequest>,
    ) -> Answer<UpdateCollectionClusterSetupResponse> {
        Err(not_translated("clusters"))
    }

    async fn create_shard_key(&self, _: Request<CreateShardKeyRequest>) -> Answer<CreateShardKeyResponse> {
        Err(not_translated("shard keys"))
    }

    async fn delete_shard_key(&self, _: Request<DeleteShardKeyRequest>) -> Answer<DeleteShardKeyResponse> {
        Err(not_translated("shard keys"))
    }

    async fn list_shard_keys(&self, _: Request<ListShardKeysRequest>) -> Answer<ListShardKeysResponse> {
        Err(not_translated("shard keys"))
    }
}

fn done(result: bool) -> Response<CollectionOperationResponse> {
    Response::new(CollectionOperationResponse { result, time: 0.0 })
}
