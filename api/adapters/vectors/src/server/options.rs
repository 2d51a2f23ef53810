//! Where a Qdrant server is, and how long it is waited for.

use std::fmt;
use std::time::Duration;

/// Settings of a Qdrant server.
#[derive(Clone)]
pub struct ServerOptions {
    /// Its gRPC address, as `http://qdrant:6334` or `https://qdrant.example:6334`.
    pub url: String,
    /// Its API key; none for a server that asks for none.
    pub api_key: Option<String>,
    /// What the names of its collections begin with, so that several installations can share a server.
    pub prefix: String,
    /// How long making a connection takes at most.
    pub connect_timeout: Duration,
    /// How long a call that reads takes at most.
    pub read_timeout: Duration,
    /// How long a call that writes one batch takes at most.
    pub write_timeout: Duration,
    /// How many calls are under way at most; further ones wait, within their own time.
    pub calls: usize,
    /// How many of them write; further ones wait, so that ingestion does not crowd out searches.
    pub writes: usize,
}

impl ServerOptions {
    /// Settings for an address: 5 seconds to read, 20 to write a batch, 64 calls at once, 4 of which write.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            api_key: None,
            prefix: "footnote".to_owned(),
            connect_timeout: Duration::from_secs(3),
            read_timeout: Duration::from_secs(5),
            write_timeout: Duration::from_secs(20),
            calls: 64,
            writes: 4,
        }
    }
}

impl fmt::Debug for ServerOptions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // An address may hold a password, and the key is one.
        formatter.debug_struct("ServerOptions").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}
