//! GraphQL types of agents and runs.

use async_graphql::{ComplexObject, Context, Enum, ID, InputObject, SimpleObject};
use entity::id::{AgentId, AgentRunId, CollectionId, Given};
use entity::{agent, agent_run, agent_run_step, chunk, citation, document, document_version, user};

use super::lists::{
    AgentRunFilter, AgentRunOrder, AgentRunStepFilter, AgentRunStepOrder, CitationFilter, CitationOrder,
    Citations, Runs, Steps,
};
use crate::error::{Error, Result};
use crate::graphql::{AroundRow, Connection, ListArgs, children, list_cost, loader, request};
use crate::knowledge::offsets::OffsetMap;
use crate::knowledge::{Chunk, Document, DocumentVersion, OffsetUnit, offset_in_version, text_of};
use crate::list::PageArgs;

/// The most characters of context on either side of a quote.
const MOST_CONTEXT: i32 = 2000;
/// As many as there are unless a client says otherwise.
const USUAL_CONTEXT: i32 = 200;

/// An agent: how questions are answered, and from what.
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct Agent {
    /// The row.
    #[graphql(flatten)]
    pub row: agent::Model,
}

#[ComplexObject]
impl Agent {
    /// The id.
    pub async fn id(&self) -> ID {
        self.row.id.to_string().into()
    }

    /// Its runs, newest first.
    #[graphql(complexity = "list_cost(first, last, child_complexity)")]
    async fn agent_runs(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Only rows for which this holds.")] filter: Option<AgentRunFilter>,
        #[graphql(desc = "The order; newest first unless said.")] order_by: Option<AgentRunOrder>,
        #[graphql(desc = "How many from the beginning, 1 to 100; 20 unless said.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
    ) -> Result<Connection<AgentRun>> {
        let args = ListArgs { filter, order_by, page: PageArgs { first, after, last, before } };
        children::<Runs, _>(context, self.row.id.0, args).await
    }
}

impl From<agent::Model> for Agent {
    fn from(row: agent::Model) -> Self {
        Self { row }
    }
}

impl AroundRow for Agent {
    type Row = agent::Model;

    fn row(&self) -> &agent::Model {
        &self.row
    }
}

/// A run: a question, what was done, and the answer.
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct AgentRun {
    /// The row.
    #[graphql(flatten)]
    pub row: agent_run::Model,
}

#[ComplexObject]
impl AgentRun {
    /// The id.
    pub async fn id(&self) -> ID {
        self.row.id.to_string().into()
    }

    /// The agent.
    async fn agent(&self, context: &Context<'_>) -> Result<Agent> {
        let row = loader::<agent::Entity>(context)?.load_one(self.row.agent_id).await?;
        row.map(Agent::from).ok_or(Error::NotFound("agent"))
    }

    /// Who started it; null where you may not see members.
    async fn started_by(&self, context: &Context<'_>) -> Result<Option<crate::members::User>> {
        let row = loader::<user::Entity>(context)?.load_one(self.row.started_by).await?;
        Ok(row.map(crate::members::User::from))
    }

    /// The answer; null before there is one.
    async fn answer(&self) -> Option<Answer> {
        let row = &self.row;
        Some(Answer {
            text: row.answer_text.clone()?,
            abstained: row.answer_abstained?,
            coverage: Coverage {
                supported: row.answer_supported.unwrap_or_default(),
                sentences: row.answer_sentences.unwrap_or_default(),
            },
        })
    }

    /// What it did, in order.
    #[graphql(complexity = "list_cost(first, last, child_complexity)")]
    async fn steps(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Only rows for which this holds.")] filter: Option<AgentRunStepFilter>,
        #[graphql(desc = "The order; as they were done unless said.")] order_by: Option<AgentRunStepOrder>,
        #[graphql(desc = "How many from the beginning, 1 to 100; 20 unless said.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
    ) -> Result<Connection<AgentRunStep>> {
        let args = ListArgs { filter, order_by, page: PageArgs { first, after, last, before } };
        children::<Steps, _>(context, self.row.id.0, args).await
    }

    /// The citations of its answer, in the answer's order.
    #[graphql(complexity = "list_cost(first, last, child_complexity)")]
    async fn citations(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Only rows for which this holds.")] filter: Option<CitationFilter>,
        #[graphql(desc = "The order; the answer's unless said.")] order_by: Option<CitationOrder>,
        #[graphql(desc = "How many from the beginning, 1 to 100; 20 unless said.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
    ) -> Result<Connection<Citation>> {
        let args = ListArgs { filter, order_by, page: PageArgs { first, after, last, before } };
        children::<Citations, _>(context, self.row.id.0, args).await
    }
}

impl From<agent_run::Model> for AgentRun {
    fn from(row: agent_run::Model) -> Self {
        Self { row }
    }
}

impl AroundRow for AgentRun {
    type Row = agent_run::Model;

    fn row(&self) -> &agent_run::Model {
        &self.row
    }
}

/// The answer of a run.
#[derive(SimpleObject)]
pub struct Answer {
    /// The answer; where it abstained, a sentence that says so.
    text: String,
    /// Whether the documents did not answer the question.
    abstained: bool,
    /// How much of it is supported.
    coverage: Coverage,
}

/// How much of an answer is supported by verified citations.
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct Coverage {
    /// Sentences with at least one verified citation.
    supported: i32,
    /// Sentences, by Unicode Standard Annex 29.
    sentences: i32,
}

#[ComplexObject]
impl Coverage {
    /// `supported` over `sentences`, 0 to 1; 0 where it abstained.
    async fn ratio(&self) -> f64 {
        if self.sentences == 0 { 0.0 } else { f64::from(self.supported) / f64::from(self.sentences) }
    }
}

/// A step of a run.
#[derive(SimpleObject)]
pub struct AgentRunStep {
    /// The row.
    #[graphql(flatten)]
    pub row: agent_run_step::Model,
}

impl From<agent_run_step::Model> for AgentRunStep {
    fn from(row: agent_run_step::Model) -> Self {
        Self { row }
    }
}

impl AroundRow for AgentRunStep {
    type Row = agent_run_step::Model;

    fn row(&self) -> &agent_run_step::Model {
        &self.row
    }
}

/// Whether a cited version is what search finds today.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum CitationSourceStatus {
    /// It is the document's current version.
    Current,
    /// The document has a newer version.
    Superseded,
    /// The document was deleted; the cited version is kept with the citation.
    Deleted,
}

/// A quote that supports a span of an answer.
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct Citation {
    /// The row.
    #[graphql(flatten)]
    pub row: citation::Model,
}

#[ComplexObject]
impl Citation {
    /// The id.
    pub async fn id(&self) -> ID {
        self.row.id.to_string().into()
    }

    /// The document; null once it is deleted.
    async fn document(&self, context: &Context<'_>) -> Result<Option<Document>> {
        let row = loader::<document::Entity>(context)?.load_one(self.row.document_id).await?;
        Ok(row.filter(|row| row.deleted_at.is_none()).map(Document::from))
    }

    /// The version that is quoted; it is kept as long as the citation.
    async fn document_version(&self, context: &Context<'_>) -> Result<DocumentVersion> {
        let row = loader::<document_version::Entity>(context)?.load_one(self.row.document_version_id).await?;
        row.map(DocumentVersion::from).ok_or(Error::NotFound("version"))
    }

    /// The passage that was retrieved; null once a newer version has replaced it.
    async fn chunk(&self, context: &Context<'_>) -> Result<Option<Chunk>> {
        let row = loader::<chunk::Entity>(context)?.load_one(self.row.chunk_id).await?;
        Ok(row.map(Chunk::from))
    }

    /// Whether the cited version is what search finds today, as of this reading.
    async fn source_status(&self, context: &Context<'_>) -> Result<CitationSourceStatus> {
        let row = loader::<document::Entity>(context)?.load_one(self.row.document_id).await?;
        Ok(match row {
            Some(row) if row.deleted_at.is_some() => CitationSourceStatus::Deleted,
            Some(row) if row.current_version_id == Some(self.row.document_version_id) => {
                CitationSourceStatus::Current
            }
            Some(_) => CitationSourceStatus::Superseded,
            None => CitationSourceStatus::Deleted,
        })
    }

    /// First character of the quote in the version's text.
    async fn start_offset(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The unit.", default)] unit: OffsetUnit,
    ) -> Result<i32> {
        offset_in_version(context, self.row.document_version_id, self.row.start_offset, unit).await
    }

    /// End of the quote in the version's text, exclusive.
    async fn end_offset(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The unit.", default)] unit: OffsetUnit,
    ) -> Result<i32> {
        offset_in_version(context, self.row.document_version_id, self.row.end_offset, unit).await
    }

    /// First character of the supported span in the answer.
    async fn answer_start_offset(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The unit.", default)] unit: OffsetUnit,
    ) -> Result<i32> {
        self.answer_offset(context, self.row.answer_start_offset, unit).await
    }

    /// End of the supported span in the answer, exclusive.
    async fn answer_end_offset(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The unit.", default)] unit: OffsetUnit,
    ) -> Result<i32> {
        self.answer_offset(context, self.row.answer_end_offset, unit).await
    }

    /// The quote with what stands around it.
    #[graphql(complexity = 5)]
    async fn context(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Characters before the quote, 0 to 2,000; 200 unless said.")] before: Option<i32>,
        #[graphql(desc = "Characters after the quote, 0 to 2,000; 200 unless said.")] after: Option<i32>,
    ) -> Result<QuoteInContext> {
        let (before, after) = (before.unwrap_or(USUAL_CONTEXT), after.unwrap_or(USUAL_CONTEXT));
        for (name, value) in [("before", before), ("after", after)] {
            if !(0..=MOST_CONTEXT).contains(&value) {
                return Err(Error::field(
                    name,
                    "OUT_OF_RANGE",
                    format!("`{name}` is a number from 0 to {MOST_CONTEXT}."),
                ));
            }
        }
        let text = text_of(context, self.row.document_version_id).await?.ok_or(Error::NotFound("version"))?;
        request(context)?.scan(text.len())?;
        let map = OffsetMap::new(&text);
        let end_of_text = i32::try_from(map.end().scalar).unwrap_or(i32::MAX);
        let slice = |from: i32, to: i32| -> String {
            let range = usize::try_from(from.max(0)).unwrap_or(0)..usize::try_from(to.max(0)).unwrap_or(0);
            map.slice(range).unwrap_or_default().to_owned()
        };
        let (start, end) = (self.row.start_offset, self.row.end_offset);
        Ok(QuoteInContext {
            before: slice(start.saturating_sub(before), start),
            quote: self.row.quote.clone(),
            after: slice(end, end.saturating_add(after).min(end_of_text)),
        })
    }
}

impl Citation {
    async fn answer_offset(&self, context: &Context<'_>, scalar: i32, unit: OffsetUnit) -> Result<i32> {
        if unit == OffsetUnit::UnicodeScalar {
            return Ok(scalar);
        }
        let run = loader::<agent_run::Entity>(context)?.load_one(self.row.agent_run_id).await?;
        let text = run.and_then(|run| run.answer_text).ok_or(Error::NotFound("run"))?;
        unit.of(&OffsetMap::new(&text), scalar).ok_or_else(|| Error::internal("an offset beyond its answer"))
    }
}

impl From<citation::Model> for Citation {
    fn from(row: citation::Model) -> Self {
        Self { row }
    }
}

impl AroundRow for Citation {
    type Row = citation::Model;

    fn row(&self) -> &citation::Model {
        &self.row
    }
}

/// A quote with what stands around it.
#[derive(SimpleObject)]
pub struct QuoteInContext {
    /// What stands before it.
    before: String,
    /// The quote.
    quote: String,
    /// What stands after it.
    after: String,
}

/// An agent to make.
#[derive(InputObject)]
pub struct AgentCreateInput {
    /// An id of your own making, so that the object can be shown before the answer is there: a TypeID `agent_…` whose UUID is
    /// of version 7. It tells when it was made: not more than 24 hours behind the server's clock,
    /// not more than 10 minutes ahead. One that exists is a CONFLICT. Made by the server unless sent.
    pub id: Option<Given<AgentId>>,
    /// The name, unique in the workspace: 1 to 200 characters.
    pub name: String,
    /// What a model is told: at most 20,000 characters.
    pub instructions: Option<String>,
    /// How many passages a run reads, 1 to 50; 12 unless said.
    pub max_passages: Option<i32>,
}

/// What is to change of an agent. What is absent stays.
#[derive(InputObject)]
pub struct AgentUpdateInput {
    /// The agent.
    pub id: Given<AgentId>,
    /// The `version` of the agent that the change was made against.
    pub version: i32,
    /// A new name.
    pub name: Option<String>,
    /// New instructions.
    pub instructions: Option<String>,
    /// A new number of passages, 1 to 50.
    pub max_passages: Option<i32>,
}

/// The agent that was made or changed.
#[derive(SimpleObject)]
pub struct AgentPayload {
    /// The agent.
    pub agent: Agent,
}

/// A run to start.
#[derive(InputObject)]
pub struct AgentRunStartInput {
    /// An id of your own making, so that the object can be shown before the answer is there: a TypeID `run_…` whose UUID is
    /// of version 7. It tells when it was made: not more than 24 hours behind the server's clock,
    /// not more than 10 minutes ahead. One that exists is a CONFLICT. Made by the server unless sent.
    pub id: Option<Given<AgentRunId>>,
    /// The agent.
    pub agent_id: Given<AgentId>,
    /// The question: 1 to 10,000 characters.
    pub input: String,
    /// Look only in these collections, at most 100; everywhere unless said.
    pub collection_ids: Option<Vec<Given<CollectionId>>>,
}

/// A run to cancel.
#[derive(InputObject)]
pub struct AgentRunCancelInput {
    /// The run.
    pub id: Given<AgentRunId>,
}

/// The run that was started or canceled.
#[derive(SimpleObject)]
pub struct AgentRunPayload {
    /// The run.
    pub agent_run: AgentRun,
}
