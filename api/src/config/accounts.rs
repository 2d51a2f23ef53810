//! How people sign in, and for how long.

use chrono::TimeDelta;
use clap::{ArgAction, Args};

const ACCESS_SECONDS: u32 = 600;
const IDLE_HOURS: u32 = 14 * 24;
const SESSION_HOURS: u32 = 90 * 24;
const GRACE_SECONDS: u32 = 10;
const WORKSPACES: u32 = 20;

/// Sessions, and what strangers may do.
#[derive(Args, Clone, Debug)]
pub struct AccountSettings {
    /// How long an access token holds, in seconds; signing out ends it at once all the same.
    #[arg(long, env = "FOOTNOTE_ACCESS_TOKEN_SECONDS", default_value_t = ACCESS_SECONDS, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(10..=86_400))]
    pub access_token_seconds: u32,
    /// A session that was not refreshed for so many hours ends.
    #[arg(long, env = "FOOTNOTE_SESSION_IDLE_HOURS", default_value_t = IDLE_HOURS, value_name = "HOURS", value_parser = clap::value_parser!(u32).range(1..=8760))]
    pub session_idle_hours: u32,
    /// A session ends after so many hours, however much it is used.
    #[arg(long, env = "FOOTNOTE_SESSION_HOURS", default_value_t = SESSION_HOURS, value_name = "HOURS", value_parser = clap::value_parser!(u32).range(1..=87_600))]
    pub session_hours: u32,
    /// For so many seconds after its use a refresh token gives the same successor again, as two tabs need; later it ends the session.
    #[arg(long, env = "FOOTNOTE_REFRESH_GRACE_SECONDS", default_value_t = GRACE_SECONDS, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(0..=60))]
    pub refresh_grace_seconds: u32,
    /// Whether only people who showed that their address is theirs sign in; true where SMTP_URL is set, false otherwise.
    #[arg(long, env = "FOOTNOTE_REQUIRE_VERIFIED_EMAIL", action = ArgAction::Set, value_name = "BOOL")]
    pub require_verified_email: Option<bool>,
    /// How many proxies in front of this server append to X-Forwarded-For; with 0 the header is not believed.
    #[arg(long, env = "FOOTNOTE_TRUSTED_PROXIES", default_value_t = 0, value_name = "COUNT", value_parser = clap::value_parser!(u8).range(0..=8))]
    pub trusted_proxies: u8,
    /// How many workspaces one person may own.
    #[arg(long, env = "FOOTNOTE_WORKSPACES_PER_PERSON", default_value_t = WORKSPACES, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    pub workspaces_per_person: u32,
}

impl Default for AccountSettings {
    fn default() -> Self {
        Self {
            access_token_seconds: ACCESS_SECONDS,
            session_idle_hours: IDLE_HOURS,
            session_hours: SESSION_HOURS,
            refresh_grace_seconds: GRACE_SECONDS,
            require_verified_email: None,
            trusted_proxies: 0,
            workspaces_per_person: WORKSPACES,
        }
    }
}

impl AccountSettings {
    /// How long an access token holds.
    #[must_use]
    pub fn access_token(&self) -> TimeDelta {
        TimeDelta::seconds(i64::from(self.access_token_seconds))
    }

    /// How long a session may be idle.
    #[must_use]
    pub fn idle(&self) -> TimeDelta {
        TimeDelta::hours(i64::from(self.session_idle_hours))
    }

    /// How long a session may last.
    #[must_use]
    pub fn session(&self) -> TimeDelta {
        TimeDelta::hours(i64::from(self.session_hours))
    }

    /// The grace window.
    #[must_use]
    pub fn grace(&self) -> TimeDelta {
        TimeDelta::seconds(i64::from(self.refresh_grace_seconds))
    }
}
