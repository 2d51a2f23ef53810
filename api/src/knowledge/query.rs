//! Queries about knowledge.

use async_graphql::{Context, Object};
use entity::id::{CollectionId, DocumentId};
use entity::ingestion::IngestionStatus;
use entity::{collection, document, ingestion};
use sea_orm::ColumnTrait;

use super::lists::{
    CollectionFilter, CollectionOrder, Collections, DocumentFilter, DocumentOrder, Documents,
    IngestionFilter, IngestionOrder, Ingestions,
};
use super::retrieval::{self, Search};
use super::types::{Collection, Document, Ingestion, SearchHit, SearchMode, SearchResults, live_document};
use crate::error::{Error, Result};
use crate::graphql::{Connection, ListArgs, list, list_cost, loader, operation, request};
use crate::list::PageArgs;
use crate::tenancy::Access;

/// Queries about knowledge.
#[derive(Default)]
pub struct KnowledgeQuery;

#[Object]
impl KnowledgeQuery {
    /// Collections, newest first.
    #[graphql(complexity = "list_cost(first, last, child_complexity)")]
    async fn collections(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Only rows for which this holds.")] filter: Option<CollectionFilter>,
        #[graphql(desc = "The order; newest first unless said.")] order_by: Option<CollectionOrder>,
        #[graphql(desc = "How many from the beginning, 1 to 100; 20 unless said.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
    ) -> Result<Connection<Collection>> {
        let args = ListArgs { filter, order_by, page: PageArgs { first, after, last, before } };
        list::<Collections, _>(context, args, None).await
    }

    /// Documents, newest first.
    #[graphql(complexity = "list_cost(first, last, child_complexity)")]
    async fn documents(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Only documents of this collection.")] collection_id: Option<CollectionId>,
        #[graphql(desc = "Only rows for which this holds.")] filter: Option<DocumentFilter>,
        #[graphql(desc = "The order; newest first unless said.")] order_by: Option<DocumentOrder>,
        #[graphql(desc = "How many from the beginning, 1 to 100; 20 unless said.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
    ) -> Result<Connection<Document>> {
        let only = match collection_id {
            None => None,
            Some(id) => {
                loader::<collection::Entity>(context)?
                    .load_one(id)
                    .await?
                    .ok_or(Error::NotFound("collection"))?;
                Some(document::Column::CollectionId.eq(id))
            }
        };
        let args = ListArgs { filter, order_by, page: PageArgs { first, after, last, before } };
        list::<Documents, _>(context, args, only).await
    }

    /// A document; null where there is none of this id, or none that you may see.
    async fn document(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Its id.")] id: DocumentId,
    ) -> Result<Option<Document>> {
        operation(context).await?.workspace_id()?;
        live_document(context, id).await
    }

    /// Ingestions, newest first.
    #[graphql(complexity = "list_cost(first, last, child_complexity)")]
    async fn ingestions(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Only ingestions in this status.")] status: Option<IngestionStatus>,
        #[graphql(desc = "Only rows for which this holds.")] filter: Option<IngestionFilter>,
        #[graphql(desc = "The order; newest first unless said.")] order_by: Option<IngestionOrder>,
        #[graphql(desc = "How many from the beginning, 1 to 100; 20 unless said.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
    ) -> Result<Connection<Ingestion>> {
        let args = ListArgs { filter, order_by, page: PageArgs { first, after, last, before } };
        let only = status.map(|status| ingestion::Column::Status.eq(status));
        list::<Ingestions, _>(context, args, only).await
    }

    /// Searches the documents of the workspace; the best passages first. It finds the current version of each document.
    // The engine and the model work for each search, whatever is asked of its hits.
    #[graphql(complexity = "50 + list_cost(first, None, child_complexity)")]
    async fn search(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What to look for: 1 to 2,000 characters.")] query: String,
        #[graphql(desc = "By meaning, by words, or both.", default)] mode: SearchMode,
        #[graphql(desc = "Only in these collections; everywhere unless said.")] collections: Option<
            Vec<CollectionId>,
        >,
        #[graphql(desc = "How many passages, 1 to 100; 20 unless said.")] first: Option<i32>,
    ) -> Result<SearchResults> {
        let request = request(context)?;
        let explain = context.look_ahead().field("nodes").field("explain").exists();
        // Announced before the first await: the operation's transaction waits until the engine has answered.
        let found = request
            .remote(async {
                let limit = match first.unwrap_or(20) {
                    first @ 1..=100 => usize::try_from(first).map_err(Error::internal)?,
                    _ => {
                        return Err(Error::field(
                            "first",
                            "OUT_OF_RANGE",
                            "`first` is a number from 1 to 100.",
                        ));
                    }
                };
                let collections = collections.unwrap_or_default();
                let search = Search { query, mode: mode.into(), collections, limit, explain }.check()?;
                retrieval::search(request.app(), &search, || request.open(Access::ReadOnly)).await
            })
            .await?;
        Ok(SearchResults { nodes: found.1.into_iter().map(SearchHit).collect() })
    }
}
