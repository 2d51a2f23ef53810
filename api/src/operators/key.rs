//! The keys of operators: `fn_op_`, 256 random bits in 43 characters of base62, and a checksum in 6 more.
//!
//! The checksum is CRC-32 (ISO-HDLC) of the 43 characters, so that scanners for leaked credentials recognise a key without asking anybody, and
//! a mistyped one is refused without a visit to the database. What is stored is SHA-256 of the whole text.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::tenancy::OperatorHash;

const PREFIX: &str = "fn_op_";
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// How many characters the random bits take.
const RANDOM: usize = 43;
/// How many characters the checksum takes.
const CHECKSUM: usize = 6;
/// How many characters behind the prefix people may see.
const SHOWN: usize = 4;
const REFUSAL: Error = Error::Unauthenticated("The token is not valid; sign in again.");

/// An operator's key that somebody has shown, with the right form and checksum.
pub struct OperatorKey(OperatorHash);

/// A key that was just made. Its text is shown once.
pub struct NewOperatorKey {
    /// The whole key.
    pub text: String,
    /// Its first characters.
    pub start: String,
    /// SHA-256 of it.
    pub hash: OperatorHash,
}

impl fmt::Debug for OperatorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OperatorKey(***)")
    }
}

impl fmt::Debug for NewOperatorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NewOperatorKey(***)")
    }
}

impl OperatorKey {
    /// Reads the header `Authorization`; none where it holds something else than an operator's key.
    ///
    /// # Errors
    ///
    /// UNAUTHENTICATED for what begins like a key and is none.
    pub fn of_header(authorization: &str) -> Option<Result<Self>> {
        let (scheme, token) = authorization.split_once(' ')?;
        let token = token.trim();
        if !scheme.eq_ignore_ascii_case("bearer") || !token.starts_with(PREFIX) {
            return None;
        }
        let key = Self::read(token);
        if key.is_none() {
            tracing::warn!(reason = "the checksum is not right", "an operator's key was refused");
        }
        Some(key.ok_or(REFUSAL))
    }

    fn read(token: &str) -> Option<Self> {
        let body = token.strip_prefix(PREFIX)?;
        if body.len() != RANDOM + CHECKSUM || !body.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return None;
        }
        let (random, checksum) = body.split_at(RANDOM);
        (checksum_of(random) == checksum).then(|| Self(hash_of(token)))
    }

    /// What the database looks it up by.
    #[must_use]
    pub fn hash(&self) -> OperatorHash {
        self.0
    }
}

impl NewOperatorKey {
    /// Makes one.
    #[must_use]
    pub fn random() -> Self {
        let random = base62(rand::random(), RANDOM);
        let text = format!("{PREFIX}{random}{}", checksum_of(&random));
        let start = text.chars().take(PREFIX.len() + SHOWN).collect();
        let hash = hash_of(&text);
        Self { text, start, hash }
    }
}

fn hash_of(text: &str) -> OperatorHash {
    OperatorHash(Sha256::digest(text).into())
}

fn checksum_of(text: &str) -> String {
    let mut number = [0; 32];
    number[28..].copy_from_slice(&crc32(text.as_bytes()).to_be_bytes());
    base62(number, CHECKSUM)
}

/// A number, given by its bytes from the highest, in so many digits.
fn base62(mut number: [u8; 32], digits: usize) -> String {
    let mut text = vec![DIGITS[0]; digits];
    for place in text.iter_mut().rev() {
        let mut rest = 0_usize;
        for byte in &mut number {
            let value = rest * 256 + usize::from(*byte);
            // The rest before was below 62, so the quotient fits into a byte.
            *byte = u8::try_from(value / 62).unwrap_or(u8::MAX);
            rest = value % 62;
        }
        *place = DIGITS[rest];
    }
    text.into_iter().map(char::from).collect()
}

/// CRC-32 as in ISO 3309: reflected, polynomial 0x04C11DB7.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(
            crc ^ u32::from(*byte),
            |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 },
        )
    })
}

#[cfg(test)]
mod tests {
    use super::{NewOperatorKey, OperatorKey, PREFIX, RANDOM, base62, crc32};

    fn refused(token: &str) -> bool {
        matches!(OperatorKey::of_header(&format!("Bearer {token}")), Some(Err(_)))
    }

    #[test]
    fn the_checksum_is_the_one_that_everybody_computes() {
        // The check value of CRC-32/ISO-HDLC.
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        assert_eq!(base62([255; 32], RANDOM).len(), RANDOM);
        let mut one = [0; 32];
        one[31] = 62;
        assert_eq!(base62(one, 3), "010");
    }

    #[test]
    fn the_largest_number_fits_into_the_characters_of_the_key() {
        // 62^43 is above 2^256, so a digit more would be zero.
        assert!(base62([255; 32], RANDOM + 1).starts_with('0'));
    }

    #[test]
    fn a_key_is_read_back_and_every_other_text_is_refused() {
        let key = NewOperatorKey::random();
        assert_eq!(key.text.len(), PREFIX.len() + 49);
        assert!(key.text.starts_with(&key.start) && key.start.len() == PREFIX.len() + 4);
        let read =
            OperatorKey::of_header(&format!("bEaReR  {} ", key.text)).expect("a key").expect("a good one");
        assert!(read.hash() == key.hash);
        // Each character is covered.
        for place in PREFIX.len()..key.text.len() {
            let mut bytes = key.text.clone().into_bytes();
            bytes[place] = if bytes[place] == b'x' { b'y' } else { b'x' };
            assert!(refused(&String::from_utf8(bytes).expect("ASCII")), "{place}");
        }
        for bad in [
            "fn_op_",
            "fn_op_ä",
            &key.text[..key.text.len() - 1],
            &format!("{}0", key.text),
            &format!("{PREFIX}{}", "0".repeat(1 << 20)),
        ] {
            assert!(refused(bad), "{}", &bad[..bad.len().min(60)]);
        }
        for foreign in ["", "a.b.c", "fn_live_abc", "FN_OP_abc"] {
            assert!(OperatorKey::of_header(&format!("Bearer {foreign}")).is_none(), "{foreign}");
        }
        assert!(OperatorKey::of_header(&key.text).is_none(), "without a scheme it is no header of ours");
    }

    #[test]
    fn no_key_is_shown_and_no_two_are_the_same() {
        let (one, other) = (NewOperatorKey::random(), NewOperatorKey::random());
        assert_ne!(one.text, other.text);
        assert!(!format!("{one:?}").contains(&one.text[6..10]));
    }
}
