//! What an actor may do. The map from role to permission is data (`role_permissions`); the doors read it into the context,
//! and it is enforced twice: by the policies in the database, and here by a proof that the services ask for.

/// One permission, as `object:verb`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Permission {
    /// See the members of the workspace.
    MemberRead,
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
    /// Retry jobs.
    JobWrite,
}

impl Permission {
    /// The name in the permission map.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::MemberRead => "member:read",
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
