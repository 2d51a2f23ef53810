//! What the mails say. Besides the link, only plain words of people stand in them: no address, no mark, no link of theirs. An operator's
//! reason is the exception: it goes to owners alone, as text.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde::Deserialize;

/// The text of one kind of mail.
pub(super) struct Letter {
    /// The subject.
    pub(super) subject: &'static str,
    before: Cow<'static, str>,
    after: &'static str,
}

/// Confirms an address.
pub(super) const VERIFY_EMAIL: Letter = Letter {
    subject: "Confirm your address",
    before: Cow::Borrowed(
        "Somebody, probably you, signed up with this address. To confirm that it is yours, open this link within 24 hours:",
    ),
    after: "If it was not you, do nothing: without the link the account cannot be used.",
};

/// Chooses a new password.
pub(super) const PASSWORD_RESET: Letter = Letter {
    subject: "Choose a new password",
    before: Cow::Borrowed(
        "Somebody, probably you, wants a new password for the account with this address. To choose one, open this link within an hour:",
    ),
    after: "It works once, and signs you out everywhere. If it was not you, do nothing: your password stays as it is.",
};

/// Answers a sign-up with an address that has an account.
pub(super) const ACCOUNT_EXISTS: Letter = Letter {
    subject: "You have an account already",
    before: Cow::Borrowed(
        "Somebody, probably you, tried to sign up with this address. It has an account already, and nothing was changed.",
    ),
    after: "Sign in with your password. If you have forgotten it, ask for a new one on the page where you sign in.",
};

/// The most characters of a name that a mail repeats.
const LONGEST_NAME: usize = 60;

/// Asks somebody into a workspace.
pub(super) fn invitation(workspace: &str, inviter: &str) -> Letter {
    let workspace = plain(workspace).unwrap_or_else(|| "a workspace".to_owned());
    let inviter = plain(inviter).unwrap_or_else(|| "Somebody".to_owned());
    Letter {
        subject: "You are invited to a workspace",
        before: Cow::Owned(format!("{inviter} invites you to {workspace}. To join, open this link:")),
        after: "It works once, for an account with this address alone. If you do not know what this is about, do nothing.",
    }
}

/// The words of a name: letters, digits, spaces, hyphens and apostrophes, so that nobody has a link or an address of theirs sent to
/// somebody else. None where nothing is left.
fn plain(name: &str) -> Option<String> {
    let kept = |c: char| if c.is_alphanumeric() || matches!(c, '-' | '\'') { c } else { ' ' };
    let spaced: String = name.chars().map(kept).collect();
    let words = spaced.split_whitespace().collect::<Vec<_>>().join(" ");
    let words: String = words.chars().take(LONGEST_NAME).collect();
    (!words.trim().is_empty()).then(|| words.trim().to_owned())
}

impl Letter {
    /// As plain text.
    pub(super) fn text(&self, link: Option<&str>) -> String {
        let mut text = format!("{}\r\n\r\n", self.before);
        if let Some(link) = link {
            // Writing to a string cannot fail.
            let _ = write!(text, "{link}\r\n\r\n");
        }
        text + self.after + "\r\n"
    }

    /// As HTML.
    pub(super) fn html(&self, link: Option<&str>) -> String {
        let link = link.map(escaped).map(|link| format!("<p><a href=\"{link}\">{link}</a></p>\r\n"));
        format!(
            "<!doctype html>\r\n<html lang=\"en\">\r\n<body>\r\n<p>{}</p>\r\n{}<p>{}</p>\r\n</body>\r\n</html>\r\n",
            escaped(&self.before),
            link.unwrap_or_default(),
            escaped(self.after)
        )
    }
}

/// What an owner is told of an operator who entered their workspace.
#[derive(Deserialize)]
pub(super) struct OperatorEntered {
    workspace: String,
    operator: String,
    reason: String,
    expires_at: String,
    entry: String,
}

impl OperatorEntered {
    /// The subject.
    pub(super) const SUBJECT: &str = "An operator entered your workspace";

    /// The facts, line by line.
    fn lines(&self) -> [(&'static str, &str); 5] {
        [
            ("Workspace", &self.workspace),
            ("Operator", &self.operator),
            ("Reason", &self.reason),
            ("Until", &self.expires_at),
            ("Entry", &self.entry),
        ]
    }

    /// As plain text.
    pub(super) fn text(&self) -> String {
        let facts = self.lines().map(|(name, fact)| format!("{name}: {}\r\n", one_line(fact))).concat();
        format!("{ENTERED_BEFORE}\r\n\r\n{facts}\r\n{ENTERED_AFTER}\r\n")
    }

    /// As HTML.
    pub(super) fn html(&self) -> String {
        let facts = self
            .lines()
            .map(|(name, fact)| format!("<li>{name}: {}</li>\r\n", escaped(&one_line(fact))))
            .concat();
        format!(
            "<!doctype html>\r\n<html lang=\"en\">\r\n<body>\r\n<p>{ENTERED_BEFORE}</p>\r\n<ul>\r\n{facts}</ul>\r\n<p>{ENTERED_AFTER}</p>\r\n</body>\r\n</html>\r\n"
        )
    }
}

const ENTERED_BEFORE: &str = "Somebody who runs this installation has entered a workspace of yours. Until the time below they read what is in it, and may queue dead jobs again.";
const ENTERED_AFTER: &str = "What they do stands in the workspace's audit log. As an owner you can end the entry at once with the mutation operatorEntryEnd.";

/// Without what would begin another line.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::{ACCOUNT_EXISTS, OperatorEntered, PASSWORD_RESET, VERIFY_EMAIL, invitation};

    #[test]
    fn a_name_in_a_mail_is_words_and_neither_a_link_nor_an_address() {
        let letter = invitation("Win at https://evil.example/<b>", "Ann\r\nBcc: eve@evil.example");
        let text = letter.text(None);
        assert!(
            text.starts_with("Ann Bcc eve evil example invites you to Win at https evil example b. To join"),
            "{text}"
        );
        assert!(!letter.html(None).contains("<b>"));
        assert!(invitation("///", "").text(None).starts_with("Somebody invites you to a workspace."));
        let long = invitation(&"ä".repeat(1000), "Ann").text(None);
        assert!(long.lines().all(|line| line.len() <= 998), "{long}");
    }

    #[test]
    fn a_link_stands_in_both_forms_and_cannot_leave_its_attribute() {
        let link = "https://app.example/?a=1&token=\"><script>";
        for letter in [VERIFY_EMAIL, PASSWORD_RESET] {
            assert!(letter.text(Some(link)).contains(&format!("\r\n\r\n{link}\r\n\r\n")));
            let html = letter.html(Some(link));
            assert!(
                html.contains("href=\"https://app.example/?a=1&amp;token=&quot;&gt;&lt;script&gt;\""),
                "{html}"
            );
        }
        assert!(!ACCOUNT_EXISTS.html(None).contains("href"));
    }

    #[test]
    fn what_an_operator_wrote_stays_in_its_line_and_is_text_alone() {
        let entered = OperatorEntered {
            workspace: "Acme <b>".to_owned(),
            operator: "Eve\r\nUntil: never".to_owned(),
            reason: "<script>&\"".to_owned(),
            expires_at: "2026-11-26T12:00:00Z".to_owned(),
            entry: "entry_1".to_owned(),
        };
        let text = entered.text();
        assert_eq!(text.lines().filter(|line| line.starts_with("Until:")).count(), 1, "{text}");
        let html = entered.html();
        assert!(html.contains("Reason: &lt;script&gt;&amp;&quot;") && !html.contains("<b>"), "{html}");
    }

    #[test]
    fn lines_are_short_enough_for_every_mail_server_once_encoded_and_the_texts_are_ascii() {
        for letter in [VERIFY_EMAIL, PASSWORD_RESET, ACCOUNT_EXISTS] {
            let text = letter.text(Some(&"a".repeat(500)));
            // RFC 5322, section 2.1.1.
            assert!(text.is_ascii() && text.lines().all(|line| line.len() <= 998), "{text}");
        }
    }
}
