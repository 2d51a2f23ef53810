//! Look-ups of any object by its id (<https://relay.dev/graphql/objectidentification.htm>).

use async_graphql::{Context, ID, Interface, Object};
use entity::id::parse_any;
use entity::{
    agent, agent_run, citation, ingestion, invitation, job, membership, operator_entry, role, workspace,
};
use futures_util::future::try_join_all;
use uuid::Uuid;

use super::{ById, loader, operation};
use crate::agents::{Agent, AgentRun, Citation};
use crate::error::Result;
use crate::input::Check;
use crate::jobs::Job;
use crate::knowledge::{Chunk, Collection, Document, DocumentVersion, Ingestion};
use crate::members::{Invitation, Membership, Role};
use crate::operators::OperatorEntry;
use crate::workspaces::Workspace;

/// The most ids of one `nodes`.
const MOST_IDS: usize = 100;

/// An object with an id by which it can be read again.
#[derive(Interface)]
#[graphql(field(name = "id", ty = "ID", desc = "The id: opaque, and unique over all types."))]
pub enum Node {
    /// A workspace.
    Workspace(Box<Workspace>),
    /// A membership.
    Membership(Box<Membership>),
    /// An invitation.
    Invitation(Box<Invitation>),
    /// A role.
    Role(Box<Role>),
    /// A collection.
    Collection(Box<Collection>),
    /// A document.
    Document(Box<Document>),
    /// A version of a document.
    DocumentVersion(Box<DocumentVersion>),
    /// A passage.
    Chunk(Box<Chunk>),
    /// An ingestion.
    Ingestion(Box<Ingestion>),
    /// An agent.
    Agent(Box<Agent>),
    /// A run.
    AgentRun(Box<AgentRun>),
    /// A citation.
    Citation(Box<Citation>),
    /// A job.
    Job(Box<Job>),
    /// An operator's entry into the workspace.
    OperatorEntry(Box<OperatorEntry>),
}

/// Look-ups by id.
#[derive(Default)]
pub struct NodeQuery;

#[Object]
impl NodeQuery {
    /// An object by its id; null where there is none, or none that you may see.
    async fn node(&self, context: &Context<'_>, #[graphql(desc = "Its id.")] id: ID) -> Result<Option<Node>> {
        let mut check = Check::arguments();
        let key = parse(&mut check, "id", &id);
        let key = check.finish_with(key)?;
        find(context, key).await
    }

    /// Objects by their ids, in the same order; null for each that is not there, or that you may not see.
    #[graphql(complexity = "ids.len() * child_complexity")]
    async fn nodes(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "At most 100 ids.")] ids: Vec<ID>,
    ) -> Result<Vec<Option<Node>>> {
        let mut check = Check::arguments();
        if ids.len() > MOST_IDS {
            check.refuse("ids", "LENGTH", format!("`ids` takes at most {MOST_IDS} ids."));
        }
        let keys: Vec<_> = ids
            .iter()
            .take(MOST_IDS)
            .enumerate()
            .map(|(place, id)| parse(&mut check, &format!("ids.{place}"), id))
            .collect();
        let keys: Vec<_> = check.finish_with(keys.into_iter().collect::<Option<_>>())?;
        // All at once: ids of one type meet in its loader.
        try_join_all(keys.into_iter().map(|key| find(context, key))).await
    }
}

fn parse(check: &mut Check, argument: &str, id: &ID) -> Option<(String, Uuid)> {
    let key = parse_any(id);
    if key.is_none() {
        check.refuse(argument, "INVALID_ID", format!("`{argument}` holds what is not an id of ours."));
    }
    key
}

/// The object of an id; a prefix that no type has finds nothing.
async fn find(context: &Context<'_>, (prefix, id): (String, Uuid)) -> Result<Option<Node>> {
    use entity::id::{
        AgentId, AgentRunId, ChunkId, CitationId, CollectionId, DocumentId, DocumentVersionId, IngestionId,
        InvitationId, JobId, MembershipId, OperatorEntryId, RoleId, WorkspaceId,
    };
    operation(context).await?.workspace_id()?;
    Ok(match prefix.as_str() {
        WorkspaceId::PREFIX => row::<workspace::Entity>(context, WorkspaceId(id))
            .await?
            .map(|row| Node::Workspace(Box::new(row.into()))),
        MembershipId::PREFIX => row::<membership::Entity>(context, MembershipId(id))
            .await?
            .map(|row| Node::Membership(Box::new(row.into()))),
        InvitationId::PREFIX => row::<invitation::Entity>(context, InvitationId(id))
            .await?
            .map(|row| Node::Invitation(Box::new(row.into()))),
        RoleId::PREFIX => {
            row::<role::Entity>(context, RoleId(id)).await?.map(|row| Node::Role(Box::new(row.into())))
        }
        CollectionId::PREFIX => crate::knowledge::live_collection(context, CollectionId(id))
            .await?
            .map(|collection| Node::Collection(Box::new(collection))),
        DocumentId::PREFIX => crate::knowledge::live_document(context, DocumentId(id))
            .await?
            .map(|document| Node::Document(Box::new(document))),
        DocumentVersionId::PREFIX => crate::knowledge::kept_version(context, DocumentVersionId(id))
            .await?
            .map(|version| Node::DocumentVersion(Box::new(version))),
        ChunkId::PREFIX => crate::knowledge::live_chunk(context, ChunkId(id))
            .await?
            .map(|chunk| Node::Chunk(Box::new(chunk))),
        IngestionId::PREFIX => row::<ingestion::Entity>(context, IngestionId(id))
            .await?
            .map(|row| Node::Ingestion(Box::new(row.into()))),
        AgentId::PREFIX => {
            row::<agent::Entity>(context, AgentId(id)).await?.map(|row| Node::Agent(Box::new(row.into())))
        }
        AgentRunId::PREFIX => row::<agent_run::Entity>(context, AgentRunId(id))
            .await?
            .map(|row| Node::AgentRun(Box::new(row.into()))),
        CitationId::PREFIX => row::<citation::Entity>(context, CitationId(id))
            .await?
            .map(|row| Node::Citation(Box::new(row.into()))),
        JobId::PREFIX => {
            row::<job::Entity>(context, JobId(id)).await?.map(|row| Node::Job(Box::new(row.into())))
        }
        OperatorEntryId::PREFIX => row::<operator_entry::Entity>(context, OperatorEntryId(id))
            .await?
            .map(|row| Node::OperatorEntry(Box::new(row.into()))),
        _ => None,
    })
}

async fn row<E>(context: &Context<'_>, id: E::Id) -> Result<Option<E::Model>>
where
    E: ById + Send + Sync,
    E::Model: Clone + Send + Sync,
{
    loader::<E>(context)?.load_one(id).await
}
