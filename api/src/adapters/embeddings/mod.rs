//! Turns texts into vectors that lie close together when the texts mean the same.
//!
//! An [`Embedder`] is deterministic for its [`Embedder::id`]: vectors of different ids are never compared, and an
//! embedding index belongs to one id. Vectors have the stated number of dimensions and unit length, except that a text
//! without any content has the zero vector, which is similar to nothing.

mod openai;
mod static_model;

use std::time::Duration;

use async_trait::async_trait;

pub use openai::OpenAiEmbedder;
pub use static_model::{LoadError, StaticModel};

/// Makes vectors of texts.
#[async_trait]
pub trait Embedder: Send + Sync {
    /// Names the model and its version; vectors of one id are comparable.
    fn id(&self) -> &str;

    /// The length of every vector.
    fn dimensions(&self) -> usize;

    /// Makes one vector per text, in the order of the batch.
    ///
    /// # Errors
    /// [`EmbedError`] for the whole batch; no vector is returned then.
    async fn embed(&self, batch: Vec<String>) -> Result<Vec<Vec<f32>>, EmbedError>;

    /// Asks whether it can work now, within two seconds and at little cost.
    ///
    /// # Errors
    /// A sentence for the operator.
    async fn check(&self) -> Result<(), String>;
}

/// Counts tokens, so that no chunk is longer than a model reads.
///
/// The static model's tokenizer counts, whichever model embeds: a provider's tokenizer is not to be had over its API. Its
/// vocabulary is small, so others make about as many tokens of a text or fewer.
pub trait TokenCounter: Send + Sync {
    /// The number of tokens of a text, without any that a model adds around it.
    fn count(&self, text: &str) -> usize;
}

/// Why a batch could not be embedded.
#[derive(Debug, thiserror::Error)]
pub enum EmbedError {
    /// The provider asks for fewer requests; to be tried again after the delay, where it names one.
    #[error("the embedding provider limits the rate of requests")]
    RateLimited {
        /// How long the provider asks to wait.
        retry_after: Option<Duration>,
    },
    /// The provider did not answer, or answered that it cannot now; to be tried again.
    #[error("the embedding provider is unavailable: {0}")]
    Unavailable(String),
    /// The provider refuses this request; trying again changes nothing.
    #[error("the embedding provider rejected the request: {0}")]
    Rejected(String),
    /// The answer is not what was asked for: another number of vectors, other dimensions, values that are not finite.
    #[error("the embedding provider's answer is invalid: {0}")]
    InvalidResponse(&'static str),
    /// The work was stopped before its end, by shutdown or a panic in it.
    #[error("embedding was interrupted")]
    Interrupted,
}

impl EmbedError {
    /// Whether the same batch may succeed later.
    #[must_use]
    pub fn retryable(&self) -> bool {
        match self {
            Self::RateLimited { .. } | Self::Unavailable(_) | Self::Interrupted => true,
            Self::Rejected(_) | Self::InvalidResponse(_) => false,
        }
    }
}
