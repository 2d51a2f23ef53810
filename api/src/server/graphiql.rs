//! The bundled GraphiQL, served under a policy that forbids it every script and address but this server's own.
//!
//! Its files are an exact list: nothing else of the folder is served, and no path leads out of it.

use axum::Extension;
use axum::body::Body;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use rust_embed::Embed;

use super::refusal::Refusal;
use crate::error::Error;
use crate::graphql::RequestId;

#[derive(Embed)]
#[folder = "assets/graphiql/dist"]
struct Bundle;

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self'; \
                      img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The page.
pub(super) async fn page(Extension(id): Extension<RequestId>, headers: HeaderMap) -> Response {
    serve("index.html", &headers).respond(&id)
}

/// A file of the page.
pub(super) async fn file(
    Extension(id): Extension<RequestId>,
    name: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Response {
    // A name that is not UTF-8 is the name of nothing.
    let name = name.map_or_else(|_| String::new(), |Path(name)| name);
    serve(&name, &headers).respond(&id)
}

/// A file, or that there is none.
enum Served {
    File(Response),
    Nothing,
}

impl Served {
    fn respond(self, id: &RequestId) -> Response {
        match self {
            Self::File(response) => response,
            Self::Nothing => Refusal::from(Error::NotFound("path")).respond(id),
        }
    }
}

fn serve(name: &str, request: &HeaderMap) -> Served {
    let Some((content_type, file)) = content_type(name).zip(Bundle::get(name)) else {
        return Served::Nothing;
    };
    let tag = tag(&file.metadata.sha256_hash());
    let known = request
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .any(|value| value.to_str().is_ok_and(|list| names(list, &tag)));
    let mut response =
        if known { Response::new(Body::empty()) } else { Response::new(Body::from(file.data)) };
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-cache"),
        (header::CONTENT_TYPE, content_type),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Ok(value) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, value);
    }
    if known {
        headers.remove(header::CONTENT_TYPE);
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    Served::File(response)
}

fn content_type(name: &str) -> Option<&'static str> {
    Some(match name {
        "index.html" => "text/html; charset=utf-8",
        "graphiql.js" => "text/javascript; charset=utf-8",
        "graphiql.css" => "text/css; charset=utf-8",
        "icon.svg" => "image/svg+xml",
        "fira-code-latin-400-normal.woff2"
        | "roboto-latin-400-normal.woff2"
        | "roboto-latin-500-normal.woff2" => "font/woff2",
        "LICENSES.txt" => "text/plain; charset=utf-8",
        _ => return None,
    })
}

/// The entity tag of a content: the first half of its SHA-256.
fn tag(hash: &[u8; 32]) -> String {
    use std::fmt::Write;
    let hex = hash.iter().take(16).fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    });
    format!("\"{hex}\"")
}

/// Whether a list of entity tags has this one, compared weakly (RFC 9110, section 13.1.2).
fn names(list: &str, tag: &str) -> bool {
    list.split(',').map(str::trim).any(|one| one == "*" || one.strip_prefix("W/").unwrap_or(one) == tag)
}

#[cfg(test)]
mod tests {
    use super::{Bundle, Served, content_type, names, serve};
    use axum::http::{HeaderMap, HeaderValue, StatusCode, header};

    fn file(name: &str, request: &HeaderMap) -> axum::response::Response {
        match serve(name, request) {
            Served::File(response) => response,
            Served::Nothing => panic!("{name} is served"),
        }
    }

    #[test]
    fn every_file_of_the_bundle_is_served_under_the_policy() {
        assert!(Bundle::iter().count() > 0);
        for name in Bundle::iter() {
            let response = file(&name, &HeaderMap::new());
            assert_eq!(response.status(), StatusCode::OK);
            let policy = response.headers()[header::CONTENT_SECURITY_POLICY].to_str().expect("text");
            assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src"), "{policy}");
            assert!(policy.ends_with("; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"));
        }
    }

    #[test]
    fn nothing_else_is_served() {
        for name in [
            "",
            ".",
            "..",
            "../dist/index.html",
            "/etc/passwd",
            "index.html/",
            "INDEX.HTML",
            "..%2findex.html",
        ] {
            assert!(content_type(name).is_none(), "{name}");
        }
    }

    #[test]
    fn a_browser_that_has_a_file_does_not_get_it_again() {
        let first = file("graphiql.css", &HeaderMap::new());
        let mut request = HeaderMap::new();
        request.insert(header::IF_NONE_MATCH, first.headers()[header::ETAG].clone());
        let second = file("graphiql.css", &request);
        assert_eq!(second.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(second.headers()[header::ETAG], first.headers()[header::ETAG]);
        request.insert(header::IF_NONE_MATCH, HeaderValue::from_static("\"other\""));
        assert_eq!(file("graphiql.css", &request).status(), StatusCode::OK);
    }

    #[test]
    fn tags_are_compared_weakly() {
        for list in ["*", "\"a\"", "W/\"a\"", "\"b\", W/\"a\""] {
            assert!(names(list, "\"a\""), "{list}");
        }
        for list in ["", "a", "\"b\"", "\"ab\""] {
            assert!(!names(list, "\"a\""), "{list}");
        }
    }
}
