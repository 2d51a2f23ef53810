//! What the mutations of API keys take and give.

use async_graphql::{InputObject, SimpleObject};
use chrono::{DateTime, Utc};
use entity::id::{ApiKeyId, Given};

use super::types::ApiKey;
use crate::graphql::Secret;

/// An API key to make.
// No id of the client's making: nothing can be shown before the answer is there, because the answer alone has the key.
#[derive(InputObject)]
pub struct ApiKeyCreateInput {
    /// What it is for: 1 to 100 characters. Names may repeat.
    pub name: String,
    /// What it may do: names of permissions, such as document:read, at least one and each once. You have each of them yourself; once you
    /// lose one, the key cannot use it either.
    pub scopes: Vec<String>,
    /// From then on it opens nothing: later than now, and at most ten years ahead. It does not end by itself unless sent.
    pub expires_at: Option<DateTime<Utc>>,
}

/// The API key that was made.
#[derive(SimpleObject)]
pub struct ApiKeyCreatePayload {
    /// What is known of it from now on.
    pub api_key: ApiKey,
    /// The key itself, for the header `Authorization: Bearer …`. It is shown this once and kept nowhere: store it now. Null in an answer that
    /// is given again under an idempotency key; revoke the key then, and make another.
    pub secret: Secret,
}

/// What is to change of an API key.
#[derive(InputObject)]
pub struct ApiKeyUpdateInput {
    /// The key.
    pub id: Given<ApiKeyId>,
    /// The `version` of the key that the change was made against.
    pub version: i32,
    /// A new name: 1 to 100 characters.
    pub name: String,
}

/// The API key that was changed.
#[derive(SimpleObject)]
pub struct ApiKeyUpdatePayload {
    /// The key.
    pub api_key: ApiKey,
}

/// The API key to revoke.
#[derive(InputObject)]
pub struct ApiKeyRevokeInput {
    /// The key, whoever made it.
    pub id: Given<ApiKeyId>,
}

/// The API key that was revoked.
#[derive(SimpleObject)]
pub struct ApiKeyRevokePayload {
    /// The key.
    pub api_key: ApiKey,
}
