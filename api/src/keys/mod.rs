//! API keys: what programs come with instead of a person's token.
//!
//! It guarantees that a key is shown once and kept as a hash alone; that it acts for its maker, in one workspace, with those of its scopes
//! that its maker has at that moment; that it opens nothing from its revocation on; and that a workspace has a bounded number of live ones.
//! It refuses scopes that the maker does not have. What a key may use is never changed: another one takes its place.

mod inputs;
mod lists;
mod mutation;
mod query;
mod secret;
pub mod service;
mod types;

pub use mutation::KeysMutation;
pub use query::KeysQuery;
pub use secret::ApiKeySecret;
pub use types::ApiKey;
