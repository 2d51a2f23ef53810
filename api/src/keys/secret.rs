//! The form of API keys, by which whoever looks through texts for leaked secrets recognises one without asking anybody:
//! `fn_live_`, 256 random bits in 43 characters of base62 (`0-9A-Za-z`), and a checksum in 6.
//!
//! The checksum is CRC-32 (IEEE 802.3) over the 43 characters, in base62 too, with leading zeros: the form that GitHub gave its tokens in 2021
//! (<https://github.blog/2021-04-05-behind-githubs-new-authentication-token-formats/>), so that a scanner's finding is no accident and a
//! typing error needs no look at the database. It is no secret and proves nothing: only the database's answer does. The regular
//! expression of a key is `\bfn_live_[0-9A-Za-z]{49}\b`.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::error::{INVALID_TOKEN, Result};
use crate::tenancy::ShownKey;

const PREFIX: &str = "fn_live_";
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// The characters of 256 bits: 62 to the power of 43 is a little more than 2 to the power of 256.
const RANDOM: usize = 43;
/// The characters of 32 bits.
const CHECKSUM: usize = 6;
/// How much of a key everybody may see: the prefix and four characters.
const START: usize = PREFIX.len() + 4;

/// A whole key. It is shown to its maker once.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKeySecret(String);

impl ApiKeySecret {
    /// A new one.
    #[must_use]
    pub fn random() -> Self {
        Self::of(rand::random())
    }

    fn of(random: [u8; 32]) -> Self {
        let random = base62(random, RANDOM);
        let checksum = checksum(&random);
        Self(format!("{PREFIX}{random}{checksum}"))
    }

    /// Reads what a client sent; none where it has not the form of a key, or its checksum is wrong.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(PREFIX)?;
        if digits.len() != RANDOM + CHECKSUM || !digits.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return None;
        }
        let (random, sum) = digits.split_at(RANDOM);
        (sum == checksum(random)).then(|| Self(text.to_owned()))
    }

    /// The key in the value of the header `Authorization`, as the door takes it; none where its token is of another kind.
    ///
    /// # Errors
    ///
    /// UNAUTHENTICATED where it has not the form of a key, or its checksum is wrong: no database is asked.
    pub fn shown_in(authorization: &str) -> Option<Result<ShownKey>> {
        let (scheme, token) = authorization.split_once(' ')?;
        let token = token.trim();
        if !scheme.eq_ignore_ascii_case("bearer") || !token.starts_with(PREFIX) {
            return None;
        }
        let key = Self::read(token);
        if key.is_none() {
            tracing::info!(reason = "not of the form, or a wrong checksum", "an API key was refused");
        }
        Some(key.map(|key| key.shown()).ok_or(INVALID_TOKEN))
    }

    /// As its maker gets it.
    #[must_use]
    pub fn reveal(&self) -> String {
        self.0.clone()
    }

    /// As the database has it: SHA-256 of the whole, which is enough for 256 random bits, and how it begins.
    #[must_use]
    pub fn shown(&self) -> ShownKey {
        let start = self.0.get(..START).unwrap_or(PREFIX).to_owned();
        ShownKey { hash: Sha256::digest(self.0.as_bytes()).into(), start }
    }
}

impl fmt::Debug for ApiKeySecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKeySecret(***)")
    }
}

/// A number, written with its first byte first, in so many digits of base62.
fn base62<const BYTES: usize>(mut number: [u8; BYTES], length: usize) -> String {
    let mut digits = vec![DIGITS[0]; length];
    for digit in digits.iter_mut().rev() {
        let mut rest: u16 = 0;
        for byte in &mut number {
            // At most 61 · 256 + 255, so that the quotient is a byte.
            let part = rest * 256 + u16::from(*byte);
            [_, *byte] = (part / 62).to_be_bytes();
            rest = part % 62;
        }
        *digit = DIGITS[usize::from(rest)];
    }
    digits.into_iter().map(char::from).collect()
}

fn checksum(random: &str) -> String {
    base62(crc32(random.as_bytes()).to_be_bytes(), CHECKSUM)
}

/// CRC-32 with the polynomial 0x04C11DB7, reflected (IEEE 802.3).
fn crc32(bytes: &[u8]) -> u32 {
    let shift = |crc: u32| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
    !bytes.iter().fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| shift(crc)))
}

#[cfg(test)]
mod tests {
    use super::{ApiKeySecret, DIGITS, PREFIX, base62, crc32};
    use proptest::prelude::{any, proptest};

    #[test]
    fn the_checksum_is_the_one_that_everybody_computes() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(b""), 0);
        assert_eq!(base62([0; 4], 6), "000000");
        assert_eq!(base62(u32::MAX.to_be_bytes(), 6), "4gfFC3");
        assert_eq!(base62(61_u32.to_be_bytes(), 2), "0z");
        assert_eq!(base62([0xff; 32], 43).len(), 43);
    }

    #[test]
    fn a_key_has_the_form_that_scanners_look_for() {
        let key = ApiKeySecret::random().reveal();
        let digits = key.strip_prefix("fn_live_").expect("the prefix");
        assert_eq!((key.len(), digits.len()), (57, 49));
        assert!(digits.bytes().all(|byte| DIGITS.contains(&byte)), "{key}");
        assert_ne!(key, ApiKeySecret::random().reveal());
        assert_eq!(ApiKeySecret::of([0; 32]).reveal()[..51], format!("{PREFIX}{}", "0".repeat(43)));
    }

    #[test]
    fn only_a_whole_key_is_one_and_no_log_learns_it() {
        let key = ApiKeySecret::random();
        let text = key.reveal();
        assert_eq!(ApiKeySecret::read(&text).as_ref(), Some(&key));
        let long = format!("{text}{}", "0".repeat(1 << 20));
        for bad in [
            "",
            "fn_live_",
            &text[..56],
            &format!("{text}0"),
            &format!(" {text}"),
            &text.replace("fn_live_", "fn_test_"),
            &format!("fn_live_{}", "ä".repeat(49)),
            &format!("fn_live_{}", "-".repeat(49)),
            &long,
        ] {
            assert!(ApiKeySecret::read(bad).is_none(), "{}", &bad[..bad.len().min(20)]);
        }
        let shown = key.shown();
        assert_eq!(shown.start, text[..12]);
        for logged in [format!("{key:?}"), format!("{shown:?}")] {
            assert!(!logged.contains(&text[12..]), "{logged}");
        }
    }

    #[test]
    fn tokens_of_other_kinds_are_left_to_others() {
        let key = ApiKeySecret::random();
        for other in ["", "Bearer", "Bearer eyJ0.x.y", "Bearer fn_test_x", &key.reveal(), "Basic fn_live_x"] {
            assert!(ApiKeySecret::shown_in(other).is_none(), "{other}");
        }
        assert!(matches!(ApiKeySecret::shown_in("Bearer fn_live_x"), Some(Err(_))));
        let shown = ApiKeySecret::shown_in(&format!("BEARER  {} ", key.reveal()));
        assert_eq!(shown.and_then(Result::ok), Some(key.shown()));
    }

    proptest! {
        #[test]
        fn a_wrong_character_anywhere_is_seen_without_a_database(
            random in any::<[u8; 32]>(), place in 8..57_usize, other in 0..62_usize,
        ) {
            let key = ApiKeySecret::of(random).reveal();
            let mut bytes = key.clone().into_bytes();
            bytes[place] = DIGITS[other];
            let changed = String::from_utf8(bytes).expect("ASCII");
            assert_eq!(ApiKeySecret::read(&changed).is_some(), changed == key);
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in any::<String>()) {
            let _ = ApiKeySecret::read(&text);
            let _ = ApiKeySecret::read(&format!("fn_live_{text}"));
            let _ = ApiKeySecret::shown_in(&format!("Bearer fn_live_{text}"));
        }
    }
}
