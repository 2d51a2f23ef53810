//! Mutations that may be sent twice: a client names one by a key, and a repetition gets the first one's answer.
//!
//! It guarantees that of all calls of one actor with one key and one operation at most one has an effect: the key is held by
//! a lock of the operation's own transaction from before the first field until its end, and the record of the answer is
//! written in that transaction, so neither is there without the other. A replay runs no field. A mutation that fails leaves
//! nothing, and its key is free again. Secrets are never stored. It refuses a key that was used for something else or by
//! somebody else, and says nothing more of it. Outside a workspace keys belong to the person, or to the address that signs up. Without a
//! key it costs nothing.

mod fingerprint;
mod key;
mod records;
mod secret;

use std::sync::Arc;

use async_graphql::{Name, Response, Value};

pub use key::HeaderKey;
pub(super) use key::{Keyed, keyed};
pub use secret::{Secret, Secrets};

use self::records::Owner;
use super::Request;
use super::alone::{Alone, KeyOwner};
use crate::error::{Error, Result};
use crate::tenancy::Access;

/// The name under `extensions` of an answer that was given before.
pub(crate) const REPLAYED: &str = "idempotentReplayed";
/// The largest answer that is stored, in bytes.
const LARGEST_ANSWER: usize = 256 * 1024;
/// What the library writes into a response as it is.
const RAW: &str = "$serde_json::private::RawValue";

/// A mutation whose key is its own, at the latest when it is recorded.
pub(super) struct Attempt {
    keyed: Keyed,
    owner: Owner,
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
    /// Claims the key in the operation's transaction, which it opens. A sign-up's key is looked for alone, because the transaction would
    /// wait for the hash of a password: it is claimed by recording it, and of two at once one is undone.
    ///
    /// # Errors
    ///
    /// What the door says, BAD_USER_INPUT outside a workspace, of an operator and for a mutation that takes no key, IDEMPOTENCY_CONFLICT, CONFLICT while
    /// it is in progress.
    pub(super) async fn claim(request: &Request, mut keyed: Keyed, alone: Option<&Alone>) -> Result<Claim> {
        if request.is_of_operator() {
            let message =
                "Idempotency keys belong to members of workspaces; send an operator's mutation without one.";
            return Err(Error::field(keyed.field, "NOT_TAKEN", message));
        }
        let owner = match alone.map(|alone| (alone, alone.owner)) {
            None => Owner::Workspace,
            Some((_, KeyOwner::Person)) => Owner::Person,
            Some((alone, KeyOwner::Nobody | KeyOwner::Operator)) => {
                let message = format!("{} takes no idempotency key; send it without one.", alone.field);
                return Err(Error::field(keyed.field, "NOT_TAKEN", message));
            }
            Some((alone, KeyOwner::Address)) => {
                let tokens = request.app().tokens();
                // A password may be among what the fingerprint is of.
                keyed.fingerprint = tokens.blind("idempotency", &keyed.fingerprint);
                Owner::Address(tokens.blind("address of a key", alone.email.as_bytes()))
            }
        };
        let recorded = if let Owner::Address(_) = owner {
            let looking = request.open(Access::ReadWrite).await?;
            let recorded = records::claim(&looking, &owner, &keyed).await;
            looking.roll_back().await;
            recorded?
        } else {
            let operation = request.operation().await?;
            records::claim(&operation, &owner, &keyed).await?
        };
        Ok(match recorded {
            None => Claim::Run(Self { keyed, owner, secrets: Arc::default() }),
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
    /// QUERY_TOO_COSTLY for an answer that is too large, IDEMPOTENCY_CONFLICT where the key is somebody else's, CONFLICT where another
    /// call recorded it meanwhile.
    pub(super) async fn record(&self, request: &Request, data: &Value) -> Result<()> {
        let without_secrets = self.secrets.erased_from(data);
        let answer = serde_json::to_string(without_secrets.as_ref()).map_err(Error::internal)?;
        if answer.len() > LARGEST_ANSWER {
            let message = format!(
                "An answer to a mutation with an idempotency key has at most {LARGEST_ANSWER} bytes; select less, and read the rest afterwards."
            );
            return Err(Error::QueryTooCostly(message));
        }
        let operation = request.operation().await?;
        records::insert(&operation, &self.owner, &self.keyed, answer).await
    }

    /// Gives the key back; nothing of the mutation has happened.
    pub(super) async fn give_up(&self, request: &Request) {
        if let Some(operation) = request.opened() {
            operation.roll_back().await;
        }
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
