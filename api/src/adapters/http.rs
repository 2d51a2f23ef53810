//! The one way out over HTTP: every client has limits in time, follows no redirects and speaks TLS by rustls.

use std::sync::Once;
use std::time::Duration;

/// Limits on one request.
#[derive(Clone, Copy, Debug)]
pub struct HttpLimits {
    /// The longest wait for a connection.
    pub connect: Duration,
    /// The longest silence while an answer is read.
    pub silence: Duration,
    /// The longest request as a whole, its answer included.
    pub total: Duration,
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            silence: Duration::from_secs(20),
            total: Duration::from_mins(1),
        }
    }
}

/// Makes a client.
///
/// # Errors
///
/// A sentence for the operator: the machine's certificates cannot be read.
pub fn client(limits: HttpLimits) -> Result<reqwest::Client, String> {
    use_ring();
    reqwest::Client::builder()
        .connect_timeout(limits.connect)
        .read_timeout(limits.silence)
        .timeout(limits.total)
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("footnote/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| format!("the HTTP client cannot be made: {error}"))
}

/// Chooses the process's cryptography for TLS, once; whoever makes a TLS client of another library calls it first.
pub fn use_ring() {
    static CHOSEN: Once = Once::new();
    CHOSEN.call_once(|| {
        // Somebody else's choice stands; either has everything that is needed.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}
