//! The doors of accounts, for requests of people who are not signed in yet. They set no context; each is one statement that does its
//! check and its change at once, and is committed whether or not the request goes on to fail.

use chrono::{DateTime, TimeDelta, Utc};
use entity::id::{MailId, SessionId, UserId};
use sqlx::Row;

use super::{Database, Wake};
use crate::error::{Error, Result};

/// What a counter of attempts is about: keyed hashes, so that the database holds no list of addresses.
#[derive(Clone, Copy)]
pub struct Attempt {
    /// Where it comes from.
    pub address: [u8; 32],
    /// Which account is meant, whether there is one or not.
    pub account: [u8; 32],
    /// Both.
    pub both: [u8; 32],
}

/// What a password is compared with.
pub struct Stored {
    /// Whose it is.
    pub user: UserId,
    /// The hash in the PHC string format.
    pub password_hash: String,
    /// Its version.
    pub version: i32,
    /// Whether the address was verified.
    pub verified: bool,
}

/// A session to open.
pub struct NewSession<'a> {
    /// Whose.
    pub user: UserId,
    /// The version of the password that was right.
    pub version: i32,
    /// A better hash of the same password, where parameters have risen.
    pub password_hash: Option<&'a str>,
    /// The session.
    pub session: SessionId,
    /// Its end, however much it is used.
    pub expires_at: DateTime<Utc>,
    /// SHA-256 of its first refresh token.
    pub refresh: [u8; 32],
    /// The end of that token.
    pub refresh_expires_at: DateTime<Utc>,
}

/// What came of a refresh token.
pub enum Refreshed {
    /// It was exchanged for the one that was offered; or, within the grace window, has been for one that is sealed in here.
    Session {
        /// The session.
        session: SessionId,
        /// Whose.
        user: UserId,
        /// The end of the session.
        session_expires_at: DateTime<Utc>,
        /// The end of the successor.
        refresh_expires_at: DateTime<Utc>,
        /// The successor under the pad of the token that was shown; none where it is the one that was offered.
        sealed: Option<[u8; 32]>,
        /// Whether that successor was exchanged in its turn.
        further: bool,
    },
    /// It is worth nothing.
    Ended,
    /// It was used before: the session has been ended.
    Reused(SessionId),
}

/// The doors of accounts.
#[derive(Clone)]
pub struct AccountDoors(Database);

impl AccountDoors {
    /// The doors of a database to which `footnote_app` is connected.
    #[must_use]
    pub fn new(database: Database) -> Self {
        Self(database)
    }

    /// Counts an attempt to sign in, and reads what to compare with; none where there is no such account, or it has no password.
    ///
    /// # Errors
    ///
    /// RATE_LIMITED, UNAVAILABLE.
    pub async fn begin_sign_in(&self, email: &str, attempt: &Attempt) -> Result<Option<Stored>> {
        let ask = sqlx::query("select * from app.begin_sign_in($1, $2, $3, $4)")
            .bind(email)
            .bind(attempt.address.as_slice())
            .bind(attempt.account.as_slice())
            .bind(attempt.both.as_slice());
        let row = self.0.ask_one(ask).await?;
        wait(row.try_get("retry_after_ms")?)?;
        let Some(password_hash) = row.try_get::<Option<String>, _>("password_hash")? else { return Ok(None) };
        Ok(Some(Stored {
            user: UserId(row.try_get("user_id")?),
            password_hash,
            version: row.try_get("version")?,
            verified: row.try_get("verified")?,
        }))
    }

    /// Opens a session; false where the password was changed meanwhile.
    ///
    /// # Errors
    ///
    /// UNAVAILABLE.
    pub async fn finish_sign_in(&self, new: &NewSession<'_>, attempt: &Attempt) -> Result<bool> {
        let ask = sqlx::query("select app.finish_sign_in($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) as opened")
            .bind(new.user.0)
            .bind(new.version)
            .bind(new.password_hash)
            .bind(new.session.0)
            .bind(new.expires_at)
            .bind(new.refresh.as_slice())
            .bind(new.refresh_expires_at)
            .bind(attempt.address.as_slice())
            .bind(attempt.account.as_slice())
            .bind(attempt.both.as_slice());
        let row = self.0.ask_one(ask).await?;
        Ok(row.try_get("opened")?)
    }

    /// Exchanges the token with this hash for the one with the hash `next`, whose seal is kept for the grace window.
    ///
    /// # Errors
    ///
    /// UNAVAILABLE, CONFLICT where very many do it at once.
    pub async fn refresh(
        &self,
        hash: &[u8; 32],
        (next, sealed): (&[u8; 32], &[u8; 32]),
        (grace, idle): (TimeDelta, TimeDelta),
    ) -> Result<Refreshed> {
        let ask = sqlx::query("select * from app.refresh_session($1, $2, $3, $4, $5)")
            .bind(hash.as_slice())
            .bind(next.as_slice())
            .bind(sealed.as_slice())
            .bind(i32::try_from(grace.num_milliseconds()).unwrap_or(i32::MAX))
            .bind(i32::try_from(idle.num_seconds()).unwrap_or(i32::MAX));
        let row = self.0.ask_one(ask).await?;
        let outcome: String = row.try_get("outcome")?;
        Ok(match outcome.as_str() {
            "ROTATED" | "GRACE" => Refreshed::Session {
                session: SessionId(row.try_get("session_id")?),
                user: UserId(row.try_get("user_id")?),
                session_expires_at: row.try_get("session_expires_at")?,
                refresh_expires_at: row.try_get("refresh_expires_at")?,
                sealed: row
                    .try_get::<Option<Vec<u8>>, _>("sealed")?
                    .map(|sealed| sealed.try_into().map_err(|_| Error::internal("a seal of another length")))
                    .transpose()?,
                further: row.try_get("further")?,
            },
            "REUSED" => Refreshed::Reused(SessionId(row.try_get("session_id")?)),
            _ => Refreshed::Ended,
        })
    }

    /// Ends a session, by its id or by the hash of a refresh token of it, or all sessions of its person; how many ended.
    ///
    /// # Errors
    ///
    /// UNAVAILABLE.
    pub async fn end_sessions(
        &self,
        (session, refresh): (Option<SessionId>, Option<[u8; 32]>),
        grace: TimeDelta,
        everywhere: bool,
    ) -> Result<i32> {
        let ask = sqlx::query("select app.end_sessions($1, $2, $3, $4) as ended")
            .bind(session.map(|session| session.0))
            .bind(refresh.as_ref().map(<[u8; 32]>::as_slice))
            .bind(i32::try_from(grace.num_milliseconds()).unwrap_or(i32::MAX))
            .bind(everywhere);
        let row = self.0.ask_one(ask).await?;
        Ok(row.try_get("ended")?)
    }

    /// Counts an attempt to sign up.
    ///
    /// # Errors
    ///
    /// RATE_LIMITED, UNAVAILABLE.
    pub async fn begin_sign_up(&self, address: &[u8; 32]) -> Result<()> {
        let ask = sqlx::query("select app.begin_sign_up($1) as retry_after_ms").bind(address.as_slice());
        let row = self.0.ask_one(ask).await?;
        wait(row.try_get("retry_after_ms")?)
    }

    /// Uses up the link with this hash and verifies its address; false where it does not hold.
    ///
    /// # Errors
    ///
    /// UNAVAILABLE.
    pub async fn verify_email(&self, link: &[u8; 32]) -> Result<bool> {
        let ask = sqlx::query("select app.verify_email($1) as verified").bind(link.as_slice());
        let row = self.0.ask_one(ask).await?;
        Ok(row.try_get("verified")?)
    }

    /// Queues the mail of a reset where there is an account.
    ///
    /// # Errors
    ///
    /// RATE_LIMITED, UNAVAILABLE.
    pub async fn request_reset(&self, email: &str, address: &[u8; 32]) -> Result<()> {
        let ask = sqlx::query("select app.request_password_reset($1, $2, $3) as retry_after_ms")
            .bind(email)
            .bind(address.as_slice())
            .bind(MailId::new().0);
        let row = self.0.ask_one(ask).await?;
        wait(row.try_get("retry_after_ms")?)?;
        // Whether there is a mail or not.
        self.0.wakes().send(Wake::Mails);
        Ok(())
    }

    /// Whether the link with this hash could reset a password.
    ///
    /// # Errors
    ///
    /// UNAVAILABLE.
    pub async fn holds_reset_link(&self, link: &[u8; 32]) -> Result<bool> {
        let ask = sqlx::query("select app.holds_reset_link($1) as holds").bind(link.as_slice());
        let row = self.0.ask_one(ask).await?;
        Ok(row.try_get("holds")?)
    }

    /// Uses up the link with this hash, changes the password, and ends every session; false where it does not hold.
    ///
    /// # Errors
    ///
    /// UNAVAILABLE.
    pub async fn reset_password(&self, link: &[u8; 32], password_hash: &str) -> Result<bool> {
        let ask = sqlx::query("select app.reset_password($1, $2) as changed")
            .bind(link.as_slice())
            .bind(password_hash);
        let row = self.0.ask_one(ask).await?;
        Ok(row.try_get("changed")?)
    }
}

/// RATE_LIMITED where a counter says to wait.
fn wait(retry_after_ms: i32) -> Result<()> {
    match u32::try_from(retry_after_ms) {
        Ok(0) | Err(_) => Ok(()),
        Ok(wait) => Err(Error::RateLimited(wait)),
    }
}
