//! What the adapters of OpenAI-compatible providers share: the address and its key, bounded reading, classes of failure,
//! tries again, and a pace.
//!
//! A provider is as hostile as a client: its answers are bounded in bytes while they are read and in time as a whole, and its words
//! reach the log alone, shortened and without the key. What passes on is a [`ProviderFailure`], whose sentences are ours.

mod endpoint;
mod failure;
mod pace;
mod retry;
#[cfg(test)]
pub(crate) mod stage;

pub(crate) use endpoint::essence;
pub use endpoint::{Endpoint, EndpointSettings};
pub use failure::ProviderFailure;
pub use pace::Pace;
pub use retry::retrying;
