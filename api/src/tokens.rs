//! Access tokens: JSON Web Tokens (RFC 7519) signed with Ed25519 (RFC 8037), over a row of `sessions`.
//!
//! A token says which session it belongs to; whether that session is alive is asked of the database at each operation, so
//! signing out works at once. Exactly one algorithm, one issuer and one audience are accepted.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::{DecodePrivateKey, EncodePrivateKey};
use entity::id::{SessionId, UserId};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::{Error, INVALID_TOKEN as REFUSAL, Result};

const ISSUER: &str = "footnote";
const AUDIENCE: &str = "footnote";
/// A token of ours has about 400 characters.
const LONGEST: usize = 4096;

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    /// The user.
    sub: String,
    /// The session.
    sid: String,
    iat: i64,
    exp: i64,
}

/// Mints and checks tokens.
#[derive(Clone)]
pub struct Tokens {
    signing: EncodingKey,
    verifying: DecodingKey,
    /// Made of the key, for hashes that nobody can try out who has the database alone.
    blinding: [u8; 32],
}

impl Tokens {
    /// Reads the signing key of a data folder, and makes it where there is none yet.
    ///
    /// # Errors
    ///
    /// A sentence for the operator.
    pub fn open(file: &Path) -> Result<Self, String> {
        let describe = |error: &dyn std::fmt::Display| format!("the signing key {}: {error}", file.display());
        let der = match std::fs::read(file) {
            Ok(der) => der,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let key = SigningKey::from_bytes(&rand::random());
                let der = key.to_pkcs8_der().map_err(|error| describe(&error))?.as_bytes().to_vec();
                crate::embedded::write_private(file, &der).map_err(|error| describe(&error))?;
                der
            }
            Err(error) => return Err(describe(&error)),
        };
        let key = SigningKey::from_pkcs8_der(&der).map_err(|error| describe(&error))?;
        Self::with(&key).map_err(|error| describe(&error))
    }

    /// Takes a key of Ed25519 that several processes share, as base64 of PKCS#8 or as PEM around it.
    ///
    /// # Errors
    ///
    /// A sentence for the operator, without the key.
    pub fn from_key(text: &str) -> Result<Self, String> {
        const REFUSAL: &str =
            "is not a private key of Ed25519 in PKCS#8 (base64 or PEM); `footnote key new` makes one";
        let body: String = text.lines().filter(|line| !line.starts_with("-----")).map(str::trim).collect();
        if body.len() > LONGEST {
            return Err(REFUSAL.to_owned());
        }
        let der = STANDARD.decode(body).map_err(|_| REFUSAL)?;
        let key = SigningKey::from_pkcs8_der(&der).map_err(|_| REFUSAL)?;
        Self::with(&key).map_err(|_| REFUSAL.to_owned())
    }

    fn with(key: &SigningKey) -> Result<Self, ed25519_dalek::pkcs8::Error> {
        let der = key.to_pkcs8_der()?;
        Ok(Self {
            signing: EncodingKey::from_ed_der(der.as_bytes()),
            verifying: DecodingKey::from_ed_der(key.verifying_key().as_bytes()),
            blinding: Sha256::new()
                .chain_update(b"footnote blinding")
                .chain_update(key.to_bytes())
                .finalize()
                .into(),
        })
    }

    /// A key of this process alone, which answers no requests.
    ///
    /// # Errors
    ///
    /// A sentence for the operator.
    pub fn of_nobody() -> Result<Self, String> {
        let key = SigningKey::from_bytes(&rand::random());
        Self::with(&key).map_err(|error| format!("a signing key: {error}"))
    }

    /// Mints a token for a session, in the form of the header `Authorization`.
    ///
    /// # Errors
    ///
    /// INTERNAL when the key does not sign.
    pub fn mint(&self, user: UserId, session: SessionId, expires_at: DateTime<Utc>) -> Result<String> {
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: user.to_string(),
            sid: session.to_string(),
            iat: crate::clock::now().timestamp(),
            exp: expires_at.timestamp(),
        };
        let token = jsonwebtoken::encode(&Header::new(Algorithm::EdDSA), &claims, &self.signing)
            .map_err(Error::internal)?;
        Ok(format!("Bearer {token}"))
    }

    /// A hash of what could be guessed, such as an address, for one purpose: without the key of the server nobody can try it out.
    #[must_use]
    pub fn blind(&self, purpose: &str, text: &[u8]) -> [u8; 32] {
        // What follows the key has one length, so nothing can be appended to it.
        let inner = Sha256::new()
            .chain_update((purpose.len() as u64).to_be_bytes())
            .chain_update(purpose)
            .chain_update(text)
            .finalize();
        Sha256::new().chain_update(self.blinding).chain_update(inner).finalize().into()
    }

    /// Checks the value of the header `Authorization`.
    ///
    /// # Errors
    ///
    /// UNAUTHENTICATED, with the same sentence whatever is wrong with it.
    pub fn verify(&self, authorization: &str) -> Result<SessionId> {
        if authorization.len() > LONGEST {
            return Err(REFUSAL);
        }
        let (scheme, token) = authorization.split_once(' ').ok_or(REFUSAL)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(REFUSAL);
        }
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.leeway = 5;
        let data =
            jsonwebtoken::decode::<Claims>(token.trim(), &self.verifying, &validation).map_err(|error| {
                tracing::info!(exception.message = %error, "a token was refused");
                REFUSAL
            })?;
        SessionId::parse(&data.claims.sid).map_err(|_| REFUSAL)
    }
}

/// Makes a key for [`Tokens::from_key`], in base64.
///
/// # Errors
///
/// A sentence for the operator: the key cannot be written down.
pub fn new_key() -> Result<String, String> {
    let key = SigningKey::from_bytes(&rand::random());
    let der = key.to_pkcs8_der().map_err(|error| format!("the key cannot be written down: {error}"))?;
    Ok(STANDARD.encode(der.as_bytes()))
}

/// The same key as PEM (RFC 7468), for a file.
#[must_use]
pub fn as_pem(key: &str) -> String {
    let mut pem = String::from("-----BEGIN PRIVATE KEY-----\n");
    for (index, letter) in key.chars().enumerate() {
        if index > 0 && index % 64 == 0 {
            pem.push('\n');
        }
        pem.push(letter);
    }
    pem.push_str("\n-----END PRIVATE KEY-----\n");
    pem
}

#[cfg(test)]
mod tests {
    use super::Tokens;
    use crate::clock::now;
    use entity::id::{SessionId, UserId};

    fn tokens() -> Tokens {
        let folder = tempfile::tempdir().expect("a folder");
        Tokens::open(&folder.path().join("key")).expect("a key")
    }

    #[test]
    fn a_token_brings_back_its_session_and_another_key_refuses_it() {
        let (ours, theirs) = (tokens(), tokens());
        let session = SessionId::new();
        let token = ours.mint(UserId::new(), session, now() + chrono::TimeDelta::hours(1)).expect("a token");
        assert_eq!(ours.verify(&token).expect("valid"), session);
        assert!(theirs.verify(&token).is_err());
    }

    #[test]
    fn gateways_with_one_key_take_each_others_tokens() {
        let key = super::new_key().expect("a key");
        let one = Tokens::from_key(&key).expect("base64");
        let other = Tokens::from_key(&super::as_pem(&key)).expect("PEM");
        let session = SessionId::new();
        let token = one.mint(UserId::new(), session, now() + chrono::TimeDelta::hours(1)).expect("a token");
        assert_eq!(other.verify(&token).expect("valid"), session);
        // As OpenSSL writes it: PKCS#8 version 1, without the public key.
        let openssl = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n";
        let third = Tokens::from_key(openssl).expect("PEM");
        assert!(third.verify(&token).is_err());
        assert!(third.mint(UserId::new(), session, now()).is_ok());
    }

    #[test]
    fn a_blinded_text_depends_on_the_key_and_on_the_purpose() {
        let (ours, theirs) = (tokens(), tokens());
        assert_eq!(ours.blind("a", b"x"), ours.clone().blind("a", b"x"));
        for other in
            [ours.blind("b", b"x"), ours.blind("a", b"y"), theirs.blind("a", b"x"), ours.blind("ax", b"")]
        {
            assert_ne!(ours.blind("a", b"x"), other);
        }
    }

    #[test]
    fn expired_unsigned_and_malformed_tokens_are_refused() {
        let ours = tokens();
        let expired = ours
            .mint(UserId::new(), SessionId::new(), now() - chrono::TimeDelta::minutes(1))
            .expect("a token");
        // {"alg":"none"} with a body of the right form, and no signature.
        let unsigned = format!("Bearer eyJhbGciOiJub25lIn0.{}.", expired.split('.').nth(1).expect("a body"));
        for bad in [
            expired.as_str(),
            &unsigned,
            "",
            "Bearer",
            "Bearer ",
            "Basic abc",
            "Bearer a.b.c",
            &"x".repeat(100_000),
        ] {
            assert!(ours.verify(bad).is_err());
        }
    }
}
