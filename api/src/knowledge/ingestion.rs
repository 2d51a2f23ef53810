//! The job `document.ingest`: a version's source becomes text, passages, vectors, and then what search finds.
//!
//! Each stage commits before the next one begins, and a stage that was done is not done again: a worker that is killed loses
//! at most one stage's work. The version that serves is switched by the last statement, together with the end of the job.

use std::time::Instant;

use entity::document_version::{self, DocumentFormat};
use entity::id::{EmbeddingIndexId, IngestionId, PointId};
use entity::ingestion::{self, IngestionFailureClass, IngestionStage};
use entity::{chunk, document};
use footnote_vectors::{Kind, Point};
use sea_orm::{ActiveEnum, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};
use serde_json::json;
use uuid::Uuid;

use super::chunking::{self, ChunkSpan};
use super::documents::content_hash;
use super::originals::{self, OBJECTS_ERROR};
use super::outcomes::{end, fail, not_embedded, overtaken};
use super::parsing::{self, Format, ParseFailure, Parsed};
use super::passages::{embeddings, insert_chunks, insert_embeddings, reuse_embeddings};
use super::purge::enqueue_purge;
use super::service::INGEST;
use super::vectors::{ensure_index, failure};
use crate::error::{Error, Result};
use crate::tenancy::{Event, EventType, Operation, Permission, statement};
use crate::worker::{JobContext, JobFailure, JobHandler};

/// Old points and passages stay longer than the longest run, so that whoever began with them can read back.
const OLD_POINTS_STAY_MS: i64 = 600_000;
/// Passages embedded in one call.
const EMBED_BATCH: usize = 256;
/// Points stored in one call.
const UPSERT_BATCH: usize = 1000;

/// The handler.
pub(super) struct Ingest;

#[async_trait::async_trait]
impl JobHandler for Ingest {
    fn kind(&self) -> &'static str {
        INGEST
    }

    async fn run(&self, context: &JobContext) -> Result<(), JobFailure> {
        let Some(mut work) = Work::begin(context).await? else { return Ok(()) };
        if work.version.text.is_none() {
            let source = match work.fetch().await? {
                Ok(source) => source,
                Err(refusal) => return work.refuse(&refusal).await,
            };
            let hash = content_hash(work.version.format, &source);
            let parsed = match work.parse(source).await? {
                Ok(parsed) => parsed,
                Err(refusal) => return work.refuse(&refusal).await,
            };
            work.store_chunks(parsed, hash).await?;
        }
        work.embed().await?;
        work.index().await?;
        work.publish().await
    }

    async fn retry(&self, context: &JobContext, operation: &Operation, failure: &JobFailure) -> Result<()> {
        // Another attempt will come.
        operation
            .execute_raw(statement(
                "update public.ingestions set status = 'QUEUED', wait_reason = $2, updated_at = now()
                 where workspace_id = app.workspace_id() and id = $1 and status = 'RUNNING'",
                [context.job().subject_id.into(), failure.wait_reason().into()],
            ))
            .await?;
        Ok(())
    }

    async fn abandon(&self, context: &JobContext, operation: &Operation, failure: &JobFailure) -> Result<()> {
        let class = match failure.class {
            "POLICY_DENIED" => IngestionFailureClass::PolicyDenied,
            "EMBEDDING_ERROR" => IngestionFailureClass::EmbeddingError,
            "INDEX_ERROR" => IngestionFailureClass::IndexError,
            "TIMEOUT" => IngestionFailureClass::Timeout,
            OBJECTS_ERROR => IngestionFailureClass::ObjectsError,
            _ => IngestionFailureClass::Internal,
        };
        let id = IngestionId(context.job().subject_id);
        fail(operation, context, id, (class, &failure.message)).await
    }
}

/// One attempt.
struct Work<'a> {
    context: &'a JobContext,
    id: IngestionId,
    document: document::Model,
    version: document_version::Model,
    index_id: Option<EmbeddingIndexId>,
    timings: serde_json::Map<String, serde_json::Value>,
}

impl<'a> Work<'a> {
    /// Reads what is to be done; none where it was overtaken, and the job has ended.
    async fn begin(context: &'a JobContext) -> Result<Option<Self>, JobFailure> {
        let id = IngestionId(context.job().subject_id);
        let operation = context.operation().await?;
        let ingestion = ingestion::Entity::find()
            .filter(ingestion::Column::Id.eq(id))
            .one(&operation)
            .await
            .map_err(Error::from)?;
        let Some(ingestion) = ingestion else {
            context.finish(operation).await?;
            return Ok(None);
        };
        let found = document_version::Entity::find()
            .filter(document_version::Column::Id.eq(ingestion.document_version_id))
            .one(&operation)
            .await
            .map_err(Error::from)?;
        let document = document::Entity::find()
            .filter(document::Column::Id.eq(ingestion.document_id))
            .one(&operation)
            .await
            .map_err(Error::from)?;
        let (Some(version), Some(document)) = (found, document) else {
            return Err(Error::Forbidden("document:read").into());
        };
        if document.deleted_at.is_some() || overtaken(&operation, &version).await? {
            end(&operation, id, "CANCELED").await?;
            // An earlier attempt may have stored points.
            enqueue_purge(&operation, &context.job().correlation_id, document.id, 0).await?;
            context.finish(operation).await?;
            return Ok(None);
        }
        let _ = operation.require(Permission::DocumentWrite)?;
        // Begin, or go on after a lost worker.
        operation
            .execute_raw(statement(
                "update public.ingestions set status = 'RUNNING', wait_reason = null, failure_class = null, failure_message = null, finished_at = null,
                   stage = coalesce(stage, 'PARSE'), started_at = coalesce(started_at, now()),
                   updated_at = now() where workspace_id = app.workspace_id() and id = $1",
                [id.0.into()],
            ))
            .await
            .map_err(Error::from)?;
        operation.commit().await?;
        let timings = ingestion.stage_timings.as_object().cloned().unwrap_or_default();
        Ok(Some(Self { context, id, document, version, index_id: None, timings }))
    }

    /// Begins the next stage. Jobs see documents whoever started them, so the starter's permission is asked for here.
    async fn operation(&self) -> Result<Operation> {
        let operation = self.context.operation().await?;
        let _ = operation.require(Permission::DocumentWrite)?;
        Ok(operation)
    }

    /// Reads the source, from wherever it is.
    async fn fetch(&mut self) -> Result<Result<String, ParseFailure>, JobFailure> {
        let operation = self.operation().await?;
        let original = originals::find(&operation, &mut self.version).await?;
        drop(operation);
        originals::read(self.context, self.version.id, original).await
    }

    async fn parse(
        &mut self,
        source: String,
    ) -> Result<Result<(Parsed, Vec<ChunkSpan>), ParseFailure>, JobFailure> {
        let format = match self.version.format {
            DocumentFormat::Text => Format::Text,
            DocumentFormat::Markdown => Format::Markdown,
            DocumentFormat::Html => Format::Html,
        };
        let counter = self.context.app().token_counter().clone();
        let work = tokio::task::spawn_blocking(move || {
            let started = Instant::now();
            let parsed = parsing::parse(format, &source)?;
            let parse_ms = milliseconds(started);
            let started = Instant::now();
            let chunks = chunking::chunk(&parsed, counter.as_ref(), &chunking::Limits::default());
            Ok((parsed, chunks, parse_ms, milliseconds(started)))
        });
        let result = work.await.map_err(|error| Error::internal(error).into());
        result.map(|outcome: Result<_, ParseFailure>| {
            outcome.map(|(parsed, chunks, parse_ms, chunk_ms)| {
                self.timings.insert("PARSE".to_owned(), json!(parse_ms));
                self.timings.insert("CHUNK".to_owned(), json!(chunk_ms));
                (parsed, chunks)
            })
        })
    }

    /// Stores text and passages together: a version has both or neither.
    async fn store_chunks(
        &mut self,
        (parsed, chunks): (Parsed, Vec<ChunkSpan>),
        hash: Vec<u8>,
    ) -> Result<(), JobFailure> {
        let operation = self.operation().await?;
        let characters = i32::try_from(parsed.text.chars().count()).map_err(Error::internal)?;
        // Store: the text, once.
        let stored = operation
            .execute_raw(statement(
                "update public.document_versions set text = $2, char_count = $3, parser = $4, content_hash = coalesce(content_hash, $5)
                 where workspace_id = app.workspace_id() and id = $1 and text is null",
                [
                    self.version.id.0.into(),
                    parsed.text.into(),
                    characters.into(),
                    format!("footnote/{}", parsing::PARSER_VERSION).into(),
                    hash.into(),
                ],
            ))
            .await
            .map_err(Error::from)?;
        if stored.rows_affected() != 1 {
            return Err(Error::Contended("Another worker stored this text.").into());
        }
        let count = i32::try_from(chunks.len()).map_err(Error::internal)?;
        insert_chunks(&operation, self.document.id, self.version.id, chunks).await?;
        self.progress(&operation, IngestionStage::Chunk, Some(count)).await?;
        Ok(operation.commit().await?)
    }

    /// Embeds the passages whose text is new to the document.
    async fn embed(&mut self) -> Result<(), JobFailure> {
        let app = self.context.app().clone();
        let operation = self.operation().await?;
        let index = ensure_index(&operation, app.embedder()).await?;
        self.index_id = Some(index.id);
        reuse_embeddings(&operation, index.id, self.version.id).await?;
        // Embed: what has no vector yet.
        let missing = operation
            .query_all_raw(statement(
                "select c.id, c.heading_path, c.text from public.chunks c
                 left join public.chunk_embeddings e on e.workspace_id = c.workspace_id and e.chunk_id = c.id and e.embedding_index_id = $2
                 where c.workspace_id = app.workspace_id() and c.document_version_id = $1 and e.id is null order by c.ordinal",
                [self.version.id.0.into(), index.id.0.into()],
            ))
            .await
            .map_err(Error::from)?;
        let missing: Vec<(Uuid, String)> = missing
            .iter()
            .map(|row| {
                let path: serde_json::Value = row.try_get("", "heading_path")?;
                let text: String = row.try_get("", "text")?;
                Ok((row.try_get("", "id")?, format!("{}\n{text}", headings(&path))))
            })
            .collect::<Result<_, sea_orm::DbErr>>()
            .map_err(Error::from)?;
        self.progress(&operation, IngestionStage::Embed, None).await?;
        operation.commit().await?;
        let started = Instant::now();
        for batch in missing.chunks(EMBED_BATCH) {
            let texts = batch.iter().map(|(_, text)| text.clone()).collect();
            let vectors = app.embedder().embed(texts).await.map_err(|error| not_embedded(&error))?;
            let operation = self.operation().await?;
            let ids: Vec<Uuid> = batch.iter().map(|(id, _)| *id).collect();
            insert_embeddings(&operation, index.id, &ids, &vectors).await?;
            operation.commit().await?;
        }
        self.timings.insert("EMBED".to_owned(), json!(milliseconds(started)));
        let operation = self.operation().await?;
        operation
            .execute_raw(statement(
                "update public.ingestions set embedded_count = $2 where workspace_id = app.workspace_id() and id = $1",
                [self.id.0.into(), i32::try_from(missing.len()).map_err(Error::internal)?.into()],
            ))
            .await
            .map_err(Error::from)?;
        self.progress(&operation, IngestionStage::Index, None).await?;
        Ok(operation.commit().await?)
    }

    /// Puts vectors and words into the index; storing a point again changes nothing.
    async fn index(&mut self) -> Result<(), JobFailure> {
        let started = Instant::now();
        let index = self.index_id.ok_or_else(|| Error::internal("no index"))?;
        let operation = self.operation().await?;
        let chunks = chunk::Entity::find()
            .filter(chunk::Column::DocumentVersionId.eq(self.version.id))
            .order_by_asc(chunk::Column::Ordinal)
            .all(&operation)
            .await
            .map_err(Error::from)?;
        let mut vectors_of = embeddings(&operation, index, self.version.id).await?;
        drop(operation);
        let mut dimensions = None;
        let expected = chunks.len();
        let points: Vec<Point> = chunks
            .into_iter()
            .filter_map(|chunk| {
                let (id, dense) = vectors_of.remove(&chunk.id)?;
                dimensions = Some(dense.len());
                Some(self.point(&chunk, id, dense))
            })
            .collect();
        if points.len() != expected {
            return Err(Error::internal("a passage has no vector after all were embedded").into());
        }
        let vectors = self.context.app().vectors().for_workspace(self.context.job().workspace_id.0);
        let dimensions = dimensions.unwrap_or_else(|| self.context.app().embedder().dimensions());
        vectors.prepare(index.0, dimensions).await.map_err(|error| failure(&error))?;
        for batch in points.chunks(UPSERT_BATCH) {
            vectors.upsert(index.0, batch.to_vec()).await.map_err(|error| failure(&error))?;
        }
        if let Err(error) = vectors.optimize(index.0).await {
            // Search works without it, only slower.
            tracing::warn!(exception.message = ?error, "the vector index could not be optimized");
        }
        self.timings.insert("INDEX".to_owned(), json!(milliseconds(started)));
        Ok(())
    }

    fn point(&self, chunk: &chunk::Model, id: PointId, dense: Vec<f32>) -> Point {
        Point {
            id: id.0,
            workspace_id: chunk.workspace_id.0,
            collection_id: self.document.collection_id.0,
            document_id: self.document.id.0,
            version_id: self.version.id.0,
            chunk_id: chunk.id.0,
            kind: Kind::Chunk,
            dense,
            // Words of title and headings find the passages below them.
            text: format!("{}\n{}\n{}", self.document.title, headings(&chunk.heading_path), chunk.text),
        }
    }

    /// Switches search to this version and ends the job, in one transaction.
    async fn publish(&mut self) -> Result<(), JobFailure> {
        let operation = self.operation().await?;
        // Publish: unless a newer version did, or the document was deleted meanwhile.
        let switched = operation
            .execute_raw(statement(
                "update public.documents d set current_version_id = $2, updated_at = now()
                 where d.workspace_id = app.workspace_id() and d.id = $1 and d.deleted_at is null
                   and not exists (select from public.document_versions newer where newer.workspace_id = d.workspace_id
                     and newer.id = d.current_version_id and newer.ordinal > $3)",
                [self.document.id.0.into(), self.version.id.0.into(), self.version.ordinal.into()],
            ))
            .await
            .map_err(Error::from)?;
        let request_id = self.context.job().correlation_id.clone();
        if switched.rows_affected() == 0 {
            end(&operation, self.id, "CANCELED").await?;
            enqueue_purge(&operation, &self.purge_key(), self.document.id, OLD_POINTS_STAY_MS).await?;
            return Ok(self.context.finish(operation).await?);
        }
        let row = operation
            .query_one_raw(statement(
                "select count(*)::int as chunks from public.chunks where workspace_id = app.workspace_id() and document_version_id = $1",
                [self.version.id.0.into()],
            ))
            .await
            .map_err(Error::from)?;
        let chunks: i32 =
            row.map(|row| row.try_get("", "chunks")).transpose().map_err(Error::from)?.unwrap_or_default();
        self.progress(&operation, IngestionStage::Publish, Some(chunks)).await?;
        end(&operation, self.id, "SUCCEEDED").await?;
        if self.version.ordinal > 1 {
            enqueue_purge(&operation, &self.purge_key(), self.document.id, OLD_POINTS_STAY_MS).await?;
        }
        operation.publish(Event {
            r#type: EventType::DocumentPublished,
            subject: self.document.id.to_string(),
            data: json!({ "document_version_id": self.version.id.to_string(), "chunks": chunks }),
            correlation_id: request_id,
        });
        Ok(self.context.finish(operation).await?)
    }

    fn purge_key(&self) -> String {
        self.version.id.to_string()
    }

    /// The source cannot be read: said once, and not tried again, because it would fail the same way.
    async fn refuse(&self, refusal: &ParseFailure) -> Result<(), JobFailure> {
        let class = match refusal {
            ParseFailure::Empty => IngestionFailureClass::EmptyDocument,
            ParseFailure::TooLarge { .. } => IngestionFailureClass::TooLarge,
            ParseFailure::Malformed(_) => IngestionFailureClass::MalformedDocument,
        };
        let operation = self.context.operation().await?;
        fail(&operation, self.context, self.id, (class, &refusal.to_string())).await?;
        Ok(self.context.finish(operation).await?)
    }

    async fn progress(
        &self,
        operation: &Operation,
        stage: IngestionStage,
        chunks: Option<i32>,
    ) -> Result<()> {
        // How far it is, for whoever follows it.
        operation
            .execute_raw(statement(
                "update public.ingestions set stage = $2, chunk_count = coalesce($3, chunk_count), stage_timings = $4, updated_at = now()
                 where workspace_id = app.workspace_id() and id = $1",
                [
                    self.id.0.into(),
                    stage.to_value().into(),
                    chunks.into(),
                    serde_json::Value::Object(self.timings.clone()).into(),
                ],
            ))
            .await?;
        Ok(())
    }
}

fn headings(path: &serde_json::Value) -> String {
    let parts = path.as_array().into_iter().flatten().filter_map(serde_json::Value::as_str);
    parts.collect::<Vec<_>>().join("\n")
}

fn milliseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
