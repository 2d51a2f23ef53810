//! What is done about a server that says nothing: after a few calls that waited in vain, most of the next ones do not wait.
//!
//! While the server is silent one call a second tries; the others are refused at once, so that neither searches nor workers
//! stand in line for it. A single slow call changes nothing, and any answer ends it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How many calls in a row wait in vain before the next ones do not.
const PATIENCE: u32 = 3;
/// How often one tries nevertheless.
const TRY_EVERY: Duration = Duration::from_secs(1);

/// How long the server has said nothing.
#[derive(Default)]
pub(super) struct Silence(Mutex<Heard>);

#[derive(Default)]
struct Heard {
    in_vain: u32,
    next_try: Option<Instant>,
}

impl Silence {
    /// Whether a call may try now; the one that may is the only one for a while.
    pub(super) fn may_try(&self, now: Instant) -> bool {
        let mut heard = self.lock();
        if heard.in_vain < PATIENCE {
            return true;
        }
        let due = heard.next_try.is_none_or(|next| next <= now);
        if due {
            heard.next_try = Some(now + TRY_EVERY);
        }
        due
    }

    /// A call waited in vain.
    pub(super) fn goes_on(&self, now: Instant) {
        let mut heard = self.lock();
        heard.in_vain = heard.in_vain.saturating_add(1);
        heard.next_try = Some(now + TRY_EVERY);
    }

    /// A call was answered, or its connection broke: the next one learns at once how things are.
    pub(super) fn ends(&self) {
        *self.lock() = Heard::default();
    }

    fn lock(&self) -> MutexGuard<'_, Heard> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::{PATIENCE, Silence, TRY_EVERY};

    #[test]
    fn while_a_server_is_silent_one_call_a_second_tries() {
        let (silence, now) = (Silence::default(), Instant::now());
        for _ in 0..PATIENCE {
            assert!(silence.may_try(now));
            silence.goes_on(now);
        }
        assert!(!silence.may_try(now));
        let later = now + TRY_EVERY;
        assert!(silence.may_try(later), "one tries");
        assert!(!silence.may_try(later), "and only one");
        silence.ends();
        assert!(silence.may_try(later) && silence.may_try(later));
    }
}
