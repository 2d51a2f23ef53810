//! GraphQL types of knowledge.

use async_graphql::{ComplexObject, Context, Enum, ID, SimpleObject, Union};
use entity::id::{ChunkId, CollectionId, DocumentId, DocumentVersionId};
use entity::{chunk, collection, document, document_version, ingestion};

use super::lists::{
    DocumentFilter, DocumentOrder, DocumentVersionFilter, DocumentVersionOrder, Documents, IngestionOrder,
    Ingestions, Versions,
};
use super::loaders::{is_cited, text_of, utf16_offset};
use super::offsets::OffsetMap;
use super::retrieval::{Found, Mode};
use crate::error::{Error, Result};
use crate::graphql::{AroundRow, Connection, ListArgs, children, first_below, list_cost, loader, request};
use crate::list::{OrderBy, PageArgs, Question};

/// In which unit offsets are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum, Default)]
pub enum OffsetUnit {
    /// Unicode scalar values, as most languages count characters.
    #[default]
    UnicodeScalar,
    /// UTF-16 code units, as JavaScript counts and slices.
    Utf16,
}

impl OffsetUnit {
    /// An offset of a text, given in Unicode scalar values.
    pub(crate) fn of(self, map: &OffsetMap<'_>, scalar: i32) -> Option<i32> {
        let scalar = usize::try_from(scalar).ok()?;
        let position = map.at_scalar(scalar)?;
        i32::try_from(match self {
            Self::UnicodeScalar => position.scalar,
            Self::Utf16 => position.utf16,
        })
        .ok()
    }
}

/// A named set of documents that is searched together.
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct Collection {
    /// The row.
    #[graphql(flatten)]
    pub row: collection::Model,
}

#[ComplexObject]
impl Collection {
    /// The id.
    pub async fn id(&self) -> ID {
        self.row.id.to_string().into()
    }

    /// Its documents, newest first.
    #[graphql(complexity = "list_cost(first, last, child_complexity)")]
    async fn documents(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Only rows for which this holds.")] filter: Option<DocumentFilter>,
        #[graphql(desc = "The order; newest first unless said.")] order_by: Option<DocumentOrder>,
        #[graphql(desc = "How many from the beginning, 1 to 100; 20 unless said.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
    ) -> Result<Connection<Document>> {
        let args = ListArgs { filter, order_by, page: PageArgs { first, after, last, before } };
        children::<Documents, _>(context, self.row.id.0, args).await
    }
}

impl From<collection::Model> for Collection {
    fn from(row: collection::Model) -> Self {
        Self { row }
    }
}

impl AroundRow for Collection {
    type Row = collection::Model;

    fn row(&self) -> &collection::Model {
        &self.row
    }
}

/// A document: what stays the same while its versions change.
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct Document {
    /// The row.
    #[graphql(flatten)]
    pub row: document::Model,
}

#[ComplexObject]
impl Document {
    /// The id.
    pub async fn id(&self) -> ID {
        self.row.id.to_string().into()
    }

    /// The collection that it belongs to.
    async fn collection(&self, context: &Context<'_>) -> Result<Collection> {
        let row = loader::<collection::Entity>(context)?.load_one(self.row.collection_id).await?;
        row.map(Collection::from).ok_or(Error::NotFound("collection"))
    }

    /// The version that search finds; null until the first one is ingested, and after a deletion.
    async fn current_version(&self, context: &Context<'_>) -> Result<Option<DocumentVersion>> {
        let Some(id) = self.row.current_version_id else { return Ok(None) };
        let row = loader::<document_version::Entity>(context)?.load_one(id).await?;
        Ok(row.map(DocumentVersion::from))
    }

    /// Its versions, oldest first.
    #[graphql(complexity = "list_cost(first, last, child_complexity)")]
    async fn versions(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Only rows for which this holds.")] filter: Option<DocumentVersionFilter>,
        #[graphql(desc = "The order; oldest first unless said.")] order_by: Option<DocumentVersionOrder>,
        #[graphql(desc = "How many from the beginning, 1 to 100; 20 unless said.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
    ) -> Result<Connection<DocumentVersion>> {
        let args = ListArgs { filter, order_by, page: PageArgs { first, after, last, before } };
        children::<Versions, _>(context, self.row.id.0, args).await
    }

    /// The ingestion of its newest version; null only while the document is being deleted.
    async fn ingestion(&self, context: &Context<'_>) -> Result<Option<Ingestion>> {
        let newest = Question::<Ingestions>::first_in(IngestionOrder::default().order());
        Ok(first_below(context, self.row.id.0, newest).await?.map(Ingestion::from))
    }
}

impl From<document::Model> for Document {
    fn from(row: document::Model) -> Self {
        Self { row }
    }
}

impl AroundRow for Document {
    type Row = document::Model;

    fn row(&self) -> &document::Model {
        &self.row
    }
}

/// One immutable version of a document.
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct DocumentVersion {
    /// The row.
    #[graphql(flatten)]
    pub row: document_version::Model,
}

#[ComplexObject]
impl DocumentVersion {
    /// The id.
    pub async fn id(&self) -> ID {
        self.row.id.to_string().into()
    }

    /// The document; null once it is deleted.
    async fn document(&self, context: &Context<'_>) -> Result<Option<Document>> {
        live_document(context, self.row.document_id).await
    }

    /// Its text, or the part between two offsets; null until it is parsed. Offsets beyond the text are BAD_USER_INPUT.
    #[graphql(complexity = 20)]
    async fn text(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "First character; the beginning unless said.")] start: Option<i32>,
        #[graphql(desc = "End, exclusive; the end of the text unless said.")] end: Option<i32>,
        #[graphql(desc = "The unit of both offsets.", default)] unit: OffsetUnit,
    ) -> Result<Option<String>> {
        let Some(text) = text_of(context, self.row.id).await? else { return Ok(None) };
        if start.is_none() && end.is_none() {
            request(context)?.charge(text.len())?;
            return Ok(Some(text.to_string()));
        }
        request(context)?.scan(text.len())?;
        let map = OffsetMap::new(&text);
        let byte = |offset: i32| {
            let offset = usize::try_from(offset).ok()?;
            Some(match unit {
                OffsetUnit::UnicodeScalar => map.at_scalar(offset)?.byte,
                OffsetUnit::Utf16 => map.at_utf16(offset)?.byte,
            })
        };
        let from = start.map_or(Some(0), byte);
        let to = end.map_or(Some(text.len()), byte);
        let part = from.zip(to).and_then(|(from, to)| text.get(from..to));
        part.map(|part| Some(part.to_owned())).ok_or_else(|| {
            Error::field(
                "start",
                "OUT_OF_RANGE",
                "`start` and `end` are offsets of the text, and `start` is not after `end`.",
            )
        })
    }
}

impl From<document_version::Model> for DocumentVersion {
    fn from(row: document_version::Model) -> Self {
        Self { row }
    }
}

impl AroundRow for DocumentVersion {
    type Row = document_version::Model;

    fn row(&self) -> &document_version::Model {
        &self.row
    }
}

/// A version that somebody may still read: of a document that exists, or quoted by an answer.
pub(crate) async fn kept_version(
    context: &Context<'_>,
    id: DocumentVersionId,
) -> Result<Option<DocumentVersion>> {
    let Some(row) = loader::<document_version::Entity>(context)?.load_one(id).await? else { return Ok(None) };
    let kept = live_document(context, row.document_id).await?.is_some() || is_cited(context, id).await?;
    Ok(kept.then(|| DocumentVersion::from(row)))
}

/// A passage of a document that exists.
pub(crate) async fn live_chunk(context: &Context<'_>, id: ChunkId) -> Result<Option<Chunk>> {
    let Some(row) = loader::<chunk::Entity>(context)?.load_one(id).await? else { return Ok(None) };
    Ok(live_document(context, row.document_id).await?.map(|_| Chunk::from(row)))
}

/// A collection that exists.
pub(crate) async fn live_collection(context: &Context<'_>, id: CollectionId) -> Result<Option<Collection>> {
    let row = loader::<collection::Entity>(context)?.load_one(id).await?;
    Ok(row.filter(|row| row.deleted_at.is_none()).map(Collection::from))
}

/// A document that exists.
pub(crate) async fn live_document(context: &Context<'_>, id: DocumentId) -> Result<Option<Document>> {
    let row = loader::<document::Entity>(context)?.load_one(id).await?;
    Ok(row.filter(|row| row.deleted_at.is_none()).map(Document::from))
}

/// A passage of a version: what search ranks and answers cite.
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct Chunk {
    /// The row.
    #[graphql(flatten)]
    pub row: chunk::Model,
}

#[ComplexObject]
impl Chunk {
    /// The id.
    pub async fn id(&self) -> ID {
        self.row.id.to_string().into()
    }

    /// The document; null once it is deleted.
    async fn document(&self, context: &Context<'_>) -> Result<Option<Document>> {
        live_document(context, self.row.document_id).await
    }

    /// The version that it is a passage of.
    async fn document_version(&self, context: &Context<'_>) -> Result<DocumentVersion> {
        let row = loader::<document_version::Entity>(context)?.load_one(self.row.document_version_id).await?;
        row.map(DocumentVersion::from).ok_or(Error::NotFound("version"))
    }

    /// The headings above it, outermost first.
    async fn heading_path(&self) -> Vec<String> {
        heading_path(&self.row)
    }

    /// Its first character in the version's text.
    async fn start_offset(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The unit.", default)] unit: OffsetUnit,
    ) -> Result<i32> {
        offset_in_version(context, self.row.document_version_id, self.row.start_offset, unit).await
    }

    /// Its end in the version's text, exclusive.
    async fn end_offset(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The unit.", default)] unit: OffsetUnit,
    ) -> Result<i32> {
        offset_in_version(context, self.row.document_version_id, self.row.end_offset, unit).await
    }
}

impl From<chunk::Model> for Chunk {
    fn from(row: chunk::Model) -> Self {
        Self { row }
    }
}

/// The headings above a passage, outermost first.
pub(crate) fn heading_path(row: &chunk::Model) -> Vec<String> {
    let headings = row.heading_path.as_array().into_iter().flatten().filter_map(serde_json::Value::as_str);
    headings.map(str::to_owned).collect()
}

/// An offset in a version's text, in the unit that was asked for. Only another unit than the stored one reads the text.
pub(crate) async fn offset_in_version(
    context: &Context<'_>,
    version: DocumentVersionId,
    scalar: i32,
    unit: OffsetUnit,
) -> Result<i32> {
    if unit == OffsetUnit::UnicodeScalar {
        return Ok(scalar);
    }
    utf16_offset(context, version, scalar).await
}

/// The ingestion of one version of a document: how far it is, and why it failed.
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct Ingestion {
    /// The row.
    #[graphql(flatten)]
    pub row: ingestion::Model,
}

#[ComplexObject]
impl Ingestion {
    /// The id.
    pub async fn id(&self) -> ID {
        self.row.id.to_string().into()
    }

    /// The document; null once it is deleted.
    async fn document(&self, context: &Context<'_>) -> Result<Option<Document>> {
        live_document(context, self.row.document_id).await
    }

    /// The version.
    async fn document_version(&self, context: &Context<'_>) -> Result<DocumentVersion> {
        let row = loader::<document_version::Entity>(context)?.load_one(self.row.document_version_id).await?;
        row.map(DocumentVersion::from).ok_or(Error::NotFound("version"))
    }

    /// How long each finished stage took.
    async fn timings(&self) -> Vec<StageTiming> {
        let stages = self.row.stage_timings.as_object().into_iter().flatten();
        let timings = stages.filter_map(|(stage, ms)| {
            Some(StageTiming { stage: stage.clone(), duration_ms: ms.as_i64()?.try_into().ok()? })
        });
        timings.collect()
    }
}

impl From<ingestion::Model> for Ingestion {
    fn from(row: ingestion::Model) -> Self {
        Self { row }
    }
}

impl AroundRow for Ingestion {
    type Row = ingestion::Model;

    fn row(&self) -> &ingestion::Model {
        &self.row
    }
}

/// How long a stage took.
#[derive(SimpleObject)]
pub struct StageTiming {
    /// The stage, as in IngestionStage.
    stage: String,
    /// Milliseconds.
    duration_ms: i32,
}

/// How to search.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum, Default)]
pub enum SearchMode {
    /// By meaning and by words, fused: the best of both.
    #[default]
    Hybrid,
    /// By meaning alone.
    Semantic,
    /// By words alone.
    Keyword,
}

impl From<SearchMode> for Mode {
    fn from(mode: SearchMode) -> Self {
        match mode {
            SearchMode::Hybrid => Self::Hybrid,
            SearchMode::Semantic => Self::Semantic,
            SearchMode::Keyword => Self::Keyword,
        }
    }
}

/// What a search found, best first.
#[derive(SimpleObject)]
pub struct SearchResults {
    /// The passages, best first.
    pub nodes: Vec<SearchHit>,
}

/// A passage that a search found.
pub struct SearchHit(pub Found);

/// A passage that a search found.
#[async_graphql::Object]
impl SearchHit {
    /// The fused score that ranks it; comparable within one search only.
    async fn score(&self) -> f64 {
        f64::from(self.0.hit.score)
    }

    /// The text of the passage.
    async fn passage(&self) -> &str {
        &self.0.chunk.text
    }

    /// Its first character in the version's text.
    async fn start_offset(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The unit.", default)] unit: OffsetUnit,
    ) -> Result<i32> {
        offset_in_version(context, self.0.chunk.document_version_id, self.0.chunk.start_offset, unit).await
    }

    /// Its end in the version's text, exclusive.
    async fn end_offset(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The unit.", default)] unit: OffsetUnit,
    ) -> Result<i32> {
        offset_in_version(context, self.0.chunk.document_version_id, self.0.chunk.end_offset, unit).await
    }

    /// The headings above it, outermost first.
    async fn heading_path(&self) -> Vec<String> {
        heading_path(&self.0.chunk)
    }

    /// What was found.
    async fn target(&self) -> SearchTarget {
        SearchTarget::Chunk(Box::new(Chunk::from(self.0.chunk.clone())))
    }

    /// How the rank came about.
    async fn explain(&self) -> SearchExplanation {
        let rank = |rank: Option<u32>| rank.and_then(|rank| i32::try_from(rank).ok());
        SearchExplanation {
            dense_rank: rank(self.0.hit.dense_rank),
            sparse_rank: rank(self.0.hit.sparse_rank),
            fused_score: f64::from(self.0.hit.score),
        }
    }
}

/// What a search can find. More types may be added.
#[derive(Union)]
pub enum SearchTarget {
    /// A passage of a document.
    Chunk(Box<Chunk>),
}

/// How the rank of a hit came about.
#[derive(SimpleObject)]
pub struct SearchExplanation {
    /// Its place by meaning, from 1; null where that search did not find it.
    dense_rank: Option<i32>,
    /// Its place by words, from 1; null where that search did not find it.
    sparse_rank: Option<i32>,
    /// Both fused by weighted reciprocal ranks.
    fused_score: f64,
}
