//! Where a browser's request comes from, and under which name it found this server.

use axum::extract::Request;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, header};

use super::ServeOptions;

/// Whether a request names this server by a loopback name; one without a name does not.
pub(super) fn names_loopback(request: &Request) -> bool {
    // An absolute request target takes the place of the header (RFC 9112, section 3.2.2).
    let target = request.uri().authority().map(Authority::as_str);
    target.or_else(|| host(request.headers())).and_then(authority).is_some_and(|name| is_loopback(&name))
}

/// Whether an origin is a page of this machine, on any port.
pub(super) fn is_loopback_origin(origin: &HeaderValue) -> bool {
    let parsed = origin.to_str().ok().and_then(parse_origin);
    parsed.is_some_and(|origin| !origin.secure && is_loopback(&origin.authority))
}

/// Whether pages of another origin may call: one that is named, or one of this machine where that is allowed.
pub(super) fn may_call(origin: &HeaderValue, options: &ServeOptions) -> bool {
    options.allowed_origins.contains(origin) || (options.allow_loopback_origins && is_loopback_origin(origin))
}

/// Whether a page of this origin may open a socket here: one of this server's own name, or one that may call. A client
/// that is no browser sends no origin.
pub(super) fn may_open_socket(headers: &HeaderMap, options: &ServeOptions) -> bool {
    let mut origins = headers.get_all(header::ORIGIN).iter();
    match (origins.next(), origins.next()) {
        (None, _) => true,
        (Some(origin), None) => {
            let same = origin.to_str().is_ok_and(|origin| is_same_host(origin, host(headers)));
            same || may_call(origin, options)
        }
        _ => false,
    }
}

/// The page that a browser says a request is from, where it is the server's own or one that may call; none for programs.
pub(super) fn page_that_may_call<'a>(
    headers: &'a HeaderMap,
    options: &ServeOptions,
) -> Option<&'a HeaderValue> {
    let page = headers.get(header::ORIGIN)?;
    may_open_socket(headers, options).then_some(page)
}

fn host(headers: &HeaderMap) -> Option<&str> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let one = hosts.next()?;
    if hosts.next().is_some() {
        return None;
    }
    one.to_str().ok()
}

struct Origin {
    secure: bool,
    authority: Authority,
}

/// Reads a serialised origin (RFC 6454, section 6.1); `null` is none.
fn parse_origin(text: &str) -> Option<Origin> {
    let (scheme, rest) = text.split_once("://")?;
    let secure = match scheme.to_ascii_lowercase().as_str() {
        "http" => false,
        "https" => true,
        _ => return None,
    };
    Some(Origin { secure, authority: authority(rest)? })
}

/// Reads a host with or without a port, and nothing else.
fn authority(text: &str) -> Option<Authority> {
    let authority: Authority = text.parse().ok()?;
    (!text.contains('@') && !authority.host().is_empty()).then_some(authority)
}

fn is_same_host(origin: &str, host: Option<&str>) -> bool {
    let (Some(origin), Some(host)) = (parse_origin(origin), host.and_then(authority)) else { return false };
    // A proxy may end TLS before this server, so the page's scheme says which port goes without saying.
    let default = if origin.secure { 443 } else { 80 };
    origin.authority.host().eq_ignore_ascii_case(host.host())
        && origin.authority.port_u16().unwrap_or(default) == host.port_u16().unwrap_or(default)
}

/// A name or address that no other machine's name can be rebound to.
fn is_loopback(authority: &Authority) -> bool {
    let host = authority.host();
    let address = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    host.eq_ignore_ascii_case("localhost")
        || address.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::{ServeOptions, is_loopback_origin, may_open_socket, names_loopback};
    use crate::server::AllowedOrigins;
    use axum::body::Body;
    use axum::extract::Request;
    use axum::http::{HeaderMap, HeaderValue, header};

    fn headers(host: &str, origin: Option<&str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_str(host).expect("a header"));
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, HeaderValue::from_str(origin).expect("a header"));
        }
        headers
    }

    #[test]
    fn only_pages_of_this_machine_are_loopback_origins() {
        for good in [
            "http://localhost",
            "http://localhost:5173",
            "http://127.0.0.1:1",
            "http://[::1]:3000",
            "HTTP://LOCALHOST",
        ] {
            assert!(is_loopback_origin(&HeaderValue::from_static(good)), "{good}");
        }
        for bad in [
            "null",
            "",
            "localhost",
            "http://",
            "https://localhost",
            "file://localhost",
            "http://localhost.evil.example",
            "http://evil.example",
            "http://localhost@evil.example",
            "http://evil.example@localhost",
            "http://localhost/",
            "http://localhost:5173/path",
            "http://127.0.0.1.evil.example",
            "http://0.0.0.0",
            "http://[::]",
        ] {
            assert!(!is_loopback_origin(&HeaderValue::from_static(bad)), "{bad}");
        }
    }

    #[test]
    fn a_socket_opens_for_the_servers_own_pages_and_for_programs() {
        for (host, origin) in [
            ("api.example", None),
            ("api.example", Some("https://api.example")),
            ("api.example:443", Some("https://API.example")),
            ("api.example:80", Some("http://api.example")),
            ("localhost:8787", Some("http://localhost:8787")),
        ] {
            assert!(may_open_socket(&headers(host, origin), &ServeOptions::default()), "{host} {origin:?}");
        }
        for origin in [
            "https://evil.example",
            "null",
            "http://api.example:8080",
            "http://localhost:3000",
            "https://api.example.evil.example",
        ] {
            assert!(
                !may_open_socket(&headers("api.example", Some(origin)), &ServeOptions::default()),
                "{origin}"
            );
        }
        let development = ServeOptions { allow_loopback_origins: true, ..ServeOptions::default() };
        assert!(may_open_socket(&headers("127.0.0.1:8787", Some("http://localhost:3000")), &development));
        assert!(!may_open_socket(&headers("127.0.0.1:8787", Some("http://evil.example")), &development));
        let allowed_origins = AllowedOrigins::parse(&["https://app.example".to_owned()]).expect("an origin");
        let named = ServeOptions { allowed_origins, ..ServeOptions::default() };
        assert!(may_open_socket(&headers("api.example", Some("https://app.example")), &named));
        assert!(!may_open_socket(&headers("api.example", Some("http://app.example")), &named));
    }

    #[test]
    fn a_rebound_name_is_not_a_loopback_name() {
        let request = |target: &str, host: &str| {
            Request::builder().uri(target).header(header::HOST, host).body(Body::empty()).expect("a request")
        };
        for host in ["localhost", "localhost:8787", "127.0.0.1:8787", "[::1]:8787", "LocalHost:1"] {
            assert!(names_loopback(&request("/graphql", host)), "{host}");
        }
        for host in
            ["evil.example", "evil.example:8787", "localhost.evil.example", "", "a@localhost", "10.0.0.1"]
        {
            assert!(!names_loopback(&request("/graphql", host)), "{host}");
        }
        assert!(!names_loopback(&request("http://evil.example/graphql", "localhost")));
        let nameless = Request::builder().uri("/graphql").body(Body::empty()).expect("a request");
        assert!(!names_loopback(&nameless));
    }
}
