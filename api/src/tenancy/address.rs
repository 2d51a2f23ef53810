//! Where a database is, and how its server may be spoken to.
//!
//! An address is refused before anything is sent where what it says about TLS would not hold: a certificate file that
//! cannot be read, and a root that nothing would be checked against. It never shows its password.

use std::fmt;

use sqlx::postgres::PgConnectOptions;
use url::Url;

/// Whether statements are kept by name on the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Statements {
    /// Each is parsed once a connection.
    #[default]
    Named,
    /// Each is parsed whenever it is sent: a transaction pooler that knows no names may stand in between.
    Unnamed,
}

/// The address of a pool.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    url: String,
    statements: Statements,
}

impl Address {
    /// An address whose statements are named or not.
    #[must_use]
    pub fn new(url: &str, statements: Statements) -> Self {
        Self { url: url.to_owned(), statements }
    }

    /// Whether statements are kept by name.
    pub(super) fn statements(&self) -> Statements {
        self.statements
    }

    /// What the driver connects with.
    ///
    /// # Errors
    ///
    /// As [`connect_options`].
    pub(super) fn options(&self) -> Result<PgConnectOptions, String> {
        connect_options(&self.url)
    }
}

impl From<&str> for Address {
    fn from(url: &str) -> Self {
        Self::new(url, Statements::Named)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Address").field("statements", &self.statements).finish_non_exhaustive()
    }
}

/// The parameters that name a file of certificates or a key.
const FILES: [&str; 7] =
    ["sslrootcert", "ssl-root-cert", "ssl-ca", "sslcert", "ssl-cert", "sslkey", "ssl-key"];

/// What the driver connects with to this address.
///
/// # Errors
///
/// A sentence for the operator, without the address: it is none, or its TLS parameters cannot hold.
pub fn connect_options(url: &str) -> Result<PgConnectOptions, String> {
    let not_one = || "it is not an address; write postgresql://user:password@host/database".to_owned();
    let parsed = Url::parse(url).map_err(|_| not_one())?;
    if !matches!(parsed.scheme(), "postgres" | "postgresql") {
        return Err(not_one());
    }
    let mut verifies = false;
    let mut root = false;
    for (name, value) in parsed.query_pairs() {
        match &*name {
            "sslmode" | "ssl-mode" => verifies = matches!(&*value, "verify-ca" | "verify-full"),
            "sslrootcert" | "ssl-root-cert" | "ssl-ca" => root = true,
            _ => {}
        }
        // The driver takes the text of a certificate too.
        if FILES.contains(&&*name) && !value.starts_with("-----BEGIN") {
            std::fs::File::open(&*value)
                .map_err(|error| format!("the file {value} that its {name} names cannot be read: {error}"))?;
        }
    }
    if root && !verifies {
        return Err(
            "it names a root certificate (sslrootcert), but its sslmode checks none: add sslmode=verify-full"
                .to_owned(),
        );
    }
    let options: PgConnectOptions = url.parse().map_err(|error: sqlx::Error| match error {
        sqlx::Error::Configuration(reason) => format!("one of its parameters means nothing: {reason}"),
        _ => not_one(),
    })?;
    // Servers of today write numbers exactly without it, and poolers refuse parameters that they do not know.
    Ok(options.extra_float_digits(None))
}

#[cfg(test)]
mod tests {
    use super::{Address, Statements, connect_options};

    #[test]
    fn an_address_whose_tls_could_not_hold_is_refused_before_anything_is_sent() {
        for (url, says) in [
            ("", "not an address"),
            ("host=db", "not an address"),
            ("mysql://db/main", "not an address"),
            ("postgresql://db/main?sslmode=sometimes", "parameters"),
            ("postgresql://db/main?port=x", "parameters"),
            ("postgresql://db/main?sslmode=verify-full&sslrootcert=/nowhere/root.pem", "/nowhere/root.pem"),
            ("postgresql://db/main?sslmode=verify-full&sslkey=/nowhere/key.pem", "sslkey"),
            ("postgresql://db/main?sslrootcert=/dev/null", "sslmode=verify-full"),
            ("postgresql://db/main?sslmode=require&sslrootcert=/dev/null", "sslmode=verify-full"),
        ] {
            let refusal = connect_options(url).expect_err(url);
            assert!(refusal.contains(says), "{url}: {refusal}");
        }
        for good in [
            "postgresql://db/main",
            "postgres://app:se%40cret@[::1]:5433/main?sslmode=require",
            "postgresql:///main?host=/run/postgresql",
            "postgresql://db/main?sslmode=verify-full&sslrootcert=/dev/null",
        ] {
            assert!(connect_options(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn an_address_shows_no_password() {
        let address = Address::new("postgresql://app:secret@db/main", Statements::Unnamed);
        assert!(!format!("{address:?}").contains("secret"));
        let refusal = connect_options("postgresql://app:secret@db:x/main").expect_err("no port");
        assert!(!refusal.contains("secret"), "{refusal}");
    }
}
