//! The loop that sends.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Semaphore, watch};

use super::letters::{ACCOUNT_EXISTS, Letter, OperatorEntered, PASSWORD_RESET, VERIFY_EMAIL, invitation};
use super::links::{LinkToken, Links};
use crate::adapters::mail::{Mail, MailError};
use crate::app::App;
use crate::error::{Error, Result};
use crate::supervisor;
use crate::tenancy::{ClaimedMail, Outbox, Wake};

/// Mails that one process sends at a time.
const AT_ONCE: usize = 4;
/// Longer than sending may take.
const LEASE_MS: i32 = 60_000;
/// How long a lost wake-up can delay a mail.
const POLL_EVERY: Duration = Duration::from_secs(1);
/// How long a shutdown waits for mails that are being sent; the leases of the others end by themselves.
const DRAIN: Duration = Duration::from_secs(10);
/// After so many attempts, some ten hours, a mail is dead.
const MOST_ATTEMPTS: i32 = 20;
const FIRST_PAUSE_MS: i32 = 2_000;
const LONGEST_PAUSE_MS: i32 = 60 * 60 * 1000;
const VERIFY_HOURS: i64 = 24;
const RESET_HOURS: i64 = 1;

/// One process's share of the mails.
#[derive(Clone)]
pub struct Postman {
    app: Arc<App>,
    outbox: Outbox,
    links: Arc<Links>,
}

/// How an attempt ended.
enum Ended {
    Sent,
    /// Somebody else has the mail, or will claim it.
    LeaseLost,
    Failed(MailError),
    /// This program does not know the kind; a newer one may.
    Unknown,
    /// What it is about is over, or somebody else has the mail.
    Over,
}

/// When the link of a mail ends.
#[derive(Clone, Copy)]
enum End {
    /// So many hours after it was written.
    Hours(i64),
    /// With the invitation.
    OfInvitation,
}

impl Postman {
    /// A postman whose links lead there.
    #[must_use]
    pub fn new(app: Arc<App>, links: Links) -> Self {
        let outbox = app.lane().outbox();
        Self { app, outbox, links: Arc::new(links) }
    }

    /// Sends mails until `stop` turns true, then finishes those under way, for at most ten seconds.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let free = Arc::new(Semaphore::new(AT_ONCE));
        let mut wakes = self.app.database().wakes().subscribe();
        while !*stop.borrow() {
            let claimed = self.claim(free.available_permits()).await;
            let busy = !claimed.is_empty();
            for mail in claimed {
                // There are as many permits as were claimed for, and only this loop takes them.
                let Ok(permit) = free.clone().acquire_owned().await else { return };
                let postman = self.clone();
                supervisor::spawn("mail", async move {
                    postman.attempt(&mail).await;
                    drop(permit);
                });
            }
            if busy && free.available_permits() > 0 {
                continue;
            }
            tokio::select! {
                _ = stop.changed() => {}
                () = wait_for_mail(&mut wakes) => {}
                () = tokio::time::sleep(POLL_EVERY) => {}
            }
        }
        let all = u32::try_from(AT_ONCE).unwrap_or(u32::MAX);
        if tokio::time::timeout(DRAIN, free.acquire_many(all)).await.is_err() {
            tracing::warn!(
                "mails were still being sent at shutdown; they are tried again under the same Message-ID"
            );
        }
    }

    async fn claim(&self, limit: usize) -> Vec<ClaimedMail> {
        let limit = i32::try_from(limit).unwrap_or(0);
        if limit == 0 {
            return Vec::new();
        }
        match self.outbox.claim(limit, LEASE_MS).await {
            Ok(mails) => mails,
            Err(error) => {
                tracing::warn!(error.code = error.code(), "mails could not be claimed; trying again");
                error.log("mail");
                tokio::time::sleep(POLL_EVERY).await;
                Vec::new()
            }
        }
    }

    async fn attempt(&self, mail: &ClaimedMail) {
        let recorded = match self.send(mail).await {
            Ok(Ended::Sent) => {
                tracing::info!(mail.id = %mail.id, mail.kind, mail.attempt, "a mail was sent");
                self.outbox.sent(mail).await
            }
            Ok(Ended::LeaseLost) => Ok(false),
            Ok(Ended::Over) => self.failed(mail, "what the mail is about is over", false).await,
            Ok(Ended::Failed(error)) => self.failed(mail, &error.to_string(), error.retryable()).await,
            Ok(Ended::Unknown) => self.failed(mail, "this program does not know the kind", true).await,
            Err(error) => Err(error),
        };
        match recorded {
            Ok(true) => {}
            Ok(false) => {
                tracing::info!(mail.id = %mail.id, "the lease of a mail was lost; whoever has it sends it");
            }
            Err(error) => {
                // The lease ends by itself, and the mail is tried again.
                tracing::warn!(mail.id = %mail.id, error.code = error.code(), "how a mail went could not be recorded");
                error.log("mail");
            }
        }
    }

    async fn send(&self, mail: &ClaimedMail) -> Result<Ended> {
        let links = &self.links;
        let (letter, page): (Letter, Option<(&str, End)>) = match mail.kind.as_str() {
            "VERIFY_EMAIL" => (VERIFY_EMAIL, Some((&links.verify, End::Hours(VERIFY_HOURS)))),
            "PASSWORD_RESET" => (PASSWORD_RESET, Some((&links.reset, End::Hours(RESET_HOURS)))),
            "ACCOUNT_EXISTS" => (ACCOUNT_EXISTS, None),
            "INVITATION" => (
                invitation(mail.fact("workspace"), mail.fact("inviter")),
                Some((&links.invite, End::OfInvitation)),
            ),
            "OPERATOR_ENTERED" => return self.send_entered(mail).await,
            _ => return Ok(Ended::Unknown),
        };
        let link = match page {
            None => None,
            Some((template, end)) => {
                let token = LinkToken::random();
                let minted = match end {
                    End::Hours(hours) => {
                        let expires_at = crate::clock::now() + TimeDelta::hours(hours);
                        self.outbox.mint_link(mail, &token.hash(), expires_at).await?
                    }
                    End::OfInvitation => self.outbox.mint_invitation(mail, &token.hash()).await?,
                };
                match (minted, end) {
                    (true, _) => Some(token.link(template)),
                    (false, End::Hours(_)) => return Ok(Ended::LeaseLost),
                    (false, End::OfInvitation) => return Ok(Ended::Over),
                }
            }
        };
        let (text, html) = (letter.text(link.as_deref()), letter.html(link.as_deref()));
        Ok(self.post(mail, letter.subject, text, html).await)
    }

    async fn send_entered(&self, mail: &ClaimedMail) -> Result<Ended> {
        let facts = mail.detail.clone().unwrap_or_default();
        let entered: OperatorEntered = serde_json::from_value(facts).map_err(Error::internal)?;
        Ok(self.post(mail, OperatorEntered::SUBJECT, entered.text(), entered.html()).await)
    }

    async fn post(&self, mail: &ClaimedMail, subject: &'static str, text: String, html: String) -> Ended {
        let written = Mail { id: mail.id.0, to: mail.address.clone(), subject, text, html };
        match self.app.mailer().send(&written).await {
            Ok(()) => Ended::Sent,
            Err(error) => Ended::Failed(error),
        }
    }

    /// Gives the mail back for a later attempt, or leaves it DEAD.
    async fn failed(&self, mail: &ClaimedMail, reason: &str, retryable: bool) -> Result<bool> {
        let pause =
            (retryable && mail.attempt < MOST_ATTEMPTS).then(|| pause_ms(mail.attempt, rand::random()));
        if pause.is_some() {
            tracing::warn!(mail.id = %mail.id, mail.kind, mail.attempt, reason, "a mail could not be sent; it is tried again");
        } else {
            tracing::error!(mail.id = %mail.id, mail.kind, mail.attempt, reason, "a mail is not tried any more");
        }
        self.outbox.failed(mail, reason, pause).await
    }
}

/// Milliseconds before attempt `attempt + 1`: they double up to an hour, half of them by chance, where `random` is in 0.0 to 1.0.
fn pause_ms(attempt: i32, random: f64) -> i32 {
    let doublings = u32::try_from(attempt.saturating_sub(1).clamp(0, 20)).unwrap_or(0);
    let longest = FIRST_PAUSE_MS.saturating_mul(2_i32.saturating_pow(doublings)).min(LONGEST_PAUSE_MS);
    #[expect(clippy::cast_possible_truncation, reason = "the product is at most the half")]
    let by_chance = (f64::from(longest / 2) * random.clamp(0.0, 1.0)) as i32;
    longest / 2 + by_chance
}

async fn wait_for_mail(wakes: &mut Receiver<Wake>) {
    loop {
        match wakes.recv().await {
            Ok(Wake::Mails) | Err(RecvError::Lagged(_)) => return,
            Ok(_) => {}
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{FIRST_PAUSE_MS, LONGEST_PAUSE_MS, MOST_ATTEMPTS, pause_ms};
    use proptest::prelude::{any, proptest};

    proptest! {
        #[test]
        fn a_pause_is_never_shorter_than_a_second_nor_longer_than_an_hour(attempt in any::<i32>(), random in any::<f64>()) {
            let pause = pause_ms(attempt, random);
            assert!((FIRST_PAUSE_MS / 2..=LONGEST_PAUSE_MS).contains(&pause), "{pause}");
        }
    }

    #[test]
    fn a_mail_server_may_be_away_for_a_working_day() {
        let hours = |random: f64| {
            (1..MOST_ATTEMPTS).map(|attempt| i64::from(pause_ms(attempt, random))).sum::<i64>() / 3_600_000
        };
        assert!(hours(0.0) >= 4 && hours(1.0) >= 9, "{} to {}", hours(0.0), hours(1.0));
    }
}
