//! The errors of the door to Qdrant.
//!
//! What a caller may act on is in the variant; what the engine said is kept for the log and is not displayed.

use uuid::Uuid;

/// Why a call to the vector store failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The store is closed or cannot be reached: the same call may succeed later.
    #[error("the vector store is not available")]
    Unavailable,
    /// The vector, or the dimension asked for, is not the one that the index was prepared with.
    #[error("the index holds vectors of {expected} dimensions, not {got}")]
    DimensionMismatch {
        /// The dimension of the index.
        expected: usize,
        /// The dimension that came.
        got: usize,
    },
    /// A point names another workspace than the door it came through; nothing of its batch was written.
    #[error("point {point_id} belongs to another workspace")]
    ForeignPoint {
        /// The point that was refused.
        point_id: Uuid,
    },
    /// Points came for an index that does not exist (never prepared, or purged meanwhile).
    #[error("index {index_id} is not prepared")]
    NotPrepared {
        /// The index that is missing.
        index_id: Uuid,
    },
    /// A server's address or key is malformed; the text names the rule and neither of them.
    #[error("the address of the vector store is not right: {0}")]
    BadAddress(&'static str),
    /// A collection on the server has a name of ours and does not look like ours: nothing was written into it.
    #[error("the collection {collection} was made by somebody else: {what}")]
    ForeignCollection {
        /// The collection.
        collection: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The query or the point is malformed or beyond the limits; the text names the rule and no data.
    #[error("{0}")]
    BadQuery(&'static str),
    /// The engine failed; its text is for the log only (`Debug`) and is not displayed.
    #[error("the vector engine failed")]
    Engine(String),
}
