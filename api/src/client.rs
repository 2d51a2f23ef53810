//! The client on the other end of a request: where it is, and what its browser keeps for it.
//!
//! The edge fills it in; it holds nothing that a request could claim by itself but what the edge has checked.

use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};

/// Who is on the other end.
#[derive(Clone, Debug, Default)]
pub struct Client {
    /// The address, as far as trusted proxies tell; none inside this process.
    pub address: Option<IpAddr>,
    /// The refresh cookie; none where cookies play no part: on a socket, for programs, and for pages that may not call.
    pub cookie: Option<RefreshCookie>,
}

/// The cookie of a page that may call: what came with the request, and what is to go with the answer.
#[derive(Clone)]
pub struct RefreshCookie {
    presented: Option<String>,
    change: Arc<Mutex<Option<CookieChange>>>,
}

/// What an answer does to the cookie.
#[derive(Clone, PartialEq, Eq)]
pub enum CookieChange {
    /// Keeps a token until a moment.
    Keep(String, DateTime<Utc>),
    /// Takes it away.
    Remove,
}

impl RefreshCookie {
    /// Of a request that came with this value, or without one.
    #[must_use]
    pub fn new(presented: Option<String>) -> Self {
        Self { presented, change: Arc::default() }
    }

    /// What came.
    #[must_use]
    pub fn presented(&self) -> Option<&str> {
        self.presented.as_deref()
    }

    /// Lets the answer change it.
    pub fn change(&self, change: CookieChange) {
        *self.change.lock().unwrap_or_else(PoisonError::into_inner) = Some(change);
    }

    /// What the answer is to do.
    #[must_use]
    pub fn take_change(&self) -> Option<CookieChange> {
        self.change.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl fmt::Debug for RefreshCookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.presented.is_some() { "RefreshCookie(***)" } else { "RefreshCookie(none)" })
    }
}

#[cfg(test)]
mod tests {
    use super::{Client, RefreshCookie};

    #[test]
    fn a_cookie_is_not_shown() {
        let cookie = Some(RefreshCookie::new(Some("secret".to_owned())));
        let shown = format!("{:?}", Client { address: None, cookie });
        assert!(!shown.contains("secret"), "{shown}");
    }
}
