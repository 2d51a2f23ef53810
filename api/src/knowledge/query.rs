//! Queries about knowledge.

use async_graphql::{Context, Object};
use entity::id::{CollectionId, DocumentId, Given};
use entity::ingestion::IngestionStatus;

use super::retrieval::{self, Asked};
use super::service;
use super::types::{Collection, Document, Ingestion, SearchHit, SearchMode, SearchResults};
use crate::error::Result;
use crate::graphql::{Connection, connection, list_cost, operation, request};
use crate::input::lookup_id;
use crate::page::{Key, Order, Page, PageArgs};
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
        #[graphql(desc = "How many from the beginning, 1 to 100; 20 unless said.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
    ) -> Result<Connection<Collection>> {
        let page = Page::parse("collections", Order::Newest, PageArgs { first, after, last, before })?;
        let rows = service::collections(operation(context).await?.as_ref(), &page).await?;
        Ok(connection(&page, rows, |row| Key::Id(row.id.0), Collection::from))
    }

    /// Documents, newest first.
    #[graphql(complexity = "list_cost(first, last, child_complexity)")]
    async fn documents(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Only documents of this collection.")] collection_id: Option<CollectionId>,
        #[graphql(desc = "How many from the beginning, 1 to 100; 20 unless said.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
    ) -> Result<Connection<Document>> {
        let page = Page::parse("documents", Order::Newest, PageArgs { first, after, last, before })?;
        let rows = service::documents(operation(context).await?.as_ref(), collection_id, &page).await?;
        Ok(connection(&page, rows, |row| Key::Id(row.id.0), Document::from))
    }

    /// A document; null where there is none of this id, or none that you may see.
    async fn document(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Its id.")] id: Given<DocumentId>,
    ) -> Result<Option<Document>> {
        let id = lookup_id(&id)?;
        Ok(service::document(operation(context).await?.as_ref(), id).await?.map(Document::from))
    }

    /// Ingestions, newest first.
    #[graphql(complexity = "list_cost(first, last, child_complexity)")]
    async fn ingestions(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Only ingestions in this status.")] status: Option<IngestionStatus>,
        #[graphql(desc = "How many from the beginning, 1 to 100; 20 unless said.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
    ) -> Result<Connection<Ingestion>> {
        let page = Page::parse("ingestions", Order::Newest, PageArgs { first, after, last, before })?;
        let rows = service::ingestions(operation(context).await?.as_ref(), status, &page).await?;
        Ok(connection(&page, rows, |row| Key::Id(row.id.0), Ingestion::from))
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
