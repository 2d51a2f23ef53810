//! Work that was accepted and is not done.

use crate::id::{JobId, UserId, WorkspaceId};
use sea_orm::entity::prelude::{
    ActiveModelBehavior, DateTimeUtc, DeriveActiveEnum, DeriveEntityModel, DerivePrimaryKey, DeriveRelation,
    EntityTrait, EnumIter, PrimaryKeyTrait,
};

/// Where a job stands. More values may be added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, EnumIter, DeriveActiveEnum, async_graphql::Enum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum JobStatus {
    /// Waits for its moment and a worker.
    #[sea_orm(string_value = "QUEUED")]
    #[default]
    Queued,
    /// A worker has it under a lease.
    #[sea_orm(string_value = "RUNNING")]
    Running,
    /// Failed for the last time; jobRetry queues it again.
    #[sea_orm(string_value = "DEAD")]
    Dead,
}

/// A job: what operators see of work in the background.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, async_graphql::SimpleObject)]
#[sea_orm(table_name = "jobs")]
#[graphql(name = "JobRow")]
pub struct Model {
    /// The tenant.
    #[sea_orm(primary_key, auto_increment = false)]
    #[graphql(skip)]
    pub workspace_id: WorkspaceId,
    /// The id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: JobId,
    /// What is to be done, such as document.ingest.
    pub kind: String,
    /// What it is done to.
    #[graphql(skip)]
    pub subject_id: uuid::Uuid,
    /// Where it stands.
    pub status: JobStatus,
    /// Whose permissions it runs with; null for the system.
    #[graphql(skip)]
    pub actor_id: Option<UserId>,
    /// How often a worker took it; attempts that found a part away, such as the vector index, are not counted.
    pub attempts: i32,
    /// After so many failures it is DEAD.
    pub max_attempts: i32,
    /// Not before this moment.
    pub run_at: DateTimeUtc,
    /// Proof of the claim.
    #[graphql(skip)]
    pub lease_token: Option<uuid::Uuid>,
    /// After this moment another worker takes it; null while nobody has it.
    pub lease_expires_at: Option<DateTimeUtc>,
    /// When it first found a part away that it depends on, such as the vector index; null where it never did. It goes on by
    /// itself when the part is back.
    pub waiting_since: Option<DateTimeUtc>,
    /// The worker that has or had it.
    #[graphql(skip)]
    pub worker: Option<String>,
    /// The class of the last failure; null while there is none.
    pub failure_class: Option<String>,
    /// A sentence about the last failure; null while there is none.
    pub last_error: Option<String>,
    /// At most one live job has it.
    #[graphql(skip)]
    pub dedupe_key: Option<String>,
    /// The request at the root of it.
    #[graphql(skip)]
    pub correlation_id: String,
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
    workspace_id: WorkspaceId, id: Id, kind: Kind, subject_id: SubjectId, status: Status, actor_id:
    ActorId, attempts: Attempts, max_attempts: MaxAttempts, run_at: RunAt, lease_token: LeaseToken,
    lease_expires_at: LeaseExpiresAt, waiting_since: WaitingSince, worker: Worker, failure_class: FailureClass, last_error: LastError,
    dedupe_key: DedupeKey, correlation_id: CorrelationId, updated_at: UpdatedAt, created_at: CreatedAt,
}
