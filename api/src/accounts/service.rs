//! The rules of accounts.
//!
//! What is secret about an account is whether it exists: each rule does the same work and answers the same for a known address and
//! for an unknown one. Counters come first, then the work of hashing, then one statement that decides.

use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};
use entity::id::{MailId, SessionId, UserId};
use sea_orm::ConnectionTrait;

use super::passwords::{Hasher, Password, Verdict};
use super::secrets::OpaqueToken;
use crate::client::Client;
use crate::clock;
use crate::config::AccountSettings;
use crate::error::{Error, Result};
use crate::input::Check;
use crate::tenancy::{AccountDoors, Attempt, NewSession, Operation, Refreshed, Wake, statement};
use crate::tokens::Tokens;

/// The longest name, in characters.
const LONGEST_NAME: usize = 200;
/// How often a token that two tabs share is followed to its newest successor: refreshes within one grace window.
const MOST_HOPS: i32 = 8;
/// How much longer the grace window is for a successor that is followed: it began within it.
const LATE: TimeDelta = TimeDelta::seconds(5);
/// What is said of a sign-in that does not hold, whatever is wrong with it.
const WRONG: Error = Error::Unauthenticated("The address or the password is not right.");
/// What is said of a link, whatever is wrong with it.
const NO_LINK: &str =
    "This link does not hold: it was used, it is too old, or it is for something else. Ask for another mail.";
/// What is said of a refresh token that does not hold, whatever is wrong with it.
const NO_SESSION: Error = Error::Unauthenticated("The session has ended; sign in again.");

/// Accounts, as the application has them.
pub struct Accounts {
    doors: AccountDoors,
    tokens: Tokens,
    hasher: Hasher,
    settings: AccountSettings,
    verified_only: bool,
}

/// A session with the tokens that hold it; they are shown to its person and to nobody else.
pub struct Session {
    /// The access token, without a scheme.
    pub access_token: String,
    /// Its end.
    pub access_token_expires_at: DateTime<Utc>,
    /// The refresh token.
    pub refresh_token: String,
    /// Its end, if it is not used.
    pub refresh_token_expires_at: DateTime<Utc>,
    /// The end of the session, however much it is used.
    pub expires_at: DateTime<Utc>,
}

/// Somebody who wants an account.
pub struct SignUp {
    /// The name to show.
    pub name: String,
    /// The address.
    pub email: String,
    /// The password.
    pub password: String,
}

impl Accounts {
    /// With these doors and settings. Where mail goes by a server, only verified addresses sign in, unless the settings say otherwise.
    #[must_use]
    pub fn new(doors: AccountDoors, tokens: Tokens, settings: AccountSettings, mail_is_sent: bool) -> Self {
        let verified_only = settings.require_verified_email.unwrap_or(mail_is_sent);
        Self { doors, tokens, hasher: Hasher::default(), settings, verified_only }
    }

    /// The settings.
    #[must_use]
    pub fn settings(&self) -> &AccountSettings {
        &self.settings
    }

    /// What makes keyed hashes.
    pub(super) fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    /// What hashes passwords.
    #[must_use]
    pub fn hasher(&self) -> &Hasher {
        &self.hasher
    }

    /// Checks and hashes, before an operation is opened: a transaction does not wait for a hash.
    ///
    /// # Errors
    ///
    /// BAD_USER_INPUT, RATE_LIMITED, UNAVAILABLE.
    pub async fn prepare_sign_up(&self, client: &Client, new: &SignUp) -> Result<PreparedSignUp> {
        let mut check = Check::new();
        let name = check.text("name", &new.name, 1..=LONGEST_NAME);
        if name.chars().any(char::is_control) {
            check.refuse("name", "INVALID_CHARACTER", "`name` holds a control character.");
        }
        let email = check.email("email", &new.email);
        let password = Password::chosen(&mut check, "password", &new.password);
        check.finish()?;
        self.hasher.refuse_when_full()?;
        self.doors.begin_sign_up(&self.address(client)).await?;
        let password_hash = self.hasher.hash(&password).await?;
        Ok(PreparedSignUp { name, email, password_hash })
    }

    /// Makes an account, or has the one who has it told by mail: the answer is the same.
    ///
    /// # Errors
    ///
    /// UNAVAILABLE.
    pub async fn sign_up(&self, operation: &Operation, new: PreparedSignUp) -> Result<()> {
        let PreparedSignUp { name, email, password_hash } = new;
        let sql = "select app.sign_up($1, $2, $3, $4, $5, $6)";
        let values = [
            UserId::new().0.into(),
            email.into(),
            name.into(),
            password_hash.into(),
            MailId::new().0.into(),
            self.verified_only.into(),
        ];
        operation.query_one_raw(statement(sql, values)).await?;
        operation.wake(Wake::Mails);
        Ok(())
    }

    /// Opens a session for whoever knows the password.
    ///
    /// # Errors
    ///
    /// BAD_USER_INPUT, RATE_LIMITED, UNAUTHENTICATED with the same sentence whatever is wrong.
    pub async fn sign_in(&self, client: &Client, email: &str, password: &str) -> Result<Session> {
        let mut check = Check::new();
        let email = check.email("email", email);
        let password = Password::shown(&mut check, "password", password);
        check.finish()?;
        self.hasher.refuse_when_full()?;
        let attempt = self.attempt(client, &email);
        let stored = self.doors.begin_sign_in(&email, &attempt).await?;
        let hash = stored.as_ref().map(|stored| stored.password_hash.as_str());
        let verdict = self.hasher.compare(&password, hash).await?;
        let Some(stored) = stored.filter(|_| verdict != Verdict::Wrong) else { return Err(WRONG) };
        if self.verified_only && !stored.verified {
            let message = "Open the link in the mail that was sent to this address, then sign in; to get another mail, sign up again.";
            return Err(Error::field("input.email", "UNVERIFIED", message));
        }
        let better = match verdict {
            Verdict::RightButOutdated => Some(self.hasher.hash(&password).await?),
            _ => None,
        };
        let now = clock::now();
        let expires_at = now + self.settings.session();
        let refresh = OpaqueToken::random();
        let new = NewSession {
            user: stored.user,
            version: stored.version,
            password_hash: better.as_deref(),
            session: SessionId::new(),
            expires_at,
            refresh: refresh.hash(),
            refresh_expires_at: now + self.settings.idle(),
        };
        if !self.doors.finish_sign_in(&new, &attempt).await? {
            return Err(WRONG);
        }
        let ends = (new.refresh_expires_at.min(expires_at), expires_at);
        self.session((stored.user, new.session), &refresh, ends)
    }

    /// Exchanges a refresh token. Two that show the same one within the grace window get the same successor.
    ///
    /// # Errors
    ///
    /// UNAUTHENTICATED with the same sentence whatever is wrong with it.
    pub async fn refresh(&self, token: &str) -> Result<Session> {
        let mut shown = OpaqueToken::read(token).ok_or(NO_SESSION)?;
        let mut grace = self.settings.grace();
        for hop in 1.. {
            let offered = OpaqueToken::random();
            let seal = shown.seal(&offered);
            let times = (grace, self.settings.idle());
            match self.doors.refresh(&shown.hash(), (&offered.hash(), &seal), times).await? {
                Refreshed::Session {
                    session,
                    user,
                    session_expires_at,
                    refresh_expires_at,
                    sealed,
                    further,
                } => {
                    let successor = sealed.map_or(offered, |sealed| shown.open(sealed));
                    if !further || hop == MOST_HOPS {
                        return self.session(
                            (user, session),
                            &successor,
                            (refresh_expires_at, session_expires_at),
                        );
                    }
                    // Another tab is one further already: whoever was late joins it there, and is not late for that.
                    shown = successor;
                    grace = self.settings.grace() + LATE;
                }
                Refreshed::Ended => break,
                Refreshed::Reused(session) => {
                    tracing::warn!(session.id = %session, "a refresh token came a second time; its session was ended");
                    break;
                }
            }
        }
        Err(NO_SESSION)
    }

    /// Ends the session of an access token or of a refresh token, or every session of its person; how many ended.
    ///
    /// # Errors
    ///
    /// UNAUTHENTICATED without any token.
    pub async fn sign_out(
        &self,
        session: Option<SessionId>,
        refresh: Option<&str>,
        everywhere: bool,
    ) -> Result<i32> {
        if session.is_none() && refresh.is_none() {
            return Err(Error::Unauthenticated(
                "Send the access token, or the refresh token, of the session.",
            ));
        }
        let refresh = refresh.and_then(OpaqueToken::read).map(|token| token.hash());
        self.doors.end_sessions((session, refresh), self.settings.grace(), everywhere).await
    }

    /// Verifies the address of whoever opened the link of a mail.
    ///
    /// # Errors
    ///
    /// BAD_USER_INPUT where the link does not hold, whatever is wrong with it.
    pub async fn verify_email(&self, token: &str) -> Result<()> {
        match OpaqueToken::read(token) {
            Some(token) if self.doors.verify_email(&token.hash()).await? => Ok(()),
            _ => Err(no_link()),
        }
    }

    /// Has the link of a reset sent, where there is an account.
    ///
    /// # Errors
    ///
    /// BAD_USER_INPUT, RATE_LIMITED.
    pub async fn request_reset(&self, client: &Client, email: &str) -> Result<()> {
        let mut check = Check::new();
        let email = check.email("email", email);
        check.finish()?;
        self.doors.request_reset(&email, &self.address(client)).await
    }

    /// Changes the password of whoever opened the link of a mail, and ends every session.
    ///
    /// # Errors
    ///
    /// BAD_USER_INPUT where the link does not hold, or the password.
    pub async fn reset_password(&self, token: &str, password: &str) -> Result<()> {
        let mut check = Check::new();
        let link = OpaqueToken::read(token).map(|token| token.hash());
        if link.is_none() {
            check.refuse("token", "INVALID_LINK", NO_LINK);
        }
        let password = Password::chosen(&mut check, "newPassword", password);
        let link = check.finish_with(link)?;
        // A hash is work that not everybody may ask for.
        if !self.doors.holds_reset_link(&link).await? {
            return Err(no_link());
        }
        let hash = self.hasher.hash(&password).await?;
        if self.doors.reset_password(&link, &hash).await? { Ok(()) } else { Err(no_link()) }
    }

    fn session(
        &self,
        (user, session): (UserId, SessionId),
        refresh: &OpaqueToken,
        (refresh_expires_at, expires_at): (DateTime<Utc>, DateTime<Utc>),
    ) -> Result<Session> {
        let until = (clock::now() + self.settings.access_token()).min(expires_at);
        let authorization = self.tokens.mint(user, session, until)?;
        let access_token = authorization.strip_prefix("Bearer ").unwrap_or(&authorization).to_owned();
        Ok(Session {
            access_token,
            access_token_expires_at: until,
            refresh_token: refresh.reveal(),
            refresh_token_expires_at: refresh_expires_at,
            expires_at,
        })
    }

    /// The counters of an attempt to sign in.
    pub(super) fn attempt(&self, client: &Client, email: &str) -> Attempt {
        let address = self.address(client);
        let account = self.tokens.blind("account", email.as_bytes());
        let both = self.tokens.blind("account from address", &[address, account].concat());
        Attempt { address, account, both }
    }

    /// The counter of a client's address.
    fn address(&self, client: &Client) -> [u8; 32] {
        self.tokens.blind("address", &network(client.address))
    }
}

/// A sign-up that was checked, with the hash of its password.
pub struct PreparedSignUp {
    name: String,
    email: String,
    password_hash: String,
}

/// Who counts as one: an IPv4 address, or the 64 bits of IPv6 that one customer has all of.
fn network(address: Option<IpAddr>) -> Vec<u8> {
    match address.map(|address| address.to_canonical()) {
        None => Vec::new(),
        Some(IpAddr::V4(address)) => address.octets().to_vec(),
        Some(IpAddr::V6(address)) => address.octets()[..8].to_vec(),
    }
}

fn no_link() -> Error {
    Error::field("input.token", "INVALID_LINK", NO_LINK)
}

#[cfg(test)]
mod tests {
    use super::network;
    use std::net::IpAddr;

    #[test]
    fn all_of_a_customers_addresses_are_one() {
        let of = |text: &str| network(Some(text.parse::<IpAddr>().expect("an address")));
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }
}
