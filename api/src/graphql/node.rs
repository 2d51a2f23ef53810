//! Look-ups of any object by its id (<https://relay.dev/graphql/objectidentification.htm>).

use async_graphql::{Context, ID, Interface, Object};
use entity::id::parse_any;
use entity::{agent, agent_run, citation, ingestion, job, workspace};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

use super::operation;
use crate::agents::{Agent, AgentRun, Citation};
use crate::error::Result;
use crate::input::Check;
use crate::jobs::Job;
use crate::knowledge::{Chunk, Collection, Document, DocumentVersion, Ingestion};
use crate::tenancy::Operation;
use crate::workspaces::Workspace;

/// The most ids of one `nodes`.
const MOST_IDS: usize = 100;

/// An object with an id by which it can be read again.
#[derive(Interface)]
#[graphql(field(name = "id", ty = "ID", desc = "The id: opaque, and unique over all types."))]
pub enum Node {
    /// A workspace.
    Workspace(Box<Workspace>),
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
        find(operation(context).await?.as_ref(), key).await
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
        let operation = operation(context).await?;
        let mut nodes = Vec::with_capacity(keys.len());
        for key in keys {
            nodes.push(find(&operation, key).await?);
        }
        Ok(nodes)
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
async fn find(operation: &Operation, (prefix, id): (String, Uuid)) -> Result<Option<Node>> {
    use entity::id::{
        AgentId, AgentRunId, ChunkId, CitationId, CollectionId, DocumentId, DocumentVersionId, IngestionId,
        JobId, WorkspaceId,
    };
    operation.workspace_id()?;
    Ok(match prefix.as_str() {
        WorkspaceId::PREFIX => one::<workspace::Entity>(operation, workspace::Column::Id, id)
            .await?
            .map(|row| Node::Workspace(Box::new(row.into()))),
        CollectionId::PREFIX => crate::knowledge::collections::find(operation, CollectionId(id))
            .await?
            .map(|row| Node::Collection(Box::new(row.into()))),
        DocumentId::PREFIX => crate::knowledge::service::document(operation, DocumentId(id))
            .await?
            .map(|row| Node::Document(Box::new(row.into()))),
        DocumentVersionId::PREFIX => crate::knowledge::service::version(operation, DocumentVersionId(id))
            .await?
            .map(|row| Node::DocumentVersion(Box::new(row.into()))),
        ChunkId::PREFIX => crate::knowledge::service::chunk(operation, ChunkId(id))
            .await?
            .map(|row| Node::Chunk(Box::new(row.into()))),
        IngestionId::PREFIX => one::<ingestion::Entity>(operation, ingestion::Column::Id, id)
            .await?
            .map(|row| Node::Ingestion(Box::new(row.into()))),
        AgentId::PREFIX => one::<agent::Entity>(operation, agent::Column::Id, id)
            .await?
            .map(|row| Node::Agent(Box::new(row.into()))),
        AgentRunId::PREFIX => one::<agent_run::Entity>(operation, agent_run::Column::Id, id)
            .await?
            .map(|row| Node::AgentRun(Box::new(row.into()))),
        CitationId::PREFIX => one::<citation::Entity>(operation, citation::Column::Id, id)
            .await?
            .map(|row| Node::Citation(Box::new(row.into()))),
        JobId::PREFIX => one::<job::Entity>(operation, job::Column::Id, id)
            .await?
            .map(|row| Node::Job(Box::new(row.into()))),
        _ => None,
    })
}

async fn one<E: EntityTrait>(operation: &Operation, column: E::Column, id: Uuid) -> Result<Option<E::Model>> {
    Ok(E::find().filter(column.eq(id)).one(operation).await?)
}
