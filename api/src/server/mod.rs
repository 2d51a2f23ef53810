//! The edge: HTTP and WebSocket around the GraphQL library, which parses, validates and executes.
//!
//! It guarantees that every response, refusals and panics included, carries a request id; that every refusal is a JSON body
//! of the one error shape; that no body, operation or connection is held for longer than its limit; and that a stop lets
//! requests in progress finish. It refuses what browsers send without asking (other content types than JSON, foreign
//! origins), mutations by GET, batches and uploads. It logs no token, no body and no document. Sessions are not checked
//! here: a token is, and whether its session lives is asked of the database by each operation. A cookie is looked at for pages that may call,
//! and holds nothing but a refresh token, so no page can act by it.
//!
//! Not here yet: a guard over the document before the library parses it, trusted documents, costs per workspace, and a
//! limit on how slowly a client may send its headers, which the HTTP server beneath does not offer.

mod account;
mod allowed_origins;
mod authentication;
mod body;
mod clients;
mod cors;
mod graphiql;
mod graphql_http;
mod health;
mod media;
mod origin;
mod refusal;
mod request_id;
mod router;
mod socket_executor;
mod static_file;
mod upload_slots;
mod uploads;
mod websocket;

use std::future::IntoFuture;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::sync::watch;

pub use allowed_origins::AllowedOrigins;

use crate::app::App;
use crate::graphql::Schema;
use upload_slots::UploadSlots;

/// How long requests in progress may go on after a stop.
const FINISH: Duration = Duration::from_secs(10);

/// What differs between a demo and a production server.
#[derive(Clone, Debug, Default)]
pub struct ServeOptions {
    /// Whose pages may call besides.
    pub allowed_origins: AllowedOrigins,
    /// Whether pages of other ports of this machine may call, as in development. A server that listens on a loopback
    /// address then answers under loopback names alone, so that no foreign page reaches it by rebinding its own name.
    pub allow_loopback_origins: bool,
    /// Whether `/graphiql` is served.
    pub graphiql: bool,
}

/// What every handler works with.
pub struct Server {
    app: Arc<App>,
    schema: Schema,
    options: ServeOptions,
    /// Whether only loopback names of this server are answered.
    loopback_names_only: bool,
    stop: watch::Receiver<bool>,
    /// How many sockets are open.
    sockets: watch::Sender<usize>,
    /// Which uploads are in progress.
    uploads: UploadSlots,
}

impl Server {
    /// A server that listens on a loopback address or not, and closes its sockets once `stop` is true or abandoned.
    #[must_use]
    pub fn new(
        app: Arc<App>,
        options: ServeOptions,
        on_loopback: bool,
        stop: watch::Receiver<bool>,
    ) -> Arc<Self> {
        Arc::new(Self {
            schema: Schema::new(app.clone()),
            app,
            loopback_names_only: options.allow_loopback_origins && on_loopback,
            options,
            stop,
            sockets: watch::Sender::new(0),
            uploads: UploadSlots::default(),
        })
    }

    /// Every route with its layers.
    pub fn router(self: &Arc<Self>) -> axum::Router {
        router::router(self)
    }
}

/// Serves until `stop` is true or its sender is gone, then finishes: no new connections, at most ten seconds for requests
/// in progress, and close code 1001 for sockets.
///
/// # Errors
///
/// The listener's own failure.
pub async fn serve(
    app: Arc<App>,
    listener: TcpListener,
    options: ServeOptions,
    stop: watch::Receiver<bool>,
) -> std::io::Result<()> {
    let on_loopback = listener.local_addr()?.ip().is_loopback();
    let server = Server::new(app, options, on_loopback, stop.clone());
    let router = server.router();
    serve_routes(&server, router, listener, stop).await
}

/// Answers `/healthz` and `/readyz` and nothing else, until `stop` is true or its sender is gone.
///
/// # Errors
///
/// The listener's own failure.
pub async fn serve_probes(
    app: Arc<App>,
    listener: TcpListener,
    stop: watch::Receiver<bool>,
) -> std::io::Result<()> {
    let server = Server::new(app, ServeOptions::default(), false, stop.clone());
    let router = router::probes(&server);
    serve_routes(&server, router, listener, stop).await
}

async fn serve_routes(
    server: &Arc<Server>,
    router: axum::Router,
    listener: TcpListener,
    stop: watch::Receiver<bool>,
) -> std::io::Result<()> {
    let mut sockets = server.sockets.subscribe();
    let listener = listener.tap_io(|connection| {
        // Without it small answers wait for the client's acknowledgement; a connection that refuses it works all the same.
        let _ = connection.set_nodelay(true);
    });
    let router = router.into_make_service_with_connect_info::<SocketAddr>();
    let serving = axum::serve(listener, router).with_graceful_shutdown(stopped(stop.clone())).into_future();
    let finished = async {
        serving.await?;
        // The sender lives in `server`, so waiting cannot fail.
        let _ = sockets.wait_for(|open| *open == 0).await;
        Ok(())
    };
    let overdue = async {
        stopped(stop).await;
        tokio::time::sleep(FINISH).await;
    };
    tokio::select! {
        result = finished => result,
        () = overdue => {
            tracing::warn!("the server stopped while requests were in progress");
            Ok(())
        }
    }
}

/// Waits for the stop; an abandoned sender is one.
async fn stopped(mut stop: watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}
