//! Queries about knowledge.

use async_graphql::{Context, Object};
use entity::id::{CollectionId, DocumentId, Given};
use entity::ingestion::IngestionStatus;
use entity::{document, ingestion};
use sea_orm::ColumnTrait;

use super::lists::{
    CollectionFilter, CollectionOrder, Collections, DocumentFilter, DocumentOrder, Documents,
    IngestionFilter, IngestionOrder, Ingestions,
};
use super::retrieval::{self, Asked};
use super::types::{
    Collection, Document, Ingestion, SearchHit, SearchMode, SearchResults, live_collection, live_document,
};
use crate::error::{Error, Result};
use crate::graphql::{Connection, ListArgs, list, list_cost, operation, request};
use crate::input::argument_id;
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
        #[graphql(desc = "Only documents of this collection.")] collection_id: Option<Given<CollectionId>>,
        #[graphql(desc = "Only rows for which this holds.")] filter: Option<DocumentFilter>,
        #[graphql(desc = "The order; newest first unless said.")] order_by: Option<DocumentOrder>,
        #[graphql(desc = "How many from the beginning, 1 to 100; 20 unless said.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
    ) -> Result<Connection<Document>> {
        let collection = match &collection_id {
            Some(id) => Some(argument_id("collectionId", id)?),
            None => None,
        };
        if let Some(id) = collection {
            live_collection(context, id).await?.ok_or(Error::NotFound("collection"))?;
        }
        let only = collection.map(|id| document::Column::CollectionId.eq(id));
        let args = ListArgs { filter, order_by, page: PageArgs { first, after, last, before } };
        list::<Documents, _>(context, args, only).await
    }

    /// A document; null where there is none of this id, or none that you may see.
    async fn document(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Its id.")] id: Given<DocumentId>,
    ) -> Result<Option<Document>> {
        let id = argument_id("id", &id)?;
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
        #[graphql(desc = "Only in these collections, at most 100; everywhere unless said.")]
        collections: Option<Vec<Given<CollectionId>>>,
        #[graphql(desc = "How many passages, 1 to 100; 20 unless said.")] first: Option<i32>,
    ) -> Result<SearchResults> {
        let request = request(context)?;
        let explain = context.look_ahead().field("nodes").field("explain").exists();
        // Announced before the first await: the operation's transaction waits until the engine has answered.
        let found = request
            .remote(async {
                let asked = Asked { query, collections: collections.unwrap_or_default(), first };
                let search = asked.check(mode.into(), explain)?;
                retrieval::search(request.app(), &search, || request.open(Access::ReadOnly)).await
            })
            .await?;
        Ok(SearchResults { nodes: found.1.into_iter().map(SearchHit).collect() })
    }
}
