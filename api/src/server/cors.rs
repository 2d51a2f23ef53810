//! Which pages of other origins may read answers: none, but in development those of this machine.

use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Method, header};
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::origin::is_loopback_origin;
use super::request_id::REQUEST_ID;

/// Lets pages of this machine call from any port, with the headers that the API knows. Cookies play no part.
pub(super) fn loopback_origins() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(|origin: &HeaderValue, _: &_| is_loopback_origin(origin)))
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            HeaderName::from_static("x-workspace"),
            REQUEST_ID,
            HeaderName::from_static("idempotency-key"),
        ])
        .expose_headers([REQUEST_ID])
        .max_age(Duration::from_mins(10))
}
