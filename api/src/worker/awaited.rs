//! The parts that work waits for while they are away.

/// A part that work depends on, and that comes back by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Awaited {
    /// The vector index.
    Vectors,
    /// The embedding model.
    Embeddings,
    /// The chat model.
    Model,
    /// The object store.
    Objects,
}

impl Awaited {
    const ALL: [Self; 4] = [Self::Vectors, Self::Embeddings, Self::Model, Self::Objects];

    /// What `Error::Unavailable` calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Vectors => "search index",
            Self::Embeddings => "embedding model",
            Self::Model => "chat model",
            Self::Objects => "object store",
        }
    }

    /// What a `waitReason` calls it.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Vectors => "VECTORS",
            Self::Embeddings => "EMBEDDINGS",
            Self::Model => "MODEL",
            Self::Objects => "OBJECTS",
        }
    }

    /// The part that `Error::Unavailable` means; none for the database, which no job can wait for in the database.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|part| part.name() == name)
    }
}
