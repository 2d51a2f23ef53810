//! Runs of agents.

use crate::id::{AgentId, AgentRunId, UserId, WorkspaceId};
use sea_orm::entity::prelude::{
    ActiveModelBehavior, DateTimeUtc, DeriveActiveEnum, DeriveEntityModel, DerivePrimaryKey, DeriveRelation,
    EntityTrait, EnumIter, Json, PrimaryKeyTrait,
};

/// Where a run stands. More values may be added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, EnumIter, DeriveActiveEnum, async_graphql::Enum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum AgentRunStatus {
    /// Waits for a worker.
    #[sea_orm(string_value = "QUEUED")]
    #[default]
    Queued,
    /// A worker is at it.
    #[sea_orm(string_value = "RUNNING")]
    Running,
    /// waitReason says for what.
    #[sea_orm(string_value = "WAITING")]
    Waiting,
    /// It has an answer.
    #[sea_orm(string_value = "SUCCEEDED")]
    Succeeded,
    /// failureClass says why.
    #[sea_orm(string_value = "FAILED")]
    Failed,
    /// Somebody canceled it.
    #[sea_orm(string_value = "CANCELED")]
    Canceled,
    /// It was not done by its deadline.
    #[sea_orm(string_value = "EXPIRED")]
    Expired,
}

/// Why a run failed. More values may be added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, EnumIter, DeriveActiveEnum, async_graphql::Enum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum AgentRunFailureClass {
    /// A step took too long.
    #[sea_orm(string_value = "TIMEOUT")]
    #[default]
    Timeout,
    /// A provider refused for now.
    #[sea_orm(string_value = "RATE_LIMITED")]
    RateLimited,
    /// A provider or store failed.
    #[sea_orm(string_value = "PROVIDER_ERROR")]
    ProviderError,
    /// A tool failed.
    #[sea_orm(string_value = "TOOL_ERROR")]
    ToolError,
    /// A model answered what cannot be used.
    #[sea_orm(string_value = "INVALID_OUTPUT")]
    InvalidOutput,
    /// Nothing in the answer could be supported.
    #[sea_orm(string_value = "UNGROUNDED")]
    Ungrounded,
    /// Whoever started it may not do this any more.
    #[sea_orm(string_value = "POLICY_DENIED")]
    PolicyDenied,
    /// The workspace has used up its allowance.
    #[sea_orm(string_value = "QUOTA_EXCEEDED")]
    QuotaExceeded,
    /// The passages do not fit the model.
    #[sea_orm(string_value = "CONTEXT_TOO_LONG")]
    ContextTooLong,
    /// A step was canceled from outside.
    #[sea_orm(string_value = "CANCELED")]
    Canceled,
    /// A fault of ours; the log has it under the request id.
    #[sea_orm(string_value = "INTERNAL")]
    Internal,
}

/// What a run waits for. More values may be added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, EnumIter, DeriveActiveEnum, async_graphql::Enum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum AgentRunWaitReason {
    /// A free worker.
    #[sea_orm(string_value = "QUEUE")]
    #[default]
    Queue,
    /// The moment of its next attempt.
    #[sea_orm(string_value = "RETRY")]
    Retry,
    /// The vector index.
    #[sea_orm(string_value = "VECTORS")]
    Vectors,
    /// The embedding model.
    #[sea_orm(string_value = "EMBEDDINGS")]
    Embeddings,
    /// The chat model.
    #[sea_orm(string_value = "MODEL")]
    Model,
}

/// A run: a question, what was done, and the answer.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, async_graphql::SimpleObject)]
#[sea_orm(table_name = "agent_runs")]
#[graphql(name = "AgentRunRow")]
pub struct Model {
    /// The tenant.
    #[sea_orm(primary_key, auto_increment = false)]
    #[graphql(skip)]
    pub workspace_id: WorkspaceId,
    /// The id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: AgentRunId,
    /// The agent.
    #[graphql(skip)]
    pub agent_id: AgentId,
    /// The agent's version when the run was started.
    pub agent_version: i32,
    /// Who started it.
    #[graphql(skip)]
    pub started_by: UserId,
    /// The question.
    pub input: String,
    /// The collections to look in.
    #[graphql(skip)]
    pub collection_ids: Json,
    /// Where it stands.
    pub status: AgentRunStatus,
    /// Why it failed; null otherwise.
    pub failure_class: Option<AgentRunFailureClass>,
    /// A sentence about the failure; null where it did not fail.
    pub failure_message: Option<String>,
    /// What it waits for; null while it runs and at the end.
    pub wait_reason: Option<AgentRunWaitReason>,
    /// The answer.
    #[graphql(skip)]
    pub answer_text: Option<String>,
    /// Whether the documents did not answer it.
    #[graphql(skip)]
    pub answer_abstained: Option<bool>,
    /// Sentences of the answer.
    #[graphql(skip)]
    pub answer_sentences: Option<i32>,
    /// Those with a verified citation.
    #[graphql(skip)]
    pub answer_supported: Option<i32>,
    /// The seq of the run's last event.
    #[graphql(skip)]
    pub event_seq: i32,
    /// A run that has not ended by then is EXPIRED.
    pub deadline_at: DateTimeUtc,
    /// When it first became RUNNING; null before.
    pub running_at: Option<DateTimeUtc>,
    /// When it last became WAITING; null if never.
    pub waiting_at: Option<DateTimeUtc>,
    /// When it became SUCCEEDED; null otherwise.
    pub succeeded_at: Option<DateTimeUtc>,
    /// When it became FAILED; null otherwise.
    pub failed_at: Option<DateTimeUtc>,
    /// When it became CANCELED; null otherwise.
    pub canceled_at: Option<DateTimeUtc>,
    /// When it became EXPIRED; null otherwise.
    pub expired_at: Option<DateTimeUtc>,
    /// Counts changes; every update takes the one that it was made against.
    pub version: i32,
    /// When it was last changed.
    pub updated_at: DateTimeUtc,
    /// When it was made.
    pub created_at: DateTimeUtc,
}

/// Relations are read by statements of their own.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::sparse::sparse! {
    workspace_id: WorkspaceId, id: Id, agent_id: AgentId, agent_version: AgentVersion, started_by:
    StartedBy, input: Input, collection_ids: CollectionIds, status: Status, failure_class: FailureClass,
    failure_message: FailureMessage, wait_reason: WaitReason, answer_text: AnswerText, answer_abstained:
    AnswerAbstained, answer_sentences: AnswerSentences, answer_supported: AnswerSupported, event_seq:
    EventSeq, deadline_at: DeadlineAt, running_at: RunningAt, waiting_at: WaitingAt, succeeded_at:
    SucceededAt, failed_at: FailedAt, canceled_at: CanceledAt, expired_at: ExpiredAt, version: Version,
    updated_at: UpdatedAt, created_at: CreatedAt,
}
