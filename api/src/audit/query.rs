//! Queries about the audit log.

use async_graphql::{Context, Object};

use super::lists::{AuditEntries, AuditEntryFilter, AuditEntryOrder};
use super::service;
use super::types::{AuditEntry, AuditVerification};
use crate::error::Result;
use crate::graphql::{Connection, ListArgs, list, list_cost, operation};
use crate::list::PageArgs;

/// Queries about the audit log.
#[derive(Default)]
pub struct AuditQuery;

#[Object]
impl AuditQuery {
    /// The audit log of the workspace, newest first: who changed what. Needs audit:read.
    #[graphql(complexity = "list_cost(first, last, child_complexity)")]
    async fn audit_log(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Only rows for which this holds.")] filter: Option<AuditEntryFilter>,
        #[graphql(desc = "The order; newest first unless said.")] order_by: Option<AuditEntryOrder>,
        #[graphql(desc = "How many from the beginning, 1 to 100; 20 unless said.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
    ) -> Result<Connection<AuditEntry>> {
        let args = ListArgs { filter, order_by, page: PageArgs { first, after, last, before } };
        list::<AuditEntries, _>(context, args, None).await
    }

    /// Recomputes the audit log's chain of hashes from its first entry on, and says whether every entry is as it was written and none is
    /// missing. It stops after about five seconds (`complete: false`); ask again with `after` then. Once in an operation. Needs audit:read.
    #[graphql(complexity = "service::COST + child_complexity")]
    async fn audit_verify(
        &self,
        context: &Context<'_>,
        #[graphql(
            desc = "From the entry after this number on: `checkedThrough` of an answer before.",
            default
        )]
        after: i64,
    ) -> Result<AuditVerification> {
        let operation = operation(context).await?;
        service::verify(&operation, after).await.map(AuditVerification::from)
    }
}
