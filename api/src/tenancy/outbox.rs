//! The worker's doors to mails about accounts: claim, mint a link, finish. They set no context: an account is no tenant's.

use chrono::{DateTime, Utc};
use entity::id::{MailId, UserId};
use sqlx::Row;
use uuid::Uuid;

use super::Database;
use super::lane::only;
use crate::error::Result;

/// A mail under a lease of this process.
#[derive(Clone)]
pub struct ClaimedMail {
    /// The mail; the root of its Message-ID.
    pub id: MailId,
    /// What it says: VERIFY_EMAIL, PASSWORD_RESET, ACCOUNT_EXISTS, INVITATION or OPERATOR_ENTERED.
    pub kind: String,
    /// To whom; none where it is for an address that may be nobody's here.
    pub user_id: Option<UserId>,
    /// The person's name, as they wrote it; none where it is for an address alone.
    pub name: Option<String>,
    /// Facts that it says, as they were when it was queued.
    pub detail: Option<serde_json::Value>,
    /// Where to.
    pub address: String,
    /// This attempt's number, from 1.
    pub attempt: i32,
    /// The proof of the claim.
    pub lease_token: Uuid,
}

impl std::fmt::Debug for ClaimedMail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Not to whom: this is what a log line may say.
        let Self { id, kind, attempt, .. } = self;
        write!(f, "ClaimedMail {{ {id}, {kind}, attempt {attempt} }}")
    }
}

impl ClaimedMail {
    /// A fact that it says; empty where it has none of this name.
    #[must_use]
    pub fn fact(&self, name: &str) -> &str {
        self.detail.as_ref().and_then(|detail| detail.get(name)?.as_str()).unwrap_or_default()
    }
}

/// Mails that wait to be sent, as a worker sees them.
#[derive(Clone)]
pub struct Outbox(Database);

impl Outbox {
    /// The outbox of a database to which `footnote_worker` is connected.
    #[must_use]
    pub fn new(database: Database) -> Self {
        Self(database)
    }

    /// Leases up to `limit` mails that are due, those whose worker died among them.
    ///
    /// # Errors
    ///
    /// UNAVAILABLE.
    pub async fn claim(&self, limit: i32, lease_ms: i32) -> Result<Vec<ClaimedMail>> {
        // Claim: outgoing_mails_due, and outgoing_mails_leases for what a dead worker left.
        let rows = self.0.ask(&format!("select * from app.claim_mails({limit}, {lease_ms})")).await?;
        rows.iter()
            .map(|row| {
                Ok(ClaimedMail {
                    id: MailId(row.try_get("id")?),
                    kind: row.try_get("kind")?,
                    user_id: row.try_get::<Option<Uuid>, _>("user_id")?.map(UserId),
                    detail: row.try_get("detail")?,
                    name: row.try_get("name")?,
                    address: row.try_get("address")?,
                    attempt: row.try_get("attempts")?,
                    lease_token: row.try_get("lease_token")?,
                })
            })
            .collect()
    }

    /// Stores the SHA-256 of the token that the mail is about to carry in its link; false when the lease was lost, or when mails of
    /// this kind carry none.
    ///
    /// # Errors
    ///
    /// UNAVAILABLE.
    pub async fn mint_link(
        &self,
        mail: &ClaimedMail,
        hash: &[u8; 32],
        expires_at: DateTime<Utc>,
    ) -> Result<bool> {
        let mint = sqlx::query("select app.mint_account_link($1, $2, $3, $4) as minted")
            .bind(mail.id.0)
            .bind(mail.lease_token)
            .bind(hash.as_slice())
            .bind(expires_at);
        Ok(only(&self.0.ask_with(mint).await?)?.try_get("minted")?)
    }

    /// Stores the SHA-256 of the token that the mail of an invitation is about to carry; false when the lease was lost, or when the
    /// invitation is over.
    ///
    /// # Errors
    ///
    /// UNAVAILABLE.
    pub async fn mint_invitation(&self, mail: &ClaimedMail, hash: &[u8; 32]) -> Result<bool> {
        let mint = sqlx::query("select app.mint_invitation_token($1, $2, $3) as minted")
            .bind(mail.id.0)
            .bind(mail.lease_token)
            .bind(hash.as_slice());
        Ok(only(&self.0.ask_with(mint).await?)?.try_get("minted")?)
    }

    /// Ends an attempt well; false when the lease was lost.
    ///
    /// # Errors
    ///
    /// UNAVAILABLE.
    pub async fn sent(&self, mail: &ClaimedMail) -> Result<bool> {
        self.finish(mail, None, None).await
    }

    /// Ends an attempt that failed: again after so many milliseconds, or never; false when the lease was lost.
    ///
    /// # Errors
    ///
    /// UNAVAILABLE.
    pub async fn failed(&self, mail: &ClaimedMail, error: &str, retry_ms: Option<i32>) -> Result<bool> {
        self.finish(mail, Some(error), retry_ms).await
    }

    async fn finish(&self, mail: &ClaimedMail, error: Option<&str>, retry_ms: Option<i32>) -> Result<bool> {
        let finish = sqlx::query("select app.finish_mail($1, $2, $3, $4) as finished")
            .bind(mail.id.0)
            .bind(mail.lease_token)
            .bind(error)
            .bind(retry_ms);
        Ok(only(&self.0.ask_with(finish).await?)?.try_get("finished")?)
    }
}
