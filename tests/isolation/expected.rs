//! What each table allows, written down once more by hand: the matrix compares it with what the database does. A table
//! that is missing here fails the matrix.

/// Who may do a verb in their own workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum May {
    /// Nobody: only doors.
    Nobody,
    /// Jobs alone, which no person's context is.
    Job,
    /// Whoever has the permission.
    Can(&'static str),
    /// Whoever acts for themselves.
    Oneself,
}

use May::{Can, Job, Nobody, Oneself};

/// A tenant table and what it allows: select, insert, update, delete.
pub type Row = (&'static str, May, May, May, May);

/// Every tenant table.
pub const TENANT_TABLES: &[Row] = &[
    ("memberships", Can("member:read"), Nobody, Can("member:write"), Nobody),
    ("roles", Can("member:read"), Can("role:write"), Can("role:write"), Can("role:write")),
    ("invitations", Can("member:read"), Can("member:write"), Can("member:write"), Nobody),
    ("invitation_tokens", Nobody, Nobody, Nobody, Nobody),
    ("api_keys", Can("api_key:read"), Can("api_key:write"), Can("api_key:write"), Nobody),
    ("events", Can("event:read"), Nobody, Nobody, Nobody),
    ("audit_entries", Can("audit:read"), Nobody, Nobody, Nobody),
    ("jobs", Can("job:read"), Oneself, Can("job:write"), Nobody),
    ("collections", Can("document:read"), Can("collection:write"), Can("collection:write"), Nobody),
    ("documents", Can("document:read"), Can("document:write"), Can("document:write"), Nobody),
    ("document_versions", Can("document:read"), Can("document:write"), Job, Job),
    ("chunks", Can("document:read"), Job, Nobody, Job),
    ("embedding_indexes", Can("document:read"), Job, Job, Nobody),
    ("chunk_embeddings", Job, Job, Nobody, Job),
    ("ingestions", Can("document:read"), Can("document:write"), Can("document:write"), Job),
    ("uploads", Can("document:read"), Can("document:write"), Can("document:write"), Nobody),
    ("agents", Can("agent:read"), Can("agent:write"), Can("agent:write"), Nobody),
    ("agent_runs", Can("agent_run:read"), Can("agent_run:write"), Can("agent_run:write"), Nobody),
    ("agent_run_events", Can("agent_run:read"), Can("agent_run:write"), Nobody, Nobody),
    ("agent_run_steps", Can("agent_run:read"), Job, Nobody, Nobody),
    ("retrievals", Can("agent_run:read"), Job, Nobody, Nobody),
    ("retrieval_hits", Can("agent_run:read"), Job, Nobody, Nobody),
    ("citations", Can("agent_run:read"), Job, Nobody, Nobody),
    ("idempotency_records", Oneself, Oneself, Nobody, Nobody),
    ("operator_entries", Can("audit:read"), Nobody, Nobody, Nobody),
];

/// Tables that belong to no tenant, or that no tenant sees, each with the reason.
pub const OTHER_TABLES: &[(&str, &str)] = &[
    ("users", "one person may belong to many workspaces; visible to itself and to co-members"),
    ("workspaces", "its id is the tenant; visible from inside"),
    ("permissions", "the catalogue is the same for every tenant"),
    ("built_in_roles", "the built-in roles are the same for every tenant"),
    ("audit_actions", "the catalogue is the same for every tenant"),
    ("role_permissions", "the permission map is the same for every tenant"),
    ("sessions", "stands before any workspace is chosen; only doors see it"),
    ("credentials", "a password is shown before any workspace is chosen; only doors see it"),
    ("refresh_tokens", "a session stands before any workspace is chosen; only doors see it"),
    (
        "account_links",
        "a link of a mail proves who reads an address, outside any workspace; only doors see it",
    ),
    ("outgoing_mails", "mails about accounts, which stand before any workspace; only doors see it"),
    (
        "identities",
        "who somebody is to an external issuer, before any workspace is chosen; only doors see it",
    ),
    (
        "account_idempotency_records",
        "keys outside any workspace belong to a person or to an address; only doors see it",
    ),
    ("sign_in_attempts", "counts what strangers try, before anybody is known; only doors see it"),
    ("operators", "whoever runs the installation is a member of nothing; only doors see them"),
    ("workspace_sequences", "one row for each workspace; only doors see it"),
    ("queue_turns", "one row for each workspace; only doors see it"),
    ("queue_heads", "one row for each workspace; only doors see it"),
    ("event_types", "the catalogue is the same for every tenant"),
    ("seaql_migrations", "the history of the schema; only the owner sees it, others its names by a door"),
];

/// The doors: what runs with more rights than its caller.
pub const DOORS: &[&str] = &[
    "enter_session",
    "workspaces_of_actor",
    "create_user",
    "create_workspace",
    "open_session",
    "append_envelopes",
    "note_queue_head",
    "claim_jobs",
    "renew_job",
    "enter_job",
    "enter_upload",
    "finish_job",
    "fail_job",
    "defer_job",
    "reap_jobs",
    "forget_idempotency_records",
    "claim_mails",
    "mint_account_link",
    "finish_mail",
    "enter_identity",
    "enter_key",
    "make_built_in_roles",
    "permissions_of_role",
    "is_last_owner",
    "keep_owner",
    "queue_invitation",
    "mint_invitation_token",
    "accept_invitation",
    "require_audit",
    "admit_identity",
    "enter_nobody",
    "begin_sign_in",
    "finish_sign_in",
    "refresh_session",
    "end_sessions",
    "begin_sign_up",
    "sign_up",
    "verify_email",
    "request_password_reset",
    "holds_reset_link",
    "reset_password",
    "set_password",
    "found_workspace",
    "claim_account_key",
    "record_account_answer",
    "applied_migrations",
    "enter_operator",
    "note_operator_use",
    "start_operator_entry",
    "leave_operator_entry",
    "end_operator_entry",
    "operator_of_context",
    "entries_of_operator",
    "count_workspaces",
    "count_jobs",
    "migration_history",
];
