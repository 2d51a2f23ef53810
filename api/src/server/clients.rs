//! Who is on the other end of a request: the address, and the refresh cookie of a page that may call.
//!
//! The cookie is `HttpOnly` and `SameSite=Strict`, and `Secure` under a name with the prefix `__Host-` (RFC 6265bis, section 4.1.3.2),
//! so that no other host sets it and no network reads it; only for a page of this machine over plain HTTP neither is possible. It is
//! looked at where the browser says that the page is the server's own, or one that may call: without the header `Origin` there
//! is no cookie.

use std::net::{IpAddr, SocketAddr};

use axum::extract::ConnectInfo;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

use super::{Server, origin};
use crate::client::{Client, CookieChange, RefreshCookie};
use crate::clock;

const SECURE: &str = "__Host-footnote-refresh";
const PLAIN: &str = "footnote-refresh";
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The client of a request over HTTP.
pub(super) fn of_request(server: &Server, head: &Parts) -> Client {
    let cookie = origin::page_that_may_call(&head.headers, &server.options)
        .map(|_| RefreshCookie::new(presented(&head.headers)));
    Client { address: address(server, head), cookie }
}

/// The client of a socket, whose answers carry no cookies.
pub(super) fn of_socket(server: &Server, head: &Parts) -> Client {
    Client { address: address(server, head), cookie: None }
}

/// Puts what became of the cookie into the headers of an answer.
pub(super) fn keep(client: &Client, sent: &HeaderMap, answer: &mut HeaderMap) {
    let Some(change) = client.cookie.as_ref().and_then(RefreshCookie::take_change) else { return };
    let (value, seconds) = match &change {
        CookieChange::Keep(token, until) => (token.as_str(), (*until - clock::now()).num_seconds().max(0)),
        CookieChange::Remove => ("", 0),
    };
    let attributes = if is_plain(sent) { "" } else { "; Secure" };
    let name = name(sent);
    let cookie = format!("{name}={value}; Max-Age={seconds}; Path=/; HttpOnly; SameSite=Strict{attributes}");
    if let Ok(mut cookie) = HeaderValue::from_str(&cookie) {
        cookie.set_sensitive(true);
        answer.append(header::SET_COOKIE, cookie);
    }
}

fn name(headers: &HeaderMap) -> &'static str {
    if is_plain(headers) { PLAIN } else { SECURE }
}

/// Whether the page was loaded without TLS, which browsers let pages of this machine do, and nobody else may keep a session so.
fn is_plain(headers: &HeaderMap) -> bool {
    headers.get(header::ORIGIN).is_some_and(origin::is_loopback_origin)
}

/// The value of the cookie; none where it was not sent, or twice.
fn presented(headers: &HeaderMap) -> Option<String> {
    let name = name(headers);
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut values = cookies
        .flat_map(|list| list.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='))
        .filter(|(sent, _)| *sent == name)
        .map(|(_, value)| value);
    let one = values.next()?;
    values.next().is_none().then(|| one.to_owned())
}

/// The address of the client: the peer's, or, behind so many proxies, what the outermost of them saw.
fn address(server: &Server, head: &Parts) -> Option<IpAddr> {
    let peer = head.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
    let proxies = usize::from(server.app.accounts().settings().trusted_proxies);
    forwarded(&head.headers, proxies).or(peer)
}

/// What stands at the place that the outermost trusted proxy wrote; everything before it is the client's own word.
fn forwarded(headers: &HeaderMap, proxies: usize) -> Option<IpAddr> {
    // As bytes: a client's word that is no text must not take the proxy's, on the same line, away with it.
    let lists: Vec<&[u8]> = headers.get_all(FORWARDED_FOR).iter().map(HeaderValue::as_bytes).collect();
    let all = lists.join(&b',');
    let one = all.rsplit(|byte| *byte == b',').nth(proxies.checked_sub(1)?)?;
    let one = std::str::from_utf8(one).ok()?.trim();
    one.parse().ok().or_else(|| one.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

#[cfg(test)]
mod tests {
    use super::{forwarded, keep, presented};
    use crate::client::{Client, CookieChange, RefreshCookie};
    use crate::clock::now;
    use axum::http::{HeaderMap, HeaderValue, header};

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_str(value).expect("a header"));
        }
        headers
    }

    #[test]
    fn only_what_a_trusted_proxy_wrote_is_believed() {
        let headers =
            headers(&[("x-forwarded-for", "203.0.113.9, 198.51.100.7"), ("x-forwarded-for", "192.0.2.1")]);
        let of = |proxies| forwarded(&headers, proxies).map(|address| address.to_string());
        assert_eq!(of(0), None);
        assert_eq!(of(1).as_deref(), Some("192.0.2.1"));
        assert_eq!(of(2).as_deref(), Some("198.51.100.7"));
        assert_eq!(of(4), None);
        for odd in ["", "unknown", "a\tb", ",", &"1,".repeat(5000)] {
            forwarded(&self::headers(&[("x-forwarded-for", odd)]), 1);
        }
        let mut odd = HeaderMap::new();
        let line = HeaderValue::from_bytes(b"\xff, 203.0.113.9").expect("a header");
        odd.append("x-forwarded-for", line);
        assert_eq!(forwarded(&odd, 1).map(|address| address.to_string()).as_deref(), Some("203.0.113.9"));
        let with_port = self::headers(&[("x-forwarded-for", "[2001:db8::1]:443")]);
        assert_eq!(
            forwarded(&with_port, 1).map(|address| address.to_string()).as_deref(),
            Some("2001:db8::1")
        );
    }

    #[test]
    fn a_cookie_is_read_by_its_exact_name_once() {
        let page = ("origin", "https://app.example");
        let of = |cookies: &[&str]| {
            let mut pairs = vec![page];
            pairs.extend(cookies.iter().map(|cookie| ("cookie", *cookie)));
            presented(&headers(&pairs))
        };
        assert_eq!(of(&["a=b; __Host-footnote-refresh=x"]).as_deref(), Some("x"));
        for none in [
            vec![],
            vec!["footnote-refresh=x"],
            vec!["__Host-footnote-refresh=x", "__Host-footnote-refresh=y"],
        ] {
            assert_eq!(of(&none), None, "{none:?}");
        }
        let local = headers(&[("origin", "http://localhost:5173"), ("cookie", "footnote-refresh=x")]);
        assert_eq!(presented(&local).as_deref(), Some("x"));
    }

    #[test]
    fn a_kept_cookie_is_out_of_reach_of_scripts_other_sites_and_the_network() {
        let kept = |origin: &str, change: CookieChange| {
            let client = Client { address: None, cookie: Some(RefreshCookie::new(None)) };
            client.cookie.as_ref().expect("a cookie").change(change);
            let mut answer = HeaderMap::new();
            keep(&client, &headers(&[("origin", origin)]), &mut answer);
            answer.get(header::SET_COOKIE).expect("a cookie").to_str().expect("text").to_owned()
        };
        let until = now() + chrono::TimeDelta::hours(1);
        let secure = kept("https://app.example", CookieChange::Keep("t".to_owned(), until));
        assert!(secure.starts_with("__Host-footnote-refresh=t; Max-Age=3"), "{secure}");
        assert!(secure.ends_with("; Path=/; HttpOnly; SameSite=Strict; Secure"), "{secure}");
        let plain = kept("http://127.0.0.1:8787", CookieChange::Keep("t".to_owned(), until));
        assert!(plain.starts_with("footnote-refresh=t") && !plain.contains("Secure"), "{plain}");
        let removed = kept("https://app.example", CookieChange::Remove);
        assert!(removed.starts_with("__Host-footnote-refresh=; Max-Age=0;"), "{removed}");
    }
}
