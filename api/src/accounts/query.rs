//! Queries of accounts.

use async_graphql::{Context, Object};
use serde_json::Value;

use super::erasure;
use crate::error::Result;
use crate::graphql::operation;

/// Queries of accounts.
#[derive(Default)]
pub struct AccountsQuery;

#[Object]
impl AccountsQuery {
    /// What is stored about the signed-in person, over all workspaces, as one JSON document to keep: account, identities of external issuers,
    /// sessions, mails, memberships, invitations to its verified address, API keys, runs, uploads and audit entries, newest first. Each list is `{ items, total, truncated }` and
    /// has so many items at most; of workspaces that do not let the person in any more there are ids and times alone. For a person
    /// alone, not for API keys and operators. Works without the header X-Workspace.
    #[graphql(complexity = 2_000)]
    async fn personal_data(&self, context: &Context<'_>) -> Result<Value> {
        let operation = operation(context).await?;
        erasure::personal_data(&operation).await
    }
}
