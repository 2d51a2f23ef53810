//! API keys.

use serde_json::json;

use super::{Operation, Place, new_name};

/// The call of a root field.
pub(super) async fn operation(place: Place<'_>, field: &str) -> Option<Operation> {
    Some(match field {
        "apiKeys" => Operation::needs("api_key:read", json!({ "first": 3 })),
        "apiKey" => Operation::sees("api_key:read", json!({ "id": place.some("ApiKey").await })),
        "apiKeyCreate" => {
            let input = json!({ "name": new_name(), "scopes": ["document:read"] });
            Operation::needs("api_key:write", json!({ "input": input }))
        }
        "apiKeyUpdate" => {
            let input = json!({ "id": key(place).await, "version": 1, "name": new_name() });
            Operation::needs("api_key:write", json!({ "input": input }))
        }
        "apiKeyRevoke" => Operation::needs("api_key:write", json!({ "input": { "id": key(place).await } })),
        _ => return None,
    })
}

async fn key(place: Place<'_>) -> String {
    place.world.api_key(place.who, &new_name(), &["document:read"]).await.0
}
