//! A mail as it travels (RFC 5322, MIME): headers of our own, one recipient, text and HTML.

use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::{Address, Message};

use super::{Mail, MailError, MailFault};

/// RFC 5321, section 4.5.3.1.3: a path has at most 256 characters, two of them brackets.
const LONGEST_ADDRESS: usize = 254;

/// Reads the setting of the sender.
pub(super) fn sender(text: &str) -> Result<Mailbox, String> {
    let wrong = "FOOTNOTE_MAIL_FROM: give a name and an address, as `Footnote <no-reply@example.com>`";
    if text.chars().any(char::is_control) {
        return Err(wrong.to_owned());
    }
    text.parse().map_err(|_| wrong.to_owned())
}

/// Writes the mail down.
pub(super) fn message(from: &Mailbox, mail: &Mail) -> Result<Message, MailError> {
    let unwritable = || MailError::of(MailFault::Address);
    if mail.to.len() > LONGEST_ADDRESS || mail.to.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(unwritable());
    }
    let to: Address = mail.to.parse().map_err(|_| unwritable())?;
    // RFC 3834, section 5: nobody's absence is to answer it.
    let automatic =
        HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned());
    Message::builder()
        .from(from.clone())
        .to(Mailbox::new(None, to))
        .subject(mail.subject)
        .message_id(Some(format!("<{}@{}>", mail.id, from.email.domain())))
        .raw_header(automatic)
        .multipart(MultiPart::alternative_plain_html(mail.text.clone(), mail.html.clone()))
        .map_err(|_| unwritable())
}

#[cfg(test)]
mod tests {
    use super::{message, sender};
    use crate::adapters::mail::Mail;
    use uuid::Uuid;

    fn mail(to: &str) -> Mail {
        Mail {
            id: Uuid::nil(),
            to: to.to_owned(),
            subject: "Confirm your address",
            text: "https://app.example/?token=abc\r\n.\r\nQUIT".to_owned(),
            html: "<p>Grüße</p>".to_owned(),
        }
    }

    fn headers(text: &str) -> Vec<String> {
        let (head, _) = text.split_once("\r\n\r\n").expect("a head");
        head.split("\r\n").map(str::to_owned).collect()
    }

    #[test]
    fn a_mail_has_one_id_one_recipient_and_nothing_that_was_not_meant() {
        let from = sender("Footnote <no-reply@example.com>").expect("a sender");
        for _ in 0..2 {
            let text =
                String::from_utf8(message(&from, &mail("ada@example.org")).expect("written").formatted())
                    .expect("text");
            let headers = headers(&text);
            assert!(
                headers
                    .contains(&"Message-ID: <00000000-0000-0000-0000-000000000000@example.com>".to_owned())
            );
            assert!(headers.contains(&"To: ada@example.org".to_owned()), "{headers:?}");
            assert!(headers.contains(&"Auto-Submitted: auto-generated".to_owned()), "{headers:?}");
        }
    }

    #[test]
    fn an_address_cannot_bring_headers_or_recipients() {
        let from = sender("no-reply@example.com").expect("a sender");
        let long = format!("{}@example.org", "a".repeat(300));
        for hostile in [
            "",
            "ada",
            "@",
            "ada@",
            "ada@example.org\r\nBcc: eve@example.net",
            "ada@example.org\nBcc: eve@example.net",
            "ada@example.org\r",
            "ada@example.org, eve@example.net",
            "ada@example.org eve@example.net",
            "<ada@example.org>",
            "Ada <ada@example.org>",
            "ada@example.org>\u{0}",
            "ada@exa\u{85}mple.org",
            "ada\u{2028}@example.org",
            &long,
        ] {
            assert!(message(&from, &mail(hostile)).is_err(), "{hostile:?}");
        }
    }

    #[test]
    fn a_sender_is_a_mailbox_and_nothing_more() {
        for wrong in ["", "nobody", "a@b@c", "Footnote <a@example.com>\r\nBcc: <b@example.com>"] {
            assert!(sender(wrong).expect_err(wrong).starts_with("FOOTNOTE_MAIL_FROM"), "{wrong}");
        }
        assert!(sender("Größe <no-reply@example.com>").is_ok());
    }
}
