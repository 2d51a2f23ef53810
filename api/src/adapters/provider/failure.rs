//! How a provider can fail, by what follows from it.

use std::time::Duration;

/// How a request to a provider failed. No word of it is the provider's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProviderFailure {
    /// It asks for fewer requests.
    #[error("it limits the rate of requests")]
    RateLimited {
        /// How long it asks to wait; none where it does not say.
        retry_after: Option<Duration>,
    },
    /// No connection, or one that broke off.
    #[error("it cannot be reached")]
    Unreachable,
    /// No answer, or no end of it, in time.
    #[error("it did not answer in time")]
    Timeout,
    /// It says that it cannot now; the status.
    #[error("it answered with status {0}")]
    Failed(u16),
    /// It refuses this request; trying again changes nothing. The status.
    #[error("it refused the request with status {0}")]
    Rejected(u16),
    /// The request holds more than the model reads.
    #[error("the request is longer than the model reads")]
    TooLong,
    /// The answer is not what the protocol says.
    #[error("its answer is invalid: {0}")]
    Invalid(&'static str),
}

impl ProviderFailure {
    /// Whether the same request may succeed in a moment.
    #[must_use]
    pub fn passing(&self) -> bool {
        matches!(self, Self::RateLimited { .. } | Self::Unreachable | Self::Failed(_))
    }
}
