//! API keys: how they are made and what they open, through GraphQL, and what whoever finds one cannot do with it.

mod hostile;
mod lifetime;
mod making;
mod sockets;
mod using;
mod work;

use serde_json::{Value, json};

use crate::support::{Reply, Who, World};

const CREATE: &str = "mutation($input: ApiKeyCreateInput!) { apiKeyCreate(input: $input) {
    apiKey { id name start scopes status expiresAt lastUsedAt revokedAt version user { email } } secret } }";
const UPDATE: &str =
    "mutation($input: ApiKeyUpdateInput!) { apiKeyUpdate(input: $input) { apiKey { id name version } } }";
const REVOKE: &str =
    "mutation($id: ID!) { apiKeyRevoke(input: { id: $id }) { apiKey { id status revokedAt version } } }";
const VIEWER: &str =
    "{ viewer { user { email } role permissions workspaces { slug } apiKey { id name start } } }";
const COLLECTION: &str =
    "mutation($name: String!) { collectionCreate(input: { name: $name }) { collection { id } } }";

/// Sends a request with a key, in no workspace but the one that it implies.
async fn with_key(world: &World, key: &str, query: &str, variables: Value) -> Reply {
    world.ask_with(&[("authorization", &format!("Bearer {key}"))], query, variables).await
}

async fn revoke(world: &World, id: &str) {
    world.ask(Who::Owner, REVOKE, json!({ "id": id })).await.data();
}

/// The issues of the only error: their paths and codes.
#[track_caller]
fn issues(reply: &Reply) -> Vec<String> {
    assert_eq!(reply.code(), "BAD_USER_INPUT", "{:#}", reply.body);
    let issues = reply.body["errors"][0]["extensions"]["issues"].as_array().expect("issues");
    let path = |issue: &Value| {
        let path = issue["path"].as_array().expect("a path");
        path.iter().map(|part| part.as_str().expect("a name")).collect::<Vec<_>>().join(".")
    };
    issues
        .iter()
        .map(|issue| format!("{} {}", path(issue), issue["code"].as_str().expect("a code")))
        .collect()
}

/// Lets time pass, or plants, past every trigger.
async fn later(world: &World, sql: &'static str) {
    assert!(world.plant(sql).await > 0, "{sql}");
}
