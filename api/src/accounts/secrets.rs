//! Refresh tokens and the tokens of links: 256 random bits, of which the database keeps SHA-256 alone.
//!
//! A refresh token's successor is kept for the grace window under a pad that only the token's holder can make: a second tab that
//! shows the same token gets the same successor, and nobody reads it in the database. A plain hash is enough, because 256 random
//! bits cannot be guessed from it.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// The characters of a token: 32 bytes in base64url without padding (RFC 4648, section 5).
const LENGTH: usize = 43;

/// A token.
#[derive(Clone, PartialEq, Eq)]
pub struct OpaqueToken([u8; 32]);

impl OpaqueToken {
    /// A new one.
    pub(super) fn random() -> Self {
        Self(rand::random())
    }

    /// Reads what a client sent; none where it cannot be one.
    pub(super) fn read(text: &str) -> Option<Self> {
        if text.len() != LENGTH {
            return None;
        }
        URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok().map(Self)
    }

    /// As clients have it.
    pub(super) fn reveal(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// As the database has it.
    pub(super) fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0).into()
    }

    /// Another token under this one's pad; the same again takes the pad away.
    fn pad(&self, other: [u8; 32]) -> [u8; 32] {
        let pad = Sha256::new().chain_update(b"successor").chain_update(self.0).finalize();
        let mut padded = other;
        for (byte, pad) in padded.iter_mut().zip(pad) {
            *byte ^= pad;
        }
        padded
    }

    /// This token's successor, so that only this token's holder can read it.
    pub(super) fn seal(&self, successor: &Self) -> [u8; 32] {
        self.pad(successor.0)
    }

    /// The successor that was sealed.
    pub(super) fn open(&self, sealed: [u8; 32]) -> Self {
        Self(self.pad(sealed))
    }
}

impl fmt::Debug for OpaqueToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OpaqueToken(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::OpaqueToken;

    #[test]
    fn a_token_is_read_back_and_nothing_else_is_one() {
        let token = OpaqueToken::random();
        assert_eq!(OpaqueToken::read(&token.reveal()).as_ref(), Some(&token));
        assert!(!format!("{token:?}").contains(&token.reveal()));
        let long = "x".repeat(1 << 20);
        for bad in ["", "a", &format!("{}=", token.reveal()), &"+".repeat(43), &"ä".repeat(43), &long] {
            assert!(OpaqueToken::read(bad).is_none());
        }
    }

    #[test]
    fn only_the_token_opens_what_it_sealed() {
        let (one, other, successor) = (OpaqueToken::random(), OpaqueToken::random(), OpaqueToken::random());
        let sealed = one.seal(&successor);
        assert_eq!(one.open(sealed), successor);
        assert_ne!(other.open(sealed), successor);
        assert!(sealed != successor.0 && sealed != one.hash());
    }
}
