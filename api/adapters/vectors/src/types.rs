//! What goes into the vector store and what comes out of it.
//!
//! Points carry only ids besides their vectors: text is turned into a keyword vector and is not stored. `Debug`
//! shows neither texts nor vectors, so that a log line cannot leak a document.

use std::fmt;

use uuid::Uuid;

/// The default constant of rank fusion, which is Qdrant's own.
///
/// A hit at `rank` of a list with `weight` scores `1 / (rank / weight + k - 1)`. With a large `k` the weights hardly
/// matter at the top of the lists; with this one the lists count about as their weights say.
pub const DEFAULT_RRF_K: usize = 2;

/// What a point stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// A chunk of a document's version.
    Chunk,
}

impl Kind {
    /// The word that is stored in the payload.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Chunk => "chunk",
        }
    }
}

/// One point of an index: a chunk's vectors and the ids that lead back to it.
#[derive(Clone, PartialEq)]
pub struct Point {
    /// The point's own id; writing the same id again replaces the point.
    pub id: Uuid,
    /// The tenant; it must be the door's.
    pub workspace_id: Uuid,
    /// The collection that the document is in.
    pub collection_id: Uuid,
    /// The document.
    pub document_id: Uuid,
    /// The document's version.
    pub version_id: Uuid,
    /// The chunk.
    pub chunk_id: Uuid,
    /// What the point stands for.
    pub kind: Kind,
    /// The embedding, of the index's dimension, of any length; all zeros means "none", and the point is then found by
    /// keywords only.
    pub dense: Vec<f32>,
    /// The text whose words the point is found by; it is not stored.
    pub text: String,
}

impl fmt::Debug for Point {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Point")
            .field("id", &self.id)
            .field("workspace_id", &self.workspace_id)
            .field("chunk_id", &self.chunk_id)
            .finish_non_exhaustive()
    }
}

/// Which lists a search looks into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Vectors and keywords, fused; whichever of the two the query lacks is left out.
    #[default]
    Hybrid,
    /// Vectors only; the query needs one.
    Semantic,
    /// Keywords only.
    Keyword,
}

/// How much each list counts in the fusion (0 leaves it out).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weights {
    /// The weight of the vectors' list, 0 to 100.
    pub dense: f32,
    /// The weight of the keywords' list, 0 to 100.
    pub sparse: f32,
}

impl Default for Weights {
    fn default() -> Self {
        // Measured on the questions in `demo/`: with the static model, the heaviest share of vectors at which the fusion
        // does not fall below keywords alone.
        Self { dense: 0.15, sparse: 0.85 }
    }
}

/// One search.
#[derive(Clone, PartialEq)]
pub struct Query {
    /// The words to look for; of no word (or only of stop words) nothing is found by keywords.
    pub text: String,
    /// The question's embedding, of the index's dimension; all zeros means "none".
    pub dense: Option<Vec<f32>>,
    /// Which lists to look into.
    pub mode: Mode,
    /// Only points of these collections; `None` is all, an empty list is none.
    pub collection_ids: Option<Vec<Uuid>>,
    /// How many hits at most, 1 to 1000.
    pub limit: usize,
    /// How much each list counts in a hybrid search.
    pub weights: Weights,
    /// The constant of rank fusion, 1 to 1000.
    pub rrf_k: usize,
    /// Whether a hybrid search's hits say their rank in each list; it costs both lists once more.
    pub explain: bool,
}

impl Default for Query {
    fn default() -> Self {
        Self {
            text: String::new(),
            dense: None,
            mode: Mode::default(),
            collection_ids: None,
            limit: 20,
            weights: Weights::default(),
            rrf_k: DEFAULT_RRF_K,
            explain: true,
        }
    }
}

impl fmt::Debug for Query {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Query")
            .field("mode", &self.mode)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

/// One point that a search found, best first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    /// The chunk.
    pub chunk_id: Uuid,
    /// The document.
    pub document_id: Uuid,
    /// The document's version.
    pub version_id: Uuid,
    /// The tenant as it is stored with the point, so that the reader can raise an alarm if it is not its own.
    pub workspace_id: Uuid,
    /// The fused score of a hybrid search, the cosine of a semantic one, the BM25 score of a keyword one: comparable
    /// within one answer only.
    pub score: f32,
    /// The rank in the vectors' list, from 1, if it was on it.
    pub dense_rank: Option<u32>,
    /// The rank in the keywords' list, from 1, if it was on it.
    pub sparse_rank: Option<u32>,
}
