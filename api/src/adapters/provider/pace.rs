//! A pace: at most so many requests a minute, evenly, over everything that one process asks of one provider.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::ProviderFailure;

/// Hands out turns, one after another. All tenants share it, as they share the provider's own limit.
#[derive(Debug)]
pub struct Pace {
    every: Duration,
    next: Mutex<Instant>,
}

impl Pace {
    /// So many turns a minute; none where that is zero.
    #[must_use]
    pub fn per_minute(turns: u32) -> Option<Self> {
        let every = Duration::from_mins(1).checked_div(turns)?;
        Some(Self { every, next: Mutex::new(Instant::now()) })
    }

    /// Waits for the next turn.
    ///
    /// # Errors
    ///
    /// [`ProviderFailure::RateLimited`], at once and without taking a turn, where it comes after the deadline.
    pub async fn turn(&self, deadline: Instant) -> Result<(), ProviderFailure> {
        let turn = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            let turn = (*next).max(now);
            if turn >= deadline {
                return Err(ProviderFailure::RateLimited { retry_after: Some(turn - now) });
            }
            *next = turn + self.every;
            turn
        };
        tokio::time::sleep_until(turn).await;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{Pace, ProviderFailure};

    #[tokio::test]
    async fn turns_are_spread_evenly_and_one_past_the_deadline_is_refused_at_once() {
        let pace = Pace::per_minute(1200).expect("a pace");
        let begun = Instant::now();
        for _ in 0..3 {
            pace.turn(begun + Duration::from_secs(5)).await.expect("a turn");
        }
        assert!(begun.elapsed() >= Duration::from_millis(100), "two pauses of 50 ms");
        let slow = Pace::per_minute(1).expect("a pace");
        let soon = Instant::now() + Duration::from_millis(20);
        slow.turn(soon).await.expect("the first turn is now");
        let refused = slow.turn(soon).await.expect_err("the second is in a minute");
        assert!(
            matches!(refused, ProviderFailure::RateLimited { retry_after: Some(wait) } if wait.as_secs() > 50)
        );
        assert!(Pace::per_minute(0).is_none());
    }
}
