//! The lists of knowledge: what each is filtered and ordered by.

mod collections;
mod documents;
mod ingestions;
mod versions;

pub use collections::{CollectionFilter, CollectionOrder, Collections};
pub use documents::{DocumentFilter, DocumentOrder, Documents};
pub use ingestions::{IngestionFilter, IngestionOrder, Ingestions};
pub use versions::{DocumentVersionFilter, DocumentVersionOrder, Versions};
