//! People who come with a token of somebody else's issuer (OpenID Connect): what a token proves, and with which keys.
//!
//! It guarantees that a token counts only when a configured issuer signed it with an asymmetric algorithm that is pinned for
//! that issuer and fits the key, for the configured audience, within its time. It refuses `none` and every HMAC before a key
//! is looked at, critical extensions, other kinds of tokens, and lifetimes of over a day. Keys come from the configured
//! address or the issuer's own discovery document; nothing in a token chooses an address, and a key id is a key of a map.
//!
//! Sources: RFC 7515, RFC 7519, RFC 8725 (best practice), OpenID Connect Core 1.0 and Discovery 1.0.

mod cache;
mod fetch;
mod keys;
mod settings;

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta};
use jsonwebtoken::{Algorithm, Validation};
use serde::Deserialize;
use serde_json::Value;

use crate::error::{Error, INVALID_TOKEN as REFUSAL, Result};
use crate::tenancy::Identity;
use cache::{Found, KeyCache};
use fetch::Source;

pub use settings::IssuerSetting;

/// Tokens of others carry groups and roles; longer ones are refused unread.
const LONGEST: usize = 16 * 1024;
const LONGEST_KEY_ID: usize = 128;
/// OpenID Connect Core 1.0, section 2: a subject has at most 255 ASCII characters.
const LONGEST_SUBJECT: usize = 255;
const LONGEST_NAME: usize = 200;
const LONGEST_EMAIL: usize = 320;
/// How far clocks may differ, in seconds.
const LEEWAY: u32 = 30;
/// Nobody can be signed out here before a token ends, so one that holds longer is refused.
const LONGEST_LIFETIME: TimeDelta = TimeDelta::hours(24);

const AWAY: Error = Error::Unavailable("issuer of the token");

/// The external issuers that are trusted.
#[derive(Clone, Default)]
pub struct Issuers(Arc<[Issuer]>);

struct Issuer {
    setting: IssuerSetting,
    keys: Arc<KeyCache>,
}

/// What is read of a token's claims before anything is verified.
#[derive(Deserialize)]
struct Unverified {
    iss: String,
}

/// What is read of a token's head.
#[derive(Deserialize)]
struct Head {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    crit: Option<Value>,
}

/// The claims of a verified token. What may be of any type is read as what it should be, or not at all.
#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    exp: i64,
    #[serde(default)]
    email: Value,
    #[serde(default)]
    email_verified: Value,
    #[serde(default)]
    name: Value,
}

impl Issuers {
    /// Reads the setting: a JSON list, or the path of a TOML file; none trusts nobody.
    ///
    /// # Errors
    ///
    /// A sentence for the operator.
    pub fn open(setting: Option<&str>) -> Result<Self, String> {
        let Some(setting) = setting else { return Ok(Self::default()) };
        let settings = settings::read(setting)?;
        let http = fetch::client()?;
        let issuers = settings.into_iter().map(|setting| {
            let source = Source::of(&setting);
            Issuer { keys: KeyCache::new(http.clone(), source), setting }
        });
        Ok(Self(issuers.collect()))
    }

    /// Checks the value of the header `Authorization`; none where its token names no issuer of these, and is somebody else's
    /// to check.
    ///
    /// # Errors
    ///
    /// UNAUTHENTICATED, with the same sentence whatever is wrong with it; UNAVAILABLE when the keys that it needs cannot be
    /// had now.
    pub async fn verify(&self, authorization: &str) -> Option<Result<Identity>> {
        if self.0.is_empty() || authorization.len() > LONGEST {
            return None;
        }
        let (scheme, token) = authorization.split_once(' ')?;
        let token = token.trim();
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let mut parts = token.split('.');
        let (head, claims) = (parts.next()?, parts.next()?);
        let Unverified { iss } = read(claims)?;
        let issuer = self.0.iter().find(|issuer| issuer.setting.issuer == iss)?;
        let verified = issuer.verify(head, token).await;
        Some(verified.map_err(|refusal| {
            tracing::info!(issuer = issuer.setting.issuer, reason = refusal.reason, "a token was refused");
            refusal.error
        }))
    }
}

/// Why a token does not count: a word for the log, an error for the client.
struct Refused {
    reason: &'static str,
    error: Error,
}

fn refused(reason: &'static str) -> Refused {
    Refused { reason, error: REFUSAL }
}

impl Issuer {
    async fn verify(&self, head: &str, token: &str) -> Result<Identity, Refused> {
        let head: Head = read(head).ok_or(refused("head"))?;
        let algorithm = self.algorithm(&head)?;
        if head.kid.as_ref().is_some_and(|id| id.len() > LONGEST_KEY_ID) {
            return Err(refused("key id"));
        }
        let key = match self.keys.find(head.kid.as_deref(), algorithm).await {
            Found::Key(key) => key,
            Found::Nothing => return Err(refused("unknown key")),
            Found::Away => return Err(Refused { reason: "issuer away", error: AWAY }),
        };
        let mut validation = Validation::new(algorithm);
        validation.set_issuer(&[&self.setting.issuer]);
        validation.set_audience(&[&self.setting.audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.validate_nbf = true;
        validation.leeway = LEEWAY.into();
        let data = jsonwebtoken::decode::<Claims>(token, key.decoding(), &validation)
            .map_err(|error| refused(reason(&error)))?;
        self.identity(data.claims)
    }

    /// The algorithm of the head, where it is pinned for this issuer. Everything else of the head that could change what the
    /// signature means is refused.
    fn algorithm(&self, head: &Head) -> Result<Algorithm, Refused> {
        let Head { alg, typ, crit, .. } = head;
        // RFC 8725, section 3.11: other kinds of tokens of the same issuer are not for this.
        let kind = typ.as_ref().map(|typ| typ.to_ascii_lowercase());
        if !matches!(kind.as_deref(), None | Some("jwt" | "at+jwt" | "application/at+jwt")) || crit.is_some()
        {
            return Err(refused("kind of token"));
        }
        let pinned = self.setting.algorithms.iter().find(|pinned| pinned.name() == alg.as_str());
        pinned.map(|pinned| pinned.algorithm()).ok_or(refused("algorithm"))
    }

    fn identity(&self, claims: Claims) -> Result<Identity, Refused> {
        let Claims { iss, sub, exp, email, email_verified, name } = claims;
        if sub.is_empty() || sub.len() > LONGEST_SUBJECT || sub.chars().any(char::is_control) {
            return Err(refused("subject"));
        }
        let end = exp.checked_add(LEEWAY.into()).and_then(|end| DateTime::from_timestamp(end, 0));
        let expires_at = end.ok_or(refused("lifetime"))?;
        // The leeway twice: once it is in the end already, and the issuer's clock may be ahead by it.
        if expires_at > crate::clock::now() + LONGEST_LIFETIME + TimeDelta::seconds(2 * i64::from(LEEWAY)) {
            return Err(refused("lifetime"));
        }
        let vouched = self.setting.trust_email && email_verified == Value::Bool(true);
        Ok(Identity {
            issuer: iss,
            subject: sub,
            email: email.as_str().filter(|_| vouched).and_then(address),
            name: name.as_str().and_then(shown),
            expires_at,
        })
    }
}

/// A part of a token as JSON; none where it is none.
fn read<T: for<'de> Deserialize<'de>>(part: &str) -> Option<T> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

fn reason(error: &jsonwebtoken::errors::Error) -> &'static str {
    use jsonwebtoken::errors::ErrorKind;
    match error.kind() {
        ErrorKind::InvalidSignature => "signature",
        ErrorKind::InvalidAudience => "audience",
        ErrorKind::ExpiredSignature => "expired",
        ErrorKind::ImmatureSignature => "not valid yet",
        _ => "claims",
    }
}

/// An address as the database has them: ASCII in lower case. Others vouch for nothing, because their lower case is a matter of
/// opinion.
fn address(text: &str) -> Option<String> {
    let (local, host) = text.split_once('@')?;
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic());
    (plain && !local.is_empty() && !host.is_empty() && text.len() <= LONGEST_EMAIL)
        .then(|| text.to_ascii_lowercase())
}

/// A name without marks that move or hide text, at most 200 characters of it.
fn shown(text: &str) -> Option<String> {
    let plain: String = text.chars().filter(|c| !c.is_control()).collect();
    let name: String = plain.trim().chars().take(LONGEST_NAME).collect();
    (!name.is_empty()).then(|| name.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::{address, shown};

    #[test]
    fn only_a_plain_address_names_an_account() {
        assert_eq!(address("Some.One@Example.COM").as_deref(), Some("some.one@example.com"));
        for wrong in ["", "@", "a@", "@b", "no address", "a b@c", "ä@example.com", "a@b\r\nbcc: c@d"] {
            assert_eq!(address(wrong), None, "{wrong}");
        }
        assert_eq!(address(&format!("{}@b", "a".repeat(400))), None);
    }

    #[test]
    fn a_name_has_no_control_characters_and_an_end() {
        assert_eq!(shown("  Ada\r\n\u{1b}[31m ").as_deref(), Some("Ada[31m"));
        assert_eq!(shown(&"é".repeat(1000)).map(|name| name.chars().count()), Some(200));
        assert_eq!(shown(" \n\0 "), None);
    }
}
