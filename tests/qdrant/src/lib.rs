//! A test server: Qdrant's gRPC protocol over Qdrant's engine in this process.
//!
//! It knows nothing of who asks. It translates what comes over the wire (collections, payload indexes, points, queries with
//! prefetches and rank fusion, filters, counts) to the engine, and refuses what it does not translate, down to the single
//! field: an ignored filter would prove nothing. Everything lies in a temporary folder.
//!
//! The engine of this version cannot compute term statistics over a part of a collection, which servers can from 1.19 on:
//! the server counts them itself, over the points that the corpus filter finds, by the engine's own formula.

mod collections;
mod filters;
mod points;
mod query;
mod refusal;
mod statistics;
mod store;
mod values;
mod vectors;

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use qdrant_client::qdrant::collections_server::CollectionsServer;
use qdrant_client::qdrant::points_server::PointsServer;
use qdrant_client::qdrant::qdrant_server::{Qdrant, QdrantServer};
use qdrant_client::qdrant::{HealthCheckReply, HealthCheckRequest};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};

use store::Store;

/// The most bytes of one message that comes in, as servers have it by default.
const LONGEST_MESSAGE: usize = 64 << 20;
/// How long a server that went away may keep its port.
const LETTING_GO: Duration = Duration::from_secs(3);
/// Where the API key stands in a call.
const API_KEY: &str = "api-key";

/// What a server is started with.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where it listens; port 0 is any free one.
    pub listen: SocketAddr,
    /// The version that it says it has.
    pub version: String,
    /// The key that it asks for; none if it asks for none.
    pub api_key: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 0)), version: "1.20.0".to_owned(), api_key: None }
    }
}

/// A running server; it ends, with its connections, when it is dropped.
pub struct Server {
    options: Options,
    store: Arc<Store>,
    runtime: Option<Runtime>,
}

impl Server {
    /// Starts on a free port.
    ///
    /// # Errors
    /// When no port, thread or folder can be had.
    pub fn start() -> std::io::Result<Self> {
        Self::start_with(Options::default())
    }

    /// Starts with these options.
    ///
    /// # Errors
    /// When the port, a thread or a folder cannot be had.
    pub fn start_with(options: Options) -> std::io::Result<Self> {
        let mut server = Self { options, store: Arc::new(Store::new()?), runtime: None };
        server.resume()?;
        Ok(server)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.options.listen
    }

    /// Where it listens, as clients want it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// Lets every call wait for so long before it is looked at.
    pub fn delay(&self, delay: Duration) {
        self.store.delay(delay);
    }

    /// Goes away: breaks every connection and listens no longer. What was written stays.
    pub fn pause(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }

    /// Comes back on the same port, with what was written.
    ///
    /// # Errors
    /// When the port is taken.
    pub fn resume(&mut self) -> std::io::Result<()> {
        if self.runtime.is_some() {
            return Ok(());
        }
        // A runtime of its own: pausing ends its tasks, whatever they are at.
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("qdrant test server")
            .enable_all()
            .build()?;
        let listener = bind(self.options.listen)?;
        listener.set_nonblocking(true)?;
        self.options.listen = listener.local_addr()?;
        let (store, version) = (Arc::clone(&self.store), self.options.version.clone());
        let key = self.options.api_key.clone();
        let authorize = move |request: Request<()>| authorize(request, key.as_deref());
        let points = PointsServer::new(points::Service(Arc::clone(&store)))
            .max_decoding_message_size(LONGEST_MESSAGE)
            .max_encoding_message_size(usize::MAX);
        let collections = CollectionsServer::new(collections::Service(store));
        let layers = tonic::transport::Server::builder()
            .layer(tonic::service::InterceptorLayer::new(authorize))
            .add_service(points)
            .add_service(collections)
            .add_service(QdrantServer::new(Health { version }));
        let serve = {
            let _entered = runtime.enter();
            let incoming = TcpListenerStream::new(TcpListener::from_std(listener)?);
            layers.serve_with_incoming(incoming)
        };
        supervise(&runtime, serve);
        self.runtime = Some(runtime);
        Ok(())
    }

    /// Serves until the process is ended.
    pub fn wait(self) {
        loop {
            std::thread::park();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.pause();
    }
}

/// Takes the port; one that was let go of a moment ago may take another moment.
fn bind(address: SocketAddr) -> std::io::Result<std::net::TcpListener> {
    let begun = Instant::now();
    loop {
        match std::net::TcpListener::bind(address) {
            Err(error) if error.kind() == ErrorKind::AddrInUse && begun.elapsed() < LETTING_GO => {
                std::thread::sleep(Duration::from_millis(10));
            }
            bound => return bound,
        }
    }
}

/// Runs the server's loop on its own runtime, which ends it.
fn supervise(
    runtime: &Runtime,
    serve: impl Future<Output = Result<(), tonic::transport::Error>> + Send + 'static,
) {
    runtime.spawn(async move {
        // It ends with its runtime; a client sees that nobody listens.
        let _ = serve.await;
    });
}

fn authorize(request: Request<()>, key: Option<&str>) -> Result<Request<()>, Status> {
    let Some(key) = key else { return Ok(request) };
    let given = request.metadata().get(API_KEY).and_then(|value| value.to_str().ok());
    if given == Some(key) {
        Ok(request)
    } else {
        Err(Status::unauthenticated("Must provide an API key or an Authorization bearer token"))
    }
}

struct Health {
    version: String,
}

#[tonic::async_trait]
impl Qdrant for Health {
    async fn health_check(
        &self,
        _: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckReply>, Status> {
        let title = "qdrant - test server over the engine in-process".to_owned();
        Ok(Response::new(HealthCheckReply { title, version: self.version.clone(), commit: None }))
    }
}
