//! Operators and their entries.

use entity::id::{OperatorEntryId, OperatorId};
use serde_json::json;

use super::{Operation, Place, Unknown};

/// The call of a root field.
pub(super) async fn operation(place: Place<'_>, field: &str) -> Option<Operation> {
    Some(match field {
        "operations" => Operation::operators(json!({})),
        "operatorEntryStart" => {
            let input = json!({ "workspace": "acme", "reason": "looking for a lost run", "minutes": 5 });
            Operation::operators(json!({ "input": input }))
        }
        "operatorEntryLeave" => {
            Operation::operators(json!({ "input": { "id": entry(place).await } })).unknown(Unknown::Forbidden)
        }
        "operatorEntries" => Operation::needs("audit:read", json!({ "first": 3 })),
        "operatorEntryEnd" => {
            Operation::needs("workspace:own", json!({ "input": { "id": entry(place).await } }))
        }
        _ => return None,
    })
}

/// A live entry of an operator into the workspace.
async fn entry(place: Place<'_>) -> String {
    let (operator, entry) = (OperatorId::new(), OperatorEntryId::new());
    let mut superuser = place.world.superuser().await;
    // Past the triggers, which ask for a word in the audit log.
    sqlx::query("set session_replication_role = replica").execute(&mut superuser).await.expect("no triggers");
    sqlx::query(
        "with operator as (insert into operators (id, name, email, start, hash, expires_at)
           values ($1, 'Planted', 'planted@ops.example', 'fn_op_abcd', sha256(uuid_send($1)), now() + interval '1 day') returning id)
         insert into operator_entries (workspace_id, id, operator_id, operator_name, workspace_key, reason, expires_at)
         select w.id, $2, operator.id, 'Planted', w.slug, 'planted by a test', now() + interval '1 hour'
         from workspaces w, operator where w.slug = $3",
    )
    .bind(operator.0)
    .bind(entry.0)
    .bind(place.slug())
    .execute(&mut superuser)
    .await
    .expect("an entry");
    entry.to_string()
}
