//! What an actor may do. The map from role to permission is data (`role_permissions` and `roles`); the doors read it into the
//! context, and it is enforced twice: by the policies in the database, and here by a proof that the services ask for.

/// One permission, as `object:verb`; each stands in the table `permissions` too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Permission {
    /// See the workspace.
    WorkspaceRead,
    /// Change its name and its slug.
    WorkspaceWrite,
    /// Delete and restore it, hand over its ownership, and end an operator's entry.
    WorkspaceOwn,
    /// See members, roles and invitations.
    MemberRead,
    /// Invite people, change the roles of members, suspend and remove them.
    MemberWrite,
    /// Make, change and delete the workspace's own roles.
    RoleWrite,
    /// See API keys, but never the keys themselves.
    ApiKeyRead,
    /// Make, rename and revoke API keys.
    ApiKeyWrite,
    /// See and verify the audit log, and see operators' entries.
    AuditRead,
    /// See events.
    EventRead,
    /// See collections, documents, passages and ingestions, and search.
    DocumentRead,
    /// Make, change and delete documents.
    DocumentWrite,
    /// Make, change and delete collections.
    CollectionWrite,
    /// See agents.
    AgentRead,
    /// Make and change agents.
    AgentWrite,
    /// See runs and what they left behind.
    AgentRunRead,
    /// Start and cancel runs.
    AgentRunWrite,
    /// See jobs.
    JobRead,
    /// Queue dead jobs again.
    JobWrite,
}

impl Permission {
    /// The whole catalogue.
    pub const ALL: [Self; 19] = [
        Self::WorkspaceRead,
        Self::WorkspaceWrite,
        Self::WorkspaceOwn,
        Self::MemberRead,
        Self::MemberWrite,
        Self::RoleWrite,
        Self::ApiKeyRead,
        Self::ApiKeyWrite,
        Self::AuditRead,
        Self::EventRead,
        Self::DocumentRead,
        Self::DocumentWrite,
        Self::CollectionWrite,
        Self::AgentRead,
        Self::AgentWrite,
        Self::AgentRunRead,
        Self::AgentRunWrite,
        Self::JobRead,
        Self::JobWrite,
    ];

    /// The name in the permission map.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::WorkspaceRead => "workspace:read",
            Self::WorkspaceWrite => "workspace:write",
            Self::WorkspaceOwn => "workspace:own",
            Self::MemberRead => "member:read",
            Self::MemberWrite => "member:write",
            Self::RoleWrite => "role:write",
            Self::ApiKeyRead => "api_key:read",
            Self::ApiKeyWrite => "api_key:write",
            Self::AuditRead => "audit:read",
            Self::EventRead => "event:read",
            Self::DocumentRead => "document:read",
            Self::DocumentWrite => "document:write",
            Self::CollectionWrite => "collection:write",
            Self::AgentRead => "agent:read",
            Self::AgentWrite => "agent:write",
            Self::AgentRunRead => "agent_run:read",
            Self::AgentRunWrite => "agent_run:write",
            Self::JobRead => "job:read",
            Self::JobWrite => "job:write",
        }
    }

    /// The permission of a name; none where there is none.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|permission| permission.name() == name)
    }
}

/// Proof that the context has a permission in its workspace; only `Operation::require` makes one.
#[derive(Clone, Copy, Debug)]
#[must_use = "a proof is an argument of the rule that needs it"]
pub struct Proof(pub(super) Permission);

impl Proof {
    /// What it proves.
    #[must_use]
    pub const fn permission(&self) -> Permission {
        self.0
    }
}
