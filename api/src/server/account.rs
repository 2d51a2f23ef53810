//! The page behind the links of mails: confirms an address, or takes a new password. An app may have its own instead.
//!
//! It is served whether GraphiQL is or not. The token of a link stands behind the `#`, where no server and no log sees it, and
//! opening the page does nothing by itself: programs that look at the links of mails use none up.

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
#[folder = "assets/account"]
struct Assets;

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";

/// The page.
pub(super) async fn page(Extension(id): Extension<RequestId>, headers: HeaderMap) -> Response {
    serve("index.html", &headers, &id)
}

/// A file of the page.
pub(super) async fn file(
    Extension(id): Extension<RequestId>,
    name: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Response {
    // A name that is not UTF-8 is the name of nothing.
    let name = name.map_or_else(|_| String::new(), |Path(name)| name);
    serve(&name, &headers, &id)
}

fn serve(name: &str, request: &HeaderMap, id: &RequestId) -> Response {
    match content_type(name).zip(Assets::get(name)) {
        Some((content_type, file)) => static_file::answer(file, content_type, POLICY, request),
        None => Refusal::from(Error::NotFound("path")).respond(id),
    }
}

fn content_type(name: &str) -> Option<&'static str> {
    Some(match name {
        "index.html" => "text/html; charset=utf-8",
        "account.js" => "text/javascript; charset=utf-8",
        "account.css" => "text/css; charset=utf-8",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::{Assets, serve};
    use crate::graphql::RequestId;
    use axum::http::{HeaderMap, StatusCode, header};

    #[test]
    fn the_page_and_its_files_are_served_under_a_policy_and_nothing_else_is() {
        let id = RequestId("r1".to_owned());
        assert_eq!(Assets::iter().count(), 3);
        for name in Assets::iter() {
            let response = serve(&name, &HeaderMap::new(), &id);
            assert_eq!(response.status(), StatusCode::OK, "{name}");
            let policy = response.headers()[header::CONTENT_SECURITY_POLICY].to_str().expect("text");
            assert!(
                policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self'; "),
                "{policy}"
            );
            assert_eq!(response.headers()[header::REFERRER_POLICY], "no-referrer");
        }
        for name in ["", "..", "../graphiql/dist/index.html", "/etc/passwd", "INDEX.HTML"] {
            assert_eq!(serve(name, &HeaderMap::new(), &id).status(), StatusCode::NOT_FOUND, "{name}");
        }
    }
}
