//! Why a database cannot be reached, as a sentence for the operator that says what to do.

use std::io;

use rustls::CertificateError;

/// What the driver's error means while a connection is made.
#[must_use]
pub fn explain(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Io(cause) => certificate(cause).map_or_else(|| network(cause), untrusted),
        sqlx::Error::Tls(cause) if cause.to_string().contains("does not support TLS") => {
            "the server offers no TLS, which the address demands: switch it on there (ssl = on), or lower sslmode where the way \
             to it is private"
                .to_owned()
        }
        sqlx::Error::PoolTimedOut => {
            "nobody answered in time: look at the address, the network and whether the server takes further connections".to_owned()
        }
        sqlx::Error::Database(refusal) => match refusal.code().as_deref() {
            Some("28P01" | "28000") => {
                format!("it refuses the role or its password: {}", refusal.message())
            }
            Some("08P01") if refusal.message().contains("startup parameter") => format!(
                "a pooler is in between that refuses a parameter ({}): migrations, listening and the owner's commands need the \
                 server's own address",
                refusal.message()
            ),
            Some("42P05" | "26000") => format!(
                "{}: a transaction pooler is in between that knows no named statements; set FOOTNOTE_NO_NAMED_STATEMENTS=true",
                refusal.message()
            ),
            _ => refusal.message().to_owned(),
        },
        other => other.to_string(),
    }
}

/// What is wrong with the server's certificate, where that is the fault.
fn certificate(error: &io::Error) -> Option<&CertificateError> {
    match error.get_ref()?.downcast_ref::<rustls::Error>()? {
        rustls::Error::InvalidCertificate(fault) => Some(fault),
        _ => None,
    }
}

fn untrusted(fault: &CertificateError) -> String {
    match fault {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "the server's certificate has expired: give it a new one".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "the server's certificate is not valid yet: look at the clocks of both machines".to_owned()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "the server's certificate is for another host name: connect by a name that stands in it, or have it issued for this one"
                .to_owned()
        }
        // An authority of the same name has another key.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "the server's certificate is signed by nobody who is trusted here: name the file of its root certificate with sslrootcert \
             in the address, and if you have, the address leads to another server"
                .to_owned()
        }
        other => format!("the server's certificate does not hold ({other:?}): give it a new one"),
    }
}

fn network(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset => {
            "the connection was broken off while it was made: look for a firewall or proxy in between, and at the server's log".to_owned()
        }
        _ => error.to_string(),
    }
}
