//! Lists of API keys.

mod api_keys;

pub use api_keys::{ApiKeyFilter, ApiKeyOrder, ApiKeys, in_status};
