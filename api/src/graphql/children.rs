//! Batched lists: the same page below many parents is one statement, and so are their counts.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use async_graphql::dataloader::{DataLoader, Loader, NoCache};
use async_graphql::{Context, Data};
use sea_orm::EntityTrait;
use uuid::Uuid;

use super::{Request, batching};
use crate::error::{Error, Result};
use crate::list::{Children, List, Question};

type Model<L> = <<L as List>::Entity as EntityTrait>::Model;

/// A question below one parent.
pub(super) struct Below<L: Children> {
    pub(super) parent: Uuid,
    pub(super) question: Arc<Question<L>>,
}

/// The rows of a page.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct RowsOf<B>(pub(super) B);

/// The number of rows over all pages.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct CountOf<B>(pub(super) B);

/// Reads one list below any number of parents, through the request's transaction.
pub(super) struct Lists<L> {
    request: Arc<Request>,
    list: std::marker::PhantomData<fn() -> L>,
}

impl<L: Children> Loader<RowsOf<Below<L>>> for Lists<L> {
    type Value = Arc<Vec<Model<L>>>;
    type Error = Error;

    async fn load(&self, keys: &[RowsOf<Below<L>>]) -> Result<HashMap<RowsOf<Below<L>>, Self::Value>> {
        let operation = self.request.operation().await?;
        let mut found = HashMap::with_capacity(keys.len());
        for (question, parents) in by_question(keys.iter().map(|key| &key.0)) {
            let rows = question.rows_of(&operation, parents).await?;
            found.extend(rows.into_iter().map(|(parent, rows)| {
                (RowsOf(Below { parent, question: question.clone() }), Arc::new(rows))
            }));
        }
        Ok(found)
    }
}

impl<L: Children> Loader<CountOf<Below<L>>> for Lists<L> {
    type Value = i64;
    type Error = Error;

    async fn load(&self, keys: &[CountOf<Below<L>>]) -> Result<HashMap<CountOf<Below<L>>, i64>> {
        let operation = self.request.operation().await?;
        let mut found = HashMap::with_capacity(keys.len());
        for (question, parents) in by_question(keys.iter().map(|key| &key.0)) {
            let counts = question.counts_of(&operation, parents).await?;
            found.extend(
                counts
                    .into_iter()
                    .map(|(parent, count)| (CountOf(Below { parent, question: question.clone() }), count)),
            );
        }
        Ok(found)
    }
}

/// The parents of each question; there are as many as the document has fields, however many parents there are.
fn by_question<'a, L: Children>(
    keys: impl Iterator<Item = &'a Below<L>>,
) -> Vec<(Arc<Question<L>>, Vec<Uuid>)> {
    let mut groups: Vec<(Arc<Question<L>>, Vec<Uuid>)> = Vec::new();
    for Below { parent, question } in keys {
        match groups.iter_mut().find(|(known, _)| known == question) {
            Some((_, parents)) => parents.push(*parent),
            None => groups.push((question.clone(), vec![*parent])),
        }
    }
    groups
}

/// Puts the loader of a list into the data of a request.
pub(crate) fn insert_list<L: Children>(data: &mut Data, request: &Arc<Request>) {
    let lists = Lists::<L> { request: request.clone(), list: std::marker::PhantomData };
    data.insert(batching(lists, NoCache));
}

/// The loader of a list.
pub(super) fn loader<'a, L: Children>(context: &Context<'a>) -> Result<&'a DataLoader<Lists<L>>> {
    context.data::<DataLoader<Lists<L>>>().map_err(|_| Error::internal("a list without a loader"))
}

/// The first row of a list below a parent.
///
/// # Errors
///
/// UNAVAILABLE.
pub async fn first_below<L: Children>(
    context: &Context<'_>,
    parent: Uuid,
    question: Question<L>,
) -> Result<Option<Model<L>>> {
    let below = Below { parent, question: Arc::new(question) };
    let rows = loader::<L>(context)?.load_one(RowsOf(below)).await?;
    Ok(rows.and_then(|rows| rows.first().cloned()))
}

impl<L: Children> Clone for Below<L> {
    fn clone(&self) -> Self {
        Self { parent: self.parent, question: self.question.clone() }
    }
}

impl<L: Children> PartialEq for Below<L> {
    fn eq(&self, other: &Self) -> bool {
        self.parent == other.parent && self.question == other.question
    }
}

impl<L: Children> Eq for Below<L> {}

impl<L: Children> Hash for Below<L> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.parent.hash(state);
    }
}
