//! Immutable versions of documents.

use crate::id::{DocumentId, DocumentVersionId, WorkspaceId};
use sea_orm::entity::prelude::{
    ActiveModelBehavior, DateTimeUtc, DeriveActiveEnum, DeriveEntityModel, DerivePrimaryKey, DeriveRelation,
    EntityTrait, EnumIter, PrimaryKeyTrait,
};
use sea_orm::sea_query::Expr;
use sea_orm::{QuerySelect, Select};

/// The format of a source. More values may be added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, EnumIter, DeriveActiveEnum, async_graphql::Enum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum DocumentFormat {
    /// Plain text.
    #[sea_orm(string_value = "TEXT")]
    #[default]
    Text,
    /// Markdown (CommonMark with tables).
    #[sea_orm(string_value = "MARKDOWN")]
    Markdown,
    /// HTML.
    #[sea_orm(string_value = "HTML")]
    Html,
}

/// One immutable version of a document.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, async_graphql::SimpleObject)]
#[sea_orm(table_name = "document_versions")]
#[graphql(name = "DocumentVersionRow")]
pub struct Model {
    /// The tenant.
    #[sea_orm(primary_key, auto_increment = false)]
    #[graphql(skip)]
    pub workspace_id: WorkspaceId,
    /// The id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: DocumentVersionId,
    /// The document.
    #[graphql(skip)]
    pub document_id: DocumentId,
    /// Counts the versions of the document, from 1.
    pub ordinal: i32,
    /// The format of the source.
    pub format: DocumentFormat,
    /// What was sent as text; none where the original is an object of an upload.
    #[graphql(skip)]
    pub source: Option<String>,
    /// SHA-256 of format and source; none until an upload is parsed.
    #[graphql(skip)]
    pub content_hash: Option<Vec<u8>>,
    /// What citations quote; none until it is parsed.
    #[graphql(skip)]
    pub text: Option<String>,
    /// Unicode scalar values of the text; null until it is parsed.
    pub char_count: Option<i32>,
    /// Parser and its version; null until it is parsed.
    pub parser: Option<String>,
    /// When it was made.
    pub created_at: DateTimeUtc,
}

/// Relations are read by statements of their own.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::sparse::sparse! {
    workspace_id: WorkspaceId, id: Id, document_id: DocumentId, ordinal: Ordinal, format: Format, source:
    Source, content_hash: ContentHash, text: Text, char_count: CharCount, parser: Parser, created_at:
    CreatedAt,
}

/// Versions without the wide columns: nobody reads texts that were not asked for.
#[must_use]
pub fn without_text() -> Select<Entity> {
    Entity::find()
        .select_only()
        .columns([
            Column::WorkspaceId,
            Column::Id,
            Column::DocumentId,
            Column::Ordinal,
            Column::Format,
            Column::CharCount,
            Column::Parser,
            Column::CreatedAt,
        ])
        .expr_as(Expr::value(Option::<String>::None), "source")
        .expr_as(Expr::value(Option::<Vec<u8>>::None), "content_hash")
        .expr_as(Expr::value(Option::<String>::None), "text")
}
