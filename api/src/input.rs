//! Checks of what clients send: every bad field of an input is named at once.
//!
//! A service reads all fields through one `Check` and ends it before it looks at the database. What a field held is used
//! after the end only, so a text that was refused may be handed out; an id that was refused is none.

use std::ops::RangeInclusive;

use chrono::{DateTime, TimeDelta, Utc};
use entity::id::{Given, TypedId};
use uuid::{Uuid, Variant};

use crate::error::{Error, Issue, Result};

/// How old an id of a client's making may be.
const OLDEST_ID: TimeDelta = TimeDelta::hours(24);
/// How far a client's clock may be ahead.
const NEWEST_ID: TimeDelta = TimeDelta::minutes(10);
/// The longest address for mail, in bytes (RFC 3696, erratum 1690).
const LONGEST_EMAIL: usize = 254;
/// What an issue says of a part that is larger than its limit.
const TOO_LARGE: &str = "TOO_LARGE";

/// Collects what is wrong with an input, or with the arguments of a field.
#[derive(Default)]
pub struct Check {
    /// What every path begins with; nothing for arguments.
    root: Option<&'static str>,
    issues: Vec<Issue>,
    /// The part that is too large, and the most that it may have, in bytes.
    too_large: Option<(&'static str, u64)>,
}

impl Check {
    /// Of the argument `input`: nothing wrong yet.
    #[must_use]
    pub fn new() -> Self {
        Self { root: Some("input"), ..Self::default() }
    }

    /// Of a field's own arguments: nothing wrong yet.
    #[must_use]
    pub fn arguments() -> Self {
        Self::default()
    }

    /// Notes one bad field. Fields of lists and of nested inputs are named with dots: `collectionIds.3`.
    pub fn refuse(&mut self, field: &str, code: &'static str, message: impl Into<String>) {
        let path = self.root.into_iter().chain(field.split('.')).map(str::to_owned).collect();
        self.issues.push(Issue { path, code, message: message.into() });
    }

    /// A text of so many characters once surrounding space is gone, without NUL.
    pub fn text(&mut self, field: &str, text: &str, length: RangeInclusive<usize>) -> String {
        let text = text.trim();
        let count = text.chars().take(length.end() + 1).count();
        if text.contains('\0') {
            self.refuse(
                field,
                "INVALID_CHARACTER",
                format!("`{field}` holds the character U+0000, which no text can."),
            );
        } else if !length.contains(&count) {
            let (least, most) = (length.start(), length.end());
            let message = if text.is_empty() {
                format!("`{field}` is empty; it takes {least} to {most} characters.")
            } else {
                format!("`{field}` takes {least} to {most} characters.")
            };
            self.refuse(field, "LENGTH", message);
        }
        text.to_owned()
    }

    /// The same for a field that may be absent.
    pub fn optional_text(
        &mut self,
        field: &str,
        text: Option<&str>,
        length: RangeInclusive<usize>,
    ) -> Option<String> {
        text.map(|text| self.text(field, text, length))
    }

    /// An address for mail: in lower case, without surrounding space, of the form that mail can be sent to (RFC 5321, section 4.1.2,
    /// without quoted and international forms).
    pub fn email(&mut self, field: &str, text: &str) -> String {
        if text.len() > 2 * LONGEST_EMAIL {
            self.refuse(field, "LENGTH", format!("`{field}` takes 3 to {LONGEST_EMAIL} characters."));
            return String::new();
        }
        let email = normal_email(text);
        if email.len() > LONGEST_EMAIL {
            self.refuse(field, "LENGTH", format!("`{field}` takes 3 to {LONGEST_EMAIL} characters."));
        } else if !is_email(&email) {
            self.refuse(
                field,
                "INVALID",
                format!("`{field}` is no e-mail address, such as name@example.com."),
            );
        }
        email
    }

    /// The `version` that a change was made against: versions count from 1.
    pub fn version(&mut self, version: i32) -> i32 {
        if version < 1 {
            self.refuse("version", "OUT_OF_RANGE", "`version` counts from 1.");
        }
        version
    }

    /// An id of something; none where it was refused.
    pub fn id<T: TypedId>(&mut self, field: &str, given: &Given<T>) -> Option<T> {
        given
            .get()
            .map_err(|malformed| self.refuse(field, "INVALID_ID", format!("`{field}` is {malformed}.")))
            .ok()
    }

    /// A list of ids; none where one was refused. Those beyond the most that it takes are not looked at.
    pub fn ids<T: TypedId>(&mut self, field: &str, given: &[Given<T>], most: usize) -> Option<Vec<T>> {
        if given.len() > most {
            self.refuse(field, "LENGTH", format!("`{field}` takes at most {most} ids."));
        }
        let read: Vec<_> = given
            .iter()
            .take(most)
            .enumerate()
            .map(|(place, id)| self.id(&format!("{field}.{place}"), id))
            .collect();
        read.into_iter().collect()
    }

    /// The id of what is to be made: the client's, checked, or one of ours; none where it was refused.
    pub fn new_id<T: TypedId>(&mut self, field: &str, given: Option<&Given<T>>) -> Option<T> {
        let Some(given) = given else { return Some(T::make()) };
        let id = self.id(field, given)?;
        match fault(id.uuid(), crate::clock::now()) {
            None => Some(id),
            Some((code, fault)) => {
                self.refuse(field, code, format!("`{field}` {fault}."));
                None
            }
        }
    }

    /// Notes that a field is larger than its limit. Where nothing else is wrong, the whole is PAYLOAD_TOO_LARGE.
    pub fn refuse_size(&mut self, field: &str, what: &'static str, limit: u64) {
        self.refuse(field, TOO_LARGE, format!("`{field}` is larger than {limit} bytes."));
        self.too_large = Some((what, limit));
    }

    /// Ends the check.
    ///
    /// # Errors
    ///
    /// BAD_USER_INPUT with every bad field; PAYLOAD_TOO_LARGE where size is all that is wrong.
    pub fn finish(self) -> Result<()> {
        match self.too_large {
            Some((what, limit)) if self.issues.iter().all(|issue| issue.code == TOO_LARGE) => {
                Err(Error::PayloadTooLarge(what, limit))
            }
            _ if self.issues.is_empty() => Ok(()),
            _ => Err(Error::BadUserInput(self.issues)),
        }
    }

    /// Ends the check and hands out what was read, which is there where nothing was refused.
    ///
    /// # Errors
    ///
    /// As [`finish`](Self::finish).
    pub fn finish_with<T>(self, read: Option<T>) -> Result<T> {
        self.finish()?;
        read.ok_or_else(|| Error::internal("a field was not read, and not refused"))
    }
}

/// An address as it is stored and compared.
#[must_use]
pub fn normal_email(text: &str) -> String {
    text.trim().to_ascii_lowercase()
}

fn is_email(email: &str) -> bool {
    let Some((local, domain)) = email.rsplit_once('@') else { return false };
    let atom = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte);
    let atoms = |text: &str| text.split('.').all(|part| !part.is_empty() && part.bytes().all(atom));
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    local.len() <= 64 && atoms(local) && domain.contains('.') && domain.split('.').all(label)
}

/// An id that is an argument of a look-up or a list.
///
/// # Errors
///
/// BAD_USER_INPUT where it is not one of this type.
pub fn argument_id<T: TypedId>(argument: &str, given: &Given<T>) -> Result<T> {
    let mut check = Check::arguments();
    let id = check.id(argument, given);
    check.finish_with(id)
}

/// What keeps a UUID from being the id of something that is made now.
fn fault(id: Uuid, now: DateTime<Utc>) -> Option<(&'static str, String)> {
    let of_version_7 = id.get_version_num() == 7 && id.get_variant() == Variant::RFC4122;
    let time = id.get_timestamp().filter(|_| of_version_7).map(|time| time.to_unix());
    let made_at = time.and_then(|(seconds, nanoseconds)| {
        DateTime::from_timestamp(i64::try_from(seconds).ok()?, nanoseconds)
    });
    let Some(made_at) = made_at else {
        return Some(("INVALID_ID", "holds a UUID that is not of version 7".to_owned()));
    };
    if (now - OLDEST_ID..=now + NEWEST_ID).contains(&made_at) {
        return None;
    }
    let side = if made_at < now { "more than 24 hours behind" } else { "more than 10 minutes ahead of" };
    let (made_at, now) = (rfc3339(made_at), rfc3339(now));
    Some((
        "OUT_OF_RANGE",
        format!("says that it was made at {made_at}, {side} the server's clock, which says {now}"),
    ))
}

fn rfc3339(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta, Utc};
    use entity::id::{CollectionId, DocumentId, Given};
    use uuid::{Builder, Uuid};

    use super::{Check, fault};
    use crate::error::Error;

    fn paths(error: &Error) -> Vec<String> {
        let Error::BadUserInput(issues) = error else { panic!("{error:?}") };
        issues.iter().map(|issue| format!("{} {}", issue.path.join("."), issue.code)).collect()
    }

    #[test]
    fn every_bad_field_is_named_at_once() {
        let mut check = Check::new();
        check.text("title", " ", 1..=10);
        check.text("body", "a\0b", 1..=10);
        check.text("name", "ok", 1..=10);
        let good = Given::from(CollectionId::new());
        let bad = Given::<CollectionId>::read(&DocumentId::new().to_string());
        assert_eq!(check.ids("collectionIds", &[good.clone(), bad.clone(), good, bad], 3), None);
        check.version(0);
        let error = check.finish_with(Some(())).expect_err("five fields are bad");
        assert_eq!(
            paths(&error),
            [
                "input.title LENGTH",
                "input.body INVALID_CHARACTER",
                "input.collectionIds LENGTH",
                "input.collectionIds.1 INVALID_ID",
                "input.version OUT_OF_RANGE"
            ]
        );
    }

    #[test]
    fn size_alone_is_a_payload_and_beside_others_one_of_them() {
        let mut check = Check::new();
        check.refuse_size("text", "document", 4);
        assert!(matches!(check.finish(), Err(Error::PayloadTooLarge("document", 4))));
        let mut check = Check::new();
        check.refuse_size("text", "document", 4);
        check.text("title", "", 1..=10);
        let error = check.finish().expect_err("two fields are bad");
        assert_eq!(paths(&error), ["input.text TOO_LARGE", "input.title LENGTH"]);
    }

    #[test]
    fn an_address_is_one_that_mail_can_be_sent_to() {
        for (given, kept) in
            [(" Ann@Example.COM ", "ann@example.com"), ("o'neil+x@a-b.co", "o'neil+x@a-b.co")]
        {
            let mut check = Check::new();
            assert_eq!(check.email("email", given), kept);
            assert!(check.finish().is_ok(), "{given}");
        }
        let long = format!("{}@{}.example", "a".repeat(64), "b.".repeat(100));
        let enormous = "a".repeat(1 << 20);
        for bad in [
            "",
            "a",
            "@",
            "a@b",
            "a@b.",
            "a@.b",
            "@b.c",
            "a b@c.de",
            "a@b c.de",
            "a@@b.c",
            "a..b@c.de",
            ".a@c.de",
            "a@-b.de",
            "ä@b.de",
            "a@ä.de",
            "a@b.de\r\nBcc: c@d.ef",
            "a\0@b.de",
            "<a@b.de>",
            "\"a\"@b.de",
            "a@[127.0.0.1]",
            "a@b.de,c@d.ef",
            &long,
            &enormous,
        ] {
            let mut check = Check::new();
            check.email("email", bad);
            assert!(matches!(check.finish(), Err(Error::BadUserInput(_))), "{}", &bad[..bad.len().min(40)]);
        }
    }

    #[test]
    fn an_argument_has_its_own_name_as_path() {
        let mut check = Check::arguments();
        check.id("id", &Given::<DocumentId>::read("x"));
        assert_eq!(paths(&check.finish().expect_err("one is bad")), ["id INVALID_ID"]);
    }

    #[test]
    fn an_id_of_a_clients_making_is_of_version_7_and_of_about_now() {
        let now = DateTime::from_timestamp(1_790_000_000, 0).expect("a time");
        let made = |time: DateTime<Utc>| {
            let millis = u64::try_from(time.timestamp_millis()).expect("after 1970");
            Builder::from_unix_timestamp_millis(millis, &[7; 10]).into_uuid()
        };
        let code = |id: Uuid| fault(id, now).map(|(code, _)| code);
        for (offset, expected) in [
            (TimeDelta::zero(), None),
            (TimeDelta::hours(-24), None),
            (TimeDelta::milliseconds(-24 * 3_600_000 - 1), Some("OUT_OF_RANGE")),
            (TimeDelta::minutes(10), None),
            (TimeDelta::milliseconds(600_001), Some("OUT_OF_RANGE")),
        ] {
            assert_eq!(code(made(now + offset)), expected, "{offset}");
        }
        let mut other_variant = made(now).into_bytes();
        other_variant[8] |= 0b1100_0000;
        for id in [Uuid::nil(), Uuid::max(), Uuid::from_u128(1), Uuid::from_bytes(other_variant)] {
            assert_eq!(code(id), Some("INVALID_ID"), "{id}");
        }
        let mut end_of_time = [0xff; 16];
        end_of_time[6] = 0x7f;
        end_of_time[8] = 0xbf;
        assert_eq!(code(Uuid::from_bytes(end_of_time)), Some("OUT_OF_RANGE"));
    }
}
