//! The only place that reads the time of day. Rows take theirs from the database.

use chrono::{DateTime, Utc};

/// Now, in UTC.
#[expect(clippy::disallowed_methods, reason = "this is the clock")]
#[must_use]
pub fn now() -> DateTime<Utc> {
    Utc::now()
}
