//! Passwords: what one may be, and how it is hashed.
//!
//! Argon2id with the parameters that OWASP recommends (Password Storage Cheat Sheet: m = 19 MiB, t = 2, p = 1). A hash takes a core for
//! tens of milliseconds, so it is made on the blocking pool, by one core fewer than there are, with a bounded queue before it:
//! whatever strangers send, other requests have a core. Normalised by NFKC (NIST SP 800-63B, section 5.1.1.2), so that the same keys on
//! another keyboard are the same password.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use argon2::password_hash::{PasswordHash, PasswordHasher as _, PasswordVerifier as _, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::sync::Semaphore;
use unicode_normalization::UnicodeNormalization;

use crate::config::SecretSetting;
use crate::error::{Error, Result};
use crate::input::Check;

/// Memory in KiB, passes and lanes, by OWASP's recommendation.
pub const PARAMETERS: (u32, u32, u32) = (19 * 1024, 2, 1);
/// The shortest and the longest password, in characters after normalisation.
const SHORTEST: usize = 8;
const LONGEST: usize = 256;
/// The longest text that is looked at, in bytes: 256 characters of 4.
const LONGEST_TEXT: usize = 1024;
/// How many may wait for each core that hashes: a second or two of work.
const QUEUE: usize = 32;
/// When whoever found the queue full may ask again.
const RETRY_AFTER_MS: u32 = 2000;

/// What guessers try first: the heads of published lists, of those that are long enough. In lower case.
const COMMON: &[&str] = &[
    "00000000",
    "000000000",
    "11111111",
    "111111111",
    "1111111111",
    "11223344",
    "12121212",
    "123123123",
    "12341234",
    "12344321",
    "12345678",
    "123456789",
    "1234567890",
    "12345678910",
    "1234qwer",
    "123qweasd",
    "147258369",
    "1q2w3e4r",
    "1q2w3e4r5t",
    "1qaz2wsx",
    "1qazxsw2",
    "22222222",
    "55555555",
    "66666666",
    "77777777",
    "87654321",
    "88888888",
    "987654321",
    "99999999",
    "a1234567",
    "a12345678",
    "aa123456",
    "aaaaaaaa",
    "abc12345",
    "abcd1234",
    "abcdefgh",
    "access14",
    "admin123",
    "administrator",
    "alexander",
    "asdf1234",
    "asdfasdf",
    "asdfghjk",
    "asdfghjkl",
    "baseball",
    "basketball",
    "benjamin",
    "butterfly",
    "changeme",
    "charlie1",
    "chocolate",
    "computer",
    "corvette",
    "cowboys1",
    "danielle",
    "dearbook",
    "december",
    "dragon12",
    "einstein",
    "elephant",
    "football",
    "football1",
    "garfield",
    "iloveyou",
    "iloveyou1",
    "internet",
    "jennifer",
    "jessica1",
    "jonathan",
    "letmein1",
    "liverpool",
    "maverick",
    "mercedes",
    "michael1",
    "michelle",
    "midnight",
    "mustang1",
    "myspace1",
    "nicholas",
    "p@ssw0rd",
    "p@ssword",
    "passw0rd",
    "password",
    "password!",
    "password1",
    "password12",
    "password123",
    "password1234",
    "patricia",
    "princess",
    "princess1",
    "q1w2e3r4",
    "q1w2e3r4t5",
    "qazwsxedc",
    "qwer1234",
    "qwerty12",
    "qwerty123",
    "qwertyui",
    "qwertyuiop",
    "qwertz123",
    "samantha",
    "september",
    "sunshine",
    "sunshine1",
    "superman",
    "superman1",
    "swordfish",
    "test1234",
    "trustno1",
    "victoria",
    "welcome1",
    "welcome123",
    "whatever",
    "william1",
    "zaq12wsx",
    "zaq1zaq1",
    "zxcvbnm1",
    "zxcvbnm123",
];

/// A password that a person chose or showed: normalised, of bounded length, never shown.
#[derive(Clone)]
pub struct Password(String);

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(***)")
    }
}

impl Password {
    /// One that is to be somebody's: of 8 to 256 characters, and none that everybody tries.
    pub fn chosen(check: &mut Check, field: &str, text: &str) -> Self {
        let password = Self::shown(check, field, text);
        let count = password.0.chars().take(LONGEST + 1).count();
        if count < SHORTEST && text.len() <= LONGEST_TEXT {
            check.refuse(field, "LENGTH", format!("`{field}` takes {SHORTEST} to {LONGEST} characters."));
        } else if COMMON.binary_search(&password.0.to_lowercase().as_str()).is_ok() {
            check.refuse(field, "COMMON", format!("`{field}` is one of the passwords that are tried first."));
        }
        password
    }

    /// One of our own making, and its text, which is shown to its person.
    #[must_use]
    pub fn random() -> (Self, SecretSetting) {
        let text = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 12]>());
        (Self(text.clone()), SecretSetting::from(text))
    }

    /// One that is to be compared: whatever its length, but for what could be nobody's.
    pub fn shown(check: &mut Check, field: &str, text: &str) -> Self {
        // Before anything else: to normalise a megabyte is work, too.
        let fits = text.len() <= LONGEST_TEXT;
        let normal: String = if fits { text.nfkc().take(LONGEST + 1).collect() } else { String::new() };
        if !fits || normal.chars().count() > LONGEST {
            check.refuse(field, "LENGTH", format!("`{field}` takes {SHORTEST} to {LONGEST} characters."));
        }
        Self(normal)
    }
}

/// What comparing came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Another password, or no account.
    Wrong,
    /// The password.
    Right,
    /// The password, under a hash of weaker parameters than today's.
    RightButOutdated,
}

/// Hashes and compares, a bounded number at a time.
#[derive(Clone)]
pub struct Hasher {
    slots: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
    most_waiting: usize,
    computed: Arc<AtomicU64>,
}

impl Default for Hasher {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self::new(cores.saturating_sub(1).max(1))
    }
}

impl Hasher {
    /// With so many at a time.
    #[must_use]
    pub fn new(slots: usize) -> Self {
        Self {
            slots: Arc::new(Semaphore::new(slots)),
            waiting: Arc::default(),
            most_waiting: slots * QUEUE,
            computed: Arc::default(),
        }
    }

    /// How many hashes were computed since the start: for sign-ins of unknown people, too.
    #[must_use]
    pub fn computed(&self) -> u64 {
        self.computed.load(Ordering::Relaxed)
    }

    /// Looks whether there is room in the queue, before anything is counted against whoever would wait in it.
    ///
    /// # Errors
    ///
    /// RATE_LIMITED where too many wait.
    pub fn refuse_when_full(&self) -> Result<()> {
        Place::take(&self.waiting, self.most_waiting).map(drop)
    }

    /// Hashes a password, in the PHC string format.
    ///
    /// # Errors
    ///
    /// RATE_LIMITED where too many wait.
    pub async fn hash(&self, password: &Password) -> Result<String> {
        let password = password.clone();
        self.work(move || hash(&password)).await?
    }

    /// Compares a password with a stored hash. Without one the same work is done, and it is wrong.
    ///
    /// # Errors
    ///
    /// RATE_LIMITED where too many wait, INTERNAL where what is stored is no hash.
    pub async fn compare(&self, password: &Password, stored: Option<&str>) -> Result<Verdict> {
        let (password, stored) = (password.clone(), stored.map(str::to_owned));
        self.work(move || match stored {
            Some(stored) => compare(&password, &stored),
            None => hash(&password).map(|_| Verdict::Wrong),
        })
        .await?
    }

    async fn work<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let place = Place::take(&self.waiting, self.most_waiting)?;
        let slot = self.slots.clone().acquire_owned().await.map_err(Error::internal)?;
        drop(place);
        self.computed.fetch_add(1, Ordering::Relaxed);
        // The slot goes with the work, which does not stop when the request does.
        let working = tokio::task::spawn_blocking(move || {
            let _held = slot;
            work()
        });
        working.await.map_err(|_| Error::internal("a hash was not computed"))
    }
}

/// A place in the queue.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicUsize, most: usize) -> Result<Self> {
        let place = Self(waiting);
        if waiting.fetch_add(1, Ordering::Relaxed) >= most {
            return Err(Error::RateLimited(RETRY_AFTER_MS));
        }
        Ok(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn argon2() -> Result<Argon2<'static>> {
    let (memory, passes, lanes) = PARAMETERS;
    let params = Params::new(memory, passes, lanes, None).map_err(Error::internal)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn hash(password: &Password) -> Result<String> {
    let salt = SaltString::encode_b64(&rand::random::<[u8; 16]>()).map_err(Error::internal)?;
    let hash = argon2()?.hash_password(password.0.as_bytes(), &salt).map_err(Error::internal)?;
    Ok(hash.to_string())
}

fn compare(password: &Password, stored: &str) -> Result<Verdict> {
    // Neither the hash nor what is wrong with it goes to the log.
    let stored = PasswordHash::new(stored).map_err(|_| Error::internal("a stored hash is malformed"))?;
    if argon2()?.verify_password(password.0.as_bytes(), &stored).is_err() {
        return Ok(Verdict::Wrong);
    }
    let (memory, passes, _) = PARAMETERS;
    let weaker = match Params::try_from(&stored) {
        Ok(params) => params.m_cost() < memory || params.t_cost() < passes,
        Err(_) => true,
    };
    Ok(if weaker || stored.algorithm != argon2::ARGON2ID_IDENT {
        Verdict::RightButOutdated
    } else {
        Verdict::Right
    })
}

#[cfg(test)]
mod tests {
    use super::{COMMON, Hasher, Password, Verdict};
    use crate::error::Error;
    use crate::input::Check;
    use argon2::password_hash::{PasswordHasher as _, SaltString};
    use argon2::{Algorithm, Argon2, Params, Version};

    fn chosen(text: &str) -> Result<Password, Vec<&'static str>> {
        let mut check = Check::new();
        let password = Password::chosen(&mut check, "password", text);
        match check.finish() {
            Ok(()) => Ok(password),
            Err(Error::BadUserInput(issues)) => Err(issues.iter().map(|issue| issue.code).collect()),
            Err(error) => panic!("{error:?}"),
        }
    }

    #[test]
    fn a_password_has_8_to_256_characters_and_is_not_what_everybody_tries() {
        assert!(COMMON.is_sorted() && COMMON.iter().all(|common| *common == common.to_lowercase()));
        for good in ["correct horse", "ääääääää", &"x".repeat(256), &"😀".repeat(256), "a\0b c d e f"]
        {
            assert!(chosen(good).is_ok(), "{good}");
        }
        let too_long = ["x".repeat(257), "x".repeat(1 << 20), "\u{fdfa}".repeat(200), "ä".repeat(600)];
        for bad in ["", "short", "1234567"].into_iter().chain(too_long.iter().map(String::as_str)) {
            assert_eq!(chosen(bad).expect_err("refused"), ["LENGTH"]);
        }
        for bad in ["password", "PassWord1", "ｐassword"] {
            assert_eq!(chosen(bad).expect_err("refused"), ["COMMON"], "{bad}");
        }
        assert!(!format!("{:?}", chosen("correct horse")).contains("horse"));
    }

    #[tokio::test]
    async fn a_hash_is_of_its_password_alone_and_unknown_people_cost_the_same() {
        let hasher = Hasher::new(1);
        let password = chosen("corre\u{301}ct horse").expect("a password");
        let stored = hasher.hash(&password).await.expect("a hash");
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        let same = chosen("corr\u{e9}ct horse").expect("a password");
        assert_eq!(hasher.compare(&same, Some(&stored)).await.expect("compared"), Verdict::Right);
        let other = chosen("correct house").expect("a password");
        assert_eq!(hasher.compare(&other, Some(&stored)).await.expect("compared"), Verdict::Wrong);
        assert_eq!(hasher.computed(), 3);
        assert_eq!(hasher.compare(&other, None).await.expect("compared"), Verdict::Wrong);
        assert_eq!(hasher.computed(), 4);
        let error = hasher.compare(&other, Some("plain")).await.expect_err("no hash");
        assert!(!format!("{error:?}").contains("plain"));
    }

    #[tokio::test]
    async fn a_hash_of_weaker_parameters_is_right_and_outdated() {
        let password = chosen("correct horse").expect("a password");
        let weak = Argon2::new(
            Algorithm::Argon2id,
            Version::V0x13,
            Params::new(8192, 1, 1, None).expect("parameters"),
        );
        let salt = SaltString::encode_b64(&[7; 16]).expect("a salt");
        let stored = weak.hash_password(b"correct horse", &salt).expect("a hash").to_string();
        let verdict = Hasher::new(1).compare(&password, Some(&stored)).await.expect("compared");
        assert_eq!(verdict, Verdict::RightButOutdated);
    }

    #[tokio::test]
    async fn a_full_queue_refuses_at_once_and_empties_again() {
        let hasher = Hasher::new(1);
        let password = chosen("correct horse").expect("a password");
        let all = (0..60).map(|_| hasher.hash(&password));
        let results = futures_util::future::join_all(all).await;
        let refused = results.iter().filter(|result| matches!(result, Err(Error::RateLimited(_)))).count();
        assert!((1..60).contains(&refused), "{refused}");
        assert!(hasher.hash(&password).await.is_ok());
    }
}
