//! Whether the process lives, and whether it can do its work.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::Server;
use crate::health::Readiness;

/// Says that the process answers; asks nothing of anybody.
pub(super) async fn alive() -> Response {
    respond(StatusCode::OK, json!({ "status": "ok" }))
}

/// Says how each dependency is, from what is known: it asks none of them, so that nobody reaches one through it.
pub(super) async fn ready(State(server): State<Arc<Server>>) -> Response {
    let report = server.app.health().report();
    let code = match report.status {
        Readiness::Ok | Readiness::Degraded => StatusCode::OK,
        Readiness::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
    };
    respond(code, json!(report))
}

fn respond(status: StatusCode, body: Value) -> Response {
    let mut response = (status, Json(body)).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
