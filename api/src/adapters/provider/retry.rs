//! Tries again what may pass in a moment: a few times, with exponential backoff and jitter, within one deadline.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::ProviderFailure;

const MOST_ATTEMPTS: u32 = 4;
const BASE: Duration = Duration::from_millis(200);
/// A provider that asks to wait for longer is left to whoever asked: a job waits better than a request.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Makes the attempt until it succeeds, its failure is not a passing one, or there is no time for another.
///
/// # Errors
///
/// The last attempt's failure; [`ProviderFailure::Timeout`] at the deadline.
pub async fn retrying<T, F>(deadline: Instant, attempt: impl Fn() -> F) -> Result<T, ProviderFailure>
where
    F: Future<Output = Result<T, ProviderFailure>>,
{
    let mut failed = 0;
    loop {
        let failure = match timeout_at(deadline, attempt()).await {
            Ok(Ok(done)) => return Ok(done),
            Ok(Err(failure)) => failure,
            Err(_) => return Err(ProviderFailure::Timeout),
        };
        failed += 1;
        let wait = pause(&failure, failed, rand::random());
        if !failure.passing()
            || failed == MOST_ATTEMPTS
            || wait > LONGEST_WAIT
            || Instant::now() + wait >= deadline
        {
            return Err(failure);
        }
        tokio::time::sleep(wait).await;
    }
}

/// How long to wait after so many failures: what the provider asks for, and a random share of the backoff.
fn pause(failure: &ProviderFailure, failed: u32, random: f64) -> Duration {
    let backoff =
        BASE.saturating_mul(2_u32.saturating_pow(failed.saturating_sub(1))).mul_f64(random.clamp(0.0, 1.0));
    match failure {
        ProviderFailure::RateLimited { retry_after: Some(asked) } => asked.saturating_add(backoff),
        _ => backoff,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{MOST_ATTEMPTS, ProviderFailure, pause, retrying};

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(5)
    }

    #[tokio::test]
    async fn what_passes_is_tried_a_few_times_and_what_does_not_is_said_at_once() {
        for (failure, expected) in [
            (ProviderFailure::Unreachable, MOST_ATTEMPTS),
            (ProviderFailure::Failed(503), MOST_ATTEMPTS),
            (ProviderFailure::Rejected(400), 1),
            (ProviderFailure::Invalid("x"), 1),
            (ProviderFailure::RateLimited { retry_after: Some(Duration::from_secs(11)) }, 1),
            (ProviderFailure::RateLimited { retry_after: Some(Duration::MAX) }, 1),
        ] {
            let attempts = AtomicU32::new(0);
            let outcome: Result<(), _> = retrying(soon(), || async {
                attempts.fetch_add(1, Ordering::Relaxed);
                Err(failure.clone())
            })
            .await;
            assert_eq!((outcome, attempts.into_inner()), (Err(failure), expected));
        }
    }

    #[tokio::test]
    async fn the_deadline_ends_an_attempt() {
        let begun = Instant::now();
        let never = || std::future::pending::<Result<(), _>>();
        let outcome = retrying(begun + Duration::from_millis(50), never).await;
        assert_eq!(outcome, Err(ProviderFailure::Timeout));
        assert!(begun.elapsed() < Duration::from_secs(2));
    }

    #[test]
    fn a_wait_that_was_asked_for_is_never_cut_short() {
        let asked = Duration::from_secs(3);
        let limited = ProviderFailure::RateLimited { retry_after: Some(asked) };
        assert!(pause(&limited, 1, 0.0) >= asked && pause(&limited, 9, 1.0) >= asked);
        assert_eq!(pause(&ProviderFailure::Unreachable, 3, 1.0), Duration::from_millis(800));
    }
}
