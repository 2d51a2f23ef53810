//! The outermost layer: an id, a span and a log line for every request, and an answer even where a handler panics.
//!
//! Fields have the names of OpenTelemetry's semantic conventions where it has one. Nothing of a body is logged; of the
//! document only the operation's name, where it is one.

use std::panic::AssertUnwindSafe;
use std::time::Instant;

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::Response;
use futures_util::FutureExt;
use tracing::Instrument;
use tracing::field::Empty;

use super::refusal::Refusal;
use super::uploads;
use crate::error::Error;
use crate::graphql::RequestId;

/// The header of requests and responses.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest id that a client may choose.
const LONGEST_ID: usize = 64;
/// The longest text of a client in a log line, in characters.
const LONGEST_FIELD: usize = 100;

/// Identifies a request, and answers it in any case.
pub(super) async fn identify(mut request: Request, next: Next) -> Response {
    let chosen = request.headers().get(&REQUEST_ID).and_then(|value| value.to_str().ok());
    let chosen = chosen.filter(|id| is_id(id)).map(|id| RequestId(id.to_owned()));
    let id = chosen.unwrap_or_else(RequestId::fresh);
    request.extensions_mut().insert(id.clone());
    let path: String = if request.uri().path().starts_with(uploads::PATH) {
        // What follows is a secret.
        format!("{}***", uploads::PATH)
    } else {
        request.uri().path().chars().take(LONGEST_FIELD).collect()
    };
    let span = tracing::info_span!(
        "request",
        http.request.method = method(request.method()),
        url.path = path,
        footnote.request_id = id.0,
        graphql.operation.name = Empty,
        http.response.status_code = Empty,
    );
    answer(request, next, id).instrument(span).await
}

async fn answer(request: Request, next: Next, id: RequestId) -> Response {
    let started = Instant::now();
    let mut response = match AssertUnwindSafe(next.run(request)).catch_unwind().await {
        Ok(response) => response,
        Err(panic) => Refusal::from(Error::Internal(panic_message(panic.as_ref()))).respond(&id),
    };
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&id.0) {
        headers.insert(REQUEST_ID, value);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    tracing::Span::current().record("http.response.status_code", response.status().as_u16());
    tracing::info!(duration_ms = started.elapsed().as_secs_f64() * 1000.0, "request answered");
    response
}

/// Whether a text is an id that a client may choose: nothing that could break a log line or a header.
fn is_id(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    (1..=LONGEST_ID).contains(&text.len()) && text.bytes().all(fits)
}

/// An operation's name for the log: a GraphQL name of bounded length, or nothing.
pub(super) fn operation_name(name: Option<&str>) -> Option<&str> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    name.filter(|name| (1..=LONGEST_FIELD).contains(&name.len()) && name.bytes().all(fits))
}

/// What a panic says, for the log.
pub(super) fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text =
        panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("a panic: {}", text.unwrap_or("without a message"))
}

/// The method, where it is one of HTTP's own; clients may invent others.
fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        Method::CONNECT => "CONNECT",
        Method::TRACE => "TRACE",
        _ => "_OTHER",
    }
}

#[cfg(test)]
mod tests {
    use super::{is_id, operation_name};
    use crate::graphql::RequestId;

    #[test]
    fn clients_choose_ids_of_64_plain_characters_at_most() {
        for good in ["a", "0-_Z", &"x".repeat(64), &RequestId::fresh().0] {
            assert!(is_id(good), "{good}");
        }
        for bad in ["", "a b", "a\n", "ä", "a=b", "a.b", &"x".repeat(65)] {
            assert!(!is_id(bad), "{bad}");
        }
        assert_ne!(RequestId::fresh().0, RequestId::fresh().0);
    }

    #[test]
    fn only_names_of_operations_reach_the_log() {
        assert_eq!(operation_name(Some("Search_2")), Some("Search_2"));
        for bad in ["", "a b", "a\nlevel=ERROR", "ä", &"x".repeat(101)] {
            assert_eq!(operation_name(Some(bad)), None, "{bad}");
        }
    }
}
