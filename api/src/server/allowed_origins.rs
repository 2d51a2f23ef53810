//! The pages of other origins that may call, as the operator names them: exactly, one by one.
//!
//! `*` is refused, and not for the sake of the refresh cookie alone. A page needs a token, but with any origin allowed whoever got hold of one
//! could use it from every page, and a page could reach a server on a private network through its visitor's browser.

use axum::http::HeaderValue;
use axum::http::uri::Authority;

/// A list of origins, each as browsers send it (RFC 6454, section 6.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedOrigins(Vec<String>);

impl AllowedOrigins {
    /// Checks a list; empty entries and repetitions count for nothing.
    ///
    /// # Errors
    ///
    /// One line for each entry that is no origin, with what to write instead.
    pub fn parse(entries: &[String]) -> Result<Self, String> {
        let (mut origins, mut faults) = (Vec::new(), Vec::new());
        for entry in entries.iter().map(|entry| entry.trim()).filter(|entry| !entry.is_empty()) {
            match check(entry) {
                Ok(()) if origins.iter().any(|origin| origin == entry) => {}
                Ok(()) => origins.push(entry.to_owned()),
                Err(fault) => faults.push(format!("`{entry}` is not an origin that can be allowed: {fault}")),
            }
        }
        if faults.is_empty() { Ok(Self(origins)) } else { Err(faults.join("\n")) }
    }

    /// Whether none is allowed.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether pages of this origin may call.
    pub(super) fn contains(&self, origin: &HeaderValue) -> bool {
        self.0.iter().any(|allowed| allowed.as_bytes() == origin.as_bytes())
    }
}

/// Whether an entry is an origin, letter by letter as browsers send it.
fn check(entry: &str) -> Result<(), String> {
    if entry == "*" {
        return Err("with it every page could use a token that it got hold of. Name each origin.".to_owned());
    }
    if entry == "null" {
        return Err("every sandboxed page and every local file sends it, so it names nobody.".to_owned());
    }
    if entry.contains('*') {
        return Err("there are no patterns. Name each origin.".to_owned());
    }
    let Some((scheme, rest)) = entry.split_once("://") else {
        return Err(format!("the scheme is missing. Write https://{entry}"));
    };
    let scheme = scheme.to_ascii_lowercase();
    let default_port = match scheme.as_str() {
        "https" => 443,
        "http" => 80,
        _ => return Err("it begins with https:// or http://.".to_owned()),
    };
    let rest = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let Some((host, port)) = authority(rest) else {
        return Err(
            "after the scheme come a host name in ASCII and maybe a port, such as https://app.example:8443."
                .to_owned(),
        );
    };
    let port = port.filter(|port| *port != default_port).map(|port| format!(":{port}")).unwrap_or_default();
    let sent = format!("{scheme}://{host}{port}");
    if sent == entry { Ok(()) } else { Err(format!("browsers send it otherwise. Write {sent}")) }
}

/// The host as browsers write it, and the port.
fn authority(text: &str) -> Option<(String, Option<u16>)> {
    let authority: Authority = text.parse().ok()?;
    let host = authority.host().to_ascii_lowercase();
    let named = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'));
    let host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => format!("[{}]", address.parse::<std::net::Ipv6Addr>().ok()?),
        None if named && !host.is_empty() => host,
        None => return None,
    };
    // What stands around the host is a user name, or a port that is none.
    let port = match text.get(authority.host().len()..)? {
        "" => None,
        port => Some(port.strip_prefix(':')?.parse().ok().filter(|port| *port != 0)?),
    };
    (!text.contains('@')).then_some((host, port))
}

#[cfg(test)]
mod tests {
    use super::AllowedOrigins;
    use axum::http::HeaderValue;
    use proptest::prelude::proptest;

    fn parse(entry: &str) -> Result<AllowedOrigins, String> {
        AllowedOrigins::parse(&[entry.to_owned()])
    }

    #[test]
    fn an_exact_origin_is_allowed_and_nothing_that_resembles_it() {
        for good in [
            "https://app.example",
            "https://app.example:8443",
            "http://localhost:5173",
            "http://127.0.0.1",
            "https://[::1]:3000",
            "https://xn--bcher-kva.example",
        ] {
            let allowed = parse(good).expect(good);
            assert!(allowed.contains(&HeaderValue::from_static(good)));
        }
        let allowed = parse("https://app.example").expect("an origin");
        for other in [
            "http://app.example",
            "https://app.example:8443",
            "https://app.example.evil.example",
            "https://evil.example",
            "https://evil-app.example",
            "https://APP.example",
            "null",
            "",
        ] {
            assert!(!allowed.contains(&HeaderValue::from_static(other)), "{other}");
        }
    }

    #[test]
    fn what_is_no_origin_is_told_what_to_write_instead() {
        for (bad, hint) in [
            ("*", "Name each origin"),
            ("null", "names nobody"),
            ("https://*.example", "no patterns"),
            ("app.example", "Write https://app.example"),
            ("localhost:5173", "Write https://localhost:5173"),
            ("ftp://app.example", "https:// or http://"),
            ("https://app.example/", "Write https://app.example"),
            ("https://app.example/app?x#y", "Write https://app.example"),
            ("https://App.Example", "Write https://app.example"),
            ("HTTPS://app.example:443", "Write https://app.example"),
            ("http://app.example:80", "Write http://app.example"),
            ("https://[0:0::1]", "Write https://[::1]"),
            ("https://user@app.example", "such as https://app.example:8443"),
            ("https://app.example:0", "such as"),
            ("https://app.example:99999", "such as"),
            ("https://app.example:", "such as"),
            ("https://bücher.example", "in ASCII"),
            ("https://", "such as"),
            ("https://a b", "such as"),
        ] {
            let fault = parse(bad).expect_err(bad);
            assert!(
                fault.contains(hint) && fault.contains(bad) && fault.lines().count() == 1,
                "{bad}: {fault}"
            );
        }
    }

    #[test]
    fn each_bad_entry_has_its_line_and_empty_ones_count_for_nothing() {
        let entries = |list: &[&str]| list.iter().map(|entry| (*entry).to_owned()).collect::<Vec<_>>();
        let faults = AllowedOrigins::parse(&entries(&["*", "https://app.example", "x"])).expect_err("two");
        assert_eq!(faults.lines().count(), 2, "{faults}");
        assert!(AllowedOrigins::parse(&entries(&["", " "])).expect("nothing").is_empty());
        let allowed =
            AllowedOrigins::parse(&entries(&[" https://a.example", "https://a.example"])).expect("one");
        assert_eq!(allowed, parse("https://a.example").expect("one"));
    }

    proptest! {
        #[test]
        fn whatever_is_allowed_is_a_header_of_a_browser(entry in "(https?://)?[a-zA-Z0-9.:@/\\[\\]-]{0,20}") {
            if let Ok(allowed) = parse(&entry) && !allowed.is_empty() {
                assert!(allowed.contains(&HeaderValue::from_str(entry.trim()).expect("a header")));
            }
        }
    }
}
