//! Whether the process lives, and whether it can do its work.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::Server;

/// Says that the process answers; asks nothing of anybody.
pub(super) async fn alive() -> Response {
    respond(StatusCode::OK, json!({ "status": "ok" }))
}

/// Says for each dependency whether it answers; 503 when one does not.
pub(super) async fn ready(State(server): State<Arc<Server>>) -> Response {
    let database = server.app.database().is_reachable().await;
    let vectors = server.app.vectors().check().await.is_ok();
    let code = if database && vectors { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    respond(
        code,
        json!({ "status": word(database && vectors), "database": word(database), "vectors": word(vectors) }),
    )
}

fn word(holds: bool) -> &'static str {
    if holds { "ok" } else { "unavailable" }
}

fn respond(status: StatusCode, body: Value) -> Response {
    let mut response = (status, Json(body)).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
