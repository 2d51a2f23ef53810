//! The rules of personal data: what is stored about a person, and how an account is deleted.
//!
//! Whoever deletes an account shows once more that it is theirs: by its password, counted like a sign-in, or, where it has none or
//! somebody comes by an external issuer, by having signed in within the last minutes. What refers to the person afterwards does so by an
//! id that means nobody; the audit log is not touched.

use chrono::{DateTime, TimeDelta, Utc};
use entity::id::{SessionId, UserId};
use sea_orm::ConnectionTrait;
use serde_json::Value;

use super::passwords::{Password, Verdict};
use super::service::Accounts;
use crate::client::Client;
use crate::clock;
use crate::error::{Error, Result};
use crate::input::Check;
use crate::tenancy::{Operation, statement};

/// How long ago somebody may have signed in who deletes an account without a password; the database has the same for sessions.
const RECENT: TimeDelta = TimeDelta::minutes(5);
/// How far the clock of an issuer may be ahead.
const AHEAD: TimeDelta = TimeDelta::minutes(1);
/// Where neither a password nor a sign-in shows whose account it is.
const SIGN_IN_AGAIN: &str =
    "This account is deleted within five minutes of signing in: sign in again, then send this once more.";

/// By what somebody shows that an account is theirs.
pub struct Shown<'a> {
    /// Its password.
    pub password: Option<&'a str>,
    /// The session of the token.
    pub session: Option<SessionId>,
    /// When an external issuer saw the person sign in; none for a session of ours, or where the token does not tell.
    pub authenticated_at: Option<DateTime<Utc>>,
}

/// Proof that whoever asks may delete the account, and what it is known by outside its rows.
pub struct Proven {
    version: Option<i32>,
    counter: [u8; 32],
    of_address: Option<OfAddress>,
}

/// Under what the counters and the idempotency records of an address are kept.
struct OfAddress {
    account: [u8; 32],
    both: [u8; 32],
    key_owner: [u8; 32],
}

/// What is stored about the person of the context, as a document.
///
/// # Errors
///
/// UNAUTHENTICATED for an API key and for an operator.
pub async fn personal_data(operation: &Operation) -> Result<Value> {
    // personalData: everything by the indexes that lead with the person, or with a workspace and the person.
    let row = operation.query_one_raw(statement("select app.personal_data() as data", [])).await?;
    Ok(row.ok_or_else(|| Error::internal("the door did not answer"))?.try_get("", "data")?)
}

impl Accounts {
    /// Checks that an account is whoever asks's, in an operation of its own: the attempt counts, whatever comes of it.
    ///
    /// # Errors
    ///
    /// BAD_USER_INPUT where nothing shows it, RATE_LIMITED, UNAUTHENTICATED for a wrong password, for an API key and for an operator.
    pub async fn prove_own(&self, looking: Operation, client: &Client, shown: &Shown<'_>) -> Result<Proven> {
        let mut check = Check::new();
        let password = shown.password.map(|password| Password::shown(&mut check, "password", password));
        check.finish()?;
        self.hasher().refuse_when_full()?;
        let actor = looking.actor_id().ok_or(Error::Unauthenticated("Sign in first."))?;
        let counter = self.tokens().blind("deletion of an account", actor.0.as_bytes());
        let sql = "select * from app.begin_erasure($1, $2)";
        let values = [counter.to_vec().into(), shown.session.map(|session| session.0).into()];
        let row = looking.query_one_raw(statement(sql, values)).await?;
        looking.commit().await?;
        let row = row.ok_or_else(|| Error::internal("the door did not answer"))?;
        let wait: i32 = row.try_get("", "retry_after_ms")?;
        if let Some(wait) = u32::try_from(wait).ok().filter(|wait| *wait > 0) {
            return Err(Error::RateLimited(wait));
        }
        let email: Option<String> = row.try_get("", "email")?;
        let hash: Option<String> = row.try_get("", "password_hash")?;
        let young: bool = row.try_get("", "recent")?;
        let now = clock::now();
        let fresh = shown.authenticated_at.is_some_and(|at| at > now - RECENT && at < now + AHEAD);
        match (&hash, &password) {
            (Some(hash), Some(password)) => {
                if self.hasher().compare(password, Some(hash)).await? == Verdict::Wrong {
                    return Err(Error::Unauthenticated("The password is not right."));
                }
            }
            // Whoever comes by an external issuer may not know a password.
            (Some(_), None) if fresh => {}
            (Some(_), None) => {
                return Err(Error::field("input.password", "REQUIRED", "Send the account's password."));
            }
            (None, _) if young || fresh => {}
            (None, _) => return Err(Error::field("headers.authorization", "SIGN_IN_AGAIN", SIGN_IN_AGAIN)),
        }
        let of_address = email.map(|email| {
            let attempt = self.attempt(client, &email);
            let key_owner = self.tokens().blind("address of a key", email.as_bytes());
            OfAddress { account: attempt.account, both: attempt.both, key_owner }
        });
        Ok(Proven { version: row.try_get("", "version")?, counter, of_address })
    }

    /// Deletes the account of the context's person; their id.
    ///
    /// # Errors
    ///
    /// CONFLICT that names the workspaces of which they are the last active OWNER, UNAUTHENTICATED where the password was changed
    /// meanwhile.
    pub async fn delete(&self, operation: &Operation, request_id: &str, proven: Proven) -> Result<UserId> {
        let actor = operation.actor_id().ok_or(Error::Unauthenticated("Sign in first."))?;
        let sql = "select * from app.erase_own_account($1, $2, $3, $4, $5, $6)";
        let of_address = proven.of_address.as_ref();
        let values = [
            proven.version.into(),
            request_id.into(),
            proven.counter.to_vec().into(),
            of_address.map(|of| of.account.to_vec()).into(),
            of_address.map(|of| of.both.to_vec()).into(),
            of_address.map(|of| of.key_owner.to_vec()).into(),
        ];
        let row = operation.query_one_raw(statement(sql, values)).await?;
        let row = row.ok_or_else(|| Error::internal("the door did not answer"))?;
        let outcome: String = row.try_get("", "outcome")?;
        match outcome.as_str() {
            "ERASED" => Ok(actor),
            "OWNER" => Err(Error::LastOwner(row.try_get("", "workspaces")?)),
            _ => Err(Error::Unauthenticated("The password was changed meanwhile; sign in again.")),
        }
    }
}
