//! Where the links of mails lead, and the tokens in them.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use url::Url;

use crate::config::MailService;

const PLACEHOLDER: &str = "{token}";
/// Where a server listens unless said; for mails of a process that was not told its address.
const LOCAL: &str = "http://127.0.0.1:8787";

/// The pages that links lead to, each an address with `{token}` in it.
#[derive(Clone, Debug)]
pub struct Links {
    /// Confirms an address.
    pub(super) verify: String,
    /// Chooses a new password.
    pub(super) reset: String,
    /// Accepts an invitation.
    pub(super) invite: String,
}

impl Links {
    /// Reads the settings. The token stands behind a `#` unless said otherwise: there no server and no log sees it.
    ///
    /// # Errors
    ///
    /// A sentence for the operator.
    pub fn read(settings: &MailService) -> Result<Self, String> {
        let MailService { smtp_url, public_url, verify_url, reset_url, invite_url, .. } = settings;
        let all_said = verify_url.is_some() && reset_url.is_some() && invite_url.is_some();
        if smtp_url.is_some() && public_url.is_none() && !all_said {
            return Err("SMTP_URL is set, but mails would lead nowhere: set FOOTNOTE_PUBLIC_URL to the address that browsers know \
                        this server by, or FOOTNOTE_VERIFY_URL, FOOTNOTE_RESET_URL and FOOTNOTE_INVITE_URL."
                .to_owned());
        }
        let base = public_url.as_deref().unwrap_or(LOCAL);
        if !is_page(base) || base.contains(['?', '#']) {
            return Err(
                "FOOTNOTE_PUBLIC_URL: give an address without query, as `https://api.example`".to_owned()
            );
        }
        let base = base.trim_end_matches('/');
        let link = |set: &Option<String>, setting: &str, kind: &str| {
            let link = set.clone().unwrap_or_else(|| format!("{base}/account#{kind}={PLACEHOLDER}"));
            let right = link.matches(PLACEHOLDER).count() == 1 && is_page(&link.replace(PLACEHOLDER, "t"));
            right
                .then_some(link)
                .ok_or_else(|| format!("{setting}: give an address with {PLACEHOLDER} once, as `https://app.example/account#{kind}={PLACEHOLDER}`"))
        };
        Ok(Self {
            verify: link(verify_url, "FOOTNOTE_VERIFY_URL", "verify")?,
            reset: link(reset_url, "FOOTNOTE_RESET_URL", "reset")?,
            invite: link(invite_url, "FOOTNOTE_INVITE_URL", "invite")?,
        })
    }
}

fn is_page(text: &str) -> bool {
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic());
    plain && Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

/// A link's token: 256 random bits, in base64url where they are written.
pub(super) struct LinkToken([u8; 32]);

impl LinkToken {
    /// A new one.
    pub(super) fn random() -> Self {
        Self(rand::random())
    }

    /// What the database keeps: SHA-256 of the bits.
    pub(super) fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0).into()
    }

    /// The link with it.
    pub(super) fn link(&self, template: &str) -> String {
        template.replace(PLACEHOLDER, &URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for LinkToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::{LinkToken, Links};
    use crate::config::MailService;

    #[test]
    fn links_lead_to_the_servers_own_page_unless_said() {
        let own = Links::read(&MailService::default()).expect("the default");
        assert_eq!(own.verify, "http://127.0.0.1:8787/account#verify={token}");
        let public_url = Some("https://api.example/".to_owned());
        let reset_url = Some("https://app.example/reset?token={token}".to_owned());
        let set = Links::read(&MailService { public_url, reset_url, ..MailService::default() }).expect("set");
        assert_eq!(set.verify, "https://api.example/account#verify={token}");
        assert_eq!(set.reset, "https://app.example/reset?token={token}");
    }

    #[test]
    fn a_link_that_leads_nowhere_stops_the_start() {
        let smtp_url = "smtps://mail.example".parse().ok();
        let fault = Links::read(&MailService { smtp_url, ..MailService::default() }).expect_err("no page");
        assert!(fault.contains("FOOTNOTE_PUBLIC_URL"), "{fault}");
        for wrong in [
            "https://app.example/reset",
            "{token}",
            "javascript:{token}",
            "https://app.example/{token}/{token}",
            "https://app.example/{token}\r\nBcc: eve@example.net",
            "https://app example/{token}",
        ] {
            let verify_url = Some(wrong.to_owned());
            let fault = Links::read(&MailService { verify_url, ..MailService::default() }).expect_err(wrong);
            assert!(fault.starts_with("FOOTNOTE_VERIFY_URL"), "{fault}");
        }
        for wrong in ["api.example", "https://api.example?a=b", "ftp://api.example"] {
            let public_url = Some(wrong.to_owned());
            assert!(Links::read(&MailService { public_url, ..MailService::default() }).is_err(), "{wrong}");
        }
    }

    #[test]
    fn each_token_is_new_and_is_not_shown() {
        let (one, other) = (LinkToken::random(), LinkToken::random());
        assert_ne!(one.hash(), other.hash());
        let link = one.link("https://app.example/#verify={token}");
        assert_eq!(link.len(), "https://app.example/#verify=".len() + 43);
        assert_eq!(format!("{one:?}"), "***");
    }
}
