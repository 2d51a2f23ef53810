//! Every root field of the schema once: how it is called, and who may call it. A root field that is missing here fails
//! `fields.rs`, with a message that says what to add.
//!
//! An entry is a match arm: the arguments of a call that works for the owner of any workspace, on objects that nothing else
//! uses, and what it needs. The rest (the query, the types of its variables, everything that is selected, the places of ids)
//! is read off the schema.

mod accounts;
mod agents;
mod audit;
mod keys;
mod knowledge;
mod members;
mod operators;
mod workspaces;

use std::sync::atomic::{AtomicUsize, Ordering};

use entity::id::{
    AgentId, AgentRunId, ApiKeyId, AuditEntryId, ChunkId, CitationId, CollectionId, DocumentId,
    DocumentVersionId, EventId, IngestionId, InvitationId, JobId, MembershipId, OperatorEntryId, OperatorId,
    RoleId, UserId, WorkspaceId,
};
use serde_json::Value;
use sqlx::{AssertSqlSafe, Row};
use uuid::Uuid;

use crate::support::{Who, World};

/// Who may call a root field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anybody, signed in or not, because of this.
    Open(&'static str),
    /// Whoever is signed in, whatever workspace they name.
    Person,
    /// Every member of the workspace, whatever their role may do.
    Member,
    /// Whoever has this permission; others are told FORBIDDEN and its name.
    Needs(&'static str),
    /// Whoever has this permission; to others everything is what nobody has.
    Sees(&'static str),
    /// Operators alone; members are told FORBIDDEN. What it does is tried in `tests/operators`.
    Operators,
    /// It changes who the caller is, because of this, so another test makes the call that works; whoever is nobody here is tried.
    Apart(&'static str),
}

/// What is answered about an id that nobody has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// NOT_FOUND, and nothing happens: of mutations and subscriptions, and of what a list is narrowed by.
    NotFound,
    /// Null in the place of the object: of look-ups.
    Null,
    /// Whatever holds for no object: of filters.
    Nothing,
    /// It is a new object's, so everything goes well.
    New,
    /// FORBIDDEN, whoever has it: of what is for operators alone.
    Forbidden,
    /// The same as `New`, but ids of this kind are the same for all tenants, so one that is taken is a CONFLICT.
    NewForAll,
}

/// A call of a root field.
pub struct Operation {
    /// The arguments by name.
    pub arguments: Value,
    /// Who may.
    pub access: Access,
    /// What is answered about an id that nobody has, where the rule of `fields.rs` is not right.
    pub unknown: Option<Unknown>,
}

impl Operation {
    fn with(access: Access, arguments: Value) -> Self {
        Self { arguments, access, unknown: None }
    }

    /// One that works without a token.
    pub fn open(reason: &'static str, arguments: Value) -> Self {
        Self::with(Access::Open(reason), arguments)
    }

    /// One outside any workspace.
    pub fn person(arguments: Value) -> Self {
        Self::with(Access::Person, arguments)
    }

    /// One that needs no permission.
    pub fn member(arguments: Value) -> Self {
        Self::with(Access::Member, arguments)
    }

    /// One that is refused without a permission.
    pub fn needs(permission: &'static str, arguments: Value) -> Self {
        Self::with(Access::Needs(permission), arguments)
    }

    /// One that finds nothing without a permission.
    pub fn sees(permission: &'static str, arguments: Value) -> Self {
        Self::with(Access::Sees(permission), arguments)
    }

    /// One for operators alone.
    pub fn operators(arguments: Value) -> Self {
        Self::with(Access::Operators, arguments)
    }

    /// One whose call that works is made elsewhere.
    pub fn apart(reason: &'static str, arguments: Value) -> Self {
        Self::with(Access::Apart(reason), arguments)
    }

    /// Whether an owner can make the call, and go on.
    pub fn is_for_owners(&self) -> bool {
        !matches!(self.access, Access::Operators | Access::Apart(_))
    }

    /// The same, which answers so about an id that nobody has.
    pub fn unknown(mut self, unknown: Unknown) -> Self {
        self.unknown = Some(unknown);
        self
    }
}

/// The kinds of ids by the names that the schema gives them: what a TypeID begins with, and a row of each in a workspace.
const KINDS: &[(&str, &str, &str)] = &[
    ("Agent", AgentId::PREFIX, "select id from agents where workspace_id = $1 and $2 <> ''"),
    ("AgentRun", AgentRunId::PREFIX, "select id from agent_runs where workspace_id = $1 and $2 <> ''"),
    ("Chunk", ChunkId::PREFIX, "select id from chunks where workspace_id = $1 and $2 <> ''"),
    ("Citation", CitationId::PREFIX, "select id from citations where workspace_id = $1 and $2 <> ''"),
    (
        "Collection",
        CollectionId::PREFIX,
        "select id from collections where workspace_id = $1 and deleted_at is null and $2 <> ''",
    ),
    (
        "Document",
        DocumentId::PREFIX,
        "select id from documents where workspace_id = $1 and deleted_at is null and $2 <> ''",
    ),
    (
        "DocumentVersion",
        DocumentVersionId::PREFIX,
        "select id from document_versions where workspace_id = $1 and $2 <> ''",
    ),
    ("Ingestion", IngestionId::PREFIX, "select id from ingestions where workspace_id = $1 and $2 <> ''"),
    ("Job", JobId::PREFIX, "select id from jobs where workspace_id = $1 and $2 <> ''"),
    ("ApiKey", ApiKeyId::PREFIX, "select id from api_keys where workspace_id = $1 and $2 <> ''"),
    ("AuditEntry", AuditEntryId::PREFIX, "select id from audit_entries where workspace_id = $1 and $2 <> ''"),
    ("Invitation", InvitationId::PREFIX, "select id from invitations where workspace_id = $1 and $2 <> ''"),
    ("Actor", UserId::PREFIX, "select user_id from memberships where workspace_id = $1 and $2 <> ''"),
    (
        "Operator",
        OperatorId::PREFIX,
        "select operator_id from operator_entries where workspace_id = $1 and $2 <> ''",
    ),
    ("Target", AgentId::PREFIX, "select id from agents where workspace_id = $1 and $2 <> ''"),
    ("Membership", MembershipId::PREFIX, "select id from memberships where workspace_id = $1 and $2 <> ''"),
    (
        "MembershipRole",
        MembershipId::PREFIX,
        "select id from memberships where workspace_id = $1 and $2 <> ''",
    ),
    (
        "OperatorEntry",
        OperatorEntryId::PREFIX,
        "select id from operator_entries where workspace_id = $1 and $2 <> ''",
    ),
    ("Role", RoleId::PREFIX, "select id from roles where workspace_id = $1 and $2 <> ''"),
    ("User", UserId::PREFIX, "select user_id from memberships where workspace_id = $1 and $2 <> ''"),
    ("Workspace", WorkspaceId::PREFIX, "select id from workspaces where id = $1 and $2 <> ''"),
];

/// What the names of new objects begin with.
pub const NAME: &str = "Name ";

/// Where a call takes place: in somebody's workspace.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    /// The world, whose workspaces have a row of everything and whose jobs rest.
    pub world: &'a World,
    /// Who owns the workspace.
    pub who: Who,
}

impl Place<'_> {
    /// The slug of the workspace.
    pub fn slug(&self) -> &'static str {
        Who::PEOPLE.iter().find(|person| person.0 == self.who).expect("somebody").3
    }

    /// The id of some object of this kind in the workspace; none where there is no such kind, or no such object.
    pub async fn any(&self, kind: &str) -> Option<String> {
        let (_, prefix, sql) = KINDS.iter().find(|known| known.0 == kind)?;
        let mut superuser = self.world.superuser().await;
        let workspace: Uuid = sqlx::query_scalar("select id from workspaces where slug = $1")
            .bind(self.slug())
            .fetch_one(&mut superuser)
            .await
            .expect("a workspace");
        // sql: literal because it is one of the list of constants above.
        let row = sqlx::query(AssertSqlSafe(format!("{sql} limit 1")))
            .bind(workspace)
            .bind(*prefix)
            .fetch_optional(&mut superuser)
            .await
            .expect("a row");
        Some(type_id(prefix, row?.get(0)))
    }

    /// The same, which there is.
    pub async fn some(&self, kind: &str) -> String {
        self.any(kind).await.unwrap_or_else(|| panic!("no {kind} in the workspace of {:?}", self.who))
    }

    /// Runs a statement of the superuser about one object.
    pub async fn plant(&self, sql: &'static str, id: Uuid) {
        let mut superuser = self.world.superuser().await;
        let planted = sqlx::query(sql).bind(id).bind(self.slug()).execute(&mut superuser).await;
        assert_ne!(planted.expect("planted").rows_affected(), 0, "{sql}");
    }
}

/// A name that no object has.
fn new_name() -> String {
    static NAMES: AtomicUsize = AtomicUsize::new(0);
    format!("{NAME}{}", NAMES.fetch_add(1, Ordering::Relaxed))
}

/// A UUID as the schema writes it.
fn type_id(prefix: &str, id: Uuid) -> String {
    let text = EventId(id).to_string();
    format!("{prefix}_{}", text.rsplit_once('_').expect("a TypeID").1)
}

/// An id of the same kind that nobody has.
pub fn random_like(id: &str) -> String {
    let prefix = id.rsplit_once('_').unwrap_or_else(|| panic!("{id} is no TypeID")).0;
    type_id(prefix, EventId::new().0)
}

/// The call of a root field in a workspace; none where the table has none.
pub async fn operation(place: Place<'_>, field: &str) -> Option<Operation> {
    if let Some(operation) = agents::operation(place, field).await {
        return Some(operation);
    }
    if let Some(operation) = knowledge::operation(place, field).await {
        return Some(operation);
    }
    if let Some(operation) = members::operation(place, field).await {
        return Some(operation);
    }
    if let Some(operation) = keys::operation(place, field).await {
        return Some(operation);
    }
    if let Some(operation) = audit::operation(place, field).await {
        return Some(operation);
    }
    if let Some(operation) = operators::operation(place, field).await {
        return Some(operation);
    }
    workspaces::operation(place, field).await
}

/// The call of a root field that works without a token; none where the table has none.
pub async fn open_operation(world: &World, field: &str) -> Option<Operation> {
    accounts::operation(world, field).await
}
