//! How rare words are, over the part of a collection that a query names.
//!
//! Counted over the points that the filter finds, and remembered until the collection changes. The formula is the
//! engine's own, which it would apply to a whole shard.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use qdrant_edge::{
    Filter, ScrollRequest, SparseVector, VectorInternal, VectorStructInternal, WithPayloadInterface,
    WithVector,
};
use tonic::Status;

use crate::refusal::engine;
use crate::store::Collection;

type Translated<T> = Result<T, Status>;

/// How many points are looked at in one go.
const PAGE: usize = 1_000;
/// How many counts are remembered before all are forgotten.
const REMEMBERED: usize = 1_000;

/// In how many points words stand.
#[derive(Default)]
struct Counts {
    points: u32,
    of_word: HashMap<u32, u32>,
}

/// A vector's name and a filter.
type Corpus = (String, String);

/// The counts that are remembered, with the generation that they belong to.
#[derive(Default)]
pub(crate) struct Statistics {
    known: Mutex<HashMap<Corpus, (u64, Arc<Counts>)>>,
}

/// Weighs a query's words by how rare they are among the points that the filter finds.
pub(crate) fn weigh(
    collection: &Collection,
    name: &str,
    corpus: Option<&Filter>,
    mut words: SparseVector,
) -> Translated<SparseVector> {
    let counts = counts(collection, name, corpus)?;
    for (index, weight) in words.indices.iter().zip(&mut words.values) {
        let with_it = counts.of_word.get(index).copied().unwrap_or_default();
        *weight *= rarity(counts.points, with_it);
    }
    Ok(words)
}

#[expect(clippy::cast_precision_loss, reason = "the engine computes it so")]
fn rarity(points: u32, with_it: u32) -> f32 {
    let (points, with_it) = (points as f32, with_it as f32);
    ((points - with_it + 0.5) / (with_it + 0.5) + 1.0).ln()
}

fn counts(collection: &Collection, name: &str, corpus: Option<&Filter>) -> Translated<Arc<Counts>> {
    let key = (name.to_owned(), format!("{corpus:?}"));
    // Looked at before the points are: a change meanwhile makes it old at once.
    let generation = collection.generation();
    let known = || collection.statistics.known.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, counts)) = known().get(&key).filter(|(counted, _)| *counted == generation) {
        return Ok(Arc::clone(counts));
    }
    let counts = Arc::new(count(collection, name, corpus)?);
    let mut known = known();
    if known.len() >= REMEMBERED {
        known.clear();
    }
    known.insert(key, (generation, Arc::clone(&counts)));
    Ok(counts)
}

fn count(collection: &Collection, name: &str, corpus: Option<&Filter>) -> Translated<Counts> {
    let mut counts = Counts::default();
    let mut offset = None;
    loop {
        let request = ScrollRequest {
            offset,
            limit: Some(PAGE + 1),
            filter: corpus.cloned(),
            with_payload: Some(WithPayloadInterface::Bool(false)),
            with_vector: WithVector::Selector(vec![name.into()]),
            order_by: None,
        };
        let (mut page, _) = collection.shard.scroll(request).map_err(|error| engine(&error))?;
        // The one too many begins the next page.
        offset = if page.len() > PAGE { page.pop().map(|record| record.id) } else { None };
        for record in page {
            let Some(VectorStructInternal::Named(mut vectors)) = record.vector else { continue };
            let Some(VectorInternal::Sparse(words)) = vectors.remove(name) else { continue };
            counts.points += 1;
            for word in words.indices {
                *counts.of_word.entry(word).or_default() += 1;
            }
        }
        if offset.is_none() {
            return Ok(counts);
        }
    }
}
