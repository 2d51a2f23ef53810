//! Mail: a trait, and what implements it: a mail server, or files in the data folder where none is set.
//!
//! It guarantees that a mail has one `Message-ID` however often it is sent, that nothing of a mail but its body and its one
//! address comes from outside the program, that sending is bounded in time, and that a failure says whether another attempt
//! may succeed. It refuses to speak to a mail server of another machine without TLS. No failure carries an address, a
//! token or a word of the server's.

mod files;
mod letter;
mod smtp;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use uuid::Uuid;

use crate::config::MailService;

/// A mail to one person.
#[derive(Clone, PartialEq, Eq)]
pub struct Mail {
    /// What it is known by, here and in its `Message-ID`.
    pub id: Uuid,
    /// The address.
    pub to: String,
    /// The subject.
    pub subject: &'static str,
    /// The text.
    pub text: String,
    /// The same as HTML.
    pub html: String,
}

/// Shows the id alone: the rest is an address and a link that opens an account.
impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mail").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Why a mail was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MailError {
    /// What went wrong.
    pub fault: MailFault,
    /// The mail server's reply code (RFC 5321, section 4.2), where it gave one.
    pub code: Option<u16>,
}

/// What can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailFault {
    /// There is no such address, or it cannot be written down.
    Address,
    /// The server has refused this mail for good.
    Refused,
    /// The server has refused it for now.
    Postponed,
    /// The server does not let us in: TLS or the password.
    Login,
    /// The server cannot be reached, or the connection broke.
    Unreachable,
    /// It took too long.
    TimedOut,
    /// The file could not be written.
    Disk,
}

impl MailError {
    fn of(fault: MailFault) -> Self {
        Self { fault, code: None }
    }

    /// Whether another attempt may succeed. One that was refused for good may only be about its address or its content.
    #[must_use]
    pub fn retryable(self) -> bool {
        !matches!(self.fault, MailFault::Address | MailFault::Refused)
    }
}

impl fmt::Display for MailError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.fault {
            MailFault::Address => "the address cannot be written to",
            MailFault::Refused => "the mail server refused the mail",
            MailFault::Postponed => "the mail server refused the mail for now",
            MailFault::Login => "the mail server did not let us in",
            MailFault::Unreachable => "the mail server could not be reached",
            MailFault::TimedOut => "the mail server took too long",
            MailFault::Disk => "the mail could not be written to the disk",
        })?;
        self.code.map_or(Ok(()), |code| write!(f, " ({code})"))
    }
}

/// What sends mail.
#[async_trait::async_trait]
pub trait Mailer: Send + Sync {
    /// Sends one. Called again with the same mail it may arrive again, under the same `Message-ID`.
    async fn send(&self, mail: &Mail) -> Result<(), MailError>;

    /// Whether mail could be sent now; answers within two seconds.
    async fn check(&self) -> Result<(), MailError>;
}

/// Opens what the settings ask for.
///
/// # Errors
///
/// A sentence for the operator, without the password.
pub fn open(settings: &MailService, data: &Path) -> Result<Arc<dyn Mailer>, String> {
    let from = letter::sender(&settings.mail_from)?;
    Ok(match &settings.smtp_url {
        Some(url) => Arc::new(smtp::Smtp::open(url.reveal(), from)?),
        None => Arc::new(files::Files::open(&data.join("mail"), from)?),
    })
}
