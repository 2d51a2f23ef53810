//! Percentiles of latencies: exact, from every latency that was measured.

use std::time::Duration;

use serde::Serialize;

use super::rounded;

/// Latencies, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Latencies {
    /// Half of them took no longer.
    pub p50_ms: f64,
    /// All but a hundredth of them took no longer.
    pub p99_ms: f64,
    /// The longest.
    pub max_ms: f64,
}

impl Latencies {
    /// Of these, in any order; zero where there are none.
    pub(super) fn of(mut latencies: Vec<Duration>) -> Self {
        latencies.sort_unstable();
        let at = |percent: usize| milliseconds(percentile(&latencies, percent));
        Self { p50_ms: at(50), p99_ms: at(99), max_ms: at(100) }
    }
}

/// The smallest value that so many percent of all do not exceed (the nearest rank).
fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

fn milliseconds(duration: Duration) -> f64 {
    rounded(duration.as_secs_f64() * 1000.0)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Latencies;

    fn of(milliseconds: impl Iterator<Item = u64>) -> (f64, f64, f64) {
        let Latencies { p50_ms, p99_ms, max_ms } =
            Latencies::of(milliseconds.map(Duration::from_millis).collect());
        (p50_ms, p99_ms, max_ms)
    }

    #[test]
    fn a_percentile_is_one_of_the_latencies_whatever_their_order() {
        assert_eq!(of((1..=100).rev()), (50.0, 99.0, 100.0));
        assert_eq!(of((1..=1000).rev()), (500.0, 990.0, 1000.0));
        assert_eq!(of([7, 3, 5].into_iter()), (5.0, 7.0, 7.0));
        assert_eq!(of(std::iter::once(4)), (4.0, 4.0, 4.0));
        assert_eq!(of(std::iter::empty()), (0.0, 0.0, 0.0));
    }
}
