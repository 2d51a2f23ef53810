//! Addresses in settings: whether they are ones, and how they look without what is secret in them.

use std::net::IpAddr;

use url::{Host, Url};

use super::Faults;

/// What stands for a secret.
pub const MASK: &str = "***";

/// The parameters of an address that tell no secret.
const HARMLESS: &[&str] = &[
    "application_name",
    "dbname",
    "host",
    "hostaddr",
    "options",
    "port",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "statement-cache-capacity",
    "user",
];

/// The address with its password and unknown parameters masked; masked as a whole where it is not one.
#[must_use]
pub fn masked(text: &str) -> String {
    let Ok(mut url) = Url::parse(text) else { return MASK.to_owned() };
    if url.cannot_be_a_base() {
        return MASK.to_owned();
    }
    // Some providers take a key in the place of the user's name.
    let key_as_name = matches!(url.scheme(), "http" | "https") && !url.username().is_empty();
    let masked = (!key_as_name || url.set_username(MASK).is_ok())
        && (url.password().is_none() || url.set_password(Some(MASK)).is_ok());
    if !masked {
        return MASK.to_owned();
    }
    if let Some(query) = url.query() {
        let shown: Vec<String> = query.split('&').map(parameter).collect();
        url.set_query(Some(&shown.join("&")));
    }
    // The place of a link's token is no secret; anything else may be.
    if url.fragment().is_some_and(|fragment| !fragment.contains("{token}")) {
        url.set_fragment(None);
    }
    url.to_string()
}

fn parameter(pair: &str) -> String {
    let name = pair.split_once('=').map_or(pair, |(name, _)| name);
    match pair.split_once('=') {
        Some(_) if !HARMLESS.contains(&name) => format!("{name}={MASK}"),
        Some(_) => pair.to_owned(),
        None => MASK.to_owned(),
    }
}

/// Demands an address of one of these schemes with a host; `example` is one.
pub fn check(faults: &mut Faults, setting: &str, text: &str, schemes: &[&str], example: &str) -> Option<Url> {
    let url = Url::parse(text).ok().filter(|url| schemes.contains(&url.scheme()) && url.has_host());
    if url.as_ref().is_none_or(|url| url.host_str().is_none_or(str::is_empty)) {
        faults.add(setting, format!("is not an address; write it as {example}"));
        return None;
    }
    url
}

/// Whether what is sent to the address leaves this machine unencrypted.
#[must_use]
pub fn is_open(url: &Url) -> bool {
    url.scheme() == "http" && !is_local(url)
}

/// Whether the address is one of this machine.
#[must_use]
pub fn is_local(url: &Url) -> bool {
    match url.host() {
        // Of schemes that are none of the web's, a number is read as a name.
        Some(Host::Domain(name)) => {
            name == "localhost"
                || name.ends_with(".localhost")
                || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
        }
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{check, is_open, masked};
    use crate::config::Faults;

    #[test]
    fn an_address_shows_its_host_and_none_of_its_secrets() {
        for (given, shown) in [
            (
                "postgresql://footnote_app:se%40cret@db:5433/main",
                "postgresql://footnote_app:***@db:5433/main",
            ),
            (
                "postgresql://db/main?user=a&password=secret&sslmode=require",
                "postgresql://db/main?user=a&password=***&sslmode=require",
            ),
            ("smtps://user:secret@mail.example:465", "smtps://user:***@mail.example:465"),
            ("https://secret@api.example/v1", "https://***@api.example/v1"),
            ("https://api.example/v1?key=secret&secret#secret", "https://api.example/v1?key=***&***"),
            ("https://app.example/account#verify={token}", "https://app.example/account#verify={token}"),
            ("secret", "***"),
            ("mailto:secret", "***"),
            ("", "***"),
        ] {
            assert_eq!(masked(given), shown, "{given}");
        }
        assert!(
            !masked(&format!("https://{}@x/", "s".repeat(100_000)))
                .contains('s'.to_string().repeat(9).as_str())
        );
    }

    #[test]
    fn what_is_no_address_is_a_fault_with_an_example() {
        let mut faults = Faults::default();
        for bad in ["", "qdrant:6334", "ftp://qdrant", "http://", "\u{0}", "http://[::1"] {
            assert!(
                check(&mut faults, "qdrant_url", bad, &["http", "https"], "http://qdrant:6334").is_none(),
                "{bad}"
            );
        }
        assert_eq!(faults.faults().len(), 6);
        assert!(faults.faults()[0].advice.contains("http://qdrant:6334"));
        let local = |text| is_local(&url::Url::parse(text).expect("an address"));
        assert!(
            local("postgresql://a@127.0.0.1:5432/x") && local("smtp://[::1]") && !local("postgresql://db/x")
        );
        let url =
            |text| check(&mut Faults::default(), "x", text, &["http", "https"], "").expect("an address");
        assert!(is_open(&url("http://api.example")) && !is_open(&url("https://api.example")));
        assert!(
            !is_open(&url("http://127.0.0.1:1"))
                && !is_open(&url("http://[::1]:1"))
                && !is_open(&url("http://localhost:1"))
        );
    }
}
