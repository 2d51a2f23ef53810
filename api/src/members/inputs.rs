//! What the mutations of members take and give.

use async_graphql::{InputObject, SimpleObject};
use entity::id::{Given, InvitationId, MembershipId, RoleId, WorkspaceId};

use super::types::{Invitation, Membership, Role};

/// Somebody to invite.
#[derive(InputObject)]
pub struct InvitationCreateInput {
    /// An id of your own making, so that the object can be shown before the answer is there: a TypeID `invitation_…` whose UUID is
    /// of version 7. It tells when it was made: not more than 24 hours behind the server's clock,
    /// not more than 10 minutes ahead. One that exists is a CONFLICT. Made by the server unless sent.
    pub id: Option<Given<InvitationId>>,
    /// The address that gets the mail, and that whoever accepts must have.
    pub email: String,
    /// The role that whoever accepts gets; one that may do no more than you.
    pub role_id: Given<RoleId>,
    /// How long it holds: 1 to 720 hours, a week unless said.
    pub expires_in_hours: Option<i32>,
}

/// An invitation that was made, sent again or withdrawn.
#[derive(SimpleObject)]
pub struct InvitationPayload {
    /// The invitation.
    pub invitation: Invitation,
}

/// The invitation to send again.
#[derive(InputObject)]
pub struct InvitationResendInput {
    /// The invitation, which is pending.
    pub id: Given<InvitationId>,
}

/// The invitation to withdraw.
#[derive(InputObject)]
pub struct InvitationRevokeInput {
    /// The invitation.
    pub id: Given<InvitationId>,
    /// The `version` that is to be withdrawn: CONFLICT if somebody changed it in the meantime. Any version unless sent.
    pub version: Option<i32>,
}

/// The invitation to accept.
#[derive(InputObject)]
pub struct InvitationAcceptInput {
    /// What stands behind `invite=` in the link of the mail.
    pub token: String,
}

/// What became of an invitation.
#[derive(SimpleObject)]
pub struct InvitationAcceptPayload {
    /// Your membership.
    pub membership: Membership,
    /// The workspace that you are a member of now; its slug is what the header X-Workspace takes.
    pub workspace: crate::workspaces::Workspace,
}

/// A member to give another role.
#[derive(InputObject)]
pub struct MembershipRoleUpdateInput {
    /// The membership.
    pub id: Given<MembershipId>,
    /// The `version` of the membership that the change was made against.
    pub version: i32,
    /// The new role; one that may do no more than you.
    pub role_id: Given<RoleId>,
}

/// A member to suspend.
#[derive(InputObject)]
pub struct MembershipSuspendInput {
    /// The membership.
    pub id: Given<MembershipId>,
    /// The `version` of the membership that the change was made against.
    pub version: i32,
}

/// A suspended member to let in again.
#[derive(InputObject)]
pub struct MembershipReactivateInput {
    /// The membership.
    pub id: Given<MembershipId>,
    /// The `version` of the membership that the change was made against.
    pub version: i32,
}

/// A member to remove.
#[derive(InputObject)]
pub struct MembershipRemoveInput {
    /// The membership.
    pub id: Given<MembershipId>,
    /// The `version` of the membership that the change was made against.
    pub version: i32,
}

/// A membership that was changed.
#[derive(SimpleObject)]
pub struct MembershipPayload {
    /// The membership.
    pub membership: Membership,
}

/// The workspace to leave.
#[derive(InputObject)]
pub struct WorkspaceLeaveInput {
    /// The workspace of the header X-Workspace, by its id, so that nobody leaves the wrong one.
    pub workspace_id: Given<WorkspaceId>,
}

/// The workspace that was left.
#[derive(SimpleObject)]
pub struct WorkspaceLeavePayload {
    /// Its id.
    pub workspace_id: WorkspaceId,
}

/// Who is to be the OWNER in your place.
#[derive(InputObject)]
pub struct OwnershipTransferInput {
    /// The membership of whoever becomes OWNER: an active one.
    pub membership_id: Given<MembershipId>,
    /// The `version` of that membership.
    pub version: i32,
}

/// What a transfer of ownership made.
#[derive(SimpleObject)]
pub struct OwnershipTransferPayload {
    /// The membership of the new OWNER.
    pub membership: Membership,
    /// Your own, as ADMIN.
    pub own_membership: Membership,
}

/// A role to make.
#[derive(InputObject)]
pub struct RoleCreateInput {
    /// An id of your own making, so that the object can be shown before the answer is there: a TypeID `role_…` whose UUID is
    /// of version 7. It tells when it was made: not more than 24 hours behind the server's clock,
    /// not more than 10 minutes ahead. One that exists is a CONFLICT. Made by the server unless sent.
    pub id: Option<Given<RoleId>>,
    /// The name, unique in the workspace whatever its case: 1 to 60 characters.
    pub name: String,
    /// What it is for: at most 500 characters.
    pub description: Option<String>,
    /// What it may do, as object:verb; each must be one that you have. May be empty.
    pub permissions: Vec<String>,
}

/// What is to change of a role. What is absent stays.
#[derive(InputObject)]
pub struct RoleUpdateInput {
    /// The role, one of the workspace's own.
    pub id: Given<RoleId>,
    /// The `version` of the role that the change was made against.
    pub version: i32,
    /// A new name: 1 to 60 characters. Null keeps it, too.
    pub name: Option<String>,
    /// A new description: at most 500 characters. Null keeps it, too.
    pub description: Option<String>,
    /// What it may do from now on, all of it; you must have what it had and what it gets. Null keeps it, too.
    pub permissions: Option<Vec<String>>,
}

/// A role that was made or changed.
#[derive(SimpleObject)]
pub struct RolePayload {
    /// The role.
    pub role: Role,
}

/// The role to delete.
#[derive(InputObject)]
pub struct RoleDeleteInput {
    /// The role, one of the workspace's own that nobody has.
    pub id: Given<RoleId>,
    /// The `version` that is to be deleted: CONFLICT if somebody changed it in the meantime. Any version unless sent.
    pub version: Option<i32>,
}

/// The role that was deleted.
#[derive(SimpleObject)]
pub struct RoleDeletePayload {
    /// Its id.
    pub deleted_id: RoleId,
}
