//! Queries about API keys.

use async_graphql::{Context, Object};
use entity::api_key::ApiKeyStatus;

use super::lists::{ApiKeyFilter, ApiKeyOrder, ApiKeys, in_status};
use super::types::ApiKey;
use crate::error::Result;
use crate::graphql::{Connection, ListArgs, list, list_cost};
use crate::list::PageArgs;

/// Queries about API keys.
#[derive(Default)]
pub struct KeysQuery;

#[Object]
impl KeysQuery {
    /// API keys of the workspace, revoked and expired ones among them, newest first; never the keys themselves. Needs api_key:read.
    #[graphql(complexity = "list_cost(first, last, child_complexity)")]
    async fn api_keys(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Only keys in this status.")] status: Option<ApiKeyStatus>,
        #[graphql(desc = "Only rows for which this holds.")] filter: Option<ApiKeyFilter>,
        #[graphql(desc = "The order; newest first unless said.")] order_by: Option<ApiKeyOrder>,
        #[graphql(desc = "How many from the beginning, 1 to 100; 20 unless said.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
    ) -> Result<Connection<ApiKey>> {
        let args = ListArgs { filter, order_by, page: PageArgs { first, after, last, before } };
        let only = status.map(|status| in_status(status, crate::clock::now()));
        list::<ApiKeys, _>(context, args, only).await
    }
}
