//! The bundled GraphiQL, served under a policy that forbids it every script and address but this server's own.
//!
//! Its files are an exact list: nothing else of the folder is served, and no path leads out of it.

use axum::Extension;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::HeaderMap;
use axum::response::Response;
use rust_embed::Embed;

use super::refusal::Refusal;
use super::static_file;
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
    Served::File(static_file::answer(file, content_type, POLICY, request))
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

#[cfg(test)]
mod tests {
    use super::{Bundle, Served, content_type, serve};
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
}
