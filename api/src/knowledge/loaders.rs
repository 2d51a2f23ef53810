//! Texts of versions, read once for each request however many fields need them, within a budget of bytes.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::dataloader::{DataLoader, HashMapCache, Loader, NoCache};
use async_graphql::{Context, Data};
use entity::citation;
use entity::document_version::{Column, Entity};
use entity::id::DocumentVersionId;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};

use super::lists::{Documents, Ingestions, Versions};
use super::offsets::OffsetMap;
use crate::error::{Error, Result};
use crate::graphql::{Request, batching, insert_list};

/// Reads the texts of versions.
pub(crate) struct Texts(Arc<Request>);

impl Loader<DocumentVersionId> for Texts {
    type Value = Arc<str>;
    type Error = Error;

    async fn load(&self, keys: &[DocumentVersionId]) -> Result<HashMap<DocumentVersionId, Arc<str>>> {
        let operation = self.0.operation().await?;
        let rows: Vec<(DocumentVersionId, Option<String>)> = Entity::find()
            .select_only()
            .columns([Column::Id, Column::Text])
            .filter(Column::Id.is_in(keys.iter().copied()))
            .into_tuple()
            .all(operation.as_ref())
            .await?;
        let texts: HashMap<_, Arc<str>> =
            rows.into_iter().filter_map(|(id, text)| Some((id, Arc::from(text?)))).collect();
        self.0.charge(texts.values().map(|text| text.len()).sum())?;
        Ok(texts)
    }
}

/// Counts offsets of versions, given in Unicode scalar values, in UTF-16 code units.
pub(crate) struct Utf16Offsets(Arc<Request>);

impl Loader<(DocumentVersionId, i32)> for Utf16Offsets {
    type Value = i32;
    type Error = Error;

    async fn load(
        &self,
        keys: &[(DocumentVersionId, i32)],
    ) -> Result<HashMap<(DocumentVersionId, i32), i32>> {
        let mut ids: Vec<_> = keys.iter().map(|(id, _)| *id).collect();
        ids.sort_unstable();
        ids.dedup();
        let texts = Texts(self.0.clone()).load(&ids).await?;
        let keys = keys.to_vec();
        let work = tokio::task::spawn_blocking(move || {
            let maps: HashMap<_, _> = texts.iter().map(|(id, text)| (*id, OffsetMap::new(text))).collect();
            let offset = |(id, scalar): &(DocumentVersionId, i32)| {
                let position = maps.get(id)?.at_scalar(usize::try_from(*scalar).ok()?)?;
                i32::try_from(position.utf16).ok()
            };
            keys.iter().filter_map(|key| Some((*key, offset(key)?))).collect()
        });
        work.await.map_err(Error::internal)
    }
}

/// Tells which versions an answer quotes.
pub(crate) struct Cited(Arc<Request>);

impl Loader<DocumentVersionId> for Cited {
    type Value = ();
    type Error = Error;

    async fn load(&self, keys: &[DocumentVersionId]) -> Result<HashMap<DocumentVersionId, ()>> {
        let operation = self.0.operation().await?;
        let cited: Vec<DocumentVersionId> = citation::Entity::find()
            .select_only()
            .column(citation::Column::DocumentVersionId)
            .distinct()
            .filter(citation::Column::DocumentVersionId.is_in(keys.iter().copied()))
            .into_tuple()
            .all(operation.as_ref())
            .await?;
        Ok(cited.into_iter().map(|id| (id, ())).collect())
    }
}

/// Whether an answer quotes a version.
pub(super) async fn is_cited(context: &Context<'_>, id: DocumentVersionId) -> Result<bool> {
    let loader = context.data::<DataLoader<Cited>>();
    let found = loader.map_err(|_| Error::internal("cited versions have no loader"))?.load_one(id).await?;
    Ok(found.is_some())
}

/// Puts the loaders of knowledge into the data of a request.
pub(crate) fn insert_loaders(data: &mut Data, request: &Arc<Request>) {
    insert_list::<Documents>(data, request);
    insert_list::<Versions>(data, request);
    insert_list::<Ingestions>(data, request);
    data.insert(batching(Cited(request.clone()), NoCache));
    data.insert(batching(Texts(request.clone()), HashMapCache::default()));
    data.insert(batching(Utf16Offsets(request.clone()), HashMapCache::default()));
}

/// The text of a version; none where it is not parsed yet, or not visible.
pub(crate) async fn text_of(context: &Context<'_>, id: DocumentVersionId) -> Result<Option<Arc<str>>> {
    let loader = context.data::<DataLoader<Texts, HashMapCache>>();
    loader.map_err(|_| Error::internal("texts have no loader"))?.load_one(id).await
}

/// An offset of a version's text in UTF-16 code units.
pub(super) async fn utf16_offset(context: &Context<'_>, id: DocumentVersionId, scalar: i32) -> Result<i32> {
    let loader = context.data::<DataLoader<Utf16Offsets, HashMapCache>>();
    let found = loader.map_err(|_| Error::internal("offsets have no loader"))?.load_one((id, scalar)).await?;
    found.ok_or_else(|| Error::internal("an offset beyond its text"))
}
