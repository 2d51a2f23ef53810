//! The keys of one issuer, kept.
//!
//! It guarantees that at most one fetch is under way, that unknown key ids cause at most one a minute whoever sends them, and
//! that keys go on working for a day while the issuer is away. A fetch is a task of its own: a client that gives up ends the
//! waiting, not the fetch.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jsonwebtoken::Algorithm;
use tokio::sync::watch;
use tokio::time::Instant;

use super::fetch::{self, Source};
use super::keys::{Key, KeySet};
use crate::supervisor;

/// How long things hold.
#[derive(Clone, Copy)]
pub(super) struct Timing {
    /// After so long known keys are fetched again, so that one that was withdrawn does not work for ever.
    pub(super) fresh: Duration,
    /// After so long without an answer of the issuer its keys are no longer believed.
    pub(super) stale: Duration,
    /// Between two fetches while there are keys.
    pub(super) pause: Duration,
    /// Between two fetches while there are none.
    pub(super) pause_without_keys: Duration,
}

const TIMING: Timing = Timing {
    fresh: Duration::from_mins(10),
    stale: Duration::from_hours(24),
    pause: Duration::from_mins(1),
    pause_without_keys: Duration::from_secs(5),
};

/// What a search for a key found.
pub(super) enum Found {
    /// The key.
    Key(Arc<Key>),
    /// The issuer has no such key.
    Nothing,
    /// There are no keys, because the issuer cannot be asked.
    Away,
}

#[derive(Default)]
struct State {
    keys: Option<Arc<KeySet>>,
    fetched_at: Option<Instant>,
    asked_at: Option<Instant>,
}

/// The keys of one issuer.
pub(super) struct KeyCache {
    http: reqwest::Client,
    source: Source,
    timing: Timing,
    state: Mutex<State>,
    /// Whether a fetch is under way.
    fetching: watch::Sender<bool>,
}

impl KeyCache {
    /// None yet: the first token fetches them.
    pub(super) fn new(http: reqwest::Client, source: Source) -> Arc<Self> {
        Self::with(http, source, TIMING)
    }

    /// The same, with other times.
    pub(super) fn with(http: reqwest::Client, source: Source, timing: Timing) -> Arc<Self> {
        let (state, fetching) = (Mutex::default(), watch::Sender::new(false));
        Arc::new(Self { http, source, timing, state, fetching })
    }

    /// The key of a token.
    pub(super) async fn find(self: &Arc<Self>, id: Option<&str>, algorithm: Algorithm) -> Found {
        if let Found::Key(key) = self.look(id, algorithm) {
            if self.is_old() {
                // Whoever has a key does not wait for newer ones.
                self.fetch();
            }
            return Found::Key(key);
        }
        self.fetch();
        // The sender lives in this value, so waiting cannot fail.
        let _ = self.fetching.subscribe().wait_for(|fetching| !*fetching).await;
        self.look(id, algorithm)
    }

    fn look(&self, id: Option<&str>, algorithm: Algorithm) -> Found {
        let Some(keys) = self.believed() else { return Found::Away };
        keys.find(id, algorithm).map_or(Found::Nothing, Found::Key)
    }

    fn believed(&self) -> Option<Arc<KeySet>> {
        let state = self.state();
        let is_believed = state.fetched_at.is_some_and(|at| at.elapsed() < self.timing.stale);
        state.keys.clone().filter(|_| is_believed)
    }

    fn is_old(&self) -> bool {
        self.state().fetched_at.is_none_or(|at| at.elapsed() >= self.timing.fresh)
    }

    /// Starts a fetch, unless one is under way or the last one was too recent.
    fn fetch(self: &Arc<Self>) {
        let pause = match self.believed() {
            Some(_) => self.timing.pause,
            None => self.timing.pause_without_keys,
        };
        {
            let mut state = self.state();
            if *self.fetching.borrow() || state.asked_at.is_some_and(|at| at.elapsed() < pause) {
                return;
            }
            state.asked_at = Some(Instant::now());
            // Under the lock: two callers cannot both find that nobody fetches.
            self.fetching.send_replace(true);
        }
        let under_way = UnderWay(self.clone());
        supervisor::spawn("keys of an issuer", async move {
            let cache = &under_way.0;
            match fetch::keys(&cache.http, &cache.source).await {
                Ok(keys) => {
                    let mut state = cache.state();
                    state.keys = Some(Arc::new(keys));
                    state.fetched_at = Some(Instant::now());
                }
                Err(reason) => {
                    tracing::warn!(
                        issuer = cache.source.name(),
                        reason,
                        "the keys of an issuer could not be fetched"
                    );
                }
            }
        });
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says that a fetch has ended, however it did.
struct UnderWay(Arc<KeyCache>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.fetching.send_replace(false);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use axum::Router;
    use axum::extract::State;
    use axum::http::StatusCode;
    use axum::routing::get;
    use futures_util::future::join_all;
    use jsonwebtoken::Algorithm::EdDSA;

    use super::super::fetch::{Source, client};
    use super::{Found, KeyCache, Timing};
    use crate::supervisor::{self, AbortOnDrop};

    /// An issuer that counts its visitors, is slow, and has the key that it is told to have.
    #[derive(Default)]
    struct Issuer {
        visits: AtomicUsize,
        key: std::sync::Mutex<Option<&'static str>>,
    }

    async fn answer(State(issuer): State<Arc<Issuer>>) -> Result<String, StatusCode> {
        issuer.visits.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(50)).await;
        let id = issuer.key.lock().expect("no panic").ok_or(StatusCode::SERVICE_UNAVAILABLE)?;
        // The key of RFC 8037, appendix A.2.
        let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        Ok(format!(r#"{{"keys":[{{"kty":"OKP","crv":"Ed25519","x":"{x}","kid":"{id}"}}]}}"#))
    }

    impl Issuer {
        async fn start(key: &'static str) -> (Arc<Self>, Source, AbortOnDrop<()>) {
            let issuer = Arc::new(Self::default());
            issuer.has(Some(key));
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let address = format!("http://{}/keys", listener.local_addr().expect("an address"));
            let router = Router::new().route("/keys", get(answer)).with_state(issuer.clone());
            let serving = supervisor::spawn("test issuer", async move {
                axum::serve(listener, router).await.expect("served");
            });
            (issuer, Source::Address(address), serving.abort_on_drop())
        }

        fn has(&self, key: Option<&'static str>) {
            *self.key.lock().expect("no panic") = key;
        }

        fn visits(&self) -> usize {
            self.visits.load(Ordering::SeqCst)
        }
    }

    fn timing() -> Timing {
        let (long, none) = (Duration::from_mins(10), Duration::ZERO);
        Timing { fresh: long, stale: long, pause: long, pause_without_keys: none }
    }

    fn cache(source: Source, timing: Timing) -> Arc<KeyCache> {
        KeyCache::with(client().expect("a client"), source, timing)
    }

    async fn word(cache: &Arc<KeyCache>, id: &str) -> &'static str {
        match cache.find(Some(id), EdDSA).await {
            Found::Key(_) => "key",
            Found::Nothing => "nothing",
            Found::Away => "away",
        }
    }

    #[tokio::test]
    async fn two_hundred_tokens_at_once_cause_one_fetch_and_unknown_keys_none_within_the_pause() {
        let (issuer, source, _serving) = Issuer::start("a").await;
        let cache = cache(source, timing());
        let words = join_all((0..200).map(|_| word(&cache, "a"))).await;
        assert!(words.iter().all(|word| *word == "key"), "{words:?}");
        assert_eq!(issuer.visits(), 1);
        let ids: Vec<String> = (0..200).map(|number| format!("unknown-{number}")).collect();
        let words = join_all(ids.iter().map(|id| word(&cache, id))).await;
        assert!(words.iter().all(|word| *word == "nothing"), "{words:?}");
        assert_eq!(issuer.visits(), 1);
    }

    #[tokio::test]
    async fn a_new_key_is_found_after_the_pause_by_one_fetch_of_many_tokens() {
        let (issuer, source, _serving) = Issuer::start("a").await;
        let cache = cache(source, Timing { pause: Duration::from_millis(300), ..timing() });
        assert_eq!(word(&cache, "a").await, "key");
        issuer.has(Some("b"));
        assert_eq!(word(&cache, "b").await, "nothing", "within the pause");
        tokio::time::sleep(Duration::from_millis(350)).await;
        let words = join_all((0..50).map(|_| word(&cache, "b"))).await;
        assert!(words.iter().all(|word| *word == "key"), "{words:?}");
        assert_eq!(issuer.visits(), 2);
        assert_eq!(word(&cache, "a").await, "nothing", "a withdrawn key ends with the fetch");
    }

    #[tokio::test]
    async fn keys_outlive_an_absence_and_are_not_believed_for_ever() {
        let (issuer, source, _serving) = Issuer::start("a").await;
        let stale = Duration::from_millis(500);
        let short = Timing { fresh: Duration::ZERO, stale, pause: Duration::ZERO, ..timing() };
        let cache = cache(source, short);
        assert_eq!(word(&cache, "a").await, "key");
        issuer.has(None);
        assert_eq!(word(&cache, "a").await, "key", "the issuer is away");
        tokio::time::sleep(stale).await;
        assert_eq!(word(&cache, "a").await, "away");
        issuer.has(Some("a"));
        assert_eq!(word(&cache, "a").await, "key", "it came back");
    }

    #[tokio::test]
    async fn a_client_that_gives_up_does_not_end_the_fetch() {
        let (issuer, source, _serving) = Issuer::start("a").await;
        let cache = cache(source, Timing { pause_without_keys: Duration::from_mins(10), ..timing() });
        let hasty = tokio::time::timeout(Duration::from_millis(5), word(&cache, "a")).await;
        assert!(hasty.is_err(), "the issuer is slow");
        assert_eq!(word(&cache, "a").await, "key");
        assert_eq!(issuer.visits(), 1);
    }
}
