//! A person as somebody else's issuer knows them.

use std::fmt;

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

/// What a verified token of an external issuer proves.
#[derive(Clone, PartialEq, Eq)]
pub struct Identity {
    /// Who says so, as the issuer writes its own address.
    pub issuer: String,
    /// Whom it says it of; unique with that issuer alone.
    pub subject: String,
    /// An address in lower case that the issuer has verified and may vouch for; none otherwise.
    pub email: Option<String>,
    /// A name to show; none where the token has none.
    pub name: Option<String>,
    /// When the person showed the issuer who they are, as far as the token tells: when they signed in, else when it was issued.
    pub authenticated_at: Option<DateTime<Utc>>,
    /// After this moment it proves nothing.
    pub expires_at: DateTime<Utc>,
}

impl Identity {
    /// What the database looks it up by: SHA-256 over the issuer, a zero byte and the subject, neither of which has one.
    #[must_use]
    pub fn key(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(self.issuer.as_bytes());
        hash.update([0]);
        hash.update(self.subject.as_bytes());
        hash.finalize().into()
    }
}

/// Shows the issuer alone: the rest is about a person.
impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::Identity;

    fn identity(issuer: &str, subject: &str) -> Identity {
        Identity {
            issuer: issuer.to_owned(),
            subject: subject.to_owned(),
            email: Some("someone@example.com".to_owned()),
            name: None,
            authenticated_at: None,
            expires_at: crate::clock::now(),
        }
    }

    #[test]
    fn two_issuers_with_one_subject_have_two_keys_however_the_texts_are_cut() {
        let keys = [("https://a.example", "b1"), ("https://a.exampleb", "1"), ("https://b.example", "b1")]
            .map(|(issuer, subject)| identity(issuer, subject).key());
        assert!(keys[0] != keys[1] && keys[0] != keys[2] && keys[1] != keys[2]);
    }

    #[test]
    fn a_log_does_not_learn_who_it_is() {
        let shown = format!("{:?}", identity("https://a.example", "s-123"));
        assert!(shown.contains("https://a.example"), "{shown}");
        assert!(!shown.contains("s-123") && !shown.contains("someone"), "{shown}");
    }
}
