//! Which pages of other origins may read answers: those that the operator names, and in development those of this machine.

use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Method, header};
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::ServeOptions;
use super::graphql_http::{IDEMPOTENCY_KEY, IDEMPOTENT_REPLAYED};
use super::origin::may_call;
use super::request_id::REQUEST_ID;
use super::uploads::{CHECKSUM, CONTENT_DIGEST};

/// Lets those pages call with the headers that the API knows, and read those that it answers; none where no page may.
/// Cookies go with a request, because the refresh token may be in one.
pub(super) fn layer(options: &ServeOptions) -> Option<CorsLayer> {
    if options.allowed_origins.is_empty() && !options.allow_loopback_origins {
        return None;
    }
    let options = options.clone();
    let layer = CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(move |origin: &HeaderValue, _: &_| may_call(origin, &options)))
        .allow_methods([Method::GET, Method::POST, Method::PUT])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            HeaderName::from_static("x-workspace"),
            REQUEST_ID,
            IDEMPOTENCY_KEY,
            CHECKSUM,
            CONTENT_DIGEST,
        ])
        .allow_credentials(true)
        .expose_headers([REQUEST_ID, IDEMPOTENT_REPLAYED, header::RETRY_AFTER])
        .max_age(Duration::from_mins(10));
    Some(layer)
}
