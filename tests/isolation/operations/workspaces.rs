//! Workspaces, who asks, and look-ups of anything by its id.

use serde_json::json;

use super::{Operation, Place, Unknown, new_name};

/// The call of a root field.
pub(super) async fn operation(place: Place<'_>, field: &str) -> Option<Operation> {
    Some(match field {
        "viewer" | "workspace" => Operation::member(json!({})),
        "node" => Operation::sees("document:read", json!({ "id": place.some("Document").await })),
        "nodes" => Operation::sees("document:read", json!({ "ids": [place.some("Document").await] }))
            .unknown(Unknown::Null),
        "workspaceCreate" => {
            let name = new_name();
            let slug = name.to_lowercase().replace(' ', "-");
            // Whoever knows the id of a workspace learns whether there still is one of it, as whoever knows its slug does.
            Operation::person(json!({ "input": { "name": name, "slug": slug } })).unknown(Unknown::NewForAll)
        }
        _ => return None,
    })
}
