//! A file of a page that the server carries, with a policy of what the page may load, and not again for who has it.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use rust_embed::EmbeddedFile;

/// Answers a request for it.
pub(super) fn answer(
    file: EmbeddedFile,
    content_type: &'static str,
    policy: &'static str,
    request: &HeaderMap,
) -> Response {
    let tag = tag(&file.metadata.sha256_hash());
    let known = request
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .any(|value| value.to_str().is_ok_and(|list| names(list, &tag)));
    let mut response =
        if known { Response::new(Body::empty()) } else { Response::new(Body::from(file.data)) };
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, policy),
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
    response
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
    use super::names;

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
