//! Creates invitations, their tokens, and the mails that carry them.
//!
//! Why: somebody who belongs to a workspace brings others in, by their address, whether they have an account or not.
//! Tenant scoping: `invitations` and `invitation_tokens` are tenant tables; a token is looked up over all tenants by a door alone, through
//! an index that is not unique. `outgoing_mails` stays global: a mail is a message to a person, who may be nobody yet.
//! Locks: ACCESS EXCLUSIVE on `outgoing_mails` for a column and a check, without a rewrite; the check is not validated.
//! Rollback: drops invitations, their links and their mails; all three are lost. Members who came by one stay.
//! Deploy order: before the processes; workers of before leave mails of the new kinds to newer ones.

use sea_orm_migration::prelude::{DbErr, DeriveMigrationName, MigrationTrait, SchemaManager, async_trait};

use crate::support::{TenantTable, Verb, run, tenant_table};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        tenant_table(manager, &INVITATIONS).await?;
        tenant_table(manager, &INVITATION_TOKENS).await?;
        run(manager, include_str!("sql/invitations.sql")).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, include_str!("sql/invitations_down.sql")).await
    }
}

const INVITATIONS: TenantTable = TenantTable {
    name: "invitations",
    comment: "An address that somebody asked into the workspace.",
    columns: &[
        (
            "email",
            "text not null check (length(email) between 3 and 320 and email = lower(email))",
            "Whom it is for; nobody else accepts it.",
        ),
        (
            "role_id",
            "uuid",
            "The role that whoever accepts it gets; null where it is over and the role was deleted.",
        ),
        (
            "status",
            "text not null default 'PENDING' check (status in ('PENDING', 'ACCEPTED', 'REVOKED', 'EXPIRED'))",
            "Only a PENDING one is accepted, before it expires.",
        ),
        (
            "invited_by",
            "uuid not null default app.actor_id() references public.users (id)",
            "Who asked; it is worth what this person may still give.",
        ),
        (
            "api_key_id",
            "uuid default app.api_key_id()",
            "The API key by which it was asked; null where none was.",
        ),
        ("expires_at", "timestamptz not null", "From then on it is worth nothing."),
        ("sends", "integer not null default 0", "How often it was mailed."),
        ("sent_at", "timestamptz", "When it was last queued to be mailed; null before."),
        ("accepted_at", "timestamptz", "When it was accepted; null before."),
        ("membership_id", "uuid", "The membership of whoever accepted it; null before."),
        ("version", "integer not null default 1", "Counts changes, for optimistic locking."),
        ("updated_at", "timestamptz not null default now()", "When the row was last changed."),
    ],
    constraints: &[
        "foreign key (workspace_id, role_id) references public.roles (workspace_id, id) on delete set null (role_id)",
        "constraint invitations_keeps_role check (role_id is not null or status <> 'PENDING')",
        "foreign key (workspace_id, api_key_id) references public.api_keys (workspace_id, id)",
        "foreign key (workspace_id, membership_id) references public.memberships (workspace_id, id)",
        "check ((status = 'ACCEPTED') = (accepted_at is not null) and (status = 'ACCEPTED') = (membership_id is not null))",
    ],
    select: Verb::Can("member:read"),
    insert: Verb::Can("member:write"),
    update: Verb::Can("member:write"),
    delete: Verb::Nobody,
    doors: true,
};

const INVITATION_TOKENS: TenantTable = TenantTable {
    name: "invitation_tokens",
    comment: "The link of one mail of an invitation. Only doors see it.",
    columns: &[
        ("invitation_id", "uuid not null", "The invitation, whose end is the link's."),
        (
            "hash",
            "bytea not null check (octet_length(hash) = 32)",
            "SHA-256 of the link's token, which is 256 random bits and stands in the mail alone.",
        ),
    ],
    constraints: &[
        "foreign key (workspace_id, invitation_id) references public.invitations (workspace_id, id) on delete cascade",
    ],
    select: Verb::Nobody,
    insert: Verb::Nobody,
    update: Verb::Nobody,
    delete: Verb::Nobody,
    doors: true,
};
