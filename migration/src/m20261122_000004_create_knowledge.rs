//! Creates collections, documents, their immutable versions, chunks, embeddings and ingestions.
//!
//! Why: what is ingested must be findable, quotable at exact offsets for ever, and rebuilt in Qdrant without embedding again.
//! Tenant scoping: seven tenant tables, foreign keys composite; only jobs write chunks, embeddings and indexes.
//! Locks: none; every object is new.
//! Rollback: drops all documents and what was derived from them; all of it is lost.
//! Deploy order: after the job lane.

use sea_orm_migration::prelude::{DbErr, DeriveMigrationName, MigrationTrait, SchemaManager, async_trait};

use crate::support::{TenantTable, Verb, run, tenant_table};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [
            COLLECTIONS,
            DOCUMENTS,
            DOCUMENT_VERSIONS,
            CHUNKS,
            EMBEDDING_INDEXES,
            CHUNK_EMBEDDINGS,
            INGESTIONS,
        ] {
            tenant_table(manager, &table).await?;
        }
        run(manager, include_str!("sql/knowledge.sql")).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(
            manager,
            "alter table public.documents drop constraint documents_current_version;
             drop table public.ingestions, public.chunk_embeddings, public.embedding_indexes, public.chunks,
               public.document_versions, public.documents, public.collections;
             drop function app.keep_version();",
        )
        .await
    }
}

const COLLECTIONS: TenantTable = TenantTable {
    name: "collections",
    comment: "A named set of documents that is searched together.",
    columns: &[
        ("name", "text not null check (length(name) between 1 and 200)", "Unique in the workspace."),
        (
            "description",
            "text check (length(description) <= 2000)",
            "What stands in it; null where nobody said.",
        ),
        ("version", "integer not null default 1", "Counts changes, for optimistic locking."),
        ("updated_at", "timestamptz not null default now()", "When the row was last changed."),
    ],
    constraints: &["constraint collections_name unique (workspace_id, name)"],
    select: Verb::CanOrJob("document:read"),
    insert: Verb::Can("collection:write"),
    update: Verb::Can("collection:write"),
    delete: Verb::Can("collection:write"),
    doors: false,
};

const DOCUMENTS: TenantTable = TenantTable {
    name: "documents",
    comment: "A document: what stays the same while its versions change.",
    columns: &[
        ("collection_id", "uuid not null", "The collection that it belongs to."),
        ("title", "text not null check (length(title) between 1 and 500)", "The title to show."),
        ("current_version_id", "uuid", "The version that search finds; null until the first is published."),
        (
            "latest_ordinal",
            "integer not null default 0",
            "The ordinal of the newest version, published or not.",
        ),
        (
            "deleted_at",
            "timestamptz",
            "When it was deleted; null while it exists. Cited versions outlive it.",
        ),
        ("version", "integer not null default 1", "Counts changes, for optimistic locking."),
        ("updated_at", "timestamptz not null default now()", "When the row was last changed."),
    ],
    constraints: &[
        "foreign key (workspace_id, collection_id) references public.collections (workspace_id, id)",
    ],
    select: Verb::CanOrJob("document:read"),
    insert: Verb::Can("document:write"),
    update: Verb::CanOrJob("document:write"),
    delete: Verb::Nobody,
    doors: false,
};

const DOCUMENT_VERSIONS: TenantTable = TenantTable {
    name: "document_versions",
    comment: "One immutable version of a document. Its text is NFC without NUL; offsets count its Unicode scalar values.",
    columns: &[
        ("document_id", "uuid not null", "The document."),
        ("ordinal", "integer not null check (ordinal > 0)", "Counts the versions of the document, from 1."),
        (
            "format",
            "text not null check (format in ('TEXT', 'MARKDOWN', 'HTML'))",
            "The format of the source.",
        ),
        ("source", "text not null", "What was sent."),
        ("content_hash", "bytea not null", "SHA-256 of format and source."),
        ("text", "text", "What citations quote; null until it is parsed, never changed afterwards."),
        (
            "char_count",
            "integer",
            "The number of Unicode scalar values of the text; null until it is parsed.",
        ),
        ("parser", "text", "Parser and its version; null until it is parsed."),
    ],
    constraints: &[
        "foreign key (workspace_id, document_id) references public.documents (workspace_id, id)",
        "unique (workspace_id, document_id, ordinal)",
        "unique (workspace_id, document_id, id)",
    ],
    select: Verb::CanOrJob("document:read"),
    insert: Verb::Can("document:write"),
    update: Verb::Job,
    delete: Verb::Job,
    doors: false,
};

const CHUNKS: TenantTable = TenantTable {
    name: "chunks",
    comment: "A passage of a version: what search ranks and answers cite.",
    columns: &[
        ("document_id", "uuid not null", "The document."),
        ("document_version_id", "uuid not null", "The version."),
        ("ordinal", "integer not null check (ordinal >= 0)", "Its place in the version, from 0."),
        (
            "start_offset",
            "integer not null check (start_offset >= 0)",
            "First Unicode scalar value of the version's text.",
        ),
        ("end_offset", "integer not null check (end_offset > start_offset)", "End, exclusive."),
        ("heading_path", "jsonb not null", "The headings above it, outermost first: an array of strings."),
        ("token_count", "integer not null", "Tokens, by the embedding model's tokenizer."),
        ("text", "text not null", "The version's text between the offsets."),
        ("text_hash", "bytea not null", "SHA-256 of the text: an unchanged passage is not embedded again."),
    ],
    constraints: &[
        "foreign key (workspace_id, document_id) references public.documents (workspace_id, id)",
        "foreign key (workspace_id, document_version_id) references public.document_versions (workspace_id, id)",
        "unique (workspace_id, document_version_id, ordinal)",
    ],
    select: Verb::CanOrJob("document:read"),
    insert: Verb::Job,
    update: Verb::Nobody,
    delete: Verb::Job,
    doors: false,
};

const EMBEDDING_INDEXES: TenantTable = TenantTable {
    name: "embedding_indexes",
    comment: "One embedding of the workspace's chunks by one model: a collection in Qdrant.",
    columns: &[
        ("model", "text not null", "The id of the embedding model."),
        (
            "dimensions",
            "integer not null check (dimensions between 1 and 65536)",
            "The length of its vectors.",
        ),
        (
            "status",
            "text not null check (status in ('BUILDING', 'ACTIVE', 'RETIRED'))",
            "Search uses the ACTIVE one.",
        ),
    ],
    constraints: &[],
    select: Verb::CanOrJob("document:read"),
    insert: Verb::Job,
    update: Verb::Job,
    delete: Verb::Nobody,
    doors: false,
};

const CHUNK_EMBEDDINGS: TenantTable = TenantTable {
    name: "chunk_embeddings",
    comment: "A chunk's vector, kept so that Qdrant can be rebuilt. Its id is the point's.",
    columns: &[
        ("embedding_index_id", "uuid not null", "The index."),
        ("chunk_id", "uuid not null", "The chunk."),
        ("vector", "bytea not null", "Half-precision floats, little-endian."),
    ],
    constraints: &[
        "foreign key (workspace_id, embedding_index_id) references public.embedding_indexes (workspace_id, id)",
        "foreign key (workspace_id, chunk_id) references public.chunks (workspace_id, id) on delete cascade",
        "unique (workspace_id, embedding_index_id, chunk_id)",
    ],
    select: Verb::Job,
    insert: Verb::Job,
    update: Verb::Nobody,
    delete: Verb::Job,
    doors: false,
};

const INGESTIONS: TenantTable = TenantTable {
    name: "ingestions",
    comment: "The ingestion of one version, as its author follows it.",
    columns: &[
        ("document_id", "uuid not null", "The document."),
        ("document_version_id", "uuid not null", "The version."),
        (
            "status",
            "text not null default 'QUEUED' check (status in ('QUEUED', 'RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELED'))",
            "CANCELED where a newer version or a deletion overtook it.",
        ),
        (
            "stage",
            "text check (stage in ('PARSE', 'CHUNK', 'EMBED', 'INDEX', 'PUBLISH'))",
            "The stage that runs or ran last; null before the first.",
        ),
        (
            "failure_class",
            "text check (failure_class in ('EMPTY_DOCUMENT', 'MALFORMED_DOCUMENT', 'TOO_LARGE', 'POLICY_DENIED', 'EMBEDDING_ERROR', 'INDEX_ERROR', 'TIMEOUT', 'INTERNAL'))",
            "Why it failed; null otherwise.",
        ),
        (
            "failure_message",
            "text check (length(failure_message) <= 2000)",
            "A sentence for the author; null where it did not fail.",
        ),
        (
            "wait_reason",
            "text check (wait_reason in ('QUEUE', 'RETRY', 'EMBEDDINGS', 'VECTORS'))",
            "What it waits for; null while it runs and at the end.",
        ),
        ("chunk_count", "integer", "Chunks made; null before the stage CHUNK."),
        (
            "embedded_count",
            "integer",
            "Chunks that had to be embedded because their text was new; null before the stage EMBED.",
        ),
        ("stage_timings", "jsonb not null default '{}'", "Milliseconds by stage."),
        ("started_at", "timestamptz", "When the first attempt began; null before."),
        ("finished_at", "timestamptz", "When it reached its last status; null before."),
        ("updated_at", "timestamptz not null default now()", "When the row was last changed."),
    ],
    constraints: &[
        "foreign key (workspace_id, document_id) references public.documents (workspace_id, id)",
        "foreign key (workspace_id, document_version_id) references public.document_versions (workspace_id, id) on delete cascade",
        "unique (workspace_id, document_version_id)",
    ],
    select: Verb::CanOrJob("document:read"),
    insert: Verb::Can("document:write"),
    update: Verb::CanOrJob("document:write"),
    delete: Verb::Job,
    doors: false,
};
