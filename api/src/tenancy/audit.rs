//! The actions of the audit log.

/// The catalogue of what the audit log records; each stands in the table `audit_actions` too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditAction {
    /// A workspace was made.
    WorkspaceCreate,
    /// A workspace got another name or slug.
    WorkspaceUpdate,
    /// The deletion of a workspace was asked for.
    WorkspaceDelete,
    /// The deletion of a workspace was called off.
    WorkspaceRestore,
    /// Somebody became a member from the command line.
    MembershipCreate,
    /// A member got another role.
    MembershipRoleUpdate,
    /// A member was suspended.
    MembershipSuspend,
    /// A suspended member was let in again.
    MembershipReactivate,
    /// A member was removed.
    MembershipRemove,
    /// A member left.
    MembershipLeave,
    /// An owner made another member the owner, and took another role.
    OwnershipTransfer,
    /// A member had their account erased.
    PersonErase,
    /// Somebody was invited.
    InvitationCreate,
    /// An invitation was sent again.
    InvitationResend,
    /// An invitation was withdrawn.
    InvitationRevoke,
    /// An invitation was accepted.
    InvitationAccept,
    /// A role was made.
    RoleCreate,
    /// A role was changed.
    RoleUpdate,
    /// A role was deleted.
    RoleDelete,
    /// An API key was made.
    ApiKeyCreate,
    /// An API key was renamed.
    ApiKeyUpdate,
    /// An API key was revoked.
    ApiKeyRevoke,
    /// An operator entered the workspace.
    OperatorEnter,
    /// An operator's entry was ended by the operator.
    OperatorLeave,
    /// An operator's entry was ended by the workspace.
    OperatorEnd,
    /// A collection was made.
    CollectionCreate,
    /// A collection was changed.
    CollectionUpdate,
    /// A collection was deleted.
    CollectionDelete,
    /// A document was made.
    DocumentCreate,
    /// A document was changed.
    DocumentUpdate,
    /// A document was deleted.
    DocumentDelete,
    /// The bytes of a document arrived.
    DocumentUpload,
    /// A failed ingestion was queued again.
    IngestionRetry,
    /// An agent was made.
    AgentCreate,
    /// An agent was changed.
    AgentUpdate,
    /// A run was started.
    AgentRunStart,
    /// A run was canceled.
    AgentRunCancel,
    /// A dead job was queued again.
    JobRetry,
}

impl AuditAction {
    /// The name in the catalogue.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::WorkspaceCreate => "workspace.create",
            Self::WorkspaceUpdate => "workspace.update",
            Self::WorkspaceDelete => "workspace.delete",
            Self::WorkspaceRestore => "workspace.restore",
            Self::MembershipCreate => "membership.create",
            Self::MembershipRoleUpdate => "membership.role_update",
            Self::MembershipSuspend => "membership.suspend",
            Self::MembershipReactivate => "membership.reactivate",
            Self::MembershipRemove => "membership.remove",
            Self::MembershipLeave => "membership.leave",
            Self::OwnershipTransfer => "ownership.transfer",
            Self::PersonErase => "person.erase",
            Self::InvitationCreate => "invitation.create",
            Self::InvitationResend => "invitation.resend",
            Self::InvitationRevoke => "invitation.revoke",
            Self::InvitationAccept => "invitation.accept",
            Self::RoleCreate => "role.create",
            Self::RoleUpdate => "role.update",
            Self::RoleDelete => "role.delete",
            Self::ApiKeyCreate => "api_key.create",
            Self::ApiKeyUpdate => "api_key.update",
            Self::ApiKeyRevoke => "api_key.revoke",
            Self::OperatorEnter => "operator.enter",
            Self::OperatorLeave => "operator.leave",
            Self::OperatorEnd => "operator.end",
            Self::CollectionCreate => "collection.create",
            Self::CollectionUpdate => "collection.update",
            Self::CollectionDelete => "collection.delete",
            Self::DocumentCreate => "document.create",
            Self::DocumentUpdate => "document.update",
            Self::DocumentDelete => "document.delete",
            Self::DocumentUpload => "document.upload",
            Self::IngestionRetry => "ingestion.retry",
            Self::AgentCreate => "agent.create",
            Self::AgentUpdate => "agent.update",
            Self::AgentRunStart => "agent_run.start",
            Self::AgentRunCancel => "agent_run.cancel",
            Self::JobRetry => "job.retry",
        }
    }
}
