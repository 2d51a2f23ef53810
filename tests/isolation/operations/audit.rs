//! The audit log, and what is stored about a person.

use serde_json::json;

use super::{Operation, Place};

/// The call of a root field.
#[expect(clippy::unused_async, reason = "as those of the other capabilities")]
pub(super) async fn operation(_: Place<'_>, field: &str) -> Option<Operation> {
    Some(match field {
        "auditLog" => Operation::needs("audit:read", json!({ "first": 3 })),
        "auditVerify" => Operation::needs("audit:read", json!({})),
        "personalData" => Operation::person(json!({})),
        "accountDelete" => Operation::apart(
            "whoever deletes their account is nobody any more: tests/accounts",
            json!({ "input": { "password": "correct horse battery" } }),
        ),
        _ => return None,
    })
}
