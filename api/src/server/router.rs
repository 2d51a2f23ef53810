//! The routes and their layers: which path answers which method, and what holds for every response.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{MethodRouter, get, post, put};
use axum::{Extension, Router};

use super::refusal::Refusal;
use super::{Server, account, cors, graphiql, graphql_http, health, origin, request_id, uploads, websocket};
use crate::error::Error;
use crate::graphql::RequestId;

/// Every route of a server.
pub(super) fn router(server: &Arc<Server>) -> Router {
    let mut router = health_routes()
        .route("/graphql", only("POST", post(graphql_http::answer)).layer(from_fn(store_nothing)))
        .route("/uploads/{token}", only("PUT", put(uploads::receive)).layer(from_fn(store_nothing)))
        .route("/graphql/ws", only("GET", get(websocket::upgrade)))
        .route("/account", only("GET, HEAD", get(account::page)))
        .route("/account/{file}", only("GET, HEAD", get(account::file)));
    if server.options.graphiql {
        router = router
            .route("/", only("GET, HEAD", get(|| async { Redirect::temporary("/graphiql") })))
            .route("/graphiql", only("GET, HEAD", get(graphiql::page)))
            .route("/graphiql/", only("GET, HEAD", get(graphiql::page)))
            .route("/graphiql/{file}", only("GET, HEAD", get(graphiql::file)));
    }
    let mut router = router.fallback(unknown_path);
    if let Some(cors) = cors::layer(&server.options) {
        router = router.layer(cors);
    }
    router
        .layer(from_fn_with_state(server.clone(), refuse_foreign_names))
        .layer(from_fn(request_id::identify))
        .with_state(server.clone())
}

/// The routes of a process that runs jobs alone.
pub(super) fn probes(server: &Arc<Server>) -> Router {
    health_routes().fallback(unknown_path).layer(from_fn(request_id::identify)).with_state(server.clone())
}

fn health_routes() -> Router<Arc<Server>> {
    Router::new()
        .route("/healthz", only("GET, HEAD", get(health::alive)))
        .route("/readyz", only("GET, HEAD", get(health::ready)))
}

/// Answers every other method with 405.
fn only(allowed: &'static str, methods: MethodRouter<Arc<Server>>) -> MethodRouter<Arc<Server>> {
    methods.fallback(async move |Extension(id): Extension<RequestId>| Refusal::method(allowed).respond(&id))
}

async fn unknown_path(Extension(id): Extension<RequestId>) -> Response {
    Refusal::from(Error::NotFound("path")).respond(&id)
}

/// Answers of an API are never stored by caches on the way.
async fn store_nothing(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A foreign page can rebind its own name to this machine, and its requests then have the page's name as their host.
async fn refuse_foreign_names(State(server): State<Arc<Server>>, request: Request, next: Next) -> Response {
    if !server.loopback_names_only || origin::names_loopback(&request) {
        return next.run(request).await;
    }
    let message = "This server answers under the names localhost, 127.0.0.1 and [::1] alone.";
    let refusal = Refusal::new(StatusCode::FORBIDDEN, Error::field("host", "FOREIGN_HOST", message));
    match request.extensions().get::<RequestId>() {
        Some(id) => refusal.respond(id),
        None => StatusCode::FORBIDDEN.into_response(),
    }
}
