//! Batched look-ups by id, one loader for each table that an edge leads to.
//!
//! A loader lives in the data of one request and reads through that request's transaction: in the schema's data it would put
//! two tenants' keys into one batch. Its timer yields once instead of waiting a millisecond, so a level costs no time.

use std::collections::HashMap;
use std::hash::Hash;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use async_graphql::dataloader::{CacheFactory, DataLoader, Loader, NoCache};
use async_graphql::runtime::{Timer, TokioSpawner};
use async_graphql::{Context, Data};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, Select};

use super::Request;
use crate::error::{Error, Result};

/// A table whose rows are looked up by id.
pub trait ById: EntityTrait {
    /// The typed id.
    type Id: Copy + Eq + Hash + Send + Sync + Into<sea_orm::Value> + 'static;

    /// The column of the id.
    fn column() -> Self::Column;

    /// The id of a row.
    fn id(row: &Self::Model) -> Self::Id;

    /// What is read of a row: all of it, unless a column is wide.
    fn select() -> Select<Self> {
        Self::find()
    }
}

/// Reads rows of one table by id.
pub struct Load<E> {
    request: Arc<Request>,
    table: PhantomData<fn() -> E>,
}

impl<E> Loader<E::Id> for Load<E>
where
    E: ById + Send + Sync + 'static,
    E::Model: Clone + Send + Sync + 'static,
{
    type Value = E::Model;
    type Error = Error;

    async fn load(&self, keys: &[E::Id]) -> Result<HashMap<E::Id, E::Model>> {
        let operation = self.request.operation().await?;
        let rows =
            E::select().filter(E::column().is_in(keys.iter().copied())).all(operation.as_ref()).await?;
        Ok(rows.into_iter().map(|row| (E::id(&row), row)).collect())
    }
}

struct Yield;

impl Timer for Yield {
    fn delay(&self, _: Duration) -> BoxFuture<'static, ()> {
        tokio::task::yield_now().boxed()
    }
}

fn insert<E>(data: &mut Data, request: &Arc<Request>)
where
    E: ById + Send + Sync + 'static,
    E::Model: Clone + Send + Sync + 'static,
{
    let load = Load::<E> { request: request.clone(), table: PhantomData };
    data.insert(batching(load, NoCache));
}

/// A loader whose batches wait for nothing but the fields of their level.
pub(crate) fn batching<T, C: CacheFactory>(loader: T, cache: C) -> DataLoader<T, C> {
    DataLoader::with_cache(loader, TokioSpawner::current(), Yield, cache)
}

pub(super) fn insert_by_id(data: &mut Data, request: &Arc<Request>) {
    insert::<entity::user::Entity>(data, request);
    insert::<entity::collection::Entity>(data, request);
    insert::<entity::document::Entity>(data, request);
    insert::<entity::document_version::Entity>(data, request);
    insert::<entity::chunk::Entity>(data, request);
    insert::<entity::agent::Entity>(data, request);
    insert::<entity::agent_run::Entity>(data, request);
    insert::<entity::workspace::Entity>(data, request);
    insert::<entity::role::Entity>(data, request);
    insert::<entity::membership::Entity>(data, request);
    insert::<entity::invitation::Entity>(data, request);
    insert::<entity::ingestion::Entity>(data, request);
    insert::<entity::citation::Entity>(data, request);
    insert::<entity::job::Entity>(data, request);
    insert::<entity::operator_entry::Entity>(data, request);
}

/// The loader of a table.
///
/// # Errors
///
/// INTERNAL where the table has none.
pub fn loader<'a, E>(context: &Context<'a>) -> Result<&'a DataLoader<Load<E>>>
where
    E: ById + Send + Sync + 'static,
    E::Model: Clone + Send + Sync + 'static,
{
    context.data::<DataLoader<Load<E>>>().map_err(|_| Error::internal("a table without a loader"))
}

impl ById for entity::document_version::Entity {
    type Id = entity::id::DocumentVersionId;

    fn column() -> Self::Column {
        entity::document_version::Column::Id
    }

    fn id(row: &Self::Model) -> Self::Id {
        row.id
    }

    fn select() -> Select<Self> {
        entity::document_version::without_text()
    }
}

macro_rules! by_id {
    ($($module:ident: $id:ident),* $(,)?) => {$(
        impl ById for entity::$module::Entity {
            type Id = entity::id::$id;

            fn column() -> Self::Column {
                entity::$module::Column::Id
            }

            fn id(row: &Self::Model) -> Self::Id {
                row.id
            }
        }
    )*};
}

by_id! {
    user: UserId,
    collection: CollectionId,
    document: DocumentId,
    chunk: ChunkId,
    agent: AgentId,
    agent_run: AgentRunId,
    workspace: WorkspaceId,
    role: RoleId,
    membership: MembershipId,
    invitation: InvitationId,
    ingestion: IngestionId,
    citation: CitationId,
    job: JobId,
    operator_entry: OperatorEntryId,
}
