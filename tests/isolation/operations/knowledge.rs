//! Collections, documents, their ingestion and search.

use entity::id::IngestionId;
use serde_json::json;

use super::{Operation, Place, new_name};
use crate::support::world::text;

/// The call of a root field.
pub(super) async fn operation(place: Place<'_>, field: &str) -> Option<Operation> {
    let Place { world, who } = place;
    Some(match field {
        "collections" | "documents" => Operation::needs("document:read", json!({ "first": 3 })),
        "ingestions" => Operation::needs("document:read", json!({ "status": "SUCCEEDED" })),
        "document" => Operation::sees("document:read", json!({ "id": place.some("Document").await })),
        "search" => Operation::needs("document:read", json!({ "query": "paid leave", "first": 3 })),
        "collectionCreate" => {
            Operation::needs("collection:write", json!({ "input": { "name": new_name() } }))
        }
        "collectionUpdate" => {
            let id = world.collection(who, &new_name()).await;
            let input = json!({ "id": id, "version": 1, "name": new_name() });
            Operation::needs("collection:write", json!({ "input": input }))
        }
        "collectionDelete" => {
            let id = world.collection(who, &new_name()).await;
            Operation::needs("collection:write", json!({ "input": { "id": id } }))
        }
        "documentCreate" => {
            let collection = place.some("Collection").await;
            let input = json!({ "collectionId": collection, "title": new_name(), "text": "Thirty days." });
            Operation::needs("document:write", json!({ "input": input }))
        }
        "documentUpdate" => {
            let id = document(place).await;
            let input = json!({ "id": id, "version": 1, "title": new_name() });
            Operation::needs("document:write", json!({ "input": input }))
        }
        "documentDelete" => {
            Operation::needs("document:write", json!({ "input": { "id": document(place).await } }))
        }
        "ingestionRetry" => {
            let query = "query($id: ID!) { document(id: $id) { ingestion { id } } }";
            let data = world.ask(who, query, json!({ "id": document(place).await })).await.data();
            let ingestion = text(&data["document"]["ingestion"]["id"]);
            let id = IngestionId::parse(&ingestion).expect("an id").0;
            let failed = "update ingestions set status = 'FAILED', failure_class = 'INTERNAL' where id = $1 and $2 <> ''";
            place.plant(failed, id).await;
            place.plant("delete from jobs where subject_id = $1 and $2 <> ''", id).await;
            Operation::needs("document:write", json!({ "input": { "id": ingestion } }))
        }
        _ => return None,
    })
}

/// A new document.
async fn document(place: Place<'_>) -> String {
    let collection = place.some("Collection").await;
    place.world.document(place.who, &collection, &new_name(), "Thirty days of paid leave.").await
}
