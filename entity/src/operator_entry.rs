//! Entries of operators into workspaces.

use crate::id::{OperatorEntryId, OperatorId, WorkspaceId};
use sea_orm::entity::prelude::{
    ActiveModelBehavior, DateTimeUtc, DeriveActiveEnum, DeriveEntityModel, DerivePrimaryKey, DeriveRelation,
    EntityTrait, EnumIter, PrimaryKeyTrait,
};

/// Who ended an entry before its time. More values may be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, async_graphql::Enum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum OperatorEntryEndedBy {
    /// The operator left.
    #[sea_orm(string_value = "OPERATOR")]
    Operator,
    /// An owner of the workspace.
    #[sea_orm(string_value = "OWNER")]
    Owner,
    /// The operator's key was revoked.
    #[sea_orm(string_value = "SYSTEM")]
    System,
}

/// An operator's stay in a workspace.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, async_graphql::SimpleObject)]
#[sea_orm(table_name = "operator_entries")]
#[graphql(name = "OperatorEntryRow")]
pub struct Model {
    /// The tenant.
    #[sea_orm(primary_key, auto_increment = false)]
    #[graphql(skip)]
    pub workspace_id: WorkspaceId,
    /// The id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: OperatorEntryId,
    /// Who entered: `actorId` of what they did in the audit log.
    pub operator_id: OperatorId,
    /// The operator's name, as it was then.
    pub operator_name: String,
    /// How the operator named the workspace: its slug as it was then, or its id. The header X-Workspace takes it.
    pub workspace_key: String,
    /// Why, in the operator's words.
    pub reason: String,
    /// When it began.
    pub started_at: DateTimeUtc,
    /// From then on it opens nothing.
    pub expires_at: DateTimeUtc,
    /// When it was ended before its time; null where it was not.
    pub ended_at: Option<DateTimeUtc>,
    /// Who ended it before its time; null where nobody did.
    pub ended_by: Option<OperatorEntryEndedBy>,
    /// When the row was made.
    #[graphql(skip)]
    pub created_at: DateTimeUtc,
}

/// Relations are read by statements of their own.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::sparse::sparse! {
    workspace_id: WorkspaceId, id: Id, operator_id: OperatorId, operator_name: OperatorName, workspace_key: WorkspaceKey,
    reason: Reason, started_at: StartedAt, expires_at: ExpiresAt, ended_at: EndedAt, ended_by: EndedBy, created_at: CreatedAt,
}
