//! Mutations of operators, and about them.

use async_graphql::{Context, Object};

use super::service::{self, Start};
use super::types::{
    OperatorEntry, OperatorEntryEndInput, OperatorEntryEndPayload, OperatorEntryLeaveInput,
    OperatorEntryLeavePayload, OperatorEntryStartInput, OperatorEntryStartPayload,
};
use crate::error::Result;
use crate::graphql::request;

/// Mutations of operators, and about them.
#[derive(Default)]
pub struct OperatorsMutation;

#[Object]
impl OperatorsMutation {
    /// Lets an operator into a workspace for a while: from then on their requests may name it in the header X-Workspace. It stands in the
    /// workspace's audit log, and its owners get a mail. FORBIDDEN for everybody but operators; NOT_FOUND where there is no such workspace;
    /// CONFLICT where the operator is in it already. The header X-Workspace plays no part, and it takes no idempotency key. It stands alone
    /// in its operation.
    async fn operator_entry_start(
        &self,
        context: &Context<'_>,
        input: OperatorEntryStartInput,
    ) -> Result<OperatorEntryStartPayload> {
        let request = request(context)?;
        let most = request.app().limits().operator_entry_minutes;
        let operation = request.operation().await?;
        let new = Start { workspace: input.workspace, reason: input.reason, minutes: input.minutes };
        let row = service::start(&operation, request.id(), most, &new).await?;
        Ok(OperatorEntryStartPayload { operator_entry: OperatorEntry::from(row) })
    }

    /// Ends an entry of the operator who asks; CONFLICT where it has ended. FORBIDDEN for everybody but operators. The header X-Workspace
    /// plays no part, and it takes no idempotency key. It stands alone in its operation.
    async fn operator_entry_leave(
        &self,
        context: &Context<'_>,
        input: OperatorEntryLeaveInput,
    ) -> Result<OperatorEntryLeavePayload> {
        let request = request(context)?;
        let operation = request.operation().await?;
        let row = service::leave(&operation, request.id(), &input.id).await?;
        Ok(OperatorEntryLeavePayload { operator_entry: OperatorEntry::from(row) })
    }

    /// Ends an operator's entry into the workspace at once; CONFLICT where it has ended. Needs the permission workspace:own.
    async fn operator_entry_end(
        &self,
        context: &Context<'_>,
        input: OperatorEntryEndInput,
    ) -> Result<OperatorEntryEndPayload> {
        let request = request(context)?;
        let operation = request.operation().await?;
        let row = service::end(&operation, request.id(), &input.id).await?;
        Ok(OperatorEntryEndPayload { operator_entry: OperatorEntry::from(row) })
    }
}
