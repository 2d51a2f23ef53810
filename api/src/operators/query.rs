//! Queries of operators, and about them.

use async_graphql::{Context, Object};

use super::lists::{OperatorEntries, OperatorEntryFilter, OperatorEntryOrder};
use super::types::{Operations, OperatorEntry};
use crate::error::Result;
use crate::graphql::{Connection, ListArgs, list, list_cost, operation};
use crate::list::PageArgs;

/// Queries of operators, and about them.
#[derive(Default)]
pub struct OperatorsQuery;

#[Object]
impl OperatorsQuery {
    /// The installation, for its operators alone; FORBIDDEN for everybody else. It holds nothing of any tenant. Works without the header
    /// X-Workspace.
    async fn operations(&self, context: &Context<'_>) -> Result<Operations> {
        operation(context).await?.require_operator()?;
        Ok(Operations)
    }

    /// Operators' entries into the workspace, newest first. Needs the permission audit:read.
    #[graphql(complexity = "list_cost(first, last, child_complexity)")]
    async fn operator_entries(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Only rows for which this holds.")] filter: Option<OperatorEntryFilter>,
        #[graphql(desc = "The order; newest first unless said.")] order_by: Option<OperatorEntryOrder>,
        #[graphql(desc = "How many from the beginning, 1 to 100; 20 unless said.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
    ) -> Result<Connection<OperatorEntry>> {
        let args = ListArgs { filter, order_by, page: PageArgs { first, after, last, before } };
        list::<OperatorEntries, _>(context, args, None).await
    }
}
