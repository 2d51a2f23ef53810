//! The connection to a Qdrant server: each call within its time, at most so many at once, tried once more when the
//! connection breaks.
//!
//! Every call made here may happen twice without harm (writing the same points, deleting, reading), which is why a call
//! whose connection broke is sent again. Messages are bounded both ways. What the server says in an error goes to the log.

use std::error::Error as _;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use qdrant_client::qdrant::collections_client::CollectionsClient;
use qdrant_client::qdrant::points_client::PointsClient;
use qdrant_client::qdrant::qdrant_client::QdrantClient;
use qdrant_client::qdrant::{CollectionExistsRequest, HealthCheckRequest};
use tokio::sync::Semaphore;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, ClientTlsConfig, Endpoint, Uri};
use tonic::{Code, Request, Status};

use super::options::ServerOptions;
use super::silence::Silence;
use crate::error::Error;

/// Where the API key stands in a call.
const API_KEY_HEADER: &str = "api-key";
/// The most bytes of one message, either way.
const LONGEST_MESSAGE: usize = 32 << 20;
/// How long a check of the connection takes at most.
const CHECK: Duration = Duration::from_secs(2);
/// How often an idle connection is asked whether it lives, and how long it may think about it.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
const KEEP_ALIVE_ANSWER: Duration = Duration::from_secs(5);
/// The version from which term statistics can be a tenant's own.
const TENANTS_OWN_STATISTICS: (u32, u32) = (1, 19);

/// A channel that shows the API key with every call.
type Keyed = InterceptedService<Channel, ApiKey>;

/// What a call does to the server, which decides how long it may take and how many go at once.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    /// Reads.
    Read,
    /// Writes.
    Write,
    /// Asks whether the server answers.
    Check,
}

/// The clients of one server; cheap to use from many tasks.
pub(super) struct Connection {
    channel: Channel,
    key: ApiKey,
    options: ServerOptions,
    calls: Semaphore,
    writes: Semaphore,
    closed: AtomicBool,
    reachable: AtomicBool,
    greeted: AtomicBool,
    silence: Silence,
}

impl Connection {
    /// Prepares a connection; the first call makes it.
    pub(super) fn new(options: ServerOptions) -> Result<Self, Error> {
        let address: Uri = options.url.parse().map_err(|_| Error::BadAddress("it is not a URL"))?;
        let secure = match address.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(Error::BadAddress("it begins with http:// or https://")),
        };
        if address.host().is_none_or(str::is_empty) {
            return Err(Error::BadAddress("it names no host"));
        }
        let key = ApiKey::new(options.api_key.as_deref())?;
        if key.0.is_some() && !secure {
            tracing::warn!(
                "the Qdrant server's API key goes over the network in clear text: its address is http://"
            );
        }
        let mut endpoint = Endpoint::from(address)
            .connect_timeout(options.connect_timeout)
            .http2_keep_alive_interval(KEEP_ALIVE)
            .keep_alive_timeout(KEEP_ALIVE_ANSWER)
            .keep_alive_while_idle(true);
        if secure {
            endpoint = endpoint
                .tls_config(ClientTlsConfig::new().with_native_roots())
                .map_err(|_| Error::BadAddress("TLS to it could not be set up"))?;
        }
        Ok(Self {
            channel: endpoint.connect_lazy(),
            key,
            calls: Semaphore::new(options.calls.max(1)),
            writes: Semaphore::new(options.writes.max(1)),
            options,
            closed: AtomicBool::new(false),
            reachable: AtomicBool::new(true),
            greeted: AtomicBool::new(false),
            silence: Silence::default(),
        })
    }

    /// What the names of the collections begin with.
    pub(super) fn prefix(&self) -> &str {
        &self.options.prefix
    }

    /// The client for points.
    pub(super) fn points(&self) -> PointsClient<Keyed> {
        PointsClient::with_interceptor(self.channel.clone(), self.key.clone())
            .max_decoding_message_size(LONGEST_MESSAGE)
            .max_encoding_message_size(LONGEST_MESSAGE)
    }

    /// The client for collections.
    pub(super) fn collections(&self) -> CollectionsClient<Keyed> {
        CollectionsClient::with_interceptor(self.channel.clone(), self.key.clone())
            .max_decoding_message_size(LONGEST_MESSAGE)
    }

    /// Makes a call within its time; sends it once more if the connection broke.
    ///
    /// Waiting for a turn is a part of that time: whoever asks too much waits, and is then told that the store is not
    /// available.
    pub(super) async fn call<T, F>(&self, kind: Call, send: impl Fn() -> F) -> Result<T, Refusal>
    where
        F: Future<Output = Result<tonic::Response<T>, Status>>,
    {
        let may_try = kind == Call::Check || self.silence.may_try(Instant::now());
        if self.is_closed() || !may_try {
            return Err(Refusal::Failed(Error::Unavailable));
        }
        let limit = match kind {
            Call::Read => self.options.read_timeout,
            Call::Write => self.options.write_timeout,
            Call::Check => CHECK,
        };
        let answer = tokio::time::timeout(limit, async {
            let _write = match kind {
                Call::Write => Some(self.writes.acquire().await.map_err(|_| closed())?),
                Call::Read | Call::Check => None,
            };
            let _turn = self.calls.acquire().await.map_err(|_| closed())?;
            if self.is_closed() {
                return Err(closed());
            }
            self.greet().await;
            match send().await {
                Err(status) if is_broken(&status) => send().await,
                answer => answer,
            }
        })
        .await;
        if answer.is_ok() {
            self.silence.ends();
        }
        let outcome = match answer {
            Ok(Ok(response)) => Ok(response.into_inner()),
            Ok(Err(status)) => Err(Refusal::of(&status)),
            Err(_) => {
                tracing::warn!(timeout_ms = limit.as_millis(), "the Qdrant server did not answer in time");
                self.silence.goes_on(Instant::now());
                Err(Refusal::Failed(Error::Unavailable))
            }
        };
        let reached = !matches!(outcome, Err(Refusal::Failed(Error::Unavailable)));
        self.reachable.store(reached, Ordering::SeqCst);
        outcome
    }

    /// Asks whether the server answers, and accepts the key.
    pub(super) async fn check(&self, collection: &str) -> Result<(), Error> {
        let request = CollectionExistsRequest { collection_name: collection.to_owned() };
        let answer =
            self.call(Call::Check, || async { self.collections().collection_exists(request.clone()).await });
        answer.await.map(drop).map_err(Refusal::into_error)
    }

    /// Whether the last call reached the server.
    pub(super) fn is_reachable(&self) -> bool {
        self.reachable.load(Ordering::SeqCst) && !self.is_closed()
    }

    /// Whether further calls are refused.
    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    /// Refuses further calls and waits for those under way.
    pub(super) async fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        let all = u32::try_from(self.options.calls.max(1)).unwrap_or(u32::MAX);
        // Each of them ends within its own time, and those that wait for a turn see that it is closed.
        if let Ok(turns) = self.calls.acquire_many(all).await {
            turns.forget();
        }
        self.calls.close();
        self.writes.close();
    }

    /// Looks at the server's version, once for each process that reaches it.
    async fn greet(&self) {
        if self.greeted.load(Ordering::Relaxed) {
            return;
        }
        let mut client = QdrantClient::with_interceptor(self.channel.clone(), self.key.clone())
            .max_decoding_message_size(LONGEST_MESSAGE);
        // Whoever cannot say a version will be found out by the call itself.
        let Ok(reply) = client.health_check(HealthCheckRequest {}).await else { return };
        if self.greeted.swap(true, Ordering::Relaxed) {
            return;
        }
        let version = reply.into_inner().version;
        match parse_version(&version) {
            Some(version) if version >= TENANTS_OWN_STATISTICS => {}
            Some((major, minor)) => tracing::warn!(
                "the Qdrant server has version {major}.{minor}; before 1.19 term statistics are computed over all tenants, so that \
                 one tenant's documents move another's ranking: upgrade it"
            ),
            None => tracing::warn!("the Qdrant server does not say its version; 1.19 or later is needed"),
        }
    }
}

/// Why a call brought no answer.
#[derive(Debug)]
pub(super) enum Refusal {
    /// There is no such collection.
    NoCollection,
    /// It is there already.
    Exists,
    /// Anything else.
    Failed(Error),
}

impl Refusal {
    fn of(status: &Status) -> Self {
        if is_broken(status) {
            tracing::warn!(exception.message = %status, "the Qdrant server cannot be reached");
            return Self::Failed(Error::Unavailable);
        }
        match status.code() {
            Code::NotFound => Self::NoCollection,
            Code::AlreadyExists => Self::Exists,
            // Earlier servers say it so.
            Code::InvalidArgument if status.message().contains("already exists") => Self::Exists,
            Code::Unavailable | Code::ResourceExhausted | Code::DeadlineExceeded | Code::Aborted => {
                tracing::warn!(exception.message = %status.message(), "the Qdrant server is not available");
                Self::Failed(Error::Unavailable)
            }
            Code::Unauthenticated | Code::PermissionDenied => {
                // An operator mends it; until then work waits and nothing is lost.
                tracing::error!("the Qdrant server does not accept the API key");
                Self::Failed(Error::Unavailable)
            }
            code => Self::Failed(Error::Engine(format!("{code:?}: {}", status.message()))),
        }
    }

    /// The error, where a collection that is not there, or there already, is one.
    pub(super) fn into_error(self) -> Error {
        match self {
            Self::NoCollection => Error::Engine("a collection is missing".to_owned()),
            Self::Exists => Error::Engine("a collection is there already".to_owned()),
            Self::Failed(error) => error,
        }
    }
}

/// Whether the status was made on this side, because the connection broke: the server's own have no source.
fn is_broken(status: &Status) -> bool {
    status.source().is_some() && status.code() != Code::OutOfRange
}

fn closed() -> Status {
    Status::unavailable("closed")
}

/// The major and the minor number.
fn parse_version(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.trim_start_matches('v').split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// Puts the API key into every call; never shown.
#[derive(Clone)]
pub(super) struct ApiKey(Option<MetadataValue<Ascii>>);

impl ApiKey {
    fn new(key: Option<&str>) -> Result<Self, Error> {
        let Some(key) = key else { return Ok(Self(None)) };
        let mut value = MetadataValue::try_from(key)
            .map_err(|_| Error::BadAddress("its API key has characters that no header can have"))?;
        value.set_sensitive(true);
        Ok(Self(Some(value)))
    }
}

impl Interceptor for ApiKey {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(key) = &self.0 {
            request.metadata_mut().insert(API_KEY_HEADER, key.clone());
        }
        Ok(request)
    }
}

#[cfg(test)]
mod tests {
    use super::{Connection, parse_version};
    use crate::error::Error;
    use crate::server::ServerOptions;

    #[test]
    fn a_version_is_its_first_two_numbers() {
        for (text, version) in [
            ("1.20.0", Some((1, 20))),
            ("v1.9.2-dev", Some((1, 9))),
            ("2.0", Some((2, 0))),
            ("1", None),
            ("", None),
            ("one.two", None),
            ("1.99999999999", None),
        ] {
            assert_eq!(parse_version(text), version, "{text}");
        }
        assert!((1, 9) < super::TENANTS_OWN_STATISTICS);
    }

    #[tokio::test]
    async fn an_address_that_is_none_is_refused_at_once() {
        for url in ["", "qdrant:6334", "ftp://qdrant:6334", "http://", "https://a b", "http://\u{0}"] {
            let refused = Connection::new(ServerOptions::new(url)).err();
            assert!(matches!(refused, Some(Error::BadAddress(_))), "{url:?}: {refused:?}");
        }
        for url in ["http://qdrant:6334", "https://qdrant.example:6334", "http://[::1]:6334"] {
            Connection::new(ServerOptions::new(url)).map(drop).expect(url);
        }
        let key = Some("two\nlines".to_owned());
        let refused =
            Connection::new(ServerOptions { api_key: key, ..ServerOptions::new("http://qdrant:6334") });
        assert!(matches!(refused.err(), Some(Error::BadAddress(_))));
    }
}
