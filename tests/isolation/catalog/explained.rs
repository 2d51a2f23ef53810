//! What the checks of the catalogue let pass, each with the reason. An entry that nothing needs any more fails.

/// Tables that have `workspace_id` and are no tenant tables: the application has no right to any of them, only doors have.
pub const UNTENANTED: &[(&str, &str)] = &[
    ("workspace_sequences", "the counters that a door locks last; a tenant would see how much it writes"),
    ("queue_heads", "what the lane looks at to choose whose turn it is, over all workspaces"),
    ("queue_turns", "whose turn it was, over all workspaces"),
];

/// Foreign keys without an index over their columns: nothing deletes or re-keys what they point at while rows point at it.
pub const UNINDEXED: &[(&str, &str)] = &[
    ("role_permissions_permission", "permissions are removed by migrations alone"),
    ("roles_built_in_fkey", "built-in roles are removed by migrations alone"),
    ("audit_entries_action", "actions are removed by migrations alone"),
    ("invitations_invited_by_fkey", "a person's row is never deleted; erasing empties it"),
    ("invitations_workspace_id_membership_id_fkey", "a membership's row stays when it ends"),
    ("invitations_workspace_id_api_key_id_fkey", "a key's row stays when it is revoked"),
    ("jobs_api_key", "a key's row stays when it is revoked"),
    ("uploads_api_key", "a key's row stays when it is revoked"),
    ("idempotency_records_api_key", "a key's row stays when it is revoked"),
    ("events_type_fkey", "types of events are removed by migrations alone"),
    ("documents_workspace_id_collection_id_fkey", "a collection's row stays when it is deleted"),
    ("documents_current_version", "its first two columns are the primary key, which finds the row"),
    ("agent_runs_started_by_fkey", "a person's row is never deleted; erasing empties it"),
    ("retrievals_workspace_id_agent_run_step_id_fkey", "steps are append-only"),
    ("retrievals_workspace_id_embedding_index_id_fkey", "the row of an index is retired and stays"),
    ("citations_workspace_id_retrieval_hit_id_fkey", "hits are append-only"),
    ("citations_workspace_id_document_id_fkey", "a document's row stays when it is deleted"),
    ("idempotency_records_actor_id_fkey", "a person's row is never deleted; erasing empties it"),
    ("uploads_actor_id_fkey", "a person's row is never deleted; erasing empties it"),
];

/// Indexes over what compares with leaks, which no query under a policy can use.
pub const NOT_SEARCHED: &[(&str, &str)] = &[(
    "roles_name",
    "keeps two roles of a workspace from one name in two cases; nothing looks a role up by it",
)];
