//! Creates uploads: the bytes of a document that a client sends past GraphQL, into the object store.
//!
//! Why: `documentCreate` and `documentUpdate` with `upload`, and `PUT /uploads/{token}`. A version whose original is an object
//! has no source in the database, and its content hash is known once it is parsed; an ingestion can wait for its upload and for
//! the object store.
//! Tenant scoping: one tenant table; its token is looked up over all tenants by one door, which then sets the context of the
//! upload's own workspace and of whoever asked for it.
//! Locks: ACCESS EXCLUSIVE on `document_versions` and `ingestions` for a moment; the two checks of `ingestions` are added NOT
//! VALID, so no row is read (what they replace allows less).
//! Rollback: loses every upload and what it says of its object, which stays in the store; a version that was uploaded keeps its
//! parsed text as its source, and an ingestion that waited for its upload has FAILED.
//! Deploy order: before the servers that know it; older ones go on to work, and refuse `upload` as an unknown field.

use sea_orm_migration::prelude::{DbErr, DeriveMigrationName, MigrationTrait, SchemaManager, async_trait};

use crate::support::{TenantTable, Verb, run, tenant_table};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        tenant_table(manager, &UPLOADS).await?;
        run(manager, include_str!("sql/uploads.sql")).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, include_str!("sql/uploads_down.sql")).await
    }
}

const UPLOADS: TenantTable = TenantTable {
    name: "uploads",
    comment: "Bytes that somebody may send for one version of a document, by a token that is shown once.",
    columns: &[
        ("document_id", "uuid not null", "The document."),
        ("document_version_id", "uuid not null", "The version whose original the bytes are."),
        (
            "actor_id",
            "uuid not null default app.actor_id() references public.users (id)",
            "Who asked for it; the bytes are taken with this person's current permissions.",
        ),
        (
            "token_hash",
            "bytea not null check (octet_length(token_hash) = 32)",
            "SHA-256 of the token; the token itself is kept nowhere.",
        ),
        (
            "filename",
            "text check (length(filename) between 1 and 255)",
            "The name of the file, as the client said; null where it did not.",
        ),
        (
            "content_type",
            "text not null check (length(content_type) <= 255)",
            "The media type, as it was declared.",
        ),
        ("size_bytes", "bigint not null check (size_bytes > 0)", "The number of bytes, as it was declared."),
        (
            "sha256",
            "bytea check (octet_length(sha256) = 32)",
            "SHA-256 of the bytes: declared, or counted once they are STORED; null before where nobody declared it.",
        ),
        (
            "status",
            "text not null default 'PENDING' check (status in ('PENDING', 'STORED', 'EXPIRED', 'CANCELED'))",
            "CANCELED where the document was deleted first.",
        ),
        ("original_id", "uuid", "The object in the store; null until STORED."),
        ("expires_at", "timestamptz not null", "From then on the token opens nothing."),
        ("stored_at", "timestamptz", "When the bytes were complete; null before."),
    ],
    constraints: &[
        "foreign key (workspace_id, document_id) references public.documents (workspace_id, id)",
        "foreign key (workspace_id, document_version_id) references public.document_versions (workspace_id, id) on delete cascade",
        "unique (workspace_id, document_version_id)",
        "check ((status = 'STORED') = (original_id is not null) and (status = 'STORED') = (stored_at is not null))",
        "check (status <> 'STORED' or sha256 is not null)",
    ],
    select: Verb::CanOrJob("document:read"),
    insert: Verb::Can("document:write"),
    update: Verb::CanOrJob("document:write"),
    delete: Verb::Nobody,
    doors: true,
};
