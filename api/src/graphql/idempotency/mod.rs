//! Mutations that may be sent twice: a client names one by a key, and a repetition gets the first one's answer.
//!
//! It guarantees that of all calls of one actor with one key and one operation at most one has an effect: the key is held by
//! a lock of the operation's own transaction from before the first field until its end, and the record of the answer is
//! written in that transaction, so neither is there without the other. A replay runs no field. A mutation that fails leaves
//! nothing, and its key is free again. Secrets are never stored. It refuses a key that was used for something else or by
//! somebody else, and says nothing more of it. Without a key it costs nothing.

mod fingerprint;
mod key;
mod records;
mod secret;

use std::sync::Arc;

use async_graphql::{Name, Response, Value};

pub use key::HeaderKey;
pub(super) use key::{Keyed, keyed};
pub use secret::{Secret, Secrets};

use super::Request;
use crate::error::{Error, Result};
use crate::tenancy::Operation;

/// The name under `extensions` of an answer that was given before.
pub(crate) const REPLAYED: &str = "idempotentReplayed";
/// The largest answer that is stored, in bytes.
const LARGEST_ANSWER: usize = 256 * 1024;
/// What the library writes into a response as it is.
const RAW: &str = "$serde_json::private::RawValue";

/// A mutation whose key is this transaction's.
pub(super) struct Attempt {
    keyed: Keyed,
    operation: Arc<Operation>,
    secrets: Arc<Secrets>,
}

/// What came of claiming a key.
pub(super) enum Claim {
    /// The mutation is to be carried out.
    Run(Attempt),
    /// It was carried out before; the answer of then.
    Replay(Response),
}

impl Attempt {
    /// Opens the operation's transaction and claims the key in it.
    ///
    /// # Errors
    ///
    /// What the door says, BAD_USER_INPUT outside a workspace, IDEMPOTENCY_CONFLICT, CONFLICT while it is in progress.
    pub(super) async fn claim(request: &Request, keyed: Keyed) -> Result<Claim> {
        let operation = request.operation().await?;
        Ok(match records::claim(&operation, &keyed).await? {
            None => Claim::Run(Self { keyed, operation, secrets: Arc::default() }),
            Some(answer) => Claim::Replay(replay(answer)),
        })
    }

    /// Where fields that show a secret note it.
    pub(super) fn secrets(&self) -> Arc<Secrets> {
        self.secrets.clone()
    }

    /// Records the answer with the operation.
    ///
    /// # Errors
    ///
    /// QUERY_TOO_COSTLY for an answer that is too large, IDEMPOTENCY_CONFLICT where the key is somebody else's.
    pub(super) async fn record(&self, data: &Value) -> Result<()> {
        let without_secrets = self.secrets.erased_from(data);
        let answer = serde_json::to_string(without_secrets.as_ref()).map_err(Error::internal)?;
        if answer.len() > LARGEST_ANSWER {
            let message = format!(
                "An answer to a mutation with an idempotency key has at most {LARGEST_ANSWER} bytes; select less, and read the rest afterwards."
            );
            return Err(Error::QueryTooCostly(message));
        }
        records::insert(&self.operation, &self.keyed, answer).await
    }

    /// Gives the key back; nothing of the mutation has happened.
    pub(super) async fn give_up(&self) {
        self.operation.roll_back().await;
    }
}

/// The answer of then, byte for byte.
fn replay(answer: String) -> Response {
    let raw = [(Name::new(RAW), Value::String(answer))].into_iter().collect();
    Response::new(Value::Object(raw)).extension(REPLAYED, Value::Boolean(true))
}

#[cfg(test)]
mod tests {
    use super::replay;

    #[test]
    fn a_replay_writes_the_stored_text_as_it_is() {
        // As a number it would come out shorter, and as a map sorted or not.
        let text = r#"{"b":0.30000000000000004,"a":1.0,"c":100000000000000000000.10}"#;
        let written = serde_json::to_string(&replay(text.to_owned())).expect("JSON");
        assert_eq!(written, format!(r#"{{"data":{text},"extensions":{{"idempotentReplayed":true}}}}"#));
    }
}
