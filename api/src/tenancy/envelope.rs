//! Events and audit entries: what an operation leaves behind besides its change, written by one mechanism when it commits.

use entity::id::{AuditEntryId, EventId};
use serde_json::{Value, json};

use super::AuditAction;

/// The catalogue of event types; each stands in the table `event_types` too, with its schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventType {
    /// A workspace was made.
    WorkspaceCreated,
    /// A collection was made.
    CollectionCreated,
    /// A collection's name or description was changed.
    CollectionUpdated,
    /// A collection was deleted.
    CollectionDeleted,
    /// A document was made.
    DocumentCreated,
    /// A document's title or text was changed.
    DocumentUpdated,
    /// A document was deleted.
    DocumentDeleted,
    /// The bytes of a version arrived.
    DocumentUploaded,
    /// A version became the one that search finds.
    DocumentPublished,
    /// A version could not be ingested.
    IngestionFailed,
    /// An agent was made.
    AgentCreated,
    /// An agent was changed.
    AgentUpdated,
    /// A run was queued.
    AgentRunStarted,
    /// A run reached a terminal status.
    AgentRunFinished,
    /// A job failed for the last time.
    JobDied,
    /// A dead job was queued again.
    JobRetried,
    /// A workspace got another name or slug.
    WorkspaceUpdated,
    /// The workspace is read-only, and is removed at this time unless it is restored.
    WorkspaceDeletionRequested,
    /// The deletion of the workspace was called off.
    WorkspaceRestored,
    /// Somebody became a member.
    MembershipCreated,
    /// A member's role or status was changed.
    MembershipUpdated,
    /// A member was removed, or left.
    MembershipRemoved,
    /// Somebody was invited.
    InvitationCreated,
    /// An invitation was accepted.
    InvitationAccepted,
    /// An invitation was withdrawn.
    InvitationRevoked,
    /// A role was made.
    RoleCreated,
    /// A role was changed.
    RoleUpdated,
    /// A role was deleted.
    RoleDeleted,
    /// An API key was made.
    ApiKeyCreated,
    /// An API key was revoked.
    ApiKeyRevoked,
    /// An operator entered the workspace, until this time at most.
    OperatorEntered,
    /// An operator's entry has ended.
    OperatorLeft,
}

impl EventType {
    /// The name in the catalogue.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::WorkspaceCreated => "workspace.created",
            Self::CollectionCreated => "collection.created",
            Self::CollectionUpdated => "collection.updated",
            Self::CollectionDeleted => "collection.deleted",
            Self::DocumentCreated => "document.created",
            Self::DocumentUpdated => "document.updated",
            Self::DocumentDeleted => "document.deleted",
            Self::DocumentUploaded => "document.uploaded",
            Self::DocumentPublished => "document.published",
            Self::IngestionFailed => "ingestion.failed",
            Self::AgentCreated => "agent.created",
            Self::AgentUpdated => "agent.updated",
            Self::AgentRunStarted => "agent_run.started",
            Self::AgentRunFinished => "agent_run.finished",
            Self::JobDied => "job.died",
            Self::JobRetried => "job.retried",
            Self::WorkspaceUpdated => "workspace.updated",
            Self::WorkspaceDeletionRequested => "workspace.deletion_requested",
            Self::WorkspaceRestored => "workspace.restored",
            Self::MembershipCreated => "membership.created",
            Self::MembershipUpdated => "membership.updated",
            Self::MembershipRemoved => "membership.removed",
            Self::InvitationCreated => "invitation.created",
            Self::InvitationAccepted => "invitation.accepted",
            Self::InvitationRevoked => "invitation.revoked",
            Self::RoleCreated => "role.created",
            Self::RoleUpdated => "role.updated",
            Self::RoleDeleted => "role.deleted",
            Self::ApiKeyCreated => "api_key.created",
            Self::ApiKeyRevoked => "api_key.revoked",
            Self::OperatorEntered => "operator.entered",
            Self::OperatorLeft => "operator.left",
        }
    }
}

/// An event to publish.
#[derive(Clone, Debug)]
pub struct Event {
    /// What happened.
    pub r#type: EventType,
    /// The id of what it happened to, as clients see it.
    pub subject: String,
    /// What the type's schema promises.
    pub data: Value,
    /// The request or job at its root.
    pub correlation_id: String,
}

/// An audit entry to write; who and in which role come from the context.
#[derive(Clone, Debug)]
pub struct Audit {
    /// What was done.
    pub action: AuditAction,
    /// The ids of what it was done to, as clients see them.
    pub targets: Vec<String>,
    /// The fields that changed, as they were; null for a creation.
    pub before: Value,
    /// The fields that changed, as they are; null for a removal.
    pub after: Value,
    /// The request or job.
    pub request_id: String,
}

/// What an operation has collected.
#[derive(Default)]
pub(super) struct Envelopes {
    pub(super) events: Vec<Event>,
    pub(super) audit: Vec<Audit>,
}

impl Envelopes {
    /// The arguments of `app.append_envelopes`; none where there is nothing to write.
    pub(super) fn into_json(self) -> Option<(Value, Value)> {
        if self.events.is_empty() && self.audit.is_empty() {
            return None;
        }
        let events = self
            .events
            .into_iter()
            .map(|event| {
                json!({ "id": EventId::new().0, "type": event.r#type.name(), "subject": event.subject, "data": event.data,
                        "correlation_id": event.correlation_id })
            })
            .collect();
        let audit = self
            .audit
            .into_iter()
            .map(|entry| {
                json!({ "id": AuditEntryId::new().0, "action": entry.action.name(), "targets": entry.targets, "before": entry.before,
                        "after": entry.after, "request_id": entry.request_id })
            })
            .collect();
        Some((events, audit))
    }
}
