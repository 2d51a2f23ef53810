//! Mutations of members, invitations and roles.

use async_graphql::{Context, Object};

use super::inputs::{
    InvitationAcceptInput, InvitationAcceptPayload, InvitationCreateInput, InvitationPayload,
    InvitationResendInput, InvitationRevokeInput, MembershipPayload, MembershipReactivateInput,
    MembershipRemoveInput, MembershipRoleUpdateInput, MembershipSuspendInput, OwnershipTransferInput,
    OwnershipTransferPayload, RoleCreateInput, RoleDeleteInput, RoleDeletePayload, RolePayload,
    RoleUpdateInput, WorkspaceLeaveInput, WorkspaceLeavePayload,
};
use super::invitations::{self, NewInvitation};
use super::memberships::{self, Named};
use super::roles::{self, ChangedRole, NewRole};
use crate::error::Result;
use crate::graphql::request;
use crate::workspaces::service::current;

/// Mutations of members, invitations and roles.
#[derive(Default)]
pub struct MembersMutation;

#[Object]
impl MembersMutation {
    /// Invites an address, which gets a mail with a link; it has a minute's rest before it can be sent again. Needs member:write, and
    /// every permission of the role.
    async fn invitation_create(
        &self,
        context: &Context<'_>,
        input: InvitationCreateInput,
    ) -> Result<InvitationPayload> {
        let request = request(context)?;
        let new = NewInvitation {
            id: input.id,
            email: input.email,
            role: input.role_id,
            hours: input.expires_in_hours,
        };
        let most = request.app().members().invitations_per_workspace;
        let operation = request.operation().await?;
        let row = invitations::create(&operation, request.id(), most, new).await?;
        Ok(InvitationPayload { invitation: row.into() })
    }

    /// Mails a pending invitation again, with another link; the earlier ones hold, too. Needs member:write.
    async fn invitation_resend(
        &self,
        context: &Context<'_>,
        input: InvitationResendInput,
    ) -> Result<InvitationPayload> {
        let request = request(context)?;
        let most = request.app().members().invitations_per_workspace;
        let operation = request.operation().await?;
        let row = invitations::resend(&operation, request.id(), most, &input.id).await?;
        Ok(InvitationPayload { invitation: row.into() })
    }

    /// Withdraws a pending invitation: its links are worth nothing at once. Needs member:write.
    async fn invitation_revoke(
        &self,
        context: &Context<'_>,
        input: InvitationRevokeInput,
    ) -> Result<InvitationPayload> {
        let request = request(context)?;
        let operation = request.operation().await?;
        let row = invitations::revoke(&operation, request.id(), (input.id, input.version)).await?;
        Ok(InvitationPayload { invitation: row.into() })
    }

    /// Makes the signed-in user a member by the link of a mail, once, where their account has the address that it went to. Works
    /// without the header X-Workspace, which plays no part. Its idempotency keys belong to the user. It stands alone in its operation.
    async fn invitation_accept(
        &self,
        context: &Context<'_>,
        input: InvitationAcceptInput,
    ) -> Result<InvitationAcceptPayload> {
        let request = request(context)?;
        let operation = request.operation().await?;
        let joined = invitations::accept(&operation, request.id(), &input.token).await?;
        let membership = invitations::membership_of(&operation, &joined).await?;
        let workspace = current(&operation).await?;
        Ok(InvitationAcceptPayload { membership: membership.into(), workspace: workspace.into() })
    }

    /// Gives a member another role; a CONFLICT where no OWNER would be left. Needs member:write, and every permission of both roles.
    async fn membership_role_update(
        &self,
        context: &Context<'_>,
        input: MembershipRoleUpdateInput,
    ) -> Result<MembershipPayload> {
        let request = request(context)?;
        let operation = request.operation().await?;
        let named = Named { id: input.id, version: input.version };
        let row = memberships::change_role(&operation, request.id(), named, input.role_id).await?;
        Ok(MembershipPayload { membership: row.into() })
    }

    /// Suspends a member: nothing opens for them from their next request on, nor for their API keys and jobs. Needs member:write, and
    /// every permission of the member's role.
    async fn membership_suspend(
        &self,
        context: &Context<'_>,
        input: MembershipSuspendInput,
    ) -> Result<MembershipPayload> {
        let request = request(context)?;
        let operation = request.operation().await?;
        let named = Named { id: input.id, version: input.version };
        let row = memberships::suspend(&operation, request.id(), named).await?;
        Ok(MembershipPayload { membership: row.into() })
    }

    /// Lets a suspended member in again. Needs member:write, and every permission of the member's role.
    async fn membership_reactivate(
        &self,
        context: &Context<'_>,
        input: MembershipReactivateInput,
    ) -> Result<MembershipPayload> {
        let request = request(context)?;
        let operation = request.operation().await?;
        let named = Named { id: input.id, version: input.version };
        let row = memberships::reactivate(&operation, request.id(), named).await?;
        Ok(MembershipPayload { membership: row.into() })
    }

    /// Ends a membership; only an invitation brings its person back. Invitations that they sent and API keys that they made are worth
    /// nothing from now on. Needs member:write, and every permission of the member's role.
    async fn membership_remove(
        &self,
        context: &Context<'_>,
        input: MembershipRemoveInput,
    ) -> Result<MembershipPayload> {
        let request = request(context)?;
        let operation = request.operation().await?;
        let named = Named { id: input.id, version: input.version };
        let row = memberships::remove(&operation, request.id(), named).await?;
        Ok(MembershipPayload { membership: row.into() })
    }

    /// Ends your own membership; a CONFLICT for the last OWNER. Needs no permission; an API key cannot do it.
    async fn workspace_leave(
        &self,
        context: &Context<'_>,
        input: WorkspaceLeaveInput,
    ) -> Result<WorkspaceLeavePayload> {
        let request = request(context)?;
        let operation = request.operation().await?;
        let workspace_id = memberships::leave(&operation, request.id(), &input.workspace_id).await?;
        Ok(WorkspaceLeavePayload { workspace_id })
    }

    /// Makes an active member the OWNER in your place, and you ADMIN. Needs workspace:own and member:write, and that you are OWNER.
    async fn ownership_transfer(
        &self,
        context: &Context<'_>,
        input: OwnershipTransferInput,
    ) -> Result<OwnershipTransferPayload> {
        let request = request(context)?;
        let operation = request.operation().await?;
        let named = Named { id: input.membership_id, version: input.version };
        let done = memberships::transfer_ownership(&operation, request.id(), named).await?;
        Ok(OwnershipTransferPayload { membership: done.to.into(), own_membership: done.from.into() })
    }

    /// Makes a role of the workspace's own. Needs role:write, and every permission that it gets.
    async fn role_create(&self, context: &Context<'_>, input: RoleCreateInput) -> Result<RolePayload> {
        let request = request(context)?;
        let new = NewRole {
            id: input.id,
            name: input.name,
            description: input.description,
            permissions: input.permissions,
        };
        let most = request.app().members().roles_per_workspace;
        let operation = request.operation().await?;
        let row = roles::create(&operation, request.id(), most, new).await?;
        Ok(RolePayload { role: row.into() })
    }

    /// Changes a role of the workspace's own, for everybody who has it, from their next request on. Needs role:write, and every
    /// permission that it had and gets.
    async fn role_update(&self, context: &Context<'_>, input: RoleUpdateInput) -> Result<RolePayload> {
        let request = request(context)?;
        let change = ChangedRole {
            id: input.id,
            version: input.version,
            name: input.name,
            description: input.description,
            permissions: input.permissions,
        };
        let operation = request.operation().await?;
        let row = roles::update(&operation, request.id(), change).await?;
        Ok(RolePayload { role: row.into() })
    }

    /// Deletes a role of the workspace's own; a CONFLICT while members or pending invitations have it. Needs role:write.
    async fn role_delete(&self, context: &Context<'_>, input: RoleDeleteInput) -> Result<RoleDeletePayload> {
        let request = request(context)?;
        let operation = request.operation().await?;
        let deleted_id = roles::delete(&operation, request.id(), (input.id, input.version)).await?;
        Ok(RoleDeletePayload { deleted_id })
    }
}
