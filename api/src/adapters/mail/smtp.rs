//! Mail by a mail server (RFC 5321, RFC 3207, RFC 4954). Each mail has a connection of its own: what a failure leaves behind in
//! one is nobody's next mail, and accounts do not write many.

use std::time::Duration;

use lettre::message::Mailbox;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use tokio::time::timeout;
use url::{Host, Url};

use super::letter::message;
use super::{Mail, MailError, MailFault, Mailer};
use crate::adapters::http::use_ring;

const CONNECTING: Duration = Duration::from_secs(5);
/// The longest that one mail may take, its connection included.
const SENDING: Duration = Duration::from_secs(30);
const CHECKING: Duration = Duration::from_secs(2);
/// How long the server may take to say good-bye; the mail is its own by then.
const LEAVING: Duration = Duration::from_secs(1);

/// A mail server.
pub(super) struct Smtp {
    host: String,
    port: u16,
    security: Security,
    credentials: Option<Credentials>,
    from: Mailbox,
}

/// How what is said is kept from others.
enum Security {
    /// Not at all: the server is on this machine.
    Plain,
    /// By STARTTLS, without which nothing is sent.
    Upgraded(TlsParameters),
    /// From the first byte.
    Whole(TlsParameters),
}

impl Smtp {
    /// Reads the address; nothing is asked of the server yet.
    pub(super) fn open(address: &str, from: Mailbox) -> Result<Self, String> {
        use_ring();
        let wrong = |what: &str| format!("SMTP_URL: {what}, as `smtps://user:password@mail.example:465`");
        let url = Url::parse(address).map_err(|_| wrong("give an address"))?;
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err(wrong("give nothing behind the port"));
        }
        let (host, is_local) = match url.host() {
            // Of a scheme that is not the web's a host stays as it was written, an IPv4 address among them.
            Some(Host::Domain(name)) => {
                let address: Option<std::net::Ipv4Addr> = name.parse().ok();
                let is_local = name.eq_ignore_ascii_case("localhost")
                    || address.is_some_and(|address| address.is_loopback());
                (name.to_owned(), is_local)
            }
            Some(Host::Ipv4(address)) => (address.to_string(), address.is_loopback()),
            Some(Host::Ipv6(address)) => (address.to_string(), address.is_loopback()),
            None => return Err(wrong("give a host")),
        };
        let tls = || {
            TlsParameters::new(host.clone()).map_err(|_| wrong("TLS cannot be set up for the host; check it"))
        };
        let (security, port) = match url.scheme() {
            "smtps" => (Security::Whole(tls()?), 465),
            "smtp" if is_local => (Security::Plain, 25),
            "smtp" => (Security::Upgraded(tls()?), 587),
            _ => return Err(wrong("begin with smtp:// or smtps://")),
        };
        let decode =
            |text: &str| decoded(text).ok_or_else(|| wrong("give user and password percent-encoded"));
        let credentials = match (url.username(), url.password()) {
            ("", None) => None,
            ("", Some(_)) => return Err(wrong("give the password's user")),
            (_, None) => return Err(wrong("give the user's password")),
            (user, Some(password)) => Some(Credentials::new(decode(user)?, decode(password)?)),
        };
        Ok(Self { host, port: url.port().unwrap_or(port), security, credentials, from })
    }

    async fn connect(&self, hello: &ClientId) -> Result<AsyncSmtpConnection, MailError> {
        let whole = match &self.security {
            Security::Whole(tls) => Some(tls.clone()),
            _ => None,
        };
        let place = (self.host.as_str(), self.port);
        let mut connection = AsyncSmtpConnection::connect_tokio1(place, Some(CONNECTING), hello, whole, None)
            .await
            .map_err(|error| fault(&error, MailFault::Unreachable))?;
        if let Security::Upgraded(tls) = &self.security {
            let upgraded = connection.starttls(tls.clone(), hello).await;
            upgraded.map_err(|error| fault(&error, MailFault::Login))?;
        }
        Ok(connection)
    }

    async fn deliver(&self, mail: &Mail) -> Result<(), MailError> {
        let message = message(&self.from, mail)?;
        let mut connection = self.connect(&ClientId::default()).await?;
        if let Some(credentials) = &self.credentials {
            let entered = connection.auth(&[Mechanism::Plain, Mechanism::Login], credentials).await;
            // A wrong password is the operator's to correct: the mail waits for it.
            entered.map_err(|error| fault(&error, MailFault::Login))?;
        }
        let sent = connection.send(message.envelope(), &message.formatted()).await;
        sent.map_err(|error| {
            let otherwise = if error.is_permanent() || error.is_client() {
                MailFault::Refused
            } else if error.is_transient() {
                MailFault::Postponed
            } else {
                MailFault::Unreachable
            };
            fault(&error, otherwise)
        })?;
        // It has been accepted; however the conversation ends, it has been sent.
        let _ = timeout(LEAVING, connection.quit()).await;
        Ok(())
    }
}

/// What the library reports, without its text, which quotes the server's.
fn fault(error: &lettre::transport::smtp::Error, otherwise: MailFault) -> MailError {
    let fault = if error.is_timeout() { MailFault::TimedOut } else { otherwise };
    MailError { fault, code: error.status().map(u16::from) }
}

#[async_trait::async_trait]
impl Mailer for Smtp {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        timeout(SENDING, self.deliver(mail)).await.unwrap_or(Err(MailError::of(MailFault::TimedOut)))
    }

    async fn check(&self) -> Result<(), MailError> {
        let greeting = async {
            let mut connection = self.connect(&ClientId::default()).await?;
            let _ = timeout(LEAVING, connection.quit()).await;
            Ok(())
        };
        timeout(CHECKING, greeting).await.unwrap_or(Err(MailError::of(MailFault::TimedOut)))
    }
}

/// What stands percent-encoded in an address (RFC 3986, section 2.1).
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        if *first == b'%' {
            let digits = std::str::from_utf8(behind.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &behind[2..];
        } else {
            bytes.push(*first);
            rest = behind;
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use lettre::transport::smtp::client::TlsParameters;
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
    use uuid::Uuid;

    use super::{Security, Smtp, decoded};
    use crate::adapters::http::use_ring;
    use crate::adapters::mail::letter::sender;
    use crate::adapters::mail::{Mail, MailFault, Mailer};
    use crate::supervisor;

    fn open(address: &str) -> Result<Smtp, String> {
        Smtp::open(address, sender("no-reply@example.com").expect("a sender"))
    }

    #[test]
    fn only_a_server_of_this_machine_is_spoken_to_without_tls() {
        for (address, port) in
            [("smtp://127.0.0.1", 25), ("smtp://localhost:2525", 2525), ("smtp://[::1]:26", 26)]
        {
            let smtp = open(address).expect(address);
            assert!(matches!(smtp.security, Security::Plain) && smtp.port == port, "{address}");
        }
        for address in
            ["smtp://mail.example", "smtp://10.0.0.1", "smtp://localhost.example", "smtp://127.0.0.1.example"]
        {
            let smtp = open(address).expect(address);
            assert!(matches!(smtp.security, Security::Upgraded(_)) && smtp.port == 587, "{address}");
        }
        let smtp = open("smtps://mail.example").expect("an address");
        assert!(matches!(smtp.security, Security::Whole(_)) && smtp.port == 465);
    }

    #[test]
    fn a_wrong_address_is_refused_without_its_password() {
        for wrong in [
            "",
            "mail.example",
            "http://user:hunter2@mail.example",
            "smtp://user:hunter2@",
            "smtp://user@mail.example",
            "smtp://:hunter2@mail.example",
            "smtp://user:hunter2%ff@mail.example",
            "smtp://user:hunter2%4@mail.example",
            "smtp://user:hunter2@mail.example/inbox",
            "smtp://user:hunter2@mail.example?tls=none",
        ] {
            let fault = open(wrong).err().unwrap_or_else(|| panic!("{wrong} was taken"));
            assert!(fault.starts_with("SMTP_URL: ") && !fault.contains("hunter2"), "{fault}");
        }
    }

    #[test]
    fn user_and_password_may_have_any_characters() {
        assert_eq!(decoded("a%40b%3A%2F%C3%BC+").as_deref(), Some("a@b:/ü+"));
        assert_eq!(decoded("%"), None);
        assert_eq!(decoded("%zz"), None);
        assert!(
            open("smtps://ada%40example.com:p%40ss@mail.example").expect("an address").credentials.is_some()
        );
    }

    #[tokio::test]
    async fn a_server_that_does_not_offer_starttls_learns_neither_password_nor_mail() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let server = supervisor::spawn("test mail server", async move {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let (from, mut to) = stream.split();
            let (mut lines, mut heard) = (BufReader::new(from).lines(), Vec::new());
            to.write_all(b"220 mailbox\r\n").await.expect("greeted");
            while let Ok(Some(line)) = lines.next_line().await {
                heard.push(line);
                let _ = to.write_all(b"250-mailbox\r\n250 AUTH PLAIN\r\n").await;
            }
            heard
        });
        use_ring();
        let tls = TlsParameters::new("mail.example".to_owned()).expect("certificates");
        let smtp = Smtp {
            host: "127.0.0.1".to_owned(),
            port,
            security: Security::Upgraded(tls),
            ..open("smtps://ada:hunter2@mail.example").expect("an address")
        };
        let mail = Mail {
            id: Uuid::nil(),
            to: "ada@example.org".to_owned(),
            subject: "Hello",
            text: "secret".to_owned(),
            html: "secret".to_owned(),
        };
        let fault = smtp.send(&mail).await.expect_err("not without TLS");
        assert!(fault.fault == MailFault::Login && fault.retryable(), "{fault}");
        let heard = server.join().await.expect("the server");
        assert!(heard.iter().all(|line| line.starts_with("EHLO ") || line == "QUIT"), "{heard:?}");
    }
}
